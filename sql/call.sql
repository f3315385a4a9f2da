--
-- call: the gate
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY default
SELECT agentcore.policy_set('web');
SELECT agentcore.policy_allow('web', '*.example.com') > 0, agentcore.policy_deny('web', 'secret.example.com') > 0,
       agentcore.policy_allow_tool('web', '*') > 0, agentcore.policy_deny_tool('web', 'shell*') > 0;
SELECT agentcore.budget_set('team', max_tokens => 10000, max_usd => 3);
SELECT agentcore.tool_set('fetch', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}, "method": {"type": "string"}}, "required": ["url"]}',
                          url_args => '{/url}', cache_ttl => '1 hour', est_tokens => 100);
SELECT agentcore.tool_set('search', '{"query": {"type": "string", "min_length": 1}, "top_k": {"type": "integer", "min": 1, "max": 100, "optional": true}}', coerce => true);
SELECT agentcore.tool_set('mail', '{"type": "object"}', needs_approval => true);
SELECT agentcore.tool_set('pay', '{"type": "object"}', est_usd => 0.25);
SELECT agentcore.tool_set('shell', '{"type": "object"}');
SELECT agentcore.tool_set('old', '{"type": "object"}', enabled => false);
SELECT agentcore.agent_set('bot', 'web', 'team');
SELECT agentcore.agent_set('bot', 'web', 'team') AS again;

-- what a test may print of a verdict
CREATE FUNCTION short(v agentcore.call_verdict) RETURNS text LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', v.verdict, v.reason, v.args, v.result, CASE WHEN v.call_id IS NOT NULL THEN 'id' END,
                      'attempt ' || v.attempt, CASE WHEN NOT v.enforced THEN 'not enforced' END, CASE WHEN v.want_result THEN 'wants result' END) $$;

-- run, then cached; nothing is charged for a cached answer
SELECT call_id AS id, short(v) FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://API.example.com/x/../y"}') v \gset
\echo :short
SELECT held_tokens, used_tokens FROM agentcore.budget_status;
SELECT agentcore.call_status(:'id');
SELECT agentcore.call_commit(:'id', '{"ok": true}', tokens => 80);
SELECT agentcore.call_commit(:'id', '{"ok": true}', tokens => 80);
SELECT agentcore.call_commit(:'id', '{"ok": true}', tokens => 81);
SELECT agentcore.call_status(:'id');
SELECT short(v) FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/y"}') v;
SELECT held_tokens, used_tokens FROM agentcore.budget_status;

-- one lookup a call, however the row is spread
SELECT (agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/y"}')).verdict;

-- refusals are rows
SELECT verdict, reason, detail, feedback FROM agentcore.call_begin('bot', 'fetsh', '{}');
SELECT verdict, reason, detail, feedback FROM agentcore.call_begin('bot', 'shell', '{}');
SELECT verdict, reason, detail, feedback FROM agentcore.call_begin('bot', 'old', '{}');
SELECT verdict, reason, detail, errors, feedback FROM agentcore.call_begin('bot', 'fetch', '{"uri": "https://api.example.com"}');
SELECT verdict, reason, detail, feedback FROM agentcore.call_begin('bot', 'fetch', args_text => '{"url": "https://api.ex');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'fetch', args_text => '{"url": nope}');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'fetch', args_text => '{"url": "\u0000"}');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'fetch', args_text => '{"n": 1e999999}');
SELECT verdict, reason, detail, feedback FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://other.com/?token=secret"}');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://secret.example.com/"}');
SELECT verdict, reason, detail, feedback FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://evil.com\\@api.example.com/"}');
SELECT verdict, reason, detail, feedback, errors FROM agentcore.call_begin('bot', 'fetch', '{"url": "not a url", "method": 1}');
SELECT verdict, reason, detail, feedback FROM agentcore.call_begin('bot', 'pay', '{}', est_usd => 5);
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'pay', '{}', est_tokens => 20000);

-- arguments: coerced where the tool says so, {} where there are none, the raw string of the model
SELECT short(v) FROM agentcore.call_begin('bot', 'search', '{"query": "x", "top_k": "5"}') v;
SELECT short(v) FROM agentcore.call_begin('bot', 'pay') v;
SELECT short(v) FROM agentcore.call_begin('bot', 'search', args_text => ' {"query": "y"} ') v;

