-- budget_charge(): what was used and is known is charged in one step, within the limits, once per key.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
SELECT budget_set('org', max_usd => 10), budget_set('team', max_tokens => 1000, max_calls => 5, parent => 'org');

-- Charged at once, to the budget and its parents; nothing stays held, and no warning is given ----
SELECT granted, permit IS NOT NULL AS permit, duplicate, remaining FROM budget_charge('team', 300, 2.5, 1, 'k1', '{"customer": "c1"}');
SELECT budget, used_tokens, used_usd, used_calls, held_tokens, held_usd, in_flight FROM budget_status ORDER BY budget;
SELECT state, key, held_tokens, charged_tokens, charged_usd, charged_calls, labels FROM permits;
SELECT event, budgets, tokens, usd, calls, labels FROM ledger;
SELECT usd, labels FROM spend;
BEGIN;
SELECT granted FROM budget_charge('team', 1);
SELECT granted FROM budget_charge('team', 1);
ROLLBACK;
-- the guard speaks of what is acquired and charged in two steps, and of that only
BEGIN;
SELECT granted FROM budget_charge('team', 1, calls => 0);
SELECT budget_commit(budget_acquire('team', 1, 0, calls => 0), 1, 0);
ROLLBACK;
SET agentcore.budget_guard = error;
BEGIN;
SELECT granted FROM budget_charge('team', 1, calls => 0);
ROLLBACK;
RESET agentcore.budget_guard;

-- Once per key ----
SELECT granted, duplicate, permit = (SELECT permit FROM permits) AS same, can_ever_fit, reason FROM budget_charge('team', 300, 2.5, 1, 'k1');
SELECT granted, duplicate FROM budget_charge('team', 300, 2.5, 1, 'k1', '{"customer": "c2"}');
SELECT count(*), sum(tokens) FROM ledger;
\set VERBOSITY default
SELECT * FROM budget_charge('team', 301, 2.5, 1, 'k1');
SELECT * FROM budget_charge('team', 300, 2.5, 0, 'k1');
SELECT * FROM budget_charge('org', 300, 2.5, 1, 'k1');
\set VERBOSITY terse
-- nor is the key of an acquire a charge, or the other way round
SELECT budget_acquire('team', 10, 0, 1, key => 'held') IS NOT NULL AS held;
SELECT * FROM budget_charge('team', 10, 0, 1, 'held');
SELECT budget_acquire('team', 300, 2.5, 1, key => 'k1');
SELECT budget_release(permit) FROM permits WHERE key = 'held';
-- settled it is already
SELECT budget_commit(permit, 300, 2.5), budget_commit(permit, 1, 1), budget_release(permit) FROM permits WHERE key = 'k1';

-- It obeys the limits: a refusal is a row, charges nothing, and leaves the key free ----
SELECT granted, permit, denied_by, reason, denied_limit, can_ever_fit, detail, remaining FROM budget_charge('team', 701, 0, 1, 'k2');
SELECT granted, denied_by, can_ever_fit, detail FROM budget_charge('team', 1, 7.6);
SELECT granted, denied_by, detail FROM budget_charge('team', 0, 0, 5);
SELECT count(*) FROM ledger WHERE event = 'commit';
SELECT granted FROM budget_charge('team', 700, 7.5, 4, 'k2');
SELECT granted, denied_by FROM budget_charge('team', 1, calls => 0);
SELECT granted FROM budget_charge('team', 0, 0, 0);
SELECT used_tokens, used_usd, used_calls, in_flight FROM budget_status WHERE budget = 'team';
-- a disabled budget, and calls in flight
SELECT budget_set('team', enabled => false), budget_set('one', max_in_flight => 1);
SELECT granted, detail FROM budget_charge('team', 0, 0, 0);
SELECT granted FROM budget_charge('one', 5);
SELECT budget_acquire('one') IS NOT NULL AS busy;
SELECT granted, detail FROM budget_charge('one', 5);
-- cap and max_overrun have nothing to cut
SELECT budget_set('strict', overrun => 'cap', max_overrun => 1, min_hold_usd => 9);
SELECT granted FROM budget_charge('strict', 5000000, 700, 0);
SELECT used_tokens, used_usd, unbilled_usd FROM budget_status WHERE budget = 'strict';
-- thresholds are told
SELECT budget_set('told', max_calls => 2, thresholds => '{50}');
SELECT granted FROM budget_charge('told');
SELECT event, detail FROM budget_ledger WHERE event = 'threshold';

-- What is misused raises ----
SELECT * FROM budget_charge('nowhere', 1);
SELECT * FROM budget_charge(NULL, 1);
SELECT * FROM budget_charge('one', NULL);
SELECT * FROM budget_charge('one', 1, NULL);
SELECT * FROM budget_charge('one', 1, 1, NULL);
SELECT * FROM budget_charge('one', -1);
SELECT * FROM budget_charge('one', 1, -0.1);
SELECT * FROM budget_charge('one', 1, 'NaN');
SELECT * FROM budget_charge('one', 1, 0, -1);
SELECT * FROM budget_charge('one', 1, key => '');
-- rights are those of an acquire
CREATE ROLE agentcore_charge_agent;
SELECT access_grant('agentcore_charge_agent', 'agent', '{""}');
SELECT budget_set('theirs', spenders => '{}'), budget_set('ours', spenders => '{agentcore_charge_agent}');
GRANT USAGE ON SCHEMA agentcore TO agentcore_charge_agent;
SET ROLE agentcore_charge_agent;
SELECT granted FROM budget_charge('ours', 1);
SELECT granted FROM budget_charge('theirs', 1);
RESET ROLE;

-- Over a savepoint, at a stricter level, and of many in one transaction ----
BEGIN;
SAVEPOINT s;
SELECT granted FROM budget_charge('ours', 10, key => 'undone');
ROLLBACK TO s;
SELECT granted, duplicate FROM budget_charge('ours', 20, key => 'undone');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM budget_ledger WHERE event = 'nothing';
SELECT count(*) FROM generate_series(1, 20) i, budget_charge('ours', i) c WHERE c.granted;
COMMIT;
SELECT used_tokens, held_tokens, in_flight FROM budget_status WHERE budget = 'ours';
SELECT * FROM budget_verify();
DROP OWNED BY agentcore_charge_agent;
DROP ROLE agentcore_charge_agent;
