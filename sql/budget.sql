-- Budgets: definitions, admission, settlement, windows, prices, access.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET client_min_messages = warning;
SET search_path = agentcore, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
-- permits are charged in the transaction that acquired them, for brevity
SET agentcore.budget_guard = off;
\set VERBOSITY default

-- a short word for what a budget says of itself
CREATE VIEW public.state AS
  SELECT budget, used_tokens AS tok, held_tokens AS htok, used_usd::float8 AS usd, held_usd::float8 AS husd,
         used_calls AS calls, held_calls AS hcalls, in_flight AS open
    FROM agentcore.budget_status;

-- Definitions ---------------------------------------------------------------
SELECT budget_set('org', max_usd => 10, period => '50 years');
SELECT budget_set('org', max_usd => 10, period => '50 years');
SELECT budget_set('org', max_usd => 12, period => '50 years');
SELECT budget_set('team', max_tokens => 1000, period => '30000 days', kind => 'fixed', parent => 'org');
SELECT budget_set('run', max_calls => 3, max_in_flight => 2, parent => 'team');
SELECT budget, max_tokens, max_usd, max_calls, max_in_flight, parent, kind, period, tz, enabled, resets_at IS NULL AS forever
  FROM budget_status ORDER BY budget;

-- refused, and nothing changed
SELECT budget_set(NULL);
SELECT budget_set('');
SELECT budget_set(repeat('x', 256));
SELECT budget_set('b', max_tokens => -1);
SELECT budget_set('b', max_usd => -0.01);
SELECT budget_set('b', max_usd => 'NaN');
SELECT budget_set('b', max_usd => 'Infinity');
SELECT budget_set('b', max_usd => 9000000001);
SELECT budget_set('b', max_calls => -1);
SELECT budget_set('b', max_in_flight => -1);
SELECT budget_set('b', period => '0');
SELECT budget_set('b', period => '-1 day');
SELECT budget_set('b', period => '200 years');
SELECT budget_set('b', period => '1 month', kind => 'fixed');
SELECT budget_set('b', period => '90 minutes', kind => 'calendar');
SELECT budget_set('b', period => '1 month 1 day', kind => 'calendar');
SELECT budget_set('b', period => '1 day', kind => 'lifetime');
SELECT budget_set('b', kind => 'fixed');
SELECT budget_set('b', kind => 'sliding');
SELECT budget_set('b', period => '1 day', kind => 'weekly');
SELECT budget_set('b', tz => 'Middle/Earth');
SELECT budget_set('b', tz => '');
SELECT budget_set('b', period => '1 day', anchor => 'infinity');
SELECT budget_set('b', parent => 'nobody');
SELECT budget_set('b', parent => 'b');
SELECT budget_set('org', parent => 'run');
SELECT budget_set('b', on_expiry => 'shrug');
SELECT budget_set('b', overrun => 'deny');
SELECT budget_set('b', tenant => NULL);
SELECT count(*) FROM budget_status;

-- sixteen levels and not one more
DO $$
BEGIN
  PERFORM agentcore.budget_set('level 1');
  FOR i IN 2..16 LOOP
    PERFORM agentcore.budget_set('level ' || i, parent => 'level ' || i - 1);
  END LOOP;
END $$;
SELECT budget_set('level 17', parent => 'level 16');
SELECT budget_set('level 0');
SELECT budget_set('level 1', parent => 'level 0');
SELECT granted FROM budget_try_acquire('level 16', 5);
SELECT count(*), sum(held_tokens) FROM budget_status WHERE budget LIKE 'level%' AND held_tokens = 5;

-- Admission -----------------------------------------------------------------
SELECT granted, permit IS NOT NULL AS permit, denied_by, reason, retry_after, can_ever_fit, detail, duplicate
  FROM budget_try_acquire('run', 400, 1.0);
