--
-- profile: what the gate was asked, by tool and model, and where the time went
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY default
SELECT agentcore.stat_call_reset(tenant => '*') >= 0 AS reset;

SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*') > 0 AS allowed;
SELECT agentcore.tool_set('search', '{"q": {"type": "string"}}', cache_ttl => '1 hour', est_tokens => 10), agentcore.tool_set('pay', '{"type": "object"}', idempotent => false),
       agentcore.tool_set('mail', '{"type": "object"}', needs_approval => true), agentcore.tool_set('slow', '{"type": "object"}', target => 'slow');
SELECT agentcore.rate_set('slow', rate => 1, period => '1 hour');
SELECT agentcore.model_price_set('m', 0.000001, 0.000002);
SELECT agentcore.agent_set('bot', 'p'), agentcore.agent_set('watched', 'p', mode => 'audit');

-- off: nothing is counted
SET agentcore.track_timing = off;
SELECT verdict FROM agentcore.call_begin('bot', 'search', '{"q": "0"}');
SELECT count(*) FROM agentcore.stat_call;

SET agentcore.track_timing = on;

-- a run, a hit, a refusal; two ends
SELECT call_id AS id FROM agentcore.call_begin('bot', 'search', '{"q": "1"}') \gset
SELECT agentcore.call_commit(:'id', '1', tokens => 7, usd => 0.5);
SELECT agentcore.call_commit(:'id', '1', tokens => 7, usd => 0.5);
SELECT verdict FROM agentcore.call_begin('bot', 'search', '{"q": "1"}');
SELECT reason FROM agentcore.call_begin('bot', 'search', '{"q": 1}');
SELECT call_id AS id FROM agentcore.call_begin('bot', 'search', '{"q": "2"}') \gset
SELECT action FROM agentcore.call_fail(:'id', 400, 'no');
SELECT tool, calls, run, cached, wait, deny, not_enforced, reasons, hit_ratio, committed, failed, retried, released, tokens, usd, waits, incomplete
  FROM agentcore.stat_call;
SELECT policy_timed, tool_timed, policy_total_ns > 0 AS total, policy_p50_ns <= policy_p95_ns AND policy_p95_ns <= policy_p99_ns AND policy_p99_ns <= policy_max_ns AS ordered,
       policy_mean_ns <= policy_max_ns AS mean, tool_p50_us >= 0 AS tool, since <= now() AS since
  FROM agentcore.stat_call;
SELECT part, timed, total_ns > 0 AS total, (SELECT array_agg(s ORDER BY s) FROM jsonb_object_keys(stages) AS s) AS stages FROM agentcore.stat_call_stage;

-- what is not named is charged as it was held; a retry, and a call that was given up; a model
SELECT agentcore.stat_call_reset('search');
SELECT call_id AS id FROM agentcore.call_begin('bot', 'search', '{"q": "3"}') \gset
SELECT action FROM agentcore.call_fail(:'id', 503, 'busy', tokens => 3);
SELECT agentcore.call_commit(:'id', '3');
SELECT call_id AS id FROM agentcore.call_begin('bot', 'search', '{"q": "4"}') \gset
SELECT agentcore.call_release(:'id');
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{}') \gset
SELECT action, reason FROM agentcore.call_fail(:'id', 500, 'no idea');
SELECT agentcore.call_resolve(:'id', true);
SELECT call_id AS id FROM agentcore.llm_begin('bot', 'm', 1000, 1000) \gset
SELECT agentcore.llm_commit(:'id', '{"input_tokens": 1000, "output_tokens": 500}');
SELECT kind, tool, calls, committed, failed, retried, released, tokens, usd, tool_timed FROM agentcore.stat_call ORDER BY kind, tool;

