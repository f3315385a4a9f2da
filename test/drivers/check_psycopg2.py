"""psycopg2.  It writes the values into the statement, so nothing is prepared and every literal is untyped."""
import concurrent.futures
import datetime
import decimal
import time
import uuid

import psycopg2
import psycopg2.extras

from report import ARGS, ARGS_JSON, BIG, EXACT, HOST, PASSWORD, run, where


def connect(mode, pool="", user="worker", autocommit=True):
    port, database = where(mode, pool)
    connection = psycopg2.connect(host=HOST, port=port, dbname=database, user=user, password=PASSWORD)
    if autocommit:
        connection.autocommit = True
    return connection


def ask(connection, sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() if cursor.description else None


class Checks:
    def __init__(self, mode):
        self.mode = mode
        self.connection = connect(mode)

    def ask(self, sql, *values):
        return ask(self.connection, sql, *values)

    def begun(self, argument, *values):
        verdict, call, args = self.ask(f"SELECT verdict, call_id, args::text FROM agentcore.call_begin('a', 't', {argument})", *values)
        assert verdict == "run", verdict
        return call, args

    def arrives(self, what, expected, *forms):
        """The first form in which the argument arrives as it was meant."""
        for word, argument, value in forms:
            try:
                call, args = self.begun(argument, value)
            except psycopg2.Error as error:
                wrong = error
                continue
            came = args if what == "args" else self.ask("SELECT arrived(%s, %s)", call, what)[0]
            if came == expected:
                return word
            wrong = ValueError(came)
        raise wrong

    def cast(self):
        return "::" if self.ask("SELECT %s::jsonb::text", "1")[0] == "1" else "CAST"

    def usd_float(self):
        return self.arrives("usd", "0.5", ("as is", "est_usd => %s", 0.5))

    def usd_exact(self):
        return self.arrives("usd", EXACT, ("as is", "est_usd => %s", decimal.Decimal(EXACT)))

    def key_uuid(self):
        """psycopg2.extras.register_uuid() writes it as a typed literal, so str() is the way."""
        key = uuid.uuid4()
        return self.arrives("key", str(key), ("as is", "key => %s", key), ("text", "key => %s", str(key)))

    def args_object(self):
        return self.arrives("args", ARGS_JSON, ("as is", "%s", ARGS), ("wrapped", "%s", psycopg2.extras.Json(ARGS)))

    def args_string(self):
        return self.arrives("args", ARGS_JSON, ("as is", "%s", ARGS_JSON))

    def args_text(self):
        return self.arrives("args", ARGS_JSON, ("as is", "args_text => %s", ARGS_JSON))

    def result_text(self):
        call, _ = self.begun("key => NULL")
        assert self.ask("SELECT agentcore.call_commit(%s, result_text => %s)", call, "no json")[0] == "committed"
        return "as is"

    def result_list(self):
        for word, value in (("as is", [1, "x"]), ("wrapped", psycopg2.extras.Json([1, "x"]))):
            call, _ = self.begun("est_tokens => %s", 1)
            try:
                assert self.ask("SELECT agentcore.call_commit(%s, %s)", call, value)[0] == "committed"
                return word
            except psycopg2.Error as error:
                wrong = error
        raise wrong

    def lease_duration(self):
        return self.arrives("lease", "90", ("as is", "lease => %s", datetime.timedelta(seconds=90)))

    def lease_seconds(self):
        return self.arrives("lease", "90", ("as is", "lease => %s", 90), ("make_interval", "lease => make_interval(secs => %s)", 90))

    def nulls(self):
        self.begun("args => %s, est_tokens => %s, est_usd => %s, key => %s, task => %s, subject => %s, budget => %s, lease => %s, "
                   "args_text => %s, holder => %s, tenant => %s", *[None] * 11)
        return "as is"

    def read_jsonb(self):
        value, = self.ask("SELECT args FROM agentcore.call_begin('a', 't', %s)", ARGS_JSON)
        return "object" if value == ARGS else "text" if value == ARGS_JSON else repr(value)

    def read_interval(self):
        value, = self.ask("SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'")
        return "duration" if value == datetime.timedelta(days=1, hours=2, minutes=3, seconds=4.5) else repr(value)

    def read_numeric(self):
        call, _ = self.begun(f"est_usd => {EXACT}")
        value, = self.ask("SELECT held_usd FROM agentcore.permits WHERE permit = %s", call)
        return "exact" if value == decimal.Decimal(EXACT) else repr(value)

    def read_bigint(self):
        call, _ = self.begun(f"est_tokens => {BIG}")
        value, = self.ask("SELECT held_tokens FROM agentcore.permits WHERE permit = %s", call)
        return "exact" if value == BIG else repr(value)

    def read_wait(self):
        """retry_after_ms, of a call that is under way."""
        key = str(uuid.uuid4())
        self.begun("key => %s", key)
        value, = self.ask("SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => %s)", key)
        return "int" if type(value) is int and value > 0 else repr(value)

    def read_uuid(self):
        call, _ = self.begun("key => NULL")
        assert self.ask("SELECT agentcore.call_commit(%s)", call)[0] == "committed"
        return "uuid" if isinstance(call, uuid.UUID) else "text"

    def autocommit(self):
        return "on" if connect(self.mode, autocommit=False).autocommit else "off"

    def batch(self):
        """A statement that fails takes the run before it along."""
        key = str(uuid.uuid4())
        begin = "SELECT verdict, attempt FROM agentcore.call_begin('a', 't', key => %s)"
        try:
            self.ask(begin + "; SELECT 1 / 0", key)
        except psycopg2.Error:
            pass
        return "one transaction" if self.ask(begin, key) == ("run", 1) else "each its own"

    def begin_and_commit(self, connection):
        call, = ask(connection, "SELECT call_id FROM agentcore.call_begin('a', %s)", "t")
        assert ask(connection, "SELECT agentcore.call_commit(%s)", call)[0] == "committed"

    def warning(self):
        """A begin and its commit in one transaction are told by a WARNING."""
        connection = connect(self.mode, autocommit=False)
        with connection:
            self.begin_and_commit(connection)
        return "kept" if any("WARNING" in notice for notice in connection.notices) else "lost"

    def guard(self):
        """The role's agentcore.budget_guard = error: a begin in a transaction is refused."""
        try:
            ask(connect(self.mode, user="guarded", autocommit=False), "SELECT call_id FROM agentcore.call_begin('a', 't')")
        except psycopg2.Error as error:
            return error.pgcode
        return "lost"

    def guard_batch(self):
        """So is one that is not the first of a batch."""
        try:
            ask(connect(self.mode, user="guarded"), "SELECT 1; SELECT call_id FROM agentcore.call_begin('a', 't')")
        except psycopg2.Error as error:
            return error.pgcode
        return "lost"

    def guard_plain(self):
        """And nothing else is."""
        self.begin_and_commit(connect(self.mode, user="guarded"))
        return "works"

    def parallel(self):
        key = str(uuid.uuid4())
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            verdicts = sorted(threads.map(
                lambda _: ask(connect(self.mode), "SELECT verdict FROM agentcore.call_begin('a', 't', key => %s)", key)[0], range(8)))
        return "one run" if verdicts == ["run"] + ["wait"] * 7 else str(verdicts)

    def shared_connection(self):
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            try:
                list(threads.map(lambda _: self.ask("SELECT pg_sleep(0.1)"), range(2)))
            except psycopg2.Error:
                return "error"
        return "queued"

    def elsewhere(self, pool, statement, again):
        """The statement, then `again` when the pooler has another server connection for it, because the first is taken."""
        connection = connect(self.mode, pool)
        for _ in range(10):
            ask(connection, statement)
        other = connect(self.mode, pool, autocommit=False)
        ask(other, "SELECT 1")
        value, = ask(connection, again)
        other.close()
        return value

    def prepared(self):
        statement = "SELECT verdict FROM agentcore.call_begin('a', 't')"
        self.elsewhere("_prepared", statement, statement)
        return "works"

    def session_set(self):
        value = self.elsewhere("_set", "SET agentcore.budget_guard = 'error'", "SHOW agentcore.budget_guard")
        return "kept" if value == "error" else "lost"

    def listen(self):
        connection = connect(self.mode, "_listen")
        ask(connection, "LISTEN agentcore_budget")
        ask(connect("direct"), "NOTIFY agentcore_budget, 'b'")
        deadline = time.monotonic() + (100 if self.mode == "direct" else 1)
        while not connection.notifies and time.monotonic() < deadline:
            time.sleep(0.05)
            connection.poll()
        return "heard" if [notify.payload for notify in connection.notifies] == ["b"] else "lost"

    def startup(self):
        try:
            connect("direct" if self.mode == "direct" else "bare").close()
            return "works"
        except psycopg2.OperationalError:
            return "refused"


run(Checks)
