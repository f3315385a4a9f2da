-- The gate's cache: stale answers, failures that are remembered, sizes, and what it saved.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0 AS allowed, policy_allow('web', '*') > 0 AS everywhere;
SELECT budget_set('team', max_calls => 6);
SELECT agent_set('bot', 'web', 'team');
SELECT agent_set('judge', 'web', mode => 'audit');
SELECT tool_set('look', '{"type": "object"}', cache_ttl => '1 hour', cache_soft_ttl => '10 ms', cache_scope => 'tenant');
SELECT tool_set('find', '{"type": "object"}', cache_ttl => '1 hour', cache_negative_ttl => '1 hour', cache_scope => 'tenant', tags => '{files}');
SELECT tool_set('dump', '{"type": "object"}', cache_ttl => '1 hour', cache_max_size => 100, cache_scope => 'tenant');
SELECT cache_soft_ttl, cache_negative_ttl, cache_max_size FROM tools ORDER BY name;
SELECT tool_set('dump', '{"type": "object"}', cache_ttl => '1 hour', cache_max_size => 100, cache_scope => 'tenant') AS changed;
SELECT tool_set('dump', '{"type": "object"}', cache_ttl => '1 hour', cache_max_size => 101, cache_scope => 'tenant') AS changed;
SELECT jsonb_path_query(config_export(), '$.tools[*] ? (@.name == "look" || @.name == "dump")') - 'input_schema' AS exported;
SELECT * FROM config_apply(config_export()) WHERE action <> 'unchanged';

CREATE FUNCTION public.ask(agent text, tool text, args jsonb DEFAULT '{}', key text DEFAULT NULL) RETURNS TABLE (call_id uuid, answer text) LANGUAGE sql AS
  $$ SELECT v.call_id, concat_ws(' | ', v.verdict, v.reason, v.result, v.detail, CASE WHEN NOT v.enforced THEN 'not enforced' END)
       FROM agentcore.call_begin(agent, tool, args, key => key) v $$;

-- an answer past its soft deadline: one runs, the others are served ---------------------
SELECT call_id AS id, answer FROM ask('bot', 'look') \gset
\echo :answer
SELECT call_commit(:'id', '{"n": 1}', usd => 0.25);
SELECT pg_sleep(0.02);
SELECT stage, verdict, detail FROM call_explain('bot', 'look') WHERE stage = 'cache';
SELECT call_id AS id, answer FROM ask('bot', 'look') \gset
\echo :answer
SELECT answer FROM ask('bot', 'look');
SELECT answer FROM ask('judge', 'look');
-- a failure leaves the old answer, and somebody else tries
SELECT action, reason FROM call_fail(:'id', 404);
SELECT call_id AS id, answer FROM ask('bot', 'look') \gset
\echo :answer
SELECT call_commit(:'id', '{"n": 2}', usd => 0.5);
SELECT pg_sleep(0.02);
-- who may not run is served what there is
SELECT tool_set('look', '{"type": "object"}', cache_ttl => '1 hour', cache_soft_ttl => '10 ms', cache_scope => 'shared');
SELECT call_id AS id, answer FROM ask('bot', 'look') \gset
\echo :answer
SELECT call_commit(:'id', '{"n": 3}');
SELECT pg_sleep(0.02);
SELECT budget_set('team', max_calls => 4);
SELECT answer FROM ask('bot', 'look');
SELECT answer FROM ask('bot', 'look', '{"other": 1}');
SELECT budget_set('team', max_calls => 100);
-- a rollback gives the lease back
BEGIN;
SELECT answer FROM ask('bot', 'look');
ROLLBACK;
BEGIN;
SELECT answer FROM ask('bot', 'look');
ROLLBACK;

