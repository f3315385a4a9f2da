-- Where the time of calls went, and what would have saved some of it.

CREATE TYPE agentcore.profile_piece AS (
  is_llm boolean, tool text, what text, name text, n bigint, measured bigint,
  total_ms double precision, p50_ms double precision, p95_ms double precision, p99_ms double precision
);
COMMENT ON TYPE agentcore.profile_piece IS
  'A part of profile(): what the calls of one tool or model took in one place. '
  'n: how often it was gone through; measured: how often that was measured; total_ms: of all of them, from the mean of what was measured, but of waiting only what was measured; NULL: nothing was.';

CREATE FUNCTION agentcore.profile_wait(reason text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$ SELECT CASE reason WHEN 'approval_required' THEN 'approval' WHEN 'rate_limited' THEN 'rate' WHEN 'circuit_open' THEN 'breaker'
                           WHEN 'contention' THEN 'contention' WHEN 'in_progress' THEN 'in progress' WHEN 'budget_exceeded' THEN 'budget' ELSE 'other' END $$;
COMMENT ON FUNCTION agentcore.profile_wait(text) IS
  'A part of profile(): what a call waits for that is answered wait with this reason.';

-- a wait lasts until the same call is asked again: the same key, else the same arguments in the same task
CREATE FUNCTION agentcore.profile_of_log(of_tenant text, since timestamptz) RETURNS SETOF agentcore.profile_piece
  LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH entry AS MATERIALIZED (
  SELECT e.id, e.at, e.event, e.agent, e.is_llm, e.verdict, e.reason, e.key, e.task, e.args_digest, e.stage_ns, e.policy_ns, e.tool_us,
         CASE WHEN e.reason IS DISTINCT FROM 'unknown_tool' THEN e.tool END AS tool
    FROM agentcore.visible_rows(NULL::agentcore.call_log_entry, $2) e WHERE e.tenant = $1),
asked AS (
  SELECT e.*, count(*) OVER (PARTITION BY e.is_llm, e.tool) AS calls,
         CASE WHEN e.key IS NOT NULL OR e.args_digest IS NOT NULL
              THEN lead(e.at) OVER (PARTITION BY e.agent, e.is_llm, e.tool, e.key, CASE WHEN e.key IS NULL THEN e.task END, CASE WHEN e.key IS NULL THEN e.args_digest END ORDER BY e.at, e.id) END AS asked_again
    FROM entry e WHERE e.event = 'begin'),
ended AS (
  SELECT e.* FROM entry e WHERE e.event IN ('commit', 'fail')),
own AS (
  SELECT e.is_llm, e.tool, count(*) AS n, count(e.tool_us) AS measured, avg(e.tool_us) * count(*) / 1000 AS total,
         percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY e.tool_us) AS q
    FROM ended e
   -- a call that had ended ran once
   WHERE e.verdict NOT IN ('replayed', 'conflict') AND e.reason IS DISTINCT FROM 'already_settled'
   GROUP BY e.is_llm, e.tool),
stages AS (
  SELECT b.is_llm, b.tool, b.id, b.calls, b.policy_ns, s.ns,
         CASE WHEN s.n <= 5 THEN 'admission' WHEN s.n <= 8 THEN 'arguments' WHEN s.n <= 12 THEN 'repeats' WHEN s.n <= 17 THEN 'limits' ELSE 'take' END AS part
    FROM asked b CROSS JOIN LATERAL unnest(b.stage_ns) WITH ORDINALITY AS s(ns, n) WHERE b.policy_ns IS NOT NULL),
parts AS (
  SELECT s.is_llm, s.tool, s.part, s.id, s.calls, sum(s.ns) AS ns FROM stages s WHERE s.ns IS NOT NULL GROUP BY s.is_llm, s.tool, s.part, s.id, s.calls
  UNION ALL
  SELECT s.is_llm, s.tool, 'rest', s.id, s.calls, greatest(min(s.policy_ns) - coalesce(sum(s.ns), 0), 0) FROM stages s GROUP BY s.is_llm, s.tool, s.id, s.calls
  UNION ALL
  SELECT e.is_llm, e.tool, 'settle', e.id, count(*) OVER (PARTITION BY e.is_llm, e.tool), e.policy_ns FROM ended e),
timed AS (
  SELECT b.is_llm, b.tool, count(b.policy_ns) AS n FROM asked b GROUP BY b.is_llm, b.tool)
