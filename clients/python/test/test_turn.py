"""All calls of one turn of a model, tools as decorated functions, and a whole agent on a bad day."""
import json
import random
import threading

import agentcore
from support import HttpError, admin, of_each_kind, wait_until

SHAPES = {
    "openai chat": lambda calls: {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [
        {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(args)}} for id, name, args in calls]}}]},
    "openai responses": lambda calls: {"output": [{"type": "reasoning"}] + [
        {"type": "function_call", "call_id": id, "name": name, "arguments": json.dumps(args)} for id, name, args in calls]},
    "anthropic": lambda calls: {"role": "assistant", "content": [{"type": "text", "text": "I look."}] + [
        {"type": "tool_use", "id": id, "name": name, "input": args} for id, name, args in calls]},
    "mcp": lambda calls: [{"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": args}} for id, name, args in calls],
    "langchain": lambda calls: {"tool_calls": [{"id": id, "name": name, "args": args, "type": "tool_call"} for id, name, args in calls]},
}


class Turns:
    def test_every_shape(self):
        client = self.client()
        for shape, write in SHAPES.items():
            calls = [(f"{shape}-{self.agent}-1", self.look, {"n": 1}), (f"{shape}-{self.agent}-2", self.pay, {"n": 2})]
            results = client.many(None, write(calls), {self.look: self.does(self.look, shape), self.pay: self.does(self.pay)})
            self.assertEqual([(result.id, result.tool, result.value, result.settled) for result in results],
                             [(calls[0][0], self.look, shape, "committed"), (calls[1][0], self.pay, "done", "committed")])
        self.assertEqual(client.many(None, {"role": "assistant", "content": "Nothing to call."}, {}), [])

    def test_each_has_its_own_result(self):
        client = self.client()
        calls = [(f"t{self.agent}-1", self.look, {"n": "many"}), (f"t{self.agent}-2", "no_tool", {}), (f"t{self.agent}-3", self.pay, {}),
                 (f"t{self.agent}-4", self.look, {"n": 4}), (f"t{self.agent}-5", self.look, {"n": 5})]
        results = client.many(None, SHAPES["anthropic"](calls), lambda name: self.function(name))
        self.assertEqual([(result.ok, result.reason) for result in results],
                         [(False, "invalid_args"), (False, "unknown_tool"), (False, "unknown_tool"), (False, "fatal_status"), (True, None)])
        self.assertIn("There is no tool", results[2].content())
        self.assertEqual(results[3].content(), "HttpError: failed")
        self.assertEqual(sorted(self.permits()), [("committed", 1), ("failed", 1), ("released", 1)])

    def function(self, name):
        def look(args):
            if args["n"] == 4:
                raise HttpError(404)
            return self.does(self.look)(args)
        return look if name == self.look else None

    def test_names_and_ids_that_no_text_can_hold(self):
        calls = [(f"t{self.agent}\0\ud800", f"{self.look}\0\udfff", {}), (f"t{self.agent}", self.look, {})]
        results = self.client().many(None, SHAPES["anthropic"](calls), {self.look: self.does(self.look)})
        self.assertEqual([(result.id, result.ok, result.reason) for result in results], [(calls[0][0], False, "unknown_tool"), (calls[1][0], True, None)])
        self.assertEqual(self.client().call(None, calls[0][1], {}, self.fail, key=calls[0][0]).reason, "unknown_tool")

    def test_an_id_that_stands_twice_is_one_call(self):
        calls = [(f"twice{self.agent}", self.look, {"n": 1})] * 2 + [(f"twice{self.agent}", self.look, {"n": 2})]
        meets = self.does(self.look, lambda args: wait_until(lambda: self.proxy.seen("call_begin(") >= 2))
        results = self.client().many(None, SHAPES["anthropic"](calls), {self.look: meets})
        self.assertEqual([(result.ok, result.cached) for result in results[:2]], [(True, False), (True, True)])
        self.assertFalse(results[2].ok)
        self.assertEqual(len(self.effects.read()), 1)

    def test_an_id_that_stands_twice_far_apart(self):
        calls = [(f"far{self.agent}-{number % 128}", self.look, {"n": number % 128}) for number in range(129)]
        meets = self.does(self.look, lambda args: wait_until(lambda: self.proxy.seen("call_begin(") or self.proxy.seen("call_begin_many(") > 1))
        results = self.client(max_wait=600.0).many(None, SHAPES["anthropic"](calls), {self.look: meets}, **self.threads(129))
        self.assertEqual((all(result.ok for result in results), len(self.effects.read())), (True, 128))

    def threads(self, number):
        return {"threads": number} if self.kind.name == "psycopg in threads" else {}

    def test_ids_that_begin_anew(self):
        client = self.client()
        for prefix in ("turn1-", "turn2-"):
            results = client.many(None, SHAPES["openai chat"]([("0", self.look, {"n": 1})]), {self.look: self.does(self.look)},
                                  key_prefix=f"{self.agent}{prefix}")
            self.assertEqual([result.cached for result in results], [False])

    def test_more_calls_than_the_gate_takes_at_once(self):
        calls = [(f"n{self.agent}-{number}", self.look, {"n": number}) for number in range(150)]
        results = self.client().many(None, SHAPES["anthropic"](calls), {self.look: lambda args: self.does(self.look, args["n"])(args)})
        self.assertEqual([result.value for result in results], list(range(150)))

    def test_the_answer_for_a_turn_is_lost(self):
        self.proxy.drop("call_begin_many", "after")
        calls = [(f"l{self.agent}-{number}", self.look, {"n": number}) for number in range(3)]
        results = self.client().many(None, SHAPES["anthropic"](calls), {self.look: self.does(self.look)})
        self.assertEqual([(result.detail, result.settled) for result in results], [("yours", "committed")] * 3)

    def test_the_gate_is_away(self):
        client = self.client(reconnect=0.1, fail_open={self.look})
        self.proxy.refuse()
        calls = [("1", self.look, {"n": 1}), ("2", self.pay, {"n": 1})]
        with self.assertLogs("agentcore", "WARNING"):
            results = client.many(None, SHAPES["anthropic"](calls), {self.look: lambda args: "open", self.pay: self.fail})
        self.assertEqual([(result.ok, result.verdict, result.id) for result in results], [(True, "open", "1"), (False, "unavailable", "2")])
        with self.assertRaises(agentcore.GateUnavailable):
            client.many(None, SHAPES["anthropic"](calls[1:]), {self.pay: self.fail})

    def test_what_is_broken_is_told_to_the_model(self):
        turn = [{"type": "function", "id": f"b{self.agent}", "function": {"arguments": "{}"}},
                {"type": "function", "id": f"c{self.agent}", "function": {"name": self.look, "arguments": '{"n": '}}, "text", 7]
        results = self.client().many(None, turn, {self.look: self.fail})
        self.assertEqual([result.reason for result in results], ["invalid_args"] * 2)


