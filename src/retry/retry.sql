-- retry: backoff advice, circuit breaker, rate limiter.

-- Backoff advice -----------------------------------------------------------

CREATE TABLE agentcore.retry_policy (
  tenant          text COLLATE "C" NOT NULL,
  name            text COLLATE "C" NOT NULL CHECK (name <> ''),
  base            interval NOT NULL CHECK (base >= '0'),
  cap             interval NOT NULL CHECK (cap >= base),
  max_attempts    integer NOT NULL CHECK (max_attempts >= 1),
  max_elapsed     interval CHECK (max_elapsed > '0'),
  max_retry_after interval NOT NULL CHECK (max_retry_after >= '0'),
  rules           jsonb NOT NULL DEFAULT '[]' CHECK (pg_catalog.jsonb_typeof(rules) = 'array'),
  method          text COLLATE "C" NOT NULL DEFAULT 'full' CHECK (method IN ('none', 'equal', 'full', 'decorrelated')),
  revision        bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.retry_policy');
SELECT agentcore.history_attach('agentcore.retry_policy', 'config_history');
COMMENT ON TABLE agentcore.retry_policy IS
  'Retry policies: how long to wait and with what jitter (method), how often, until when (max_elapsed NULL = no deadline), and rules that come before the built-in ones of retry_rules(). '
  'Written by retry_policy_set(); a row named default replaces the built-in policy.';

CREATE FUNCTION agentcore.retry_policy_set(name text, base interval DEFAULT NULL, cap interval DEFAULT NULL, max_attempts integer DEFAULT NULL, max_elapsed interval DEFAULT NULL, max_retry_after interval DEFAULT NULL, rules jsonb DEFAULT NULL, method text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_retry_policy_set_v1';
COMMENT ON FUNCTION agentcore.retry_policy_set(text, interval, interval, integer, interval, interval, jsonb, text, text[], text) IS
  'Create or change a retry policy. '
  'A member that is not given (NULL) stays as it is; in a new policy it is base 0.5 s, cap 30 s, max_attempts 16, max_elapsed 10 min, max_retry_after 2 min, rules [], method full. '
  'reset: members to set back to that. '
  'max_elapsed 0: no deadline. '
  'rules: [{"status": 429 or [500, 599], "error": "phrase", "class": "retry"|"throttle"|"fatal"|"quota"}, ...], first match decides, a rule without status and error only as the last. '
  'method: the jitter of the window min(cap, base * 2^(attempt - 1)): none (the window itself), equal (its upper half), full (all of it) or decorrelated (from base to three times the delay before). '
  'Returns whether anything changed. '
  'Bad values: 22023.';

CREATE FUNCTION agentcore.retry_policy_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_retry_policy_drop_v1';
COMMENT ON FUNCTION agentcore.retry_policy_drop(text, text) IS
  'Remove a retry policy; a removed default falls back to the built-in one. '
  'Returns whether there was one.';

CREATE TYPE agentcore.retry_advice AS (action text, delay interval, at timestamptz, reason text, delay_ms bigint);
COMMENT ON TYPE agentcore.retry_advice IS
  'Row of retry_next() and call_fail(): action retry | fail | defer; delay, at and delay_ms (delay in whole milliseconds, rounded up) are null for fail.';

CREATE FUNCTION agentcore.retry_next(attempt integer, status integer DEFAULT NULL, error text DEFAULT NULL, retry_after_header text DEFAULT NULL, retry_policy text DEFAULT 'default', started_at timestamptz DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.retry_advice
  LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_retry_next_v1';
COMMENT ON FUNCTION agentcore.retry_next(integer, integer, text, text, text, timestamptz, text) IS
  'What to do after the attempt-th attempt failed: retry after delay (jitter as the policy says, never before the other side asked, never past the deadline started_at + max_elapsed), defer (the other side asks for more than max_retry_after, or a limit by day or month is used up: come back at that time) or fail. '
  'reason: retryable_status, retryable_error, retry_after, retry_after_too_long, fatal_status, fatal_error, quota, cancelled, unknown_error, attempts_exhausted, deadline. '
  'error: the exception''s text or the response''s body, as it came; what it means says retry_rules(); of a long one the first 12 kB and the last 4 kB, without the frames of tracebacks. '
  'retry_after_header: the value of Retry-After (seconds, "6m0s", "5 seconds", "1500 ms", an HTTP-date, RFC 3339, an epoch that lies ahead; of a list the first), or lines of headers (retry-after, retry-after-ms, x-ratelimit-reset-*, RateLimit and their kind) or a printed list of header pairs; anything else is ignored. '
  'A wait in the error counts too ("try again in 7.66s", retryDelay); of several waits the longest. '
  'For retry a tenth of the wait, at least base, is drawn on top, unless method is none; defer is exact. '
  'NULL policy: default. '
  'Unknown policy: 42704; attempt below 1 or status other than 0 (none) and 100 to 999: 22023.';

CREATE FUNCTION agentcore.retry_rules(OUT n integer, OUT first_status integer, OUT last_status integer, OUT match text, OUT text text, OUT class text, OUT open boolean, OUT source text, OUT as_of date) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 900
  AS 'MODULE_PATHNAME', 'agentcore_retry_rules_v1';
COMMENT ON FUNCTION agentcore.retry_rules() IS
  'The built-in rules of what a failure means, in the order in which they are tried; the first that matches decides, and a policy''s own rules come before them. '
  'first_status to last_status: statuses (first_status NULL: no status too). '
  'match: status; code (of the body or of gRPC); name (the error''s first or last line begins with it); phrase (whole words of the error); text (the whole error); hint (a wait hint); size (the request is larger than the limit). '
  'class: retry | throttle | fatal | quota | cancelled. '
  'open: the failure does not say whether the work was done. '
  'source: where the rule comes from; as_of: when it was last compared with that, NULL: not compared. '
  'A 429 with a wait hint skips the rules of class quota.';

-- Circuit breaker ----------------------------------------------------------

CREATE TABLE agentcore.breaker (
  tenant        text COLLATE "C" NOT NULL,
  name          text COLLATE "C" NOT NULL CHECK (name <> ''),
  failure_ratio double precision NOT NULL CHECK (failure_ratio > 0 AND failure_ratio <= 1),
  min_calls     integer NOT NULL CHECK (min_calls >= 1),
  consecutive   integer NOT NULL CHECK (consecutive >= 1),
  open_for      interval NOT NULL CHECK (open_for > '0'),
  probes        integer NOT NULL CHECK (probes BETWEEN 1 AND 8),
  forced        text COLLATE "C" CHECK (forced IN ('open', 'closed')),
  revision      bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.breaker');
SELECT agentcore.history_attach('agentcore.breaker', 'config_history');
COMMENT ON TABLE agentcore.breaker IS
  'Settings of the circuit breakers of targets (name = target) that differ from the defaults, for both kinds. '
  'Written by breaker_set(). '
  'The states live in shared memory: see agentcore.stat_target.';

CREATE FUNCTION agentcore.breaker_set(target text, failure_ratio double precision DEFAULT NULL, min_calls integer DEFAULT NULL, open_for interval DEFAULT NULL, probes integer DEFAULT NULL, forced text DEFAULT NULL, consecutive integer DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_breaker_set_v1';
COMMENT ON FUNCTION agentcore.breaker_set(text, double precision, integer, interval, integer, text, integer, text[], text) IS
  'Create or change the settings of a target''s breakers, the gate''s and the raw one of breaker_allow() alike (forced too): a breaker opens at failure_ratio of at least min_calls calls within a minute, or at so many consecutive failures; open_for later up to `probes` probes pass at a time, each under a lease of open_for, and as many successes close it. '
  'forced: ''open'' or ''closed'' by hand; reset => ''{forced}'' lets it work again. '
  'A member that is not given (NULL) stays as it is; in new settings it is failure_ratio 0.5, min_calls 10, open_for 30 s, probes 2, consecutive 5, not forced. '
  'reset: members to set back to that. '
  'Returns whether anything changed. '
  'Bad values: 22023.';

CREATE FUNCTION agentcore.breaker_drop(target text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_breaker_drop_v1';
COMMENT ON FUNCTION agentcore.breaker_drop(text, text) IS
  'Back to the default settings, for both kinds. '
  'The breakers'' states stay. '
  'Returns whether there were settings.';

CREATE TYPE agentcore.breaker_decision AS (allowed boolean, state text, retry_after interval);
COMMENT ON TYPE agentcore.breaker_decision IS
  'Row of breaker_allow(): state closed | open | half_open | unavailable; retry_after is null when allowed or not known.';

CREATE FUNCTION agentcore.breaker_allow(target text, tenant text DEFAULT '') RETURNS SETOF agentcore.breaker_decision
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_breaker_allow_v1';
COMMENT ON FUNCTION agentcore.breaker_allow(text, text) IS
  'Whether a call to the target may be made now, by its raw breaker: what breaker_report() was told counts, the gate''s calls do not. '
  'In half_open the answer true takes one of the probes: make the call and breaker_report() it. '
  'Not transactional. '
  'unavailable: no slot is left in shared memory, the call is refused. '
  'Without shared memory: 55000. '
  'NULL or empty target: 22023.';

CREATE FUNCTION agentcore.breaker_report(target text, ok boolean, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_breaker_report_v1';
COMMENT ON FUNCTION agentcore.breaker_report(text, boolean, text) IS
  'Count a call''s outcome in the target''s raw breaker, which breaker_allow() asks and the gate does not, and return its state after it (closed | open | half_open | unavailable). '
  'While open, outcomes of calls that began earlier are ignored. '
  'Not transactional. '
  'Without shared memory: 55000. '
  'NULL: 22023.';

CREATE FUNCTION agentcore.target_states(OUT tenant text, OUT target text, OUT state text, OUT forced boolean, OUT calls bigint, OUT failures bigint, OUT consecutive_failures integer, OUT probes integer, OUT opened_at timestamptz, OUT retry_after interval, OUT kind text, OUT paused_until timestamptz) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_target_states_v1';
COMMENT ON FUNCTION agentcore.target_states() IS
  'Source of agentcore.stat_target; only tenants visible to the caller.';

CREATE VIEW agentcore.stat_target WITH (security_barrier) AS
  SELECT * FROM agentcore.target_states();
COMMENT ON VIEW agentcore.stat_target IS
  'Circuit breakers that have seen a call: state, calls and failures of the last minute, failures in a row, probes in flight, when it opened, and how long it will refuse (NULL: not known, or it does not refuse). '
  'kind gate: the gate''s breaker; kind raw: that of breaker_allow() and breaker_report(). '
  'paused_until: the target asked to be left alone until then (kind gate; NULL: it did not, or its breaker is forced). '
  'Empty without shared memory.';

CREATE FUNCTION agentcore.target_resume(target text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_target_resume_v1';
COMMENT ON FUNCTION agentcore.target_resume(text, text) IS
  'End the pause of a target that asked to be left alone (stat_target.paused_until); breaker_set(forced => ''closed'') ends it too. '
  'Its breaker stays as it is. '
  'Returns whether it was paused. '
  'Not transactional. '
  'Without shared memory: 55000. '
  'NULL or empty target: 22023.';

-- Rate limiter -------------------------------------------------------------

CREATE TABLE agentcore.rate_limit (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL CHECK (name <> ''),
  rate     integer CHECK (rate >= 1),
  period   interval NOT NULL CHECK (period > '0'),
  burst    integer CHECK (burst >= 1),
  tokens   bigint CHECK (tokens >= 1),
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name),
  CHECK (rate IS NOT NULL OR tokens IS NOT NULL)
);
SELECT agentcore.registry_attach('agentcore.rate_limit');
SELECT agentcore.history_attach('agentcore.rate_limit', 'config_history');
COMMENT ON TABLE agentcore.rate_limit IS
  'Rate limits of targets (name = target) that the gate applies: rate calls and tokens per period (NULL: not limited), burst calls at once (NULL: at most rate within any period). '
  'Written by rate_set().';

CREATE FUNCTION agentcore.rate_set(target text, rate integer DEFAULT NULL, period interval DEFAULT NULL, burst integer DEFAULT NULL, tokens bigint DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_rate_set_v1';
COMMENT ON FUNCTION agentcore.rate_set(text, integer, interval, integer, bigint, text[], text) IS
  'Create or change a target''s rate limit. '
  'Without burst at most rate calls pass the gate within any period; a call may count for up to 7 % longer than a period. '
  'With burst, burst calls pass at once, and within any time t at most burst + rate * t / period. '
  'tokens: at most so many within any period, whatever burst is: a call takes its estimate (one token if it has none), and what it used counts once it is settled. '
  'A call that asks for more tokens than the whole limit is denied. '
  'A member that is not given (NULL) stays as it is; a new limit needs period, and rate or tokens. '
  'reset: members to take away again (rate, burst, tokens). '
  'Returns whether anything changed. '
  'Zero or negative values: 22023.';

CREATE FUNCTION agentcore.rate_drop(target text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_rate_drop_v1';
COMMENT ON FUNCTION agentcore.rate_drop(text, text) IS
  'Remove a target''s rate limit. '
  'Returns whether there was one.';

CREATE TYPE agentcore.rate_decision AS (allowed boolean, retry_after interval);
COMMENT ON TYPE agentcore.rate_decision IS 'Row of rate_take(); retry_after is null when allowed or not known.';

CREATE FUNCTION agentcore.rate_take(key text, rate integer, period interval, burst integer DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.rate_decision
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_rate_take_v1';
COMMENT ON FUNCTION agentcore.rate_take(text, integer, interval, integer, text) IS
  'Take one token of the key, shared by all sessions. '
  'Without burst (NULL) at most rate are granted within any period; a token may count for up to 7 % longer than a period. '
  'With burst, burst are granted at once, and within any time t at most burst + rate * t / period. '
  'Refused takes cost nothing. '
  'Not transactional. '
  'Keys are apart from the targets of rate_set(). '
  'No slot left in shared memory: refused. '
  'Without shared memory: 55000. '
  'NULL, zero or negative values: 22023.';

CREATE FUNCTION agentcore.target_slots(OUT kind text, OUT slots bigint, OUT used bigint, OUT busy bigint, OUT recycled bigint, OUT refused bigint) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_target_slots_v1';
COMMENT ON FUNCTION agentcore.target_slots() IS
  'Source of agentcore.stat_target_slots. '
  'The caller needs reader on every tenant (''*'').';

CREATE VIEW agentcore.stat_target_slots WITH (security_barrier) AS
  SELECT s.* FROM (SELECT WHERE agentcore.access_visible('*')) AS allowed, LATERAL agentcore.target_slots() AS s;
COMMENT ON VIEW agentcore.stat_target_slots IS
  'Slots of breakers and rate limits in shared memory, of the whole server: how many there are, how many are used, how many still matter, how many were recycled for other keys, and how often none was left (then raise agentcore.max_targets). '
  'No row unless the caller may read every tenant.';

INSERT INTO agentcore.access_function VALUES
  ('retry_policy_set', 'admin'), ('retry_policy_drop', 'admin'), ('retry_next', 'agent'), ('retry_rules', 'public'),
  ('breaker_set', 'admin'), ('breaker_drop', 'admin'), ('breaker_allow', 'agent'), ('breaker_report', 'agent'),
  ('target_states', 'reader'), ('target_resume', 'admin'), ('rate_set', 'admin'), ('rate_drop', 'admin'), ('rate_take', 'agent'),
  ('target_slots', 'reader');

SELECT pg_catalog.pg_extension_config_dump('agentcore.retry_policy', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.breaker', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.rate_limit', '');
