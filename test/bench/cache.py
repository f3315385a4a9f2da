"""The cache against what a user would otherwise pick; each line a ratio within one run.

    make bench-cache [ROUNDS=5] [SECONDS_EACH=1]

In the server: statements over 100,000 rows, timed by the client, minus the same
loop without a lookup.  Over the wire: pgbench, prepared, local socket.  Cases that
are compared run in turn within each round; every odd round goes backwards; a ratio
is the median of the rounds' ratios.  A target that is missed is printed as missed.
"""
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import psycopg

import measure
import miss_ratio
from lib import data, sizes

ROUNDS = int(os.environ.get("ROUNDS") or (1 if sizes.QUICK else 5))
SECONDS = max(1, round(float(os.environ.get("SECONDS_EACH") or 1)))
KEYS, VALUE_BYTES, CLIENTS, RATE = 100_000, 900, 10, 10_000

SETUP = f"""
-- a jsonb object of the wanted size on disk, incompressible, from a pool of random digits
CREATE TABLE pool AS SELECT string_agg(sha256((i || 'seed')::bytea), '') AS b FROM generate_series(1, 40000) i;
CREATE FUNCTION made(i int, bytes int) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('key', i, 'body', encode(substr(b, 1 + (i * 7919) % (length(b) - bytes / 2), greatest(1, (bytes - 40) / 2)), 'hex')) FROM pool $$;
CREATE FUNCTION args_of(i int) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object('query', i) $$;
CREATE UNLOGGED TABLE lookup (tool text, args jsonb, expires timestamptz, value jsonb, PRIMARY KEY (tool, args));
CREATE UNLOGGED TABLE by_hash (key bytea PRIMARY KEY, expires timestamptz, value jsonb);
INSERT INTO lookup SELECT 'bench', args_of(i), now() + interval '1 day', made(i, {VALUE_BYTES}) FROM generate_series(1, {KEYS}) i;
INSERT INTO by_hash SELECT sha256(args::text::bytea), expires, value FROM lookup;
CREATE TABLE arguments AS SELECT args FROM lookup ORDER BY random();
CREATE TABLE batches AS SELECT n AS id, (SELECT array_agg(args_of(1 + (n * 100 + i) % {KEYS})) FROM generate_series(1, 100) i) AS args FROM generate_series(1, 1000) n;
ALTER TABLE batches ADD PRIMARY KEY (id);
SELECT count(*) FILTER (WHERE NOT agentcore.cache_set('bench', args, value, ttl => '1 day', publish => 'immediate')) FROM lookup;
SELECT count(*) FILTER (WHERE NOT agentcore.cache_set('small', args, '{{"ok": true}}', ttl => '1 day', publish => 'immediate')) FROM lookup;
VACUUM (ANALYZE) lookup, by_hash, arguments, batches;
"""

ARGS = "jsonb_build_object('query', :k::int)"
RANDOM = f"\\set k random(1, {KEYS})\n"
GET = f"{RANDOM}SELECT agentcore.cache_get('bench', {ARGS});\n"
LOOKUP = f"{RANDOM}SELECT value FROM lookup WHERE tool = 'bench' AND args = {ARGS} AND expires > now();\n"
# the value that is written comes from the statement, as from a client
SET = f"{RANDOM}SELECT agentcore.cache_set('bench', {ARGS}, '%s', ttl => '1 day');\n"
UPSERT = (f"{RANDOM}INSERT INTO lookup VALUES ('bench', {ARGS}, now() + interval '1 day', '%s')"
          " ON CONFLICT (tool, args) DO UPDATE SET value = excluded.value, expires = excluded.expires;\n")


class Bench:
    def __init__(self, work, directory):
        self.work, self.directory, self.missed = work, directory, []

    def say(self, line=""):
        print(line, flush=True)

    def head(self, title, *columns):
        self.say()
        self.say(f"### {title}")
        self.say()
        self.say("| " + " | ".join(columns) + " |")
        self.say("|---|" + "--:|" * (len(columns) - 1))

    def row(self, *cells):
        self.say("| " + " | ".join(str(cell) for cell in cells) + " |")

    def target(self, subject, wanted, ok):
        """The cell of a target: what was wanted, and whether it was met."""
        if not ok:
            self.missed.append(f"{subject} {wanted}")
        return f"{wanted}: {miss_ratio.verdict(ok)}"


