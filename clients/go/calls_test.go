package agentcore

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

type pair struct {
	N  int    `json:"n"`
	To string `json:"to"`
}

func TestRunsWithWhatTheGateReturned(t *testing.T) {
	b := newBench(t)
	g, key := b.gate(Rules{}), &Options{Key: "k" + b.agent}
	result := b.call(g, b.pay, `{"n": "41"}`, func(ctx context.Context, args json.RawMessage) (any, error) {
		b.effect(ctx, b.pay)
		return Typed(func(_ context.Context, args pair) (int, error) { return args.N + len(args.To), nil })(ctx, args)
	}, key)
	equal(t, []any{result.OK, result.Value, result.Settled, result.Attempts, result.Content()}, []any{true, 42, "committed", 1, "42"})
	again := b.call(g, b.pay, map[string]any{"n": "41"}, b.never, key)
	var n int
	equal(t, again.Decode(&n), nil)
	equal(t, []any{again.OK, n, again.Cached(), again.Content()}, []any{true, 42, true, "42"})
}

func TestARefusalIsAResultForTheModel(t *testing.T) {
	b := newBench(t)
	for _, args := range []any{`{"n": "many"}`, map[string]any{"n": "many"}, json.RawMessage(`{"n": "many"}`), []byte(`{"n": "many"}`)} {
		result := b.call(b.gate(Rules{}), b.pay, args, b.never, nil)
		equal(t, []any{result.OK, result.Verdict, result.Reason}, []any{false, "deny", "invalid_args"})
		if !strings.Contains(result.Content(), "/n: must be integer") {
			t.Error(result.Content())
		}
	}
	for _, args := range []any{"{\"to\": \"a\x00b\"}", map[string]any{"to": "a\x00b"}} {
		equal(t, b.call(b.gate(Rules{}), b.pay, args, b.never, nil).Reason, "invalid_args")
	}
}

func TestWhatAProgramDoesWrongIsAnError(t *testing.T) {
	b := newBench(t)
	_, err := b.gate(Rules{}).Call(ctx, b.pay, nil, b.never, &Options{Agent: "nobody"})
	var refused *GateError
	if !errors.As(err, &refused) || refused.SQLState != "42704" || errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	for _, wrong := range []error{
		third(New(nil, Rules{}).Call(ctx, b.pay, nil, b.never, nil)), third(b.gate(Rules{}).Call(ctx, b.pay, make(chan int), b.never, nil)),
		third(b.gate(Rules{}).Model(ctx, "m", map[string]any{}, nil, nil)), third(New(nil, Rules{}).Tools(ctx, "", "", false)),
	} {
		if !errors.As(wrong, &refused) {
			t.Error(wrong)
		}
	}
}

func third[T any](_ T, err error) error { return err }

func TestFollowsTheAdviceToTryAgain(t *testing.T) {
	b := newBench(t)
	b.twice = true
	result := b.call(b.gate(Rules{}), b.look, nil, b.does(b.look, "third", status(503), status(429, "Retry-After", "0")), nil)
	equal(t, []any{result.Value, result.Attempts, b.permits()}, []any{"third", 3, []string{"committed 3"}})
}

func TestAFailureForGoodIsSettledAndReturned(t *testing.T) {
	b := newBench(t)
	gone := status(404)
	result, err := b.gate(Rules{}).Call(ctx, b.look, nil, b.does(b.look, nil, gone), nil)
	equal(t, err, gone)
	equal(t, []any{result.OK, result.Err, result.Advice, result.Settled, result.Content()}, []any{false, gone, "fail", "failed", "HTTP 404 Not Found"})
	equal(t, b.permits(), []string{"failed 1"})
}

func TestWhatMayHaveBeenDoneIsNotDoneAgain(t *testing.T) {
	b := newBench(t)
	result := b.call(b.gate(Rules{ErrorsAsResults: true}), b.pay, nil, b.does(b.pay, "no", status(502)), nil)
	equal(t, []any{result.OK, result.Reason, result.Attempts, b.permits()}, []any{false, "possibly_executed", 1, []string{"unknown 1"}})
}

func TestPatienceWithRetriesEnds(t *testing.T) {
	b := newBench(t)
	b.twice = true
	admin(t, `SELECT agentcore.tool_set($1, reset => '{retry_policy}')`, b.look)
	g := b.gate(Rules{ErrorsAsResults: true, MaxWait: -1})
	result := b.call(g, b.look, nil, b.does(b.look, "no", status(503, "Retry-After", "60")), nil)
	equal(t, []any{result.OK, result.Advice, b.permits()}, []any{false, "retry", []string{"released 1"}})
}

