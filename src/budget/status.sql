-- Watching budgets: their windows, what is left, what was charged.

CREATE TYPE agentcore.budget_span AS (starts_at timestamptz, resets_at timestamptz);
COMMENT ON TYPE agentcore.budget_span IS
  'A window of a budget: from starts_at (included) to resets_at (excluded); -infinity and infinity for a lifetime.';

CREATE FUNCTION agentcore.budget_window(kind text, period interval, tz text, anchor timestamptz, at timestamptz) RETURNS SETOF agentcore.budget_span
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_window_v1';
COMMENT ON FUNCTION agentcore.budget_window(text, interval, text, timestamptz, timestamptz) IS
  'The window that a time falls into, for the window arguments of budget_set(). '
  'NULL tz or at: 22023.';

CREATE TYPE agentcore.budget_window_now AS (
  place integer, limit_name text, starts_at timestamptz, resets_at timestamptz, counts_from timestamptz, horizon timestamptz,
  used bigint[], held bigint[], max bigint[]);
COMMENT ON TYPE agentcore.budget_window_now IS
  'A window of a budget as an acquire would find it now. '
  'place: in the arrays of the counter, from 0; resets_at NULL: at no one time; counts_from: since when charges count; horizon: until when a rate of use can be projected; used, max: tokens, nano-USD, calls (NULL = no limit); held: these and calls in flight.';

CREATE TYPE agentcore.budget_counted_window AS (
  place integer, starts_at timestamptz, since timestamptz, used bigint[], held bigint[], ring_since timestamptz, numbers bigint[], rows integer);
COMMENT ON TYPE agentcore.budget_counted_window IS
  'Internal. '
  'A window of a budget as its counter rows add up. '
  'place: in the arrays of the rows, from 1; numbers: of a sliding window, (tokens, nano-USD, calls) of 25 buckets, the current one first, which count since ring_since (NULL: it does not slide); rows: how many there are.';

CREATE FUNCTION agentcore.budget_counted(tenant text, budget text) RETURNS SETOF agentcore.budget_counted_window
  LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 2
  AS 'MODULE_PATHNAME', 'agentcore_budget_counted_v1';
COMMENT ON FUNCTION agentcore.budget_counted(text, text) IS
  'Internal. '
  'The counter rows of a budget added up, by the snapshot of the statement, at the latest begin of each window. '
  'The caller needs reader. '
  'No row where there is no counter.';

CREATE FUNCTION agentcore.budget_windows(budget text, tenant text DEFAULT '') RETURNS SETOF agentcore.budget_window_now
  LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 2
  AS 'MODULE_PATHNAME', 'agentcore_budget_windows_v1';
COMMENT ON FUNCTION agentcore.budget_windows(text, text) IS
  'The windows of a budget as of now, main first, by the rows that the statement sees; no row for an unknown budget. '
  'Takes no lock. '
  'The caller needs reader. '
  'NULL or empty name: 22023.';

CREATE TYPE agentcore.budget_uncharged AS (tokens bigint, usd numeric);
COMMENT ON TYPE agentcore.budget_uncharged IS 'Row of budget_unbilled(): 0 where nothing was left out.';

CREATE FUNCTION agentcore.budget_unbilled(budget text, since timestamptz, tenant text DEFAULT '') RETURNS SETOF agentcore.budget_uncharged
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_unbilled_v1';
COMMENT ON FUNCTION agentcore.budget_unbilled(text, timestamptz, text) IS
  'What overrun cap or max_overrun left uncharged to a budget since a time, in tokens and USD, as far back as the ledger reaches. '
  'The caller needs reader. '
  'NULL: 22023.';

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
COMMENT ON VIEW agentcore.budget_limits IS
  'Every window of every budget as of now, limit_name main for the one of budget_set(): used, held by open permits (held is the same for all windows of a budget), limit and what is left (NULL = no limit). '
  'percent: of the limit that is used most. '
  'per_hour: what was used since the window, or the counter, began, by the hours since then (at least a minute); exhausted_at: when nothing is left at that rate, NULL if never or only after the window resets. '
  'Tokens and calls in units, money in USD. '
  'resets_at NULL: never, or bit by bit (sliding).';

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
       (SELECT u.usd FROM agentcore.budget_unbilled(b.name, w.counts_from, b.tenant) u) AS unbilled_usd,
       b.min_hold_tokens, pg_catalog.trim_scale(b.min_hold_nanousd * 0.000000001) AS min_hold_usd,
       b.template, b."only", b.on_full, b.overflow
  FROM agentcore.visible_rows(NULL::agentcore.budget) b
 CROSS JOIN LATERAL agentcore.budget_windows(b.name, b.tenant) w
  -- one pass: a look at the limits for each budget would read all of them each time
  JOIN (SELECT x.tenant, x.budget,
               (pg_catalog.array_agg(x) FILTER (WHERE x.limit_name = 'main'))[1] AS main,
               pg_catalog.jsonb_agg(pg_catalog.to_jsonb(x) - '{tenant,budget,anchor,tz}'::text[] ORDER BY x.limit_name)
                 FILTER (WHERE x.limit_name <> 'main') AS further
          FROM agentcore.budget_limits x GROUP BY 1, 2) l ON l.tenant = b.tenant AND l.budget = b.name
 WHERE w.place = 0;
