"""Fills a database with real traffic: every verdict, failures, waiting people, names that want to be more than names.

Calls are spread over the last hours by moving the session's clock; nothing sleeps and nothing is random but by seed.
"""
import json
import random

HOSTILE = "</script><img src=x onerror=alert(1)> \"&'\\ \u202egnp.exe"
WIDE = "W" * 60
HOURS = 6
SETUP = """
SELECT agentcore.policy_set('web'), agentcore.policy_allow('web', '*.example.com'), agentcore.policy_allow_tool('web', '*'),
       agentcore.policy_deny_tool('web', 'pay', "when" => '{"/args/amount": {"exclusiveMinimum": 500}}', name => 'no large payments'),
       agentcore.policy_deny_tool('web', 'shell*', name => 'no shells');
SELECT agentcore.budget_set('company', max_usd => 1.2, period => '1 day'),
       agentcore.budget_set('research', max_usd => 1, max_tokens => 300000, period => '1 day', parent => 'company'),
       agentcore.budget_set('support', max_calls => 140, max_usd => 1, period => '1 day', parent => 'company'),
       agentcore.budget_set(%(hostile)s, max_calls => 100),
       agentcore.budget_template_set('user-*', parent => 'company', max_usd => 5);
SELECT agentcore.tool_set('search', '{"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}', cache_ttl => '1 day', est_tokens => 200, est_usd => 0.002),
       agentcore.tool_set('fetch', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}, "required": ["url"]}', cache_ttl => '1 day', est_tokens => 400, est_usd => 0.004, url_args => '{/url}', idempotent => true, target => 'pages'),
       agentcore.tool_set('pay', '{"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}', needs_approval => true, est_usd => 0.01),
       agentcore.tool_set('shell/run', '{}'),
       agentcore.tool_set('mail', '{"type": "object"}', est_usd => 0.001, idempotent => true, target => 'mail'),
       agentcore.tool_set(repeat('W', 60), '{}', cache_ttl => '1 day', est_usd => 0.001, idempotent => true),
       agentcore.tool_set(%(hostile)s, '{}', cache_ttl => '1 day', est_usd => 0.001);
SELECT agentcore.model_price_set('small-model', usd_per_input_token => 0.000001, usd_per_output_token => 0.000004);
SELECT agentcore.agent_set('researcher', 'web', 'research', charges => '{user-*}'), agentcore.agent_set('helper', 'web', 'support'), agentcore.agent_set(%(hostile)s, 'web', 'support');
SELECT agentcore.policy_set('web', tenant => 'acme'), agentcore.policy_allow_tool('web', '*', tenant => 'acme'),
       agentcore.tool_set('search', '{"type": "object"}', cache_ttl => '1 day', est_usd => 0.002, tenant => 'acme'),
       agentcore.budget_set('acme', max_usd => 0.1, period => '1 day', tenant => 'acme'), agentcore.agent_set('buyer', 'web', 'acme', tenant => 'acme');
SELECT agentcore.budget_ledger_partition();
"""
BEGIN = "SELECT verdict, call_id FROM agentcore.call_begin(%s, %s, %s::jsonb, task => %s, budget => %s, lease => %s::interval, trace => %s, tenant => %s)"
MODEL = "SELECT verdict, call_id FROM agentcore.llm_begin(%s, 'small-model', %s, 500, task => %s)"


