--
-- retry: how long the other side asks to be left alone, and the methods of jitter.
-- Delays are random: bounds are asserted, never values.
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
-- whether every delay is at least the wait, and at most a tenth or base longer
CREATE FUNCTION fits(wait interval, header text, error text DEFAULT NULL, status int DEFAULT 429) RETURNS text LANGUAGE sql AS
  $$ SELECT string_agg(DISTINCT action || ' ' || reason, ', ') ||
       CASE WHEN min(delay) < wait THEN ' EARLY ' || min(delay)
            WHEN max(delay) > wait + greatest(wait / 10, '0.5 s') THEN ' LATE ' || max(delay) ELSE '' END
       FROM generate_series(1, 40) AS i, LATERAL agentcore.retry_next(1 + 0 * i, status, error, header) GROUP BY wait $$;

-- The header's value ---------------------------------------------------------
SELECT header, wait, fits(wait, header)
  FROM (VALUES
    (1, '38s', interval '38 s'), (2, '6m0s', '6 min'), (3, '1m30.5s', '90.5 s'), (4, '1h2m3s', '1 h 2 min 3 s'), (5, '250ms', '0.25 s'), (6, '1.5µs', '0.000002 s'), (7, '12ns', '0.000001 s'),
    (8, '5, 10', '5 s'), (9, '5,10', '5 s'), (10, '7s, 9s', '7 s'), (11, '5 seconds', '5 s'), (12, '1 second', '1 s'), (13, '5 sec', '5 s'), (14, '2 minutes', '2 min'), (15, '1 minute 30 seconds', '90 s'),
    (16, '1 minute and 5 seconds', '65 s'), (17, '1500ms', '1.5 s'), (18, '1500 milliseconds', '1.5 s'), (19, '2 hours', '2 h'), (20, '1 day', '1 day'), (21, '5 S', '5 s'), (22, '"38s"', '38 s'),
    (23, E'30\r\n', '30 s'), (24, '0.5', '0.5 s'), (25, '60.0', '60 s'), (26, '0s', '0')
  ) AS f(n, header, wait) ORDER BY n;
