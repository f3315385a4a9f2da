"""What the gate answers, and what becomes of it here: run, cached, wait, deny, approval."""
import json
import threading
import uuid

import psycopg

import agentcore
from support import HttpError, admin, of_each_kind, wait_until


class Answers:
    def test_runs_with_what_the_gate_returned(self):
        result = self.client().call(None, self.pay, {"n": "41"}, self.does(self.pay, lambda args: args["n"] + 1), key=f"k{self.agent}")
        self.assertEqual((result.ok, result.value, result.args, result.settled, result.attempts), (True, 42, {"n": 41, "to": "x"}, "committed", 1))
        again = self.client().call(None, self.pay, {"n": "41"}, self.fail, key=f"k{self.agent}")
        self.assertEqual((again.ok, again.value, again.cached, again.content()), (True, 42, True, "42"))

    def test_the_trace_is_logged(self):
        for trace, logged in (("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",) * 2, ("no\0ne\ud800", None)):
            result = self.client().call(None, self.pay, {}, self.does(self.pay), trace=trace)
            self.assertEqual(result.settled, "committed")
            self.assertEqual(admin("SELECT trace FROM agentcore.call_log WHERE event = 'begin' AND call_id = %s", result.call_id), [(logged,)])

    def test_a_model_s_own_string_is_taken_as_it_is(self):
        result = self.client().call(None, self.pay, "{'n': 1,}", self.does(self.pay, lambda args: args))
        self.assertEqual(result.value, {"n": 1, "to": "x"})
        result = self.client().call(None, self.pay, '{"to": "a\0b\ud800"}', self.fail)
        self.assertEqual((result.verdict, result.reason), ("deny", "invalid_args"))

    def test_deny_is_a_result_for_the_model(self):
        result = self.client().call(None, self.pay, {"n": "many"}, self.fail)
        self.assertEqual((result.ok, result.verdict, result.reason), (False, "deny", "invalid_args"))
        self.assertIn("/n: must be integer", result.content())
        self.assertEqual(result.errors[0]["path"], "/n")

    def test_arguments_that_jsonb_cannot_hold_are_the_model_s_affair(self):
        result = self.client().call(None, self.pay, {"to": "a\0b"}, self.fail)
        self.assertEqual((result.verdict, result.reason), ("deny", "invalid_args"))

    def test_a_value_that_has_no_words_is_committed_without_them(self):
        class Mute:
            def __str__(self):
                raise RuntimeError("no words")

        client = self.client()
        for value in (Mute(), 10 ** 5000):
            with self.assertLogs("agentcore", "WARNING"):
                result = client.call(None, self.pay, {}, self.does(self.pay, lambda _, value=value: value))
            self.assertEqual((result.ok, result.value, result.settled), (True, value, "committed"))
            self.assertIn("cannot be put into words", result.content())
        self.assertEqual(client.counts["result_dropped"], 2)

    def test_costs_that_cannot_be_told_are_those_that_were_held(self):
        with self.assertLogs("agentcore", "ERROR"):
            result = self.client().call(None, self.pay, {}, self.does(self.pay), cost=lambda value: value["tokens"])
        self.assertEqual((result.value, result.settled), ("done", "committed"))

    def test_an_exception_that_has_no_words_is_told_by_its_name(self):
        class Silent(Exception):
            retry_after = property(lambda self: self)
            body = ["x", float]

            def __str__(self):
                raise RuntimeError("no words")

        with self.assertRaises(Silent) as caught:
            self.client().call(None, self.pay, {}, self.does(self.pay, fails=[Silent()]))
        self.assertEqual(caught.exception.agentcore.settled, "failed")
        self.assertIn("Silent", caught.exception.agentcore.content())

    def test_what_a_program_does_wrong_raises(self):
        with self.assertRaises(agentcore.GateError) as caught:
            self.client().call("nobody", self.pay, {}, self.fail)
        self.assertEqual(caught.exception.sqlstate, "42704")
        self.assertNotIsInstance(caught.exception, agentcore.GateUnavailable)

    def test_waits_with_the_same_key_until_the_other_has_ended(self):
        client, begun, end = self.client(), threading.Event(), threading.Event()

        def slow(args):
            begun.set()
            end.wait(120)
            return "the first's"

        answers = []
        first = threading.Thread(target=lambda: answers.append(client.call(None, self.pay, {}, self.does(self.pay, slow), key=f"w{self.agent}")))
        first.start()
        begun.wait(120)
        second = threading.Thread(target=lambda: answers.append(client.call(None, self.pay, {}, self.fail, key=f"w{self.agent}", max_wait=None)))
        second.start()
        wait_until(lambda: self.proxy.seen("call_begin") >= 3)
        end.set()
        first.join()
        second.join()
        self.assertEqual([answer.value for answer in answers], ["the first's"] * 2)
        self.assertGreaterEqual(answers[1].waits["in_progress"], 1)

    def test_waiting_is_bounded(self):
        key = str(uuid.uuid4())
        admin("SELECT * FROM agentcore.call_begin(%s, %s, key => %s)", self.agent, self.look, key)
        result = self.client(max_wait=0.5).call(None, self.look, {}, self.fail, key=key)
        self.assertEqual((result.ok, result.verdict, result.reason), (False, "wait", "in_progress"))
        self.assertIn("already running", result.content())
        admin("SELECT agentcore.call_release(permit) FROM agentcore.permits WHERE key = %s", key)

    def asks_a_person(self):
        admin("SELECT agentcore.tool_set(%s, needs_approval => true)", self.pay)

    def decides(self, allow, args=None):
        def decide():
            wait_until(lambda: admin("SELECT 1 FROM agentcore.approvals WHERE agent = %s AND state = 'pending'", self.agent))
            admin("SELECT agentcore.call_approve(id, %s, note => 'so it is', args => %s::jsonb) FROM agentcore.approvals WHERE agent = %s",
                  allow, None if args is None else json.dumps(args), self.agent)
        person = threading.Thread(target=decide)
        person.start()
        self.addCleanup(person.join)

    def test_a_person_decides_and_the_client_looks(self):
        self.asks_a_person()
        self.decides(True)
        result = self.client().call(None, self.pay, {"n": 1}, self.does(self.pay))
        self.assertTrue(result.ok and result.approval)
        self.assertGreaterEqual(result.waits["approval_required"], 1)

    def test_a_person_decides_and_the_client_hears(self):
        """The pauses between looks are hours, so only a notification can end one."""
        self.asks_a_person()
        database = admin("SELECT current_database()")[0][0]
        dsn = psycopg.conninfo.make_conninfo(dbname=database)
        client = self.client(listen=f"postgresql:///{database}" if self.kind.name == "asyncpg" else dsn, approval_wait=100000.0)
        client.gate.rules.first_look = 3600.0
        result = []
        asking = threading.Thread(target=lambda: result.append(client.call(None, self.pay, {"n": 1}, self.does(self.pay))))
        asking.start()
        wait_until(lambda: admin("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%%agentcore_approval%%' AND datname = %s "
                                 "AND state = 'idle' AND pid <> pg_backend_pid()", database))
        self.decides(True)
        asking.join()
        self.assertTrue(result[0].ok)
        admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%agentcore_approval%%'")

    def test_a_refusal_is_a_result(self):
        self.asks_a_person()
        self.decides(False)
        result = self.client().call(None, self.pay, {"n": 1}, self.fail)
        self.assertEqual((result.verdict, result.reason), ("deny", "approval_required"))
        self.assertIn("A person refused this call", result.content())

    def test_a_person_corrects_the_arguments(self):
        """What runs is what was allowed, and the model hears of it."""
        self.asks_a_person()
        self.decides(True, {"n": 7, "to": "y"})
        result = self.client().call(None, self.pay, {"n": 1}, self.does(self.pay, lambda args: args["n"]))
        self.assertEqual((result.value, result.args), (7, {"n": 7, "to": "y"}))
        self.assertRegex(result.content(), "(?s)^7\n\n.+")

    def test_patience_for_people_ends(self):
        self.asks_a_person()
        result = self.client(approval_wait=0.1).call(None, self.pay, {"n": 1}, self.fail)
        self.assertEqual((result.verdict, result.reason), ("wait", "approval_required"))
        self.assertIn("A person must allow", result.content())

    def test_an_audit_tells_what_it_would_have_said(self):
        admin("SELECT agentcore.agent_set(%s, mode => 'audit')", self.agent)
        result = self.client().call(None, self.pay, {"n": "many"}, self.does(self.pay))
        self.assertEqual((result.ok, result.enforced, result.audit, result.reason), (True, False, "invalid_args", None))

    def test_each_statement_can_be_observed(self):
        seen = []
        self.client(observe=lambda name, seconds: seen.append((name, seconds >= 0))).call(None, self.pay, {}, self.does(self.pay))
        self.assertEqual(seen, [("call_begin", True), ("call_commit", True)])

    def test_the_tools_of_an_agent(self):
        names = [tool["name"] for tool in self.client().tools(format="anthropic")]
        self.assertTrue({self.pay, self.look} <= set(names))

    def test_tells_of_what_the_server_warns(self):
        value = "x" * 5000
        admin("ALTER ROLE postgres SET agentcore.max_args_size = '2kB'")
        try:
            with self.assertLogs("agentcore", "WARNING") as logged:
                result = self.client().call(None, self.pay, {}, self.does(self.pay, value))
        finally:
            admin("ALTER ROLE postgres RESET agentcore.max_args_size")
        self.assertEqual((result.value, result.settled), (value, "committed"))
        self.assertIn("the gate warns", logged.output[0])


