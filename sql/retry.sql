--
-- retry: advice, classification, Retry-After, breaker, rate.
-- Delays are random: bounds are asserted, never values.
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;

-- Classification ------------------------------------------------------------

SELECT f.status, f.error, r.action, r.reason
  FROM (VALUES
    (1, 408, NULL), (2, 425, NULL), (3, 429, NULL), (4, 500, NULL), (5, 502, NULL), (6, 503, NULL),
    (7, 504, NULL), (8, 529, NULL),
    (10, 400, NULL), (11, 401, NULL), (12, 402, NULL), (13, 404, NULL), (14, 409, NULL), (15, 501, NULL),
    (20, 429, '{"error": {"type": "insufficient_quota"}}'),
    (21, 429, 'please check your plan and billing details'),
    (22, 400, 'Your credit balance is too low'),
    (23, 503, 'BILLING_NOT_ACTIVE'),
    (30, 200, 'event: error {"type":"overloaded_error"}'),
    (31, 400, 'Overloaded'),
    (32, NULL, 'rate_limit_error'),
    (40, NULL, 'read timed out'), (41, NULL, 'Timeout: 30 s'), (42, NULL, 'Connection reset by peer'),
    (43, NULL, 'read ECONNRESET'), (44, NULL, 'connect ECONNREFUSED 127.0.0.1:1'),
    (50, 400, 'timeout must be positive'),
    (51, NULL, 'notimeout'), (52, NULL, 'timeout_ms is required'), (53, NULL, 'EPIPELINE'),
    (60, NULL, NULL), (61, NULL, ''), (62, NULL, 'something odd'), (63, 200, 'something odd'), (64, 302, NULL)
  ) AS f(n, status, error), LATERAL agentcore.retry_next(1, f.status, f.error) AS r
 ORDER BY f.n;

-- a policy may know better, and only the words around a phrase count
SELECT agentcore.retry_policy_set('picky', rules => '[
  {"status": [500, 599], "error": "migration in progress", "class": "fatal"},
  {"status": 409, "class": "retry"},
  {"error": "insufficient_quota", "class": "throttle"},
  {"status": 418, "class": "quota"}]');
SELECT f.status, f.error, r.action, r.reason
  FROM (VALUES (1, 503, 'MIGRATION in progress'), (2, 503, 'busy'), (3, 409, NULL), (4, 410, NULL),
               (5, 429, 'insufficient_quota'), (6, 418, NULL), (7, NULL, 'migration in progress'))
       AS f(n, status, error), LATERAL agentcore.retry_next(1, f.status, f.error, retry_policy => 'picky') AS r
 ORDER BY f.n;
SELECT agentcore.retry_policy_set('all', rules => '[{"status": 404, "class": "fatal"}, {"class": "retry"}]');
SELECT (agentcore.retry_next(1, 404, retry_policy => 'all')).reason,
       (agentcore.retry_next(1, 400, retry_policy => 'all')).reason,
       (agentcore.retry_next(1, retry_policy => 'all')).reason;

-- Backoff -------------------------------------------------------------------

-- full jitter: within [0, min(cap, base * 2^(attempt - 1))], and all of it is used
SELECT agentcore.retry_policy_set('steps', base => '1 s', cap => '5 s', max_attempts => 100);
SELECT a AS attempt,
       bool_and(r.delay >= '0' AND r.delay <= least(interval '5 s', interval '1 s' * 2 ^ least(a - 1, 10))) AS bounded,
       max(r.delay) > 0.9 * least(interval '5 s', interval '1 s' * 2 ^ least(a - 1, 10)) AS reaches_top,
       min(r.delay) < 0.1 * least(interval '5 s', interval '1 s' * 2 ^ least(a - 1, 10)) AS reaches_bottom
  FROM unnest('{1,2,3,4,20,99}'::int[]) AS a, generate_series(1, 400) AS i,
       LATERAL agentcore.retry_next(a, 500 + 0 * i, retry_policy => 'steps') AS r
 GROUP BY a ORDER BY a;
SELECT r.at >= now() AND r.at <= clock_timestamp() + r.delay AS at_fits
  FROM agentcore.retry_next(3, 500) AS r;
