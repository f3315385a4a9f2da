"""One call of the gate against the ways to have the same decision without it.

(a) agentcore's own functions in a statement each, (b) the same policy written by hand in
plpgsql, (c) libraries inside a Python process.  Two kinds of calls: "hit", whose result
is known, and "run", which is admitted, charged, settled and remembered; each with the
same policy, arguments and result.  The three that ask a server send the same texts.
"""
import itertools
import json
import os
import statistics

import measure
from lib import data, far, old_ways, open_loop, python_client, sizes, wire

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = 2 if sizes.TINY else 10
RATES = (1_000,) if sizes.TINY else (100, 1_000, 10_000)
TOOL_MS = 50
URL = "https://api.example.com/v1/search"
ARGS = {"query": "postgres vacuum", "top_k": 5, "url": URL}
RESULT = {"hits": [1, 2, 3]}
FIELDS = {"query": {"type": "string", "min_length": 1, "max_length": 500}, "top_k": {"type": "integer", "min": 1, "max": 100},
          "url": {"type": "string", "max_length": 2000}}

# what the clients read of a verdict
VERDICT = ("verdict, call_id, args, result, reason, detail, errors, feedback, attempt, enforced, want_result, approval, retry_after_ms,"
           " denied_by, model")
ONE = "SELECT 1;\n"
NEW = "\\set k random(1, 1000000000000000)\n"
NEW_ARGS = f"""('{{"query": "q' || :k::text || '", "top_k": 5, "url": "{URL}"}}')::jsonb"""
JUDGED = "SELECT agentcore.args_valid('fetch', {args});\nSELECT * FROM agentcore.url_check('p', :url);\nSELECT agentcore.cache_get('raw', {args});\n"
FOUR = NEW + JUDGED.format(args=NEW_ARGS) + "SELECT agentcore.budget_acquire('b', 100, 0.001) AS permit \\gset\n"
BEGIN = f"{NEW}SELECT {VERDICT} FROM agentcore.call_begin('a', 'fetch', {NEW_ARGS}) \\gset begun_\n"

FLOOR, BARE = "SELECT 1", "cache_get, hit"
GATE_HIT, THREE_HIT, HAND_HIT = "hit: one call_begin", "hit: three round trips (validate, allow, cache)", "hit: by hand in plpgsql"
GATE_BEGIN, FOUR_BEGIN = "begin: one call_begin", "begin: four round trips (validate, allow, cache, budget)"
GATE_RUN, SIX_RUN, HAND_RUN = "run: call_begin + call_commit", "run: six round trips", "run: by hand in plpgsql, two calls"
HERE_HIT, HERE_RUN = "hit: libraries in a Python process", "run: libraries in a Python process"
FROM_PYTHON, NOTHING = "hit: one call_begin, from Python", "nothing, in a Python process"

SCRIPTS = {
    FLOOR: ONE,
    BARE: "SELECT agentcore.cache_get('raw', :args);\n",
    GATE_HIT: f"SELECT {VERDICT} FROM agentcore.call_begin('a', 'fetch', :args);\n",
    THREE_HIT: JUDGED.format(args=":args"),
    HAND_HIT: "SELECT * FROM hand.call_begin('a', 'fetch', :args);\n",
    GATE_BEGIN: BEGIN,
    FOUR_BEGIN: FOUR,
    GATE_RUN: BEGIN + "SELECT agentcore.call_commit(:begun_call_id, :result, tokens => 80, usd => 0.0008);\n",
    SIX_RUN: FOUR + f"SELECT agentcore.budget_commit(:permit, 80, 0.0008);\nSELECT agentcore.cache_set('raw', {NEW_ARGS}, :result, ttl => '1 hour');\n",
    HAND_RUN: f"{NEW}SELECT verdict, permit FROM hand.call_begin('a', 'fetch', {NEW_ARGS}) \\gset\nSELECT hand.call_commit(:permit, :result, 80, 0.0008);\n",
}
AT_RATES = (FLOOR, BARE, GATE_HIT, THREE_HIT, HAND_HIT, GATE_RUN, SIX_RUN, HAND_RUN)