SELECT budget_acquire('run', 400, 1.0) AS p \gset
SELECT granted, permit, denied_by, reason, retry_after, can_ever_fit, detail FROM budget_try_acquire('run', 1, 0);
SELECT budget_acquire('run');
SELECT budget_commit(:'p', 300, 0.5);
SELECT granted, denied_by, reason, retry_after, can_ever_fit, detail FROM budget_try_acquire('run', 400);
SELECT granted, denied_by, reason, retry_after, can_ever_fit, detail FROM budget_try_acquire('run', 1001);
SELECT granted, denied_by, reason, retry_after, can_ever_fit, detail FROM budget_try_acquire('run', 1, 12.5);
SELECT granted, denied_by, retry_after, can_ever_fit, detail FROM budget_try_acquire('run', calls => 3);
SELECT * FROM state WHERE budget IN ('org', 'run', 'team') ORDER BY budget;
-- the refused wrote nothing
SELECT count(*) FROM permits WHERE budget = 'run';

-- a used-up fixed window says when it ends
SELECT budget_set('fixed', max_tokens => 10, period => '720000 hours');
SELECT budget_commit(budget_acquire('fixed', 10));
SELECT granted, clock_timestamp() + retry_after - resets_at BETWEEN '-1 minute' AND '1 minute' AS at_reset, can_ever_fit
  FROM budget_try_acquire('fixed', 1), budget_status WHERE budget = 'fixed';
-- a used-up lifetime never does
SELECT budget_set('once', max_tokens => 10);
SELECT budget_commit(budget_acquire('once', 10));
SELECT granted, retry_after, can_ever_fit FROM budget_try_acquire('once', 1);
SELECT budget_acquire('once', 1);

-- an unknown amount passes only below the limit
SELECT budget_set('edge', max_tokens => 1);
SELECT granted FROM budget_try_acquire('edge');
SELECT budget_acquire('edge', 1) AS edge \gset
SELECT granted, retry_after, can_ever_fit FROM budget_try_acquire('edge');
SELECT budget_release(:'edge');
SELECT granted FROM budget_try_acquire('edge');
SELECT budget_set('zero', max_tokens => 0);
SELECT granted, can_ever_fit FROM budget_try_acquire('zero');
SELECT granted, can_ever_fit FROM budget_try_acquire('zero', 1);

-- the edges of bigint
SELECT budget_set('huge', max_tokens => 9223372036854775807);
SELECT budget_acquire('huge', 9223372036854775807) AS huge \gset
SELECT granted, can_ever_fit FROM budget_try_acquire('huge', 1);
SELECT budget_commit(:'huge', 9223372036854775806);
SELECT granted FROM budget_try_acquire('huge', 1);
SELECT granted, can_ever_fit FROM budget_try_acquire('huge', 1);
SELECT budget_set('boundless');
SELECT budget_acquire('boundless', 9223372036854775807) AS most \gset
SELECT granted, reason, detail FROM budget_try_acquire('boundless', 1);
SELECT budget_commit(:'most');
SELECT budget_acquire('boundless', 0) AS more \gset
SELECT budget_commit(:'more', 1);
SELECT budget_release(:'more');
SELECT used_tokens FROM budget_status WHERE budget = 'boundless';
-- more than a counter can say is used: where that is not limited it stops nobody
SELECT granted, budget_release(permit) FROM budget_try_acquire('boundless', 1);

-- money is exact and rounded up to a nano-dollar
SELECT budget_set('money', max_usd => 0.000000003);
SELECT budget_acquire('money', usd => 0.000000000001) AS money \gset
SELECT held_usd, max_usd FROM budget_status WHERE budget = 'money';
SELECT budget_commit(:'money', usd => 0.000000001999);
SELECT used_usd FROM budget_status WHERE budget = 'money';
SELECT granted, detail FROM budget_try_acquire('money', usd => 0.0000000010001);
SELECT granted FROM budget_try_acquire('money', usd => 0.000000001);

-- disabled: nothing gets in, what is in gets out
SELECT budget_set('run', max_calls => 3, max_in_flight => 2, parent => 'team', enabled => false);
SELECT granted, denied_by, reason, retry_after, can_ever_fit, detail FROM budget_try_acquire('run');
SELECT budget_acquire('run');
SELECT budget_commit(permit) FROM permits WHERE budget = 'run' AND state = 'open';
SELECT budget_set('run', max_calls => 3, max_in_flight => 2, parent => 'team');

