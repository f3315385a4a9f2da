-- Budgets: who pays for a call.  Naming a budget adds it, and takes none away.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SELECT budget_set('org', max_tokens => 100000), budget_set('team', max_tokens => 1000, parent => 'org', overrun => 'cap'),
       budget_set('customer:1', max_tokens => 500), budget_set('customer:2', max_usd => 1), budget_set('run 1', parent => 'team'), budget_set('spare');
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0, tool_set('t', 'true'), tool_set('kept', 'true', cache_ttl => '1 h'), model_price_set('m', 0.001, 0.001);
SELECT agent_set('a', 'web', 'team', charges => '{run *,customer:*}'), agent_set('poor', 'web', charges => '{spare}');
CREATE VIEW public.held AS SELECT budget, held_tokens, used_tokens, in_flight FROM budget_status WHERE tenant = '' AND (in_flight > 0 OR used_tokens > 0) ORDER BY budget COLLATE "C";

-- the agent's own budget, and each that is named, with all above them, each once
SELECT call_id AS c FROM call_begin('a', 't', est_tokens => 10, budget => 'customer:1', budgets => '{run 1,customer:1,team}') \gset
SELECT * FROM public.held;
SELECT budget, budgets FROM permit WHERE id = :'c';
SELECT permit = :'c' AS its, budget, also, held_tokens FROM permits;
SELECT call_commit(:'c', tokens => 7);
SELECT * FROM public.held;
-- one row of the ledger, whose budget is the agent's own; cap is its choice
SELECT budget, budgets, event, tokens FROM ledger ORDER BY at;
SELECT call_commit(call_id, tokens => 70) FROM call_begin('a', 't', est_tokens => 10, budget => 'customer:1');
SELECT call_commit(call_id, tokens => 71) FROM call_begin('a', 't', est_tokens => 11, budgets => '{run 1}');
SELECT budget, budgets, event, tokens FROM ledger ORDER BY at, event DESC;
SELECT * FROM budget_verify();

-- a budget that is exhausted cannot be walked around, whatever is named
SELECT budget_set('team', max_tokens => 10);
SELECT verdict, reason, denied_by, denied_dimension, used, held, max, asked FROM call_begin('a', 't', est_tokens => 1, budget => 'customer:1');
SELECT verdict, reason, denied_by, denied_dimension, used, held, max, asked FROM call_begin('a', 't', budgets => '{run 1}');
SELECT verdict, denied_by FROM llm_begin('a', 'm', 1, 1, budgets => '{customer:1}');
SELECT verdict, denied_by FROM call_begin_many('a', '{"type": "tool_use", "id": "x", "name": "t", "input": {}}', budgets => '{customer:1}');
SELECT stage, verdict, reason FROM call_explain('a', 't', est_tokens => 1, budgets => '{customer:1}') WHERE stage = 'budget';
-- nor is one that is named: nothing is held of any then
SELECT budget_set('team', max_tokens => 1000), budget_set('customer:1', max_tokens => 20);
SELECT verdict, reason, denied_by, used, held, max, asked FROM call_begin('a', 't', est_tokens => 500, budgets => '{customer:1}');
SELECT verdict, denied_by, denied_dimension, used, held, max, asked FROM call_begin('a', 't', est_tokens => 5, est_usd => 1.5, budgets => '{customer:2}');
SELECT verdict, denied_by, denied_dimension, used, held, max, asked FROM call_begin('a', 't', est_tokens => 5, budgets => '{customer:2}');
SELECT count(*) FROM permits WHERE state = 'open';
SELECT budget_set('customer:2', max_in_flight => 0);
SELECT verdict, denied_by, denied_dimension, used, held, max, asked FROM call_begin('a', 't', est_tokens => 5, est_usd => 0, budgets => '{customer:2}');
SELECT budget_set('customer:2', enabled => false);
SELECT verdict, denied_by, denied_dimension, used, held, max, asked FROM call_begin('a', 't', est_tokens => 5, est_usd => 0, budgets => '{customer:2}');
SELECT budget_set('customer:2', enabled => true, reset => '{max_in_flight}'), budget_set('customer:1', max_tokens => 500);