def connect(**options):
    return psycopg.connect(dbname=measure.DATABASE, autocommit=True, prepare_threshold=None, **options)


def interleaved(cases, rounds=None):
    """{name: function} -> {name: [result of each round]}; a warm-up round is not counted."""
    results = {name: [] for name in cases}
    rounds = rounds or ROUNDS
    for number in range(rounds + 1):
        for name in cases if number % 2 == 0 else reversed(cases):
            result = cases[name]()
            if number > 0:
                results[name].append(result)
    return results


def ratio(ones, others):
    return statistics.median(a / b for a, b in zip(ones, others))


def timed(connection, query, rows):
    """A function that gives the microseconds a row of the statement."""
    def run():
        start = time.perf_counter()
        connection.execute(query)
        return (time.perf_counter() - start) / rows * 1e6
    return run


def net(times, floor):
    return [max(0.001, time - base) for time, base in zip(times, floor)]


def in_server(bench):
    queries = {
        "loop": "SELECT count(args) FROM arguments",
        "cache_get": "SELECT count(agentcore.cache_get('bench', args)) FROM arguments",
        "UNLOGGED, key (tool, args)": "SELECT count((SELECT value FROM lookup l WHERE l.tool = 'bench' AND l.args = a.args AND expires > now())) FROM arguments a",
        "UNLOGGED, key sha256(args)": "SELECT count((SELECT value FROM by_hash h WHERE h.key = sha256(a.args::text::bytea) AND expires > now())) FROM arguments a",
        "one hash join for all": "SELECT count(l.value) FROM arguments a JOIN lookup l ON l.tool = 'bench' AND l.args = a.args AND expires > now()",
    }
    with connect() as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.execute("SET work_mem = '1GB'")
        found = connection.execute(queries["cache_get"]).fetchone()[0]
        if found != KEYS:
            raise measure.Failed(f"only {found} of {KEYS} keys are in the cache")
        times = interleaved({name: timed(connection, query, KEYS) for name, query in queries.items()})
    floor = times.pop("loop")
    own = net(times["cache_get"], floor)
    data.keep_all("In the server, net", {name: net(values, floor) for name, values in times.items()})
    bench.head(f"In the server: {KEYS} keys of {VALUE_BYTES} B, arguments in a column", "lookup", "net us a key", "times a hit", "target")
    bench.row("cache_get hit", f"{statistics.median(own):.2f}", "", bench.target("hit in the server", "about 0.6 us", statistics.median(own) <= 0.75))
    for name, values in times.items():
        if name == "cache_get":
            continue
        times_ = ratio(net(values, floor), own)
        aim = bench.target("hit in the server against the table", ">= 8 x", times_ >= 8) if "(tool, args)" in name else ""
        bench.row(name, f"{statistics.median(net(values, floor)):.2f}", f"{times_:.1f}", aim)


def pgbench(bench, scripts, clients, *options, seconds=None):
    """scripts: [(script, weight)] -> (transactions a second, output)"""
    words = []
    for number, (script, weight) in enumerate(scripts):
        path = os.path.join(bench.directory, f"script{number}.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        words += ["-f", f"{path}@{weight}"]
    run = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds or SECONDS),
                          *options, *words, measure.DATABASE], capture_output=True, text=True)
    rate = re.search(r"^tps = ([\d.]+)", run.stdout, re.M)
    if run.returncode or not rate or re.search(r"number of failed transactions: [1-9]", run.stdout):
        raise measure.Failed(f"pgbench failed:\n{run.stdout}{run.stderr}")
    return float(rate.group(1))


