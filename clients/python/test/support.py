"""What the tests share: a way to ask each kind of gate alike, faults on the way, and what must hold after each test."""
import asyncio
import itertools
import os
import subprocess
import threading
import unittest

import asyncpg
import psycopg

import agentcore
from agentcore import over_psycopg
from compare import Effects, compare
from proxy import Proxy

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
SCRATCH = os.environ["SCRATCH"]
_numbers = itertools.count(1)


def admin(sql, *parameters):
    with psycopg.connect(autocommit=True) as connection:
        cursor = connection.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


def wait_until(condition, seconds=120):
    """Time decides nothing: it only bounds a hang."""
    event = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        event.wait(0.02)
    raise AssertionError("it did not come to pass")


def state(call_id):
    return admin("SELECT state FROM agentcore.permits WHERE permit = %s", call_id)[0][0]


def cluster(verb):
    subprocess.run([os.path.join(TOP, "tools/cluster"), verb, os.environ["CLUSTER"]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Threads:
    """A Gate."""

    name = "psycopg in threads"

    def __init__(self, proxy, **rules):
        self.gate = agentcore.Gate(f"host={proxy.host} port={proxy.port} dbname={os.environ['PGDATABASE']}", **rules)

    def __getattr__(self, name):
        return getattr(self.gate, name)

    def read(self, stream):
        return list(stream)

    def shut(self):
        self.gate.close()


class Loop:
    """An AsyncGate in an event loop of its own thread, asked from outside."""

    def __init__(self, proxy, **rules):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.gate = self.run(self.make(proxy, rules))

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def __getattr__(self, name):
        method = getattr(self.gate, name)
        if not asyncio.iscoroutinefunction(method):
            return method
        return lambda *args, **options: self.run(method(*args, **options))

    def read(self, stream):
        async def events():
            return [event async for event in stream]
        return self.run(events())

    def shut(self):
        self.run(self.gate.close())
        self.loop.call_soon_threadsafe(self.loop.stop)


class AsyncPsycopg(Loop):
    name = "psycopg under asyncio"

    async def make(self, proxy, rules):
        return agentcore.AsyncGate(f"host={proxy.host} port={proxy.port} dbname={os.environ['PGDATABASE']}", **rules)


class Asyncpg(Loop):
    name = "asyncpg"

    async def make(self, proxy, rules):
        pool = await asyncpg.create_pool(host=proxy.host, port=proxy.port, database=os.environ["PGDATABASE"], min_size=0, max_size=10)
        return agentcore.AsyncGate(pool, **rules)


KINDS = (Threads, AsyncPsycopg, Asyncpg)


class HttpError(Exception):
    """As HTTP libraries raise them."""

    def __init__(self, status, headers=None, message="failed"):
        super().__init__(message)
        self.status_code, self.headers = status, headers or {}


class GateTest(unittest.TestCase):
    """Each test has an agent of its own, tools `pay` (not idempotent) and `look` (idempotent), a proxy, and a log of effects."""

    kind = Threads
    once = True

    def setUp(self):
        number = next(_numbers)
        self.agent, self.pay, self.look = f"agent{number}", f"pay{number}", f"look{number}"
        admin("SELECT agentcore.policy_set(%s), agentcore.policy_allow_tool(%s, '*'), agentcore.budget_set(%s, max_calls => 1000000), "
              "agentcore.agent_set(%s, %s, budget => %s)", *[self.agent] * 6)
        schema = '{"type": "object", "properties": {"n": {"type": "integer"}, "to": {"type": "string", "default": "x"}}}'
        admin("SELECT agentcore.retry_policy_set('quick', base => '1 ms', cap => '2 ms')")
        admin("SELECT agentcore.tool_set(%s, %s::jsonb, coerce => true, retry_policy => 'quick')", self.pay, schema)
        admin("SELECT agentcore.tool_set(%s, %s::jsonb, coerce => true, idempotent => true, retry_policy => 'quick')", self.look, schema)
        self.proxy = Proxy(os.path.join(SCRATCH, f"p{number}"))
        self.effects = Effects(os.path.join(SCRATCH, f"effects{number}"))
        self.clients = []

    def client(self, **rules):
        client = self.kind(self.proxy, agent=self.agent, **rules)
        self.clients.append(client)
        return client

    def does(self, tool, value="done", fails=()):
        """A tool's function: appends its effect; raises what `fails` has, one exception a run."""
        fails = list(fails)

        def fn(args):
            running = agentcore.current()
            self.effects.add(running.call_id, tool, running.key if self.once else None)
            if fails:
                raise fails.pop(0)
            return value(args) if callable(value) else value

        return fn

    def permits(self, tool=None):
        return admin("SELECT state, attempt FROM agentcore.permits WHERE agent = %s AND tool = coalesce(%s, tool) ORDER BY created_at", self.agent, tool)

    def sound(self, open_calls=False):
        with psycopg.connect(autocommit=True) as connection:
            wrong = compare(connection, self.effects.read(), once=self.once, tools=(self.pay, self.look))
        self.assertEqual([line for line in wrong if not (open_calls and "is still" in line)], [])

    def tearDown(self):
        for client in self.clients:
            client.shut()
        self.proxy.close()
        self.sound()


def of_each_kind(case):
    """A class per kind of gate, for unittest to find."""
    return [type(f"{case.__name__}{kind.__name__}", (case, GateTest), {"kind": kind}) for kind in KINDS]


__all__ = ["AsyncPsycopg", "Asyncpg", "GateTest", "HttpError", "Threads", "admin", "cluster", "of_each_kind", "over_psycopg", "state", "wait_until"]
