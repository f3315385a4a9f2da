// pgx 4.
package main

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
)

var ctx = context.Background()

func connect(mode, pool, user string, change func(*pgx.ConnConfig)) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(dsn("pgx", mode, pool, user))
	try(err)
	if change != nil {
		change(config)
	}
	return pgx.ConnectConfig(ctx, config)
}

type checker struct {
	mode string
	conn *pgx.Conn
}

func simple(config *pgx.ConnConfig) { config.PreferSimpleProtocol = true }

// As the guide says: the simple protocol behind a pooler.
func (c *checker) open(pool, user string, change func(*pgx.ConnConfig)) *pgx.Conn {
	conn, err := connect(c.mode, pool, user, func(config *pgx.ConnConfig) {
		config.PreferSimpleProtocol = c.mode == "pooled"
		if change != nil {
			change(config)
		}
	})
	try(err)
	return conn
}

type call struct {
	id   pgtype.UUID
	args string
}

func (c *checker) begun(argument string, values ...interface{}) (found call, err error) {
	var verdict string
	row := c.conn.QueryRow(ctx, "SELECT verdict, call_id, args::text FROM agentcore.call_begin('a', 't', "+argument+")", values...)
	if err = row.Scan(&verdict, &found.id, &found.args); err == nil && verdict != "run" {
		err = errors.New(verdict)
	}
	return found, err
}

// What is asked of the call that is begun with this argument.
func (c *checker) after(argument, sql string, into interface{}) {
	found, err := c.begun(argument)
	try(err)
	try(c.conn.QueryRow(ctx, sql, found.id).Scan(into))
}

// The first form in which the argument arrives as it was meant.
func (c *checker) arrives(what, expected string, forms ...form) string {
	var wrong error
	for _, one := range forms {
		found, err := c.begun(one.argument, one.value)
		if err != nil {
			wrong = err
			continue
		}
		came := found.args
		if what != "args" {
			try(c.conn.QueryRow(ctx, "SELECT arrived($1, $2)", found.id, what).Scan(&came))
		}
		if came == expected {
			return one.word
		}
		wrong = errors.New(came)
	}
	panic(wrong)
}

func (c *checker) resultList() string {
	for _, one := range []form{{"as is", "", []interface{}{1, "x"}}, {"text", "", `[1, "x"]`}} {
		found, err := c.begun("est_tokens => $1", 1)
		try(err)
		var verdict string
		if c.conn.QueryRow(ctx, "SELECT agentcore.call_commit($1, $2)", found.id, one.value).Scan(&verdict) == nil && verdict == "committed" {
			return one.word
		}
	}
	return "none"
}

func (c *checker) resultText() string {
	found, err := c.begun("key => NULL")
	try(err)
	var verdict string
	try(c.conn.QueryRow(ctx, "SELECT agentcore.call_commit($1, result_text => $2)", found.id, "no json").Scan(&verdict))
	return either(verdict == "committed", "as is", verdict)
}

// retry_after_ms, of a call that is under way.
func (c *checker) readWait() string {
	key := newKey()
	verdictOf(c.conn, key)
	var value int64
	try(c.conn.QueryRow(ctx, "SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => $1)", key).Scan(&value))
	return either(value > 0, "int", "none")
}

func verdictOf(conn *pgx.Conn, key string) string {
	var verdict string
	try(conn.QueryRow(ctx, "SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", key).Scan(&verdict))
	return verdict
}

func (c *checker) freshVerdict(key string) string {
	conn := c.open("", "worker", nil)
	defer conn.Close(ctx)
	return verdictOf(conn, key)
}

// A statement that fails takes the run before it along.
func (c *checker) batch() string {
	key := newKey()
	var batch pgx.Batch
	batch.Queue("SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", key)
	batch.Queue("SELECT 1 / 0")
	results := c.conn.SendBatch(ctx, &batch)
	var verdict string
	_ = results.QueryRow().Scan(&verdict)
	_ = results.Close()
	return either(c.freshVerdict(key) == "run", "one transaction", "each its own")
}

type asker interface {
	QueryRow(ctx context.Context, sql string, args ...interface{}) pgx.Row
}

func beginAndCommit(on asker) error {
	var id pgtype.UUID
	var verdict string
	if err := on.QueryRow(ctx, "SELECT call_id FROM agentcore.call_begin('a', $1)", "t").Scan(&id); err != nil {
		return err
	}
	return on.QueryRow(ctx, "SELECT agentcore.call_commit($1)", id).Scan(&verdict)
}

