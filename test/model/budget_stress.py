#!/usr/bin/python3
"""Budgets under load: many clients, a hierarchy with tight limits, and everything that goes wrong.

    test/model/budget_stress.py [TURNS [SEED]]    default: 40 turns of each client, the seed of lib/seed.py

64 clients acquire and settle against eight budgets below two below one, some of which
have sliding and other further windows and thresholds; some roll back, in part or whole,
some are gone in the middle of a transaction, some do not hear of their COMMIT, some are
killed, some hold two permits taken in opposite orders in one transaction, some use
stricter isolation, some commit in two phases.  Leases are short, a reaper runs, and
counters are written by hand now and then.  Afterwards:

  - budget_verify() is silent, and was whenever it was asked meanwhile;
  - nobody saw a deadlock (40P01): contention is an answer, or 55P03;
  - every acknowledged settlement is in the ledger with its amounts, once;
  - when all permits are settled nothing is held, and used is what the ledger says.

Then 64 clients share a budget of 1,000 calls that take a while: exactly 1,000 are made.  The same beside it as it is often written (look at what was spent, call, record), for
which the number is printed and nothing is promised.
"""
import collections
import random
import sys
import threading
import time

import psycopg

from lib import seed as seed_of

CLIENTS, TURNS, CAP = 64, 40, 1000
LEAVES = [f"leaf{n}" for n in range(8)]
GONE = ("57P01", "57P02", "57P03", "08006", "08003", None)
# 53400: too many are prepared; 0A000: one that reached a threshold cannot be
TESTED = ("granted", "budget_exceeded", "contention", "late", "lost commits", "disconnects", "expired by the reaper",
          "parts rolled back", "prepared", "written by hand")
ROUNDS = 20
EXPECTED = {"55P03", "40001", "TC002", "TC007", "53400", "0A000"}


class Tally:
    """What the clients saw, and what they were told was done."""

    def __init__(self):
        self.lock, self.seen, self.committed, self.granted, self.unexpected = threading.Lock(), collections.Counter(), {}, set(), []

    def count(self, what):
        with self.lock:
            self.seen[what] += 1

    def settled(self, permits):
        with self.lock:
            self.committed.update(permits)

    def acquired(self, permits):
        with self.lock:
            self.granted.update(permits)

    def error(self, error):
        sqlstate = error.sqlstate
        self.count(f"error {sqlstate}" if sqlstate not in GONE else "connections lost")
        if sqlstate not in EXPECTED and sqlstate not in GONE:
            with self.lock:
                self.unexpected.append(str(error))


def connect():
    connection = psycopg.connect(autocommit=True)
    connection.execute("SET agentcore.budget_lock_wait = '5s'; SET client_min_messages = error; SET application_name = 'stress'")
    return connection


