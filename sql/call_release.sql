-- A call that was given up before it ran: what it took goes back, nobody is charged, and
-- nobody hears of a failure.  Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore, pg_catalog;
SELECT budget_set('b', max_usd => 10, max_calls => 10, max_in_flight => 2), policy_set('p'), policy_allow_tool('p', '*') > 0 AS allowed, agent_set('a', 'p', 'b'), agent_set('free', 'p');
SELECT tool_set('t', '{"type": "object"}', est_usd => 2);
CREATE VIEW public.money AS SELECT used_usd, held_usd, used_calls, in_flight FROM budget_status WHERE budget = 'b';
CREATE FUNCTION public.ask(tool text, args jsonb DEFAULT '{}', key text DEFAULT NULL, task text DEFAULT NULL, OUT id uuid, OUT answer text) LANGUAGE sql AS $$
  SELECT v.call_id, concat_ws(' ', v.verdict, v.reason) FROM agentcore.call_begin('free', tool, args, key => key, task => task) v $$;

-- permit and key
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 1}', key => 'k') \gset
SELECT * FROM public.money;
SELECT call_release(:'id'), call_status(:'id');
SELECT * FROM public.money;
SELECT call_release(:'id'), call_commit(:'id');
SELECT action, reason FROM call_fail(:'id', 500);
SELECT verdict, call_id <> :'id' AS another, attempt FROM call_begin('a', 't', '{"n": 1}', key => 'k');
-- what is said of the first is nothing to the second
SELECT call_release(:'id');
SELECT verdict, reason FROM call_begin('a', 't', '{"n": 1}', key => 'k');
SELECT call_commit(permit, '"done"') FROM permits WHERE key = 'k' AND state = 'open';
SELECT call_release(permit) FROM permits WHERE key = 'k' AND state = 'committed';
SELECT verdict, result FROM call_begin('a', 't', '{"n": 1}', key => 'k');
-- nobody gives up what may have run; what failed has nothing to give
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 2}', key => 'k2') \gset
SELECT reason FROM call_fail(:'id', 504);
SELECT call_release(:'id');
SELECT verdict, reason FROM call_begin('a', 't', '{"n": 2}', key => 'k2');
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 3}', key => 'k3') \gset
SELECT reason FROM call_fail(:'id', 404);
SELECT call_release(:'id');
-- after its lease it is late, whether it was expired or not
SELECT * FROM public.money;
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 4}', key => 'k4') \gset
SET agentcore.debug_clock_offset = 86400000;
SELECT call_release(:'id');
SELECT verdict FROM call_begin('a', 't', '{"n": 4}', key => 'k4');
SELECT call_release(permit) FROM permits WHERE key = 'k4' AND state = 'open';
RESET agentcore.debug_clock_offset;
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 5}', key => 'k5') \gset
SET agentcore.debug_clock_offset = 86400000;
SELECT budget_reap(), call_status(:'id');
SELECT call_release(:'id'), call_release(:'id');
RESET agentcore.debug_clock_offset;
SELECT * FROM public.money;
-- while it waits for a retry: what the first attempt used stays charged
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 6}', key => 'k6') \gset
SELECT action FROM call_fail(:'id', 503, usd => 0.25);
SELECT call_release(:'id'), charged_usd FROM permits WHERE permit = :'id';
SELECT state, charged_usd FROM permits WHERE permit = :'id';
SELECT verdict, attempt FROM call_begin('a', 't', '{"n": 6}', key => 'k6');
SELECT call_release(permit) FROM permits WHERE key = 'k6' AND state = 'open';
-- deferred: the key need not wait
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 7}', key => 'k7') \gset
SELECT action FROM call_fail(:'id', 429, 'slow down', '7200');
SELECT verdict, reason FROM call_begin('a', 't', '{"n": 7}', key => 'k7');
SELECT call_release(:'id');
SELECT verdict FROM call_begin('a', 't', '{"n": 7}', key => 'k7');
SELECT call_release(permit) FROM permits WHERE key = 'k7' AND state = 'open';
-- a model call, also one that was cancelled
SELECT model_price_set('m', 0.001, 0.002);
SELECT call_id AS id FROM llm_begin('a', 'm', 10, 10) \gset
SELECT reason FROM call_fail(:'id', 499);
SELECT call_release(:'id');
SELECT * FROM public.money;
SELECT * FROM budget_verify();
-- the raw function refuses, whoever calls
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 8}') \gset
SELECT budget_release(:'id');
SELECT budget_commit(:'id');
SELECT budget_commit(:'id', 5, 1);
SELECT call_status(:'id');
SELECT call_release(:'id');
-- nor does it charge one that has ended, whose end only the gate knows
SELECT budget_commit(:'id');
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 9}') \gset
SET agentcore.debug_clock_offset = 86400000;
SELECT budget_reap();
SELECT budget_commit(:'id');
SELECT call_release(:'id');
RESET agentcore.debug_clock_offset;
SELECT call_release(NULL);
SELECT call_release('00000000-0000-0000-0000-000000000000');

-- the cache lease, at COMMIT; and no failure is remembered
SELECT tool_set('c', '{"type": "object"}', cache_ttl => '1 h', cache_negative_ttl => '1 h', cache_scope => 'tenant', idempotent => true);
SELECT id FROM public.ask('c') \gset
SELECT answer FROM public.ask('c');
BEGIN;
SELECT call_release(:'id');
SELECT answer FROM public.ask('c');
ROLLBACK;
SELECT answer FROM public.ask('c');
BEGIN;
SAVEPOINT s;
SELECT call_release(:'id');
ROLLBACK TO s;
COMMIT;
SELECT answer FROM public.ask('c');
SELECT call_release(:'id');
SELECT id, answer FROM public.ask('c') \gset
\echo :answer
-- so it is where a caller cancels
SELECT reason FROM call_fail(:'id', error => 'context canceled');
SELECT id, answer FROM public.ask('c') \gset
\echo :answer
-- a commit of the permit would lose the result and leave the lease taken
SELECT budget_commit(:'id');
SELECT call_commit(:'id', '"x"');
SELECT answer FROM public.ask('c');