SELECT t.is_llm, t.tool, CASE WHEN t.is_llm THEN 'model' ELSE 'tool' END, NULL, t.n, t.measured, t.total, t.q[1] / 1000.0, t.q[2] / 1000.0, t.q[3] / 1000.0
  FROM own t
UNION ALL
SELECT p.is_llm, p.tool, 'policy', p.part, min(p.calls), count(p.ns),
       CASE WHEN p.part = 'settle' THEN avg(p.ns) * count(*) ELSE sum(p.ns) / nullif(min(t.n), 0) * min(p.calls) END / 1000000,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY p.ns) / 1000000.0, percentile_disc(0.95) WITHIN GROUP (ORDER BY p.ns) / 1000000.0, percentile_disc(0.99) WITHIN GROUP (ORDER BY p.ns) / 1000000.0
  FROM parts p LEFT JOIN timed t ON t.is_llm = p.is_llm AND t.tool IS NOT DISTINCT FROM p.tool
 GROUP BY p.is_llm, p.tool, p.part
UNION ALL
SELECT b.is_llm, b.tool, 'waiting', agentcore.profile_wait(b.reason), count(*), count(b.asked_again),
       sum(extract(epoch FROM b.asked_again - b.at)) * 1000, percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM b.asked_again - b.at)) * 1000,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM b.asked_again - b.at)) * 1000, percentile_disc(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM b.asked_again - b.at)) * 1000
  FROM asked b WHERE b.verdict = 'wait' GROUP BY b.is_llm, b.tool, agentcore.profile_wait(b.reason)
$$;
COMMENT ON FUNCTION agentcore.profile_of_log(text, timestamptz) IS
  'A part of profile(): the pieces of the calls in the log. '
  'A wait lasts until the same call is asked again, by its key, or by the digest of its arguments in its task; of others it is not measured.';

CREATE FUNCTION agentcore.profile_of_counts(of_tenant text) RETURNS SETOF agentcore.profile_piece
  LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH counted AS MATERIALIZED (SELECT c.* FROM agentcore.stat_call c WHERE c.tenant = $1)
SELECT c.kind = 'model', c.tool, c.kind, NULL, c.committed + c.failed + c.retried, c.tool_timed, c.tool_mean_us::float8 / 1000 * (c.committed + c.failed + c.retried),
       c.tool_p50_us / 1000.0, c.tool_p95_us / 1000.0, c.tool_p99_us / 1000.0
  FROM counted c WHERE c.committed + c.failed + c.retried > 0
UNION ALL
SELECT s.kind = 'model', s.tool, 'policy', s.part, CASE WHEN s.part = 'settle' THEN c.committed + c.failed + c.retried + c.released ELSE c.calls END, s.timed,
       CASE WHEN s.part = 'settle' THEN s.mean_ns::float8 * (c.committed + c.failed + c.retried + c.released) ELSE s.total_ns::float8 / c.policy_timed * c.calls END / 1000000,
       s.p50_ns / 1000000.0, s.p95_ns / 1000000.0, s.p99_ns / 1000000.0
  FROM counted c JOIN agentcore.stat_call_stage s ON s.tenant = c.tenant AND s.kind = c.kind AND s.tool IS NOT DISTINCT FROM c.tool
 WHERE s.part = 'settle' OR c.policy_timed > 0
UNION ALL
SELECT c.kind = 'model', c.tool, 'waiting', agentcore.profile_wait(w.reason), sum((w.told->>'calls')::bigint)::bigint, 0, NULL, NULL, NULL, NULL
  FROM counted c CROSS JOIN LATERAL jsonb_each(c.waits) AS w(reason, told)
 GROUP BY c.kind, c.tool, agentcore.profile_wait(w.reason)
$$;
COMMENT ON FUNCTION agentcore.profile_of_counts(text) IS
  'A part of profile(): the pieces of the calls that agentcore.stat_call has counted, whenever they were made. '
  'It does not know how long callers waited, so no wait is measured.';

-- what ran again although the same had run, and what ran behind another of its task
CREATE FUNCTION agentcore.profile_saves(of_tenant text, since timestamptz, OUT is_llm boolean, OUT tool text, OUT runs bigint, OUT known bigint, OUT repeats bigint, OUT close bigint, OUT least_ms double precision)
  RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH entry AS MATERIALIZED (
  SELECT e.* FROM agentcore.visible_rows(NULL::agentcore.call_log_entry, $2) e WHERE e.tenant = $1),
