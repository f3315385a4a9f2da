-- Budgets that have a person asked when they are full: on_full => 'ask'.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SELECT budget_set('org', max_tokens => 1000), budget_set('team', parent => 'org', max_tokens => 10, on_full => 'ask'),
       budget_set('run', parent => 'team', max_usd => 1, on_full => 'ask'), budget_set('other', max_tokens => 100000);
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0, tool_set('t', 'true'), tool_set('pay', 'true', needs_approval => true),
       model_price_set('m', 0.001, 0.001);
SELECT agent_set('a', 'p', 'team', charges => '{run,other}'), agent_set('b', 'p', 'team');
CREATE FUNCTION public.said(v call_verdict) RETURNS text LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', v.verdict, v.reason, regexp_replace(v.detail, '[0-9a-f]+-[-0-9a-f]+', 'ID'), v.denied_by, v.denied_dimension,
                      concat_ws('+', v.used, v.held, v.asked) || '>' || v.max, CASE WHEN v.approval IS NOT NULL THEN 'approval' END) $$;
CREATE VIEW public.asked AS
  SELECT agent, tool, state, est_tokens, est_usd, excuses, full_budgets FROM approvals ORDER BY requested_at, id;
CREATE VIEW public.held AS SELECT budget, held_tokens, used_tokens, in_flight FROM budget_status WHERE tenant = '' ORDER BY budget COLLATE "C";

-- a call that fits asks nobody; one that does not asks a person, and names the budget
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 1}', est_tokens => 8) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 5) v;
SELECT * FROM public.asked;
SELECT args, budget, also FROM approvals;
-- again, by another worker, and dearer: the same question; a smaller estimate too; a larger one is another, in either dimension
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 5) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 4) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 6) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 5, est_usd => 1) v;
SELECT agent, tool, state, est_tokens, est_usd, excuses FROM public.asked;
-- what fits still passes meanwhile
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 2) v;
-- explained: nothing is asked, nothing is used
SELECT stage, verdict, reason, regexp_replace(detail, '[0-9a-f]+-[-0-9a-f]+', 'ID') FROM call_explain('a', 't', '{"n": 2}', est_tokens => 5) WHERE stage IN ('approval', 'budget');
SELECT stage, verdict, reason, detail FROM call_explain('a', 't', '{"n": 3}', est_tokens => 5) WHERE stage = 'budget';

-- approved: once, for that call only, beyond that budget only
SELECT call_approve(id) FROM approvals WHERE est_tokens = 5 AND est_usd IS NULL;
SELECT stage, verdict, reason, detail FROM call_explain('a', 't', '{"n": 2}', est_tokens => 5) WHERE stage = 'budget';
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 3}', est_tokens => 5) v;
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 2}', est_tokens => 5) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 5, task => 'x') v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 5, subject => 'x') v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 5, budget => 'other') v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 5, budget => 'run') v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 6) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}') v;
SELECT count(*) FROM permits WHERE excused IS NOT NULL;
SELECT v.call_id AS c, v.approval AS ap, public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 4) v \gset
SELECT :'said' AS said;
SELECT permit = :'c' AS its, excused, held_tokens, state FROM permits WHERE excused IS NOT NULL;
SELECT state, call_id = :'c' AS its FROM approvals WHERE id = :'ap';
SELECT * FROM public.held;
SELECT * FROM budget_verify();
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 2}', est_tokens => 4) v;
-- nobody else gets in while it is over
SELECT granted, reason, denied_by, used, held, max, asked FROM budget_try_acquire('team', 1);
-- it may not grow
SELECT call_extend(:'c', '1 min', tokens => 1);
SELECT call_commit(:'c', tokens => 9);
SELECT * FROM public.held;
SELECT * FROM budget_verify();
SELECT budget, tokens, event FROM ledger ORDER BY at DESC LIMIT 1;