def set_up():
    measure.psql(f"\\set args '{json.dumps(ARGS)}'\n\\set result '{json.dumps(RESULT)}'\n\\i {os.path.join(HERE, 'gate.sql')}\n")


def make_nothing(_):
    return lambda _: None


def hits_here(_):
    return lambda _: STACK.begin("fetch", ARGS)


def runs_here(_):
    def ask(_):
        args = {"query": f"q{next(NUMBERS)}", "top_k": 5, "url": URL}
        _, hold = STACK.begin("fetch", args)
        STACK.commit("fetch", args, hold, RESULT)
    return ask


def hits_from_python(_):
    session = python_client.Session(begin=(("jsonb",), f"SELECT {VERDICT} FROM agentcore.call_begin('a', 'fetch', $1)"))
    return lambda _: session.ask("begin", ARGS)


NUMBERS = itertools.count()
STACK = old_ways.Stack(FIELDS, ["*.example.com"], 10**15)
STACK.cache.set("fetch", ARGS, RESULT)
IN_PYTHON = {NOTHING: make_nothing, HERE_HIT: hits_here, HERE_RUN: runs_here, FROM_PYTHON: hits_from_python}


def python_at(make, rate):
    run = open_loop.run(make, rate, sizes.SECONDS, CLIENTS)
    return run.latencies, len(run.latencies) / run.elapsed


def one_client(bench, pgbench):
    """Closed loop: how long one client waits for one request."""
    names, times = list(SCRIPTS), {name: [] for name in SCRIPTS}
    for number in range(max(sizes.ROUNDS, 1 if sizes.QUICK else 5)):
        for name in names if number % 2 == 0 else reversed(names):
            times[name].append(pgbench.closed(SCRIPTS[name], seconds=min(1, sizes.SECONDS)))
    group = "The gate against round trips and plpgsql: one client, one request after another"
    data.keep_all(group, times, beside=FLOOR)
    bench.head(group, "request", "us", "min - max", "against", "times as long", "target")
    goals = {GATE_BEGIN: (FOUR_BEGIN, "a gate call against four round trips", 2.5), GATE_HIT: (THREE_HIT, "", 0), GATE_RUN: (SIX_RUN, "", 0)}
    for name in names:
        other, what, least = goals.get(name, ("", "", 0))
        longer = statistics.median(b / a for a, b in zip(times[name], times[other])) if other else 0
        bench.row(name, f"{statistics.median(times[name]):.1f}", f"{min(times[name]):.1f} - {max(times[name]):.1f}", other, f"{longer:.2f}" if other else "",
                  bench.target(what, f">= {least} x", longer >= least) if least else "")
    bare = statistics.median(a / b for a, b in zip(times[GATE_HIT], times[BARE]))
    bench.row(GATE_HIT, f"{statistics.median(times[GATE_HIT]):.1f}", "", BARE, f"{1 / bare:.2f}", bench.target("a gate hit against a bare cache_get", "<= 1.3 x as long", bare <= 1.3) + f" ({bare:.2f})")
    share_of_a_tool(bench, times)


def over_a_network(bench, pgbench, directory):
    """The same where a way to the server takes a quarter of a millisecond: another machine of the same site."""
    names = (FLOOR, GATE_HIT, THREE_HIT, GATE_BEGIN, FOUR_BEGIN, GATE_RUN, SIX_RUN)
    times, near = {name: [] for name in names}, pgbench.host
    with far.relay(directory, 0.00025) as pgbench.host:
        for number in range(sizes.ROUNDS):
            for name in names if number % 2 == 0 else reversed(names):
                times[name].append(pgbench.closed(SCRIPTS[name], seconds=min(1, sizes.SECONDS)))
    pgbench.host = near
    group = "The gate against round trips over a network (a relay that keeps each message for 0.25 ms): one client"
    data.keep_all(group, times, beside=FLOOR)
    bench.head(group, "request", "us", "min - max", "against", "times as long")
    for name in names:
        other = {GATE_BEGIN: FOUR_BEGIN, GATE_HIT: THREE_HIT, GATE_RUN: SIX_RUN}.get(name, "")
        bench.row(name, f"{statistics.median(times[name]):.0f}", f"{min(times[name]):.0f} - {max(times[name]):.0f}", other,
                  f"{statistics.median(b / a for a, b in zip(times[name], times[other])):.2f}" if other else "")


