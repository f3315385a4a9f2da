"""The database, or the way to it, fails: before a statement, after it, while the tool runs, for good."""
import logging
import os
import threading

import agentcore
from agentcore import over_psycopg
from support import GateTest, HttpError, Threads, admin, cluster, of_each_kind, state, wait_until

logging.getLogger("agentcore").addHandler(logging.NullHandler())
logging.getLogger("agentcore").propagate = False


class Lost:
    """A connection is lost at one statement of a call."""

    def runs_once(self, **rules):
        result = self.client(**rules).call(None, self.pay, {"n": 1}, self.does(self.pay))
        self.assertEqual((result.ok, result.value, result.attempts), (True, "done", 1))
        self.assertEqual(self.proxy.used, 1)
        self.assertEqual(self.permits(), [("committed", 1)])
        return result

    def test_begin_that_never_arrived(self):
        self.proxy.drop("call_begin", "before")
        self.runs_once()

    def test_begin_whose_answer_was_lost(self):
        self.proxy.drop("call_begin", "after")
        self.assertEqual(self.runs_once().detail, "yours")

    def test_begin_whose_answer_never_comes(self):
        self.proxy.drop("call_begin", "stall")
        self.assertEqual(self.runs_once(answer_wait=1.0, reconnect=300.0, settle_wait=300.0).detail, "yours")

    def test_commit_that_never_arrived(self):
        self.proxy.drop("call_commit", "before")
        self.assertEqual(self.runs_once().settled, "committed")

    def test_commit_whose_answer_was_lost(self):
        self.proxy.drop("call_commit", "after")
        self.assertEqual(self.runs_once().settled, "replayed")

    def test_commit_whose_answer_never_comes(self):
        self.proxy.drop("call_commit", "stall")
        self.assertEqual(self.runs_once(answer_wait=1.0, reconnect=300.0, settle_wait=300.0).settled, "replayed")

    def test_failure_that_never_arrived(self):
        self.once = False
        self.proxy.drop("call_fail", "before")
        result = self.client().call(None, self.look, {}, self.does(self.look, fails=[HttpError(503)]))
        self.assertEqual((result.attempts, self.permits()), (2, [("committed", 2)]))

    def test_failure_whose_answer_was_lost(self):
        self.once = False
        self.proxy.drop("call_fail", "after")
        result = self.client().call(None, self.look, {}, self.does(self.look, fails=[HttpError(503)]))
        self.assertEqual((result.ok, result.attempts, self.proxy.used, self.permits()), (True, 2, 1, [("committed", 2)]))

    def test_final_failure_whose_answer_was_lost(self):
        self.proxy.drop("call_fail", "after")
        result = self.client(errors="result").call(None, self.look, {}, self.does(self.look, fails=[HttpError(404)]))
        self.assertEqual((result.ok, result.settled, result.attempts, self.permits()), (False, "failed", 1, [("failed", 1)]))

    def test_heartbeat_that_is_lost(self):
        self.proxy.drop("call_extend", "before", times=2)

        def long(args):
            until = "SELECT lease_until FROM agentcore.permits WHERE permit = %s"
            first = admin(until, agentcore.current().call_id)
            wait_until(lambda: admin(until, agentcore.current().call_id) > first)

        result = self.client(lease=3.0).call(None, self.pay, {}, self.does(self.pay, long))
        self.assertIn(result.settled, ("committed", "late"))     # late where the machine stalls
        self.assertEqual(self.proxy.used, 2)

    def test_every_connection_at_any_moment(self):
        """A seeded walk over what can be lost where."""
        import random
        walk = random.Random(1)
        client = self.client(errors="result")
        for number in range(40):
            for _ in range(walk.randrange(3)):
                self.proxy.drop(walk.choice(("call_begin", "call_commit", "call_fail")), walk.choice(("before", "after")))
            if walk.random() < 0.2:
                self.proxy.cut()
            refused = walk.choice(([], [], [HttpError(503)], [HttpError(404)]))
            result = client.call(None, self.pay, {"n": number}, self.refuses_then_does(refused), key=f"{self.agent}-{number}")
            self.assertIsNotNone(result.settled)
        done = admin("SELECT count(*) FROM agentcore.permits WHERE agent = %s AND state = 'committed'", self.agent)[0][0]
        self.assertEqual(len(self.effects.read()), done)
        charged = admin("SELECT sum(charged_calls)::bigint FROM agentcore.permits WHERE agent = %s", self.agent)[0][0]
        self.assertEqual(admin("SELECT used_calls FROM agentcore.budget_status WHERE budget = %s", self.agent)[0][0], charged)
        self.assertEqual(charged, 40)

    def refuses_then_does(self, errors):
        does = self.does(self.pay)

        def fn(args):
            if errors:
                raise errors.pop()
            return does(args)
        return fn


