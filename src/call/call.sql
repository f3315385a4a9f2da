-- call: agents, the gate, approvals, audit.

CREATE TABLE agentcore.agent (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL,
  policy   text COLLATE "C" NOT NULL,
  budget   text COLLATE "C",
  owner    text COLLATE "C",
  mode     text COLLATE "C" NOT NULL DEFAULT 'enforce' CHECK (mode IN ('enforce', 'audit')),
  enabled  boolean NOT NULL DEFAULT true,
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.agent');
COMMENT ON TABLE agentcore.agent IS 'Agents: the policy each obeys, the budget that pays, the role that may speak for it. Written by agent_set() and agent_drop().';

CREATE FUNCTION agentcore.agent_set(name text, policy text, budget text DEFAULT NULL, owner text DEFAULT NULL, mode text DEFAULT 'enforce', enabled boolean DEFAULT true, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_agent_set_v1';
COMMENT ON FUNCTION agentcore.agent_set(text, text, text, text, text, boolean, text) IS 'Create or replace an agent; returns whether anything changed. owner: only members of that role may call for it. mode audit: judge and report, refuse nothing. Unknown policy, budget or role: 42704.';

CREATE FUNCTION agentcore.agent_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_agent_drop_v1';
COMMENT ON FUNCTION agentcore.agent_drop(text, text) IS 'Remove an agent; false when there was none. Its open calls can still be settled.';

CREATE VIEW agentcore.agents WITH (security_barrier) AS
  SELECT tenant, name, policy, budget, owner, mode, enabled, revision
    FROM agentcore.agent WHERE agentcore.access_visible(tenant);
COMMENT ON VIEW agentcore.agents IS 'The agents of the tenants visible to the caller.';

-- Audit ----------------------------------------------------------------------

CREATE TABLE agentcore.call_log_entry (
  tenant   text COLLATE "C" NOT NULL,
  at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
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
  role     text COLLATE "C" NOT NULL
);
CREATE INDEX call_log_entry_tenant_at_idx ON agentcore.call_log_entry (tenant, at);
COMMENT ON TABLE agentcore.call_log_entry IS 'Audit rows, written as agentcore.audit says. Append-only for the extension; delete old rows as you see fit.';

CREATE VIEW agentcore.call_log WITH (security_barrier) AS
  SELECT tenant, at, event, agent, tool, verdict, reason, detail, enforced, call_id, key, task, subject, role
    FROM agentcore.call_log_entry WHERE agentcore.access_visible(tenant);
COMMENT ON VIEW agentcore.call_log IS 'Verdicts (event begin) and settlements (commit, fail, resolve) as agentcore.audit lets them be written; never argument values.';

-- Approvals ------------------------------------------------------------------

CREATE TABLE agentcore.approval (
  tenant       text COLLATE "C" NOT NULL,
  id           uuid NOT NULL,
  agent        text COLLATE "C" NOT NULL,
  tool         text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL,
  args         jsonb NOT NULL,
  task         text COLLATE "C",
  subject      text COLLATE "C",
  state        text COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused', 'used')),
  requested_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  requested_by text COLLATE "C" NOT NULL,
  decided_at   timestamptz,
  decided_by   text COLLATE "C",
  note         text,
  expires_at   timestamptz,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX approval_request_idx ON agentcore.approval (tenant, agent, request_hash) WHERE state <> 'used';
COMMENT ON TABLE agentcore.approval IS 'Requests of calls that a person must allow first. Written by call_begin() and call_approve().';

CREATE FUNCTION agentcore.call_approve(approval uuid, approve boolean DEFAULT true, valid_for interval DEFAULT NULL, note text DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_approve_v1';
COMMENT ON FUNCTION agentcore.call_approve(uuid, boolean, interval, text, text) IS 'Decide a request of agentcore.approvals: approved lets that very call pass once, refused denies it; valid_for NULL = for ever. Returns approved or refused. Unknown or used request: 42704.';

CREATE VIEW agentcore.approvals WITH (security_barrier) AS
  SELECT tenant, id, agent, tool,
         CASE WHEN agentcore.access_level(tenant) = 'admin' THEN args END AS args,
         task, subject, state, requested_at, requested_by, decided_at, decided_by, note, expires_at
    FROM agentcore.approval WHERE agentcore.access_visible(tenant);
COMMENT ON VIEW agentcore.approvals IS 'Requests for approval; the arguments are shown to administrators of the tenant only.';

-- The gate -------------------------------------------------------------------

CREATE TYPE agentcore.call_verdict AS (
  verdict     text,
  call_id     uuid,
  args        jsonb,
  result      jsonb,
  reason      text,
  detail      text,
  errors      jsonb,
  feedback    text,
  retry_after interval,
  attempt     integer,
  enforced    boolean,
  want_result boolean
);
COMMENT ON TYPE agentcore.call_verdict IS 'What the gate answers. verdict: run (do it after COMMIT), cached (use result), wait (ask again with the same key after retry_after), deny (final; show feedback to the model).';

CREATE FUNCTION agentcore.call_begin(agent text, tool text, args jsonb DEFAULT NULL, est_tokens bigint DEFAULT NULL, est_usd numeric DEFAULT NULL, key text DEFAULT NULL, task text DEFAULT NULL, subject text DEFAULT NULL, budget text DEFAULT NULL, lease interval DEFAULT NULL, args_text text DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.call_verdict
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_call_begin_v1';
COMMENT ON FUNCTION agentcore.call_begin(text, text, jsonb, bigint, numeric, text, text, text, text, interval, text, text) IS 'May this call run, with which arguments, is its result known already, and who pays? One row, also for every refusal; run counts only once committed. args or args_text (the model''s raw string); neither = {}. NULL est_*: the tool''s estimates; NULL budget: the agent''s. Unknown agent or budget: 42704; a key used for another call: 22023.';

CREATE FUNCTION agentcore.llm_begin(agent text, model text, input_tokens bigint, max_output_tokens bigint, key text DEFAULT NULL, task text DEFAULT NULL, subject text DEFAULT NULL, budget text DEFAULT NULL, lease interval DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.call_verdict
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_llm_begin_v1';
COMMENT ON FUNCTION agentcore.llm_begin(text, text, bigint, bigint, text, text, text, text, interval, text) IS 'The gate for a model call: holds input + max output tokens and their price. A model without a price (model_price_set) is denied as unknown_tool.';

CREATE FUNCTION agentcore.call_commit(call_id uuid, result jsonb DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_commit_v1';
COMMENT ON FUNCTION agentcore.call_commit(uuid, jsonb, bigint, numeric, text) IS 'The call was made: charge it (NULL: what was held), cache and keep its result. Returns committed, replayed (settled before, alike), late (after its lease had ended) or conflict (settled before, otherwise). Unknown call or another role''s: 42704.';

CREATE FUNCTION agentcore.llm_commit(call_id uuid, usage jsonb DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_llm_commit_v1';
COMMENT ON FUNCTION agentcore.llm_commit(uuid, jsonb, bigint, numeric, text) IS 'The model answered: charge what its usage object (OpenAI or Anthropic) says, priced by model_price_set; tokens and usd override it. Returns as call_commit. A usage object that is not understood: 22023.';


CREATE FUNCTION agentcore.call_fail(call_id uuid, status integer DEFAULT NULL, error text DEFAULT NULL, retry_after_header text DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.retry_advice
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_call_fail_v1';
COMMENT ON FUNCTION agentcore.call_fail(uuid, integer, text, text, bigint, numeric, text) IS 'The call failed. retry: the call and its hold stay, begin again with the same key (or run again under the same call_id) at the given time; fail and defer: closed, only tokens and usd (NULL: nothing) are charged. status: HTTP status or NULL for none.';

CREATE FUNCTION agentcore.call_extend(call_id uuid, lease interval, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_extend_v1';
COMMENT ON FUNCTION agentcore.call_extend(uuid, interval, bigint, numeric, text) IS 'Heartbeat of a long call: a new lease from now and, if asked, a larger hold. Returns extended, denied (a budget refuses the larger hold; nothing changed) or closed.';

CREATE FUNCTION agentcore.call_resolve(call_id uuid, succeeded boolean, result jsonb DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_resolve_v1';
COMMENT ON FUNCTION agentcore.call_resolve(uuid, boolean, jsonb, bigint, numeric, text) IS 'Settle a call whose outcome was unknown: succeeded keeps its result for the key, otherwise the key may be used again. 55000 while its lease runs.';

CREATE FUNCTION agentcore.call_status(call_id uuid, tenant text DEFAULT '') RETURNS text
  LANGUAGE C STABLE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_call_status_v1';
COMMENT ON FUNCTION agentcore.call_status(uuid, text) IS 'open, lapsed (open, its lease ended), retry, committed, failed, released, expired or late: an executor''s check that its permit was committed. Unknown call: 42704.';

CREATE FUNCTION agentcore.call_explain(agent text, tool text, args jsonb DEFAULT NULL, est_tokens bigint DEFAULT NULL, est_usd numeric DEFAULT NULL, key text DEFAULT NULL, task text DEFAULT NULL, subject text DEFAULT NULL, budget text DEFAULT NULL, lease interval DEFAULT NULL, args_text text DEFAULT NULL, tenant text DEFAULT '', OUT stage text, OUT verdict text, OUT reason text, OUT detail text) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 13
  AS 'MODULE_PATHNAME', 'agentcore_call_explain_v1';
COMMENT ON FUNCTION agentcore.call_explain(text, text, jsonb, bigint, numeric, text, text, text, text, interval, text, text) IS 'Every stage of call_begin with its own word (pass, cached, wait, deny), each as if those before it had passed. Changes nothing.';

INSERT INTO agentcore.access_function VALUES
  ('agent_set', 'admin'), ('agent_drop', 'admin'), ('call_approve', 'admin'),
  ('call_begin', 'agent'), ('llm_begin', 'agent'), ('call_commit', 'agent'), ('llm_commit', 'agent'),
  ('call_fail', 'agent'), ('call_extend', 'agent'), ('call_resolve', 'agent'), ('call_status', 'agent'),
  ('call_explain', 'agent');

SELECT pg_catalog.pg_extension_config_dump('agentcore.agent', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.approval', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.call_log_entry', '');

-- Configuration as one document ------------------------------------------------

CREATE FUNCTION agentcore.config_value(value jsonb, type regtype) RETURNS text
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  IF value IS NULL OR value = 'null' THEN
    RETURN 'NULL';
  ELSIF type = 'jsonb'::regtype THEN
    RETURN quote_literal(value) || '::jsonb';
  ELSIF jsonb_typeof(value) = 'array' AND type::text LIKE '%[]' THEN
    RETURN quote_literal(ARRAY(SELECT jsonb_array_elements_text(value))::text) || '::' || type;
  ELSIF jsonb_typeof(value) IN ('array', 'object') THEN
    RAISE EXCEPTION 'a value of type % cannot be a JSON %', type, jsonb_typeof(value)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN quote_literal(value #>> '{}') || '::' || type;
END
$$;
COMMENT ON FUNCTION agentcore.config_value(jsonb, regtype) IS 'Internal. A member of a configuration document as an SQL literal of a setter''s argument type.';

CREATE FUNCTION agentcore.config_call(setter text, members jsonb, tenant text) RETURNS text
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  names text[];
  types oid[];
  arguments text := '';
  result text;
  m record;
BEGIN
  SELECT p.proargnames, p.proargtypes::oid[] INTO STRICT names, types
    FROM pg_proc p WHERE p.pronamespace = 'agentcore'::regnamespace AND p.proname = setter;
  FOR m IN SELECT key, value FROM jsonb_each(members) LOOP
    IF m.key = 'tenant' OR array_position(names, m.key) IS NULL THEN
      RAISE EXCEPTION 'unknown member "%" for %', m.key, setter
        USING ERRCODE = 'invalid_parameter_value',
              HINT = format('Known members: %s.', array_to_string(array_remove(names, 'tenant'), ', '));
    END IF;
    arguments := arguments || format('%I => %s, ', m.key,
      agentcore.config_value(m.value, types[array_position(names, m.key) - 1]::regtype));
  END LOOP;
  EXECUTE format('SELECT agentcore.%I(%stenant => %L)', setter, arguments, tenant) INTO result;
  RETURN result;
END
$$;
COMMENT ON FUNCTION agentcore.config_call(text, jsonb, text) IS 'Internal. Calls a setter with the members of an object as named arguments; an unknown member is 22023, so that a typing error never passes for a setting.';
