"""The libraries that agents use inside their process, and agentcore in their place.

    make bench-libraries [QUICK=1] [ROUNDS=3] [SECONDS_EACH=2] [SEEDS=DIR]

One table per library, old way | agentcore, in one run, then the gate against round
trips, plpgsql and a Python process at 100, 1,000 and 10,000 requests per second.  The old
ways are lib/old_ways.py and old_ways.js, written from the published descriptions, for
no registry that could be reached had the packages; SEEDS=DIR with clones of the
published repositories (DIR/agentguard/src, ...) measures those sources too.  What the
authors published of their own figures stands beside, said to be theirs: other machines.

Latencies are of an open loop (lib/open_loop.py, pgbench --rate), from the moment at which
a request was due.  In brackets behind "from Python": the driver of that language.  All
of it ends within eight minutes, QUICK within two.
"""
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import measure
from cache import Bench
from lib import data, gate_rates, old_ways, open_loop, python_client, sizes, wire

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = os.environ.get("SEEDS", "")
AGENTS, QUESTIONS, PROCESSES = 10, 200, 4
ROUNDS_PER_CALL = max(sizes.ROUNDS, 1 if sizes.QUICK else 3)
ARGS = {"query": "postgres vacuum", "top_k": 5, "since": "2026-01-31", "mode": "hybrid"}
VALUE = {"hits": [{"id": i, "title": "A page about it", "score": 0.5} for i in range(10)]}
FIELDS = {"query": {"type": "string", "min_length": 1, "max_length": 500, "pattern": "[^ ]"}, "top_k": {"type": "integer", "min": 1, "max": 100},
          "since": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "optional": True},
          "mode": {"type": "string", "enum": ["semantic", "keyword", "hybrid"], "optional": True}}
URLS = [f"https://h{i}.example.com/v1/search?q={i}" for i in range(100)]
DENIED = ["localhost", "127.0.0.1", "169.254.169.254"]
# all of them lead into the own machine or network
HOSTILE = ["http://127.0.0.1/", "http://localhost/", "http://169.254.169.254/latest/meta-data/", "http://2130706433/", "http://0x7f.1/", "http://127.1/",
           "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", "http://10.0.0.1/", "http://localhost./", "http://sub.localhost/"]
RATES = (1000,) if sizes.TINY else (100, 1000)
CAP, CHUNK = 1_000_000, 2_000
# a cap that holds nobody is told of, not waited for
ENDLESS = 10 * CAP
GET = "SELECT agentcore.cache_get('search', :args);\n"


def set_up():
    allow = "SELECT agentcore.policy_set(p) FROM unnest('{narrow,wide}'::text[]) p;\nSELECT agentcore.policy_allow('narrow', '*.example.com'), agentcore.policy_allow('wide', '*');\n"
    measure.psql(f"""\\set args '{json.dumps(ARGS)}'
\\set value '{json.dumps(VALUE)}'
\\set fields '{json.dumps(FIELDS)}'
SET client_min_messages = warning;
SELECT agentcore.tool_set('search', :'fields', dialect => 'agentvet');
SELECT agentcore.cache_set('search', :'args', :'value', ttl => '1 day', publish => 'immediate');
{allow}SELECT agentcore.policy_deny('wide', host) FROM unnest('{{{",".join(DENIED)}}}'::text[]) host;
SELECT agentcore.budget_set('spend', max_tokens => 1000000000000, max_usd => 1000000);
CREATE TABLE rows AS SELECT :'args'::jsonb AS args, 'https://h' || i % 100 || '.example.com/v1/search?q=' || i AS url, i FROM generate_series(1, 20000) i;
VACUUM ANALYZE rows;
""")


def authors(name):
    """Imports the authors' own package where SEEDS has its source; else None."""
    directory, package = os.path.join(SEEDS, name, "src"), {"token-budget-py": "token_budget", "llm-retry-py": "llm_retry", "tool-result-cache": "tool_result_cache"}[name]
    if not SEEDS or not os.path.isdir(os.path.join(directory, package)):
        return None
    sys.path.insert(0, directory)
    try:
        return __import__(package)
    finally:
        sys.path.remove(directory)


