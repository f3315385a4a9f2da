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
  -- one row per window, its slots together; a slot that has not come to the latest window has used nothing of it
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
  SELECT c.tenant, c.budget, c.limited_at, c.w, l.permit, array[sum(l.tokens), sum(l.nanousd), sum(l.calls)] AS used,
         array[sum(least(l.tokens, 0)), sum(least(l.nanousd, 0)), sum(least(l.calls, 0))] AS back, bool_or(l.late) AS late
    FROM counter c
    JOIN entry l ON l.tenant = c.tenant AND l.budget = c.budget AND l.at >= c.counts_from
   GROUP BY c.tenant, c.budget, c.limited_at, c.w, l.permit
), used AS (
  -- over: how far charges went past what these limits had admitted for them; a permit that
  -- is older than the limits was admitted by others
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
        AND p.created_at >= g.limited_at
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
