-- The cache, seen from one session: what is stored, found, refused, undone.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
SET timezone = 'UTC';
-- sizes below are those of the values themselves
SET agentcore.cache_compress = off;

-- get and set ---------------------------------------------------------------
SELECT cache_get('t', '{"a": 1}') IS NULL AS miss;
SELECT cache_set('t', '{"a": 1}', '{"v": 1}');
SELECT cache_get('t', '{"a": 1}');
SELECT cache_get('t', '{"a": 1.0}') AS same_number, cache_get('t', '{"a": 2}') AS other_args, cache_get('u', '{"a": 1}') AS other_tool;
SELECT cache_set('t', '{"a": 1}', '{"v": 2}');
SELECT cache_get('t', '{"a": 1}');
-- a JSON null is a value
SELECT cache_set('t', '{"a": "null"}', 'null');
SELECT cache_get('t', '{"a": "null"}');
SELECT status, value FROM cache_fetch('t', '{"a": "null"}');
-- values of every size around the chunk's
SELECT bool_and(cache_set('size', to_jsonb(n), to_jsonb(repeat('x', n)))) FROM generate_series(0, 1200, 7) n;
SELECT count(*) AS wrong FROM generate_series(0, 1200, 7) n WHERE cache_get('size', to_jsonb(n)) IS DISTINCT FROM to_jsonb(repeat('x', n));
-- a value larger than the reader's buffer, and one that is too large
SELECT cache_set('size', '"big"', to_jsonb(repeat('y', 300000)));
SELECT length(cache_get('size', '"big"') #>> '{}');
SELECT cache_set('size', '"huge"', to_jsonb(repeat('z', max_value::int + 1))) FROM stat_cache;
SELECT cache_set('size', '"fits"', to_jsonb(repeat('z', max_value::int - 12))) FROM stat_cache;
SELECT cache_get('size', '"fits"') = to_jsonb(repeat('z', max_value::int - 12)) AS fits, cache_get('size', '"huge"') IS NULL AS refused FROM stat_cache;
SELECT cache_verify();

-- scope, tenant and role ----------------------------------------------------
SELECT cache_set('t', '1', '"scope s"', scope => 's'), cache_set('t', '1', '"tenant x"', tenant => 'x'), cache_set('t', '1', '"mine"');
SELECT cache_get('t', '1'), cache_get('t', '1', 's'), cache_get('t', '1', tenant => 'x'), cache_get('t', '1', 's', 'x');
CREATE ROLE regress_cache_agent;
SELECT access_grant('regress_cache_agent', 'agent');
SET ROLE regress_cache_agent;
SELECT agentcore.cache_get('t', '1') IS NULL AS others_private_is_hidden, agentcore.cache_get('t', '1', 's') AS shared_scope;
SELECT agentcore.cache_set('t', '1', '"the agent''s"');
SELECT agentcore.cache_get('t', '1', tenant => 'x');
SELECT agentcore.cache_clear();
SELECT agentcore.cache_verify();
SELECT agentcore.stat_cache_reset();
SELECT count(*) FROM agentcore.stat_cache;
RESET ROLE;
SELECT cache_get('t', '1');

-- time to live --------------------------------------------------------------
SELECT cache_set('ttl', '1', '1', '50 ms'), cache_set('ttl', '2', '2', '1 day'), cache_set('ttl', '3', '3', '290000 years');
SELECT pg_sleep(0.06);
SELECT cache_get('ttl', '1'), cache_get('ttl', '2'), cache_get('ttl', '3');
BEGIN;
SELECT cache_set('ttl', '4', '4', '1 ms');
SELECT pg_sleep(0.01);
SELECT cache_get('ttl', '4') IS NULL AS own_expired;
COMMIT;
SELECT cache_get('ttl', '4') IS NULL AS expired;

-- transactions --------------------------------------------------------------
BEGIN;
SELECT cache_set('tx', '1', '"rolled back"');
SELECT cache_get('tx', '1') AS read_your_writes;
ROLLBACK;
SELECT cache_get('tx', '1') IS NULL AS gone;
BEGIN;
SELECT cache_set('tx', '1', '"outer"');
SAVEPOINT a;
SELECT cache_set('tx', '1', '"inner"');
SELECT cache_set('tx', '2', '"inner"');
SELECT cache_get('tx', '1');
ROLLBACK TO a;
SELECT cache_get('tx', '1'), cache_get('tx', '2') IS NULL AS gone;
SAVEPOINT b;
SELECT cache_set('tx', '3', '"released"');
RELEASE b;
COMMIT;
SELECT cache_get('tx', '1'), cache_get('tx', '2') IS NULL AS gone, cache_get('tx', '3');
-- released work is its parent's: it survives a later savepoint's rollback, not its parent's
BEGIN;
SAVEPOINT a;
SELECT cache_set('tx', '6', '"released"');
RELEASE a;
SAVEPOINT b;
SELECT cache_set('tx', '7', '"rolled back"');
SAVEPOINT c;
SELECT cache_set('tx', '8', '"released, then rolled back"');
RELEASE c;
ROLLBACK TO b;
COMMIT;
SELECT cache_get('tx', '6'), cache_get('tx', '7') IS NULL AS gone, cache_get('tx', '8') IS NULL AS gone_too;
-- immediate survives the rollback
BEGIN;
SELECT cache_set('tx', '4', '"at once"', publish => 'immediate');
ROLLBACK;
SELECT cache_get('tx', '4');
-- an exception block is a savepoint
DO $$
BEGIN
  PERFORM agentcore.cache_set('tx', '5', '"before"');
  BEGIN
    PERFORM agentcore.cache_set('tx', '5', '"in the block"');
    PERFORM agentcore.cache_invalidate_tool('tx');
    RAISE division_by_zero;
  EXCEPTION WHEN division_by_zero THEN
  END;
END $$;
SELECT cache_get('tx', '5'), cache_get('tx', '1');

-- invalidation --------------------------------------------------------------
SELECT cache_invalidate('tx', '5'), cache_invalidate('tx', '5');
SELECT cache_get('tx', '5') IS NULL AS gone, cache_get('tx', '1') AS stays;
BEGIN;
SELECT cache_invalidate('tx', '1');
SELECT cache_get('tx', '1') IS NULL AS hidden_at_once;
ROLLBACK;
SELECT cache_get('tx', '1') AS back;
BEGIN;
SAVEPOINT a;
SELECT cache_invalidate_tool('tx');
SELECT cache_get('tx', '1') IS NULL AS hidden;
ROLLBACK TO a;
SELECT cache_get('tx', '1') AS back;
COMMIT;
SELECT cache_get('tx', '1') AS still;
-- set, then invalidate: nothing; invalidate, then set: the new value
BEGIN;
SELECT cache_set('tx', '1', '"dead"');
SELECT cache_invalidate('tx', '1');
SELECT cache_get('tx', '1') IS NULL AS hidden;
SELECT cache_invalidate('tx', '3');
SELECT cache_set('tx', '3', '"new"');
SELECT cache_set('tx', '4', '"new at once"', publish => 'immediate');
SELECT cache_get('tx', '3'), cache_get('tx', '4');
COMMIT;
SELECT cache_get('tx', '1') IS NULL AS gone, cache_get('tx', '3'), cache_get('tx', '4');
BEGIN;
SELECT cache_set('tx', '1', '"dead"');
SELECT cache_invalidate_tool('tx');
SELECT cache_set('tx', '3', '"new"'), cache_set('tx', '4', '"waits for commit"', publish => 'immediate');
SELECT cache_get('tx', '1') IS NULL AS hidden, cache_get('tx', '3'), cache_get('tx', '4');
COMMIT;
SELECT cache_get('tx', '1') IS NULL AS gone, cache_get('tx', '3'), cache_get('tx', '4');
-- the same again in one transaction a second time round
SELECT cache_invalidate_tool('tx');
SELECT cache_set('tx', '3', '"after"');
SELECT cache_get('tx', '3'), cache_get('tx', '4') IS NULL AS gone;

-- tags ----------------------------------------------------------------------
SELECT cache_set('tag', '1', '1', tags => '{red,blue}'), cache_set('tag', '2', '2', tags => '{blue}'), cache_set('tag', '3', '3'),
       cache_set('tag', '4', '4', tags => '{red}', tenant => 'x');
BEGIN;
SELECT cache_invalidate_tag('red');
SELECT cache_get('tag', '1') IS NULL AS hidden, cache_get('tag', '2');
SELECT status FROM cache_fetch('tag', '1');
ROLLBACK;
SELECT cache_get('tag', '1');
SELECT cache_invalidate_tag('red');
SELECT cache_get('tag', '1') IS NULL AS gone, cache_get('tag', '2'), cache_get('tag', '3'), cache_get('tag', '4', tenant => 'x');
SELECT cache_clear();
SELECT cache_get('tag', '2') IS NULL AS gone, cache_get('tag', '4', tenant => 'x') AS other_tenant_stays;
-- a trigger on a user's table
CREATE TABLE public.docs (id int);
CREATE TRIGGER docs_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.docs
  FOR EACH STATEMENT EXECUTE FUNCTION agentcore.cache_invalidate_on_change('docs');
SELECT cache_set('docs', '1', '1', tags => '{docs}');
BEGIN;
INSERT INTO public.docs VALUES (1);
SELECT cache_get('docs', '1') IS NULL AS hidden;
ROLLBACK;
SELECT cache_get('docs', '1');
INSERT INTO public.docs VALUES (1);
SELECT cache_get('docs', '1') IS NULL AS gone;
ALTER TABLE public.docs OWNER TO regress_cache_agent;
CREATE TRIGGER docs_tenant AFTER INSERT ON public.docs
  FOR EACH ROW EXECUTE FUNCTION agentcore.cache_invalidate_on_change('docs', 'x');
INSERT INTO public.docs VALUES (2);
DROP TABLE public.docs;

-- leases --------------------------------------------------------------------
SELECT lease AS lease FROM cache_fetch('lease', '1') \gset
SELECT status, value, lease IS NULL AS no_lease, retry_after > '0' AS told_when FROM cache_fetch('lease', '1');
SELECT status FROM cache_fetch('lease', '1', wait => '5 ms');
SELECT cache_get('lease', '1') IS NULL AS get_is_a_miss;
BEGIN;
SELECT cache_fill(:'lease', '"computed"');
SELECT cache_get('lease', '1');
ROLLBACK;
SELECT cache_get('lease', '1') IS NULL AS rolled_back, (SELECT status FROM cache_fetch('lease', '1')) AS lease_stays;
SELECT cache_fill(:'lease', '"computed"');
SELECT status, value, age >= '0' AS age FROM cache_fetch('lease', '1');
SELECT cache_fill(:'lease', '"again"') AS lost, cache_abandon(:'lease') AS nothing_to_abandon;
SELECT cache_get('lease', '1');
-- abandoned, timed out, overtaken by a set
SELECT lease AS lease FROM cache_fetch('lease', '2') \gset
SELECT cache_abandon(:'lease');
SELECT status FROM cache_fetch('lease', '2', lease => '20 ms');
SELECT pg_sleep(0.03);
SELECT status, lease AS lease FROM cache_fetch('lease', '2') \gset
\echo :status
SELECT cache_set('lease', '2', '"set"');
SELECT cache_fill(:'lease', '"older"');
SELECT cache_get('lease', '2');
-- a fill after an invalidation of key, tool, tag, tenant
SELECT lease AS lease FROM cache_fetch('lease', '3') \gset
SELECT cache_invalidate('lease', '3');
SELECT cache_fill(:'lease', '"stale"');
SELECT lease AS lease FROM cache_fetch('lease', '3') \gset
SELECT cache_invalidate_tool('lease');
SELECT cache_fill(:'lease', '"stale"');
SELECT lease AS lease FROM cache_fetch('lease', '3') \gset
SELECT cache_invalidate_tag('sometag');
SELECT cache_fill(:'lease', '"stale"', tags => '{sometag}');
SELECT lease AS lease FROM cache_fetch('lease', '3') \gset
SELECT cache_clear();
SELECT cache_fill(:'lease', '"stale"');
SELECT cache_get('lease', '3') IS NULL AS nothing_came_back;
-- another tenant's invalidations, however many, take no lease away
SELECT lease AS lease FROM cache_fetch('slow', '1') \gset
SELECT count(cache_invalidate('x', to_jsonb(n), tenant => 'x')) FROM generate_series(1, 60000) n;
SELECT cache_fill(:'lease', '"computed"');
SELECT cache_get('slow', '1');
-- a role's own entries are not for whoever has its name later
SET ROLE regress_cache_agent;
SELECT agentcore.cache_set('own', '1', '"private"');
RESET ROLE;
ALTER ROLE regress_cache_agent RENAME TO regress_cache_former;
CREATE ROLE regress_cache_agent;
SELECT access_grant('regress_cache_agent', 'agent');
SET ROLE regress_cache_agent;
SELECT agentcore.cache_get('own', '1') IS NULL AS not_its_own;
RESET ROLE;
SELECT access_revoke('regress_cache_agent');
DROP ROLE regress_cache_agent;
ALTER ROLE regress_cache_former RENAME TO regress_cache_agent;
SELECT access_grant('regress_cache_agent', 'agent');
-- who hoards leases takes them from nobody else, however long his run
CREATE TEMP TABLE held AS SELECT lease FROM generate_series(1, 50) n, LATERAL cache_fetch('held', to_jsonb(n));
SET ROLE regress_cache_agent;
SELECT count(*) AS hoarded FROM generate_series(1, 5000) n, LATERAL cache_fetch('hoard', to_jsonb(n), lease => '1 day') f WHERE f.status = 'lead';
RESET ROLE;
SELECT leases_held <= 128 * partitions AS bounded FROM stat_cache;
SELECT count(*) AS filled FROM held WHERE cache_fill(lease, '1');
DROP TABLE held;
-- in one transaction: a lease younger than the invalidation fills, an older one does not
BEGIN;
SELECT cache_invalidate_tool('lease');
SELECT status, lease AS lease FROM cache_fetch('lease', '4') \gset
SELECT cache_fill(:'lease', '"fresh"');
COMMIT;
SELECT cache_get('lease', '4');
BEGIN;
SELECT status, lease AS lease FROM cache_fetch('lease', '5') \gset
SELECT cache_invalidate_tool('lease');
SELECT cache_fill(:'lease', '"stale"');
COMMIT;
SELECT cache_get('lease', '5') IS NULL AS nothing;
-- a lease taken in what is rolled back is given back
BEGIN;
SELECT status FROM cache_fetch('lease', '6');
ROLLBACK;
BEGIN;
SAVEPOINT a;
SELECT status FROM cache_fetch('lease', '6');
ROLLBACK TO a;
SELECT status, lease AS lease FROM cache_fetch('lease', '6') \gset
COMMIT;
\echo :status
-- another role, tenant or kind cannot use it
SET ROLE regress_cache_agent;
SELECT agentcore.cache_fill(:'lease', '"forged"'), agentcore.cache_abandon(:'lease');
RESET ROLE;
SELECT cache_fill(:'lease', '"forged"', tenant => 'x'), cache_abandon(:'lease', tenant => 'x');
-- what is no lease is nobody's, and no error
SELECT refused_lease AS before FROM stat_cache \gset
SELECT l.lease AS tried, cache_fill(l.lease, '1'), cache_abandon(l.lease)
  FROM unnest(ARRAY['', '0', '-1', '1', '9223372036854775807', '0000000000000000', 'ffffffffffffffff', 'gggggggggggggggg', '0x00000000000001', ' 123456789abcdef', '123456789abcde.1',
                    'null', 'NaN', '1e15', '''; DROP TABLE', 'äöüäöüäö', '9007199254740993']) l(lease);
SELECT cache_fill(upper(:'lease'), '1') AND :'lease' <> upper(:'lease') AS upper_case, cache_fill(:'lease' || '0', '1') AS longer, cache_fill(left(:'lease', 15), '1') AS shorter,
       cache_fill(:'lease' || repeat(' ', 100000000), '1') AS huge, cache_abandon(repeat('a', 100000000)) AS huge_too;
SELECT refused_lease - :before AS counted FROM stat_cache;
-- text that every client keeps as it is: as a number it would be another one beyond 2^53
SELECT pg_typeof(lease), lease ~ '^[0-9a-f]{16}$' AS shape FROM cache_fetch('lease', '7');
SELECT cache_fill(:'lease', '"right"');
-- more leases than the table holds: every miss still finds a leader
SELECT count(*) FILTER (WHERE f.status = 'lead') AS leads FROM generate_series(1, 3000) n, cache_fetch('many', to_jsonb(n)) f;
SELECT leases_held <= 128 * partitions AS bounded FROM stat_cache;
SELECT cache_verify();
SELECT cache_invalidate_tool('many');

-- two-phase commit ----------------------------------------------------------
SELECT cache_set('2pc', '1', '"before"');
BEGIN;
SELECT cache_invalidate('2pc', '1');
PREPARE TRANSACTION 'regress_cache';
BEGIN;
SELECT status FROM cache_fetch('2pc', '2');
PREPARE TRANSACTION 'regress_cache';
SELECT status FROM cache_fetch('2pc', '2') AS free_again;
BEGIN;
SELECT cache_set('2pc', '1', '"vanishes"');
PREPARE TRANSACTION 'regress_cache';
COMMIT PREPARED 'regress_cache';
SELECT cache_get('2pc', '1');

-- limits --------------------------------------------------------------------
SET agentcore.cache_pending_max = 64;
BEGIN;
SELECT count(*) FILTER (WHERE ok) BETWEEN 10 AND 31 AS some_fit, count(*) FILTER (WHERE NOT ok) > 0 AS rest_refused
  FROM (SELECT cache_set('pend', to_jsonb(n), to_jsonb(repeat('p', 2000))) AS ok FROM generate_series(1, 40) n) s;
ROLLBACK;
SELECT bool_and(cache_set('pend', to_jsonb(n), to_jsonb(n), publish => 'immediate')) FROM generate_series(1, 2000) n;
BEGIN;
SELECT count(cache_invalidate('pend', to_jsonb(n))) FROM generate_series(1, 1000) n;
COMMIT;
SELECT count(*) AS still_there FROM generate_series(1, 1000) n WHERE cache_get('pend', to_jsonb(n)) IS NOT NULL;
RESET agentcore.cache_pending_max;

-- bad input -----------------------------------------------------------------
SELECT cache_get(NULL, '1');
SELECT cache_get('', '1');
SELECT cache_get(repeat('x', 256), '1');
SELECT cache_get(E'a\nb', '1');
SELECT cache_get('t', NULL);
SELECT cache_get('t', '1', NULL);
SELECT cache_get('t', '1', repeat('s', 256));
SELECT cache_get('t', '1', tenant => NULL);
SELECT cache_get('t', '1', tenant => '*');
SELECT cache_set('t', '1', NULL);
SELECT cache_set('t', '1', '1', '0');
SELECT cache_set('t', '1', '1', '-1 s');
SELECT cache_set('t', '1', '1', publish => 'later');
SELECT cache_set('t', '1', '1', publish => NULL);
SELECT cache_set('t', '1', '1', tags => '{a,NULL}');
SELECT cache_set('t', '1', '1', tags => '{""}');
SELECT cache_set('t', '1', '1', tags => '{1,2,3,4,5,6,7,8,9}');
SELECT cache_set('t', '"eight"', '1', tags => '{1,2,3,4,5,6,7,8}');
SELECT cache_fetch('t', '1', lease => '0');
SELECT cache_fetch('t', '1', lease => '2 days');
SELECT cache_fetch('t', '1', wait => '-1 s');
SELECT cache_fill(NULL, '1');
SELECT cache_fill('1', NULL);
SELECT cache_fill('1', '1', '0');
SELECT cache_abandon(NULL);
SELECT cache_invalidate(NULL, '1');
SELECT cache_invalidate_tool(NULL);
SELECT cache_invalidate_tool('');
SELECT cache_invalidate_tag(NULL);
SELECT cache_clear(NULL);
SELECT cache_invalidate_on_change();

-- a full cache evicts, and stays whole ---------------------------------------
SELECT stat_cache_reset();
SELECT count(*) FILTER (WHERE NOT cache_set('fill', to_jsonb(n), to_jsonb(repeat(chr(65 + n % 26), n % 3000)), publish => 'immediate')) AS refused
  FROM generate_series(1, 60000) n;
SELECT evictions > 0 AS evicts, bytes <= capacity AS bounded, bytes > capacity * 0.9 AS uses_it FROM stat_cache;
SELECT count(*) AS wrong FROM generate_series(1, 60000) n
 WHERE cache_get('fill', to_jsonb(n)) <> to_jsonb(repeat(chr(65 + n % 26), n % 3000));
SELECT cache_verify();
-- dead entries leave before live ones, which are older and were never used
SELECT cache_clear();
SELECT count(*) FILTER (WHERE cache_set('keep', to_jsonb(n), to_jsonb(n), publish => 'immediate')) FROM generate_series(1, 100) n;
SELECT count(*) FILTER (WHERE cache_set('dead', to_jsonb(n), to_jsonb(repeat('x', 2000)), publish => 'immediate')) FROM generate_series(1, 20000) n;
SELECT cache_invalidate_tool('dead');
SELECT count(*) FILTER (WHERE cache_set('live', to_jsonb(n), to_jsonb(repeat('x', 2000)), publish => 'immediate')) FROM generate_series(1, 14000) n;
SELECT count(cache_get('keep', to_jsonb(n))) AS kept FROM generate_series(1, 100) n;

-- counters
SELECT hits > 0 AS hits, misses > 0 AS misses, sets > 0 AS sets, invalidations > 0 AS invalidations, entries > 0 AS entries FROM stat_cache;
SELECT stat_cache_reset();
SELECT hits, misses, sets, fills, invalidations, leases, evictions, expirations FROM stat_cache;
BEGIN;
SELECT cache_get('ctr', '1');
SELECT cache_set('ctr', '1', '1');
SELECT cache_get('ctr', '1');
SELECT hits, misses, sets FROM stat_cache;
COMMIT;
SELECT hits, misses, sets FROM stat_cache;

-- another installation of the same database sees nothing of this one
DROP EXTENSION agentcore;
CREATE EXTENSION agentcore;
SELECT agentcore.cache_get('ctr', '1') IS NULL AS nothing_revived;
DROP ROLE regress_cache_agent;
