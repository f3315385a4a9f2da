-- once: calls that do not run again.

CREATE TABLE agentcore.task_once (
  tenant      text COLLATE "C" NOT NULL,
  digest      text COLLATE "C" NOT NULL,
  tool        text COLLATE "C" NOT NULL,
  scope       text COLLATE "C" NOT NULL,
  scope_value text COLLATE "C",
  agent       text COLLATE "C" NOT NULL,
  subject     text COLLATE "C",
  args        jsonb,
  call_id     uuid NOT NULL,
  state       text COLLATE "C" NOT NULL,
  result      jsonb,
  lasts       interval NOT NULL,
  at          timestamptz NOT NULL,
  until       timestamptz NOT NULL,
  PRIMARY KEY (tenant, digest)
);
CREATE INDEX task_once_call ON agentcore.task_once (tenant, call_id);
CREATE INDEX task_once_scope ON agentcore.task_once (tenant, scope_value) WHERE scope = 'task';
COMMENT ON TABLE agentcore.task_once IS
  'Calls of tools with once, by a digest of the tool, the scope and the arguments that make it the same call. '
  'state: open (what became of it, its permit says) or done. '
  'until: when the same call may run again; of an open one counted from the end of its lease. '
  'args and result: of the call that ran. '
  'One row per digest, written again where it is old; removed when its call fails without effect, and by task_retain().';

INSERT INTO agentcore.access_source (relation, hidden) VALUES ('task_once', '{digest,args,result,lasts}');

CREATE VIEW agentcore.tasks_once WITH (security_barrier) AS
  SELECT o.tenant, o.tool, o.scope, o.scope_value, o.agent, o.subject, o.call_id, o.state, o.at, o.until
    FROM agentcore.visible_rows(NULL::agentcore.task_once) o;
COMMENT ON VIEW agentcore.tasks_once IS
  'What ran once, or runs, in the tenants visible to the caller; until: when the same call may run again.';

CREATE FUNCTION agentcore.task_retain(keep interval) RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_task_retain_v1';
COMMENT ON FUNCTION agentcore.task_retain(interval) IS
  'Delete what is kept of calls that may run again since so long (tool_set(once)), and what limits have counted that was not used for so long; such a limit counts anew. '
  'keep: at least a day, and longer than the period of any limit. '
  'Returns how many rows were deleted. '
  'For an administrator of every tenant.';

INSERT INTO agentcore.access_function VALUES ('task_retain', 'admin');
SELECT pg_catalog.pg_extension_config_dump('agentcore.task_once', '');
