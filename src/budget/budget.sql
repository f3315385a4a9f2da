-- budget: budgets, counters, permits, prices, ledger.  Money is nano-USD (bigint) in
-- the tables and numeric USD in functions and views.

CREATE TABLE agentcore.budget (
  tenant          text COLLATE "C" NOT NULL,
  name            text COLLATE "C" NOT NULL,
  parent          text COLLATE "C",
  kind            text COLLATE "C" NOT NULL CHECK (kind IN ('lifetime', 'fixed', 'calendar', 'sliding')),
  period          interval,
  tz              text COLLATE "C" NOT NULL,
  anchor          timestamptz,
  max_tokens      bigint CHECK (max_tokens >= 0),
  max_nanousd     bigint CHECK (max_nanousd >= 0),
  max_calls       bigint CHECK (max_calls >= 0),
  max_in_flight   integer CHECK (max_in_flight >= 0),
  slots           integer NOT NULL DEFAULT 1 CHECK (slots BETWEEN 1 AND 64),
  on_expiry       text COLLATE "C" NOT NULL CHECK (on_expiry IN ('release', 'charge_estimate')),
  overrun         text COLLATE "C" NOT NULL CHECK (overrun IN ('charge', 'cap')),
  thresholds      integer[] NOT NULL DEFAULT '{}' CHECK (0 < ALL (thresholds) AND 100 >= ALL (thresholds) AND pg_catalog.cardinality(thresholds) <= 8),
  enabled         boolean NOT NULL DEFAULT true,
  spenders        text[] COLLATE "C",
  max_overrun     numeric CHECK (max_overrun >= 1 AND max_overrun <> 'NaN'),
  limited_at      timestamptz NOT NULL,
  window_revision bigint NOT NULL,
  revision        bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.budget');
COMMENT ON TABLE agentcore.budget IS 'Definitions of budgets: limits (NULL = none), window, parent. Written by budget_set() and budget_drop(). spenders: roles that may use it besides those that may call for an agent that it pays for (NULL = only these; or all where no agent leads to it). max_overrun: NULL = agentcore.max_overrun. limited_at: when limits or window last changed; window_revision: changes with the window.';

CREATE TABLE agentcore.budget_limit (
  tenant          text COLLATE "C" NOT NULL,
  budget          text COLLATE "C" NOT NULL,
  name            text COLLATE "C" NOT NULL,
  kind            text COLLATE "C" NOT NULL CHECK (kind IN ('lifetime', 'fixed', 'calendar', 'sliding')),
  period          interval,
  tz              text COLLATE "C" NOT NULL,
  anchor          timestamptz,
  max_tokens      bigint CHECK (max_tokens >= 0),
  max_nanousd     bigint CHECK (max_nanousd >= 0),
  max_calls       bigint CHECK (max_calls >= 0),
  revision        bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, budget, name)
);
SELECT agentcore.registry_attach('agentcore.budget_limit');
COMMENT ON TABLE agentcore.budget_limit IS 'Further windows of budgets, at most 7 a budget: what may be used in each (NULL = no limit). In the arrays of budget_counter they follow the main window, by name. Written by budget_limit_set() and budget_limit_drop(), which also change the budget''s row.';

