-- Budgets, limits and targets in a replay: what other settings of them would have said.
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS allows, budget_set('b', max_calls => 3), agent_set('a', 'p', budget => 'b', charges => '{extra}'), budget_set('extra'), tool_set('t', '{}', record => 'args');
CREATE VIEW replayed AS
SELECT row_number() OVER (ORDER BY id) AS n, before_verdict, before_reason, after_verdict, after_reason, unknown FROM call_replay(NULL, NULL) ORDER BY id;
CREATE FUNCTION called(args jsonb, budgets text[] DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || CASE WHEN call_id IS NOT NULL THEN ' ' || call_commit(call_id) ELSE '' END FROM call_begin('a', 't', args, est_tokens => 10, budgets => budgets)
$$;
SELECT called('{"n": 1}'), called('{"n": 2}', '{extra}'), called('{"n": 3}'), called('{"n": 4}');
SELECT * FROM replayed;

-- less, more, and money that a call would have cost
SELECT budget_set('b', max_calls => 1);
SELECT * FROM replayed;
SELECT budget_set('b', max_calls => 10, max_tokens => 25);
SELECT * FROM replayed;
SELECT newly_denied, newly_allowed, tokens_before, tokens_after FROM call_replay_summary(NULL, NULL) WHERE newly_denied + newly_allowed > 0;

-- a person would have been asked
SELECT budget_set('b', max_calls => 1, on_full => 'ask', reset => '{max_tokens}');
SELECT * FROM replayed;

-- an overflow pays
SELECT budget_set('more', max_calls => 1), budget_set('b', overflow => 'more', on_full => 'deny');
SELECT * FROM replayed;

-- a budget that a call named is gone, and the agent's own as well
SELECT budget_set('b', max_calls => 10, reset => '{overflow}'), budget_drop('extra');
SELECT * FROM replayed;
SELECT budget_drop('b');
SELECT * FROM replayed;

-- a limit; one by a member that is in the log; one whose maximum is of today
SELECT budget_set('b'), budget_set('extra'), policy_limit_tool('p', 't', 'two', per => '{/agent}', max_calls => 2);
SELECT * FROM replayed;
SELECT policy_limit_tool('p', 't', 'two', per => '{/agent}', sum_of => '/args/n', max_sum => 5);
SELECT * FROM replayed;
CREATE FUNCTION public.most(context jsonb) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$ SELECT 2 $$;
SELECT policy_limit_tool('p', 't', 'two', per => '{/agent}', sum_of => '/args/n', max_by => 'public.most');
SELECT * FROM replayed;
SELECT policy_limit_drop('p', 'two');

-- a rate, and a breaker that somebody has opened
SELECT tool_set('t', target => 'far'), rate_set('far', 2, '1 hour');
SELECT * FROM replayed;
SELECT rate_drop('far'), breaker_set('far', forced => 'open');
SELECT * FROM replayed;

-- the tool's policy has not changed, the agent only watches: all run
SELECT breaker_drop('far'), budget_set('b', max_calls => 1), agent_set('a', mode => 'audit');
SELECT * FROM replayed;
DROP VIEW replayed;
DROP FUNCTION called(jsonb, text[]);
DROP FUNCTION public.most(jsonb);