-- which may be named: the agent's own, and what charges covers; 42501 before all else but a name that is none, also in audit mode and for an administrator
SELECT call_begin('a', 't', budget => 'spare');
SELECT call_begin('a', 't', budgets => '{customer:1,org}');
SELECT call_begin('a', 't', budget => 'customer');
SELECT call_begin('a', 't', budget => 'nobody''s');
SELECT call_begin('a', 't', budget => 'customer:3');
SELECT llm_begin('a', 'm', 1, 1, budget => 'spare');
SELECT call_begin_many('a', '[]', budget => 'spare');
SELECT call_explain('a', 't', budget => 'spare');
SELECT verdict FROM call_begin('a', 't', budget => 'team');
SELECT call_commit(call_id, '1') FROM call_begin('a', 'kept');
SELECT verdict FROM call_begin('a', 'kept', budgets => '{customer:1}');
SELECT call_begin('a', 'kept', budgets => '{spare}');
SELECT agent_set('a', mode => 'audit');
SELECT call_begin('a', 't', budgets => '{spare}');
SELECT agent_set('a', mode => 'enforce', charges => '{*}');
SELECT verdict, call_release(call_id) FROM call_begin('a', 't', budgets => '{spare,org}');
SELECT agent_set('a', reset => '{charges}') AS changed, agent_set('a', charges => '{}') AS again;
SELECT call_begin('a', 't', budget => 'customer:1');
SELECT agent_set('a', charges => '{run *,customer:*,run *}') AS changed, agent_set('a', charges => '{customer:*,run *}') AS again;
SELECT name, charges FROM agents ORDER BY 1;
SELECT agent_set('a', charges => '{cust*mer}');
SELECT agent_set('a', charges => '{NULL}');
SELECT agent_set('a', charges => '{""}');
SELECT jsonb_path_query_array(config_export(), '$.agents[*].charges');
SELECT kind, name, action FROM config_apply('{"agents": [{"name": "poor", "charges": ["customer:*"]}]}');
SELECT charges FROM agents WHERE name = 'poor';

-- an agent without a budget: the first that is named is the permit's own
SELECT call_id AS c FROM call_begin('poor', 't', est_tokens => 1, budgets => '{customer:2,customer:1}', est_usd => 0) \gset
SELECT budget, budgets FROM permit WHERE id = :'c';
SELECT call_extend(:'c', '1 h', 2), call_release(:'c');
-- one whose own is gone: denied; in audit mode those that are named pay
SELECT agent_set('poor', budget => 'spare', mode => 'audit'), budget_drop('spare');
SELECT verdict, reason, denied_by FROM call_begin('poor', 't', est_tokens => 1, budgets => '{customer:1}');
SELECT budget, also, budgets FROM permit WHERE agent = 'poor' AND state = 'o';
SELECT agent_set('poor', mode => 'enforce');
SELECT verdict, reason, denied_by, detail FROM call_begin('poor', 't', est_tokens => 1, budgets => '{customer:1}');

-- the same key with other budgets is another request; their order and the agent's own make no difference
SELECT verdict FROM call_begin('a', 't', key => 'k', est_tokens => 1, est_usd => 0, budgets => '{customer:1,customer:2}');
SELECT verdict FROM call_begin('a', 't', key => 'k', est_tokens => 1, est_usd => 0, budget => 'customer:2', budgets => '{customer:1,customer:2,team}');
SELECT verdict FROM call_begin('a', 't', key => 'k', budgets => '{customer:1}');
SELECT verdict FROM call_begin('a', 't', key => 'k');
SELECT verdict FROM call_begin('a', 't', key => 'own', est_tokens => 1, budget => 'team');
SELECT verdict FROM call_begin('a', 't', key => 'own');
-- so is one that is asked again after the agent was given another budget
SELECT agent_set('a', budget => 'org');
SELECT verdict FROM call_begin('a', 't', key => 'own', budget => 'run 1');
SELECT agent_set('a', charges => '{team}');
SELECT verdict FROM call_begin('a', 't', key => 'own', budget => 'team');
SELECT agent_set('a', budget => 'team', charges => '{run *,customer:*}');

