#!/usr/bin/python3
"""Limits and calls that run once under load: 64 clients, and everything that goes wrong.

    test/model/task_stress.py [TURNS [SEED]]    default: 20 turns of each client, the seed of lib/seed.py

64 clients call one tool with three limits (calls per task, a sum per payee, calls in all) and one that runs once per
item, each with keys of its own; some roll back, some fail, some give the call up, some are gone in the middle of a
transaction, some use stricter isolation.  Afterwards:

  - no limit was passed, counted by the permits of the calls that were told to run;
  - every call that was told to run is counted by each of them, once;
  - of each item at most one call took effect or is open;
  - nobody saw a deadlock (40P01); contention is an answer, or 55P03 or 40001;
  - budget_verify() is silent.
"""
import collections
import random
import sys
import threading

import psycopg
from psycopg.types.json import Jsonb

from lib import seed as seed_of

CLIENTS, TURNS = 64, 20
CALLS, SUM, ALL, ITEMS = 40, 100, 400, 30
EXPECTED = {"55P03", "40001"}
SETUP = f"""
SELECT agentcore.tool_set('pay', '{{"type": "object"}}'), agentcore.tool_set('once', '{{"type": "object"}}', once => '1 day', once_by => '{{}}');
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('a', policy => 'p');
SELECT agentcore.policy_limit_tool('p', 'pay', 'task', max_calls => {CALLS}),
       agentcore.policy_limit_tool('p', 'pay', 'payee', per => '{{/args/payee}}', sum_of => '/args/amount', max_sum => {SUM}),
       agentcore.policy_limit_tool('p', 'pay', 'all', per => '{{}}', max_calls => {ALL}, period => '1 hour');
"""


class Client(threading.Thread):
    def __init__(self, number, turns, seed, tally):
        super().__init__()
        self.number, self.turns, self.tally = number, turns, tally
        self.random = random.Random(seed * 1000 + number)
        self.connection = None

    def run(self):
        for turn in range(self.turns):
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = psycopg.connect("", autocommit=True)
                self.turn(f"{self.number}-{turn}")
            except psycopg.Error as error:
                self.tally[f"error {error.sqlstate}"] += 1

    def turn(self, key):
        pay = self.random.random() < 0.6
        args = {"payee": self.random.randrange(8), "amount": self.random.randrange(1, 12)} if pay else {"item": self.random.randrange(ITEMS)}
        level = self.random.choice(("READ COMMITTED", "REPEATABLE READ"))
        with self.connection.cursor() as cursor:
            cursor.execute(f"BEGIN ISOLATION LEVEL {level}")
            try:
                cursor.execute("SELECT verdict, call_id, reason FROM agentcore.call_begin('a', %s, %s, task => %s, key => %s)",
                               ("pay" if pay else "once", Jsonb(args), f"task{self.random.randrange(4)}" if pay else "x", key))
                verdict, call, reason = cursor.fetchone()
                self.tally[f"{verdict} {reason}"] += 1
            except psycopg.Error:
                cursor.execute("ROLLBACK")
                raise
            fate = self.random.random()
            if fate < 0.1:
                self.connection.close()
                return
            cursor.execute("ROLLBACK" if fate < 0.2 else "COMMIT")
            if fate < 0.2 or verdict != "run":
                return
            end = self.random.choice(("call_commit(%s)", "call_commit(%s)", "call_fail(%s, 400)", "call_release(%s)"))
            cursor.execute(f"SELECT agentcore.{end}", (call,))


def rows(query):
    with psycopg.connect("", autocommit=True) as connection:
        return connection.execute(query).fetchall()


def check(what, wrong):
    print(f"{'ok' if not wrong else 'not ok'}: {what}{f': {wrong}' if wrong else ''}")
    return not wrong


def checks(tally):
    used = """WITH u AS (SELECT c.used[2] / 1000000000.0 AS amount, c.used[3] AS calls FROM (SELECT budget, array[sum(used[1]), sum(used[2]), sum(used[3])] AS used
              FROM agentcore.budget_counter WHERE budget < ' ' GROUP BY 1) c) """
    yield check("no limit of a task is passed", rows(f"SELECT task, count(*) FROM agentcore.permit WHERE tool = 'pay' GROUP BY 1 HAVING count(*) > {CALLS}"))
    yield check("no limit in all is passed", rows(f"SELECT count(*) FROM agentcore.permit WHERE tool = 'pay' HAVING count(*) > {ALL}"))
    yield check("no sum is passed", rows(used + f"SELECT amount FROM u WHERE amount > {SUM}"))
    yield check("every call that was told to run is counted, in each limit once",
                rows(used + "SELECT (SELECT sum(calls) FROM u), (SELECT 3 * count(*) FROM agentcore.permit WHERE tool = 'pay') AS permits WHERE (SELECT coalesce(sum(calls), 0) FROM u) <> (SELECT 3 * count(*) FROM agentcore.permit WHERE tool = 'pay')"))
    yield check("nothing runs twice: each call that may have taken effect is the one of its item",
                rows(f"""SELECT * FROM (SELECT (SELECT count(*) FROM agentcore.task_once) AS items,
                         (SELECT count(*) FROM agentcore.permit WHERE tool = 'once' AND state NOT IN ('f', 'x')) AS calls) n WHERE items <> calls OR items > {ITEMS}"""))
    yield check("budget_verify() is silent", rows("SELECT * FROM agentcore.budget_verify()"))
    yield check("no error but contention", [what for what in tally if what.startswith("error") and what[6:] not in EXPECTED])
    yield check("limits have refused, and calls have run", [] if tally["deny limit_exceeded"] and tally["run None"] and tally["cached None"] else dict(tally))


def main():
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    seed = seed_of.chosen(sys.argv[2] if len(sys.argv) > 2 else None)
    with psycopg.connect("", autocommit=True) as connection:
        connection.execute(SETUP)
    tally = collections.Counter()
    clients = [Client(number, turns, seed, tally) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    print(f"seed {seed}: {dict(tally)}")
    passed = list(checks(tally))
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
