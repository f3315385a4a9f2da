"""What it costs to count and to time calls: agentcore.track_timing off, sampled and on.

    make bench-timing [ROUNDS=60] [PARTS="wire instructions"]

One connection over a local socket, prepared statements, each its own transaction.  The
settings take turns in blocks, and each round begins with another of them.  A block is
measured twice: how long the client waited, and how much processor time the server's
process had (/proc/PID/schedstat), which a busy machine disturbs less.  What is shown is the
median of the blocks, and the median of the differences within each round.

Instructions are counted apart, as make bench-instructions does; there a reading of the
clock counts as a system call would, which it is not.  A target that is missed is printed as
missed.
"""
import os
import shutil
import statistics
import sys
import time

import psycopg

import instructions
import measure
from cache import Bench

ROUNDS = int(os.environ.get("ROUNDS") or 60)
PAIRS, HITS = 100, 300
MODES = ("off", "sampled", "on")
PARTS = (os.environ.get("PARTS") or "wire instructions").split()

SETUP = """
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*');
SELECT agentcore.budget_set('b', max_tokens => 1000000000000, max_usd => 1000000);
SELECT agentcore.agent_set('a', 'p', 'b');
SELECT agentcore.tool_set('send', '{"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}', est_tokens => 100);
SELECT agentcore.tool_set('search', '{"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}', cache_ttl => '1 day');
SELECT agentcore.call_commit(call_id, '{"hits": [1, 2, 3]}') FROM agentcore.call_begin('a', 'search', '{"q": "postgres"}');
"""


def pair(connection):
    (call,) = connection.execute("SELECT call_id FROM agentcore.call_begin('a', 'send', '{\"q\": \"postgres\"}')", prepare=True).fetchone()
    connection.execute("SELECT agentcore.call_commit(%s, tokens => 80)", (call,), prepare=True)


def hit(connection):
    connection.execute("SELECT verdict, result FROM agentcore.call_begin('a', 'search', '{\"q\": \"postgres\"}')", prepare=True).fetchone()


def processor_time(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1000


def block(connection, pid, mode, work, times):
    """Microseconds per piece of work: waited, and of the server's processor."""
    connection.execute(f"SET agentcore.track_timing = {mode}")
    work(connection)
    waited, used = time.perf_counter(), processor_time(pid)
    for _ in range(times):
        work(connection)
    return (time.perf_counter() - waited) * 1e6 / times, (processor_time(pid) - used) / times


def measured(connection, work, times):
    pid = connection.info.backend_pid
    found = {mode: [] for mode in MODES}
    for turn in range(ROUNDS):
        for step in range(len(MODES)):
            mode = MODES[(turn + step) % len(MODES)]
            found[mode].append(block(connection, pid, mode, work, times))
    return found


def show(bench, title, found):
    bench.head(title, "track_timing", "waited, µs", "server's processor, µs", "more processor time, µs", "of what is waited", "target")
    waited = statistics.median(wait for wait, _ in found["off"])
    for mode in MODES:
        more = statistics.median(here[1] - off[1] for here, off in zip(found[mode], found["off"]))
        share = 100 * more / waited
        bench.row(mode, f"{statistics.median(wait for wait, _ in found[mode]):.1f}", f"{statistics.median(used for _, used in found[mode]):.1f}",
                  "" if mode == "off" else f"{more:+.2f}", "" if mode == "off" else f"{share:+.2f} %",
                  bench.target(title, "< 1 %", share < 1) if mode == "on" and title.startswith("A call") else "")


def count(bench):
    if not shutil.which("valgrind"):
        bench.say("NOT MEASURED: there is no valgrind")
        return
    bench.head("Instructions of the server", "track_timing", "begin and commit, with a budget", "more", "a begin that the cache answers", "more")
    off = None
    for mode in MODES:
        side = instructions.Side(instructions.WORK, f"timing-{mode}", instructions.SETUP + f"ALTER SYSTEM SET agentcore.track_timing = {mode}\n", instructions.WARM)
        now = [side.net(instructions.CASES[case][1]) for case in ("run", "cached")]
        off = off or now
        bench.row(mode, *(cell for here, before in zip(now, off) for cell in (f"{here:,.0f}", "" if mode == "off" else f"{100 * (here / before - 1):+.2f} %")))


def wire(bench):
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(SETUP)
        connection.execute("SET agentcore.budget_guard = off")
        show(bench, "A call: begin and commit, with a budget", measured(connection, pair, PAIRS))
        show(bench, "A begin that the cache answers", measured(connection, hit, HITS))


def main():
    bench = Bench(os.environ.get("BENCH_WORK"), None)
    if "wire" in PARTS:
        wire(bench)
    if "instructions" in PARTS:
        count(bench)
    bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as error:
        sys.exit(str(error))
