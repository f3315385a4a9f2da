package agentcore

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"time"
)

// The rules of a call: begin, run, settle.  A call is settled on every way out of here: committed, failed, or released where it never ran.
// What can be lost is an answer: then the same is asked again, which the gate answers as before (same key and holder, same call id).

func (g *Gate) ask(ctx context.Context, a ask) ([]Row, error) {
	ctx, cancel := lingering(ctx, g.rules.AnswerWait, g.rules.CancelWait)
	defer cancel()
	return g.db.Ask(ctx, a.text, a.values(a.parameters))
}

func between(tries int) time.Duration {
	if tries > 5 {
		tries = 5
	}
	pause := 50 * time.Millisecond << tries
	if pause > time.Second {
		pause = time.Second
	}
	return time.Duration(float64(pause) * (0.5 + rand.Float64()/2))
}

// asked is the rows of a question that may be repeated, for as long as the database may be away.
func (g *Gate) asked(ctx context.Context, a ask, what string) ([]Row, error) {
	deadline := time.Now().Add(g.rules.Reconnect)
	for tries := 0; ; tries++ {
		rows, err := g.ask(ctx, a)
		if err == nil && len(rows) == 0 {
			err = &GateError{Message: "no answer about " + what}
		}
		if err == nil || !mayAgain(err) {
			return rows, err
		}
		if !time.Now().Before(deadline) {
			if !isAway(err) {
				return nil, err
			}
			g.count("unavailable")
			return nil, &unavailable{what, err}
		}
		if gaveUp := sleep(ctx, between(tries)); gaveUp != nil {
			return nil, gaveUp
		}
	}
}

// begin is the gate's row.  Where the answer is lost, key and holder get the same one: run, detail "yours".
func (g *Gate) begin(ctx context.Context, r *request) (Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows, err := g.asked(ctx, r.begin, r.name)
	if ctx.Err() == nil {
		if err != nil {
			return nil, err
		}
		return rows[0], nil
	}
	if err != nil {
		g.giveBackUnseen(ctx, r)
	} else if rows[0].runs() {
		g.settle(ctx, r.release(rows[0].text("call_id")), rows[0].text("call_id"))
	}
	return nil, ctx.Err()
}

// The caller gave up while the gate was asked: what it began nobody is going to run.
func (g *Gate) giveBackUnseen(ctx context.Context, r *request) {
	rows, err := g.ask(detach(ctx), r.begin)
	if err != nil {
		g.rules.Log("warning", fmt.Sprintf("call %s of %s may stay open until its lease ends: %v", r.key, r.name, err))
	} else if len(rows) > 0 && rows[0].runs() {
		g.settle(ctx, r.release(rows[0].text("call_id")), rows[0].text("call_id"))
	}
}

// settle is the row of a settlement; nil where the gate could not be told: then the end of the lease ends the
// call.  A caller that gives up meanwhile does so afterwards.
func (g *Gate) settle(ctx context.Context, a ask, callID string) Row {
	ctx = detach(ctx)
	deadline := time.Now().Add(g.rules.SettleWait)
	for tries := 0; ; tries++ {
		rows, err := g.ask(ctx, a)
		if err == nil && len(rows) > 0 {
			return rows[0]
		}
		if !mayAgain(err) || !time.Now().Before(deadline) {
			g.count("unsettled")
			g.rules.Log("error", fmt.Sprintf("call %s could not be settled: %v", callID, err))
			return nil
		}
		_ = sleep(ctx, between(tries))
	}
}

// heartbeat extends the lease while the tool runs; closed() where the gate has closed the call.  What it returns ends it.
func (g *Gate) heartbeat(r *request, callID string, closed func()) (stop func()) {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		tries := 0
		for pause := r.lease / 3; sleep(ctx, pause) == nil; {
			rows, err := g.ask(context.Background(), r.extend(callID))
			if err != nil {
				// the lease may end meanwhile; the gate takes a late answer too, so the tool goes on
				g.rules.Log("warning", fmt.Sprintf("no heartbeat of call %s: %v", callID, err))
				pause = between(tries)
				tries++
				continue
			}
			pause, tries = r.lease/3, 0
			if rows[0].text("outcome") == "closed" && ctx.Err() == nil {
				g.count("lost")
				g.rules.Log("warning", fmt.Sprintf("the gate has closed call %s of %s while it ran", callID, r.name))
				closed()
				return
			}
		}
	}()
	return stop
}

