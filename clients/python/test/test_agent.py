"""A whole agent: a model and a web site over HTTP, tools, and faults at every part; afterwards the servers' own logs are compared with what was charged."""
import json
import random
import threading
import urllib.request

import agentcore
from fake_model import FakeModel
from support import admin, cluster, of_each_kind


def run_agent(gate, tools, post, model, prompt, task):
    """The loop of a user: an answer, its calls, their results, until the model has said its last words."""
    messages = [{"role": "user", "content": prompt}]
    while True:
        request = {"model": model, "max_tokens": 500, "messages": messages, "tools": gate.tools(None, "anthropic")}
        answer = gate.model(None, model, request, post, task=task)
        if not answer.ok:
            return answer.content()
        messages.append({"role": "assistant", "content": answer.value["content"]})
        results = gate.many(None, answer.value, tools, task=task)
        if not results:
            return answer.value["content"][0]["text"]
        messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": r.id, "content": r.content()} for r in results]})


class Agent:
    once = False        # a tool whose server says 503 is asked again

    def setUp(self):
        super().setUp()
        self.provider = FakeModel()
        self.addCleanup(self.provider.close)
        self.model = f"model-{self.agent}"
        admin("SELECT agentcore.model_price_set(%s, 0.000001, 0.000002), agentcore.model_set(%s, retry_policy => 'quick')", self.model, self.model)
        # so many failures at once are a test's
        admin("SELECT agentcore.breaker_set(%s, min_calls => 1000000, consecutive => 1000000)", self.model)
        schema = {"type": "object", "properties": {"page": {"type": "string"}}, "required": ["page"]}
        admin("SELECT agentcore.tool_set(%s, %s::jsonb)", self.look, json.dumps(schema))

    def url(self, path):
        return f"http://127.0.0.1:{self.provider.port}{path}"

    def post(self, request):
        data = json.dumps(request).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url("/v1/messages"), data, {"Content-Type": "application/json"})) as response:
            return json.load(response)

    def fetch(self, args):
        with urllib.request.urlopen(self.url(f"/page/{args['page']}")) as response:
            text = response.read().decode()
        self.effects.add(agentcore.current().call_id, self.look)
        return text

    def prompt(self, name, **faults):
        return json.dumps({"id": f"{self.agent}-{name}", "turns": [
            [{"name": self.look, "input": {"page": f"{name}a"}}, {"name": self.look, "input": {"page": f"{name}b"}}],
            [{"name": self.look, "input": {"pages": "wrong"}}, {"name": "no_tool", "input": {}}, {"name": self.look, "input": {"page": f"{name}c"}}],
            f"Done {name}."], **faults})

    def compared(self):
        """No answer and no page without its call, no charge lost or doubled."""
        used = admin("SELECT coalesce(sum(charged_tokens), 0)::bigint, count(*) FROM agentcore.permits WHERE agent = %s AND tool = %s AND state = 'committed'",
                     self.agent, self.model)
        answers = self.provider.answers
        self.assertEqual(used, [(sum(answer["input_tokens"] + answer["output_tokens"] for answer in answers), len(answers))])
        fetched = admin("SELECT count(*) FROM agentcore.permits WHERE agent = %s AND tool = %s AND state = 'committed'", self.agent, self.look)
        self.assertEqual(fetched, [(len(self.provider.pages),)])
        self.assertEqual(admin("SELECT count(*) FROM agentcore.permits WHERE agent = %s AND state IN ('open', 'retry')", self.agent), [(0,)])

    def test_on_a_good_day(self):
        said = run_agent(self.client(errors="result"), {self.look: self.fetch}, self.post, self.model, self.prompt("one"), "task-one")
        self.assertEqual(said, "Done one.")
        self.assertEqual(sorted(self.provider.pages), ["onea", "oneb", "onec"])
        self.compared()

    def test_on_a_bad_day(self):
        """Models are overloaded, a page is broken, connections are lost, six tasks at once."""
        client = self.client(errors="result", max_wait=600.0, reconnect=300.0, settle_wait=300.0)
        walk = random.Random(1)
        said, stop = {}, threading.Event()

        def faults():
            for _ in range(60):
                if stop.wait(0.02):
                    break
                self.proxy.drop(walk.choice(("llm_begin", "llm_commit", "call_begin_many", "call_commit", "call_fail", "tools_for")),
                                walk.choice(("before", "after")))
                if walk.random() < 0.1:
                    self.proxy.cut()

        def task(name):
            said[name] = run_agent(client, {self.look: self.fetch}, self.post, self.model, self.prompt(name, fail={"0": [529], "2": [503, 529]}), f"task-{name}")

        tasks = [threading.Thread(target=task, args=(f"t{number}",)) for number in range(6)]
        breaking = threading.Thread(target=faults)
        for thread in [*tasks, breaking]:
            thread.start()
        for thread in tasks:
            thread.join()
        stop.set()
        breaking.join()
        self.assertEqual(said, {f"t{number}": f"Done t{number}." for number in range(6)})
        self.assertEqual(len(self.provider.pages), 18)
        self.compared()

    def test_the_server_is_killed_meanwhile(self):
        def fetch(args):
            if args["page"] == "oneb":
                cluster("crash")
                cluster("restart")
            return self.fetch(args)
        client = self.client(errors="result", reconnect=300.0, settle_wait=300.0)
        self.assertEqual(run_agent(client, {self.look: fetch}, self.post, self.model, self.prompt("one"), "task-one"), "Done one.")
        self.compared()


for case in of_each_kind(Agent):
    globals()[case.__name__] = case
del case