COMMENT ON VIEW agentcore.budget_status IS
  'Each budget: its main window as budget_limits shows it, and its other limits as a jsonb array (NULL: none). '
  'in_flight: open permits. '
  'A budget that is being changed is shown by its new definition. '
  'spenders, max_overrun, min_hold_tokens, min_hold_usd, only, on_full, overflow: as given to budget_set(), NULL = not. '
  'unbilled_tokens, unbilled_usd: what overrun cap or max_overrun left uncharged in the main window, as far back as the ledger reaches. '
  'template: the pattern of the template of which its first use made it, NULL = none. '
  'Tokens and calls in units, money in USD. '
  'resets_at NULL: never, or bit by bit (sliding).';

CREATE VIEW agentcore.ledger WITH (security_barrier) AS
SELECT l.tenant, l.at, l.id, l.permit, coalesce(l.budget, l.budgets[1]) AS budget, l.budgets, l.event,
       l.tokens, pg_catalog.trim_scale(l.nanousd * 0.000000001) AS usd, l.calls, l.agent, l.tool, l.task, l.subject, l.labels
  FROM agentcore.visible_rows(NULL::agentcore.budget_ledger) l;
COMMENT ON VIEW agentcore.ledger IS
  'What was charged, when, for what: one row per settlement. '
  'budget: the agent''s own, or the first that the permit names; budgets: all that were charged (a refund does not reach those whose window has changed since). '
  'task, subject, labels: of the permit. '
  'Money in USD.';

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
COMMENT ON VIEW agentcore.budget_spend IS
  'What each budget was charged, by hour and day (UTC), agent, and tool or model. '
  'A call counts for its budget and for every parent: choose one budget, or sum over roots. '
  'entries: settlements; refunds count negative. '
  'What retention added up stands in the hour in which its window began, without agent and tool. '
  'Reads the whole ledger of the visible tenants.';

CREATE VIEW agentcore.budget_burn WITH (security_barrier) AS
SELECT l.tenant, b.budget, pg_catalog.sum(l.tokens) AS tokens_per_hour,
       pg_catalog.trim_scale(pg_catalog.sum(l.nanousd) * 0.000000001) AS usd_per_hour,
       pg_catalog.sum(l.calls) AS calls_per_hour
  FROM agentcore.visible_rows(NULL::agentcore.budget_ledger, agentcore.clock_now() - pg_catalog.make_interval(hours => 1)) l
 CROSS JOIN LATERAL pg_catalog.unnest(l.budgets) AS b(budget)
 WHERE l.event NOT IN ('threshold', 'unbilled', 'carry')
 GROUP BY 1, 2;
COMMENT ON VIEW agentcore.budget_burn IS
  'What each budget was charged within the last hour; no row: nothing. '
  'Reads the current partition of the ledger only.';

CREATE FUNCTION agentcore.budget_entries(OUT entries bigint, OUT in_flight bigint, OUT cold bigint, OUT escrow bigint, OUT undecided bigint, OUT exact bigint,
  OUT made bigint, OUT evicted bigint, OUT no_room bigint, OUT dropped_changed bigint, OUT dropped_prepared bigint, OUT dropped_by_hand bigint, OUT dropped_large bigint, OUT repaired bigint) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_entries_v1';
COMMENT ON FUNCTION agentcore.budget_entries() IS
  'Source of agentcore.stat_budget. '
  'The caller needs reader on every tenant (''*'').';

CREATE VIEW agentcore.stat_budget WITH (security_barrier) AS
  SELECT s.* FROM (SELECT WHERE agentcore.access_visible('*')) AS allowed, LATERAL agentcore.budget_entries() AS s;
COMMENT ON VIEW agentcore.stat_budget IS
  'How the budgets of the whole server were admitted to since it started or stat_budget_reset(), and what became of their entries in shared memory. '
  'entries: budgets that have one now (agentcore.budget_entries is the most); in_flight: reservations of open transactions. '
  'Admissions, one per budget of a path: cold (no entry, one transaction at a time), escrow (by the entry, at the same time as others), exact (by the entry, with nobody else in flight); undecided: looks that depended on others in flight. '
  'made: entries; evicted: to make room; no_room: all that could go were in flight; dropped_changed: the budget was defined anew, reset or dropped; dropped_prepared: by PREPARE TRANSACTION; dropped_by_hand: rows of budget_counter were written by others than agentcore; dropped_large: a number beyond 2^61. '
  'repaired: entries that were not the sum of their rows: each is a WARNING in the log, and should be 0. '
  'No row without shared memory, and unless the caller may read every tenant.';

CREATE FUNCTION agentcore.stat_budget_reset() RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_stat_budget_reset_v1';
COMMENT ON FUNCTION agentcore.stat_budget_reset() IS
  'Set the counts of stat_budget back to 0. '
  'The caller needs admin on every tenant (''*'').';

INSERT INTO agentcore.access_function VALUES
  ('budget_entries', 'reader'), ('stat_budget_reset', 'admin'),
  ('budget_windows', 'reader'), ('budget_counted', 'internal'), ('budget_unbilled', 'reader'), ('budget_window', 'public');