-- waiting: who was told for how long, and who was not
SELECT verdict, reason FROM agentcore.call_begin('bot', 'mail', '{}');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'slow', '{}');
SELECT verdict, reason FROM agentcore.call_begin('bot', 'slow', '{}');
SELECT tool, wait, waits - 'rate_limited' AS waits, (waits->'rate_limited'->>'told_ms')::bigint BETWEEN 3500000 AND 4000000 AS told, waits->'rate_limited'->'calls' AS calls
  FROM agentcore.stat_call WHERE wait > 0 ORDER BY tool;

-- the time from begin to end is the wall clock's: what was long is long, and a clock that steps back measures nothing
SELECT agentcore.stat_call_reset('pay');
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{}', lease => '1 day') \gset
SET agentcore.debug_clock_offset = 80000000;
SELECT agentcore.call_commit(:'id', '1');
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{}') \gset
SET agentcore.debug_clock_offset = 0;
SELECT agentcore.call_commit(:'id', '1');
SELECT committed, tool_timed, tool_max_us BETWEEN 80000000000 AND 80100000000 AS a_day, abs(tool_p50_us / 80000000000.0 - 1) < 0.02 AS near, policy_max_ns < 60000000000 AS monotonic
  FROM agentcore.stat_call WHERE tool = 'pay';

-- names that nobody has registered are one row, also in audit mode, where they run
SELECT count(*) FROM generate_series(1, 1000) AS i, agentcore.call_begin('bot', 'invented' || i, '{}');
SELECT verdict, call_id AS id FROM agentcore.call_begin('watched', 'invented', '{}') \gset
SELECT agentcore.call_commit(:'id', '1');
SELECT count(*) FROM generate_series(1, 100) AS i, agentcore.llm_begin('bot', 'invented' || i, 1, 1);
SELECT verdict, call_id AS id FROM agentcore.llm_begin('watched', 'invented', 1, 1) \gset
SELECT agentcore.llm_commit(:'id', tokens => 2);
SELECT kind, calls, run, deny, not_enforced, reasons, committed FROM agentcore.stat_call WHERE tool IS NULL ORDER BY kind;

-- a call that was asked was asked, whatever becomes of the transaction; an end that is rolled back is none
SELECT agentcore.stat_call_reset();
BEGIN;
SELECT call_id IS NOT NULL FROM agentcore.call_begin('bot', 'pay', '{}');
ROLLBACK;
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{}') \gset
BEGIN;
SELECT agentcore.call_commit(:'id', '1', tokens => 5);
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT agentcore.call_commit(:'id', '1', tokens => 5);
ROLLBACK TO s;
SAVEPOINT s;
SELECT agentcore.call_commit(:'id', '1', tokens => 6);
RELEASE s;
SELECT committed FROM agentcore.stat_call WHERE tool = 'pay';
COMMIT;
SELECT calls, run, committed, tokens FROM agentcore.stat_call WHERE tool = 'pay';

-- sampled: every call counts, few are timed
SET agentcore.track_timing = sampled;
SET agentcore.track_timing_every = 1000000;
SELECT agentcore.stat_call_reset();
SELECT count(*) FROM generate_series(1, 50) AS i, agentcore.call_begin('bot', 'search', jsonb_build_object('q', i::text));
SELECT calls, policy_timed < 50 AS few FROM agentcore.stat_call;
SET agentcore.track_timing_every = 1;
SELECT agentcore.stat_call_reset();
SELECT count(*) FROM generate_series(1, 5) AS i, agentcore.call_begin('bot', 'search', jsonb_build_object('q', i::text));
SELECT calls, policy_timed FROM agentcore.stat_call;
SET agentcore.track_timing_every = 1000000;
SELECT agentcore.stat_call_reset();
SELECT verdict FROM agentcore.call_begin('bot', 'mail', '{}');
SELECT policy_timed, policy_total_ns, policy_mean_ns, policy_p50_ns, policy_max_ns, tool_timed, tool_p50_us, hit_ratio FROM agentcore.stat_call;
SELECT count(*) FROM agentcore.stat_call_stage;
SET agentcore.track_timing = on;

