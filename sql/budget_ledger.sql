-- The ledger's partitions: made ahead, retired, and every invariant still true.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET client_min_messages = warning;
-- pairs in one statement are meant here
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;
SET timezone = 'America/New_York';
SET datestyle = 'German';
\set VERBOSITY default

-- partitions by the month they begin in, counted from this one
CREATE VIEW public.parts AS
  SELECT CASE WHEN c.relname ~ '_default$' THEN 'default'
              ELSE 'month ' || (12 * extract(year FROM to_date(right(c.relname, 7), 'YYYY_MM')) + extract(month FROM to_date(right(c.relname, 7), 'YYYY_MM'))
                 - 12 * extract(year FROM now() AT TIME ZONE 'UTC') - extract(month FROM now() AT TIME ZONE 'UTC'))::int END AS part,
         ARRAY(SELECT substring(pg_get_indexdef(x.indexrelid) FROM ' \(tenant, at\).*') FROM pg_index x WHERE x.indrelid = c.oid ORDER BY 1) AS indexed,
         c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'agentcore.budget_ledger'::regclass) AS same_owner,
         has_table_privilege('public', c.oid, 'SELECT') AS public, obj_description(c.oid) IS NOT NULL AS commented, c.oid::regclass AS rel
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'agentcore.budget_ledger'::regclass;
-- a row's partition and what it says
CREATE VIEW public.ledger_rows AS
  SELECT p.part, l.event, l.budgets, l.tokens, l.calls, l.permit IS NOT NULL AS of_permit FROM agentcore.budget_ledger l JOIN public.parts p ON p.rel = l.tableoid;

SELECT budget_set('life');
SELECT budget_set('month', period => '1 month', max_tokens => 1000, parent => 'life');
SELECT budget_set('year', period => '50 years', parent => 'life');

CREATE FUNCTION public.spend(budget text, tokens bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  p uuid := agentcore.budget_acquire(budget, tokens);
BEGIN
  RETURN agentcore.budget_commit(p, tokens);
END $$;
-- a settled permit as if all of it had happened so long ago
CREATE PROCEDURE public.age(tokens bigint, back interval) LANGUAGE sql AS $$
  UPDATE agentcore.budget_ledger SET at = at - back WHERE permit IN (SELECT id FROM agentcore.permit WHERE held_tokens = age.tokens);
  UPDATE agentcore.permit SET created_at = created_at - back, settled_at = settled_at - back WHERE held_tokens = age.tokens;
  UPDATE agentcore.budget_counter SET since = least(since, (SELECT min(at) FROM agentcore.budget_ledger));
$$;

-- Coming partitions -----------------------------------------------------------
SELECT public.spend('month', 1);
SELECT * FROM public.ledger_rows;
SELECT budget_ledger_partition(0);
SELECT * FROM public.ledger_rows;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
SELECT budget_ledger_partition();
SELECT budget_ledger_partition();
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC;
SELECT part, indexed, same_owner, public, commented FROM public.parts ORDER BY part;
SELECT public.spend('month', 2);
SELECT * FROM public.ledger_rows ORDER BY tokens;
-- every instant of this month and the coming ones has one place, whatever the session's time zone
SELECT count(DISTINCT tableoid) FROM agentcore.budget_ledger WHERE at < now();
BEGIN;
INSERT INTO agentcore.budget_ledger
  SELECT '', at, gen_random_uuid(), NULL, '{}', 'edge', 0, 0, 0 FROM (
    SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => m)) AT TIME ZONE 'UTC' - make_interval(secs => us * 0.000001) AS at
      FROM generate_series(0, 4) m, generate_series(0, 1) us) x;
SELECT part, count(*) FROM agentcore.budget_ledger l JOIN public.parts p ON p.rel = l.tableoid WHERE event = 'edge' GROUP BY 1 ORDER BY 1;
ROLLBACK;
SELECT * FROM budget_verify();

-- Nothing is old yet ------------------------------------------------------------
SELECT cutoff = date_trunc('month', now() - interval '1440 hours', 'UTC') AS begins_a_month, partitions, permits, carried FROM budget_ledger_retain('60 days');
SELECT count(*) FROM public.ledger_rows;

-- What is old goes, what it meant stays ------------------------------------------
SELECT public.spend('month', 10), public.spend('month', 11), public.spend('year', 12), public.spend('life', 13);
CALL public.age(10, '100 days');
CALL public.age(12, '100 days');
CALL public.age(13, '130 days');
-- partitions of the past, made as they would have been then
SELECT agentcore.partition_make('agentcore.budget_ledger', 'ledger', 1, now() - interval '130 days') BETWEEN 1 AND 2 AS made;
-- a permit that failed once long ago and is still open; one that nobody ever answered for; one whose lease ended
SELECT tool_set('t', '{"type": "object"}', est_tokens => 20);
SELECT policy_set('p') AND policy_allow_tool('p', 't') > 0;
SELECT agent_set('bot', 'p', budget => 'life');
SELECT call_id AS id FROM call_begin('bot', 't', '{"a": 1}', key => 'retried') \gset
SELECT action FROM call_fail(:'id', 503, tokens => 3);
SELECT call_id AS lost FROM call_begin('bot', 't', '{"a": 2}', est_tokens => 21, key => 'lost', lease => '1ms') \gset
SELECT call_id AS done FROM call_begin('bot', 't', '{"a": 3}', est_tokens => 22, key => 'done') \gset
SELECT call_commit(:'done', '"answer"');
SELECT pg_sleep(0.01);
SELECT budget_reap();
CALL public.age(20, '100 days');
CALL public.age(21, '100 days');
CALL public.age(22, '100 days');
-- the month's own window began after what is old, and never counted it
UPDATE agentcore.budget_counter SET used[1] = used[1] - 10, used[3] = used[3] - 1 WHERE budget = 'month';
SELECT * FROM budget_verify();
CREATE TEMP TABLE before AS SELECT budget, used_tokens, used_usd, used_calls, held_tokens FROM budget_status;
SELECT budget, used_tokens, held_tokens FROM budget_status ORDER BY 1;