SELECT agentcore.retry_policy_set('at once', base => '0', cap => '0');
SELECT action, delay, reason FROM agentcore.retry_next(3, 500, retry_policy => 'at once');

-- attempts
SELECT a, (agentcore.retry_next(a, 500)).action, (agentcore.retry_next(a, 500)).reason FROM generate_series(15, 17) AS a;
SELECT (agentcore.retry_next(2147483647, 500)).reason;

-- deadline: the built-in policy gives up after 10 minutes
SELECT action, delay, at, reason FROM agentcore.retry_next(1, 500, started_at => now() - interval '11 min');
SELECT action, reason FROM agentcore.retry_next(1, 500, started_at => now() - interval '1 min');
SELECT action, reason FROM agentcore.retry_next(1, 500, started_at => now() + interval '1 day');
-- a Retry-After that ends behind it cannot be obeyed; a jittered delay is cut at it
SELECT action, reason FROM agentcore.retry_next(1, 429, NULL, '90', started_at => now() - interval '9 min');
SELECT agentcore.retry_policy_set('short', base => '20 s', cap => '20 s', max_elapsed => '10 s');
SELECT bool_and(r.action = 'retry' AND r.at <= clock_timestamp() + interval '10 s') AS within_deadline
  FROM generate_series(1, 200) AS i, LATERAL agentcore.retry_next(1, 500 + 0 * i, retry_policy => 'short', started_at => now()) AS r;
SELECT agentcore.retry_policy_set('endless', max_elapsed => '0');
SELECT action FROM agentcore.retry_next(1, 500, retry_policy => 'endless', started_at => now() - interval '1 year');

-- Retry-After ---------------------------------------------------------------

-- the forms that count: never earlier than asked, at most a tenth or the window later
SET timezone = 'Asia/Kolkata';
SET datestyle = 'German';
SELECT h.header, r.action, r.reason, r.delay >= h.least AND r.delay <= h.least * 1.1 + interval '0.5 s' AS as_asked
  FROM (VALUES
    (1, '0', interval '0'), (2, '2', '2 s'), (3, ' 7 ', '7 s'), (4, '1.5', '1.5 s'), (5, '0.0000001', '0.000001 s'),
    (6, '1500 ms', '1.5 s'), (7, '1500ms', '1.5 s'), (8, 'retry-after-ms: 2500', '2.5 s'), (9, 'Retry-After: 3', '3 s'),
    (10, 'retry-after-ms:12.5', '0.0125 s'), (11, '120', '120 s'), (12, '000003', '3 s'),
    (13, 'Sun, 06 Nov 1994 08:49:37 GMT', '0'), (14, 'Sunday, 06-Nov-94 08:49:37 GMT', '0'),
    (15, 'Sun Nov  6 08:49:37 1994', '0'), (16, 'sun, 6 nov 1994 08:49:60 utc', '0'),
    (17, 'Tue, 29 Feb 2000 00:00:00 GMT', '0')
  ) AS h(n, header, least), LATERAL agentcore.retry_next(1, 503, NULL, h.header) AS r
 ORDER BY h.n;

