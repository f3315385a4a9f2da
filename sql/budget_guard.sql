-- Transactions that keep budgets locked: said, refused, and avoided by waiting outside.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, public;
\set VERBOSITY terse

SELECT budget_set('b', max_tokens => 1000);
SHOW agentcore.budget_guard;

-- acquired and charged in one statement, or in one transaction: said once
SELECT budget_commit(budget_acquire('b', 10), 5);
BEGIN;
SELECT budget_acquire('b', 10) AS p, budget_acquire('b', 10) AS q \gset
SELECT budget_commit(:'p', 5);
SELECT budget_commit(:'q', 5);
COMMIT;
-- and again in the next
SELECT budget_commit(budget_acquire('b', 10), 5);

-- in two transactions, or with nothing charged: nothing to say
SELECT budget_acquire('b', 10) AS p \gset
SELECT budget_extend(:'p', '1 hour', 10);
SELECT budget_commit(:'p', 5);
SELECT budget_release(budget_acquire('b', 10));
-- nor for the second answer, which charges nothing
BEGIN;
SELECT budget_acquire('b', 10, key => 'k') AS p \gset
SELECT budget_release(:'p');
SELECT budget_commit(:'p', 5);
COMMIT;
-- of several permits it is the one that began here
SELECT budget_acquire('b', 10) AS p \gset
BEGIN;
SELECT budget_acquire('b', 10) AS q \gset
SELECT budget_commit(:'p', 5);
SELECT budget_commit(:'q', 5);
COMMIT;
-- a savepoint is no transaction
BEGIN;
SAVEPOINT one;
SELECT budget_acquire('b', 10) AS p \gset
RELEASE one;
SAVEPOINT two;
SELECT budget_commit(:'p', 5);
ROLLBACK TO two;
COMMIT;
SELECT state FROM permits WHERE permit = :'p';
SELECT budget_commit(:'p', 5);

-- off
SET agentcore.budget_guard = off;
SELECT budget_commit(budget_acquire('b', 10), 5);

-- error: nothing was charged, and nothing is held
SET agentcore.budget_guard = error;
CREATE VIEW public.sums AS SELECT used_tokens, held_tokens, in_flight FROM agentcore.budget_status WHERE budget = 'b';
SELECT * FROM public.sums;
SELECT budget_commit(budget_acquire('b', 10), 5);
SELECT * FROM public.sums;
DO $$
DECLARE
  state text; message text; detail text; hint text; p uuid;
BEGIN
  SET LOCAL agentcore.budget_guard = warning;
  p := agentcore.budget_acquire('b', 10);
  SET LOCAL agentcore.budget_guard = error;
  PERFORM agentcore.budget_commit(p, 5);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RAISE NOTICE '% % / % / %', state, message, regexp_replace(detail, '\d+ ms', 'N ms'), hint;
END $$;
-- the milliseconds are those since the acquire
DO $$
DECLARE
  p uuid := agentcore.budget_acquire('b', 10); detail text; ms integer;
BEGIN
  PERFORM pg_sleep(0.1);
  PERFORM agentcore.budget_commit(p, 5);
EXCEPTION WHEN active_sql_transaction THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  ms := substring(detail FROM '(\d+) ms');
  RAISE NOTICE 'at least 100: %, less than a minute: %', ms >= 100, ms < 60000;
END $$;
SELECT * FROM public.sums;
SELECT budget_release(permit) FROM permits WHERE state = 'open' AND budget = 'b';
-- what was said as a warning is an error as soon as errors are asked for
BEGIN;
SET LOCAL agentcore.budget_guard = warning;
SELECT budget_acquire('b', 10) AS p, budget_acquire('b', 10) AS q \gset
SELECT budget_commit(:'p', 5);
SET LOCAL agentcore.budget_guard = error;
SELECT budget_commit(:'q', 5);
ROLLBACK;

-- the gate: a call begun and ended, and one whose retry begins and ends
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0 AS allowed;
SELECT tool_set('ping', '{}'), agent_set('bot', 'web', budget => 'b'), agent_set('free', 'web'), model_price_set('m', 0, 0);
SELECT call_commit(call_id) FROM call_begin('bot', 'ping', '{}');
SELECT action FROM call_begin('bot', 'ping', '{}'), call_fail(call_id, 400);

-- error: an acquire in a transaction block is refused at begin, whoever pays, and nothing was taken
\set VERBOSITY default
BEGIN;
SELECT verdict FROM call_begin('bot', 'ping', '{}');
ROLLBACK;
\set VERBOSITY sqlstate
BEGIN; SELECT verdict FROM call_begin('free', 'ping', '{}'); ROLLBACK;
BEGIN; SELECT verdict FROM call_begin('free', 'no such tool', '{}'); ROLLBACK;
BEGIN; SELECT verdict FROM llm_begin('bot', 'm', 1, 1); ROLLBACK;
BEGIN; SELECT budget_acquire('b'); ROLLBACK;
BEGIN; SELECT granted FROM budget_try_acquire('b'); ROLLBACK;
-- several statements in one message are one block
SELECT 1 AS one\; SELECT granted FROM budget_try_acquire('b');
-- so is a subtransaction, of which the server tells no more
DO $$ BEGIN PERFORM agentcore.budget_acquire('b'); EXCEPTION WHEN division_by_zero THEN NULL; END $$;
\set VERBOSITY terse
-- in autocommit nothing is refused, nor is looking, settling or extending in a block
SELECT verdict, call_id AS c FROM call_begin('bot', 'ping', '{}') \gset
SELECT granted FROM budget_try_acquire('b');
DO $$ BEGIN PERFORM agentcore.budget_acquire('b'); END $$;
BEGIN;
SELECT count(*) > 5 AS looks FROM call_explain('bot', 'ping', '{}');
SELECT call_extend(:'c', '1 minute'), call_commit(:'c');
COMMIT;
SELECT budget_release(permit) FROM permits WHERE state = 'open' AND budget = 'b';
SELECT * FROM public.sums;
SET agentcore.budget_guard = warning;
BEGIN;
SELECT call_id AS c FROM call_begin('bot', 'ping', '{}') \gset
SELECT action FROM call_fail(:'c', 503);
COMMIT;