-- tenants see their own, and reset their own
SELECT agentcore.tool_set('search', '{"type": "object"}', tenant => 'acme'), agentcore.policy_set('p', tenant => 'acme'), agentcore.policy_allow_tool('p', '*', tenant => 'acme') > 0 AS allowed,
       agentcore.agent_set('bot', 'p', tenant => 'acme');
SELECT verdict FROM agentcore.call_begin('bot', 'search', '{}', tenant => 'acme');
CREATE ROLE profile_acme;
SELECT agentcore.access_grant('profile_acme', 'admin', '{acme}');
SET ROLE profile_acme;
SELECT tenant, tool, calls FROM agentcore.stat_call;
SELECT DISTINCT tenant FROM agentcore.stat_call_stage;
SELECT count(*) FROM agentcore.stat_call_slots;
SELECT agentcore.stat_call_reset();
SELECT agentcore.stat_call_reset(tenant => '*');
SELECT agentcore.stat_call_reset(tenant => 'acme');
SELECT count(*) FROM agentcore.stat_call;
RESET ROLE;
SELECT tenant, tool, calls FROM agentcore.stat_call ORDER BY tenant, tool;
SELECT agentcore.stat_call_reset(tenant => '*');
SELECT count(*) FROM agentcore.stat_call;
SELECT slots, used < slots AS room, tenant_most FROM agentcore.stat_call_slots;
SELECT agentcore.access_revoke('profile_acme');
DROP ROLE profile_acme;

-- many tools of one tenant leave room for others, and what has none is one row
SELECT count(agentcore.tool_set('t' || i, '{"type": "object"}')) FROM generate_series(1, 300) AS i;
SELECT count(*) FROM generate_series(1, 300) AS i, agentcore.call_begin('bot', 't' || i, '{}');
SELECT count(*) FROM generate_series(1, 300) AS i, agentcore.call_begin('bot', 't' || i, '{}');
SELECT count(*) BETWEEN 100 AND 192 AS share, bool_and(calls = 2) AS each_twice, bool_and(incomplete) AS incomplete FROM agentcore.stat_call WHERE tenant = '';
SELECT sum(calls) FROM agentcore.stat_call WHERE tenant = '' OR kind = 'other';
SELECT tenant, tool, calls = run AS all_run, calls BETWEEN 216 AND 400 AS rest FROM agentcore.stat_call WHERE kind = 'other';
SELECT verdict FROM agentcore.call_begin('bot', 'search', '{}', tenant => 'acme');
SELECT tenant, tool, calls FROM agentcore.stat_call WHERE tenant <> '';
SELECT agentcore.stat_call_reset('t1');
SELECT verdict FROM agentcore.call_begin('bot', 't300', '{}');
SELECT tool, calls IN (1, 3) AS counted FROM agentcore.stat_call WHERE tool IN ('t1', 't300');
SELECT agentcore.stat_call_reset(tenant => '*') > 0 AS reset;
SELECT count(*) FROM agentcore.stat_call;

-- several calls of one turn
SELECT verdict, reason FROM agentcore.call_begin_many('bot', '[{"id": "a", "type": "function", "function": {"name": "pay", "arguments": "{}"}}, {"id": "b", "type": "function", "function": {"name": "nobody", "arguments": "{}"}}, 1]');
SELECT tool, calls, run, deny FROM agentcore.stat_call ORDER BY tool;
RESET agentcore.track_timing;
RESET agentcore.track_timing_every;

-- the log has the times of single calls that were timed
SET agentcore.audit = 'all';
SET agentcore.track_timing = on;
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{}') \gset
SELECT agentcore.call_commit(:'id', '1');
SET agentcore.track_timing = off;
SELECT call_id AS id FROM agentcore.call_begin('bot', 'pay', '{}') \gset
SELECT agentcore.call_release(:'id');
SELECT event, array_length(stage_ns, 1) AS stages, policy_ns > 0 AS policy_ns, tool_us >= 0 AS tool_us FROM agentcore.call_log ORDER BY id;
RESET agentcore.audit;
RESET agentcore.track_timing;
