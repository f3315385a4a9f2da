-- What somebody has added to the tables of budgets, permits and the ledger: triggers and the like are
-- heeded, what cannot be heeded is refused, and altered columns are noticed.

CREATE TABLE audit (id serial, seen text);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.audit (seen) VALUES (format('%s %s: %s -> %s', TG_OP, TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN
    coalesce(to_jsonb(OLD) ->> 'state', to_jsonb(OLD) ->> 'held') END, CASE WHEN TG_OP <> 'DELETE' THEN
    coalesce(to_jsonb(NEW) ->> 'state', to_jsonb(NEW) ->> 'held', to_jsonb(NEW) ->> 'event') END));
  RETURN NULL;
END
$$;
CREATE FUNCTION audit_said() RETURNS SETOF text LANGUAGE sql AS $$
  WITH gone AS (DELETE FROM public.audit RETURNING id, seen) SELECT seen FROM gone ORDER BY id $$;
CREATE FUNCTION run(key text) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT agentcore.budget_commit(agentcore.budget_acquire('b', 10, key => key), 5) $$;
SET agentcore.budget_guard = off;
SELECT agentcore.budget_set('b', max_tokens => 1000);

-- a trigger sees every row, also in a session that has written the table before
SELECT run('before');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON agentcore.permit FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON agentcore.budget_counter FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT ON agentcore.budget_ledger FOR EACH ROW EXECUTE FUNCTION audit();
SELECT run('k');
SELECT audit_said();
SELECT agentcore.budget_acquire('b', 10) AS p \gset
SELECT agentcore.budget_release(:'p');
SELECT agentcore.budget_acquire('b', 10, lease => '1 microsecond') AS p \gset
SELECT pg_sleep(0.01);
SELECT agentcore.budget_reap();
SELECT audit_said();
SELECT agentcore.budget_set('b', max_tokens => 1000, period => '1 day');
SELECT agentcore.budget_set('b', reset => '{period}');
SELECT audit_said();
-- the same key and request, and what is undone, writes nothing
SELECT run('k');
SELECT audit_said();
BEGIN;
SELECT run('undone');
ROLLBACK;
SELECT audit_said();
-- the stricter levels too
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT run('strict');
COMMIT;
SELECT audit_said();
-- a call of the gate that needs no permit in the end
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('a', 'p', 'b');
SELECT agentcore.tool_set('t', '{"type": "object"}', est_tokens => 10);
SELECT agentcore.call_commit(call_id, '{}', tokens => 1) FROM agentcore.call_begin('a', 't', '{}', key => 'call');
SELECT audit_said();
SELECT * FROM agentcore.budget_verify();

-- a column that is renamed meanwhile is noticed, and so is one that is renamed back
ALTER TABLE agentcore.permit RENAME COLUMN subject TO topic;
SELECT run('renamed');
ALTER TABLE agentcore.permit RENAME COLUMN topic TO subject;
SELECT run('renamed back');
DELETE FROM audit;
DROP TRIGGER audit ON agentcore.permit;
DROP TRIGGER audit ON agentcore.budget_counter;
DROP TRIGGER audit ON agentcore.budget_ledger;
SELECT run('no trigger');
SELECT audit_said();

-- a trigger that writes another row than it was given
CREATE FUNCTION less() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'permit' THEN NEW.held_tokens := 0; ELSE NEW.tokens := 0; END IF;
  RETURN NEW;
END
$$;
SELECT agentcore.budget_acquire('b', 10) AS p \gset
CREATE TRIGGER less BEFORE INSERT OR UPDATE ON agentcore.permit FOR EACH ROW EXECUTE FUNCTION less();
SELECT agentcore.budget_acquire('b', 10);
SELECT agentcore.budget_commit(:'p', 5);
DROP TRIGGER less ON agentcore.permit;
CREATE TRIGGER less BEFORE INSERT ON agentcore.budget_ledger FOR EACH ROW EXECUTE FUNCTION less();
SELECT agentcore.budget_commit(:'p', 5);
DROP TRIGGER less ON agentcore.budget_ledger;
SELECT agentcore.budget_commit(:'p', 5);
SELECT * FROM agentcore.budget_verify();