class Client:
    def __init__(self, seed, tally):
        self.random, self.tally, self.connection = random.Random(seed), tally, None

    def run(self, turns):
        for _ in range(turns):
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = connect()
                self.turn()
            except psycopg.Error as error:
                self.tally.error(error)
                if self.connection is None or self.connection.closed:
                    time.sleep(0.01)
        if self.connection:
            self.connection.close()

    def one(self, sql, *values):
        return self.connection.execute(sql, values).fetchone()

    def acquire(self, budget):
        lease = self.random.choice(["5 ms", "30 ms", "100 ms"])
        granted, permit, reason = self.one(
            "SELECT granted, permit::text, reason FROM agentcore.budget_try_acquire(%s, %s, %s::numeric, 1, %s::interval)", budget,
            self.random.randint(0, 20), self.random.choice(["0", "0.002", "0.05"]), lease)
        self.tally.count("granted" if granted else reason)
        return permit

    def settle(self, permit):
        if self.random.random() < 0.2:
            result, amounts = self.one("SELECT agentcore.budget_release(%s)", permit)[0], (0, 0)
        else:
            tokens, nanousd = self.random.randint(0, 25), self.random.choice([0, 2000000, 50000000])
            result = self.one("SELECT agentcore.budget_commit(%s, %s, %s::numeric)", permit, tokens, f"{nanousd}e-9")[0]
            amounts = (tokens, nanousd)
        self.tally.count(result)
        return {permit: amounts} if result in ("committed", "released", "late") else {}

    def turn(self):
        how = self.random.choices([self.plain, self.whole, self.two, self.in_parts, self.two_phases, self.abandon], [20, 4, 4, 3, 1, 1])[0]
        how()

    def plain(self):
        """Each step a transaction of its own."""
        permit = self.acquire(self.random.choice(LEAVES))
        if permit is None:
            time.sleep(0.005)
            return
        self.tally.acquired([permit])
        if self.random.random() < 0.1:
            return                  # its lease will end
        self.tally.settled(self.settle(permit))

    def finish(self, granted, settled):
        """COMMIT, ROLLBACK, or a COMMIT whose answer nobody waits for."""
        end = self.random.choices(["COMMIT", "ROLLBACK", "vanish"], [6, 3, 1])[0]
        if end == "vanish":
            self.connection.pgconn.send_query(b"COMMIT")
            self.connection.close()
            self.tally.count("lost commits")
            return
        self.connection.execute(end)
        if end == "COMMIT":
            self.tally.acquired(granted)
            self.tally.settled(settled)

    def begin(self):
        self.connection.execute("BEGIN ISOLATION LEVEL " + self.random.choices(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"], [8, 1, 1])[0])

    def whole(self):
        """Acquired, settled and ended in one transaction, with savepoints."""
        self.attempt(lambda: self.step_by_step())

    def step_by_step(self):
        permit = self.acquire(self.random.choice(LEAVES))
        self.connection.execute("SAVEPOINT s")
        settled = self.settle(permit) if permit else {}
        if self.random.random() < 0.3:
            self.connection.execute("ROLLBACK TO s")
            settled = {}
        self.finish([permit] if permit else [], settled)

    def two(self):
        """Two permits in one transaction, in any order of their budgets."""
        self.attempt(lambda: self.pair())

    def pair(self):
        permits = [self.acquire(budget) for budget in self.random.sample(LEAVES + ["team0", "team1"], 2)]
        self.finish([permit for permit in permits if permit], {})

    def in_parts(self):
        """Some of several savepoints are rolled back."""
        self.attempt(lambda: self.parts())

    def parts(self):
        permits, settled = [], {}
        for n in range(self.random.randint(2, 4)):
            self.connection.execute(f"SAVEPOINT p{n}")
            permit = self.acquire(self.random.choice(LEAVES))
            more = self.settle(permit) if permit and self.random.random() < 0.5 else {}
            if self.random.random() < 0.4:
                self.connection.execute(f"ROLLBACK TO p{n}")
                self.tally.count("parts rolled back")
                continue
            if self.random.random() < 0.5:
                self.connection.execute(f"RELEASE p{n}")
            permits += [permit] if permit else []
            settled.update(more)
        self.finish(permits, settled)

    def two_phases(self):
        self.attempt(lambda: self.prepare())

    def prepare(self):
        permit = self.acquire(self.random.choice(LEAVES))
        settled = self.settle(permit) if permit and self.random.random() < 0.5 else {}
        gid = f"stress {self.random.getrandbits(60)}"
        self.connection.execute(f"PREPARE TRANSACTION '{gid}'")
        self.tally.count("prepared")
        if self.random.random() < 0.3:
            self.connection.execute(f"ROLLBACK PREPARED '{gid}'")
            return
        self.connection.execute(f"COMMIT PREPARED '{gid}'")
        self.tally.acquired([permit] if permit else [])
        self.tally.settled(settled)

    def attempt(self, work):
        self.begin()
        try:
            work()
        except psycopg.Error as error:
            self.tally.error(error)
            if not self.connection.closed:
                self.connection.execute("ROLLBACK")

    def abandon(self):
        """Gone in the middle of a transaction."""
        self.begin()
        try:
            self.acquire(self.random.choice(LEAVES))
        except psycopg.Error as error:
            self.tally.error(error)
        self.tally.count("disconnects")
        self.connection.close()


def together(count, work):
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


def disturb(seed, tally, threads, wrong):
    """While they run: reaps, kills a backend now and then, changes limits, and asks whether all is well."""
    chance, connection = random.Random(seed), psycopg.connect(autocommit=True)
    # lock_timeout: who writes by hand takes no part in the order of locks, and gives way
    connection.execute("SET agentcore.budget_lock_wait = '200ms'; SET lock_timeout = '300ms'")
    while any(thread.is_alive() for thread in threads):
        try:
            tally.seen["expired by the reaper"] += connection.execute("SELECT agentcore.budget_reap(50)").fetchone()[0]
            if chance.random() < 0.1:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stress' ORDER BY random() LIMIT 1")
            if chance.random() < 0.05:
                name = chance.choice(LEAVES)
                define(connection, name, f"team{chance.randint(0, 1)}", chance.choice([100, 1000, 2000]))
            if chance.random() < 0.05:
                limit(connection, chance.choice(LEAVES), chance.choice([300, 3000, 6000]))
            if chance.random() < 0.03:
                connection.execute("SELECT agentcore.budget_adjust(%s, tokens => 3, usd => 0.001, reason => 'stress')", (chance.choice(LEAVES),))
            if chance.random() < 0.02:
                connection.execute("SELECT agentcore.budget_reset_window(%s)", (chance.choice(LEAVES + ["team0", "root"]),))
            if chance.random() < 0.2 or not tally.seen["written by hand"]:
                connection.execute("UPDATE agentcore.budget_counter SET seen = seen WHERE budget = %s", (chance.choice(LEAVES + ["root"]),))
                tally.count("written by hand")
            end_prepared(connection, chance, "1 second")
        except psycopg.errors.LockNotAvailable:
            tally.count("error 55P03")
        wrong += [row[0] for row in connection.execute("SELECT * FROM agentcore.budget_verify()")]
        time.sleep(0.02)


def end_prepared(connection, chance, age):
    """Those whose client is gone."""
    for (gid,) in connection.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE 'stress %%' AND prepared < now() - %s::interval",
                                     (age,)).fetchall():
        try:
            connection.execute(f"{chance.choice(['COMMIT', 'ROLLBACK'])} PREPARED '{gid}'")
        except psycopg.errors.UndefinedObject:
            pass                # its client came first


# no window of these slides
FIXED = ("leaf1", "leaf2", "leaf5", "team1")


def define(connection, name, parent, tokens, period="1 second"):
    connection.execute("SELECT agentcore.budget_set(%s, max_tokens => %s, max_usd => %s, max_calls => %s, max_in_flight => %s, period => %s, parent => %s,"
                       " on_expiry => %s, overrun => %s, thresholds => %s)",
                       (name, tokens, tokens // 400, tokens // 4, tokens // 50, period, parent, "charge_estimate" if name[-1] in "02468" else "release",
                        "cap" if name in ("leaf2", "leaf3") else "charge", [50, 100] if name in ("leaf3", "team0") else []))


def limit(connection, name, tokens):
    connection.execute("SELECT agentcore.budget_limit_set(%s, 'three', max_tokens => %s, period => '3 seconds', kind => 'fixed')", (name, tokens))
    if name not in FIXED:
        connection.execute("SELECT agentcore.budget_limit_set(%s, 'sliding', max_calls => %s, period => '2 seconds', kind => 'sliding')", (name, tokens // 5))


def storm(turns, seed):
    """64 clients and everything that goes wrong; what is wrong afterwards."""
    tally, wrong = Tally(), []
    admin = psycopg.connect(autocommit=True)
    define(admin, "root", None, 10000, "2 seconds")
    for team in ("team0", "team1"):
        define(admin, team, "root", 4000)
    for n, leaf in enumerate(LEAVES):
        define(admin, leaf, f"team{n % 2}", 1500)
    for name in LEAVES[:6] + ["team0", "team1", "root"]:
        limit(admin, name, 3000 if name in LEAVES else 20000)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = admin.execute(deadlocks).fetchone()[0]
    # one round is enough, but on a machine where little happens at once
    for again in range(ROUNDS):
        if again and all(tally.seen[what] for what in TESTED):
            break
        threads = together(CLIENTS, lambda n, begin=(again * 1000003 + seed) * 100: Client(begin + n, tally).run(turns))
        disturb(again * 1000003 + seed, tally, threads, wrong)
        for thread in threads:
            thread.join()
    wait_for_silence(admin)
    end_prepared(admin, random, "0 seconds")
    wrong += judge(admin, tally)
    admin.execute("SELECT pg_stat_clear_snapshot()")
    if admin.execute(deadlocks).fetchone()[0] != before or tally.seen["error 40P01"]:
        wrong.append("there were deadlocks")
    wrong += [f"a client saw: {text}" for text in tally.unexpected[:5]]
    print(", ".join(f"{count} {what}" for what, count in sorted(tally.seen.items())))
    return wrong + [f"nothing was tested of: {what}" for what in TESTED if tally.seen[what] == 0]


def wait_for_silence(admin):
    until = time.time() + 300
    while time.time() < until and admin.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stress'").fetchone()[0]:
        time.sleep(0.05)


def judge(admin, tally):
    """The tables against what the clients were told."""
    rows = lambda sql: admin.execute(sql).fetchall()
    wrong = [f"budget_verify: {text}" for text, in rows("SELECT * FROM agentcore.budget_verify()")]
    kept = {row[0] for row in rows("SELECT id::text FROM agentcore.permit")}
    if tally.granted - kept:
        wrong.append(f"{len(tally.granted - kept)} permits are lost whose COMMIT was acknowledged")
    charged = {row[0]: row[1:] for row in rows(
        "SELECT permit::text, sum(tokens + CASE event WHEN 'unbilled' THEN (detail->>'tokens')::bigint ELSE 0 END)::bigint,"
        " sum(nanousd + CASE event WHEN 'unbilled' THEN (detail->>'nanousd')::bigint ELSE 0 END)::bigint, count(*) FILTER (WHERE event IN ('commit', 'release', 'late'))"
        " FROM agentcore.budget_ledger GROUP BY 1")}
    for permit, amounts in tally.committed.items():
        if charged.get(permit) != amounts + (1,):
            wrong.append(f"permit {permit}: settled with {amounts}, the ledger says {charged.get(permit)}")
    admin.execute("SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o'")
    held = rows("SELECT budget, held_tokens, held_usd, held_calls, in_flight FROM agentcore.budget_status WHERE budget LIKE 'leaf%' OR budget IN ('root', 'team0', 'team1')")
    if any(any(row[1:]) for row in held):
        wrong.append(f"all permits are settled, and still held is {held}")
    return wrong + [f"budget_verify at the end: {text}" for text, in rows("SELECT * FROM agentcore.budget_verify()")]


def guarded(connection, budget):
    """A call as it should be: hold, commit, call, settle."""
    permit = connection.execute("SELECT permit, can_ever_fit OR reason = 'contention' FROM agentcore.budget_try_acquire(%s)", (budget,)).fetchone()
    if permit[0] is None:
        return 0 if permit[1] else None
    time.sleep(0.02)
    connection.execute("SET agentcore.budget_lock_wait = 0; SELECT agentcore.budget_commit('%s')" % permit[0])
    return 1


def recorded(connection):
    """A call as it is often made: what was spent is looked at before, and written after."""
    if connection.execute("SELECT spent FROM recorded").fetchone()[0] >= CAP:
        return None
    time.sleep(0.02)
    connection.execute("UPDATE recorded SET spent = spent + 1")
    return 1


def share(call):
    """64 clients call until they are told that nothing is left; how many calls that made."""
    made = [0] * CLIENTS

    def work(n):
        with connect() as connection:
            while (one := call(connection)) is not None:
                made[n] += one
    for thread in together(CLIENTS, work):
        thread.join()
    return sum(made)


def main():
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    seed = seed_of.chosen(*sys.argv[2:3])
    print(f"seed {seed}", flush=True)
    wrong = storm(turns, seed)
    with psycopg.connect(autocommit=True) as admin:
        admin.execute("DROP TABLE IF EXISTS recorded; CREATE TABLE recorded AS SELECT 0 AS spent")
        admin.execute("SELECT agentcore.budget_set('cap', max_calls => %s)", (CAP,))
        ours = share(lambda connection: guarded(connection, "cap"))
        used = admin.execute("SELECT used_calls FROM agentcore.budget_status WHERE budget = 'cap'").fetchone()[0]
        if (ours, used) != (CAP, CAP):
            wrong.append(f"{ours} calls made of {CAP}, {used} used")
        admission = admin.execute("SELECT * FROM agentcore.stat_budget").fetchone()
        counts = dict(zip((column.name for column in admin.execute("SELECT * FROM agentcore.stat_budget").description), admission))
        if counts["repaired"] or counts["in_flight"] or not counts["escrow"]:
            wrong.append(f"entries: {counts}")
        theirs = share(recorded)
        wrong += [row[0] for row in admin.execute("SELECT * FROM agentcore.budget_verify()")]
    print("admissions:", ", ".join(f"{name} {n}" for name, n in counts.items()))
    print(f"{CAP} calls allowed, {CLIENTS} clients: {ours} made with permits, {theirs} by looking first and recording after")
    for text in wrong[:20]:
        print("wrong:", text)
    print(f"{2 - (1 if wrong else 0)} passed, {1 if wrong else 0} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
