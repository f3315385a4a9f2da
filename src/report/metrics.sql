-- report: what monitoring reads.

CREATE FUNCTION agentcore.open_counts(OUT what text, OUT tenant text, OUT state text, OUT n bigint, OUT oldest timestamptz) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10
  AS 'MODULE_PATHNAME', 'agentcore_open_counts_v1';
COMMENT ON FUNCTION agentcore.open_counts() IS
  'How many permits (state open, retry, or lapsed: open after the end of their lease) and requests for approval (pending) are open, and when the oldest began, in the tenants that the caller may read. '
  'Reads only what is open. '
  'No row where there is none.';

CREATE FUNCTION agentcore.metrics_of_catalog(OUT name text, OUT kind text, OUT labels jsonb, OUT value double precision, OUT help text) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 6
  SET search_path = pg_catalog, pg_temp
  AS $$
SELECT 'agentcore_info', 'info', jsonb_build_object('version', e.extversion), 1, 'The version of the extension.'
  FROM pg_extension e WHERE e.extname = 'agentcore'
UNION ALL
SELECT 'agentcore_table_bytes', 'gauge', jsonb_build_object('table', t.name),
       pg_total_relation_size(t.rel)
       + (SELECT coalesce(sum(pg_total_relation_size(p.relid)), 0) FROM pg_partition_tree(t.rel) p WHERE p.isleaf AND p.relid <> t.rel),
       'Bytes of the tables that grow with every call, indexes included.'
  FROM (VALUES ('permit', 'agentcore.permit'::regclass), ('budget_ledger', 'agentcore.budget_ledger'), ('call_log', 'agentcore.call_log_entry'),
               ('approval', 'agentcore.approval')) AS t(name, rel)
 WHERE agentcore.access_visible('*')
UNION ALL
SELECT 'agentcore_ledger_ahead_seconds', 'gauge', '{}', extract(epoch FROM max(b.bound[1]::timestamptz) - agentcore.clock_now()),
       'How much longer the partitions of the ledger that are made ahead last; none without partitions.'
  FROM pg_partition_tree('agentcore.budget_ledger') p
  JOIN pg_class c ON c.oid = p.relid
 CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)$') AS b(bound)
 WHERE agentcore.access_visible('*')
HAVING max(b.bound[1]) IS NOT NULL
$$;
COMMENT ON FUNCTION agentcore.metrics_of_catalog() IS
  'A part of the view metrics: the version, and to callers who may read every tenant (sizes would tell others of tenants) what the tables that grow take.';

