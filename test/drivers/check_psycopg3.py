"""psycopg 3."""
import concurrent.futures
import datetime
import decimal
import time
import uuid

import psycopg
from psycopg.types.json import Jsonb

from report import ARGS, ARGS_JSON, BIG, EXACT, HOST, PASSWORD, run, where


def connect(mode, pool="", user="worker", **options):
    port, database = where(mode, pool)
    return psycopg.connect(host=HOST, port=port, dbname=database, user=user, password=PASSWORD, **options)


class Checks:
    def __init__(self, mode):
        self.mode = mode
        self.connection = self.connect()

    def connect(self, pool="", user="worker", **options):
        """As the guide says: autocommit, and no prepared statements behind a pooler."""
        if self.mode == "pooled":
            options.setdefault("prepare_threshold", None)
        return connect(self.mode, pool, user, autocommit=True, **options)

    def ask(self, sql, *values):
        return self.connection.execute(sql, values).fetchone()

    def begun(self, argument, *values):
        verdict, call, args = self.ask(f"SELECT verdict, call_id, args::text FROM agentcore.call_begin('a', 't', {argument})", *values)
        assert verdict == "run", verdict
        return call, args

    def arrives(self, what, expected, *forms):
        """The first form in which the argument arrives as it was meant."""
        for word, argument, value in forms:
            try:
                call, args = self.begun(argument, value)
            except (psycopg.Error, TypeError) as error:
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
        return self.arrives("usd", "0.5", ("as is", "est_usd => %s", 0.5), ("::numeric", "est_usd => %s::numeric", 0.5))

    def usd_exact(self):
        return self.arrives("usd", EXACT, ("as is", "est_usd => %s", decimal.Decimal(EXACT)))

    def key_uuid(self):
        key = uuid.uuid4()
        return self.arrives("key", str(key), ("as is", "key => %s", key), ("::text", "key => %s::text", key))

    def args_object(self):
        return self.arrives("args", ARGS_JSON, ("as is", "%s", ARGS), ("wrapped", "%s", Jsonb(ARGS)))

    def args_string(self):
        return self.arrives("args", ARGS_JSON, ("as is", "%s", ARGS_JSON), ("::jsonb", "%s::jsonb", ARGS_JSON))

    def args_text(self):
        return self.arrives("args", ARGS_JSON, ("as is", "args_text => %s", ARGS_JSON))

    def result_text(self):
        call, _ = self.begun("key => NULL")
        assert self.ask("SELECT agentcore.call_commit(%s, result_text => %s)", call, "no json")[0] == "committed"
        return "as is"

    def result_list(self):
        for word, value in (("as is", [1, "x"]), ("wrapped", Jsonb([1, "x"]))):
            call, _ = self.begun("est_tokens => %s", 1)
            try:
                assert self.ask("SELECT agentcore.call_commit(%s, %s)", call, value)[0] == "committed"
                return word
            except psycopg.Error as error:
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
        return "on" if connect(self.mode).autocommit else "off"

    def batch(self):
        """A statement that fails takes the run before it along."""
        key = str(uuid.uuid4())
        begin = "SELECT verdict, attempt FROM agentcore.call_begin('a', 't', key => %s)"
        try:
            with self.connection.pipeline():
                run = self.connection.execute(begin, (key,))
                self.connection.execute("SELECT 1 / 0")
        except psycopg.Error:
            pass
        assert run.fetchone() == ("run", 1)
        return "one transaction" if self.ask(begin, key) == ("run", 1) else "each its own"

    def warning(self):
        """A begin and its commit in one transaction are told by a WARNING."""
        seen = []
        with self.connect() as connection:
            connection.add_notice_handler(lambda notice: seen.append(notice.severity_nonlocalized))
            with connection.transaction():
                call, = connection.execute("SELECT call_id FROM agentcore.call_begin('a', 't')").fetchone()
                connection.execute("SELECT agentcore.call_commit(%s)", (call,))
        return "by handler" if "WARNING" in seen else "lost"

    def guard(self):
        """The role's agentcore.budget_guard = error: a begin in a transaction is refused."""
        try:
            with self.connect(user="guarded") as connection, connection.transaction():
                connection.execute("SELECT call_id FROM agentcore.call_begin('a', 't')")
        except psycopg.Error as error:
            return error.sqlstate
        return "lost"

    def guard_batch(self):
        """So is one that is not the first of a batch."""
        try:
            with self.connect(user="guarded") as connection, connection.pipeline():
                connection.execute("SELECT 1")
                connection.execute("SELECT call_id FROM agentcore.call_begin('a', 't')")
        except psycopg.Error as error:
            return error.sqlstate
        return "lost"

    def guard_plain(self):
        """And nothing else is."""
        with self.connect(user="guarded") as connection:
            call, = connection.execute("SELECT call_id FROM agentcore.call_begin('a', %s)", ("t",)).fetchone()
            assert connection.execute("SELECT agentcore.call_commit(%s)", (call,)).fetchone()[0] == "committed"
        return "works"

    def parallel(self):
        key = str(uuid.uuid4())

        def begin(_):
            with self.connect() as connection:
                return connection.execute("SELECT verdict FROM agentcore.call_begin('a', 't', key => %s)", (key,)).fetchone()[0]
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            verdicts = sorted(threads.map(begin, range(8)))
        return "one run" if verdicts == ["run"] + ["wait"] * 7 else str(verdicts)

    def shared_connection(self):
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            try:
                list(threads.map(lambda _: self.ask("SELECT pg_sleep(0.1)"), range(2)))
            except psycopg.Error:
                return "error"
        return "queued"

    def elsewhere(self, connection, statement, again):
        """The statement, then `again` when the pooler has another server connection for it, because the first is taken."""
        for _ in range(10):
            connection.execute(statement)
        with connect(self.mode, "_" + again[0]) as other:
            other.execute("SELECT 1")
            return connection.execute(again[1]).fetchone()[0]

    def prepared(self):
        def repeated(**options):
            with connect(self.mode, "_prepared", autocommit=True, **options) as connection:
                statement = "SELECT verdict FROM agentcore.call_begin('a', 't')"
                return self.elsewhere(connection, statement, ("prepared", statement))
        try:
            repeated()
            return "works"
        except psycopg.Error:
            repeated(prepare_threshold=None)
            return "prepare_threshold"

    def session_set(self):
        with self.connect(pool="_set") as connection:
            value = self.elsewhere(connection, "SET agentcore.budget_guard = 'error'", ("set", "SHOW agentcore.budget_guard"))
        return "kept" if value == "error" else "lost"

    def listen(self):
        with self.connect(pool="_listen") as connection:
            connection.execute("LISTEN agentcore_budget")
            connect("direct", autocommit=True).execute("NOTIFY agentcore_budget, 'b'")
            heard = []
            connection.add_notify_handler(lambda notify: heard.append(notify.payload))
            deadline = time.monotonic() + (100 if self.mode == "direct" else 1)
            while not heard and time.monotonic() < deadline:
                time.sleep(0.05)
                connection.execute("SELECT 1")
        return "heard" if heard == ["b"] else "lost"

    def startup(self):
        try:
            connect("direct" if self.mode == "direct" else "bare").close()
            return "works"
        except psycopg.OperationalError:
            return "refused"


run(Checks)
