-- What a full budget does: deny, wait, or let another budget pay.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;

-- what can be said
SELECT budget_set('org', max_tokens => 1000), budget_set('team', max_tokens => 100, parent => 'org'),
       budget_set('spare', max_tokens => 500, on_full => 'wait'), budget_set('run', parent => 'team', overflow => 'spare');
SELECT budget, parent, on_full, overflow FROM budget_status ORDER BY budget;
SELECT budget_set('team', on_full => 'later');
SELECT budget_set('team', on_full => 'ask'), budget_set('team', on_full => 'ask'), budget_set('team', reset => '{on_full}'),
       (SELECT on_full FROM budget_status WHERE budget = 'team');
SELECT budget_set('run', overflow => 'nobody');
SELECT budget_set('run', overflow => '');
SELECT budget_set('other', overflow => 'spare', tenant => 't');
SELECT budget_set('run', overflow => 'run');
-- no circle, whichever of parents and overflows make it
SELECT budget_set('spare', overflow => 'run');
SELECT budget_set('spare', overflow => 'team');
SELECT budget_set('spare', parent => 'run');
SELECT budget_set('team', overflow => 'spare'), budget_set('spare', overflow => 'team');
SELECT budget_set('team', overflow => 'run');
-- what is above it may pay in its place
SELECT budget_set('team', overflow => 'org'), budget_set('team', reset => '{overflow}');
-- it stays as long as it is an overflow
SELECT budget_drop('spare');
-- templates
SELECT budget_template_set('user:*', max_tokens => 10, parent => 'team', overflow => 'nobody');
SELECT budget_template_set('user:*', max_tokens => 10, parent => 'team', on_full => 'never');
SELECT budget_template_set('user:*', max_tokens => 10, parent => 'team', on_full => 'wait', overflow => 'spare');
SELECT pattern, on_full, overflow FROM budget_templates;
SELECT budget_set('run', reset => '{overflow}'), budget_drop('spare');
SELECT granted FROM budget_try_acquire('user:1', tokens => 1);
SELECT on_full, overflow FROM budget_status WHERE budget = 'user:1';
SELECT budget_set('run', overflow => 'user:1');
SELECT budget_set('run', overflow => 'user:2');
SELECT budget_template_set('user:*', reset => '{on_full,overflow}', existing => true);
SELECT on_full, overflow FROM budget_status WHERE budget = 'user:1';
-- documents, in an order that does not know of overflows
CREATE TEMP TABLE doc AS SELECT '{"budgets": [{"name": "a", "overflow": "b"}, {"name": "b", "overflow": "c", "on_full": "wait"}, {"name": "c", "parent": "d"}, {"name": "d"}]}'::jsonb AS d;
SELECT kind, name, action FROM doc, config_apply(d, tenant => 't');
SELECT name, value ->> 'on_full' AS on_full, value ->> 'overflow' AS overflow
  FROM jsonb_array_elements(config_export('t') -> 'budgets') b, LATERAL (SELECT value ->> 'name' AS name) n ORDER BY 1;
SELECT kind, name, action FROM config_apply(config_export('t'), tenant => 't') WHERE action <> 'unchanged';
SELECT kind, name, action FROM config_apply('{"budgets": [{"name": "d"}]}', prune => true, tenant => 't');
SELECT config_apply('{"budgets": [{"name": "a", "overflow": "b"}, {"name": "b", "overflow": "a"}]}', tenant => 't');

-- ----- overflow -----
CREATE VIEW public.held AS SELECT budget, used_tokens, held_tokens, in_flight FROM budget_status WHERE tenant = '' ORDER BY budget;
CREATE FUNCTION public.try(VARIADIC names text[]) RETURNS TABLE (granted boolean, denied_by text, on_full text, paid_by text[], can_ever_fit boolean, waits boolean, detail text)
LANGUAGE sql AS $$ SELECT d.granted, d.denied_by, d.on_full, d.paid_by, d.can_ever_fit, d.retry_after IS NOT NULL, d.detail FROM budget_try_acquire(names[1], tokens => names[2]::bigint, also => names[3:]) d $$;
SELECT budget_set('reserve', max_tokens => 600), budget_set('spare', max_tokens => 500, parent => 'reserve', reset => '{on_full}'),
       budget_set('run', max_tokens => 50, overflow => 'spare');