-- dates ahead, in all three forms, written in English and GMT whatever the session speaks
WITH ahead AS (SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC') + interval '60 s' AS t)
SELECT f.form, r.reason, r.delay BETWEEN interval '57 s' AND interval '66 s' AND r.at >= a.t AT TIME ZONE 'UTC' AS as_asked
  FROM ahead AS a, LATERAL (VALUES
    ('imf-fixdate', to_char(a.t, 'Dy, DD Mon YYYY HH24:MI:SS "GMT"')),
    ('rfc 850', to_char(a.t, 'FMDay, DD-Mon-YY HH24:MI:SS "GMT"')),
    ('asctime', to_char(a.t, 'Dy Mon ') || lpad(to_char(a.t, 'FMDD'), 2) || to_char(a.t, ' HH24:MI:SS YYYY'))
  ) AS f(form, header), LATERAL agentcore.retry_next(1, 503, NULL, f.header) AS r;
RESET timezone;
RESET datestyle;

-- garbage is no header: plain backoff
SELECT h.header, r.reason, r.delay <= interval '0.5 s' AS plain
  FROM unnest(ARRAY['', ' ', 'soon', '-5', '+5', 'NaN', 'inf', '1e3', '0x10', '1.', '.5', '1..5',
                    'retry-after-ms: -1', 'retry-after-ms: Sun, 06 Nov 1994 08:49:37 GMT', '12 ms x',
                    'Sun, 31 Feb 2094 08:49:37 GMT', 'Sun, 29 Feb 2100 08:49:37 GMT', 'Sun, 06 Nov 2094 24:00:00 GMT',
                    'Sun, 06 Nov 2094 08:49:37 CET', 'Sun, 06 Nov 2094 08:49:37', 'Xyz, 06 Nov 2094 08:49:37 GMT',
                    'Sun, 06 Nox 2094 08:49:37 GMT', 'Sun, 06 Nov 2094 08:49:37 GMT+1',
                    'Sun', 'Sun,', 'Sunday, 06-', 'Sun Nov']) WITH ORDINALITY AS h(header, n),
       LATERAL agentcore.retry_next(1, 503, NULL, h.header) AS r
 ORDER BY h.n;

-- beyond the policy's maximum: come back later, without a worker waiting
SELECT h.header, r.action, r.reason, r.delay >= interval '2 min' AND r.at > now() + interval '2 min' AS later
  FROM unnest(ARRAY['121', '3600', '120001 ms', '99999999999999999999999999', 'Sun, 06 Nov 2094 08:49:37 GMT',
                    'Sun Nov  6 08:49:37 9999']) WITH ORDINALITY AS h(header, n),
       LATERAL agentcore.retry_next(1, 429, NULL, h.header) AS r
 ORDER BY h.n;
-- it does not make a fatal error worth a retry, nor one attempt more
SELECT (agentcore.retry_next(1, 400, NULL, '1')).reason, (agentcore.retry_next(15, 503, NULL, '1')).reason, (agentcore.retry_next(16, 503, NULL, '1')).reason;

-- Policies as data ----------------------------------------------------------

SELECT agentcore.retry_policy_set('steps', base => '1 s', cap => '5 s', max_attempts => 100) AS unchanged,
       agentcore.retry_policy_set('steps', base => '1 s', cap => '6 s', max_attempts => 100) AS changed;
-- a row named default replaces the built-in policy, for its tenant only
SELECT agentcore.retry_policy_set('default', max_attempts => 2);
SELECT (agentcore.retry_next(2, 500)).reason, (agentcore.retry_next(2, 500, tenant => 'other')).reason,
       (agentcore.retry_next(2, 500, retry_policy => NULL)).reason AS null_is_default;
SELECT agentcore.retry_policy_drop('default') AS dropped, agentcore.retry_policy_drop('default') AS again;
SELECT (agentcore.retry_next(2, 500)).reason;
-- taken back with the transaction
BEGIN;
SELECT agentcore.retry_policy_set('default', max_attempts => 1);
SELECT (agentcore.retry_next(1, 500)).reason;
ROLLBACK;
SELECT (agentcore.retry_next(1, 500)).reason;

\set VERBOSITY sqlstate
SELECT agentcore.retry_next(1, 500, retry_policy => 'stesp');
SELECT agentcore.retry_next(0, 500);
SELECT agentcore.retry_policy_set('bad', rules => '[1]');
\set VERBOSITY default
SELECT agentcore.retry_next(1, 500, retry_policy => 'stesp');
SELECT agentcore.retry_next(1, 500, retry_policy => 'nothing like it');
SELECT agentcore.retry_next(1, 500, retry_policy => 'steps', tenant => 'other');
SELECT agentcore.retry_next(0, 500);
SELECT agentcore.retry_next(-1, 500);
SELECT agentcore.retry_next(NULL, 500);
-- 0, as clients say "no status", is none
SELECT action, reason FROM agentcore.retry_next(1, 0);
SELECT action, reason FROM agentcore.retry_next(1, 0, 'ECONNRESET');
SELECT agentcore.retry_next(1, -500);
SELECT agentcore.retry_next(1, 1000);
SELECT agentcore.retry_next(1, 500, started_at => 'infinity');
SELECT agentcore.retry_next(1, 500, retry_policy => '');
SELECT action FROM agentcore.retry_next(1, 500, tenant => NULL);
SELECT agentcore.retry_policy_set(NULL);
SELECT agentcore.retry_policy_set('');
SELECT agentcore.retry_policy_set('bad', base => '-1 s');
SELECT agentcore.retry_policy_set('bad', base => '2 s', cap => '1 s');
SELECT agentcore.retry_policy_set('bad', cap => '10 years');
SELECT agentcore.retry_policy_set('bad', max_attempts => 0);
SELECT agentcore.retry_policy_set('bad', max_elapsed => '400 days');
SELECT agentcore.retry_policy_set('bad', rules => '{}');
SELECT agentcore.retry_policy_set('bad', rules => 'null');
SELECT agentcore.retry_policy_set('bad', rules => '[1]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"status": 429}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"status": 429, "class": "maybe"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"status": 42, "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"status": 429.5, "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"status": "429", "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"status": [599, 500], "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"status": [500], "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"error": "", "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"error": 5, "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"stauts": 500, "class": "retry"}]');
SELECT agentcore.retry_policy_set('bad', rules => '[{"class": "retry"}, {"status": 404, "class": "fatal"}]');
SELECT count(*) FROM agentcore.retry_policy WHERE name = 'bad';
-- a row written around the function that does not compile is an error, not something milder
INSERT INTO agentcore.retry_policy (tenant, name, base, cap, max_attempts, max_retry_after, rules)
  VALUES ('', 'raw', '1 s', '1 s', 3, '1 min', '[{"class": "maybe"}]');
SELECT agentcore.retry_next(1, 500, retry_policy => 'raw');

-- Circuit breaker -----------------------------------------------------------

-- five failures in a row open it; it says for how long
SELECT allowed, state, retry_after FROM agentcore.breaker_allow('api');
SELECT agentcore.breaker_report('api', i > 4) FROM generate_series(1, 5) AS i;
SELECT agentcore.breaker_report('api', false) FROM generate_series(1, 4) AS i;
SELECT agentcore.breaker_report('api', false);
SELECT allowed, state, retry_after > '20 s' AND retry_after <= '30 s' AS about_30_s FROM agentcore.breaker_allow('api');
-- stragglers change nothing
SELECT agentcore.breaker_report('api', true), agentcore.breaker_report('api', false);
-- other targets and tenants are their own
SELECT (agentcore.breaker_allow('api2')).state, (agentcore.breaker_allow('api', tenant => 'other')).state;

-- half of at least ten calls opens it, nine do not
SELECT agentcore.breaker_report('ratio', i % 2 = 1) FROM generate_series(1, 9) AS i;
SELECT agentcore.breaker_report('ratio', false);
SELECT agentcore.breaker_report('mostly good', i % 3 <> 1) FROM generate_series(1, 30) AS i OFFSET 29;

-- half-open: as many probes as successes are needed, and no more
SELECT agentcore.breaker_set('quick', open_for => '1 hour', consecutive => 2);
SELECT agentcore.breaker_report('quick', false), agentcore.breaker_report('quick', false);
SET agentcore.debug_clock_offset = '61 min';
-- a report of an earlier call does not count before a probe went out
SELECT agentcore.breaker_report('quick', false);
SELECT allowed, state FROM generate_series(1, 3) AS i, LATERAL agentcore.breaker_allow('quick' || left('x', 0 * i));
SELECT state, probes FROM agentcore.stat_target WHERE target = 'quick';
-- lost probes end with their lease
SET agentcore.debug_clock_offset = '122 min';
SELECT allowed, state FROM generate_series(1, 3) AS i, LATERAL agentcore.breaker_allow('quick' || left('x', 0 * i));
SELECT agentcore.breaker_report('quick', true), agentcore.breaker_report('quick', true);
SELECT state, calls, failures, opened_at, retry_after FROM agentcore.stat_target WHERE target = 'quick';
-- a probe that fails opens it anew
SELECT agentcore.breaker_report('quick', false), agentcore.breaker_report('quick', false);
SET agentcore.debug_clock_offset = '183 min';
SELECT allowed, state FROM agentcore.breaker_allow('quick');
SELECT agentcore.breaker_report('quick', false);
SELECT allowed, state, retry_after > '0' FROM agentcore.breaker_allow('quick');
RESET agentcore.debug_clock_offset;

-- by hand
SELECT agentcore.breaker_set('api', forced => 'closed');
SELECT allowed, state, retry_after FROM agentcore.breaker_allow('api');
SELECT agentcore.breaker_set('api2', forced => 'open') AS set, agentcore.breaker_set('api2', forced => 'open') AS again;
SELECT allowed, state, retry_after FROM agentcore.breaker_allow('api2');
SELECT tenant, target, state, forced FROM agentcore.stat_target WHERE target LIKE 'api%' ORDER BY 1, 2;
SELECT agentcore.breaker_drop('api'), agentcore.breaker_drop('api2'), agentcore.breaker_drop('api2');
SELECT (agentcore.breaker_allow('api')).state, (agentcore.breaker_allow('api2')).state;

SELECT agentcore.breaker_allow(NULL);
SELECT agentcore.breaker_allow('');
SELECT agentcore.breaker_allow(repeat('x', 256));
SELECT agentcore.breaker_report('api', NULL);
SELECT agentcore.breaker_set('bad', failure_ratio => 0);
SELECT agentcore.breaker_set('bad', failure_ratio => 1.1);
SELECT agentcore.breaker_set('bad', failure_ratio => 'NaN');
SELECT agentcore.breaker_set('bad', min_calls => 0);
SELECT agentcore.breaker_set('bad', open_for => '0');
SELECT agentcore.breaker_set('bad', probes => 9);
SELECT agentcore.breaker_set('bad', consecutive => 0);
SELECT agentcore.breaker_set('bad', forced => 'maybe');
SELECT count(*) FROM agentcore.breaker WHERE name = 'bad';

-- Rate limiter --------------------------------------------------------------

-- burst at once, then one each period / rate
SELECT i, allowed, retry_after BETWEEN interval '59 min' AND interval '1 hour' AS an_hour
  FROM generate_series(1, 4) AS i, LATERAL agentcore.rate_take('slow' || left('x', 0 * i), 24, '1 day', 3);
-- without a burst, a period's worth
SELECT count(*) FILTER (WHERE allowed) AS allowed, count(*) FILTER (WHERE NOT allowed) AS refused
  FROM generate_series(1, 20) AS i, LATERAL agentcore.rate_take('worth' || left('x', 0 * i), 7, '1 day');
-- keys and tenants are apart
SELECT (agentcore.rate_take('slow2', 1, '1 day')).allowed, (agentcore.rate_take('slow', 1, '1 day', tenant => 'other')).allowed;
-- it refills
SELECT allowed FROM generate_series(1, 3) AS i, LATERAL agentcore.rate_take('fast' || left('x', 0 * i), 2, '4 hours', 2);
SET agentcore.debug_clock_offset = '121 min';
SELECT allowed FROM generate_series(1, 2) AS i, LATERAL agentcore.rate_take('fast' || left('x', 0 * i), 2, '4 hours', 2);
RESET agentcore.debug_clock_offset;
-- a ROLLBACK gives no token back
BEGIN;
SELECT allowed FROM agentcore.rate_take('once', 1, '1 day');
ROLLBACK;
SELECT allowed FROM agentcore.rate_take('once', 1, '1 day');
-- a limit that was made quicker does not wait for the old one
SELECT allowed, retry_after <= '10 min' AS soon FROM agentcore.rate_take('once', 1, '10 min');

SELECT agentcore.rate_set('api', 10, '1 s') AS set, agentcore.rate_set('api', 10, '1 s') AS again,
       agentcore.rate_set('api', 10, '1 s', 5) AS changed;
SELECT tenant, name, rate, period, burst FROM agentcore.rate_limit;
SELECT agentcore.rate_drop('api') AS dropped, agentcore.rate_drop('api') AS again;

SELECT agentcore.rate_take(NULL, 1, '1 s');
SELECT agentcore.rate_take('', 1, '1 s');
SELECT agentcore.rate_take('k', NULL, '1 s');
SELECT agentcore.rate_take('k', 0, '1 s');
SELECT agentcore.rate_take('k', -1, '1 s');
SELECT agentcore.rate_take('k', 1, NULL);
SELECT agentcore.rate_take('k', 1, '0');
SELECT agentcore.rate_take('k', 1, '-1 s');
SELECT agentcore.rate_take('k', 1, '1 s', 0);
SELECT agentcore.rate_take('k', 1, '1 s', -1);
SELECT agentcore.rate_take('k', 1, '1 year', 2147483647);
SELECT agentcore.rate_take('k', 1, '1000 years');
SELECT agentcore.rate_set('k', 0, '1 s');
SELECT agentcore.rate_set('k', 1, '1 s', 0);

-- More keys than slots: what still matters is kept, the rest is refused -------

-- one tenant fills at most three quarters, and no token is granted twice
SELECT slots AS all_slots FROM agentcore.stat_target_slots WHERE kind = 'rate' \gset
SELECT count(*) BETWEEN :all_slots / 2 AND :all_slots / 4 * 3 AS bounded
  FROM generate_series(1, 5 * :all_slots) AS i, LATERAL agentcore.rate_take('flood' || i, 1, '10 s', tenant => 'flood') AS r WHERE r.allowed;
SELECT count(*) AS granted_again
  FROM generate_series(1, 5 * :all_slots) AS i, LATERAL agentcore.rate_take('flood' || i, 1, '10 s', tenant => 'flood') AS r WHERE r.allowed;
-- refusals are counted, and others still find room
SELECT refused > 0 AS refused FROM agentcore.stat_target_slots WHERE kind = 'rate';
SELECT count(*) FROM generate_series(1, 50) AS i, LATERAL agentcore.rate_take('mine' || i, 1, '10 s', tenant => 'victim') AS r WHERE r.allowed;
-- breakers: closed ones make room, open ones stay
SELECT agentcore.breaker_report('kept', false, tenant => 'flood') FROM generate_series(1, 5) OFFSET 4;
SELECT DISTINCT agentcore.breaker_report('target' || i, true, tenant => 'flood') FROM generate_series(1, 5 * :all_slots) AS i;
SELECT (agentcore.breaker_allow('kept', tenant => 'flood')).state;
SELECT count(*) <= :all_slots / 4 * 3 AS bounded FROM agentcore.stat_target WHERE tenant = 'flood';

-- Access --------------------------------------------------------------------

CREATE ROLE regress_retry_agent;
CREATE ROLE regress_retry_stranger;
SELECT agentcore.access_grant('regress_retry_agent', 'agent', '{other}');
SET ROLE regress_retry_agent;
SELECT reason FROM agentcore.retry_next(1, 500, tenant => 'other');
SELECT state FROM agentcore.breaker_allow('api', tenant => 'other');
SELECT allowed FROM agentcore.rate_take('agent', 1, '1 s', tenant => 'other');
SELECT DISTINCT tenant FROM agentcore.stat_target;
SELECT count(*) FROM agentcore.stat_target_slots;
SELECT agentcore.retry_next(1, 500);
SELECT agentcore.breaker_allow('api');
SELECT agentcore.breaker_report('api', true);
SELECT agentcore.rate_take('agent', 1, '1 s');
SELECT agentcore.breaker_set('api', tenant => 'other');
SELECT agentcore.rate_set('api', 1, '1 s', tenant => 'other');
SELECT agentcore.retry_policy_set('mine', tenant => 'other');
SELECT * FROM agentcore.target_slots();
SELECT * FROM agentcore.rate_limit;
SET ROLE regress_retry_stranger;
SELECT agentcore.retry_next(1, 500, tenant => 'other');
SELECT count(*) FROM agentcore.stat_target;
RESET ROLE;
SELECT agentcore.access_revoke('regress_retry_agent');
DROP ROLE regress_retry_agent;
DROP ROLE regress_retry_stranger;
