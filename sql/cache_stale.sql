-- Soft deadlines, negative entries, cache_mget, clearing everything.
-- Needs shared_preload_libraries = agentcore.
\set VERBOSITY terse
SET search_path = agentcore, public;
SET timezone = 'UTC';

-- many at once ----------------------------------------------------------------
SELECT bool_and(cache_set('m', to_jsonb(n), to_jsonb(n * n))) FROM generate_series(1, 3) n;
SELECT cache_mget('m', ARRAY['1', '4', NULL, '3', '1.0', '1']::jsonb[]);
SELECT cache_mget('m', '{}'), cache_mget('m', ARRAY[NULL]::jsonb[]);
SELECT cache_mget('m', ARRAY['1']::jsonb[], 'other scope'), cache_mget('m', ARRAY['1']::jsonb[], tenant => 'x');
SELECT array_dims(cache_mget('m', ARRAY(SELECT to_jsonb(n) FROM generate_series(1, 10000) n)));
-- more keys than are looked up together, with misses and nulls among them; values of one chunk and of many
SELECT count(*) FILTER (WHERE cache_set('many', to_jsonb(n), to_jsonb(repeat(n::text, n * n)), '1 hour', publish => 'immediate')) FROM generate_series(1, 50) n;
SELECT count(v) AS found, bool_and(v IS NOT DISTINCT FROM CASE WHEN n % 7 > 0 AND n <= 50 THEN to_jsonb(repeat(n::text, (n * n)::int)) END) AS right
FROM unnest(cache_mget('many', ARRAY(SELECT CASE WHEN n % 7 > 0 THEN to_jsonb(n) END FROM generate_series(1, 60) n ORDER BY n))) WITH ORDINALITY u (v, n);
-- the same keys as cache_get's
SELECT cache_set('m', '{"b": [1, "x"], "a": null}', '"both"', scope => 's');
SELECT cache_mget('m', ARRAY['{"a": null, "b": [1.0, "x"]}']::jsonb[], 's');
-- a transaction's own work counts
BEGIN;
SELECT cache_set('m', '4', '16');
SELECT cache_invalidate('m', '3');
SELECT cache_mget('m', ARRAY['2', '3', '4']::jsonb[]);
ROLLBACK;
SELECT cache_mget('m', ARRAY['2', '3', '4']::jsonb[]);
SELECT cache_mget(NULL, '{}');
SELECT cache_mget('', '{}');
SELECT cache_mget('m', NULL);
SELECT cache_mget('m', '{}', NULL);
SELECT cache_mget('m', '{}', tenant => NULL);
SELECT cache_mget('m', ARRAY[ARRAY['1', '2'], ARRAY['3', '4']]::jsonb[]);
SELECT cache_mget('m', ARRAY(SELECT to_jsonb(n) FROM generate_series(1, 10001) n));

-- stale: the first replaces, the others are served ------------------------------
SELECT cache_set('s', '0', '"young"', '2 hours', soft_ttl => '1 hour');
SELECT status, value FROM cache_fetch('s', '0');
SELECT cache_set('s', '1', '"old"', '1 hour', soft_ttl => '20 ms');
SELECT pg_sleep(0.03);
SELECT status, value, lease IS NOT NULL AS has_lease, lease AS lease FROM cache_fetch('s', '1') \gset
\echo :status :value :has_lease
SELECT status, value, lease IS NULL AS no_lease, age > '20 ms' AS age FROM cache_fetch('s', '1', wait => '1 day');
SELECT cache_get('s', '1'), cache_mget('s', ARRAY['1']::jsonb[]);
-- a rolled-back leader's lease is free again
BEGIN;
SELECT cache_fill(:'lease', '"rolled back"');
ROLLBACK;
SELECT status, value FROM cache_fetch('s', '1');
SELECT cache_fill(:'lease', '"new"', '1 hour');
SELECT status, value FROM cache_fetch('s', '1');
-- an abandoned one too, and the old value stays
SELECT cache_set('s', '1', '"new"', '1 hour', soft_ttl => '1 ms');
SELECT pg_sleep(0.005);
SELECT lease AS lease FROM cache_fetch('s', '1') \gset
SELECT cache_abandon(:'lease');
BEGIN;
SELECT status, value, lease IS NOT NULL AS leads FROM cache_fetch('s', '1');
ROLLBACK;
BEGIN;
SAVEPOINT a;
SELECT status, lease IS NOT NULL AS leads FROM cache_fetch('s', '1');
ROLLBACK TO a;
SELECT status, lease IS NOT NULL AS leads_again FROM cache_fetch('s', '1');
ROLLBACK;
-- an invalidation ends value and lease
SELECT lease AS lease FROM cache_fetch('s', '1') \gset
SELECT cache_invalidate('s', '1');
SELECT cache_fill(:'lease', '"too late"');
SELECT status FROM cache_fetch('s', '1');
-- an invalidation of the transaction itself hides a stale value
SELECT cache_set('s', '2', '"old"', '1 hour', soft_ttl => '1 ms', tags => '{red}');
SELECT pg_sleep(0.005);
BEGIN;
SELECT cache_invalidate_tag('red');
SELECT status, value, lease IS NOT NULL AS leads FROM cache_fetch('s', '2');
ROLLBACK;
-- past the hard deadline it is gone
SELECT cache_set('s', '3', '"old"', '20 ms', soft_ttl => '1 ms');
SELECT pg_sleep(0.03);
SELECT status, value FROM cache_fetch('s', '3');
-- a transaction's own stale value has nobody else to replace it
BEGIN;
SELECT cache_set('s', '4', '"own"', '1 hour', soft_ttl => '1 ms');
SELECT pg_sleep(0.005);
SELECT status, value, lease FROM cache_fetch('s', '4');
COMMIT;
SELECT status, value, lease IS NOT NULL AS leads FROM cache_fetch('s', '4');
-- its own value that has expired hides what others still see
SELECT cache_set('s', '6', '"others''"', '1 hour');
BEGIN;
SELECT cache_set('s', '6', '"own"', '1 ms');
SELECT pg_sleep(0.005);
SELECT status, value FROM cache_fetch('s', '6');
ROLLBACK;
SELECT status, value FROM cache_fetch('s', '6');
-- a lease of before is no use in a prepared transaction
SELECT cache_set('s', '5', '"old"', '1 hour', soft_ttl => '1 ms');
SELECT pg_sleep(0.005);
BEGIN;
SELECT status, lease IS NOT NULL AS leads FROM cache_fetch('s', '5');
PREPARE TRANSACTION 'regress_cache_stale';
SELECT status, lease IS NOT NULL AS leads FROM cache_fetch('s', '5');

