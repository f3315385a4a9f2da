-- The tables of budgets, counters, permits and the ledger.  Money is nano-USD (bigint)
-- in the tables and numeric USD in functions and views.

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
  on_expiry       text COLLATE "C" NOT NULL CHECK (on_expiry IN ('release', 'charge_estimate')),
  overrun         text COLLATE "C" NOT NULL CHECK (overrun IN ('charge', 'cap')),
  thresholds      integer[] NOT NULL DEFAULT '{}' CHECK (0 < ALL (thresholds) AND 100 >= ALL (thresholds) AND pg_catalog.cardinality(thresholds) <= 8),
  enabled         boolean NOT NULL DEFAULT true,
  spenders        text[] COLLATE "C",
  max_overrun     numeric CHECK (max_overrun >= 1 AND max_overrun <> 'NaN'),
  min_hold_tokens bigint CHECK (min_hold_tokens >= 0),
  min_hold_nanousd bigint CHECK (min_hold_nanousd >= 0),
  "only"          text[] COLLATE "C" CHECK ("only" IS NULL OR (pg_catalog.cardinality("only") > 0 AND parent IS NOT NULL)),
  on_full         text COLLATE "C" NOT NULL DEFAULT 'deny' CHECK (on_full IN ('deny', 'wait', 'ask')),
  overflow        text COLLATE "C" CONSTRAINT budget_overflow_check CHECK (overflow <> name),
  limited_at      timestamptz NOT NULL,
  window_revision bigint NOT NULL,
  revision        bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  template        text COLLATE "C",
  place           integer CHECK ((place IS NULL) = (template IS NULL)),
  PRIMARY KEY (tenant, name)
);
CREATE UNIQUE INDEX budget_template_place ON agentcore.budget (tenant, template, place) WHERE template IS NOT NULL;
SELECT agentcore.registry_attach('agentcore.budget');
SELECT agentcore.history_attach('agentcore.budget', 'config_history', '{template,limited_at,window_revision}');
COMMENT ON TABLE agentcore.budget IS
  'Definitions of budgets: limits (NULL = none), window, parent. '
  'Written by budget_set() and budget_drop(). '
  'spenders: roles that may use it besides those that may call for an agent that it pays for (NULL = only these; all roles if no agent leads to it). '
  'max_overrun: NULL = agentcore.max_overrun. '
  'min_hold: what an unknown amount holds, NULL = nothing. '
  'only: the models and tools whose calls count for it (NULL = all). '
  'on_full: what a request hears that does not fit; overflow: the budget that pays in its place then (NULL = none). '
  'limited_at: when limits or window last changed; window_revision: changes with the window. '
  'template: of which its first use made it (NULL: none), and place: in which of its places, so that there are never more than max_budgets.';

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
SELECT agentcore.history_attach('agentcore.budget_limit', 'config_history');
COMMENT ON TABLE agentcore.budget_limit IS
  'Further windows of budgets, at most 7 per budget: what may be used in each (NULL = no limit). '
  'In the arrays of budget_counter they follow the main window, by name. '
  'Written by budget_limit_set() and budget_limit_drop(), which also change the budget''s row.';

