-- Facts: what calls of a task have shown.
SET client_min_messages = error;
SET search_path = agentcore, public;
CREATE FUNCTION pg_temp.ask(tool text, args jsonb, task text DEFAULT 't') RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') FROM agentcore.call_begin('ci', tool, args, task => task) $$;
CREATE FUNCTION pg_temp.test(commit text, result jsonb, task text DEFAULT 't') RETURNS text LANGUAGE sql AS $$
  SELECT agentcore.call_commit((SELECT call_id FROM agentcore.call_begin('ci', 'tests/run', jsonb_build_object('commit', commit), task => task)), result) $$;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SELECT count(*) FROM unnest('{repo/read,repo/write,tests/run,deploy}'::text[]) t, tool_set(t, '{"type": "object"}');
SELECT policy_set('ci'), agent_set('ci', policy => 'ci');

-- 7 deploy what was tested in this task
SELECT policy_allow_tool('ci', 'repo/*') IS NOT NULL, policy_allow_tool('ci', 'tests/run') IS NOT NULL,
  policy_fact('ci', 'tests/run', 'tests_passed', value => '/args/commit', "when" => '{"/result/failed": {"const": 0}, "/result/ran": {"minimum": 1}}'),
  policy_fact_clear('ci', 'repo/write', 'tests_passed'),
  policy_allow_tool('ci', 'deploy', name => 'tested', "when" => '{"/args/commit": {"type": "string", "in": "/facts/tests_passed"}}') IS NOT NULL;
