"""Budgets beside the plpgsql that users write today; each line a ratio within one run.

    make bench-budget [QUICK=1] [ROUNDS=3] [SECONDS_EACH=1] [PERMITS=10000000] [GROW_SECONDS=180]
                      [PARTS="overspend targets matrix hierarchy verified updates growth"]

A pair is an acquire and a commit, two transactions by pgbench over a local socket.  The
server is one of its own: WAL is flushed by flush_delay.c, which takes 0, 0.2 or 1 ms and
nothing of the disk's own time.  The plpgsql version (budget.sql) writes the same rows.
Cases that are compared run in turn within each round, those of one client transaction
by transaction; a ratio is the median of the rounds' ratios.  A target that is missed is printed as missed, what a build refuses as
refused.  QUICK=1: fewer settings, one round, a million permits.  All of it ends within
ten minutes on an idle machine of two cores, QUICK within three.
"""
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import psycopg

import measure
import miss_ratio
from cache import Bench, ratio

HERE = os.path.dirname(os.path.abspath(__file__))
QUICK = os.environ.get("QUICK", "") not in ("", "0")
ROUNDS = int(os.environ.get("ROUNDS") or (1 if QUICK else 3))
SECONDS = max(1, round(float(os.environ.get("SECONDS_EACH") or 1)))
PERMITS = int(os.environ.get("PERMITS") or (1_000_000 if QUICK else 10_000_000))
GROW_SECONDS = float(os.environ.get("GROW_SECONDS") or (60 if QUICK else 180))
PARTS = os.environ.get("PARTS", "").split()
BATCH, VERIFY_SECONDS = 250_000, 60

# (synchronous_commit, flush in ms)
SETTINGS = [("off", 0), ("on", 0), ("on", 1)] if QUICK else [(commit, flush) for commit in ("off", "on") for flush in (0, 0.2, 1)]
CLIENTS = (1, 32) if QUICK else (1, 10, 32)

RANDOM = "\\set b random(1, 1000)\n"


def ours(budget, before=""):
    return (f"{before}SELECT agentcore.budget_acquire({budget}, 100, 0.001) AS permit \\gset\n"
            "SELECT agentcore.budget_commit(:permit, 80, 0.0008);\n")


def plain(budget, before="", acquire="acquire"):
    return (f"{before}SELECT plain.{acquire}({budget}, 100, 1000000) AS permit \\gset\n"
            "SELECT plain.settle(:permit, 80, 800000);\n")


HOT, THOUSAND, SLOTS = "one row", "1,000 rows", "16 slots"
PLAIN_HOT, PLAIN_LAST, PLAIN_THOUSAND = "plpgsql, one row", "plpgsql, one row touched last", "plpgsql, 1,000 rows"
SCRIPTS = {
    HOT: ours("'hot'"),
    PLAIN_HOT: plain("'hot'"),
    THOUSAND: ours("'b' || :b::int", RANDOM),
    PLAIN_THOUSAND: plain("'b' || :b::int", RANDOM),
    SLOTS: ours("'slotted'"),
    PLAIN_LAST: plain("'hot'", acquire="acquire_last"),
}

SLOTTED = "SELECT agentcore.budget_set('slotted', max_tokens => 1000000000000000, max_usd => 1000000000, slots => 16)"
SECOND_WINDOWS = """
SELECT agentcore.budget_limit_set(budget => 'two_' || level, limit_name => 'day', max_tokens => 100000000000000, period => '1 day')
  FROM unnest(ARRAY['org', 'team', 'agent']) level
"""