def wire(bench, value):
    cases = {
        "constant jsonb": f"SELECT '{value}'::jsonb;\n",
        "the same, arguments built as for a hit": f"{RANDOM}SELECT CASE WHEN {ARGS} IS NOT NULL THEN '{value}'::jsonb END;\n",
        "cache_get hit": GET,
        "UNLOGGED table": LOOKUP,
    }
    rates = interleaved({name: (lambda script=script: pgbench(bench, [(script, 1)], CLIENTS)) for name, script in cases.items()})
    data.keep_all("Over the wire", rates, "per second", "more", beside="constant jsonb")
    bench.head(f"Over the wire: {CLIENTS} clients, prepared, {VALUE_BYTES} B", "statement", "a second", "of the constant", "of the table", "target")
    for name, values in rates.items():
        of_constant, of_table = ratio(values, rates["constant jsonb"]), ratio(values, rates["UNLOGGED table"])
        aim = ""
        if name == "cache_get hit":
            aim = bench.target("hit over the wire", ">= 0.85 of the constant", of_constant >= 0.85) + "; " + bench.target("hit over the wire", ">= 1.5 of the table", of_table >= 1.5)
        bench.row(name, f"{statistics.median(values):.0f}", f"{of_constant:.2f}", f"{of_table:.2f}", aim)
    redis(bench, statistics.median(rates["cache_get hit"]))


