package agentcore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Tool does the work, with the arguments that the gate returned: it may have converted them.  Its context ends where the caller gives up,
// or the gate has closed the call.  Current(ctx) has the call.
type Tool func(ctx context.Context, args json.RawMessage) (any, error)

// Typed is a Tool of a function that takes its arguments as a Go type.
func Typed[Args, Value any](fn func(ctx context.Context, args Args) (Value, error)) Tool {
	return func(ctx context.Context, text json.RawMessage) (any, error) {
		var args Args
		if err := json.Unmarshal(text, &args); err != nil {
			return nil, fmt.Errorf("invalid arguments: %w", err)
		}
		return fn(ctx, args)
	}
}

// Options are what a call may say of itself.  What is empty is not said.
type Options struct {
	// Instead of the Gate's.
	Agent, Tenant, Task string
	// The same key is the same call; without one it gets its own.
	Key string
	// Names the worker: it alone may take up a call that it began.  Without one each call has its own.
	Holder  string
	Subject string
	// nil: the task's or the agent's.
	Budgets   []string
	Labels    map[string]string
	Trace     string // a W3C traceparent
	Lease     time.Duration
	EstTokens *int64
	EstUSD    string
	// What the value cost.
	Cost func(value any) Cost
}

// Cost is tokens, nil where they are not known, and dollars as a decimal number.
type Cost struct {
	Tokens *int64
	USD    string
}

// ModelOptions are those of a call of a model.
type ModelOptions struct {
	Options
	// 0: estimated from the request, too many rather than too few.
	InputTokens int64
	// 0: what the request says.
	MaxOutputTokens int64
	// Other models, which the gate may choose.
	Fallback    []string
	ServiceTier string
	Fees        map[string]float64
}

// Tokens is a number of tokens that is known, though it may be 0.
func Tokens(n int64) *int64 { return &n }

type ask struct {
	statement
	parameters
}

// One logical call, however often it is asked and tried.
type request struct {
	rules       *Rules
	name        string
	key, holder string
	ownKey      bool
	lease       time.Duration
	options     Options
	begin       ask
	run         func(ctx context.Context, row Row) (any, error)
	open        func(ctx context.Context) (any, error) // the same without the gate
	// of a model
	isModel, fallback bool
	collected         collector
}

// In place of a model's response: the events were collected.
type streamed struct{}

func uuid() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func first(words ...string) string {
	for _, word := range words {
		if word != "" {
			return word
		}
	}
	return ""
}

func interval(d time.Duration) *string { return just(fmt.Sprintf("%d ms", d.Milliseconds())) }

func count(n *int64) *string {
	if n == nil {
		return nil
	}
	return just(strconv.FormatInt(*n, 10))
}

func (g *Gate) newRequest(name string, o Options) (*request, error) {
	o.Agent, o.Tenant, o.Task = first(o.Agent, g.rules.Agent), first(o.Tenant, g.rules.Tenant), first(o.Task, g.rules.Task)
	if o.Agent == "" {
		return nil, &GateError{Message: "no agent: name one in Options or in Rules"}
	}
	r := &request{rules: &g.rules, name: name, options: o, key: o.Key, holder: o.Holder, ownKey: o.Key == "", lease: o.Lease}
	if r.ownKey {
		r.key = uuid()
	}
	if r.holder == "" {
		r.holder = uuid()
	}
	if r.lease == 0 {
		r.lease = g.rules.Lease
	}
	return r, nil
}

func (g *Gate) toolRequest(tool string, args any, fn Tool, o Options) (*request, error) {
	r, err := g.newRequest(tool, o)
	if err != nil {
		return nil, err
	}
	text, err := ofArgs(args)
	if err != nil {
		return nil, err
	}
	p := r.common()
	p["tool"], p["args"], p["est_tokens"], p["est_usd"] = just(clean(tool)), text, count(o.EstTokens), orNull(o.EstUSD)
	r.begin = ask{callBegin, p}
	if fn == nil {
		return r, nil
	}
	r.run = func(ctx context.Context, row Row) (any, error) { return fn(ctx, raw(row["args"])) }
	r.open = func(ctx context.Context) (any, error) {
		if text == nil || *text == "" {
			text = just("{}")
		}
		if !json.Valid([]byte(*text)) {
			return nil, &GateError{Message: "the arguments are not JSON"}
		}
		return fn(ctx, json.RawMessage(*text))
	}
	return r, nil
}

