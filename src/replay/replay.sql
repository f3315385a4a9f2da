-- replay: recorded calls under another configuration.

CREATE FUNCTION agentcore.call_replay(
    since timestamptz,
    until timestamptz,
    config jsonb DEFAULT NULL,
    at timestamptz DEFAULT NULL,
    tenant text DEFAULT '',
    OUT id bigint, OUT call_id uuid, OUT called_at timestamptz, OUT agent text, OUT tool text,
    OUT before_verdict text, OUT before_reason text, OUT before_rule bigint,
    OUT after_verdict text, OUT after_reason text, OUT after_rule bigint,
    OUT changed boolean, OUT unknown text)
  RETURNS SETOF record LANGUAGE c VOLATILE
  AS 'MODULE_PATHNAME', 'agentcore_call_replay_v1';
COMMENT ON FUNCTION agentcore.call_replay(timestamptz, timestamptz, jsonb, timestamptz, text) IS
  'What would have been said of the calls that the log holds from since on and before until (NULL: from the first, to the last): one row per begin, in their order. '
  'id: the row of call_log; before_*: as recorded; after_*: in the replay; changed: verdict or reason is another. '
  'config: a document as config_apply() takes; at: the configuration as of then; neither: that of now. '
  'after_verdict unknown: it depends on what was not recorded, named in unknown, and changed is NULL; error: the agent does not exist. '
  'Nothing is written. Level approver: a configuration can be made to ask for what arguments held.';

CREATE FUNCTION agentcore.call_replay_summary(
    since timestamptz,
    until timestamptz,
    config jsonb DEFAULT NULL,
    at timestamptz DEFAULT NULL,
    tenant text DEFAULT '',
    OUT agent text, OUT tool text, OUT reason text, OUT calls bigint,
    OUT newly_denied bigint, OUT newly_waiting bigint, OUT newly_allowed bigint, OUT unknown bigint,
    OUT hits_before bigint, OUT hits_after bigint, OUT tokens_before bigint, OUT tokens_after bigint,
    OUT usd_before numeric, OUT usd_after numeric)
  RETURNS SETOF record LANGUAGE c VOLATILE
  AS 'MODULE_PATHNAME', 'agentcore_call_replay_summary_v1';
COMMENT ON FUNCTION agentcore.call_replay_summary(timestamptz, timestamptz, jsonb, timestamptz, text) IS
  'What call_replay() with the same arguments comes to, per agent, tool and reason. '
  'reason: of the calls that changed, the refusal that came or went; NULL: the others. '
  'newly_denied counts errors too. hits: calls that were answered by a key or the cache. '
  'tokens, usd: what settlements charged; a call that runs in the replay only counts with its estimate, one whose outcome is unknown as it was.';

INSERT INTO agentcore.access_function VALUES ('call_replay', 'approver'), ('call_replay_summary', 'approver');
