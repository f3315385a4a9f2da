"""Budgets beside the plpgsql that users write today; each line a ratio within one run.

    make bench-budget [QUICK=1] [ROUNDS=3] [SECONDS_EACH=1] [PERMITS=10000000] [GROW_SECONDS=180]
                      [PARTS="overspend targets matrix hierarchy edges gate first_use verified updates growth"]

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
from lib import data, sizes

HERE = os.path.dirname(os.path.abspath(__file__))
QUICK = sizes.QUICK
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


HOT, THOUSAND = "one budget", "1,000 budgets"
PLAIN_HOT, PLAIN_LAST, PLAIN_THOUSAND = "plpgsql, one row", "plpgsql, one row touched last", "plpgsql, 1,000 rows"
SCRIPTS = {
    HOT: ours("'hot'"),
    PLAIN_HOT: plain("'hot'"),
    THOUSAND: ours("'b' || :b::int", RANDOM),
    PLAIN_THOUSAND: plain("'b' || :b::int", RANDOM),
    PLAIN_LAST: plain("'hot'", acquire="acquire_last"),
}

SECOND_WINDOWS = """
SELECT agentcore.budget_limit_set(budget => 'two_' || level, limit_name => 'day', max_tokens => 100000000000000, period => '1 day')
  FROM unnest(ARRAY['org', 'team', 'agent']) level;
SELECT count(agentcore.budget_set('leaf' || i, max_tokens => 100000000000000, parent => 'two_org')) FROM generate_series(1, 1000) i;
SELECT count(agentcore.budget_limit_set('leaf' || i, 'day', max_tokens => 100000000000000, period => '1 day')) FROM generate_series(1, 1000) i;
SELECT agentcore.budget_set('slides', max_tokens => 100000000000000, period => '1 day', kind => 'sliding');
SELECT agentcore.budget_set('tells', max_tokens => 100000000000000, period => '1 day', thresholds => '{50,80,90}');
SELECT agentcore.budget_set('narrow', max_in_flight => 16), agentcore.budget_set('brim', max_tokens => 450)
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


def matrix(bench):
    names = [HOT, PLAIN_HOT, THOUSAND, PLAIN_THOUSAND]
    flushes = {flush: bench.server.flush_time(flush) for flush in sorted({flush for _, flush in SETTINGS if flush})}
    for flush, seen in flushes.items():
        if not flush <= seen < 2 * flush:
            bench.missed.append(f"a flush of {flush} ms was seen to take {seen:.2f} ms")
    bench.head("Acquire and commit: pairs a second", "synchronous_commit, flush, clients", HOT, "of plpgsql", THOUSAND, "of plpgsql",
               "one budget of 1,000", "target", "of plpgsql's one row at 1 ms")
    for commit, flush in SETTINGS:
        bench.server.flush(flush)
        for clients in CLIENTS:
            rates = in_turn(bench, names, clients, commit, max(1, ROUNDS - 1))
            data.keep_all(f"Pairs, synchronous_commit {commit}, flush {flush} ms, {clients} clients", rates, "per second", "more")
            share, times = ratio(rates[HOT], rates[THOUSAND]), ratio(rates[HOT], rates[PLAIN_HOT])
            crowd = clients == 32
            bench.row(f"{commit}, {flush} ms, {clients}", middle(rates[HOT]), f"{times:.2f}",
                      middle(rates[THOUSAND]), f"{ratio(rates[THOUSAND], rates[PLAIN_THOUSAND]):.2f}", f"{share:.2f}",
                      bench.target(f"one budget of 1,000, 32 clients, synchronous_commit {commit}, {flush} ms", ">= 0.9", share >= 0.9) if crowd else "",
                      bench.target("one budget, 32 clients, of plpgsql at 1 ms", ">= 10", times >= 10) if crowd and (commit, flush) == ("on", 1) else "")
    bench.say("\nflush as a commit sees it: " + ", ".join(f"{flush} ms: {seen:.2f} ms" for flush, seen in flushes.items()))


