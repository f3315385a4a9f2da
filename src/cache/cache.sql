-- cache: the shared-memory store of tool results.

CREATE FUNCTION agentcore.cache_get(tool text, args jsonb, scope text DEFAULT '', tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_cache_get_v1';
COMMENT ON FUNCTION agentcore.cache_get(text, jsonb, text, text) IS
  'The cached result of a call; NULL = miss (a cached JSON null is ''null''::jsonb). '
  'An empty scope is private to the calling role. '
  'NULL arguments: 22023. '
  'Without shared memory: 55000.';

CREATE FUNCTION agentcore.cache_mget(tool text, args jsonb[], scope text DEFAULT '', tenant text DEFAULT '') RETURNS jsonb[]
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_cache_mget_v1';
COMMENT ON FUNCTION agentcore.cache_mget(text, jsonb[], text, text) IS
  'The cached results of many calls of one tool in one round trip: an array as long as args, with NULL for every miss and every null element. '
  'At most 10000 args, of one dimension. '
  'NULL arguments: 22023. '
  'Without shared memory: 55000.';

CREATE FUNCTION agentcore.cache_set(tool text, args jsonb, value jsonb, ttl interval DEFAULT NULL, scope text DEFAULT '', tags text[] DEFAULT NULL, publish text DEFAULT 'commit', soft_ttl interval DEFAULT NULL, negative boolean DEFAULT false, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_set_v1';
COMMENT ON FUNCTION agentcore.cache_set(text, jsonb, jsonb, interval, text, text[], text, interval, boolean, text) IS
  'Cache a result: for others at COMMIT (publish ''commit''; gone with ROLLBACK) or at once (''immediate''). '
  'ttl NULL = agentcore.cache_default_ttl. '
  'From soft_ttl on the value is stale: still served, but cache_fetch lets one caller replace it. '
  'negative: a failure, which only cache_fetch shows (ttl NULL = agentcore.cache_negative_ttl). '
  'At most 8 tags. '
  'False: refused (too large, agentcore.cache_pending_max, no room, or invalidated meanwhile). '
  'NULL value, ttl <= 0, soft_ttl not between 0 and ttl: 22023.';

CREATE TYPE agentcore.cache_fetched AS (status text, value jsonb, lease text, age interval, retry_after interval);
COMMENT ON TYPE agentcore.cache_fetched IS 'What cache_fetch() returns: status hit, stale, lead, busy or negative; value with its age; lease, as text, for the caller that leads or replaces a stale value; retry_after while busy, or until a negative entry ends.';

CREATE FUNCTION agentcore.cache_fetch(tool text, args jsonb, scope text DEFAULT '', wait interval DEFAULT '0', lease interval DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.cache_fetched
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_cache_fetch_v1';
COMMENT ON FUNCTION agentcore.cache_fetch(text, jsonb, text, interval, interval, text) IS
  'The cached result, or the right to compute it. '
  'Of many callers that miss, one gets status lead and a lease for cache_fill or cache_abandon; the others get busy, at once or after waiting up to wait (which holds the connection). '
  'lease NULL = agentcore.cache_lease. '
  'Past the soft deadline the first caller gets stale with the value and a lease to replace it; the others get stale without a lease, until the value expires. '
  'Status negative: a failure is kept. '
  'ROLLBACK gives the lease back. '
  'A cache lease is no permit: it holds no part of a budget.';

CREATE FUNCTION agentcore.cache_fill(lease text, value jsonb, ttl interval DEFAULT NULL, tags text[] DEFAULT NULL, soft_ttl interval DEFAULT NULL, negative boolean DEFAULT false, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_fill_v1';
COMMENT ON FUNCTION agentcore.cache_fill(text, jsonb, interval, text[], interval, boolean, text) IS
  'Store what the lease was taken for, at COMMIT. '
  'False: nothing stored, because the lease ended, is another role''s or no lease at all, because what the value depends on was invalidated meanwhile, or because the value is too large. '
  'ttl, tags, soft_ttl, negative: as in cache_set. '
  'NULL lease or value, ttl <= 0, soft_ttl not between 0 and ttl: 22023.';

CREATE FUNCTION agentcore.cache_abandon(lease text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_abandon_v1';
COMMENT ON FUNCTION agentcore.cache_abandon(text, text) IS
  'Give a lease back at once, so that another caller may lead. '
  'False: it was not held any more, or is no lease. '
  'NULL: 22023.';

CREATE FUNCTION agentcore.cache_invalidate(tool text, args jsonb, scope text DEFAULT '', agent text DEFAULT NULL, subject text DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_invalidate_v1';
COMMENT ON FUNCTION agentcore.cache_invalidate(text, jsonb, text, text, text, text) IS
  'Invalidate one call''s result: what the raw functions keep under the scope, and what the gate keeps by the tool''s present definition. '
  'If the tool''s cache_scope is agent or subject, name the agent and the subject of the call; without them only the raw entry is reached. '
  'args: as they were given or, where the gate makes URLs canonical, as call_begin() returned them. '
  'For this transaction at once, for others at COMMIT. '
  'Leases on the call are lost. '
  'Returns whether there was a value (never of an agent''s or a subject''s own). '
  'NULL tool, args, scope: 22023.';

CREATE FUNCTION agentcore.cache_invalidate_tool(tool text, tenant text DEFAULT '') RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_invalidate_tool_v1';
COMMENT ON FUNCTION agentcore.cache_invalidate_tool(text, text) IS
  'Invalidate every result of a tool, in every scope, the gate''s too. '
  'One step, however many there are. '
  'For others at COMMIT. '
  'NULL: 22023.';

CREATE FUNCTION agentcore.cache_invalidate_tag(tag text, tenant text DEFAULT '') RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_invalidate_tag_v1';
COMMENT ON FUNCTION agentcore.cache_invalidate_tag(text, text) IS
  'Invalidate every result that carries the tag, including the gate''s and those shared between tenants. '
  'One step, however many there are. '
  'For others at COMMIT. '
  'NULL: 22023.';

CREATE FUNCTION agentcore.cache_clear(tenant text DEFAULT '') RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_clear_v1';
COMMENT ON FUNCTION agentcore.cache_clear(text) IS
  'Invalidate every result of the tenant, and the results that tenants share. '
  'For others at COMMIT. '
  'NULL: 22023.';

CREATE FUNCTION agentcore.cache_clear_all() RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_clear_all_v1';
COMMENT ON FUNCTION agentcore.cache_clear_all() IS
  'Invalidate every result of every tenant of this database. '
  'For others at COMMIT. '
  'What a tenant that is new to the cache stores meanwhile may stay. '
  'The caller needs level admin on every tenant (''*'').';

CREATE FUNCTION agentcore.cache_invalidate_on_change() RETURNS trigger
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_invalidate_on_change_v1';
COMMENT ON FUNCTION agentcore.cache_invalidate_on_change() IS
  'AFTER trigger for your own tables, with the arguments tag [, tenant]. '
  'The tag is invalidated, as by cache_invalidate_tag(), with the transaction that changes the table. '
  'The table''s owner needs level agent on the tenant. '
  'Without shared memory it does nothing.';

CREATE TYPE agentcore.cache_statistics AS (
  hits bigint, stale bigint, negative bigint, misses bigint, sets bigint, fills bigint, invalidations bigint,
  expirations bigint, evictions_small bigint, evictions_main bigint, ghost_hits bigint,
  refused_size bigint, refused_room bigint, refused_pending bigint, refused_invalidated bigint, refused_lease bigint, refused_pinned bigint, refused_share bigint,
  compressed bigint, bytes_saved bigint, lock_waits bigint,
  leases bigint, waits bigint,
  entries bigint, bytes bigint, value_bytes bigint, capacity bigint, leases_held bigint, max_value bigint,
  partitions integer, stats_reset timestamptz, policy text, max_entries bigint
);
COMMENT ON TYPE agentcore.cache_statistics IS 'Counters of cache_stat(); see the view agentcore.stat_cache.';

CREATE FUNCTION agentcore.cache_stat() RETURNS SETOF agentcore.cache_statistics
  LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_cache_stat_v1';
COMMENT ON FUNCTION agentcore.cache_stat() IS 'Counters and fill of the whole server''s cache; no row without shared memory.';

CREATE VIEW agentcore.stat_cache AS
  SELECT s.hits, s.misses, s.evictions_small OPERATOR(pg_catalog.+) s.evictions_main AS evictions, s.expirations,
         s.entries, s.bytes, s.capacity, s.value_bytes, s.max_value, s.stale, s.negative,
         s.sets, s.fills, s.invalidations, s.evictions_small, s.evictions_main, s.ghost_hits,
         s.refused_size, s.refused_room, s.refused_pending, s.refused_invalidated, s.refused_lease, s.refused_pinned, s.refused_share,
         s.compressed, s.bytes_saved, s.lock_waits, s.leases, s.leases_held, s.waits, s.partitions, s.policy, s.max_entries, s.stats_reset
    FROM agentcore.cache_stat() s;
COMMENT ON VIEW agentcore.stat_cache IS
  'One row for the whole server: totals only, no keys or values, so visible to all. '
  'entries and bytes include what has ended, until it is swept. '
  'Sessions add what they counted at transaction end.';

CREATE FUNCTION agentcore.stat_cache_reset() RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_stat_cache_reset_v1';
COMMENT ON FUNCTION agentcore.stat_cache_reset() IS
  'Set the counters of stat_cache and of every tool in stat_tool to zero. '
  'They are the whole server''s, so the caller needs level admin on every tenant (''*'').';

CREATE TYPE agentcore.cache_tool_statistics AS (
  tenant text, tool text, hits bigint, misses bigint, stale bigint, negative bigint, fills bigint, invalidations bigint,
  expirations bigint, evictions bigint, refused bigint, refused_size bigint, saved_ms bigint, saved_usd numeric
);
COMMENT ON TYPE agentcore.cache_tool_statistics IS 'Counters of cache_tool_stat(); see the view agentcore.stat_tool.';

CREATE FUNCTION agentcore.cache_tool_stat() RETURNS SETOF agentcore.cache_tool_statistics
  LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 100
  AS 'MODULE_PATHNAME', 'agentcore_cache_tool_stat_v1';
COMMENT ON FUNCTION agentcore.cache_tool_stat() IS 'Counters of each tool of this database in the tenants that the caller may read; no rows without shared memory.';

CREATE VIEW agentcore.stat_tool WITH (security_barrier) AS
  SELECT s.tenant, s.tool, s.hits, s.misses, s.stale, s.negative, s.fills, s.invalidations,
         s.expirations, s.evictions, s.refused, s.refused_size, s.saved_ms,
         pg_catalog.trim_scale(s.saved_usd) AS saved_usd
    FROM agentcore.cache_tool_stat() s;
COMMENT ON VIEW agentcore.stat_tool IS
  'What the cache did for each tool since the server started or stat_tool_reset(), in the tenants visible to the caller. '
  'The tools with cache_scope shared are listed under tenant *. '
  'Sessions add what they counted at transaction end. '
  'Tools past the server''s room for their names are not listed.';

CREATE TYPE agentcore.cache_entry AS (
  tenant text, key bytea, tool text, kind text, scope text, size bigint, age interval, ttl_left interval, hits bigint,
  negative boolean, stale boolean, compressed boolean, cost_ms bigint, cost_usd numeric, queue text
);
COMMENT ON TYPE agentcore.cache_entry IS
  'A row of cache_entries(). '
  'key is the store''s own, not cache_key(). '
  'kind is raw or gate; scope is private or named (raw), subject, agent, tenant or shared (gate). '
  'size is in bytes as stored. '
  'cost_ms is the time from lease to fill, 0 where unknown. '
  'queue is small or main.';

CREATE FUNCTION agentcore.cache_entries() RETURNS SETOF agentcore.cache_entry
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10000
  AS 'MODULE_PATHNAME', 'agentcore_cache_entries_v1';
COMMENT ON FUNCTION agentcore.cache_entries() IS
  'The live entries of the tenants that the caller may read, never their values or arguments. '
  'The rows are no snapshot: an entry that changes meanwhile may be missing. '
  'Without shared memory: 55000.';

CREATE FUNCTION agentcore.stat_tool_reset(tenant text DEFAULT '') RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_stat_tool_reset_v1';
COMMENT ON FUNCTION agentcore.stat_tool_reset(text) IS
  'Set the counters of the tenant''s tools in stat_tool to zero. '
  'NULL: 22023.';

CREATE FUNCTION agentcore.cache_dump() RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_dump_v1';
COMMENT ON FUNCTION agentcore.cache_dump() IS
  'Write every live entry, of every database, to the dump file now, as the background worker does with agentcore.cache_dump = on. '
  'Returns how many entries. '
  'NULL: no file, because something was invalidated meanwhile or writing failed (see the server log). '
  'The caller needs level admin on every tenant (''*'').';

CREATE FUNCTION agentcore.cache_load() RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_load_v1';
COMMENT ON FUNCTION agentcore.cache_load() IS
  'Read the file that cache_dump() wrote since the server started, if nothing was invalidated since. '
  'Entries that are there already, or leased, stay as they are. '
  'Returns how many entries were restored. '
  'The caller needs level admin on every tenant (''*'').';

CREATE FUNCTION agentcore.cache_verify() RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_verify_v1';
COMMENT ON FUNCTION agentcore.cache_verify() IS
  'Walk the whole cache and check its invariants: true, or an ERROR (XX001) that says what is off. '
  'Blocks writers of one partition at a time. '
  'The caller needs level reader on every tenant (''*'').';

COMMENT ON COLUMN agentcore.stat_cache.hits IS 'Lookups that found a fresh answer.';
COMMENT ON COLUMN agentcore.stat_cache.misses IS 'Lookups that found no answer; lead and busy of cache_fetch() among them.';
COMMENT ON COLUMN agentcore.stat_cache.evictions IS 'Entries that had to make room: evictions_small + evictions_main.';
COMMENT ON COLUMN agentcore.stat_cache.expirations IS 'Entries that reached their time, counted when first seen.';
COMMENT ON COLUMN agentcore.stat_cache.entries IS 'Entries now; those that have ended stay until they are swept.';
COMMENT ON COLUMN agentcore.stat_cache.bytes IS 'Memory that the entries take, with their headers.';
COMMENT ON COLUMN agentcore.stat_cache.capacity IS 'Memory for entries, in bytes.';
COMMENT ON COLUMN agentcore.stat_cache.value_bytes IS 'Bytes of the entries'' values as stored.';
COMMENT ON COLUMN agentcore.stat_cache.max_value IS 'The largest value that fits, in bytes as stored.';
COMMENT ON COLUMN agentcore.stat_cache.stale IS 'Lookups that found an answer past its soft deadline.';
COMMENT ON COLUMN agentcore.stat_cache.negative IS 'Lookups that found a failure.';
COMMENT ON COLUMN agentcore.stat_cache.sets IS 'Values stored by cache_set().';
COMMENT ON COLUMN agentcore.stat_cache.fills IS 'Values stored with a lease, by cache_fill() or the gate.';
COMMENT ON COLUMN agentcore.stat_cache.invalidations IS 'Invalidations that committed, however many entries they reached.';
COMMENT ON COLUMN agentcore.stat_cache.evictions_small IS 'Evicted before they were used again.';
COMMENT ON COLUMN agentcore.stat_cache.evictions_main IS 'Evicted from the main queue: had been used again, or evicted and come back.';
COMMENT ON COLUMN agentcore.stat_cache.ghost_hits IS 'Evicted keys that came back soon; a large number says that more memory would help.';
COMMENT ON COLUMN agentcore.stat_cache.refused_size IS 'Values larger than max_value or than their tool''s cache_max_size.';
COMMENT ON COLUMN agentcore.stat_cache.refused_room IS 'Values for which no room could be made within the bounded work of one write.';
COMMENT ON COLUMN agentcore.stat_cache.refused_pending IS 'Values past agentcore.cache_pending_max.';
COMMENT ON COLUMN agentcore.stat_cache.refused_invalidated IS 'Values whose key, tool, tag or tenant was invalidated meanwhile.';
COMMENT ON COLUMN agentcore.stat_cache.refused_lease IS 'Fills whose lease had ended.';
COMMENT ON COLUMN agentcore.stat_cache.refused_pinned IS 'Values that could only have displaced what was being read.';
COMMENT ON COLUMN agentcore.stat_cache.refused_share IS 'Values past the tenant''s share of the cache.';
COMMENT ON COLUMN agentcore.stat_cache.compressed IS 'Values stored compressed.';
COMMENT ON COLUMN agentcore.stat_cache.bytes_saved IS 'Bytes by which compression shortened what was stored.';
COMMENT ON COLUMN agentcore.stat_cache.lock_waits IS 'Times that a partition''s lock was not free at once.';
COMMENT ON COLUMN agentcore.stat_cache.leases IS 'Leases granted.';
COMMENT ON COLUMN agentcore.stat_cache.leases_held IS 'Leases that could be filled now.';
COMMENT ON COLUMN agentcore.stat_cache.waits IS 'Calls of cache_fetch() that waited for another caller''s lease.';
COMMENT ON COLUMN agentcore.stat_cache.partitions IS 'Partitions of the cache, each with a lock of its own.';
COMMENT ON COLUMN agentcore.stat_cache.policy IS 'Which entries leave a full cache: s3-fifo or lru.';
COMMENT ON COLUMN agentcore.stat_cache.max_entries IS 'With policy lru: the most entries; null: no limit but memory.';
COMMENT ON COLUMN agentcore.stat_cache.stats_reset IS 'Counted since then.';

COMMENT ON COLUMN agentcore.stat_tool.tenant IS 'The tool''s tenant; * for tools with cache_scope shared.';
COMMENT ON COLUMN agentcore.stat_tool.tool IS 'The name that was looked up.';
COMMENT ON COLUMN agentcore.stat_tool.hits IS 'Lookups that found a fresh answer.';
COMMENT ON COLUMN agentcore.stat_tool.misses IS 'Lookups that found no answer; lead and busy among them.';
COMMENT ON COLUMN agentcore.stat_tool.stale IS 'Lookups that found an answer past its soft deadline.';
COMMENT ON COLUMN agentcore.stat_tool.negative IS 'Lookups that found a failure.';
COMMENT ON COLUMN agentcore.stat_tool.fills IS 'Values stored, with a lease or without.';
COMMENT ON COLUMN agentcore.stat_tool.invalidations IS 'Committed invalidations of the tool or of one of its calls, by this tenant.';
COMMENT ON COLUMN agentcore.stat_tool.expirations IS 'Entries that reached their time, counted when first seen.';
COMMENT ON COLUMN agentcore.stat_tool.evictions IS 'Entries that had to make room.';
COMMENT ON COLUMN agentcore.stat_tool.refused IS 'Values not stored, for any reason.';
COMMENT ON COLUMN agentcore.stat_tool.refused_size IS 'Values not stored because they were too large.';
COMMENT ON COLUMN agentcore.stat_tool.saved_ms IS 'Milliseconds that computing the answers had taken (from lease to fill), added up over the hits.';
COMMENT ON COLUMN agentcore.stat_tool.saved_usd IS 'USD that the answers had cost (as call_commit() charged them), added up over the hits.';

INSERT INTO agentcore.access_function VALUES
  ('cache_get', 'agent'), ('cache_mget', 'agent'), ('cache_clear_all', 'admin'), ('cache_tool_stat', 'reader'),
  ('cache_entries', 'reader'), ('cache_dump', 'admin'), ('cache_load', 'admin'),
  ('stat_tool_reset', 'admin'), ('cache_set', 'agent'), ('cache_fetch', 'agent'), ('cache_fill', 'agent'),
  ('cache_abandon', 'agent'), ('cache_invalidate', 'agent'), ('cache_invalidate_tool', 'agent'),
  ('cache_invalidate_tag', 'agent'), ('cache_clear', 'admin'), ('cache_invalidate_on_change', 'agent'),
  ('cache_stat', 'reader'), ('stat_cache_reset', 'admin'), ('cache_verify', 'reader');