-- a key is one call: in progress, then its result, whatever happens to the budget
SELECT call_id AS id, short(v) FROM agentcore.call_begin('bot', 'pay', '{"to": "ann"}', key => 'k1') v \gset
\echo :short
SELECT short(v), call_id = :'id' AS same, retry_after <= '1 s' AS soon FROM agentcore.call_begin('bot', 'pay', '{"to": "ann"}', key => 'k1') v;
SELECT agentcore.call_begin('bot', 'pay', '{"to": "bob"}', key => 'k1');
SELECT agentcore.call_commit(:'id', '{"paid": 1}', usd => 0.2);
SELECT short(v), call_id = :'id' AS same FROM agentcore.call_begin('bot', 'pay', '{"to": "ann"}', key => 'k1') v;

-- failing: retry keeps call and hold, fail closes and charges what was used
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{"to": "cy"}', key => 'k2') v \gset
SELECT action, delay >= '50 ms', at > now(), reason FROM agentcore.call_fail(:'id', 503, 'overloaded', '0.05');
SELECT agentcore.call_status(:'id');
SELECT short(v), retry_after > '0' AS later FROM agentcore.call_begin('bot', 'pay', '{"to": "cy"}', key => 'k2') v;
SELECT action, delay, at, reason FROM agentcore.call_fail(:'id', 400, usd => 0.01);
SELECT action, reason FROM agentcore.call_fail(:'id', 400);
SELECT agentcore.call_status(:'id');
SELECT short(v), call_id = :'id' AS same FROM agentcore.call_begin('bot', 'pay', '{"to": "cy"}', key => 'k2') v;
-- no status at all: a call that is not idempotent may have happened
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{"to": "di"}') v \gset
SELECT action, reason FROM agentcore.call_fail(:'id', error => 'connection reset by peer');

-- a holder that died: charged, and the outcome is unknown until somebody says
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{"to": "ed"}', key => 'k3', lease => '1 ms') v \gset
SELECT pg_sleep(0.01);
SELECT agentcore.call_status(:'id');
SELECT short(v) FROM agentcore.call_begin('bot', 'pay', '{"to": "ed"}', key => 'k3') v;
SELECT feedback FROM agentcore.call_begin('bot', 'pay', '{"to": "ed"}', key => 'k3');
SELECT agentcore.call_resolve(:'id', true, '{"found": "paid"}');
SELECT short(v) FROM agentcore.call_begin('bot', 'pay', '{"to": "ed"}', key => 'k3') v;
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{"to": "jo"}', key => 'k5', lease => '1 ms') v \gset
SELECT pg_sleep(0.01);
SELECT agentcore.call_resolve(:'id', false);
SELECT short(v) FROM agentcore.call_begin('bot', 'pay', '{"to": "jo"}', key => 'k5') v;
SELECT agentcore.call_resolve(:'id', NULL);
-- an idempotent tool is simply run again
SELECT agentcore.tool_set('ping', '{"type": "object"}', idempotent => true);
SELECT call_id AS id FROM agentcore.call_begin('bot', 'ping', key => 'k4', lease => '1 ms') v \gset
SELECT pg_sleep(0.01);
SELECT short(v), call_id <> :'id' AS another FROM agentcore.call_begin('bot', 'ping', key => 'k4') v;

-- approval
SELECT verdict, reason, retry_after FROM agentcore.call_begin('bot', 'mail', '{"to": "all"}');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'mail', '{"to": "all"}');
SELECT agent, tool, args, state FROM agentcore.approvals;
SELECT agentcore.call_approve(id) FROM agentcore.approvals;
SELECT verdict FROM agentcore.call_begin('bot', 'mail', '{"to": "all"}');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'mail', '{"to": "all"}');
SELECT agentcore.call_approve(id, false, note => 'no') FROM agentcore.approvals WHERE state = 'pending';
SELECT verdict, reason, feedback FROM agentcore.call_begin('bot', 'mail', '{"to": "all"}');
SELECT agentcore.call_approve('00000000-0000-0000-0000-000000000000');