def microseconds(ask, times):
    """Per question, one after another in this thread."""
    times = 20 if sizes.TINY else times
    for _ in range(min(100, times)):
        ask()
    start = time.perf_counter()
    for _ in range(times):
        ask()
    return (time.perf_counter() - start) / times * 1e6


def in_server(session, column, expression, what="rows"):
    """Microseconds per row that the expression adds to a scan."""
    def took(counted):
        start = time.perf_counter()
        session.cursor.execute(f"SELECT count({counted}) FROM {what}" + (" WHERE i <= 50" if sizes.TINY else ""))
        session.cursor.fetchone()
        return (time.perf_counter() - start) / (50 if sizes.TINY else 20000) * 1e6
    took(expression)
    return max(0.001, took(expression) - took(column))


def per_call(bench, group, cases):
    """The table of what one question costs one caller; every case once per round, in turn, or what its rounds were."""
    times = {name: [] if callable(case) else case for name, case in cases.items()}
    for number in range(ROUNDS_PER_CALL):
        for name in cases if number % 2 == 0 else reversed(cases):
            if callable(cases[name]):
                times[name].append(cases[name]())
    data.keep_all(group, times)
    bench.head(group, "way", "us", "min - max")
    for name, values in times.items():
        bench.row(name, f"{statistics.median(values):.2f}", f"{min(values):.2f} - {max(values):.2f}")
    return times


def session_for(statement):
    return python_client.Session(it=statement)


def from_python(types, query, *values, times=2000):
    """One session of this process that waits for each answer."""
    session = session_for((types, query))
    return lambda: microseconds(lambda: session.ask("it", *values), times)


# tool-result-cache

def make_old_cache(_):
    return lambda _: OLD.get("search", ARGS)


def make_new_cache(_):
    session = session_for((("jsonb",), "SELECT agentcore.cache_get('search', $1)"))
    return lambda _: session.ask("it", ARGS)


OLD = old_ways.ToolCache()
OLD.set("search", ARGS, VALUE)
WAYS = {"nothing (the driver alone)": gate_rates.make_nothing, "old way: OrderedDict, Lock, JSON, SHA-256": make_old_cache,
        f"agentcore, from Python ({python_client.NAME})": make_new_cache}


def timed(make, rate, beside_work):
    run = (open_loop.run_beside_work if beside_work else open_loop.run)(make, rate, sizes.SECONDS, AGENTS)
    return run.at(0.5), run.at(0.99), len(run.latencies)


def cache(bench, pgbench):
    cases = {"old way, one thread": lambda: microseconds(lambda: OLD.get("search", ARGS), 20000)}
    theirs = authors("tool-result-cache")
    if theirs:
        own = theirs.ToolCache()
        own.set("search", ARGS, VALUE)
        cases["its authors' source (tool-result-cache, no lock), one thread"] = lambda: microseconds(lambda: own.get("search", ARGS), 20000)
    session = session_for((("jsonb",), "SELECT agentcore.cache_get('search', $1)"))
    cases |= {"agentcore, inside the server": lambda: in_server(session, "args", "agentcore.cache_get('search', args)"),
              "agentcore, C client, its round trip included": lambda: pgbench.closed(GET, seconds=min(1, sizes.SECONDS)),
              "SELECT 1, C client": lambda: pgbench.closed(gate_rates.ONE, seconds=min(1, sizes.SECONDS)),
              f"agentcore, from Python ({python_client.NAME})": from_python(("jsonb",), "SELECT agentcore.cache_get('search', $1)", ARGS)}
    times = per_call(bench, "tool-result-cache: one hit", cases)
    cache_at_rates(bench, pgbench)
    old, new = runs_of_tool(bench)
    return "tool-result-cache: a hit", times, f"{PROCESSES} processes run the tool {old} times for {QUESTIONS} questions; with agentcore {new} times"


