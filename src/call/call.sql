-- call: agents, the gate.

CREATE TABLE agentcore.agent (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL,
  policy   text COLLATE "C" NOT NULL,
  budget   text COLLATE "C",
  owner    text COLLATE "C",
  mode     text COLLATE "C" NOT NULL DEFAULT 'enforce' CHECK (mode IN ('enforce', 'audit')),
  enabled  boolean NOT NULL DEFAULT true,
  charges  text[] COLLATE "C" NOT NULL DEFAULT '{}',
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.agent');
SELECT agentcore.history_attach('agentcore.agent', 'config_history');
COMMENT ON TABLE agentcore.agent IS
  'Agents: the policy each obeys, the budget that pays, the role that may speak for it. '
  'charges: other budgets that its calls may name, exact or ''prefix*''. '
  'Written by agent_set() and agent_drop().';

CREATE FUNCTION agentcore.agent_set(name text, policy text DEFAULT NULL, budget text DEFAULT NULL, owner text DEFAULT NULL, mode text DEFAULT NULL, enabled boolean DEFAULT NULL, charges text[] DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_agent_set_v1';
COMMENT ON FUNCTION agentcore.agent_set(text, text, text, text, text, boolean, text[], text[], text) IS
  'Create or change an agent; returns whether anything changed. '
  'A member that is not given (NULL) stays as it is; a new agent needs a policy, and has no budget, no owner, mode enforce, and is enabled, and its calls may name no other budget. '
  'reset: members to set back to that. '
  'owner: only members of that role may call for it. '
  'mode audit: judge and report, refuse only what is switched off or cannot run. '
  'charges: other budgets that its calls may name beside its own, as exact names, ''prefix*'' or ''*''; they need not exist yet. '
  'Unknown policy, budget or role: 42704.';

CREATE FUNCTION agentcore.agent_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_agent_drop_v1';
COMMENT ON FUNCTION agentcore.agent_drop(text, text) IS
  'Remove an agent. '
  'Returns false where there was none. '
  'Its open calls can still be settled.';

INSERT INTO agentcore.access_source (relation, since, approver_only) VALUES
  ('agent', NULL, '{}');

CREATE VIEW agentcore.agents WITH (security_barrier) AS
  SELECT tenant, name, policy, budget, owner, mode, enabled, revision, charges
    FROM agentcore.visible_rows(NULL::agentcore.agent);
COMMENT ON VIEW agentcore.agents IS 'The agents of the tenants visible to the caller.';

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
  want_result boolean,
  approval    uuid,
  retry_after_ms bigint,
  denied_by text,
  denied_dimension text,
  used numeric,
  held numeric,
  max numeric,
  asked numeric,
  paid_by text[],
  model text
);
COMMENT ON TYPE agentcore.call_verdict IS
  'What the gate answers. '
  'verdict: run (do it after COMMIT), cached (use result), wait (ask again with the same key after retry_after), deny (final; show feedback to the model). '
  'approval: the request for approval that the verdict is about, or that the call used (NULL: none). '
  'retry_after_ms: retry_after in milliseconds, rounded up. '
  'denied_by: of budget_exceeded, and of approval_required and approval_expired where a full budget asks, the budget that refuses; denied_dimension: tokens | usd | calls | in_flight, and of it what that budget has used, what open permits hold of it, its limit and what was asked (NULL: unknown; all NULL where the budget is disabled or gone). '
  'paid_by, of run: the overflows that pay in place of full budgets (NULL: none does). '
  'model: of llm_begin(), the model that runs, that answered, or that the refusal is about.';

CREATE FUNCTION agentcore.call_begin(agent text, tool text, args jsonb DEFAULT NULL, est_tokens bigint DEFAULT NULL, est_usd numeric DEFAULT NULL, key text DEFAULT NULL, task text DEFAULT NULL, subject text DEFAULT NULL, budget text DEFAULT NULL, lease interval DEFAULT NULL, args_text text DEFAULT NULL, holder text DEFAULT NULL, labels jsonb DEFAULT NULL, budgets text[] DEFAULT NULL, trace text DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.call_verdict
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_call_begin_v1';
COMMENT ON FUNCTION agentcore.call_begin(text, text, jsonb, bigint, numeric, text, text, text, text, interval, text, text, jsonb, text[], text, text) IS
  'May this call run, with which arguments, is its result known already, and who pays? '
  'Returns one row, for a refusal too; the verdict run counts once it is committed, and a batch or pipeline is one transaction up to its sync. '
  'args or args_text (the model''s raw string); neither, null and blanks = {}. A text that is not quite JSON is read where the tool coerces, and detail names the repairs; else it is refused, and errors says where and what. '
  'key: the same call under it is one call; the arguments that were returned are the same call. '
  'holder: a name of this run of this worker; asked again by it with the same key, a call that it has begun and whose lease runs is given back (run, the same call_id, detail yours, the lease begins anew), to a role that may settle it. '
  'NULL est_*: the tool''s estimates, or unknown, which needs room in every limit of the budgets; 0: nothing, which passes a full one (calls and calls in flight still count). '
  'budget, budgets: other budgets that pay beside the agent''s own, which is always asked, each with its parents (at most 8 names, 64 budgets in all: 54001); those that agent_set(charges) does not cover: 42501. '
  'labels: what the business knows the call by, as in budget_acquire(); kept with the permit and in the ledger, and no part of the call: a retry and a repeated key keep the first ones. '
  'trace: the W3C traceparent that the call is a part of, for call_log; one that is none is left out, with one WARNING per session. '
  'Unknown agent or budget: 42704; a key used for another call: 22023.';

CREATE FUNCTION agentcore.call_begin_many(agent text, calls jsonb, task text DEFAULT NULL, subject text DEFAULT NULL, budget text DEFAULT NULL, lease interval DEFAULT NULL, holder text DEFAULT NULL, key_prefix text DEFAULT NULL, labels jsonb DEFAULT NULL, budgets text[] DEFAULT NULL, trace text DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.call_verdict
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 5
  AS 'MODULE_PATHNAME', 'agentcore_call_begin_many_v1';
COMMENT ON FUNCTION agentcore.call_begin_many(text, jsonb, text, text, text, interval, text, text, jsonb, text[], text, text) IS
  'call_begin() for the parallel tool calls of one turn of a model: one row per call, in their order, each run counts once all is committed. '
  'calls: OpenAI''s tool_calls or function_call items, Anthropic''s tool_use blocks, MCP''s tools/call requests, a list or one of them, or the whole message or response that holds them (of several choices the first); arguments as a text or an object. '
  'What is a part of another type, such as text, gets no row. '
  'The key of a call is key_prefix and its id; without key_prefix the id of OpenAI and Anthropic, and none for a JSON-RPC id; without an id none. '
  'What the model sent raises nothing: what is no call, and every call beyond 128 or of a document larger than 4 times agentcore.max_args_size (one row) is denied as invalid_args, a key that another call has as key_conflict; the second of an id that stands twice waits. '
  'Estimates are the tools''. '
  'labels, trace: of each of the calls. '
  'NULL calls: 22023; unknown agent or budget: 42704.';

CREATE FUNCTION agentcore.llm_begin(agent text, model text, input_tokens bigint, max_output_tokens bigint, key text DEFAULT NULL, task text DEFAULT NULL, subject text DEFAULT NULL, budget text DEFAULT NULL, lease interval DEFAULT NULL, service_tier text DEFAULT NULL, fees jsonb DEFAULT NULL, holder text DEFAULT NULL, labels jsonb DEFAULT NULL, budgets text[] DEFAULT NULL, fallback text[] DEFAULT NULL, trace text DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.call_verdict
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_llm_begin_v1';
COMMENT ON FUNCTION agentcore.llm_begin(text, text, bigint, bigint, text, text, text, text, interval, text, jsonb, text, jsonb, text[], text[], text, text) IS
  'The gate for a model call: holds input + max output tokens by weight and the most that they can cost (each as the dearest kind it may turn out to be, such as cache write, reasoning or audio, by the dearest price for an input of up to that length). '
  'service_tier: that the provider is asked for, as in model_price_set(); NULL: standard; auto: whichever it takes, and so is one without a price: the dearest of all is held. '
  'fees: what the call may use that costs by the piece, and how many at most, as {"web_search_requests": 5}; more is overrun, and what the model has no price for is denied as unknown_tool. '
  'budget, budgets: who pays beside the agent''s own, a run''s or user''s, as in call_begin(). '
  'labels, trace: as in call_begin(). '
  'fallback: at most 8 models (54001) that are tried in this order where the one before is refused: it has no price, or policy, breaker, pause, rate or budget refuse it. Each at its own price; model in the row says which one runs, detail which ones were refused and why. '
  'Where all are refused the row is the wait that ends soonest, else the refusal of the first. '
  'Under one key model and fallback are one request (another list: 22023), which keeps the model that was chosen, until it fails: then the model that failed waits for its retry, and the others may go on at once, as the next attempt under a call_id of its own. '
  'A NULL or impossible name in fallback: 22023. '
  'A model that is free costs nothing, and passes a full budget of money; one that is not, called for 0 tokens, has an unknown cost, which needs room. '
  'A model without a price (model_price_set), its own or by model_alias_set(), is denied as unknown_tool, with the nearest names.';

CREATE FUNCTION agentcore.call_commit(call_id uuid, result jsonb DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, result_text text DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_commit_v1';
COMMENT ON FUNCTION agentcore.call_commit(uuid, jsonb, bigint, numeric, text, text) IS
  'The call was made: charge it, cache its result and keep it for the key. '
  'tokens, usd: what it used; NULL charges what was held. '
  'result_text: any text instead of result; what is no JSON is kept as a JSON string. '
  'A result never keeps the call from being charged: one that is larger than agentcore.max_args_size is dropped, escapes that jsonb cannot hold are replaced by U+FFFD, with a WARNING; permits.result_kept and result_note say so. '
  'A result that the tool''s output_schema refuses is charged and kept for the key, but not cached; a NOTICE, result_note and call_log say invalid_result, and result_feedback() in the same statement says it in words. '
  'Returns committed, replayed (settled before, alike), late (after its lease had ended) or conflict (settled before, otherwise). '
  'Unknown call or another role''s: 42704.';

CREATE FUNCTION agentcore.llm_commit(call_id uuid, usage jsonb DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, result jsonb DEFAULT NULL, result_text text DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_llm_commit_v1';
COMMENT ON FUNCTION agentcore.llm_commit(uuid, jsonb, bigint, numeric, jsonb, text, text) IS
  'The model answered: charge what its usage object says, as model_usage() reads it (also in a response, an event of a stream or an array of events; of two readings the dearer), by the price that was in force when the call began, of the service tier that the response names, else of the one it began with; a tier without a price costs as the dearest; tokens and usd override it. '
  'A stream that was cut is charged by the usage that came; one that is not wholly understood, or has no price, charges what is certain and no less than was held, with a WARNING, and permits.estimated names the field. '
  'result or result_text: the answer, kept for replays of the key, as by call_commit(). '
  'Returns as call_commit().';


CREATE FUNCTION agentcore.call_fail(call_id uuid, status integer DEFAULT NULL, error text DEFAULT NULL, retry_after_header text DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, usage jsonb DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.retry_advice
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_call_fail_v1';
COMMENT ON FUNCTION agentcore.call_fail(uuid, integer, text, text, bigint, numeric, jsonb, text) IS
  'The call failed. '
  'action retry: the call and its hold stay; begin again with the same key at the given time; a call without a key may run again under the same call_id. '
  'action fail or defer: the call is closed, and only tokens and usd (NULL: nothing) are charged; after defer the key answers wait until the given time, but at most for agentcore.max_target_pause. '
  'A failure that does not say whether the work was done (a 5xx but 503 and 529, a timeout, a cancel, an unknown error) is fail on a tool that is not idempotent, with reason possibly_executed, cancelled or unknown_error: the estimate is charged (or tokens and usd), and the key answers deny / outcome_unknown until call_resolve() or a late call_commit(). '
  'usage: what a model had produced, as for llm_commit(), where tokens or usd are not given. '
  'A model call that was cancelled is charged by usage, tokens and usd (one of them NULL: what is held); with none of them its hold stays until llm_commit() or the end of its lease, which charges it, and its key is free. '
  'Ended before: fail / already_settled; but of a call that only its lease has ended a failure that says that nothing was done is heard, and its key is free. '
  'status: HTTP status; NULL or 0 for none; another number is taken as none, with a WARNING.';

CREATE FUNCTION agentcore.call_extend(call_id uuid, lease interval, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_extend_v1';
COMMENT ON FUNCTION agentcore.call_extend(uuid, interval, bigint, numeric, text) IS
  'Heartbeat of a long call: a new lease from now and, if asked, a larger hold. '
  'Returns extended, denied (a budget refuses the larger hold, or it is more than the estimate that a person approved; nothing changed) or closed. '
  '55P03 on contention.';

CREATE FUNCTION agentcore.call_resolve(call_id uuid, succeeded boolean, result jsonb DEFAULT NULL, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, result_text text DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_resolve_v1';
COMMENT ON FUNCTION agentcore.call_resolve(uuid, boolean, jsonb, bigint, numeric, text, text) IS
  'Settle a call whose outcome is unknown (its lease ended, or call_fail() could not say): succeeded keeps its result for the key, otherwise the key may be used again. '
  'Of a tool with once it needs level approver, and whose call it is does not matter. '
  'result, result_text: as by call_commit(). '
  'tokens, usd: what it used; NULL: what was charged when it ended if it succeeded, else nothing, and what was charged is taken back. '
  'Returns committed, late (its lease had ended), replayed (settled before, alike) or conflict (settled before, otherwise; nothing changed). '
  'NULL succeeded: 22023; 55000 while the call is open and its lease runs.';

CREATE FUNCTION agentcore.call_release(call_id uuid, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_release_v1';
COMMENT ON FUNCTION agentcore.call_release(uuid, text) IS
  'The call was given up before it ran, or cancelled and known not to have run. '
  'Its hold, cache lease, half-open probe, rate token, approval and count of the loop guard go back at COMMIT, nothing is charged, and its key is free; neither breaker nor negative cache nor retry hears of it. '
  'What attempts before this one used stays charged, and their approval used. '
  'A deferred call: its key need not wait any longer. '
  'Returns released, late (its lease had ended; what was charged then is taken back), replayed (released before) or conflict (it was committed, failed, or nobody knows whether it ran: call_resolve() settles that; nothing changed). '
  'Unknown call or another role''s: 42704.';

CREATE FUNCTION agentcore.call_status(call_id uuid, tenant text DEFAULT '') RETURNS text
  LANGUAGE C STABLE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_call_status_v1';
COMMENT ON FUNCTION agentcore.call_status(uuid, text) IS
  'open, lapsed (open, its lease ended), retry, committed, failed, deferred, released, expired (its lease ended), unknown (call_fail() could not say whether it was done) or late: an executor''s check that its permit was committed. '
  'Unknown call: 42704.';

CREATE FUNCTION agentcore.call_explain(agent text, tool text, args jsonb DEFAULT NULL, est_tokens bigint DEFAULT NULL, est_usd numeric DEFAULT NULL, key text DEFAULT NULL, task text DEFAULT NULL, subject text DEFAULT NULL, budget text DEFAULT NULL, lease interval DEFAULT NULL, args_text text DEFAULT NULL, holder text DEFAULT NULL, labels jsonb DEFAULT NULL, budgets text[] DEFAULT NULL, trace text DEFAULT NULL, tenant text DEFAULT '', OUT stage text, OUT verdict text, OUT reason text, OUT detail text, OUT rule text, OUT pointer text) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 15
  AS 'MODULE_PATHNAME', 'agentcore_call_explain_v1';
COMMENT ON FUNCTION agentcore.call_explain(text, text, jsonb, bigint, numeric, text, text, text, text, interval, text, text, jsonb, text[], text, text) IS
  'Every stage of call_begin with its own verdict (pass, cached, wait, deny), as if the stages before it had passed. '
  'Behind stage rules: one row (stage rule) per rule and check that looks at calls of the tool. '
  'Its verdict is true, false or unknown: whether its condition holds; of a check, whether it refuses, and unknown if it failed. '
  'Its reason is what the rule does: allow, deny, ask or check, with (audit) where that is only reported. '
  'rule: its name. '
  'pointer: the first pointer that kept an allow from being true, or a deny or ask from being false or true. '
  'Changes nothing.';

CREATE FUNCTION agentcore.call_urls(tool text, args jsonb, policy text, strict boolean, tenant text DEFAULT '', OUT url text, OUT form text, OUT method text) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL SAFE ROWS 2
  AS 'MODULE_PATHNAME', 'agentcore_call_urls_v1';
COMMENT ON FUNCTION agentcore.call_urls(text, jsonb, text, boolean, text) IS
  'Internal. '
  'The addresses that the gate would find among the arguments of a call, one row per address and method; none for an unknown tool. '
  'form: url, template (RFC 6570) or place (a host name or an address); strict: as the policy''s strict_urls.';

INSERT INTO agentcore.access_function VALUES
  ('agent_set', 'admin'), ('agent_drop', 'admin'),
  ('call_begin', 'agent'), ('call_begin_many', 'agent'), ('llm_begin', 'agent'), ('call_commit', 'agent'), ('llm_commit', 'agent'),
  ('call_fail', 'agent'), ('call_release', 'agent'), ('call_extend', 'agent'), ('call_resolve', 'agent'), ('call_status', 'agent'),
  ('call_explain', 'agent'), ('call_urls', 'internal');

SELECT pg_catalog.pg_extension_config_dump('agentcore.agent', '');
