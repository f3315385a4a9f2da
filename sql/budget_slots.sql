-- Budgets in slots: shares, room moved between them, overruns, changes.
-- Which slot a session takes is chance, and so never shown.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
-- pairs in one statement are meant here
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;

CREATE TEMP VIEW slots AS
SELECT budget, count(*) AS slots, sum(share[1]) AS tokens, sum(share[2]) AS nanousd, sum(share[3]) AS calls,
       sum(share[4]) AS in_flight, bool_or(strained) AS strained, sum(used[1]) AS used, sum(held[1]) AS held
  FROM budget_counter GROUP BY budget ORDER BY budget;
CREATE FUNCTION pg_temp.take(tokens bigint, of text DEFAULT 'h') RETURNS text LANGUAGE sql AS
  $$ SELECT CASE WHEN granted THEN 'granted' ELSE reason || ': ' || detail END FROM agentcore.budget_try_acquire(of, tokens) $$;

-- definitions ----------------------------------------------------------------
SELECT budget_set('h', slots => NULL), budget_set('h', max_tokens => 100, max_usd => 0.000000007, slots => 8);
SELECT budget_set('h', max_tokens => 100, max_usd => 0.000000007, slots => 8);
SELECT slot, share, held, used FROM budget_counter ORDER BY slot;
SELECT budget_set('h', slots => -1);
SELECT budget_set('h', slots => 65);

-- no false denial ------------------------------------------------------------
-- a share is 13 or less: each of these needs the room of others
SELECT pg_temp.take(n) FROM (VALUES (90), (11), (10), (NULL), (1)) AS asked(n);
SELECT * FROM slots;
SELECT * FROM budget_verify();
SELECT count(budget_release(permit)) FROM permits WHERE state = 'open';
-- one by one to the last
SELECT pg_temp.take(1) AS answer, count(*) FROM generate_series(1, 103) GROUP BY 1 ORDER BY 2;
SELECT * FROM slots;
SELECT count(budget_commit(permit)) FROM permits WHERE state = 'open';
SELECT used_tokens, held_tokens, used_calls, in_flight FROM budget_status;
SELECT * FROM budget_verify();

-- charges beyond their hold ----------------------------------------------------
SELECT budget_set('h', max_tokens => 1000, slots => 4, reset => '{max_usd}');
SELECT budget_acquire('h', 100, key => 'a') IS NOT NULL, budget_acquire('h', 100, key => 'b') IS NOT NULL;
SELECT budget_commit(permit, 700) FROM permits WHERE key = 'a' AND state = 'open';
SELECT * FROM slots;
SELECT pg_temp.take(n) FROM (VALUES (101), (100), (1)) AS asked(n);
-- past the limit: what is given back is room only once all fits again
SELECT budget_commit(permit, 150) FROM permits WHERE key = 'b' AND state = 'open';
SELECT * FROM slots;
SELECT pg_temp.take(1);
SELECT budget_release(permit) FROM permits WHERE state = 'open';
SELECT pg_temp.take(51), pg_temp.take(50), pg_temp.take(1);
SELECT * FROM slots;
SELECT * FROM budget_verify();

-- a hold given back while the rest is over the limit, wherever each of them is
SELECT budget_set('s', max_tokens => 100, slots => 2);
SELECT count(budget_acquire('s', 10, key => 's' || n)) FROM generate_series(1, 8) AS n;
SELECT count(budget_commit(permit, 50)) FROM permits WHERE key IN ('s1', 's8') AND state = 'open';
SELECT pg_temp.take(1, 's'), count(budget_release(permit)) FROM permits WHERE key IN ('s2', 's3', 's4') AND state = 'open';
SELECT pg_temp.take(1, 's'), count(budget_release(permit)) FROM permits WHERE key IN ('s5', 's6') AND state = 'open';
SELECT pg_temp.take(1, 's'), count(budget_release(permit)) FROM permits WHERE key = 's7' AND state = 'open';
SELECT pg_temp.take(NULL, 's'), budget_set('s', max_tokens => 101, slots => 2);
SELECT pg_temp.take(2, 's'), pg_temp.take(1, 's');
SELECT * FROM slots WHERE budget = 's';
SELECT count(budget_release(permit)) FROM permits WHERE budget = 's' AND state = 'open';
SELECT budget_drop('s');