CREATE VIEW agentcore.metrics WITH (security_barrier) AS
SELECT s.name, s.kind, s.labels, s.value, s.help FROM agentcore.metrics_of_catalog() s
UNION ALL
-- the whole server's cache
SELECT m.name, m.kind, m.labels::jsonb, m.value, m.help
  FROM agentcore.stat_cache s
 CROSS JOIN LATERAL (VALUES
   ('agentcore_cache_hits_total', 'counter', '{}', s.hits::double precision, 'Lookups that a fresh answer was found for.'),
   ('agentcore_cache_stale_hits_total', 'counter', '{}', s.stale, 'Lookups that got an answer past its soft deadline.'),
   ('agentcore_cache_negative_hits_total', 'counter', '{}', s.negative, 'Lookups that found a remembered failure.'),
   ('agentcore_cache_misses_total', 'counter', '{}', s.misses, 'Lookups that found nothing that could be used.'),
   ('agentcore_cache_hit_ratio', 'gauge', '{}', (s.hits + s.stale) / nullif(s.hits + s.stale + s.negative + s.misses, 0)::double precision,
    'Lookups answered from the cache, of all since the counters were reset.'),
   ('agentcore_cache_sets_total', 'counter', '{}', s.sets, 'Answers that were set without a lease.'),
   ('agentcore_cache_fills_total', 'counter', '{}', s.fills, 'Answers that the holders of leases computed and stored.'),
   ('agentcore_cache_invalidations_total', 'counter', '{}', s.invalidations, 'Invalidations of calls, tools, tags and tenants.'),
   ('agentcore_cache_expirations_total', 'counter', '{}', s.expirations, 'Entries whose time to live ended.'),
   ('agentcore_cache_evictions_total', 'counter', '{"queue": "small"}', s.evictions_small, 'Entries that made room for others.'),
   ('agentcore_cache_evictions_total', 'counter', '{"queue": "main"}', s.evictions_main, 'Entries that made room for others.'),
   ('agentcore_cache_ghost_hits_total', 'counter', '{}', s.ghost_hits, 'Answers stored again soon after they were evicted.'),
   ('agentcore_cache_refusals_total', 'counter', '{"cause": "size"}', s.refused_size, 'Answers that were not stored.'),
   ('agentcore_cache_refusals_total', 'counter', '{"cause": "room"}', s.refused_room, 'Answers that were not stored.'),
   ('agentcore_cache_refusals_total', 'counter', '{"cause": "pending"}', s.refused_pending, 'Answers that were not stored.'),
   ('agentcore_cache_refusals_total', 'counter', '{"cause": "invalidated"}', s.refused_invalidated, 'Answers that were not stored.'),
   ('agentcore_cache_refusals_total', 'counter', '{"cause": "lease"}', s.refused_lease, 'Answers that were not stored.'),
   ('agentcore_cache_refusals_total', 'counter', '{"cause": "pinned"}', s.refused_pinned, 'Answers that were not stored.'),
   ('agentcore_cache_refusals_total', 'counter', '{"cause": "share"}', s.refused_share, 'Answers that were not stored.'),
   ('agentcore_cache_compressed_total', 'counter', '{}', s.compressed, 'Answers that were stored compressed.'),
   ('agentcore_cache_compression_saved_bytes_total', 'counter', '{}', s.bytes_saved, 'Bytes that compression saved.'),
   ('agentcore_cache_lock_waits_total', 'counter', '{}', s.lock_waits, 'Times that a session waited for a partition of the cache.'),
   ('agentcore_cache_leases_total', 'counter', '{}', s.leases, 'Leases given to compute a missing answer.'),
   ('agentcore_cache_waits_total', 'counter', '{}', s.waits, 'Lookups that found another caller computing the answer.'),
   ('agentcore_cache_leases_held', 'gauge', '{}', s.leases_held, 'Leases that are held now.'),
   ('agentcore_cache_entries', 'gauge', '{}', s.entries, 'Entries, also those that have ended and are not swept yet.'),
   ('agentcore_cache_used_bytes', 'gauge', '{}', s.bytes, 'Bytes that entries take.'),
   ('agentcore_cache_value_bytes', 'gauge', '{}', s.value_bytes, 'Bytes of the values alone, as stored.'),
   ('agentcore_cache_capacity_bytes', 'gauge', '{}', s.capacity, 'Bytes that entries may take.'),
   ('agentcore_cache_used_ratio', 'gauge', '{}', s.bytes / nullif(s.capacity, 0)::double precision, 'Bytes that entries take, of those that they may take.')
 ) AS m(name, kind, labels, value, help)
