"""Decisions on URLs, and the ways that users decide today; each line a ratio within one run.

    make bench-allow [ROUNDS=5]

In the server: the processor time of the backend (Linux; elsewhere the time that the
client waits) for statements over rows of a table of URLs, minus that of the same
statement without the function.  Half of the rules are hosts, half are domain
trees; every URL asked for is one that a rule allows, but in the line that says denied.
The peers get the host for nothing, where agentcore reads the URL.  Cases that are
compared run in turn within each round; every odd round goes backwards; a ratio is the
median of the rounds' ratios.  A target that is missed is printed as missed.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import measure
from cache import Bench, connect, interleaved, ratio
from lib import data, sizes

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "..", "src")
ROUNDS = int(os.environ.get("ROUNDS") or (1 if sizes.QUICK else 5))
SIZES = (1, 100, 10_000, 100_000)
URLS = 100_000

SETUP = f"""
SELECT agentcore.policy_set('r' || n) FROM unnest('{{1,100,10000,100000}}'::int[]) n;
-- one revision for all of them: the row trigger costs 0.1 ms a rule
ALTER TABLE agentcore.policy_rule DISABLE TRIGGER USER;
INSERT INTO agentcore.policy_rule (tenant, policy, kind, effect, pattern)
  SELECT '', 'r' || n, 'url', 'allow', CASE WHEN i % 2 = 0 THEN '*.' ELSE '' END || 'h' || i || '.example.com'
    FROM unnest('{{1,100,10000,100000}}'::int[]) n, generate_series(1, n) i;
CREATE FUNCTION url_of(n int, i bigint) RETURNS text LANGUAGE sql AS $$
  SELECT 'https://h' || 1 + i * 7919 % n || '.example.com/v1/search/items?q=' || i || '&lang=en' $$;
CREATE TABLE asked AS SELECT i, url_of(1, i) AS u1, url_of(100, i) AS u100, url_of(10000, i) AS u10000, url_of(100000, i) AS u100000,
  'h' || 1 + i * 7919 % 100 || '.example.com' AS host100, 'h' || 1 + i * 7919 % 10000 || '.example.com' AS host10000,
  'https://h' || 1 + i * 7919 % 10000 || '.example.net/v1/search/items?q=' || i AS denied FROM generate_series(1, {URLS}::bigint) i;
-- what a user has today: an array of a policy's hosts; a table of patterns; that with a matcher
CREATE TABLE by_array AS SELECT n, array_agg('h' || i || '.example.com') AS hosts FROM unnest('{{100,10000}}'::int[]) n, generate_series(1, n) i GROUP BY n;
CREATE TABLE by_table AS SELECT n, 'h' || i || '.example.com' AS host, CASE WHEN i % 2 = 0 THEN '%.h' || i || '.example.com' ELSE 'h' || i || '.example.com' END AS pattern, i % 2 = 0 AS tree
  FROM unnest('{{100,10000}}'::int[]) n, generate_series(1, n) i;
CREATE INDEX ON by_table (n, host);
CREATE FUNCTION by_matcher(policy int, wanted text, exact boolean DEFAULT true) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF EXISTS (SELECT FROM by_table WHERE n = policy AND host = wanted AND (exact OR tree)) THEN
    RETURN true;
  END IF;
  IF position('.' IN wanted) = 0 THEN
    RETURN false;
  END IF;
  RETURN by_matcher(policy, substr(wanted, position('.' IN wanted) + 1), false);
