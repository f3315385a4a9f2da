-- Seals of the log: what was sealed is proved, and every kind of tampering is seen.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
SET search_path = agentcore, pg_catalog;
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS allowed, agent_set('a', 'p');
SELECT tool_set('t', '{"type": "object"}', log_args => '{/n}', record => 'all');
CREATE FUNCTION public.calls(n integer, tenant text DEFAULT '') RETURNS bigint LANGUAGE sql AS $$
  SELECT count(call_commit(b.call_id, '{"ok": [1.0, "\u00fc", null]}', tenant => tenant))
    FROM generate_series(1, n) i, call_begin('a', 't', jsonb_build_object('n', i), key => md5(clock_timestamp()::text || i), task => 'x', subject => 'ü', tenant => tenant) b $$;
CREATE VIEW public.wrong AS SELECT batch, state, rows, found, detail FROM log_verify() WHERE state <> 'ok';

-- nothing yet
SELECT count(*) FROM log_seal();
SELECT * FROM log_verify();

-- batches: of everything that is new, of as many rows as are wished
SELECT public.calls(5);
SELECT batch, rows, length(root) AS root, length(seal) AS seal FROM log_seal();
SELECT count(*) FROM log_seal();
SELECT public.calls(4);
SELECT * FROM log_verify();
SELECT batch, rows FROM log_seal(max_rows => 3);
SELECT * FROM log_verify();
SELECT batch, rows, fields = (SELECT count(*) FROM pg_attribute WHERE attrelid = 'call_log_entry'::regclass AND attnum > 0) AS all_columns, role = current_user AS by_me, retired_before,
       previous IS NOT DISTINCT FROM lag(seal) OVER (ORDER BY batch) AS chained FROM log_seals ORDER BY batch;
-- ids that were never used
BEGIN; SELECT public.calls(2); ROLLBACK;
SELECT public.calls(1);
SELECT batch, rows FROM log_seal();
SELECT upper(ids) - lower(ids) AS span, rows, to_id - from_id + 1 AS sealed FROM log_seals ORDER BY batch DESC LIMIT 1;