-- an approval says who pays, and is for that
SELECT tool_set('asked', 'true', needs_approval => true);
SELECT verdict, reason FROM call_begin('a', 'asked', est_tokens => 1, budgets => '{customer:1}');
SELECT call_approve(id), budget, also FROM approvals;
SELECT verdict FROM call_begin('a', 'asked', est_tokens => 1);
SELECT verdict FROM call_begin('a', 'asked', est_tokens => 1, budgets => '{customer:1,team}');

-- without the gate
SELECT budget_acquire('run 1', 5, also => '{customer:1,team}') AS p \gset
SELECT budget, also, budgets FROM permit WHERE id = :'p';
SELECT budget_extend(:'p', '1 h', 1), budget_commit(:'p', 9);
SELECT budget, budgets, event, tokens FROM ledger WHERE permit = :'p';
SELECT budget_acquire('run 1', 600, also => '{customer:1}');
SELECT budget_acquire('customer:2', 1, 1.25, also => '{customer:1}');
SELECT budget_acquire('customer:2', also => '{customer:1}', usd => 0.5) IS NOT NULL AS unknown_tokens_fit;
SELECT granted, denied_by, denied_limit, denied_dimension, used, held, max, asked FROM budget_try_acquire('run 1', 600, also => '{customer:1}');
SELECT granted, denied_by, denied_limit, denied_dimension, used, held, max, asked, remaining FROM budget_try_acquire('run 1', 6, 0, also => '{customer:1}');
SELECT budget_set('say "a\b"', max_tokens => 0), budget_limit_set('say "a\b"', 'of 5 h', max_tokens => 0, period => '5 h');
SELECT budget_acquire('say "a\b"', 1);
SELECT budget_set('say "a\b"', enabled => false);
SELECT budget_acquire('say "a\b"', 1);
CALL budget_acquire_wait('run 1', 600, also => '{customer:1}', deadline => '0');
SELECT budget_acquire('run 1', 1, key => 'k', also => '{customer:1,customer:2}', usd => 0) IS NOT NULL AS granted;
SELECT budget_acquire('run 1', 1, key => 'k', also => '{customer:2,run 1,customer:1,customer:1}', usd => 0) IS NOT NULL AS the_same;
SELECT budget_acquire('run 1', 1, key => 'k', also => '{customer:2}', usd => 0);
SELECT budget_acquire('run 1', also => '{none}');
SELECT budget_acquire('run 1', also => '{NULL}');
SELECT budget_acquire(NULL, also => '{run 1}');

-- at most 8 names and 64 budgets
SELECT count(budget_set(format('n%s', i))) FROM generate_series(1, 9) i;
SELECT budget_release(budget_acquire('n1', also => '{n2,n3,n4,n5,n6,n7,n8,n8}'));
SELECT budget_acquire('n1', also => '{n2,n3,n4,n5,n6,n7,n8,n9}');
SELECT agent_set('a', charges => '{*}');
SELECT verdict FROM call_begin('a', 't', est_tokens => 1, budgets => '{n1,n2,n3,n4,n5,n6,n7,n8,n8}');
SELECT call_begin('a', 't', budgets => '{n1,n2,n3,n4,n5,n6,n7,n8,n9}');
SELECT count(budget_set(format('tree %s level %s', t, l), parent => CASE WHEN l > 1 THEN format('tree %s level %s', t, l - 1) END))
  FROM generate_series(1, 5) t, generate_series(1, 16) l;
