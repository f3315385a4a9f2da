-- The log's partitions: made ahead, retired when old.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
SET timezone = 'America/New_York';
SET datestyle = 'German';
SELECT policy_set('p'), policy_allow_tool('p', 't') > 0 AS allows, agent_set('a', 'p'), tool_set('t', '{}');

-- partitions by the month they begin in, counted from this one
CREATE VIEW public.parts AS
  SELECT CASE WHEN c.relname ~ '_default$' THEN 'default'
              ELSE 'month ' || (12 * extract(year FROM to_date(right(c.relname, 7), 'YYYY_MM')) + extract(month FROM to_date(right(c.relname, 7), 'YYYY_MM'))
                 - 12 * extract(year FROM now() AT TIME ZONE 'UTC') - extract(month FROM now() AT TIME ZONE 'UTC'))::int END AS part,
         ARRAY(SELECT substring(pg_get_indexdef(x.indexrelid) FROM 'USING .*') FROM pg_index x WHERE x.indrelid = c.oid ORDER BY 1) AS indexed,
         c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'agentcore.call_log_entry'::regclass) AS same_owner,
         has_table_privilege('public', c.oid, 'SELECT') AS public, obj_description(c.oid) IS NOT NULL AS commented, c.oid::regclass AS rel
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'agentcore.call_log_entry'::regclass;
CREATE VIEW public.log_rows AS SELECT p.part, l.tool FROM call_log_entry l JOIN public.parts p ON p.rel = l.tableoid;

-- a partition takes its month's rows over from the default partition, and those that come
SELECT verdict FROM call_begin('a', 't');
SELECT * FROM public.log_rows;
-- an index that somebody has added is made for each
CREATE INDEX ON call_log_entry_default (task) WHERE task IS NOT NULL;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
SELECT call_log_partition(2);
SELECT call_log_partition(2);
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC;
SELECT part, indexed, same_owner, public, commented FROM public.parts ORDER BY part;
SELECT verdict FROM call_begin('a', 't');
SELECT part, count(*) FROM public.log_rows GROUP BY 1;
SELECT count(*), count(DISTINCT id) FROM call_log;

-- a clock that jumps: a row goes where its time belongs
SET agentcore.debug_clock_offset = 34560000000;
SELECT verdict FROM call_begin('a', 't');
SET agentcore.debug_clock_offset = -34560000000;
SELECT verdict FROM call_begin('a', 't');
RESET agentcore.debug_clock_offset;
SELECT part, count(*) FROM public.log_rows GROUP BY 1 ORDER BY 1;

-- what is old goes, with its partition or out of the default one; the rest stays
SELECT agentcore.partition_make('call_log_entry', 'log of calls', 1, now() - interval '160 days') BETWEEN 1 AND 2 AS made;
INSERT INTO call_log_entry (tenant, at, event, tool, verdict, enforced, role) VALUES ('', now() - interval '155 days', 'begin', 'old', 'run', true, 'r');
SELECT part LIKE 'month -%' AS by_month, tool FROM public.log_rows WHERE tool = 'old';
SELECT cutoff < now() - interval '120 days' AS cut, partitions > 0 AS partitions, rows FROM call_log_retain('120 days', detach => true);
SELECT tool, count(*) FROM call_log GROUP BY 1;
SELECT count(*) > 0 AS kept, bool_and(has_table_privilege('public', oid, 'SELECT')) AS public FROM pg_class WHERE relname ~ '^call_log_entry_\d' AND relkind = 'r' AND NOT relispartition;
SELECT partitions, rows FROM call_log_retain('120 days');
SELECT partitions, rows FROM call_log_retain('1 day', false);
SELECT part, count(*) FROM public.log_rows GROUP BY 1 ORDER BY 1;

-- a partition that is missing: the call is refused, never made without its row
ALTER TABLE call_log_entry DETACH PARTITION call_log_entry_default;
SET agentcore.debug_clock_offset = 345600000000;
\set VERBOSITY sqlstate
SELECT verdict FROM call_begin('a', 't');
RESET agentcore.debug_clock_offset;
SELECT verdict FROM call_begin('a', 't');
\set VERBOSITY terse
SELECT call_log_partition(3);
SELECT partitions FROM call_log_retain('1 day');
\set VERBOSITY default
ALTER TABLE call_log_entry ATTACH PARTITION call_log_entry_default DEFAULT;
SELECT call_log_partition(3);

-- a partition with its columns elsewhere, and a table that writes by a trigger
CREATE TABLE public.heard (tool text);
CREATE FUNCTION public.hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.heard VALUES (NEW.tool); RETURN NEW; END $$;
CREATE TRIGGER hear AFTER INSERT ON call_log_entry FOR EACH ROW EXECUTE FUNCTION public.hear();
SELECT verdict FROM call_begin('a', 't');
SELECT * FROM public.heard;
DROP TRIGGER hear ON call_log_entry;
CREATE TABLE public.odd (LIKE call_log_entry INCLUDING DEFAULTS);
ALTER TABLE public.odd DROP COLUMN tool, ADD COLUMN tool text COLLATE "C";
ALTER TABLE call_log_entry ATTACH PARTITION public.odd FOR VALUES FROM ('01.01.2090') TO ('01.01.2110');
SET agentcore.debug_clock_offset = 2300000000000;
SELECT verdict FROM call_begin('a', 't');
RESET agentcore.debug_clock_offset;
SELECT event, tool, verdict FROM public.odd;

-- who may
CREATE ROLE regress_record_admin;
SELECT access_grant('regress_record_admin', 'admin', '{""}');
SET ROLE regress_record_admin;
SELECT call_log_partition();
SELECT * FROM call_log_retain('400 days');
SELECT call_log_retire(now(), false);
RESET ROLE;
DROP OWNED BY regress_record_admin;
DROP ROLE regress_record_admin;
SELECT call_log_partition(-1);
SELECT call_log_retain('1 hour');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT call_log_partition();
ROLLBACK;
DROP VIEW public.log_rows, public.parts;
