-- Budgets: how much of an overrun a role of level agent charges, and how long a lease may be.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SET intervalstyle = 'postgres';
\set SHOW_CONTEXT never
DROP ROLE IF EXISTS regress_overrun_agent;
CREATE ROLE regress_overrun_agent;
SELECT access_grant('regress_overrun_agent', 'agent');
SELECT budget_set('org'), budget_set('team', max_tokens => 10000000, max_usd => 1000, parent => 'org');

CREATE FUNCTION public.commit(tokens bigint, usd numeric, held_tokens bigint DEFAULT 0, held_usd numeric DEFAULT 0, budget text DEFAULT 'team')
  RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  p uuid := agentcore.budget_acquire(budget, held_tokens, held_usd);
  -- given again, and given otherwise
  answer constant text := concat_ws(', ', agentcore.budget_commit(p, tokens, usd), agentcore.budget_commit(p, tokens, usd), agentcore.budget_commit(p, tokens + 1, usd));
BEGIN
  RETURN answer || (SELECT format(': charged %s tokens, %s USD', charged_tokens, charged_usd) FROM agentcore.permits WHERE permit = p);
END $$;
CREATE VIEW public.state AS
  SELECT budget, used_tokens, used_usd, unbilled_tokens, unbilled_usd FROM agentcore.budget_status ORDER BY 1;
SET client_min_messages = error;
SET ROLE regress_overrun_agent;
-- nothing held: what is charged in any case
SELECT public.commit(9000000000000000000, 0);
SELECT public.commit(0, 9000000000);
SELECT public.commit(100001, 1.000000001), public.commit(100000, 1);
RESET ROLE;
SELECT * FROM public.state;
SET ROLE regress_overrun_agent;
-- a permit that counts as no call is charged by its hold alone: max_calls does not bound how many there are
SELECT budget_acquire('team', calls => 0) AS p \gset
SELECT budget_commit(:'p', 9000000000000000000, 9000000000), budget_commit(:'p', 9000000000000000000, 9000000000);
SELECT budget_acquire('team', 10, calls => 0) AS p \gset
SELECT budget_commit(:'p', 9000000000000000000, 9000000000);
RESET ROLE;
SELECT * FROM public.state;
SET ROLE regress_overrun_agent;
-- ten times what is held; each dimension for itself
SELECT public.commit(1000001, 2, held_tokens => 100000, held_usd => 0.2), public.commit(1000000, 3, held_tokens => 100000, held_usd => 0.25);
SELECT public.commit(-1, 0);
SELECT public.commit(0, 'infinity');
SELECT public.commit(0, 'NaN');
RESET ROLE;
SELECT * FROM public.state;
SELECT event, tokens, usd, count(*) FROM ledger GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT budget_verify();
-- an administrator charges all
SELECT public.commit(3000000, 50);
SELECT used_tokens, used_usd FROM public.state WHERE budget = 'org';
RESET client_min_messages;
-- what the caller is told, without the permit's name
\set VERBOSITY terse
SET ROLE regress_overrun_agent;
SELECT budget_commit(budget_acquire('team', 20000, 0.2), 300000, 2.000000001);
SELECT budget_commit(budget_acquire('team', 20000, 0.2), 200000, 2);
RESET ROLE;
\set VERBOSITY default

-- attempts of one permit together; a larger hold allows more
SET client_min_messages = error;
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0, agent_set('bot', 'web', 'team', owner => 'regress_overrun_agent'),
       retry_policy_set('often', base => '1 s', cap => '1 s', max_attempts => 100, max_elapsed => '1 day'),
       tool_set('t', 'true', lease => '60 s', idempotent => true, retry_policy => 'often');
SELECT used_tokens AS before FROM budget_status WHERE budget = 'team' \gset
SET ROLE regress_overrun_agent;
SELECT call_id AS c FROM call_begin('bot', 't', est_tokens => 20000, key => 'k') \gset
SELECT count(*) FROM generate_series(1, 10) n, call_fail(:'c', 503, tokens => 30000 + 0 * n) f WHERE f.action = 'retry';
SELECT charged_tokens FROM permits WHERE permit = :'c';
SELECT call_extend(:'c', '1 min', 1000);
SELECT action FROM call_fail(:'c', 503, tokens => 30000);
SELECT charged_tokens FROM permits WHERE permit = :'c';
SELECT call_commit(:'c', tokens => 30000), call_commit(:'c', tokens => 30000);
SELECT charged_tokens FROM permits WHERE permit = :'c';
RESET ROLE;
SELECT used_tokens - :before AS charged FROM budget_status WHERE budget = 'team';
SELECT budget_verify();