-- One row per budget with all windows and dimensions as arrays, so that an acquire touches
-- one row per level; more rows where several transactions write at once.  No index on the numbers and no foreign key: every
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
  buckets         bigint[],
  warned          integer[],
  PRIMARY KEY (tenant, budget, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
-- kept in the row as long as it fits: the row is read for every permit
ALTER TABLE agentcore.budget_counter ALTER COLUMN buckets SET STORAGE MAIN;
COMMENT ON TABLE agentcore.budget_counter IS
  'What is used and held of each budget, as the sum of its rows: a row is a signed part that one transaction at a time writes, so a settlement may stand in another than its acquire. '
  'starts: begin of each window (sliding: of its current bucket), and a row of an earlier begin has used nothing of it; used: (tokens, nano-USD, calls) per window; held: tokens, nano-USD, calls, calls in flight; buckets: for each sliding window its place in starts and 25 times (tokens, nano-USD, calls), the current bucket first (NULL: no such window); warned: the highest threshold told in each window (NULL: none); seen: latest time used in it; since: the ledger counts from here on. '
  'budget_status adds the rows up; while a statement writes them by hand, every budget of the database is used by one transaction at a time. '
  'Source of the division: O''Neil, The Escrow Transactional Method, ACM TODS 11 (1986).';

CREATE FUNCTION agentcore.budget_counter_by_hand() RETURNS trigger
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_counter_by_hand_v1';
COMMENT ON FUNCTION agentcore.budget_counter_by_hand() IS
  'Trigger function. '
  'Says that counters are written by others than the extension (SQL, COPY, a restore, logical apply), so that shared memory is not believed until that transaction has ended. '
  'PREPARE TRANSACTION is refused after it (0A000).';
CREATE TRIGGER budget_counter_by_hand BEFORE INSERT OR UPDATE OR DELETE ON agentcore.budget_counter
  FOR EACH ROW EXECUTE FUNCTION agentcore.budget_counter_by_hand();
CREATE TRIGGER budget_counter_truncated_by_hand BEFORE TRUNCATE ON agentcore.budget_counter
  FOR EACH STATEMENT EXECUTE FUNCTION agentcore.budget_counter_by_hand();
ALTER TABLE agentcore.budget_counter ENABLE ALWAYS TRIGGER budget_counter_by_hand;
ALTER TABLE agentcore.budget_counter ENABLE ALWAYS TRIGGER budget_counter_truncated_by_hand;

-- No CHECK here and on the ledger: PostgreSQL parses it anew for every statement, which
-- was a seventh of an acquire and commit; budget_verify() looks instead.
CREATE TABLE agentcore.permit (
  tenant           text COLLATE "C" NOT NULL,
  id               uuid NOT NULL,
  state            "char" NOT NULL,
  role             text COLLATE "C" NOT NULL,
  budget           text COLLATE "C",
  budgets          text[] COLLATE "C" NOT NULL,
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
  result_kept      boolean,
  result_note      text,
  asked_hash       bytea,
  held_by          bytea,
  loop_tag         bigint NOT NULL DEFAULT 0,
  priced_as        text COLLATE "C",
  service_tier     text COLLATE "C",
  estimated        text,
  reported_nanousd bigint,
  labels           jsonb,
  also             text[] COLLATE "C",
  excused          text[] COLLATE "C",
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX permit_key ON agentcore.permit (tenant, holder, key)
  WHERE key IS NOT NULL AND state IN ('o', 'r', 'c', 'e', 'l', 'u', 'd') AND NOT resolved;
CREATE INDEX permit_open ON agentcore.permit (tenant, lease_until)
  WHERE state IN ('o', 'r');
COMMENT ON TABLE agentcore.permit IS
  'Permits, which are also the gate''s calls. '
  'state: o open, r waiting for a retry, c committed, x released, f failed, e expired, l committed after its lease, u outcome unknown, d deferred. '
  'budget: whose on_expiry and overrun count, the agent''s own or the first that was named; also: what was named beside it, NULL = nothing. '
  'budgets: whose counters carry the hold, the deepest first and those of one depth by name. '
  'charged: everything charged for it; spent: the part charged for failed attempts. '
  'holder: whose namespace the key is in. '
  'result_kept: false where a result was handed over and dropped, NULL where none was; result_note: what was dropped or changed of it; loop_tag: what the loop guard knows the call by, 0 where it does not count it. '
  'estimated: the field of a usage object that was not understood, NULL where the charge is what was told; reported_nanousd: what the usage object said that the call cost. '
  'request_hash: digest of the request as it runs; asked_hash: as it was asked, NULL where that is the same. '
  'priced_as: the model whose price counts, by model_alias, NULL = that of tool; service_tier: that a model call was begun with, NULL = standard. '
  'held_by: digest of the id and of the run of a worker that began the call, NULL = it did not say. '
  'labels: what the business knows the call by, NULL = nothing. '
  'excused: budgets whose limits a person let it pass, NULL = none. '
  'Written as budget_counter is; indexes of any kind may be added, columns may not.';

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
  detail  jsonb,
  budget  text COLLATE "C",
  task    text COLLATE "C",
  subject text COLLATE "C",
  labels  jsonb
) PARTITION BY RANGE (at);
-- indexes stand on the partitions: a partition that was added at run time is dumped with its
-- own indexes, and restored before it is attached
CREATE TABLE agentcore.budget_ledger_default PARTITION OF agentcore.budget_ledger DEFAULT;
CREATE INDEX budget_ledger_default_at ON agentcore.budget_ledger_default (tenant, at);
CREATE INDEX budget_ledger_default_unbilled ON agentcore.budget_ledger_default (tenant, at) WHERE event = 'unbilled';
COMMENT ON TABLE agentcore.budget_ledger IS
  'Append-only: one row per settlement, with what it charged to every budget in budgets. '
  'at: when it was decided; transactions that run at once may COMMIT in another order. '
  'event: commit, release, fail, retry, expire, late, refund (what an expired permit was charged too much), adjust (by budget_adjust()), reset (what budget_reset_window() took out of the count), carry (what budget_ledger_retain() added up), and two that charge nothing: unbilled (what overrun cap or max_overrun left uncharged, in detail) and threshold (which one was reached, in detail). '
  'tool: the model where is_llm. '
  'budget: that of the permit, whichever a refund reached; task, subject, labels: as the permit has them. '
  'carry, reset and adjust have no permit, and nothing of these.';
COMMENT ON TABLE agentcore.budget_ledger_default IS
  'The partition that takes every row of no other partition.';

SELECT pg_catalog.pg_extension_config_dump('agentcore.budget', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_limit', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_counter', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.permit', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_ledger', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_ledger_default', '');

INSERT INTO agentcore.access_function VALUES ('budget_counter_by_hand', 'internal');

INSERT INTO agentcore.access_source (relation, since, hidden) VALUES
  ('budget', NULL, '{max_tokens,max_nanousd,max_calls,limited_at,window_revision,revision,place}'),
  ('budget_limit', NULL, '{max_tokens,max_nanousd,max_calls,revision}'),
  ('permit', NULL, '{spent_tokens,spent_nanousd,charge_on_expiry,holder,request_hash,asked_hash,held_by,is_llm,idempotent,resolved,cache_key,cache_lease,result,loop_tag}'), ('budget_ledger', 'at', '{detail}');
