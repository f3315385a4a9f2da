-- Amounts up to the largest that there are: what is used stays full instead of wrapping, what is held never passes it.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
\set VERBOSITY terse
\set most 9223372036854775807

SELECT budget_set('root'), budget_set('free', parent => 'root'), budget_set('slide', max_calls => 100, period => '1 day', kind => 'sliding', parent => 'root', thresholds => '{50}'),
       budget_set('fix', max_tokens => :most, period => '20000 days', kind => 'fixed', parent => 'root', thresholds => '{1,50,100}', on_expiry => 'charge_estimate');
SELECT budget_limit_set('slide', 'usd', max_usd => 9000000000, max_tokens => :most, period => '2 days', kind => 'sliding');
CREATE VIEW public.used AS
  SELECT budget, used_tokens, held_tokens, used_usd, left_tokens, left_usd, percent FROM budget_status;

-- All there is, three times, in each kind of window, and above all of them ----------------
SELECT b, count(budget_commit(budget_acquire(b, 0, 0), :most, 9000000000)) FROM unnest('{free,slide,fix}'::text[]) b, generate_series(1, 3) GROUP BY 1 ORDER BY 1;
SELECT * FROM public.used ORDER BY 1;
SELECT budget, limit_name, used_tokens, used_usd, left_tokens, left_usd FROM budget_limits ORDER BY 1, 2;
SELECT budgets[1] AS budget, count(*) FROM budget_ledger WHERE event = 'threshold' GROUP BY 1 ORDER BY 1;
SELECT * FROM budget_verify();
-- where nothing limits it, the next is admitted
SELECT b, granted, denied_by, denied_limit, detail FROM unnest('{free,slide,fix}'::text[]) b, budget_try_acquire(b, 1, usd => 1, key => b) ORDER BY 1;

-- Holds: together no more than the largest ------------------------------------------------
SELECT granted, denied_by, can_ever_fit, detail FROM budget_try_acquire('free', :most);
SELECT granted FROM budget_try_acquire('free', :most - 1, key => 'rest');
SELECT granted, denied_by, detail FROM budget_try_acquire('fix', 0, usd => 0);
SELECT granted, denied_by, detail FROM budget_try_acquire('root', 1);
SELECT budget_extend(permit, '1 hour', 1) FROM permits WHERE key = 'free';
SELECT budget_extend(permit, '1 hour', :most) FROM permits WHERE key = 'free';
SELECT * FROM budget_verify();
SELECT budget_commit(permit) FROM permits WHERE key = 'rest';
SELECT budget_commit(permit, :most, 9000000000) FROM permits WHERE key = 'free';
SELECT * FROM public.used ORDER BY 1;
SELECT * FROM budget_verify();

-- What is charged, corrected, and told of it ----------------------------------------------
SELECT granted, denied_by FROM budget_charge('free', :most, 9000000000, key => 'charge');
SELECT budget_adjust('free', tokens => :most, reason => 'up');
SELECT budget_adjust('free', tokens => -:most, reason => 'down');
SELECT budget_adjust('free', tokens => -1, reason => 'below');
SELECT budget_adjust('free', tokens => '-9223372036854775808');
SELECT * FROM public.used ORDER BY 1;
SELECT * FROM budget_verify();
SELECT budget, sum(tokens) AS tokens, sum(usd) AS usd FROM budget_spend GROUP BY 1 ORDER BY 1;
SELECT budget_set('fix', max_tokens => 5);
SELECT * FROM public.used WHERE budget = 'fix';
SELECT budget_reset_window('slide');
SELECT * FROM public.used WHERE budget = 'slide';
SELECT * FROM budget_verify();

-- Numbers of any length -------------------------------------------------------------------
SELECT ('1' || repeat('0', 131071))::numeric AS huge, ('0.' || repeat('0', 16382) || '1')::numeric AS tiny \gset
SELECT granted FROM budget_try_acquire('root', 1, usd => :huge);
SELECT held_usd FROM permits, budget_try_acquire('root', 1, usd => :tiny) d WHERE permits.permit = d.permit;
SELECT granted FROM budget_try_acquire('root', 1, usd => 'NaN');
SELECT granted FROM budget_try_acquire('root', 1, usd => 'Infinity');
SELECT granted FROM budget_charge('root', 1, :huge);
SELECT budget_adjust('root', usd => -:huge);
SELECT budget_set('n', max_usd => :huge);
SELECT budget_limit_set('root', 'n', max_usd => :huge);
SELECT model_price_set('m', :huge, 1);
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0, agent_set('a', 'p', 'free'), tool_set('t', 'true', est_tokens => :most), model_price_set('m', 0.000001, 0.000002);
SELECT verdict, reason FROM call_begin('a', 't');
SELECT verdict, reason FROM llm_begin('a', 'm', 2000000000, 2000000000);
\set VERBOSITY default
SELECT llm_commit(call_id, usage => jsonb_build_object('input_tokens', n, 'output_tokens', 1))
  FROM unnest(ARRAY[:most, 1e400, :huge]) WITH ORDINALITY AS u(n, i), llm_begin('a', 'm', 1, i::int);
SELECT count(*), max(charged_tokens), max(charged_usd) FROM permits WHERE tool = 'm' AND state = 'committed';
SELECT * FROM budget_verify();
DROP VIEW public.used;