ran AS (
  SELECT e.is_llm, e.tool, e.at, e.args_digest, coalesce(t.cache_ttl, interval '1 hour') AS ttl,
         lag(e.at) OVER (PARTITION BY e.is_llm, e.tool, e.args_digest ORDER BY e.at, e.id) AS same_at,
         CASE WHEN e.task IS NOT NULL THEN lag(e.at) OVER (PARTITION BY e.is_llm, e.tool, e.task ORDER BY e.at, e.id) END AS close_at
    FROM entry e LEFT JOIN agentcore.tools t ON t.tenant = e.tenant AND t.name = e.tool AND NOT e.is_llm
   WHERE e.event = 'begin' AND e.verdict = 'run' AND coalesce(e.attempt, 1) = 1),
least AS (
  SELECT e.is_llm, e.tool, min(e.tool_us) / 1000.0 AS ms FROM entry e WHERE e.event = 'commit' GROUP BY e.is_llm, e.tool)
SELECT r.is_llm, r.tool, count(*), count(r.args_digest), count(*) FILTER (WHERE r.args_digest IS NOT NULL AND r.at - r.same_at <= r.ttl),
       count(*) FILTER (WHERE r.at - r.close_at <= interval '1 second'), min(l.ms)
  FROM ran r LEFT JOIN least l ON l.is_llm = r.is_llm AND l.tool = r.tool
 GROUP BY r.is_llm, r.tool
$$;
COMMENT ON FUNCTION agentcore.profile_saves(text, timestamptz) IS
  'A part of profile(), from the log: how often a tool ran, how often the digest of its arguments is known, how often the same had run within its cache_ttl (or an hour), how often within a second behind another run of its task, and the shortest run.';

CREATE FUNCTION agentcore.profile_share(part double precision, whole double precision) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$ SELECT CASE WHEN part IS NULL OR coalesce(whole, 0) <= 0 THEN 'an unknown share' WHEN part < whole / 1000 THEN 'less than 0.1 %'
                    WHEN part < whole * 0.1 THEN round((100 * part / whole)::numeric, 1) || ' %' ELSE round(100 * part / whole) || ' %' END $$;
COMMENT ON FUNCTION agentcore.profile_share(double precision, double precision) IS 'A part of profile(): a share in words.';

CREATE FUNCTION agentcore.profile_ms(ms double precision) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$ SELECT CASE WHEN ms IS NULL THEN 'an unknown time' WHEN ms >= 7200000 THEN round((ms / 3600000)::numeric, 1) || ' h' WHEN ms >= 120000 THEN round((ms / 60000)::numeric, 1) || ' min' WHEN ms >= 1000 THEN round((ms / 1000)::numeric, 1) || ' s'
                    WHEN ms >= 1 THEN round(ms::numeric, 1) || ' ms' ELSE round(ms::numeric * 1000) || ' µs' END $$;
COMMENT ON FUNCTION agentcore.profile_ms(double precision) IS 'A part of profile(): a time in words.';

CREATE FUNCTION agentcore.profile_times(n bigint) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$ SELECT CASE n WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE n || ' times' END $$;
COMMENT ON FUNCTION agentcore.profile_times(bigint) IS 'A part of profile(): how often, in words.';

-- the sentences of one tool or model: what took the time, and what would have saved some of it
CREATE FUNCTION agentcore.profile_bottleneck(kind text, own_ms double precision, gate_ms double precision, waits jsonb, p50_ms double precision, p99_ms double precision) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH part(name, ms) AS (
  SELECT format('the %s itself (half of its calls take %s or less, 99 %% %s)', kind, agentcore.profile_ms(p50_ms), agentcore.profile_ms(p99_ms)), own_ms
  UNION ALL SELECT 'the gate', gate_ms
  UNION ALL SELECT 'waiting for ' || CASE w.key WHEN 'approval' THEN 'approvals' WHEN 'rate' THEN 'its rate' WHEN 'breaker' THEN 'its breaker' WHEN 'in progress' THEN 'the same call in progress'
                                  WHEN 'budget' THEN 'budgets' WHEN 'other' THEN 'something else' ELSE w.key END, w.value::text::float8
              FROM jsonb_each(waits) w WHERE w.value <> 'null'),
