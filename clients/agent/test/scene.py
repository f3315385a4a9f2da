"""What the tests share: the world and the database, agents as processes of their own, and what must hold after each run."""
import itertools
import json
import os
import subprocess
import sys
import threading
import unittest

import psycopg

from compare import compare
from proxy import Proxy
from world import World

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../../..")
BUILT, SCRATCH = os.environ["BUILT"], os.environ["SCRATCH"]
FOLDER = os.path.join(SCRATCH, "files")
SECONDS = 120           # bounds a hang; time decides nothing
# budgets whose counters are not what their calls were charged, or that still hold something
BOOKS = """
    SELECT b.budget, b.used_tokens, p.tokens, b.used_usd, p.usd, b.used_calls, p.calls, b.held_tokens, b.held_calls, b.in_flight
    FROM agentcore.budget_status b, LATERAL (SELECT coalesce(sum(charged_tokens), 0) AS tokens, coalesce(sum(charged_usd), 0) AS usd,
        coalesce(sum(charged_calls), 0) AS calls FROM agentcore.permits WHERE budget = b.budget) p
    WHERE (b.used_tokens, b.used_usd, b.used_calls, b.held_tokens, b.held_calls, b.in_flight) IS DISTINCT FROM (p.tokens, p.usd, p.calls, 0::bigint, 0::bigint, 0::bigint)
"""
_numbers = itertools.count(1)
MCP = ("fs__write_file", "fs__read_text_file", "everything__echo", "everything__get-sum")
TOOLS = ("fetch", "pay", *MCP)


def admin(sql, *parameters):
    with psycopg.connect(autocommit=True) as connection:
        cursor = connection.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


def wait_until(condition, what="it", seconds=SECONDS):
    event = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        event.wait(0.02)
    raise AssertionError(f"{what} did not come to pass")


