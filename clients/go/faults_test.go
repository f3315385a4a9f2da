package agentcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"sync"
	"testing"
	"time"
)

// The database, or the way to it, fails: before a statement, after it, while the tool runs, for good.

func (b *bench) runsOnce(rules Rules) *Result {
	b.Helper()
	result := b.call(b.gate(rules), b.pay, map[string]int{"n": 1}, b.does(b.pay, "done"), nil)
	equal(b.T, []any{result.OK, result.Value, result.Attempts, b.proxy.uses(), b.permits()}, []any{true, "done", 1, 1, []string{"committed 1"}})
	return result
}

func TestAStatementIsLost(t *testing.T) {
	for _, one := range []struct{ word, how, detail, settled string }{
		{"call_begin", "before", "", "committed"}, {"call_begin", "after", "yours", "committed"}, {"call_begin", "stall", "yours", "committed"},
		{"call_commit", "before", "", "committed"}, {"call_commit", "after", "", "replayed"}, {"call_commit", "stall", "", "replayed"},
	} {
		b := newBench(t)
		b.proxy.drop(one.word, one.how)
		rules := Rules{}
		if one.how == "stall" {
			rules.AnswerWait = 500 * time.Millisecond
		}
		result := b.runsOnce(rules)
		equal(t, []string{result.Detail, result.Settled}, []string{one.detail, one.settled})
	}
}

func TestAFailureIsToldAgain(t *testing.T) {
	for _, how := range []string{"before", "after"} {
		b := newBench(t)
		b.twice = true
		b.proxy.drop("call_fail", how)
		result := b.call(b.gate(Rules{}), b.look, nil, b.does(b.look, "done", status(503)), nil)
		equal(t, []any{result.Value, result.Attempts, b.proxy.uses()}, []any{"done", 2, 1})
	}
	b := newBench(t)
	b.proxy.drop("call_fail", "after")
	result := b.call(b.gate(Rules{ErrorsAsResults: true}), b.look, nil, b.does(b.look, "done", status(404)), nil)
	equal(t, []any{result.OK, result.Settled, b.permits()}, []any{false, "failed", []string{"failed 1"}})
}

const leaseOf = `SELECT lease_until FROM agentcore.permits WHERE permit = $1`

func TestALongToolKeepsItsLease(t *testing.T) {
	b := newBench(t)
	b.proxy.drop("call_extend", "before")
	b.proxy.drop("call_extend", "after")
	result := b.call(b.gate(Rules{Lease: time.Second}), b.pay, nil, b.does(b.pay, func(ctx context.Context, _ json.RawMessage) (any, error) {
		for i := 0; i < 2; i++ {
			before := admin1(t, leaseOf, Current(ctx).CallID)
			until(t, func() bool { return admin1(t, leaseOf, Current(ctx).CallID) != before })
		}
		return "kept", nil
	}), nil)
	equal(t, []any{result.Value, result.Settled, b.proxy.uses()}, []any{"kept", "committed", 2})
}

func TestACallThatWasClosedMeanwhileIsGivenUp(t *testing.T) {
	b := newBench(t)
	for _, heeds := range []bool{true, false} {
		g := b.gate(Rules{Lease: 300 * time.Millisecond})
		result := b.call(g, b.look, nil, b.does(b.look, func(ctx context.Context, _ json.RawMessage) (any, error) {
			admin(t, `SELECT * FROM agentcore.call_fail($1, 400)`, Current(ctx).CallID)
			<-ctx.Done()
			equal(t, Current(ctx).Lost(), true)
			if heeds {
				return nil, ctx.Err()
			}
			return "too late", nil
		}), nil)
		equal(t, []any{result.OK, result.Reason == "closed", result.Settled == "conflict", g.Counts()["lost"]}, []any{!heeds, heeds, !heeds, 1})
	}
}