whole AS (SELECT sum(p.ms) AS ms FROM part p)
SELECT CASE WHEN own_ms IS NULL AND gate_ms IS NULL THEN 'No time was measured.'
            ELSE format('Its bottleneck is %s: %s of %s.', b.name, agentcore.profile_share(b.ms, w.ms), agentcore.profile_ms(w.ms)) END
       || CASE WHEN gate_ms < 0.03 * w.ms THEN format(' The gate takes %s, which is below 3 %%: not worth moving.', agentcore.profile_share(gate_ms, w.ms)) ELSE '' END
       || CASE WHEN own_ms IS NULL THEN format(' How long the %s takes was not measured.', kind) ELSE '' END
  FROM whole w LEFT JOIN LATERAL (SELECT p.name, p.ms FROM part p WHERE p.ms IS NOT NULL ORDER BY p.ms DESC LIMIT 1) b ON true
$$;
COMMENT ON FUNCTION agentcore.profile_bottleneck(text, double precision, double precision, jsonb, double precision, double precision) IS
  'A part of profile(): which part of a call takes the most.';

CREATE FUNCTION agentcore.profile_gain(what text, saved_ms double precision, whole_ms double precision) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$ SELECT format(' %s would have saved %s, %s%s.', what, agentcore.profile_ms(saved_ms), agentcore.profile_share(saved_ms, whole_ms),
                      CASE WHEN saved_ms < 0.03 * whole_ms THEN ': below 3 %, not worth it' ELSE '' END) $$;
COMMENT ON FUNCTION agentcore.profile_gain(text, double precision, double precision) IS
  'A part of profile(): what a change would have saved, in words.';

CREATE FUNCTION agentcore.profile_tools(pieces agentcore.profile_piece[], of_tenant text, since timestamptz, from_log boolean) RETURNS SETOF agentcore.profile_piece
  LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH whole AS (
  SELECT p.is_llm, p.tool, CASE WHEN p.is_llm THEN 'model' ELSE 'tool' END AS kind,
         sum(p.total_ms) AS ms, sum(p.total_ms) FILTER (WHERE p.what IN ('tool', 'model')) AS own_ms, sum(p.total_ms) FILTER (WHERE p.what = 'policy') AS gate_ms,
         max(p.n) FILTER (WHERE p.what IN ('tool', 'model')) AS n, max(p.measured) FILTER (WHERE p.what IN ('tool', 'model')) AS measured,
         max(p.p50_ms) FILTER (WHERE p.what IN ('tool', 'model')) AS p50, max(p.p95_ms) FILTER (WHERE p.what IN ('tool', 'model')) AS p95, max(p.p99_ms) FILTER (WHERE p.what IN ('tool', 'model')) AS p99,
         coalesce(jsonb_object_agg(p.name, p.total_ms) FILTER (WHERE p.what = 'waiting'), '{}') AS waits,
         sum(p.n - p.measured) FILTER (WHERE p.what = 'waiting') AS unknown_waits
    FROM unnest($1) p WHERE p.tool IS NOT NULL GROUP BY p.is_llm, p.tool),
saves AS (SELECT s.* FROM agentcore.profile_saves($2, $3) s WHERE $4)
SELECT w.is_llm, w.tool, w.kind,
       agentcore.profile_bottleneck(w.kind, w.own_ms, w.gate_ms, w.waits, w.p50, w.p99)
       || CASE WHEN w.is_llm OR w.own_ms IS NULL THEN ''
               WHEN t.idempotent IS NOT TRUE THEN ''
               WHEN coalesce(s.known, 0) = 0 THEN ' What caching would have saved was not measured: that takes digests of arguments in the log (agentcore.audit = all, agentcore.record = digest), and the right to see them.'
               WHEN s.repeats = 0 THEN ' Caching would have saved nothing: no run repeated another.'
               ELSE agentcore.profile_gain(format('Of %s runs, %s repeated one of the last %s: %s', s.known, s.repeats, coalesce(t.cache_ttl::text, 'hour'), CASE WHEN t.cache_ttl IS NOT NULL THEN 'hits of its cache' ELSE 'caching' END),
                                           s.repeats * w.own_ms / nullif(w.n, 0), w.ms) END
       || CASE WHEN w.is_llm OR w.own_ms IS NULL OR coalesce(s.close, 0) = 0 THEN ''
               ELSE agentcore.profile_gain(format('Of %s runs, %s came within a second behind another of their task: batching', s.runs, s.close), s.close * s.least_ms, w.ms) || ' (At most: the time of its shortest run, for each.)' END
       || CASE WHEN (w.waits->>'rate') IS NULL THEN '' ELSE agentcore.profile_gain('A higher rate', (w.waits->>'rate')::float8, w.ms) END
       || CASE WHEN w.unknown_waits > 0 THEN format(' It had callers wait %s, and for how long was not measured.', agentcore.profile_times(w.unknown_waits::bigint)) ELSE '' END,
       w.n, w.measured, w.ms, w.p50, w.p95, w.p99
  FROM whole w
  LEFT JOIN saves s ON s.is_llm = w.is_llm AND s.tool = w.tool
  LEFT JOIN agentcore.tools t ON t.tenant = $2 AND t.name = w.tool AND NOT w.is_llm
