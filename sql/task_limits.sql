-- Limits: how often, and how much in all.
SET client_min_messages = warning;
SET search_path = agentcore, public;
CREATE FUNCTION pg_temp.ask(agent text, tool text, args jsonb, task text DEFAULT 't', subject text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') FROM agentcore.call_begin(agent, tool, args, task => task, subject => subject) $$;
CREATE FUNCTION pg_temp.word(agent text, tool text, args jsonb, task text DEFAULT 't', subject text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') FROM agentcore.call_begin(agent, tool, args, task => task, subject => subject) $$;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SELECT count(*) FROM unnest('{search,refund,payment/send,mail/a,mail/b}'::text[]) t, tool_set(t, '{"type": "object"}');
SELECT count(*) FROM unnest('{shop,pay,res,mail}'::text[]) p, policy_set(p), agent_set(p, policy => p);

-- 6 five searches a task
SELECT policy_allow_tool('res', 'search') IS NOT NULL, policy_limit_tool('res', 'search', name => 'searches', max_calls => 5);
SELECT policy_limit_tool('res', 'search', name => 'searches', max_calls => 5) AS "again";
SELECT n, pg_temp.ask('res', 'search', '{}') FROM generate_series(1, 6) n;
SELECT feedback, retry_after FROM call_begin('res', 'search', '{}', task => 't');
SELECT pg_temp.ask('res', 'search', '{}', NULL) AS "no task", pg_temp.ask('res', 'search', '{}', 'other') AS "another task";
SELECT feedback FROM call_begin('res', 'search', '{}');
-- a child's counts for the tree
SELECT task_set('tree'), task_set('leaf', parent => 'tree'), task_set('twig', parent => 'leaf');
SELECT n, pg_temp.word('res', 'search', '{}', (ARRAY['leaf', 'tree', 'twig'])[n % 3 + 1]) FROM generate_series(1, 6) n;
-- refused, waiting and rolled back ones do not count; failed and released ones do, and all retries of one call once
SELECT tool_set('search', enabled => false), pg_temp.word('res', 'search', '{}', 'counted'), tool_set('search', enabled => true);
BEGIN;
SELECT count(*) FROM generate_series(1, 5) n WHERE pg_temp.word('res', 'search', jsonb_build_object('n', n), 'counted') = 'run';
SELECT pg_temp.ask('res', 'search', '{}', 'counted') AS "in the same transaction";
ROLLBACK;
SELECT call_id AS a FROM call_begin('res', 'search', '{}', task => 'counted', key => 'a') \gset
SELECT action FROM call_fail(:'a', 503, retry_after_header => '60');
SELECT verdict, call_id = :'a' AS same, attempt FROM call_begin('res', 'search', '{}', task => 'counted', key => 'a');
SELECT action FROM call_fail(:'a', 400);
SELECT call_id AS b FROM call_begin('res', 'search', '{}', task => 'counted', key => 'b', holder => 'h') \gset
SELECT call_id = :'b' AS same, detail FROM call_begin('res', 'search', '{}', task => 'counted', key => 'b', holder => 'h');
SELECT verdict, reason FROM call_begin('res', 'search', '{}', task => 'counted', key => 'b');
SELECT call_release(:'b');
SELECT call_id AS c FROM call_begin('res', 'search', '{}', task => 'counted', key => 'c') \gset
SELECT call_commit(:'c', '{"found": 1}');
SELECT verdict, result FROM call_begin('res', 'search', '{}', task => 'counted', key => 'c');
SELECT n, pg_temp.ask('res', 'search', '{}', 'counted') FROM generate_series(1, 3) n;

-- 1 refund at most what the order cost
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id text PRIMARY KEY, total numeric);
INSERT INTO shop.orders VALUES ('a', 100), ('b', 5000), ('7', 100);
CREATE FUNCTION shop.refundable(context jsonb) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT total FROM shop.orders WHERE id = context #>> '{args,order_id}' $$;
REVOKE EXECUTE ON FUNCTION shop.refundable FROM PUBLIC;
SELECT policy_allow_tool('shop', 'refund', name => 'small-refund', "when" => '{"/args/amount": {"minimum": 0.01, "maximum": 500}}') IS NOT NULL,
  policy_limit_tool('shop', 'refund', name => 'order', per => '{/args/order_id}', sum_of => '/args/amount', max_by => 'shop.refundable');
-- order of 100: 60 run, 60 deny, 40 run
SELECT amount, pg_temp.ask('shop', 'refund', jsonb_build_object('order_id', 'a', 'amount', amount)) FROM unnest('{60,60,40,0.01}'::numeric[]) amount;
SELECT feedback FROM call_begin('shop', 'refund', '{"order_id": "a", "amount": 60}', task => 't');
-- order of 5000: no amount, "60", -60, [1], 501 deny
SELECT args, pg_temp.word('shop', 'refund', args) FROM unnest(ARRAY['{"order_id": "b"}', '{"order_id": "b", "amount": "60"}', '{"order_id": "b", "amount": -60}',
  '{"order_id": "b", "amount": [1]}', '{"order_id": "b", "amount": 501}', '{"order_id": "b", "amount": null}', '{"order_id": "b", "amount": 500}']::jsonb[]) args;
-- unknown order, no order: deny
SELECT args, pg_temp.ask('shop', 'refund', args) FROM unnest(ARRAY['{"order_id": "c", "amount": 1}', '{"amount": 1}', '{"order_id": null, "amount": 1}', '{"order_id": ["a"], "amount": 1}', '{"order_id": {}, "amount": 1}']::jsonb[]) args;
SELECT feedback FROM call_begin('shop', 'refund', '{"amount": 1}', task => 't');
-- a number that is written otherwise is the same order
SELECT args, pg_temp.word('shop', 'refund', args) FROM unnest(ARRAY['{"order_id": "7", "amount": 60}', '{"order_id": 7, "amount": 60}', '{"order_id": 7.0, "amount": 60}', '{"order_id": 70e-1, "amount": 40}']::jsonb[]) args;
-- the maximum is read anew for each call
UPDATE shop.orders SET total = 160 WHERE id = 'a';
SELECT pg_temp.word('shop', 'refund', '{"order_id": "a", "amount": 60}'), pg_temp.word('shop', 'refund', '{"order_id": "a", "amount": 0.01}');
-- amounts are exact: nine decimals, and no more
SELECT amount, pg_temp.ask('shop', 'refund', jsonb_build_object('order_id', 'b', 'amount', amount)) FROM unnest('{0.100000001,0.0100000001,1.5000000000}'::numeric[]) amount;
SELECT policy_limit_tool('shop', 'refund', name => 'order', per => '{}', sum_of => '/args/amount', max_sum => 0.3),
  policy_allow_tool('shop', 'refund', name => 'small-refund', "when" => '{"/args": {"type": "object"}}') IS NOT NULL;
SELECT n, pg_temp.ask('shop', 'refund', '{"amount": 0.1}') FROM generate_series(1, 4) n;
SELECT args, pg_temp.word('shop', 'refund', args) AS "only nothing fits" FROM unnest(ARRAY['{"amount": 0}', '{"amount": -0.0}', '{"amount": 0.000000001}', '{"amount": 1e300}', '{"amount": 2000000001}']::jsonb[]) args;
-- a function that fails, that says what is no number, that may not be run any more
CREATE FUNCTION shop.fails(context jsonb) RETURNS numeric LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ BEGIN RETURN 1 / (context #>> '{args,by}')::numeric; END $$;
REVOKE EXECUTE ON FUNCTION shop.fails FROM PUBLIC;
SELECT policy_limit_tool('shop', 'refund', name => 'order', per => '{}', sum_of => '/args/amount', max_by => 'shop.fails', max_sum => 0.5);
SELECT args, pg_temp.ask('shop', 'refund', args) FROM unnest(ARRAY['{"amount": 0.1, "by": 0}', '{"amount": 0.1, "by": "NaN"}', '{"amount": 0.1, "by": 2}', '{"amount": 0.1, "by": 1e-9}', '{"amount": 0.1, "by": 1e-9}', '{"amount": 0, "by": -1}']::jsonb[]) args;
ALTER FUNCTION shop.fails VOLATILE;
SELECT pg_temp.ask('shop', 'refund', '{"amount": 0.1, "by": 1}');
DROP FUNCTION shop.fails;
SELECT pg_temp.ask('shop', 'refund', '{"amount": 0.1, "by": 1}');

-- 5 beyond a sum in a day, people are asked (how they decide: call_approval)
SELECT policy_allow_tool('pay', 'payment/send', name => 'pay', "when" => '{"/args/amount": {"exclusiveMinimum": 0, "maximum": 1000}}') IS NOT NULL,
  policy_ask_tool('pay', 'payment/send', name => 'two-people', votes => 2, "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') IS NOT NULL,
  policy_limit_tool('pay', 'payment/send', name => 'day', per => '{/args/payee}', sum_of => '/args/amount', max_sum => 1000, period => '1 day', ask => 'two-people');
SELECT pg_temp.word('pay', 'payment/send', '{"payee": "x", "amount": 999}'), pg_temp.word('pay', 'payment/send', '{"payee": "x", "amount": 999}') AS "again",
  pg_temp.word('pay', 'payment/send', '{"payee": "y", "amount": 999}') AS "another payee", pg_temp.word('pay', 'payment/send', '{"payee": "x", "amount": 1}') AS "what is left";
SELECT pg_temp.word('pay', 'payment/send', '{"payee": "z", "amount": "5000"}') = 'run' AS "a text runs", pg_temp.word('pay', 'payment/send', '{"payee": "z", "amount": 1001}') = 'run' AS "1001 runs";
-- never more in any period: after a day there is room again
SELECT set_config('agentcore.debug_clock_offset', (12 * 3600 * 1000)::text, false), pg_temp.word('pay', 'payment/send', '{"payee": "x", "amount": 1}');
SELECT set_config('agentcore.debug_clock_offset', (25 * 3600 * 1000 + 3600 * 1000)::text, false), pg_temp.word('pay', 'payment/send', '{"payee": "x", "amount": 1000}');
RESET agentcore.debug_clock_offset;
-- without an ask the answer says when there is room again
SELECT policy_limit_tool('pay', 'payment/send', name => 'day', per => '{/args/payee,/subject}', max_calls => 1, period => '1 hour'), pg_temp.word('pay', 'payment/send', '{"payee": "x", "amount": 1}', subject => 's');
SELECT verdict, reason, detail, feedback, retry_after BETWEEN '57 minutes' AND '63 minutes' AS later FROM call_begin('pay', 'payment/send', '{"payee": "x", "amount": 1}', subject => 's');
SELECT pg_temp.ask('pay', 'payment/send', '{"payee": "x", "amount": 1}') AS "no subject", pg_temp.ask('pay', 'payment/send', '{"amount": 1}', subject => 's') AS "no payee";
-- an ask that is dropped leaves a denial
SELECT policy_limit_tool('pay', 'payment/send', name => 'day', per => '{}', max_calls => 0, ask => 'two-people'), policy_rule_drop('pay', (SELECT rule FROM policy_rules WHERE name = 'two-people'));
SELECT pg_temp.ask('pay', 'payment/send', '{"payee": "x", "amount": 1}');

-- one limit for several tools; several for one; those of the policies '*'
SELECT policy_allow_tool('mail', 'mail/*') IS NOT NULL, policy_limit_tool('mail', 'mail/*', 'all', max_calls => 3), policy_limit_tool('mail', 'mail/a', 'a', max_calls => 1);
SELECT pg_temp.ask('mail', 'mail/a', '{}'), pg_temp.ask('mail', 'mail/a', '{}'), pg_temp.ask('mail', 'mail/b', '{}'), pg_temp.ask('mail', 'mail/b', '{}'), pg_temp.ask('mail', 'mail/b', '{}');
SELECT policy_set('*'), policy_limit_tool('*', 'mail/*', 'everybody', per => '{}', max_calls => 2);
SELECT pg_temp.ask('mail', 'mail/a', '{}', 'm2'), pg_temp.ask('mail', 'mail/b', '{}', 'm2'), pg_temp.ask('mail', 'mail/b', '{}', 'm2');
SELECT stage, verdict, reason, detail FROM call_explain('mail', 'mail/b', '{}', task => 'm2') WHERE stage IN ('limits', 'approval', 'budget');
-- tenants count apart
SELECT tool_set('mail/b', '{"type": "object"}', tenant => 'other'), policy_set('mail', tenant => 'other'), policy_allow_tool('mail', 'mail/*', tenant => 'other') IS NOT NULL, agent_set('mail', policy => 'mail', tenant => 'other'),
  policy_set('*', tenant => '*'), policy_limit_tool('*', 'mail/*', 'world', per => '{}', max_calls => 1, tenant => '*');
SELECT verdict, detail FROM call_begin('mail', 'mail/b', tenant => 'other');
SELECT verdict, detail FROM call_begin('mail', 'mail/b', tenant => 'other');
SELECT policy_limit_drop('*', 'world', tenant => '*'), policy_limit_drop('*', 'world', tenant => '*'), policy_limit_drop('*', 'everybody');
-- audit: of the policy, of the agent; what runs all the same is counted
SELECT policy_set('mail', mode => 'audit');
SELECT verdict, reason, enforced, detail FROM call_begin('mail', 'mail/a', task => 'audit');
SELECT verdict, reason, enforced, detail FROM call_begin('mail', 'mail/a', task => 'audit');
SELECT policy_set('mail', mode => 'enforce'), agent_set('mail', mode => 'audit');
SELECT verdict, reason, enforced, detail FROM call_begin('mail', 'mail/a', task => 'audit');
SELECT verdict, reason, enforced, detail FROM call_begin('mail', 'mail/a');
SELECT agent_set('mail', mode => 'enforce'), pg_temp.ask('mail', 'mail/b', '{}', 'audit');
SELECT policy_set('mail', mode => 'off'), pg_temp.ask('mail', 'mail/b', '{}', 'audit'), policy_set('mail', mode => 'enforce');
-- what is counted stays when it is written again; other things to count by begin anew
SELECT policy_limit_tool('mail', 'mail/*', 'all', max_calls => 5), pg_temp.ask('mail', 'mail/b', '{}'), pg_temp.ask('mail', 'mail/b', '{}'), pg_temp.ask('mail', 'mail/b', '{}');
SELECT policy_limit_tool('mail', 'mail/*', 'all', per => '{/task,/agent}', max_calls => 1), pg_temp.ask('mail', 'mail/b', '{}'), pg_temp.ask('mail', 'mail/b', '{}');
-- with a budget: the one that refuses leaves nothing in the other
SELECT budget_set('purse', max_calls => 2), agent_set('mail', budget => 'purse'), policy_limit_tool('mail', 'mail/*', 'all', max_calls => 3);
SELECT n, pg_temp.ask('mail', 'mail/b', '{}', 'both') FROM generate_series(1, 3) n;
SELECT budget_set('purse', max_calls => 9), n, pg_temp.ask('mail', 'mail/b', '{}', 'both') FROM generate_series(1, 2) n;
SELECT held_calls, used_calls FROM budget_status WHERE budget = 'purse';
SELECT count(*) AS violations FROM budget_verify();
-- no view shows the counters, and no name that can be typed is one of them
SELECT count(*) FILTER (WHERE budget < ' ') AS counters, count(*) FILTER (WHERE budget ~ '^[a-z0-9]') AS budgets FROM budget_counter WHERE budget < ' ' AND tenant = 'other' OR budget = 'purse';
SELECT count(*) AS shown FROM budget_status WHERE budget < ' ';
SELECT pg_temp.refused(format($$SELECT call_begin('mail', 'mail/b', budget => %L)$$, (SELECT min(budget) FROM budget_counter)));
SELECT * FROM policy_limits ORDER BY policy, name;

-- what no limit may be
SELECT pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x')$$) AS nothing,
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', sum_of => '/args/a')$$) AS "no maximum",
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', max_sum => 1)$$) AS "no sum",
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', max_calls => 1, max_by => 'shop.refundable')$$) AS "no sum, by";
SELECT pg_temp.refused($$SELECT policy_limit_tool('res', 'search', NULL, max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'sea*ch', 'x', max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', max_calls => -1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', per => '{/args/*}', max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', per => '{/args/a?}', max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', per => '{/tasks}', max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', per => '{/result/a}', max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', per => ARRAY[NULL], max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', per => '{/task,/subject,/agent,/tool,/args/a,/args/b,/args/c,/args/d,/args/e}', max_calls => 1)$$);
SELECT pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', sum_of => '/args/a', max_sum => 'NaN')$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', sum_of => '/args/a', max_sum => -1)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', sum_of => '/args/a', max_sum => 2000000001)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', sum_of => '/args/a', max_sum => 0.0000000001)$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', sum_of => '/args/a', max_by => 'shop.nothing')$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', max_calls => 1, period => '1 month')$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', max_calls => 1, period => '0')$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', max_calls => 1, period => '101 years')$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'x', max_calls => 1, ask => 'nobody')$$),
  pg_temp.refused($$SELECT policy_limit_tool('nowhere', 'search', 'x', max_calls => 1)$$),
  pg_temp.refused($$SELECT policy_limit_drop('nowhere', 'x')$$),
  pg_temp.refused($$SELECT policy_limit_tool('res', 'search', 'l' || n, max_calls => 1) FROM generate_series(1, 33) n$$);
-- a row that somebody wrote by hand, and that cannot be read, lets nothing pass
UPDATE policy_limit SET per = '{/nothing}' WHERE policy = 'res' AND name = 'searches';
SELECT pg_temp.ask('res', 'search', '{}', 'broken');
SELECT action, count(*) FROM policy_history WHERE action LIKE 'limit%' GROUP BY 1 ORDER BY 1;
-- only an administrator writes limits
CREATE ROLE regress_limits;
GRANT USAGE ON SCHEMA agentcore TO regress_limits;
SELECT access_grant('regress_limits', 'agent');
SET ROLE regress_limits;
SELECT pg_temp.refused($$SELECT agentcore.policy_limit_tool('res', 'search', 'x', max_calls => 1)$$), pg_temp.refused($$SELECT agentcore.policy_limit_drop('res', 'searches')$$), pg_temp.refused($$SELECT agentcore.policy_limit_tool('*', 'search', 'x', max_calls => 1, tenant => '*')$$);
RESET ROLE;
SELECT access_revoke('regress_limits');
DROP OWNED BY regress_limits;
DROP ROLE regress_limits;
