#!/usr/bin/python3
"""Replays against what really happens: random traffic, judged again, and made again.

    test/model/replay.py [CALLS [SEED]]    default: 400 calls, the seed of lib/seed.py

One plan of calls and of their ends is made through the gate in a tenant, with the clock moved along.  Then

  - its replay under the same configuration changes nothing and leaves nothing unknown;
  - for each of many changes of the configuration, the same plan is made in a tenant of its own that has the change from the
    beginning, and the replay of the first tenant under that change says of each call what happened there.

What a call of the second tenant does that the first refused is what a replay takes for granted: it is committed at once.
"""
import collections
import random
import sys
import time

import psycopg
from psycopg.types.json import Jsonb

from lib import seed as seed_of

CALLS = 400
START = 1_800_000_000  # seconds; a time of its own, so that a day does not matter
SETUP = """
SELECT policy_set('p'), policy_set('q', mode => 'audit');
SELECT policy_allow_tool('p', '*'), policy_deny_tool('p', 'never'), policy_allow('p', 'example.com'), policy_allow_tool('q', 'look');
SELECT policy_deny_tool('p', 'send', name => 'tainted', "when" => '{"/labels": {"contains": {"const": "seen"}}}');
SELECT policy_deny_tool('p', 'pay', name => 'much', "when" => '{"/args/n": {"minimum": 7}}');
SELECT policy_limit_tool('p', 'pay', 'few', max_calls => 6, period => '1 hour');
SELECT retry_policy_set('default', base => '20 s', cap => '20 s', max_attempts => 3, method => 'none');
SELECT budget_set('all', max_calls => 250, period => '30 min', kind => 'fixed'), budget_set('b', max_usd => 6, parent => 'all');
SELECT agent_set('a', 'p', 'b'), agent_set('c', 'q', 'all');
SELECT tool_set('look', '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}', cache_ttl => '100.3 s', cache_scope => 'tenant', idempotent => true, taints => '{seen}', est_usd => 0.01);
SELECT tool_set('send', '{}', est_usd => 0.02), tool_set('never', '{}'), tool_set('pay', '{"type": "object", "required": ["n"]}', est_usd => 0.05);
SELECT tool_set('once', '{"type": "object", "properties": {"n": {}}, "required": ["n"]}', once => '200.3 s', once_by => '{/n}', once_scope => 'tenant');
SELECT tool_set('fetch', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}', url_args => '{/url}');
SELECT tool_set('far', '{}', target => 'service', idempotent => true);
SELECT rate_set('service', 3, '119.3 s', 3), breaker_set('service', consecutive => 3, open_for => '45.3 s');
SELECT model_price_set('m', 0.01, 0.02, valid_from => '2000-01-01');
"""
CHANGES = {
    "a tool is denied": "SELECT policy_deny_tool('p', 'look')",
    "a tool is not denied": "SELECT policy_rule_drop('p', id, {tenant}) FROM policy_rule WHERE tenant = {tenant} AND pattern = 'never'",
    "a rule by arguments": "SELECT policy_deny_tool('p', 'far', name => 'small', \"when\" => '{\"/args/n\": {\"maximum\": 2}}')",
    "a schema": "SELECT tool_set('pay', '{\"type\": \"object\", \"properties\": {\"n\": {\"type\": \"integer\", \"maximum\": 5}}, \"required\": [\"n\"]}')",
    "answers are kept shortly": "SELECT tool_set('look', cache_ttl => '30.3 s')",
    "answers are kept for long": "SELECT tool_set('look', cache_ttl => '1 day')",
    "answers are not kept": "SELECT tool_set('look', reset => '{cache_ttl}')",
    "no taint": "SELECT tool_set('look', taints => '{}')",
    "a smaller budget": "SELECT budget_set('b', max_usd => 2)",
    "a larger budget": "SELECT budget_set('b', max_usd => 1000)",
    "a smaller parent": "SELECT budget_set('all', max_calls => 30)",
    "a lower limit": "SELECT policy_limit_tool('p', 'pay', 'few', max_calls => 2, period => '1 hour')",
    "once for longer": "SELECT tool_set('once', once => '2 hours')",
    "a lower rate": "SELECT rate_set('service', 1, '119.3 s', 1)",
    "an agent that enforces": "SELECT policy_set('q', mode => 'enforce')",
    "an agent that is off": "SELECT agent_set('c', enabled => false)",
    "other hosts": "SELECT policy_allow('p', 'example.org')",
}


def plan(calls, chance):
    """[(time, 'begin', number, agent, tool, args, key, task) or (time, 'end', number, how)] in order of time"""
    steps, now = [], 0
    for number in range(calls):
        now += chance.choice((1, 3, 7, 13, 29))
        tool = chance.choices(("look", "send", "never", "pay", "once", "fetch", "far", "m", "gone"), (6, 3, 1, 3, 2, 2, 5, 2, 1))[0]
        args = {"n": chance.randrange(10)} if chance.random() < 0.9 else {}
        if tool == "fetch":
            args = {"url": chance.choice(("https://example.com/a", "https://example.org/b", "http://127.0.0.1/", "no url"))}
        task = chance.choice((None, "t1", "t2", "t3"))
        key = f"key-{tool}-{sorted(args.items())}-{task}" if chance.random() < 0.4 else None
        steps.append((now, "begin", number, chance.choice("aaac"), tool, args, key, task))
        # a call under a key ends: when one whose lease is over is ended depends on who comes by
        how = chance.choices(("commit", "failed", "release", "busy", "never"), (10, 1, 1, 2, 1) if key is None else (8, 1, 1, 0, 0))[0]
        steps.append((now + chance.choice((1, 1, 2, 17)) + 0.5, "end", number, how))
    return sorted(steps, key=lambda step: step[0])