-- unknown or unusable
SELECT budget_acquire('nobody');
SELECT * FROM budget_try_acquire('nobody');
SELECT * FROM budget_try_acquire(NULL);
SELECT * FROM budget_try_acquire('run', -1);
SELECT * FROM budget_try_acquire('run', 1, -0.1);
SELECT * FROM budget_try_acquire('run', 1, 'NaN');
SELECT * FROM budget_try_acquire('run', 1, '-Infinity');
SELECT * FROM budget_try_acquire('run', 1, 1, -1);
SELECT * FROM budget_try_acquire('run', 1, 1, NULL);
SELECT * FROM budget_try_acquire('run', lease => '0');
SELECT * FROM budget_try_acquire('run', lease => '-1 s');
SELECT * FROM budget_try_acquire('run', lease => '2 years');
SELECT * FROM budget_try_acquire('run', key => '');
SELECT budget_commit(NULL);
SELECT budget_commit('00000000-0000-0000-0000-000000000000');
SELECT budget_release('00000000-0000-0000-0000-000000000000');
SELECT budget_extend('00000000-0000-0000-0000-000000000000', '1 min');
SELECT budget_commit(:'p', -1);
SELECT budget_commit(:'p', 1, 'NaN');

-- Settlement ----------------------------------------------------------------
SELECT budget_set('s', max_tokens => 1000, max_usd => 10, max_calls => 100);
-- the real cost counts, also above the estimate
SELECT budget_acquire('s', 100, 1) AS p \gset
SELECT budget_commit(:'p', 150, 0.25);
SELECT budget_commit(:'p', 150, 0.25);
SELECT budget_commit(:'p', 151, 0.25);
SELECT budget_commit(:'p');
SELECT budget_release(:'p');
-- NULL charges what was held
SELECT budget_acquire('s', 100, 1) AS p \gset
SELECT budget_commit(:'p', usd => 0);
SELECT budget_commit(:'p', 100, 0);
SELECT budget_acquire('s', 100, 1) AS p \gset
SELECT budget_release(:'p');
SELECT budget_release(:'p');
SELECT budget_commit(:'p');
SELECT * FROM state WHERE budget = 's';
SELECT state, held_tokens, charged_tokens, charged_usd, charged_calls FROM permits WHERE budget = 's' ORDER BY created_at;
SELECT event, tokens, usd, calls FROM ledger WHERE budget = 's' ORDER BY at;

-- Leases: whether somebody reaped makes no difference to the answer
SELECT budget_acquire('s', 10, lease => '1 microsecond') AS unreaped \gset
SELECT pg_sleep(0.001);
SELECT budget_commit(:'unreaped', 12);
SELECT budget_commit(:'unreaped', 12);
SELECT budget_acquire('s', 10, lease => '1 microsecond') AS reaped \gset
SELECT budget_acquire('s', 10, lease => '1 microsecond') AS given_back \gset
SELECT pg_sleep(0.001);
SELECT budget_reap();
SELECT budget_reap();
SELECT state, charged_tokens FROM permits WHERE permit IN (:'reaped', :'given_back');
SELECT budget_commit(:'reaped', 12);
SELECT budget_commit(:'reaped', 12);
SELECT budget_commit(:'reaped', 13);
SELECT budget_release(:'given_back');
SELECT budget_extend(:'reaped', '1 min');
-- charged at expiry: a late report corrects it in both directions
SELECT budget_set('c', max_tokens => 1000, on_expiry => 'charge_estimate');
SELECT budget_acquire('c', 100, lease => '1 microsecond') AS more \gset
SELECT budget_acquire('c', 100, lease => '1 microsecond') AS less \gset
SELECT budget_acquire('c', 100, lease => '1 microsecond') AS none \gset
SELECT budget_acquire('c', 100, lease => '1 microsecond') AS silent \gset
SELECT pg_sleep(0.001);
SELECT budget_reap(3), budget_reap(3), budget_reap(3);
SELECT * FROM state WHERE budget = 'c';
SELECT budget_commit(:'more', 130), budget_commit(:'less', 70), budget_release(:'none');
SELECT * FROM state WHERE budget = 'c';
SELECT state, charged_tokens, charged_calls FROM permits WHERE budget = 'c' ORDER BY created_at;
SELECT event, count(*), sum(tokens) AS tokens, sum(calls) AS calls FROM ledger WHERE budget = 'c' GROUP BY event ORDER BY event;
-- an acquire that would be refused clears ended leases away first
SELECT budget_set('leak', max_in_flight => 1);
SELECT budget_acquire('leak', lease => '1 microsecond') AS leaked \gset
SELECT pg_sleep(0.001);
SELECT granted FROM budget_try_acquire('leak');
SELECT granted, detail FROM budget_try_acquire('leak');
SELECT budget_reap(0);
SELECT budget_reap(NULL);