-- other budgets still judge
SELECT budget_reset_window('team'), budget_reset_window('org');
SELECT call_commit(call_id) FROM (SELECT id AS call_id FROM permit WHERE state = 'o') p;
SELECT budget_set('org', max_tokens => 30);
SELECT * FROM public.held;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 4}', est_tokens => 40) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 4}', est_tokens => 15) v;
SELECT call_approve(id) FROM approvals WHERE est_tokens = 15 AND state = 'pending';
SELECT budget_set('org', max_tokens => 12);
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 4}', est_tokens => 15) v;
SELECT state FROM approvals WHERE est_tokens = 15;
-- one more budget that asks: asked anew, for both; that approval does for either
SELECT budget_set('org', on_full => 'ask');
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 4}', est_tokens => 15) v;
SELECT excuses, full_budgets FROM public.asked WHERE est_tokens = 15 AND state = 'pending';
SELECT call_approve(id) FROM approvals WHERE est_tokens = 15 AND state = 'pending';
SELECT budget_set('org', max_tokens => 1000);
SELECT call_approve(id, false) FROM approvals WHERE est_tokens = 15 AND excuses = '{team}';
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 4}', est_tokens => 15) v;
SELECT call_approve(id) FROM approvals WHERE est_tokens = 15 AND excuses = '{team,org}';
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 4}', est_tokens => 15) v;
SELECT excused, held_tokens FROM permits WHERE state = 'open';
SELECT * FROM budget_verify();
-- given up before it ran, the approval is usable again
SELECT call_release(permit) FROM permits WHERE state = 'open';
SELECT state FROM approvals WHERE est_tokens = 15 AND excuses = '{team,org}';

-- no approval is used where it fits without
SELECT budget_set('team', max_tokens => 100);
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 4}', est_tokens => 15) v;
SELECT state FROM approvals WHERE est_tokens = 15 AND excuses = '{team,org}';
SELECT call_release(permit) FROM permits WHERE state = 'open';
SELECT budget_set('team', max_tokens => 10);

-- refused: for this and what is dearer; nobody in time: the same
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 5}', est_tokens => 20) v;
SELECT call_approve(id, false) FROM approvals WHERE est_tokens = 20;
SELECT public.said(v), v.feedback FROM call_begin('a', 't', '{"n": 5}', est_tokens => 20) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 5}', est_tokens => 21) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 5}', est_tokens => 19) v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 5}', est_tokens => 3) v;
SELECT call_release(permit) FROM permits WHERE state = 'open';
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 6}', est_tokens => 20) v;
SET agentcore.debug_clock_offset = 90000000;
SELECT public.said(v), v.feedback FROM call_begin('a', 't', '{"n": 6}', est_tokens => 20) v;
RESET agentcore.debug_clock_offset;
-- an approval ends
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 7}', est_tokens => 20) v;
SELECT call_approve(id, valid_for => '1 min') FROM approvals WHERE args = '{"n": 7}';
SET agentcore.debug_clock_offset = 120000;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 7}', est_tokens => 20) v;
RESET agentcore.debug_clock_offset;
SELECT call_withdraw(id) FROM approvals WHERE args = '{"n": 7}' AND state = 'pending';

-- a budget that asks beside one that denies, or that is switched off: denied, and nobody is asked
SELECT count(*) AS n FROM approvals \gset
SELECT budget_set('other', max_tokens => 0);
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 8}', est_tokens => 20, budget => 'other') v;
SELECT budget_set('team', enabled => false);
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 8}', est_tokens => 20) v;
SELECT budget_set('team', enabled => true), budget_set('other', max_tokens => 100000);
SELECT count(*) - :n AS asked FROM approvals;
-- nor can an approval pass a budget that is switched off
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 9}', est_tokens => 20) v;
SELECT call_approve(id) FROM approvals WHERE args = '{"n": 9}';
SELECT budget_set('team', enabled => false);
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 9}', est_tokens => 20) v;
SELECT budget_set('team', enabled => true);

-- nor one that does not ask any more
SELECT budget_set('team', on_full => 'deny');
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 9}', est_tokens => 20) v;
SELECT budget_set('team', on_full => 'ask');

-- a key: its call is the one that was approved
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 9}', est_tokens => 20, key => 'k') v;
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 9}', est_tokens => 20, key => 'k') v;
SELECT call_commit(permit) FROM permits WHERE key = 'k';
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 9}', est_tokens => 20, key => 'k') v;