def cluster(verb):
    subprocess.run([os.path.join(TOP, "tools/cluster"), verb, os.environ["CLUSTER"]], check=True, timeout=SECONDS,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# ----- the scene ----------------------------------------------------------------

world = None


def definitions(server):
    """What the real server says of its tools."""
    with subprocess.Popen(["node", os.path.join(BUILT, "dist/bridge.js"), world.url, FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bridge:
        bridge.stdin.write(json.dumps({"id": 1, "do": "tools", "server": server}) + "\n")
        bridge.stdin.flush()
        said = json.loads(bridge.stdout.readline())
        bridge.stdin.close()
    return said["value"]


def open_scene():
    """Once for all tests: one log, one database, and so each comparison is of everything that was done until then."""
    global world
    if world is not None:
        return
    os.makedirs(FOLDER, exist_ok=True)
    world = World(os.path.join(SCRATCH, "effects"))
    admin("SELECT agentcore.retry_policy_set('default', base => '1 ms', cap => '2 ms', max_attempts => 4, method => 'none')")
    admin("SELECT agentcore.model_price_set('fake', 0.001, 0.002)")
    admin("SELECT agentcore.tool_set('fetch', '{\"type\": \"object\", \"properties\": {\"url\": {\"type\": \"string\"}}, \"required\": [\"url\"]}', idempotent => true)")
    admin("SELECT agentcore.tool_set('pay', '{\"type\": \"object\", \"properties\": {\"amount\": {\"type\": \"integer\"}}, \"required\": [\"amount\"]}', "
          "coerce => true, idempotent => false)")
    for server in ("fs", "everything"):
        admin("SELECT agentcore.tool_import(%s::jsonb, 'mcp', %s)", json.dumps(definitions(server)), f"{server}__")
    admin("SELECT agentcore.tool_set('fs__write_file', idempotent => false), agentcore.tool_set('everything__echo', idempotent => true)")


class Agent:
    """A process that works on one message."""

    def __init__(self, language, agent, database, message, provider, stream, rules):
        config = {"world": world.url, "folder": FOLDER, "agent": agent, "database": {**database, "database": os.environ["PGDATABASE"]},
                  "message": message, "provider": provider, "stream": stream, "mcp": MCP, "bridge": os.path.join(BUILT, "dist/bridge.js"),
                  "rules": rules(language)}
        command = [sys.executable, os.path.join(HERE, "agent.py")] if language == "python" else ["node", os.path.join(BUILT, "dist/agent.js")]
        self.process = subprocess.Popen(command, env={**os.environ, "CONFIG": json.dumps(config)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def cancel(self):
        self.process.stdin.write("cancel\n")
        self.process.stdin.flush()

    def says(self, word):
        """Waits until it prints the line."""
        bound = threading.Timer(SECONDS, self.process.kill)
        bound.start()
        line = self.process.stdout.readline()
        bound.cancel()
        if line.strip() != word:
            raise AssertionError(f"{line} in place of {word}: {self.process.communicate()}")

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def ends(self):
        """What became of it."""
        try:
            out, err = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it hangs: {self.process.communicate()}") from None
        if self.process.returncode != 0 or not out:
            raise AssertionError(f"status {self.process.returncode}: {out}\n{err}")
        return json.loads(out.splitlines()[-1])


class Scene(unittest.TestCase):
    """Each test has an agent, a message and a proxy of its own."""

    language = "python"
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        open_scene()

    def setUp(self):
        self.name = f"agent{next(_numbers)}"
        admin("SELECT agentcore.policy_set(%s, schemes => '{http}', methods => '{GET,POST}'), agentcore.policy_allow_tool(%s, '*'), "
              "agentcore.policy_allow(%s, '127.0.0.1', ports => %s), agentcore.budget_set(%s, max_tokens => 1000000), agentcore.agent_set(%s, %s, budget => %s)",
              self.name, self.name, self.name, [world.port], self.name, self.name, self.name, self.name)
        self.message = {"id": self.name, "text": f"{self.name} please"}
        self.proxy = self.way()
        self.agents = []

    def way(self):
        proxy = Proxy(os.path.join(SCRATCH, f"p{next(_numbers)}"))
        self.addCleanup(proxy.close)
        return proxy

    def start(self, proxy=None, provider="openai", stream=False, lease=60_000):
        proxy = proxy or self.proxy
        rules = {"max_wait": 600_000, "reconnect": 300_000, "settle_wait": 300_000, "lease": lease}
        agent = Agent(self.language, self.name, {"host": proxy.host, "port": proxy.port}, self.message, provider, stream,
                      lambda language: rules if language == "python" else {camel(name): value for name, value in rules.items()})
        self.agents.append(agent)
        return agent

    def script(self, *turns):
        world.script(self.name, turns)

    def held(self, point, times=1):
        wait_until(lambda: world.held(point) >= times or self.agents[-1].process.poll() is not None, point)
        if world.held(point) < times:
            raise AssertionError(f"nobody came to {point}: {self.agents[-1].process.communicate()}")

    def url(self, path):
        return world.url + path

    def done(self, tool):
        """How often the servers did it, for this test's agent."""
        mine = {row[0] for row in admin("SELECT permit::text FROM agentcore.permits WHERE agent = %s", self.name)}
        return sum(effect["tool"] == tool and effect["call_id"] in mine for effect in world.effects)

    def states(self, tool):
        return sorted(row[0] for row in admin("SELECT state FROM agentcore.permits WHERE agent = %s AND tool = %s", self.name, tool))

    def sound(self):
        """Everything that was done was permitted, once; everything permitted has ended; everything told was charged, once."""
        tools = [effect for effect in world.effects if effect["tool"] != "fake"]
        with psycopg.connect(autocommit=True) as connection:
            self.assertEqual(compare(connection, tools, tools=TOOLS), [])
        # a call of the model that broke off may be made again, and is charged again
        models = {row[0]: row[1:] for row in admin("SELECT permit::text, state, charged_tokens FROM agentcore.permits WHERE tool = 'fake'")}
        self.assertEqual({call_id for call_id, (state, _) in models.items() if state not in ("committed", "failed", "released")}, set())
        self.assertEqual({call_id: charged for call_id, (_, charged) in models.items() if charged}, world.usage)
        self.assertEqual({effect["call_id"] for effect in world.effects if effect["tool"] == "fake"}, set(world.usage))
        self.assertEqual(admin(BOOKS), [])

    def tearDown(self):
        world.let_go()
        for agent in self.agents:
            if agent.process.poll() is None:
                agent.kill()
            for pipe in (agent.process.stdin, agent.process.stdout, agent.process.stderr):
                pipe.close()
        wait_until(lambda: not any(alive(pid) for pid in world.pids), "the end of the MCP servers")
        self.sound()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def of_each_language(case):
    return {f"{case.__name__}{language.title()}": type(f"{case.__name__}{language.title()}", (case, Scene), {"language": language}) for language in ("python", "node")}
