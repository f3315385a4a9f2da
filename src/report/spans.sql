-- Calls as spans, in the words of OpenTelemetry's conventions for generative AI.

CREATE TYPE agentcore.span AS (
  tenant text, trace_id text, span_id text, parent_span_id text, name text, kind text,
  start_time timestamptz, end_time timestamptz, status_code text, status_message text,
  "gen_ai.operation.name" text, "gen_ai.tool.name" text, "gen_ai.tool.call.id" text, "gen_ai.request.model" text, "gen_ai.agent.name" text, "gen_ai.conversation.id" text,
  "gen_ai.tool.call.arguments" jsonb, "gen_ai.tool.call.result" jsonb, "error.type" text,
  verdict text, reason text, detail text, enforced boolean, outcome text, stage text, policy text, policy_revision bigint, rule bigint,
  call_id uuid, attempt integer, key text, task text, subject text, tokens bigint, usd numeric, policy_seconds double precision, traceparent text
);
COMMENT ON TYPE agentcore.span IS 'A row of spans_since(); see the view agentcore.spans.';

CREATE FUNCTION agentcore.spans_since(since timestamptz) RETURNS SETOF agentcore.span
  LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10000
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH entry AS MATERIALIZED (
  SELECT * FROM agentcore.visible_rows(NULL::agentcore.call_log_entry, since)),
settled AS (
  SELECT DISTINCT ON (e.tenant, e.call_id, coalesce(e.attempt, 1)) e.*
    FROM entry e WHERE e.event <> 'begin' AND e.call_id IS NOT NULL
     -- a call that had ended ends once
     AND e.verdict NOT IN ('replayed', 'conflict') AND e.reason IS DISTINCT FROM 'already_settled'
   ORDER BY e.tenant, e.call_id, coalesce(e.attempt, 1), e.at DESC, e.id DESC)
SELECT b.tenant,
       coalesce(t.part[1], encode(substring(sha256(convert_to(format('%s %s', b.tenant, coalesce(b.call_id::text, b.id::text)), 'UTF8')) FOR 16), 'hex')),
       encode(substring(sha256(convert_to(format('span %s %s', b.tenant, b.id), 'UTF8')) FOR 8), 'hex'),
       t.part[2],
       concat_ws(' ', CASE WHEN b.is_llm THEN 'chat' ELSE 'execute_tool' END, b.tool),
       CASE WHEN b.is_llm THEN 'CLIENT' ELSE 'INTERNAL' END,
       b.at,
       CASE WHEN b.verdict = 'run' THEN s.at ELSE b.at + make_interval(secs => coalesce(b.policy_ns, 0) * 0.000000001) END,
       o.status,
       CASE WHEN o.status = 'ERROR' THEN coalesce(s.detail, b.detail) END,
       CASE WHEN b.is_llm THEN 'chat' ELSE 'execute_tool' END,
       CASE WHEN NOT b.is_llm THEN b.tool END,
       CASE WHEN NOT b.is_llm THEN b.call_id::text END,
       CASE WHEN b.is_llm THEN b.tool END,
       b.agent, b.task,
       CASE WHEN NOT b.is_llm THEN b.args END,
       CASE WHEN NOT b.is_llm THEN s.result END,
       CASE WHEN o.status = 'ERROR' THEN coalesce(CASE WHEN b.verdict = 'run' THEN s.reason ELSE b.reason END, '_OTHER') END,
       b.verdict, b.reason, b.detail, b.enforced, s.event, b.stage, b.policy, b.policy_revision, b.rule,
       b.call_id, b.attempt, b.key, b.task, b.subject,
       CASE WHEN b.verdict = 'run' THEN s.tokens END,
       CASE WHEN b.verdict = 'run' THEN trim_scale(s.nanousd * 0.000000001) END,
       b.policy_ns * 0.000000001,
       b.trace
  FROM entry b
  LEFT JOIN settled s ON b.verdict = 'run' AND s.tenant = b.tenant AND s.call_id = b.call_id AND coalesce(s.attempt, 1) = coalesce(b.attempt, 1)
 CROSS JOIN LATERAL (SELECT regexp_match(b.trace, '^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-')) AS t(part)
 CROSS JOIN LATERAL (SELECT CASE WHEN b.verdict = 'deny' OR s.event = 'fail' OR s.verdict = 'fail' THEN 'ERROR' WHEN s.event IN ('commit', 'resolve') OR b.verdict = 'cached' THEN 'OK' ELSE 'UNSET' END) AS o(status)
 WHERE b.event = 'begin'
$$;
COMMENT ON FUNCTION agentcore.spans_since(timestamptz) IS
  'The rows of the view spans of calls that began since then; NULL: of the whole log. '
  'An exporter asks again from the beginning of the oldest span that had not ended: a span keeps its ids.';

CREATE VIEW agentcore.spans WITH (security_barrier) AS
  SELECT * FROM agentcore.spans_since(NULL);
COMMENT ON VIEW agentcore.spans IS
  'Each call in the log as a span of OpenTelemetry, one per attempt, as far as agentcore.audit has it written; columns that begin with gen_ai are those of its conventions for generative AI. '
  'trace_id, parent_span_id: of the traceparent that the client sent; without one the trace is of the call alone. '
  'span_id: made of the row''s number, so the same in every export. '
  'end_time: of a call that ran its settlement, NULL while it is open; of others when they were answered. '
  'status_code: OK (committed, resolved, answered from the cache), ERROR (denied, failed, resolved as failed; error.type is the reason) or UNSET. '
  'gen_ai.conversation.id: the task; gen_ai.tool.call.id: the call_id. '
  'gen_ai.tool.call.arguments, gen_ai.tool.call.result: as recorded, to those who may see arguments. '
  'outcome: how it was settled (commit, fail, release, resolve). '
  'tokens, usd: what was charged; the log does not keep input and output tokens apart, so there are no columns gen_ai.usage. '
  'policy_seconds: what the gate took to answer (NULL: not measured). '
  'Reads the whole log of the visible tenants; spans_since() reads a part.';

INSERT INTO agentcore.access_function VALUES ('spans_since', 'reader');