UNION ALL
-- the cache, by tool
SELECT m.name, m.kind, pg_catalog.jsonb_build_object('tenant', s.tenant, 'tool', s.tool), m.value, m.help
  FROM agentcore.stat_tool s
 CROSS JOIN LATERAL (VALUES
   ('agentcore_tool_cache_hits_total', 'counter', s.hits::double precision, 'Calls of the tool that a fresh answer was found for.'),
   ('agentcore_tool_cache_stale_hits_total', 'counter', s.stale, 'Calls of the tool that got an answer past its soft deadline.'),
   ('agentcore_tool_cache_negative_hits_total', 'counter', s.negative, 'Calls of the tool that found a remembered failure.'),
   ('agentcore_tool_cache_misses_total', 'counter', s.misses, 'Calls of the tool that found nothing that could be used.'),
   ('agentcore_tool_cache_hit_ratio', 'gauge', (s.hits + s.stale) / nullif(s.hits + s.stale + s.negative + s.misses, 0)::double precision,
    'Calls of the tool answered from the cache, of all that looked since the counters were reset.'),
   ('agentcore_tool_cache_fills_total', 'counter', s.fills, 'Answers of the tool that were stored.'),
   ('agentcore_tool_cache_invalidations_total', 'counter', s.invalidations, 'Invalidations of the tool or one of its calls.'),
   ('agentcore_tool_cache_expirations_total', 'counter', s.expirations, 'Entries of the tool whose time to live ended.'),
   ('agentcore_tool_cache_evictions_total', 'counter', s.evictions, 'Entries of the tool that made room for others.'),
   ('agentcore_tool_cache_refusals_total', 'counter', s.refused, 'Answers of the tool that were not stored.'),
   ('agentcore_tool_cache_saved_seconds_total', 'counter', s.saved_ms * 0.001, 'Time of the tool that the cache saved.'),
   ('agentcore_tool_cache_saved_usd_total', 'counter', s.saved_usd, 'Money that the cache saved, in US dollars.')
 ) AS m(name, kind, value, help)
UNION ALL
-- targets
SELECT m.name, 'gauge', pg_catalog.jsonb_build_object('tenant', s.tenant, 'target', s.target, 'breaker', s.kind) || m.labels::jsonb, m.value, m.help
  FROM agentcore.stat_target s
 CROSS JOIN LATERAL (VALUES
   ('agentcore_target_state', '{"state": "closed"}', (s.state = 'closed')::integer::double precision, 'Whether the circuit breaker is in this state.'),
   ('agentcore_target_state', '{"state": "half_open"}', (s.state = 'half_open')::integer, 'Whether the circuit breaker is in this state.'),
   ('agentcore_target_state', '{"state": "open"}', (s.state = 'open')::integer, 'Whether the circuit breaker is in this state.'),
   ('agentcore_target_forced', '{}', s.forced::integer, 'Whether an administrator has fixed the state.'),
   ('agentcore_target_recent_calls', '{}', s.calls, 'Calls of the last minute.'),
   ('agentcore_target_recent_failures', '{}', s.failures, 'Failures of the last minute.'),
   ('agentcore_target_consecutive_failures', '{}', s.consecutive_failures, 'Failures in a row.'),
   ('agentcore_target_probes', '{}', s.probes, 'Probes in flight.'),
   ('agentcore_target_pause_seconds', '{}', coalesce(greatest(extract(epoch FROM s.paused_until - agentcore.clock_now()), 0), 0),
    'How much longer the target asked to be left alone.')
 ) AS m(name, labels, value, help)
UNION ALL
SELECT m.name, m.kind, pg_catalog.jsonb_build_object('slots', s.kind), m.value, m.help
  FROM agentcore.stat_target_slots s
 CROSS JOIN LATERAL (VALUES
   ('agentcore_target_slots', 'gauge', s.slots::double precision, 'Slots of breakers or rates in shared memory.'),
   ('agentcore_target_slots_used', 'gauge', s.used, 'Slots that have been given to a key.'),
   ('agentcore_target_slots_busy', 'gauge', s.busy, 'Slots whose state still matters.'),
   ('agentcore_target_slots_recycled_total', 'counter', s.recycled, 'Slots that were given to another key.'),
   ('agentcore_target_slots_refused_total', 'counter', s.refused, 'Times that no slot was left, so that a call was refused.')
 ) AS m(name, kind, value, help)