-- a retry keeps its hold, and needs no second word; a deferred call has its approval back
SELECT budget_reset_window('team'), budget_reset_window('org');
SELECT public.said(v) FROM call_begin('a', 't', '{"n": 10}', est_tokens => 20, key => 'r') v;
SELECT call_approve(id) FROM approvals WHERE args = '{"n": 10}';
SELECT call_id AS c FROM call_begin('a', 't', '{"n": 10}', est_tokens => 20, key => 'r') \gset
SELECT action FROM call_fail(:'c', 503);
SET agentcore.debug_clock_offset = 60000;
SELECT public.said(v), v.attempt, v.call_id = :'c' AS same FROM call_begin('a', 't', '{"n": 10}', est_tokens => 20, key => 'r') v;
SELECT action FROM call_fail(:'c', 429, error => 'requests per day', retry_after_header => '7200');
SELECT state FROM approvals WHERE args = '{"n": 10}';
RESET agentcore.debug_clock_offset;
SELECT * FROM budget_verify();

-- an unknown amount, calls, and calls in flight
SELECT budget_set('calls', max_calls => 1, on_full => 'ask'), agent_set('c', 'p', 'calls');
SELECT call_commit(call_id) FROM call_begin('c', 't');
SELECT public.said(v) FROM call_begin('c', 't', '{"n": 1}') v;
SELECT call_approve(id) FROM approvals WHERE agent = 'c';
SELECT public.said(v) FROM call_begin('c', 't', '{"n": 1}', est_tokens => 1) v;
SELECT public.said(v) FROM call_begin('c', 't', '{"n": 1}') v;
SELECT held_calls, excused FROM permits WHERE agent = 'c' AND state = 'open';
SELECT budget_set('calls', max_in_flight => 1, reset => '{max_calls}');
SELECT public.said(v) FROM call_begin('c', 't', '{"n": 2}') v;
SELECT full_budgets FROM public.asked WHERE agent = 'c' AND est_tokens IS NULL AND state = 'pending';
SELECT call_approve(id) FROM approvals WHERE agent = 'c' AND state = 'pending' AND args = '{"n": 2}';
SELECT public.said(v) FROM call_begin('c', 't', '{"n": 2}') v;
SELECT budget, in_flight FROM budget_status WHERE budget = 'calls';
SELECT * FROM budget_verify();
SELECT call_commit(permit) FROM permits WHERE agent = 'c' AND state = 'open';
SELECT * FROM budget_verify();

-- a model call: a smaller one is the same question, a larger one is not
SELECT budget_set('llm', max_usd => 0.005, on_full => 'ask'), agent_set('d', 'p', 'llm');
SELECT public.said(v) FROM llm_begin('d', 'm', 10000, 10) v;
SELECT tool, args, est_tokens, est_usd, excuses, full_budgets FROM approvals WHERE agent = 'd';
SELECT call_approve(id) FROM approvals WHERE agent = 'd';
SELECT public.said(v) FROM llm_begin('d', 'm', 10000, 11) v;
SELECT public.said(v) FROM llm_begin('d', 'm', 10000, 5, task => 'x') v;
SELECT public.said(v) FROM llm_begin('d', 'm', 10000, 5) v;
SELECT llm_commit(call_id, '{"prompt_tokens": 10000, "completion_tokens": 5, "total_tokens": 10005}') FROM (SELECT permit AS call_id FROM permits WHERE agent = 'd') c;
SELECT used_usd FROM budget_status WHERE budget = 'llm';
SELECT * FROM budget_verify();

