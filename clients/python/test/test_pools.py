"""The pools of psycopg_pool, as they come and over lost connections."""
import asyncio
import os
import unittest

try:
    import psycopg_pool
except ImportError:
    psycopg_pool = None

import agentcore
from support import GateTest, Loop, Threads


def options(proxy):
    return {"conninfo": f"host={proxy.host} port={proxy.port} dbname={os.environ['PGDATABASE']}", "min_size": 1, "max_size": 4, "open": False}


class PooledThreads(Threads):
    def __init__(self, proxy, **rules):
        self.pool = psycopg_pool.ConnectionPool(**options(proxy))
        self.pool.open()
        self.gate = agentcore.Gate(self.pool, **rules)


class PooledLoop(Loop):
    name = "psycopg under asyncio"

    async def make(self, proxy, rules):
        pool = psycopg_pool.AsyncConnectionPool(**options(proxy))
        await pool.open()
        return agentcore.AsyncGate(pool, **rules)


class Pools:
    """Their connections open a transaction with each statement unless told otherwise."""

    def test_calls_over_lost_connections(self):
        client = self.client(reconnect=300.0, settle_wait=300.0)
        for statement in ("call_begin", "call_commit"):
            for when in ("before", "after"):
                self.proxy.drop(statement, when)
                self.assertTrue(client.call(None, self.pay, {}, self.does(self.pay)).ok)
        self.proxy.cut()
        self.assertTrue(client.call(None, self.pay, {}, self.does(self.pay)).ok)
        self.assertEqual((self.proxy.used, self.permits()), (4, [("committed", 1)] * 5))

    def test_a_pool_gets_its_connections_back_as_they_were(self):
        client = self.client()
        client.call(None, self.pay, {}, self.does(self.pay))
        pool = client.gate._pool

        if self.kind is PooledThreads:
            with pool.connection() as connection:
                self.assertFalse(connection.autocommit)
            return

        async def look():
            async with pool.connection() as connection:
                return connection.autocommit
        self.assertFalse(client.run(look()))


class Loops(GateTest):
    def test_a_gate_serves_one_event_loop_after_another(self):
        gate = agentcore.AsyncGate(f"dbname={os.environ['PGDATABASE']}", agent=self.agent)

        async def tool(args):
            await asyncio.sleep(0)
            self.effects.add(agentcore.current().call_id, self.pay, agentcore.current().key)
            return "done"

        async def calls():
            return [result.settled for result in await asyncio.gather(*[gate.call(None, self.pay, {}, tool) for _ in range(25)])]

        for _ in range(3):
            self.assertEqual(asyncio.run(calls()), ["committed"] * 25)

    def test_a_pool_that_does_not_close_is_given_up(self):
        class Stuck:
            ended = False

            async def close(self):
                await asyncio.Event().wait()

            def terminate(self):
                self.ended = True

        pool = Stuck()
        with self.assertLogs("agentcore", "WARNING"):
            asyncio.run(agentcore.AsyncGate(pool, answer_wait=0.05).close())
        self.assertTrue(pool.ended)


for kind in (PooledThreads, PooledLoop):
    name = f"Pools{kind.__name__}"
    globals()[name] = unittest.skipUnless(psycopg_pool, "psycopg_pool is not installed")(type(name, (Pools, GateTest), {"kind": kind}))
del kind