BEGIN;
SELECT partitions BETWEEN 1 AND 2 AS partitions, permits, carried FROM budget_ledger_retain('45 days', detach => true);
SELECT * FROM budget_verify();
SELECT count(*) BETWEEN 1 AND 2 AS still_tables FROM pg_class
 WHERE relnamespace = 'agentcore'::regnamespace AND relname ~ '^budget_ledger_\d{4}_\d\d$' AND NOT relispartition;
ROLLBACK;
SELECT partitions BETWEEN 1 AND 2 AS partitions, permits, carried FROM budget_ledger_retain('45 days');
SELECT * FROM public.ledger_rows WHERE part = 'default' ORDER BY budgets, event, tokens;
SELECT count(*) FROM pg_class WHERE relnamespace = 'agentcore'::regnamespace AND relname ~ '^budget_ledger_\d{4}_\d\d$' AND NOT relispartition;
SELECT state, held_tokens, key FROM permits ORDER BY held_tokens;
SELECT * FROM budget_verify();
TABLE before EXCEPT SELECT budget, used_tokens, used_usd, used_calls, held_tokens FROM budget_status;
-- again, and nothing more goes
SELECT partitions, permits, carried FROM budget_ledger_retain('45 days');
SELECT * FROM budget_verify();
-- a window defined anew counts what is carried
SELECT budget_set('year', period => '60 years', parent => 'life');
SELECT used_tokens FROM budget_status WHERE budget = 'year';
SELECT * FROM budget_verify();
-- the key of the unknown outcome is closed still, that of the answered call is free
SELECT verdict, reason FROM call_begin('bot', 't', '{"a": 2}', est_tokens => 21, key => 'lost');
SELECT verdict, reason FROM call_begin('bot', 't', '{"a": 3}', est_tokens => 22, key => 'done');
-- and what is left can be settled as ever
SELECT call_commit(:'id', tokens => 4);
SELECT call_resolve(:'lost', true, tokens => 1);
SELECT * FROM budget_verify();

-- Refused ------------------------------------------------------------------------
SELECT budget_ledger_partition(-1);
SELECT budget_ledger_partition(NULL);
SELECT budget_ledger_partition(121);
SELECT budget_ledger_retain(NULL);
SELECT budget_ledger_retain('0');
SELECT budget_ledger_retain('-1 day');
SELECT budget_ledger_retain('23 hours');
SELECT budget_ledger_retain('1000 years');
SELECT budget_ledger_retain('1 year', NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT budget_ledger_partition();
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT budget_ledger_retain('1 year');
ROLLBACK;
-- an administrator of one tenant is not one of all
CREATE ROLE budget_ledger_admin;
SELECT access_grant('budget_ledger_admin', 'admin', '{"", other}');
SET ROLE budget_ledger_admin;
SELECT agentcore.budget_ledger_retain('1 year');
SELECT agentcore.budget_ledger_partition();
SELECT agentcore.partition_make('agentcore.budget_ledger', 'ledger', 1, now());
SELECT agentcore.budget_ledger_retire(now(), false);
RESET ROLE;
SELECT access_grant('budget_ledger_admin', 'admin', '{*}');
SET ROLE budget_ledger_admin;
SELECT partitions, permits FROM agentcore.budget_ledger_retain('1 year');
SELECT agentcore.budget_ledger_partition();
RESET ROLE;
SELECT access_revoke('budget_ledger_admin');
DROP ROLE budget_ledger_admin;

-- Somebody's own partitions are looked at too -------------------------------------
CREATE TABLE public.next_year (LIKE agentcore.budget_ledger);
DO $$ BEGIN EXECUTE format('ALTER TABLE agentcore.budget_ledger ATTACH PARTITION public.next_year FOR VALUES FROM (%L) TO (MAXVALUE)', (date_trunc('month', now() AT TIME ZONE 'UTC') + '5 months') AT TIME ZONE 'UTC'); END $$;
SELECT budget_ledger_partition(12);
SELECT count(*) FROM public.parts;
ALTER TABLE agentcore.budget_ledger DETACH PARTITION public.next_year;
DROP TABLE public.next_year;
DROP FUNCTION public.spend(text, bigint);
DROP EXTENSION agentcore CASCADE;
SELECT count(*) FROM pg_class WHERE relname LIKE 'budget_ledger%';
SET client_min_messages = warning;
CREATE EXTENSION agentcore;