class Tenant:
    """The plan, made through the gate in one tenant."""

    def __init__(self, name, change=None):
        self.name, self.calls, self.verdicts = name, {}, []
        self.connection = psycopg.connect("", autocommit=True)
        self.connection.execute("SET search_path = agentcore, public; SET agentcore.budget_guard = off; SET agentcore.audit = 'all'; SET agentcore.record = 'args'; SET agentcore.loop_limit = 4; SET client_min_messages = error")
        self.at(-100)
        self.configure(SETUP)
        if change is not None:
            self.configure(change)

    def at(self, seconds):
        self.connection.execute("SELECT set_config('agentcore.debug_clock_offset', %s, false)", (str(round((START + seconds - time.time()) * 1000)),))

    def configure(self, script):
        """The setters of the script, for this tenant: it is the last argument of each."""
        tenant = f"'{self.name}'"
        for statement in filter(str.strip, script.split(";\n")):
            self.connection.execute(named(statement.replace("{tenant}", tenant), tenant))

    def begin(self, number, agent, tool, args, key, task):
        if tool == "m":
            query, values = "SELECT verdict, reason, call_id FROM llm_begin(%s, 'm', 100, %s, key => %s, task => %s, tenant => %s)", (agent, 10 + args.get("n", 0), key, task, self.name)
        else:
            query, values = "SELECT verdict, reason, call_id FROM call_begin(%s, %s, %s, key => %s, task => %s, tenant => %s)", (agent, tool, Jsonb(args), key, task, self.name)
        verdict, reason, call = self.connection.execute(query, values).fetchone()
        self.verdicts.append((verdict, reason))
        if verdict == "run":
            self.calls[number] = call

    def end(self, number, how):
        call = self.calls.get(number)
        if call is None or how == "never":
            return
        query = {"commit": "SELECT call_commit(%s, '{\"is\": 1}', usd => 0.04, tenant => %s)", "failed": "SELECT action FROM call_fail(%s, 400, tenant => %s)",
                 "busy": "SELECT action FROM call_fail(%s, 503, tenant => %s)", "release": "SELECT call_release(%s, tenant => %s)"}[how]
        self.connection.execute(query, (call, self.name))

    def follow(self, steps, first=None):
        """first: the tenant in which the plan was made before; what it did not run is committed at once."""
        for at, what, number, *rest in steps:
            self.at(at)
            if what == "end":
                self.end(number, *rest)
                continue
            self.begin(number, *rest)
            if first is not None and number in self.calls and number not in first.calls:
                self.connection.execute("SELECT call_commit(%s, '{\"is\": 1}', tenant => %s)", (self.calls.pop(number), self.name))
        return self

    def replay(self, change=None):
        """[(after_verdict, after_reason, before, unknown)], with the change made, and taken back"""
        query = "SELECT after_verdict, after_reason, (before_verdict, before_reason)::text, changed, unknown FROM call_replay(NULL, NULL, tenant => %s)"
        with self.connection.transaction(force_rollback=True):
            if change is not None:
                self.configure(change)
            return self.connection.execute(query, (self.name,)).fetchall()


def named(statement, tenant):
    """Each call of a setter with the tenant as its last argument."""
    out, depth, quoted, opened = [], 0, False, []
    for position, letter in enumerate(statement):
        if letter == "'":
            quoted = not quoted
        elif letter == "(" and not quoted:
            opened.append(position > 0 and statement[:position].split("(")[-1].rsplit(None, 1)[-1].lstrip(",").isidentifier())
        elif letter == ")" and not quoted and opened.pop() and tenant not in statement:
            out.append(f", tenant => {tenant}")
        out.append(letter)
    return "".join(out)


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    seed = seed_of.chosen(sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"replay: seed {seed}, {calls} calls, {len(CHANGES)} changes")
    steps = plan(calls, random.Random(f"replay {seed}"))
    asked = [(number, *step[3:7]) for step in steps if step[1] == "begin" for number in (step[2],)]
    first = Tenant("first").follow(steps)
    print("verdicts:", ", ".join(f"{verdict} {reason or ''} {n}" for (verdict, reason), n in sorted(collections.Counter(first.verdicts).items(), key=str)))
    wrong = 0
    for call, row in zip(asked, first.replay()):
        if row[3] is not False:
            wrong += 1
            print(f"the same configuration: {call}: {row}")
    for number, (name, change) in enumerate(CHANGES.items()):
        real = Tenant(f"change {number}", change).follow(steps, first)
        replayed = first.replay(change)
        unknown = sum(row[4] is not None for row in replayed)
        differ = [(call, row, verdict) for call, row, verdict in zip(asked, replayed, real.verdicts) if row[4] is None and row[:2] != verdict]
        print(f"{name}: {sum(row[3] is True for row in replayed)} changed, {unknown} unknown, {len(differ)} differ from what happened")
        wrong += len(differ)
        for call, row, verdict in differ[:8]:
            print(f"  {call}: replay {row[:2]}, then {row[2]}, in fact {verdict}")
    print("ok" if not wrong else f"{wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