-- begun and ended in one transaction: works, and says what it cost
BEGIN;
SELECT call_id AS id FROM agentcore.call_begin('bot', 'ping') \gset
\set VERBOSITY terse
SELECT agentcore.call_commit(:'id');
\set VERBOSITY default
COMMIT;

-- ROLLBACK takes permit and hold back, and another may lead the cache
BEGIN;
SELECT call_id AS id, short(v) FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/rollback"}') v \gset
\echo :short
ROLLBACK;
\set VERBOSITY sqlstate
SELECT agentcore.call_status(:'id');
\set VERBOSITY default
SELECT short(v) FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/rollback"}') v;
SELECT verdict, reason FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/rollback"}');
BEGIN;
SAVEPOINT s;
SELECT verdict FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/savepoint"}');
ROLLBACK TO s;
SELECT short(v) FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/savepoint"}') v;
COMMIT;

-- errors of the tool are not answers
SELECT call_id AS id FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/e"}') \gset
SELECT agentcore.call_commit(:'id', '{"isError": true, "content": []}');
SELECT verdict FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/e"}');

-- breaker and rate
SELECT agentcore.tool_set('api', '{"type": "object"}', target => 'upstream');
SELECT agentcore.rate_set('upstream', 1, '1 hour', 2);
SELECT verdict, reason, retry_after IS NOT NULL AS when FROM agentcore.call_begin('bot', 'api', '{"n": 1}');
SELECT verdict FROM agentcore.call_begin('bot', 'api', '{"n": 2}');
SELECT verdict, reason, retry_after > '0' AS when FROM agentcore.call_begin('bot', 'api', '{"n": 3}');
SELECT agentcore.rate_drop('upstream');
SELECT agentcore.breaker_set('upstream', forced => 'open');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'api', '{"n": 3}');
SELECT agentcore.breaker_set('upstream', reset => '{forced}');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'api', '{"n": 3}');

-- loop guard
SET agentcore.loop_limit = 2;
SELECT verdict, reason FROM generate_series(1, 3) i, agentcore.call_begin('bot', 'ping', jsonb_build_object('i', i / i), task => 't1');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'ping', '{"i": 2}', task => 't1');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'ping', '{"i": 1}', task => 't2');
RESET agentcore.loop_limit;

-- switches
SELECT agentcore.tenant_set(false);
SELECT verdict, reason FROM agentcore.call_begin('bot', 'ping');
SELECT agentcore.tenant_set(true);
SELECT agentcore.agent_set('bot', 'web', 'team', enabled => false);
SELECT verdict, reason FROM agentcore.call_begin('bot', 'ping');

-- audit mode: judged and reported, not enforced
SELECT agentcore.agent_set('bot', 'web', 'team', mode => 'audit', enabled => true);
SELECT short(v) FROM agentcore.call_begin('bot', 'shell', '{}') v;
SELECT short(v), jsonb_array_length(errors) FROM agentcore.call_begin('bot', 'fetch', '{}') v;
SELECT short(v) FROM agentcore.call_begin('bot', 'pay', '{}', est_usd => 5) v;
SELECT short(v) FROM agentcore.call_begin('bot', 'nope', '{}') v;
SELECT short(v), detail FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.com/y"}') v;
SELECT agentcore.agent_set('bot', 'web', 'team', mode => 'enforce');

-- explain says every stage's word and changes nothing
SELECT * FROM agentcore.call_explain('bot', 'fetch', '{"url": "https://other.com/", "method": 1}', est_usd => 7);
SELECT * FROM agentcore.call_explain('bot', 'fetsh');

-- model calls
SELECT agentcore.model_price_set('m1', 0.000003, 0.000015, 0.0000003);
SELECT call_id AS id, short(v) FROM agentcore.llm_begin('bot', 'm1', 1000, 500) v \gset
\echo :short
SELECT agentcore.llm_commit(:'id', '{"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 900}}');
SELECT agentcore.llm_commit(:'id', '{"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 900}}');
SELECT verdict, reason, detail FROM agentcore.llm_begin('bot', 'm2', 1, 1);
SELECT verdict, reason FROM agentcore.llm_begin('bot', 'm1', 100000, 1);
SELECT call_id AS id FROM agentcore.llm_begin('bot', 'm1', 10, 10) \gset
SELECT agentcore.llm_commit(:'id', '{"what": "is this"}');
SELECT call_id AS id FROM agentcore.llm_begin('bot', 'm1', 10, 10) \gset
SELECT agentcore.llm_commit(:'id', '{"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 0}');