SELECT * FROM try('run', '50');
-- another pays in its place; what is above it pays on
SELECT * FROM try('run', '20');
SELECT * FROM held;
SELECT budget, budgets, also FROM permits WHERE held_tokens = 20;
-- a key keeps its permit, whoever paid
SELECT budget_acquire('run', 5, key => 'k') = budget_acquire('run', 5, key => 'k') AS same;
SELECT duplicate, paid_by FROM budget_try_acquire('run', 5, key => 'k');
-- parents refuse: of the budget that is full, and of its overflow
SELECT * FROM try('run', '30');
SELECT budget_set('team', max_tokens => 1000), budget_set('reserve', max_tokens => 100);
SELECT * FROM try('run', '90');
-- the overflow itself is full, and its own overflow is not tried
SELECT budget_set('last'), budget_set('spare', max_tokens => 50, overflow => 'last'), budget_set('reserve', max_tokens => 600);
SELECT * FROM try('run', '40');
-- but where it is asked for itself
SELECT * FROM try('run', '40', 'spare');
SELECT * FROM try('spare', '40');
-- both full, so no more of either than their limits
SELECT * FROM held;
-- one that is disabled is not full, nor does a disabled one pay
SELECT budget_set('spare', max_tokens => 500), budget_set('run', enabled => false);
SELECT * FROM try('run', '1');
SELECT budget_set('run', enabled => true), budget_set('spare', enabled => false);
SELECT * FROM try('run', '1');
SELECT budget_set('spare', enabled => true);
-- one that such calls pass by pays nothing
SELECT budget_set('spare', "only" => '{gpt-x}');
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0, agent_set('a', policy => 'p', budget => 'run'), model_price_set('gpt-x', 0, 0), model_price_set('gpt-y', 0, 0);
SELECT verdict, denied_by, paid_by FROM llm_begin('a', 'gpt-y', 1, 1);
SELECT verdict, denied_by, paid_by, call_id FROM llm_begin('a', 'gpt-x', 1, 1) \gset
SELECT :'verdict' AS verdict, :'paid_by' AS paid_by;
SELECT budget_set('spare', reset => '{only}');
-- settled where it was held, with the ledger's word
SELECT llm_commit(:'call_id', tokens => 3);
SELECT budget, budgets, tokens FROM ledger WHERE event = 'commit';
-- the overflow may be above it: the rest of the chain pays
SELECT budget_set('run', overflow => 'team');
SELECT * FROM try('run', '5');
SELECT budgets FROM permits WHERE held_tokens = 5 AND key IS NULL;
SELECT budget_set('run', overflow => 'spare');
-- leases of permits that have ended come first
SELECT budget_set('short', max_tokens => 10, overflow => 'spare');
SELECT budget_acquire('short', 10, lease => '1 ms') IS NOT NULL;
SELECT pg_sleep(0.01);
SELECT * FROM try('short', '10');
SELECT * FROM try('short', '600');
-- what an unknown amount holds is the largest of those that pay
SELECT budget_set('spare', min_hold_tokens => 7);
SELECT * FROM try('short', NULL);
SELECT held_tokens, budgets FROM permits WHERE held_tokens = 7;
SELECT budget_set('spare', reset => '{min_hold_tokens}');
-- the overflow's on_expiry and overrun count
SELECT budget_set('spare', overrun => 'cap', on_expiry => 'charge_estimate');
SELECT budget_acquire('short', 3) AS permit \gset
SELECT budget_commit(:'permit', tokens => 9);
SELECT event, tokens, budget, budgets FROM ledger WHERE permit = :'permit' ORDER BY event;
SELECT budget_acquire('short', 4, lease => '1 ms') AS permit \gset
SELECT pg_sleep(0.01), budget_reap(10);
SELECT event, tokens, budgets FROM ledger WHERE permit = :'permit';
SELECT budget_set('spare', overrun => 'charge', on_expiry => 'release');
-- a charge in one step, and thresholds of who pays
SELECT budget_set('spare', thresholds => '{20}');
SELECT granted, paid_by FROM budget_charge('short', 100);
SELECT tokens, budgets FROM ledger WHERE event = 'threshold';
SELECT tokens, budgets FROM ledger WHERE event = 'commit' AND tokens = 100;
-- an extension is of the permit's own budgets
SELECT budget_acquire('short', 1) AS permit \gset
SELECT budget_extend(:'permit', '1 min', tokens => 1);
SELECT budget_extend(:'permit', '1 min', tokens => 1000);
-- roles need a right to what they name, and no other
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_full_ann;
CREATE ROLE regress_full_ann;
SET client_min_messages = warning;
SELECT access_grant('regress_full_ann', 'agent');
SELECT budget_set('short', spenders => '{regress_full_ann}'), budget_set('spare', spenders => '{}');
SET ROLE regress_full_ann;
SELECT granted, paid_by FROM budget_try_acquire('short', 2);
SELECT granted FROM budget_try_acquire('spare', 2);
SELECT permit FROM budget_try_acquire('short', 2) \gset
SELECT budget_extend(:'permit', '1 min', tokens => 1);
RESET ROLE;
-- a template's budgets have its overflow, also one that is not made yet
SELECT budget_template_set('user:*', max_tokens => 0, parent => 'team', overflow => 'spare', reset => '{on_full}');
SELECT * FROM try('user:9', '3');
SELECT count(*) FROM budget_status WHERE budget = 'user:9';
-- rows that were written by hand: an overflow that is gone pays nothing
UPDATE budget SET overflow = 'gone' WHERE name = 'short';
SELECT * FROM try('short', '3');
UPDATE budget SET overflow = 'spare' WHERE name = 'short';
-- looking says what taking would
SELECT stage, verdict, reason FROM call_explain('a', 'none') WHERE stage = 'budget';
SELECT tool_set('t', '{}'), agent_set('a', mode => 'audit');
SELECT budget_set('run', reset => '{overflow}');
SELECT verdict, enforced, reason, denied_by, paid_by FROM call_begin('a', 't', est_tokens => 60);
SELECT budget_set('run', overflow => 'spare');
SELECT verdict, enforced, reason, denied_by, paid_by FROM call_begin('a', 't', est_tokens => 60);
SELECT agent_set('a', mode => 'enforce');
SELECT verdict, enforced, reason, denied_by, paid_by FROM call_begin('a', 't', est_tokens => 60);

