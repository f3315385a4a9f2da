package agentcore

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// The caller gives up, at every moment of a call.

// cancelled calls in a context that ends when `when` says so.
func (b *bench) cancelled(g *Gate, tool string, fn Tool, when func(cancel func())) {
	b.Helper()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := g.Call(inner, tool, nil, fn, nil)
		done <- err
	}()
	when(cancel)
	if err := <-done; err != context.Canceled {
		b.Errorf("it is %v", err)
	}
}

// hangs until its context ends.
func (b *bench) hangs(tool string, started chan<- bool) Tool {
	return b.does(tool, func(ctx context.Context, _ json.RawMessage) (any, error) {
		started <- true
		<-ctx.Done()
		return nil, ctx.Err()
	})
}

func TestCancelledInTheTool(t *testing.T) {
	b := newBench(t)
	started := make(chan bool, 9)
	for _, tool := range []string{b.look, b.pay} {
		b.cancelled(b.gate(Rules{}), tool, b.hangs(tool, started), func(cancel func()) { <-started; cancel() })
	}
	equal(t, b.permits(), []string{"failed 1", "unknown 1"})
}

func TestCancelledInAToolThatEndsAllTheSame(t *testing.T) {
	b := newBench(t)
	inner, cancel := context.WithCancel(ctx)
	result, err := b.gate(Rules{}).Call(inner, b.pay, nil, b.does(b.pay, func(context.Context, json.RawMessage) (any, error) {
		cancel()
		return "done", nil
	}), nil)
	equal(t, []any{err, result.Value, result.Settled}, []any{nil, "done", "committed"})
}

func TestCancelledInAToolThatDoesNotHeed(t *testing.T) {
	b := newBench(t)
	started, end := make(chan bool, 1), make(chan bool)
	defer close(end)
	b.cancelled(b.gate(Rules{CancelWait: 100 * time.Millisecond}), b.pay, b.does(b.pay, func(context.Context, json.RawMessage) (any, error) {
		started <- true
		<-end
		return nil, nil
	}), func(cancel func()) { <-started; cancel() })
	equal(t, b.permits(), []string{"unknown 1"})
}

// at cancels while the statement is on its way.
func (b *bench) at(word string) func(cancel func()) {
	b.proxy.drop(word, "hold")
	return func(cancel func()) {
		letGo := <-b.proxy.held
		cancel()
		letGo()
	}
}

func TestCancelledWhileTheGateBegins(t *testing.T) {
	b := newBench(t)
	b.cancelled(b.gate(Rules{}), b.pay, b.never, b.at("call_begin"))
	equal(t, b.permits(), []string{"released 1"})
	inner, cancel := context.WithCancel(ctx)
	cancel()
	_, err := b.gate(Rules{}).Call(inner, b.pay, nil, b.never, nil)
	equal(t, []any{err, len(b.permits())}, []any{context.Canceled, 1})
}

func TestCancelledWhileTheGateBeginsAndTheAnswerIsLost(t *testing.T) {
	b := newBench(t)
	b.proxy.drop("call_begin", "after")
	b.cancelled(b.gate(Rules{}), b.pay, b.never, b.at("call_begin"))
	equal(t, b.permits(), []string{"released 1"})
}

func TestCancelledWhileNoAnswerComes(t *testing.T) {
	b := newBench(t)
	b.proxy.drop("call_begin", "stall")
	b.cancelled(b.gate(Rules{CancelWait: 100 * time.Millisecond}), b.pay, b.never, func(cancel func()) {
		until(t, func() bool { return len(b.permits()) == 1 })
		cancel()
	})
	equal(t, b.permits(), []string{"released 1"})
}

func TestCancelledWhileTheGateCommits(t *testing.T) {
	b := newBench(t)
	inner, cancel := context.WithCancel(ctx)
	go b.at("call_commit")(cancel)
	result, err := b.gate(Rules{}).Call(inner, b.pay, nil, b.does(b.pay, "done"), nil)
	equal(t, []any{err, result.Settled}, []any{nil, "committed"})
}

func TestCancelledWhileTheGateIsToldOfAFailure(t *testing.T) {
	b := newBench(t)
	b.twice = true
	b.cancelled(b.gate(Rules{}), b.look, b.does(b.look, nil, status(503)), b.at("call_fail"))
	equal(t, b.permits(), []string{"released 1"})
}

func TestCancelledWhileItWaits(t *testing.T) {
	b := newBench(t)
	b.twice = true
	admin(t, `SELECT agentcore.tool_set($1, reset => '{retry_policy}')`, b.look)
	admin(t, `SELECT agentcore.tool_set($1, needs_approval => true)`, b.pay)
	b.cancelled(b.gate(Rules{MaxWait: time.Hour}), b.look, b.does(b.look, nil, status(503, "Retry-After", "60")), func(cancel func()) {
		until(t, func() bool { return len(b.permits()) == 1 && b.permits()[0] == "retry 1" })
		cancel()
	})
	equal(t, b.permits(), []string{"released 1"})
	b.cancelled(b.gate(Rules{FirstLook: time.Hour, ApprovalWait: time.Hour}), b.pay, b.never, func(cancel func()) {
		until(t, func() bool {
			return len(admin(t, `SELECT 1 FROM agentcore.approvals WHERE agent = $1`, b.agent)) == 1
		})
		cancel()
	})
}

func TestATimeLimitIsACancellation(t *testing.T) {
	b := newBench(t)
	inner, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err := b.gate(Rules{}).Call(inner, b.look, nil, b.hangs(b.look, make(chan bool, 1)), nil)
	equal(t, errors.Is(err, context.DeadlineExceeded), true)
	b.twice = true // under load the time is over before the tool began
}

func TestCancelledInATurn(t *testing.T) {
	b := newBench(t)
	started := make(chan bool, 4)
	inner, cancel := context.WithCancel(ctx)
	go func() {
		for i := 0; i < 4; i++ {
			<-started
		}
		cancel()
	}()
	_, err := b.gate(Rules{}).Many(inner, b.turn(4), map[string]Tool{b.look: b.hangs(b.look, started)}, "", nil)
	equal(t, []any{err, b.permits()}, []any{context.Canceled, []string{"failed 1", "failed 1", "failed 1", "failed 1"}})
}

func TestCancelledWhileATurnBegins(t *testing.T) {
	for _, lost := range []bool{false, true} {
		b := newBench(t)
		if lost {
			b.proxy.drop("call_begin_many", "after")
		}
		inner, cancel := context.WithCancel(ctx)
		go b.at("call_begin_many")(cancel)
		_, err := b.gate(Rules{}).Many(inner, b.turn(2), map[string]Tool{b.look: b.never}, "", nil)
		equal(t, []any{err, b.permits()}, []any{context.Canceled, []string{"released 1", "released 1"}})
	}
}