-- a longer lease, a larger hold
SELECT budget_set('x', max_tokens => 100, max_calls => 1);
SELECT budget_acquire('x', 10, lease => '1 minute') AS x \gset
SELECT budget_extend(:'x', '1 hour', 50);
SELECT held_tokens, held_calls, lease_until - created_at > '59 minutes' AS longer FROM permits WHERE permit = :'x';
SELECT budget_extend(:'x', '1 hour', 50);
SELECT budget_extend(:'x', '1 hour', -1);
SELECT held_tokens FROM permits WHERE permit = :'x';
SELECT budget_commit(:'x');
SELECT budget_extend(:'x', '1 hour');
SELECT * FROM state WHERE budget = 'x';

-- Keys ----------------------------------------------------------------------
SELECT budget_set('k', max_tokens => 100);
SELECT budget_acquire('k', 60, key => 'once') AS k \gset
SELECT permit = :'k' AS same, granted, duplicate FROM budget_try_acquire('k', 60, key => 'once');
SELECT budget_acquire('k', 60, key => 'once') = :'k' AS same;
SELECT budget_acquire('k', 61, key => 'once');
SELECT budget_acquire('s', 60, key => 'once');
SELECT budget_commit(:'k');
SELECT budget_acquire('k', 60, key => 'once') = :'k' AS same_when_settled;
SELECT held_tokens, used_tokens FROM budget_status WHERE budget = 'k';
-- a key whose permit was given back is free again
SELECT budget_acquire('k', 40, key => 'again') AS k \gset
SELECT budget_release(:'k');
SELECT budget_acquire('k', 40, key => 'again') <> :'k' AS new;
-- a refusal does not take the key
SELECT granted FROM budget_try_acquire('k', 50, key => 'refused');
SELECT count(*) FROM permits WHERE key = 'refused';

-- Windows -------------------------------------------------------------------
-- Monday, midnight and the hour where people expect them; anchors and zones
SELECT starts_at, resets_at FROM budget_window('fixed', '1 hour', 'UTC', NULL, '2026-11-21 10:59:59.999999+00');
SELECT starts_at, resets_at FROM budget_window('fixed', '1 hour', 'UTC', NULL, '2026-11-21 11:00:00+00');
SELECT starts_at, resets_at FROM budget_window('fixed', '7 days', 'UTC', NULL, '2026-11-21 11:00:00+00');
SELECT starts_at, resets_at FROM budget_window('fixed', '5 hours', 'UTC', '2026-11-21 01:30+00', '2026-11-20 22:00+00');
SELECT starts_at, resets_at FROM budget_window('fixed', '1 second', 'UTC', NULL, '1999-12-31 23:59:59.999999+00');
SELECT starts_at, resets_at FROM budget_window(NULL, '1 week', 'Europe/Berlin', NULL, '2026-10-25 12:00+00');
SET timezone = 'Asia/Tokyo';
SELECT starts_at AT TIME ZONE 'Europe/Berlin' AS starts, resets_at - starts_at AS length FROM budget_window(NULL, '1 day', 'Europe/Berlin', NULL, '2026-03-29 12:00+00');
SELECT starts_at AT TIME ZONE 'Europe/Berlin' AS starts, resets_at - starts_at AS length FROM budget_window(NULL, '1 day', 'Europe/Berlin', NULL, '2026-10-25 12:00+00');
SET timezone = 'UTC';
SELECT starts_at, resets_at FROM budget_window(NULL, '1 month', 'America/New_York', NULL, '2026-03-01 04:59:59+00');
SELECT starts_at, resets_at FROM budget_window(NULL, '1 month', 'UTC', '2024-01-31 06:00+00', '2024-03-01 00:00+00');
SELECT starts_at, resets_at FROM budget_window(NULL, '1 month', 'UTC', '2024-01-31 06:00+00', '2024-03-31 06:00+00');
SELECT starts_at, resets_at FROM budget_window(NULL, '3 months', 'UTC', NULL, '1999-12-31 23:59+00');
SELECT starts_at, resets_at FROM budget_window(NULL, '1 year', 'UTC', NULL, '2024-02-29 12:00+00');
SELECT starts_at, resets_at FROM budget_window(NULL, NULL, 'UTC', NULL, '2024-02-29 12:00+00');
-- a midnight that daylight saving skips (Beirut) still begins a day
SELECT starts_at, resets_at FROM budget_window(NULL, '1 day', 'Asia/Beirut', NULL, '2022-03-26 22:30+00');
SELECT budget_window('fixed', '1 hour', 'UTC', NULL, NULL);
SELECT budget_window('fixed', '1 hour', NULL, NULL, now());
-- every moment lies in its window, and windows follow each other without a gap
SELECT z.tz, p.period, count(*)
  FROM (VALUES ('UTC'), ('Europe/Berlin'), ('America/Sao_Paulo'), ('Australia/Lord_Howe')) z(tz),
       (VALUES (interval '1 day'), ('7 days'), ('1 month'), ('4 months')) p(period),
       generate_series('2010-01-01 00:30+00'::timestamptz, '2026-01-01', '97 hours') at,
       LATERAL budget_window('calendar', p.period, z.tz, NULL, at) w,
       LATERAL budget_window('calendar', p.period, z.tz, NULL, w.resets_at) n
 WHERE NOT (w.starts_at <= at AND at < w.resets_at AND n.starts_at = w.resets_at)
 GROUP BY 1, 2;