UNION ALL
-- budgets that somebody made; those that a template made, one per user or run, are only counted
SELECT m.name, 'gauge', pg_catalog.jsonb_build_object('tenant', b.tenant, 'budget', b.name, 'limit', w.limit_name) || m.labels, m.value, m.help
  FROM agentcore.visible_rows(NULL::agentcore.budget) b
 CROSS JOIN LATERAL agentcore.budget_windows(b.name, b.tenant) w
 CROSS JOIN LATERAL (VALUES
   ('agentcore_budget_used_tokens', '{}'::jsonb, w.used[1]::double precision, 'Tokens charged in the window.'),
   ('agentcore_budget_held_tokens', '{}', w.held[1], 'Tokens held by open calls.'),
   ('agentcore_budget_max_tokens', '{}', w.max[1], 'The limit of the window in tokens.'),
   ('agentcore_budget_used_usd', '{}', w.used[2] * 0.000000001, 'US dollars charged in the window.'),
   ('agentcore_budget_held_usd', '{}', w.held[2] * 0.000000001, 'US dollars held by open calls.'),
   ('agentcore_budget_max_usd', '{}', w.max[2] * 0.000000001, 'The limit of the window in US dollars.'),
   ('agentcore_budget_used_calls', '{}', w.used[3], 'Calls charged in the window.'),
   ('agentcore_budget_held_calls', '{}', w.held[3], 'Calls held by open calls.'),
   ('agentcore_budget_max_calls', '{}', w.max[3], 'The limit of the window in calls.'),
   ('agentcore_budget_used_ratio', '{}',
    (SELECT pg_catalog.max(CASE WHEN d.max > 0 THEN (d.used + d.held) / d.max::double precision ELSE 1 END)
       FROM unnest(w.used, w.held[1:3], w.max) AS d(used, held, max) WHERE d.max IS NOT NULL),
    'What is charged and held, of the limit that is used most.'),
   ('agentcore_budget_reset_seconds', '{}', extract(epoch FROM w.resets_at - agentcore.clock_now()), 'How much longer the window lasts.'),
   ('agentcore_budget_in_flight', '{}', CASE WHEN w.place = 0 THEN w.held[4] END, 'Open calls.'),
   ('agentcore_budget_max_in_flight', '{}', CASE WHEN w.place = 0 THEN b.max_in_flight END, 'The limit of open calls.'),
   ('agentcore_budget_enabled', '{}', CASE WHEN w.place = 0 THEN b.enabled::integer END, 'Whether the budget is switched on.')
 ) AS m(name, labels, value, help)
 WHERE b.template IS NULL AND m.value IS NOT NULL
UNION ALL
SELECT 'agentcore_budgets', 'gauge', pg_catalog.jsonb_build_object('tenant', b.tenant, 'template', coalesce(b.template, '')), pg_catalog.count(*)::double precision,
       'Budgets, by the template that made them (empty: none did).'
  FROM agentcore.visible_rows(NULL::agentcore.budget) b GROUP BY b.tenant, b.template