-- replication's own settings count: an ordinary trigger stays silent, one that is ALWAYS does not
CREATE TRIGGER audit AFTER INSERT ON agentcore.permit FOR EACH ROW EXECUTE FUNCTION audit();
SET session_replication_role = replica;
SELECT run('replica');
SELECT audit_said();
ALTER TABLE agentcore.permit ENABLE ALWAYS TRIGGER audit;
SELECT run('always');
SELECT audit_said();
RESET session_replication_role;
DROP TRIGGER audit ON agentcore.permit;

-- triggers for each statement, of the ledger too, whose parts do not have them
CREATE FUNCTION audit_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.audit (seen) VALUES (TG_OP || ' statement on ' || TG_TABLE_NAME);
  RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT ON agentcore.budget_ledger FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE TRIGGER audit AFTER UPDATE ON agentcore.budget_counter FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
SELECT run('statement');
SELECT audit_said();
DROP TRIGGER audit ON agentcore.budget_ledger;
DROP TRIGGER audit ON agentcore.budget_counter;

-- an error of a trigger's undoes the call, books included
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
CREATE TRIGGER fails AFTER INSERT ON agentcore.permit FOR EACH ROW EXECUTE FUNCTION fails();
\set VERBOSITY terse
SELECT agentcore.budget_acquire('b', 10);
\set VERBOSITY default
DROP TRIGGER fails ON agentcore.permit;
SELECT * FROM agentcore.budget_verify();

-- a trigger that keeps a row from being written is refused: the counter would admit what is spent
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER nothing BEFORE UPDATE ON agentcore.budget_counter FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT agentcore.budget_acquire('b', 10);
DROP TRIGGER nothing ON agentcore.budget_counter;
CREATE TRIGGER nothing BEFORE INSERT ON agentcore.permit FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT agentcore.budget_acquire('b', 10);
DROP TRIGGER nothing ON agentcore.permit;
CREATE TRIGGER nothing BEFORE INSERT ON agentcore.budget_ledger FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT run('no ledger');
DROP TRIGGER nothing ON agentcore.budget_ledger;

-- rules: one that adds is heeded, one that replaces is refused
CREATE RULE also AS ON INSERT TO agentcore.permit DO ALSO INSERT INTO public.audit (seen) VALUES ('rule of ' || NEW.tool || ' ' || NEW.state::text);
SELECT verdict FROM agentcore.call_begin('a', 't', '{}');
SELECT audit_said();
DROP RULE also ON agentcore.permit;
CREATE RULE instead AS ON UPDATE TO agentcore.budget_counter DO INSTEAD UPDATE public.audit SET seen = '';
SELECT agentcore.budget_acquire('b', 10);
\set VERBOSITY sqlstate
SELECT agentcore.budget_acquire('b', 10);
\set VERBOSITY default
DROP RULE instead ON agentcore.budget_counter;
CREATE RULE instead AS ON INSERT TO agentcore.budget_ledger DO INSTEAD NOTHING;
SELECT run('no ledger');
DROP RULE instead ON agentcore.budget_ledger;

-- checks and exclusion constraints
ALTER TABLE agentcore.permit ADD CONSTRAINT few CHECK (held_tokens < 100);
\set VERBOSITY terse
SELECT agentcore.budget_acquire('b', 100);
\set VERBOSITY default
ALTER TABLE agentcore.permit DROP CONSTRAINT few;
ALTER TABLE agentcore.permit ADD CONSTRAINT once EXCLUDE USING btree (subject WITH =);
SELECT verdict FROM agentcore.call_begin('a', 't', '{"n": 1}', subject => 'one');
SELECT verdict FROM agentcore.call_begin('a', 't', '{"n": 2}', subject => 'one');
ALTER TABLE agentcore.permit DROP CONSTRAINT once;

