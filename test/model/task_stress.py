#!/usr/bin/python3
"""Limits and calls that run once under load: 64 clients, and everything that goes wrong.

    test/model/task_stress.py [TURNS [SEED]]    default: 16 turns of each client in each storm, the seed of lib/seed.py

64 clients call one tool with three limits (calls per task, a sum per payee, calls in all) and one that runs once per
item, each with keys of its own; some roll back, some fail, some give the call up, some are gone in the middle of a
transaction, some use stricter isolation.  A third tool has limits (calls, and a sum whose maximum a function says) that
each client reaches alone, in a task of its own.  All of it happens twice: with counters that are busy, so that they are
judged in shared memory, and beside a transaction that has written a counter by hand, so that they are judged by
their rows (src/budget/by_hand.c).  Afterwards:

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

CLIENTS, TURNS = 64, 16
CALLS, SUM, ALL, ITEMS = 40, 100, 120, 30
OWN_CALLS, OWN_SUM = 4, 24
PAYEES, TASKS = (0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7), (0, 0, 0, 1, 2, 3)
LIMITS = ("task", "payee", "all")
EXPECTED = {"55P03", "40001"}
SETUP = f"""
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('a', policy => 'p');
CREATE FUNCTION most(context jsonb) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT {OWN_SUM}';
SELECT agentcore.tool_set(storm || '_pay', '{{"type": "object"}}'), agentcore.tool_set(storm || '_own', '{{"type": "object"}}'),
       agentcore.tool_set(storm || '_once', '{{"type": "object"}}', once => '1 day', once_by => '{{}}'),
       agentcore.policy_limit_tool('p', storm || '_pay', storm || '_task', max_calls => {CALLS}),
       agentcore.policy_limit_tool('p', storm || '_pay', storm || '_payee', per => '{{/args/payee}}', sum_of => '/args/amount', max_sum => {SUM}),
       agentcore.policy_limit_tool('p', storm || '_pay', storm || '_all', per => '{{}}', max_calls => {ALL}, period => '1 hour'),
       agentcore.policy_limit_tool('p', storm || '_own', storm || '_own', max_calls => {OWN_CALLS}, period => '1 hour'),
       agentcore.policy_limit_tool('p', storm || '_own', storm || '_sum', sum_of => '/args/amount', max_by => 'public.most')
  FROM unnest(ARRAY['busy', 'rows']) storm;