func TestFailsClosed(t *testing.T) {
	b := newBench(t)
	g := b.gate(Rules{Reconnect: 300 * time.Millisecond, FailOpen: []string{"loo*"}})
	b.proxy.refuse(true)
	_, err := g.Call(ctx, b.pay, nil, b.never, nil)
	equal(t, []any{errors.Is(err, ErrUnavailable), g.Counts()["unavailable"]}, []any{true, 1})
	result := b.call(g, b.look, `{"n": 1}`, func(ctx context.Context, args json.RawMessage) (any, error) {
		return string(args) + Current(ctx).CallID, nil
	}, nil)
	equal(t, []any{result.OK, result.Verdict, result.Value, g.Counts()["fail_open"]}, []any{true, "open", `{"n": 1}`, 1})
	equal(t, b.logged("runs without it"), true)
	gone := status(500)
	_, err = g.Call(ctx, b.look, nil, func(context.Context, json.RawMessage) (any, error) { return nil, gone }, nil)
	equal(t, err, gone)
	turn := []any{members{"type": "tool_use", "id": "1", "name": b.look, "input": members{}}, members{"type": "tool_use", "id": "2", "name": b.pay, "input": members{}}}
	results, err := g.Many(ctx, turn, map[string]Tool{b.look: func(context.Context, json.RawMessage) (any, error) { return "open", nil }, b.pay: b.never}, "", nil)
	equal(t, []any{err, results[0].Verdict, results[1].Verdict, results[1].ID}, []any{nil, "open", "unavailable", "2"})
	equal(t, b.permits(), []string{})
}

func TestABeginWaitsForADatabaseThatComesBack(t *testing.T) {
	b := newBench(t)
	b.proxy.refuse(true)
	g := b.gate(Rules{Reconnect: 120 * time.Second})
	time.AfterFunc(300*time.Millisecond, func() { b.proxy.refuse(false) })
	equal(t, b.call(g, b.pay, nil, b.does(b.pay, "x"), nil).Settled, "committed")
}

func TestASettlementThatCannotBeTold(t *testing.T) {
	b := newBench(t)
	g := b.gate(Rules{SettleWait: 200 * time.Millisecond})
	result := b.call(g, b.pay, nil, b.does(b.pay, func(context.Context, json.RawMessage) (any, error) {
		b.proxy.refuse(true)
		return "done", nil
	}), nil)
	equal(t, []any{result.OK, result.Value, result.Settled, g.Counts()["unsettled"]}, []any{true, "done", "", 1})
	equal(t, admin1(t, `SELECT agentcore.call_commit($1)`, result.CallID), "committed")
}

func TestTheServerIsAwayWhileTheToolRuns(t *testing.T) {
	for name, gone := range map[string]func(){
		"restart": func() { cluster(t, "restart") },
		"crash":   func() { cluster(t, "crash"); cluster(t, "restart") },
		"backends": func() {
			admin(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`)
		},
	} {
		b := newBench(t)
		result := b.call(b.gate(Rules{SettleWait: 300 * time.Second}), b.pay, nil, b.does(b.pay, func(context.Context, json.RawMessage) (any, error) {
			gone()
			return name, nil
		}), nil)
		equal(t, []any{result.Value, result.Settled}, []any{name, "committed"})
	}
}

// Workers get the same jobs, twice each, while connections are lost at every statement.
func TestABadDay(t *testing.T) {
	b := newBench(t)
	walk := rand.New(rand.NewSource(1))
	jobs := make(chan int, 50)
	for job := 0; job < 50; job++ {
		jobs <- job % 25
	}
	close(jobs)
	var lock sync.Mutex
	var wait sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		wait.Add(1)
		g := b.gate(Rules{MaxWait: 600 * time.Second, Reconnect: 60 * time.Second})
		go func() {
			defer wait.Done()
			for job := range jobs {
				lock.Lock()
				if walk.Intn(2) == 0 {
					b.proxy.drop([]string{"call_begin", "call_commit"}[walk.Intn(2)], []string{"before", "after"}[walk.Intn(2)])
				}
				if walk.Intn(10) == 0 {
					b.proxy.cut()
				}
				lock.Unlock()
				result, err := g.Call(ctx, b.pay, map[string]int{"n": job}, b.does(b.pay, job), &Options{Key: fmt.Sprintf("%s-%d", b.agent, job)})
				if err != nil || result.Content() != fmt.Sprint(job) {
					t.Errorf("job %d: %v %+v", job, err, result)
				}
			}
		}()
	}
	wait.Wait()
	equal(t, []any{len(b.done()), len(b.permits()), admin1(t, `SELECT used_calls FROM agentcore.budget_status WHERE budget = $1`, b.agent)}, []any{25, 25, "25"})
}