// One call on its way: what it has waited for, and what it holds.
type calling struct {
	gate     *Gate
	request  *request
	keep     bool // the caller settles what succeeded, see opened
	left     time.Duration
	people   time.Duration
	look     time.Duration
	waits    map[string]int
	attempts int
	held     string // a call that is ours and not settled
	failed   *Result
}

// call is a whole call.  row: the gate's answer where it was asked already.
func (g *Gate) call(ctx context.Context, r *request, row Row, keep bool) (*Result, error) {
	c := &calling{gate: g, request: r, keep: keep, left: g.rules.MaxWait, people: g.rules.ApprovalWait, look: g.rules.FirstLook, waits: map[string]int{}}
	defer func() {
		if c.held != "" {
			g.settle(ctx, r.release(c.held), c.held)
		}
	}()
	for ; ; row = nil {
		if row == nil {
			var err error
			if row, err = g.begin(ctx, r); err != nil {
				if errors.Is(err, ErrUnavailable) && r.open != nil && g.opens(r.name) {
					return c.runOpen(ctx)
				}
				return nil, err
			}
		}
		switch row.text("verdict") {
		case "run":
			result, delay, again, err := c.ours(ctx, row)
			if !again {
				return c.finish(result, err)
			}
			c.failed = result
			if !c.spend(delay) {
				return c.finish(result, nil)
			}
			if err := sleep(ctx, delay); err != nil {
				return nil, err
			}
		case "wait":
			patient, err := c.wait(ctx, row)
			if err != nil {
				return nil, err
			}
			if !patient {
				if c.failed != nil {
					return c.finish(c.failed, nil)
				}
				return c.finish(ofRow(row), nil)
			}
		default:
			return c.finish(ofRow(row), nil)
		}
	}
}

func (c *calling) spend(pause time.Duration) bool {
	c.left -= pause
	return c.left >= 0
}

// ours runs what the gate let run.
func (c *calling) ours(ctx context.Context, row Row) (result *Result, delay time.Duration, again bool, err error) {
	c.held = row.text("call_id")
	if err := ctx.Err(); err != nil {
		return nil, 0, false, err
	}
	if c.request.run == nil {
		return &Result{Verdict: "deny", Reason: "unknown_tool", CallID: c.held, Settled: "released",
			Feedback: fmt.Sprintf("There is no tool %q here.", c.request.name)}, 0, false, nil
	}
	c.attempts++
	return c.attempt(ctx, row)
}

// wait waits for time or for people: false where patience is over.
func (c *calling) wait(ctx context.Context, row Row) (bool, error) {
	c.waits[row.text("reason")]++
	if approval := row.text("approval"); approval != "" && row.text("reason") == "approval_required" {
		pause := c.look
		if pause > c.people {
			pause = c.people
		}
		if pause <= 0 {
			return false, nil
		}
		c.people -= pause
		if c.look < 15*time.Second {
			c.look = c.look * 8 / 5
		}
		return true, c.gate.approvals.wait(ctx, approval, pause)
	}
	pause := time.Duration(float64(row.number("retry_after_ms", 100))*(1+rand.Float64()/5)) * time.Millisecond
	if pause < 5*time.Millisecond {
		pause = 5 * time.Millisecond
	}
	if !c.spend(pause) {
		return false, nil
	}
	return true, sleep(ctx, pause)
}

