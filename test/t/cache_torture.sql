-- One step of the cache's torture, for test/t/*_cache_torture.pl and test/bench/cache_torture.
-- A value carries its key and a checksum of its bytes.
CREATE EXTENSION agentcore;
CREATE TABLE pool (b bytea);
ALTER TABLE pool ALTER b SET STORAGE EXTERNAL;
INSERT INTO pool SELECT string_agg(sha256(i::text::bytea), '') FROM generate_series(1, 32000) i;
-- of every three keys' values one compresses, the others stay as large as they are
CREATE FUNCTION made(k int, s int) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('k', k, 'pad', pad, 'sum', md5(k || pad))
    FROM (SELECT CASE WHEN k % 3 = 0 THEN repeat(md5(k || ' ' || s), s / 32)
                      ELSE (SELECT encode(substr(b, 1 + (k * 7919 + s) % 500000, s * 3 / 4), 'base64') FROM pool) END AS pad) p $$;
CREATE FUNCTION look(k int, v jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF v IS NOT NULL AND (v->>'k' IS DISTINCT FROM k::text OR v->>'sum' IS DISTINCT FROM md5(k || (v->>'pad'))) THEN
    RAISE EXCEPTION 'WRONG VALUE for key %', k;
  END IF;
END $$;
CREATE FUNCTION step(k int, s int, r int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  key jsonb := to_jsonb(k);
  tag text[] := ARRAY['t' || k % 10];
  f record;
BEGIN
  -- mostly small, some of 40 KB, a few of 600 KB
  s := CASE WHEN s % 25 = 0 THEN s * 15 WHEN s % 3 = 0 THEN s ELSE s / 40 END;
  IF r < 500 THEN
    PERFORM look(k, agentcore.cache_get('t', key, 's'));
  ELSIF r < 700 THEN
    PERFORM agentcore.cache_set('t', key, made(k, s), scope => 's', ttl => CASE WHEN r % 5 = 0 THEN interval '20 ms' ELSE '5 s' END, tags => tag,
                                publish => CASE r % 2 WHEN 0 THEN 'commit' ELSE 'immediate' END);
  ELSIF r < 900 THEN
    SELECT * INTO f FROM agentcore.cache_fetch('t', key, 's', wait => CASE r % 10 WHEN 0 THEN interval '20 ms' ELSE '0' END);
    PERFORM look(k, f.value);
    IF f.status = 'lead' AND r % 3 = 0 THEN
      PERFORM agentcore.cache_abandon(f.lease);
    ELSIF f.status = 'lead' THEN
      PERFORM agentcore.cache_fill(f.lease, made(k, s), '5 s', tag);
    END IF;
  ELSIF r < 940 THEN
    PERFORM agentcore.cache_invalidate('t', key, 's');
  ELSIF r < 941 THEN
    PERFORM agentcore.cache_invalidate_tag(tag[1]);
  ELSIF r < 990 THEN
    BEGIN
      PERFORM agentcore.cache_set('t', key, made(k, s), scope => 's');
      PERFORM agentcore.cache_invalidate('t', to_jsonb(k + 1), 's');
      RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
    END;
  ELSE
    PERFORM agentcore.cache_set('t', key, made(k, s), scope => 's');
    PERFORM agentcore.cache_invalidate('t', to_jsonb(k + 1), 's');
    PERFORM pg_sleep(0.002);
  END IF;
END $$;
-- after all is over: a key that can be neither set nor read has a fence left on it
CREATE FUNCTION fenced() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM generate_series(1, 5001) k
   WHERE NOT agentcore.cache_set('t', to_jsonb(k), made(k, 32), scope => 's', tags => ARRAY['t' || k % 10], publish => 'immediate')
      OR agentcore.cache_get('t', to_jsonb(k), 's') IS NULL $$;
