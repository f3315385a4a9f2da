"""Decisions on calls by rules that look at them, and the ways that users decide today.

    make bench-policy [ROUNDS=5]

In the server: the processor time of the backend for call_begin() that is answered from
the cache, so that nothing is written, once per row of a table; minus the same without
what is measured.  A limit is compared with one more level of budgets above the agent's,
by calls that are begun and committed, each in a transaction of its own.

A check is compared with its function, called from SQL in one prepared statement per
call, as call_begin() is: each minus the same statement without it.  What both pay is
taken off so; what only the gate pays (the subtransaction, the newest snapshot, the
timer, making the argument) is not.  Beside that stand both once per row of a table,
where the statement keeps the function's locks from row to row and the gate lets go of
them.

The ten policies of doc/policies.md, what of them looks at the call, are asked of
agentcore, of a function by hand in plpgsql, and of Cedar where npm has it: in process,
and over a local socket on one connection that stays, one question after another.
Cases that are compared run in turn within each round; every odd round goes backwards.
A target that is missed is printed as missed.
"""
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import psycopg

import measure
from allow import Timer
from cache import Bench, interleaved
from lib import data, sizes

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("ROUNDS") or (1 if sizes.QUICK else 5))
ROWS = 5_000
CALLS = 2_000
NO_OPA = ("opa: not to be had: npm has what runs a compiled policy (@open-policy-agent/opa-wasm) and clients of a server (@open-policy-agent/opa),"
          " and nothing that compiles one; Debian has no package of it (apt-cache search opa, rego, open-policy-agent)."
          " OPEN POLICY AGENT WAS NOT MEASURED.")
SPENT = 400

