-- core: the history of the configuration, for the tables that have none of their own.

CREATE TABLE agentcore.config_revision (
  tenant       text COLLATE "C" NOT NULL,
  relation     text COLLATE "C" NOT NULL,
  key          jsonb NOT NULL,
  revision     bigint NOT NULL,
  id           uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  at           timestamptz NOT NULL DEFAULT agentcore.clock_now(),
  role         text COLLATE "C" NOT NULL,
  session_role text COLLATE "C" NOT NULL DEFAULT session_user,
  action       text COLLATE "C" NOT NULL,
  before       jsonb,
  after        jsonb,
  PRIMARY KEY (tenant, relation, revision, id)
);
SELECT pg_catalog.pg_extension_config_dump('agentcore.config_revision', '');
COMMENT ON TABLE agentcore.config_revision IS
  'Append-only history: one row per change of an agent, a budget or a further limit of one, a template of budgets, a price, an alias, a model, a retry policy, a rate, a breaker, a document of schemas, the settings of a tenant, access, or a grant of approval, by whatever means, written in the transaction of the change. '
  'Policies and tools have histories of their own: policy_revision, tool_revision. '
  'relation, key: the table, and the row in it. '
  'revision: the one that the row has had since the change; a new one for a row without. '
  'role: who called the function or wrote to the table (after SET ROLE, or the owner of a SECURITY DEFINER function). '
  'session_role: who logged in. '
  'action: add, change, drop, history_retain. '
  'before, after: the row without its tenant; NULL if there was or is no row. '
  'What use changes is no change: budgets that a template makes, and how often a grant was used. '
  'A restore is recorded as changes by the role that restores. '
  'Old rows are deleted by config_history_retain().';

CREATE FUNCTION agentcore.config_history_trigger() RETURNS trigger
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_config_history_trigger_v1';
COMMENT ON FUNCTION agentcore.config_history_trigger() IS
  'Internal. '
  'Records a changed row of a table in config_revision; fires for COPY, restores and logical apply too. '
  'First argument: a column that is not NULL in rows which use makes, or an empty string; the others: columns that use changes.';

SELECT agentcore.history_attach('agentcore.access', 'config_history');
SELECT agentcore.history_attach('agentcore.tenant', 'config_history');

INSERT INTO agentcore.access_source (relation, since, hidden, approver_only) VALUES ('config_revision', 'at', '{id}', '{before,after}');
CREATE VIEW agentcore.config_history WITH (security_barrier) AS
  SELECT r.tenant, r.relation, r.key, r.revision, r.at, r.role, r.session_role, r.action, r.before, r.after
    FROM agentcore.visible_rows(NULL::agentcore.config_revision) r;
COMMENT ON VIEW agentcore.config_history IS
  'Changes of the configuration of the tenants visible to the caller, policies (policy_history) and tools (tool_history) aside: what was changed, when and by whose hand. '
  'before and after: for the tenant''s approvers and administrators; others see NULL. '
  'See config_revision.';

CREATE FUNCTION agentcore.config_history_retain(keep interval) RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_config_history_retain_v1';
COMMENT ON FUNCTION agentcore.config_history_retain(interval) IS
  'Deletes rows of config_revision that are older than keep, except of each object the one that says what it was then; returns how many. '
  'If there were any, that is recorded under tenant * and relation ''''. '
  'Needs admin for every tenant. '
  'Less than a day, or NULL: 22023.';

INSERT INTO agentcore.access_function VALUES ('config_history_trigger', 'internal'), ('config_history_retain', 'admin');