-- rate tokens and probes, once each; a release that is rolled back gives nothing
SELECT rate_set('slow', 2, '1 hour'), tool_set('s', '{"type": "object"}', target => 'slow');
SELECT id FROM public.ask('s') \gset
SELECT answer FROM public.ask('s');
SELECT answer FROM public.ask('s');
BEGIN;
SELECT call_release(:'id');
ROLLBACK;
SELECT answer FROM public.ask('s');
SELECT call_release(:'id'), call_release(:'id');
SELECT id, answer FROM public.ask('s') \gset
\echo :answer
SELECT answer FROM public.ask('s');
-- an attempt that ran has used its token
SELECT action FROM call_fail(:'id', 408);
SELECT call_release(:'id');
SELECT answer FROM public.ask('s');
SELECT breaker_set('shaky', consecutive => 2, open_for => '1 s', probes => 1), tool_set('p', '{"type": "object"}', target => 'shaky', idempotent => true);
SELECT action FROM public.ask('p'), call_fail(id, 503);
SELECT action FROM public.ask('p', '{"n": 2}'), call_fail(id, 503);
SELECT answer FROM public.ask('p', '{"n": 3}');
SET agentcore.debug_clock_offset = 10000;
SELECT id, answer FROM public.ask('p', '{"n": 3}') \gset
\echo :answer
SELECT answer FROM public.ask('p', '{"n": 4}');
SELECT call_release(:'id');
SELECT state, failures FROM stat_target WHERE target = 'shaky' AND kind = 'gate';
SELECT id, answer FROM public.ask('p', '{"n": 4}') \gset
\echo :answer
SELECT call_commit(:'id');
RESET agentcore.debug_clock_offset;

-- the loop guard's count
SET agentcore.loop_limit = 2;
SELECT id FROM public.ask('t', '{"loop": 1}', task => 'x') \gset
SELECT answer FROM public.ask('t', '{"loop": 1}', task => 'x');
SELECT answer FROM public.ask('t', '{"loop": 1}', task => 'x');
SELECT call_release(:'id');
SELECT id, answer FROM public.ask('t', '{"loop": 1}', task => 'x') \gset
\echo :answer
SELECT answer FROM public.ask('t', '{"loop": 1}', task => 'x');
-- what failed has been made
SELECT reason FROM call_fail(:'id', 404);
SELECT answer FROM public.ask('t', '{"loop": 1}', task => 'x');
RESET agentcore.loop_limit;

-- the approval: usable once more, and once only; not where an attempt has run
SELECT tool_set('w', '{"type": "object"}', needs_approval => true);
SELECT answer FROM public.ask('w', '{"n": 1}');
SELECT call_approve(id) FROM approvals WHERE tool = 'w';
SELECT id, answer FROM public.ask('w', '{"n": 1}') \gset
\echo :answer
SELECT state, call_id = :'id' AS used_by FROM approvals WHERE tool = 'w';
SELECT call_release(:'id');
SELECT state, call_id FROM approvals WHERE tool = 'w';
SELECT id, answer FROM public.ask('w', '{"n": 1}') \gset
\echo :answer
SELECT call_release('00000000-0000-0000-0000-000000000000');
SELECT reason FROM call_fail(:'id', 404);
SELECT call_release(:'id'), state FROM approvals WHERE tool = 'w';
SELECT answer FROM public.ask('w', '{"n": 2}', 'wk');
SELECT call_approve(id) FROM approvals WHERE args = '{"n": 2}';
SELECT id FROM public.ask('w', '{"n": 2}', 'wk') \gset
SELECT action FROM call_fail(:'id', 503);
SELECT call_release(:'id');
SELECT state FROM approvals WHERE args = '{"n": 2}';
-- a deferred call was not made: its approval holds when it comes again, once
SELECT answer FROM public.ask('w', '{"n": 3}', 'wd');
SELECT call_approve(id) FROM approvals WHERE args = '{"n": 3}';
SELECT id FROM public.ask('w', '{"n": 3}', 'wd') \gset
SELECT action FROM call_fail(:'id', 429, retry_after_header => '3600');
SELECT state, call_id FROM approvals WHERE args = '{"n": 3}';
SELECT answer FROM public.ask('w', '{"n": 3}', 'wd');
SELECT call_release(:'id');
SELECT answer FROM public.ask('w', '{"n": 3}', 'wd');
SELECT answer FROM public.ask('w', '{"n": 3}', 'we');

-- a probe whose lease has ended is another call's by now
SELECT tool_set('v', '{"type": "object"}', idempotent => true, target => 'probed'), breaker_set('probed', consecutive => 1, open_for => '1 ms', probes => 1);
SELECT id FROM public.ask('v', '{"n": 1}') \gset
SELECT reason FROM call_fail(:'id', 500);
SELECT pg_sleep(0.01);
SELECT id, answer FROM public.ask('v', '{"n": 2}') \gset
\echo :answer
SELECT pg_sleep(0.01);
SELECT breaker_set('probed', open_for => '1 h');
SELECT answer FROM public.ask('v', '{"n": 3}');
SELECT call_release(:'id');
SELECT state, probes FROM stat_target WHERE target = 'probed';
SELECT answer FROM public.ask('v', '{"n": 4}');
SELECT * FROM budget_verify();
DROP VIEW public.money;
DROP FUNCTION public.ask;