-- failures -----------------------------------------------------------------------------
SELECT call_id AS id, answer FROM ask('bot', 'find', '{"f": 1}') \gset
\echo :answer
SELECT action, reason FROM call_fail(:'id', 404, 'no such file "f"');
SELECT verdict, reason, result, feedback, retry_after > '59 minutes' AS until, call_id FROM call_begin('bot', 'find', '{"f": 1}');
SELECT stage, verdict, reason FROM call_explain('bot', 'find', '{"f": 1}') WHERE stage = 'cache';
SELECT answer FROM ask('judge', 'find', '{"f": 1}');
-- other arguments are another call
SELECT call_id AS id, answer FROM ask('bot', 'find', '{"f": 2}', 'key') \gset
\echo :answer
-- what is to be retried has not failed yet
SELECT action FROM call_fail(:'id', 503, 'overloaded', '0');
SELECT split_part(answer, ' | ', 1) AS verdict FROM ask('bot', 'find', '{"f": 2}');
-- an invalidation forgets failures, too
SELECT cache_invalidate_tag('files');
SELECT call_id AS id, answer FROM ask('bot', 'find', '{"f": 1}') \gset
\echo :answer
-- a rolled-back failure is none
BEGIN;
SELECT action FROM call_fail(:'id', 404);
ROLLBACK;
SELECT answer FROM ask('bot', 'find', '{"f": 1}');
SELECT call_commit(:'id', '{"found": true}');
SELECT answer FROM ask('bot', 'find', '{"f": 1}');
-- a spent quota is the account's fault, not the arguments': it is not remembered
SELECT call_id AS id, answer FROM ask('bot', 'find', '{"f": 3}') \gset
\echo :answer
SELECT action, reason FROM call_fail(:'id', 402);
SELECT call_id AS id, answer FROM ask('bot', 'find', '{"f": 3}') \gset
\echo :answer
SELECT action, reason FROM call_fail(:'id', 429, '{"error": {"code": "insufficient_quota"}}');
SELECT call_id AS id, answer FROM ask('bot', 'find', '{"f": 3}') \gset
\echo :answer
SELECT action, reason FROM call_fail(:'id', 410);
SELECT split_part(answer, ' | ', 2) AS reason FROM ask('bot', 'find', '{"f": 3}');
-- a tool that does not ask for it keeps none
SELECT call_id AS id FROM ask('bot', 'dump') \gset
SELECT action, reason FROM call_fail(:'id', 404);
SELECT call_id AS id, answer FROM ask('bot', 'dump') \gset
\echo :answer

-- sizes --------------------------------------------------------------------------------
SELECT call_commit(:'id', to_jsonb(repeat('x', 101)));
SELECT call_id AS id, answer FROM ask('bot', 'dump') \gset
\echo :answer
SELECT call_commit(:'id', to_jsonb(repeat('x', 80)));
SELECT left(answer, 12) AS answer FROM ask('bot', 'dump');

-- what it saved ------------------------------------------------------------------------
SELECT tenant, tool, hits, misses, stale, negative, fills, invalidations, refused_size, saved_ms >= 0 AS saved_ms, saved_usd FROM stat_tool ORDER BY tenant, tool;
SELECT tool, kind, scope, negative, stale, hits, cost_usd FROM cache_entries() WHERE tenant IN ('', '*') ORDER BY tool, cost_usd, negative;
CREATE ROLE regress_cache_reader;
SELECT access_grant('regress_cache_reader', 'reader', '{acme}');
SELECT cache_set('t', '1', '1', tenant => 'acme'), cache_get('t', '1', tenant => 'acme');
SET ROLE regress_cache_reader;
SELECT tenant, tool, hits, misses FROM agentcore.stat_tool;
SELECT tenant, tool, kind, scope, hits FROM agentcore.cache_entries();
SELECT agentcore.stat_tool_reset('acme');
SELECT agentcore.cache_dump();
SELECT agentcore.cache_load();
RESET ROLE;
SELECT stat_tool_reset();
SELECT tenant, tool, hits FROM stat_tool ORDER BY tenant, tool;
SELECT stat_cache_reset();
SELECT count(*) FROM stat_tool;
SELECT stat_tool_reset(NULL);
SELECT access_revoke('regress_cache_reader');
DROP ROLE regress_cache_reader;

-- a table's trigger reaches the answers that tenants share ------------------------------
SELECT tool_set('price', '{"type": "object"}', cache_ttl => '1 hour', cache_scope => 'shared', tags => '{prices}');
CREATE TABLE public.prices (n int);
CREATE TRIGGER changed AFTER INSERT ON public.prices FOR EACH STATEMENT EXECUTE FUNCTION agentcore.cache_invalidate_on_change('prices');
SELECT call_id AS id, answer FROM ask('bot', 'price') \gset
SELECT call_commit(:'id', '{"n": 1}');
SELECT answer FROM ask('bot', 'price');
INSERT INTO public.prices VALUES (2);
SELECT answer FROM ask('bot', 'price');
DROP TABLE public.prices;

-- bad input ----------------------------------------------------------------------------
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '1 s', cache_soft_ttl => '1 s');
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '1 s', cache_soft_ttl => '0');
SELECT tool_set('bad', '{"type": "object"}', cache_soft_ttl => '1 s');
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '1 s', cache_soft_ttl => '-1 s');
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '1 s', cache_negative_ttl => '0');
SELECT tool_set('bad', '{"type": "object"}', cache_negative_ttl => '1 s');
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '1 s', cache_max_size => 0);
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '1 s', cache_max_size => -1);
SELECT tool_set('bad', '{"type": "object"}', cache_max_size => 1);
SELECT count(*) FROM tools WHERE name = 'bad';
