-- tool: the history of tools, written by triggers.

CREATE TABLE agentcore.tool_revision (
  tenant       text COLLATE "C" NOT NULL,
  tool         text COLLATE "C" NOT NULL,
  revision     bigint NOT NULL,
  id           uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  at           timestamptz NOT NULL DEFAULT agentcore.clock_now(),
  role         text COLLATE "C" NOT NULL,
  session_role text COLLATE "C" NOT NULL DEFAULT session_user,
  action       text COLLATE "C" NOT NULL,
  origin       text COLLATE "C",
  digest       text COLLATE "C",
  before       jsonb,
  after        jsonb,
  PRIMARY KEY (tenant, tool, revision, id)
);
SELECT pg_catalog.pg_extension_config_dump('agentcore.tool_revision', '');
COMMENT ON TABLE agentcore.tool_revision IS
  'Append-only history: one row per change of a tool, by whatever means, written in the transaction of the change. '
  'revision: the one that the tool has had since. '
  'role: who called the function or wrote to the table (after SET ROLE, or the owner of a SECURITY DEFINER function). '
  'session_role: who logged in. '
  'action: tool_add, tool_change, tool_hold (a changed definition waits), tool_accept (it waits no more), tool_drop, history_retain. '
  'origin: the tool''s, after the change. '
  'digest: as tool_digest() has it, of the definition that waits (tool_hold), else of the one in force. '
  'before, after: the members of the row that changed; all of them for a new or dropped tool. '
  'A restore is recorded as changes by the role that restores. '
  'Old rows are deleted by tool_history_retain().';

CREATE FUNCTION agentcore.tool_history_trigger() RETURNS trigger
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET intervalstyle = 'postgres'
  AS $$
DECLARE
  key constant text[] := '{tenant,name,revision}';
  was jsonb;
  will jsonb;
  kept text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO agentcore.tool_revision (tenant, tool, revision, role, action, origin, digest, before)
    SELECT t.tenant, t.name, nextval('agentcore.revision_seq'), agentcore.history_writer(), 'tool_drop', t.origin,
           agentcore.tool_definition_digest(t.description, t.input_schema, t.meta, t.output_schema), to_jsonb(t) - key
      FROM agentcore.tool t;
    RETURN NULL;
  END IF;
  was := to_jsonb(OLD) - key;
  will := to_jsonb(NEW) - key;
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.tenant, OLD.name) IS DISTINCT FROM (NEW.tenant, NEW.name) THEN
    INSERT INTO agentcore.tool_revision (tenant, tool, revision, role, action, origin, digest, before)
    VALUES (OLD.tenant, OLD.name, nextval('agentcore.revision_seq'), agentcore.history_writer(), 'tool_drop', OLD.origin,
            agentcore.tool_definition_digest(OLD.description, OLD.input_schema, OLD.meta, OLD.output_schema), was);
    was := NULL;
  END IF;
  IF was IS NOT NULL AND will IS NOT NULL THEN
    kept := ARRAY(SELECT w.key FROM jsonb_each(was) w WHERE w.value = will -> w.key);
    was := was - kept;
    will := will - kept;
    IF will = '{}' THEN
      RETURN NULL;
    END IF;
  END IF;
  IF will IS NOT NULL THEN
    INSERT INTO agentcore.tool_revision (tenant, tool, revision, role, action, origin, digest, before, after)
    VALUES (NEW.tenant, NEW.name, NEW.revision, agentcore.history_writer(),
            CASE WHEN was IS NULL THEN 'tool_add' WHEN NOT will ? 'pending' THEN 'tool_change' WHEN NEW.pending IS NULL THEN 'tool_accept' ELSE 'tool_hold' END,
            NEW.origin,
            CASE WHEN NEW.pending IS NOT NULL AND was ? 'pending' THEN NEW.pending ->> 'digest'
                 ELSE agentcore.tool_definition_digest(NEW.description, NEW.input_schema, NEW.meta, NEW.output_schema) END,
            was, will);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION agentcore.tool_history_trigger() IS
  'Internal. '
  'Records a changed tool. '
  'Fires before a TRUNCATE, while the rows can still be seen.';

SELECT agentcore.history_attach('agentcore.tool', 'tool_history');

INSERT INTO agentcore.access_source (relation, hidden) VALUES ('tool_revision', '{id}');
CREATE VIEW agentcore.tool_history WITH (security_barrier) AS
  SELECT r.tenant, r.tool, r.revision, r.at, r.role, r.session_role, r.action, r.origin, r.digest, r.before, r.after
    FROM agentcore.visible_rows(NULL::agentcore.tool_revision) r;
COMMENT ON VIEW agentcore.tool_history IS
  'Changes of tools of the tenants visible to the caller: which definition was in force, or waited, since when, from where and by whose hand. '
  'See tool_revision.';

CREATE FUNCTION agentcore.tool_history_retain(keep interval) RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_history_retain_v1';
COMMENT ON FUNCTION agentcore.tool_history_retain(interval) IS
  'Deletes rows of the history of tools that are older than keep, except of each tool the one that says what it was then; returns how many. '
  'If there were any, that is recorded under tenant * and tool ''''. '
  'Needs admin for every tenant. '
  'Less than a day, or NULL: 22023.';

INSERT INTO agentcore.access_function VALUES ('tool_history_trigger', 'internal'), ('tool_history_retain', 'admin');
