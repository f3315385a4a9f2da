-- Defining budgets and their limits, and correcting what they count.

CREATE FUNCTION agentcore.budget_set(
  name text, max_tokens bigint DEFAULT NULL, max_usd numeric DEFAULT NULL, max_calls bigint DEFAULT NULL,
  max_in_flight integer DEFAULT NULL, period interval DEFAULT NULL, kind text DEFAULT NULL, tz text DEFAULT NULL,
  anchor timestamptz DEFAULT NULL, parent text DEFAULT NULL, on_expiry text DEFAULT NULL,
  overrun text DEFAULT NULL, enabled boolean DEFAULT NULL, thresholds integer[] DEFAULT NULL,
  spenders name[] DEFAULT NULL, max_overrun numeric DEFAULT NULL, min_hold_tokens bigint DEFAULT NULL,
  min_hold_usd numeric DEFAULT NULL, "only" text[] DEFAULT NULL, on_full text DEFAULT NULL,
  overflow text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_set_v1';
COMMENT ON FUNCTION agentcore.budget_set(text, bigint, numeric, bigint, integer, interval, text, text, timestamptz, text, text, text, boolean, integer[], name[], numeric, bigint, numeric, text[], text, text, text[], text) IS
  'Create or change a budget; true if anything changed. '
  'A member that is not given (NULL) stays as it is; a new budget has no limit, no period, no parent, no thresholds, tz UTC, on_expiry release, overrun charge, on_full deny, and is enabled. '
  'reset: members to set back to that. '
  'Without a period the budget never resets (kind lifetime); whole days or months make calendar windows in tz; other periods make equal spans from anchor (fixed). '
  'kind sliding: the period that ends now, in 24 parts; up to a 24th too strict, never too lax. '
  'A kind that is not given stays if it suits the period; otherwise it follows from the period. '
  'parent: has to admit and is charged too; up to 16 levels. '
  'on_expiry: release | charge_estimate, what happens to a hold whose lease ended. '
  'overrun: charge (what was spent is charged, also past a limit) | cap (no more than was held; the rest stands in the ledger as unbilled), by the budget that the permit names. '
  'thresholds: percentages of use, each told once per window (by two transactions that charge at the same time and may not wait for each other, twice) by a row of the ledger and, at COMMIT, by NOTIFY agentcore_budget (jsonb: tenant, budget, window, percent). '
  'Every role of the database can listen to that channel and notify on it, so believe the ledger and budget_status, not the payload; PREPARE TRANSACTION refuses to notify. '
  'spenders: roles of level agent that may use it, besides those that may call for an agent that it pays for; an empty list shuts out all others too (NULL: all may use a budget that no agent leads to, within what its parents allow). '
  'max_overrun: a role of level agent charges a permit at most so many times its hold, retries included, but always up to 100,000 tokens and 1 USD if it counts as a call (1 or more, Infinity: all; NULL: agentcore.max_overrun); the rest stands in the ledger as unbilled, with a WARNING; an administrator charges everything. '
  'min_hold_tokens, min_hold_usd: what an amount that is not stated holds and asks for, instead of nothing; the largest of the budget and its parents (NULL or 0: none). '
  'only: exact names and ''prefix*'' of the models and tools whose calls count for it; those of others pass it by and count for its parents only, so it needs a parent; a model counts by the name it was called by or the one that an alias prices it by, and a permit that is acquired without the gate counts in any case. '
  'only is a key word: write "only" => ... '
  'on_full: deny | wait | ask, what a request hears that does not fit; wait holds if all budgets that refuse say it and all reset within agentcore.budget_wait_max; ask has a person asked if all budgets that refuse say it and are enabled: a call of the gate then waits for an approval to exceed them; otherwise, and for ask without the gate, it is denied. '
  'overflow: the budget that pays in its place, with the parents of both, when a request does not fit; the overflow of that one is not tried, a disabled budget has none, and nor has one whose overflow leaves the call out by only; the roles that may use it need no right to that one. '
  'USD is kept in nano-dollars; a smaller fraction is rounded up. '
  'A lower limit only blocks new permits; a new window recounts from the ledger; enabled => false refuses from the COMMIT on. '
  '22023 bad value, a circle of parents and overflows, or an overflow that a template made; 42704 unknown parent, overflow or spender.';

CREATE FUNCTION agentcore.budget_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_drop_v1';
COMMENT ON FUNCTION agentcore.budget_drop(text, text) IS
  'Remove a budget; false if there is none. '
  '2BP01 while it is a parent or an overflow, 55006 while permits hold some of it. '
  'Its ledger stays.';

CREATE FUNCTION agentcore.budget_limit_set(
  budget text, limit_name text, max_tokens bigint DEFAULT NULL, max_usd numeric DEFAULT NULL, max_calls bigint DEFAULT NULL,
  period interval DEFAULT NULL, kind text DEFAULT NULL, tz text DEFAULT NULL, anchor timestamptz DEFAULT NULL,
  reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_limit_set_v1';
COMMENT ON FUNCTION agentcore.budget_limit_set(text, text, bigint, numeric, bigint, interval, text, text, timestamptz, text[], text) IS
  'Create or change one more limit of a budget with a window of its own, beside the main window of budget_set(); true if anything changed. '
  'Arguments, reset and members that are not given work as in budget_set(); at most 7 per budget (54000). '
  'A new limit counts from the ledger what was charged since its window began. '
  'Waits for the budget''s row (55P03). '
  '22023 bad value, also the name main; 42704 unknown budget.';

CREATE FUNCTION agentcore.budget_limit_drop(budget text, limit_name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_limit_drop_v1';
COMMENT ON FUNCTION agentcore.budget_limit_drop(text, text, text) IS
  'Remove a further limit of a budget; false if there is none. '
  'Waits for the budget''s row (55P03). '
  'NULL name: 22023.';

CREATE FUNCTION agentcore.budget_adjust(
  budget text, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, calls bigint DEFAULT 0, reason text DEFAULT NULL,
  tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_adjust_v1';
COMMENT ON FUNCTION agentcore.budget_adjust(text, bigint, numeric, bigint, text, text) IS
  'Correct what a budget and all its parents have used in their current windows, up or down, with a row in the ledger; no limit refuses it. '
  'False when all amounts are zero. '
  '22023 when a window would fall below zero, for NULL amounts and a reason of more than 1000 bytes; 42704 unknown budget; 55P03 on contention. '
  'In a sliding window a correction counts for the length of the window from now on.';

CREATE FUNCTION agentcore.budget_reset_window(budget text, limit_name text DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_reset_window_v1';
COMMENT ON FUNCTION agentcore.budget_reset_window(text, text, text) IS
  'Begin windows of a budget again, with nothing used; what permits hold stays. '
  'limit_name: one of its limits or main; NULL: all. '
  'Parents keep their count. '
  'True when the counter was ahead of the clock, which had jumped: it is then brought back to now, and what it charged in the future counts as of now in the windows that are not reset. '
  'After such a jump reset all budgets in one transaction, because budgets of one path pass the time on to each other. '
  '42704 unknown budget or limit, 55P03 on contention.';

INSERT INTO agentcore.access_function VALUES
  ('budget_set', 'admin'), ('budget_drop', 'admin'), ('budget_limit_set', 'admin'),
  ('budget_limit_drop', 'admin'), ('budget_adjust', 'admin'), ('budget_reset_window', 'admin');