// attempt runs the tool once and settles.
func (c *calling) attempt(ctx context.Context, row Row) (result *Result, delay time.Duration, again bool, err error) {
	g, r, callID := c.gate, c.request, c.held
	result = &Result{OK: true, Verdict: "run", CallID: callID, Args: raw(row["args"]), Approval: row.text("approval"), Model: row.text("model"),
		Enforced: row.text("enforced") == "t", Audit: audited(row), Detail: row.text("detail"), Feedback: row.text("feedback")}
	running := &Running{CallID: callID, Key: r.key, Attempt: row.number("attempt", 1)}
	out := g.run(ctx, r, running, c.keep, func(ctx context.Context) (any, error) { return r.run(ctx, row) })
	c.held = "" // from here on the call is settled as what it came to
	if out.err != nil {
		return c.attemptFailed(ctx, result, out)
	}
	if c.keep {
		result.Value = &opened{out.value, out.stop}
		return result, 0, false, nil
	}
	result.Value = out.value
	result.Settled = g.commit(ctx, r, callID, out.value)
	return result, 0, false, nil
}

func (g *Gate) commit(ctx context.Context, r *request, callID string, value any) string {
	row := g.settle(ctx, r.commit(callID, value), callID)
	outcome := row.text("outcome")
	if outcome == "conflict" {
		g.count("conflict")
		g.rules.Log("error", fmt.Sprintf("call %s of %s was settled otherwise meanwhile: its work may have been done twice", callID, r.name))
	}
	return outcome
}

func (c *calling) attemptFailed(ctx context.Context, result *Result, out outcome) (*Result, time.Duration, bool, error) {
	g, r := c.gate, c.request
	gaveUp := ctx.Err()
	told := cancelled
	if gaveUp == nil && !out.lost {
		told = failed(out.err)
	}
	advice := g.settle(ctx, r.fail(result.CallID, told), result.CallID)
	if out.panicked {
		g.rules.Log("error", fmt.Sprintf("call %s of %s: the tool panicked: %v\n%s", result.CallID, r.name, out.reason, out.stack))
		panic(out.reason)
	}
	result.OK, result.Feedback = false, clean(out.err.Error())
	if advice != nil {
		result.Settled, result.Advice, result.Reason = "failed", advice.text("action"), advice.text("reason")
	}
	if gaveUp != nil {
		if result.Advice == "retry" {
			g.settle(ctx, r.release(result.CallID), result.CallID)
		}
		return nil, 0, false, gaveUp
	}
	if out.lost {
		result.Reason, result.Feedback = "closed", fmt.Sprintf("The call of %q was ended while it ran.", r.name)
		return result, 0, false, nil
	}
	result.Err = out.err
	if advice == nil {
		return result, 0, false, nil
	}
	delay := time.Duration(advice.number("delay_ms", 0)) * time.Millisecond
	if result.Advice != "retry" {
		return result, 0, false, nil
	}
	c.held = result.CallID
	if r.fallback {
		delay = 0 // another model may go on at once; the gate says when it may not
	}
	return result, delay, true, nil
}

// runOpen runs a tool that may without the gate.
func (c *calling) runOpen(ctx context.Context) (*Result, error) {
	g, r := c.gate, c.request
	g.count("fail_open")
	g.rules.Log("warning", fmt.Sprintf("the gate is away: %s runs without it", r.name))
	out := g.run(ctx, r, &Running{Key: r.key, Attempt: 1}, c.keep, r.open)
	if out.panicked {
		panic(out.reason)
	}
	if err := ctx.Err(); err != nil && out.err != nil {
		return nil, err
	}
	c.attempts = 1
	result := &Result{OK: out.err == nil, Value: out.value, Verdict: "open", Err: out.err}
	if out.err != nil {
		result.Feedback = clean(out.err.Error())
	} else if c.keep {
		result.Value = &opened{out.value, out.stop}
	}
	return c.finish(result, nil)
}

func (c *calling) finish(result *Result, err error) (*Result, error) {
	if result == nil {
		return nil, err
	}
	result.Tool, result.Attempts, result.Waits = c.request.name, c.attempts, c.waits
	if result.Err == nil {
		c.gate.count(result.Verdict)
		return result, nil
	}
	c.gate.count("failed")
	if c.gate.rules.ErrorsAsResults {
		return result, nil
	}
	return result, result.Err
}