-- instants: RFC 3339 and epochs, which count from now
WITH ahead AS (SELECT date_trunc('second', clock_timestamp()) + interval '60 s' AS t)
SELECT form, string_agg(DISTINCT r.action || ' ' || r.reason, ', ') AS said, bool_and(r.delay BETWEEN '57 s' AND '66.5 s') AS as_asked, bool_and(r.at >= a.t) AS never_early
  FROM ahead AS a, generate_series(1, 20) AS i, LATERAL (VALUES
    (1, 'Z', to_char(a.t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    (2, 'fraction', to_char(a.t AT TIME ZONE 'UTC', 'YYYY-MM-DD"t"HH24:MI:SS".000001z"')),
    (3, 'offset', to_char(a.t AT TIME ZONE 'UTC' + interval '5 h 30 min', 'YYYY-MM-DD HH24:MI:SS"+05:30"')),
    (4, 'epoch', extract(epoch FROM a.t)::bigint::text), (5, 'epoch.0', extract(epoch FROM a.t)::bigint || '.5'),
    (6, 'epoch ms', extract(epoch FROM a.t)::bigint || '000'), (7, 'epoch us', extract(epoch FROM a.t)::bigint || '000000')
  ) AS f(n, form, header), LATERAL agentcore.retry_next(1, 429, left('', i), f.header) AS r GROUP BY n, form ORDER BY n;
-- an instant that has passed: RFC 3339 says "now", an epoch nothing
SELECT fits('0', '2001-01-01T00:00:00Z') AS rfc3339, fits('0', '1600000000') AS epoch, fits('0', '1600000000000') AS epoch_ms;
-- what is no value
SELECT header, fits('0', header)
  FROM unnest(ARRAY['5 apples', '5s6', '1m 30', '5 %', 's', '-5s', '+5s', '5e3', '0x10', '1..5', '5;q=1', '5 s x', '2094-13-06T08:49:37Z', '2094-02-30T08:49:37Z', '2094-11-06T24:00:00Z',
                    '2094-11-06T08:49:37', '2094-11-06', '2094-11-06T08:49:37+25:00', 'in 5 seconds', 'x-other: 5']) WITH ORDINALITY AS h(header, n)
 ORDER BY n;

-- Lines of headers -------------------------------------------------------------
SELECT header, wait, fits(wait, header)
  FROM (VALUES
    (1, 'retry-after: 30', interval '30 s'), (2, 'Retry-After-Ms: 2500', '2.5 s'), (3, 'x-ms-retry-after-ms: 2500', '2.5 s'), (4, 'x-amz-retry-after: 1500', '1.5 s'),
    (5, E'content-type: application/json\r\nretry-after: 30\r\nserver: x', '30 s'), (6, E'retry-after-ms: 1500\nretry-after: 2', '2 s'),
    (7, '{"retry-after": "30", "server": "x"}', '30 s'), (8, '{''retry-after'': ''30'', ''server'': ''x''}', '30 s'),
    (9, 'x-ratelimit-reset-requests: 12s', '12 s'), (10, E'x-ratelimit-reset-requests: 120ms\nx-ratelimit-reset-tokens: 1m3s', '63 s'),
    (11, E'x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 12s\nx-ratelimit-remaining-tokens: 500\nx-ratelimit-reset-tokens: 1m3s', '12 s'),
    (12, E'retry-after: 7\nx-ratelimit-reset-tokens: 1m3s', '7 s'), (13, 'x-ratelimit-reset-after: 1.5', '1.5 s'), (14, 'RateLimit-Reset: 50', '50 s'),
    (15, 'retry-after: Sun, 06 Nov 1994 08:49:37 GMT', '0'), (16, 'Retry-After : 3', '3 s'),
    -- a list of pairs
    (20, '[("Retry-After","12")]', '12 s'), (21, '[(''content-type'', ''text/html''), (''retry-after'', ''12''), (''server'', ''x'')]', '12 s'), (22, '[(b''retry-after'', b''12'')]', '12 s'),
    (23, '[["server", "x"], ["retry-after", "12"]]', '12 s'), (24, '[("Retry-After", 12)]', '12 s'), (25, 'Headers([(''x-ratelimit-reset-tokens'', ''12s'')])', '12 s'),
    -- all limits in one header
    (30, 'RateLimit: limit=10, remaining=0, reset=17', '17 s'), (31, 'RateLimit: "default";r=0;t=17', '17 s'), (32, 'ratelimit: "burst";r=0;t=17, "daily";r=5;t=100', '17 s'), (33, '{"ratelimit": "limit=10, remaining=0, reset=17", "age": "t=99"}', '17 s'),
    (34, '{"ratelimit": "\"default\";r=0;t=17", "x": "t=99"}', '17 s'), (35, '[("RateLimit", "limit=10, remaining=0, reset=17")]', '17 s'), (36, E'RateLimit-Policy: "default";q=100;w=60\r\nRateLimit: "default";r=3;t=17\r\nage: t=99', '17 s'),
    (37, E'RateLimit: limit=10, remaining=3, reset=100\nx-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 12s', '12 s'), (38, E'RateLimit: "a";r=0;t=5\nretry-after: 7', '7 s')
  ) AS f(n, header, wait) ORDER BY n;
-- the same resets come with every response: they say nothing of another failure
SELECT fits('0', 'x-ratelimit-reset-tokens: 1m3s', NULL, 500) AS of_a_500, fits('7 s', E'retry-after: 7\nx-ratelimit-reset-tokens: 1m3s', NULL, 503) AS of_a_503,
       fits('0', 'x-not-retry-after: 30') AS another_name, fits('0', 'retry-after-count: 30') AS longer_name;
SELECT header, fits('0', header) FROM unnest(ARRAY['vary: retry-after, 12', 'RateLimit: limit=10, remaining=0', 'RateLimit: "default";r=0;start=17', 'x-ratelimit: reset=17', 'RateLimit-Policy: "default";q=100;t=60', 'RateLimit: "t";q=17']) WITH ORDINALITY AS h(header, n) ORDER BY n;
SELECT said.reason AS spent, fits('0', 'RateLimit: limit=10, remaining=0, reset=17', NULL, 500) AS of_a_500 FROM agentcore.retry_next(1, 403, NULL, 'RateLimit: limit=10, remaining=0, reset=17') AS said;
SELECT bool_and(r.delay BETWEEN '17 s' AND '22.5 s') AS epoch, min(r.reason)
  FROM generate_series(1, 20) AS i, LATERAL agentcore.retry_next(1, 403, left('', i), E'x-ratelimit-remaining: 0\nx-ratelimit-reset: ' || extract(epoch FROM clock_timestamp() + interval '20 s')::bigint) AS r;
SELECT bool_and(r.delay BETWEEN '17 s' AND '22.5 s') AS anthropic, min(r.reason)
  FROM generate_series(1, 20) AS i, LATERAL agentcore.retry_next(1, 429, left('', i), 'anthropic-ratelimit-tokens-reset: ' || to_char((clock_timestamp() + interval '20 s') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS r;

-- The error ---------------------------------------------------------------------
SELECT error, wait, fits(wait, NULL, error)
  FROM (VALUES
    (1, 'Rate limit reached. Please try again in 7.66s. Visit x', interval '7.66 s'), (2, 'Please try again in 20ms.', '0.02 s'), (3, 'Rate limit is exceeded. Try again in 50 seconds.', '50 s'),
    (4, 'Please try again in 1m12.5s.', '72.5 s'), (5, 'Please retry in 38.2s.', '38.2 s'), (6, 'Please retry after 6 seconds.', '6 s'), (7, 'Too Many Requests: retry after 20', '20 s'),
    (8, '{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"38s"}]}}', '38 s'), (9, '{"error":{"message":"{\"retryDelay\": \"36s\"}","code":429}}', '36 s'),
    (10, E'429 x [retry_delay {\n  seconds: 38\n}\n]', '38 s'), (11, '{"message": "You are being rate limited.", "retry_after": 64.57, "global": false}', '64.57 s'),
    (12, '{"retry_after_ms": 1500}', '1.5 s'), (13, '{"retryAfter": 12}', '12 s'), (14, 'Please wait 30 seconds before retrying', '30 s'), (15, 'please wait for 2 minutes', '2 min'),
    (16, 'Please retry in 38.2s. "retryDelay": "38s"', '38.2 s'), (17, 'try again in about 10 seconds', '10 s'), (18, 'Please try again in a minute', '60 s'), (19, 'Your quota will reset after 45s.', '45 s'),
    (20, 'Try again in 50.', '50 s'), (21, 'RESOURCE_EXHAUSTED { retryDelay: { seconds: ''38'', nanos: 0 } }', '38 s'), (22, '{"retryDelay":{"seconds":38}}', '38 s')
  ) AS f(n, error, wait) ORDER BY n;
SELECT error, fits('0', NULL, error)
  FROM unnest(ARRAY['please try again later', 'try again in 2 attempts', 'retry after 3 tries', 'entry in 5 seconds', 'try again in', 'retryDelay', '"retryDelay": null', '"retry_delays": 5', 'wait 5 minutes', 'retried in 5 seconds', 'retry in -5s'])
       WITH ORDINALITY AS e(error, n) ORDER BY n;
-- the time at which the wait ends
SELECT form, bool_and(r.delay BETWEEN '57 s' AND '66.5 s') AS as_asked, bool_and(r.at >= t) AS never_early
  FROM (SELECT date_trunc('second', clock_timestamp()) + interval '60 s', to_char((clock_timestamp() + interval '60 s') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS ahead(t, iso), generate_series(1, 20) AS i,
  LATERAL (VALUES ('usage limit reached, resets at ' || iso), ('Try again after ' || iso || '.'), ('please retry at ' || replace(replace(iso, 'T', ' '), 'Z', ' UTC')), ('{"error": {"resets_at": "' || iso || '"}}'), ('{"resetAt":"' || iso || '"}')) AS f(form),
  LATERAL agentcore.retry_next(1 + 0 * i, 429, f.form) AS r, LATERAL (SELECT regexp_replace(form, '[0-9]+', '9', 'g')) AS n(name) GROUP BY form, name HAVING NOT bool_and(r.delay BETWEEN '57 s' AND '66.5 s');
SELECT error, action, reason, at FROM unnest(ARRAY['resets at 2099-01-01T00:00:00Z', 'try again after 2099-01-01 00:00:00 UTC.', '{"resets_at": "2099-01-01T02:00:00+02:00"}']) AS error, agentcore.retry_next(1, 429, error) AS r WHERE r.at NOT BETWEEN '2098-12-31 23:59:59Z' AND '2099-01-01 00:00:01Z';
SELECT error, fits('0', NULL, error)
  FROM unnest(ARRAY['resets at 2001-01-01T00:00:00Z', 'resets at 2099-01-01', 'resets at 17', 'resets at 5 pm', 'resets at 12:00', 'try again after 2099-01-01', 'presets at 2099-01-01T00:00:00Z', 'created at 2099-01-01T00:00:00Z', 'resets at 2099-13-01T00:00:00Z', 'resets at 2099-01-01T00:00:00Zulu'])
       WITH ORDINALITY AS e(error, n) ORDER BY n;
-- of a header and an error the longer counts; an error of the caller's own has no wait
SELECT fits('38.2 s', '38', 'Please retry in 38.2s.') AS body, fits('40 s', '40', 'Please retry in 38.2s.') AS header, fits('0', '5', 'try again in 5 s', 400) AS fatal, fits('5 s', NULL, 'try again in 5 s', 503) AS of_a_503;

-- Never early, and apart from each other ------------------------------------------
-- the spread grows with the wait: a tenth, and at least base
SELECT header, max(r.delay) - min(r.delay) >= spread * 0.9 AS wide, max(r.delay) - min(r.delay) <= spread AS not_wider, min(r.delay) >= header::int * interval '1 s' AS never_early
  FROM (VALUES ('2', interval '0.5 s'), ('60', '6 s'), ('120', '12 s')) AS h(header, spread), generate_series(1, 300) AS i, LATERAL agentcore.retry_next(1 + 0 * i, 429, NULL, h.header) AS r
 GROUP BY header, spread ORDER BY header::int;
-- a call that is put away comes back at the time that was told
SELECT action, delay, count(*) FROM generate_series(1, 50) AS i, LATERAL agentcore.retry_next(1 + 0 * i, 429, 'slow down', '3600') GROUP BY 1, 2;
-- a limit by day: not earlier than an hour, whatever the delay that comes with it
SELECT bool_and(r.action = 'defer' AND r.delay = '1 h') AS at_least_an_hour, bool_and(r.at > clock_timestamp() + interval '59 min') AS at
  FROM generate_series(1, 50) AS i, LATERAL agentcore.retry_next(1 + 0 * i, 429, 'GenerateRequestsPerDayPerProjectPerModel "retryDelay": "38s"') AS r;
SELECT bool_and(r.delay >= '12 h 33 min 20 s') AS as_told FROM agentcore.retry_next(1, 429, 'Your quota will reset after 12h33m20s.') AS r;
-- the deadline is not moved by what is drawn on top
SELECT bool_and(r.action = 'retry' AND r.delay >= '50 s' AND r.at <= now() + interval '52 s') AS within
  FROM generate_series(1, 200) AS i, LATERAL agentcore.retry_next(1 + 0 * i, 429, NULL, '50', started_at => now() - interval '9 min 9 s') AS r;
-- a server that says 0 is still left alone as the policy says
SELECT max(r.delay) > '2 s' AS backs_off FROM generate_series(1, 100) AS i, LATERAL agentcore.retry_next(5 + 0 * i, 503, NULL, '0') AS r;

-- Milliseconds --------------------------------------------------------------------
SELECT bool_and(r.delay_ms = ceil(extract(epoch FROM r.delay) * 1000)) AS rounded_up FROM generate_series(1, 100) AS i, LATERAL agentcore.retry_next(4 + 0 * i, 500) AS r;
SELECT action, delay_ms FROM agentcore.retry_next(1, 400);
SELECT r.action, r.delay_ms >= 3600000 AS an_hour FROM agentcore.retry_next(1, 429, NULL, '3600') AS r;

-- Methods -------------------------------------------------------------------------
SELECT agentcore.retry_policy_set(m, base => '1 s', cap => '8 s', max_attempts => 1000, max_elapsed => '0', method => m) FROM unnest('{none,equal,full,decorrelated}'::text[]) AS m;
SELECT method, a AS attempt, round(extract(epoch FROM min(r.delay)), 1) >= least AS at_least, round(extract(epoch FROM max(r.delay)), 1) <= most AS at_most,
       max(r.delay) - min(r.delay) >= (most - least) * 0.8 * interval '1 s' AS all_of_it
  FROM (VALUES ('none', 1, 1.0, 1.0), ('none', 3, 4, 4), ('none', 9, 8, 8), ('equal', 1, 0.5, 1), ('equal', 3, 2, 4), ('equal', 9, 4, 8), ('full', 1, 0, 1), ('full', 3, 0, 4), ('full', 9, 0, 8),
               ('decorrelated', 1, 1, 3), ('decorrelated', 2, 1, 8), ('decorrelated', 99, 1, 8)) AS f(method, a, least, most),
       generate_series(1, 400) AS i, LATERAL agentcore.retry_next(a + 0 * i, 500, retry_policy => method) AS r
 GROUP BY method, a, least, most ORDER BY method, a;
-- decorrelated: the mean grows with the attempt
SELECT avg(d1) < avg(d2) AS grows FROM generate_series(1, 400) AS i,
  LATERAL (SELECT extract(epoch FROM delay) FROM agentcore.retry_next(1 + 0 * i, 500, retry_policy => 'decorrelated')) AS a(d1), LATERAL (SELECT extract(epoch FROM delay) FROM agentcore.retry_next(3 + 0 * i, 500, retry_policy => 'decorrelated')) AS b(d2);
-- none draws nothing, not after a hint either
SELECT DISTINCT delay FROM generate_series(1, 50) AS i, LATERAL agentcore.retry_next(1 + 0 * i, 429, NULL, '60', retry_policy => 'none') AS r;
SELECT name, method FROM agentcore.retry_policy ORDER BY name;
SELECT agentcore.retry_policy_set('none', method => 'none') AS unchanged, agentcore.retry_policy_set('none', method => 'equal') AS changed, agentcore.retry_policy_set('none', reset => '{method}') AS reset;
SELECT agentcore.retry_policy_set('none', method => 'exponential');
SELECT agentcore.retry_policy_set('none', method => 'FULL');
SELECT agentcore.retry_policy_set('none', method => '');
-- the delays of the default policy outlast a limit by the minute
SELECT avg(total) > '120 s' AS on_average, count(*) FILTER (WHERE total > '1 min') > 195 AS nearly_always
  FROM (SELECT sum(r.delay) AS total FROM generate_series(1, 200) AS run, generate_series(1, 20) AS a, LATERAL agentcore.retry_next(a, 429 + 0 * run) AS r WHERE r.action = 'retry' GROUP BY run) AS s;
DROP FUNCTION fits(interval, text, text, int);