class Failures:
    def test_follows_the_advice_to_try_again(self):
        self.once = False
        fails = [HttpError(503), HttpError(429, {"Retry-After": "0.01"})]
        result = self.client().call(None, self.look, {}, self.does(self.look, fails=fails))
        self.assertEqual((result.ok, result.attempts, self.permits()), (True, 3, [("committed", 3)]))

    def test_what_may_have_been_done_is_not_done_again(self):
        error = HttpError(500)
        with self.assertRaises(HttpError) as caught:
            self.client().call(None, self.pay, {}, self.does(self.pay, fails=[error]))
        self.assertIs(caught.exception, error)
        result = error.agentcore
        self.assertEqual((result.advice, result.reason, result.attempts), ("fail", "possibly_executed", 1))
        self.assertEqual(self.permits(), [("unknown", 1)])

    def test_a_failure_can_be_a_result(self):
        result = self.client(errors="result").call(None, self.look, {}, self.does(self.look, fails=[KeyError("n")]))
        self.assertEqual((result.ok, result.reason, result.settled, result.content()), (False, "fatal_error", "failed", "KeyError: 'n'"))

    def test_gives_up_when_patience_ends_and_gives_back_what_it_holds(self):
        admin("SELECT agentcore.tool_set(%s, reset => '{retry_policy}')", self.look)
        result = self.client(errors="result", max_wait=2.0).call(None, self.look, {}, self.does_without_effect(HttpError(503, {"retry-after": "60"})))
        self.assertEqual((result.ok, result.advice, result.attempts), (False, "retry", 1))
        self.assertEqual(self.permits(), [("released", 1)])

    def does_without_effect(self, error):
        def fn(args):
            raise error
        return fn

    def test_deferred_work_is_not_waited_for(self):
        result = self.client(errors="result").call(None, self.look, {}, self.does(self.look, fails=[HttpError(429, {"retry-after": "3600"})]))
        self.assertEqual((result.advice, result.reason), ("defer", "retry_after_too_long"))


for case in of_each_kind(Answers) + of_each_kind(Failures):
    globals()[case.__name__] = case
del case