-- late, and where the budget caps at the hold
SELECT budget_set('late'), budget_set('capped', overrun => 'cap');
SET ROLE regress_overrun_agent;
SELECT public.commit(5000000, 100, 10, 0.1, budget => 'late'), public.commit(5000000, 100, 10, 0.1, budget => 'capped');
SELECT budget_acquire('late', 10, lease => '1 s') AS p \gset
RESET ROLE;
SET agentcore.debug_clock_offset = '1 min';
SELECT budget_reap();
SET ROLE regress_overrun_agent;
SELECT budget_commit(:'p', 5000000), budget_commit(:'p', 5000000), budget_commit(:'p', 100000);
RESET ROLE;
RESET agentcore.debug_clock_offset;
SELECT * FROM public.state WHERE budget IN ('late', 'capped');
SELECT budget_verify();
-- a window that begins anew has left nothing unbilled
SELECT budget_reset_window('capped');
SELECT * FROM public.state WHERE budget = 'capped';

-- the multiple is the administrator's to set
SET ROLE regress_overrun_agent;
SET agentcore.max_overrun = 1000;
SET agentcore.max_lease = '2d';
RESET ROLE;
SET agentcore.max_overrun = 0.5;
SET agentcore.max_overrun = 1.5;
SET ROLE regress_overrun_agent;
SELECT public.commit(1000000, 0, 100000);
RESET ROLE;
RESET agentcore.max_overrun;

-- one budget has its own
SELECT budget_set('strict', max_overrun => 1), budget_set('loose', max_overrun => 'infinity'), budget_set('times', max_overrun => 2.5);
SELECT budget_set('times', max_overrun => 2.50) AS again;
SELECT budget_set('times', max_overrun => 0.9);
SELECT budget_set('times', max_overrun => -1);
SELECT budget_set('times', max_overrun => 'NaN');
SELECT budget, max_overrun FROM budget_status WHERE max_overrun IS NOT NULL ORDER BY 1;
SET ROLE regress_overrun_agent;
SELECT public.commit(1000000, 0, 200000, budget => 'strict'), public.commit(1000000, 0, 200000, budget => 'times');
SELECT public.commit(9000000000000000000, 9000000000, 1, budget => 'loose');
RESET ROLE;
SELECT budget_set('times', reset => '{max_overrun}');
SET ROLE regress_overrun_agent;
SELECT public.commit(9000000, 0, 200000, budget => 'times');
RESET ROLE;
SELECT budget_verify();

-- Leases ----------------------------------------------------------------------
RESET client_min_messages;
SET ROLE regress_overrun_agent;
SELECT budget_acquire('team', lease => '1 day 1 us');
SELECT granted FROM budget_try_acquire('team', lease => '366 days');
CALL budget_acquire_wait('team', lease => '366 days');
SELECT budget_acquire('team', lease => '1 day') AS p \gset
SELECT budget_extend(:'p', '366 days');
SELECT budget_extend(:'p', '1 day');
SELECT verdict FROM call_begin('bot', 't', lease => '366 days');
SELECT verdict FROM llm_begin('bot', 'm', 1, 1, lease => '366 days');
SELECT stage FROM call_explain('bot', 't', lease => '366 days');
SELECT verdict, call_id AS c FROM call_begin('bot', 't', lease => '1 day') \gset
SELECT call_extend(:'c', '366 days');
SELECT status FROM cache_fetch('c', '1', lease => '366 days');
RESET ROLE;
SELECT tool_set('t', 'true', lease => '366 days');
-- a tool's and the default end where the setting says, whenever they were set
SELECT tool_set('day', 'true', lease => '1 day');
SET agentcore.max_lease = '1 min';
SELECT budget_acquire('team', lease => '61 s');
SELECT status FROM cache_fetch('c', '2', lease => '61 s');
SELECT call_id AS c FROM call_begin('bot', 'day') \gset
SELECT budget_acquire('team') AS p \gset
SELECT permit = :'c' AS call, lease_until - created_at AS lease FROM permits WHERE permit IN (:'c', :'p') ORDER BY 1;
RESET agentcore.max_lease;

-- a retry is given its delay and the tool's own lease, however many there were
CREATE FUNCTION public.attempts(n integer) RETURNS TABLE (longest interval, attempts integer) LANGUAGE plpgsql AS $$
DECLARE
  call record;
  id uuid;
  delay interval;
BEGIN
  longest := '0';
  FOR i IN 1..n LOOP
    SELECT * INTO call FROM agentcore.call_begin('bot', 't', key => 'again');
    IF call.verdict <> 'run' THEN RAISE '% %', call.verdict, call.reason; END IF;
    SELECT f.delay INTO delay FROM agentcore.call_fail(call.call_id, 503) f;
    longest := greatest(longest, (SELECT p.lease_until - agentcore.clock_now() - delay FROM agentcore.permits p WHERE p.permit = call.call_id));
    attempts := call.attempt;
    PERFORM set_config('agentcore.debug_clock_offset', (2000 * i)::text, true);
  END LOOP;
  RETURN NEXT;
END $$;
SELECT longest BETWEEN '59 s' AND '60 s' AS bounded, attempts FROM public.attempts(30);
SELECT budget_verify();

DROP FUNCTION public.commit, public.attempts;
SELECT access_revoke('regress_overrun_agent');
DROP ROLE regress_overrun_agent;
