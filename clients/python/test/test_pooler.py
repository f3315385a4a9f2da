"""Behind pgbouncer in transaction mode: each statement may reach another connection of the server."""
import os
import shutil
import subprocess
import threading
import unittest

import asyncpg

import agentcore
from support import SCRATCH, GateTest, Loop, Threads, of_each_kind, wait_until

ACCOUNT = "postgres" if os.getuid() == 0 else None


def start_bouncer(directory, listen, upstream):
    """It refuses to run as root."""
    os.makedirs(directory)
    with open(os.path.join(directory, "bouncer.ini"), "w", encoding="utf-8") as file:
        file.write(f"""[databases]
* = host={upstream.host} port={upstream.port} user={os.environ["PGUSER"]}
[pgbouncer]
listen_addr =
unix_socket_dir = {directory}
unix_socket_mode = 0777
listen_port = {listen}
pool_mode = transaction
auth_type = any
default_pool_size = 4
server_round_robin = 1
logfile = {directory}/log
""")
    if ACCOUNT:
        shutil.chown(directory, ACCOUNT)
    command = ["pgbouncer", "-q", os.path.join(directory, "bouncer.ini")]
    return subprocess.Popen(command if ACCOUNT is None else ["runuser", "-u", ACCOUNT, "--", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class AsyncpgUncached(Loop):
    """As doc/clients.md says."""

    name = "asyncpg"

    async def make(self, proxy, rules):
        pool = await asyncpg.create_pool(host=proxy.host, port=proxy.port, database=os.environ["PGDATABASE"], min_size=0, statement_cache_size=0)
        return agentcore.AsyncGate(pool, **rules)


class Pooled:
    def setUp(self):
        super().setUp()
        if not shutil.which("pgbouncer"):
            self.skipTest("pgbouncer is not installed")
        self.direct, directory = self.proxy, self.proxy.host + "b"
        os.chmod(self.direct.host, 0o755)
        os.chmod(os.path.join(self.direct.host, f".s.PGSQL.{self.direct.port}"), 0o777)
        self.bouncer = start_bouncer(directory, 6432, self.direct)
        self.addCleanup(self.bouncer.wait)
        self.addCleanup(self.bouncer.terminate)
        wait_until(lambda: os.path.exists(os.path.join(directory, ".s.PGSQL.6432")))
        self.pooler = type("Pooler", (), {"host": directory, "port": 6432})

    def client(self, **rules):
        kind = AsyncpgUncached if self.kind.name == "asyncpg" else self.kind
        client = kind(self.pooler, agent=self.agent, **rules)
        self.clients.append(client)
        return client

    def test_calls_at_the_same_time(self):
        client = self.client()
        results = []

        def work(first):
            for number in range(first, first + 10):
                results.append(client.call(None, self.look, {"n": number}, self.does(self.look, number)))
        threads = [threading.Thread(target=work, args=(10 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(result.value for result in results), list(range(40)))

    def test_lost_between_the_pooler_and_the_server(self):
        for statement in ("call_begin", "call_commit"):
            for when in ("before", "after"):
                self.direct.drop(statement, when)
                result = self.client().call(None, self.pay, {}, self.does(self.pay))
                self.assertTrue(result.ok and result.settled in ("committed", "replayed"))
        self.assertEqual((self.direct.used, self.permits()), (4, [("committed", 1)] * 4))


for case in of_each_kind(Pooled):
    globals()[case.__name__] = case
del case
__all__ = ["SCRATCH", "GateTest", "Threads", "unittest"]
