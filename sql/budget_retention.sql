-- The ledger is cut while windows of every kind still count what goes.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET client_min_messages = warning;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
\set VERBOSITY terse
-- the clock may be moved by 24 days to either side, and the begin of a month is somewhere between
SET agentcore.debug_clock_offset = '-577h';

SELECT budget_set('life');
SELECT budget_set('many', max_tokens => 100000, max_calls => 100000, period => '30 days', kind => 'sliding', parent => 'life', overrun => 'cap', thresholds => '{1, 2}');
SELECT budget_limit_set('many', 'all', max_usd => 1000000), budget_limit_set('many', 'days', max_tokens => 1000000, period => '7 days', kind => 'fixed'),
       budget_limit_set('many', 'forty', max_calls => 100000, period => '40 days 7 seconds', kind => 'sliding'),
       budget_limit_set('many', 'month', max_tokens => 1000000, period => '1 month', tz => 'Europe/Berlin'),
       budget_limit_set('many', 'week', period => '7 days', kind => 'sliding');
SELECT budget_set('hot', max_tokens => 1000000, max_calls => 1000000, period => '60 days', kind => 'fixed', on_expiry => 'charge_estimate', parent => 'life');
SELECT budget_limit_set('hot', 'day', max_tokens => 1000000, period => '1 day'), budget_limit_set('hot', 'all', max_calls => 1000000);

-- whatever can stand in a ledger, each day; looked at now and then
CREATE PROCEDURE public.live(first int, last int) LANGUAGE plpgsql AS $$
DECLARE
  permit uuid;
  lost uuid;
BEGIN
  FOR day IN first .. last LOOP
    FOR hour IN 0 .. 23 BY 6 LOOP
      PERFORM set_config('agentcore.debug_clock_offset', (24 * day + hour) || 'h', false);
      permit := agentcore.budget_acquire('many', 10, 0.5);
      -- more than it held, so some of it is not billed
      PERFORM agentcore.budget_commit(permit, 7 + day % 5, 0.25);
      permit := agentcore.budget_acquire('hot', 10, lease => '1 minute');
      -- some leases end, some settlements are late
      IF hour > 0 THEN
        PERFORM agentcore.budget_commit(permit, 9);
      ELSE
        lost := permit;
      END IF;
      PERFORM agentcore.budget_reap();
      IF hour = 6 AND day % 6 = 0 THEN
        PERFORM agentcore.budget_commit(lost, 9);
      END IF;
    END LOOP;
    IF day % 4 = 0 THEN
      PERFORM agentcore.budget_adjust('many', 100, 1.5, 3, 'invoice'), agentcore.budget_adjust('many', -40, -0.5, -1), agentcore.budget_adjust('hot', 11);
    END IF;
    IF day = -13 THEN
      PERFORM agentcore.budget_reset_window('many', 'forty'), agentcore.budget_reset_window('many', 'days'), agentcore.budget_reset_window('hot', 'all');
    END IF;
    IF day % 4 = 1 AND EXISTS (SELECT FROM agentcore.budget_verify()) THEN
      RAISE 'day %: %', day, (SELECT min(v) FROM agentcore.budget_verify() v);
    END IF;
  END LOOP;
END $$;
CALL public.live(-24, -15);
-- one that is open all the while, in a slot and in sliding windows
SET agentcore.max_lease = '7d';
SELECT budget_acquire('hot', 5, key => 'open', lease => '7 days') IS NOT NULL, budget_acquire('many', 5, key => 'open too', lease => '7 days') IS NOT NULL;
CALL public.live(-14, 9);
SELECT event, count(*) > 0 AS some FROM budget_ledger GROUP BY 1 ORDER BY 1;
-- corrections are spent like anything else
SELECT s.tokens = l.used[1], s.usd = l.used[2] * 1e-9, s.calls = l.used[3]
  FROM (SELECT sum(tokens) AS tokens, sum(usd) AS usd, sum(calls) AS calls FROM budget_spend WHERE budget = 'life') s, budget_counter l WHERE l.budget = 'life';

CREATE FUNCTION public.retained() RETURNS TABLE (went boolean, carried boolean, same_use boolean, same_spend boolean) LANGUAGE plpgsql AS $$
DECLARE
  rows bigint := (SELECT count(*) FROM agentcore.budget_ledger);
  used text := (SELECT string_agg(c::text, ' ' ORDER BY budget, slot) FROM agentcore.budget_counter c);
  spend text := (SELECT string_agg(concat_ws('/', s.budget, s.tokens, s.usd, s.calls), ' ' ORDER BY budget) FROM (
    SELECT budget, sum(tokens) AS tokens, sum(usd) AS usd, sum(calls) AS calls FROM agentcore.budget_spend GROUP BY 1) s);
BEGIN
  carried := (SELECT r.carried > 0 FROM agentcore.budget_ledger_retain('1 day') r);
  went := (SELECT count(*) FROM agentcore.budget_ledger) < rows;
  same_use := used = (SELECT string_agg(c::text, ' ' ORDER BY budget, slot) FROM agentcore.budget_counter c);
  same_spend := spend = (SELECT string_agg(concat_ws('/', s.budget, s.tokens, s.usd, s.calls), ' ' ORDER BY budget) FROM (
    SELECT budget, sum(tokens) AS tokens, sum(usd) AS usd, sum(calls) AS calls FROM agentcore.budget_spend GROUP BY 1) s);
  RETURN NEXT;
END $$;
SELECT same_use, same_spend FROM public.retained();
SELECT * FROM budget_verify();
-- and on, until all that was cut has left the sliding windows
CALL public.live(10, 22);
SELECT same_use, same_spend FROM public.retained();
SELECT * FROM budget_verify();
SELECT count(*) > 2 AS several FROM budget_ledger WHERE event = 'carry';
CALL public.live(23, 24);
-- windows made anew count what is carried, and agree with the ledger
SELECT budget_limit_drop('many', 'forty'), budget_limit_set('many', 'century', max_calls => 100000, period => '36500 days', kind => 'sliding');
SELECT budget_set('hot', max_tokens => 1000000, max_calls => 1000000, period => '60 days', kind => 'fixed', on_expiry => 'charge_estimate', parent => 'life');
SELECT l.used_calls = m.used_calls AS all_of_it FROM budget_limits l, budget_limits m
 WHERE l.budget = 'many' AND l.limit_name = 'century' AND m.budget = 'many' AND m.limit_name = 'all';
SELECT same_use, same_spend FROM public.retained();
SELECT * FROM budget_verify();
DROP PROCEDURE public.live(int, int);
DROP FUNCTION public.retained();