class Away:
    """The database is not there."""

    def test_fails_closed(self):
        client = self.client(reconnect=0.3)
        self.proxy.refuse()
        with self.assertRaises(agentcore.GateUnavailable):
            client.call(None, self.pay, {}, self.fail)
        self.assertEqual((client.counts["unavailable"], self.permits()), (1, []))

    def test_a_tool_may_run_without_the_gate(self):
        client = self.client(reconnect=0.1, fail_open={"loo*"})
        self.proxy.refuse()
        with self.assertLogs("agentcore", "WARNING") as logged:
            result = client.call(None, self.look, '{"n": 1}', lambda args: (args, agentcore.current().call_id))
        self.assertEqual((result.ok, result.verdict, result.value, client.counts["fail_open"]), (True, "open", ({"n": 1}, None), 1))
        self.assertIn("runs without it", logged.output[-1])
        with self.assertRaises(agentcore.GateUnavailable):
            client.call(None, self.pay, {}, self.fail)
        with self.assertRaises(HttpError):
            client.call(None, self.look, {}, self.raises(HttpError(500)))

    def raises(self, error):
        def fn(args):
            raise error
        return fn

    def test_a_begin_waits_for_a_database_that_comes_back(self):
        self.proxy.refuse()
        client = self.client(reconnect=120.0)
        timer = threading.Timer(0.3, self.proxy.refuse, [False])
        timer.start()
        result = client.call(None, self.pay, {}, self.does(self.pay))
        timer.join()
        self.assertEqual(result.settled, "committed")

    def test_a_settlement_that_cannot_be_told(self):
        """The work is done and its value is not lost; the end of the lease ends the call."""
        def gone(args):
            self.proxy.refuse()
            self.proxy.cut()
            return "done"
        client = self.client(settle_wait=0.2)
        with self.assertLogs("agentcore", "ERROR"):
            result = client.call(None, self.pay, {}, self.does(self.pay, gone))
        self.assertEqual((result.ok, result.value, result.settled, client.counts["unsettled"]), (True, "done", None, 1))
        self.assertEqual(admin("SELECT agentcore.call_commit(%s::uuid)", result.call_id), [("committed",)])

    def test_the_server_is_restarted_while_the_tool_runs(self):
        result = self.client(settle_wait=300.0).call(None, self.pay, {}, self.does(self.pay, lambda args: cluster("restart")))
        self.assertEqual((result.ok, result.settled), (True, "committed"))

    def test_the_server_is_killed_while_the_tool_runs(self):
        def kill(args):
            cluster("crash")
            cluster("restart")
        result = self.client(settle_wait=300.0).call(None, self.pay, {}, self.does(self.pay, kill))
        self.assertEqual((result.ok, result.settled), (True, "committed"))

    def test_every_backend_is_ended_while_the_tool_runs(self):
        def end(args):
            admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                  "AND backend_type = 'client backend'")
        result = self.client().call(None, self.pay, {}, self.does(self.pay, end))
        self.assertEqual((result.ok, result.settled), (True, "committed"))