SELECT policy_fact('ci', 'tests/run', 'tests_passed', value => '/args/commit', "when" => '{"/result/failed": {"const": 0}, "/result/ran": {"minimum": 1}}');
SELECT pg_temp.ask('deploy', '{"commit": "a"}') AS untested;
SELECT call_id AS test FROM call_begin('ci', 'tests/run', '{"commit": "a"}', task => 't') \gset
SELECT pg_temp.ask('deploy', '{"commit": "a"}') AS open, pg_temp.ask('deploy', '{"commit": "b"}') AS "another commit", pg_temp.ask('deploy', '{"commit": "a"}', 'other') AS "another task";
SELECT feedback FROM call_begin('ci', 'deploy', '{"commit": "a"}', task => 't');
SELECT call_commit(:'test', '{"failed": 0, "ran": 12}'), pg_temp.ask('deploy', '{"commit": "a"}') AS passed, pg_temp.ask('deploy', '{"commit": "b"}') AS "another commit", pg_temp.ask('deploy', '{"commit": "a"}', 'other') AS "another task";
SELECT fact, state, value, tool, expires_at FROM task_facts;
SELECT pg_temp.test('b', '{"failed": 2, "ran": 12}'), pg_temp.ask('deploy', '{"commit": "b"}') AS failed, pg_temp.test('b', '{"failed": 0, "ran": 0}'), pg_temp.ask('deploy', '{"commit": "b"}') AS "none ran", pg_temp.test('b', '{"failed": "0", "ran": 1}'), pg_temp.ask('deploy', '{"commit": "b"}') AS "text", pg_temp.test('b', NULL), pg_temp.ask('deploy', '{"commit": "b"}') AS "no result";
-- repo/read leaves it, repo/write takes it away when it begins and again when it ends
SELECT pg_temp.ask('repo/read', '{}'), pg_temp.ask('deploy', '{"commit": "a"}') AS "still";
SELECT call_id AS write FROM call_begin('ci', 'repo/write', '{}', task => 't') \gset
SELECT pg_temp.ask('deploy', '{"commit": "a"}') AS gone, pg_temp.test('a', '{"failed": 0, "ran": 1}'), pg_temp.ask('deploy', '{"commit": "a"}') AS "tested meanwhile";
SELECT call_commit(:'write'), pg_temp.ask('deploy', '{"commit": "a"}') AS "gone again";
SELECT count(*) FROM task_facts;
-- a test that fails, is given up, or runs again
SELECT call_id AS test FROM call_begin('ci', 'tests/run', '{"commit": "a"}', task => 't') \gset
SELECT action FROM call_fail(:'test', 400);
SELECT pg_temp.ask('deploy', '{"commit": "a"}') AS failed;
SELECT call_id AS test FROM call_begin('ci', 'tests/run', '{"commit": "a"}', task => 't') \gset
SELECT call_release(:'test'), pg_temp.ask('deploy', '{"commit": "a"}') AS released, (SELECT count(*) FROM task_facts);
SELECT call_id AS test FROM call_begin('ci', 'tests/run', '{"commit": "a"}', key => 'r', task => 't') \gset
SELECT action FROM call_fail(:'test', 503, retry_after_header => '60');
SELECT verdict, call_id = :'test' AS same, attempt FROM call_begin('ci', 'tests/run', '{"commit": "a"}', key => 'r', task => 't');
SELECT count(*) FROM task_facts;
SELECT call_commit(:'test', '{"failed": 0, "ran": 1}'), pg_temp.ask('deploy', '{"commit": "a"}') AS passed;
-- a check's refusal waits for no fact
CREATE FUNCTION public.no_deploys(jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$ SELECT 'not today' $$;
REVOKE EXECUTE ON FUNCTION public.no_deploys(jsonb) FROM PUBLIC;
SET agentcore.check_timeout = '60s';
SELECT call_id AS test FROM call_begin('ci', 'tests/run', '{"commit": "later"}', task => 't') \gset
SELECT pg_temp.test('a', '{"failed": 0, "ran": 1}', 't');
SELECT policy_check_set('ci', 'deploy', 'no', 'public.no_deploys'), pg_temp.ask('deploy', '{"commit": "a"}') AS passed, pg_temp.ask('deploy', '{"commit": "later"}') AS early, policy_check_drop('ci', 'no'), call_release(:'test');
SELECT pg_temp.ask('deploy', '{"commit": "a"}') AS passed;
DROP FUNCTION public.no_deploys(jsonb);
-- a test in a child counts for the tree; without a task there is no fact
SELECT task_set('tree'), task_set('leaf', parent => 'tree'), pg_temp.test('z', '{"failed": 0, "ran": 1}', 'leaf'), pg_temp.ask('deploy', '{"commit": "z"}', 'tree'), pg_temp.test('z', '{"failed": 0, "ran": 1}', NULL), pg_temp.ask('deploy', '{"commit": "z"}', NULL);
-- it lasts as long as it says; a value of the result; no value is true
SELECT policy_fact('ci', 'repo/read', 'seen', value => '/result/id', valid_for => '1 hour'), policy_fact('ci', 'repo/read', 'read'),
  call_commit((SELECT call_id FROM call_begin('ci', 'repo/read', '{}', task => 'v')), '{"id": 7}');
SELECT fact, value, expires_at - at > '59 minutes' AS expires FROM task_facts WHERE root = 'v' ORDER BY fact;
SELECT policy_allow_tool('ci', 'deploy', name => 'seen', "when" => '{"/args/id": {"type": "number", "in": "/facts/seen"}, "/facts/read": {"contains": {"const": true}}}') IS NOT NULL, pg_temp.ask('deploy', '{"id": 7}', 'v'), pg_temp.ask('deploy', '{"id": 7.0}', 'v'), pg_temp.ask('deploy', '{"id": "7"}', 'v'), pg_temp.ask('deploy', '{"id": 8}', 'v');
SELECT set_config('agentcore.debug_clock_offset', (2 * 3600 * 1000)::text, false), pg_temp.ask('deploy', '{"id": 7}', 'v');
RESET agentcore.debug_clock_offset;
-- a rolled back commit shows nothing
BEGIN;
SELECT pg_temp.test('q', '{"failed": 0, "ran": 1}', 'roll');
ROLLBACK;
SELECT pg_temp.ask('deploy', '{"commit": "q"}', 'roll');
-- written
SELECT policy, tool, fact, clears, value, "when", valid_for FROM policy_facts ORDER BY tool, fact, clears;
SELECT action, coalesce(after, before) -> 'fact' AS fact FROM policy_history WHERE action LIKE 'fact%' ORDER BY revision;
SELECT q, pg_temp.refused(q) FROM unnest(ARRAY[$$SELECT agentcore.policy_fact('ci', 'x', 'f', value => 'commit')$$, $$SELECT agentcore.policy_fact('ci', 'x', 'f', value => '/arg/commit')$$, $$SELECT agentcore.policy_fact('ci', 'x', 'f', value => '/args/*')$$, $$SELECT agentcore.policy_fact('ci', 'x', 'f', "when" => '{"/result/n": {}}')$$, $$SELECT agentcore.policy_fact('ci', 'x', 'f', valid_for => '0')$$, $$SELECT agentcore.policy_fact('nope', 'x', 'f')$$, $$SELECT agentcore.policy_fact('ci', 'a*b', 'f')$$, $$SELECT agentcore.policy_fact('ci', 'x', NULL)$$]) q;
SELECT policy_fact_drop('ci', 'repo/read', 'seen'), policy_fact_drop('ci', 'repo/read', 'seen'), policy_drop('ci') FROM agent_drop('ci');
SELECT count(*) FROM policy_facts;
