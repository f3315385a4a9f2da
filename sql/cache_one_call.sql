-- Invalidating one call by its arguments: the raw entry and the gate's, by scope.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0 AS allowed;
SELECT agent_set('bot', 'web'), agent_set('cat', 'web');
SELECT tool_set(s, '{"type": "object", "properties": {"n": {"type": "integer"}}}', cache_ttl => '1 hour', cache_scope => s, coerce => true)
  FROM unnest('{agent,subject,tenant,shared}'::text[]) s;

CREATE FUNCTION public.keep(agent text, tool text, args jsonb, subject text DEFAULT NULL) RETURNS text LANGUAGE sql AS
  $$ SELECT coalesce(agentcore.call_commit(v.call_id, '"kept"'), v.verdict) FROM agentcore.call_begin(agent, tool, args, subject => subject) v $$;
CREATE TABLE public.calls (tool text, agent text, n int, subject text);
-- what each of the calls would be answered
CREATE FUNCTION public.kept() RETURNS TABLE (tool text, agent text, n int, subject text, verdict text) LANGUAGE sql AS
  $$ SELECT c.*, x.verdict FROM public.calls c, agentcore.call_explain(c.agent, c.tool, jsonb_build_object('n', c.n), subject => c.subject) x
      WHERE x.stage = 'cache' ORDER BY 1, 2, 3, 4 $$;
INSERT INTO public.calls VALUES ('agent', 'bot', 1, NULL), ('agent', 'bot', 1, 'ann'), ('agent', 'cat', 1, NULL), ('agent', 'bot', 2, NULL),
  ('subject', 'bot', 1, 'ann'), ('subject', 'bot', 1, 'bob'), ('tenant', 'bot', 1, NULL), ('tenant', 'bot', 2, NULL),
  ('shared', 'bot', 1, NULL), ('shared', 'bot', 2, NULL);
SET client_min_messages = error;
SELECT DISTINCT keep(agent, tool, jsonb_build_object('n', n), subject) FROM calls;
RESET client_min_messages;
SELECT cache_set('tenant', '{"n": 1}', '"raw"'), cache_set('tenant', '{"n": 1}', '"team"', scope => 'team');

-- without agent and subject: what the whole tenant has, or all tenants
SELECT t AS tool, cache_invalidate(t, '{"n": 1}') FROM unnest('{agent,subject,shared}'::text[]) t;
-- as the model may give them; raw entries of the same scope go, others stay
SELECT cache_invalidate('tenant', '{"n": "1"}'), cache_get('tenant', '{"n": 1}'), cache_get('tenant', '{"n": 1}', 'team');
SELECT cache_invalidate('tenant', '{"n": 1}'), cache_get('tenant', '{"n": 1}'), cache_get('tenant', '{"n": 1}', 'team');
SELECT * FROM kept();
-- one agent's, one subject's; whether there was one is not said
SELECT cache_invalidate('agent', '{"n": 1}', agent => 'bot'), cache_invalidate('subject', '{"n": 1}', subject => 'bob');
SELECT * FROM kept() WHERE tool IN ('agent', 'subject');
SELECT cache_invalidate('agent', '{"n": 1}', agent => 'bot', subject => 'ann'), cache_invalidate('agent', '{"n": 2}', '', 'bot');
SELECT * FROM kept() WHERE tool IN ('agent', 'subject');

-- with the transaction: hidden from itself at once; back after ROLLBACK
BEGIN;
SELECT cache_invalidate('tenant', '{"n": 2}');
SELECT * FROM kept() WHERE tool = 'tenant';
ROLLBACK;
SELECT * FROM kept() WHERE tool = 'tenant';
-- a call that is running loses its lease: its answer is not kept
SELECT call_id AS id, verdict FROM call_begin('bot', 'tenant', '{"n": 3}') \gset
SELECT cache_invalidate('tenant', '{"n": 3}');
SELECT call_commit(:'id', '"old"');
SELECT verdict FROM call_explain('bot', 'tenant', '{"n": 3}') WHERE stage = 'cache';
-- one invalidation each, under the tool's name in this tenant
SELECT tenant, tool, invalidations FROM stat_tool WHERE invalidations > 0 ORDER BY tenant, tool;

-- who may: level agent in the tenant, and it reaches that tenant only, but for what all share
SELECT tool_set('shared', '{"type": "object", "properties": {"n": {"type": "integer"}}}', cache_ttl => '1 hour', cache_scope => 'shared', coerce => true, tenant => 'acme');
SELECT tool_set('tenant', '{"type": "object", "properties": {"n": {"type": "integer"}}}', cache_ttl => '1 hour', cache_scope => 'tenant', coerce => true, tenant => 'acme');
CREATE ROLE regress_one_agent;
CREATE ROLE regress_one_reader;
SELECT access_grant('regress_one_agent', 'agent', '{acme}'), access_grant('regress_one_reader', 'reader', '{acme}');
SET ROLE regress_one_reader;
SELECT agentcore.cache_invalidate('shared', '{"n": 2}', tenant => 'acme');
SET ROLE regress_one_agent;
SELECT agentcore.cache_invalidate('shared', '{"n": 2}');
SELECT agentcore.cache_invalidate('tenant', '{"n": 2}', tenant => 'acme');
RESET ROLE;
SELECT * FROM kept() WHERE tool IN ('shared', 'tenant');
SET ROLE regress_one_agent;
SELECT agentcore.cache_invalidate('shared', '{"n": 2}', tenant => 'acme');
RESET ROLE;
SELECT * FROM kept() WHERE tool IN ('shared', 'tenant');
SELECT access_revoke('regress_one_agent'), access_revoke('regress_one_reader');
DROP ROLE regress_one_agent, regress_one_reader;

-- tools that keep nothing, or are none
SELECT tool_set('plain', '{"type": "object"}'), cache_invalidate('plain', '{}', agent => 'bot'), cache_invalidate('nothing', '1', agent => 'bot', subject => 'x');
SELECT cache_invalidate('tenant', '{}', agent => '');
SELECT cache_invalidate('tenant', '{}', subject => '');
SELECT cache_invalidate('tenant', '{}', NULL);
DROP FUNCTION kept(), keep(text, text, jsonb, text);
DROP TABLE calls;