-- extending
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{"to": "fi"}') \gset
SELECT agentcore.call_extend(:'id', '1 min', usd => 0.01);
SELECT agentcore.call_extend(:'id', '1 min', usd => 100);
SELECT agentcore.call_commit(:'id');
SELECT agentcore.call_extend(:'id', '1 min');

-- audit log
SET agentcore.audit = 'denied';
SELECT verdict FROM agentcore.call_begin('bot', 'nope');
SELECT verdict FROM agentcore.call_begin('bot', 'ping', task => 't9') \g /dev/null
SET agentcore.audit = 'all';
SELECT call_id AS id FROM agentcore.call_begin('bot', 'ping', key => 'k9', task => 't9', subject => 's') \gset
SELECT agentcore.call_commit(:'id');
RESET agentcore.audit;
SELECT event, agent, tool, verdict, reason, enforced, call_id IS NOT NULL AS id, key, task, subject FROM agentcore.call_log ORDER BY at;

-- a policy in audit mode looks away from its own rules only
SELECT agentcore.policy_set('web', mode => 'audit');
SELECT short(v), detail FROM agentcore.call_begin('bot', 'shell', '{}') v;
SELECT short(v), detail FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://other.com/"}') v;
SELECT verdict, reason, enforced FROM agentcore.call_begin('bot', 'shell', '[]');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'shell', '{}', est_usd => 1000);
SELECT stage, verdict, reason FROM agentcore.call_explain('bot', 'shell', '[]') WHERE reason IS NOT NULL;
SELECT agentcore.policy_set('web', mode => 'off');
SELECT short(v) FROM agentcore.call_begin('bot', 'shell', '{}') v;
SELECT agentcore.policy_set('web', mode => 'enforce');

-- what must be a URL is a string, or several
SELECT agentcore.tool_set('open', '{"type": "object"}', url_args => '{/url,/more/*/href}');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'open', '{"url": {"href": "https://api.example.com/"}}');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'open', '{"url": 5}');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'open', '{"url": ["https://api.example.com/", "https://other.com/"]}');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'open', '{"more": [{"href": "https://api.example.com/"}, {"href": "http://[::1]/"}]}');
SELECT short(v) FROM agentcore.call_begin('bot', 'open', '{"url": null, "more": [{"href": "https://API.example.com"}, {"x": 1}]}') v;
SELECT agentcore.tool_set('any', 'true', url_args => '{""}');
SELECT short(v) FROM agentcore.call_begin('bot', 'any', '"https://API.example.com"') v;
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'any', args_text => '{"a": 1');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'any', args_text => '   ');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot', 'any', args_text => repeat('[', 600) || repeat(']', 600));

-- without url_args, every string that any part of the schema calls a URL
SELECT agentcore.tool_set('deep', '{"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"url": {"type": "string", "format": "uri"}, "child": {"$ref": "#/$defs/n"}},
  "additionalProperties": {"format": "URI"}, "patternProperties": {"^p": {"anyOf": [{"type": "string"}, {"format": "iri"}]}}}}}');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'deep', (repeat('{"child":', 100) || '{"url":"http://169.254.169.254/latest"}' || repeat('}', 100))::jsonb);
SELECT left(v.args::text, 60) AS args FROM agentcore.call_begin('bot', 'deep', (repeat('{"child":', 5) || '{"url":"https://API.example.com/a/.."}' || repeat('}', 5))::jsonb) v;
SELECT a, verdict, reason, detail FROM (VALUES ('{"x": "https://other.com/"}'::jsonb), ('{"p1": "https://other.com/"}'), ('{"p2": "https://API.example.com"}'), ('{"x": 5}'), ('{"x": null}')) v (a),
  agentcore.call_begin('bot', 'deep', a);
SELECT agentcore.tool_set('refs', '{"type": "object", "properties": {"to": {"type": "string", "format": "uri-reference"}}, "dependentSchemas": {"to": {"properties": {"via": {"format": "uri"}}}},
  "if": {"properties": {"list": {"contains": {"format": "uri"}}}}}');