func TestWaitsUntilTheOtherHasEnded(t *testing.T) {
	b := newBench(t)
	g, key := b.gate(Rules{MaxWait: 1 << 50}), &Options{Key: "w" + b.agent}
	started, end, answers := make(chan bool), make(chan bool), make(chan *Result, 2)
	go func() {
		answers <- b.call(g, b.pay, nil, b.does(b.pay, func(context.Context, json.RawMessage) (any, error) {
			close(started)
			<-end
			return "the first's", nil
		}), key)
	}()
	<-started
	go func() { answers <- b.call(g, b.pay, nil, b.never, key) }()
	until(t, func() bool { return b.proxy.seen("call_begin") >= 3 })
	close(end)
	for i := 0; i < 2; i++ {
		result := <-answers
		equal(t, []any{result.Value, result.Cached(), result.Waits["in_progress"] >= 1}, []any{"the first's", i == 1, i == 1})
	}
}

func TestPatienceWithOthersEnds(t *testing.T) {
	b := newBench(t)
	g, key := b.gate(Rules{}), &Options{Key: "p" + b.agent}
	b.call(g, b.pay, nil, b.does(b.pay, func(context.Context, json.RawMessage) (any, error) {
		result := b.call(b.gate(Rules{MaxWait: -1}), b.pay, nil, b.never, key)
		equal(t, []any{result.OK, result.Verdict, result.Reason, result.Feedback != ""}, []any{false, "wait", "in_progress", true})
		return nil, nil
	}), key)
}

func TestTheConnectionIsBackWhileTheToolRuns(t *testing.T) {
	b := newBench(t)
	pool, err := Connect(b.proxy.dsn()+" pool_max_conns=1", b.log)
	equal(t, err, nil)
	defer pool.Close()
	g := New(Over(pool), Rules{Agent: b.agent, Log: b.log})
	result := b.call(g, b.pay, nil, b.does(b.pay, func(ctx context.Context, _ json.RawMessage) (any, error) {
		equal(t, admin1(t, `SELECT state FROM agentcore.permits WHERE permit = $1`, Current(ctx).CallID), "open")
		return b.call(g, b.look, nil, b.does(b.look, "inner"), nil).Value, nil
	}), nil)
	equal(t, result.Value, "inner")
}

func TestAWarningOfTheServerIsLogged(t *testing.T) {
	b := newBench(t)
	g := b.gate(Rules{})
	_, err := g.db.Ask(ctx, `SELECT CASE WHEN set_config('client_min_messages', 'warning', false) > '' THEN agentcore.call_commit(call_id, result_text => repeat('x', 3000000)) END AS x FROM agentcore.call_begin($1, $2)`,
		[]*string{&b.agent, &b.look})
	equal(t, err, nil)
	b.effects = append(b.effects, effect{admin1(t, `SELECT permit FROM agentcore.permits WHERE agent = $1`, b.agent), b.look, ""})
	equal(t, b.logged("the gate warns"), true)
}

func TestNoFunctionForATool(t *testing.T) {
	b := newBench(t)
	result := b.call(b.gate(Rules{}), b.look, nil, nil, nil)
	equal(t, []any{result.OK, result.Reason, b.permits()}, []any{false, "unknown_tool", []string{"released 1"}})
}

func TestAPanicIsSettledFirst(t *testing.T) {
	b := newBench(t)
	func() {
		defer func() { equal(t, recover(), any("oh")) }()
		b.call(b.gate(Rules{}), b.pay, nil, b.does(b.pay, func(context.Context, json.RawMessage) (any, error) { panic("oh") }), nil)
	}()
	equal(t, b.permits(), []string{"unknown 1"})
	equal(t, b.logged("the tool panicked: oh"), true)
}

func TestWhatACallSaysOfItself(t *testing.T) {
	b := newBench(t)
	result := b.call(b.gate(Rules{Task: "t1"}), b.look, nil, b.does(b.look, "x"), &Options{Subject: "s", Budgets: []string{b.agent},
		Labels: map[string]string{"team": "a"}, EstTokens: Tokens(5), EstUSD: "0.5", Cost: func(value any) Cost { return Cost{Tokens(3), "0.25"} }})
	row := admin(t, `SELECT task, subject, charged_tokens, charged_usd FROM agentcore.permits WHERE permit = $1`, result.CallID)[0]
	equal(t, []string{row.text("task"), row.text("subject"), row.text("charged_tokens"), row.text("charged_usd")}, []string{"t1", "s", "3", "0.25"})
	for trace, logged := range map[string]string{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "no\x00ne": ""} {
		result = b.call(b.gate(Rules{}), b.look, nil, b.does(b.look, "x"), &Options{Trace: trace})
		equal(t, admin(t, `SELECT trace FROM agentcore.call_log WHERE event = 'begin' AND call_id = $1`, result.CallID)[0].text("trace"), logged)
	}
	panics := b.call(b.gate(Rules{}), b.look, nil, b.does(b.look, "x"), &Options{Cost: func(any) Cost { panic("unknown") }})
	equal(t, panics.Settled, "committed")
}

func TestToolsOfAnAgent(t *testing.T) {
	b := newBench(t)
	text, err := b.gate(Rules{}).Tools(ctx, "", "anthropic", false)
	equal(t, err, nil)
	if !strings.Contains(string(text), `"`+b.look+`"`) || !strings.Contains(string(text), "input_schema") {
		t.Error(string(text))
	}
}
