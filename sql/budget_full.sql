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