-- more for a permit ------------------------------------------------------------
SELECT budget_set('h', max_tokens => 2000, slots => 4);
SELECT budget_extend(permit, '1 hour', 900) FROM permits WHERE state = 'open';
SELECT budget_extend(permit, '1 hour', 100) FROM permits WHERE state = 'open';
SELECT budget_extend(permit, '1 hour', 1) FROM permits WHERE state = 'open';
SELECT * FROM slots;
SELECT * FROM budget_verify();

-- other slots, other limits ------------------------------------------------------
SELECT n, budget_set('h', max_tokens => 2000, slots => n) FROM unnest(array[1, 64, 3, 2, 7]) AS n;
SELECT * FROM slots;
SELECT * FROM budget_verify();
SELECT budget_set('h', max_tokens => 1500, slots => 7);
SELECT * FROM slots;
SELECT pg_temp.take(NULL);
SELECT budget_set('h', reset => '{max_tokens}');
SELECT * FROM slots;
SELECT pg_temp.take(9223372036854770000);
SELECT budget_set('h', max_tokens => 9223372036854775807, max_in_flight => 2, slots => 7);
SELECT pg_temp.take(9223372036854773807), pg_temp.take(1);
SELECT budget_release(permit) FROM permits WHERE held_tokens > 1000000 AND state = 'open';
SELECT pg_temp.take(9223372036854772807), pg_temp.take(1);
SELECT * FROM budget_verify();
SELECT budget_drop('h');
SELECT count(budget_release(permit)) FROM permits WHERE state = 'open';
SELECT budget_set('h', max_tokens => 0, slots => 3, reset => '{max_in_flight}'), pg_temp.take(NULL), pg_temp.take(1);
SELECT budget_set('h', max_tokens => 1, slots => 3), pg_temp.take(1), pg_temp.take(NULL);

-- parents in slots, windows, leases that end ---------------------------------------
SELECT budget_set('top', max_tokens => 100, period => '60 years', slots => 5, on_expiry => 'charge_estimate');
SELECT budget_set('low', max_tokens => 60, period => '50 years', slots => 3, parent => 'top', on_expiry => 'charge_estimate');
SELECT pg_temp.take(50, 'low'), pg_temp.take(50, 'top');
SELECT pg_temp.take(1, 'low');
SELECT count(budget_commit(permit)) FROM permits WHERE budget IN ('low', 'top') AND state = 'open';
SELECT * FROM slots;
SELECT * FROM budget_verify();
SELECT budget, used_tokens, held_tokens FROM budget_status ORDER BY 1;

-- what verify() tells of ---------------------------------------------------------
BEGIN;
UPDATE budget_counter SET share[1] = share[1] + 1 WHERE budget = 'top' AND slot = 2;
DELETE FROM budget_counter WHERE budget = 'h' AND slot = 1;
UPDATE budget_counter SET share = NULL WHERE budget = 'low' AND slot = 0;
SELECT budget_verify LIKE 'budget top: the shares of 5 slots add up to 101 tokens, and not 100' AS shares,
       budget_verify LIKE 'budget h: 3 slots are defined, and 2 counters stored' AS slots,
       budget_verify LIKE 'budget low: slot 0 has a share and should not, or none and should' AS missing
  FROM budget_verify() WHERE budget_verify ~ 'top: the shares|are defined|low: slot 0';
ROLLBACK;
SELECT * FROM budget_verify();
SELECT budget_drop('low'), budget_drop('top');
SELECT budget, count(*) FROM budget_counter GROUP BY 1;

-- What remains, said by a denial, is of the windows as they are now, also in slots that nobody has used since ------
SELECT agentcore.budget_set('hour', max_calls => 10, period => '1 hour', kind => 'fixed', anchor => now(), slots => 4) AND
       agentcore.budget_set('tight', max_tokens => 1, parent => 'hour');
SELECT agentcore.budget_commit(agentcore.budget_acquire('tight', 0, calls => 4));
SELECT denied_by, remaining FROM agentcore.budget_try_acquire('tight', 2);
SET agentcore.debug_clock_offset = '2h';
SELECT denied_by, remaining FROM agentcore.budget_try_acquire('tight', 2);
RESET agentcore.debug_clock_offset;