def targets(bench):
    bench.server.flush(0)
    bench.head("Acquire and commit against plpgsql that writes the same rows, no flush delay", "synchronous_commit, clients, budgets",
               "ours", "plpgsql", "ratio", "least - most", "shared row touched last", "ratio", "target")
    for commit in ("off", "on"):
        for clients in (1, 8):
            rates = in_turn(bench, [HOT, PLAIN_HOT, PLAIN_LAST, THOUSAND, PLAIN_THOUSAND], clients, commit, max(ROUNDS, 2) + 1)
            data.keep_all(f"Pairs against plpgsql, synchronous_commit {commit}, {clients} clients", rates, "per second", "more", beside=PLAIN_HOT)
            for own, other, last in ((HOT, PLAIN_HOT, PLAIN_LAST), (THOUSAND, PLAIN_THOUSAND, None)):
                times = [a / b for a, b in zip(rates[own], rates[other])]
                # with one client no row is shared
                judged, least = (ratio(rates[own], rates[last]), 1.3) if last and clients > 1 else (statistics.median(times), 1.25 if last else 1.15)
                bench.row(f"{commit}, {clients}, {own}", middle(rates[own]), middle(rates[other]), f"{statistics.median(times):.2f}",
                          f"{min(times):.2f} - {max(times):.2f}", middle(rates[last]) if last else "", f"{ratio(rates[own], rates[last]):.2f}" if last else "",
                          bench.target(f"{own}, {clients} clients, synchronous_commit {commit}", f">= {least}", judged >= least))


def define_deep(bench):
    if not bench.server.ask("SELECT count(*) FROM agentcore.budget WHERE name = 'narrow'"):
        with bench.server.connect() as connection:
            connection.execute(SECOND_WINDOWS)


def hierarchy(bench):
    bench.server.flush(0)
    define_deep(bench)
    flat = "flat, one window"
    scripts = {flat: (ours("'flat'"), None), "3 levels, a window each": (ours("'one_agent'"), None), "3 levels, two windows each": (ours("'two_agent'"), 1.3),
               "one root over 1,000 leaves, two windows each": (ours("'leaf' || :b::int", RANDOM), 1.3),
               "flat, sliding": (ours("'slides'"), 1.1), "flat, thresholds": (ours("'tells'"), 1.1)}
    bench.head("Hierarchy and kinds: one hot budget, synchronous_commit off", "budget, clients", "pairs a second", "cost, of flat", "target")
    for clients in (8, 32):
        rates = in_turn(bench, list(scripts), clients, "off", max(ROUNDS, 2), {name: script for name, (script, _) in scripts.items()})
        data.keep_all(f"Hierarchy and kinds, {clients} clients", rates, "per second", "more", beside=flat)
        for name, (_, most) in scripts.items():
            cost = ratio(rates[flat], rates[name])
            bench.row(f"{name}, {clients}", middle(rates[name]), f"{cost:.2f}",
                      bench.target(f"{name}, {clients} clients", f"<= {most}", cost <= most) if most else "")


def granted(bench, budget, clients, commit):
    """Pairs a second that were admitted, where others are refused."""
    count = "SELECT count(*) FROM agentcore.permit WHERE budget = %s"
    before = bench.server.ask(count, budget)
    start = time.perf_counter()
    pgbench(bench, [f"SELECT granted AS fits, coalesce(permit::text, '') AS permit FROM agentcore.budget_try_acquire('{budget}', 100, 0.001) \\gset\n"
                    "\\if :fits\nSELECT agentcore.budget_release(:permit);\n\\endif\n"], clients, commit)
    return (bench.server.ask(count, budget) - before) / (time.perf_counter() - start)