$$;
COMMENT ON FUNCTION agentcore.profile_tools(agentcore.profile_piece[], text, timestamptz, boolean) IS
  'A part of profile(): one row per tool and model; name holds its sentences.';

CREATE FUNCTION agentcore.profile_source(of_tenant text, since timestamptz, from_log boolean, pieces agentcore.profile_piece[]) RETURNS text
  LANGUAGE sql STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
  AS $$
SELECT CASE WHEN cardinality($4) = 0 THEN 'Nothing was measured. ' ELSE '' END
       || CASE WHEN $3 THEN 'From the log of calls.'
               ELSE 'From agentcore.stat_call, whenever the calls were made: the log has no ends of calls since then (agentcore.audit = all writes them). So for how long callers waited, and what repeated itself, was not measured.' END
       || CASE WHEN NOT $3 AND EXISTS (SELECT FROM agentcore.stat_call c WHERE c.tenant = $1 AND c.incomplete) THEN ' Calls of this tenant may be missing: there were no slots for them (agentcore.stat_call_slots).' ELSE '' END
       || CASE WHEN NOT $3 AND NOT EXISTS (SELECT FROM agentcore.stat_call c WHERE c.tenant = $1) THEN ' It has counted no call of this tenant: that takes shared_preload_libraries = agentcore, and agentcore.track_timing on or sampled.' ELSE '' END
       || CASE WHEN EXISTS (SELECT FROM unnest($4) p WHERE (p.what <> 'waiting' AND p.name IS NULL OR p.name IN ('rest', 'settle')) AND p.measured < p.n) THEN ' Not every call was timed; what was not is taken for as long as the mean of what was.' ELSE '' END
$$;
COMMENT ON FUNCTION agentcore.profile_source(text, timestamptz, boolean, agentcore.profile_piece[]) IS
  'A part of profile(): where its numbers are from, and what is missing.';

CREATE FUNCTION agentcore.profile(tenant text DEFAULT '', since timestamptz DEFAULT NULL)
  RETURNS TABLE (what text, name text, calls bigint, measured bigint, total_ms double precision, share double precision,
                 p50_ms double precision, p95_ms double precision, p99_ms double precision, worth_moving boolean, says text)
  LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 50
  SET search_path = pg_catalog, pg_temp
  AS $$
#variable_conflict use_column
DECLARE
  of_tenant text := coalesce(profile.tenant, '');
  start timestamptz := coalesce(profile.since, agentcore.clock_now() - interval '1 day');
  from_log boolean;
  pieces agentcore.profile_piece[];
  whole double precision;
