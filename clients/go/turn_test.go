package agentcore

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// turn is a model's message that calls `look` so often, with numbers.
func (b *bench) turn(calls int) any {
	var content []any
	for n := 0; n < calls; n++ {
		content = append(content, members{"type": "tool_use", "id": fmt.Sprintf("%s-%d", b.agent, n), "name": b.look, "input": members{"n": n}})
	}
	return members{"role": "assistant", "content": append([]any{members{"type": "text", "text": "I look."}}, content...)}
}

func (b *bench) many(g *Gate, calls any, fns map[string]Tool, prefix string) []*Result {
	b.Helper()
	results, err := g.Many(ctx, calls, fns, prefix, nil)
	if err != nil {
		b.Fatal(err)
	}
	return results
}

func TestEveryShapeOfATurn(t *testing.T) {
	b := newBench(t)
	for i, shape := range []string{
		`{"choices": [{"message": {"content": null, "tool_calls": [{"id": ID, "type": "function", "function": {"name": LOOK, "arguments": "{\"n\": 1}"}}]}}]}`,
		`{"output": [{"type": "reasoning"}, {"type": "function_call", "id": "fc", "call_id": ID, "name": LOOK, "arguments": "{\"n\": 1}"}]}`,
		`{"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "tool_use", "id": ID, "name": LOOK, "input": {"n": 1}}]}`,
		`[{"jsonrpc": "2.0", "id": ID, "method": "tools/call", "params": {"name": LOOK, "arguments": {"n": 1}}}]`,
		`{"tool_calls": [{"id": ID, "name": LOOK, "args": {"n": 1}, "type": "tool_call"}]}`,
		`{"toolCalls": [{"toolCallId": ID, "toolName": LOOK, "input": {"n": 1}}]}`,
	} {
		id := fmt.Sprintf("%s-%d", b.agent, i)
		text := strings.NewReplacer("ID", `"`+id+`"`, "LOOK", `"`+b.look+`"`).Replace(shape)
		for _, sent := range []any{text, json.RawMessage(strings.ReplaceAll(text, id, id+"raw"))} {
			results := b.many(b.gate(Rules{}), sent, map[string]Tool{b.look: b.does(b.look, "x")}, "")
			if len(results) != 1 || results[0].Value != "x" || !strings.HasPrefix(results[0].ID, id) || string(results[0].Args) != `{"n": 1, "to": "x"}` {
				t.Errorf("%s: %+v", text, results)
			}
		}
	}
	equal(t, len(b.many(b.gate(Rules{}), map[string]string{"content": "Nothing to call."}, nil, "")), 0)
}

func TestEachCallOfATurnHasItsOwnResult(t *testing.T) {
	b := newBench(t)
	one := func(id, name string, n any) any {
		return members{"type": "tool_use", "id": b.agent + id, "name": name, "input": members{"n": n}}
	}
	calls := []any{one("1", b.look, "many"), one("2", "no_tool", 1), one("3", b.pay, 1), one("4", b.look, 4), one("5", b.look, 5), one("5", b.look, 5), one("5", b.look, 6)}
	results := b.many(b.gate(Rules{}), calls, map[string]Tool{b.look: func(ctx context.Context, args json.RawMessage) (any, error) {
		b.effect(ctx, b.look)
		if strings.Contains(string(args), "4") {
			return nil, status(404)
		}
		return "done", nil
	}}, "")
	var found []string
	for _, result := range results {
		found = append(found, fmt.Sprintf("%v %s %v", result.OK, result.Reason, result.Cached()))
	}
	equal(t, found, []string{"false invalid_args false", "false unknown_tool false", "false unknown_tool false", "false fatal_status false",
		"true  false", "true  true", "false error false"})
	equal(t, results[3].Content(), "HTTP 404 Not Found")
	equal(t, len(b.done()), 2)
}

func TestIdsThatBeginAnew(t *testing.T) {
	b := newBench(t)
	for _, prefix := range []string{"turn1-", "turn2-"} {
		results := b.many(b.gate(Rules{}), []any{members{"id": 0, "method": "tools/call", "params": members{"name": b.look}}}, map[string]Tool{b.look: b.does(b.look, "x")}, b.agent+prefix)
		equal(t, []any{results[0].ID, results[0].Cached()}, []any{"0", false})
	}
}