SETUP = f"""
SET client_min_messages = warning;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id text PRIMARY KEY, total numeric);
INSERT INTO shop.orders SELECT 'o' || i, i FROM generate_series(1, 1000) i;
CREATE FUNCTION shop.known(context jsonb) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM shop.orders WHERE id = context #>> '{{args,order_id}}') THEN RETURN NULL; END IF;
  RETURN 'There is no such order.';
END $$;
REVOKE EXECUTE ON FUNCTION shop.known(jsonb) FROM PUBLIC;
SELECT agentcore.tool_set('refund', '{{"type": "object"}}', cache_ttl => '1 day', cache_scope => 'tenant');
SELECT agentcore.policy_set(p), agentcore.agent_set(p, p) FROM unnest('{{plain,one,texts,ranges,checked,labelled}}'::text[]) p;
SELECT agentcore.policy_allow_tool(p, 'refund') FROM unnest('{{plain,texts,ranges,checked,labelled}}'::text[]) p;
SELECT agentcore.policy_allow_tool('one', 'refund', name => 'one', "when" => '{{"/args/amount": {{"minimum": 0.01, "maximum": 500}}}}');
SELECT count(agentcore.policy_deny_tool('texts', 'refund', name => 'r' || i, "when" => jsonb_build_object('/args/order_id', jsonb_build_object('const', 'x' || i)))) FROM generate_series(1, 1000) i;
SELECT count(agentcore.policy_deny_tool('ranges', 'refund', name => 'r' || i, "when" => jsonb_build_object('/args/amount', jsonb_build_object('minimum', 1000 + i)))) FROM generate_series(1, 1000) i;
SELECT agentcore.policy_check_set('checked', 'refund', 'known', 'shop.known');
SELECT agentcore.policy_deny_tool('labelled', 'refund', name => 'clean', "when" => '{{"/labels": {{"contains": {{"const": "untrusted"}}}}}}');
SELECT agentcore.task_set('labelled', labels => '{{a,b,c}}');
CREATE TABLE asked AS SELECT i, jsonb_build_object('amount', 60, 'order_id', 'o7') AS args,
  jsonb_build_object('tool', 'refund', 'agent', 'shop', 'args', jsonb_build_object('amount', 60, 'order_id', 'o7'), 'subject', 's', 'clock', '{{"hour": 12}}'::jsonb) AS context FROM generate_series(1, {ROWS}) i;
-- the ten as a team writes them
CREATE FUNCTION by_hand(context jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE args jsonb := context -> 'args'; tool text := context ->> 'tool';
BEGIN
  IF tool = 'deploy' AND (context #>> '{{clock,hour}}')::int NOT BETWEEN 6 AND 21 THEN RETURN 'freeze'; END IF;
  CASE context ->> 'agent'
    WHEN 'shop' THEN IF tool = 'refund' AND jsonb_typeof(args -> 'amount') = 'number' AND (args ->> 'amount')::numeric BETWEEN 0.01 AND 500 THEN RETURN NULL; END IF;
    WHEN 'bi' THEN IF tool = 'sql/query' AND args ->> 'role' = 'bi_reader' AND args ->> 'sql' ~* '^\\s*select\\M[^;]*;?\\s*$' THEN RETURN NULL; END IF;
    WHEN 'mail' THEN IF tool = 'mail/send' AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(args -> 'to') t WHERE t !~ '^[A-Za-z0-9._+-]+@example\\.com$') THEN RETURN NULL; END IF;
    WHEN 'assistant' THEN IF tool LIKE 'crm/%' OR tool = 'mail/read' OR tool LIKE 'web/%' AND NOT context -> 'labels' ? 'untrusted' THEN RETURN NULL; END IF;
    WHEN 'pay' THEN IF tool = 'payment/send' AND (args ->> 'amount')::numeric <= 1000 THEN RETURN NULL; END IF;
    WHEN 'res' THEN IF tool = 'search' THEN RETURN NULL; END IF;
    WHEN 'ci' THEN IF tool LIKE 'repo/%' OR tool = 'tests/run' OR tool = 'deploy' AND context #> '{{facts,tests_passed}}' @> (args -> 'commit') THEN RETURN NULL; END IF;
    WHEN 'support' THEN IF tool LIKE 'crm/%' AND args ->> 'customer_id' = context ->> 'subject' THEN RETURN NULL; END IF;
    WHEN 'x9' THEN IF tool LIKE 'db/%' AND args ->> 'env' <> 'prod' THEN RETURN NULL; END IF;
    ELSE NULL;
  END CASE;
  RETURN 'not allowed';
END $$;
-- one more level of budgets, or one limit
SELECT agentcore.tool_set('charge', '{{"type": "object"}}');
SELECT agentcore.budget_set(b, max_calls => 1000000000) FROM unnest('{{alone,above}}'::text[]) b;
SELECT agentcore.budget_set('below', max_calls => 1000000000, parent => 'above');
SELECT agentcore.policy_set(p), agentcore.policy_allow_tool(p, 'charge') FROM unnest('{{unlimited,by_agent,by_task}}'::text[]) p;
SELECT agentcore.policy_limit_tool('by_agent', 'charge', 'calls', per => '{{/agent}}', max_calls => 1000000000);
SELECT agentcore.policy_limit_tool('by_task', 'charge', 'calls', max_calls => 1000000000);
SELECT agentcore.agent_set('one level', 'unlimited', 'alone'), agentcore.agent_set('two levels', 'unlimited', 'below'),
  agentcore.agent_set('one level and a limit per agent', 'by_agent', 'alone'), agentcore.agent_set('one level and a limit per task', 'by_task', 'alone');
CREATE PROCEDURE spend(agent text) LANGUAGE plpgsql AS $$
DECLARE id uuid;
BEGIN
  FOR i IN 1 .. {SPENT} LOOP
    id := (agentcore.call_begin(agent, 'charge', '{{"amount": 7}}', task => 'spender')).call_id;
    COMMIT;
    PERFORM agentcore.call_commit(id);
    COMMIT;
  END LOOP;
END $$;
-- the ten here, in a tenant of their own
SELECT agentcore.tool_set(t, '{{"type": "object"}}', cache_ttl => '1 day', cache_scope => 'tenant', tenant => 'ten') FROM unnest('{{refund,sql/query,mail/send,mail/read,crm/get,web/fetch,payment/send,search,repo/write,tests/run,deploy,db/exec}}'::text[]) t;
SELECT agentcore.policy_set(p, tenant => 'ten'), agentcore.agent_set(p, p, tenant => 'ten') FROM unnest('{{shop,bi,mail,assistant,pay,res,ci,support,x9}}'::text[]) p;
SELECT agentcore.policy_allow_tool(p, t, name => p || t, "when" => w::jsonb, tenant => 'ten') FROM (VALUES
  ('shop', 'refund', '{{"/args/amount": {{"minimum": 0.01, "maximum": 500}}}}'),
  ('bi', 'sql/query', '{{"/args/role": {{"const": "bi_reader"}}, "/args/sql": {{"pattern": "^\\\\s*(?:[Ss][Ee][Ll][Ee][Cc][Tt])\\\\b[^;]*;?\\\\s*$"}}}}'),
  ('mail', 'mail/send', '{{"/args/to/*": {{"pattern": "^[A-Za-z0-9._+-]+@example\\\\.com$"}}}}'),
  ('assistant', 'web/*', '{{"/labels": {{"not": {{"contains": {{"const": "untrusted"}}}}}}}}'),
  ('pay', 'payment/send', '{{"/args/amount": {{"exclusiveMinimum": 0, "maximum": 1000}}}}'),
  ('ci', 'deploy', '{{"/args/commit": {{"type": "string", "in": "/facts/tests_passed"}}}}'),
  ('support', 'crm/*', '{{"/args/customer_id": {{"type": "string", "equals": "/subject"}}}}')) v (p, t, w);
SELECT agentcore.policy_allow_tool(p, t, tenant => 'ten') FROM (VALUES ('assistant', 'mail/read'), ('assistant', 'crm/*'), ('res', 'search'), ('ci', 'repo/*'), ('ci', 'tests/run'), ('x9', 'db/*')) v (p, t);
SELECT agentcore.policy_deny_tool('x9', 'db/*', name => 'no-prod', "when" => '{{"/args/env": {{"enum": ["prod"]}}}}', tenant => 'ten');
SELECT agentcore.policy_set('*', tz => 'Europe/Berlin', tenant => 'ten'), agentcore.policy_deny_tool('*', 'deploy', name => 'freeze', "when" => '{{"/clock/hour": {{"not": {{"minimum": 6, "maximum": 21}}}}}}', tenant => 'ten');
VACUUM ANALYZE asked, shop.orders;
"""


