package agentcore

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	ctx     = context.Background()
	numbers atomic.Int64
)

var adminPool = once(func() *Pool {
	pool, err := Connect("", nil)
	if err != nil {
		panic(err)
	}
	return pool
})

// admin is the rows of a statement, columns by name; values as text.
func admin(t *testing.T, sql string, values ...string) []Row {
	t.Helper()
	var given []*string
	for i := range values {
		given = append(given, &values[i])
	}
	var err error
	for tries := 0; tries < 20; tries++ { // the pool may have connections that a test has ended
		var rows []Row
		if rows, err = Over(adminPool()).Ask(ctx, sql, given); err == nil || !isAway(err) {
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
	}
	t.Fatal(err)
	return nil
}

func admin1(t *testing.T, sql string, values ...string) string {
	t.Helper()
	for _, row := range admin(t, sql, values...) {
		for _, value := range row {
			return *value
		}
	}
	return ""
}

func cluster(t *testing.T, verb string) {
	t.Helper()
	if said, err := exec.Command(os.Getenv("TOOLS")+"/cluster", verb, os.Getenv("CLUSTER")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// until waits for a state.  Time decides nothing: it only bounds a hang.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for tries := 0; tries < 6000; tries++ {
		if condition() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	panic("it did not come to pass")
}

func equal(t *testing.T, is, expected any) {
	t.Helper()
	if !reflect.DeepEqual(is, expected) {
		t.Errorf("it is %#v, expected %#v", is, expected)
	}
}

func status(code int, headers ...string) error {
	failed := &HTTPError{StatusCode: code, Header: http.Header{}}
	for i := 0; i+1 < len(headers); i += 2 {
		failed.Header.Set(headers[i], headers[i+1])
	}
	return failed
}

// The work of a tool, as it was done.
type effect struct{ callID, tool, key string }

// Each test has an agent of its own, tools `pay` (not idempotent) and `look` (idempotent), a proxy, and a log of effects.
type bench struct {
	*testing.T
	agent, pay, look string
	proxy            *proxy
	twice            bool // work may be done again for a key
	lock             sync.Mutex
	effects          []effect
	logs             []string
}

const agents = `SELECT agentcore.policy_set($1), agentcore.policy_allow_tool($1, '*'), agentcore.budget_set($1, max_calls => 1000000),
 agentcore.agent_set($1, $1, budget => $1), agentcore.retry_policy_set('quick', base => '1 ms', cap => '2 ms')`

func newBench(t *testing.T) *bench {
	t.Helper()
	n := numbers.Add(1)
	b := &bench{T: t, agent: fmt.Sprintf("agent%d", n), pay: fmt.Sprintf("pay%d", n), look: fmt.Sprintf("look%d", n), proxy: newProxy(t)}
	admin(t, agents, b.agent)
	schema := `{"type": "object", "properties": {"n": {"type": "integer"}, "to": {"type": "string", "default": "x"}}}`
	admin(t, `SELECT agentcore.tool_set($1, $2, coerce => true, retry_policy => 'quick')`, b.pay, schema)
	admin(t, `SELECT agentcore.tool_set($1, $2, coerce => true, idempotent => true, retry_policy => 'quick')`, b.look, schema)
	t.Cleanup(b.sound)
	return b
}

// gate is one behind the proxy.
func (b *bench) gate(rules Rules) *Gate {
	b.Helper()
	pool, err := Connect(b.proxy.dsn(), b.log)
	if err != nil {
		b.Fatal(err)
	}
	rules.Agent, rules.Log = first(rules.Agent, b.agent), b.log
	gate := New(Over(pool), rules)
	b.Cleanup(func() {
		gate.Close()
		pool.Close()
	})
	return gate
}

func (b *bench) log(level, message string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.logs = append(b.logs, level+": "+message)
}

func (b *bench) logged(words string) bool {
	b.lock.Lock()
	defer b.lock.Unlock()
	return strings.Contains(strings.Join(b.logs, "\n"), words)
}

func (b *bench) done() []effect {
	b.lock.Lock()
	defer b.lock.Unlock()
	return append([]effect(nil), b.effects...)
}

func (b *bench) effect(ctx context.Context, tool string) {
	running := Current(ctx)
	b.lock.Lock()
	defer b.lock.Unlock()
	b.effects = append(b.effects, effect{running.CallID, tool, running.Key})
}

// does is a tool: it leaves its effect, and fails with each of the errors first.
func (b *bench) does(tool string, value any, errs ...error) Tool {
	return func(ctx context.Context, args json.RawMessage) (any, error) {
		b.effect(ctx, tool)
		if len(errs) > 0 {
			err := errs[0]
			errs = errs[1:]
			return nil, err
		}
		if work, isWork := value.(func(context.Context, json.RawMessage) (any, error)); isWork {
			return work(ctx, args)
		}
		return value, nil
	}
}

func (b *bench) never(context.Context, json.RawMessage) (any, error) {
	b.Error("it must not run")
	return nil, nil
}

func (b *bench) call(g *Gate, tool string, args any, fn Tool, options *Options) *Result {
	b.Helper()
	result, err := g.Call(ctx, tool, args, fn, options)
	if err != nil {
		b.Fatal(err)
	}
	return result
}

// permits is the states of the agent's calls, with their attempts.
func (b *bench) permits() []string {
	b.Helper()
	found := []string{}
	for _, row := range admin(b.T, `SELECT state, attempt FROM agentcore.permits WHERE agent = $1 ORDER BY created_at`, b.agent) {
		found = append(found, row.text("state")+" "+row.text("attempt"))
	}
	return found
}

// sound holds what was run against what the gate knows.
func (b *bench) sound() {
	b.proxy.refuse(false)
	permits, did, keys := map[string]Row{}, map[string]bool{}, map[string]bool{}
	for _, row := range admin(b.T, `SELECT permit, tool, state FROM agentcore.permits WHERE tool IN ($1, $2)`, b.pay, b.look) {
		permits[row.text("permit")] = row
	}
	for _, one := range b.done() {
		if permit := permits[one.callID]; one.callID != "" && permit.text("tool") != one.tool {
			b.Errorf("%s was done with call %q of %q", one.tool, one.callID, permit.text("tool"))
		}
		if keys[one.tool+one.key] && !b.twice {
			b.Errorf("%s was done twice for key %s", one.tool, one.key)
		}
		did[one.callID], keys[one.tool+one.key] = true, true
	}
	for id, row := range permits {
		switch state := row.text("state"); {
		case state == "open" || state == "lapsed" || state == "retry":
			b.Errorf("call %s of %s is still %s", id, row.text("tool"), state)
		case (state == "committed" || state == "late") && !did[id]:
			b.Errorf("call %s of %s was committed and never done", id, row.text("tool"))
		case state == "released" && did[id] && !b.twice:
			b.Errorf("call %s of %s was done and given back", id, row.text("tool"))
		}
	}
	equal(b.T, len(admin(b.T, `SELECT * FROM agentcore.budget_verify()`)), 0)
}

func once(make func() *Pool) func() *Pool {
	var only sync.Once
	var pool *Pool
	return func() *Pool {
		only.Do(func() { pool = make() })
		return pool
	}
}