-- what was used goes with the window, what is held stays
SELECT budget_set('w', max_tokens => 100, period => '720000 hours');
SELECT budget_commit(budget_acquire('w', 60));
SELECT budget_acquire('w', 30) AS w \gset
UPDATE agentcore.budget_counter SET starts = array[starts[1] - interval '720000 hours'] WHERE budget = 'w';
SELECT * FROM state WHERE budget = 'w';
SELECT granted, detail FROM budget_try_acquire('w', 71);
SELECT granted FROM budget_try_acquire('w', 70);
-- another window counts anew from the ledger
SELECT budget_set('w', max_tokens => 100, period => '50 years');
SELECT * FROM state WHERE budget = 'w';
SELECT budget_set('w', max_tokens => 100, period => '1 hour', anchor => now() + interval '1 microsecond');
SELECT budget_set('w', reset => '{period,anchor}');
SELECT * FROM state WHERE budget = 'w';
-- a lower limit only stops what comes
SELECT budget_set('w', max_tokens => 50);
SELECT granted, detail FROM budget_try_acquire('w', 1);
SELECT budget_commit(:'w', 30);

-- Moving and dropping -------------------------------------------------------
SELECT budget_set('root 1'), budget_set('root 2'), budget_set('leaf', parent => 'root 1');
SELECT budget_acquire('leaf', 7) AS leaf \gset
SELECT budget_set('leaf', parent => 'root 2');
SELECT granted FROM budget_try_acquire('leaf', 1);
SELECT budget_drop('root 1');
SELECT budget_commit(:'leaf');
SELECT * FROM state WHERE budget IN ('leaf', 'root 1', 'root 2') ORDER BY budget;
SELECT budget_drop('root 2');
SELECT budget_drop('root 1');
SELECT budget_drop('root 1');
-- a new budget of an old name starts at nothing
SELECT budget_set('root 1');
SELECT * FROM state WHERE budget = 'root 1';

-- Prices --------------------------------------------------------------------
SELECT model_price_set('m', 0.00000015, 0.0000006, 0.0000000375);
SELECT model_price_set('m', 0.00000015, 0.0000006, 0.0000000375);
SELECT model_price_set('m', 0.00000015, 0.0000006);
SELECT model_price_set('m', 1, 2, valid_from => '2020-01-01');
SELECT model_price_set('m', 1, 2, valid_from => '2020-01-01');
SELECT model_price_set('m', 1, 3, valid_from => '2020-01-01');
SELECT count(*) FROM agentcore.model_price;
SELECT model_price_set('n', 0.00000015, 0.0000006, 0.0000000375);
SELECT u.usage, c.* FROM (VALUES
  ('{"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010, "prompt_tokens_details": {"cached_tokens": 600}}'::jsonb),
  ('{"prompt_tokens": 7}'),
  ('{"input_tokens": 1000, "output_tokens": 10, "input_tokens_details": {"cached_tokens": 600}}'),
  ('{"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 300}'),
  ('{"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": null, "cache_creation_input_tokens": 0}'),
  ('{"input_tokens": 1.0e3, "output_tokens": 0}'),
  ('{"input_tokens": 0, "output_tokens": 0}')) u(usage), model_cost('n', u.usage) c;
