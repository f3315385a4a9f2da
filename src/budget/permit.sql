-- Permits: acquired, settled, extended, expired.

CREATE TYPE agentcore.budget_decision AS (
  granted boolean, permit uuid, denied_by text, reason text, retry_after interval,
  can_ever_fit boolean, detail text, duplicate boolean, denied_limit text, remaining jsonb,
  denied_dimension text, used numeric, held numeric, max numeric, asked numeric, on_full text, paid_by text[]);
COMMENT ON TYPE agentcore.budget_decision IS
  'Answer of budget_try_acquire() and budget_charge(). '
  'denied_by: the budget; reason: budget_exceeded | contention; retry_after NULL: not known; duplicate: the permit was made by an earlier call with the same key; denied_limit: which of the budget''s limits refused (main: its own window; NULL: disabled, or too many in flight); remaining: {tokens, usd, calls, in_flight} left in the budget and all its parents together, after this permit (null: no limit; NULL for a duplicate and on contention). '
  'denied_dimension: tokens | usd | calls | in_flight, and of it what denied_by has used, what open permits hold of it, its limit and what was asked (NULL: unknown; all NULL where it is disabled, and on contention). '
  'on_full, of a refusal: deny | wait | ask, what all budgets that refuse say of it; wait: all reset within agentcore.budget_wait_max, so ask again after retry_after, which is never before the reset and not the same for all. '
  'paid_by: the overflows that pay in place of full budgets (NULL: none; also for a duplicate).';