-- negative ----------------------------------------------------------------------
SELECT lease AS lease FROM cache_fetch('n', '1') \gset
SELECT cache_fill(:'lease', '{"status": 404}', '1 hour', negative => true);
SELECT status, value, lease, age >= '0' AS age, retry_after > '59 minutes' AS until FROM cache_fetch('n', '1');
SELECT cache_get('n', '1') IS NULL AS miss, cache_mget('n', ARRAY['1']::jsonb[]);
SELECT cache_invalidate('n', '1') AS was_there;
SELECT status FROM cache_fetch('n', '1');
SELECT cache_set('n', '2', '"gone"', '20 ms', negative => true);
SELECT pg_sleep(0.03);
SELECT status FROM cache_fetch('n', '2');
BEGIN;
SELECT cache_set('n', '3', '"own"', negative => true);
SELECT cache_get('n', '3') IS NULL AS miss;
SELECT status, value, retry_after <= '10 s' AS default_ttl FROM cache_fetch('n', '3');
SAVEPOINT a;
SELECT cache_set('n', '3', '"an answer after all"');
SELECT status, value FROM cache_fetch('n', '3');
ROLLBACK TO a;
SELECT status FROM cache_fetch('n', '3');
ROLLBACK;
SELECT status FROM cache_fetch('n', '3');
-- an answer takes a failure's place, and the reverse
SELECT cache_set('n', '4', '"failed"', negative => true);
SELECT cache_set('n', '4', '"answer"');
SELECT status, value FROM cache_fetch('n', '4');
SELECT cache_set('n', '4', '"failed"', negative => true);
SELECT status, value FROM cache_fetch('n', '4');

-- bad input -----------------------------------------------------------------------
SELECT cache_set('b', '1', '1', '1 s', soft_ttl => '1 s');
SELECT cache_set('b', '1', '1', '1 s', soft_ttl => '2 s');
SELECT cache_set('b', '1', '1', '1 s', soft_ttl => '0');
SELECT cache_set('b', '1', '1', '1 s', soft_ttl => '-1 ms');
SELECT cache_set('b', '1', '1', '1 s', soft_ttl => '1 ms', negative => true);
SELECT cache_set('b', '1', '1', '0', negative => true);
SELECT cache_fill('1', '1', '1 s', soft_ttl => '1 s');
SELECT cache_fill('1', '1', '-1 s', negative => true);
SELECT cache_get('b', '1') IS NULL AS nothing;
-- NULL is "not given"
SELECT cache_set('b', '1', '1', soft_ttl => NULL, negative => NULL);
SELECT cache_get('b', '1');

-- times to live that differ --------------------------------------------------------
SET agentcore.cache_ttl_jitter = 50;
SELECT bool_and(cache_set('j', to_jsonb(n), '1', '1000 s', publish => 'immediate')) FROM generate_series(1, 100) n;
RESET agentcore.cache_ttl_jitter;
SELECT min(ttl_left) >= '490 s' AS at_least_half, max(ttl_left) <= '1000 s' AS at_most_all, count(DISTINCT ttl_left) > 90 AS differ
  FROM cache_entries() WHERE tool = 'j';

-- everything -------------------------------------------------------------------------
SELECT cache_set('c', '1', '1'), cache_set('c', '1', '1', tenant => 'x'), cache_set('c', '1', '1', tenant => 'y');
CREATE ROLE regress_cache_admin;
SELECT access_grant('regress_cache_admin', 'admin');
SET ROLE regress_cache_admin;
SELECT agentcore.cache_clear_all();
RESET ROLE;
BEGIN;
SELECT cache_clear_all();
SELECT cache_get('c', '1') IS NULL AS hidden, cache_get('c', '1', tenant => 'y') IS NULL AS hidden_too;
ROLLBACK;
SELECT cache_get('c', '1'), cache_get('c', '1', tenant => 'x'), cache_get('c', '1', tenant => 'y');
SELECT cache_clear_all();
SELECT cache_get('c', '1') IS NULL AS gone, cache_get('c', '1', tenant => 'x') IS NULL AS gone, cache_get('c', '1', tenant => 'y') IS NULL AS gone;
SELECT access_revoke('regress_cache_admin');
DROP ROLE regress_cache_admin;
SELECT cache_verify();