-- 37.5 nano-dollars become 38, once
SELECT usd FROM model_cost('n', '{"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}}');
SELECT model_cost('n', '{}');
SELECT model_cost('n', '[]');
SELECT model_cost('n', '{"input_tokens": -1, "output_tokens": 0}');
SELECT model_cost('n', '{"input_tokens": 1.5, "output_tokens": 0}');
SELECT model_cost('n', '{"input_tokens": "1", "output_tokens": 0}');
SELECT model_cost('n', '{"input_tokens": 1e30, "output_tokens": 0}');
SELECT model_cost('n', '{"input_tokens": 9223372036854775807, "output_tokens": 0, "cache_read_input_tokens": 1}');
SELECT model_cost('n', '{"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}}');
SELECT model_cost('n', '{"prompt_tokens": 5, "prompt_tokens_details": [6]}');
SELECT model_cost('n', '{"prompt_tokens": 5, "completion_tokens": "x"}');
SELECT model_cost('nobody', '{"prompt_tokens": 5}');
SELECT model_cost('n', NULL);
SELECT model_price_set('dear', 1000000, 0);
SELECT model_cost('dear', '{"prompt_tokens": 10000000000}');
SELECT model_price_set('m', -1, 2);
SELECT model_price_set('m', 'NaN', 2);
SELECT model_price_set('m', 1, 'Infinity');
SELECT model_price_set('unpriced', NULL, 2);
SELECT model_price_set('', 1, 2);

-- Access --------------------------------------------------------------------
CREATE ROLE regress_budget_a;
CREATE ROLE regress_budget_b;
CREATE ROLE regress_budget_reader;
SELECT access_grant('regress_budget_a', 'agent', '{acme}'), access_grant('regress_budget_b', 'agent', '{acme}'), access_grant('regress_budget_reader', 'reader', '{acme}');
SELECT budget_set('s', max_tokens => 10, tenant => 'acme');
SET ROLE regress_budget_a;
SELECT budget_set('mine', tenant => 'acme');
SELECT budget_acquire('s');
SELECT budget_acquire('s', 5, key => 'k', tenant => 'acme') AS p \gset
SELECT count(*) FROM agentcore.permit;
UPDATE agentcore.budget_counter SET used = '{0,0,0}';
SELECT budget_verify();
SELECT tenant, budget, held_tokens FROM budget_status;
SET ROLE regress_budget_b;
-- another role's permit does not exist, and its key is another key
\set VERBOSITY sqlstate
SELECT budget_commit(:'p', tenant => 'acme');
SELECT budget_release(:'p', tenant => 'acme');
SELECT budget_extend(:'p', '1 h', tenant => 'acme');
SELECT budget_commit(:'p');
\set VERBOSITY default
SELECT budget_acquire('s', 5, key => 'k', tenant => 'acme') <> :'p' AS another;
SET ROLE regress_budget_reader;
SELECT count(*) FROM permits;
SELECT budget_acquire('s', tenant => 'acme');
RESET ROLE;
SELECT budget_commit(:'p', tenant => 'acme');
SELECT DISTINCT tenant, event FROM ledger WHERE tenant = 'acme';
SELECT access_revoke('regress_budget_a'), access_revoke('regress_budget_b'), access_revoke('regress_budget_reader');
DROP ROLE regress_budget_a, regress_budget_b, regress_budget_reader;

