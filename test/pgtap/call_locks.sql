-- What a lock or a breaker shows of a name, and whom a name can reach.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT plan(11);

SELECT agentcore.budget_set('team', max_calls => 1000, tenant => 't');
SELECT agentcore.budget_set('team', max_calls => 1000, tenant => 'u');
SELECT agentcore.policy_set('p', tenant => 't');
SELECT agentcore.policy_allow_tool('p', '*', tenant => 't');
SELECT agentcore.agent_set('a', 'p', tenant => 't');
SELECT agentcore.tool_set('ping', '{"type": "object"}', target => 'up', tenant => 't');

CREATE VIEW tags AS
  SELECT classid::regclass::text AS of, objid::bigint, objsubid::int FROM pg_locks
   WHERE locktype = 'object' AND pid = pg_backend_pid() AND mode = 'ExclusiveLock';

-- the hash that everybody can compute, as far as objid needs it
CREATE FUNCTION public_hash(a text, b text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT (x & m) # (((y & m) + 367372515 + ((x >> 7) & m)) & m)
    FROM (SELECT hashtextextended(a, 1), hashtextextended(b, 2), 4294967295::bigint) v (x, y, m)
$$;
SELECT granted FROM agentcore.budget_try_acquire('team', calls => 1, tenant => 't') \gset
SELECT granted FROM agentcore.budget_try_acquire('team', calls => 1, tenant => 'u') \gset
SELECT cmp_ok((SELECT count(*) FROM tags WHERE of LIKE '%budget_counter'), '>=', 2::bigint, 'two counters are locked');
SELECT is_empty($$ SELECT * FROM tags WHERE of LIKE '%budget_counter' AND objid IN (public_hash('t', 'team'), public_hash('u', 'team')) $$,
                'and nobody can compute their tags');

SELECT verdict, call_id FROM agentcore.call_begin('a', 'ping', key => 'mine', tenant => 't') \gset call_
SELECT verdict FROM agentcore.call_begin('a', 'ping', key => 'mine', tenant => 't') \gset again_
SELECT is(:'call_verdict'::text, 'run', 'a call with a key runs');
SELECT is_empty($$ SELECT * FROM tags WHERE of LIKE '%permit' AND objid = public_hash('t', 'agent:a') $$, 'its key''s tag cannot be computed');
SELECT agentcore.call_commit(:'call_call_id', tenant => 't') AS settled \gset
SELECT is(:'settled'::text, 'committed', 'settling locks the permit');
SELECT is_empty(format($$ SELECT * FROM tags WHERE of LIKE '%%permit' AND lpad(to_hex(objid), 8, '0') = %L $$,
                       substr(right(:'call_call_id', 8), 7, 2) || substr(right(:'call_call_id', 8), 5, 2) || substr(right(:'call_call_id', 8), 3, 2) || left(right(:'call_call_id', 8), 2)),
                'and its tag shows nothing of the call''s id');

-- an agent's word about a target is not the gate's
CREATE ROLE agentcore_tap_reporter;
SELECT agentcore.access_grant('agentcore_tap_reporter', 'agent', '{t}');
SET ROLE agentcore_tap_reporter;
SELECT agentcore.breaker_report('up', false, 't') FROM generate_series(1, 20);
RESET ROLE;
SELECT is((SELECT state FROM agentcore.stat_target WHERE tenant = 't' AND target = 'up' AND kind = 'raw'), 'open', 'reported failures open the raw breaker');
SELECT is((SELECT allowed FROM agentcore.breaker_allow('up', 't')), false, 'which breaker_allow() asks');
SELECT is((SELECT verdict FROM agentcore.call_begin('a', 'ping', tenant => 't')), 'run', 'and the gate does not');
SELECT agentcore.call_fail(call_id, 500, 'x', tenant => 't')
  FROM generate_series(1, 5) n, LATERAL agentcore.call_begin('a', 'ping', key => 'failing ' || n, tenant => 't');
SELECT is((SELECT reason FROM agentcore.call_begin('a', 'ping', tenant => 't')), 'circuit_open', 'its own calls open the gate''s');
SELECT agentcore.breaker_set('up', forced => 'closed', tenant => 't');
SELECT results_eq($$ SELECT kind, state, forced FROM agentcore.stat_target WHERE tenant = 't' ORDER BY kind $$,
                  $$ VALUES ('gate', 'closed', true), ('raw', 'closed', true) $$, 'settings hold for both');
SELECT * FROM finish();
ROLLBACK;
