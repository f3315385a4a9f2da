-- record: the log of calls.

CREATE SEQUENCE agentcore.call_log_seq AS bigint;
COMMENT ON SEQUENCE agentcore.call_log_seq IS 'Source of call_log_entry.id: a number is never used twice.';

CREATE TABLE agentcore.call_log_entry (
  tenant   text COLLATE "C" NOT NULL,
  at       timestamptz NOT NULL DEFAULT agentcore.clock_now(),
  event    text COLLATE "C" NOT NULL,
  agent    text COLLATE "C",
  tool     text COLLATE "C",
  verdict  text COLLATE "C" NOT NULL,
  reason   text COLLATE "C",
  detail   text,
  enforced boolean NOT NULL,
  call_id  uuid,
  key      text COLLATE "C",
  task     text COLLATE "C",
  subject  text COLLATE "C",
  role     text COLLATE "C" NOT NULL,
  context  jsonb,
  id       bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.call_log_seq'),
  is_llm   boolean NOT NULL DEFAULT false,
  attempt  integer,
  trace    text COLLATE "C",
  policy   text COLLATE "C",
  policy_revision bigint,
  tool_revision bigint,
  price_revision bigint,
  rule     bigint,
  stage    text COLLATE "C",
  tokens   bigint,
  nanousd  bigint,
  budgets  text[] COLLATE "C",
  args     jsonb,
  args_digest bytea,
  result   jsonb,
  approval uuid,
  retry_after_ms bigint,
  stage_ns integer[],
  policy_ns bigint,
  tool_us  bigint
) PARTITION BY RANGE (at);
-- indexes stand on the partitions, as the ledger's do
CREATE TABLE agentcore.call_log_entry_default PARTITION OF agentcore.call_log_entry DEFAULT;
CREATE INDEX call_log_entry_default_at ON agentcore.call_log_entry_default (tenant, at);
COMMENT ON TABLE agentcore.call_log_entry IS
  'One row per verdict (event begin) and per settlement, written as agentcore.audit says, with as much of arguments and results as the tool''s record or agentcore.record says. '
  'The extension only appends. '
  'at: when it was decided; id: in which order rows were written; transactions that run at once may COMMIT in another order. '
  'budgets: those that were asked, the agent''s own first. '
  'tokens, nanousd: of a begin what was estimated, of a settlement what was charged, NULL = unknown. '
  'stage_ns: nanoseconds by stage, in the order of the gate, the taking last, NULL in the place of a stage that was not reached; policy_ns: nanoseconds of the whole function; tool_us: microseconds since the call''s begin; NULL = not measured.';
COMMENT ON TABLE agentcore.call_log_entry_default IS
  'The partition that takes every row of no other partition.';

INSERT INTO agentcore.access_source (relation, since, approver_only) VALUES
  ('call_log_entry', 'at', '{context,args,args_digest,result}');

CREATE VIEW agentcore.call_log WITH (security_barrier) AS
  SELECT tenant, at, event, agent, tool, verdict, reason, detail, enforced, call_id, key, task, subject, role, context,
         id, is_llm, attempt, trace, policy, policy_revision, tool_revision, price_revision, rule, stage, tokens, pg_catalog.trim_scale(nanousd * 0.000000001) AS usd, budgets,
         args, args_digest, result, approval, retry_after_ms, stage_ns, policy_ns, tool_us
    FROM agentcore.visible_rows(NULL::agentcore.call_log_entry);
COMMENT ON VIEW agentcore.call_log IS
  'Verdicts (event begin) and settlements (commit, fail, release, resolve) as agentcore.audit lets them be written; read them in the order of at, id. '
  'verdict fail of a resolve: somebody said that the call took no effect. '
  'reason invalid_result of a commit or resolve: the result does not match the tool''s output_schema. '
  'context: what a policy was asked about a begin, where the tool has log_args: of the arguments those that log_args names and no others, the clock in UTC; for policy_simulate() and policy_diff(). '
  'args: the arguments as the call runs (record args and all); args_digest: a keyed digest of them, equal for equal arguments of one tenant in one database only (record digest, args, all); result: of a commit or resolve (record all). '
  'Only those who may see arguments see these four; NULL to others. '
  'policy: the agent''s, with its revision; tool_revision: of the tool; price_revision: of the price that a model call was estimated by. '
  'rule: the rule that refused the call, or that allowed it; NULL: no rule decided. '
  'stage: the stage that refused or answered it, as call_explain() names them; NULL: it passed all. '
  'tokens, usd: of a begin the estimate, of a settlement what was charged; NULL: unknown, or a settlement that came again or too late and charged nothing. '
  'budgets: those that were asked, the agent''s own first. '
  'trace: the W3C traceparent that the client sent. '
  'stage_ns (by stage, in the order of call_explain(), the taking last), policy_ns (of the function), tool_us (of a settlement: since its begin): where the time went; NULL: not measured.';

SELECT pg_catalog.pg_extension_config_dump('agentcore.call_log_seq', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.call_log_entry', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.call_log_entry_default', '');
