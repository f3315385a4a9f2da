// lib/pq, by database/sql.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lib/pq"
)

var ctx = context.Background()

// Connections are kept as long as the pool.
func connect(mode, pool, user, more string) *sql.DB {
	db, err := sql.Open("postgres", dsn("lib_pq", mode, pool, user)+more)
	try(err)
	return db
}

type checker struct {
	mode string
	db   *sql.DB
}

// As the guide says: a statement and its values in one message behind a pooler.
func (c *checker) open(pool, user string) *sql.DB {
	return connect(c.mode, pool, user, either(c.mode == "pooled", " binary_parameters=yes", ""))
}

func (c *checker) begun(argument string, values ...interface{}) (id, args string, err error) {
	var verdict string
	row := c.db.QueryRow("SELECT verdict, call_id, args::text FROM agentcore.call_begin('a', 't', "+argument+")", values...)
	if err = row.Scan(&verdict, &id, &args); err == nil && verdict != "run" {
		err = errors.New(verdict)
	}
	return id, args, err
}

// What is asked of the call that is begun with this argument.
func (c *checker) after(argument, query string, into interface{}) {
	id, _, err := c.begun(argument)
	try(err)
	try(c.db.QueryRow(query, id).Scan(into))
}

// The first form in which the argument arrives as it was meant.
func (c *checker) arrives(what, expected string, forms ...form) string {
	var wrong error
	for _, one := range forms {
		id, came, err := c.begun(one.argument, one.value)
		if err != nil {
			wrong = err
			continue
		}
		if what != "args" {
			try(c.db.QueryRow("SELECT arrived($1, $2)", id, what).Scan(&came))
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
		id, _, err := c.begun("est_tokens => $1", 1)
		try(err)
		var verdict string
		if c.db.QueryRow("SELECT agentcore.call_commit($1, $2)", id, one.value).Scan(&verdict) == nil && verdict == "committed" {
			return one.word
		}
	}
	return "none"
}

func (c *checker) resultText() string {
	id, _, err := c.begun("key => NULL")
	try(err)
	var verdict string
	try(c.db.QueryRow("SELECT agentcore.call_commit($1, result_text => $2)", id, "no json").Scan(&verdict))
	return either(verdict == "committed", "as is", verdict)
}

// retry_after_ms, of a call that is under way.
func (c *checker) readWait() string {
	key := newKey()
	verdictOf(c.db, key)
	var value int64
	try(c.db.QueryRow("SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => $1)", key).Scan(&value))
	return either(value > 0, "int", "none")
}

func verdictOf(db *sql.DB, key string) string {
	var verdict string
	try(db.QueryRow("SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", key).Scan(&verdict))
	return verdict
}

func (c *checker) freshVerdict(key string) string {
	db := c.open("", "worker")
	defer db.Close()
	return verdictOf(db, key)
}

// A statement that fails takes the run before it along.
func (c *checker) batch() string {
	key := newKey()
	if _, err := c.db.Exec("SELECT verdict FROM agentcore.call_begin('a', 't', key => '" + key + "'); SELECT 1 / 0"); err == nil {
		return "no error"
	}
	return either(c.freshVerdict(key) == "run", "one transaction", "each its own")
}

type asker interface {
	QueryRow(query string, args ...interface{}) *sql.Row
}

func beginAndCommit(on asker) error {
	var id, verdict string
	if err := on.QueryRow("SELECT call_id FROM agentcore.call_begin('a', $1)", "t").Scan(&id); err != nil {
		return err
	}
	return on.QueryRow("SELECT agentcore.call_commit($1)", id).Scan(&verdict)
}

func inTransaction(db *sql.DB) error {
	defer db.Close()
	tx, err := db.Begin()
	try(err)
	defer tx.Rollback()
	if err = beginAndCommit(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func state(err error) string {
	var known *pq.Error
	if errors.As(err, &known) {
		return string(known.Code)
	}
	return either(err == nil, "works", "lost")
}

// A begin and its commit in one transaction are told by a WARNING.
func (c *checker) warning() string {
	seen := false
	connector, err := pq.NewConnector(dsn("lib_pq", c.mode, "", "worker") + either(c.mode == "pooled", " binary_parameters=yes", ""))
	try(err)
	try(inTransaction(sql.OpenDB(pq.ConnectorWithNoticeHandler(connector, func(notice *pq.Error) { seen = seen || notice.Severity == "WARNING" }))))
	return either(seen, "by handler", "lost")
}

// The role's agentcore.budget_guard = error: a begin in a transaction is refused.
func (c *checker) guard() string { return state(inTransaction(c.open("", "guarded"))) }

// So is one that is not the first of a batch.
func (c *checker) guardBatch() string {
	db := c.open("", "guarded")
	defer db.Close()
	_, err := db.Exec("SELECT 1; SELECT call_id FROM agentcore.call_begin('a', 't')")
	return state(err)
}

// And nothing else is.
func (c *checker) guardPlain() string {
	db := c.open("", "guarded")
	defer db.Close()
	return state(beginAndCommit(db))
}

func (c *checker) sharedConnection() string {
	conn, err := c.db.Conn(ctx)
	try(err)
	defer conn.Close()
	var both sync.WaitGroup
	failed := make([]error, 2)
	for i := range failed {
		both.Add(1)
		go func(i int) {
			defer both.Done()
			_, failed[i] = conn.ExecContext(ctx, "SELECT pg_sleep(0.5)")
		}(i)
	}
	both.Wait()
	return either(failed[0] == nil && failed[1] == nil, "queued", "error")
}

// The statement, then `again` when the pooler has another server connection for it, because the first is taken.
func (c *checker) elsewhere(db *sql.DB, pool, statement, again string) (value string) {
	conn, err := db.Conn(ctx)
	try(err)
	defer db.Close()
	for i := 0; i < 10; i++ {
		_, err = conn.ExecContext(ctx, statement)
		try(err)
	}
	other := c.open(pool, "worker")
	defer other.Close()
	tx, err := other.Begin()
	try(err)
	defer tx.Rollback()
	try(conn.QueryRowContext(ctx, again).Scan(&value))
	return value
}

// A statement with values is sent in two messages, and round robin gives each another server connection.
func (c *checker) repeated(more string) error {
	db, other := connect(c.mode, "_prepared", "worker", more), c.open("_prepared", "worker")
	defer db.Close()
	defer other.Close()
	var second [2]*sql.Tx
	for i := range second {
		tx, err := other.Begin()
		try(err)
		_, err = tx.Exec("SELECT 1")
		try(err)
		second[i] = tx
	}
	for _, tx := range second {
		try(tx.Rollback())
	}
	for i := 0; i < 10; i++ {
		if _, err := db.Exec("SELECT verdict FROM agentcore.call_begin('a', $1)", "t"); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) prepared() string {
	if c.repeated("") == nil {
		return "works"
	}
	try(c.repeated(" binary_parameters=yes"))
	return "binary_parameters"
}

func (c *checker) listen() string {
	more := either(c.mode == "pooled", " binary_parameters=yes", "")
	listener := pq.NewListener(dsn("lib_pq", c.mode, "_listen", "worker")+more, time.Second, time.Minute, nil)
	defer listener.Close()
	try(listener.Listen("agentcore_budget"))
	other := connect("direct", "", "worker", "")
	defer other.Close()
	_, err := other.Exec("NOTIFY agentcore_budget, 'b'")
	try(err)
	select {
	case heard := <-listener.Notify:
		return either(heard != nil && heard.Extra == "b", "heard", "lost")
	case <-time.After(patience(c.mode)):
		return "lost"
	}
}

func (c *checker) startup() string {
	db := connect(either(c.mode == "direct", "direct", "bare"), "", "worker", "")
	defer db.Close()
	return either(db.Ping() == nil, "works", "refused")
}

func (c *checker) readJSONB() string {
	var value interface{}
	try(c.db.QueryRow("SELECT args FROM agentcore.call_begin('a', 't', $1)", argsJSON).Scan(&value))
	return either(string(value.([]byte)) == argsJSON, "text", "object")
}

func (c *checker) readInterval() string {
	var value interface{}
	try(c.db.QueryRow("SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'").Scan(&value))
	return either(string(value.([]byte)) == "1 day 02:03:04.5", "text", fmt.Sprint(value))
}

func (c *checker) readNumeric() string {
	var value string
	c.after("est_usd => "+exact, "SELECT held_usd FROM agentcore.permits WHERE permit = $1", &value)
	return either(value == exact, "text", value)
}

func (c *checker) readBigint() string {
	var value int64
	c.after("est_tokens => 9007199254740993", "SELECT held_tokens FROM agentcore.permits WHERE permit = $1", &value)
	return either(value == big, "exact", "rounded")
}

func (c *checker) readUUID() string {
	var verdict string
	id, _, err := c.begun("key => NULL")
	try(err)
	try(c.db.QueryRow("SELECT agentcore.call_commit($1)", id).Scan(&verdict))
	return either(verdict == "committed", "text", verdict)
}

func main() {
	for _, mode := range []string{"direct", "pooled"} {
		c := &checker{mode: mode}
		c.db = c.open("", "worker")
		report(mode, map[string]func() string{
			"cast": func() string {
				var text string
				try(c.db.QueryRow("SELECT $1::jsonb::text", "1").Scan(&text))
				return either(text == "1", "::", "CAST")
			},
			"usd_float": func() string { return c.arrives("usd", "0.5", form{"as is", "est_usd => $1", 0.5}) },
			"usd_exact": func() string { return c.arrives("usd", exact, form{"text", "est_usd => $1", exact}) },
			"key_uuid": func() string {
				key := newKey()
				return c.arrives("key", key, form{"text", "key => $1", key})
			},
			"args_object": func() string {
				encoded, err := json.Marshal(args)
				try(err)
				return c.arrives("args", argsJSON, form{"as is", "$1", args}, form{"text", "$1", string(encoded)})
			},
			"args_string": func() string { return c.arrives("args", argsJSON, form{"as is", "$1", argsJSON}) },
			"args_text":   func() string { return c.arrives("args", argsJSON, form{"as is", "args_text => $1", argsJSON}) },
			"result_text": c.resultText,
			"result_list": c.resultList,
			"lease_duration": func() string {
				return c.arrives("lease", "90", form{"as is", "lease => $1", 90 * time.Second}, form{"text", "lease => $1", "90 s"})
			},
			"lease_seconds": func() string {
				return c.arrives("lease", "90", form{"as is", "lease => $1", 90})
			},
			"nulls": func() string {
				_, _, err := c.begun("args => $1, est_tokens => $2, est_usd => $3, key => $4, task => $5, subject => $6, budget => $7, lease => $8, args_text => $9, holder => $10, tenant => $11",
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
				verdictOf(c.db, key)
				return either(c.freshVerdict(key) == "wait", "on", "off")
			},
			"batch":       c.batch,
			"warning":     c.warning,
			"guard":       c.guard,
			"guard_batch": c.guardBatch,
			"guard_plain": c.guardPlain,
			"parallel": func() string {
				key := newKey()
				return together(func() string { return verdictOf(c.db, key) })
			},
			"shared_connection": c.sharedConnection,
			"prepared":          c.prepared,
			"session_set": func() string {
				value := c.elsewhere(c.open("_set", "worker"), "_set", "SET agentcore.budget_guard = 'error'", "SHOW agentcore.budget_guard")
				return either(value == "error", "kept", "lost")
			},
			"listen":  c.listen,
			"startup": c.startup,
		})
	}
}
