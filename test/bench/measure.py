"""Runs the cases of test/bench/*.bench against the server of PGHOST, PGPORT.

A .bench file is SQL for psql and pgbench, cut by lines that begin with "-- @":

    -- @setup                          run once by psql before the cases
    -- @case NAME [vs OTHER] [per N] [clients N]
                                       a pgbench script; with "vs" it is compared with the case
                                       OTHER; "per": it does the work N times

A file NAME.py is a benchmark of its own: it gets a fresh database with the
extension by PGDATABASE, a directory with the staged install by BENCH_WORK, prints
Markdown and keeps what it measured by lib/data.py.

The report is OUTPUT/NAMES.md, with a picture of each table that was kept (OUTPUT/NAMES/*.svg)
and the numbers of every round (OUTPUT/NAMES.json, for `make bench-compare`).
PASTE=FILE.md puts it into a document as well, between <!-- make bench-NAMES --> and <!-- end -->.

Every case runs once a round, all cases of a file in turn, so that a pair is
measured within the same seconds; odd rounds go backwards.  A ratio is the
median of the rounds' ratios.  Net is without the round trip: minus the case
"SELECT 1" of the same round, where the file has one.
"""
import datetime
import glob
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile

from lib import chart, data, sizes

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("ROUNDS") or (1 if sizes.QUICK else 7))
SECONDS = float(os.environ.get("SECONDS_EACH") or 1)
FLOOR = "SELECT 1"
DATABASE = "agentcore_bench"
OPTIONS = ("QUICK", "TINY", "ROUNDS", "SECONDS_EACH", "PARTS", "CASES", "BASE", "SEEDS")


class Failed(Exception):
    """A benchmark could not be run; the others still can."""


class Case:
    def __init__(self, title):
        match = re.match(r"(.*?)(?: vs (.*?))?(?: per (\d+))?(?: clients (\d+))?$", title)
        self.name, self.against = match.group(1).strip(), match.group(2)
        self.per, self.clients = int(match.group(3) or 1), int(match.group(4) or 1)
        self.script = ""
        self.times = []  # microseconds a call, one a round


def parse(path):
    setup, cases, target = "", [], None
    with open(path, encoding="utf-8") as file:
        for line in file:
            mark = re.match(r"-- @(setup|case)\s*(.*)", line)
            if mark and mark.group(1) == "case":
                cases.append(Case(mark.group(2).strip()))
                target = cases[-1]
            elif mark:
                target = "setup"
            elif target == "setup":
                setup += line
            elif target:
                target.script += line
    return setup, cases


def psql(sql, database=DATABASE):
    run = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"],
                         input=sql, capture_output=True, text=True)
    if run.returncode:
        raise Failed(f"set-up failed:\n{run.stderr}")
    return run.stdout.strip()


def pgbench(case, directory):
    path = os.path.join(directory, "script.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(case.script)
    length = ("-t", "20") if sizes.TINY else ("-T", str(max(1, round(SECONDS))))
    run = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", str(case.clients), "-j", str(case.clients), *length, "-f", path, DATABASE], capture_output=True, text=True)
    rate = re.search(r"^tps = ([\d.]+)", run.stdout, re.M)
    if run.returncode or not rate or re.search(r"number of failed transactions: [1-9]", run.stdout):
        raise Failed(f"case {case.name} failed:\n{run.stdout}{run.stderr}")
    return 1e6 * case.clients / float(rate.group(1)) / case.per


def run_script(path, kept):
    run = subprocess.run([sys.executable, path], env={**os.environ, "PGDATABASE": DATABASE, "BENCH_DATA": kept}, capture_output=True, text=True)
    if run.returncode:
        raise Failed(run.stdout + run.stderr)
    return run.stdout.rstrip().splitlines()


def benchmark(path, directory):
    """The Markdown lines of one file, and what was measured."""
    kept = os.path.join(directory, name_of(path) + ".kept")
    psql(f"DROP DATABASE IF EXISTS {DATABASE}", "postgres")
    psql(f"CREATE DATABASE {DATABASE}", "postgres")
    psql("CREATE EXTENSION agentcore")
    if path.endswith(".py"):
        return run_script(path, kept), data.read(kept, name_of(path))
    cases = measure(path, directory)
    return list(table(cases)), [{"bench": name_of(path), "group": name_of(path), "case": case.name, "unit": "us", "better": "less",
                                 "beside": None if case.name == FLOOR else FLOOR, "rounds": case.times} for case in cases]


def measure(path, directory):
    setup, cases = parse(path)
    psql(setup)
    for number in range(ROUNDS + 1):
        for case in cases if number % 2 == 0 else reversed(cases):
            time = pgbench(case, directory)
            if number > 0:  # the first round warms up
                case.times.append(time)
        if sys.stderr.isatty():
            print(f"\r{os.path.basename(path)}: round {number} of {ROUNDS} ", end="\n" if number == ROUNDS else "", file=sys.stderr, flush=True)
    return cases


def median_ratio(times, others):
    pairs = [a / b for a, b in zip(times, others) if b > 0.05 and a > 0]
    return f"{statistics.median(pairs):.2f}" if pairs else ""


def table(cases):
    by_name = {case.name: case for case in cases}
    floor = by_name[FLOOR].times if FLOOR in by_name else None

    def net(case):
        return [max(0.0, time - base / case.per) for time, base in zip(case.times, floor)] if floor else case.times

    yield "| case | us a call | min - max | net us | compared with | ratio | net ratio |"
    yield "|---|--:|--:|--:|---|--:|--:|"
    for case in cases:
        other = by_name.get(case.against)
        if case.against and not other:
            raise Failed(f"case {case.name}: there is no case {case.against}")
        yield "| {} | {:.1f} | {:.1f} - {:.1f} | {} | {} | {} | {} |".format(
            case.name + (f" ({case.clients} clients)" if case.clients > 1 else ""),
            statistics.median(case.times), min(case.times), max(case.times),
            f"{statistics.median(net(case)):.1f}" if floor and case.name != FLOOR else "",
            case.against or "",
            median_ratio(case.times, other.times) if other else "",
            median_ratio(net(case), net(other)) if other and floor else "")


def first(pattern, path, missing="?"):
    try:
        with open(path, encoding="utf-8") as file:
            match = re.search(pattern, file.read(), re.M)
    except OSError:
        match = None
    return match.group(1) if match else missing


def said(*command):
    """The first line that a program prints."""
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=HERE, check=True).stdout.strip().split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return "absent"


