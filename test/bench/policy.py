"""Decisions on calls by rules that look at them, and the ways that users decide today.

    make bench-policy [ROUNDS=5]

In the server: the processor time of the backend for call_begin() that is answered from
the cache, so that nothing is written, once per row of a table; minus the same without
what is measured.  A limit is compared with one more level of budgets above the agent's,
by calls that are begun and committed, each in a transaction of its own.  Beside it ten policies written by hand in plpgsql, and Cedar in
process where npm has it.  Cases that are compared run in turn within each round; every
odd round goes backwards.  A target that is missed is printed as missed.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import measure
from allow import Timer
from cache import Bench, interleaved

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("ROUNDS") or 5)
ROWS = 5_000
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
SELECT agentcore.policy_set('*', tz => 'Europe/Berlin'), agentcore.policy_deny_tool('*', 'deploy', name => 'freeze', "when" => '{{"/clock/hour": {{"not": {{"minimum": 6, "maximum": 21}}}}}}');
SELECT agentcore.policy_drop('*');
VACUUM ANALYZE asked, shop.orders;
"""


def begin(agent, task="NULL"):
    return f"SELECT count(*) FILTER (WHERE verdict = 'cached') FROM asked, LATERAL agentcore.call_begin('{agent}', 'refund', args, task => {task}) c"


def limits(bench, here):
    agents = ["one level", "two levels", "one level and a limit per agent", "one level and a limit per task"]
    results = interleaved({agent: (lambda agent=agent: here.took(f"CALL spend('{agent}')") / SPENT) for agent in agents}, 2 * ROUNDS)
    bench.head("call_begin and call_commit with budgets and limits", "case", "us", "against two levels", "target")
    for agent in agents:
        times = statistics.median(a / b for a, b in zip(results[agent], results["two levels"]))
        bench.row(agent, f"{statistics.median(results[agent]):.2f}", f"{times:.2f}",
                  bench.target(agent, "<= 1.1", times <= 1.1) if "limit" in agent else "")


def cedar(directory):
    """Microseconds a decision, of one run; None: it is not to be had."""
    try:
        if not shutil.which("node") or not shutil.which("npm"):
            return None
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", directory, "@cedar-policy/cedar-wasm"],
                       check=True, capture_output=True, timeout=180)
        run = subprocess.run(["node", os.path.join(HERE, "policy.js"), "3000"], capture_output=True, text=True, check=True, timeout=180,
                             env={**os.environ, "NODE_PATH": os.path.join(directory, "node_modules")})
        return float(run.stdout)
    except (subprocess.SubprocessError, ValueError):
        return None


def main():
    with tempfile.TemporaryDirectory() as directory:
        measure.psql(SETUP)
        measure.psql("SELECT agentcore.call_commit(call_id, '{\"ok\": true}') FROM agentcore.call_begin('plain', 'refund', '{\"amount\": 60, \"order_id\": \"o7\"}')")
        bench = Bench(os.environ["BENCH_WORK"], directory)
        bench.say(f"In the server: {ROWS:,} calls, each answered from the cache; {ROUNDS} interleaved rounds, medians.")
        here = Timer()
        statements = {
            "nothing used": begin("plain"), "one rule": begin("one"), "1,000 rules, texts": begin("texts"), "1,000 rules, ranges": begin("ranges"),
            "a task without a row": begin("plain", "'other'"), "a labelled task and a rule on labels": begin("labelled", "'labelled'"),
            "a check": begin("checked"),
            "context": "SELECT count(context) FROM asked",
            "the function from SQL": "SELECT count(*) FROM asked WHERE shop.known(context) IS NULL",
            "by hand in plpgsql": "SELECT count(*) FROM asked WHERE by_hand(context) IS NULL",
            "policy_simulate, one context each": "SELECT count(*) FROM agentcore.policy_simulate('one', contexts => ARRAY(SELECT context FROM asked))",
        }
        results = interleaved({name: (lambda text=text: here.took(text) / ROWS) for name, text in statements.items()}, ROUNDS)

        def net(name, base):
            return statistics.median(a - b for a, b in zip(results[name], results[base]))

        function = net("the function from SQL", "context")
        bench.head("A decision by rules that look at the call", "case", "us", "against", "us more", "target")
        for name, base, limit in (("nothing used", None, None), ("one rule", "nothing used", 0.4), ("1,000 rules, texts", "nothing used", 20), ("1,000 rules, ranges", "nothing used", 20),
                                  ("a task without a row", "nothing used", None), ("a labelled task and a rule on labels", "a task without a row", 2),
                                  ("a check", "nothing used", 1.3 * function), ("the function from SQL", "context", None),
                                  ("by hand in plpgsql", "context", None), ("policy_simulate, one context each", "context", None)):
            more = net(name, base) if base else None
            bench.row(name, f"{statistics.median(results[name]):.2f}", base or "", "" if more is None else f"{more:.2f}",
                      "" if limit is None else bench.target(name, f"<= {limit:.1f} us", more <= limit))
        limits(bench, here)
        took = cedar(directory)
        if took is None:
            print("CEDAR NOT MEASURED: node, npm or @cedar-policy/cedar-wasm could not be had", file=sys.stderr)
            bench.say("\nCEDAR NOT MEASURED: node, npm or @cedar-policy/cedar-wasm could not be had")
        else:
            bench.say(f"\nCedar in process (@cedar-policy/cedar-wasm, nine statements, parsed before): {took:.2f} us a decision.")
        bench.say("\nOPEN POLICY AGENT NOT MEASURED: its compiler is in neither npm nor Debian")
        bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))


if __name__ == "__main__":
    main()
