package agentcore

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Running is the call that runs, for its tool: pass Key to a provider that knows idempotency keys.
type Running struct {
	CallID  string // empty: without the gate
	Key     string
	Attempt int
	lost    atomic.Bool
}

// Lost says that the gate has closed the call; its context has ended then.
func (r *Running) Lost() bool { return r.lost.Load() }

type runningKey struct{}

// Current is the call of a tool's context; nil elsewhere.
func Current(ctx context.Context) *Running {
	running, _ := ctx.Value(runningKey{}).(*Running)
	return running
}

var (
	errLeft = errors.New("the tool did not stop when it was told to")
	errGone = errors.New("the tool ended its goroutine")
)

// What came of one run of a tool.
type outcome struct {
	value    any
	err      error
	lost     bool
	panicked bool
	reason   any
	stack    []byte
	stop     func() // of a stream: ends its context and its heartbeat
}

// run runs a tool in a goroutine of its own, whose context ends where the caller gives up or the gate has closed the call.  One that does not stop
// then is left behind.
func (g *Gate) run(ctx context.Context, r *request, running *Running, keep bool, work func(context.Context) (any, error)) outcome {
	inner, cancel := context.WithCancel(context.WithValue(ctx, runningKey{}, running))
	stop := cancel
	if running.CallID != "" {
		stopBeating := g.heartbeat(r, running.CallID, func() {
			running.lost.Store(true)
			cancel()
		})
		stop = func() { stopBeating(); cancel() }
	}
	done := make(chan outcome, 1)
	go func() {
		out := outcome{err: errGone}
		defer func() {
			if reason := recover(); reason != nil {
				out = outcome{err: errors.New("the tool panicked"), panicked: true, reason: reason, stack: debug.Stack()}
			}
			done <- out
		}()
		value, err := work(inner)
		out = outcome{value: value, err: err}
	}()
	var out outcome
	select {
	case out = <-done:
	case <-inner.Done():
		select {
		case out = <-done:
		case <-time.After(g.rules.CancelWait):
			out.err = errLeft
		}
	}
	out.lost, out.stop = running.Lost(), stop
	if !keep || out.err != nil {
		stop()
	}
	return out
}
