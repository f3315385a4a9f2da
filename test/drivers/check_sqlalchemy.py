"""SQLAlchemy, on psycopg2."""
import concurrent.futures
import datetime
import decimal
import logging
import time
import uuid

import sqlalchemy
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError

from report import ARGS, ARGS_JSON, BIG, EXACT, HOST, PASSWORD, run, where


def engine(mode, pool="", user="worker", **options):
    port, database = where(mode, pool)
    return sqlalchemy.create_engine(f"postgresql+psycopg2://{user}:{PASSWORD}@{HOST}:{port}/{database}", **options)


def ask(connection, sql, **values):
    """A value that is (value, type) is bound with that type."""
    statement = text(sql).bindparams(*[bindparam(name, type_=value[1]) for name, value in values.items() if isinstance(value, tuple)])
    result = connection.execute(statement, {name: value[0] if isinstance(value, tuple) else value for name, value in values.items()})
    return result.fetchone() if result.returns_rows else None


class Checks:
    def __init__(self, mode):
        self.mode = mode
        self.connection = self.engine().connect()

    def engine(self, pool="", user="worker"):
        """As the guide says: AUTOCOMMIT."""
        return engine(self.mode, pool, user, isolation_level="AUTOCOMMIT")

    def ask(self, sql, **values):
        return ask(self.connection, sql, **values)

    def begun(self, argument, **values):
        verdict, call, args = self.ask(f"SELECT verdict, call_id, CAST(args AS text) FROM agentcore.call_begin('a', 't', {argument})", **values)
        assert verdict == "run", verdict
        return call, args

    def arrives(self, what, expected, *forms):
        """The first form in which the argument arrives as it was meant."""
        for word, argument, value in forms:
            try:
                call, args = self.begun(argument, value=value)
            except SQLAlchemyError as error:
                wrong = error
                continue
            came = args if what == "args" else self.ask("SELECT arrived(:call, :what)", call=call, what=what)[0]
            if came == expected:
                return word
            wrong = ValueError(came)
        raise wrong

    def cast(self):
        """text() takes no :name for a parameter when another colon follows."""
        try:
            self.ask("SELECT :value::jsonb", value="1")
            return "::"
        except SQLAlchemyError:
            return "CAST" if self.ask("SELECT CAST(CAST(:value AS jsonb) AS text)", value="1")[0] == "1" else "none"

    def usd_float(self):
        return self.arrives("usd", "0.5", ("as is", "est_usd => :value", 0.5))

    def usd_exact(self):
        return self.arrives("usd", EXACT, ("as is", "est_usd => :value", decimal.Decimal(EXACT)))

    def key_uuid(self):
        key = uuid.uuid4()
        return self.arrives("key", str(key), ("as is", "key => :value", key), ("text", "key => :value", str(key)))

    def args_object(self):
        return self.arrives("args", ARGS_JSON, ("as is", ":value", ARGS), ("wrapped", ":value", (ARGS, JSONB)))

    def args_string(self):
        return self.arrives("args", ARGS_JSON, ("as is", ":value", ARGS_JSON))

    def args_text(self):
        return self.arrives("args", ARGS_JSON, ("as is", "args_text => :value", ARGS_JSON))

    def result_text(self):
        call, _ = self.begun("key => NULL")
        assert self.ask("SELECT agentcore.call_commit(:call, result_text => :text)", call=call, text="no json")[0] == "committed"
        return "as is"

    def result_list(self):
        for word, value in (("as is", [1, "x"]), ("wrapped", ([1, "x"], JSONB))):
            call, _ = self.begun("est_tokens => :value", value=1)
            try:
                assert self.ask("SELECT agentcore.call_commit(:call, :value)", call=call, value=value)[0] == "committed"
                return word
            except SQLAlchemyError as error:
                wrong = error
        raise wrong

    def lease_duration(self):
        return self.arrives("lease", "90", ("as is", "lease => :value", datetime.timedelta(seconds=90)))

    def lease_seconds(self):
        return self.arrives("lease", "90", ("as is", "lease => :value", 90), ("make_interval", "lease => make_interval(secs => :value)", 90))

    def nulls(self):
        self.begun("args => :a, est_tokens => :b, est_usd => :c, key => :d, task => :e, subject => :f, budget => :g, lease => :h, args_text => :i, "
                   "holder => :j, tenant => :k", **dict.fromkeys("abcdefghijk"))
        return "as is"

    def read_jsonb(self):
        value, = self.ask("SELECT args FROM agentcore.call_begin('a', 't', :args)", args=ARGS_JSON)
        return "object" if value == ARGS else "text" if value == ARGS_JSON else repr(value)

    def read_interval(self):
        value, = self.ask("SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'")
        return "duration" if value == datetime.timedelta(days=1, hours=2, minutes=3, seconds=4.5) else repr(value)

    def read_numeric(self):
        call, _ = self.begun(f"est_usd => {EXACT}")
        value, = self.ask("SELECT held_usd FROM agentcore.permits WHERE permit = :call", call=call)
        return "exact" if value == decimal.Decimal(EXACT) else repr(value)

    def read_bigint(self):
        call, _ = self.begun(f"est_tokens => {BIG}")
        value, = self.ask("SELECT held_tokens FROM agentcore.permits WHERE permit = :call", call=call)
        return "exact" if value == BIG else repr(value)

    def read_wait(self):
        """retry_after_ms, of a call that is under way."""
        key = str(uuid.uuid4())
        self.begun("key => :key", key=key)
        value, = self.ask("SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => :key)", key=key)
        return "int" if type(value) is int and value > 0 else repr(value)

    def read_uuid(self):
        call, _ = self.begun("key => NULL")
        assert self.ask("SELECT agentcore.call_commit(:call)", call=call)[0] == "committed"
        return "uuid" if isinstance(call, uuid.UUID) else "text"

    def verdict_of(self, key):
        with self.engine().connect() as connection:
            return ask(connection, "SELECT verdict FROM agentcore.call_begin('a', 't', key => :key)", key=key)[0]

    def autocommit(self):
        """Closing the connection rolls back what was not committed."""
        key = str(uuid.uuid4())
        with engine(self.mode).connect() as connection:
            assert ask(connection, "SELECT verdict FROM agentcore.call_begin('a', 't', key => :key)", key=key)[0] == "run"
        return "on" if self.verdict_of(key) == "wait" else "off"

    def batch(self):
        """A statement that fails takes the run before it along."""
        key = str(uuid.uuid4())
        try:
            self.ask("SELECT verdict FROM agentcore.call_begin('a', 't', key => :key); SELECT 1 / 0", key=key)
        except SQLAlchemyError:
            pass
        return "one transaction" if self.verdict_of(key) == "run" else "each its own"

    def begin_and_commit(self, connection):
        call, = ask(connection, "SELECT call_id FROM agentcore.call_begin('a', :tool)", tool="t")
        assert ask(connection, "SELECT agentcore.call_commit(:call)", call=call)[0] == "committed"

    def warning(self):
        """A begin and its commit in one transaction are told by a WARNING.  It hands the driver's notices to Python's logging, at level INFO."""
        seen = []
        handler = logging.Handler()
        handler.emit = lambda record: seen.append(record.getMessage())
        logger = logging.getLogger("sqlalchemy.dialects.postgresql")
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        with engine(self.mode).begin() as connection:
            self.begin_and_commit(connection)
        return "in the log" if any("WARNING" in line for line in seen) else "lost"

    def guard(self):
        """The role's agentcore.budget_guard = error: a begin in a transaction is refused."""
        try:
            with engine(self.mode, user="guarded").begin() as connection:
                ask(connection, "SELECT call_id FROM agentcore.call_begin('a', 't')")
        except SQLAlchemyError as error:
            return error.orig.pgcode
        return "lost"

    def guard_batch(self):
        """So is one that is not the first of a batch."""
        try:
            with self.engine(user="guarded").connect() as connection:
                ask(connection, "SELECT 1; SELECT call_id FROM agentcore.call_begin('a', 't')")
        except SQLAlchemyError as error:
            return error.orig.pgcode
        return "lost"

    def guard_plain(self):
        """And nothing else is."""
        with self.engine(user="guarded").connect() as connection:
            self.begin_and_commit(connection)
        return "works"

    def parallel(self):
        key = str(uuid.uuid4())
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            verdicts = sorted(threads.map(lambda _: self.verdict_of(key), range(8)))
        return "one run" if verdicts == ["run"] + ["wait"] * 7 else str(verdicts)

    def shared_connection(self):
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            try:
                list(threads.map(lambda _: self.ask("SELECT pg_sleep(0.1)"), range(2)))
            except SQLAlchemyError:
                return "error"
        return "queued"

    def elsewhere(self, pool, statement, again):
        """The statement, then `again` when the pooler has another server connection for it, because the first is taken."""
        with self.engine(pool).connect() as connection, engine(self.mode, pool).connect() as other:
            for _ in range(10):
                ask(connection, statement)
            ask(other, "SELECT 1")
            return ask(connection, again)[0]

    def prepared(self):
        statement = "SELECT verdict FROM agentcore.call_begin('a', 't')"
        self.elsewhere("_prepared", statement, statement)
        return "works"

    def session_set(self):
        value = self.elsewhere("_set", "SET agentcore.budget_guard = 'error'", "SHOW agentcore.budget_guard")
        return "kept" if value == "error" else "lost"

    def listen(self):
        """On the driver's connection below."""
        with self.engine("_listen").connect() as connection:
            ask(connection, "LISTEN agentcore_budget")
            with engine("direct", isolation_level="AUTOCOMMIT").connect() as other:
                ask(other, "NOTIFY agentcore_budget, 'b'")
            below = connection.connection.dbapi_connection
            deadline = time.monotonic() + (100 if self.mode == "direct" else 1)
            while not below.notifies and time.monotonic() < deadline:
                time.sleep(0.05)
                below.poll()
            return "heard below" if [notify.payload for notify in below.notifies] == ["b"] else "lost"

    def startup(self):
        try:
            engine("direct" if self.mode == "direct" else "bare").connect().close()
            return "works"
        except SQLAlchemyError:
            return "refused"


run(Checks)