class Tools:
    def test_a_decorated_function(self):
        client = self.client()

        @client.tool(self.look, subject="somebody")
        def look(n: int, to: str = "nobody"):
            """Looks."""
            self.effects.add(agentcore.current().call_id, self.look)
            return [n, to]

        call = look if self.kind.name == "psycopg in threads" else lambda *a, **o: client.run(look(*a, **o))
        self.assertEqual(call("3").value, [3, "x"])
        self.assertEqual(call(n=4, to="y").value, [4, "y"])
        self.assertEqual((look.__name__, look.__doc__, look.agentcore_tool), ("look", "Looks.", self.look))
        more = look.call({"n": 5}, key=f"k{self.agent}")
        if self.kind.name != "psycopg in threads":
            more = client.run(more)
        self.assertEqual(more.value, [5, "x"])
        self.assertEqual(admin("SELECT DISTINCT subject FROM agentcore.permits WHERE agent = %s", self.agent), [("somebody",)])
        results = client.many(None, SHAPES["anthropic"]([(f"d{self.agent}", self.look, {"n": 6})]), {self.look: look})
        self.assertEqual(results[0].value, [6, "x"])

    def test_a_tool_with_costs(self):
        self.client().call(None, self.pay, {}, self.does(self.pay, {"tokens": 7}), cost=lambda value: (value["tokens"], "0.5"), est_tokens=10, est_usd=1)
        self.assertEqual([tuple(map(str, row)) for row in admin("SELECT charged_tokens, charged_usd FROM agentcore.permits WHERE agent = %s", self.agent)],
                         [("7", "0.5")])

    def test_no_agent_and_no_such_option(self):
        client = self.kind(self.proxy)
        self.clients.append(client)
        with self.assertRaises(TypeError):
            client.call(None, self.look, {}, self.fail)
        with self.assertRaises(TypeError):
            client.call(self.agent, self.look, {}, self.fail, nonsense=1)


class BadDay:
    def test_a_whole_agent(self):
        """Four workers get the same jobs, twice each, while connections are lost at every statement."""
        clients = [self.client(errors="result", max_wait=600.0) for _ in range(4)]
        walk = random.Random(1)
        jobs = [number for number in range(25) for _ in range(2)]
        walk.shuffle(jobs)
        lock = threading.Lock()
        wrong = []

        def work(client):
            while True:
                with lock:
                    if not jobs:
                        return
                    job = jobs.pop()
                    if walk.random() < 0.5:
                        self.proxy.drop(walk.choice(("call_begin", "call_commit", "call_fail")), walk.choice(("before", "after")))
                    if walk.random() < 0.1:
                        self.proxy.cut()
                result = client.call(None, self.pay, {"n": job}, self.does(self.pay, job), key=f"{self.agent}-{job}")
                if not result.ok or result.value != job:
                    wrong.append(result)

        workers = [threading.Thread(target=work, args=(client,)) for client in clients]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(wrong, [])
        self.assertEqual(len(self.effects.read()), 25)
        self.assertEqual(self.permits(), [("committed", 1)] * 25)
        self.assertEqual(admin("SELECT used_calls FROM agentcore.budget_status WHERE budget = %s", self.agent)[0][0], 25)


for case in of_each_kind(Turns) + of_each_kind(Tools) + of_each_kind(BadDay):
    globals()[case.__name__] = case
del case