# the past, settled: rows in the tables and their indexes, older than any that is made
PAST = """
WITH past AS (
  SELECT lpad(to_hex(i), 32, '0')::uuid AS id, timestamptz '2020-01-01' + i * interval '1 second' AS at FROM generate_series(%(first)s, %(last)s) i
), permit AS (
  INSERT INTO agentcore.permit (tenant, id, state, role, budget, budgets, held_tokens, held_nanousd, held_calls, charged_tokens,
                                charged_nanousd, charged_calls, charge_on_expiry, created_at, lease_until, settled_at, holder)
  SELECT '', id, 'c', 'postgres', 'past', ARRAY['past'], 100, 1000000, 1, 80, 800000, 1, false, at, at, at, 'postgres' FROM past
)
INSERT INTO agentcore.budget_ledger (tenant, at, id, permit, budgets, event, tokens, nanousd, calls)
SELECT '', at, id, id, ARRAY['past'], 'commit', 80, 800000, 1 FROM past
"""

CHECK_THEN_RECORD = """
SELECT calls < 1000 AS fits FROM plain.spent WHERE clients = {clients} \\gset
\\if :fits
\\sleep 20 ms
UPDATE plain.spent SET calls = calls + 1 WHERE clients = {clients};
\\endif
"""
ACQUIRE_AND_COMMIT = """
SELECT granted AS fits, coalesce(permit::text, '') AS permit FROM agentcore.budget_try_acquire('cap{clients}') \\gset
\\if :fits
\\sleep 20 ms
SELECT agentcore.budget_commit(:permit);
\\endif
"""


class Server(miss_ratio.Server):
    """A private cluster whose flushes take as long as it is told."""

    def __init__(self, work):
        library, self.delay = os.path.join(work, "flush_delay.so"), os.path.join(work, "flush_delay")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, os.path.join(HERE, "flush_delay.c")], check=True)
        self.flush(0)
        bindir = subprocess.run([os.environ.get("PG_CONFIG", "pg_config"), "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
        wrapper = os.path.join(work, "postgres-flush-delay")
        with open(wrapper, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nFLUSH_DELAY_FILE={self.delay} LD_PRELOAD={library} exec {bindir}/postgres \"$@\"\n")
        for path, mode in ((library, 0o755), (wrapper, 0o755), (self.delay, 0o644)):
            os.chmod(path, mode)
        os.environ["SERVER_PROGRAM"] = wrapper
        super().__init__(work, "budget", "shared_preload_libraries=agentcore", "fsync=on", "wal_sync_method=fdatasync", "shared_buffers=1GB",
                         "max_wal_size=16GB", "checkpoint_timeout=1h", "jit=off", "max_connections=100",
                         # slow neighbours are no contention; no vacuum of the past in the middle of a measurement
                         "agentcore.budget_lock_wait=30s", "autovacuum_vacuum_insert_threshold=-1")
        os.environ.update({**self.address, "PGDATABASE": "postgres"})

    def flush(self, milliseconds):
        # in place, for the server has the file mapped
        with open(self.delay, "r+b" if os.path.exists(self.delay) else "wb") as file:
            file.write(struct.pack("=q", round(milliseconds * 1000)))

    def flush_time(self, milliseconds):
        """Milliseconds that a commit is seen to take beyond one without delay."""
        def commit():
            times = []
            with self.connect() as connection:
                for _ in range(50):
                    start = time.perf_counter()
                    connection.execute("SELECT pg_logical_emit_message(true, 'bench', '')")
                    times.append((time.perf_counter() - start) * 1000)
            return statistics.median(times)
        self.flush(0)
        base = commit()
        self.flush(milliseconds)
        return commit() - base


def pgbench(bench, scripts, clients, commit, *options):
    """Runs of each script a second; the scripts of one call take turns at random."""
    words = []
    for number, script in enumerate(scripts):
        path = os.path.join(bench.directory, f"script{number}.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        words += ["-f", path]
    # what many new sessions read for the first time they read under the lock of the one row
    crowd = clients >= 32 and not options
    run = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)),
                          *(options or ("-T", str(SECONDS * len(scripts) + crowd))), *("-P", "1") * crowd, *words, "postgres"],
                         capture_output=True, text=True, env={**os.environ, "PGOPTIONS": f"-c synchronous_commit={commit}"})
    rates = [float(rate) for rate in re.findall(r"^tps = ([\d.]+)", run.stdout, re.M)]
    if crowd and len(scripts) == 1:
        rates = [statistics.mean(float(rate) for rate in re.findall(r"^progress: .*?, ([\d.]+) tps", run.stderr, re.M)[1:] or rates)]
    if len(scripts) > 1:
        rates = [1000 * clients / float(latency) for latency in re.findall(r"^ - latency average = ([\d.]+) ms", run.stdout, re.M)]
    if run.returncode or len(rates) != len(scripts) or re.search(r"number of failed transactions: [1-9]", run.stdout):
        raise measure.Failed(f"pgbench failed:\n{run.stdout[-500:]}{run.stderr[-1500:]}")
    return rates