END $$;
VACUUM ANALYZE asked, by_array, by_table, agentcore.policy_rule, agentcore.policy;
"""


class Timer:
    """A session, and what its statements cost."""

    def __init__(self, **settings):
        self.connection = connect()
        for name, value in {"jit": "off", "max_parallel_workers_per_gather": 0, **settings}.items():
            self.connection.execute(f"SELECT set_config('{name}', '{value}', false)")
        self.schedstat = f"/proc/{self.connection.info.backend_pid}/schedstat"

    def clock(self):
        """Microseconds."""
        try:
            with open(self.schedstat, encoding="ascii") as file:
                return int(file.read().split()[0]) / 1e3
        except OSError:
            return time.perf_counter() * 1e6

    def took(self, statement):
        start = self.clock()
        self.connection.execute(statement)
        return self.clock() - start

    def rows(self, expression, rows, tables=""):
        return self.took(f"SELECT count({expression}) FROM asked{tables} WHERE i <= {rows}") / rows

    def case(self, column, expression, rows=URLS, tables=""):
        """A function that gives the microseconds a row that the expression adds."""
        return lambda: max(1e-4, self.rows(expression, rows, tables) - self.rows(column, rows))


def decisions(bench, here, table):
    cases = {f"url_allowed, {n:,} rules": here.case(f"u{n}", f"agentcore.url_allowed('r{n}', u{n})") for n in SIZES}
    reference = "url_allowed, 10,000 rules"
    cases["url_allowed, 10,000 rules, denied"] = here.case("denied", "agentcore.url_allowed('r10000', denied)")
    cases["url_check (the row), 10,000 rules"] = here.case("u10000", "c.allowed", tables=", agentcore.url_check('r10000', u10000) c")
    cases["url_parse (the row)"] = here.case("u10000", "c.ok", tables=", agentcore.url_parse(u10000) c")
    cases["url_allowed, 100,000 rules left in their table"] = table.case("u100000", "agentcore.url_allowed('r100000', u100000)", 20_000)
    for n, rows in ((100, 20_000), (10_000, 500)):
        host = f"host{n}"
        cases[f"host = ANY (array of a row), {n:,}"] = here.case(host, f"({host} = ANY ((SELECT hosts FROM by_array WHERE n = {n})::text[])) OR NULL", rows)
    for n, rows in ((100, 2_000), (10_000, 20)):
        host = f"host{n}"
        cases[f"LIKE over a table of rules, {n:,}"] = here.case(host, f"EXISTS (SELECT FROM by_table t WHERE t.n = {n} AND ({host} LIKE pattern OR {host} = host) OFFSET 0)", rows)
    cases["recursive plpgsql matcher, 10,000"] = here.case("host10000", "by_matcher(10000, host10000)", 10_000)
    cases["recursive plpgsql matcher, 10,000, two labels below"] = here.case("host10000", "by_matcher(10000, 'a.b.' || host10000)", 10_000)
    results = interleaved(cases, ROUNDS)
    data.keep_all("A decision in the server", results)
    bench.head("A decision in the server", "case", "us, net", "min - max", f"against {reference}", "target")
    for name, times in results.items():
        target = ""
        if name == reference:
            target = bench.target(name, "<= 1.0 us", statistics.median(times) <= 1.0)
        elif name == "url_allowed, 100,000 rules":
            target = bench.target(name, "<= 2 x 10,000 rules", ratio(times, results[reference]) <= 2)
        bench.row(name, f"{statistics.median(times):.2f}", f"{min(times):.2f} - {max(times):.2f}", f"{ratio(times, results[reference]):.2f}", target)


def program(directory):
    """The parser alone, compiled as the extension is."""
    target = os.path.join(directory, "url_parse")
    include = subprocess.run([os.environ.get("PG_CONFIG", "pg_config"), "--includedir-server"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["cc", "-O2", "-DFRONTEND", "-fwrapv", "-I" + SOURCES, "-I" + include, "-o", target, os.path.join(HERE, "url_parse.c")], check=True)
    return target


def outside(bench, here, directory):
    """The parser and node, each a process of its own, over the same URLs."""
    urls = "\n".join(row[0] for row in here.connection.execute("SELECT u10000 FROM asked WHERE i <= 10000")) + "\n"
    parser = program(directory)

    def run(*command):
        result = subprocess.run(command, input=urls, capture_output=True, text=True, check=True)
        return [float(word) for word in result.stdout.split()]

    cases = {"parser": lambda: run(parser)}
    try:
        subprocess.run(["node", "--version"], capture_output=True, check=True)
        cases["node"] = lambda: run("node", os.path.join(HERE, "allow.js"), "10000")
    except OSError:
        print("NODE NOT MEASURED: it is not installed", file=sys.stderr)
        bench.say("\nNODE NOT MEASURED: it is not installed")
    results = interleaved(cases, ROUNDS)
    parser_times = [row[0] / 1000 for row in results["parser"]]
    if {row[1] for row in results["parser"]} != {1.0} or any(row[2] != 1.0 for row in results.get("node", [])):
        raise measure.Failed("not every URL was read and allowed")
    bench.head("Outside the server, the same 10,000 URLs", "case", "us", "min - max", "against the parser", "target")
    bench.row("reading a URL (src/allow/url.c)", f"{statistics.median(parser_times):.3f}", f"{min(parser_times):.3f} - {max(parser_times):.3f}", "1.00",
              bench.target("reading a URL", "<= 0.4 us", statistics.median(parser_times) <= 0.4))
    for name, at in (("node: new URL()", 1), ("node: new URL() and a Set of 10,000 hosts", 0)):
        times = [row[at] / 1000 for row in results.get("node", [])]
        if times:
            bench.row(name, f"{statistics.median(times):.3f}", f"{min(times):.3f} - {max(times):.3f}", f"{ratio(times, parser_times):.2f}", "")


def rebuild(bench, here, table):
    """The first decision after a change, and what is then held."""
    writer = connect()
    bench.head("After a change of the policy", "rules", "first decision, ms", "min - max", "held, kB", "kB for 10,000 rules")
    empty = None
    for n, timer, label in [(n, here, f"{n:,}") for n in SIZES] + [(100_000, table, "100,000, left in their table")]:
        ask = f"SELECT agentcore.url_allowed('r{n}', 'https://h1.example.com/')"
        times = []
        for _ in range(ROUNDS + 1):
            writer.execute(f"UPDATE agentcore.policy SET mode = mode WHERE name = 'r{n}'")
            times.append(timer.took(ask) / 1000)
        size = timer.connection.execute("SELECT bytes FROM agentcore.stat_compiled WHERE class = 'policy' AND name = %s", (f"r{n}",)).fetchone()[0]
        empty = empty or size
        bench.row(label, f"{statistics.median(times[1:]):.2f}", f"{min(times[1:]):.2f} - {max(times[1:]):.2f}", f"{size / 1024:.0f}",
                  f"{(size - empty) / 1024 / n * 10_000:.0f}" if n > 1 and timer is here else "")


def main():
    with tempfile.TemporaryDirectory() as directory:
        measure.psql(SETUP)
        bench = Bench(os.environ["BENCH_WORK"], directory)
        bench.say(f"In the server: net of the statement without the function, {ROUNDS} interleaved rounds, medians.")
        here, table = Timer(), Timer(**{"agentcore.policy_cache_max_rules": 0})
        decisions(bench, here, table)
        outside(bench, here, directory)
        rebuild(bench, here, table)
        bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))


if __name__ == "__main__":
    main()