def edges(bench):
    """Where reservations decide: a limit of calls in flight, a limit that holds of others pass, a budget met cold."""
    bench.server.flush(1)
    define_deep(bench)
    bench.head("Near a limit: 32 clients, a flush of 1 ms, synchronous_commit on", "budget", "admitted pairs a second", "plpgsql, one row, pairs a second", "ratio", "target")
    for budget, what in (("narrow", "max_in_flight 16"), ("brim", "room for four holds")):
        rates = [(granted(bench, budget, 32, "on"), pgbench(bench, [SCRIPTS[PLAIN_HOT]], 32, "on")[0]) for _ in range(max(2, ROUNDS - 1))]
        times = statistics.median(own / other for own, other in rates)
        bench.row(what, f"{statistics.median(own for own, _ in rates):.0f}", f"{statistics.median(other for _, other in rates):.0f}", f"{times:.2f}",
                  bench.target(f"{what}, 32 clients", ">= 1.2 (one row before escrow)", times >= 1.2))
    with bench.server.connect() as connection:
        connection.execute("SELECT agentcore.budget_set('met_cold', max_tokens => 100000000000000), agentcore.stat_budget_reset()")
    pgbench(bench, [ours("'met_cold'")], 32, "on", "-t", "50")
    alone = bench.server.ask("SELECT cold + exact FROM agentcore.stat_budget")
    bench.say(f"\nA cold budget met by 32 clients: {alone} of 1,600 acquires were made alone, each a flush"
              f" ({bench.target('a cold budget is hot', 'within 50 flushes', alone <= 50)})")


GATE = """
SELECT agentcore.policy_set('open'), agentcore.policy_allow_tool('open', '*'), agentcore.tool_set('write', '{"type": "object"}'),
       agentcore.budget_set('gate', max_usd => 1000000), agentcore.agent_set('bot', 'open', 'gate');
CREATE TABLE plain.call (LIKE agentcore.permit INCLUDING ALL);
CREATE TABLE plain.entry (LIKE agentcore.budget_ledger INCLUDING DEFAULTS);
CREATE INDEX ON plain.entry (tenant, permit);
"""
CALL = ("SELECT call_id FROM agentcore.call_begin('bot', 'write', '{\"id\": 4711}', 100, 0.001) \\gset\n"
        "SELECT agentcore.call_commit(:call_id, tokens => 80, usd => 0.0008);\n")