-- the hashes, computed by somebody else from what doc/seals.md says
CREATE FUNCTION public.field(bytes bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT coalesce('\x01' || int4send(length(bytes)) || bytes, '\x00') $$;
CREATE FUNCTION public.fields(e call_log_entry) RETURNS bytea LANGUAGE sql AS $$
  SELECT string_agg(public.field(CASE WHEN v IS NULL THEN NULL ELSE CASE a.type
           WHEN 'text' THEN convert_to(v #>> '{}', 'UTF8')
           WHEN 'bigint' THEN int8send((v #>> '{}')::bigint)
           WHEN 'integer' THEN int4send((v #>> '{}')::integer)
           WHEN 'boolean' THEN boolsend((v #>> '{}')::boolean)
           WHEN 'uuid' THEN uuid_send((v #>> '{}')::uuid)
           WHEN 'timestamp with time zone' THEN timestamptz_send((v #>> '{}')::timestamptz)
           WHEN 'bytea' THEN (v #>> '{}')::bytea
           WHEN 'text[]' THEN (SELECT coalesce(string_agg(public.field(convert_to(x, 'UTF8')), '' ORDER BY n), '') FROM jsonb_array_elements_text(v) WITH ORDINALITY u (x, n))
           WHEN 'integer[]' THEN (SELECT coalesce(string_agg(public.field(int4send(x::integer)), '' ORDER BY n), '') FROM jsonb_array_elements_text(v) WITH ORDINALITY u (x, n))
           WHEN 'jsonb' THEN convert_to(v::text, 'UTF8') END END), '' ORDER BY a.attnum)
    FROM (SELECT attnum, attname, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = 'agentcore.call_log_entry'::regclass AND attnum > 0) a,
         LATERAL (SELECT nullif(to_jsonb(e) -> a.attname, 'null') AS v) x $$;
CREATE FUNCTION public.root(leaves bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE k integer := 1;
BEGIN
  IF cardinality(leaves) = 1 THEN RETURN leaves[1]; END IF;
  WHILE k * 2 < cardinality(leaves) LOOP k := k * 2; END LOOP;
  RETURN sha256('\x01' || public.root(leaves[1:k]) || public.root(leaves[k + 1:]));
END $$;
CREATE VIEW public.roots AS SELECT batch, root = public.root((SELECT array_agg(sha256('\x00' || public.fields(e)) ORDER BY e.id) FROM call_log_entry e WHERE b.ids @> e.id)) AS same_root,
       seal = sha256('\x02' || string_agg(public.field(f), '' ORDER BY n)) AS same_seal
  FROM log_batch b, LATERAL unnest(ARRAY[int8send(batch), int8send(from_id), int8send(to_id), convert_to(ids::text, 'UTF8'), timestamptz_send(from_at), timestamptz_send(to_at), int8send(rows), int4send(fields),
       root, timestamptz_send(at), convert_to(role, 'UTF8'), timestamptz_send(retired_before), previous]) WITH ORDINALITY u (f, n) WHERE b.rows > 0 GROUP BY b.tenant, b.batch;
SELECT * FROM public.roots ORDER BY batch;

-- each row is proved to be one of its batch, and in no other place
SELECT count(*), bool_and(log_proof_valid(leaf, place, rows, path, root)) AS valid, bool_and(leaf = sha256('\x00' || public.fields(e))) AS same_leaf,
       bool_or(log_proof_valid(leaf, (place + 1) % rows, rows, path, root) AND rows > 1) OR bool_or(log_proof_valid(sha256(leaf), place, rows, path, root)) OR bool_or(log_proof_valid(leaf, place, rows, path || root, root)) AS another
  FROM call_log_entry e, log_proof(e.id);
SELECT count(*) FROM log_proof(0);
SELECT log_proof_valid('\x00', 0, 1, '{}', '\x00'), log_proof_valid(sha256(''), 0, 1, '{}', sha256('')), log_proof_valid(sha256(''), -1, 1, '{}', sha256('')), log_proof_valid(sha256(''), 0, 0, '{}', sha256('')), log_proof_valid(NULL, 0, 1, '{}', '');

-- Tampering -------------------------------------------------------------------------------------------

-- every column of a row, one at a time
CREATE FUNCTION public.tampered(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  BEGIN
    EXECUTE change;
    SELECT string_agg(concat_ws(' ', w.batch, w.state, w.rows, w.found), '; ' ORDER BY w.batch NULLS LAST) INTO answer FROM public.wrong w;
    RAISE EXCEPTION USING ERRCODE = 'ZZ999';
  EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
    NULL;
  END;
  RETURN coalesce(answer, 'not seen');
END $$;
SELECT count(*) AS columns, count(*) FILTER (WHERE public.tampered(format('UPDATE call_log_entry SET %1$I = %2$s WHERE id = 4', attname,
         CASE WHEN type = 'text' THEN format('coalesce(%I, '''') || ''x''', attname) WHEN type = 'bigint' THEN format('coalesce(%I, 0) + %s', attname, CASE attname WHEN 'id' THEN 1000 ELSE 1 END)
              WHEN type = 'integer' THEN format('coalesce(%I, 0) + 1', attname) WHEN type = 'boolean' THEN format('NOT %I', attname) WHEN type = 'uuid' THEN 'gen_random_uuid()'
              WHEN type = 'timestamp with time zone' THEN format('%I + interval ''1 microsecond''', attname) WHEN type = 'bytea' THEN '''\x01''' WHEN type = 'text[]' THEN '''{b,NULL}''' WHEN type = 'integer[]' THEN '''{1,NULL}'''
              WHEN type = 'jsonb' THEN '''{"ok": [1, null]}''' END)) ~ '^1 (changed 10 10|missing 10 9)') AS seen
  FROM (SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = 'call_log_entry'::regclass AND attnum > 0) a;
SELECT what, public.tampered(change) FROM (VALUES
  ('null for empty', $$UPDATE call_log_entry SET reason = '' WHERE id = 4$$),
  ('moved from one column to the next', $$UPDATE call_log_entry SET agent = NULL, tool = agent WHERE id = 4$$),
  ('a number in another form', $$UPDATE call_log_entry SET result = '{"ok": [1.00, "\u00fc", null]}' WHERE id = 4$$),
  ('removed', $$DELETE FROM call_log_entry WHERE id = 4$$),
  ('all of a batch removed', $$DELETE FROM call_log_entry WHERE id <= 10$$),
  ('everything removed', $$TRUNCATE call_log_entry$$),
  ('added with an id of another', $$INSERT INTO call_log_entry SELECT * FROM call_log_entry WHERE id = 4$$),
  ('added with an id that was never used', $$INSERT INTO call_log_entry (tenant, event, verdict, enforced, role, id) SELECT '', 'begin', 'run', true, 'r', from_id FROM log_batch WHERE upper(ids) - lower(ids) < to_id - from_id + 1 ORDER BY batch LIMIT 1$$),
  ('added before the first', $$INSERT INTO call_log_entry (tenant, event, verdict, enforced, role, id) VALUES ('', 'begin', 'run', true, 'r', 0), ('', 'begin', 'run', true, 'r', -5)$$),
  ('removed and added', $$UPDATE call_log_entry SET id = 5 WHERE id = 4$$),
  ('two swapped', $$UPDATE call_log_entry SET id = 9 - id WHERE id IN (4, 5)$$),
  ('two swapped between batches', $$UPDATE call_log_entry SET id = 16 - id WHERE id IN (4, 12)$$),
  ('moved to another month', $$UPDATE call_log_entry SET at = at - interval '40 days' WHERE id = 4$$),
  ('a root', $$UPDATE log_batch SET root = sha256('') WHERE batch = 2$$),
  ('a seal', $$UPDATE log_batch SET seal = sha256('') WHERE batch = 2$$),
  ('a hash of another length', $$UPDATE log_batch SET root = '' WHERE batch = 2$$),
  ('ids left out', $$UPDATE log_batch SET ids = ids - '{[4,5)}'::int8multirange, rows = rows - 1 WHERE batch = 1$$),
  ('a row and its id', $$WITH d AS (DELETE FROM call_log_entry WHERE id = 4) UPDATE log_batch SET ids = ids - '{[4,5)}'::int8multirange, rows = rows - 1 WHERE batch = 1$$),
  ('hidden under another tenant', $$UPDATE log_batch SET tenant = 'x' WHERE batch = 2$$),
  ('who sealed', $$UPDATE log_batch SET role = 'x' WHERE batch = 3$$),
  ('a batch removed', $$DELETE FROM log_batch WHERE batch = 2$$),
  ('the first batch removed', $$DELETE FROM log_batch WHERE batch = 1$$),
  ('the last batch removed', $$DELETE FROM log_batch WHERE batch = (SELECT max(batch) FROM log_batch)$$),
  ('all batches removed', $$DELETE FROM log_batch$$),
  ('batches swapped', $$UPDATE log_batch SET batch = CASE batch WHEN 2 THEN 1002 ELSE 1003 END WHERE batch IN (2, 3); UPDATE log_batch SET batch = 1005 - batch WHERE batch > 1000$$),
  ('retention that was none', $$UPDATE log_batch SET retired_before = 'infinity' WHERE batch = 3; DELETE FROM call_log_entry WHERE id <= 10$$)) t (what, change);
SELECT * FROM public.wrong;
-- which rows, and from a later batch on
BEGIN;
DELETE FROM call_log_entry WHERE id IN (3, 7); DELETE FROM call_log_entry WHERE id = 12;
INSERT INTO call_log_entry (tenant, event, verdict, enforced, role, id) SELECT '', 'begin', 'run', true, 'r', -i FROM generate_series(1, 9) i;
INSERT INTO call_log_entry (tenant, event, verdict, enforced, role, id) SELECT '', 'begin', 'run', true, 'r', 4;
SELECT * FROM public.wrong;
SELECT batch, state FROM log_verify(3);
ROLLBACK;
-- the seals themselves rewritten by an owner: only who has kept one sees it
SELECT seal AS witness FROM log_seals ORDER BY batch DESC LIMIT 1 \gset
SELECT seal AS early FROM log_seals WHERE batch = 1 \gset
BEGIN;
DELETE FROM call_log_entry WHERE id = 4; DELETE FROM log_batch;
SELECT count(*) FROM log_seal();
SELECT * FROM public.wrong;
SELECT batch, state, detail FROM log_verify(witness => :'witness') WHERE state <> 'ok';
ROLLBACK;
SELECT batch, state, detail FROM log_verify(witness => :'early') WHERE state <> 'ok';
SELECT batch, state, detail FROM log_verify(witness => '\x00') WHERE state <> 'ok';

-- Retention and months ------------------------------------------------------------------------------------

-- rows of two months in one sealing are two batches
SELECT public.calls(3);
UPDATE call_log_entry SET at = at - interval '100 days' WHERE id > (SELECT max(to_id) FROM log_batch) AND event = 'begin';
SELECT rows FROM log_seal() ORDER BY batch;
SELECT count(DISTINCT (from_id, to_id)) AS ranges, count(*) AS batches FROM log_seals WHERE batch >= (SELECT max(batch) - 1 FROM log_seals);
SELECT * FROM public.wrong;
SELECT bool_and(same_root AND same_seal) FROM public.roots;
-- new partitions take rows over, retention says what it has removed, and removes no more
SELECT call_log_partition(1);
SELECT * FROM public.wrong;
SELECT partitions, rows FROM call_log_retain('50 days');
SELECT state, rows, found, detail FROM public.wrong;
SELECT rows, retired_before < now() AS told, role = current_user AS by_me FROM log_seals ORDER BY batch DESC LIMIT 1;
SELECT partitions, rows, (SELECT count(*) FROM log_seals WHERE retired_before IS NOT NULL) AS told_once FROM call_log_retain('50 days');
SELECT what, public.tampered(change) FROM (VALUES
  ('a row of a month that stays', $$DELETE FROM call_log_entry WHERE id = 4$$),
  ('later times', $$UPDATE log_batch SET retired_before = 'infinity' WHERE retired_before IS NOT NULL; DELETE FROM call_log_entry$$)) t (what, change);
SELECT public.calls(1);
SELECT rows FROM log_seal();
SELECT state, rows, found FROM public.wrong;

-- a column that a later version adds changes nothing of what was sealed before
BEGIN;
ALTER TABLE call_log_entry ADD COLUMN later text;
SELECT state, rows, found FROM public.wrong;
ROLLBACK;

-- Who may, and what may not be asked ---------------------------------------------------------------------------

SELECT pg_temp.refused(s) FROM unnest(ARRAY['SELECT log_seal(NULL)', 'SELECT log_seal(max_rows => 0)', 'SELECT log_seal(''-1 s'')', 'SELECT log_seal(max_rows => NULL)', 'SELECT log_proof(NULL)']) s;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT log_seal();
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SELECT count(*) FROM log_verify() WHERE state = 'ok';
ROLLBACK;
CREATE ROLE regress_auditor;
SELECT access_grant('regress_auditor', 'reader', '{*}');
SET ROLE regress_auditor;
SELECT count(*) > 3 AS verified FROM agentcore.log_verify() WHERE state = 'ok';
SELECT count(*) > 3 AS seen FROM agentcore.log_seals;
SELECT pg_temp.refused('SELECT agentcore.log_seal()');
RESET ROLE;
SELECT access_revoke('regress_auditor');
SELECT access_grant('regress_auditor', 'admin', '{one}');
SET ROLE regress_auditor;
SELECT pg_temp.refused(s) FROM unnest(ARRAY['SELECT agentcore.log_seal()', 'SELECT agentcore.log_verify()', 'SELECT agentcore.log_proof(1)', 'SELECT agentcore.log_seal_retired(now())', 'DELETE FROM agentcore.log_batch']) s;
SELECT count(*) AS seen FROM agentcore.log_seals;
RESET ROLE;
SELECT access_revoke('regress_auditor');
DROP ROLE regress_auditor;
DROP VIEW public.wrong, public.roots;
DROP FUNCTION public.calls, public.tampered, public.root, public.fields, public.field;
