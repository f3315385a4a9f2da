-- What a call took is given back when it is rolled back: rate token, probe and cache lease.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, public;
SELECT policy_set('all'), policy_allow_tool('all', '*') > 0 AS allowed, agent_set('bot', 'all');

-- one token, so each that runs has had the one that was given back ------------
SELECT tool_set('api', '{"type": "object"}', target => 'upstream'), rate_set('upstream', 1, '1 day', 1);
BEGIN;
SELECT verdict AS "run" FROM call_begin('bot', 'api', '{"n": 1}');
ROLLBACK;
BEGIN;
SAVEPOINT a;
SELECT verdict AS "run" FROM call_begin('bot', 'api', '{"n": 2}');
SELECT verdict, reason FROM call_begin('bot', 'api', '{"n": 3}');
ROLLBACK TO a;
SELECT verdict AS "run" FROM call_begin('bot', 'api', '{"n": 4}');
ROLLBACK;
-- released into what is rolled back
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
SELECT verdict AS "run" FROM call_begin('bot', 'api', '{"n": 5}');
RELEASE b;
SAVEPOINT c;
ROLLBACK TO c;
SELECT verdict, reason FROM call_begin('bot', 'api', '{"n": 6}');
ROLLBACK TO a;
SELECT verdict AS "run" FROM call_begin('bot', 'api', '{"n": 7}');
ROLLBACK;
-- the error of a block that catches it
DO $$
BEGIN
  FOR i IN 1..3 LOOP
    BEGIN
      RAISE NOTICE '%', (SELECT verdict FROM call_begin('bot', 'api', jsonb_build_object('n', 10 + i)));
      RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END $$;
-- what is released and committed keeps it
BEGIN;
SAVEPOINT a;
SELECT verdict AS "run" FROM call_begin('bot', 'api', '{"n": 8}');
RELEASE a;
SAVEPOINT b;
ROLLBACK TO b;
COMMIT;
SELECT verdict, reason FROM call_begin('bot', 'api', '{"n": 9}');

-- one probe of a half-open breaker ---------------------------------------------
SELECT tool_set('peer', '{"type": "object"}', target => 'peer'), breaker_set('peer', open_for => '1 hour', probes => 1, consecutive => 1);
SELECT call_id AS id FROM call_begin('bot', 'peer', '{"n": 1}') \gset
SELECT action FROM call_fail(:'id', 400, 'bad');
SELECT call_id AS id FROM call_begin('bot', 'peer', '{"n": 2}') \gset
SELECT action FROM call_fail(:'id', 503, 'down');
SELECT verdict, reason FROM call_begin('bot', 'peer', '{"n": 3}');
SET agentcore.debug_clock_offset = '61 min';
BEGIN;
SAVEPOINT a;
SELECT verdict AS "run" FROM call_begin('bot', 'peer', '{"n": 4}');
SELECT verdict, reason FROM call_begin('bot', 'peer', '{"n": 5}');
ROLLBACK TO a;
SELECT verdict AS "run" FROM call_begin('bot', 'peer', '{"n": 6}');
ROLLBACK TO a;
SAVEPOINT b;
SELECT verdict AS "run" FROM call_begin('bot', 'peer', '{"n": 7}');
RELEASE b;
SELECT verdict, reason FROM call_begin('bot', 'peer', '{"n": 8}');
ROLLBACK;
SELECT verdict AS "run" FROM call_begin('bot', 'peer', '{"n": 9}');
SELECT verdict, reason FROM call_begin('bot', 'peer', '{"n": 10}');
RESET agentcore.debug_clock_offset;

-- a cache lease ------------------------------------------------------------------
SELECT tool_set('look', '{"type": "object"}', cache_ttl => '1 hour', cache_scope => 'tenant');
BEGIN;
SAVEPOINT a;
SELECT verdict, want_result FROM call_begin('bot', 'look', '{"n": 1}');
SELECT verdict, reason FROM call_begin('bot', 'look', '{"n": 1}');
ROLLBACK TO a;
SELECT verdict, want_result FROM call_begin('bot', 'look', '{"n": 1}');
ROLLBACK;
