-- Large values are stored compressed, and come back as they were.
-- Needs shared_preload_libraries = agentcore.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
-- the first two are every server's; lz4 is there where it was built in
SELECT enumvals[1:2] AS always, reset_val = enumvals[array_upper(enumvals, 1)] AS best_is_default FROM pg_settings WHERE name = 'agentcore.cache_compress';

CREATE FUNCTION public.text_of(n int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
  $$ SELECT jsonb_build_object('n', n, 'rows', (SELECT jsonb_agg(jsonb_build_object('id', i, 'name', 'row number ' || i)) FROM generate_series(1, n) i)) $$;
-- what does not compress
CREATE FUNCTION public.noise(n int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
  $$ SELECT to_jsonb(string_agg(encode(sha256(convert_to(i::text, 'UTF8')), 'base64'), '')) FROM generate_series(1, n) i $$;

-- each way of storing, each way of reading
SET agentcore.cache_compress = pglz;
SELECT cache_set('z', '"pglz"', text_of(1000));
RESET agentcore.cache_compress;
SELECT cache_set('z', '"default"', text_of(1000));
SET agentcore.cache_compress = off;
SELECT cache_set('z', '"off"', text_of(1000));
SELECT how, cache_get('z', to_jsonb(how)) = text_of(1000) AS the_same FROM unnest('{pglz,default,off}'::text[]) how;
SELECT bool_and(v = text_of(1000)) AS all_the_same FROM unnest(cache_mget('z', ARRAY['"pglz"', '"default"', '"off"']::jsonb[])) v;
SELECT bool_and((f).value = text_of(1000)) AS all_the_same FROM unnest('{pglz,default,off}'::text[]) how, cache_fetch('z', to_jsonb(how)) f;
SELECT compressed, count(*), max(size) < pg_column_size(text_of(1000)) / 2 AS smaller FROM cache_entries() WHERE tool = 'z' GROUP BY 1 ORDER BY 1;
RESET agentcore.cache_compress;
-- what is too small or does not shrink stays as it is
SELECT cache_set('small', '1', to_jsonb(repeat('x', 1000))), cache_set('small', '2', noise(1000));
SELECT compressed, count(*) FROM cache_entries() WHERE tool = 'small' GROUP BY 1;
SELECT cache_get('small', '2') = noise(1000) AS the_same;
SET agentcore.cache_compress_min = 64;
SELECT bool_and(cache_set('sizes', to_jsonb(n), to_jsonb(repeat('x', n)))) FROM generate_series(0, 3000, 13) n;
SELECT count(*) AS wrong FROM generate_series(0, 3000, 13) n WHERE cache_get('sizes', to_jsonb(n)) IS DISTINCT FROM to_jsonb(repeat('x', n));
SELECT count(*) FILTER (WHERE compressed) > 200 AS most FROM cache_entries() WHERE tool = 'sizes';
-- one's own, before COMMIT; leases; failures
BEGIN;
SELECT cache_set('own', '1', text_of(100)), cache_set('own', '2', text_of(100), negative => true);
SELECT cache_get('own', '1') = text_of(100) AS the_same, (SELECT value = text_of(100) FROM cache_fetch('own', '2')) AS the_failure_too;
ROLLBACK;
SELECT lease AS lease FROM cache_fetch('own', '1') \gset
SELECT cache_fill(:'lease', text_of(100));
SELECT cache_get('own', '1') = text_of(100) AS the_same;
-- what would be too large may fit
SELECT cache_set('large', '1', to_jsonb(repeat('x', max_value::int * 2))) FROM stat_cache;
SELECT cache_get('large', '1') = to_jsonb(repeat('x', max_value::int * 2)) AS the_same FROM stat_cache;
SELECT compressed > 200 AS counted, bytes_saved > 100000 AS bytes_too FROM stat_cache;
SELECT cache_verify();
SET agentcore.cache_compress = zip;
\set VERBOSITY sqlstate
SET agentcore.cache_compress_min = 1;
\set VERBOSITY default