def in_turn(bench, names, clients, commit, rounds=ROUNDS, scripts=None):
    """{name: [pairs a second of each round]}; the order turns about.

    One client runs all of them in one go, so that what neighbours take from the
    machine falls on each alike; several would meet each other's locks.
    """
    scripts, rates = scripts or SCRIPTS, {name: [] for name in names}
    for number in range(rounds):
        if clients == 1:
            for name, rate in zip(names, pgbench(bench, [scripts[name] for name in names], 1, commit)):
                rates[name].append(rate)
            continue
        for name in names if number % 2 == 0 else reversed(names):
            rates[name] += pgbench(bench, [scripts[name]], clients, commit)
    return rates


def middle(rates):
    return f"{statistics.median(rates):.0f}"


def loud(text):
    print(f"\n{'*' * 78}\n*** {text}\n{'*' * 78}\n", flush=True)


def refused(bench, what, sql):
    """Whether this build refuses the statement; said loudly."""
    try:
        with bench.server.connect() as connection:
            connection.execute(sql)
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
        loud(f"NOT MEASURED: {what}: this build refuses it: {reason}")
        bench.missed.append(f"{what}: not measured, {reason}")
        return True
    return False


def matrix(bench):
    names = [HOT, PLAIN_HOT, THOUSAND, PLAIN_THOUSAND]
    if not refused(bench, "16 slots", SLOTTED):
        names.append(SLOTS)
    flushes = {flush: bench.server.flush_time(flush) for flush in sorted({flush for _, flush in SETTINGS if flush})}
    for flush, seen in flushes.items():
        if not flush <= seen < 2 * flush:
            bench.missed.append(f"a flush of {flush} ms was seen to take {seen:.2f} ms")
    bench.head("Acquire and commit: pairs a second", "synchronous_commit, flush, clients", HOT, "of plpgsql", THOUSAND, "of plpgsql", SLOTS,
               "one row of 1,000", "16 slots of 1,000", "target")
    for commit, flush in SETTINGS:
        bench.server.flush(flush)
        for clients in CLIENTS:
            rates = in_turn(bench, names, clients, commit, max(1, ROUNDS - 1))
            slots = rates.get(SLOTS)
            share = ratio(slots, rates[THOUSAND]) if slots else 0
            aim = ""
            if clients == 32:
                aim = bench.target(f"16 slots, 32 clients, synchronous_commit {commit}, {flush} ms", ">= 0.85", share >= 0.85) if slots else "REFUSED"
            bench.row(f"{commit}, {flush} ms, {clients}", middle(rates[HOT]), f"{ratio(rates[HOT], rates[PLAIN_HOT]):.2f}",
                      middle(rates[THOUSAND]), f"{ratio(rates[THOUSAND], rates[PLAIN_THOUSAND]):.2f}",
                      middle(slots) if slots else "refused", f"{ratio(rates[HOT], rates[THOUSAND]):.2f}", f"{share:.2f}" if slots else "", aim)
    bench.say("\nflush as a commit sees it: " + ", ".join(f"{flush} ms: {seen:.2f} ms" for flush, seen in flushes.items()))


