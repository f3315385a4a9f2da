package agentcore

import (
	"context"
	"errors"
	"sync"
)

// Events is a response that comes as events; the streams of openai-go and anthropic-sdk-go are such.
type Events[T any] interface {
	Next() bool
	Current() T
	Err() error
	Close() error
}

// Stream is the events of a model's response: for stream.Next() { use(stream.Current()) }.  Read it to its end, or Close it: its call is settled
// either way, and where its context ends.
type Stream[T any] struct {
	// What became of the call; where it is not OK from the beginning there are no events.  To be read when the stream has ended.
	Result *Result

	gate    *Gate
	request *request
	ctx     context.Context
	events  Events[T]
	pending bool // the first event was read already
	err     error
	stop    func()
	lock    sync.Mutex
	open    bool
	settled chan struct{}
}

// A stream that has begun; its call is settled when it ends.
type opened struct {
	value any
	stop  func()
}

// The first event comes before the stream is opened: what is wrong with a request comes with it, while it can be tried again.
type begun[T any] struct {
	events Events[T]
	first  bool
}

// OpenStream is Model for a response that comes as events.
func OpenStream[T any](ctx context.Context, g *Gate, model string, request any, fn func(ctx context.Context, model string) (Events[T], error),
	options *ModelOptions) (*Stream[T], error) {
	r, err := g.modelRequest(model, request, func(ctx context.Context, model string) (any, error) { return begin(ctx, model, fn) }, options)
	if err != nil {
		return nil, err
	}
	result, err := g.call(ctx, r, nil, true)
	if result == nil {
		return nil, err
	}
	s := &Stream[T]{Result: result, gate: g, request: r, ctx: ctx, settled: make(chan struct{})}
	if one, isOpen := result.Value.(*opened); isOpen {
		started := one.value.(begun[T])
		s.events, s.pending, s.stop, s.open = started.events, started.first, one.stop, true
		result.Value = nil
		go s.watch()
	}
	return s, err
}

func begin[T any](ctx context.Context, model string, fn func(ctx context.Context, model string) (Events[T], error)) (any, error) {
	events, err := fn(ctx, model)
	if err != nil {
		return nil, err
	}
	started := begun[T]{events, events.Next()}
	if err := events.Err(); !started.first && err != nil || ctx.Err() != nil {
		events.Close()
		if err == nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return started, nil
}

// A reader that went away without a word is noticed by its context.
func (s *Stream[T]) watch() {
	select {
	case <-s.ctx.Done():
		s.end(s.ctx.Err())
	case <-s.settled:
	}
}

// Next gets the next event; false at the end, which Err explains.
func (s *Stream[T]) Next() bool {
	if !s.isOpen() {
		return false
	}
	if s.pending {
		s.pending = false
	} else if !s.events.Next() {
		s.end(s.events.Err())
		return false
	}
	s.request.collected.add(s.events.Current())
	return true
}

// Current is the event that Next got.
func (s *Stream[T]) Current() T { return s.events.Current() }

// Err is why the stream broke; nil where it came to its end, or was closed.
func (s *Stream[T]) Err() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.err
}

var errClosed = errors.New("closed")

// Close ends the stream: the rest is not wanted, and charged is what the events told.
func (s *Stream[T]) Close() error {
	s.end(errClosed)
	return nil
}

func (s *Stream[T]) isOpen() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.open
}

// end settles the call, once.
func (s *Stream[T]) end(err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.open {
		return
	}
	s.open = false
	s.stop()
	defer close(s.settled)
	defer s.events.Close()
	if s.Result.CallID == "" { // without the gate
		return
	}
	if err == nil {
		s.Result.Settled = s.gate.commit(s.ctx, s.request, s.Result.CallID, streamed{})
		return
	}
	told := cancelled
	if err != errClosed {
		s.err = err
		if s.ctx.Err() == nil {
			told = failed(err)
		}
	}
	s.cut(told)
}

func (s *Stream[T]) cut(told failure) {
	g, callID := s.gate, s.Result.CallID
	advice := g.settle(s.ctx, s.request.fail(callID, told), callID)
	s.Result.OK, s.Result.Err = false, s.err
	if advice == nil {
		return
	}
	s.Result.Settled, s.Result.Advice, s.Result.Reason = "failed", advice.text("action"), advice.text("reason")
	if s.Result.Advice == "retry" { // what was read already cannot be read again
		g.settle(s.ctx, s.request.release(callID), callID)
	}
}
