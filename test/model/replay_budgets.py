#!/usr/bin/python3
"""What a replay says of budgets and limits, against a gate that was asked at the time.

    test/model/replay_budgets.py [ROUNDS [SEED]]    default: 12 rounds, the seed of lib/seed.py

Each round makes two tenants with other budgets (trees of windows of every kind, further limits, overflows, minimum holds, budgets
that count some tools only, overruns) and other limits of policies, and asks both gates the same calls at the same times, with a clock that
stands still, creeps and leaps over windows.  A call that runs in both ends alike in both: committed, failed, released, late
or never.  One that runs in the second only is committed there at once for its estimate, as a replay assumes.  Then:
  the log of the first, replayed under its own configuration from any time on, changes nothing and knows everything;
  replayed under the second's, it says of each call what the second's gate said.
"""
import json
import random
import sys
import time

import psycopg

from lib import seed as seed_of

MINUTE, HOUR, DAY = 60, 3600, 86400
STEP, OFF = 10, 3               # calls are made at this grid plus OFF; edges of windows are 3 s away from every call
LEASE = 2 * MINUTE
BEGINNING = 1735689600          # 2025-01-01
# seconds that a step may take before a lease ends too late; a round that went wrong after such a step is done again
STALL, TRIES = 0.9, 5
TREE = {"org": None, "team": "org", "run": "team", "side": None, "spare": "side"}
ZONES = ["UTC", "America/New_York", "Asia/Kathmandu"]


def one(connection, sql, *values):
    return connection.execute(sql, values).fetchone()


