-- The ledger's partitions: made ahead, retired when old.

CREATE FUNCTION agentcore.budget_ledger_partition(months integer DEFAULT 3) RETURNS integer
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_ledger_partition_v1';
COMMENT ON FUNCTION agentcore.budget_ledger_partition(integer) IS
  'Make the ledger''s partitions of this month (UTC) and as many coming ones, where there are none; rows that the default partition took meanwhile are moved. '
  'Returns how many were made. '
  'Locks the default partition, not the months that have one of their own, and asks for that lock a tenth of a second at a time, 10 seconds long, so that settlements go on beside a transaction that has read the ledger and stays open (55P03). '
  'Run it from a scheduler before the month begins. '
  'Needs admin of every tenant (*) and READ COMMITTED (25001).';

CREATE TYPE agentcore.ledger_retention AS (cutoff timestamptz, partitions integer, permits bigint, carried bigint);
COMMENT ON TYPE agentcore.ledger_retention IS
  'What budget_ledger_retain() did: ledger rows before cutoff went, with so many partitions and permits; carried: rows of sums that took their place.';

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
COMMENT ON FUNCTION agentcore.budget_places() IS
  'Internal. '
  'Every window of every budget: its place in the arrays of budget_counter, from 1, its limits, and how long a bucket of it is (NULL: not sliding).';

CREATE FUNCTION agentcore.budget_rings(buckets bigint[]) RETURNS TABLE (place bigint, since timestamptz, numbers bigint[])
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
SELECT buckets[i], timestamptz '2000-01-01 00:00:00+00' + interval '1 microsecond' * buckets[i + 1], buckets[i + 2 : i + 76]
  FROM generate_series(1, coalesce(cardinality(buckets), 0), 77) AS i
$$;
COMMENT ON FUNCTION agentcore.budget_rings(bigint[]) IS
  'Internal. '
  'The buckets of sliding windows as budget_counter stores them: place of the window, from 1, since when it counts, and tokens, nano-USD and calls of each bucket, the current one first. '
  'NULL: none.';

-- Rows that go are replaced by sums: one row per budget and per window that still counts them.
-- A sum stands at the begin of that window, or of the bucket if the window slides, so that every
-- count stays what it was and falls out when it would have.  Rows of permits that stay are kept.
-- Sums and kept rows stand in the default partition.
CREATE FUNCTION agentcore.budget_ledger_retire(before timestamptz, detach boolean) RETURNS agentcore.ledger_retention
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  AS $$
DECLARE
  columns constant text := agentcore.partition_columns('agentcore.budget_ledger');
  done agentcore.ledger_retention;
  parts regclass[];
  part regclass;
  old text := 'SELECT ' || columns || ' FROM agentcore.budget_ledger_default WHERE false';
BEGIN
  done.cutoff := date_trunc('month', before);
  parts := agentcore.partition_detach('agentcore.budget_ledger', 'ledger', done.cutoff);
  done.partitions := cardinality(parts);
  -- an expired call whose outcome nobody knows keeps its key closed
  DELETE FROM agentcore.permit p
   WHERE (p.tenant, p.id) IN (
     SELECT s.tenant, s.id FROM agentcore.permit s
      WHERE s.settled_at < done.cutoff
        AND (s.state IN ('c', 'x', 'f', 'l', 'd') OR (s.state IN ('e', 'u') AND (s.key IS NULL OR s.idempotent OR s.resolved)))
        FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS done.permits = ROW_COUNT;
  FOREACH part IN ARRAY parts LOOP
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
      SELECT c.*, min(c.since) OVER (PARTITION BY c.tenant, c.budget) AS counts_from FROM agentcore.budget_counter c WHERE c.budget >= ' '
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
COMMENT ON FUNCTION agentcore.budget_ledger_retire(timestamptz, boolean) IS
  'Internal. '
  'What budget_ledger_retain() does, for what is older than a time.';

CREATE FUNCTION agentcore.budget_ledger_retain(keep interval, detach boolean DEFAULT false) RETURNS SETOF agentcore.ledger_retention
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_budget_ledger_retain_v1';
COMMENT ON FUNCTION agentcore.budget_ledger_retain(interval, boolean) IS
  'Remove the ledger before the month (UTC) that lies "keep" ago, and permits settled before it: partitions are dropped, or detached and kept as tables. '
  'What windows still count is replaced by sums, one row per budget and per window that counts them, so budget_verify() still holds; keys of those permits may be used again, except where the outcome of a call is unknown. '
  'Locks the ledger while it runs, and asks for that lock as budget_ledger_partition() does (55P03). '
  'keep: a day or more, months count 30 days. '
  'Needs admin of every tenant (*) and READ COMMITTED (25001).';

INSERT INTO agentcore.access_function VALUES
  ('budget_ledger_partition', 'admin'), ('budget_ledger_retain', 'admin'),
  ('budget_ledger_retire', 'internal'), ('budget_places', 'internal'), ('budget_rings', 'internal');