ARGS = '{"amount": 60, "order_id": "o7"}'
CONTEXT = '{"tool": "refund", "traits": [], "args": %s, "agent": "shop", "clock": {"hour": 12, "minute": 30, "weekday": 1}}' % ARGS


def begin(agent, task="NULL", tenant=""):
    return (f"SELECT count(*) FILTER (WHERE verdict = 'cached') FROM asked,"
            f" LATERAL agentcore.call_begin('{agent}', 'refund', args, task => {task}, tenant => '{tenant}') c")


def fill_cache():
    """What call_begin() is answered with from now on."""
    measure.psql("".join(f"SELECT agentcore.call_commit(call_id, '{{\"ok\": true}}', tenant => '{tenant}') FROM agentcore.call_begin('{agent}', 'refund', '{ARGS}', tenant => '{tenant}');"
                         for agent, tenant in (("plain", ""), ("shop", "ten"))))


class OneByOne:
    """A session that sends each question as a prepared statement of its own."""

    def __init__(self):
        self.connection = psycopg.connect(dbname=measure.DATABASE, autocommit=True, prepare_threshold=0)
        # a busy machine must not refuse what is measured
        self.connection.execute("SET agentcore.check_timeout = '60s'")
        self.clock = Timer.clock.__get__(self)
        self.schedstat = f"/proc/{self.connection.info.backend_pid}/schedstat"

    def case(self, query, argument, expected, waits=False):
        """A function that gives the microseconds of one statement: of the backend, or that the client waits."""
        def run():
            clock = (lambda: time.perf_counter() * 1e6) if waits else self.clock
            start = clock()
            for _ in range(CALLS):
                row = self.connection.execute(query, (argument,)).fetchone()
            took = (clock() - start) / CALLS
            if row[0] != expected:
                raise measure.Failed(f"{query}: {row[0]!r}, not {expected!r}")
            return took
        return run


def gate(agent, tenant=""):
    return f"SELECT verdict FROM agentcore.call_begin('{agent}', 'refund', %s::jsonb, tenant => '{tenant}')"


