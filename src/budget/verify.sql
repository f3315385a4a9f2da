-- What has to hold between counters, permits and ledger.

-- One statement, so one snapshot: counters, permits and ledger are those of one moment.
CREATE FUNCTION agentcore.budget_violations() RETURNS TABLE (tenant text, violation text)
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET jit = off -- compiling it took 3 s, running it 9 ms
  SET enable_nestloop = off -- by wrong estimates (tables not analyzed yet) it would be every row with every budget
  AS $$
WITH limits AS (
  SELECT p.tenant, p.budget, p.place AS w, p.name, p.max, 24 * p.step AS covered FROM agentcore.budget_places() p
), counted AS MATERIALIZED (
  SELECT c.tenant, c.budget, b.max_in_flight, b.limited_at, n.*
    -- limits of policies are counted too, under names that begin with a control character: they have no definition and no ledger
    FROM (SELECT DISTINCT r.tenant, r.budget FROM agentcore.budget_counter r WHERE r.budget >= ' ') c
    LEFT JOIN agentcore.budget b ON b.tenant = c.tenant AND b.name = c.budget
   CROSS JOIN LATERAL agentcore.budget_counted(c.tenant, c.budget) n
), total AS (
  SELECT n.tenant, n.budget, n.held, n.max_in_flight FROM counted n WHERE n.place = 1
), counter AS (
  -- one row per window
  SELECT n.tenant, n.budget, n.limited_at, n.place AS w, coalesce(l.name, n.place::text) AS limit_name, l.max, n.held, n.used,
         greatest(n.starts_at - coalesce(l.covered, '0'), n.since, n.ring_since) AS counts_from,
         n.numbers, l.covered IS NOT NULL AS sliding
    FROM counted n
    LEFT JOIN limits l ON l.tenant = n.tenant AND l.budget = n.budget AND l.w = n.place
), hold AS (
  SELECT p.tenant, u.budget, array[sum(p.held_tokens), sum(p.held_nanousd), sum(p.held_calls), count(*)] AS held,
         min(p.created_at) AS oldest,
         -- what a person let pass the limits
         array[coalesce(sum(p.held_tokens) FILTER (WHERE u.budget = ANY (p.excused)), 0),
               coalesce(sum(p.held_nanousd) FILTER (WHERE u.budget = ANY (p.excused)), 0),
               coalesce(sum(p.held_calls) FILTER (WHERE u.budget = ANY (p.excused)), 0),
               count(*) FILTER (WHERE u.budget = ANY (p.excused))] AS excused
    FROM agentcore.permit p CROSS JOIN LATERAL unnest(p.budgets) AS u(budget)
   WHERE p.state IN ('o', 'r')
   GROUP BY p.tenant, u.budget
), entry AS MATERIALIZED ( -- joined by tenant before it is unnested, it would be every row with every budget
  SELECT l.tenant, u.budget, l.at, coalesce(l.permit, l.id) AS permit, l.tokens, l.nanousd, l.calls, l.event = 'late' AS late
    FROM agentcore.budget_ledger l CROSS JOIN LATERAL unnest(l.budgets) AS u(budget)
), charge AS (
  SELECT c.tenant, c.budget, c.limited_at, c.w, l.permit, array[sum(l.tokens), sum(l.nanousd), sum(l.calls)] AS used,
         array[sum(least(l.tokens, 0)), sum(least(l.nanousd, 0)), sum(least(l.calls, 0))] AS back, bool_or(l.late) AS late
    FROM counter c
    JOIN entry l ON l.tenant = c.tenant AND l.budget = c.budget AND l.at >= c.counts_from
   GROUP BY c.tenant, c.budget, c.limited_at, c.w, l.permit
), used AS (
  -- over: how far charges went past what these limits had admitted for them; a permit that
  -- is older than the limits was admitted by others, and one that was excused by a person
  SELECT g.tenant, g.budget, g.w,
         -- a counter is full at the largest bigint: what was spent beyond that stands in the ledger.  One that
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
        AND p.created_at >= g.limited_at AND (g.budget = ANY (p.excused)) IS NOT TRUE
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
 WHERE d.n <= 3 AND greatest(c.used[d.n], 0)::numeric + c.held[d.n] - coalesce(u.over[d.n], 0) - coalesce(h.excused[d.n], 0) > c.max[d.n]
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
SELECT c.tenant, format('budget %s: %s calls in flight pass the limit of %s', c.budget, c.held[4], c.max_in_flight)
  FROM total c JOIN hold h ON h.tenant = c.tenant AND h.budget = c.budget
  JOIN agentcore.budget b ON b.tenant = c.tenant AND b.name = c.budget
 WHERE c.held[4] - h.excused[4] > c.max_in_flight AND b.limited_at <= h.oldest
UNION ALL
SELECT DISTINCT c.tenant, format('budget %s: its counter rows differ in since, window_revision or the number of windows', c.budget)
  FROM agentcore.budget_counter c JOIN agentcore.budget_counter o ON o.tenant = c.tenant AND o.budget = c.budget
 WHERE (c.since, c.window_revision, cardinality(c.starts)) <> (o.since, o.window_revision, cardinality(o.starts))
UNION ALL
SELECT c.tenant, format('budget %s: counter without a definition', c.budget)
  FROM (SELECT DISTINCT r.tenant, r.budget FROM agentcore.budget_counter r WHERE r.budget >= ' ') c
 WHERE NOT EXISTS (SELECT FROM agentcore.budget b WHERE b.tenant = c.tenant AND b.name = c.budget)
UNION ALL
SELECT c.tenant, format('budget %s: its counter follows another definition of its window', c.budget)
  FROM agentcore.budget_counter c JOIN agentcore.budget b ON b.tenant = c.tenant AND b.name = c.budget
 WHERE c.window_revision <> b.window_revision
UNION ALL
SELECT c.tenant, format('budget %s: its counter has %s windows, its definition %s', c.budget, cardinality(c.starts), n.limits)
  FROM agentcore.budget_counter c JOIN (SELECT l.tenant, l.budget, max(l.w) AS limits FROM limits l GROUP BY 1, 2) AS n ON n.tenant = c.tenant AND n.budget = c.budget
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
    OR (p.state IN ('e', 'u') AND (coalesce(s.closed, 0) <> 0 OR coalesce(s.expired, 0) <> 1))
    OR (p.state IN ('c', 'x', 'f', 'l', 'd') AND coalesce(s.closed, 0) <> 1)
UNION ALL
SELECT p.tenant, format('permit %s: state %s and holds of %s, %s and %s cannot be', p.id, p.state, p.held_tokens, p.held_nanousd, p.held_calls)
  FROM agentcore.permit p
 WHERE p.state NOT IN ('o', 'r', 'c', 'x', 'f', 'e', 'l', 'u', 'd') OR least(p.held_tokens, p.held_nanousd, p.held_calls) < 0
UNION ALL
SELECT p.tenant, format('permit %s: charged (%s), ledger says (%s)', p.id, array_to_string(x.charged, ', '), array_to_string(coalesce(s.charged, '{0,0,0}'), ', '))
  FROM agentcore.permit p
 CROSS JOIN LATERAL (SELECT array[p.charged_tokens, p.charged_nanousd, p.charged_calls]::numeric[]) AS x(charged)
  LEFT JOIN settled s ON s.tenant = p.tenant AND s.permit = p.id
 WHERE x.charged IS DISTINCT FROM coalesce(s.charged, '{0,0,0}')
$$;
COMMENT ON FUNCTION agentcore.budget_violations() IS
  'Internal. '
  'What budget_verify() reports, for every tenant.';

CREATE FUNCTION agentcore.budget_verify() RETURNS SETOF text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_verify_v1';
COMMENT ON FUNCTION agentcore.budget_verify() IS
  'Check every invariant of the budgets whose tenant the caller administers: one row per violation, which names the budget or permit; no row means that all is well.';

INSERT INTO agentcore.access_function VALUES
  ('budget_verify', 'admin'), ('budget_violations', 'internal');