func inTransaction(conn *pgx.Conn) error {
	defer conn.Close(ctx)
	return conn.BeginFunc(ctx, func(tx pgx.Tx) error { return beginAndCommit(tx) })
}

func state(err error) string {
	var known *pgconn.PgError
	if errors.As(err, &known) {
		return known.Code
	}
	return either(err == nil, "works", "lost")
}

// A begin and its commit in one transaction are told by a WARNING.
func (c *checker) warning() string {
	seen := false
	try(inTransaction(c.open("", "worker", func(config *pgx.ConnConfig) {
		config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { seen = seen || notice.Severity == "WARNING" }
	})))
	return either(seen, "by handler", "lost")
}

// The role's agentcore.budget_guard = error: a begin in a transaction is refused.
func (c *checker) guard() string { return state(inTransaction(c.open("", "guarded", nil))) }

// So is one that is not the first of a batch.
func (c *checker) guardBatch() string {
	conn := c.open("", "guarded", nil)
	defer conn.Close(ctx)
	var batch pgx.Batch
	batch.Queue("SELECT 1")
	batch.Queue("SELECT call_id FROM agentcore.call_begin('a', 't')")
	return state(conn.SendBatch(ctx, &batch).Close())
}

// And nothing else is.
func (c *checker) guardPlain() string {
	conn := c.open("", "guarded", nil)
	defer conn.Close(ctx)
	return state(beginAndCommit(conn))
}

func (c *checker) sharedConnection() string {
	var both sync.WaitGroup
	failed := make([]error, 2)
	for i := range failed {
		both.Add(1)
		go func(i int) {
			defer both.Done()
			_, failed[i] = c.conn.Exec(ctx, "SELECT pg_sleep(0.5)")
		}(i)
	}
	both.Wait()
	return either(failed[0] == nil && failed[1] == nil, "queued", "error")
}

// The statement, then `again` when the pooler has another server connection for it, because the first is taken.
func (c *checker) elsewhere(conn *pgx.Conn, pool, statement, again string, values ...interface{}) (value string, err error) {
	defer conn.Close(ctx)
	for i := 0; i < 10; i++ {
		if _, err := conn.Exec(ctx, statement, values...); err != nil {
			return "", err
		}
	}
	other := c.open(pool, "worker", nil)
	defer other.Close(ctx)
	tx, err := other.Begin(ctx)
	try(err)
	defer tx.Rollback(ctx)
	err = conn.QueryRow(ctx, again, values...).Scan(&value)
	return value, err
}

func (c *checker) prepared() string {
	begin := "SELECT verdict FROM agentcore.call_begin('a', $1)"
	conn, err := connect(c.mode, "_prepared", "worker", nil)
	try(err)
	if _, err = c.elsewhere(conn, "_prepared", begin, begin, "t"); err == nil {
		return "works"
	}
	conn, err = connect(c.mode, "_prepared", "worker", simple)
	try(err)
	_, err = c.elsewhere(conn, "_prepared", begin, begin, "t")
	try(err)
	return "PreferSimpleProtocol"
}

func (c *checker) sessionSet() string {
	value, err := c.elsewhere(c.open("_set", "worker", nil), "_set", "SET agentcore.budget_guard = 'error'", "SHOW agentcore.budget_guard")
	try(err)
	return either(value == "error", "kept", "lost")
}

func (c *checker) listen() string {
	conn := c.open("_listen", "worker", nil)
	defer conn.Close(ctx)
	_, err := conn.Exec(ctx, "LISTEN agentcore_budget")
	try(err)
	other, err := connect("direct", "", "worker", nil)
	try(err)
	defer other.Close(ctx)
	_, err = other.Exec(ctx, "NOTIFY agentcore_budget, 'b'")
	try(err)
	limited, cancel := context.WithTimeout(ctx, patience(c.mode))
	defer cancel()
	heard, err := conn.WaitForNotification(limited)
	return either(err == nil && heard.Payload == "b", "heard", "lost")
}

func (c *checker) startup() string {
	mode := either(c.mode == "direct", "direct", "bare")
	conn, err := connect(mode, "", "worker", simple)
	if err != nil {
		return "refused"
	}
	conn.Close(ctx)
	return "works"
}

