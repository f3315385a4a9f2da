#!/usr/bin/python3
"""What a replay says of rates, breakers and pauses, against plain models of them.

    test/model/replay_targets.py [ROUNDS [SEED]]    default: 40 rounds, the seed of lib/seed.py

Each round writes a log by hand: calls of a few tools that ran, with their ends (committed, failed for reasons of every class,
given back, never), at random times. Each target has a random rate (with a burst, without, of tokens) and a random breaker. The replay
says of each call whether it runs, waits for the rate, for the breaker, or for a pause; so does the model: the
generic cell rate algorithm and a window of fifteen parts, and a breaker with its buckets, probes and leases.
"""
import math
import random
import sys
import uuid

import psycopg

from lib import seed as seed_of

SECOND = 1000000
PARTS = 16
BUCKET, BUCKETS = 6 * SECOND, 10
POSTGRES = 946684800            # 2000-01-01, the zero of its clock
SILENT, ANSWERED = ("cancelled", "fatal_error"), ("fatal_status", "quota")
TROUBLE = ("retryable_status", "attempts_exhausted", "possibly_executed", "unknown_error", "retry_after_too_long")


class Window:
    """At most the limit within any period: fifteen parts, each until a period after its last unit."""

    def __init__(self):
        self.parts = [[0, 0] for _ in range(PARTS)]     # last, units

    def counting(self, period, now):
        return [part for part in self.parts if part[1] > 0 and part[0] > now - period]

    def fits(self, limit, period, now, units):
        return sum(part[1] for part in self.counting(period, now)) + units <= limit

    def add(self, period, now, units):
        part = self.parts[now // (period // (PARTS - 1) + 1) % PARTS]
        if units > 0:
            part[1] = part[1] + units if part[1] > 0 and part[0] > now - period else units
            part[0] = now

    def take_off(self, period, now, taken, units):
        for part in sorted(self.counting(period, now)):
            if taken > now - period and part[0] >= taken and units > 0:
                off = min(part[1], units)
                part[1], units = part[1] - off, units - off


class Meter:
    def __init__(self, calls, burst, tokens, period):
        self.calls, self.burst, self.tokens, self.period = calls, burst, tokens, period
        self.interval = math.ceil(period * 1000 / max(calls or 1, 1))
        self.tat, self.born, self.passed, self.used = 0, 0, Window(), Window()

    def fits(self, now, tokens):
        if self.tokens and tokens > self.tokens:
            return "never"
        if self.calls and self.burst:
            tolerance = self.interval * self.burst
            if min(max(self.tat, now * 1000), now * 1000 + tolerance) + self.interval - tolerance > now * 1000:
                return "wait"
        elif self.calls and not self.passed.fits(self.calls, self.period, now, 1):
            return "wait"
        return "wait" if self.tokens and tokens and not self.used.fits(self.tokens, self.period, now, tokens) else None

    def take(self, now, tokens):
        self.born = self.born or now
        if self.calls:
            tolerance = self.interval * (self.burst or self.calls)
            self.tat = min(max(self.tat, now * 1000), now * 1000 + tolerance) + self.interval
            self.passed.add(self.period, now, 1)
        if self.tokens:
            self.used.add(self.period, now, tokens)

    def give_back(self, now, taken, calls, tokens):
        age = now - taken
        if not self.born or taken < self.born:
            return
        if self.calls and age < self.interval // 1000:
            self.tat = max(self.tat - calls * (self.interval - max(age, 0) * 1000), 0)
        taken -= min(SECOND, self.period // 60)
        self.passed.take_off(self.period, now, taken, calls)
        self.used.take_off(self.period, now, taken, tokens)


class Breaker:
    def __init__(self, ratio, min_calls, consecutive, open_for, probes):
        self.ratio, self.min_calls, self.consecutive, self.open_for, self.probes = ratio, min_calls, consecutive, open_for, probes
        self.forget()

    def forget(self):
        self.state, self.row, self.successes, self.opened, self.until, self.leases, self.buckets = "closed", 0, 0, 0, 0, [], {}

    def running(self, now):
        return sum(lease > now for lease in self.leases)

    def state_at(self, now):
        return "half_open" if self.state == "open" and now >= self.until else self.state

    def allows(self, now):
        state = self.state_at(now)
        return state == "closed" or (state == "half_open" and self.running(now) < max(self.probes - self.successes, 1))

    def take(self, now):
        if self.state_at(now) == "half_open" and self.allows(now):
            self.state = "half_open"
            self.leases = [lease for lease in self.leases if lease > now] + [now + self.open_for]

    def end_probe(self):
        if self.leases:
            self.leases.remove(max(self.leases))

    def give_back(self, now, began):
        if self.state == "half_open" and began >= self.until and now - began < self.until - self.opened:
            self.end_probe()

    def open(self, now):
        self.state, self.opened, self.until, self.successes, self.leases = "open", now, now + self.open_for, 0, []

    def hear(self, now, ok):
        if self.state != "open":
            calls, failures = self.buckets.get(now // BUCKET, (0, 0))
            self.buckets = {n: seen for n, seen in self.buckets.items() if n > now // BUCKET - BUCKETS} | {now // BUCKET: (calls + 1, failures + (not ok))}
            self.row = 0 if ok else self.row + 1
        if self.state == "closed" and not ok:
            calls, failures = (sum(seen[i] for seen in self.buckets.values()) for i in (0, 1))
            if self.row >= self.consecutive or (calls >= self.min_calls and failures >= self.ratio * calls):
                self.open(now)
        elif self.state == "half_open" and not ok:
            self.open(now)
        elif self.state == "half_open":
            self.end_probe()
            self.successes += 1
            if self.successes >= self.probes:
                self.forget()


class Round:
    def __init__(self, seed, connection):
        self.dice, self.connection = random.Random(seed), connection
        self.now = (1750000000 - POSTGRES) * SECOND + self.dice.randrange(10 ** 12)
        self.rows, self.expected, self.open = [], [], []
        self.meters, self.breakers, self.paused = {}, {}, {}
        for table in ("call_log_entry", "budget_ledger", "permit", "policy", "tool", "agent", "rate_limit", "breaker"):
            connection.execute(f"DELETE FROM agentcore.{table} WHERE tenant = 'r'")
        connection.execute("SELECT agentcore.policy_set('p', tenant => 'r'), agentcore.policy_allow_tool('p', '*', tenant => 'r'), agentcore.agent_set('x', 'p', tenant => 'r')")
        for target in "uvw":
            connection.execute("SELECT agentcore.tool_set(%s, '{}', target => %s, idempotent => true, lease => '1 day', tenant => 'r')", (f"tool-{target}", target))
            self.paused[target] = 0
            self.limit(target)

    def limit(self, target):
        dice = self.dice
        calls, tokens, period = dice.choice([(3, None), (7, 100), (None, 60), (20, None)]) + (dice.choice([1, 10, 60]),)
        burst = dice.choice([None, 1, 4]) if calls else None
        if dice.random() < .8:
            self.connection.execute("SELECT agentcore.rate_set(%s, %s::int, %s::interval, %s::int, %s::bigint, tenant => 'r')", (target, calls, f"{period} s", burst, tokens))
            self.meters[target] = Meter(calls, burst, tokens, period * SECOND)
        settings = (dice.choice([0.2, 0.5, 1]), dice.choice([2, 5, 10]), dice.choice([2, 5, 8]), dice.choice([1, 30]), dice.choice([1, 2, 3]))
        self.connection.execute("SELECT agentcore.breaker_set(%s, failure_ratio => %s::float8, min_calls => %s, consecutive => %s, open_for => %s::interval, probes => %s, tenant => 'r')",
                                (target, settings[0], settings[1], settings[2], f"{settings[3]} s", settings[4]))
        self.breakers[target] = Breaker(settings[0], settings[1], settings[2], settings[3] * SECOND, settings[4])

    def write(self, event, target, verdict, call, tokens, reason=None, retry_after_ms=None):
        self.rows.append((self.now, event, f"tool-{target}", verdict, reason, call, tokens, retry_after_ms))

    def begin(self):
        """Every call of the log ran, so the replay hears of it as it ended, unless the model refuses it."""
        target, tokens, call = self.dice.choice("uvw"), self.dice.choice([None, 0, 5, 40]), uuid.UUID(int=self.dice.getrandbits(128))
        self.write("begin", target, "run", call, tokens)
        meter, breaker, asked = self.meters.get(target), self.breakers[target], 1 if tokens is None else tokens
        # that it ran says that no pause was left
        self.paused[target] = min(self.paused[target], self.now)
        fits = meter and meter.fits(self.now, asked)
        if not breaker.allows(self.now):
            self.expected.append(("wait", "circuit_open"))
        elif fits:
            self.expected.append(("deny" if fits == "never" else "wait", "rate_limited"))
        else:
            self.expected.append(("run", None))
            breaker.take(self.now)
            if meter:
                meter.take(self.now, asked)
        self.open.append((target, call, self.now, tokens or 0, self.expected[-1][0] == "run"))

    def end(self):
        target, call, began, held, runs = self.open.pop(self.dice.randrange(len(self.open)))
        meter, breaker, draw = self.meters.get(target), self.breakers[target], self.dice.random()
        used = self.dice.choice([held, 0, 2, 50])
        if draw < .1:
            self.write("release", target, "released", call, 0)
            if runs:
                breaker.give_back(self.now, began)
                if meter:
                    meter.give_back(self.now, began, 1, held)
            return
        if draw < .55:
            reason, ok = None, True
            self.write("commit", target, "committed", call, used)
        else:
            reason = self.dice.choice([*SILENT, *ANSWERED, *TROUBLE, *TROUBLE])
            ok = None if reason in SILENT else reason in ANSWERED
            self.write("fail", target, "fail", call, used, reason, 5000 if reason == "retry_after_too_long" else None)
        if not runs:
            return
        if ok is None:
            breaker.give_back(self.now, began)
        else:
            breaker.hear(self.now, ok)
        if meter and used > held and meter.tokens:
            meter.born = meter.born or self.now
            meter.used.add(meter.period, self.now, used - held)
        elif meter and used < held and (reason is None or used > 0):
            meter.give_back(self.now, began, 0, held - used)

    def run(self, steps):
        for _ in range(steps):
            self.now += int(self.dice.choice([0.05, 0.05, 0.3, 0.3, 1, 2, 11, 40]) * SECOND) + 1
            if self.open and self.dice.random() < .45:
                self.end()
            else:
                self.begin()
        with self.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO agentcore.call_log_entry (tenant, at, event, agent, tool, verdict, reason, enforced, call_id, role, attempt, tokens, retry_after_ms)"
                               " VALUES ('r', timestamptz '2000-01-01 00:00 UTC' + %s * interval '1 microsecond', %s, 'x', %s, %s, %s, true, %s, 'w', 1, %s, %s)", self.rows)
        said = self.connection.execute("SELECT after_verdict, after_reason, unknown FROM agentcore.call_replay(NULL, NULL, tenant => 'r') ORDER BY id").fetchall()
        assert len(said) == len(self.expected)
        for n, (row, expected) in enumerate(zip(said, self.expected)):
            assert row == (*expected, None), f"call {n}: the replay says {row}, the model {expected}"
        return sum(expected[0] != "run" for expected in self.expected), len(said)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    seed = seed_of.chosen(sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"replayed targets: {rounds} rounds, seed {seed}", flush=True)
    connection = psycopg.connect(autocommit=True)
    connection.execute("SET client_min_messages = error")
    refused = calls = 0
    for n in range(rounds):
        try:
            one_refused, one_calls = Round(seed * 1000 + n, connection).run(150)
        except AssertionError as problem:
            sys.exit(f"round {n} of seed {seed}: {problem}")
        refused, calls = refused + one_refused, calls + one_calls
    assert calls // 20 < refused < calls, (refused, calls)
    print(f"ok: {calls} calls, {refused} of which wait or are denied")


if __name__ == "__main__":
    main()
