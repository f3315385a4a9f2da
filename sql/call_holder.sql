--
-- call: a key is one call, as it was asked and as it runs; a holder has its own call back
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore;
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS rule, policy_allow('p', '*.example.com') > 0 AS web, agent_set('a', 'p'), agent_set('b', 'p');
SELECT budget_set('purse', max_usd => 10, max_in_flight => 1), agent_set('paid', 'p', 'purse');
CREATE FUNCTION public.short(v agentcore.call_verdict) RETURNS text LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', v.verdict, v.reason, v.args, v.result, regexp_replace(v.detail, '[0-9a-f]{8}-[0-9a-f-]{27}', 'ID'), 'attempt ' || v.attempt) $$;

-- What runs is the same call ---------------------------------------------------
SELECT tool_set('co', '{"type": "object", "properties": {"n": {"type": "integer"}, "url": {"type": "string", "format": "uri"}}}', coerce => true, idempotent => true);
SELECT args FROM call_begin('a', 'co', '{"n": "5"}', key => 'coerced') \gset
SELECT public.short(v) FROM call_begin('a', 'co', :'args', key => 'coerced') v;
SELECT public.short(v) FROM call_begin('a', 'co', '{"n": "5"}', key => 'coerced') v;
SELECT public.short(v) FROM call_begin('a', 'co', '{"n": 5.0}', key => 'coerced') v;
SELECT public.short(v) FROM call_begin('a', 'co', args_text => ' {"n":"5"} ', key => 'coerced') v;
SELECT call_begin('a', 'co', '{"n": 6}', key => 'coerced');
SELECT args FROM call_begin('a', 'co', '{"url": "HTTPS://API.example.com/a/../x"}', key => 'url') \gset
SELECT :'args' AS args;
SELECT public.short(v) FROM call_begin('a', 'co', :'args', key => 'url') v;
SELECT public.short(v) FROM call_begin('a', 'co', '{"url": "https://api.example.com/./x"}', key => 'url') v;
-- a default that an administrator adds, changes and takes away again is nobody's fault
SELECT call_id AS c, args FROM call_begin('a', 'co', '{"n": "7"}', key => 'default') \gset
SELECT tool_set('co', '{"type": "object", "properties": {"n": {"type": "integer"}, "m": {"type": "integer", "default": 1}}}');
SELECT public.short(v) FROM call_begin('a', 'co', '{"n": "7"}', key => 'default') v;
SELECT public.short(v) FROM call_begin('a', 'co', :'args', key => 'default') v;
SELECT call_begin('a', 'co', '{"n": 7, "m": 2}', key => 'default');
SELECT call_commit(:'c', '{"done": 7}');
SELECT public.short(v) FROM call_begin('a', 'co', '{"n": "7"}', key => 'default') v;
SELECT args FROM call_begin('a', 'co', '{"n": 8}', key => 'default 2') \gset
SELECT tool_set('co', '{"type": "object", "properties": {"n": {"type": "integer"}, "m": {"type": "integer"}}}');
SELECT public.short(v) FROM call_begin('a', 'co', :'args', key => 'default 2') v;
SELECT public.short(v) FROM call_begin('a', 'co', '{"n": 8}', key => 'default 2') v;
-- a retry is known by what it runs from then on
SELECT call_id AS c FROM call_begin('a', 'co', '{"n": 9}', key => 'retry') \gset
SELECT action FROM call_fail(:'c', 503);
SELECT tool_set('co', '{"type": "object", "properties": {"n": {"type": "integer"}, "m": {"type": "integer", "default": 1}}}');
SET agentcore.debug_clock_offset = 60000;
SELECT args FROM call_begin('a', 'co', '{"n": 9}', key => 'retry') \gset
SELECT :'args' AS args;
SELECT public.short(v) FROM call_begin('a', 'co', :'args', key => 'retry') v;
RESET agentcore.debug_clock_offset;
-- explaining tells of a conflict instead of raising it
SELECT verdict, reason, detail FROM call_explain('a', 'co', '{"n": 1}', key => 'coerced') WHERE stage = 'key';
-- arguments that are nested too deep for a digest
SELECT verdict, reason FROM call_begin('a', 'co', (repeat('{"a":', 6000) || '1' || repeat('}', 6000))::jsonb, key => 'deep');

