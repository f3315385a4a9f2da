-- Tags are buckets of one table, in which every tenant's invalidations reach its
-- own entries only.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, public;
-- 200 entries, each with a tag of its own
CREATE FUNCTION public.fill(tenant text) RETURNS bigint LANGUAGE sql AS
  $$ SELECT count(*) FILTER (WHERE cache_set('t', to_jsonb(i), to_jsonb(i), scope => 's', tags => ARRAY['tag ' || i], tenant => fill.tenant))
       FROM generate_series(1, 200) i $$;
CREATE FUNCTION public.left_of(tenant text, first int DEFAULT 1) RETURNS bigint LANGUAGE sql AS
  $$ SELECT count(cache_get('t', to_jsonb(i), 's', left_of.tenant)) FROM generate_series(first, 200) i $$;
CREATE FUNCTION public.flood(tenant text) RETURNS bigint LANGUAGE sql AS
  $$ SELECT count(cache_invalidate_tag('flood ' || i, tenant => flood.tenant)) FROM generate_series(1, 20000) i $$;

-- one tenant's tags do not reach another's entries -----------------------------
SELECT public.fill('a'), public.fill('b');
SELECT public.flood('b');
SELECT public.left_of('a') AS a, public.left_of('b') < 100 AS "b hit itself";
SELECT public.flood('c'), public.flood('d');
SELECT public.left_of('a') AS a;
-- nor, in one transaction, what it sees itself
BEGIN;
SELECT public.flood('b');
SELECT public.left_of('a') AS a, public.left_of('b') < 100 AS "b hit itself";
ROLLBACK;
-- nor one in flight: a set of a's is not refused
BEGIN;
SELECT public.fill('a');
SELECT public.flood('b');
COMMIT;
SELECT public.left_of('a') AS a;

-- what was invalidated stays dead, whoever takes the way ------------------------
SELECT cache_clear('a'), cache_clear('b');
SELECT public.fill('a');
SELECT count(cache_invalidate_tag('tag ' || i, tenant => 'a')) FROM generate_series(1, 100) i;
SELECT public.left_of('a', 101) > 90 AS "few collisions", public.left_of('a') = public.left_of('a', 101) AS "the first 100 are dead";
SELECT public.flood('b'), public.flood('c'), public.flood('d');
SELECT public.left_of('a') = public.left_of('a', 101) AS "the first 100 are dead";
SELECT public.flood('e'), public.flood('b');
SELECT public.left_of('a') = public.left_of('a', 101) AS "the first 100 are dead";
-- more tenants than ways: a tag still kills its own entries, all of them, and nothing stays refused
SELECT cache_clear('a'), cache_clear('b');
CREATE TABLE public.found (tenant text, hits bigint);
DO $$
DECLARE tenant text;
BEGIN
  FOR i IN 1..14 LOOP
    tenant := substr('abcdefg', 1 + i % 7, 1);
    PERFORM public.fill(tenant);
    COMMIT;
    PERFORM cache_invalidate_tag('tag ' || n, tenant => tenant) FROM generate_series(1, 200) n;
    COMMIT;
    PERFORM public.flood(substr('abcdefg', 1 + (i * 3) % 7, 1));
    COMMIT;
    INSERT INTO public.found SELECT t, public.left_of(t) FROM unnest(string_to_array('a,b,c,d,e,f,g', ',')) t;
  END LOOP;
END $$;
SELECT count(*), sum(hits) FROM public.found;
SELECT public.fill('a');
SELECT public.left_of('a');
-- tags that share a bucket cost misses only: some of these do
SELECT count(cache_invalidate_tag('tag ' || i, tenant => 'a')) FROM generate_series(1, 200, 2) i;
SELECT count(cache_get('t', to_jsonb(i), 's', 'a')) AS dead FROM generate_series(1, 200, 2) i;

-- what all tenants share: any of them may invalidate it --------------------------
SELECT tool_set('s', '{"type": "object"}', cache_ttl => '1 hour', cache_scope => 'shared', tags => '{"tag 1"}', tenant => tenant)
  FROM unnest(ARRAY['a', 'b']) tenant;
SELECT policy_set('p', tenant => tenant), policy_allow_tool('p', 's', tenant => tenant), agent_set('g', 'p', tenant => tenant)
  FROM unnest(ARRAY['a', 'b']) tenant;
SELECT verdict, call_id FROM call_begin('g', 's', '{}', tenant => 'a') \gset
SELECT :'verdict' AS first, call_commit(:'call_id', '{"hits": 3}', tenant => 'a');
SELECT verdict, result FROM call_begin('g', 's', '{}', tenant => 'b');
SELECT cache_invalidate_tag('tag 1', tenant => 'b');
SELECT verdict FROM call_begin('g', 's', '{}', tenant => 'a');

SELECT cache_verify();
SELECT cache_clear_all();