-- a transaction block that has been open for long
SHOW agentcore.budget_max_xact_age;
BEGIN;
SELECT granted FROM budget_try_acquire('b', 1);
SELECT FROM pg_sleep(0.1);
SET agentcore.budget_max_xact_age = '50 ms';
SELECT granted FROM budget_try_acquire('b', 1);
SELECT granted FROM budget_try_acquire('b', 1);
SELECT verdict FROM call_begin('bot', 'ping', '{}');
ROLLBACK;
SET agentcore.budget_max_xact_age = '50 ms';
SELECT budget_acquire('b', 1) AS p \gset
SET agentcore.budget_guard = error;
BEGIN;
SELECT FROM pg_sleep(0.1);
-- settling is never refused for its age, nor is what the caller does outside a block
SELECT budget_commit(:'p', 1);
ROLLBACK;
SELECT granted FROM pg_sleep(0.1), budget_try_acquire('b', 1);
SET agentcore.budget_guard = off;
BEGIN;
SELECT FROM pg_sleep(0.1);
SELECT granted FROM budget_try_acquire('b', 1);
ROLLBACK;
SET agentcore.budget_guard = warning;
SET agentcore.budget_max_xact_age = 0;
BEGIN;
SELECT FROM pg_sleep(0.1);
SELECT granted FROM budget_try_acquire('b', 1);
ROLLBACK;
RESET agentcore.budget_max_xact_age;

-- Waiting -------------------------------------------------------------------
\set VERBOSITY default
SELECT budget_set('w', max_tokens => 10);
CALL budget_acquire_wait('w', 6, key => 'first') \gset
SELECT held_tokens, state, :'permit' = permit::text AS answered FROM permits WHERE budget = 'w';
-- the same key: the same permit
\set first :permit
CALL budget_acquire_wait('w', 6, key => 'first') \gset
SELECT :'permit' = :'first' AS same;
CALL budget_acquire_wait('w', 7, key => 'first');
-- no room: the refusal of the last try; what can never fit is not waited for
CALL budget_acquire_wait('w', 5, deadline => '0');
CALL budget_acquire_wait('w', 5, deadline => '50 ms');
CALL budget_acquire_wait('w', 11, deadline => '1 hour');
CALL budget_acquire_wait('nobody', deadline => '1 hour');
SELECT budget_set('w', max_tokens => 10, enabled => false);
CALL budget_acquire_wait('w', 1, deadline => NULL);
SELECT budget_set('w', enabled => true);
-- a lease that ends makes room
SELECT budget_set('lease', max_tokens => 10);
SELECT budget_acquire('lease', 10, lease => '200 ms') IS NOT NULL AS held;
CALL budget_acquire_wait('lease', 10, deadline => '1 minute') \gset
SELECT state, permit = :'permit' AS waited FROM permits WHERE budget = 'lease' ORDER BY created_at;
-- refused, and nothing changed
CALL budget_acquire_wait(NULL);
CALL budget_acquire_wait('w', -1);
CALL budget_acquire_wait('w', 1, deadline => '-1 s');
BEGIN;
CALL budget_acquire_wait('w', 1);
ROLLBACK;
CREATE FUNCTION public.inside() RETURNS void LANGUAGE plpgsql AS $$ DECLARE p uuid; BEGIN CALL agentcore.budget_acquire_wait('w', 1, permit => p); END $$;
SELECT public.inside();
DROP FUNCTION public.inside;
DO $$
DECLARE
  p uuid;
BEGIN
  CALL agentcore.budget_acquire_wait('w', 1, permit => p);
EXCEPTION WHEN active_sql_transaction THEN
  RAISE NOTICE '%', SQLERRM;
END $$;
-- in a procedure: commits what that has done
CREATE TABLE public.work (n integer);
CREATE PROCEDURE public.job() LANGUAGE plpgsql AS $$
DECLARE
  p uuid;
BEGIN
  INSERT INTO public.work VALUES (1);
  CALL agentcore.budget_acquire_wait('w', 1, permit => p);
  INSERT INTO public.work VALUES (2);
  PERFORM agentcore.budget_commit(p);
  ROLLBACK;
END $$;
CALL public.job();
SELECT n FROM public.work;
SELECT state, held_tokens FROM permits WHERE budget = 'w' ORDER BY created_at;
DROP PROCEDURE public.job;
DROP TABLE public.work;
DROP VIEW public.sums;
SELECT * FROM budget_verify();
