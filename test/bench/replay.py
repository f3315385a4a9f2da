"""A replay of a large log: calls per second, by what the log kept of them.

    make bench-replay [CALLS=1000000] [ROUNDS=3] [QUICK=1: 100,000 calls, once]

The log is made by SQL, not by the gate: calls of 50 agents and 20 tools in 100,000 tasks over 7 days, three in
four of which ran and were committed, with their arguments or with digests only. The policy has rules by name, one
that looks at arguments, a schema per tool, a cache, a budget, a limit, a rate and the loop guard. Memory is what the session had at
most beyond its shared memory, without the rows of the answer, which are counted and not kept.
"""
import os
import statistics
import sys
import time

import psycopg

from lib import data

QUICK = os.environ.get("QUICK", "") not in ("", "0")
CALLS = int(os.environ.get("CALLS") or (100_000 if QUICK else 1_000_000))
ROUNDS = int(os.environ.get("ROUNDS") or (1 if QUICK else 3))
TARGET_SECONDS = 60

SETUP = """
SET agentcore.budget_guard = off;
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', 'tool*'), agentcore.policy_deny_tool('p', 'tool19');
SELECT agentcore.policy_deny_tool('p', 'tool0', name => 'many', "when" => '{"/args/n": {"minimum": 9900}}');
SELECT agentcore.budget_set('all', max_usd => 1000000);
SELECT agentcore.rate_set('service', 100, '1 second', 200);
SELECT count(agentcore.agent_set('agent' || i, 'p', 'all')) FROM generate_series(0, 49) i;
SELECT count(agentcore.tool_set('tool' || i, '{"type": "object", "properties": {"n": {"type": "integer"}, "q": {"type": "string"}}, "required": ["n"]}', est_usd => 0.001,
       cache_ttl => CASE WHEN i % 2 = 0 THEN '10 minutes'::interval END, cache_scope => CASE WHEN i % 2 = 0 THEN 'tenant' END, idempotent => true,
       target => CASE WHEN i = 3 THEN 'service' END)) FROM generate_series(0, 19) i;
SELECT agentcore.policy_limit_tool('p', 'tool5', 'few', per => '{/subject}', max_calls => 1000000);
"""

# one row of a begin per call, one of a commit per call that ran; every 20th is asked under a key
LOG = """
WITH call AS (
  SELECT i, timestamptz '2026-01-01' + i * interval '1 second' * 604800 / %(calls)s AS at, 'agent' || i %% 50 AS agent, 'tool' || i %% 20 AS tool,
         md5(i::text)::uuid AS call_id, jsonb_build_object('n', i * 7 %% 10000, 'q', 'what is ' || i %% 5000) AS args,
         CASE WHEN i %% 20 = 19 THEN 'deny' WHEN i %% 20 = 8 THEN 'cached' ELSE 'run' END AS verdict
    FROM generate_series(1, %(calls)s) i
), put AS (
  INSERT INTO agentcore.call_log_entry (tenant, at, event, agent, tool, verdict, reason, enforced, call_id, key, task, subject, role, attempt, policy, policy_revision,
                                        tool_revision, stage, tokens, nanousd, budgets, args, args_digest)
  SELECT '', at, 'begin', agent, tool, verdict, CASE WHEN verdict = 'deny' THEN 'denylist_match' END, true, CASE WHEN verdict = 'run' THEN call_id END,
         CASE WHEN i %% 20 = 1 THEN 'k' || i END, 'task' || i %% 100000, 'user' || i %% 100, 'postgres', 1, 'p', (SELECT revision FROM agentcore.policy WHERE name = 'p'),
         (SELECT revision FROM agentcore.tool WHERE name = call.tool), CASE verdict WHEN 'deny' THEN 'policy' WHEN 'cached' THEN 'cache' END,
         NULL, 1000000, '{all}', CASE WHEN %(args)s THEN args END, sha256(convert_to(args::text, 'UTF8')) FROM call
)
INSERT INTO agentcore.call_log_entry (tenant, at, event, agent, tool, verdict, enforced, call_id, role, attempt, tokens, nanousd)
SELECT '', at + interval '300 milliseconds', 'commit', agent, tool, 'committed', true, call_id, 'postgres', 1, 10, 1000000 FROM call WHERE verdict = 'run'
"""

COUNT = "SELECT count(*), count(*) FILTER (WHERE changed), count(*) FILTER (WHERE after_verdict = 'unknown') FROM agentcore.call_replay(NULL, NULL)"
SUMMARY = "SELECT sum(calls), sum(newly_denied), sum(unknown) FROM agentcore.call_replay_summary(NULL, NULL)"


def peak(connection):
    """kB of the session's own memory at its most: what is resident and shared with nobody."""
    with open(f"/proc/{connection.info.backend_pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["VmHWM"].split()[0]) - int(fields["RssShmem"].split()[0])


def timed(query):
    """seconds, the row, kB"""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("SET agentcore.loop_limit = 50")
        start = time.monotonic()
        row = connection.execute(query).fetchone()
        return time.monotonic() - start, row, peak(connection)


def measure(kept, missed):
    lines = []
    for name, query in (("call_replay", COUNT), ("call_replay_summary", SUMMARY)):
        rounds = [timed(query) for _ in range(ROUNDS)]
        seconds = statistics.median(taken for taken, _, _ in rounds)
        _, (calls, changed, unknown), memory = rounds[-1]
        lines.append(f"| {name} | {kept} | {int(calls):,} | {int(changed):,} | {int(unknown):,} | {seconds:.1f} | {CALLS / seconds:,.0f} | {memory / 1024:,.0f} |")
        data.keep("A replay", f"{name}, {kept}", [CALLS / taken for taken, _, _ in rounds], "calls per second", "more")
        if seconds * 1_000_000 / CALLS > TARGET_SECONDS:
            missed.append(f"{name}, {kept}: {seconds * 1_000_000 / CALLS:.0f} s per million calls (target: {TARGET_SECONDS} s)")
    return lines


def main():
    missed, lines = [], []
    with psycopg.connect(autocommit=True) as connection:
        for statement in filter(str.strip, SETUP.split(";\n")):
            connection.execute(statement)
        for kept, with_args in (("arguments", True), ("digests", False)):
            print(f"replay: {CALLS:,} calls with {kept}", file=sys.stderr)
            connection.execute("TRUNCATE agentcore.call_log_entry")
            connection.execute(psycopg.ClientCursor(connection).mogrify(LOG, {"calls": CALLS, "args": with_args}))
            connection.execute("VACUUM ANALYZE agentcore.call_log_entry")
            lines += measure(kept, missed)
    print(f"{CALLS:,} recorded calls, and the settlements of those that ran; median of {ROUNDS}.\n")
    print("| function | the log has | calls | changed | unknown | s | calls per second | MB of the session |\n|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    print("\ntargets missed: " + ("; ".join(missed) or "none"))


if __name__ == "__main__":
    main()
