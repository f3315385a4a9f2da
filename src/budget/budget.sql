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
  limited_at      timestamptz NOT NULL,
  window_revision bigint NOT NULL,
  revision        bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.budget');
COMMENT ON TABLE agentcore.budget IS 'Definitions of budgets: limits (NULL = none), window, parent. Written by budget_set() and budget_drop(). limited_at: when limits or window last changed; window_revision: changes with the window.';

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
COMMENT ON TABLE agentcore.permit IS 'Permits, which are also the gate''s calls. state: o open, r waiting for a retry, c committed, x released, f failed, e expired, l committed after its lease. budgets: whose counters carry the hold, leaf first; slots: in which of their slots, modulo their number, NULL = all 0. charged: everything charged for it; spent: the part charged for failed attempts. holder: whose namespace the key is in.';

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
  detail  jsonb
) PARTITION BY RANGE (at);
-- indexes stand on the partitions: one that was added at run time is dumped with its
-- own, and restored before it is attached
CREATE TABLE agentcore.budget_ledger_default PARTITION OF agentcore.budget_ledger DEFAULT;
CREATE INDEX budget_ledger_default_at ON agentcore.budget_ledger_default (tenant, at);
COMMENT ON TABLE agentcore.budget_ledger IS 'Append-only: one row a settlement, with what it charged to every budget in budgets. The time is taken under the row locks of their counters, so it never runs backwards for a budget. event: commit, release, fail, retry, expire, late, refund (what an expired permit was charged too much), adjust (by budget_adjust()), reset (what budget_reset_window() took out of the count), and two that charge nothing: unbilled (what overrun cap left uncharged, in detail) and threshold (which one was reached, in detail).';
COMMENT ON TABLE agentcore.budget_ledger_default IS 'The partition that takes every row of no other partition.';

CREATE TABLE agentcore.model_price (
  tenant               text COLLATE "C" NOT NULL,
  name                 text COLLATE "C" NOT NULL,
  valid_from           timestamptz NOT NULL,
  usd_per_input_token  numeric NOT NULL CHECK (usd_per_input_token >= 0 AND usd_per_input_token < 'infinity'),
  usd_per_output_token numeric NOT NULL CHECK (usd_per_output_token >= 0 AND usd_per_output_token < 'infinity'),
  usd_per_cached_token numeric CHECK (usd_per_cached_token >= 0 AND usd_per_cached_token < 'infinity'),
  revision             bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name, valid_from)
);
SELECT agentcore.registry_attach('agentcore.model_price');
COMMENT ON TABLE agentcore.model_price IS 'Prices of models in USD a token; the row with the latest valid_from that has come counts. usd_per_cached_token NULL: cached input costs as input. Written by model_price_set().';

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
  max_in_flight integer DEFAULT NULL, period interval DEFAULT NULL, kind text DEFAULT NULL, tz text DEFAULT 'UTC',
  anchor timestamptz DEFAULT NULL, parent text DEFAULT NULL, slots integer DEFAULT 1, on_expiry text DEFAULT 'release',
  overrun text DEFAULT 'charge', enabled boolean DEFAULT true, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_set_v1';
COMMENT ON FUNCTION agentcore.budget_set(text, bigint, numeric, bigint, integer, interval, text, text, timestamptz, text, integer, text, text, boolean, text) IS 'Create or replace a budget; true if anything changed. Limits: NULL = none. period NULL: never resets; whole days or months: calendar windows in tz; else equal spans from anchor. parent: charged and asked too, up to 16 levels. slots: 1 to 64 counter rows that share the limits, for a budget that many sessions use at once. on_expiry: release | charge_estimate, what becomes of a hold whose lease ended. A lower limit only blocks new permits; a new window recounts from the ledger. 22023 bad value, 42704 unknown parent.';

CREATE FUNCTION agentcore.budget_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_drop_v1';
COMMENT ON FUNCTION agentcore.budget_drop(text, text) IS 'Remove a budget; false if there is none. 2BP01 while it is a parent, 55006 while permits hold some of it. Its ledger stays.';

-- Permits ------------------------------------------------------------------

CREATE TYPE agentcore.budget_decision AS (
  granted boolean, permit uuid, denied_by text, reason text, retry_after interval,
  can_ever_fit boolean, detail text, duplicate boolean);
COMMENT ON TYPE agentcore.budget_decision IS 'Answer of budget_try_acquire(). denied_by: the budget; reason: budget_exceeded | contention; retry_after NULL: not known; duplicate: the permit was made by an earlier call with the same key.';

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
COMMENT ON FUNCTION agentcore.budget_extend(uuid, interval, bigint, numeric, text) IS 'A new lease from now on and, if asked, a larger hold. Returns extended; TC002 when a budget refuses (the permit stays as it was), TC007 when it is no longer open.';