-- a tool that needs approval, and a budget that is full: one request for both
SELECT public.said(v) FROM call_begin('a', 'pay', '{"n": 1}', est_tokens => 50) v;
SELECT public.said(v) FROM call_begin('a', 'pay', '{"n": 1}', est_tokens => 50) v;
SELECT stage, verdict, regexp_replace(detail, '[0-9a-f]+-[-0-9a-f]+', 'ID') AS detail FROM call_explain('a', 'pay', '{"n": 1}', est_tokens => 50) WHERE stage IN ('approval', 'budget');
SELECT state, excuses, full_budgets FROM approvals WHERE tool = 'pay';
SELECT call_approve(id) FROM approvals WHERE tool = 'pay';
SELECT public.said(v) FROM call_begin('a', 'pay', '{"n": 1}', est_tokens => 50) v;
SELECT excused, tool FROM permits WHERE tool = 'pay';
SELECT call_release(permit) FROM permits WHERE state = 'open';
-- asked while it had room, full when it was approved: asked again, for both
SELECT public.said(v) FROM call_begin('a', 'pay', '{"n": 2}', est_tokens => 5) v;
SELECT call_approve(id) FROM approvals WHERE args = '{"n": 2}' AND tool = 'pay';
SELECT budget_set('team', max_tokens => 1);
SELECT public.said(v) FROM call_begin('a', 'pay', '{"n": 2}', est_tokens => 5) v;
SELECT state, excuses FROM approvals WHERE args = '{"n": 2}' AND tool = 'pay' ORDER BY requested_at;
SELECT call_approve(id, false) FROM approvals WHERE args = '{"n": 2}' AND tool = 'pay' AND state = 'pending';
SELECT public.said(v) FROM call_begin('a', 'pay', '{"n": 2}', est_tokens => 5) v;
-- the refusal was to exceed the budget: what fits goes on with the tool's own
SELECT budget_set('team', max_tokens => 10);
SELECT public.said(v) FROM call_begin('a', 'pay', '{"n": 2}', est_tokens => 5) v;
SELECT call_release(permit) FROM permits WHERE state = 'open';

-- parallel calls
SELECT public.said(v) FROM call_begin_many('a', '[{"type": "tool_use", "id": "x", "name": "t", "input": {"n": 20}}, {"type": "tool_use", "id": "y", "name": "t", "input": {"n": 21}}]') v;
SELECT budget_set('team', max_tokens => 0);
SELECT public.said(v) FROM call_begin_many('a', '[{"type": "tool_use", "id": "z", "name": "t", "input": {"n": 22}}, {"type": "tool_use", "id": "w", "name": "t", "input": {"n": 23}}]') v;
SELECT args, state FROM approvals WHERE args IN ('{"n": 22}', '{"n": 23}') ORDER BY args;
SELECT call_release(permit) FROM permits WHERE state = 'open';

-- audit mode asks nobody, and no budget pays
SELECT count(*) AS n FROM approvals \gset
SELECT agent_set('a', mode => 'audit');
SELECT public.said(v), v.enforced FROM call_begin('a', 't', '{"n": 30}', est_tokens => 5) v;
SELECT public.said(v), v.enforced FROM call_begin('a', 'pay', '{"n": 30}', est_tokens => 5) v;
SELECT budget, excused FROM permits WHERE state = 'open';
SELECT count(*) - :n AS asked FROM approvals;
-- what was approved before is paid
SELECT public.said(v), v.enforced FROM call_begin('a', 't', '{"n": 22}', key => 'audited') v;
SELECT call_approve(id) FROM approvals WHERE args = '{"n": 22}';
SELECT public.said(v), v.enforced FROM call_begin('a', 't', '{"n": 22}', key => 'paid') v;
SELECT key, budget, excused FROM permits WHERE state = 'open' AND key IN ('audited', 'paid') ORDER BY key;
SELECT agent_set('a', mode => 'enforce');
SELECT call_release(permit) FROM permits WHERE state = 'open';

-- no more open requests than an agent may have; and what the audit says
SET agentcore.max_open_approvals = 2;
SET agentcore.audit = denied;
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 31}', est_tokens => 5) v;
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 32}', est_tokens => 5) v;
SELECT verdict, reason, regexp_replace(detail, '[0-9a-f]+-[-0-9a-f]+', 'ID') AS detail, enforced FROM call_log ORDER BY at;
RESET agentcore.audit;
RESET agentcore.max_open_approvals;

-- an answer past its soft deadline is given without asking
SELECT budget_set('team', max_tokens => 100), tool_set('kept', 'true', cache_ttl => '1 h', cache_soft_ttl => '1 min');
SELECT call_commit(call_id, '"old"') FROM call_begin('a', 'kept', est_tokens => 5);
SELECT budget_set('team', max_tokens => 0), count(*) AS n FROM approvals \gset
SET agentcore.debug_clock_offset = 120000;
SELECT verdict, result, detail FROM call_begin('a', 'kept', est_tokens => 5);
RESET agentcore.debug_clock_offset;
SELECT count(*) - :n AS asked FROM approvals;