func TestMoreCallsThanTheGateTakesAtOnce(t *testing.T) {
	b := newBench(t)
	b.proxy.drop("call_begin_many", "after")
	results := b.many(b.gate(Rules{}), b.turn(150), map[string]Tool{b.look: func(ctx context.Context, args json.RawMessage) (any, error) {
		b.effect(ctx, b.look)
		return Typed(func(_ context.Context, args pair) (int, error) { return args.N, nil })(ctx, args)
	}}, "")
	for n, result := range results {
		equal(t, result.Value, n)
	}
	equal(t, []any{len(results), b.proxy.seen("call_begin_many"), results[0].Detail}, []any{150, 3, "yours"})
}

func TestAPanicInATurn(t *testing.T) {
	b := newBench(t)
	func() {
		defer func() { equal(t, recover(), any("oh")) }()
		b.many(b.gate(Rules{}), b.turn(2), map[string]Tool{b.look: b.does(b.look, func(_ context.Context, args json.RawMessage) (any, error) {
			if strings.Contains(string(args), "1") {
				panic("oh")
			}
			return "x", nil
		})}, "")
	}()
	equal(t, admin1(t, `SELECT count(*) FROM agentcore.permits WHERE agent = $1 AND state = 'committed'`, b.agent), "1")
}

// ----- people ---------------------------------------------------------------

func (b *bench) decides(allow string) {
	until(b.T, func() bool {
		return len(admin(b.T, `SELECT agentcore.call_approve(id, $2) FROM agentcore.approvals WHERE agent = $1 AND state = 'pending'`, b.agent, allow)) == 1
	})
}

func TestAPersonDecides(t *testing.T) {
	for _, allow := range []string{"true", "false"} {
		b := newBench(t)
		admin(t, `SELECT agentcore.tool_set($1, needs_approval => true)`, b.pay)
		go b.decides(allow)
		result := b.call(b.gate(Rules{FirstLook: 50 * time.Millisecond}), b.pay, nil, b.does(b.pay, "x"), nil)
		equal(t, []any{result.OK, result.Approval != "" || allow == "false", result.Waits["approval_required"] >= 1, result.Verdict},
			[]any{allow == "true", true, true, map[string]string{"true": "run", "false": "deny"}[allow]})
	}
}

// The pauses between looks are hours, so only a notification can end one.
func TestADecisionIsHeard(t *testing.T) {
	b := newBench(t)
	admin(t, `SELECT agentcore.tool_set($1, needs_approval => true)`, b.pay)
	g := b.gate(Rules{FirstLook: time.Hour, ApprovalWait: 24 * time.Hour, Listen: ListenOn("")})
	const listening = `SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%agentcore_approval%' AND datname = current_database() AND state = 'idle'`
	go func() {
		var first string
		until(t, func() bool { first = admin1(t, listening); return first != "" })
		// the connection is lost, and made anew
		admin(t, `SELECT pg_terminate_backend($1)`, first)
		until(t, func() bool { now := admin1(t, listening); return now != "" && now != first })
		b.decides("true")
	}()
	equal(t, b.call(g, b.pay, nil, b.does(b.pay, "x"), nil).OK, true)
	equal(t, b.logged("no connection to hear decisions by"), true)
}

func TestPatienceForPeopleEnds(t *testing.T) {
	b := newBench(t)
	admin(t, `SELECT agentcore.tool_set($1, needs_approval => true)`, b.pay)
	result := b.call(b.gate(Rules{ApprovalWait: 50 * time.Millisecond}), b.pay, nil, b.never, nil)
	equal(t, []any{result.Verdict, result.Reason, strings.Contains(result.Content(), "person")}, []any{"wait", "approval_required", true})
}

func TestAPersonCorrectsTheArguments(t *testing.T) {
	b := newBench(t)
	admin(t, `SELECT agentcore.tool_set($1, needs_approval => true)`, b.pay)
	go until(t, func() bool {
		return len(admin(t, `SELECT agentcore.call_approve(id, true, args => '{"n": 7}') FROM agentcore.approvals WHERE agent = $1 AND state = 'pending'`, b.agent)) == 1
	})
	result := b.call(b.gate(Rules{FirstLook: 50 * time.Millisecond}), b.pay, `{"n": 1}`, b.does(b.pay, "x"), nil)
	equal(t, []any{string(result.Args), strings.HasPrefix(result.Content(), "x\n\n")}, []any{`{"n": 7, "to": "x"}`, true})
}
