-- Budgets: further limits, sliding windows, thresholds, overruns, corrections.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
-- pairs in one statement are meant here
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set VERBOSITY default

-- times count from the Monday that comes, 00:00 UTC
SELECT date_trunc('week', now()) + interval '7 days' AS monday \gset
SELECT set_config('test.monday', :'monday', false) IS NOT NULL AS set;
CREATE FUNCTION public.clock(after interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('agentcore.debug_clock_offset',
                     (extract(epoch FROM current_setting('test.monday')::timestamptz + after - clock_timestamp()) * 1000)::bigint::text, false);
END $$;
-- acquire and commit in one
CREATE FUNCTION public.spend(b text, n bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d agentcore.budget_decision;
BEGIN
  d := agentcore.budget_try_acquire(b, n);
  IF NOT d.granted THEN
    RETURN d.denied_by || '/' || coalesce(d.denied_limit, '-') || coalesce(' in ' || date_trunc('minute', d.retry_after + interval '30 s'), ' never') || ': ' || d.detail;
  END IF;
  RETURN agentcore.budget_commit(d.permit);
END $$;
CREATE VIEW public.look AS
  SELECT budget, limit_name AS name, used_tokens AS used, held_tokens AS held, left_tokens AS left, percent
    FROM agentcore.budget_limits ORDER BY budget, (limit_name <> 'main'), limit_name;

-- several limits on one budget -----------------------------------------------
SELECT clock('0 days 00:00:10');
SELECT budget_set('b', max_tokens => 10000, period => '1 month');
SELECT budget_limit_set('b', 'week', max_tokens => 1000, period => '1 week');
SELECT budget_limit_set('b', 'week', max_tokens => 1000, period => '1 week');
SELECT budget_limit_set('b', 'five hours', max_tokens => 300, period => '5 hours', anchor => :'monday');
SELECT spend('b', 300);
SELECT spend('b', 1);
SELECT granted, denied_by, denied_limit, reason, can_ever_fit, remaining FROM budget_try_acquire('b', 301);
SELECT clock('0 days 06:00:05');
SELECT spend('b', 300);
SELECT clock('0 days 11:00:05');
SELECT spend('b', 300), spend('b', 101);
SELECT clock('0 days 16:00:05');
SELECT spend('b', 101);
SELECT spend('b', 100);
SELECT * FROM look;
SELECT * FROM budget_verify();
SELECT l ->> 'limit_name' AS name, l -> 'used_tokens' AS used, l -> 'max_tokens' AS max, (SELECT count(*) FROM jsonb_object_keys(l)) AS members
  FROM budget_status, jsonb_array_elements(limits) l;
SELECT granted, remaining FROM budget_try_acquire('b', calls => 0);

-- refused, and nothing changed
SELECT budget_limit_set('nobody', 'x', period => '1 day');
SELECT budget_limit_set('b', 'main', period => '1 day');
SELECT budget_limit_set('b', NULL, period => '1 day');
SELECT budget_limit_set('b', '', period => '1 day');
SELECT budget_limit_set('b', 'x', max_tokens => -1);
SELECT budget_limit_set('b', 'x', max_usd => 'NaN');
SELECT budget_limit_set('b', 'x', max_usd => '-Infinity');
SELECT budget_limit_set('b', 'x', period => '1 month', kind => 'sliding');
SELECT budget_limit_set('b', 'x', kind => 'sliding');
SELECT budget_limit_set('b', 'x' || i, period => '1 day') FROM generate_series(1, 6) i;
SELECT budget_limit_drop('b', 'nothing'), budget_limit_drop('nobody', 'x');
SELECT count(*) FROM look;

-- limits come and go: the windows that stay keep their count, a new one asks the ledger
SELECT budget_limit_set('b', 'day', max_tokens => 5000, period => '1 day');
SELECT budget_limit_set('b', 'week', max_tokens => 2000, period => '1 week');
SELECT budget_limit_drop('b', 'five hours');
SELECT budget_set('b', max_tokens => 9000, period => '1 month');
SELECT * FROM look;
SELECT * FROM budget_verify();
SELECT budget_limit_set('b', 'tiny', max_tokens => 0, period => '1 hour');
SELECT spend('b', 1);
SELECT granted, denied_limit, can_ever_fit FROM budget_try_acquire('b');
SELECT budget_limit_drop('b', 'tiny');
-- seven and no more
SELECT count(budget_limit_set('b', 'l' || i, max_calls => 100, period => '1 day')) FROM generate_series(1, 5) i;
SELECT budget_limit_set('b', 'l6', max_calls => 100, period => '1 day');
SELECT count(*) FROM look;

-- dimensions apart; bigint's edge; a fraction of a nano-dollar is rounded up
SELECT budget_set('edge', max_usd => 0.000000000001);
SELECT budget_limit_set('edge', 'all', max_tokens => 9223372036854775807, max_calls => 1, kind => 'lifetime');
SELECT max_usd FROM budget_status WHERE budget = 'edge';
SELECT granted, denied_limit, remaining FROM budget_try_acquire('edge', 0, 0.000000000002, calls => 0);
SELECT granted, denied_limit, can_ever_fit FROM budget_try_acquire('edge', 9223372036854775807, 0.000000000001, calls => 2);
SELECT granted, remaining FROM budget_try_acquire('edge', 9223372036854775807, 0.000000000001);
SELECT budget_set('zero', max_usd => 0), budget_set('one', max_calls => 1);
SELECT granted, can_ever_fit, remaining FROM budget_try_acquire('zero', 5);
SELECT granted, remaining FROM budget_try_acquire('one');
SELECT granted, denied_limit, can_ever_fit, retry_after, remaining FROM budget_try_acquire('one');

-- sliding: never over in any hour ---------------------------------------------
SELECT clock('1 days 00:00:01');
SELECT budget_set('s', max_tokens => 100, period => '1 hour', kind => 'sliding');
SELECT spend('s', 60);
SELECT clock('1 days 00:30:05');
SELECT spend('s', 40);
SELECT spend('s', 1);
SELECT spend('s', 50);
SELECT spend('s', 61);
SELECT spend('s', 101);
SELECT buckets[1] AS place, (SELECT array_agg(u ORDER BY i) FROM unnest(buckets[3:77]) WITH ORDINALITY x(u, i) WHERE i % 3 = 1) AS tokens FROM budget_counter WHERE budget = 's';
SELECT clock('1 days 00:59:59');
SELECT spend('s', 1);
-- the bucket that began at 00:00 counts to 01:02:30
SELECT clock('1 days 01:02:29');
SELECT spend('s', 1);
SELECT clock('1 days 01:02:31');
SELECT spend('s', 60), spend('s', 1);
SELECT * FROM budget_verify();
SELECT * FROM look WHERE budget = 's';
SELECT clock('2 days 00:00:05');
SELECT used, held FROM look WHERE budget = 's';
SELECT spend('s', 100);
SELECT * FROM budget_verify();
-- made sliding later, it counts what the ledger has in its buckets
SELECT budget_limit_set('s', 'day', max_tokens => 250, period => '1 day', kind => 'sliding');
SELECT * FROM look WHERE budget = 's';
SELECT budget_limit_set('s', 'other', max_tokens => 250, period => '10 minutes', kind => 'sliding');
SELECT * FROM budget_verify();
SELECT clock('2 days 00:20:05');
SELECT used, name FROM look WHERE budget = 's';
-- a broken bucket is named
UPDATE budget_counter SET buckets[3] = 7 WHERE budget = 's';
SELECT * FROM budget_verify();
SELECT budget_drop('s');
SELECT count(*) FROM budget_limit WHERE budget = 's';

-- any span of the window's length, by a simple model: one hour, buckets of 150 s
SELECT clock('3 days 00:00:05');
SELECT budget_set('m', max_calls => 10, period => '1 hour', kind => 'sliding');
SELECT setseed(0.42);
DO $$
DECLARE
  at interval := '3 days';
BEGIN
  FOR i IN 1..300 LOOP
    at := at + interval '1 second' * (random() * 600);
    PERFORM public.clock(at);
    PERFORM public.spend('m', 1);
  END LOOP;
END $$;
SELECT count(*) > 50 AS many, max(calls) <= 10 AS never_over, max(calls) = 10 AS used_up
  FROM (SELECT sum(l.calls) OVER (ORDER BY l.at RANGE BETWEEN interval '1 hour' PRECEDING AND CURRENT ROW) AS calls
          FROM budget_ledger l WHERE 'm' = ANY (l.budgets) AND l.calls > 0) x;
SELECT * FROM budget_verify();

-- calendar days in a time zone: one has 23 hours, one 25 ------------------------
SELECT starts_at, resets_at, resets_at - starts_at AS long
  FROM unnest(ARRAY['2026-03-29 12:00+02', '2026-10-25 00:30+02', '2026-10-25 02:30+02', '2026-10-25 02:30+01', '2028-02-29 23:59:59+01']::timestamptz[]) at,
       budget_window('calendar', '1 day', 'Europe/Berlin', NULL, at);
SELECT starts_at, resets_at
  FROM unnest(ARRAY['2028-02-28 23:59+00', '2028-02-29 00:00+00', '2028-03-01 00:00+00', '2029-02-28 12:00+00']::timestamptz[]) at,
       budget_window('calendar', '1 month', 'UTC', '2028-01-31 00:00+00', at);
-- thresholds ------------------------------------------------------------------
SELECT clock('7 days 00:00:10');
SELECT budget_set('t', max_tokens => 100, max_calls => 1000, period => '1 day', thresholds => '{90,50,80,100,50}');
SELECT budget_limit_set('t', 'hour', max_tokens => 80, period => '1 hour', kind => 'sliding');
SELECT thresholds FROM budget_status WHERE budget = 't';
SELECT budget_set('x', thresholds => '{0}');
SELECT budget_set('x', thresholds => '{101}');
SELECT budget_set('x', thresholds => '{NULL}');
SELECT budget_set('x', thresholds => '{1,2,3,4,5,6,7,8,9}');
CREATE VIEW public.told AS SELECT detail FROM agentcore.budget_ledger WHERE event = 'threshold' ORDER BY at, detail;
SELECT spend('t', 39);
SELECT * FROM told;
SELECT spend('t', 2), spend('t', 1);
SELECT * FROM told;
SELECT spend('t', 38);
SELECT detail FROM told OFFSET 1;
-- no more than once a window, whatever comes back; anew in the next one
SELECT budget_adjust('t', -50), budget_adjust('t', 50);
SELECT count(*) FROM told;
SELECT clock('7 days 05:00:05');
SELECT spend('t', 20);
SELECT detail FROM told OFFSET 6;
SELECT clock('8 days 00:00:10');
SELECT spend('t', 50);
SELECT detail FROM told OFFSET 8;
-- a rollback takes row and notification back
BEGIN;
SELECT spend('t', 30);
ROLLBACK;
SELECT count(*) FROM told;
SELECT * FROM budget_verify();

-- overrun ---------------------------------------------------------------------
SELECT budget_set('cap', max_tokens => 100, overrun => 'cap', parent => 'b');
SELECT budget_acquire('cap', 10, 0.5) AS p \gset
SELECT budget_commit(:'p', 15, 0.75);
SELECT budget_commit(:'p', 15, 0.75), budget_commit(:'p', 10, 0.5), budget_commit(:'p', 16, 0.75);
SELECT event, tokens, usd FROM ledger WHERE permit = :'p' ORDER BY event;
SELECT event, budgets, detail FROM budget_ledger WHERE permit = :'p' AND event = 'unbilled';
SELECT used_tokens, used_usd FROM budget_status WHERE budget = 'cap';
SELECT budget_acquire('cap', 10) AS p \gset
SELECT budget_commit(:'p', 5);
SELECT budget_set('open', max_tokens => 100, overrun => 'charge');
SELECT budget_acquire('open', 10) AS p \gset
SELECT budget_commit(:'p', 150);
SELECT used_tokens, left_tokens, percent FROM budget_status WHERE budget = 'open';
SELECT granted, remaining FROM budget_try_acquire('open');
SELECT * FROM budget_verify();

-- corrections -------------------------------------------------------------------
SELECT budget_adjust('cap', 20, 1.5, 2, 'an invoice');
SELECT used_tokens, used_usd, used_calls FROM budget_status WHERE budget = 'cap';
SELECT event, budgets, tokens, nanousd, calls, detail - 'by' AS detail FROM budget_ledger WHERE event = 'adjust' AND 'cap' = ANY (budgets);
SELECT budget_adjust('cap', -5, -1.0000000009, -1);
SELECT used_tokens, used_usd, used_calls FROM budget_status WHERE budget = 'cap';
SELECT budget_adjust('cap', -1000);
SELECT budget_adjust('cap', usd => 'NaN');
SELECT budget_adjust('cap', usd => '-Infinity');
SELECT budget_adjust('cap', NULL);
SELECT budget_adjust('cap', -9223372036854775808);
SELECT budget_adjust('cap', 1, reason => repeat('x', 1001));
SELECT budget_adjust('nobody', 1);
SELECT budget_adjust('cap');
SELECT budget_adjust('cap', 1000, reason => 'past the limit');
SELECT granted, remaining ->> 'tokens' AS tokens FROM budget_try_acquire('cap', 1);
SELECT * FROM budget_verify();

-- a window begun anew -------------------------------------------------------------
SELECT budget_set('r', max_tokens => 100, period => '1 day'), budget_limit_set('r', 'ever', max_tokens => 150, kind => 'lifetime'),
       budget_limit_set('r', 'slide', max_tokens => 100, period => '1 day', kind => 'sliding');
SELECT spend('r', 90);
SELECT budget_reset_window('r', 'main');
SELECT name, used FROM look WHERE budget = 'r';
SELECT spend('r', 11);
SELECT budget_reset_window('r', 'slide');
SELECT spend('r', 60);
SELECT * FROM budget_verify();
-- it stays so when another limit comes
SELECT budget_limit_set('r', 'new', max_tokens => 200, period => '1 week');
SELECT name, used FROM look WHERE budget = 'r';
SELECT budget_reset_window('r');
SELECT name, used FROM look WHERE budget = 'r';
SELECT budget_reset_window('r', 'nothing');
SELECT budget_reset_window('nobody');
SELECT budget_reset_window(NULL);
SELECT * FROM budget_verify();
-- what expired before is not given back to the window after
SELECT budget_set('r', max_tokens => 100, period => '1 day', on_expiry => 'charge_estimate');
SELECT budget_acquire('r', 40, lease => '1 second') AS p \gset
SELECT clock('8 days 00:00:30');
SELECT budget_reap();
SELECT budget_reset_window('r');
SELECT budget_release(:'p');
SELECT name, used FROM look WHERE budget = 'r';
SELECT * FROM budget_verify();

-- a clock that jumps ahead and comes back: what it charged counts as of now
SELECT budget_set('j', max_tokens => 100, period => '1 day'), budget_limit_set('j', 'slide', max_tokens => 100, period => '1 hour', kind => 'sliding'),
       budget_limit_set('j', 'ever', max_tokens => 1000, kind => 'lifetime');
SELECT spend('j', 10);
SELECT clock('10 days 00:00:05');
SELECT spend('j', 20);
SELECT clock('12 days 00:00:05');
SELECT spend('j', 30);
SELECT clock('8 days 00:10:05');
SELECT limit_name, used_tokens AS used, starts_at - :'monday'::timestamptz AS starts FROM budget_limits WHERE budget = 'j' AND limit_name <> 'slide' ORDER BY 1;
SELECT budget_reset_window('j', 'slide');
SELECT name, used FROM look WHERE budget = 'j';
SELECT starts_at - :'monday'::timestamptz AS starts FROM budget_limits WHERE budget = 'j' AND limit_name = 'main';
SELECT spend('j', 41);
SELECT spend('j', 40);
SELECT * FROM budget_verify();
SELECT budget_reset_window('j', 'ever');
SELECT clock('10 days 01:00:05');
SELECT spend('j', 1);
SELECT name, used FROM look WHERE budget = 'j';
SELECT clock('12 days 01:00:05');
SELECT spend('j', 2);
SELECT name, used FROM look WHERE budget = 'j';
SELECT * FROM budget_verify();

-- switched off at once, and only for that budget and those below
SELECT budget_set('open', enabled => false);
SELECT granted, denied_by, denied_limit, can_ever_fit, remaining FROM budget_try_acquire('open');

-- rates and when all is gone --------------------------------------------------------
SELECT clock('14 days 00:00:05');
SELECT budget_set('rate', max_tokens => 100, period => '1 day');
SELECT clock('14 days 02:00:05');
SELECT spend('rate', 50);
SELECT round(tokens_per_hour) AS per_hour, date_trunc('minute', exhausted_at + interval '10 s') - :'monday'::timestamptz AS gone FROM budget_limits WHERE budget = 'rate';
SELECT clock('14 days 20:00:05');
SELECT round(tokens_per_hour, 1) AS per_hour, exhausted_at FROM budget_limits WHERE budget = 'rate';

-- as configuration
SELECT jsonb_pretty(b) FROM jsonb_array_elements(config_export() -> 'budgets') b WHERE b ->> 'name' IN ('t', 'open');
SELECT kind, name, action FROM config_apply(config_export()) WHERE kind = 'budgets' AND action <> 'unchanged';
SELECT kind, name, action FROM config_apply('{"budgets": [{"name": "t", "max_tokens": 100, "limits": [{"limit_name": "week", "max_calls": 7, "period": "7 days"}]}]}');
SELECT limit_name, max_tokens, max_calls FROM budget_limits WHERE budget = 't' ORDER BY 1;
SELECT kind, name, action FROM config_apply('{"budgets": [{"name": "t", "max_tokens": 100}]}');
SELECT count(*) FROM budget_limits WHERE budget = 't';

-- nobody else's
CREATE ROLE regress_budget_reader;
SELECT access_grant('regress_budget_reader', 'reader', '{elsewhere}');
SET ROLE regress_budget_reader;
SELECT count(*) FROM budget_limits;
SELECT count(*) FROM budget_windows('t');
SELECT budget_limit_set('t', 'x', period => '1 day');
SELECT budget_adjust('t', 1);
SELECT budget_reset_window('t');
RESET ROLE;
SELECT access_revoke('regress_budget_reader');
DROP ROLE regress_budget_reader;
RESET agentcore.debug_clock_offset;

-- where there is no limit nothing is left of it, rather than 0
SELECT budget_set('free');
SELECT left_tokens IS NULL AS tokens, left_usd IS NULL AS usd, left_calls IS NULL AS calls FROM budget_limits WHERE budget = 'free';
SELECT left_tokens IS NULL AS tokens, left_usd IS NULL AS usd, left_calls IS NULL AS calls FROM budget_status WHERE budget = 'free';

-- a full counter that goes down again is less than the ledger says, and nothing is wrong with that
SELECT budget_set('full'), budget_set('full rolling', kind => 'sliding', period => '1 day', parent => 'full');
SELECT budget_adjust('full rolling', tokens => 9223372036854775807), budget_adjust('full rolling', tokens => 10);
SELECT budget_adjust('full rolling', tokens => -5);
SELECT budget, used_tokens FROM budget_status WHERE budget LIKE 'full%' ORDER BY 1;
SELECT * FROM budget_verify();
-- but no less than it can be
UPDATE budget_counter SET used[1] = used[1] - 1 WHERE budget = 'full';
SELECT * FROM budget_verify();
SELECT budget_reset_window('full'), budget_reset_window('full rolling');
SELECT * FROM budget_verify();

-- a permit older than the limits, charged in a later window, has not passed them
SELECT public.clock('0');
SELECT budget_set('lowered', max_tokens => 100, period => '1 hour');
SELECT budget_acquire('lowered', 50, lease => '1 day') AS permit \gset
SELECT budget_set('lowered', max_tokens => 0);
SELECT public.clock('2 hours');
SELECT budget_commit(:'permit', 50);
SELECT * FROM budget_verify();
-- what a younger one holds has
SELECT budget_set('lowered', max_tokens => 60);
SELECT public.clock('4 hours');
SELECT budget_acquire('lowered', 50, lease => '1 day') AS permit \gset
SELECT budget_commit(:'permit', 50);
SELECT * FROM budget_verify();
UPDATE budget SET max_tokens = 40 WHERE name = 'lowered';
SELECT * FROM budget_verify();

-- a busy budget that is locked alone moves its sliding window on once -------------
SELECT budget_set('lowered', reset => '{max_tokens}');
SET agentcore.debug_budget_entries = on;
SELECT public.clock('14 days');
SELECT budget_set(b, max_usd => 10, kind => 'sliding', period => '1 day') FROM unnest(ARRAY['corrected', 'large', 'undone']) b;
SELECT b, budget_commit(budget_acquire(b, 1, 6)) FROM unnest(ARRAY['corrected', 'large', 'undone']) b;
-- 14 of 24 hours later all of it still counts
SELECT public.clock('14 days 14 hours');
SELECT budget_adjust('corrected', usd => -2);
-- more tokens than a reservation can hold
SELECT granted, denied_dimension, used, max, asked FROM budget_try_acquire('large', 3000000000000000000, 5);
SELECT granted, denied_dimension, used, max, asked FROM budget_try_acquire('large', 3000000000000000000, 4);
SELECT budget_adjust('undone', usd => -6), budget_adjust('undone', usd => 6);
SELECT budget, used_tokens AS tokens, used_usd AS usd, used_calls AS calls, held_usd FROM budget_limits
 WHERE budget IN ('corrected', 'large', 'undone') ORDER BY 1;
SELECT * FROM budget_verify();
-- 26 hours later the charges have fallen out
SELECT public.clock('15 days 2 hours');
SELECT granted, denied_dimension FROM budget_try_acquire('undone', 3000000000000000000, 4);
SELECT granted, denied_dimension FROM budget_try_acquire('undone', 3000000000000000000, 1);
SELECT * FROM budget_verify();
RESET agentcore.debug_budget_entries;
RESET agentcore.debug_clock_offset;