SELECT agentcore.budget_set('aside', max_calls => 10), agentcore.budget_charge('aside', 0);
"""


class Client(threading.Thread):
    def __init__(self, storm, number, turns, seed, tally):
        super().__init__()
        self.storm, self.number, self.turns, self.tally = storm, number, turns, tally
        self.random = random.Random(f"{seed} {storm} {number}")
        self.connection = None
        self.own = []

    def run(self):
        for turn in range(self.turns):
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = psycopg.connect("", autocommit=True)
                self.turn(f"{self.storm}-{self.number}-{turn}")
            except psycopg.Error as error:
                self.tally[f"error {error.sqlstate}"] += 1
        if self.connection is not None:
            self.connection.close()

    def turn(self, key):
        tool = self.random.choices(("pay", "once", "own"), (5, 3, 3))[0]
        amount = self.random.randrange(1, 12)
        args = {"pay": {"payee": self.random.choice(PAYEES), "amount": amount}, "once": {"item": self.random.randrange(ITEMS)}, "own": {"amount": amount}}[tool]
        task = {"pay": f"task{self.random.choice(TASKS)}", "once": "x", "own": f"own{self.number}"}[tool]
        level = self.random.choice(("READ COMMITTED", "REPEATABLE READ"))
        with self.connection.cursor() as cursor:
            cursor.execute(f"BEGIN ISOLATION LEVEL {level}")
            try:
                cursor.execute("SELECT verdict, call_id, reason, substring(detail, '^limit: [a-z]+_([a-z]+)') FROM agentcore.call_begin('a', %s, %s, task => %s, key => %s)",
                               (f"{self.storm}_{tool}", Jsonb(args), task, key))
                verdict, call, reason, limit = cursor.fetchone()
                self.tally[" ".join(str(word) for word in (self.storm, tool, verdict, reason, limit) if word)] += 1
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
            if tool == "own":
                self.own.append(amount)
            end = self.random.choice(("call_commit(%s)", "call_commit(%s)", "call_fail(%s, 400)", "call_release(%s)"))
            cursor.execute(f"SELECT agentcore.{end}", (call,))


def rows(query):
    with psycopg.connect("", autocommit=True) as connection:
        return connection.execute(query).fetchall()


def check(what, wrong):
    print(f"{'ok' if not wrong else 'not ok'}: {what}{f': {wrong}' if wrong else ''}")
    return not wrong


def checks(tally, clients):
    used = """WITH u AS (SELECT c.used[2] / 1000000000.0 AS amount, c.used[3] AS calls FROM (SELECT budget, array[sum(used[1]), sum(used[2]), sum(used[3])] AS used
              FROM agentcore.budget_counter WHERE budget < ' ' GROUP BY 1) c) """
    yield check("no limit of a task is passed", rows(f"SELECT tool, task, count(*) FROM agentcore.permit WHERE tool LIKE '%_pay' GROUP BY 1, 2 HAVING count(*) > {CALLS}"))
    yield check("no limit in all is passed", rows(f"SELECT tool, count(*) FROM agentcore.permit WHERE tool LIKE '%_pay' GROUP BY 1 HAVING count(*) > {ALL}"))
    yield check("no limit is passed that a client reaches alone", rows(f"SELECT tool, task, count(*) FROM agentcore.permit WHERE tool LIKE '%_own' GROUP BY 1, 2 HAVING count(*) > {OWN_CALLS}"))
    yield check("no sum is passed that a client reaches alone", [client.own for client in clients if sum(client.own) > OWN_SUM])
    yield check("no sum is passed", rows(used + f"SELECT amount FROM u WHERE amount > {SUM}"))
    yield check("every call that was told to run is counted, in each limit once",
                rows(used + """SELECT * FROM (SELECT (SELECT coalesce(sum(calls), 0) FROM u) AS calls,
                     (SELECT sum(CASE WHEN tool LIKE '%_pay' THEN 3 ELSE 2 END) FROM agentcore.permit WHERE tool NOT LIKE '%_once') AS permits) n WHERE calls <> permits"""))
    yield check("nothing runs twice: each call that may have taken effect is the one of its item",
                rows(f"""SELECT * FROM (SELECT (SELECT count(*) FROM agentcore.task_once) AS items,
                         (SELECT count(*) FROM agentcore.permit WHERE tool LIKE '%_once' AND state NOT IN ('f', 'x')) AS calls) n WHERE items <> calls OR items > 2 * {ITEMS}"""))
    yield check("budget_verify() is silent", rows("SELECT * FROM agentcore.budget_verify()"))
    yield check("no error but contention", [what for what in tally if what.startswith("error") and what[6:] not in EXPECTED])
    seen = [f"{storm} {what}" for storm in ("busy", "rows") for what in ("pay run", "once cached", "own run", *(f"pay deny limit_exceeded {limit}" for limit in LIMITS))]
    yield check("each limit has refused, and calls have run", [what for what in seen if not tally[what]])


def storm(name, turns, seed, tally):
    clients = [Client(name, number, turns, seed, tally) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return clients


def main():
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    seed = seed_of.chosen(sys.argv[2] if len(sys.argv) > 2 else None)
    tally = collections.Counter()
    with psycopg.connect("", autocommit=True) as connection:
        connection.execute(SETUP)
        clients = storm("busy", turns, seed, tally)
        with connection.transaction():
            connection.execute("UPDATE agentcore.budget_counter SET seen = seen WHERE budget = 'aside'")
            clients += storm("rows", turns, seed, tally)
    print(f"seed {seed}: {dict(tally)}")
    passed = list(checks(tally, clients))
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