UNION ALL
-- how budgets were admitted to
SELECT m.name, m.kind, m.labels::jsonb, m.value, m.help
  FROM agentcore.stat_budget s
 CROSS JOIN LATERAL (VALUES
   ('agentcore_admissions_total', 'counter', '{"path": "cold"}', s.cold::double precision, 'Admissions, one per budget of a path.'),
   ('agentcore_admissions_total', 'counter', '{"path": "escrow"}', s.escrow, 'Admissions, one per budget of a path.'),
   ('agentcore_admissions_total', 'counter', '{"path": "exact"}', s.exact, 'Admissions, one per budget of a path.'),
   ('agentcore_admissions_undecided_total', 'counter', '{}', s.undecided, 'Looks at a budget that depended on others in flight.'),
   ('agentcore_budget_entries', 'gauge', '{}', s.entries, 'Budgets that have an entry in shared memory.'),
   ('agentcore_budget_entries_in_flight', 'gauge', '{}', s.in_flight, 'Reservations of open transactions.'),
   ('agentcore_budget_entries_made_total', 'counter', '{}', s.made, 'Entries that were made.'),
   ('agentcore_budget_entries_evicted_total', 'counter', '{}', s.evicted, 'Entries that made room for others.'),
   ('agentcore_budget_entries_no_room_total', 'counter', '{}', s.no_room, 'Times that no entry could go, since all were in flight.'),
   ('agentcore_budget_entries_dropped_total', 'counter', '{"cause": "changed"}', s.dropped_changed, 'Entries that were dropped.'),
   ('agentcore_budget_entries_dropped_total', 'counter', '{"cause": "prepared"}', s.dropped_prepared, 'Entries that were dropped.'),
   ('agentcore_budget_entries_dropped_total', 'counter', '{"cause": "by_hand"}', s.dropped_by_hand, 'Entries that were dropped.'),
   ('agentcore_budget_entries_dropped_total', 'counter', '{"cause": "large"}', s.dropped_large, 'Entries that were dropped.'),
   ('agentcore_budget_entries_repaired_total', 'counter', '{}', s.repaired, 'Entries that were not the sum of their rows: should be 0.')
 ) AS m(name, kind, labels, value, help)
UNION ALL
-- calls by tool and model, as agentcore.track_timing counts them
SELECT m.name, m.kind, pg_catalog.jsonb_build_object('tenant', s.tenant, 'kind', s.kind, 'tool', coalesce(s.tool, '')) || m.labels::jsonb, m.value, m.help
  FROM agentcore.stat_call s
 CROSS JOIN LATERAL (VALUES
   ('agentcore_calls_total', 'counter', '{"verdict": "run"}', s.run::double precision, 'Calls that the gate judged, by verdict.'),
   ('agentcore_calls_total', 'counter', '{"verdict": "cached"}', s.cached, 'Calls that the gate judged, by verdict.'),
   ('agentcore_calls_total', 'counter', '{"verdict": "wait"}', s.wait, 'Calls that the gate judged, by verdict.'),
   ('agentcore_calls_total', 'counter', '{"verdict": "deny"}', s.deny, 'Calls that the gate judged, by verdict.'),
   ('agentcore_calls_unenforced_total', 'counter', '{}', s.not_enforced, 'Calls that a policy or an agent in audit mode let through.'),
   ('agentcore_call_ends_total', 'counter', '{"outcome": "committed"}', s.committed, 'Calls that were settled, by how.'),
   ('agentcore_call_ends_total', 'counter', '{"outcome": "failed"}', s.failed, 'Calls that were settled, by how.'),
   ('agentcore_call_ends_total', 'counter', '{"outcome": "retried"}', s.retried, 'Calls that were settled, by how.'),
   ('agentcore_call_ends_total', 'counter', '{"outcome": "released"}', s.released, 'Calls that were settled, by how.'),
   ('agentcore_call_hit_ratio', 'gauge', '{}', s.hit_ratio, 'Calls answered from the cache, of those that were answered or made.'),
   ('agentcore_call_tokens_total', 'counter', '{}', s.tokens, 'Tokens that settled calls were charged.'),
   ('agentcore_call_usd_total', 'counter', '{}', s.usd, 'US dollars that settled calls were charged.'),
   ('agentcore_call_policy_seconds', 'summary', '{"quantile": "0.5"}', s.policy_p50_ns * 0.000000001, 'What the begin of a call took in the gate; quantiles since the counters began.'),
   ('agentcore_call_policy_seconds', 'summary', '{"quantile": "0.95"}', s.policy_p95_ns * 0.000000001, 'What the begin of a call took in the gate; quantiles since the counters began.'),
   ('agentcore_call_policy_seconds', 'summary', '{"quantile": "0.99"}', s.policy_p99_ns * 0.000000001, 'What the begin of a call took in the gate; quantiles since the counters began.'),
   ('agentcore_call_policy_seconds_sum', 'summary', '{}', s.policy_total_ns * 0.000000001, 'What the begin of a call took in the gate; quantiles since the counters began.'),
   ('agentcore_call_policy_seconds_count', 'summary', '{}', s.policy_timed, 'What the begin of a call took in the gate; quantiles since the counters began.'),
   ('agentcore_call_tool_seconds', 'summary', '{"quantile": "0.5"}', s.tool_p50_us * 0.000001, 'From the begin of a call to its end; quantiles since the counters began.'),
   ('agentcore_call_tool_seconds', 'summary', '{"quantile": "0.95"}', s.tool_p95_us * 0.000001, 'From the begin of a call to its end; quantiles since the counters began.'),
   ('agentcore_call_tool_seconds', 'summary', '{"quantile": "0.99"}', s.tool_p99_us * 0.000001, 'From the begin of a call to its end; quantiles since the counters began.'),
   ('agentcore_call_tool_seconds_sum', 'summary', '{}', s.tool_total_us * 0.000001, 'From the begin of a call to its end; quantiles since the counters began.'),
   ('agentcore_call_tool_seconds_count', 'summary', '{}', s.tool_timed, 'From the begin of a call to its end; quantiles since the counters began.')
 ) AS m(name, kind, labels, value, help)
