"""What the log of calls costs: agentcore.audit none, denied and all, and agentcore.record.

    make bench-log [ROUNDS=60] [PARTS="wire server instructions"]

A call is a begin and a commit with a budget: over the wire on one connection, prepared,
each a transaction of its own; and in the server, in a procedure that commits after each.
The settings take turns in blocks, and each round begins with another of them.  Of a block
both the time that the client waited and the processor time that the server's process had
(/proc/PID/schedstat) are measured; a busy machine disturbs the second less.  A ratio is the
median of the rounds' ratios to audit none.

Instructions are counted apart, as make bench-instructions does.  A target that is missed is
printed as missed.
"""
import os
import shutil
import statistics
import sys
import time

import psycopg

import instructions
import measure
import timing
from cache import Bench

ROUNDS = int(os.environ.get("ROUNDS") or 60)
PAIRS = 100
PARTS = (os.environ.get("PARTS") or "wire server instructions").split()
TARGET = 1.08
NONE = ("none", "digest")
MODES = (NONE, ("denied", "digest"), ("all", "none"), ("all", "digest"), ("all", "args"), ("all", "all"))

IN_SERVER = """
CREATE PROCEDURE pairs(times integer) LANGUAGE plpgsql AS $$
DECLARE
  call uuid;
BEGIN
  FOR n IN 1 .. times LOOP
    SELECT c.call_id INTO call FROM agentcore.call_begin('a', 'send', '{"q": "postgres"}') c;
    COMMIT;
    PERFORM agentcore.call_commit(call, '{"hits": [1, 2, 3]}', tokens => 80);
    COMMIT;
  END LOOP;
END
$$;
"""


def over_wire(connection):
    for _ in range(PAIRS):
        (call,) = connection.execute("SELECT call_id FROM agentcore.call_begin('a', 'send', '{\"q\": \"postgres\"}')", prepare=True).fetchone()
        connection.execute("SELECT agentcore.call_commit(%s, '{\"hits\": [1, 2, 3]}', tokens => 80)", (call,), prepare=True)


def in_server(connection):
    connection.execute(f"CALL pairs({PAIRS})")


def block(connection, mode, work):
    """Microseconds per call: waited, and of the server's processor."""
    connection.execute("SET agentcore.audit = '{}'; SET agentcore.record = '{}'".format(*mode))
    work(connection)
    pid = connection.info.backend_pid
    waited, used = time.perf_counter(), timing.processor_time(pid)
    work(connection)
    return (time.perf_counter() - waited) * 1e6 / PAIRS, (timing.processor_time(pid) - used) / PAIRS


def measured(connection, work):
    found = {mode: [] for mode in MODES}
    for turn in range(ROUNDS):
        for step in range(len(MODES)):
            mode = MODES[(turn + step) % len(MODES)]
            found[mode].append(block(connection, mode, work))
    return found


def ratio(found, mode, which):
    return statistics.median(here[which] / none[which] for here, none in zip(found[mode], found[NONE]))


def show(bench, title, found):
    bench.head(title, "audit", "record", "waited, µs", "ratio", "server's processor, µs", "ratio", "target")
    for mode in MODES:
        waited, used = ratio(found, mode, 0), ratio(found, mode, 1)
        bench.row(*mode, f"{statistics.median(wait for wait, _ in found[mode]):.1f}", f"{waited:.3f}",
                  f"{statistics.median(used for _, used in found[mode]):.1f}", f"{used:.3f}",
                  bench.target(f"{title}, audit {mode[0]}, record {mode[1]}", f"<= {TARGET} waited", waited <= TARGET) if mode != NONE else "")


def count(bench):
    if not shutil.which("valgrind"):
        bench.say("NOT MEASURED: there is no valgrind")
        return
    bench.head("Instructions of the server", "audit", "record", "begin and commit, with a budget", "ratio")
    none = None
    for mode in MODES:
        more = "ALTER SYSTEM SET agentcore.audit = {}\nALTER SYSTEM SET agentcore.record = {}\n".format(*(f"'{word}'" for word in mode))
        side = instructions.Side(instructions.WORK, "log-" + "-".join(mode), instructions.SETUP + more, instructions.WARM)
        now = side.net(instructions.CASES["run"][1])
        none = none or now
        bench.row(*mode, f"{now:,.0f}", f"{now / none:.3f}")


def on_wire_and_in_server(bench):
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(timing.SETUP)
        connection.execute(IN_SERVER)
        connection.execute("SELECT agentcore.call_log_partition()")
        connection.execute("SET agentcore.budget_guard = off")
        for part, title, work in (("wire", "Over the wire", over_wire), ("server", "In the server", in_server)):
            if part in PARTS:
                show(bench, title, measured(connection, work))


def main():
    bench = Bench(os.environ.get("BENCH_WORK"), None)
    on_wire_and_in_server(bench)
    if "instructions" in PARTS:
        count(bench)
    bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as error:
        sys.exit(str(error))