def redis(bench, own):
    client, server = shutil.which("redis-benchmark"), shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if not client or not server:
        print(f"\n{'*' * 78}\n*** REDIS NOT MEASURED: redis-benchmark is absent (Debian package redis-tools)\n{'*' * 78}\n", flush=True)
        bench.row("Redis GET", "not installed", "", "", "")
        return
    # one binary, told apart by its name
    program = os.path.join(bench.directory, "redis-server")
    os.symlink(os.path.realpath(server), program)
    socket = os.path.join(bench.directory, "redis.sock")
    process = subprocess.Popen([program, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", bench.directory],
                               stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if os.path.exists(socket):
                break
            time.sleep(0.05)
        common = [client, "-s", socket, "-c", str(CLIENTS), "-d", str(VALUE_BYTES), "-r", str(KEYS), "--csv"]
        subprocess.run([*common, "-t", "set", "-n", str(3 * KEYS)], capture_output=True, check=True)
        rates = []
        for _ in range(3):
            run = subprocess.run([*common, "-t", "get", "-n", str(KEYS)], capture_output=True, text=True, check=True)
            rates.append(float(re.search(r'^"GET[^"]*","([\d.]+)"', run.stdout, re.M).group(1)))
    finally:
        process.terminate()
        process.wait()
    version = re.search(r"v=([\d.]+)", subprocess.run([program, "--version"], capture_output=True, text=True).stdout)
    rate = statistics.median(rates)
    bench.row(f"Redis {version.group(1) if version else ''} GET, redis-benchmark, unix socket, {CLIENTS} clients", f"{rate:.0f}",
              "", "", f"for information: cache_get is {own / rate:.2f} of it")


def wal_of(connection, query):
    """Bytes of WAL while the statement ran; the least of three, for others write too."""
    amounts = []
    for _ in range(3):
        before = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        connection.execute(query)
        amounts.append(connection.execute("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", (before,)).fetchone()[0])
    return int(min(amounts))


def writing(bench, value):
    own, other = SET % value, UPSERT % value
    cases = {
        "cache_set": [(own, 1)],
        "UNLOGGED upsert": [(other, 1)],
        "90/10, cache": [(GET, 9), (own, 1)],
        "90/10, table": [(LOOKUP, 9), (other, 1)],
        "50/50, cache": [(GET, 1), (own, 1)],
        "50/50, table": [(LOOKUP, 1), (other, 1)],
    }
    rates = interleaved({name: (lambda scripts=scripts: pgbench(bench, scripts, CLIENTS)) for name, scripts in cases.items()}, min(ROUNDS, 4))
    data.keep_all("Writing", rates, "per second", "more")
    with connect() as connection:
        sets = wal_of(connection, f"SELECT agentcore.cache_set('bench', args_of(i), made(i, {VALUE_BYTES}), ttl => '1 day') FROM generate_series(1, 2000) i")
        upserts = wal_of(connection, f"INSERT INTO lookup SELECT 'bench', args_of(i), now(), made(i, {VALUE_BYTES}) FROM generate_series(1, 2000) i"
                         " ON CONFLICT (tool, args) DO UPDATE SET value = excluded.value, expires = excluded.expires")
    bench.head(f"Writing, {CLIENTS} clients, {VALUE_BYTES} B", "work", "cache, a second", "UNLOGGED table, a second", "ratio", "target")
    for name, one, two, least in (("set", "cache_set", "UNLOGGED upsert", 1.6), ("90 get / 10 set", "90/10, cache", "90/10, table", 0),
                                  ("50 get / 50 set", "50/50, cache", "50/50, table", 0)):
        times_ = ratio(rates[one], rates[two])
        bench.row(name, f"{statistics.median(rates[one]):.0f}", f"{statistics.median(rates[two]):.0f}", f"{times_:.2f}",
                  bench.target(name, f">= {least} x", times_ >= least) if least else "")
    bench.row("WAL bytes a set", f"{sets / 2000:.1f}", f"{upserts / 2000:.1f}", "", bench.target("WAL of a set", "0 B", sets == 0))


def latency(bench, value):
    bench.head(f"Latency at {RATE} requests a second, {CLIENTS} connections (from the moment it was due)",
               "statement", "a second", "p50 us", "p99 us", "p99.9 us")
    for name, script in (("constant jsonb", f"SELECT '{value}'::jsonb;\n"), ("cache_get hit", GET), ("UNLOGGED table", LOOKUP)):
        prefix = os.path.join(bench.directory, "log" + str(len(name)))
        rate = pgbench(bench, [(script, 1)], CLIENTS, "--rate", str(RATE), "-l", "--log-prefix", prefix, seconds=4 * SECONDS)
        times = []
        for path in glob.glob(prefix + ".*"):
            with open(path, encoding="ascii") as file:
                times += [int(line.split()[2]) for line in file]
        times.sort()
        bench.row(name, f"{rate:.0f}", *(times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.99, 0.999)))


def many_entries(bench):
    """As many random hits on each of three servers, which hold 1k, 100k and a million entries of 100 B."""
    sizes = {"1k": 1_000, "100k": 100_000, "1M": 1_000_000}
    probes = 100_000
    servers, cases, took, entries = {}, {}, {}, {}
    for name, size in sizes.items():
        servers[name] = miss_ratio.Server(bench.work, "entries_" + name, "shared_preload_libraries=agentcore", "agentcore.cache_memory=1GB", "jit=off")
        connection = servers[name].connect()
        connection.prepare_threshold = None
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.execute("CREATE EXTENSION agentcore")
        start = time.perf_counter()
        connection.execute("SELECT count(agentcore.cache_set('many', jsonb_build_object('query', i), to_jsonb(repeat('v', 94)), ttl => '1 day', publish => 'immediate'))"
                           f" FROM generate_series(1, {size}) i")
        took[name] = time.perf_counter() - start
        connection.execute(f"CREATE UNLOGGED TABLE probe AS SELECT jsonb_build_object('query', 1 + (random() * {size - 1})::int) AS args FROM generate_series(1, {probes})")
        connection.execute("VACUUM ANALYZE probe")
        found = connection.execute("SELECT count(agentcore.cache_get('many', args)) FROM probe").fetchone()[0]
        entries[name] = connection.execute("SELECT entries FROM agentcore.stat_cache").fetchone()[0]
        if found != probes:
            bench.missed.append(f"{name}: {probes - found} of {probes} lookups missed")
        cases["loop " + name] = timed(connection, "SELECT count(args) FROM probe", probes)
        cases[name] = timed(connection, "SELECT count(agentcore.cache_get('many', args)) FROM probe", probes)
    times = interleaved(cases)
    data.keep_all("Cost of a hit as the cache fills", {name: net(times[name], times["loop " + name]) for name in sizes})
    bench.head("Cost of a hit as the cache fills", "entries", "net us a hit", "of 1k", "filled in s", "target")
    base = net(times["1k"], times["loop 1k"])
    for name in sizes:
        own = net(times[name], times["loop " + name])
        times_ = ratio(own, base)
        bench.row(entries[name], f"{statistics.median(own):.2f}", f"{times_:.2f}", f"{took[name]:.1f}",
                  "" if name == "1k" else bench.target(f"a hit among {name}", "<= 1.5 x", times_ <= 1.5))
        servers[name].control("stop")


def mget(bench):
    bench.head("cache_mget: 100 keys a trip, two connections", "values", "hits a second", "least - most", "target")
    with connect() as connection:
        there = connection.execute("SELECT count(*) FROM pg_proc WHERE proname = 'cache_mget'").fetchone()[0]
    if not there:
        bench.row("not there yet", "", "", bench.target("cache_mget", ">= 1000000 hits a second", False))
        return
    for name, tool, query, aim in (("{\"ok\": true}", "small", "agentcore.cache_mget('small', args)", True),
                                   (f"{VALUE_BYTES} B", "bench", "agentcore.cache_mget('bench', args)", False),
                                   (f"{VALUE_BYTES} B, counted in the server", "bench", "cardinality(agentcore.cache_mget('bench', args))", False)):
        with connect() as connection:
            missing = connection.execute(f"SELECT count(*) FROM batches, unnest(agentcore.cache_mget('{tool}', args)) v WHERE v IS NULL").fetchone()[0]
        script = f"\\set k random(1, 1000)\nSELECT {query} FROM batches WHERE id = :k;\n"
        rates = [100 * pgbench(bench, [(script, 1)], 2) for _ in range(ROUNDS)]
        rate = statistics.median(rates)
        bench.row(name + (f" ({missing} misses)" if missing else ""), f"{rate:.0f}", f"{min(rates):.0f} - {max(rates):.0f}", bench.target("cache_mget", ">= 1000000 hits a second", rate >= 1e6) if aim else "")


FILL = """
CREATE FUNCTION fill(median float8, bytes bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  pool bytea := (SELECT string_agg(sha256(i::text::bytea), '') FROM generate_series(1, 40000) i);
  done bigint := 0;
  i int := 0;
  u1 float8;
  size int;
BEGIN
  PERFORM setseed(0.5);
  WHILE done < bytes LOOP
    i := i + 1;
    -- lognormal, sigma 1.2, 100 B to 1 MB
    u1 := sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random());
    size := least(1000000, greatest(100, median * exp(1.2 * u1)))::int;
    PERFORM agentcore.cache_set('fill', to_jsonb(i), to_jsonb(encode(substr(pool, 1 + (random() * 200000)::int, size / 2), 'hex')), scope => 's', ttl => '1 day', publish => 'immediate');
    done := done + size;
  END LOOP;
END $$;
"""


def memory(bench):
    megabytes = 64
    bench.head(f"Memory: value bytes held / agentcore.cache_memory ({megabytes} MB; sizes lognormal, sigma 1.2)",
               "median size", "entries", "value bytes / memory", "evictions", "refused")
    server = miss_ratio.Server(bench.work, "memory", "shared_preload_libraries=agentcore", f"agentcore.cache_memory={megabytes}MB", "jit=off")
    with server.connect() as connection:
        connection.execute("CREATE EXTENSION agentcore")
        connection.execute(FILL)
    for median in (600, 2048, 8192):
        server.control("restart")
        with server.connect() as connection:
            connection.execute("SELECT fill(%s, %s)", (median, 3 * megabytes << 20))
            row = connection.execute("SELECT entries, value_bytes, evictions, refused_size + refused_room FROM agentcore.stat_cache").fetchone()
        bench.row(f"{median} B", row[0], f"{row[1] / (megabytes << 20):.2f}", row[2], row[3])
    server.control("stop")


def misses(bench):
    paths = miss_ratio.traces()
    bench.say()
    bench.say("### Miss ratio")
    bench.say()
    if not paths:
        bench.say("NOT MEASURED: no traces (set AGENTCORE_SHARED or TRACES)")
        return
    for line in miss_ratio.table(paths, bench.work):
        bench.say(line)
        if "MISSED" in line:
            bench.missed.append(line.strip("- "))


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(os.environ["BENCH_WORK"], directory)
        bench.say(f"{ROUNDS} interleaved rounds, {SECONDS} s each over the wire, medians; fsync and synchronous_commit off.")
        measure.psql(SETUP)
        value = measure.psql(f"SELECT made(1, {VALUE_BYTES})")
        for part in (in_server, lambda b: wire(b, value), lambda b: latency(b, value), mget, lambda b: writing(b, value),
                     many_entries, memory, misses):
            try:
                part(bench)
            except (measure.Failed, psycopg.Error) as error:
                failed += 1
                bench.say(f"\nFAILED: {error}")
        bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
