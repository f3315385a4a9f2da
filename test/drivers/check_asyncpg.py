"""asyncpg.  It asks the server for the type of each parameter and insists on the matching Python type."""
import asyncio
import datetime
import decimal
import json
import uuid

import asyncpg

from report import ARGS, ARGS_JSON, BIG, CHECKS, EXACT, HOST, PASSWORD, report, where

WRONG = (asyncpg.PostgresError, asyncpg.InterfaceError)


async def connect(mode, pool="", user="worker", **options):
    port, database = where(mode, pool)
    return await asyncpg.connect(host=HOST, port=port, database=database, user=user, password=PASSWORD, **options)


class Checks:
    def __init__(self, mode):
        self.mode = mode
        self.connection = None

    def connect(self, pool="", user="worker", **options):
        """As the guide says: no cache of prepared statements behind a pooler."""
        if self.mode == "pooled":
            options.setdefault("statement_cache_size", 0)
        return connect(self.mode, pool, user, **options)

    async def ask(self, sql, *values):
        return await self.connection.fetchrow(sql, *values)

    async def begun(self, argument, *values):
        verdict, call, args = await self.ask(f"SELECT verdict, call_id, args::text FROM agentcore.call_begin('a', 't', {argument})", *values)
        assert verdict == "run", verdict
        return call, args

    async def arrives(self, what, expected, *forms):
        """The first form in which the argument arrives as it was meant."""
        for word, argument, value in forms:
            try:
                call, args = await self.begun(argument, value)
            except WRONG as error:
                wrong = error
                continue
            came = args if what == "args" else await self.connection.fetchval("SELECT arrived($1, $2)", call, what)
            if came == expected:
                return word
            wrong = ValueError(came)
        raise wrong

    async def cast(self):
        return "::" if (await self.ask("SELECT $1::jsonb::text", "1"))[0] == "1" else "CAST"

    async def usd_float(self):
        return await self.arrives("usd", "0.5", ("as is", "est_usd => $1", 0.5), ("::float8::numeric", "est_usd => $1::float8::numeric", 0.5))

    async def usd_exact(self):
        return await self.arrives("usd", EXACT, ("as is", "est_usd => $1", decimal.Decimal(EXACT)))

    async def key_uuid(self):
        key = uuid.uuid4()
        return await self.arrives("key", str(key), ("as is", "key => $1", key), ("text", "key => $1", str(key)))

    async def args_object(self):
        return await self.arrives("args", ARGS_JSON, ("as is", "$1", ARGS), ("text", "$1", json.dumps(ARGS)))

    async def args_string(self):
        return await self.arrives("args", ARGS_JSON, ("as is", "$1", ARGS_JSON))

    async def args_text(self):
        return await self.arrives("args", ARGS_JSON, ("as is", "args_text => $1", ARGS_JSON))

    async def result_text(self):
        call, _ = await self.begun("key => NULL")
        assert await self.connection.fetchval("SELECT agentcore.call_commit($1, result_text => $2)", call, "no json") == "committed"
        return "as is"

    async def result_list(self):
        for word, value in (("as is", [1, "x"]), ("text", json.dumps([1, "x"]))):
            call, _ = await self.begun("est_tokens => $1", 1)
            try:
                assert await self.connection.fetchval("SELECT agentcore.call_commit($1, $2)", call, value) == "committed"
                return word
            except WRONG as error:
                wrong = error
        raise wrong

    async def lease_duration(self):
        return await self.arrives("lease", "90", ("as is", "lease => $1", datetime.timedelta(seconds=90)))

    async def lease_seconds(self):
        return await self.arrives("lease", "90", ("as is", "lease => $1", 90), ("make_interval", "lease => make_interval(secs => $1)", 90))

    async def nulls(self):
        await self.begun("args => $1, est_tokens => $2, est_usd => $3, key => $4, task => $5, subject => $6, budget => $7, lease => $8, "
                         "args_text => $9, holder => $10, tenant => $11", *[None] * 11)
        return "as is"

    async def read_jsonb(self):
        value, = await self.ask("SELECT args FROM agentcore.call_begin('a', 't', $1)", ARGS_JSON)
        return "object" if value == ARGS else "text" if value == ARGS_JSON else repr(value)

    async def read_interval(self):
        value, = await self.ask("SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'")
        return "duration" if value == datetime.timedelta(days=1, hours=2, minutes=3, seconds=4.5) else repr(value)

    async def read_numeric(self):
        call, _ = await self.begun(f"est_usd => {EXACT}")
        value, = await self.ask("SELECT held_usd FROM agentcore.permits WHERE permit = $1", call)
        return "exact" if value == decimal.Decimal(EXACT) else repr(value)

    async def read_bigint(self):
        call, _ = await self.begun(f"est_tokens => {BIG}")
        value, = await self.ask("SELECT held_tokens FROM agentcore.permits WHERE permit = $1", call)
        return "exact" if value == BIG else repr(value)

    async def read_wait(self):
        """retry_after_ms, of a call that is under way."""
        key = str(uuid.uuid4())
        await self.begun("key => $1", key)
        value, = await self.ask("SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => $1)", key)
        return "int" if type(value) is int and value > 0 else repr(value)

    async def read_uuid(self):
        call, _ = await self.begun("key => NULL")
        assert await self.connection.fetchval("SELECT agentcore.call_commit($1)", call) == "committed"
        return "uuid" if isinstance(call, uuid.UUID) else "text"

    async def verdict_of(self, key):
        connection = await self.connect()
        try:
            return await connection.fetchval("SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", key)
        finally:
            await connection.close()

    async def autocommit(self):
        key = str(uuid.uuid4())
        await self.begun("key => $1", key)
        return "on" if await self.verdict_of(key) == "wait" else "off"

    async def batch(self):
        """A statement that fails takes the run before it along."""
        key = str(uuid.uuid4())
        try:
            await self.connection.execute(f"SELECT verdict FROM agentcore.call_begin('a', 't', key => '{key}'); SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            pass
        return "one transaction" if await self.verdict_of(key) == "run" else "each its own"

    async def begin_and_commit(self, connection):
        call = await connection.fetchval("SELECT call_id FROM agentcore.call_begin('a', $1)", "t")
        assert await connection.fetchval("SELECT agentcore.call_commit($1)", call) == "committed"

    async def warning(self):
        """A begin and its commit in one transaction are told by a WARNING."""
        seen = []
        connection = await self.connect()
        connection.add_log_listener(lambda _, message: seen.append(message.severity_en))
        async with connection.transaction():
            await self.begin_and_commit(connection)
        await asyncio.sleep(0)
        await connection.close()
        return "by handler" if "WARNING" in seen else "lost"

    async def guard(self):
        """The role's agentcore.budget_guard = error: a begin in a transaction is refused."""
        connection = await self.connect(user="guarded")
        try:
            async with connection.transaction():
                await connection.fetch("SELECT call_id FROM agentcore.call_begin('a', 't')")
        except asyncpg.PostgresError as error:
            return error.sqlstate
        finally:
            await connection.close()
        return "lost"

    async def guard_batch(self):
        """So is one that is not the first of a batch."""
        connection = await self.connect(user="guarded")
        try:
            await connection.execute("SELECT 1; SELECT call_id FROM agentcore.call_begin('a', 't')")
        except asyncpg.PostgresError as error:
            return error.sqlstate
        finally:
            await connection.close()
        return "lost"

    async def guard_plain(self):
        """And nothing else is."""
        connection = await self.connect(user="guarded")
        await self.begin_and_commit(connection)
        await connection.close()
        return "works"

    async def parallel(self):
        key = str(uuid.uuid4())
        verdicts = sorted(await asyncio.gather(*[self.verdict_of(key) for _ in range(8)]))
        return "one run" if verdicts == ["run"] + ["wait"] * 7 else str(verdicts)

    async def shared_connection(self):
        sleeps = await asyncio.gather(*[self.ask("SELECT pg_sleep(0.1)") for _ in range(2)], return_exceptions=True)
        return "error" if any(isinstance(sleep, asyncpg.InterfaceError) for sleep in sleeps) else "queued"

    async def elsewhere(self, connection, pool, statement, again):
        """The statement, then `again` when the pooler has another server connection for it, because the first is taken."""
        for _ in range(10):
            await connection.fetch(statement)
        other = await self.connect(pool)
        async with other.transaction():
            await other.fetch("SELECT 1")
            value = await connection.fetchval(again)
        await other.close()
        return value

    async def prepared(self):
        async def repeated(**options):
            statement = "SELECT verdict FROM agentcore.call_begin('a', 't')"
            connection = await connect(self.mode, "_prepared", **options)
            try:
                await self.elsewhere(connection, "_prepared", statement, statement)
            finally:
                connection.terminate()
        try:
            await repeated()
            return "works"
        except asyncpg.PostgresError:
            await repeated(statement_cache_size=0)
            return "statement_cache_size"

    async def session_set(self):
        connection = await self.connect("_set")
        value = await self.elsewhere(connection, "_set", "SET agentcore.budget_guard = 'error'", "SHOW agentcore.budget_guard")
        connection.terminate()
        return "kept" if value == "error" else "lost"

    async def listen(self):
        heard = asyncio.Queue()
        connection = await self.connect("_listen")
        await connection.add_listener("agentcore_budget", lambda _connection, _pid, _channel, payload: heard.put_nowait(payload))
        await (await connect("direct")).execute("NOTIFY agentcore_budget, 'b'")
        try:
            payload = await asyncio.wait_for(heard.get(), 100 if self.mode == "direct" else 1)
        except asyncio.TimeoutError:
            payload = None
        connection.terminate()
        return "heard" if payload == "b" else "lost"

    async def startup(self):
        try:
            await (await connect("direct" if self.mode == "direct" else "bare", statement_cache_size=0)).close()
            return "works"
        except asyncpg.PostgresError:
            return "refused"


async def main():
    for mode in ("direct", "pooled"):
        checks = Checks(mode)
        checks.connection = await checks.connect()
        for check in CHECKS:
            try:
                finding = await getattr(checks, check)()
            except Exception as error:
                finding = error
            report(mode, check, finding)


asyncio.run(main())