SELECT a, verdict, reason, detail FROM (VALUES ('{"to": "/path?x=1"}'::jsonb), ('{"to": "//other.com/"}'), ('{"to": "https://other.com/"}'), ('{"to": "a", "via": "https://other.com/"}'), ('{"list": [1, "https://other.com/"]}')) v (a),
  agentcore.call_begin('bot', 'refs', a);
SELECT agentcore.tool_set('refs', '{"type": "object", "properties": {"to": {"format": "uri"}}}', url_args => '{}');
SELECT verdict FROM agentcore.call_begin('bot', 'refs', '{"to": "https://other.com/"}');

-- the method that the tool is asked to use is judged, however it is spelled
SELECT agentcore.policy_set('web', methods => '{GET}');
SELECT m, verdict, reason FROM (VALUES ('{}'::jsonb), ('{"method": null}'), ('{"method": "GET"}'), ('{"method": "POST"}'), ('{"Method": "post"}'),
  ('{"method": "GET", "METHOD": "DELETE"}'), ('{"method": ["POST"]}')) v (m),
  agentcore.call_begin('bot', 'open', m || '{"url": "https://api.example.com/"}');
SELECT agentcore.policy_set('web', reset => '{methods}');

-- who shares an answer
CREATE FUNCTION answer(tool text, subject text DEFAULT NULL, agent text DEFAULT 'bot', tenant text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE v agentcore.call_verdict;
BEGIN
  v := agentcore.call_begin(agent, tool, '{}', subject => subject, tenant => tenant);
  IF v.verdict = 'run' THEN
    SET LOCAL client_min_messages = error;
    PERFORM agentcore.call_commit(v.call_id, to_jsonb('for ' || coalesce(subject, 'nobody')), tenant => tenant);
  END IF;
  RETURN v.verdict || coalesce(' ' || v.result::text, '');
END $$;
SELECT agentcore.agent_set('bot2', 'web');
SELECT agentcore.tool_set('mine', 'true', cache_ttl => '1 h', cache_scope => 'subject');
SELECT answer('mine', 's1'), answer('mine', 's2');
SELECT answer('mine', 's1'), answer('mine', 's2'), answer('mine', 's1', 'bot2'), answer('mine');
SELECT answer('mine');
SELECT agentcore.tool_set('ours', 'true', cache_ttl => '1 h', cache_scope => 'agent');
SELECT answer('ours', 's1'), answer('ours');
SELECT answer('ours', 's1'), answer('ours'), answer('ours', 's2'), answer('ours', 's1', 'bot2');
-- shared: the same tool of every tenant, until any of them invalidates it or its definition differs
SELECT agentcore.policy_set('web', tenant => 't2'), agentcore.policy_allow_tool('web', '*', tenant => 't2') > 0 AS ok, agentcore.agent_set('bot', 'web', tenant => 't2');
SELECT agentcore.tool_set('all', 'true', cache_ttl => '1 h', cache_scope => 'shared'), agentcore.tool_set('all', 'true', cache_ttl => '1 h', cache_scope => 'shared', tenant => 't2');
SELECT answer('all', 'x');
SELECT answer('all', 'y', tenant => 't2');
SELECT agentcore.cache_invalidate_tool('all', tenant => 't2');
SELECT answer('all', 'z');
SELECT agentcore.tool_set('all', '{"type": "object"}', cache_ttl => '1 h', cache_scope => 'shared');
SELECT answer('all', 'w');
DROP FUNCTION answer;

-- what a call leans on may be dropped while it is under way
SELECT agentcore.tool_set('t', 'true', retry_policy => 'nope');
SELECT agentcore.retry_policy_set('r', max_attempts => 1), agentcore.tool_set('t', 'true', retry_policy => 'r');
SELECT call_id AS id FROM agentcore.call_begin('bot', 't') \gset
SELECT agentcore.retry_policy_drop('r');
SELECT action, reason FROM agentcore.call_fail(:'id', 503);
SELECT agentcore.budget_set('gone', max_calls => 1), agentcore.agent_set('bot2', 'web', 'gone'), agentcore.budget_drop('gone');
SELECT verdict, reason, detail FROM agentcore.call_begin('bot2', 't');

-- a model's answer is kept for its key
SELECT call_id AS id FROM agentcore.llm_begin('bot', 'm1', 10, 10, key => 'llm') \gset
SELECT agentcore.llm_commit(:'id', '{"input_tokens": 10, "output_tokens": 5}', result => '"hello"');
SELECT verdict, result FROM agentcore.llm_begin('bot', 'm1', 10, 10, key => 'llm');

-- misuse is an error
SELECT agentcore.call_approve('00000000-0000-0000-0000-000000000000', NULL);
SELECT agentcore.agent_set('a', 'web', enabled => NULL, reset => array['enabled', NULL]);
SELECT agentcore.call_extend('00000000-0000-0000-0000-000000000000', NULL);
SELECT agentcore.call_begin('bot', 'ping', lease => '400 days');
SELECT agentcore.call_begin('bot', 'ping', lease => '2562047788:00:54.775807');
SELECT agentcore.tool_set('t', 'true', lease => '2562047788:00:54.775807');
SELECT agentcore.call_begin('bott', 'ping');
SELECT agentcore.call_begin(NULL, 'ping');
SELECT agentcore.call_begin('bot', '');
SELECT agentcore.call_begin('bot', 'ping', '{}', args_text => '{}');
SELECT agentcore.call_begin('bot', 'ping', est_tokens => -1);
SELECT agentcore.call_begin('bot', 'ping', est_usd => 'NaN');
SELECT agentcore.call_begin('bot', 'ping', lease => '-1 s');
SELECT agentcore.call_begin('bot', 'ping', lease => '0');
SELECT agentcore.call_begin('bot', 'ping', budget => 'none');
SELECT agentcore.call_begin('bot', 'ping', key => repeat('k', 256));
SELECT agentcore.call_begin('bot', 'ping', jsonb_build_object('x', repeat('y', 5000000)));
SELECT agentcore.call_begin('bot', 'ping', args_text => repeat('y', 5000000));
SELECT agentcore.call_commit(NULL);
SELECT agentcore.call_commit('00000000-0000-0000-0000-000000000000');
SELECT agentcore.call_commit('00000000-0000-0000-0000-000000000000', tokens => -1);
SELECT agentcore.call_fail('00000000-0000-0000-0000-000000000000', 99);
SELECT agentcore.call_status('00000000-0000-0000-0000-000000000000');
SELECT agentcore.agent_set('a', 'none');
SELECT agentcore.agent_set('a', 'web', 'none');
SELECT agentcore.agent_set('a', 'web', owner => 'none');
SELECT agentcore.agent_set('a', 'web', mode => 'maybe');
SELECT agentcore.agent_set(NULL, 'web');
SELECT agentcore.tool_set('t', 'true', tags => '{a,b,c,d,e,f,g,h,i}');

-- an agent's owner, and another role's call
CREATE ROLE regress_agentcore_ann;
CREATE ROLE regress_agentcore_bob;
SELECT agentcore.access_grant('regress_agentcore_ann', 'agent'), agentcore.access_grant('regress_agentcore_bob', 'agent');
SELECT agentcore.agent_set('annbot', 'web', owner => 'regress_agentcore_ann');
SET ROLE regress_agentcore_ann;
SELECT call_id AS id, verdict FROM agentcore.call_begin('annbot', 'ping') \gset
\echo :verdict
SET ROLE regress_agentcore_bob;
SELECT agentcore.call_begin('annbot', 'ping');
\set VERBOSITY sqlstate
SELECT agentcore.call_commit(:'id');
\set VERBOSITY default
SELECT agentcore.agent_drop('annbot');
SELECT count(*) FROM agentcore.agents;
SELECT verdict, reason FROM agentcore.call_begin('bot', 'ping', tenant => 'other');
SET ROLE regress_agentcore_ann;
SELECT agentcore.call_commit(:'id');
-- the key is the agent's: another role that may speak for it goes on where the first one stopped
RESET ROLE;
GRANT regress_agentcore_ann TO regress_agentcore_bob;
SET ROLE regress_agentcore_ann;
SELECT call_id AS id FROM agentcore.call_begin('annbot', 'ping', key => 'ka', lease => '1 ms') \gset
SELECT call_id AS id2 FROM agentcore.call_begin('annbot', 'ping', key => 'kb') \gset
SELECT action FROM agentcore.call_fail(:'id2', 503, retry_after_header => '0');
SELECT pg_sleep(0.7);
SET ROLE regress_agentcore_bob;
SELECT short(v), call_id <> :'id' AS another FROM agentcore.call_begin('annbot', 'ping', key => 'ka') v;
SELECT short(v), call_id = :'id2' AS same FROM agentcore.call_begin('annbot', 'ping', key => 'kb') v;
\set VERBOSITY terse
SELECT agentcore.budget_release(:'id2');
\set VERBOSITY default
SELECT agentcore.call_commit(:'id2');
RESET ROLE;
SELECT agentcore.agent_drop('annbot'), agentcore.agent_drop('annbot');
DROP OWNED BY regress_agentcore_ann, regress_agentcore_bob;
DROP ROLE regress_agentcore_ann, regress_agentcore_bob;

-- everything adds up
SELECT * FROM agentcore.budget_verify();
SELECT agentcore.cache_verify();

-- what cannot run at all is denied in audit mode too, and enforced; it takes the place of what was only reported
SET client_min_messages = error;
SELECT agentcore.policy_set('any'), agentcore.policy_allow_tool('any', '*') > 0;
SELECT agentcore.agent_set('lenient', 'any', mode => 'audit');
SELECT verdict, reason, enforced FROM agentcore.call_begin('lenient', repeat('x', 256));
SELECT agentcore.agent_set('lenient', enabled => false);
SELECT verdict, reason, enforced FROM agentcore.call_begin('lenient', repeat('x', 256));
SET agentcore.max_args_size = 1;
SELECT verdict, reason, enforced FROM agentcore.call_begin('lenient', 'mail', args_text => '{"a": "' || repeat('x', 2000) || '"}');
RESET agentcore.max_args_size;

-- the hold of an approved call does not grow past what was approved
SELECT agentcore.tool_set('wire', '{"type": "object"}', needs_approval => true, target => 'bank', url_args => '{/u}');
SELECT agentcore.agent_set('payer', 'any');
SELECT reason FROM agentcore.call_begin('payer', 'wire', est_tokens => 10, est_usd => 1);
SELECT agentcore.call_approve(id) FROM agentcore.approvals WHERE agent = 'payer';
SELECT call_id AS paid FROM agentcore.call_begin('payer', 'wire', est_tokens => 8, est_usd => 1) \gset
SELECT agentcore.call_extend(:'paid', '1 h', tokens => 3), agentcore.call_extend(:'paid', '1 h', usd => 0.000000001),
       agentcore.call_extend(:'paid', '1 h', tokens => 9223372036854775807), agentcore.call_extend(:'paid', '1 h', tokens => 2),
       agentcore.call_extend(:'paid', '1 h', tokens => 1), agentcore.call_extend(:'paid', '1 h');
-- nor by the other function
CREATE ROLE regress_payer;
SELECT agentcore.access_grant('regress_payer', 'agent');
SET ROLE regress_payer;
SELECT call_id AS mine FROM agentcore.call_begin('payer', 'shell') \gset
SELECT agentcore.budget_extend(:'mine', '1 h', 1);
SELECT agentcore.budget_extend(:'mine', '1 h');
RESET ROLE;
SELECT agentcore.access_revoke('regress_payer');
DROP ROLE regress_payer;

-- an approval is for the tool as it was: another target, or other arguments that are URLs, are another question
SELECT agentcore.call_approve(id) FROM agentcore.approvals WHERE agent = 'payer' AND state = 'pending';
CREATE FUNCTION asked() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', verdict, reason, (SELECT count(*) FROM agentcore.approvals WHERE agent = 'payer')) FROM agentcore.call_begin('payer', 'wire') $$;
SELECT asked();
SELECT agentcore.call_approve(id) FROM agentcore.approvals WHERE agent = 'payer' AND state = 'pending';
SELECT agentcore.tool_set('wire', target => 'other');
SELECT asked();
SELECT agentcore.tool_set('wire', target => 'bank', url_args => '{/u,/v}');
SELECT asked();
SELECT agentcore.tool_set('wire', url_args => '{/u}', url_skip => '{/w}');
SELECT asked();
SELECT agentcore.tool_set('wire', url_skip => '{}');
SELECT asked();
RESET client_min_messages;
