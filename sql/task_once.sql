-- Once: calls that do not run again for a time, whatever their key.
SET client_min_messages = warning;
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;
CREATE FUNCTION pg_temp.ask(tool text, args jsonb, task text DEFAULT 't', subject text DEFAULT NULL, agent text DEFAULT 'a', key text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || regexp_replace(detail, '[0-9a-f-]{36}', 'ID') || ')', '') || coalesce(' = ' || result::text, '')
    FROM agentcore.call_begin(agent, tool, args, task => task, subject => subject, key => key) $$;
CREATE FUNCTION pg_temp.run(tool text, args jsonb, task text DEFAULT 't', subject text DEFAULT NULL, agent text DEFAULT 'a', result jsonb DEFAULT '{"ok": true}') RETURNS text LANGUAGE sql AS $$
  SELECT agentcore.call_commit((SELECT call_id FROM agentcore.call_begin(agent, tool, args, task => task, subject => subject)), result) $$;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SELECT policy_set('p'), policy_allow_tool('p', '*') IS NOT NULL, agent_set('a', policy => 'p'), agent_set('b', policy => 'p');
SELECT tool_set('refund', '{"type": "object", "properties": {"order": {"type": ["string", "number"]}, "amount": {"type": "number"}, "note": {"type": "string"}}, "required": ["order"]}',
  once => '1 day', once_by => '{/order}');

