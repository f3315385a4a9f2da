-- What one transaction keeps for COMMIT is bounded, and what released
-- subtransactions leave is folded into their parent's.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, public;
CREATE FUNCTION public.kept() RETURNS bigint LANGUAGE sql AS
  $$ SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts WHERE name LIKE 'agentcore %pending%' $$;
CREATE FUNCTION public.in_blocks(what text, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n LOOP
    BEGIN
      EXECUTE what USING i;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END $$;

-- exception blocks -------------------------------------------------------------
BEGIN;
SELECT public.in_blocks('SELECT cache_invalidate(''t'', to_jsonb($1 % 10))', 20000);
SELECT public.in_blocks('SELECT cache_invalidate_tag(''tag'')', 20000);
SELECT public.in_blocks('SELECT cache_invalidate_tool(''t'')', 20000);
SELECT public.in_blocks('SELECT cache_set(''t'', ''1'', to_jsonb($1)), cache_invalidate(''t'', ''1''), cache_set(''t'', ''1'', to_jsonb($1))', 20000);
SELECT public.kept() < 200000 AS bounded;
COMMIT;
SELECT cache_get('t', '1') AS last;
-- the same without blocks
BEGIN;
SELECT count(cache_set('t', '1', to_jsonb(i))), count(cache_invalidate('t', '1')) FROM generate_series(1, 20000) i;
SELECT public.kept() < 200000 AS bounded;
ROLLBACK;

-- a folded step is what its last was ---------------------------------------------
SELECT cache_set('t', '1', '"old"'), cache_set('t', '2', '"old"', tags => '{a}'), cache_set('t', '3', '"old"');
BEGIN;
SELECT cache_set('t', '1', '"parent"'), cache_invalidate_tag('a');
SAVEPOINT s;
SELECT cache_invalidate('t', '1'), cache_set('t', '2', '"child"', tags => '{a}'), cache_invalidate('t', '3');
RELEASE s;
SELECT cache_get('t', '1') IS NULL AS "1 invalidated", cache_get('t', '2') AS "2 set", cache_get('t', '3') IS NULL AS "3 invalidated";
SAVEPOINT s;
SELECT cache_set('t', '1', '"gone"'), cache_invalidate_tag('a'), cache_set('t', '3', '"gone"');
SELECT cache_get('t', '1') AS "1 set", cache_get('t', '2') IS NULL AS "2 invalidated", cache_get('t', '3') AS "3 set";
ROLLBACK TO s;
SELECT cache_get('t', '1') IS NULL AS "1 invalidated", cache_get('t', '2') AS "2 set", cache_get('t', '3') IS NULL AS "3 invalidated";
SAVEPOINT s2;
SELECT cache_invalidate('t', '3'), cache_set('t', '3', '"grandchild"');
RELEASE s2;
RELEASE s;
COMMIT;
SELECT cache_get('t', '1') IS NULL AS "1 invalidated", cache_get('t', '2') AS "2 set", cache_get('t', '3') AS "3 set";
-- folded into one, counted as one
SELECT stat_cache_reset();
BEGIN;
SELECT public.in_blocks('SELECT cache_invalidate(''t'', ''3'')', 10);
COMMIT;
SELECT invalidations FROM stat_cache;

-- leases -----------------------------------------------------------------------
BEGIN;
SELECT count(*) FILTER (WHERE status = 'lead') AS leads, count(*) FILTER (WHERE cache_fill(lease, to_jsonb(i))) AS filled
  FROM generate_series(1, 100) i, cache_fetch('f', to_jsonb(i));
SELECT public.in_blocks('SELECT status, 1 / ($1 % 2) FROM cache_fetch(''g'', to_jsonb($1))', 20000);
SELECT public.kept() < 2000000 AS bounded;
COMMIT;
SELECT count(cache_get('f', to_jsonb(i))) FROM generate_series(1, 100) i;
SELECT leases_held < 10000 AS bounded FROM stat_cache;

-- past the cap: kept with the outer level's, so never lost ----------------------------
SET agentcore.cache_pending_max = 64;
SELECT cache_set('t', '1', '"old"', tags => '{a}');
BEGIN;
SELECT cache_invalidate_tag('a');
SELECT count(cache_invalidate('t', to_jsonb(i))) FROM generate_series(10, 2000) i;
SAVEPOINT s;
SELECT cache_set('t', '1', '"refused"'), cache_invalidate_tag('a');
ROLLBACK TO s;
COMMIT;
SELECT cache_get('t', '1') IS NULL AS invalidated;
RESET agentcore.cache_pending_max;
SELECT cache_verify();
DROP FUNCTION public.kept(), public.in_blocks(text, int);