def cache_at_rates(bench, pgbench):
    found = {}
    for number in range(sizes.ROUNDS):
        for rate in RATES:
            # the author's figure is of the lower rate
            for beside_work in (False, True) if rate == RATES[0] else (False,):
                for name, make in WAYS.items() if number % 2 == 0 else reversed(WAYS.items()):
                    found.setdefault((rate, beside_work, name), []).append(open_loop.in_process(timed, make, rate, beside_work))
            latencies, _ = pgbench.open_loop(GET, rate, AGENTS)
            found.setdefault((rate, False, "agentcore, C client"), []).append((wire.at(latencies, 0.5), wire.at(latencies, 0.99), len(latencies)))
    for beside_work in (False, True):
        group = f"tool-result-cache: hits of {AGENTS} agents" + (" in a process that also parses answers of models all the time" if beside_work else "")
        bench.head(group, "way", "requests per second in all", "p50 us", "p99 us", "p99, min - max", "requests")
        for (rate, work, name), rounds in sorted(found.items(), key=lambda item: item[0][0]):
            if work == beside_work:
                p50, p99 = [row[0] for row in rounds], [row[1] for row in rounds]
                data.keep(group, f"{name}, {rate} per second, p99", p99)
                bench.row(name, rate, f"{statistics.median(p50):.0f}", f"{statistics.median(p99):.0f}", f"{min(p99):.0f} - {max(p99):.0f}", sum(row[2] for row in rounds))
    bench.say("\nPublished by the author, on another machine, of hits at 100 per second and 10 agents: p99 40 ms in Python, 3 ms in Rust.")


def asks_here():
    """How often a process has to run the tool for all questions, with a cache of its own."""
    own, runs = old_ways.ToolCache(), 0
    for i in range(QUESTIONS):
        if own.get("page", {"i": i}) is None:
            runs += 1
            own.set("page", {"i": i}, VALUE)
    return runs


def asks_server(prefix="page"):
    """The same through cache_fetch: the one that gets the lease runs the tool."""
    session = python_client.Session(fetch=(("jsonb",), f"SELECT status, lease FROM agentcore.cache_fetch('{prefix}', $1, wait => '60 s')"),
                                    fill=(("text", "jsonb"), "SELECT agentcore.cache_fill($1, $2, ttl => '1 hour')"))
    runs = 0
    for i in range(QUESTIONS):
        status, lease = session.ask("fetch", {"i": i})
        if status == "lead":
            runs += 1
            session.ask("fill", lease, VALUE)
    return runs