class Round:
    def __init__(self, seed, connection):
        self.dice, self.connection = random.Random(seed), connection
        self.now = BEGINNING + self.dice.randrange(3 * 365 * DAY) // STEP * STEP + OFF
        self.open = []          # [lease's end, id in a or None, id in b or None, expired]
        self.said = []          # what b's gate said, in the order of a's log
        self.stalled = False
        self.counts = self.dice.random() < .6   # limits of policies, which no ledger knows
        self.templates = not self.counts and self.dice.random() < .5
        for tenant in "ab":
            self.forget(tenant)

    def forget(self, tenant):
        for table in ("call_log_entry", "budget_ledger", "budget_counter", "permit", "budget_limit", "budget_template", "budget", "policy", "tool", "agent"):
            self.connection.execute(f"DELETE FROM agentcore.{table} WHERE tenant = %s", (tenant,))

    # --- the clock ---

    def clock(self, at=None):
        self.begun = time.monotonic()
        self.connection.execute(f"SET agentcore.debug_clock_offset = {((at or self.now) - time.time()) * 1000}")

    def watch(self):
        """Whether the clock has gone so far by itself that a lease ends behind the time at which it is expired."""
        self.stalled |= time.monotonic() - self.begun > STALL

    def expire(self, until):
        """Leases that end are expired at once, as a replay does."""
        for call in sorted((c for c in self.open if not c[3] and c[0] <= until), key=lambda c: c[0]):
            self.clock(call[0] + 1)
            for tenant in "ab":
                self.connection.execute("SELECT agentcore.budget_reap(tenant => %s)", (tenant,))
            self.watch()
            call[3] = True

    def move(self):
        ahead = self.dice.choice([0, 0, STEP, STEP, 3 * STEP, 6 * MINUTE, 30 * MINUTE, 5 * HOUR, DAY]) if self.dice.random() < .8 else 0
        self.expire(self.now + ahead)
        self.now += ahead
        # where it stands still it goes on by itself, so that the log has the order of the calls
        if ahead > 0:
            self.clock()

    # --- configurations ---

    def window(self):
        dice = self.dice
        kind = dice.choice(["lifetime", "fixed", "calendar", "sliding", "sliding"])
        members = {"kind": kind}
        if kind == "fixed":
            members["period"] = dice.choice(["10 minutes", "7 hours", "2 days"])
        elif kind == "calendar":
            members |= {"period": dice.choice(["1 day", "1 month"]), "tz": dice.choice(ZONES)}
        elif kind == "sliding":
            members["period"] = dice.choice(["4 minutes", "1 hour", "1 day"])      # parts of 10 s, 150 s, 3600 s
        return members

    def maxima(self, loose):
        dice = self.dice
        members = {"max_tokens": dice.choice([None, 60, 200, 500]), "max_usd": dice.choice([None, 0.05, 0.4]), "max_calls": dice.choice([None, 3, 8, 20])}
        return {key: value if value is None else value * (4 if loose else 1) for key, value in members.items()}

    def budget(self, tenant, name):
        dice = self.dice
        members = self.window() | self.maxima(name in ("org", "side")) | {
            "parent": TREE[name], "max_in_flight": dice.choice([None, None, 1, 3]), "on_expiry": dice.choice(["release", "charge_estimate"]),
            "on_full": dice.choice(["deny", "wait"]), "min_hold_tokens": dice.choice([None, None, 7]), "overrun": dice.choice(["charge", "cap"]) if tenant == "b" else "charge",
            "only": ["t1"] if name == "team" and dice.random() < .4 else None, "overflow": "spare" if name == "run" and dice.random() < .5 else None}
        self.set("budget_set", tenant, name=name, **members)
        for number in range(dice.choice([0, 0, 1, 2])):
            self.set("budget_limit_set", tenant, budget=name, limit_name=f"l{number}", **(self.window() | self.maxima(True) | {"max_calls": 9}))

    def set(self, setter, tenant, **members):
        given = {key: value for key, value in members.items() if value is not None}
        arguments = ", ".join(f'"{key}" => %s' for key in given)
        self.connection.execute(f"SELECT agentcore.{setter}({arguments}, tenant => '{tenant}')", [value if isinstance(value, list) else str(value) for value in given.values()])

    def configure(self, tenant):
        self.clock()
        for name in ("org", "side", "team", "spare", "run"):
            self.budget(tenant, name)
        if self.templates:
            self.set("budget_set", tenant, name="side", max_calls=80)
            self.set("budget_template_set", tenant, pattern="customer:*", parent="side", max_calls=4, max_budgets=50, **self.window())
        self.set("policy_set", tenant, name="p")
        self.set("policy_allow_tool", tenant, policy="p", tool="*")
        for tool, tokens in (("t1", None), ("t2", 9)):
            self.set("tool_set", tenant, name=tool, input_schema="{}", est_tokens=tokens, lease=f"{LEASE} s", record="args")
        self.set("agent_set", tenant, name="x", policy="p", budget="run", charges=["*"])
        self.set("agent_set", tenant, name="y", policy="p", charges=["*"])
        for n in range(self.dice.choice([1, 2]) if self.counts else 0):
            self.set("policy_limit_tool", tenant, policy="p", tool=self.dice.choice(["t1", "*"]), name=f"l{n}", per=self.dice.choice([["/task"], ["/agent"], ["/agent", "/args/k"]]),
                     max_calls=self.dice.choice([None, 2, 6]), sum_of="/args/n", max_sum=self.dice.choice([10, 60]), period=self.dice.choice([None, "4 minutes", "1 day"]))

    # --- calls ---

    def begin(self):
        dice = self.dice
        call = {"agent": dice.choice("xxy"), "tool": dice.choice(["t1", "t1", "t2"]), "args": json.dumps({"n": dice.randrange(12), "k": dice.choice("uv")}), "task": dice.choice(["1", "2"]),
                "est_tokens": dice.choice([None, 0, 5, 30]), "est_usd": dice.choice([None, 0, 0.01, 0.1]),
                "budgets": dice.choice([[], [], ["side"], ["run"]] + ([["customer:1"], ["customer:2", "customer:3"]] if self.templates else []))}
        ids = {}
        for tenant in "ab":
            verdict, reason, ids[tenant] = self.connection.execute(
                "SELECT verdict, reason, call_id FROM agentcore.call_begin(%(agent)s, %(tool)s, %(args)s::jsonb, est_tokens => %(est_tokens)s, est_usd => %(est_usd)s::numeric, task => %(task)s, budgets => %(budgets)s,"
                f" tenant => '{tenant}')", call).fetchone()
        self.said.append((verdict, reason))
        if ids["a"] is None and ids["b"] is not None:
            one(self.connection, "SELECT agentcore.call_commit(%s, tenant => 'b')", ids["b"])
            ids["b"] = None
        if ids["a"] is not None:
            self.open.append([self.now + LEASE, ids["a"], ids["b"], False])

    def end(self):
        call = self.dice.choice(self.open)
        self.open.remove(call)
        draw = self.dice.random()
        if draw < .15 and not call[3]:
            end, values = "SELECT agentcore.call_release(%s, tenant => %s)", ()
        elif draw < .35:
            end, values = "SELECT (f).action FROM agentcore.call_fail(%s, 400, tokens => %s, usd => %s::numeric, tenant => %s) f", self.dice.choice([(None, None), (3, 0.001)])
        else:
            end, values = "SELECT agentcore.call_commit(%s, tokens => %s, usd => %s::numeric, tenant => %s)", self.dice.choice([(None, None), (2, 0.005), (70, 0.2)])
        for tenant, call_id in zip("ab", call[1:3]):
            if call_id is not None:
                one(self.connection, end, call_id, *values, tenant)

    # --- what a replay says ---

    def replay(self, since):
        return self.connection.execute("SELECT before_verdict, before_reason, after_verdict, after_reason, changed, unknown, called_at FROM agentcore.call_replay(%s, NULL, tenant => 'a') ORDER BY id", (since,)).fetchall()

    def run(self, steps):
        for tenant in "ab":
            self.configure(tenant)
        middle = None
        for step in range(steps):
            self.move()
            if step == steps // 2:
                middle = one(self.connection, "SELECT agentcore.clock_now()")[0]
                self.now += STEP
                self.expire(self.now)
                self.clock()
            if self.open and self.dice.random() < .35:
                self.end()
            else:
                self.begin()
            self.watch()
        for since in [None] if self.counts else [None, middle]:
            for row in self.replay(since):
                assert row[4] is False, f"from {since} on, the same configuration says otherwise: {row}"
        self.connection.execute("SELECT agentcore.config_apply(agentcore.config_export('b'), prune => true, tenant => 'a')")
        rows = self.replay(None)
        assert len(rows) == len(self.said), (len(rows), len(self.said))
        if not self.templates:
            for n, (row, said) in enumerate(zip(rows, self.said)):
                assert (row[2], row[3]) == said, f"call {n}: the replay says {row}, the gate said {said}"
        return sum(row[4] for row in rows), len(rows)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    seed = seed_of.chosen(sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"replayed budgets: {rounds} rounds, seed {seed}", flush=True)
    connection = psycopg.connect(autocommit=True)
    connection.execute("SET agentcore.audit = 'all'; SET client_min_messages = error")
    changed = calls = 0
    for n in range(rounds):
        for left in reversed(range(TRIES)):
            once = Round(seed * 1000 + n, connection)
            try:
                one_changed, one_calls = once.run(80)
                break
            except AssertionError as problem:
                if not once.stalled or left == 0:
                    sys.exit(f"round {n} of seed {seed}: {problem}")
        changed, calls = changed + one_changed, calls + one_calls
    assert changed > calls // 20, "the two configurations are too much alike"
    print(f"ok: {calls} calls, of which the other configuration answers {changed} otherwise")


if __name__ == "__main__":
    main()