-- One row a (budget, slot) with all windows and dimensions as arrays, so that an
-- acquire touches one row a level.  No index on the numbers and no foreign key: every
-- update stays HOT.
CREATE TABLE agentcore.budget_counter (
  tenant          text COLLATE "C" NOT NULL,
  budget          text COLLATE "C" NOT NULL,
  slot            integer NOT NULL DEFAULT 0,
  since           timestamptz NOT NULL,
  seen            timestamptz NOT NULL,
  window_revision bigint NOT NULL,
  starts          timestamptz[] NOT NULL,
  used            bigint[] NOT NULL,
  held            bigint[] NOT NULL,
  share           bigint[],
  strained        boolean NOT NULL DEFAULT false,
  buckets         bigint[],
  warned          integer[],
  PRIMARY KEY (tenant, budget, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
-- in the row as long as it fits: a row that is read for every permit
ALTER TABLE agentcore.budget_counter ALTER COLUMN buckets SET STORAGE MAIN;
COMMENT ON TABLE agentcore.budget_counter IS 'What is used and held of each budget. starts: begin of each window (sliding: of its current bucket); used: (tokens, nano-USD, calls) a window; held: tokens, nano-USD, calls, calls in flight; buckets: for each sliding window its place in starts and 25 times (tokens, nano-USD, calls), the current bucket first (NULL: no such window); warned: the highest threshold told of in each window (NULL: none); seen: latest time used under the row lock; since: the ledger counts from here on. share: this slot''s part of every limit (as used, then calls in flight; -1 = none), NULL where the budget has one slot; strained: more is taken than a limit allows, so that only all slots together admit.';

-- No CHECK here and on the ledger: PostgreSQL parses it anew for every statement, which
-- was a seventh of an acquire and commit; budget_verify() looks instead.
CREATE TABLE agentcore.permit (
  tenant           text COLLATE "C" NOT NULL,
  id               uuid NOT NULL,
  state            "char" NOT NULL,
  role             text COLLATE "C" NOT NULL,
  budget           text COLLATE "C",
  budgets          text[] COLLATE "C" NOT NULL,
  slots            integer[],
  held_tokens      bigint NOT NULL,
  held_nanousd     bigint NOT NULL,
  held_calls       bigint NOT NULL,
  charged_tokens   bigint NOT NULL DEFAULT 0,
  charged_nanousd  bigint NOT NULL DEFAULT 0,
  charged_calls    bigint NOT NULL DEFAULT 0,
  spent_tokens     bigint NOT NULL DEFAULT 0,
  spent_nanousd    bigint NOT NULL DEFAULT 0,
  charge_on_expiry boolean NOT NULL,
  created_at       timestamptz NOT NULL,
  lease_until      timestamptz NOT NULL,
  retry_at         timestamptz,
  settled_at       timestamptz,
  attempt          integer NOT NULL DEFAULT 1,
  holder           text COLLATE "C",
  key              text COLLATE "C",
  request_hash     bytea,
  agent            text COLLATE "C",
  tool             text COLLATE "C",
  task             text COLLATE "C",
  subject          text COLLATE "C",
  is_llm           boolean NOT NULL DEFAULT false,
  idempotent       boolean NOT NULL DEFAULT false,
  resolved         boolean NOT NULL DEFAULT false,
  cache_key        bytea,
  cache_lease      bigint NOT NULL DEFAULT 0,
  result           jsonb,
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX permit_key ON agentcore.permit (tenant, holder, key)
  WHERE key IS NOT NULL AND state IN ('o', 'r', 'c', 'e', 'l') AND NOT resolved;
CREATE INDEX permit_open ON agentcore.permit (tenant, lease_until)
  WHERE state IN ('o', 'r');
COMMENT ON TABLE agentcore.permit IS 'Permits, which are also the gate''s calls. state: o open, r waiting for a retry, c committed, x released, f failed, e expired, l committed after its lease. budgets: whose counters carry the hold, leaf first; slots: in which of their slots, modulo their number, NULL = all 0. charged: everything charged for it; spent: the part charged for failed attempts. holder: whose namespace the key is in. Written as budget_counter is; indexes of any kind may be added, columns may not.';

CREATE TABLE agentcore.budget_ledger (
  tenant  text COLLATE "C" NOT NULL,
  at      timestamptz NOT NULL,
  id      uuid NOT NULL,
  permit  uuid,
  budgets text[] COLLATE "C" NOT NULL,
  event   text COLLATE "C" NOT NULL,
  tokens  bigint NOT NULL,
  nanousd bigint NOT NULL,
  calls   bigint NOT NULL,
  agent   text COLLATE "C",
  tool    text COLLATE "C",
  is_llm  boolean NOT NULL DEFAULT false,
  detail  jsonb
) PARTITION BY RANGE (at);
-- indexes stand on the partitions: one that was added at run time is dumped with its
-- own, and restored before it is attached
CREATE TABLE agentcore.budget_ledger_default PARTITION OF agentcore.budget_ledger DEFAULT;
CREATE INDEX budget_ledger_default_at ON agentcore.budget_ledger_default (tenant, at);
CREATE INDEX budget_ledger_default_unbilled ON agentcore.budget_ledger_default (tenant, at) WHERE event = 'unbilled';
COMMENT ON TABLE agentcore.budget_ledger IS 'Append-only: one row a settlement, with what it charged to every budget in budgets. The time is taken under the row locks of their counters, so it never runs backwards for a budget. event: commit, release, fail, retry, expire, late, refund (what an expired permit was charged too much), adjust (by budget_adjust()), reset (what budget_reset_window() took out of the count), carry (what budget_ledger_retain() added up), and two that charge nothing: unbilled (what overrun cap or max_overrun left uncharged, in detail) and threshold (which one was reached, in detail). tool: the model where is_llm.';
COMMENT ON TABLE agentcore.budget_ledger_default IS 'The partition that takes every row of no other partition.';

CREATE TABLE agentcore.model_price (
  tenant               text COLLATE "C" NOT NULL,
  name                 text COLLATE "C" NOT NULL,
  valid_from           timestamptz NOT NULL,
  usd_per_input_token  numeric NOT NULL CHECK (usd_per_input_token >= 0 AND usd_per_input_token < 'infinity'),
  usd_per_output_token numeric NOT NULL CHECK (usd_per_output_token >= 0 AND usd_per_output_token < 'infinity'),
  usd_per_cached_token numeric CHECK (usd_per_cached_token >= 0 AND usd_per_cached_token < 'infinity'),
  valid_to             timestamptz CHECK (valid_to > valid_from),
  usd_per_cache_write_token numeric CHECK (usd_per_cache_write_token >= 0 AND usd_per_cache_write_token < 'infinity'),
  usd_per_long_cache_write_token numeric CHECK (usd_per_long_cache_write_token >= 0 AND usd_per_long_cache_write_token < 'infinity'),
  usd_per_reasoning_token numeric CHECK (usd_per_reasoning_token >= 0 AND usd_per_reasoning_token < 'infinity'),
  input_weight         numeric NOT NULL DEFAULT 1 CHECK (input_weight >= 0 AND input_weight < 'infinity'),
  output_weight        numeric NOT NULL DEFAULT 1 CHECK (output_weight >= 0 AND output_weight < 'infinity'),
  cached_weight        numeric CHECK (cached_weight >= 0 AND cached_weight < 'infinity'),
  revision             bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name, valid_from)
);
SELECT agentcore.registry_attach('agentcore.model_price');
COMMENT ON TABLE agentcore.model_price IS 'Prices of models in USD a token; of the rows that hold (valid_from <= now < valid_to) the one with the latest valid_from counts. NULL prices: cached input and cache writes cost as input, long cache writes as cache writes, reasoning as output. Weights: how many tokens of a budget one token is. Written by model_price_set().';

SELECT pg_catalog.pg_extension_config_dump('agentcore.budget', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_limit', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_counter', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.permit', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_ledger', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_ledger_default', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.model_price', '');

-- Definitions --------------------------------------------------------------

CREATE FUNCTION agentcore.budget_set(
  name text, max_tokens bigint DEFAULT NULL, max_usd numeric DEFAULT NULL, max_calls bigint DEFAULT NULL,
  max_in_flight integer DEFAULT NULL, period interval DEFAULT NULL, kind text DEFAULT NULL, tz text DEFAULT NULL,
  anchor timestamptz DEFAULT NULL, parent text DEFAULT NULL, slots integer DEFAULT NULL, on_expiry text DEFAULT NULL,
  overrun text DEFAULT NULL, enabled boolean DEFAULT NULL, thresholds integer[] DEFAULT NULL,
  spenders name[] DEFAULT NULL, max_overrun numeric DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_set_v1';
COMMENT ON FUNCTION agentcore.budget_set(text, bigint, numeric, bigint, integer, interval, text, text, timestamptz, text, integer, text, text, boolean, integer[], name[], numeric, text[], text) IS 'Create or change a budget; true if anything changed. A member that is not given (NULL) stays as it is; a new budget has no limit, no period, no parent, no thresholds, tz UTC, 1 slot, on_expiry release, overrun charge, and is enabled. reset: members to set back to that. Without period: never resets (kind lifetime); whole days or months: calendar windows in tz; else equal spans from anchor (fixed); kind sliding: the period that ends now, in 24 parts, up to a 24th too strict, never over. A kind that is not given stays where it suits the period, else the period says it. parent: charged and asked too, up to 16 levels. slots: 1 to 64 counter rows that share the limits, for a budget that many sessions use at once (not with kind sliding or thresholds). on_expiry: release | charge_estimate, what becomes of a hold whose lease ended. overrun: charge (what was spent is charged, also past a limit) | cap (no more than was held; the rest stands in the ledger as unbilled), by the budget that the permit names. thresholds: percentages of use, each told of once a window by a row of the ledger and, at COMMIT, by NOTIFY agentcore_budget (jsonb: tenant, budget, window, percent), which every role of the database can hear, and can send too (believe the ledger and budget_status, not the payload), and which PREPARE TRANSACTION refuses. spenders: roles of level agent that may use it, besides those that may call for an agent that it pays for; also an empty list shuts out all others (NULL: all may use what no agent leads to, as part of its parent). max_overrun: a role of level agent charges a permit at most so many times its hold, retries included, but 100,000 tokens and 1 USD in any case (1 or more, Infinity: all; NULL: agentcore.max_overrun); the rest stands in the ledger as unbilled, with a WARNING, and an administrator charges all. USD is kept in nano-dollars; a smaller fraction is rounded up. A lower limit only blocks new permits; a new window recounts from the ledger; enabled => false refuses from the COMMIT on. 22023 bad value, 42704 unknown parent or spender.';

CREATE FUNCTION agentcore.budget_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_drop_v1';
COMMENT ON FUNCTION agentcore.budget_drop(text, text) IS 'Remove a budget; false if there is none. 2BP01 while it is a parent, 55006 while permits hold some of it. Its ledger stays.';

CREATE FUNCTION agentcore.budget_limit_set(
  budget text, limit_name text, max_tokens bigint DEFAULT NULL, max_usd numeric DEFAULT NULL, max_calls bigint DEFAULT NULL,
  period interval DEFAULT NULL, kind text DEFAULT NULL, tz text DEFAULT NULL, anchor timestamptz DEFAULT NULL,
  reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_limit_set_v1';
COMMENT ON FUNCTION agentcore.budget_limit_set(text, text, bigint, numeric, bigint, interval, text, text, timestamptz, text[], text) IS 'Create or change one more limit of a budget with a window of its own, beside the main window of budget_set(); true if anything changed. Arguments, reset and what is not given as there; at most 7 per budget (54000). Counts from the ledger what was charged since its window began. Waits for the budget''s row (55P03). 22023 bad value, also the name main; 42704 unknown budget.';

CREATE FUNCTION agentcore.budget_limit_drop(budget text, limit_name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_limit_drop_v1';
COMMENT ON FUNCTION agentcore.budget_limit_drop(text, text, text) IS 'Remove a further limit of a budget; false if there is none. Waits for the budget''s row (55P03). NULL name: 22023.';

CREATE FUNCTION agentcore.budget_adjust(
  budget text, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, calls bigint DEFAULT 0, reason text DEFAULT NULL,
  tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_adjust_v1';
COMMENT ON FUNCTION agentcore.budget_adjust(text, bigint, numeric, bigint, text, text) IS 'Correct what a budget and all its parents have used in their current windows, up or down, with a row of the ledger; no limit refuses it. False when all amounts are zero. 22023 when a window would fall below zero, for NULL amounts and a reason of more than 1000 bytes; 42704 unknown budget; 55P03 on contention. In a sliding window a correction counts for the length of the window from now on.';

CREATE FUNCTION agentcore.budget_reset_window(budget text, limit_name text DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_reset_window_v1';
COMMENT ON FUNCTION agentcore.budget_reset_window(text, text, text) IS 'Begin windows of a budget anew, with nothing used; what permits hold stays. limit_name: one of its limits or main; NULL: all. Parents keep their count. True when the counter was ahead of the clock, which had jumped: it is then brought back to now, and what it charged in the future counts as of now in the windows that are not reset. After such a jump reset all budgets in one transaction, since they pass the time on to each other. 42704 unknown budget or limit, 55P03 on contention.';

-- Permits ------------------------------------------------------------------

CREATE TYPE agentcore.budget_decision AS (
  granted boolean, permit uuid, denied_by text, reason text, retry_after interval,
  can_ever_fit boolean, detail text, duplicate boolean, denied_limit text, remaining jsonb);
COMMENT ON TYPE agentcore.budget_decision IS 'Answer of budget_try_acquire(). denied_by: the budget; reason: budget_exceeded | contention; retry_after NULL: not known; duplicate: the permit was made by an earlier call with the same key; denied_limit: which of the budget''s limits refused (main: its own window; NULL: disabled, or too many in flight); remaining: {tokens, usd, calls, in_flight} left in the budget and all its parents together, after this permit (null: no limit; NULL for a duplicate, on contention, and for a grant where one of these budgets has several slots).';

CREATE FUNCTION agentcore.budget_acquire(
  budget text, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, calls integer DEFAULT 1,
  lease interval DEFAULT NULL, key text DEFAULT NULL, tenant text DEFAULT '') RETURNS uuid
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_acquire_v1';
COMMENT ON FUNCTION agentcore.budget_acquire(text, bigint, numeric, integer, interval, text, text) IS 'Hold an upper bound of a call''s cost in a budget and all its parents, or in none. Returns the permit; TC002 when refused, 55P03 on contention, 42704 unknown budget. lease NULL: agentcore.lease_default. The same key and request return the first permit; another request under the key is 22023. Call it in a transaction of its own: the budget''s row stays locked until COMMIT.';

CREATE FUNCTION agentcore.budget_try_acquire(
  budget text, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, calls integer DEFAULT 1,
  lease interval DEFAULT NULL, key text DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.budget_decision
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_try_acquire_v1';
COMMENT ON FUNCTION agentcore.budget_try_acquire(text, bigint, numeric, integer, interval, text, text) IS 'As budget_acquire(), but a refusal is a row: who refused, why, when to ask again, and whether it can ever fit.';

CREATE PROCEDURE agentcore.budget_acquire_wait(
  budget text, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, calls integer DEFAULT 1,
  lease interval DEFAULT NULL, key text DEFAULT NULL, deadline interval DEFAULT '30 seconds',
  INOUT permit uuid DEFAULT NULL, tenant text DEFAULT '')
  LANGUAGE C
  AS 'MODULE_PATHNAME', 'agentcore_budget_acquire_wait_v1';
COMMENT ON PROCEDURE agentcore.budget_acquire_wait(text, bigint, numeric, integer, interval, text, interval, uuid, text) IS 'budget_acquire() that waits for room: tries, commits, sleeps and tries again, so that nothing is locked meanwhile. Answers with the permit, committed; after deadline (NULL: none) it raises what the last try met, TC002 or 55P03, and at once what can never fit. A settlement wakes it where the library is preloaded; else it looks again every quarter of a second. A try may take agentcore.budget_lock_wait past the deadline. The permit given in is not looked at. 25001 inside a transaction block; called by a procedure it commits what that has done.';

CREATE FUNCTION agentcore.budget_commit(permit uuid, tokens bigint DEFAULT NULL, usd numeric DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_commit_v1';
COMMENT ON FUNCTION agentcore.budget_commit(uuid, bigint, numeric, text) IS 'Charge what a call really cost and give the hold back: committed | late (the lease had ended; charged all the same) | replayed (settled before with these amounts) | conflict (settled before otherwise; nothing changed). NULL charges what was held. 42704 unless the caller may settle it.';

CREATE FUNCTION agentcore.budget_release(permit uuid, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_release_v1';
COMMENT ON FUNCTION agentcore.budget_release(uuid, text) IS 'Give a hold back, nothing was used: released | late (the lease had ended; a charge made then is taken back) | replayed | conflict. 42704 unless the caller may settle it.';

CREATE FUNCTION agentcore.budget_extend(permit uuid, lease interval, tokens bigint DEFAULT 0, usd numeric DEFAULT 0, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_extend_v1';
COMMENT ON FUNCTION agentcore.budget_extend(uuid, interval, bigint, numeric, text) IS 'A new lease from now on and, if asked, a larger hold. Returns extended; TC002 when a budget refuses (the permit stays as it was), TC007 when it is no longer open, 55P03 on contention.';

CREATE FUNCTION agentcore.budget_reap(batch integer DEFAULT 100, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_reap_v1';
COMMENT ON FUNCTION agentcore.budget_reap(integer, text) IS 'Release or charge permits whose lease has ended, the oldest first, at most batch of them, skipping those being settled; returns how many. Call it until it returns 0; an acquire that would be refused reaps a few by itself.';

-- Prices -------------------------------------------------------------------

CREATE FUNCTION agentcore.model_price_set(
  model text, usd_per_input_token numeric DEFAULT NULL, usd_per_output_token numeric DEFAULT NULL, usd_per_cached_token numeric DEFAULT NULL,
  valid_from timestamptz DEFAULT NULL, valid_to timestamptz DEFAULT NULL,
  usd_per_cache_write_token numeric DEFAULT NULL, usd_per_long_cache_write_token numeric DEFAULT NULL,
  usd_per_reasoning_token numeric DEFAULT NULL,
  input_weight numeric DEFAULT NULL, output_weight numeric DEFAULT NULL, cached_weight numeric DEFAULT NULL,
  reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_price_set_v1';
COMMENT ON FUNCTION agentcore.model_price_set(text, numeric, numeric, numeric, timestamptz, timestamptz, numeric, numeric, numeric, numeric, numeric, numeric, text[], text) IS 'Price of a model in USD per token, exact to any number of digits, from valid_from on and before valid_to (without: for ever); of several that hold the one that began last counts. True if anything changed. A member that is not given (NULL) stays as it is in the price that begins at valid_from; without valid_from the price begins now, and is as the one in force but for what is given. A new price needs both first prices; reset: members to set back to how they are in a new one, with weights of 1 and nothing else. Without a price of their own, cached tokens and cache writes cost as input, cache writes kept for an hour (long) as cache writes, reasoning as output. Weights: how many tokens of a token budget one token counts as, cached tokens as input without a weight of their own; the sum is rounded up. 22023 for negative, NaN or infinite prices and weights, and an empty validity.';

CREATE FUNCTION agentcore.model_price_drop(model text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_price_drop_v1';
COMMENT ON FUNCTION agentcore.model_price_drop(text, text) IS 'Remove every price of a model, so that calls of it are denied; false when there was none. NULL model: 22023.';

CREATE TYPE agentcore.model_usage AS (
  input_tokens bigint, output_tokens bigint, cached_tokens bigint, usd numeric,
  cache_write_tokens bigint, reasoning_tokens bigint, tokens bigint);
COMMENT ON TYPE agentcore.model_usage IS 'Tokens of a model call and their price; cached_tokens and cache_write_tokens are part of input_tokens, reasoning_tokens of output_tokens; tokens: all of them by weight, which a token budget is charged.';

CREATE FUNCTION agentcore.model_cost(model text, usage jsonb, at timestamptz DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.model_usage
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_model_cost_v1';
COMMENT ON FUNCTION agentcore.model_cost(text, jsonb, timestamptz, text) IS 'What a model call cost by a provider''s usage object (OpenAI chat and responses, Anthropic, Gemini), or by a response with one, at the price in force at a time (NULL: now), rounded up to a nano-dollar. Tokens that only the provider''s total counts cost as output. Of an object in several forms at once the larger cost counts, and the tokens are those of the form that costs more. 42704: no price then; 22023: NULL or not a usage object.';

INSERT INTO agentcore.access_source (relation, since, hidden) VALUES
  ('model_price', NULL, '{revision}'), ('budget', NULL, '{max_tokens,max_nanousd,max_calls,slots,limited_at,window_revision,revision}'),
  ('budget_limit', NULL, '{max_tokens,max_nanousd,max_calls,revision}'),
  ('permit', NULL, '{budgets,slots,spent_tokens,spent_nanousd,charge_on_expiry,holder,request_hash,is_llm,idempotent,resolved,cache_key,cache_lease,result}'), ('budget_ledger', 'at', '{detail}');

CREATE VIEW agentcore.model_prices WITH (security_barrier) AS
SELECT p.tenant, p.name AS model, p.valid_from, p.valid_to,
       p.valid_from <= n.now AND (p.valid_to IS NULL OR p.valid_to > n.now) AND NOT EXISTS (
         SELECT FROM agentcore.visible_rows(NULL::agentcore.model_price) q
          WHERE q.tenant = p.tenant AND q.name = p.name AND q.valid_from > p.valid_from
            AND q.valid_from <= n.now AND (q.valid_to IS NULL OR q.valid_to > n.now)) AS in_force,
       p.usd_per_input_token, p.usd_per_output_token,
       coalesce(p.usd_per_cached_token, p.usd_per_input_token) AS usd_per_cached_token,
       coalesce(p.usd_per_cache_write_token, p.usd_per_input_token) AS usd_per_cache_write_token,
       coalesce(p.usd_per_long_cache_write_token, p.usd_per_cache_write_token, p.usd_per_input_token) AS usd_per_long_cache_write_token,
       coalesce(p.usd_per_reasoning_token, p.usd_per_output_token) AS usd_per_reasoning_token,
       p.input_weight, p.output_weight, coalesce(p.cached_weight, p.input_weight) AS cached_weight
  FROM agentcore.visible_rows(NULL::agentcore.model_price) p
 CROSS JOIN (SELECT agentcore.clock_now()) AS n(now);
COMMENT ON VIEW agentcore.model_prices IS 'Prices of models in USD a token, with what a price not given falls back to; in_force: the one that a call begun now is priced by.';

-- Watching -----------------------------------------------------------------

CREATE TYPE agentcore.budget_span AS (starts_at timestamptz, resets_at timestamptz);
COMMENT ON TYPE agentcore.budget_span IS 'A window of a budget: from starts_at (included) to resets_at (excluded); -infinity and infinity for a lifetime.';

CREATE FUNCTION agentcore.budget_window(kind text, period interval, tz text, anchor timestamptz, at timestamptz) RETURNS SETOF agentcore.budget_span
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_window_v1';
COMMENT ON FUNCTION agentcore.budget_window(text, interval, text, timestamptz, timestamptz) IS 'The window that a time falls into, for the window arguments of budget_set(). NULL tz or at: 22023.';

CREATE TYPE agentcore.budget_window_now AS (
  place integer, limit_name text, starts_at timestamptz, resets_at timestamptz, counts_from timestamptz, horizon timestamptz,
  used bigint[], held bigint[], max bigint[]);
COMMENT ON TYPE agentcore.budget_window_now IS 'A window of a budget as an acquire would find it now. place: in the arrays of the counter, from 0; resets_at NULL: at no one time; counts_from: since when charges count; horizon: until when a rate of use can be projected; used, max: tokens, nano-USD, calls (NULL = no limit); held: these and calls in flight.';

CREATE FUNCTION agentcore.budget_windows(budget text, tenant text DEFAULT '') RETURNS SETOF agentcore.budget_window_now
  LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 2
  AS 'MODULE_PATHNAME', 'agentcore_budget_windows_v1';
COMMENT ON FUNCTION agentcore.budget_windows(text, text) IS 'The windows of a budget as of now, main first, whatever the snapshot; no row for an unknown budget. Takes no lock. The caller needs reader. NULL or empty name: 22023.';

CREATE TYPE agentcore.budget_uncharged AS (tokens bigint, usd numeric);
COMMENT ON TYPE agentcore.budget_uncharged IS 'Row of budget_unbilled(): 0 where nothing was left out.';

CREATE FUNCTION agentcore.budget_unbilled(budget text, since timestamptz, tenant text DEFAULT '') RETURNS SETOF agentcore.budget_uncharged
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_unbilled_v1';
COMMENT ON FUNCTION agentcore.budget_unbilled(text, timestamptz, text) IS 'What overrun cap or max_overrun left uncharged to a budget since a time, in tokens and USD, as far back as the ledger reaches. The caller needs reader. NULL: 22023.';

CREATE VIEW agentcore.budget_limits WITH (security_barrier) AS
SELECT b.tenant, b.name AS budget, w.limit_name, coalesce(l.kind, b.kind) AS kind,
       CASE WHEN w.place = 0 THEN b.period ELSE l.period END AS period,
       coalesce(l.tz, b.tz) AS tz,
       CASE WHEN w.place = 0 THEN b.anchor ELSE l.anchor END AS anchor,
       w.used[1] AS used_tokens, w.held[1] AS held_tokens, w.max[1] AS max_tokens,
       CASE WHEN w.max[1] IS NOT NULL THEN greatest(w.max[1]::numeric - w.used[1] - w.held[1], 0)::bigint END AS left_tokens,
       pg_catalog.trim_scale(w.used[2] * 0.000000001) AS used_usd,
       pg_catalog.trim_scale(w.held[2] * 0.000000001) AS held_usd,
       pg_catalog.trim_scale(w.max[2] * 0.000000001) AS max_usd,
       CASE WHEN w.max[2] IS NOT NULL THEN pg_catalog.trim_scale(greatest(w.max[2]::numeric - w.used[2] - w.held[2], 0) * 0.000000001) END AS left_usd,
       w.used[3] AS used_calls, w.held[3] AS held_calls, w.max[3] AS max_calls,
       CASE WHEN w.max[3] IS NOT NULL THEN greatest(w.max[3]::numeric - w.used[3] - w.held[3], 0)::bigint END AS left_calls,
       p.percent, w.starts_at, w.resets_at,
       pg_catalog.round(w.used[1] / h.hours, 3) AS tokens_per_hour,
       pg_catalog.round(w.used[2] * 0.000000001 / h.hours, 9) AS usd_per_hour,
       pg_catalog.round(w.used[3] / h.hours, 3) AS calls_per_hour,
       e.exhausted_at
  FROM agentcore.visible_rows(NULL::agentcore.budget) b
 CROSS JOIN LATERAL agentcore.budget_windows(b.name, b.tenant) w
  LEFT JOIN agentcore.visible_rows(NULL::agentcore.budget_limit) l ON w.place > 0 AND l.tenant = b.tenant AND l.budget = b.name AND l.name = w.limit_name
 CROSS JOIN LATERAL (SELECT agentcore.clock_now()) AS c(at)
 -- a window of a few seconds is no base for a rate
 CROSS JOIN LATERAL (SELECT greatest(extract(epoch FROM c.at - w.counts_from), 60) / 3600) AS h(hours)
 CROSS JOIN LATERAL (
   SELECT pg_catalog.max(pg_catalog.round(CASE WHEN d.max > 0 THEN d.used * 100.0 / d.max ELSE 100 END, 1)) AS percent
     FROM unnest(w.used, w.max) AS d(used, max) WHERE d.max IS NOT NULL) AS p
 CROSS JOIN LATERAL (
   -- at this rate; a window that resets before is not exhausted
   SELECT pg_catalog.min(c.at + interval '1 hour' * least(greatest(d.max::numeric - d.used - d.held, 0) * h.hours / d.used, 1000000)::double precision) AS at
     FROM unnest(w.used, w.held[1:3], w.max) AS d(used, held, max) WHERE d.used > 0 AND d.max IS NOT NULL) AS x
 CROSS JOIN LATERAL (SELECT CASE WHEN x.at <= w.horizon AND x.at < c.at + interval '1000000 hours' THEN x.at END) AS e(exhausted_at);
COMMENT ON VIEW agentcore.budget_limits IS 'Every window of every budget as of now, limit_name main for the one of budget_set(): used, held by open permits (held is the same for all windows of a budget), limit and what is left (NULL = no limit). percent: the most used of its limits. per_hour: what was used since the window, or the counter, began, by the hours since then (at least a minute); exhausted_at: when nothing is left at that rate, NULL if never or only after the window resets. Tokens and calls in units, money in USD. resets_at NULL: never, or bit by bit (sliding).';

CREATE VIEW agentcore.budget_status WITH (security_barrier) AS
SELECT b.tenant, b.name AS budget,
       (l.main).used_tokens, (l.main).held_tokens, (l.main).max_tokens, (l.main).used_usd, (l.main).held_usd, (l.main).max_usd,
       (l.main).used_calls, (l.main).held_calls, (l.main).max_calls,
       w.held[4] AS in_flight, b.max_in_flight,
       b.parent, b.enabled, b.kind, b.period, b.tz, b.on_expiry,
       (l.main).starts_at AS window_start, (l.main).resets_at,
       (l.main).left_tokens, (l.main).left_usd, (l.main).left_calls, (l.main).percent,
       (l.main).tokens_per_hour, (l.main).usd_per_hour, (l.main).calls_per_hour, (l.main).exhausted_at,
       b.overrun, b.thresholds, l.further AS limits,
       b.spenders, b.max_overrun,
       (SELECT u.tokens FROM agentcore.budget_unbilled(b.name, w.counts_from, b.tenant) u) AS unbilled_tokens,
       (SELECT u.usd FROM agentcore.budget_unbilled(b.name, w.counts_from, b.tenant) u) AS unbilled_usd
  FROM agentcore.visible_rows(NULL::agentcore.budget) b
 CROSS JOIN LATERAL agentcore.budget_windows(b.name, b.tenant) w
  -- one pass: a look at the limits for each budget would read all of them each time
  JOIN (SELECT x.tenant, x.budget,
               (pg_catalog.array_agg(x) FILTER (WHERE x.limit_name = 'main'))[1] AS main,
               pg_catalog.jsonb_agg(pg_catalog.to_jsonb(x) - '{tenant,budget,anchor,tz}'::text[] ORDER BY x.limit_name)
                 FILTER (WHERE x.limit_name <> 'main') AS further
          FROM agentcore.budget_limits x GROUP BY 1, 2) l ON l.tenant = b.tenant AND l.budget = b.name
 WHERE w.place = 0;
COMMENT ON VIEW agentcore.budget_status IS 'Each budget: its main window as budget_limits shows it, and its other limits as a jsonb array (NULL: none). in_flight: open permits. A budget that is being changed is shown as its new definition counts. spenders, max_overrun: as given to budget_set(), NULL = not. unbilled_tokens, unbilled_usd: what overrun cap or max_overrun left uncharged in the main window, as far back as the ledger reaches. Tokens and calls in units, money in USD. resets_at NULL: never, or bit by bit (sliding).';

CREATE VIEW agentcore.permits WITH (security_barrier) AS
SELECT p.tenant, p.id AS permit,
       CASE p.state WHEN 'o' THEN 'open' WHEN 'r' THEN 'retry' WHEN 'c' THEN 'committed' WHEN 'x' THEN 'released'
                    WHEN 'f' THEN 'failed' WHEN 'e' THEN 'expired' ELSE 'late' END AS state,
       p.role, p.budget, p.agent, p.tool, p.task, p.subject, p.key, p.attempt,
       p.held_tokens, pg_catalog.trim_scale(p.held_nanousd * 0.000000001) AS held_usd, p.held_calls,
       p.charged_tokens, pg_catalog.trim_scale(p.charged_nanousd * 0.000000001) AS charged_usd, p.charged_calls,
       p.created_at, p.lease_until, p.retry_at, p.settled_at
  FROM agentcore.visible_rows(NULL::agentcore.permit) p;
COMMENT ON VIEW agentcore.permits IS 'Permits of the visible tenants, open and settled. held: the estimate (given back once settled); charged: the real cost. Money in USD.';

CREATE VIEW agentcore.ledger WITH (security_barrier) AS
SELECT l.tenant, l.at, l.id, l.permit, l.budgets[1] AS budget, l.budgets, l.event,
       l.tokens, pg_catalog.trim_scale(l.nanousd * 0.000000001) AS usd, l.calls, l.agent, l.tool
  FROM agentcore.visible_rows(NULL::agentcore.budget_ledger) l;
COMMENT ON VIEW agentcore.ledger IS 'What was charged, when, for what: one row a settlement. budget: the one named by the caller; budgets: all that were charged. Money in USD.';

CREATE VIEW agentcore.budget_spend WITH (security_barrier) AS
SELECT l.tenant, b.budget,
       pg_catalog.date_trunc('hour', l.at, 'UTC') AS hour,
       pg_catalog.date_trunc('day', l.at, 'UTC') AS day,
       l.agent,
       CASE WHEN NOT l.is_llm THEN l.tool END AS tool,
       CASE WHEN l.is_llm THEN l.tool END AS model,
       pg_catalog.count(*) AS entries,
       pg_catalog.sum(l.tokens) AS tokens,
       pg_catalog.trim_scale(pg_catalog.sum(l.nanousd) * 0.000000001) AS usd,
       pg_catalog.sum(l.calls) AS calls
  FROM agentcore.visible_rows(NULL::agentcore.budget_ledger) l
 CROSS JOIN LATERAL pg_catalog.unnest(l.budgets) AS b(budget)
 -- these say what was not charged
 WHERE l.event NOT IN ('threshold', 'unbilled')
 GROUP BY 1, 2, 3, 4, 5, 6, 7;
COMMENT ON VIEW agentcore.budget_spend IS 'What each budget was charged, by hour and day (UTC), agent, and tool or model. A call counts for its budget and for every parent: choose one budget, or sum over roots. entries: settlements; refunds count negative. What retention added up stands in the hour its window began, without agent and tool. Reads the whole ledger of the visible tenants.';

CREATE VIEW agentcore.budget_burn WITH (security_barrier) AS
SELECT l.tenant, b.budget, pg_catalog.sum(l.tokens) AS tokens_per_hour,
       pg_catalog.trim_scale(pg_catalog.sum(l.nanousd) * 0.000000001) AS usd_per_hour,
       pg_catalog.sum(l.calls) AS calls_per_hour
  FROM agentcore.visible_rows(NULL::agentcore.budget_ledger, agentcore.clock_now() - pg_catalog.make_interval(hours => 1)) l
 CROSS JOIN LATERAL pg_catalog.unnest(l.budgets) AS b(budget)
 WHERE l.event NOT IN ('threshold', 'unbilled', 'carry')
 GROUP BY 1, 2;
COMMENT ON VIEW agentcore.budget_burn IS 'What each budget was charged within the last hour; no row: nothing. Reads the current partition of the ledger only.';

-- The ledger's partitions ----------------------------------------------------

-- Every settlement writes to the ledger: whoever waited for its lock would have all of them
-- wait behind.  So it is asked for briefly, and asked for again.
CREATE FUNCTION agentcore.budget_ledger_lock(whole boolean) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET lock_timeout = '100ms'
  AS $$
DECLARE
  gives_up constant timestamptz := clock_timestamp() + interval '10 seconds';
BEGIN
  LOOP
    BEGIN
      IF whole THEN
        LOCK TABLE agentcore.budget_ledger IN ACCESS EXCLUSIVE MODE;
      ELSE
        LOCK TABLE ONLY agentcore.budget_ledger IN SHARE UPDATE EXCLUSIVE MODE;
        LOCK TABLE agentcore.budget_ledger_default IN ACCESS EXCLUSIVE MODE;
      END IF;
      RETURN;
    EXCEPTION WHEN lock_not_available THEN
      IF clock_timestamp() > gives_up THEN
        RAISE EXCEPTION 'the ledger is in use by another transaction'
          USING ERRCODE = 'lock_not_available', DETAIL = 'It was asked for during 10 seconds, for a tenth of a second at a time, so that settlements went on.',
                HINT = 'End the transactions that have read the ledger or its default partition (pg_blocking_pids() and pg_locks name them) and try again.';
      END IF;
    END;
    PERFORM pg_sleep(0.2 + 0.2 * random());
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.budget_ledger_lock(boolean) IS 'Internal. Locks the ledger with all its partitions (whole), or what attaching a partition needs: the default partition, and the ledger against other such changes. Asks for a tenth of a second at a time and lets settlements pass in between; 55P03 after 10 seconds.';

CREATE FUNCTION agentcore.budget_ledger_covers(starts timestamptz, ends timestamptz) RETURNS boolean
  LANGUAGE sql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  AS $$
SELECT EXISTS (
  SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$^FOR VALUES FROM \('?([^')]+)'?\) TO \('?([^')]+)'?\)$re$) AS b(bound)
   WHERE i.inhparent = 'agentcore.budget_ledger'::regclass AND b.bound IS NOT NULL
     AND (b.bound[1] = 'MINVALUE' OR b.bound[1]::timestamptz < ends)
     AND (b.bound[2] = 'MAXVALUE' OR b.bound[2]::timestamptz > starts))
$$;
COMMENT ON FUNCTION agentcore.budget_ledger_covers(timestamptz, timestamptz) IS 'Internal. Whether a partition of the ledger takes some of that time, under whatever name it was attached; the default partition does not count.';

CREATE FUNCTION agentcore.budget_ledger_make(months integer, at timestamptz) RETURNS integer
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  SET client_min_messages = warning
  AS $$
DECLARE
  first constant timestamptz := date_trunc('month', at);
  columns constant text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                             WHERE attrelid = 'agentcore.budget_ledger'::regclass AND attnum > 0 AND NOT attisdropped);
  starts timestamptz;
  ends timestamptz;
  part text;
  made integer := 0;
BEGIN
  FOR n IN 0 .. months LOOP
    starts := first + make_interval(months => n);
    ends := first + make_interval(months => n + 1);
    part := to_char(starts, '"budget_ledger_"YYYY_MM');
    CONTINUE WHEN agentcore.budget_ledger_covers(starts, ends);
    IF made = 0 THEN
      PERFORM agentcore.budget_ledger_lock(whole => false);
      -- somebody else may have made it before that lock
      CONTINUE WHEN agentcore.budget_ledger_covers(starts, ends);
    END IF;
    EXECUTE format('CREATE TABLE agentcore.%I (LIKE agentcore.budget_ledger INCLUDING DEFAULTS)', part);
    -- whatever default privileges say: only the views know who may see which rows
    EXECUTE format('REVOKE ALL ON TABLE agentcore.%I FROM PUBLIC', part);
    EXECUTE format('COMMENT ON TABLE agentcore.%I IS %L', part, 'Ledger of ' || to_char(starts, 'YYYY-MM') || ' (UTC).');
    EXECUTE format('WITH moved AS (DELETE FROM agentcore.budget_ledger_default WHERE at >= %L AND at < %L RETURNING %s)'
                   ' INSERT INTO agentcore.%I (%s) SELECT %s FROM moved', starts, ends, columns, part, columns, columns);
    EXECUTE format('CREATE INDEX %I ON agentcore.%I (tenant, at)', part || '_at', part);
    EXECUTE format('CREATE INDEX %I ON agentcore.%I (tenant, at) WHERE event = %L', part || '_unbilled', part, 'unbilled');
    EXECUTE format('ALTER TABLE agentcore.budget_ledger ATTACH PARTITION agentcore.%I FOR VALUES FROM (%L) TO (%L)', part, starts, ends);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION agentcore.budget_ledger_make(integer, timestamptz) IS 'Internal. What budget_ledger_partition() does, from a time on.';

CREATE FUNCTION agentcore.budget_ledger_partition(months integer DEFAULT 3) RETURNS integer
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_ledger_partition_v1';
COMMENT ON FUNCTION agentcore.budget_ledger_partition(integer) IS 'Make the ledger''s partitions of this month (UTC) and as many coming ones, where there are none; rows that the default partition took meanwhile are moved. Returns how many were made. Locks the default partition, not the months that have one of their own, and asks for that lock a tenth of a second at a time, 10 seconds long, so that settlements go on beside a transaction that has read the ledger and stays open (55P03). Run it from a scheduler before the month begins. Needs admin of every tenant (*) and READ COMMITTED (25001).';

CREATE TYPE agentcore.ledger_retention AS (cutoff timestamptz, partitions integer, permits bigint, carried bigint);
COMMENT ON TYPE agentcore.ledger_retention IS 'What budget_ledger_retain() did: ledger rows before cutoff went, with so many partitions and permits; carried: rows that stand for what went.';

CREATE FUNCTION agentcore.budget_places() RETURNS TABLE (tenant text, budget text, place bigint, name text, max bigint[], step interval)
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
SELECT x.tenant, x.budget, row_number() OVER (PARTITION BY x.tenant, x.budget ORDER BY x.further, x.name),
       CASE WHEN x.further THEN x.name ELSE 'main' END, x.max,
       CASE WHEN x.kind = 'sliding' THEN ceil(extract(epoch FROM x.period) * 1000000 / 24) * interval '1 microsecond' END
  FROM (SELECT b.tenant, b.name AS budget, false AS further, b.name, b.kind, b.period, array[b.max_tokens, b.max_nanousd, b.max_calls] AS max
          FROM agentcore.budget b
         UNION ALL
        SELECT l.tenant, l.budget, true, l.name, l.kind, l.period, array[l.max_tokens, l.max_nanousd, l.max_calls]
          FROM agentcore.budget_limit l) x
$$;
COMMENT ON FUNCTION agentcore.budget_places() IS 'Internal. Every window of every budget: its place in the arrays of budget_counter, from 1, its limits, and how long a bucket of it is (NULL: not sliding).';

CREATE FUNCTION agentcore.budget_rings(buckets bigint[]) RETURNS TABLE (place bigint, since timestamptz, numbers bigint[])
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
SELECT buckets[i], timestamptz '2000-01-01 00:00:00+00' + interval '1 microsecond' * buckets[i + 1], buckets[i + 2 : i + 76]
  FROM generate_series(1, coalesce(cardinality(buckets), 0), 77) AS i
$$;
COMMENT ON FUNCTION agentcore.budget_rings(bigint[]) IS 'Internal. The buckets of sliding windows as budget_counter stores them: place of the window, from 1, since when it counts, and tokens, nano-USD and calls of each bucket, the current one first. NULL: none.';

-- What goes is replaced by one row for each budget and window that still counts it,
-- at the begin of that window, or of the bucket if it slides, so that every sum stays
-- what it was and falls out when it would have.  Rows of permits
-- that stay do so too.  All of them stand in the default partition.
CREATE FUNCTION agentcore.budget_ledger_retire(before timestamptz, detach boolean) RETURNS agentcore.ledger_retention
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  AS $$
DECLARE
  columns constant text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                             WHERE attrelid = 'agentcore.budget_ledger'::regclass AND attnum > 0 AND NOT attisdropped);
  done agentcore.ledger_retention;
  parts text[];
  part text;
  old text := 'SELECT ' || columns || ' FROM agentcore.budget_ledger_default WHERE false';
BEGIN
  done.cutoff := date_trunc('month', before);
  PERFORM agentcore.budget_ledger_lock(whole => true);
  -- an expired call whose outcome nobody knows keeps its key closed
  DELETE FROM agentcore.permit p
   WHERE (p.tenant, p.id) IN (
     SELECT s.tenant, s.id FROM agentcore.permit s
      WHERE s.settled_at < done.cutoff
        AND (s.state IN ('c', 'x', 'f', 'l') OR (s.state = 'e' AND (s.key IS NULL OR s.idempotent OR s.resolved)))
        FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS done.permits = ROW_COUNT;
  SELECT coalesce(array_agg(c.oid::regclass::text ORDER BY c.oid::regclass::text), '{}') INTO parts
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'agentcore.budget_ledger'::regclass
     AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $re$ TO \('([^')]+)'\)$re$)::timestamptz <= done.cutoff;
  done.partitions := cardinality(parts);
  FOREACH part IN ARRAY parts LOOP
    EXECUTE format('ALTER TABLE agentcore.budget_ledger DETACH PARTITION %s', part);
    old := old || format(' UNION ALL SELECT %s FROM %s', columns, part);
  END LOOP;
  EXECUTE format($sql$
    WITH old AS (
      SELECT l.*, EXISTS (SELECT FROM agentcore.permit p WHERE p.tenant = l.tenant AND p.id = l.permit) AS stays
        FROM (%1$s) l
    ), gone AS (
      SELECT %2$s FROM old WHERE NOT stays
    ), gone_default AS (
      DELETE FROM agentcore.budget_ledger_default l
       WHERE l.at < $1 AND NOT EXISTS (SELECT FROM agentcore.permit p WHERE p.tenant = l.tenant AND p.id = l.permit)
      RETURNING %2$s
    ), counter AS (
      SELECT c.*, min(c.since) OVER (PARTITION BY c.tenant, c.budget) AS counts_from FROM agentcore.budget_counter c
    ), edge AS ( -- wherever a window, or a bucket of a sliding one, begins or has begun to count
      SELECT x.*, lead(x.at) OVER (PARTITION BY x.tenant, x.budget ORDER BY x.at) AS next
        FROM (SELECT c.tenant, c.budget, c.since AS at FROM counter c
               UNION
              SELECT c.tenant, c.budget, s.start - coalesce(n.back * p.step, '0')
                FROM counter c CROSS JOIN LATERAL unnest(c.starts) WITH ORDINALITY s(start, place)
                LEFT JOIN agentcore.budget_places() p ON p.tenant = c.tenant AND p.budget = c.budget AND p.place = s.place
               CROSS JOIN LATERAL generate_series(0, CASE WHEN p.step IS NULL THEN 0 ELSE 24 END) n(back)
               WHERE s.start - coalesce(n.back * p.step, '0') > c.counts_from
               UNION
              SELECT c.tenant, c.budget, r.since
                FROM counter c CROSS JOIN LATERAL agentcore.budget_rings(c.buckets) r WHERE r.since > c.counts_from) x
    ), charge AS MATERIALIZED ( -- joined by tenant before it is unnested, it would be every row with every budget
      SELECT g.tenant, b.budget, g.at, g.tokens, g.nanousd, g.calls
        FROM (TABLE gone UNION ALL TABLE gone_default) g
       CROSS JOIN LATERAL unnest(g.budgets) b(budget)
       WHERE g.event NOT IN ('threshold', 'unbilled')
    ), carried AS (
      SELECT e.tenant, e.budget, e.at, sum(g.tokens) AS tokens, sum(g.nanousd) AS nanousd, sum(g.calls) AS calls
        FROM charge g
        JOIN edge e ON e.tenant = g.tenant AND e.budget = g.budget AND e.at <= g.at AND (e.next IS NULL OR e.next > g.at)
       GROUP BY 1, 2, 3
    ), kept AS (
      INSERT INTO agentcore.budget_ledger (%2$s) SELECT %2$s FROM old WHERE stays
    )
    INSERT INTO agentcore.budget_ledger (tenant, at, id, budgets, event, tokens, nanousd, calls)
    SELECT c.tenant, c.at, gen_random_uuid(), ARRAY[c.budget], 'carry',
           least(c.tokens, 9223372036854775807), least(c.nanousd, 9223372036854775807), least(c.calls, 9223372036854775807)
      FROM carried c WHERE (c.tokens, c.nanousd, c.calls) <> (0, 0, 0)
  $sql$, old, columns) USING done.cutoff;
  SELECT count(*) INTO done.carried FROM agentcore.budget_ledger_default WHERE event = 'carry' AND at < done.cutoff;
  FOREACH part IN ARRAY CASE WHEN detach THEN '{}' ELSE parts END LOOP
    EXECUTE format('DROP TABLE %s', part);
  END LOOP;
  RETURN done;
END
$$;
COMMENT ON FUNCTION agentcore.budget_ledger_retire(timestamptz, boolean) IS 'Internal. What budget_ledger_retain() does, for what is older than a time.';

CREATE FUNCTION agentcore.budget_ledger_retain(keep interval, detach boolean DEFAULT false) RETURNS SETOF agentcore.ledger_retention
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_ledger_retain_v1';
COMMENT ON FUNCTION agentcore.budget_ledger_retain(interval, boolean) IS 'Let go of the ledger before the month (UTC) that "keep" ago falls into, and of permits settled before it: their partitions are dropped, or detached and kept as tables. What windows still count is carried on in one row a budget and window, so budget_verify() holds; keys of those permits may be used again, but not one whose call''s outcome is unknown. Locks the ledger meanwhile, once it gets it: it asks as budget_ledger_partition() does (55P03). keep: a day or more, months count 30 days. Needs admin of every tenant (*) and READ COMMITTED (25001).';

-- One statement, so one snapshot: counters, permits and ledger as of the same moment.
CREATE FUNCTION agentcore.budget_violations() RETURNS TABLE (tenant text, violation text)
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET jit = off -- compiling it took 3 s, running it 9 ms
  SET enable_nestloop = off -- by wrong estimates (tables not analyzed yet) it would be every row with every budget
  AS $$
WITH limits AS (
  SELECT p.tenant, p.budget, p.place AS w, p.name, p.max, 24 * p.step AS covered FROM agentcore.budget_places() p
), slot AS (
  SELECT c.*, b.slots, b.max_in_flight, b.name IS NOT NULL AS defined, b.window_revision AS defined_revision, b.limited_at
    FROM agentcore.budget_counter c
    LEFT JOIN agentcore.budget b ON b.tenant = c.tenant AND b.name = c.budget
), total AS (
  SELECT s.tenant, s.budget, s.slots, s.max_in_flight, count(*) AS rows,
         array[sum(s.held[1]), sum(s.held[2]), sum(s.held[3]), sum(s.held[4])] AS held,
         sum(s.share[cardinality(s.share)]) AS share_in_flight
    FROM slot s
   GROUP BY s.tenant, s.budget, s.slots, s.max_in_flight
), counter AS (
  -- one row a window, its slots together; one that has not come to the latest window has used nothing of it
  SELECT v.tenant, v.budget, v.limited_at, v.w, coalesce(l.name, v.w::text) AS limit_name, l.max, t.held, t.slots,
         array[least(sum(v.used[1]) FILTER (WHERE v.latest), 9223372036854775807),
               least(sum(v.used[2]) FILTER (WHERE v.latest), 9223372036854775807),
               least(sum(v.used[3]) FILTER (WHERE v.latest), 9223372036854775807)] AS used,
         array[sum(v.share[1]), sum(v.share[2]), sum(v.share[3])] AS share,
         greatest(max(v.start) - coalesce(l.covered, '0'), min(v.since), max(ring.since)) AS counts_from,
         max(ring.numbers) AS numbers, l.covered IS NOT NULL AS sliding
    FROM (SELECT s.tenant, s.budget, s.limited_at, s.since, s.buckets, g.w, s.starts[g.w] AS start,
                 s.used[3 * g.w - 2 : 3 * g.w] AS used, s.share[3 * g.w - 2 : 3 * g.w] AS share,
                 s.starts[g.w] = max(s.starts[g.w]) OVER (PARTITION BY s.tenant, s.budget, g.w) AS latest
            FROM slot s CROSS JOIN LATERAL generate_subscripts(s.starts, 1) AS g(w)) v
    JOIN total t ON t.tenant = v.tenant AND t.budget = v.budget
    LEFT JOIN limits l ON l.tenant = v.tenant AND l.budget = v.budget AND l.w = v.w
    LEFT JOIN LATERAL agentcore.budget_rings(v.buckets) AS ring ON ring.place = v.w
   GROUP BY v.tenant, v.budget, v.limited_at, v.w, l.name, l.max, l.covered, t.held, t.slots
), hold AS (
  SELECT p.tenant, u.budget, array[sum(p.held_tokens), sum(p.held_nanousd), sum(p.held_calls), count(*)] AS held,
         min(p.created_at) AS oldest
    FROM agentcore.permit p CROSS JOIN LATERAL unnest(p.budgets) AS u(budget)
   WHERE p.state IN ('o', 'r')
   GROUP BY p.tenant, u.budget
), slot_hold AS (
  SELECT p.tenant, u.budget, coalesce(p.slots[u.level], 0) % b.slots AS slot,
         array[sum(p.held_tokens), sum(p.held_nanousd), sum(p.held_calls), count(*)] AS held
    FROM agentcore.permit p CROSS JOIN LATERAL unnest(p.budgets) WITH ORDINALITY AS u(budget, level)
    JOIN agentcore.budget b ON b.tenant = p.tenant AND b.name = u.budget
   WHERE p.state IN ('o', 'r') AND b.slots > 1
   GROUP BY p.tenant, u.budget, 3
), entry AS MATERIALIZED ( -- joined by tenant before it is unnested, it would be every row with every budget
  SELECT l.tenant, u.budget, l.at, coalesce(l.permit, l.id) AS permit, l.tokens, l.nanousd, l.calls, l.event = 'late' AS late
    FROM agentcore.budget_ledger l CROSS JOIN LATERAL unnest(l.budgets) AS u(budget)
), charge AS (
  SELECT c.tenant, c.budget, c.w, l.permit, array[sum(l.tokens), sum(l.nanousd), sum(l.calls)] AS used,
         array[sum(least(l.tokens, 0)), sum(least(l.nanousd, 0)), sum(least(l.calls, 0))] AS back, bool_or(l.late) AS late
    FROM counter c
    JOIN entry l ON l.tenant = c.tenant AND l.budget = c.budget AND l.at >= c.counts_from
   GROUP BY c.tenant, c.budget, c.w, l.permit
), used AS (
  -- over: how far charges went past what had been admitted for them
  SELECT g.tenant, g.budget, g.w,
         -- a counter is full at the largest bigint: what was spent beyond stands in the ledger.  One that
         -- was full counts back from there, so "least" is all that it must have; else they are the same
         array[least(sum(g.used[1]), 9223372036854775807), least(sum(g.used[2]), 9223372036854775807),
               least(sum(g.used[3]), 9223372036854775807)] AS used,
         array[least(sum(g.used[1]), 9223372036854775807 + sum(g.back[1])), least(sum(g.used[2]), 9223372036854775807 + sum(g.back[2])),
               least(sum(g.used[3]), 9223372036854775807 + sum(g.back[3]))] AS least,
         array[sum(greatest(g.used[1] - coalesce(p.held_tokens, 0), 0)),
               sum(greatest(g.used[2] - coalesce(p.held_nanousd, 0), 0)),
               sum(greatest(g.used[3] - coalesce(p.held_calls, 0), 0))] AS over
    FROM charge g
    LEFT JOIN agentcore.permit p ON p.tenant = g.tenant AND p.id = g.permit AND NOT g.late AND p.state NOT IN ('o', 'r')
   GROUP BY g.tenant, g.budget, g.w
), settled AS (
  SELECT l.tenant, l.permit,
         count(*) FILTER (WHERE l.event IN ('commit', 'release', 'fail', 'late')) AS closed,
         count(*) FILTER (WHERE l.event = 'expire') AS expired,
         array[sum(l.tokens), sum(l.nanousd), sum(l.calls)] AS charged
    FROM agentcore.budget_ledger l WHERE l.permit IS NOT NULL
   GROUP BY l.tenant, l.permit
), dimension(n, unit) AS (
  VALUES (1, 'tokens'), (2, 'nano-USD'), (3, 'calls'), (4, 'calls in flight')
)
SELECT c.tenant, format('budget %s: counter holds %s %s, open permits hold %s', c.budget, c.held[d.n], d.unit, coalesce(h.held[d.n], 0))
  FROM total c CROSS JOIN dimension d
  LEFT JOIN hold h ON h.tenant = c.tenant AND h.budget = c.budget
 WHERE c.held[d.n] IS DISTINCT FROM coalesce(h.held[d.n], 0)
UNION ALL
SELECT c.tenant, format('budget %s: counter has used %s %s%s, ledger says %s', c.budget, c.used[d.n], d.unit,
                        CASE WHEN c.w > 1 THEN ' of limit ' || c.limit_name END, coalesce(u.used[d.n], 0))
  FROM counter c CROSS JOIN dimension d
  LEFT JOIN used u ON u.tenant = c.tenant AND u.budget = c.budget AND u.w = c.w
 WHERE d.n <= 3 AND (c.used[d.n] BETWEEN coalesce(u.least[d.n], 0) AND coalesce(u.used[d.n], 0)) IS NOT TRUE
UNION ALL
SELECT c.tenant, format('budget %s: %s %s used and %s held pass the limit%s of %s', c.budget, c.used[d.n], d.unit, c.held[d.n],
                        CASE WHEN c.w > 1 THEN ' ' || c.limit_name END, c.max[d.n])
  FROM counter c CROSS JOIN dimension d
  LEFT JOIN used u ON u.tenant = c.tenant AND u.budget = c.budget AND u.w = c.w
  LEFT JOIN hold h ON h.tenant = c.tenant AND h.budget = c.budget
 WHERE d.n <= 3 AND greatest(c.used[d.n], 0)::numeric + c.held[d.n] - coalesce(u.over[d.n], 0) > c.max[d.n]
   AND c.limited_at <= least(c.counts_from, h.oldest)
UNION ALL
SELECT c.tenant, format('budget %s: buckets of limit %s sum up to %s %s, its counter says %s', c.budget, c.limit_name, coalesce(r.total, 0), d.unit, c.used[d.n])
  FROM counter c CROSS JOIN dimension d
  LEFT JOIN used u ON u.tenant = c.tenant AND u.budget = c.budget AND u.w = c.w
 CROSS JOIN LATERAL (SELECT least(sum(n.value), 9223372036854775807) AS total
                       FROM unnest(c.numbers) WITH ORDINALITY AS n(value, i) WHERE (n.i - 1) % 3 = d.n - 1) AS r
 WHERE d.n <= 3 AND c.sliding AND coalesce(r.total, 0) <> c.used[d.n] AND coalesce(u.least[d.n] = u.used[d.n], true)
UNION ALL
SELECT h.tenant, format('budget %s: %s open permits hold it, but it has no counter', h.budget, h.held[4])
  FROM hold h LEFT JOIN total c ON c.tenant = h.tenant AND c.budget = h.budget
 WHERE c.budget IS NULL
UNION ALL
SELECT c.tenant, format('budget %s: slot %s holds %s %s, open permits in it hold %s', c.budget, c.slot, c.held[d.n], d.unit, coalesce(h.held[d.n], 0))
  FROM slot c CROSS JOIN dimension d
  LEFT JOIN slot_hold h ON h.tenant = c.tenant AND h.budget = c.budget AND h.slot = c.slot
 WHERE c.slots > 1 AND c.held[d.n] IS DISTINCT FROM coalesce(h.held[d.n], 0)
UNION ALL
SELECT c.tenant, format('budget %s: %s slots are defined, and %s counters stored', c.budget, c.slots, c.rows)
  FROM total c WHERE c.rows <> c.slots
UNION ALL
SELECT c.tenant, format('budget %s: the shares of %s slots add up to %s %s%s, and not %s', c.budget, c.slots, c.share[d.n], d.unit,
                        CASE WHEN c.w > 1 THEN ' of limit ' || c.limit_name END, coalesce(c.max[d.n], -c.slots))
  FROM counter c CROSS JOIN dimension d
 WHERE d.n <= 3 AND c.slots > 1 AND c.share[d.n] IS DISTINCT FROM coalesce(c.max[d.n], -c.slots)
UNION ALL
SELECT c.tenant, format('budget %s: the shares of %s slots add up to %s calls in flight, and not %s', c.budget, c.slots, c.share_in_flight, coalesce(c.max_in_flight, -c.slots))
  FROM total c
 WHERE c.slots > 1 AND c.share_in_flight IS DISTINCT FROM coalesce(c.max_in_flight, -c.slots)
UNION ALL
SELECT c.tenant, format('budget %s: slot %s has a share and should not, or none and should', c.budget, c.slot)
  FROM slot c WHERE (c.slots = 1 AND (c.share IS NOT NULL OR c.strained)) OR (c.slots > 1 AND c.share IS NULL)
UNION ALL
SELECT c.tenant, format('budget %s: counter without a definition', c.budget)
  FROM slot c WHERE NOT c.defined
UNION ALL
SELECT c.tenant, format('budget %s: its counter follows another definition of its window', c.budget)
  FROM slot c WHERE c.defined AND c.window_revision <> c.defined_revision
UNION ALL
SELECT c.tenant, format('budget %s: its counter has %s windows, its definition %s', c.budget, cardinality(c.starts), n.limits)
  FROM slot c JOIN (SELECT l.tenant, l.budget, max(l.w) AS limits FROM limits l GROUP BY 1, 2) AS n ON n.tenant = c.tenant AND n.budget = c.budget
 WHERE cardinality(c.starts) <> n.limits
UNION ALL
SELECT l.tenant, format('budget %s: limit %s of no budget', l.budget, l.name)
  FROM agentcore.budget_limit l
 WHERE NOT EXISTS (SELECT FROM agentcore.budget b WHERE b.tenant = l.tenant AND b.name = l.budget)
UNION ALL
SELECT s.tenant, format('permit %s: settled %s times, expired %s times', s.permit, s.closed, s.expired)
  FROM settled s WHERE s.closed > 1 OR s.expired > 1
UNION ALL
SELECT p.tenant, format('permit %s: state %s, but %s settlements and %s expiries in the ledger', p.id, p.state, coalesce(s.closed, 0), coalesce(s.expired, 0))
  FROM agentcore.permit p LEFT JOIN settled s ON s.tenant = p.tenant AND s.permit = p.id
 WHERE (p.state IN ('o', 'r') AND coalesce(s.closed + s.expired, 0) > 0)
    OR (p.state = 'e' AND (coalesce(s.closed, 0) <> 0 OR coalesce(s.expired, 0) <> 1))
    OR (p.state IN ('c', 'x', 'f', 'l') AND coalesce(s.closed, 0) <> 1)
UNION ALL
SELECT p.tenant, format('permit %s: state %s and holds of %s, %s and %s cannot be', p.id, p.state, p.held_tokens, p.held_nanousd, p.held_calls)
  FROM agentcore.permit p
 WHERE p.state NOT IN ('o', 'r', 'c', 'x', 'f', 'e', 'l') OR least(p.held_tokens, p.held_nanousd, p.held_calls) < 0
UNION ALL
SELECT p.tenant, format('permit %s: charged (%s), ledger says (%s)', p.id, array_to_string(x.charged, ', '), array_to_string(coalesce(s.charged, '{0,0,0}'), ', '))
  FROM agentcore.permit p
 CROSS JOIN LATERAL (SELECT array[p.charged_tokens, p.charged_nanousd, p.charged_calls]::numeric[]) AS x(charged)
  LEFT JOIN settled s ON s.tenant = p.tenant AND s.permit = p.id
 WHERE x.charged IS DISTINCT FROM coalesce(s.charged, '{0,0,0}')
$$;
COMMENT ON FUNCTION agentcore.budget_violations() IS 'Internal. What budget_verify() reports, for every tenant.';

CREATE FUNCTION agentcore.budget_verify() RETURNS SETOF text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_verify_v1';
COMMENT ON FUNCTION agentcore.budget_verify() IS 'Check every invariant of the budgets whose tenant the caller administers; one row a violation, naming budget or permit, so no row means all is well.';

INSERT INTO agentcore.access_function VALUES
  ('budget_set', 'admin'), ('budget_drop', 'admin'), ('budget_limit_set', 'admin'), ('budget_limit_drop', 'admin'),
  ('budget_adjust', 'admin'), ('budget_reset_window', 'admin'), ('budget_windows', 'reader'), ('budget_unbilled', 'reader'), ('model_price_set', 'admin'), ('model_price_drop', 'admin'),
  ('budget_acquire', 'agent'), ('budget_acquire_wait', 'agent'), ('budget_try_acquire', 'agent'), ('budget_commit', 'agent'),
  ('budget_release', 'agent'), ('budget_extend', 'agent'),
  ('budget_reap', 'admin'), ('budget_verify', 'admin'),
  ('budget_ledger_partition', 'admin'), ('budget_ledger_retain', 'admin'),
  ('budget_ledger_make', 'internal'), ('budget_ledger_lock', 'internal'), ('budget_ledger_covers', 'internal'), ('budget_ledger_retire', 'internal'), ('budget_places', 'internal'), ('budget_rings', 'internal'),
  ('model_cost', 'reader'), ('budget_violations', 'internal'), ('budget_window', 'public');