def checks(bench, here, each):
    """A check against its function."""
    rows = {"rows: begin": begin("plain"), "rows: begin, checked": begin("checked"), "rows: argument": "SELECT count(context) FROM asked",
            "rows: function": "SELECT count(*) FROM asked WHERE shop.known(context) IS NULL"}
    cases = {name: (lambda text=text: here.took(text) / ROWS) for name, text in rows.items()}
    cases["begin"] = each.case(gate("plain"), ARGS, "cached")
    cases["begin, checked"] = each.case(gate("checked"), ARGS, "cached")
    cases["argument"] = each.case("SELECT %s::jsonb IS NULL", CONTEXT, False)
    cases["function"] = each.case("SELECT shop.known(%s::jsonb) IS NULL", CONTEXT, True)
    results = interleaved(cases, ROUNDS)
    data.keep_all("A check", results)

    def net(name, base):
        return statistics.median(a - b for a, b in zip(results[name], results[base]))

    bench.head("A check, against the same function called from SQL with the argument made, net of the statement without", "how", "check, us", "function, us", "ratio", "target")
    for how, check, base, function, argument, limit in (
            ("one statement per call", "begin, checked", "begin", "function", "argument", 1.3),
            ("rows of one statement, which keeps locks and plans for the function", "rows: begin, checked", "rows: begin", "rows: function", "rows: argument", None)):
        ours, theirs = net(check, base), net(function, argument)
        bench.row(how, f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}",
                  "" if limit is None else bench.target("a check", f"<= {limit} x the function", ours <= limit * theirs))


def rules(bench, here):
    statements = {
        "nothing used": begin("plain"), "one rule": begin("one"), "1,000 rules, texts": begin("texts"), "1,000 rules, ranges": begin("ranges"),
        "a task without a row": begin("plain", "'other'"), "a labelled task and a rule on labels": begin("labelled", "'labelled'"),
        "context": "SELECT count(context) FROM asked",
        "policy_simulate, one context each": "SELECT count(*) FROM agentcore.policy_simulate('one', contexts => ARRAY(SELECT context FROM asked))",
    }
    results = interleaved({name: (lambda text=text: here.took(text) / ROWS) for name, text in statements.items()}, ROUNDS)
    data.keep_all("A decision by rules that look at the call", results, beside="nothing used")
    bench.head("A decision by rules that look at the call", "case", "us", "against", "us more", "target")
    for name, base, limit in (("nothing used", None, None), ("one rule", "nothing used", 0.4), ("1,000 rules, texts", "nothing used", 20), ("1,000 rules, ranges", "nothing used", 20),
                              ("a task without a row", "nothing used", None), ("a labelled task and a rule on labels", "a task without a row", 2),
                              ("policy_simulate, one context each", "context", None)):
        more = statistics.median(a - b for a, b in zip(results[name], results[base])) if base else None
        bench.row(name, f"{statistics.median(results[name]):.2f}", base or "", "" if more is None else f"{more:.2f}",
                  "" if limit is None else bench.target(name, f"<= {limit:.1f} us", more <= limit))


def limits(bench, here):
    agents = ["one level", "two levels", "one level and a limit per agent", "one level and a limit per task"]
    results = interleaved({agent: (lambda agent=agent: here.took(f"CALL spend('{agent}')") / SPENT) for agent in agents}, 2 * ROUNDS)
    data.keep_all("call_begin and call_commit with budgets and limits", results)
    bench.head("call_begin and call_commit with budgets and limits", "case", "us", "against two levels", "target")
    for agent in agents:
        times = statistics.median(a / b for a, b in zip(results[agent], results["two levels"]))
        bench.row(agent, f"{statistics.median(results[agent]):.2f}", f"{times:.2f}",
                  bench.target(agent, "<= 1.1", times <= 1.1) if "limit" in agent else "")


class Cedar:
    """Cedar in node: measured there, and a server on a socket."""

    def __init__(self, directory):
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", directory, "@cedar-policy/cedar-wasm"],
                       check=True, capture_output=True, timeout=180)
        path = os.path.join(directory, "cedar.sock")
        self.server = subprocess.Popen(["node", os.path.join(HERE, "policy.js"), path], stdout=subprocess.PIPE, text=True,
                                       env={**os.environ, "NODE_PATH": os.path.join(directory, "node_modules")})
        if self.server.stdout.readline() != "listening\n":
            raise subprocess.SubprocessError("the server of Cedar does not listen")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)

    def in_process(self):
        return float(self.ask(str(CALLS).encode(), b"/measure"))

    def ask(self, body, path=b"/"):
        """One question over HTTP on the connection that stays; its client costs next to nothing."""
        self.socket.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body)
        received = b""
        while True:
            head, _, answer = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head + b"\r\n") if answer else None
            if length and len(answer) >= int(length[1]):
                return answer
            piece = self.socket.recv(65536)
            if not piece:
                raise measure.Failed("the server of Cedar went away")
            received += piece

    def case(self, body, expected):
        def run():
            start = time.perf_counter()
            for _ in range(CALLS):
                answer = self.ask(body)
            took = (time.perf_counter() - start) / CALLS * 1e6
            if answer != expected:
                raise measure.Failed(f"Cedar answers {answer!r}")
            return took
        return run

    def close(self):
        self.socket.close()
        self.server.terminate()
        self.server.wait()


