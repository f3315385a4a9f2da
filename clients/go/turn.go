package agentcore

import (
	"context"
	"fmt"
	"sync"
)

// A call of a model's turn.  id: the provider's, which names the call where `unique`; the ids of JSON-RPC begin anew with each connection.
type asked struct {
	id     string
	tool   string
	args   any
	unique bool
	*request
}

// callsOf finds them in messages, responses and lists of OpenAI, Anthropic, the AI SDK and MCP; other parts are skipped.
func callsOf(sent any) (found []*asked) {
	if list, isList := sent.([]any); isList {
		for _, part := range list {
			found = append(found, callsOf(part)...)
		}
		return found
	}
	part, isObject := sent.(members)
	if !isObject {
		return nil
	}
	function, hasFunction := part["function"].(members)
	_, hasArgs := part["args"]
	_, hasName := part["name"].(string)
	of := func(unique bool, id, tool, args any) []*asked {
		return []*asked{{id: word(id), tool: word(tool), args: args, unique: unique}}
	}
	switch {
	case part["type"] == "function" || hasFunction:
		return of(true, part["id"], function["name"], function["arguments"])
	case part["type"] == "function_call":
		if part["call_id"] != nil {
			return of(true, part["call_id"], part["name"], part["arguments"])
		}
		return of(true, part["id"], part["name"], part["arguments"])
	case part["type"] == "tool_use":
		return of(true, part["id"], part["name"], part["input"])
	case part["type"] == "tool-call" || part["toolCallId"] != nil:
		if part["input"] != nil {
			return of(true, part["toolCallId"], part["toolName"], part["input"])
		}
		return of(true, part["toolCallId"], part["toolName"], part["args"])
	case part["method"] == "tools/call":
		asks, _ := part["params"].(members)
		return of(false, part["id"], asks["name"], asks["arguments"])
	case hasArgs && hasName:
		return of(true, part["id"], part["name"], part["args"])
	}
	return inParts(part)
}

// Of a message or a response.
func inParts(part members) []*asked {
	if choices, isList := part["choices"].([]any); isList && len(choices) > 0 {
		return callsOf(choices[0])
	}
	if message, isObject := part["message"].(members); isObject {
		return callsOf(message)
	}
	for _, name := range []string{"toolCalls", "tool_calls", "output", "content"} {
		if parts, isList := part[name].([]any); isList {
			if found := callsOf(parts); len(found) > 0 || name != "content" {
				return found
			}
		}
	}
	return nil
}

func word(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(value)
}

const mostCalls = 128 // that call_begin_many() takes at once

func (g *Gate) newTurn(calls any, fns map[string]Tool, keyPrefix string, options *Options) ([]*asked, error) {
	var o Options
	if options != nil {
		o = *options
	}
	text := toJSON(calls)
	if sent, isText := calls.(string); isText {
		text = sent
	} else if sent, isBytes := calls.([]byte); isBytes {
		text = string(sent)
	}
	turn := callsOf(decode(text))
	o.Holder = first(o.Holder, uuid())
	seen := map[string]bool{}
	for _, one := range turn {
		own := o
		own.Key = ""
		if one.id != "" && (one.unique || keyPrefix != "") {
			own.Key = keyPrefix + one.id
		}
		if own.Key != "" && seen[own.Key] {
			// a call that stands twice is asked for once more when the first has ended: by another holder, so that it waits
			own.Holder = uuid()
		}
		seen[own.Key] = true
		var err error
		if one.request, err = g.toolRequest(one.tool, one.args, fns[one.tool], own); err != nil {
			return nil, err
		}
	}
	return turn, nil
}

// beginMany is the gate's rows; nil for one whose key stands before it in the turn: it is asked for by itself, and waits.
func (g *Gate) beginMany(ctx context.Context, turn []*asked) ([]Row, error) {
	rows := make([]Row, len(turn))
	if err := ctx.Err(); err != nil {
		return rows, err
	}
	var once []int
	seen := map[string]bool{}
	for place, one := range turn {
		if !seen[one.key] {
			seen[one.key] = true
			once = append(once, place)
		}
	}
	for start := 0; start < len(once); start += mostCalls {
		end := start + mostCalls
		if end > len(once) {
			end = len(once)
		}
		some, err := g.asked(ctx, many(turn, once[start:end]), "the calls of a turn")
		for i, row := range some {
			rows[once[start+i]] = row
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			g.giveBackRows(ctx, turn, rows, ctx.Err() != nil)
			return make([]Row, len(turn)), err
		}
	}
	return rows, nil
}

func many(turn []*asked, places []int) ask {
	calls := make([]any, len(places))
	for i, place := range places {
		one, args := turn[place], "{}"
		if text := one.begin.parameters["args"]; text != nil {
			args = *text
		}
		calls[i] = members{"id": one.key, "type": "function", "function": members{"name": one.tool, "arguments": args}}
	}
	p := parameters{"calls": just(toJSON(calls))}
	for name, value := range turn[places[0]].common() {
		p[name] = value
	}
	return ask{callBeginMany, p}
}

// unseen: the answer of some may be lost.
func (g *Gate) giveBackRows(ctx context.Context, turn []*asked, rows []Row, unseen bool) {
	for place, one := range turn {
		switch {
		case rows[place].runs():
			g.settle(ctx, one.release(rows[place].text("call_id")), rows[place].text("call_id"))
		case rows[place] == nil && unseen:
			g.giveBackUnseen(ctx, one.request)
		}
	}
}

// What panicked in a goroutine does so again in the one that waits for it.
type panicking struct {
	lock   sync.Mutex
	reason any
}

func (v *panicking) keep() {
	if reason := recover(); reason != nil {
		v.lock.Lock()
		defer v.lock.Unlock()
		v.reason = reason
	}
}

func (v *panicking) again() {
	if v.reason != nil {
		panic(v.reason)
	}
}