def targets(bench):
    bench.server.flush(0)
    bench.head("Acquire and commit against plpgsql that writes the same rows, no flush delay", "synchronous_commit, clients, budgets",
               "ours", "plpgsql", "ratio", "least - most", "shared row touched last", "ratio", "target")
    for commit in ("off", "on"):
        for clients, least in ((1, 1.15), (8, 1.3)):
            rates = in_turn(bench, [HOT, PLAIN_HOT, PLAIN_LAST, THOUSAND, PLAIN_THOUSAND], clients, commit, max(ROUNDS, 2) + 1)
            for own, other, last in ((HOT, PLAIN_HOT, PLAIN_LAST), (THOUSAND, PLAIN_THOUSAND, None)):
                times = [a / b for a, b in zip(rates[own], rates[other])]
                bench.row(f"{commit}, {clients}, {own}", middle(rates[own]), middle(rates[other]), f"{statistics.median(times):.2f}",
                          f"{min(times):.2f} - {max(times):.2f}", middle(rates[last]) if last else "", f"{ratio(rates[own], rates[last]):.2f}" if last else "",
                          bench.target(f"{own}, {clients} clients, synchronous_commit {commit}", f">= {least}", statistics.median(times) >= least))


def hierarchy(bench):
    bench.server.flush(0)
    scripts = {"flat, one window": ours("'flat'"), "3 levels, a window each": ours("'one_agent'")}
    deep = "3 levels, two windows each"
    if not refused(bench, deep, SECOND_WINDOWS):
        scripts[deep] = ours("'two_agent'")
    bench.head("Hierarchy: one hot budget, synchronous_commit off", "budget, clients", "pairs a second", "cost, of flat", "target")
    for clients in (1, 8):
        rates = in_turn(bench, list(scripts), clients, "off", max(ROUNDS, 2), scripts)
        for name in scripts:
            cost = ratio(rates["flat, one window"], rates[name])
            bench.row(f"{name}, {clients}", middle(rates[name]), f"{cost:.2f}", bench.target(f"{name}, {clients} clients", "<= 3", cost <= 3) if name == deep else "")
        if deep not in scripts:
            bench.row(f"{deep}, {clients}", "refused", "", "REFUSED")