def about(names):
    """Where, what and how: the head of the report, and of its data."""
    memory = int(first(r"^MemTotal:\s+(\d+)", "/proc/meminfo", "0")) // 1048576
    options = " ".join(f"{name}={'DIR' if name in ('BASE', 'SEEDS') else os.environ[name]}" for name in OPTIONS if os.environ.get(name))
    return {
        "date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
        "machine": f"{first(r'^model name.*: (.*)', '/proc/cpuinfo')}, {os.cpu_count()} cores, {memory} GiB",
        "system": f"{first(r'^PRETTY_NAME=.(.*).$', '/etc/os-release')}, Linux {platform.release()}",
        "load at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "server": psql("SELECT version()", "postgres"),
        "agentcore": first(r"^default_version *= *'(.*)'", os.path.join(HERE, "../../agentcore.control")),
        "revision": said("git", "describe", "--always", "--dirty"),
        "clients": f"{said('pgbench', '--version')}; Python {platform.python_version()}; node {said('node', '--version')}",
        "command": " ".join(filter(None, [f"make bench{'-' + ' bench-'.join(names) if names else ''}", options])),
    }


def machine(facts):
    for name, fact in facts.items():
        yield f"- {name}: {fact}"
    yield "- server settings: fsync off and synchronous_commit off (the extension's work, not the disk's), jit off; a benchmark with a server of its own says so"
    yield f"- a table without a word on it: pgbench, prepared, local socket; {ROUNDS} interleaved rounds of {max(1, round(SECONDS))} s, medians"


def paste(report, path, name):
    """Puts the report, without its pictures, between the marks of a document that ask for it."""
    begin, end = f"<!-- make bench-{name} -->\n", "<!-- end -->\n"
    with open(path, encoding="utf-8") as file:
        before, found, rest = file.read().partition(begin)
    if not found or end not in rest:
        raise Failed(f"{path} has no marks {begin.strip()} and {end.strip()}")
    lines = [line for line in report[2:] if not line.startswith(("![", "## "))]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip())
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + "\n" + text + "\n\n" + end + rest.partition(end)[2])


def pictures(measurements, target):
    """Draws every group of more than one case, and gives the lines that show it."""
    groups = {}
    for one in measurements:
        if one["rounds"]:
            groups.setdefault((one["group"], one["unit"], one["better"]), []).append((one["case"], one["rounds"]))
    os.makedirs(target, exist_ok=True)
    for number, ((group, unit, better), rows) in enumerate(groups.items(), 1):
        if len(rows) > 1:
            name = f"{measurements[0]['bench']}-{number}.svg"
            with open(os.path.join(target, name), "w", encoding="utf-8") as file:
                file.write(chart.draw(group, unit, better, rows))
            yield from ("", f"![{group}]({os.path.basename(target)}/{name})")


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def main():
    output, names = sys.argv[1], sys.argv[2:]
    known = {name_of(path): path for path in sorted(glob.glob(os.path.join(HERE, "*.bench")) + glob.glob(os.path.join(HERE, "*.py")))
             if not path.endswith("measure.py")}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(known)}")
    # cache includes miss_ratio
    paths = [known[name] for name in names or sorted(known.keys() - {"miss_ratio"})]
    facts, measurements, failed = about(names), [], 0
    report = ["# agentcore benchmarks", "", *machine(facts)]
    print("\n".join(report))
    target = os.path.join(output, "-".join(names) or "all")
    with tempfile.TemporaryDirectory() as directory:
        for path in paths:
            part = ["", f"## {name_of(path)}", ""]
            try:
                lines, measured = benchmark(path, directory)
                part += lines
                part += pictures(measured, target)
                measurements += measured
            except Failed as error:
                failed += 1
                part += ["FAILED", "", *("    " + line for line in str(error).splitlines())]
            print("\n".join(part), flush=True)
            report += part
    with open(target + ".md", "w", encoding="utf-8") as file:
        file.write("\n".join(report) + "\n")
    with open(target + ".json", "w", encoding="utf-8") as file:
        json.dump({"about": facts, "measurements": measurements}, file, indent=1)
    if os.environ.get("PASTE") and not failed:
        paste(report, os.environ["PASTE"], "-".join(names))
    print(f"\nwritten to {target}.md, .json and {target}/*.svg")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