CREATE FUNCTION agentcore.budget_acquire(
  budget text, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, calls integer DEFAULT 1,
  lease interval DEFAULT NULL, key text DEFAULT NULL, labels jsonb DEFAULT NULL, also text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS uuid
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_acquire_v1';
COMMENT ON FUNCTION agentcore.budget_acquire(text, bigint, numeric, integer, interval, text, jsonb, text[], text) IS
  'Hold an upper bound of a call''s cost in a budget and all its parents, or in none. '
  'Returns the permit; TC002 when refused, 55P03 on contention, 42704 unknown budget; the last line of TC002''s DETAIL says the numbers as key=value, texts as JSON strings. '
  'also: other budgets that pay too, with their parents, each once: one permit, held in all of them or in none; on_expiry and overrun are those of budget (at most 8 names, 64 budgets in all: 54001). '
  'tokens, usd: NULL is unknown: nothing (or the budget''s min_hold) is held, but every limit must have room left; 0 is nothing, and passes a full limit. '
  'calls counts against max_calls, 0 not; calls in flight count in any case. '
  'lease NULL: agentcore.lease_default. '
  'The same key and request return the first permit; another request under the key is 22023. '
  'labels: what the business knows the work by: at most 8 strings, names and values together at most 1 kB (22023), kept with the permit and in the ledger; they are no part of the request: those of the first call under a key stay. '
  'Call it in a transaction of its own: the budget''s row stays locked until COMMIT.';

CREATE FUNCTION agentcore.budget_try_acquire(
  budget text, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, calls integer DEFAULT 1,
  lease interval DEFAULT NULL, key text DEFAULT NULL, labels jsonb DEFAULT NULL, also text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.budget_decision
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_try_acquire_v1';
COMMENT ON FUNCTION agentcore.budget_try_acquire(text, bigint, numeric, integer, interval, text, jsonb, text[], text) IS
  'As budget_acquire(), but a refusal is a row: who refused, why, when to ask again, and whether it can ever fit.';

CREATE FUNCTION agentcore.budget_charge(
  budget text, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, calls integer DEFAULT 1,
  key text DEFAULT NULL, labels jsonb DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.budget_decision
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_charge_v1';
COMMENT ON FUNCTION agentcore.budget_charge(text, bigint, numeric, integer, text, jsonb, text) IS
  'Charge what was used and is known, in one step: budget_try_acquire() and budget_commit() in one. '
  'The limits of the budget and its parents hold, max_in_flight too; a refusal and contention are a row, nothing is charged, and the key stays free. '
  'Once per key: the same charge again answers with the same permit (duplicate) and charges nothing; other amounts, or a key of budget_acquire(), are 22023. '
  'labels as in budget_acquire(). '
  'It may stand in the transaction that writes what was paid for: the budget''s rows stay locked until its end, and a ROLLBACK takes the charge back. '
  'NULL amounts: 22023; unknown budget: 42704.';

CREATE PROCEDURE agentcore.budget_acquire_wait(
  budget text, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, calls integer DEFAULT 1,
  lease interval DEFAULT NULL, key text DEFAULT NULL, deadline interval DEFAULT '30 seconds',
  INOUT permit uuid DEFAULT NULL, labels jsonb DEFAULT NULL, also text[] DEFAULT NULL, tenant text DEFAULT '')
  LANGUAGE C
  AS 'MODULE_PATHNAME', 'agentcore_budget_acquire_wait_v1';
COMMENT ON PROCEDURE agentcore.budget_acquire_wait(text, bigint, numeric, integer, interval, text, interval, uuid, jsonb, text[], text) IS
  'budget_acquire() that waits for room: tries, commits, sleeps and tries again, so that nothing is locked meanwhile. '
  'Answers with the permit, committed; after the deadline (NULL: none) it raises what the last try met, TC002 or 55P03; a request that can never fit is refused at once. '
  'A settlement wakes it if the library is preloaded; otherwise it looks again every quarter of a second. '
  'A try may take agentcore.budget_lock_wait past the deadline. '
  'The value given for permit is ignored. '
  '25001 inside a transaction block; called by a procedure it commits what that has done.';

CREATE FUNCTION agentcore.budget_commit(permit uuid, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_commit_v1';
COMMENT ON FUNCTION agentcore.budget_commit(uuid, bigint, numeric, text) IS
  'Charge what a call really cost and give the hold back: committed | late (the lease had ended; charged all the same) | replayed (settled before with these amounts) | conflict (settled before otherwise; nothing changed). '
  'NULL charges what was held. '
  'A call of the gate ends with call_commit(), llm_commit() or call_fail() (55000). '
  '42704 unless the caller may settle it.';

CREATE FUNCTION agentcore.budget_release(permit uuid, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_release_v1';
COMMENT ON FUNCTION agentcore.budget_release(uuid, text) IS
  'Give a hold back, nothing was used; a call of the gate is given up with call_release() (55000). '
  'Returns released | late (the lease had ended; a charge made then is taken back) | replayed | conflict. '
  '42704 unless the caller may settle it.';

CREATE FUNCTION agentcore.budget_extend(permit uuid, lease interval, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_extend_v1';
COMMENT ON FUNCTION agentcore.budget_extend(uuid, interval, bigint, numeric, text) IS
  'A new lease from now on and, if tokens or usd are more than 0, a hold that is so much larger. '
  'Returns extended; TC002 when a budget refuses (the permit stays as it was), TC007 when it is no longer open, 55P03 on contention.';

CREATE FUNCTION agentcore.budget_reap(batch integer DEFAULT 100, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_reap_v1';
COMMENT ON FUNCTION agentcore.budget_reap(integer, text) IS
  'Release or charge permits whose lease has ended, the oldest first, at most batch of them, skipping those being settled; returns how many. '
  'Call it until it returns 0; an acquire that would be refused reaps a few by itself.';

CREATE VIEW agentcore.permits WITH (security_barrier) AS
SELECT p.tenant, p.id AS permit,
       CASE p.state WHEN 'o' THEN 'open' WHEN 'r' THEN 'retry' WHEN 'c' THEN 'committed' WHEN 'x' THEN 'released'
                    WHEN 'f' THEN 'failed' WHEN 'e' THEN 'expired' WHEN 'u' THEN 'unknown' WHEN 'd' THEN 'deferred' ELSE 'late' END AS state,
       p.role, p.budget, p.agent, p.tool, p.task, p.subject, p.key, p.attempt,
       p.held_tokens, pg_catalog.trim_scale(p.held_nanousd * 0.000000001) AS held_usd, p.held_calls,
       p.charged_tokens, pg_catalog.trim_scale(p.charged_nanousd * 0.000000001) AS charged_usd, p.charged_calls,
       p.created_at, p.lease_until, p.retry_at, p.settled_at, p.result_kept, p.result_note, p.priced_as, p.service_tier,
       p.estimated, pg_catalog.trim_scale(p.reported_nanousd * 0.000000001) AS reported_usd, p.labels, p.also,
       p.excused, p.budgets
  FROM agentcore.visible_rows(NULL::agentcore.permit) p;
COMMENT ON VIEW agentcore.permits IS
  'Permits of the visible tenants, open and settled. '
  'held: the estimate (given back once settled; 0 where it was unknown); charged: the real cost. '
  'retry_at: when a call that waits for a retry, or is deferred, may run. '
  'result_kept: whether the result of a call was taken: false where it was dropped, NULL where none was given; result_note: what was dropped or changed of it, or what is wrong with it (invalid_result). '
  'priced_as: the model whose price counts, where an alias names it (NULL: that of tool); service_tier: that a model call was begun with (NULL: standard). '
  'estimated: the field of a usage object that was not understood, so that no less than the hold was charged; NULL where there is none. '
  'reported_usd: what the usage object itself said that the call cost. '
  'labels: as given when it began (NULL: none). '
  'budget: whose on_expiry and overrun count (those of its overflow, where that pays); also: what was named beside it (NULL: nothing); budgets: all that pay, the deepest first. '
  'excused: budgets whose limits a person let it pass, by an approval (NULL: none). '
  'Money in USD.';

INSERT INTO agentcore.access_function VALUES
  ('budget_acquire', 'agent'), ('budget_acquire_wait', 'agent'), ('budget_try_acquire', 'agent'), ('budget_charge', 'agent'),
  ('budget_commit', 'agent'), ('budget_release', 'agent'), ('budget_extend', 'agent'),
  ('budget_reap', 'admin');
