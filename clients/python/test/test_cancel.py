"""A task that is cancelled, at each moment of a call: what it began is settled before it ends."""
import asyncio
import threading

import agentcore
from support import Asyncpg, AsyncPsycopg, GateTest, HttpError, admin, wait_until


class Cancelled:
    def cancelled(self, work, when, times=1):
        """Cancels the call once `when` holds, and expects that it ends as cancelled."""
        client = self.clients[0]

        async def both():
            task = asyncio.ensure_future(work)
            for _ in range(times):
                await asyncio.to_thread(wait_until, when)
                task.cancel()
                await asyncio.sleep(0)
            with self.assertRaises(asyncio.CancelledError):
                await task

        client.run(both())

    def states(self):
        return [row[0] for row in self.permits()]

    def hangs(self, tool, started):
        async def fn(args):
            running = agentcore.current()
            self.effects.add(running.call_id, tool, running.key)
            started.append(running)
            await asyncio.Event().wait()
        return fn

    def test_in_the_tool(self):
        client, started = self.client(), []
        self.cancelled(client.gate.call(None, self.look, {}, self.hangs(self.look, started)), lambda: started)
        self.assertEqual(self.states(), ["failed"])
        self.cancelled(client.gate.call(None, self.pay, {}, self.hangs(self.pay, started)), lambda: len(started) == 2)
        self.assertEqual(self.states(), ["failed", "unknown"])

    def test_in_the_tool_several_times(self):
        client, started = self.client(), []
        self.cancelled(client.gate.call(None, self.look, {}, self.hangs(self.look, started)), lambda: started, times=5)
        self.assertEqual(self.states(), ["failed"])

    def test_in_the_tool_with_the_connection_lost(self):
        client, started = self.client(), []
        self.proxy.drop("call_fail", "before")
        self.cancelled(client.gate.call(None, self.look, {}, self.hangs(self.look, started)), lambda: started)
        self.assertEqual((self.states(), self.proxy.used), (["failed"], 1))

    def test_in_a_tool_that_ends_all_the_same(self):
        """What it did is committed; the cancellation comes after that."""
        client, started = self.client(), []

        async def fn(args):
            self.effects.add(agentcore.current().call_id, self.pay)
            started.append(True)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "done"

        self.cancelled(client.gate.call(None, self.pay, {}, fn), lambda: started)
        self.assertEqual(self.states(), ["committed"])

    def test_in_a_tool_that_does_not_heed(self):
        client, started = self.client(cancel_wait=0.1), []
        end = asyncio.Event()

        async def fn(args):
            self.effects.add(agentcore.current().call_id, self.pay)
            started.append(True)
            while not end.is_set():
                try:
                    await end.wait()
                except asyncio.CancelledError:
                    pass

        self.cancelled(client.gate.call(None, self.pay, {}, fn), lambda: started)
        client.loop.call_soon_threadsafe(end.set)
        self.assertEqual(self.states(), ["unknown"])

    def test_in_a_thread(self):
        client, started = self.client(), []
        end = threading.Event()

        def fn(args):
            self.effects.add(agentcore.current().call_id, self.pay)
            started.append(True)
            end.wait(120)

        self.cancelled(client.gate.call(None, self.pay, {}, fn), lambda: started)
        end.set()
        self.assertEqual(self.states(), ["unknown"])

    def met_at(self, statement, work):
        """Cancels the call while the statement is on its way."""
        self.proxy.drop(statement, "hold")

        async def all_of_it():
            task = asyncio.ensure_future(work)
            await asyncio.to_thread(wait_until, self.proxy.holding)
            task.cancel()
            # nothing else may be asked while it is on its way: it could arrive last
            for _ in range(10):
                await asyncio.sleep(0.02)
            self.assertEqual(self.proxy.seen(statement), 0)
            await asyncio.to_thread(self.proxy.let_go)
            with self.assertRaises(asyncio.CancelledError):
                await task

        self.clients[0].run(all_of_it())

    def met_and_lost(self, statement, work):
        """The same, but it never arrives."""
        self.proxy.drop(statement, "hold")

        async def all_of_it():
            task = asyncio.ensure_future(work)
            await asyncio.to_thread(wait_until, self.proxy.holding)
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.to_thread(self.proxy.cut)
            with self.assertRaises(asyncio.CancelledError):
                await task

        self.clients[0].run(all_of_it())

    def test_while_the_gate_commits_and_that_is_lost(self):
        self.met_and_lost("call_commit", self.client().gate.call(None, self.pay, {}, self.does(self.pay)))
        self.assertEqual(self.states(), ["committed"])

    def test_again_while_a_failure_is_told_again(self):
        """Each time its statement is lost it pauses; a second cancellation meets a pause."""
        client, started = self.client(), []
        self.proxy.drop("call_fail", "before", times=5)

        async def twice():
            task = asyncio.ensure_future(client.gate.call(None, self.look, {}, self.hangs(self.look, started)))
            await asyncio.to_thread(wait_until, lambda: started)
            task.cancel()
            await asyncio.to_thread(wait_until, lambda: self.proxy.used >= 4)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        client.run(twice())
        self.assertEqual((self.states(), self.proxy.used), (["failed"], 5))

    def test_a_turn_whose_tasks_have_not_begun(self):
        tasks = []
        client = self.client(observe=lambda name, seconds: name == "call_begin_many" and tasks[0].cancel())
        turn = [{"type": "tool_use", "id": f"{self.agent}-{number}", "name": self.look, "input": {"n": number}} for number in range(4)]

        async def cancelled():
            tasks.append(asyncio.ensure_future(client.gate.many(None, turn, {self.look: self.fail})))
            with self.assertRaises(asyncio.CancelledError):
                await tasks[0]

        client.run(cancelled())
        self.assertEqual(self.states(), ["released"] * 4)

    def test_while_the_gate_begins(self):
        self.met_at("call_begin", self.client().gate.call(None, self.pay, {}, self.fail))
        self.assertEqual(self.states(), ["released"])

    def test_while_the_gate_begins_and_the_answer_is_lost(self):
        client = self.client()
        self.met_and_lost("call_begin", client.gate.call(None, self.pay, {}, self.fail))
        self.assertEqual(self.states(), ["released"])

    def test_while_the_gate_commits(self):
        self.met_at("call_commit", self.client().gate.call(None, self.pay, {}, self.does(self.pay)))
        self.assertEqual(self.states(), ["committed"])

    def test_while_the_gate_is_told_of_a_failure(self):
        def fn(args):
            raise HttpError(503)
        self.met_at("call_fail", self.client().gate.call(None, self.look, {}, fn))
        self.assertEqual(self.states(), ["released"])

    def test_while_it_waits_for_the_next_attempt(self):
        admin("SELECT agentcore.tool_set(%s, reset => '{retry_policy}')", self.look)
        client = self.client(max_wait=600.0)

        async def fn(args):
            raise HttpError(503, {"retry-after": "60"})

        self.cancelled(client.gate.call(None, self.look, {}, fn), lambda: self.proxy.seen("call_fail") and self.states() == ["retry"])
        self.assertEqual(self.states(), ["released"])

    def test_while_it_waits_for_a_person(self):
        admin("SELECT agentcore.tool_set(%s, needs_approval => true)", self.pay)
        client = self.client()
        self.cancelled(client.gate.call(None, self.pay, {}, self.fail),
                       lambda: admin("SELECT 1 FROM agentcore.approvals WHERE agent = %s", self.agent))
        self.assertEqual(self.states(), [])

    def test_in_the_middle_of_a_turn(self):
        client, started = self.client(), []
        turn = [{"type": "tool_use", "id": f"{self.agent}-{number}", "name": self.look, "input": {"n": number}} for number in range(4)]
        self.cancelled(client.gate.many(None, turn, {self.look: self.hangs(self.look, started)}), lambda: len(started) == 4)
        self.assertEqual(self.states(), ["failed"] * 4)

    def test_a_turn_before_its_tools_began(self):
        turn = [{"type": "tool_use", "id": f"{self.agent}-{number}", "name": self.look, "input": {"n": number}} for number in range(4)]
        self.met_at("call_begin_many", self.client().gate.many(None, turn, {self.look: self.fail}))
        self.assertEqual(self.states(), ["released"] * 4)

    def test_a_time_limit_is_a_cancellation(self):
        client, started = self.client(), []

        async def limited():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(client.gate.call(None, self.look, {}, self.hangs(self.look, started)), 0.5)
        client.run(limited())
        self.assertIn(self.states(), (["failed"], ["released"]))


for kind in (AsyncPsycopg, Asyncpg):
    name = f"Cancelled{kind.__name__}"
    globals()[name] = type(name, (Cancelled, GateTest), {"kind": kind})
del kind
