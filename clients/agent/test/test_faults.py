"""Everything around an agent fails, at a state of its work; once all is well again it has done its work, once, or knows that it does not know."""
import os
import signal

import scene
from scene import alive, cluster, of_each_language, wait_until

PAY = {"calls": [("p", "pay", {"amount": 1})]}
END = {"text": "It is paid."}


class Database:
    def whole(self):
        self.script({"calls": [("f", "fetch", {"url": self.url("/page/a")}), ("p", "pay", {"amount": 1})]}, END)

    def paid(self, report):
        self.assertEqual(report["final"], "It is paid.", report)
        self.assertEqual((self.done("fake"), self.done("pay"), self.states("pay")), (2, 1, ["committed"]))

    def lost(self, when):
        self.whole()
        statements = ("tools_for", "llm_begin", "call_begin_many", "llm_commit", "call_commit")
        for statement in statements:
            self.proxy.drop(statement, when)
        self.paid(self.start().ends())
        self.assertEqual(self.proxy.used, len(statements))

    def test_connections_lost_before_each_statement(self):
        self.lost("before")

    def test_connections_lost_after_each_statement(self):
        self.lost("after")

    def test_restarted_and_killed(self):
        """Restarted while the model thinks, killed while the ledger works; the tool ends while there is no server."""
        self.whole()
        scene.world.hold("model")
        scene.world.hold("pay")
        agent = self.start()
        self.held("model")
        cluster("restart")
        scene.world.let_go("model")
        self.held("pay")
        cluster("crash")
        try:
            scene.world.let_go("pay")
            wait_until(lambda: scene.world.held("pay") == 0)
        finally:
            cluster("restart")
        self.paid(agent.ends())


class Workers:
    def test_cancelled_in_a_tool(self):
        self.script(PAY, END)
        scene.world.hold("pay")
        agent = self.start()
        self.held("pay")
        agent.cancel()
        report = agent.ends()
        self.assertIn("ancel", report["failed"])
        self.assertEqual(self.states("pay"), ["unknown"])
        self.unknown(self.start().ends())

    def unknown(self, report, state="unknown"):
        """Delivered again, the agent is told that nobody knows, and pays nothing."""
        self.assertEqual(report["final"], "It is paid.", report)
        self.assertEqual([(result["verdict"], result["reason"]) for result in report["results"]], [("deny", "outcome_unknown")])
        self.assertEqual((self.done("pay"), self.states("pay")), (1, [state]))

    def test_cancelled_in_a_stream(self):
        self.script(END)
        scene.world.hold("stream")
        agent = self.start(provider="anthropic", stream=True)
        agent.says("streaming")
        agent.cancel()
        self.assertIn("ancel", agent.ends()["failed"])
        self.assertNotIn("open", self.states("fake"))

    def test_killed_in_a_tool(self):
        """What it left open lapses; who gets the message next does not pay again."""
        self.script(PAY, END)
        scene.world.hold("pay")
        agent = self.start(lease=3_000)
        self.held("pay")
        agent.kill()
        self.unknown(self.start().ends(), "expired")

    def test_the_message_twice_at_once(self):
        self.script(PAY, END)
        scene.world.hold("model")
        scene.world.hold("pay")
        other = self.way()
        agents = [self.start(), self.start(other)]
        self.held("model")
        wait_until(lambda: all(proxy.seen("llm_begin") for proxy in (self.proxy, other)), "both")
        scene.world.let_go("model")
        self.held("pay")
        wait_until(lambda: self.proxy.seen("agentcore.call_begin(") + other.seen("agentcore.call_begin("), "the other's wait")
        self.assertEqual(scene.world.held("pay"), 1)
        scene.world.let_go("pay")
        reports = [agent.ends() for agent in agents]
        self.assertEqual([report["final"] for report in reports], ["It is paid."] * 2, reports)
        self.assertEqual(sorted(result["verdict"] for report in reports for result in report["results"]), ["cached", "run"])
        self.assertEqual((self.done("pay"), self.done("fake")), (1, 2))


class Others:
    """The other sides of an agent: its model, and its MCP servers."""

    def test_mcp_servers_killed(self):
        path = f"{scene.FOLDER}/{self.name}"
        self.script({"calls": [("e", "everything__echo", {"message": "hello"})]}, {"calls": [("w", "fs__write_file", {"path": path, "content": "once"})]}, END)
        scene.world.hold("everything:echo:request")
        scene.world.hold("fs:write_file:answer")
        agent = self.start()
        for server, point in (("everything", "everything:echo:request"), ("fs", "fs:write_file:answer")):
            self.held(point)
            pid, tap = scene.world.pid[server]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda tap=tap: not alive(tap), "the end of the server")
            scene.world.let_go(point)
        report = agent.ends()
        self.assertEqual(report["final"], "It is paid.", report)
        echo, write = report["results"]
        self.assertEqual((echo["ok"], echo["attempts"], self.done("everything__echo")), (True, 2, 1), report)
        self.assertEqual((write["ok"], write["attempts"], self.done("fs__write_file"), self.states("fs__write_file")), (False, 1, 1, ["unknown"]), report)
        self.assertTrue(os.path.exists(path))

    def test_the_model_is_overloaded(self):
        self.script({**PAY, "fails": [529, 503]}, END)
        self.assertEqual(self.start().ends()["final"], "It is paid.")
        self.assertEqual((self.done("pay"), self.done("fake")), (1, 2))

    def test_the_model_breaks_off(self):
        """What was told is charged; the next delivery begins anew."""
        self.script({**PAY, "cut": 3}, END)
        self.assertIn("ended", self.start(provider="anthropic", stream=True).ends()["failed"])
        self.assertEqual(self.done("pay"), 0)
        self.assertEqual(self.start(provider="anthropic", stream=True).ends()["final"], "It is paid.")
        self.assertEqual(self.done("pay"), 1)

    def garbage(self, provider, calls, raw):
        self.script({"calls": [*calls, ("good", "pay", {"amount": 7})], "raw": raw}, END)
        report = self.start(provider=provider).ends()
        self.assertEqual(report["final"], "It is paid.", report)
        self.assertEqual([result["id"] for result in report["results"] if result["ok"]], ["good"], report)
        self.assertTrue(all(result["content"] for result in report["results"]), report)
        self.assertGreaterEqual(len(report["results"]), len(calls) + 1)
        self.assertEqual(self.done("pay"), 1)

    WRONG = [("1", "rm_rf", {}), ("2", "pay", {}), ("3", "pay", {"amount": "much"}), ("4", "pay", {"amount": None}), ("5", "", {}), ("6", "pay\0", {"amount": 1}),
             ("7", "pay", {"amount": [1e308, "\0", "\ud800"]}), ("8", "everything__get-sum", {"a": {}, "b": "x" * 100_000}),
             ("9", "fetch", {"url": "http://169.254.169.254/"}), ("good", "pay", {"amount": "not seven"})]

    def test_nonsense_as_openai(self):
        texts = ['{"amount": ', "[1]", '"x"', "null", "[" * 5000, '{"amount": 1, "amount": "x"}', "\0"]
        calls = [(f"t{place}", "pay", text) for place, text in enumerate(texts)]
        self.garbage("openai", self.WRONG + calls, [{"id": "r1", "type": "function"}, {"id": "r2", "type": "function", "function": None}])

    def test_nonsense_as_anthropic(self):
        self.garbage("anthropic", self.WRONG, [{"type": "tool_use", "id": "r1"}, {"type": "tool_use", "id": "r2", "name": 5, "input": "x"}])


for case in (Database, Workers, Others):
    globals().update(of_each_language(case))
del case
