-- tenant => NULL is the default tenant, in every function of a call's life, as in no other.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
SELECT budget_set('b', max_calls => 100, tenant => NULL), policy_set('p', tenant => NULL), policy_allow_tool('p', '*', tenant => NULL) > 0 AS allowed,
       agent_set('a', 'p', 'b', tenant => NULL), tool_set('t', '{"type": "object"}', idempotent => true, tenant => NULL), model_price_set('m', 0.001, 0.002, tenant => NULL);
-- what was begun with NULL is found with '' and the other way round
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 1}', key => 'k1', tenant => NULL) \gset
SELECT verdict, reason, call_id = :'id' AS same FROM call_begin('a', 't', '{"n": 1}', key => 'k1');
SELECT call_status(:'id', tenant => NULL), call_status(:'id');
SELECT call_extend(:'id', '1 h', tenant => NULL);
SELECT call_commit(:'id', '{"x": 1}', tenant => NULL), call_commit(:'id', '{"x": 1}');
SELECT verdict, result FROM call_begin('a', 't', '{"n": 1}', key => 'k1', tenant => NULL);
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 2}') \gset
SELECT action, reason FROM call_fail(:'id', 404, tenant => NULL);
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 3}', tenant => NULL) \gset
SELECT call_release(:'id', tenant => NULL), call_release(:'id');
SELECT call_id AS id FROM llm_begin('a', 'm', 10, 10, tenant => NULL) \gset
SELECT llm_commit(:'id', '{"prompt_tokens": 10, "completion_tokens": 5}', tenant => NULL), call_status(:'id');
SELECT verdict, reason FROM call_begin_many('a', '[{"id": "1", "type": "function", "function": {"name": "t", "arguments": "{}"}},
  {"id": "2", "type": "function", "function": {"name": "none", "arguments": "{}"}}]', key_prefix => 'm', tenant => NULL);
SELECT call_commit(permit, tenant => NULL) FROM permits WHERE state = 'open';
SELECT call_id AS id FROM call_begin('a', 't', '{"n": 4}', key => 'k4', lease => '1 ms') \gset
SELECT pg_sleep(0.002);
SELECT budget_reap(tenant => NULL), call_resolve(:'id', true, tenant => NULL);
SELECT DISTINCT verdict FROM call_explain('a', 't', tenant => NULL);
-- nothing was written anywhere else
SELECT DISTINCT tenant FROM permits;
SELECT * FROM budget_verify();
