package agentcore

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

var sent = members{"messages": []any{members{"role": "user", "content": "Hello"}}, "max_tokens": 100}

func newModels(t *testing.T) (b *bench, model, other string) {
	t.Helper()
	b = newBench(t)
	model, other = "model-"+b.agent, "other-"+b.agent
	for _, name := range []string{model, other} {
		admin(t, `SELECT agentcore.model_price_set($1, 0.000001, 0.000002), agentcore.model_set($1, retry_policy => 'quick')`, name)
	}
	return b, model, other
}

// charged is state and tokens of the agent's last call.
func (b *bench) charged() string {
	return admin1(b.T, `SELECT state || ' ' || coalesce(charged_tokens::text, '') FROM agentcore.permits WHERE agent = $1 ORDER BY created_at DESC LIMIT 1`, b.agent)
}

func TestAModelIsChargedWhatItsResponseSays(t *testing.T) {
	b, model, _ := newModels(t)
	type usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	}
	for expected, response := range map[string]any{
		"committed 25": members{"content": "x", "usage": members{"input_tokens": 20, "output_tokens": 5}},
		"committed 7": struct {
			Usage usage `json:"usage"`
		}{usage{3, 4}},
		"committed 113": "it tells nothing, and is charged as held",
	} {
		options := &ModelOptions{InputTokens: 13}
		result, err := b.gate(Rules{}).Model(ctx, model, sent, func(_ context.Context, asked string) (any, error) {
			equal(t, asked, model)
			return response, nil
		}, options)
		equal(t, []any{err, result.Settled, b.charged()}, []any{nil, "committed", expected})
	}
}

func TestTheAnswerOfAModelIsKeptForAKeyOnly(t *testing.T) {
	b, model, _ := newModels(t)
	g := b.gate(Rules{})
	secret := func(context.Context, string) (any, error) {
		return members{"text": "secret", "usage": members{"input_tokens": 1, "output_tokens": 1}}, nil
	}
	_, err := g.Model(ctx, model, sent, secret, nil)
	equal(t, err, nil)
	equal(t, len(admin(t, `SELECT 1 FROM agentcore.permit p WHERE agent = $1 AND to_jsonb(p)::text LIKE '%secret%'`, b.agent)), 0)
	for i, cached := range []bool{false, true} {
		result, err := g.Model(ctx, model, sent, secret, &ModelOptions{Options: Options{Key: b.agent}})
		equal(t, []any{i, err, result.Cached(), result.Value.(members)["text"]}, []any{i, nil, cached, "secret"})
	}
}

func TestAnotherModelGoesOnAtOnce(t *testing.T) {
	b, model, other := newModels(t)
	admin(t, `SELECT agentcore.retry_policy_set('hour', base => '1 hour', cap => '1 hour', method => 'none'), agentcore.model_set($1, retry_policy => 'hour')`, model)
	var asked []string
	result, err := b.gate(Rules{}).Model(ctx, model, sent, func(_ context.Context, name string) (any, error) {
		asked = append(asked, name)
		if len(asked) == 1 {
			return nil, status(529)
		}
		return members{"usage": members{"input_tokens": 1, "output_tokens": 1}}, nil
	}, &ModelOptions{Fallback: []string{other}})
	equal(t, []any{err, asked, result.Model}, []any{nil, []string{model, other}, other})
}

// ----- streams --------------------------------------------------------------

var (
	start = members{"type": "message_start", "message": members{"usage": members{"input_tokens": 10, "output_tokens": 1}}}
	delta = members{"type": "content_block_delta"}
	end   = members{"type": "message_delta", "usage": members{"output_tokens": 7}}
)

// A provider's stream: events, then an error, or silence until its context ends.
type source struct {
	ctx    context.Context
	events []members
	err    error
	silent bool
	place  int
	closed *bool
}

func (s *source) Next() bool {
	if s.place < len(s.events) {
		s.place++
		return true
	}
	if s.silent {
		<-s.ctx.Done()
		s.err = s.ctx.Err()
	}
	return false
}
func (s *source) Current() members { return s.events[s.place-1] }
func (s *source) Err() error {
	if s.place < len(s.events) {
		return nil
	}
	return s.err
}
func (s *source) Close() error { *s.closed = true; return nil }