-- ----- on_full wait -----
-- windows that begin now: none ends while this runs
SELECT budget_set('minute', max_calls => 1, period => '10 days', anchor => now(), kind => 'fixed', on_full => 'wait'), budget_set('later', max_calls => 1, period => '100 days', anchor => now(), kind => 'fixed', on_full => 'wait'),
       budget_set('second', max_calls => 1, period => '10 days', kind => 'sliding', on_full => 'wait'), budget_set('denies', max_calls => 1, period => '10 days', anchor => now(), kind => 'fixed');
SELECT granted FROM budget_charge('minute') UNION ALL SELECT granted FROM budget_charge('later') UNION ALL SELECT granted FROM budget_charge('second') UNION ALL SELECT granted FROM budget_charge('denies');
SET agentcore.budget_wait_max = '20 d';
SELECT granted, on_full, denied_by FROM budget_try_acquire('minute');
-- not before the reset, and not all at once
SELECT bool_and(clock_timestamp() + retry_after >= s.resets_at), count(DISTINCT retry_after) > 5
  FROM budget_status s, generate_series(1, 20) g, budget_try_acquire('minute', lease => g * interval '1 s') WHERE s.budget = 'minute';
DO $$
DECLARE detail text; hint text;
BEGIN
  PERFORM budget_acquire('minute');
EXCEPTION WHEN SQLSTATE 'TC002' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RAISE WARNING '%, %', detail, regexp_replace(hint, '[0-9.]+', 'N');
END $$;
-- all that refuse have to say it, and to reset in time
SELECT granted, on_full, denied_by FROM budget_try_acquire('minute', also => '{second}');
SELECT granted, on_full, denied_by FROM budget_try_acquire('minute', also => '{denies}');
SELECT budget_set('minute 2', max_calls => 0, period => '10 days', anchor => now(), kind => 'fixed'), budget_set('minute 3', max_calls => 1, period => '10 days', anchor => now(), kind => 'fixed');
SELECT granted FROM budget_charge('minute 3');
SELECT granted, on_full, denied_by FROM budget_try_acquire('minute 3', also => '{minute}');
SELECT granted, on_full, denied_by FROM budget_try_acquire('minute 2', also => '{minute}');
SELECT granted, on_full, denied_by FROM budget_try_acquire('minute', also => '{later}');
SELECT granted, on_full, denied_by FROM budget_try_acquire('later');
SET agentcore.budget_wait_max = 0;
SELECT granted, on_full, denied_by, retry_after IS NOT NULL FROM budget_try_acquire('minute');
SET agentcore.budget_wait_max = '20 d';
-- what no reset cures is not waited for: permits in flight, requests too large
SELECT budget_set('flight', max_in_flight => 0, on_full => 'wait');
SELECT granted, on_full FROM budget_try_acquire('flight');
SELECT granted, on_full, can_ever_fit FROM budget_try_acquire('minute', calls => 2);
-- ask is a denial
SELECT budget_set('minute', on_full => 'ask');
SELECT granted, on_full FROM budget_try_acquire('minute');
SELECT budget_set('minute', on_full => 'wait');
-- of the overflow, where there is one: the union that was tried last decides
SELECT budget_set('minute', overflow => 'denies');
SELECT granted, on_full, denied_by FROM budget_try_acquire('minute');
SELECT budget_set('minute', reset => '{overflow}'), budget_set('denies', overflow => 'minute');
SELECT granted, on_full, denied_by FROM budget_try_acquire('denies');
SELECT budget_set('denies', reset => '{overflow}');
-- the gate: looking, and taking
SELECT agent_set('w', policy => 'p', budget => 'minute');
SELECT verdict, reason, denied_by, detail, regexp_replace(feedback, '[0-9]+', 'N') AS feedback, retry_after > '0', call_id IS NULL AS none FROM call_begin('w', 't', key => 'w1');
SELECT stage, verdict, reason FROM call_explain('w', 't') WHERE stage = 'budget';
SELECT verdict, reason, denied_by FROM llm_begin('w', 'gpt-x', 1, 1);
SELECT agent_set('w', mode => 'audit');
SELECT verdict, enforced, reason, denied_by FROM call_begin('w', 't');
-- counters are what permits and ledger say
SELECT * FROM budget_verify();
DROP VIEW public.held;
DROP FUNCTION public.try;
DROP OWNED BY regress_full_ann;
DROP ROLE regress_full_ann;