func (g *Gate) modelRequest(model string, sent any, fn func(ctx context.Context, model string) (any, error), o *ModelOptions) (*request, error) {
	if o == nil {
		o = &ModelOptions{}
	}
	r, err := g.newRequest(model, o.Options)
	if err != nil {
		return nil, err
	}
	r.isModel, r.fallback = true, len(o.Fallback) > 0
	text := toJSON(sent)
	input, output := o.InputTokens, o.MaxOutputTokens
	if input == 0 {
		input = inputEstimate(text)
	}
	if output == 0 {
		if output = mostOutput(text); output == 0 {
			return nil, &GateError{Message: "MaxOutputTokens: the request does not say how many tokens may come at most"}
		}
	}
	p := r.common()
	p["model"], p["input_tokens"], p["max_output_tokens"] = just(clean(model)), count(&input), count(&output)
	p["service_tier"], p["fallback"] = orNull(clean(o.ServiceTier)), array(o.Fallback)
	if o.Fees != nil {
		p["fees"] = just(toJSON(o.Fees))
	}
	r.begin = ask{llmBegin, p}
	r.run = func(ctx context.Context, row Row) (any, error) { return fn(ctx, first(row.text("model"), model)) }
	r.open = func(ctx context.Context) (any, error) { return fn(ctx, model) }
	return r, nil
}

func (r *request) common() parameters {
	o := r.options
	p := parameters{
		"agent": just(clean(o.Agent)), "key": just(clean(r.key)), "holder": just(clean(r.holder)), "task": orNull(clean(o.Task)),
		"subject": orNull(clean(o.Subject)), "budgets": array(o.Budgets), "lease": interval(r.lease), "trace": orNull(clean(o.Trace)), "tenant": just(clean(o.Tenant)),
	}
	if o.Labels != nil {
		p["labels"] = just(toJSON(o.Labels))
	}
	return p
}

func (r *request) of(s statement, callID string, more parameters) ask {
	p := parameters{"call_id": &callID, "tenant": just(clean(r.options.Tenant))}
	for name, value := range more {
		p[name] = value
	}
	return ask{s, p}
}

func (r *request) release(callID string) ask { return r.of(callRelease, callID, nil) }
func (r *request) extend(callID string) ask {
	return r.of(callExtend, callID, parameters{"lease": interval(r.lease)})
}

func (r *request) fail(callID string, told failure) ask {
	p := parameters{"error": &told.words, "retry_after": orNull(told.retryAfter), "usage": r.collected.told()}
	if told.status != 0 {
		p["status"] = just(strconv.Itoa(told.status))
	}
	return r.of(callFail, callID, p)
}

func (r *request) commit(callID string, value any) ask {
	cost := r.cost(value)
	p := parameters{"tokens": count(cost.Tokens), "usd": orNull(cost.USD)}
	_, isStream := value.(streamed)
	if !r.isModel {
		p["result"] = r.kept(callID, value)
		return r.of(callCommit, callID, p)
	}
	if isStream {
		p["usage"] = r.collected.told()
	} else {
		p["usage"] = usageOf(value)
		if !r.ownKey { // only who names a key can ask for the answer again
			p["result"] = r.kept(callID, value)
		}
	}
	return r.of(llmCommit, callID, p)
}

// The work is done: a function that cannot say what it cost must not keep it from being settled.
func (r *request) cost(value any) (cost Cost) {
	if r.options.Cost == nil {
		return Cost{}
	}
	defer func() {
		if reason := recover(); reason != nil {
			r.rules.Log("error", fmt.Sprintf("the cost of %s is not known: %v", r.name, reason))
			cost = Cost{}
		}
	}()
	return r.options.Cost(value)
}

func (r *request) kept(callID string, value any) *string {
	text := ofResult(value, r.rules.MaxResult)
	if text == nil {
		r.rules.Log("warning", fmt.Sprintf("the result of call %s of %s is larger than %d bytes: it is not kept", callID, r.name, r.rules.MaxResult))
	}
	return text
}