-- the raw API has nobody to ask
\set VERBOSITY verbose
SELECT budget_acquire('team', 5);
\set VERBOSITY default
SELECT granted, reason, denied_by FROM budget_try_acquire('team', 5);
SELECT granted, reason, denied_by FROM budget_charge('team', 5);

-- a template's budget, by its first use, below a parent that is full
SELECT budget_set('top', max_tokens => 0, on_full => 'ask'), budget_template_set('customer:*', parent => 'top', max_tokens => 10, on_full => 'ask');
SELECT agent_set('e', 'p', charges => '{customer:*}');
SELECT public.said(v) FROM call_begin('e', 't', est_tokens => 20, budget => 'customer:1') v;
SELECT excuses FROM public.asked WHERE agent = 'e';
SELECT count(*) FROM budget_status WHERE budget = 'customer:1';
SELECT call_approve(id) FROM approvals WHERE agent = 'e';
SELECT public.said(v) FROM call_begin('e', 't', est_tokens => 20, budget => 'customer:1') v;
SELECT budget, held_tokens FROM budget_status WHERE budget IN ('top', 'customer:1') ORDER BY 1;
SELECT * FROM budget_verify();

-- another tenant's approval is no approval here
SELECT budget_set('team', max_tokens => 0, on_full => 'ask', tenant => 'x'), policy_set('p', tenant => 'x'), policy_allow_tool('p', '*', tenant => 'x') > 0,
       tool_set('t', 'true', tenant => 'x'), agent_set('b', 'p', 'team', tenant => 'x');
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 31}', est_tokens => 5, tenant => 'x') v;
SELECT call_approve(id, tenant => 'x') FROM approvals WHERE tenant = 'x';
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 31}', est_tokens => 5) v;

-- numbers that cannot be counted are no question
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 40}', est_tokens => 9223372036854775807) v;
SELECT call_approve(id) FROM approvals WHERE est_tokens = 9223372036854775807;
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 40}', est_tokens => 9223372036854775807) v;
SELECT public.said(v) FROM call_begin('b', 't', '{"n": 41}', est_tokens => 9223372036854775807) v;
SELECT * FROM budget_verify();

-- one too many in flight, by limits that were there before
SELECT budget_set('one', max_in_flight => 1, on_full => 'ask'), agent_set('g', 'p', 'one');
SELECT public.said(v) FROM call_begin('g', 't', '{"n": 1}') v;
SELECT public.said(v) FROM call_begin('g', 't', '{"n": 2}') v;
SELECT call_approve(id) FROM approvals WHERE agent = 'g';
SELECT public.said(v) FROM call_begin('g', 't', '{"n": 2}') v;
SELECT in_flight FROM budget_status WHERE budget = 'one';
SELECT * FROM budget_verify();

-- an overflow that is full as well is asked about, and not the budget that it stands for
SELECT budget_set('spare', max_tokens => 3, on_full => 'ask'), budget_set('full', max_tokens => 0, overflow => 'spare', on_full => 'ask'), agent_set('f', 'p', 'full');
SELECT public.said(v), v.paid_by FROM call_begin('f', 't', '{"n": 1}', est_tokens => 2) v;
SELECT public.said(v), v.paid_by FROM call_begin('f', 't', '{"n": 2}', est_tokens => 5) v;
SELECT excuses FROM public.asked WHERE agent = 'f';
SELECT call_approve(id) FROM approvals WHERE agent = 'f';
SELECT public.said(v), v.paid_by FROM call_begin('f', 't', '{"n": 2}', est_tokens => 5) v;
SELECT held_tokens, excused FROM permits WHERE agent = 'f' ORDER BY held_tokens;
SELECT * FROM budget_verify();
SELECT public.said(v) FROM call_begin('f', 't', '{"n": 3}', est_tokens => 5) v;
SELECT call_approve(id) FROM approvals WHERE agent = 'f' AND state = 'pending';
SELECT budget_set('spare', on_full => 'deny');
SELECT public.said(v) FROM call_begin('f', 't', '{"n": 3}', est_tokens => 5) v;