class Leases:
    def test_a_long_tool_keeps_its_lease(self):
        def long(args):
            call_id = agentcore.current().call_id
            until = "SELECT lease_until FROM agentcore.permits WHERE permit = %s"
            for _ in range(2):
                before = admin(until, call_id)
                wait_until(lambda: admin(until, call_id) > before)
        result = self.client(lease=3.0).call(None, self.pay, {}, self.does(self.pay, long))
        self.assertIn(result.settled, ("committed", "late"))
        self.assertGreaterEqual(self.proxy.seen("call_extend"), 2)

    def test_a_call_that_was_closed_meanwhile_is_given_up(self):
        def closed(args):
            running = agentcore.current()
            admin("SELECT * FROM agentcore.call_fail(%s::uuid, 400)", running.call_id)
            wait_until(lambda: running.lost)
            return "too late"
        client = self.client(lease=3.0)
        with self.assertLogs("agentcore", "WARNING"):
            result = client.call(None, self.look, {}, self.does(self.look, closed))
        # under asyncio the tool's task is cancelled; a thread goes on, and what it says comes late
        if self.kind is Threads:
            self.assertEqual((result.ok, result.value, result.settled), (True, "too late", "conflict"))
        else:
            self.assertEqual((result.ok, result.reason), (False, "closed"))
        self.assertEqual(client.counts["lost"], 1)

    def test_a_worker_that_died_leaves_an_unknown_outcome(self):
        key = f"died-{self.agent}"
        admin("SELECT * FROM agentcore.call_begin(%s, %s, key => %s, lease => '1 ms')", self.agent, self.pay, key)
        wait_until(lambda: self.client().call(None, self.pay, {}, self.fail, key=key).reason == "outcome_unknown")


class Pools(GateTest):
    """What a pool may do to a connection; only of pools for threads."""

    def test_the_connection_is_back_while_the_tool_runs(self):
        pool = over_psycopg.Pool(f"host={self.proxy.host} port={self.proxy.port}", size=1)
        gate = agentcore.Gate(pool, agent=self.agent)
        result = gate.call(None, self.pay, {}, self.does(self.pay, lambda args: gate.call(None, self.look, {}, self.does(self.look, "inner")).value))
        self.assertEqual(result.value, "inner")
        pool.close()

    def test_a_run_is_committed_though_the_pool_opens_transactions(self):
        class Transactional(over_psycopg.Pool):
            def connection(self):
                manager = super().connection()

                class Off:
                    def __enter__(self):
                        connection = manager.__enter__()
                        connection.autocommit = False
                        return connection

                    def __exit__(self, *error):
                        return manager.__exit__(*error)
                return Off()
        gate = agentcore.Gate(Transactional(), agent=self.agent)
        result = gate.call(None, self.pay, {}, self.does(self.pay, lambda args: state(agentcore.current().call_id)))
        self.assertEqual((result.value, result.settled), ("open", "committed"))
        gate.close()

    def test_a_forked_child_has_connections_of_its_own(self):
        pool = over_psycopg.Pool()

        def backend():
            with pool.connection() as connection:
                return connection.execute("SELECT pg_backend_pid()").fetchone()[0]

        first = backend()
        self.assertEqual(backend(), first)
        child = os.fork()
        if child == 0:
            os._exit(0 if backend() != first else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(backend(), first)
        pool.close()

    def test_an_interrupt_in_a_turn(self):
        """Calls that were begun and whose turn has not come are given back."""
        def look(args):
            if args["n"] == 0:
                raise KeyboardInterrupt
            self.effects.add(agentcore.current().call_id, self.look)
            threading.Event().wait(0.01)
        turn = [{"type": "tool_use", "id": f"{self.agent}-{number}", "name": self.look, "input": {"n": number}} for number in range(50)]
        with self.assertRaises(KeyboardInterrupt):
            self.client().many(None, turn, {self.look: look}, threads=1)
        self.assertEqual({state for state, _ in self.permits()} - {"failed", "committed", "released"}, set())

    def test_an_interrupt_is_settled_first(self):
        with self.assertRaises(KeyboardInterrupt):
            self.client().call(None, self.look, {}, self.does(self.look, fails=[KeyboardInterrupt()]))
        self.assertEqual(self.permits(), [("failed", 1)])
        with self.assertRaises(SystemExit):
            self.client().call(None, self.pay, {}, self.does(self.pay, fails=[SystemExit()]))
        self.assertEqual(self.permits(self.pay), [("unknown", 1)])

    def test_a_coroutine_needs_the_other_gate(self):
        async def fetch(args):
            return None
        with self.assertRaises(TypeError):
            self.client().call(None, self.look, {}, fetch)
        self.assertEqual(self.permits(), [])


for case in of_each_kind(Lost) + of_each_kind(Away) + of_each_kind(Leases):
    globals()[case.__name__] = case
del case