-- row security is that of the tables' owner: it applies where a table belongs to another
ALTER TABLE agentcore.budget_counter ENABLE ROW LEVEL SECURITY;
SELECT run('row security of the owner');
ALTER TABLE agentcore.budget_counter FORCE ROW LEVEL SECURITY;
SELECT run('forced row security of the owner');
ALTER TABLE agentcore.budget_counter NO FORCE ROW LEVEL SECURITY;
CREATE ROLE regress_owner;
GRANT USAGE ON SCHEMA agentcore TO regress_owner;
GRANT ALL ON ALL TABLES IN SCHEMA agentcore TO regress_owner;
ALTER TABLE agentcore.registry_change OWNER TO regress_owner;
SELECT run('row security without a policy');
CREATE POLICY everything ON agentcore.budget_counter TO regress_owner USING (true);
SELECT run('row security with a policy');
DROP POLICY everything ON agentcore.budget_counter;
ALTER TABLE agentcore.budget_counter DISABLE ROW LEVEL SECURITY;
SELECT run('no row security, another owner');
ALTER TABLE agentcore.registry_change OWNER TO CURRENT_USER;
DROP OWNED BY regress_owner;
DROP ROLE regress_owner;
SELECT * FROM agentcore.budget_verify();

-- an index that becomes ready says so by itself, as CREATE INDEX CONCURRENTLY does between its steps
CREATE INDEX later ON agentcore.permit (subject);
SET allow_system_table_mods = on;
UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'agentcore.later'::regclass;
SELECT verdict FROM agentcore.call_begin('a', 't', '{"n": 3}', subject => 'not ready');
UPDATE pg_index SET indisready = true WHERE indexrelid = 'agentcore.later'::regclass;
SELECT verdict FROM agentcore.call_begin('a', 't', '{"n": 4}', subject => 'ready');
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'agentcore.later'::regclass;
RESET allow_system_table_mods;
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT s.subject, count(p.id) AS found_by_index FROM (VALUES ('not ready'), ('ready')) AS s(subject)
 CROSS JOIN LATERAL (SELECT p.id FROM agentcore.permit p WHERE p.subject = s.subject OFFSET 0) p GROUP BY 1;
COMMIT;
DROP INDEX agentcore.later;

-- what a publication could not tell a subscriber is refused as for every table
ALTER TABLE agentcore.permit REPLICA IDENTITY NOTHING;
SET client_min_messages = error;
CREATE PUBLICATION everything FOR TABLE agentcore.permit;
RESET client_min_messages;
SELECT run('no identity');
ALTER TABLE agentcore.permit REPLICA IDENTITY DEFAULT;
SELECT run('identity');
DROP PUBLICATION everything;

-- columns that were dropped or altered are noticed, wherever they are known by position
CREATE PROCEDURE without(change text) LANGUAGE plpgsql AS $$
DECLARE
  problem text;
BEGIN
  EXECUTE change;
  BEGIN
    PERFORM run('altered');
    problem := 'none';
  EXCEPTION WHEN OTHERS THEN
    problem := SQLSTATE || ' ' || SQLERRM;
  END;
  RAISE NOTICE '%: %', change, problem;
  ROLLBACK;
END
$$;
CALL without('ALTER TABLE agentcore.permit DROP COLUMN spent_tokens CASCADE');
CALL without('ALTER TABLE agentcore.permit DROP COLUMN held_by CASCADE');
CALL without('ALTER TABLE agentcore.permit ADD COLUMN more text');
CALL without('ALTER TABLE agentcore.permit ALTER COLUMN budgets DROP NOT NULL');
CALL without('ALTER TABLE agentcore.permit DROP COLUMN result CASCADE, ADD COLUMN result jsonb');
CALL without('ALTER TABLE agentcore.budget_counter ALTER COLUMN window_revision TYPE numeric');
CALL without('ALTER TABLE agentcore.budget_counter DROP COLUMN used CASCADE');
CALL without('ALTER TABLE agentcore.budget_counter DROP COLUMN warned CASCADE');
CALL without('ALTER TABLE agentcore.budget_ledger ALTER COLUMN is_llm DROP NOT NULL');
CALL without('ALTER TABLE agentcore.budget_ledger ADD COLUMN more text');
SELECT run('unaltered');
-- also once the rows were written anew without it
SELECT agentcore.budget_acquire('b', 10) AS p \gset
ALTER TABLE agentcore.permit DROP COLUMN spent_tokens CASCADE;
VACUUM FULL agentcore.permit;
SELECT agentcore.budget_commit(:'p', 5);
