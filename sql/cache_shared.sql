-- Answers that all tenants share are planted by nobody but those who serve all tenants,
-- unless the tool says so.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
DROP ROLE IF EXISTS regress_shared_one, regress_shared_all;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
CREATE ROLE regress_shared_one;
CREATE ROLE regress_shared_all;
SELECT access_grant('regress_shared_one', 'agent', '{mallory}'), access_grant('regress_shared_all', 'agent', '{*}');
SELECT tool_set(tool, '{"type": "object"}', cache_ttl => '1 hour', cache_soft_ttl => soft, cache_negative_ttl => '1 hour', cache_scope => scope, tenant => t)
  FROM unnest('{mallory,victim}'::text[]) t,
       (VALUES ('closed', 'shared', NULL), ('open', 'shared_open', NULL), ('stale', 'shared', '1 ms'::interval)) v(tool, scope, soft);
SELECT policy_set('all', tenant => t), policy_allow_tool('all', '*', tenant => t) > 0 AS allowed, agent_set('bot', 'all', tenant => t)
  FROM unnest('{mallory,victim}'::text[]) t;
CREATE FUNCTION public.run(tool text, answer jsonb, tenant text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v agentcore.call_verdict := agentcore.call_begin('bot', run.tool, '{}', tenant => run.tenant);
BEGIN
  IF v.verdict = 'run' AND answer IS NOT NULL THEN
    PERFORM agentcore.call_commit(v.call_id, answer, tenant => run.tenant);
  ELSIF v.verdict = 'run' THEN
    PERFORM agentcore.call_fail(v.call_id, 400, 'planted', tenant => run.tenant);
  END IF;
  RETURN concat_ws(' | ', v.verdict, v.reason, v.result, CASE WHEN v.want_result THEN 'wants result' END);
END $$;

-- a role of one tenant runs, and keeps nothing ---------------------------------
SET ROLE regress_shared_one;
SELECT run('closed', '"planted"', 'mallory');
SELECT run('closed', NULL, 'mallory') AS fails;
SELECT run('closed', '"planted"', 'mallory') AS again;
RESET ROLE;
SELECT run('closed', '"true"', 'victim');

-- but is served what one of all tenants has kept ----------------------------------
SET ROLE regress_shared_one;
SELECT run('closed', '"planted"', 'mallory');
RESET ROLE;
SET ROLE regress_shared_all;
SELECT run('closed', '"other"', 'mallory'), cache_invalidate_tool('closed', tenant => 'mallory');
SELECT run('closed', '"kept"', 'mallory');
RESET ROLE;
SELECT run('closed', '"true"', 'victim');

-- past the soft deadline too
SELECT run('stale', '"true"', 'victim'), pg_sleep(0.01);
SET ROLE regress_shared_one;
SELECT run('stale', '"planted"', 'mallory');
RESET ROLE;
SELECT result FROM call_begin('bot', 'stale', '{}', tenant => 'victim');

-- where the tool says so everybody keeps, apart from what only some may ---------------
SET ROLE regress_shared_one;
SELECT run('open', '"anybody''s"', 'mallory');
RESET ROLE;
SELECT run('open', '"true"', 'victim');
SELECT tool_set('open', '{"type": "object"}', cache_ttl => '1 hour', cache_scope => 'shared', tenant => 'victim');
SELECT run('open', '"true"', 'victim');
SELECT tenant, tool, kind, scope FROM cache_entries() ORDER BY tool COLLATE "C", size;

-- to say it takes an administrator of every tenant
SELECT access_grant('regress_shared_one', 'admin', '{mallory}');
SET ROLE regress_shared_one;
SELECT tool_set('own', 'true', cache_ttl => '1 hour', cache_scope => 'shared_open', tenant => 'mallory');
SELECT tool_set('own', 'true', cache_ttl => '1 hour', cache_scope => 'shared', tenant => 'mallory');
SELECT tool_set('own', 'true', cache_scope => 'everyone', tenant => 'mallory');
RESET ROLE;
DROP FUNCTION public.run(text, jsonb, text);
DROP EXTENSION agentcore;
DROP ROLE regress_shared_one, regress_shared_all;
CREATE EXTENSION agentcore;