def find_cedar(bench, directory):
    """None: it is not to be had."""
    try:
        return Cedar(directory)
    except (OSError, subprocess.SubprocessError) as problem:
        line = f"CEDAR NOT MEASURED: node, npm or @cedar-policy/cedar-wasm could not be had ({type(problem).__name__})"
        print(line, file=sys.stderr)
        bench.say("\n" + line)
        return None


def peers(bench, here, each, peer):
    """The same question of the same ten policies: a refund of 60 by the agent of the shop, which is allowed."""
    cases = {"agentcore: call_begin": lambda: here.took(begin("shop", tenant="ten")) / ROWS,
             "agentcore: policy_simulate": lambda: here.took("SELECT count(*) FROM agentcore.policy_simulate('shop', contexts => ARRAY(SELECT context FROM asked), tenant => 'ten')") / ROWS,
             "by hand in plpgsql": lambda: here.took("SELECT count(*) FROM asked WHERE by_hand(context) IS NULL") / ROWS,
             "over: SELECT 1": each.case("SELECT %s::int", 1, 1, waits=True),
             "over: call_begin": each.case(gate("shop", "ten"), ARGS, "cached", waits=True),
             "over: by hand": each.case("SELECT by_hand(%s::jsonb) IS NULL", CONTEXT, True, waits=True)}
    if peer:
        question = json.dumps({"agent": "shop", "tool": "refund", "context": {"args": json.loads(ARGS), "subject": "s"}}).encode()
        cases |= {"Cedar": peer.in_process, "over: nothing": peer.case(b"", b"none"), "over: Cedar": peer.case(question, b"allow")}
    rounds = interleaved(cases, ROUNDS)
    data.keep_all("The ten policies", rounds)
    results = {name: statistics.median(times) for name, times in rounds.items()}
    bench.head("The ten policies, in process", "who", "us")
    for name in ("agentcore: call_begin", "agentcore: policy_simulate", "by hand in plpgsql", "Cedar"):
        if name in results:
            bench.row(name + (" (whole, answered from the cache)" if "begin" in name else " (@cedar-policy/cedar-wasm, parsed before)" if name == "Cedar" else ""), f"{results[name]:.2f}")
    bench.head("The ten policies, over a local socket: what the client waits", "who", "us", "an empty question, us", "the rest, us")
    for name, who, base in (("over: call_begin", "agentcore: call_begin, prepared", "over: SELECT 1"), ("over: by hand", "by hand in plpgsql, prepared", "over: SELECT 1"),
                            ("over: Cedar", "Cedar behind node's HTTP server", "over: nothing")):
        if name in results:
            bench.row(who, f"{results[name]:.1f}", f"{results[base]:.1f}", f"{results[name] - results[base]:.1f}")


def main():
    with tempfile.TemporaryDirectory() as directory:
        measure.psql(SETUP)
        fill_cache()
        bench = Bench(os.environ["BENCH_WORK"], directory)
        bench.say(f"In the server: {ROWS:,} calls, each answered from the cache, or {CALLS:,} statements; {ROUNDS} interleaved rounds, medians.")
        here, each = Timer(**{"agentcore.check_timeout": "60s"}), OneByOne()
        rules(bench, here)
        limits(bench, here)
        checks(bench, here, each)
        peer = find_cedar(bench, directory)
        try:
            peers(bench, here, each, peer)
        finally:
            if peer:
                peer.close()
        print(NO_OPA, file=sys.stderr)
        bench.say("\n" + NO_OPA)
        bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))


if __name__ == "__main__":
    main()