def share_of_a_tool(bench, times):
    bench.head(f"The share of a tool call of {TOOL_MS} ms", "what the policy adds", "us", "of the call", "target")
    whole = [run for run in times[GATE_RUN]]
    net = [run - 2 * floor for run, floor in zip(times[GATE_RUN], times[FLOOR])]
    for what, values, aim in (("call_begin + call_commit, without their two round trips", net, 0.1), ("call_begin + call_commit, all that the client waits", whole, 0)):
        share = 100 * statistics.median(value / (TOOL_MS * 1000 + value) for value in values)
        bench.row(what, f"{statistics.median(values):.1f}", f"{share:.3f} %", bench.target("the policy's share", f"<= {aim} %", share <= aim) if aim else "")
    data.keep(f"The share of a tool call of {TOOL_MS} ms", "call_begin + call_commit, net", net)


def at_rates(bench, pgbench):
    """Open loop: what each waits from the moment it was due."""
    found = {}
    for number in range(sizes.ROUNDS):
        for rate in RATES:
            for name in AT_RATES if number % 2 == 0 else reversed(AT_RATES):
                found.setdefault((rate, name), []).append(pgbench.open_loop(SCRIPTS[name], rate, CLIENTS))
            for name, make in IN_PYTHON.items():
                found.setdefault((rate, name), []).append(open_loop.in_process(python_at, make, rate))
    p99 = {key: [wire.at(latencies, 0.99) for latencies, _ in rounds] for key, rounds in found.items()}
    for rate in RATES:
        group = f"The gate at {rate:,} requests per second, {CLIENTS} clients"
        bench.head(f"{group}: latency from the moment a request was due", "request", "answered per second", "p50 us", "p99 us", "p99, min - max", "requests", "target")
        for name in (*AT_RATES, *IN_PYTHON):
            row(bench, group, name, rate, found[rate, name], p99[rate, name])
        if rate == RATES[-1]:
            more = statistics.median(hit - floor for hit, floor in zip(p99[rate, GATE_HIT], p99[rate, FLOOR]))
            bench.say(f"\np99 of {GATE_HIT} at {rate:,} per second, above that of {FLOOR} in the same round: {more:.0f} us; "
                      + bench.target("p99 of a hit above SELECT 1", "<= 1000 us", more <= 1000))


def row(bench, group, name, rate, rounds, p99):
    p50 = [wire.at(latencies, 0.5) for latencies, _ in rounds]
    data.keep(f"{group}: p50", name, p50, beside=FLOOR if name in SCRIPTS and name != FLOOR else None)
    data.keep(f"{group}: p99", name, p99)
    answered = statistics.median(done for _, done in rounds)
    bench.row(name, f"{answered:.0f}" + (" (does not keep up)" if answered < 0.9 * rate and not sizes.TINY else ""), f"{statistics.median(p50):.0f}",
              f"{statistics.median(p99):.0f}", f"{min(p99):.0f} - {max(p99):.0f}", sum(len(latencies) for latencies, _ in rounds), "")


def compare(bench, directory):
    set_up()
    pgbench = wire.Pgbench(directory, args=json.dumps(ARGS), result=json.dumps(RESULT), url=URL)
    one_client(bench, pgbench)
    over_a_network(bench, pgbench, directory)
    at_rates(bench, pgbench)