-- A holder ---------------------------------------------------------------------
SELECT tool_set('pay', '{"type": "object", "properties": {"to": {"type": "string"}}}', coerce => true);
SELECT call_id AS c, public.short(v) FROM call_begin('a', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 1') v \gset
SELECT :'short' AS first;
SELECT public.short(v), call_id = :'c' AS same, enforced, want_result, errors, feedback FROM call_begin('a', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 1') v;
SELECT stage, verdict, detail FROM call_explain('a', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 1') WHERE verdict <> 'pass' OR detail IS NOT NULL;
-- others wait: another holder, none, another agent has another key
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 2') v;
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "ann"}', key => 'k') v;
SELECT public.short(v) FROM call_begin('b', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 1') v;
-- and another call stays another call
SELECT call_begin('a', 'pay', '{"to": "bob"}', key => 'k', holder => 'run 1');
-- one that was begun without a holder has none; one without a key is a new call each time
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "cy"}', key => 'nobody') v;
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "cy"}', key => 'nobody', holder => 'run 1') v;
SELECT count(DISTINCT v.call_id) FROM generate_series(1, 2) g, LATERAL call_begin('a', 'pay', jsonb_build_object('to', left('dan', 3 + g * 0)), holder => 'run 1') v;
-- the lease begins anew, and is never cut
SELECT lease_until AS was FROM permits WHERE permit = :'c' \gset
SELECT verdict FROM call_begin('a', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 1', lease => '1 second');
SELECT lease_until >= :'was' AS not_cut FROM permits WHERE permit = :'c';
SELECT verdict FROM call_begin('a', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 1', lease => '1 hour');
SELECT lease_until > :'was'::timestamptz + interval '50 min' AS renewed FROM permits WHERE permit = :'c';
-- once it is over, nobody has it back
SELECT call_commit(:'c', '{"paid": 1}');
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "ann"}', key => 'k', holder => 'run 1') v;
SELECT call_id AS c FROM call_begin('a', 'pay', '{"to": "ed"}', key => 'lapse', holder => 'run 1') \gset
SET agentcore.debug_clock_offset = 3600000;
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "ed"}', key => 'lapse', holder => 'run 1') v;
RESET agentcore.debug_clock_offset;
SELECT call_id AS c FROM call_begin('a', 'pay', '{"to": "flo"}', key => 'failed', holder => 'run 1') \gset
SELECT action, reason FROM call_fail(:'c', 504);
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "flo"}', key => 'failed', holder => 'run 1') v;
-- a retry has the holder that began it
SELECT call_id AS c FROM call_begin('a', 'co', '{"n": 1}', key => 'again', holder => 'run 1') \gset
SELECT action FROM call_fail(:'c', 503);
SET agentcore.debug_clock_offset = 60000;
SELECT verdict, attempt FROM call_begin('a', 'co', '{"n": 1}', key => 'again', holder => 'run 2');
SELECT verdict, attempt, detail FROM call_begin('a', 'co', '{"n": 1}', key => 'again', holder => 'run 2');
SELECT verdict, attempt FROM call_begin('a', 'co', '{"n": 1}', key => 'again', holder => 'run 1');
RESET agentcore.debug_clock_offset;