-- Verification --------------------------------------------------------------
SELECT budget_verify();
-- it sees what is wrong
SELECT budget_set('v', max_tokens => 100);
SELECT budget_acquire('v', 10) IS NOT NULL;
SELECT budget_commit(budget_acquire('v', 10));
BEGIN;
UPDATE agentcore.budget_counter SET used = '{11,0,1}' WHERE budget = 'v';
SELECT budget_verify();
ROLLBACK;
BEGIN;
UPDATE agentcore.budget_counter SET held = '{10,0,2,1}' WHERE budget = 'v';
SELECT budget_verify();
ROLLBACK;
BEGIN;
UPDATE agentcore.budget SET max_tokens = 15 WHERE name = 'v';
SELECT budget_verify();
ROLLBACK;
BEGIN;
DELETE FROM agentcore.budget_counter WHERE budget = 'v';
SELECT budget_verify();
ROLLBACK;
BEGIN;
DELETE FROM agentcore.budget WHERE name = 'v';
SELECT budget_verify();
ROLLBACK;
BEGIN;
INSERT INTO agentcore.budget_ledger (tenant, at, id, permit, budgets, event, tokens, nanousd, calls)
  SELECT tenant, at - interval '1 hour', gen_random_uuid(), permit, budgets, event, 0, 0, 0 FROM agentcore.budget_ledger WHERE budgets = '{v}';
SELECT regexp_replace(v, '[0-9a-f-]{36}', '*', 'g') FROM budget_verify() v;
ROLLBACK;
BEGIN;
UPDATE agentcore.permit SET state = 'z' WHERE budget = 'v' AND state = 'c';
SELECT regexp_replace(v, '[0-9a-f-]{36}', '*', 'g') FROM budget_verify() v;
ROLLBACK;
BEGIN;
UPDATE agentcore.permit SET charged_tokens = 9 WHERE budget = 'v' AND state = 'c';
SELECT regexp_replace(v, '[0-9a-f-]{36}', '*', 'g') FROM budget_verify() v;
ROLLBACK;
SELECT budget_verify();

-- a clock that went back: a lease lasts as long as the clock says that gave it
SELECT budget_set('back', max_calls => 10, period => '50 years');
SET agentcore.debug_clock_offset = '1h';
SELECT budget_commit(budget_acquire('back'));
RESET agentcore.debug_clock_offset;
SELECT budget_commit(budget_acquire('back', lease => '5 minutes'));
-- an estimate beyond what a permit can be charged keeps nobody from expiring
SELECT budget_set('estimate', on_expiry => 'charge_estimate');
SELECT budget_acquire('estimate', 9223372036854775807, lease => '1 ms') AS most \gset
UPDATE agentcore.permit SET spent_tokens = 10, charged_tokens = 10 WHERE id = :'most';
INSERT INTO agentcore.budget_ledger (tenant, at, id, permit, budgets, event, tokens, nanousd, calls)
  SELECT tenant, created_at, gen_random_uuid(), id, budgets, 'retry', 10, 0, 0 FROM agentcore.permit WHERE id = :'most';
UPDATE agentcore.budget_counter SET used = '{10,0,0}' WHERE budget = 'estimate';
SELECT pg_sleep(0.01);
SELECT budget_reap();
SELECT state, charged_tokens FROM permits WHERE permit = :'most';
SELECT budget_verify();

-- who is refused clears its own budgets' ended leases away, however many others have
SELECT budget_set('other'), budget_set('above', max_calls => 2), budget_set('mine', max_in_flight => 1, parent => 'above');
SELECT count(budget_acquire('other', lease => '1 microsecond')) FROM generate_series(1, 20);
SELECT budget_acquire('above', lease => '1 microsecond') IS NOT NULL, budget_acquire('mine', lease => '1 microsecond') IS NOT NULL;
SELECT granted, reason, denied_by FROM budget_try_acquire('mine', calls => 2);
SELECT budget, state, count(*) FROM permits WHERE budget IN ('other', 'mine', 'above') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT budget_reap();

-- all settled: nothing held
SELECT DISTINCT budget_release(permit) FROM permits WHERE state = 'open' AND tenant = '';
SELECT budget_release(permit, 'acme') FROM permits WHERE state = 'open' AND tenant = 'acme';
SELECT count(*) FROM budget_status WHERE held_tokens <> 0 OR held_usd <> 0 OR held_calls <> 0 OR in_flight <> 0;
SELECT budget_verify();

-- a read-only transaction writes nothing, settles nothing, locks nothing
SELECT budget_set('ro', max_calls => 10);
SELECT budget_acquire('ro') AS open \gset
\set VERBOSITY terse
BEGIN READ ONLY;
SELECT budget_acquire('ro');
ROLLBACK;
BEGIN READ ONLY;
SELECT budget_acquire('ro', key => 'k');
ROLLBACK;
BEGIN READ ONLY;
SELECT budget_commit(:'open');
ROLLBACK;
SELECT budget_commit(:'open');