class Traffic:
    def __init__(self, connection, seed=1):
        self.connection, self.random, self.calls = connection, random.Random(seed), 0

    def value(self, statement, *args):
        row = self.connection.execute(statement, args).fetchone()
        return row[0] if len(row) == 1 else row

    def later(self, fraction):
        """The clock of the session, at a share of the hours."""
        offset = int((fraction - 1) * HOURS * 3600 * 1000)
        self.connection.execute(f"SET agentcore.debug_clock_offset = {offset}")
        self.offset = offset

    def takes(self, milliseconds):
        """What the tool takes, before it is settled."""
        self.offset += milliseconds
        self.connection.execute(f"SET agentcore.debug_clock_offset = {self.offset}")

    def call(self, agent, tool, args, task=None, budget=None, tenant="", fails=None, usd=None, leave=False):
        self.calls += 1
        verdict, call_id = self.value(BEGIN, agent, tool, json.dumps(args), task, budget, '1 day' if leave else None, f"00-{self.calls:032x}-{self.calls:016x}-01", tenant)
        if verdict == "run" and not leave:
            self.takes(int(self.random.lognormvariate(4.5, 0.8)))
            if fails:
                self.connection.execute("SELECT agentcore.call_fail(%s, %s, %s, tenant => %s)", (call_id, *fails, tenant))
            else:
                self.connection.execute("SELECT agentcore.call_commit(%s, %s::jsonb, tokens => %s, usd => %s::numeric, tenant => %s)",
                                        (call_id, json.dumps({"answer": args}), self.random.randrange(50, 900), usd, tenant))
        return verdict

    def model(self, agent, task):
        self.calls += 1
        tokens = self.random.randrange(400, 4000)
        verdict, call_id = self.value(MODEL, agent, tokens, task)
        if verdict == "run":
            self.takes(int(self.random.lognormvariate(7, 0.5)))
            usage = {"usage": {"input_tokens": tokens, "output_tokens": self.random.randrange(50, 500)}}
            self.connection.execute("SELECT agentcore.llm_commit(%s, %s::jsonb)", (call_id, json.dumps(usage)))

    def step(self, n):
        pick, task = self.random.random, f"task-{n // 12}"
        self.model("researcher", task)
        self.call("researcher", "search", {"q": f"topic {int(pick() * pick() * 40)}"}, task, usd=0.002)
        self.call("researcher", "fetch", {"url": f"https://www.example.com/{int(pick() * pick() * 60)}"}, task, usd=0.003)
        self.call("helper", "mail", {"to": n}, task, fails=(503 if n % 7 == 0 else 400, "no") if pick() < 0.15 else None, usd=0.001)
        if n % 3 == 0:
            self.call("researcher", "fetch", {"url": self.random.choice(["https://10.0.0.1/", "https://evil.example.net/x", "ftp://www.example.com/"])}, task)
        if n % 4 == 0:
            self.call("helper", "pay", {"amount": self.random.choice([900, 1200])}, task)
        if n % 5 == 0:
            self.call("helper", "shell/run", {}, task)
            self.call("researcher", "search", {"query": 1}, task)
            self.call("buyer", "search", {"q": n % 7}, task, tenant="acme", usd=0.002)
        if n % 10 == 0:
            self.call(HOSTILE, HOSTILE, {}, HOSTILE, usd=0.001)
            self.call("researcher", "search", {"q": f"of user {n}"}, task, budget=f"user-{n % 30}", usd=0.01)


def fill(connection, steps=120, seed=1):
    """How many calls were made."""
    connection.execute("SET client_min_messages = error")
    connection.execute("SET agentcore.audit = 'all'")
    connection.execute("SET agentcore.track_timing = 'on'")
    traffic = Traffic(connection, seed)
    traffic.later(0)
    for statement in SETUP.strip().split(";\n"):
        connection.execute(statement, {"hostile": HOSTILE} if "%(hostile)s" in statement else None)
    for n in range(steps):
        traffic.later(n / steps)
        traffic.step(n)
    traffic.later(1)
    for amount in (20, 45):
        traffic.call("helper", "pay", {"amount": amount}, "waiting")
    traffic.call("helper", WIDE, {}, "wide")
    traffic.call("helper", "mail", {"to": "open"}, "open", leave=True)
    connection.execute("RESET agentcore.debug_clock_offset")
    connection.execute("RESET agentcore.track_timing")
    connection.execute("RESET agentcore.audit")
    return traffic.calls
