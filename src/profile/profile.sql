-- profile: what calls cost ---------------------------------------------------

CREATE FUNCTION agentcore.stat_calls(OUT tenant text, OUT kind text, OUT tool text,
    OUT calls bigint, OUT run bigint, OUT cached bigint, OUT wait bigint, OUT deny bigint, OUT not_enforced bigint,
    OUT reasons jsonb, OUT hit_ratio double precision,
    OUT committed bigint, OUT failed bigint, OUT retried bigint, OUT released bigint,
    OUT tokens bigint, OUT usd numeric, OUT waits jsonb,
    OUT policy_timed bigint, OUT policy_total_ns bigint, OUT policy_mean_ns bigint,
    OUT policy_p50_ns bigint, OUT policy_p95_ns bigint, OUT policy_p99_ns bigint, OUT policy_max_ns bigint,
    OUT tool_timed bigint, OUT tool_total_us bigint, OUT tool_mean_us bigint,
    OUT tool_p50_us bigint, OUT tool_p95_us bigint, OUT tool_p99_us bigint, OUT tool_max_us bigint,
    OUT incomplete boolean, OUT since timestamptz)
  RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_stat_calls_v1';
COMMENT ON FUNCTION agentcore.stat_calls() IS
  'Source of agentcore.stat_call; only tenants visible to the caller.';

CREATE VIEW agentcore.stat_call WITH (security_barrier) AS
  SELECT * FROM agentcore.stat_calls();
COMMENT ON VIEW agentcore.stat_call IS
  'What the gate was asked, by tool and model, since `since`: one row per tenant, kind (tool | model) and name; tool NULL: names that nobody has registered, and calls refused before the name was looked up. '
  'Counted where agentcore.track_timing is sampled or on. '
  'calls = run + cached + wait + deny; not_enforced: answers that a policy in audit mode let through. '
  'A call counts when it is judged, also if its transaction is rolled back; an end (committed, failed, retried, released) counts at COMMIT, and so do tokens and usd, which are what it was charged. '
  'What only the end of a lease ended is in none of these. '
  'reasons: calls by reason. '
  'waits: of the answers wait, by reason: calls, told_ms (for how long callers were told to wait, in all; null: nobody was told) and untold. '
  'hit_ratio: cached / (run + cached). '
  'policy_*: what the begin of a call took in the gate, in nanoseconds, of policy_timed calls; agentcore.stat_call_stage has its parts, and the end of calls. '
  'tool_*: from the begin of a call to its end, in microseconds of the wall clock, of tool_timed calls: not of retries, nor where the clock stepped back. '
  'Quantiles are off by less than 2 %. '
  'NULL: not measured. '
  'incomplete: calls of this tenant may count in the row of kind other, which holds those that found no slot (agentcore.stat_call_slots), for roles that may read every tenant. '
  'In shared memory: gone with a restart; agentcore.stat_call_reset() sets it back. '
  'Empty without shared memory.';

CREATE FUNCTION agentcore.stat_call_stages(OUT tenant text, OUT kind text, OUT tool text, OUT part text,
    OUT timed bigint, OUT total_ns bigint, OUT mean_ns bigint,
    OUT p50_ns bigint, OUT p95_ns bigint, OUT p99_ns bigint, OUT max_ns bigint, OUT stages jsonb)
  RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_stat_call_stages_v1';
COMMENT ON FUNCTION agentcore.stat_call_stages() IS
  'Source of agentcore.stat_call_stage; only tenants visible to the caller.';

CREATE VIEW agentcore.stat_call_stage WITH (security_barrier) AS
  SELECT * FROM agentcore.stat_call_stages();
COMMENT ON VIEW agentcore.stat_call_stage IS
  'Where the time of the gate goes: the parts of policy_* in agentcore.stat_call, one row per tenant, kind, tool and part that was gone through, in nanoseconds. '
  'part: admission (tenant, task, agent, tool, policy), arguments (arguments, urls, rules), repeats (key, once, loop, cache), limits (breaker, rate, limits, approval, budget), '
  'take (what the call needs is taken, and its row written), log, rest (reading the request, access, the answer), and settle (call_commit, call_fail, call_release, call_resolve). '
  'timed: calls that went through the part and were timed. '
  'stages: the total of each stage in it. '
  'Quantiles are off by less than 2 %.';

CREATE FUNCTION agentcore.stat_call_room(OUT slots integer, OUT used integer, OUT tenant_most integer)
  RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_stat_call_room_v1';
COMMENT ON FUNCTION agentcore.stat_call_room() IS
  'Source of agentcore.stat_call_slots. '
  'The caller needs reader on every tenant (''*'').';

CREATE VIEW agentcore.stat_call_slots WITH (security_barrier) AS
  SELECT s.* FROM (SELECT WHERE agentcore.access_visible('*')) AS allowed, LATERAL agentcore.stat_call_room() AS s;
COMMENT ON VIEW agentcore.stat_call_slots IS
  'Slots of agentcore.stat_call in shared memory, of the whole server: how many there are (agentcore.stat_call_slots), how many are used, and how many one tenant may have. '
  'No row unless the caller may read every tenant, and none without shared memory.';

CREATE FUNCTION agentcore.stat_call_reset(tool text DEFAULT NULL, tenant text DEFAULT '') RETURNS integer
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_stat_call_reset_v1';
COMMENT ON FUNCTION agentcore.stat_call_reset(text, text) IS
  'Forget what agentcore.stat_call counted of a tool or model (tool), or of all of the tenant (NULL, then also of names that nobody has registered), and give the slots back. '
  'tenant ''*'': of every tenant; with tool NULL the row of kind other too, which is the whole server''s. '
  'Not transactional. '
  'Returns how many rows went; 0 without shared memory.';

INSERT INTO agentcore.access_function VALUES
  ('stat_calls', 'reader'), ('stat_call_stages', 'reader'), ('stat_call_room', 'reader'), ('stat_call_reset', 'admin');