UNION ALL
SELECT 'agentcore_call_reasons_total', 'counter', pg_catalog.jsonb_build_object('tenant', s.tenant, 'kind', s.kind, 'tool', coalesce(s.tool, ''), 'reason', r.key),
       r.value::double precision, 'Calls that were refused, told to wait or would have been, by reason.'
  FROM agentcore.stat_call s CROSS JOIN LATERAL pg_catalog.jsonb_each_text(s.reasons) r
UNION ALL
SELECT 'agentcore_call_told_to_wait_seconds_total', 'counter', pg_catalog.jsonb_build_object('tenant', s.tenant, 'reason', w.key),
       pg_catalog.sum((w.value ->> 'told_ms')::double precision) * 0.001, 'For how long callers were told to wait, in all, by reason.'
  FROM agentcore.stat_call s CROSS JOIN LATERAL pg_catalog.jsonb_each(s.waits) w
 GROUP BY s.tenant, w.key HAVING pg_catalog.count(w.value ->> 'told_ms') > 0
UNION ALL
SELECT 'agentcore_call_part_seconds_total', 'counter', pg_catalog.jsonb_build_object('tenant', s.tenant, 'part', s.part),
       pg_catalog.sum(s.total_ns)::double precision * 0.000000001, 'The time of the gate, by its parts, of all tools and models that were timed.'
  FROM agentcore.stat_call_stage s GROUP BY s.tenant, s.part
UNION ALL
SELECT m.name, 'gauge', '{}'::jsonb, m.value, m.help
  FROM agentcore.stat_call_slots s
 CROSS JOIN LATERAL (VALUES
   ('agentcore_call_slots', s.slots::double precision, 'Tools and models that calls can be counted for.'),
   ('agentcore_call_slots_used', s.used, 'Tools and models that calls are counted for.')
 ) AS m(name, value, help)
UNION ALL
-- what is open
SELECT m.name, 'gauge', m.labels || pg_catalog.jsonb_build_object('tenant', o.tenant), m.value, m.help
  FROM agentcore.open_counts() o
 CROSS JOIN LATERAL (VALUES
   ('permits', 'agentcore_permits', pg_catalog.jsonb_build_object('state', o.state), o.n::double precision, 'Permits that are open (lapsed: after the end of their lease; retry: waiting for one).'),
   ('permits', 'agentcore_permits_oldest_seconds', pg_catalog.jsonb_build_object('state', o.state), extract(epoch FROM agentcore.clock_now() - o.oldest), 'Since when the oldest of them has been open.'),
   ('approvals', 'agentcore_approvals_pending', '{}', o.n, 'Requests for approval that nobody has decided.'),
   ('approvals', 'agentcore_approvals_oldest_seconds', '{}', extract(epoch FROM agentcore.clock_now() - o.oldest), 'Since when the oldest of them has been waiting.')
 ) AS m(what, name, labels, value, help)
 WHERE m.what = o.what;
