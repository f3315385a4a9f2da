--
-- profile(): where the time went, in sentences.  The clock is the test's: what is printed is
-- of calls that took hours, beside which what the gate and a busy machine take is nothing.
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET agentcore.budget_guard = off;
\set VERBOSITY default
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*') > 0 AS allowed, agentcore.agent_set('bot', 'p');
SELECT agentcore.tool_set('search', '{"type": "object"}', idempotent => true), agentcore.tool_set('kept', '{"type": "object"}', cache_ttl => '10 hours', idempotent => true),
       agentcore.tool_set('slow', '{"type": "object"}', target => 'slow'), agentcore.tool_set('mail', '{"type": "object"}', needs_approval => true), agentcore.tool_set('down', '{"type": "object"}', target => 'down');
SELECT agentcore.rate_set('slow', rate => 1, period => '1000 hours'), agentcore.breaker_set('down', forced => 'open');
SELECT agentcore.model_price_set('m', 0.000001, 0.000002);
CREATE FUNCTION told(since timestamptz DEFAULT NULL) RETURNS TABLE (what text, name text, calls bigint, measured bigint, hours numeric, worth_moving boolean, says text) LANGUAGE sql AS
  $$ SELECT p.what, p.name, p.calls, p.measured, round(p.total_ms::numeric / 3600000, 1), p.worth_moving, p.says FROM agentcore.profile(since => since) p WHERE p.what <> 'policy' $$;

-- nothing yet
SET agentcore.track_timing = off;
SELECT what, name, total_ms, says FROM agentcore.profile();
SELECT verdict FROM agentcore.call_begin('bot', 'search', '{}');
SELECT what, name, total_ms, says FROM agentcore.profile();

-- without the log: from the counts
SET agentcore.track_timing = on;
SELECT call_id AS id FROM agentcore.call_begin('bot', 'search', '{"q": 1}', lease => '1 day') \gset
SET agentcore.debug_clock_offset = 36000000;
SELECT agentcore.call_commit(:'id', '1');
SELECT verdict FROM agentcore.call_begin('bot', 'slow', '{}', key => 'a');
SELECT verdict FROM agentcore.call_begin('bot', 'slow', '{}', key => 'b');
SELECT what, name, calls, measured, round(total_ms::numeric / 3600000, 1) AS hours, worth_moving, says FROM agentcore.profile() WHERE what NOT IN ('policy') AND name IS DISTINCT FROM 'slow';
SELECT name, calls >= 1 AS calls, measured >= 1 AS measured, total_ms > 0 AS total, share < 0.03 AS small, worth_moving FROM agentcore.profile() WHERE what = 'policy';
SELECT says ~ 'How long the tool takes was not measured. It had callers wait once, and for how long was not measured.$' AS says FROM agentcore.profile() WHERE name = 'slow';
SELECT agentcore.rate_drop('slow'), agentcore.rate_set('slow', rate => 1, period => '5 hours');

-- with the log, and without digests of arguments
SET agentcore.record = 'none';
SET agentcore.audit = 'all';
SET agentcore.debug_clock_offset = 72000000;
SELECT call_id AS id FROM agentcore.call_begin('bot', 'search', '{"q": 2}', lease => '1 day') \gset
SET agentcore.debug_clock_offset = 108000000;
SELECT agentcore.call_commit(:'id', '1');
SELECT * FROM told();
-- a call that has ended ends once, whatever its worker says again
SELECT agentcore.call_commit(:'id', '1') AS again, agentcore.call_commit(:'id', '2') AS other, agentcore.call_release(:'id') AS released;
SELECT reason FROM agentcore.call_fail(:'id', 500, 'x');
SELECT what, name, calls, measured, hours FROM told() WHERE what = 'tool';

