-- task: what is remembered of tasks.

-- Not unique by tenant: two sessions that remember a tenant's first never wait for each other.
CREATE TABLE agentcore.task_memory (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL DEFAULT 'tasks' CHECK (name = 'tasks'),
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  id       uuid DEFAULT pg_catalog.gen_random_uuid(),
  PRIMARY KEY (tenant, id)
);
CREATE INDEX task_memory_tenant ON agentcore.task_memory (tenant, name);
SELECT agentcore.registry_attach('agentcore.task_memory');
COMMENT ON TABLE agentcore.task_memory IS
  'Tenants of which something is remembered of a task: one without a row has nothing looked up. '
  'A tenant has a row for each transaction that was the first, so more than one where several were at once.';

CREATE TABLE agentcore.task (
  tenant     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
  parent     text COLLATE "C",
  root       text COLLATE "C" NOT NULL,
  depth      integer NOT NULL CHECK (depth BETWEEN 0 AND 16),
  stopped_at timestamptz,
  stopped_by text COLLATE "C",
  created_by text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, name),
  FOREIGN KEY (tenant, parent) REFERENCES agentcore.task (tenant, name)
);
COMMENT ON TABLE agentcore.task IS
  'Tasks that somebody has set or stopped; any other name is a task of its own. '
  'root: the top of its tree, to which labels, facts, limits and what runs once belong. '
  'The parent is fixed when the row is made. '
  'Written by task_set() and task_stop().';

-- Not unique: two calls that leave the same label never wait for each other.
CREATE TABLE agentcore.task_label (
  tenant  text COLLATE "C" NOT NULL,
  root    text COLLATE "C" NOT NULL,
  label   text COLLATE "C" NOT NULL,
  task    text COLLATE "C" NOT NULL,
  source  text COLLATE "C" NOT NULL,
  at      timestamptz NOT NULL,
  cleared timestamptz,
  cleared_by text COLLATE "C",
  note    text,
  id      uuid DEFAULT pg_catalog.gen_random_uuid(),
  PRIMARY KEY (tenant, id)
);
CREATE INDEX task_label_root ON agentcore.task_label (tenant, root);
COMMENT ON TABLE agentcore.task_label IS
  'Labels of tasks, by the root of the tree; task is where it came from, source the tool or the role. '
  'A row is never removed but by retention: task_clear() says who cleared it and why. '
  'Label '''' is none: it says that the name has a row in agentcore.task that counts, below another or stopped; a name without it is not looked up there. '
  'id: the row''s identity for logical replication.';

INSERT INTO agentcore.access_source (relation, hidden) VALUES ('task', '{depth}'), ('task_label', '{id}');

CREATE VIEW agentcore.tasks WITH (security_barrier) AS
  SELECT t.tenant, t.name, t.parent, t.root, t.stopped_at, t.stopped_by, t.created_by, t.created_at,
         ARRAY(SELECT DISTINCT l.label FROM agentcore.visible_rows(NULL::agentcore.task_label) l
                WHERE l.tenant = t.tenant AND l.root = t.root AND l.cleared IS NULL AND l.label <> '' ORDER BY 1) AS labels
    FROM agentcore.visible_rows(NULL::agentcore.task) t
  UNION ALL
  SELECT l.tenant, l.root, NULL, l.root, NULL, NULL, NULL, pg_catalog.min(l.at),
         coalesce(pg_catalog.array_agg(DISTINCT l.label) FILTER (WHERE l.cleared IS NULL AND l.label <> ''), '{}')
    FROM agentcore.visible_rows(NULL::agentcore.task_label) l
   WHERE NOT EXISTS (SELECT FROM agentcore.visible_rows(NULL::agentcore.task) t WHERE t.tenant = l.tenant AND t.name = l.root)
   GROUP BY l.tenant, l.root;
COMMENT ON VIEW agentcore.tasks IS
  'Tasks of which something is remembered, of the tenants visible to the caller. '
  'labels: those of the whole tree. '
  'stopped_at: since when no call begins in the task or below.';

CREATE VIEW agentcore.task_labels WITH (security_barrier) AS
  SELECT l.tenant, l.root, l.label, l.task, l.source, l.at, l.cleared, l.cleared_by, l.note
    FROM agentcore.visible_rows(NULL::agentcore.task_label) l
   WHERE l.label <> '';
COMMENT ON VIEW agentcore.task_labels IS
  'Labels of the tasks of the tenants visible to the caller, by the root of the tree: which task and tool (or role) brought each, and who cleared it and why.';

CREATE FUNCTION agentcore.task_set(name text, parent text DEFAULT NULL, labels text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_task_set_v1';
COMMENT ON FUNCTION agentcore.task_set(text, text, text[], text) IS
  'Make a task known: below parent, which is fixed from then on, and with labels, which are added to those of its whole tree and never removed. '
  'NULL parent: a task of its own, or as it is. '
  'Returns whether anything changed. '
  'Another parent than before, a parent for a name that was in use by itself, more than 16 levels: 22023. '
  'A name is in use once a call of it has left a label or a fact, or runs once in it; what limits have counted does not move to the parent, so place a task before its first call. '
  'It waits for calls of the task that are not committed: 55P03 after agentcore.budget_lock_wait; a call that begins meanwhile and would leave something is refused with 55P03. '
  'Never take the name of a task from what a model has written.';

CREATE FUNCTION agentcore.task_stop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_task_stop_v1';
COMMENT ON FUNCTION agentcore.task_stop(text, text) IS
  'From the next COMMIT on no call begins in the task or below it: deny / task_stopped, retries too; running calls may settle. '
  'A stop is final; it counts in audit mode too. '
  'Returns whether it was not stopped before.';

CREATE TYPE agentcore.task_state AS (name text, parent text, root text, labels text[], facts jsonb, stopped boolean, stopped_task text);
COMMENT ON TYPE agentcore.task_state IS
  'Row of task_status(). '
  'root: the top of the tree, to which labels and facts belong. '
  'facts: fact -> array of its values, those that hold now. '
  'stopped: no call begins in the task; stopped_task is the one that was stopped, itself or above it.';

CREATE FUNCTION agentcore.task_status(name text, tenant text DEFAULT '') RETURNS SETOF agentcore.task_state
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_task_status_v1';
COMMENT ON FUNCTION agentcore.task_status(text, text) IS
  'What rules know of a task now: one row, also for a name of which nothing is remembered. '
  'Needs reader. '
  'NULL name: 22023.';

CREATE FUNCTION agentcore.task_clear(name text, label text, note text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_task_clear_v1';
COMMENT ON FUNCTION agentcore.task_clear(text, text, text, text) IS
  'Take a label off a task''s whole tree; the rows stay, with the role that did it and its note (not NULL). '
  'It waits for calls whose begin is not committed, and one that was begun before brings the label again when it ends (call_commit, call_fail, call_resolve). '
  'Needs level approver. '
  'Returns whether there was such a label.';

INSERT INTO agentcore.access_function VALUES ('task_set', 'agent'), ('task_stop', 'agent'), ('task_status', 'reader'), ('task_clear', 'approver');

SELECT pg_catalog.pg_extension_config_dump('agentcore.task_memory', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.task', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.task_label', '');