func (b *bench) stream(inner context.Context, model string, from source) (*Stream[members], *bool) {
	b.Helper()
	from.closed = new(bool)
	stream, err := OpenStream(inner, b.gate(Rules{}), model, sent, func(ctx context.Context, _ string) (Events[members], error) {
		own := from
		own.ctx = ctx
		return &own, nil
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	return stream, from.closed
}

func TestAStreamIsChargedAtItsEnd(t *testing.T) {
	b, model, _ := newModels(t)
	stream, closed := b.stream(ctx, model, source{events: []members{start, delta, end}})
	equal(t, b.charged(), "open 0")
	events := 0
	for stream.Next() {
		events++
		equal(t, stream.Current() != nil, true)
	}
	equal(t, []any{events, stream.Err(), stream.Result.OK, stream.Result.Settled, *closed, b.charged()}, []any{3, nil, true, "committed", true, "committed 17"})
	equal(t, stream.Close(), nil)
	empty, _ := b.stream(ctx, model, source{})
	equal(t, []any{empty.Next(), empty.Result.Settled}, []any{false, "committed"})
}

func TestAStreamThatBreaksIsChargedForWhatCame(t *testing.T) {
	b, model, _ := newModels(t)
	reset := errors.New("connection reset by peer")
	stream, closed := b.stream(ctx, model, source{events: []members{start, delta}, err: reset})
	for stream.Next() {
	}
	equal(t, []any{stream.Err(), stream.Result.OK, stream.Result.Settled, *closed}, []any{reset, false, "failed", true})
	equal(t, admin1(t, `SELECT charged_tokens FROM agentcore.permits WHERE agent = $1`, b.agent), "11")
}

func TestAStreamThatIsLeft(t *testing.T) {
	b, model, _ := newModels(t)
	stream, _ := b.stream(ctx, model, source{events: []members{start, delta, end}})
	equal(t, stream.Next(), true)
	equal(t, stream.Close(), nil)
	equal(t, []any{stream.Next(), stream.Err(), stream.Result.OK, b.charged()}, []any{false, nil, false, "failed 11"})
	// nobody reads it: its context ends it
	inner, cancel := context.WithCancel(ctx)
	left, closed := b.stream(inner, model, source{events: []members{start, delta, end}})
	equal(t, left.Next(), true)
	cancel()
	until(t, func() bool { return b.charged() == "failed 11" && !left.isOpen() })
	equal(t, []any{left.Err(), *closed}, []any{context.Canceled, true})
}

func TestAStreamIsCancelledWhileItIsRead(t *testing.T) {
	b, model, _ := newModels(t)
	inner, cancel := context.WithCancel(ctx)
	stream, _ := b.stream(inner, model, source{events: []members{start}, silent: true})
	equal(t, stream.Next(), true)
	go cancel()
	equal(t, []any{stream.Next(), stream.Err()}, []any{false, context.Canceled})
	equal(t, b.charged(), "failed 11")
}

func TestAStreamWhoseBeginningFails(t *testing.T) {
	b, model, _ := newModels(t)
	tries := 0
	stream, err := OpenStream(ctx, b.gate(Rules{}), model, sent, func(ctx context.Context, _ string) (Events[members], error) {
		if tries++; tries == 1 {
			return nil, status(529)
		} else if tries == 2 {
			return &source{err: status(503), closed: new(bool)}, nil
		}
		return &source{events: []members{start, end}, closed: new(bool)}, nil
	}, nil)
	equal(t, []any{err, stream.Result.Attempts, stream.Next(), stream.Next(), stream.Next(), b.charged()}, []any{nil, 3, true, true, false, "committed 17"})
	_, err = OpenStream(ctx, b.gate(Rules{}), model, sent, func(context.Context, string) (Events[members], error) { return nil, status(400) }, nil)
	equal(t, err, status(400))
	none, err := OpenStream(ctx, b.gate(Rules{}), "no-"+model, sent, func(context.Context, string) (Events[members], error) { return nil, nil }, nil)
	equal(t, []any{err, none.Next(), none.Result.Verdict, none.Close()}, []any{nil, false, "deny", nil})
}

func TestNoGoroutineStays(t *testing.T) {
	b, model, _ := newModels(t)
	g := b.gate(Rules{})
	b.call(g, b.look, nil, b.does(b.look, "x"), nil)
	before := runtime.NumGoroutine()
	for i := 0; i < 50; i++ {
		inner, cancel := context.WithCancel(ctx)
		_, err := g.Call(inner, b.look, nil, b.does(b.look, "x"), nil)
		equal(t, err, nil)
		stream, err := OpenStream(inner, g, model, sent, func(context.Context, string) (Events[members], error) {
			return &source{events: []members{start, end}, closed: new(bool)}, nil
		}, nil)
		equal(t, err, nil)
		for stream.Next() {
		}
		cancel()
	}
	until(t, func() bool { return runtime.NumGoroutine() < before+20 })
}