def overspend(bench):
    bench.server.flush(0)
    bench.head("A cap of 1,000 calls of 20 ms, asked for 3,200 times", "clients", "check, then record: spent", "acquire + commit: spent", "budget_verify()", "target")
    for clients in (16, 64):
        for script in (CHECK_THEN_RECORD, ACQUIRE_AND_COMMIT):
            pgbench(bench, [script.format(clients=clients)], clients, "off", "-t", str(3200 // clients))
        other = bench.server.ask("SELECT calls FROM plain.spent WHERE clients = %s", clients)
        own = bench.server.ask("SELECT used_calls FROM agentcore.budget_status WHERE budget = %s", f"cap{clients}")
        violations = bench.server.ask("SELECT count(*) FROM agentcore.budget_verify()")
        bench.row(clients, other, own, f"{violations} violations", bench.target(f"spent by {clients} clients", "exactly 1000", own == 1000 and violations == 0))


def updates(bench):
    bench.head("Updates in place: pg_stat_user_tables", "table", "n_tup_upd", "n_tup_hot_upd", "share", "target")
    rows = []
    with bench.server.connect() as connection:
        rows = connection.execute("SELECT schemaname || '.' || relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE n_tup_upd > 1000"
                                  " AND (schemaname, relname) IN (('agentcore', 'budget_counter'), ('agentcore', 'permit'), ('plain', 'counter'), ('plain', 'permit')) ORDER BY 1").fetchall()
    for table, all_, hot in rows:
        aim = bench.target("HOT updates of counters", ">= 0.95", hot >= 0.95 * all_) if table == "agentcore.budget_counter" else ""
        bench.row(table, all_, hot, f"{hot / all_:.3f}", aim)


def growth(bench):
    """The same work as the tables of permits and of the ledger fill; plpgsql beside it keeps its small ones."""
    bench.server.flush(0)
    bench.head("Cost as permits grow: 1 client, one hot budget, synchronous_commit off", "settled permits before", "pairs a second", "us a pair",
               "of plpgsql with few permits", "cost, of the first row", "permits and ledger, indexes included", "filled in s", "target")
    sizes = [0] + [size for size in (100_000, 1_000_000, 10_000_000, PERMITS) if size <= PERMITS]
    done, first, started = 0, None, time.perf_counter()
    for size in sorted(set(sizes)):
        start = time.perf_counter()
        with bench.server.connect() as connection:
            while done < size and time.perf_counter() - started < GROW_SECONDS:
                last = min(size, done + BATCH)
                connection.execute(PAST % {"first": done + 1, "last": last})
                done = last
            connection.execute("CHECKPOINT")
        took = time.perf_counter() - start
        if done < size:
            loud(f"NOT MEASURED: {size} permits: only {done} were made in {GROW_SECONDS:.0f} s (GROW_SECONDS)")
            bench.missed.append(f"{size} permits: not measured, {done} were")
        rates = in_turn(bench, [HOT, PLAIN_HOT], 1, "off", max(ROUNDS, 2) + 1)
        own = ratio(rates[HOT], rates[PLAIN_HOT])
        first = first or own
        bytes_ = bench.server.ask("SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) FROM (SELECT 'agentcore.permit'::regclass UNION ALL"
                                  " SELECT relid FROM pg_partition_tree('agentcore.budget_ledger')) AS x(relid)")
        bench.row(done, middle(rates[HOT]), f"{1e6 / statistics.median(rates[HOT]):.0f}", f"{own:.2f}", f"{first / own:.2f}", bytes_, f"{took:.0f}",
                  bench.target(f"cost among {done} permits", "<= 1.15", first / own <= 1.15) if size else "")
        if done < size:
            break


def verified(bench):
    permits = bench.server.ask("SELECT count(*) FROM agentcore.permit")
    start = time.perf_counter()
    with bench.server.connect() as connection:
        connection.execute(f"SET statement_timeout = '{VERIFY_SECONDS}s'")
        try:
            violations = len(connection.execute("SELECT agentcore.budget_verify()").fetchall())
        except psycopg.errors.QueryCanceled:
            loud(f"NOT VERIFIED: budget_verify() of {permits} permits took longer than {VERIFY_SECONDS} s")
            bench.missed.append(f"budget_verify() of {permits} permits: not done in {VERIFY_SECONDS} s")
            return
    bench.say(f"\nbudget_verify() of {permits} permits, made by all of the above: {violations} violations; it took {time.perf_counter() - start:.1f} s")
    if violations:
        bench.missed.append(f"budget_verify(): {violations} violations")


def main():
    failed, took = 0, []
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(os.environ["BENCH_WORK"], directory)
        bench.server = Server(bench.work)
        with bench.server.connect() as connection, open(os.path.join(HERE, "budget.sql"), encoding="utf-8") as file:
            connection.execute("CREATE EXTENSION agentcore")
            connection.execute(file.read())
        bench.say(f"A server of its own: fsync on, flushes by flush_delay.c; pgbench, prepared, local socket; {ROUNDS} interleaved rounds of {SECONDS} s"
                  f" ({max(ROUNDS, 2) + 1} against plpgsql, {max(1, ROUNDS - 1)} of each setting), medians{'; QUICK' if QUICK else ''}.")
        parts = {part.__name__: part for part in (overspend, targets, matrix, hierarchy, verified, updates, growth)}
        for part in [parts[name] for name in PARTS or parts]:
            start = time.perf_counter()
            try:
                part(bench)
            except (measure.Failed, psycopg.Error) as error:
                failed += 1
                bench.say(f"\nFAILED: {part.__name__}: {error}")
            took.append(f"{part.__name__} {time.perf_counter() - start:.0f} s")
        bench.server.control("crash")
        bench.say(f"\ntook: {', '.join(took)}\n\ntargets missed: " + ("; ".join(bench.missed) or "none"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
