// Package agentcore is the loop around a tool or a model: ask, run, settle.
//
//	pool, err := agentcore.Connect("dbname=app", nil)
//	gate := agentcore.New(agentcore.Over(pool), agentcore.Rules{Agent: "researcher"})
//	result, err := gate.Call(ctx, "web__fetch", args, fetch, &agentcore.Options{Key: "toolu_01"})
//	show(result.Content())
package agentcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rules say how a gate behaves.  What is zero is the default; a negative time is none.
type Rules struct {
	// Of calls that name none.
	Agent, Tenant, Task string
	// Hears decisions of people; without it they are looked for.
	Listen Listener
	// Tools that run although the database is away; "read_*" means all that begin so.
	FailOpen []string
	// Bytes of a result that is kept: 1 MB.
	MaxResult int
	// All waits of one call, for time and for retries: 30 s; and for people: 300 s.
	MaxWait, ApprovalWait time.Duration
	// Pause before the first look for a decision; they grow to 15 s: 500 ms.
	FirstLook time.Duration
	// A begin (5 s), a settlement (30 s) whose database is away.
	Reconnect, SettleWait time.Duration
	// A tool that was told to stop (5 s); one statement (20 s).
	CancelWait, AnswerWait time.Duration
	// Without a heartbeat for so long, the worker counts as dead: 60 s.
	Lease time.Duration
	// A tool's error is in its Result only.
	ErrorsAsResults bool
	// nil: the standard log.
	Log func(level, message string)
}

func logged(level, message string) { log.Printf("agentcore: %s: %s", level, message) }

func (r *Rules) fill() {
	if r.MaxResult == 0 {
		r.MaxResult = 1 << 20
	}
	for _, one := range []struct {
		is      *time.Duration
		without time.Duration
	}{
		{&r.MaxWait, 30 * time.Second}, {&r.ApprovalWait, 300 * time.Second}, {&r.FirstLook, 500 * time.Millisecond},
		{&r.Reconnect, 5 * time.Second}, {&r.SettleWait, 30 * time.Second}, {&r.CancelWait, 5 * time.Second}, {&r.AnswerWait, 20 * time.Second},
		{&r.Lease, time.Minute},
	} {
		if *one.is == 0 {
			*one.is = one.without
		}
	}
	if r.Log == nil {
		r.Log = logged
	}
}

// Gate asks before a tool runs, and settles afterwards.  It may be used by many goroutines.
type Gate struct {
	db        Database
	rules     Rules
	approvals *approvals
	lock      sync.Mutex
	counts    map[string]int
}

// New makes a Gate.
func New(db Database, rules Rules) *Gate {
	rules.fill()
	return &Gate{db: db, rules: rules, counts: map[string]int{},
		approvals: &approvals{listener: rules.Listen, log: rules.Log, waiting: map[string]map[chan struct{}]bool{}}}
}

// Close stops listening.  The pool is its owner's.
func (g *Gate) Close() { g.approvals.close() }

func (g *Gate) count(what string) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.counts[what]++
}

// Counts is what became of calls, by verdict, and what went wrong: failed, unavailable, fail_open, lost, unsettled, conflict.
func (g *Gate) Counts() map[string]int {
	g.lock.Lock()
	defer g.lock.Unlock()
	counts := make(map[string]int, len(g.counts))
	for what, n := range g.counts {
		counts[what] = n
	}
	return counts
}

func (g *Gate) opens(tool string) bool {
	for _, name := range g.rules.FailOpen {
		if name == tool || strings.HasSuffix(name, "*") && strings.HasPrefix(tool, name[:len(name)-1]) {
			return true
		}
	}
	return false
}

// Call asks for the call, runs fn with the arguments that the gate returned, and settles it.  args: the model's own text, or what json.Marshal takes.
//
// A refusal is a Result that is not OK.  An error is ErrUnavailable, a *GateError, the context's where the caller gave up, or the tool's own
// when it failed for good; with that one comes the Result too.
func (g *Gate) Call(ctx context.Context, tool string, args any, fn Tool, options *Options) (*Result, error) {
	if options == nil {
		options = &Options{}
	}
	r, err := g.toolRequest(tool, args, fn, *options)
	if err != nil {
		return nil, err
	}
	return g.call(ctx, r, nil, false)
}

// Model is a call of a model: fn sends the request to the model that it is given, and returns the provider's response, whose usage is charged.  The request
// only says what the call may cost.
func (g *Gate) Model(ctx context.Context, model string, request any, fn func(ctx context.Context, model string) (any, error), options *ModelOptions) (*Result, error) {
	r, err := g.modelRequest(model, request, fn, options)
	if err != nil {
		return nil, err
	}
	return g.call(ctx, r, nil, false)
}

// Many runs the calls of one turn of a model, as its provider sent them (a message, a response, a list, or their JSON), at the same time:
// a Result each, in their order, with the provider's id.  keyPrefix stands before the provider's ids in the keys.  Its error says that the gate
// could not be asked at all, or that the caller gave up; what else went wrong is in the Results.
func (g *Gate) Many(ctx context.Context, calls any, fns map[string]Tool, keyPrefix string, options *Options) ([]*Result, error) {
	turn, err := g.newTurn(calls, fns, keyPrefix, options)
	if err != nil || len(turn) == 0 {
		return nil, err
	}
	rows, err := g.beginMany(ctx, turn)
	if err != nil && !errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	results := make([]*Result, len(turn))
	var wait sync.WaitGroup
	var panicked panicking
	for place := range turn {
		wait.Add(1)
		go func(place int) {
			defer wait.Done()
			defer panicked.keep()
			result, err := g.call(ctx, turn[place].request, rows[place], false)
			results[place] = ofError(turn[place].request, result, err)
			results[place].ID = turn[place].id
		}(place)
	}
	wait.Wait()
	panicked.again()
	return results, ctx.Err()
}

// In a turn an error is a Result: the other calls have theirs too.
func ofError(r *request, result *Result, err error) *Result {
	switch {
	case result != nil:
	case errors.Is(err, ErrUnavailable):
		result = &Result{Verdict: "unavailable", Reason: "unavailable",
			Feedback: fmt.Sprintf("%q cannot be called now. Go on without it, or try again later.", r.name)}
	default:
		result = &Result{Verdict: "deny", Reason: "error", Feedback: clean(err.Error())}
	}
	if result.Err == nil {
		result.Err = err
	}
	result.Tool = r.name
	return result
}

// Tools is the tools that the agent may call, in its provider's form (openai_chat, openai_responses, anthropic, gemini, mcp): what the next request
// to the model takes.
func (g *Gate) Tools(ctx context.Context, agent, format string, strict bool) (json.RawMessage, error) {
	if agent = first(agent, g.rules.Agent); agent == "" {
		return nil, &GateError{Message: "no agent: name one here or in Rules"}
	}
	p := parameters{"agent": just(clean(agent)), "format": just(clean(first(format, "openai_chat"))), "strict": just(strconv.FormatBool(strict)), "tenant": just(clean(g.rules.Tenant))}
	rows, err := g.asked(ctx, ask{toolsFor, p}, "the tools of "+agent)
	if err != nil {
		return nil, err
	}
	return raw(rows[0]["tools"]), nil
}
