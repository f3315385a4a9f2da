-- What stat_cache and stat_tool count, exactly; and that a trigger reaches shared answers.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
SET agentcore.cache_compress = off;
SELECT stat_cache_reset();

-- lookups by outcome ---------------------------------------------------------
SELECT cache_get('c', '1') IS NULL AS miss, cache_mget('c', ARRAY['1', NULL, '2']::jsonb[]) AS two_misses;
SELECT status, lease AS lease FROM cache_fetch('c', '1') \gset
SELECT status FROM cache_fetch('c', '1');
SELECT cache_fill(:'lease', '"filled"'), cache_set('c', '2', '"set"'), cache_set('c', '3', '"no"', negative => true),
       cache_set('c', '4', '"old"', soft_ttl => '1 ms'), pg_sleep(0.01);
SELECT cache_get('c', '1'), cache_mget('c', ARRAY['2', '3', '4', '5']::jsonb[]);
SELECT status FROM cache_fetch('c', '3');
SELECT cache_set('c', '6', '"brief"', '1 ms'), pg_sleep(0.01);
SELECT cache_get('c', '6') IS NULL AS ended, cache_get('c', '6') IS NULL AS counted_once;
SELECT hits, misses, stale, negative, sets, fills, leases FROM stat_cache;
SELECT tenant, tool, hits, misses, stale, negative, fills, expirations FROM stat_tool;

-- an invalidation counts once however it is asked for, and when it commits ---
SELECT stat_cache_reset();
BEGIN;
SELECT cache_invalidate('c', '1'), cache_invalidate_tool('c'), cache_invalidate_tag('tag'), cache_clear();
ROLLBACK;
BEGIN;
SAVEPOINT a;
SELECT cache_invalidate('c', '1');
ROLLBACK TO a;
COMMIT;
SELECT invalidations AS rolled_back FROM stat_cache;
SELECT count(*) AS rolled_back FROM stat_tool;
SELECT cache_invalidate('c', '1');
SELECT invalidations AS key FROM stat_cache;
SELECT cache_invalidate_tool('c');
SELECT invalidations AS tool FROM stat_cache;
SELECT cache_invalidate_tag('tag');
SELECT invalidations AS tag FROM stat_cache;
SELECT cache_clear();
SELECT invalidations AS tenant FROM stat_cache;
SELECT cache_clear_all();
SELECT invalidations AS every_tenant FROM stat_cache;
BEGIN;
SELECT cache_invalidate_tool('c');
SELECT cache_invalidate_tool('c');
COMMIT;
SELECT invalidations AS twice_in_one FROM stat_cache;
SELECT tenant, tool, invalidations FROM stat_tool;

-- compression counts what is stored ------------------------------------------
SET agentcore.cache_compress = pglz;
SELECT stat_cache_reset();
BEGIN;
SELECT cache_set('c', '1', to_jsonb(repeat('x', 10000)));
ROLLBACK;
BEGIN;
SELECT cache_set('c', '1', to_jsonb(repeat('x', 10000)));
SELECT cache_invalidate_tool('c');
COMMIT;
SELECT compressed, bytes_saved FROM stat_cache;
SELECT cache_set('c', '1', to_jsonb(repeat('x', 10000)));
SELECT s.compressed, s.bytes_saved = pg_column_size(to_jsonb(repeat('x', 10000))) - 4 - e.size AS exactly FROM stat_cache s, cache_entries() e;
SET agentcore.cache_compress = off;

-- refusals -------------------------------------------------------------------
SELECT stat_cache_reset();
SELECT cache_set('c', '9', to_jsonb(repeat('x', max_value::int + 1))) FROM stat_cache;
SELECT cache_fill('1', '1');
SET agentcore.cache_pending_max = 64;
SELECT cache_set('c', '9', to_jsonb(repeat('x', 100000)));
RESET agentcore.cache_pending_max;
BEGIN;
SELECT cache_set('c', '9', '1');
SELECT cache_invalidate_tool('c');
COMMIT;
SELECT refused_size, refused_lease, refused_pending, refused_invalidated, refused_room, refused_pinned, refused_share, sets FROM stat_cache;
-- a lease that nobody knows has no tool
SELECT tool, refused, refused_size FROM stat_tool;

-- leases that are over are not held ------------------------------------------
SELECT cache_clear();
SELECT leases_held AS before FROM stat_cache \gset
SELECT status FROM cache_fetch('c', '7', lease => '1 ms'), pg_sleep(0.01);
SELECT lease AS lease FROM cache_fetch('c', '8') \gset
SELECT leases_held - :before AS held FROM stat_cache;
SELECT cache_abandon(:'lease');
SELECT leases_held - :before AS held FROM stat_cache;

-- evictions by tool -----------------------------------------------------------
SELECT stat_cache_reset();
SELECT count(*) FILTER (WHERE NOT cache_set('e' || n % 2, to_jsonb(n), to_jsonb(repeat('x', 3000)), '1 day', publish => 'immediate')) AS refused FROM generate_series(1, 40000) n;
SELECT tool, evictions > 0 AS some, fills - evictions = (SELECT count(*) FROM cache_entries() e WHERE e.tool = t.tool) AS the_rest_is_there
  FROM stat_tool t WHERE tool IN ('e0', 'e1') ORDER BY tool;
SELECT cache_clear();

-- a trigger's tag reaches the answers that all tenants share -------------------
SELECT policy_set('all') AND policy_allow_tool('all', '*') > 0 AS ready;
SELECT tool_set('common', '{"type": "object"}', cache_ttl => '1 hour', cache_scope => 'shared', tags => '{rates}'), agent_set('bot', 'all');
CREATE TABLE public.rates (id int);
CREATE TRIGGER rates_cache AFTER INSERT ON public.rates
  FOR EACH STATEMENT EXECUTE FUNCTION agentcore.cache_invalidate_on_change('rates');
SELECT call_id AS id FROM call_begin('bot', 'common', '{}') \gset
SELECT call_commit(:'id', '{"rate": 1}');
SELECT verdict, result FROM call_begin('bot', 'common', '{}');
INSERT INTO public.rates VALUES (1);
SELECT verdict, result FROM call_begin('bot', 'common', '{}');
DROP TABLE public.rates;
