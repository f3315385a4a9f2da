--
-- call: what a settlement reads and writes
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore;

-- the permit is read once, under its lock, and written once
SELECT budget_set('once', max_tokens => 1000000), policy_set('once'), policy_allow_tool('once', '*') > 0 AS rule, agent_set('once', 'once', budget => 'once'), tool_set('get', '{}', idempotent => true), tool_set('pay', '{}');
SELECT model_price_set('m', 1e-6, 1e-6);
CREATE TABLE public.ends (n serial, begins text, does text);
INSERT INTO public.ends (begins, does) SELECT 'budget_acquire(''once'', 10) AS call', x FROM unnest(ARRAY['budget_commit(%L, 5)', 'budget_release(%L)', 'budget_extend(%L, ''1 min'', 5)']) x;
INSERT INTO public.ends (begins, does) SELECT 'call_id AS call FROM call_begin(''once'', ''get'', ''{}'')', x FROM unnest(ARRAY['call_commit(%L, ''{}'')', 'call_extend(%L, ''1 min'', 5)', 'call_release(%L)',
  'call_fail(%L, 400)', 'call_fail(%L, 500)', 'call_fail(%L, 429, ''slow down'', ''7200'')']) x;
INSERT INTO public.ends (begins, does) VALUES ('call_id AS call FROM call_begin(''once'', ''pay'', ''{}'')', 'call_fail(%L, 500)');
INSERT INTO public.ends (begins, does) SELECT 'call_id AS call FROM llm_begin(''once'', ''m'', 10, 10)', x FROM unnest(ARRAY['call_fail(%L, error => ''CancelledError'')',
  'llm_commit(%L, ''{"usage": {"input_tokens": 5, "output_tokens": 5}}'')', 'llm_commit(%L, ''{"usage": {"input_tokens": "many"}}'')']) x;
DO $$
DECLARE
  e record;
  call uuid;
  reads bigint;
  writes bigint;
BEGIN
  FOR e IN SELECT * FROM public.ends ORDER BY n LOOP
    EXECUTE 'SELECT ' || e.begins INTO STRICT call;
    reads := pg_stat_get_xact_numscans('permit_pkey'::regclass);
    writes := pg_stat_get_xact_tuples_updated('permit'::regclass);
    EXECUTE format('SELECT ' || e.does, call);
    reads := pg_stat_get_xact_numscans('permit_pkey'::regclass) - reads;
    writes := pg_stat_get_xact_tuples_updated('permit'::regclass) - writes;
    RAISE NOTICE '% reads its permit % times and writes it % times', e.does, reads, writes;
  END LOOP;
END $$;
-- what a usage object says stands there with the rest
SELECT state, estimated FROM permits WHERE tool = 'm' ORDER BY created_at;
SELECT * FROM budget_verify();
DROP TABLE public.ends;

-- who uses a budget through its entry finds the row that it writes without the index; one that was written twice, or moved, is searched for once
SET agentcore.debug_budget_entries = on;
SELECT budget_set('busy', max_tokens => 1000);
CREATE FUNCTION public.searches() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  before bigint := pg_stat_get_xact_numscans('agentcore.budget_counter_pkey'::regclass);
BEGIN
  PERFORM agentcore.budget_acquire('busy', 1);
  RETURN pg_stat_get_xact_numscans('agentcore.budget_counter_pkey'::regclass) - before;
END $$;
SELECT public.searches() > 0 AS first;
SELECT public.searches();
BEGIN;
SELECT public.searches();
SAVEPOINT s;
SELECT public.searches();
ROLLBACK TO s;
COMMIT;
SELECT public.searches(), public.searches() AS of_its_own;
SELECT public.searches();
VACUUM FULL budget_counter;
SELECT public.searches();
SELECT public.searches();
BEGIN;
SELECT public.searches();
ROLLBACK;
SELECT public.searches();
SELECT held_tokens, in_flight FROM budget_status WHERE budget = 'busy';
SELECT * FROM budget_verify();
RESET agentcore.debug_budget_entries;
DROP FUNCTION public.searches;