CREATE FUNCTION agentcore.budget_reap(batch integer DEFAULT 100, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_reap_v1';
COMMENT ON FUNCTION agentcore.budget_reap(integer, text) IS 'Release or charge permits whose lease has ended, the oldest first, at most batch of them, skipping those being settled; returns how many. Call it until it returns 0; an acquire that would be refused reaps a few by itself.';

-- Prices -------------------------------------------------------------------

CREATE FUNCTION agentcore.model_price_set(
  model text, usd_per_input_token numeric, usd_per_output_token numeric, usd_per_cached_token numeric DEFAULT NULL,
  valid_from timestamptz DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_price_set_v1';
COMMENT ON FUNCTION agentcore.model_price_set(text, numeric, numeric, numeric, timestamptz, text) IS 'Price of a model in USD a token, exact to any number of digits, from valid_from on (NULL: from now on); true if anything changed. usd_per_cached_token NULL: cached input costs as input. 22023 for negative, NaN or infinite prices.';

CREATE FUNCTION agentcore.model_price_drop(model text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_price_drop_v1';
COMMENT ON FUNCTION agentcore.model_price_drop(text, text) IS 'Remove every price of a model, so that calls of it are denied; false when there was none. NULL model: 22023.';

CREATE TYPE agentcore.model_usage AS (input_tokens bigint, output_tokens bigint, cached_tokens bigint, usd numeric);
COMMENT ON TYPE agentcore.model_usage IS 'Tokens of a model call and their price; cached_tokens are part of input_tokens.';

CREATE FUNCTION agentcore.model_cost(model text, usage jsonb, tenant text DEFAULT '') RETURNS SETOF agentcore.model_usage
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_model_cost_v1';
COMMENT ON FUNCTION agentcore.model_cost(text, jsonb, text) IS 'What a model call cost by a provider''s usage object (OpenAI chat and responses, Anthropic), at the price now in force, rounded up to a nano-dollar. 42704: no price; 22023: NULL or not a usage object.';

-- Watching -----------------------------------------------------------------

CREATE TYPE agentcore.budget_span AS (starts_at timestamptz, resets_at timestamptz);
COMMENT ON TYPE agentcore.budget_span IS 'A window of a budget: from starts_at (included) to resets_at (excluded); -infinity and infinity for a lifetime.';

CREATE FUNCTION agentcore.budget_window(kind text, period interval, tz text, anchor timestamptz, at timestamptz) RETURNS SETOF agentcore.budget_span
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_window_v1';
COMMENT ON FUNCTION agentcore.budget_window(text, interval, text, timestamptz, timestamptz) IS 'The window that a time falls into, for the window arguments of budget_set(). NULL tz or at: 22023.';

CREATE VIEW agentcore.budget_status WITH (security_barrier) AS
SELECT b.tenant, b.name AS budget,
       CASE WHEN s.current THEN c.used[1] ELSE 0 END AS used_tokens,
       coalesce(c.held[1], 0) AS held_tokens,
       b.max_tokens,
       pg_catalog.trim_scale(CASE WHEN s.current THEN c.used[2] ELSE 0 END * 0.000000001) AS used_usd,
       pg_catalog.trim_scale(coalesce(c.held[2], 0) * 0.000000001) AS held_usd,
       pg_catalog.trim_scale(b.max_nanousd * 0.000000001) AS max_usd,
       CASE WHEN s.current THEN c.used[3] ELSE 0 END AS used_calls,
       coalesce(c.held[3], 0) AS held_calls,
       b.max_calls,
       coalesce(c.held[4], 0) AS in_flight,
       b.max_in_flight,
       b.parent, b.enabled, b.kind, b.period, b.tz, b.on_expiry,
       nullif(w.starts_at, '-infinity') AS window_start,
       nullif(w.resets_at, 'infinity') AS resets_at
  FROM agentcore.budget b
  LEFT JOIN LATERAL (
       -- a slot that has not come to the latest window has used nothing of it
       SELECT max(k.seen) AS seen, array[max(k.starts[1])] AS starts,
              array[least(sum(k.used[1]) FILTER (WHERE k.latest), 9223372036854775807),
                    least(sum(k.used[2]) FILTER (WHERE k.latest), 9223372036854775807),
                    least(sum(k.used[3]) FILTER (WHERE k.latest), 9223372036854775807)]::bigint[] AS used,
              array[sum(k.held[1]), sum(k.held[2]), sum(k.held[3]), sum(k.held[4])]::bigint[] AS held
         FROM (SELECT o.seen, o.starts, o.used, o.held, o.starts[1] = max(o.starts[1]) OVER () AS latest
                 FROM agentcore.budget_counter o WHERE o.tenant = b.tenant AND o.budget = b.name) k) c ON true
 CROSS JOIN LATERAL agentcore.budget_window(b.kind, b.period, b.tz, b.anchor, greatest(agentcore.clock_now(), c.seen)) w
 CROSS JOIN LATERAL (SELECT c.starts[1] >= w.starts_at) AS s(current)
 WHERE agentcore.access_visible(b.tenant);
COMMENT ON VIEW agentcore.budget_status IS 'Each budget''s current window: used, held by open permits, and limits (NULL = none). Tokens and calls in units, money in USD. resets_at NULL: never.';

CREATE VIEW agentcore.permits WITH (security_barrier) AS
SELECT p.tenant, p.id AS permit,
       CASE p.state WHEN 'o' THEN 'open' WHEN 'r' THEN 'retry' WHEN 'c' THEN 'committed' WHEN 'x' THEN 'released'
                    WHEN 'f' THEN 'failed' WHEN 'e' THEN 'expired' ELSE 'late' END AS state,
       p.role, p.budget, p.agent, p.tool, p.task, p.subject, p.key, p.attempt,
       p.held_tokens, pg_catalog.trim_scale(p.held_nanousd * 0.000000001) AS held_usd, p.held_calls,
       p.charged_tokens, pg_catalog.trim_scale(p.charged_nanousd * 0.000000001) AS charged_usd, p.charged_calls,
       p.created_at, p.lease_until, p.retry_at, p.settled_at
  FROM agentcore.permit p
 WHERE agentcore.access_visible(p.tenant);
COMMENT ON VIEW agentcore.permits IS 'Permits of the visible tenants, open and settled. held: the estimate (given back once settled); charged: the real cost. Money in USD.';

CREATE VIEW agentcore.ledger WITH (security_barrier) AS
SELECT l.tenant, l.at, l.id, l.permit, l.budgets[1] AS budget, l.budgets, l.event,
       l.tokens, pg_catalog.trim_scale(l.nanousd * 0.000000001) AS usd, l.calls, l.agent, l.tool
  FROM agentcore.budget_ledger l
 WHERE agentcore.access_visible(l.tenant);
COMMENT ON VIEW agentcore.ledger IS 'What was charged, when, for what: one row a settlement. budget: the one named by the caller; budgets: all that were charged. Money in USD.';

-- One statement, so one snapshot: counters, permits and ledger as of the same moment.
CREATE FUNCTION agentcore.budget_violations() RETURNS TABLE (tenant text, violation text)
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH slot AS (
  SELECT c.*, b.slots, array[b.max_tokens, b.max_nanousd, b.max_calls, b.max_in_flight] AS max, b.name IS NOT NULL AS defined,
         b.window_revision AS defined_revision, b.limited_at,
         c.starts[1] = max(c.starts[1]) OVER (PARTITION BY c.tenant, c.budget) AS latest
    FROM agentcore.budget_counter c
    LEFT JOIN agentcore.budget b ON b.tenant = c.tenant AND b.name = c.budget
), counter AS (
  -- the slots of a budget together; one that has not come to the latest window has used nothing of it
  SELECT c.tenant, c.budget, c.defined, c.defined_revision, c.limited_at, c.max, c.slots, count(*) AS rows,
         min(c.window_revision) AS window_revision, max(c.starts[1]) AS start, min(c.since) AS since,
         greatest(max(c.starts[1]), min(c.since)) AS counts_from,
         array[least(sum(c.used[1]) FILTER (WHERE c.latest), 9223372036854775807),
               least(sum(c.used[2]) FILTER (WHERE c.latest), 9223372036854775807),
               least(sum(c.used[3]) FILTER (WHERE c.latest), 9223372036854775807)] AS used,
         array[sum(c.held[1]), sum(c.held[2]), sum(c.held[3]), sum(c.held[4])] AS held
    FROM slot c
   GROUP BY c.tenant, c.budget, c.defined, c.defined_revision, c.limited_at, c.max, c.slots
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
), charge AS (
  SELECT c.tenant, c.budget, l.permit,
         array[sum(l.tokens), sum(l.nanousd), sum(l.calls)] AS used,
         bool_or(l.event = 'late') AS late
    FROM counter c
    JOIN agentcore.budget_ledger l ON l.tenant = c.tenant AND l.at >= c.counts_from AND c.budget = ANY (l.budgets)
   GROUP BY c.tenant, c.budget, l.permit
), used AS (
  -- over: how far charges went past what had been admitted for them
  SELECT g.tenant, g.budget,
         -- a counter is full at the largest bigint: what was spent beyond stands in the ledger
         array[least(sum(g.used[1]), 9223372036854775807), least(sum(g.used[2]), 9223372036854775807),
               least(sum(g.used[3]), 9223372036854775807)] AS used,
         array[sum(greatest(g.used[1] - coalesce(p.held_tokens, 0), 0)),
               sum(greatest(g.used[2] - coalesce(p.held_nanousd, 0), 0)),
               sum(greatest(g.used[3] - coalesce(p.held_calls, 0), 0))] AS over
    FROM charge g
    LEFT JOIN agentcore.permit p ON p.tenant = g.tenant AND p.id = g.permit AND NOT g.late AND p.state NOT IN ('o', 'r')
   GROUP BY g.tenant, g.budget
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
  FROM counter c CROSS JOIN dimension d
  LEFT JOIN hold h ON h.tenant = c.tenant AND h.budget = c.budget
 WHERE c.held[d.n] IS DISTINCT FROM coalesce(h.held[d.n], 0)
UNION ALL
SELECT c.tenant, format('budget %s: counter has used %s %s, ledger says %s', c.budget, c.used[d.n], d.unit, coalesce(u.used[d.n], 0))
  FROM counter c CROSS JOIN dimension d
  LEFT JOIN used u ON u.tenant = c.tenant AND u.budget = c.budget
 WHERE d.n <= 3 AND c.used[d.n] IS DISTINCT FROM coalesce(u.used[d.n], 0)
UNION ALL
SELECT c.tenant, format('budget %s: %s %s used and %s held pass the limit of %s', c.budget, c.used[d.n], d.unit, c.held[d.n], c.max[d.n])
  FROM counter c CROSS JOIN dimension d
  LEFT JOIN used u ON u.tenant = c.tenant AND u.budget = c.budget
  LEFT JOIN hold h ON h.tenant = c.tenant AND h.budget = c.budget
 WHERE d.n <= 3 AND c.used[d.n]::numeric + c.held[d.n] - coalesce(u.over[d.n], 0) > c.max[d.n]
   AND c.limited_at <= least(c.counts_from, h.oldest)
UNION ALL
SELECT h.tenant, format('budget %s: %s open permits hold it, but it has no counter', h.budget, h.held[4])
  FROM hold h LEFT JOIN counter c ON c.tenant = h.tenant AND c.budget = h.budget
 WHERE c.budget IS NULL
UNION ALL
SELECT c.tenant, format('budget %s: slot %s holds %s %s, open permits in it hold %s', c.budget, c.slot, c.held[d.n], d.unit, coalesce(h.held[d.n], 0))
  FROM slot c CROSS JOIN dimension d
  LEFT JOIN slot_hold h ON h.tenant = c.tenant AND h.budget = c.budget AND h.slot = c.slot
 WHERE c.slots > 1 AND c.held[d.n] IS DISTINCT FROM coalesce(h.held[d.n], 0)
UNION ALL
SELECT c.tenant, format('budget %s: %s slots are defined, and %s counters stored', c.budget, c.slots, c.rows)
  FROM counter c WHERE c.rows <> c.slots
UNION ALL
SELECT c.tenant, format('budget %s: the shares of %s slots add up to %s %s of %s', c.budget, c.slots, sum(s.share[i.n]), d.unit, coalesce(c.max[d.n], -c.slots))
  FROM counter c
  JOIN slot s ON s.tenant = c.tenant AND s.budget = c.budget
 CROSS JOIN LATERAL generate_series(1, greatest(cardinality(s.share), 4)) AS i(n)
  JOIN dimension d ON d.n = CASE WHEN i.n = cardinality(s.share) THEN 4 ELSE (i.n - 1) % 3 + 1 END
 WHERE c.slots > 1
 GROUP BY c.tenant, c.budget, c.slots, c.max, i.n, d.n, d.unit
HAVING sum(s.share[i.n]) IS DISTINCT FROM coalesce(c.max[d.n], -c.slots)
UNION ALL
SELECT c.tenant, format('budget %s: slot %s has a share and should not, or none and should', c.budget, c.slot)
  FROM slot c WHERE (c.slots = 1 AND (c.share IS NOT NULL OR c.strained)) OR (c.slots > 1 AND c.share IS NULL)
UNION ALL
SELECT c.tenant, format('budget %s: counter without a definition', c.budget)
  FROM counter c WHERE NOT c.defined
UNION ALL
SELECT c.tenant, format('budget %s: its counter follows another definition of its window', c.budget)
  FROM counter c WHERE c.defined AND c.window_revision <> c.defined_revision
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
  ('budget_set', 'admin'), ('budget_drop', 'admin'), ('model_price_set', 'admin'), ('model_price_drop', 'admin'),
  ('budget_acquire', 'agent'), ('budget_try_acquire', 'agent'), ('budget_commit', 'agent'),
  ('budget_release', 'agent'), ('budget_extend', 'agent'),
  ('budget_reap', 'admin'), ('budget_verify', 'admin'),
  ('model_cost', 'reader'), ('budget_violations', 'internal'), ('budget_window', 'public');