COMMENT ON VIEW agentcore.metrics IS
  'What monitoring reads: one row per sample of the tenants visible to the caller, named as OpenMetrics names it. '
  'kind: counter (grows until it is reset, name ends with _total), gauge, summary (with a label quantile, _sum and _count) or info. '
  'labels: an object of texts. '
  'value: in the unit that ends the name (bytes, seconds, usd, ratio), else a number of things. '
  'help: a sentence, the same for all samples of a name. '
  'Tools, targets and budgets are labels: as many series as are configured. '
  'Budgets that a template made are only counted. '
  'Totals of the whole server need level reader on every tenant (''*''), but for the cache. '
  'Reads shared memory, the counters of budgets and what is open; no log, ledger or settled permit.';

CREATE FUNCTION agentcore.metrics_text(openmetrics boolean DEFAULT true) RETURNS text
  LANGUAGE sql VOLATILE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH sample AS MATERIALIZED (
  SELECT m.name, m.kind, m.value, m.help, coalesce(openmetrics, true) AS strict,
         -- the quantiles, sum and count of one thing stand together
         (m.labels - 'quantile')::text COLLATE "C" AS of_what,
         CASE m.kind WHEN 'summary' THEN regexp_replace(m.name, '_(sum|count)$', '') ELSE m.name END AS family,
         (SELECT '{' || string_agg(format('%s="%s"', l.key, replace(replace(replace(l.value, '\', '\\'), '"', '\"'), chr(10), '\n')), ',' ORDER BY l.key) || '}'
            FROM jsonb_each_text(m.labels) l) AS labels
    FROM agentcore.metrics m
   WHERE m.value IS NOT NULL),
typed AS (
  SELECT s.*,
         CASE WHEN s.strict AND s.kind IN ('counter', 'info') THEN regexp_replace(s.family, '_(total|info)$', '') ELSE s.family END AS described,
         CASE WHEN NOT s.strict AND s.kind = 'info' THEN 'gauge' ELSE s.kind END AS type
    FROM sample s),
family AS (
  SELECT t.described, min(t.strict::integer) = 1 AS strict,
         format(E'# HELP %s %s\n# TYPE %s %s\n', t.described, replace(min(t.help), '\', '\\'), t.described, min(t.type))
         || coalesce(E'# UNIT ' || t.described || ' ' || CASE WHEN bool_and(t.strict) THEN substring(t.described FROM '_(bytes|seconds|ratio|usd)$') END || E'\n', '') AS head,
         string_agg(format(E'%s%s %s\n', t.name, t.labels,
                           CASE t.value WHEN 'Infinity' THEN '+Inf' WHEN '-Infinity' THEN '-Inf' ELSE t.value::text END), ''
                    ORDER BY t.of_what, t.name COLLATE "C", t.labels COLLATE "C") AS samples
    FROM typed t GROUP BY t.described)
SELECT string_agg(f.head || f.samples, '' ORDER BY f.described COLLATE "C") || CASE WHEN bool_and(f.strict) THEN E'# EOF\n' ELSE '' END
  FROM family f
$$;
COMMENT ON FUNCTION agentcore.metrics_text(boolean) IS
  'The view metrics as a text to scrape: that of OpenMetrics 1.0, or with openmetrics => false the older one of Prometheus (version 0.0.4), which the textfile collector of node_exporter reads. '
  'NULL: as true.';

INSERT INTO agentcore.access_function VALUES ('open_counts', 'reader'), ('metrics_of_catalog', 'reader'), ('metrics_text', 'reader');