-- done: the same call has the first result, another is told what differs and no result
SELECT call_id AS first FROM call_begin('a', 'refund', '{"order": "x", "amount": 10}', task => 't', key => 'k1') \gset
SELECT pg_temp.ask('refund', '{"order": "x", "amount": 10}') AS open, pg_temp.ask('refund', '{"order": "x", "amount": 20}', key => 'k2') AS "open, another amount";
SELECT pg_temp.ask('refund', '{"order": "x", "amount": 10}', key => 'k1') AS "its own key";
SELECT call_commit(:'first', '{"paid": 10}');
SELECT pg_temp.ask('refund', '{"order": "x", "amount": 10}', key => 'k3') AS same, pg_temp.ask('refund', '{"amount": 10.0, "order": "x"}') AS "no key";
SELECT pg_temp.ask('refund', '{"order": "x", "amount": 20}'), pg_temp.ask('refund', '{"order": "x"}'), pg_temp.ask('refund', '{"order": "x", "amount": 10, "note": "again"}'), pg_temp.ask('refund', '{"order": "x", "amount": 20, "note": "again"}', subject => 's', agent => 'b');
SELECT verdict, reason, detail, feedback, result, call_id, retry_after FROM call_begin('a', 'refund', '{"order": "x", "amount": 20}', task => 't');
SELECT pg_temp.ask('refund', '{"order": "x", "amount": 10}', subject => 's') AS "another subject", pg_temp.ask('refund', '{"order": "x", "amount": 10}', agent => 'b') AS "another agent";
SELECT pg_temp.ask('refund', '{"order": "x", "amount": 10}', 't2') AS "another task", pg_temp.ask('refund', '{"order": "y", "amount": 10}') AS "another order";
-- numbers by their value, whatever they are written as
SELECT pg_temp.run('refund', '{"order": 7}'), pg_temp.ask('refund', '{"order": 7.0}'), pg_temp.ask('refund', '{"order": "7"}'), pg_temp.ask('refund', '{"order": 8}');
-- a child is in the same task
SELECT task_set('tree'), task_set('leaf', parent => 'tree'), pg_temp.run('refund', '{"order": "z"}', 'leaf'), pg_temp.ask('refund', '{"order": "z"}', 'tree');
-- without a task
SELECT verdict, reason, detail, feedback FROM call_begin('a', 'refund', '{"order": "x"}');
-- failed without effect: free
SELECT call_id AS f FROM call_begin('a', 'refund', '{"order": "f"}', task => 't') \gset
SELECT action FROM call_fail(:'f', 400);
SELECT call_id AS f FROM call_begin('a', 'refund', '{"order": "f"}', task => 't', key => 'f') \gset
SELECT action FROM call_fail(:'f', 429);
SELECT pg_temp.ask('refund', '{"order": "f"}', key => 'g') AS "waits for its retry";
SELECT call_release(:'f');
SELECT call_id AS f FROM call_begin('a', 'refund', '{"order": "f"}', task => 't', key => 'f2') \gset
SELECT call_release(:'f');
SELECT count(*) AS "rows" FROM tasks_once WHERE call_id = :'f';
-- the retry of the call itself runs
SELECT tool_set('refund', idempotent => true);
SELECT call_id AS r FROM call_begin('a', 'refund', '{"order": "r"}', task => 't', key => 'r') \gset
SELECT action FROM call_fail(:'r', 503);
SELECT pg_temp.ask('refund', '{"order": "r"}', key => 'r2') AS another;
SELECT set_config('agentcore.debug_clock_offset', '30000', false);
SELECT verdict, call_id = :'r' AS same, attempt FROM call_begin('a', 'refund', '{"order": "r"}', task => 't', key => 'r');
SELECT call_commit(:'r', '{"paid": 1}'), pg_temp.ask('refund', '{"order": "r"}', key => 'r2') AS another;
RESET agentcore.debug_clock_offset;
-- unknown: an idempotent tool too; only an approver says what became of it
SELECT call_id AS u FROM call_begin('a', 'refund', '{"order": "u"}', task => 't', lease => '1 minute') \gset
SELECT set_config('agentcore.debug_clock_offset', '120000', false);
SELECT pg_temp.ask('refund', '{"order": "u"}', key => 'u2') AS "lease over";
SELECT budget_reap() IS NOT NULL AS reaped;
SELECT verdict, reason, feedback FROM call_begin('a', 'refund', '{"order": "u", "amount": 5}', task => 't');
CREATE ROLE regress_once;
GRANT USAGE ON SCHEMA agentcore TO regress_once;
SELECT access_grant('regress_once', 'agent');
UPDATE permit SET role = 'regress_once' WHERE id = :'u';
SET ROLE regress_once;
SELECT pg_temp.refused(format('SELECT agentcore.call_resolve(%L, true)', :'u'));
-- an approver is another role than the worker's, and sees no calls of others but these
RESET ROLE;
CREATE ROLE regress_once_approver;
GRANT USAGE ON SCHEMA agentcore TO regress_once_approver;
SELECT access_grant('regress_once_approver', 'approver'), tool_set('plain', '{"type": "object"}');
SELECT call_id AS plain FROM call_begin('a', 'plain', task => 't', lease => '1 minute') \gset
SET ROLE regress_once_approver;
SELECT pg_temp.refused(format('SELECT agentcore.call_resolve(%L, false)', :'plain')), pg_temp.refused(format('SELECT agentcore.call_commit(%L)', :'u'));
SELECT agentcore.call_resolve(:'u', false);
RESET ROLE;
SELECT pg_temp.ask('refund', '{"order": "u"}') AS free, call_release(:'plain');
RESET agentcore.debug_clock_offset;
SELECT call_id AS v FROM call_begin('a', 'refund', '{"order": "v"}', task => 't', lease => '1 minute') \gset
SELECT set_config('agentcore.debug_clock_offset', '120000', false), call_resolve(:'v', true, '{"paid": 5}'), pg_temp.ask('refund', '{"order": "v"}') AS done;
RESET agentcore.debug_clock_offset;
SELECT tool_set('refund', idempotent => false);
SELECT call_id AS w FROM call_begin('a', 'refund', '{"order": "w"}', task => 't', key => 'w') \gset
SELECT action, reason FROM call_fail(:'w', 504);
SELECT pg_temp.ask('refund', '{"order": "w"}', key => 'w2') AS unknown;
SELECT call_commit(:'w', '{"paid": 3}'), pg_temp.ask('refund', '{"order": "w"}', key => 'w2') AS "late, and done";
-- after the time it may run again; one row per call
SELECT count(*) FROM tasks_once WHERE scope_value = 't' AND tool = 'refund';
SELECT set_config('agentcore.debug_clock_offset', (23 * 3600000)::text, false), pg_temp.ask('refund', '{"order": "x", "amount": 10}');
SELECT set_config('agentcore.debug_clock_offset', (25 * 3600000)::text, false), pg_temp.run('refund', '{"order": "x", "amount": 10}', result => '{"paid": 11}'), pg_temp.ask('refund', '{"order": "x", "amount": 10}');
SELECT count(*) FROM tasks_once WHERE scope_value = 't' AND tool = 'refund';
RESET agentcore.debug_clock_offset;
-- audit mode does not look away
SELECT agent_set('a', mode => 'audit'), pg_temp.ask('refund', '{"order": "w", "amount": 1}'), pg_temp.ask('refund', '{"order": "w"}'), pg_temp.ask('refund', '{"order": "w"}', NULL), agent_set('a', mode => 'enforce');
-- a cached answer is not asked for; permits that retention has taken say nothing any more
SELECT stage, verdict, reason, detail FROM call_explain('a', 'refund', '{"order": "w", "amount": 1}', task => 't') WHERE stage IN ('key', 'once', 'cache');
DELETE FROM permit WHERE id = :'w';
SELECT pg_temp.ask('refund', '{"order": "w"}') AS "still done";
-- other scopes
SELECT tool_set('mail', '{"type": "object"}', once => '1 hour', once_scope => 'subject'), tool_set('post', '{"type": "object"}', once => '1 hour', once_scope => 'agent'), tool_set('wire', '{"type": "object"}', once => '1 hour', once_scope => 'tenant');
SELECT pg_temp.ask('mail', '{}'), pg_temp.run('mail', '{"to": "x"}', 't', 's'), pg_temp.ask('mail', '{"to": "x"}', 't2', 's'), pg_temp.ask('mail', '{"to": "x"}', 't', 's2'), pg_temp.ask('mail', '{"to": "y"}', 't', 's');
SELECT pg_temp.run('post', '{}'), pg_temp.ask('post', '{}', NULL), pg_temp.ask('post', '{}', agent => 'b'), pg_temp.run('wire', '{"a": [1, {"b": 2}]}', result => NULL), pg_temp.ask('wire', '{"a": [1.0, {"b": 2}]}', NULL), pg_temp.ask('wire', '{"a": [1, {"b": 2}]}', agent => 'b'), pg_temp.ask('wire', '{"a": [{"b": 2}, 1]}');
-- two in one transaction; a ROLLBACK leaves nothing
BEGIN;
SELECT pg_temp.ask('refund', '{"order": "tx"}'), pg_temp.ask('refund', '{"order": "tx"}');
ROLLBACK;
SELECT pg_temp.ask('refund', '{"order": "tx"}');
-- turned off: it runs, and what was begun before can still be ended
SELECT tool_set('refund', reset => '{once}'), pg_temp.ask('refund', '{"order": "x", "amount": 10}');
SELECT tool, scope, scope_value, agent, subject, state, until - at >= '1 hour' AS long FROM tasks_once WHERE tool <> 'refund' ORDER BY 1, 2, 3;
-- retention
SELECT pg_temp.refused('SELECT agentcore.task_retain(NULL)'), pg_temp.refused($$SELECT agentcore.task_retain('1 hour')$$), task_retain('1 day') AS "too young";
SELECT set_config('agentcore.debug_clock_offset', (72 * 3600000)::text, false), budget_reap() IS NOT NULL, task_retain('1 day') > 0 AS deleted;
SELECT count(*) AS left FROM tasks_once;
RESET agentcore.debug_clock_offset;
SELECT access_revoke('regress_once'), access_revoke('regress_once_approver');
DROP OWNED BY regress_once, regress_once_approver;
DROP ROLE regress_once, regress_once_approver;