def same_bytes(bench):
    """One insert; one update and one insert: what a call writes, in plain SQL."""
    with bench.server.connect() as connection:
        call = connection.execute("SELECT (agentcore.call_begin('bot', 'write', '{\"id\": 4711}', 100, 0.001)).call_id").fetchone()[0]
        connection.execute("SELECT agentcore.call_commit(%s, tokens => 80, usd => 0.0008)", (call,))
        def values(table, key, new):
            columns = [row[0] for row in connection.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum", (table,))]
            row = connection.execute(f"SELECT {', '.join(f'quote_nullable({name}::text)' for name in columns)} FROM {table} WHERE {key} = %s", (call,)).fetchone()
            return ", ".join(new.get(name, value) for name, value in zip(columns, row))
        permit = values("agentcore.permit", "id", {"id": "gen_random_uuid()", "state": "'o'", "settled_at": "NULL"})
        entry = values("agentcore.budget_ledger", "permit", {"id": "gen_random_uuid()", "permit": ":id"})
    return (f"INSERT INTO plain.call VALUES ({permit}) RETURNING id \\gset\n"
            # one statement, so that both sides have two round trips
            "WITH settled AS (UPDATE plain.call SET state = 'c', charged_tokens = 80, charged_nanousd = 800000, charged_calls = 1, settled_at = now()"
            f" WHERE tenant = '' AND id = :id) INSERT INTO plain.entry VALUES ({entry});\n")


def gate(bench):
    bench.server.flush(0)
    with bench.server.connect() as connection:
        connection.execute(GATE)
    scripts = {"call": CALL, "bytes": same_bytes(bench)}
    bench.head("call_begin and call_commit beside two transactions that only write the same rows", "clients", "calls a second", "plain writes", "cost", "target")
    for clients in (1, 8):
        rates = in_turn(bench, list(scripts), clients, "off", max(ROUNDS, 2) + 1, scripts)
        cost = ratio(rates["bytes"], rates["call"])
        bench.row(clients, middle(rates["call"]), middle(rates["bytes"]), f"{cost:.2f}", bench.target(f"a call, {clients} clients", "<= 1.5", cost <= 1.5))


FIRST_USE = """
SELECT agentcore.policy_set('open'), agentcore.policy_allow_tool('open', '*'),
       agentcore.tool_set('read', '{"type": "object", "properties": {"id": {"type": "integer"}}}'),
       agentcore.budget_set('customers', max_tokens => 100000000000000),
       agentcore.budget_template_set('new:*', parent => 'customers', max_tokens => 1000000, max_budgets => 1000000),
       agentcore.budget_template_set('old:*', parent => 'customers', max_tokens => 1000000),
       agentcore.agent_set('taker', 'open', charges => '{new:*,old:*}');
CREATE SEQUENCE plain.named;
SELECT count(agentcore.budget_acquire('old:' || i, 0)) FROM generate_series(0, 999) i
"""
BEGIN_OF = "SELECT 1 / (verdict = 'run')::int FROM agentcore.call_begin('taker', 'read', '{\"id\": 4711}', 1, budget => %s);\n"
COMPILED = "SELECT class || ' ' || name, compiles FROM agentcore.stat_compiled WHERE class <> 'budget'"
MADE = "SELECT count(*) FROM agentcore.budget WHERE template = 'new:*'"
LOOKS = "SELECT sum(pg_stat_get_xact_numscans(i)) FROM unnest('{agentcore.agent_pkey,agentcore.tool_pkey}'::regclass[]) i"


def first_use(bench):
    """A session that works on while others use names of a template for the first time hears nothing of it."""
    bench.server.flush(0)
    new, old = "a new name each", "1,000 names that are made"
    scripts = {new: BEGIN_OF % "'new:' || nextval('plain.named')", old: BEGIN_OF % "'old:' || nextval('plain.named') % 1000"}
    with bench.server.connect() as connection:
        connection.execute(FIRST_USE)
    bench.head("call_begin with the name of a template's budget, synchronous_commit off", "clients", "first uses a second", "begins with names that are made", "cost",
               "first uses made", "compiled by a session beside it: before", "after", "its looks at agents and tools", "target")
    for clients in (1, 8):
        with bench.server.connect() as beside:
            beside.execute(BEGIN_OF % "'old:1'")
            before = dict(beside.execute(COMPILED).fetchall())
            count = bench.server.ask(MADE)
            pgbench(bench, [scripts[new]], clients, "off", "-t", str(1000 // clients))
            rates = in_turn(bench, [new, old], clients, "off", max(ROUNDS, 2), scripts)
            made = bench.server.ask(MADE) - count
            # what it has heard of by now it would look at here
            with beside.transaction():
                looks = beside.execute(LOOKS).fetchone()[0]
                beside.execute(BEGIN_OF % "'old:1'")
                looks = beside.execute(LOOKS).fetchone()[0] - looks
            after = dict(beside.execute(COMPILED).fetchall())
        shown = [", ".join(f"{name} {count}" for name, count in sorted(counts.items())) for counts in (before, after)]
        bench.row(clients, middle(rates[new]), middle(rates[old]), f"{ratio(rates[old], rates[new]):.2f}", made, *shown, looks,
                  bench.target(f"a session beside {made} first uses", "compiles and looks at nothing", before == after and looks == 0))


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
        parts = {part.__name__: part for part in (overspend, targets, matrix, hierarchy, edges, gate, first_use, verified, updates, growth)}
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