def stampede(ask):
    """How many of ten agents run the tool when all ask before the first of them has the answer."""
    gate, runs = threading.Barrier(AGENTS), []

    def agent(number):
        do = ask(number)
        gate.wait()
        if do():
            runs.append(number)
    threads = [threading.Thread(target=agent, args=(number,)) for number in range(AGENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(runs)


def stampede_here():
    own, asked = old_ways.ToolCache(), threading.Barrier(AGENTS)

    def ask(_):
        def do():
            if own.get("one", ARGS) is None:
                asked.wait()
                own.set("one", ARGS, VALUE)
                return True
            return False
        return do
    return stampede(ask)


def stampede_server():
    def ask(_):
        session = python_client.Session(fetch=(("jsonb",), "SELECT status, lease FROM agentcore.cache_fetch('one', $1, wait => '60 s')"),
                                        fill=(("text", "jsonb"), "SELECT agentcore.cache_fill($1, $2, ttl => '1 hour')"))

        def do():
            status, lease = session.ask("fetch", ARGS)
            if status == "lead":
                time.sleep(0.05)  # what the tool takes: the others wait meanwhile
                session.ask("fill", lease, VALUE)
            return status == "lead"
        return do
    return stampede(ask)


def runs_of_tool(bench):
    bench.head("tool-result-cache: what a process cannot know of another (counted)", "how often the tool runs", "old way", "agentcore", "needed")
    old, new = sum(open_loop.in_processes(PROCESSES, asks_here)), sum(open_loop.in_processes(PROCESSES, asks_server))
    bench.row(f"{PROCESSES} processes, the same {QUESTIONS} questions", old, new, QUESTIONS)
    bench.row("the program starts again and asks them once more", open_loop.in_process(asks_here), open_loop.in_process(asks_server), 0)
    bench.row(f"{AGENTS} agents ask before the first of them has the answer", open_loop.in_process(stampede_here), open_loop.in_process(stampede_server), 1)
    return old, new


# agentvet, arg validators

def make_old_validator(_):
    judge = old_ways.Validator(FIELDS)
    return lambda _: judge.validate(ARGS)


def processor(make, rate):
    """Share of one core that this process takes."""
    run = open_loop.run(make, rate, sizes.SECONDS, 1)
    return 100 * run.processor / run.elapsed


def server_share(rate):
    """(share of one core here, share of one core in the backend) of args_valid, a round trip of its own"""
    session = session_for((("jsonb",), "SELECT agentcore.args_valid('search', $1)"))
    seconds = []

    def clock():
        with open(f"/proc/{session.backend()}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def make(_):
        def ask(_):
            session.ask("it", ARGS)
            if not seconds:
                seconds.append(clock())
        return ask
    run = open_loop.run(make, rate, sizes.SECONDS, 1)
    return 100 * run.processor / run.elapsed, 100 * (clock() - seconds[0]) / run.elapsed


def validator(bench, pgbench, node):
    judge, session = old_ways.Validator(FIELDS), session_for((("jsonb",), "SELECT agentcore.args_valid('search', $1)"))
    text = json.dumps(ARGS)
    if judge.validate(ARGS) or not session.ask("it", ARGS)[0]:
        raise measure.Failed("the validators do not take the arguments")
    statement = "SELECT agentcore.args_valid('search', :args);\n"
    cases = {"old way: a dict and re, in Python": lambda: microseconds(lambda: judge.validate(ARGS), 20000),
             "old way with json.loads": lambda: microseconds(lambda: judge.validate(json.loads(text)), 20000)}
    cases |= of_node(node, "agentvet")
    cases |= {"agentcore, inside the server (as in a gate call)": lambda: in_server(session, "args", "agentcore.args_valid('search', args)"),
              "agentcore, C client, its round trip included": lambda: pgbench.closed(statement, seconds=min(1, sizes.SECONDS)),
              f"agentcore, from Python ({python_client.NAME})": from_python(("jsonb",), "SELECT agentcore.args_valid('search', $1)", ARGS)}
    times = per_call(bench, "agentvet and validators of arguments: one validation", cases)
    rate, nothing, old, here, backend = 500, [], [], [], []
    for _ in range(sizes.ROUNDS):
        nothing.append(open_loop.in_process(processor, gate_rates.make_nothing, rate))
        old.append(open_loop.in_process(processor, make_old_validator, rate))
        both = open_loop.in_process(server_share, rate)
        here.append(both[0])
        backend.append(both[1])
    inside = [value * rate / 1e4 for value in times["agentcore, inside the server (as in a gate call)"]]
    group = f"agentvet and validators of arguments: of one core, at {rate} per second"
    bench.head(group, "way", "% of one core", "min - max")
    for name, values in (("the driver alone, in Python", nothing), ("old way, the driver included", old), ("agentcore in a trip of its own: the Python process", here),
                         ("agentcore in a trip of its own: the server", backend), ("agentcore as part of a gate call: the server", inside)):
        data.keep(group, name, values, unit="%")
        bench.row(name, f"{statistics.median(values):.3f}", f"{min(values):.3f} - {max(values):.3f}")
    bench.say(f"\nPublished by the author, on another machine, at {rate} per second: 8 % in Python, under 0.5 % in Rust.")
    return "arguments: a validation", times, "the rules stand beside the tool, for every language, and a change holds at once"


# token-budget

def spends_here():
    pool, spent = old_ways.Pool(CAP, 1e9), 0
    while spent < ENDLESS:
        try:
            hold = pool.reserve(CHUNK, 0.001)
        except old_ways.Exceeded:
            return spent
        pool.commit(hold, CHUNK, 0.001)
        spent += CHUNK
    return spent


def spends_by(budget):
    session = python_client.Session(acquire=((), f"SELECT granted, permit::text FROM agentcore.budget_try_acquire('{budget}', {CHUNK}, 0.001)"),
                                    commit=(("uuid",), f"SELECT agentcore.budget_commit($1, {CHUNK}, 0.001)"))
    spent = 0
    while spent < ENDLESS:
        granted, permit = session.ask("acquire")
        if not granted:
            return spent
        session.ask("commit", permit)
        spent += CHUNK
    return spent


def budget(bench, pgbench):
    pool = old_ways.Pool(10**15, 1e12)
    session = python_client.Session(acquire=((), "SELECT agentcore.budget_acquire('spend', 100, 0.001)::text"), commit=(("uuid",), "SELECT agentcore.budget_commit($1, 80, 0.0008)"))
    pair = "SELECT agentcore.budget_acquire('spend', 100, 0.001) AS permit \\gset\nSELECT agentcore.budget_commit(:permit, 80, 0.0008);\n"
    cases = {"old way: a Lock, one thread": lambda: microseconds(lambda: pool.commit(pool.reserve(100, 0.001), 80, 0.0008), 20000)}
    theirs = authors("token-budget-py")
    if theirs:
        own = theirs.BudgetPool(token_cap=10**15)
        cases["its authors' source (token-budget-py), one thread"] = lambda: microseconds(lambda: own.try_reserve(tokens=100, usd=0.001).commit(tokens=80, usd=0.0008), 20000)
    cases |= {"agentcore, C client, two round trips and two commits included": lambda: pgbench.closed(pair, seconds=min(1, sizes.SECONDS)),
              f"agentcore, from Python ({python_client.NAME})": lambda: microseconds(lambda: session.ask("commit", session.ask("acquire")[0]), 500)}
    times = per_call(bench, "token-budget: reserve and commit", cases)
    bench.head(f"token-budget: {PROCESSES} processes spend what they get of a cap of {CAP:,} tokens, {CHUNK:,} at a time (counted)", "way", "spent", "of the cap", "exact")
    rows = [("old way, one process", spends_here()), (f"old way, {PROCESSES} processes, a pool each", sum(open_loop.in_processes(PROCESSES, spends_here)))]
    measure.psql(f"SELECT agentcore.budget_set('capped', max_tokens => {CAP})")
    rows.append((f"agentcore, {PROCESSES} processes, one budget", sum(open_loop.in_processes(PROCESSES, spends_by, "capped"))))
    for name, spent in rows:
        bench.row(name, f"{spent:,}", f"{100 * spent / CAP:.0f} %", "yes" if spent == CAP else "NO")
    booked = int(measure.psql("SELECT used_tokens FROM agentcore.budget_status WHERE budget = 'capped'"))
    bench.say(f"\nagentcore's budget says {booked:,} used. The library's page says of itself: counts live in the process.")
    bench.target("the budget holds across processes", "exactly", rows[-1][1] == CAP == booked)
    return "token-budget: reserve and commit", times, f"{PROCESSES} processes spend {100 * rows[1][1] / CAP:.0f} % of the cap; with agentcore {100 * rows[2][1] / CAP:.0f} %"


# agentguard

def guard(bench, pgbench, node):
    own, hosts = old_ways.Guard(["*.example.com"]), iter(range(10**9))
    session = session_for((("text",), "SELECT (agentcore.url_check('wide', $1)).allowed"))
    statement = "SELECT * FROM agentcore.url_check('narrow', :url);\n"
    cases = of_node(node, "agentguard")
    cases |= {"the same in Python, by urllib": lambda: microseconds(lambda: own.check(URLS[next(hosts) % 100]), 20000),
              "agentcore, inside the server (as in a gate call)": lambda: in_server(session, "url", "agentcore.url_allowed('narrow', url)"),
              "agentcore, C client, its round trip included": lambda: pgbench.closed(statement, seconds=min(1, sizes.SECONDS)),
              f"agentcore, from Python ({python_client.NAME})": from_python(("text",), "SELECT (agentcore.url_check('narrow', $1)).allowed", URLS[0])}
    times = per_call(bench, "agentguard: one decision on a URL", cases)
    bench.head(f"agentguard: {len(HOSTILE)} URLs that lead into the own machine or network, policy: allow *, deny {', '.join(DENIED)} (counted)", "way", "let through")
    for name in of_node(node, "agentguard"):
        bench.row(name, node[name][0]["passed"])
    wide = old_ways.Guard(["*"], DENIED)
    old, new = sum(wide.check(url) for url in HOSTILE), sum(session.ask("it", url)[0] for url in HOSTILE)
    bench.row("the same in Python, by urllib", old)
    bench.row("agentcore, url_check", new)
    let = node[next(iter(of_node(node, "agentguard")))][0]["passed"] if of_node(node, "agentguard") else old
    return "agentguard: a URL", times, f"of {len(HOSTILE)} URLs into the own network {let} pass; with agentcore {new}"


# llm-retry

class Provider:
    """Refuses everybody until its outage ends, and says when that is."""

    def __init__(self, seconds):
        self.until, self.refused = time.monotonic() + seconds, 0

    def __call__(self):
        left = self.until - time.monotonic()
        if left > 0:
            self.refused += 1
            raise old_ways.ProviderError(429, max(1, round(left + 0.5)))


def all_agents(loop):
    """(answered, seconds until the last one ended)"""
    start, answered = time.monotonic(), []
    threads = [threading.Thread(target=lambda number=number: answered.append(loop(number))) for number in range(AGENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answered), time.monotonic() - start


def outage_here(seconds):
    provider = Provider(seconds)

    def loop(_):
        try:
            old_ways.retry(provider)
            return 1
        except old_ways.ProviderError:
            return 0
    return *all_agents(loop), provider.refused


def outage_server(seconds):
    provider = Provider(seconds)

    def loop(number):
        session = python_client.Session(begin=((), f"SELECT verdict, call_id::text, retry_after_ms FROM agentcore.call_begin('caller', 'ask', '{{}}', key => 'k{number}')"),
                                        commit=(("uuid",), "SELECT agentcore.call_commit($1, '1')"),
                                        fail=(("uuid", "int", "text"), "SELECT action, delay_ms FROM agentcore.call_fail($1, $2, 'rate limited', $3)"))
        while True:
            verdict, call, wait = session.ask("begin")
            if verdict == "wait":
                time.sleep(wait / 1000)
                continue
            if verdict != "run":
                return 0
            try:
                provider()
            except old_ways.ProviderError as error:
                action, wait = session.ask("fail", call, error.status, str(error.retry_after))
                if action != "retry":
                    return 0
                time.sleep(wait / 1000)
                continue
            session.ask("commit", call)
            return 1
    return *all_agents(loop), provider.refused


def retries(bench, pgbench):
    source = random.Random(1)
    session = session_for(((), "SELECT 1"))
    statement = "SELECT * FROM agentcore.retry_next(2, 429, 'rate limited');\n"
    cases = {"old way: a list of statuses, full jitter": lambda: microseconds(lambda: 429 in old_ways.TRANSIENT and old_ways.backoff(2, source=source), 20000)}
    theirs = authors("llm-retry-py")
    if theirs:
        policy = theirs.RetryPolicy()
        cases["its authors' source (llm-retry-py), the delay alone"] = lambda: microseconds(lambda: policy.delay_seconds(2), 20000)
    cases |= {"agentcore, inside the server": lambda: in_server(session, "i", "(SELECT delay_ms FROM agentcore.retry_next(1 + i % 2, 429, 'rate limited'))"),
              "agentcore, C client, its round trip included": lambda: pgbench.closed(statement, seconds=min(1, sizes.SECONDS)),
              f"agentcore, from Python ({python_client.NAME})": from_python((), "SELECT * FROM agentcore.retry_next(2, 429, 'rate limited')")}
    times = per_call(bench, "llm-retry: one decision after a failure", cases)
    seconds = 0.3 if sizes.TINY else 3
    measure.psql("SELECT agentcore.policy_set('asks'), agentcore.agent_set('caller', 'asks');\nSELECT agentcore.policy_allow_tool('asks', 'ask');\n"
                 "SELECT agentcore.tool_set('ask', '{\"type\": \"object\"}', target => 'provider', idempotent => true);\n")
    bench.head(f"llm-retry: {AGENTS} agents, one provider that refuses everybody for {seconds} s with 429 and Retry-After (counted)",
               "way", "calls refused", "answered", "all done after s")
    counts = []
    for name, run in (("old way: each with its own backoff", outage_here), ("agentcore: call_begin, call_fail", outage_server)):
        answered, took, refused = open_loop.in_process(run, seconds)
        counts.append(refused)
        bench.row(name, refused, f"{answered} of {AGENTS}", f"{took:.1f}")
    return "llm-retry: a decision", times, f"{AGENTS} agents are refused {counts[0]} times in an outage of {seconds} s; with agentcore {counts[1]} times"


def node_rounds(bench):
    """{name: [what node says in each round]}; empty where there is no node."""
    asked = json.dumps({"args": ARGS, "text": json.dumps(ARGS), "urls": URLS, "denied": DENIED, "hostile": HOSTILE})
    found = {}
    try:
        for _ in range(ROUNDS_PER_CALL):
            run = subprocess.run(["node", os.path.join(HERE, "lib", "old_ways.js"), "100" if sizes.TINY else "300000"], input=asked, capture_output=True, text=True, check=True)
            for name, answer in json.loads(run.stdout).items():
                found.setdefault(name, []).append(answer)
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"NODE NOT MEASURED: {type(problem).__name__}", file=sys.stderr)
        bench.say("\nNODE NOT MEASURED: agentvet and agentguard are libraries for it")
    return found


def of_node(found, library):
    """The cases of one library: their rounds are measured already."""
    return {name: [answer["ns"] / 1000 for answer in rounds] for name, rounds in found.items() if name.startswith(library)}


def summary(bench, libraries):
    """One row per library: what a call costs, and what a process cannot have."""
    def cell(times, word):
        found = [statistics.median(values) for name, values in times.items() if word in name]
        return f"{found[0]:.2f}" if found else ""

    bench.head("Old way and agentcore, us per call of one caller", "library", "old way", "agentcore inside the server", "with a C client's round trip", "from Python", "beyond one process")
    for name, times, counted in libraries:
        bench.row(name, f"{statistics.median(next(iter(times.values()))):.2f}", cell(times, "inside the server"), cell(times, "C client,"), cell(times, "from Python"), counted)


def main():
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(os.environ.get("BENCH_WORK"), directory)
        set_up()
        pgbench = wire.Pgbench(directory, args=json.dumps(ARGS), url=URLS[0])
        bench.say(f"{sizes.ROUNDS} interleaved rounds of {sizes.SECONDS} s for each latency, medians of the rounds. Within a process nothing is faster than a library of that process:"
                  " a round trip costs more than the work. What is bought by it stands in the tables that are counted.")
        if not SEEDS:
            bench.say("\nThe authors' own sources were not measured: set SEEDS to a directory with clones of their repositories.")
        node = node_rounds(bench)
        summary(bench, [cache(bench, pgbench), validator(bench, pgbench, node), budget(bench, pgbench), guard(bench, pgbench, node), retries(bench, pgbench)])
        gate_rates.compare(bench, directory)
        bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))


if __name__ == "__main__":
    main()