-- nothing is asked or taken twice: budget, rate, cache lease, loop guard, approval
SELECT tool_set('all', '{"type": "object"}', target => 't', cache_ttl => '1 h', cache_scope => 'tenant', est_usd => 8, needs_approval => false);
SELECT rate_set('t', 1, '1 hour');
SET agentcore.loop_limit = 1;
SELECT call_id AS c, public.short(v) FROM call_begin('paid', 'all', '{}', key => 'k', holder => 'run 1', task => 'w') v \gset
SELECT :'short' AS first;
SELECT public.short(v), call_id = :'c' AS same FROM call_begin('paid', 'all', '{}', key => 'k', holder => 'run 1', task => 'w') v;
SELECT in_flight, held_usd FROM budget_status WHERE budget = 'purse';
RESET agentcore.loop_limit;
-- who waits for the answer goes on waiting as long as the renewed lease runs
SELECT verdict FROM call_begin('paid', 'all', '{}', key => 'k', holder => 'run 1', task => 'w', lease => '2 hours');
SET agentcore.debug_clock_offset = 3600000;
SELECT public.short(v) FROM call_begin('b', 'all', '{}') v;
RESET agentcore.debug_clock_offset;
SELECT call_commit(:'c', '{"found": 1}');
SELECT public.short(v) FROM call_begin('b', 'all', '{}') v;
-- what was switched off or forbidden meanwhile does not run
SELECT call_id AS c FROM call_begin('a', 'pay', '{"to": "gus"}', key => 'off', holder => 'run 1') \gset
SELECT tool_set('pay', enabled => false);
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "gus"}', key => 'off', holder => 'run 1') v;
-- what a person allowed runs again as it was allowed; as another tool it is asked for anew
SELECT tool_set('pay', enabled => true, needs_approval => true);
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "hal"}', key => 'asked', holder => 'run 1') v;
SELECT call_approve(id) FROM approvals WHERE state = 'pending';
SELECT call_id AS c, approval FROM call_begin('a', 'pay', '{"to": "hal"}', key => 'asked', holder => 'run 1') \gset
SELECT public.short(v), call_id = :'c' AS same, approval = :'approval' AS by_it FROM call_begin('a', 'pay', '{"to": "hal"}', key => 'asked', holder => 'run 1') v;
SELECT tool_set('pay', '{"type": "object", "properties": {"to": {"type": "string"}, "all": {"type": "boolean", "default": true}}}');
SELECT public.short(v) FROM call_begin('a', 'pay', '{"to": "hal"}', key => 'asked', holder => 'run 1') v;
SELECT call_approve(id) FROM approvals WHERE state = 'pending';
SELECT public.short(v), call_id = :'c' AS same FROM call_begin('a', 'pay', '{"to": "hal"}', key => 'asked', holder => 'run 1') v;
SELECT count(*) FROM approvals WHERE call_id = :'c';

-- a model call
SELECT model_price_set('m', 0.000001, 0.000001);
SELECT call_id AS c FROM llm_begin('a', 'm', 10, 10, key => 'm', holder => 'run 1') \gset
SELECT public.short(v), call_id = :'c' AS same FROM llm_begin('a', 'm', 10, 10, key => 'm', holder => 'run 1') v;
SELECT public.short(v) FROM llm_begin('a', 'm', 10, 10, key => 'm', holder => 'run 2') v;

-- a role that could not settle the call does not have it back, nor can it be read whose it is
CREATE ROLE regress_agentcore_one;
CREATE ROLE regress_agentcore_two;
SELECT access_grant('regress_agentcore_one', 'agent'), access_grant('regress_agentcore_two', 'agent');
SELECT tool_set('free', '{"type": "object"}');
SET ROLE regress_agentcore_one;
SELECT verdict FROM call_begin('a', 'free', key => 'role', holder => 'run 1');
SET ROLE regress_agentcore_two;
SELECT public.short(v) FROM call_begin('a', 'free', key => 'role', holder => 'run 1') v;
RESET ROLE;
SELECT count(*) FROM permit p WHERE p::text LIKE '%run 1%';
SELECT attname FROM pg_attribute WHERE attrelid = 'permits'::regclass AND attname IN ('held_by', 'asked_hash', 'request_hash');
SELECT call_begin('a', 'free', key => 'role', holder => '');
SELECT call_begin('a', 'free', key => 'role', holder => repeat('x', 256));
SELECT access_revoke('regress_agentcore_one'), access_revoke('regress_agentcore_two');
DROP ROLE regress_agentcore_one, regress_agentcore_two;