SELECT budget_acquire('tree 1 level 16', 1, also => '{tree 2 level 16,tree 3 level 16,tree 4 level 16}') AS p \gset
SELECT cardinality(budgets) AS all_of_them, budgets[1:5] AS deepest, budgets[61:64] AS roots FROM permit WHERE id = :'p';
SELECT budget_commit(:'p', 3);
SELECT count(*) FROM budget_status WHERE budget LIKE 'tree%' AND used_tokens = 3;
SELECT budget_acquire('tree 1 level 16', 1, also => '{tree 2 level 16,tree 3 level 16,tree 4 level 16,tree 5 level 1}');
SELECT * FROM budget_verify();

-- budgets that templates make are made by calls that fit all that they name
SELECT budget_template_set('customer:*', parent => 'org', max_tokens => 50), budget_template_set('end user *', parent => 'team', max_tokens => 60), agent_set('a', charges => '{customer:*,end user *}');
SELECT verdict, denied_by, denied_dimension, used, held, max, asked FROM call_begin('a', 't', est_tokens => 55, budgets => '{customer:8,end user 1}');
SELECT verdict, denied_by FROM call_begin('a', 't', est_tokens => 2000, budgets => '{end user 1}');
SELECT count(*) FROM budget_status WHERE template IS NOT NULL;
SELECT call_id AS c FROM call_begin('a', 't', est_tokens => 5, budgets => '{customer:8,end user 1,customer:9}') \gset
SELECT budget, budgets FROM permit WHERE id = :'c';
SELECT budget_release(budget_acquire('end user 2', 1, also => '{customer:9,customer:10}'));
SELECT call_begin('a', 't', budgets => '{run 2}');
SELECT budget, template, held_tokens FROM budget_status WHERE template IS NOT NULL ORDER BY 1;
SELECT budget_template_set('customer:*', max_budgets => 3);
SELECT verdict, denied_by, denied_dimension, detail FROM call_begin('a', 't', est_tokens => 5, budgets => '{customer:11,end user 3}');
SELECT count(*) FROM budget_status WHERE template IS NOT NULL;
SELECT call_commit(:'c', tokens => 4);
SELECT * FROM budget_verify();

-- roles: each that is named, by the rights of each; what a call names is the agent's charges
DROP ROLE IF EXISTS regress_pays;
CREATE ROLE regress_pays;
SELECT access_grant('regress_pays', 'agent'), agent_set('its', 'web', 'team', owner => 'regress_pays', charges => '{customer:1}'), agent_set('another', 'web', 'customer:2', owner => 'postgres'),
       budget_set('customer:1', spenders => '{}');
SET ROLE regress_pays;
SELECT budget_acquire('team', 1, also => '{customer:2}');
SELECT budget_acquire('team', 1, also => '{customer:1}');
SELECT budget_acquire('team', 1, also => '{run 1}') IS NOT NULL AS granted;
SELECT call_id AS c, verdict FROM call_begin('its', 't', est_tokens => 1, budgets => '{customer:1}') \gset
SELECT :'verdict' AS verdict, call_extend(:'c', '1 h', 1);
SELECT call_begin('its', 't', budgets => '{customer:2}');
RESET ROLE;
-- what its calls may charge is looked at again
SELECT agent_set('its', charges => '{}');
SET ROLE regress_pays;
SELECT call_extend(:'c', '1 h', 1);
SELECT call_extend(:'c', '1 h'), call_commit(:'c');
RESET ROLE;
SELECT access_revoke('regress_pays');
DROP ROLE regress_pays;

-- leases that end, and a refund, know the budgets of the permit only
SELECT budget_set('team', on_expiry => 'charge_estimate');
SELECT budget_acquire('team', 4, lease => '1 ms', also => '{n1}') AS p \gset
SELECT pg_sleep(0.01);
SELECT budget_reap() > 0 AS reaped;
SELECT budget_commit(:'p', 1);
SELECT budget, budgets, event, tokens FROM ledger WHERE permit = :'p' ORDER BY at, event, tokens DESC;
SELECT * FROM budget_verify();
DROP VIEW public.held;