func (c *checker) readJSONB() string {
	var value map[string]interface{}
	try(c.conn.QueryRow(ctx, "SELECT args FROM agentcore.call_begin('a', 't', $1)", argsJSON).Scan(&value))
	return either(reflect.DeepEqual(value, map[string]interface{}{"n": 1.0, "s": "é"}), "object", "text")
}

func (c *checker) readInterval() string {
	var value time.Duration
	err := c.conn.QueryRow(ctx, "SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'").Scan(&value)
	if err == nil && value == 26*time.Hour+3*time.Minute+4500*time.Millisecond {
		return "duration"
	}
	panic(err)
}

func (c *checker) readNumeric() string {
	var value pgtype.Numeric
	c.after("est_usd => "+exact, "SELECT held_usd FROM agentcore.permits WHERE permit = $1", &value)
	return either(value.Int.String() == "123456789123456789" && value.Exp == -9, "pgtype.Numeric", "wrong")
}

func (c *checker) readBigint() string {
	var value int64
	c.after("est_tokens => 9007199254740993", "SELECT held_tokens FROM agentcore.permits WHERE permit = $1", &value)
	return either(value == big, "exact", "rounded")
}

func (c *checker) readUUID() string {
	var id pgtype.UUID
	var verdict string
	try(c.conn.QueryRow(ctx, "SELECT call_id FROM agentcore.call_begin('a', 't')").Scan(&id))
	try(c.conn.QueryRow(ctx, "SELECT agentcore.call_commit($1)", id).Scan(&verdict))
	return either(verdict == "committed", "pgtype.UUID", verdict)
}

func main() {
	for _, mode := range []string{"direct", "pooled"} {
		c := &checker{mode: mode}
		c.conn = c.open("", "worker", nil)
		report(mode, map[string]func() string{
			"cast": func() string {
				var text string
				try(c.conn.QueryRow(ctx, "SELECT $1::jsonb::text", "1").Scan(&text))
				return either(text == "1", "::", "CAST")
			},
			"usd_float": func() string { return c.arrives("usd", "0.5", form{"as is", "est_usd => $1", 0.5}) },
			"usd_exact": func() string {
				var value pgtype.Numeric
				try(value.Set(exact))
				return c.arrives("usd", exact, form{"pgtype.Numeric", "est_usd => $1", &value})
			},
			"key_uuid": func() string {
				key := newKey()
				var value pgtype.UUID
				try(value.Set(key))
				return c.arrives("key", key, form{"as is", "key => $1", value}, form{"text", "key => $1", key})
			},
			"args_object": func() string {
				return c.arrives("args", argsJSON, form{"as is", "$1", args}, form{"text", "$1", argsJSON})
			},
			"args_string": func() string { return c.arrives("args", argsJSON, form{"as is", "$1", argsJSON}) },
			"args_text":   func() string { return c.arrives("args", argsJSON, form{"as is", "args_text => $1", argsJSON}) },
			"result_text": c.resultText,
			"result_list": c.resultList,
			"lease_duration": func() string {
				return c.arrives("lease", "90", form{"as is", "lease => $1", 90 * time.Second}, form{"text", "lease => $1", "90 s"})
			},
			"lease_seconds": func() string {
				return c.arrives("lease", "90", form{"as is", "lease => $1", 90}, form{"make_interval", "lease => make_interval(secs => $1)", 90.0})
			},
			"nulls": func() string {
				_, err := c.begun("args => $1, est_tokens => $2, est_usd => $3, key => $4, task => $5, subject => $6, budget => $7, lease => $8, args_text => $9, holder => $10, tenant => $11",
					make([]interface{}, 11)...)
				try(err)
				return "as is"
			},
			"read_jsonb":    c.readJSONB,
			"read_interval": c.readInterval,
			"read_numeric":  c.readNumeric,
			"read_bigint":   c.readBigint,
			"read_wait":     c.readWait,
			"read_uuid":     c.readUUID,
			"autocommit": func() string {
				key := newKey()
				verdictOf(c.conn, key)
				return either(c.freshVerdict(key) == "wait", "on", "off")
			},
			"batch":       c.batch,
			"warning":     c.warning,
			"guard":       c.guard,
			"guard_batch": c.guardBatch,
			"guard_plain": c.guardPlain,
			"parallel": func() string {
				key := newKey()
				return together(func() string { return c.freshVerdict(key) })
			},
			"shared_connection": c.sharedConnection,
			"prepared":          c.prepared,
			"session_set":       c.sessionSet,
			"listen":            c.listen,
			"startup":           c.startup,
		})
	}
}
