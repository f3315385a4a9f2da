-- Labels: what the business knows a call by.  They are kept with permit and ledger, are no part of the
-- request, and views of what was spent show them: each charge once, with whoever it was for.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
-- billing periods are months in UTC whatever the session's time zone is
SET timezone = 'America/Los_Angeles';
-- pairs in one statement are meant here
SET agentcore.budget_guard = off;
-- the clock may be moved by 24 days to either side; the test begins at noon, UTC, 23 days ago
SELECT (date_trunc('day', clock_timestamp(), 'UTC') + interval '12 hours' - interval '23 days') AS test_start \gset
SELECT set_config('test.start', :'test_start', false) IS NOT NULL AS set;
CREATE FUNCTION pg_temp.clock(after interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('agentcore.debug_clock_offset',
                     (extract(epoch FROM current_setting('test.start')::timestamptz + after - clock_timestamp()) * 1000)::bigint::text, false);
END $$;
SELECT pg_temp.clock('0');

CREATE FUNCTION pg_temp.told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text; m text;
BEGIN
  EXECUTE statement;
  RETURN 'ok';
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
  RETURN format('%s: %s / %s / %s', SQLSTATE, m, d, h);
END $$;

SELECT budget_set('org', max_usd => 1000), budget_set('team', max_usd => 100, parent => 'org'),
       policy_set('p'), policy_allow_tool('p', '*') IS NOT NULL, tool_set('fetch', '{}', est_usd => 0.1), tool_set('send', '{}', est_usd => 0.2, idempotent => true),
       model_price_set('m', 0.001, 0.002), agent_set('a', 'p', budget => 'team'), agent_set('free', 'p');

-- What labels may be ----
SELECT budget_acquire('team', usd => 1, labels => '{}') IS NOT NULL AS empty_is_none, budget_acquire('team', usd => 1, labels => 'null') IS NOT NULL AS null_is_none,
       budget_acquire('team', usd => 1, labels => '{"a": "", "ä": "ü\n"}') IS NOT NULL AS any_string;
SELECT count(*) FILTER (WHERE labels IS NULL), count(labels) FROM permits;
SELECT l, pg_temp.told(format('SELECT agentcore.budget_acquire(''team'', usd => 1, labels => %L)', l))
  FROM unnest('{"[]","[\"a\"]","\"a\"","1","true","{\"a\": 1}","{\"a\": null}","{\"a\": {}}","{\"b\": \"x\", \"a\": [\"b\"]}","{\"\": \"a\"}","{\"a\\tb\": \"c\"}"}'::text[]) l;
SELECT n, left(pg_temp.told(format('SELECT agentcore.budget_acquire(''team'', usd => 1, labels => %L)', (SELECT jsonb_object_agg('k' || i, 'v') FROM generate_series(1, n) i))), 100)
  FROM unnest('{8,9,1000,100000}'::int[]) n;
SELECT n, left(pg_temp.told(format('SELECT agentcore.budget_acquire(''team'', usd => 1, labels => %L)', jsonb_build_object('k', repeat('x', n)))), 100)
  FROM unnest('{1023,1024,10000,10000000}'::int[]) n;
-- in bytes, all names and values together
SELECT n, left(pg_temp.told(format('SELECT agentcore.budget_acquire(''team'', usd => 1, labels => %L)', jsonb_build_object('k', repeat('ü', n), repeat('n', 100), 'w'))), 100)
  FROM unnest('{461,462}'::int[]) n;
-- every function that takes them refuses alike, before anything is taken
SELECT f, left(pg_temp.told(f), 40) FROM unnest(ARRAY[
  'SELECT budget_try_acquire(''team'', labels => ''[]'')', 'CALL budget_acquire_wait(''team'', labels => ''[]'')', 'SELECT budget_charge(''team'', labels => ''[]'')',
  'SELECT call_begin(''a'', ''fetch'', labels => ''[]'')', 'SELECT llm_begin(''a'', ''m'', 1, 1, labels => ''[]'')',
  'SELECT call_begin_many(''a'', ''[]'', labels => ''[]'')', 'SELECT call_explain(''a'', ''fetch'', labels => ''[]'')']) f;
SELECT in_flight, used_usd FROM budget_status WHERE budget = 'team';

-- Kept with the permit, in each of the ways ----
SELECT granted FROM budget_try_acquire('team', usd => 2, key => 'try', labels => '{"way": "try"}');
CALL budget_acquire_wait('team', usd => 2, key => 'wait', labels => '{"way": "wait"}') \gset
SELECT verdict FROM call_begin('a', 'fetch', '{"n": 1}', key => 'begin', task => 't1', subject => 's1', labels => '{"way": "begin", "customer": "c1"}');
SELECT verdict FROM llm_begin('a', 'm', 10, 10, key => 'llm', labels => '{"way": "llm", "provider": "Example AI"}');
SELECT verdict FROM call_begin_many('a', '[{"type": "tool_use", "id": "u1", "name": "fetch", "input": {"n": 2}}, {"type": "tool_use", "id": "u2", "name": "send", "input": {}}]', labels => '{"way": "many"}');
SELECT key, labels FROM permits WHERE key IS NOT NULL ORDER BY key;

-- No part of the request: the key keeps the first ones ----
SELECT budget_acquire('team', usd => 2, key => 'try', labels => '{"way": "other"}') = permit AS the_same FROM permits WHERE key = 'try';
SELECT duplicate FROM budget_try_acquire('team', usd => 2, key => 'try');
SELECT verdict, reason FROM call_begin('a', 'fetch', '{"n": 1}', key => 'begin', task => 't1', subject => 's1', labels => '{"way": "other"}');
SELECT key, labels FROM permits WHERE key IN ('try', 'begin') ORDER BY key;
-- so does a retry
SELECT verdict, call_id AS retried FROM call_begin('a', 'send', '{"n": 3}', key => 'again', subject => 's2', labels => '{"way": "first"}') \gset
SELECT action FROM call_fail(:'retried', status => 503, usd => 0.05);
SELECT pg_temp.clock('10 minutes');
SELECT verdict, call_id = :'retried' AS same, attempt FROM call_begin('a', 'send', '{"n": 3}', key => 'again', subject => 's2', labels => '{"way": "second"}', lease => '10 minutes');
SELECT call_commit(:'retried', '{}', usd => 0.15);

-- In the ledger: whatever writes a row of the permit ----
SELECT call_commit(permit, '{}', usd => 0.3) FROM permits WHERE key IN ('begin', 'u1') ORDER BY key;
SELECT llm_commit(permit, usage => '{"input_tokens": 10, "output_tokens": 5}') FROM permits WHERE key = 'llm';
SELECT budget_commit(permit, usd => 1) FROM permits WHERE key = 'try';
SELECT budget_release(permit) FROM permits WHERE key = 'wait';
SELECT event, budget, tool, task, subject, labels, usd FROM ledger WHERE labels IS NOT NULL ORDER BY at, labels, event, usd;
-- beside them the budget itself is corrected
SELECT budget_adjust('team', usd => 7, reason => 'invoice');

-- spend: a row per entry, each charge once over the hierarchy, nothing of what stands once per budget ----
SELECT event, budget, agent, tool, model, subject, labels ->> 'way' AS way, tokens, usd, calls FROM spend WHERE usd <> 0 ORDER BY at, usd;
SELECT (SELECT sum(usd) FROM spend) AS spent, used_usd, used_usd - 7 = (SELECT sum(usd) FROM spend) AS once FROM budget_status WHERE budget = 'org';
SELECT sum(usd) AS twice FROM budget_spend;
-- a call that nobody pays for is a row too
SELECT call_commit(call_id, '{}', usd => 0.4) FROM call_begin('free', 'fetch', '{"n": 9}', labels => '{"way": "free"}');
SELECT event, budget, budgets, labels, usd FROM spend WHERE agent = 'free';
-- joined to what the business knows
CREATE TEMP TABLE customer (id text PRIMARY KEY, name text);
INSERT INTO customer VALUES ('c1', 'First'), ('c2', 'Second');
SELECT c.name, sum(s.usd), count(*) FROM spend s JOIN customer c ON c.id = s.labels ->> 'customer' GROUP BY 1;

-- A refund is negative, and names the permit's own budget even where it does not reach it ----
SELECT budget_set('daily', max_usd => 10, period => '1 day', parent => 'org', on_expiry => 'charge_estimate');
SELECT budget_acquire('daily', usd => 3, lease => '1 minute', labels => '{"way": "refund"}') AS refunded \gset
SELECT pg_temp.clock('2 hours');
SELECT budget_reap() > 0 AS reaped;
SELECT pg_temp.clock('1 day');
SELECT budget_release(:'refunded');
SELECT event, budget, budgets, usd, calls FROM spend WHERE labels ->> 'way' = 'refund' ORDER BY at, usd DESC;
SELECT sum(usd) FROM spend WHERE permit = :'refunded';
-- what was left unbilled was not spent
SELECT budget_set('capped', overrun => 'cap');
SELECT budget_commit(budget_acquire('capped', usd => 1, labels => '{"way": "capped"}'), usd => 5);
SELECT event, usd, labels FROM ledger WHERE budget = 'capped' ORDER BY event;
SELECT event, usd FROM spend WHERE budget = 'capped';
SELECT * FROM budget_verify();

-- FOCUS ----
SELECT e.key, e.value FROM spend_focus s, jsonb_each(to_jsonb(s)) e WHERE s."SkuId" = 'm' AND e.key !~ '^x_(At|Id|Permit)$|Period(Start|End)$' ORDER BY e.key COLLATE "C";
SELECT "BillingAccountId", "SubAccountId", "ServiceCategory", "ServiceName", "PricingQuantity", "PricingUnit", "BilledCost", "Tags" FROM spend_focus WHERE "x_Subject" = 's2' ORDER BY "x_At", "BilledCost";
SELECT (SELECT sum("BilledCost") FROM spend_focus) = (SELECT sum(usd) FROM spend) AS same_sum, (SELECT count(*) FROM spend_focus) = (SELECT count(*) FROM spend) AS same_rows;
-- the mandatory columns of the Cost and Usage dataset, version 1.4, and which of them may be null
CREATE TEMP TABLE focus (name text, nullable boolean);
INSERT INTO focus VALUES ('BilledCost', false), ('BillingAccountId', false), ('BillingAccountName', true), ('BillingCurrency', false), ('BillingPeriodEnd', false),
  ('BillingPeriodStart', false), ('ChargeCategory', false), ('ChargeClass', true), ('ChargeDescription', true), ('ChargePeriodEnd', false), ('ChargePeriodStart', false),
  ('ContractedCost', false), ('EffectiveCost', false), ('HostProviderName', false), ('InvoiceIssuerName', false), ('ListCost', false), ('PricingQuantity', true),
  ('PricingUnit', true), ('ServiceCategory', false), ('ServiceName', false), ('ServiceProviderName', false);
SELECT name FROM focus EXCEPT SELECT attname FROM pg_attribute WHERE attrelid = 'spend_focus'::regclass;
SELECT DISTINCT f.name FROM spend_focus s, jsonb_each(to_jsonb(s)) e JOIN focus f ON f.name = e.key WHERE NOT f.nullable AND e.value IN ('null', '""');
SELECT count(*) FROM spend_focus WHERE "BillingPeriodStart" > "ChargePeriodStart" OR "ChargePeriodEnd" > "BillingPeriodEnd" OR "x_At" NOT BETWEEN "ChargePeriodStart" AND "ChargePeriodEnd"
   OR date_trunc('month', "BillingPeriodStart", 'UTC') <> "BillingPeriodStart" OR date_trunc('month', "BillingPeriodEnd", 'UTC') <> "BillingPeriodEnd"
   OR "BillingPeriodEnd" - "BillingPeriodStart" NOT BETWEEN '28 days' AND '31 days' OR "ChargePeriodEnd" - "ChargePeriodStart" <> '1 hour';

-- Other tenants and roles see nothing of it ----
CREATE ROLE agentcore_labels_reader;
SELECT access_grant('agentcore_labels_reader', 'reader', '{other}');
GRANT USAGE ON SCHEMA agentcore TO agentcore_labels_reader;
SET ROLE agentcore_labels_reader;
SELECT (SELECT count(*) FROM agentcore.spend), (SELECT count(*) FROM agentcore.spend_focus);
RESET ROLE;

-- Retention: rows of permits that stay keep their labels, what is carried has none, spend begins there ----
SELECT verdict, call_id AS stays FROM call_begin('a', 'send', '{"n": 4}', key => 'stays', labels => '{"way": "stays"}') \gset
SELECT action FROM call_fail(:'stays', status => 503, usd => 0.05);
SELECT pg_temp.clock('46 days');
SELECT permits > 0 AS permits, carried > 0 AS carried FROM budget_ledger_retain('1 day');
SELECT event, labels, count(*) FROM ledger WHERE event = 'carry' OR labels IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2;
SELECT event, labels, usd FROM spend;
SELECT count(*) > 0 AS carried FROM budget_spend WHERE usd <> 0;
SELECT call_commit(:'stays', '{}', usd => 0.15);
SELECT event, labels, usd FROM spend ORDER BY at;
SELECT * FROM budget_verify();
-- a partition that is made takes rows with all they have
SELECT budget_ledger_partition(1);
SELECT event, labels, usd FROM spend ORDER BY at;
RESET agentcore.debug_clock_offset;
DROP OWNED BY agentcore_labels_reader;
DROP ROLE agentcore_labels_reader;