BEGIN
  IF NOT agentcore.access_visible(of_tenant) THEN
    RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = format('permission denied for tenant "%s"', of_tenant),
      HINT = 'An administrator grants it with SELECT agentcore.access_grant(role, ''reader'', tenants).';
  END IF;
  from_log := EXISTS (SELECT FROM agentcore.visible_rows(NULL::agentcore.call_log_entry, start) e WHERE e.tenant = of_tenant AND e.event IN ('commit', 'fail'));
  IF from_log THEN
    pieces := ARRAY(SELECT p FROM agentcore.profile_of_log(of_tenant, start) p);
  ELSE
    pieces := ARRAY(SELECT p FROM agentcore.profile_of_counts(of_tenant) p);
  END IF;
  whole := (SELECT sum(p.total_ms) FROM unnest(pieces) p);
  RETURN QUERY SELECT 'source', NULL::text, NULL::bigint, NULL::bigint, whole, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::boolean,
                      agentcore.profile_source(of_tenant, start, from_log, pieces);
  RETURN QUERY
  WITH place(nr, what, name) AS (
    VALUES (1, 'model', NULL), (2, 'tool', NULL), (3, 'policy', NULL), (4, 'policy', 'admission'), (5, 'policy', 'arguments'), (6, 'policy', 'repeats'), (7, 'policy', 'limits'),
           (8, 'policy', 'take'), (9, 'policy', 'log'), (10, 'policy', 'rest'), (11, 'policy', 'settle'),
           (12, 'waiting', 'approval'), (13, 'waiting', 'rate'), (14, 'waiting', 'breaker'), (15, 'waiting', 'contention'), (16, 'waiting', 'in progress'), (17, 'waiting', 'budget'), (18, 'waiting', 'other')),
  summed AS (
    SELECT l.nr, l.what, l.name, sum(p.n) FILTER (WHERE c.counts) AS n, sum(p.measured) FILTER (WHERE c.counts) AS measured, sum(p.total_ms) AS ms, count(p.*) AS pieces
      FROM place l LEFT JOIN unnest(pieces) p ON p.what = l.what AND (p.name = l.name OR l.name IS NULL)
     -- each call went through the part rest once
     CROSS JOIN LATERAL (SELECT p.what <> 'policy' OR l.name IS NOT NULL OR p.name = 'rest' AS counts) c
     GROUP BY l.nr, l.what, l.name)
  SELECT s.what, s.name, s.n::bigint, s.measured::bigint, s.ms, s.ms / nullif(whole, 0), NULL::float8, NULL::float8, NULL::float8, s.ms / nullif(whole, 0) >= 0.03,
         CASE WHEN s.ms IS NULL THEN format('Not measured%s.', CASE WHEN s.what = 'waiting' THEN ': callers were told to wait ' || agentcore.profile_times(s.n::bigint) ELSE '' END)
              ELSE format('%s of the time%s.', agentcore.profile_share(s.ms, whole), CASE WHEN s.ms / nullif(whole, 0) < 0.03 THEN ': below 3 %, not worth moving' ELSE '' END)
                   || CASE WHEN s.what = 'waiting' AND s.measured < s.n THEN format(' That they were told to wait %s more was not measured.', agentcore.profile_times((s.n - s.measured)::bigint)) ELSE '' END END
    FROM summed s WHERE s.pieces > 0 ORDER BY s.nr;
  RETURN QUERY
  SELECT t.what, t.tool, t.n, t.measured, t.total_ms, t.total_ms / nullif(whole, 0), t.p50_ms, t.p95_ms, t.p99_ms, t.total_ms / nullif(whole, 0) >= 0.03, t.name
    FROM agentcore.profile_tools(pieces, of_tenant, start, from_log) t ORDER BY t.total_ms DESC NULLS LAST, t.tool, t.is_llm;
END
$$;
COMMENT ON FUNCTION agentcore.profile(text, timestamptz) IS
  'Where the time of a tenant''s calls went since then (NULL: in the last day), added up over all callers: in models, in tools, in the gate (policy, and its parts as in agentcore.stat_call_stage), and waiting, by what for; then each tool and model with sentences: what its bottleneck is, and what caching, batching or a higher rate would have saved. '
  'The first row (source) says where the numbers are from: the log of calls, where it has ends of calls (agentcore.audit = all); else agentcore.stat_call alone, whenever the calls were made. '
  'calls: how often it was gone through; measured: how often that was measured; total_ms: in all, by the mean of what was measured, but of waiting only what was measured; share: of the total. '
  'p50_ms, p95_ms, p99_ms: of a tool or model itself. '
  'worth_moving: whether the share is at least 3 %: a step below that is not worth moving. '
  'NULL: not measured; says has the reason. '
  'A wait lasts until the same call is asked again, by its key or by the digest of its arguments in its task. '
  '42501 unless the caller may read the tenant.';

INSERT INTO agentcore.access_function VALUES
  ('profile_wait', 'reader'), ('profile_of_log', 'reader'), ('profile_of_counts', 'reader'), ('profile_saves', 'reader'), ('profile_share', 'reader'), ('profile_ms', 'reader'), ('profile_times', 'reader'),
  ('profile_bottleneck', 'reader'), ('profile_gain', 'reader'), ('profile_tools', 'reader'), ('profile_source', 'reader'), ('profile', 'reader');