-- with digests: what repeats itself, what comes close behind
SET agentcore.record = 'digest';
SET agentcore.debug_clock_offset = 360000000;
SELECT agentcore.clock_now() AS start \gset
SELECT call_id AS one FROM agentcore.call_begin('bot', 'search', '{"q": 3}', lease => '1 day') \gset
SELECT call_id AS two FROM agentcore.call_begin('bot', 'search', '{"q": 3}', lease => '1 day') \gset
SET agentcore.debug_clock_offset = 396000000;
SELECT agentcore.call_commit(:'one', '1'), agentcore.call_commit(:'two', '1');
SELECT array_agg(call_id) AS ids FROM agentcore.call_begin_many('bot', '[{"id": "x1", "type": "function", "function": {"name": "search", "arguments": "{\"q\": 4}"}}, {"id": "x2", "type": "function", "function": {"name": "search", "arguments": "{\"q\": 5}"}}]', task => 't', lease => '1 day') \gset
SET agentcore.debug_clock_offset = 414000000;
SELECT agentcore.call_commit(c, '1') FROM unnest(:'ids'::uuid[]) AS c;
SELECT * FROM told(:'start');

-- waiting lasts until the same call is asked again
SET agentcore.debug_clock_offset = 720000000;
SELECT agentcore.clock_now() AS start \gset
SELECT verdict FROM agentcore.call_begin('bot', 'slow', '{}', key => 'c');
SELECT verdict FROM agentcore.call_begin('bot', 'slow', '{}', key => 'd');
SELECT verdict, approval AS asked FROM agentcore.call_begin('bot', 'mail', '{}', key => 'e') \gset
SELECT verdict FROM agentcore.call_begin('bot', 'down', '{}', key => 'f');
SET agentcore.debug_clock_offset = 756000000;
SELECT verdict, call_id AS id FROM agentcore.call_begin('bot', 'slow', '{}', key => 'd', lease => '1 day') \gset
SELECT agentcore.call_approve(:'asked');
SELECT agentcore.breaker_set('down', forced => 'closed');
SET agentcore.debug_clock_offset = 763200000;
SELECT agentcore.call_commit(:'id', '1');
SET agentcore.debug_clock_offset = 777600000;
SELECT verdict FROM agentcore.call_begin('bot', 'down', '{}', key => 'f');
SET agentcore.debug_clock_offset = 792000000;
SELECT verdict FROM agentcore.call_begin('bot', 'mail', '{}', key => 'e');
-- never asked again
SELECT verdict FROM agentcore.call_begin('bot', 'slow', '{}', key => 'g');
SELECT verdict FROM agentcore.call_begin('bot', 'slow', '{}', key => 'h');
SELECT * FROM told(:'start');

-- models; names that nobody has registered are no rows of their own; a cache that is there
SET agentcore.debug_clock_offset = 1440000000;
SELECT agentcore.clock_now() AS start \gset
SELECT count(*) FROM generate_series(1, 20) AS i, agentcore.call_begin('bot', 'invented' || i, '{}');
SELECT call_id AS id FROM agentcore.llm_begin('bot', 'm', 10, 10, lease => '1 day') \gset
SELECT call_id AS one FROM agentcore.call_begin('bot', 'kept', '{"q": 1}', lease => '1 day') \gset
SELECT call_id AS two FROM agentcore.call_begin('bot', 'kept', '{"q": 2}', lease => '1 day') \gset
SET agentcore.debug_clock_offset = 1447200000;
SELECT agentcore.call_commit(:'one', '1'), agentcore.call_commit(:'two', '1');
SET agentcore.debug_clock_offset = 1476000000;
SELECT agentcore.llm_commit(:'id', tokens => 20);
SELECT * FROM told(:'start');

-- another's tenant
CREATE ROLE profile_stranger;
SELECT agentcore.access_grant('profile_stranger', 'reader', '{acme}');
SET ROLE profile_stranger;
\set VERBOSITY terse
SELECT * FROM agentcore.profile();
SELECT what, says FROM agentcore.profile('acme');
RESET ROLE;
SELECT agentcore.access_revoke('profile_stranger');
DROP ROLE profile_stranger;
