-- A slow reading of what the allowlist documents: decides one request by looking at
-- every rule and every special entry, from the views alone.  Temporary functions.

-- what a server decodes of a canonical path; ASCII only, and no text holds a NUL
CREATE FUNCTION pg_temp.decoded(path text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg(CASE WHEN length(m[1]) = 3 AND m[1] <> '%00' THEN chr(('x' || lpad(substr(m[1], 2), 8, '0'))::bit(32)::int) ELSE m[1] END, '' ORDER BY n), '')
    FROM regexp_matches(path, '%[0-9A-F]{2}|.', 'g') WITH ORDINALITY AS r (m, n) $$;

CREATE FUNCTION pg_temp.ambiguous(path text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT path ~ '//' OR path ~ '%([01][0-9A-F]|7F|2F|5C|25|C0|C1)' OR path ~ '/(\.|%2E|%20)*([;:]|%3B|%3A|%3F|%23)[^/]*(/|$)' OR path ~ '/(\.|%2E|%20)+(/|$)' $$;

-- the segments of a decoded path as the most lenient server has them
CREATE FUNCTION pg_temp.lenient(path text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(lower(rtrim(regexp_replace(segment, '[;:?#].*', ''), '. ')) ORDER BY n), '{}')
    FROM string_to_table(path, '/') WITH ORDINALITY AS s (segment, n) WHERE segment <> '' $$;

CREATE FUNCTION pg_temp.beneath(path text, prefix text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN right(prefix, 1) = '/' THEN starts_with(path, prefix) ELSE path = prefix OR starts_with(path, prefix || '/') END $$;

CREATE FUNCTION pg_temp.network(pattern text) RETURNS cidr LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN pattern ~ '^\[|:|^[0-9.]+(/[0-9]+)?$' THEN translate(pattern, '[]', '')::cidr END $$;

-- every address that a connection to the host may end at; n = 0 is the host itself
CREATE FUNCTION pg_temp.addresses(host text) RETURNS TABLE (n int, ip inet) LANGUAGE sql IMMUTABLE AS $$
  WITH own AS (
    SELECT translate(host, '[]', '')::inet AS ip WHERE host ~ '^\[|^[0-9.]+$'
  ), bytes AS (
    SELECT o.ip, (SELECT array_agg(get_byte(inet_send(o.ip), i)) FROM generate_series(4, 3 + CASE family(o.ip) WHEN 4 THEN 4 ELSE 16 END) AS i) AS b FROM own o
  ), carried (network, at, flip) AS (VALUES
    ('::ffff:0:0:0/96'::cidr, '{13,14,15,16}'::int[], false), ('64:ff9b::/96', '{13,14,15,16}', false), ('::/96', '{13,14,15,16}', false),
    ('2002::/16', '{3,4,5,6}', false), ('2001::/32', '{5,6,7,8}', false), ('2001::/32', '{13,14,15,16}', true),
    ('64:ff9b:1::/48', '{13,14,15,16}', false), ('64:ff9b:1::/48', '{7,8,10,11}', false), ('64:ff9b:1::/48', '{8,10,11,12}', false), ('64:ff9b:1::/48', '{10,11,12,13}', false)
  ), found AS (
    SELECT CASE WHEN ip <<= '::ffff:0:0/96' THEN format('%s.%s.%s.%s', b[13], b[14], b[15], b[16])::inet ELSE ip END AS ip, 0 AS n FROM bytes
    UNION ALL
    SELECT format('%s.%s.%s.%s', b[c.at[1]] # m, b[c.at[2]] # m, b[c.at[3]] # m, b[c.at[4]] # m)::inet, 1
      FROM bytes, carried c, LATERAL (SELECT CASE WHEN c.flip THEN 255 ELSE 0 END AS m) AS mask
     WHERE ip <<= c.network AND ip NOT IN ('::', '::1')
       -- the other layouts of a local prefix only where the common one leaves something in the middle
       AND (c.network <> '64:ff9b:1::/48' OR c.at[1] = 13 OR b[7:12] <> '{0,0,0,0,0,0}')
  )
  SELECT (row_number() OVER (ORDER BY n))::int - 1, ip FROM found $$;

-- what rules are held against: the host's name (ip NULL), or its addresses
CREATE FUNCTION pg_temp.places(host text) RETURNS TABLE (n int, ip inet) LANGUAGE sql IMMUTABLE AS $$
  SELECT a.n, a.ip FROM pg_temp.addresses(host) AS a
  UNION ALL SELECT 0, NULL WHERE NOT EXISTS (SELECT FROM pg_temp.addresses(host)) $$;

-- whether a pattern covers the host (ip NULL) or one of its addresses
CREATE FUNCTION pg_temp.covers(pattern text, host text, ip inet) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN pattern = '*' THEN true
              WHEN pg_temp.network(pattern) IS NOT NULL THEN coalesce(ip <<= pg_temp.network(pattern), false)
              WHEN ip IS NOT NULL THEN false
              WHEN pattern = '<single label>' THEN host !~ '\.'
              WHEN pattern LIKE '*.%' THEN host = substr(pattern, 3) OR right(host, length(pattern) - 1) = substr(pattern, 2)
              ELSE host = pattern END $$;

-- whether a rule's author has named something inside a special entry
CREATE FUNCTION pg_temp.inside(rule text, special text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN rule = '*' THEN false
              WHEN pg_temp.network(special) IS NOT NULL THEN coalesce(pg_temp.network(rule) <<= pg_temp.network(special), false)
              WHEN pg_temp.network(rule) IS NOT NULL THEN false
              ELSE pg_temp.covers(special, CASE WHEN rule LIKE '*.%' THEN substr(rule, 3) ELSE rule END, NULL) END $$;

-- every rule whose pattern covers a place of the request, and what else of it fits
CREATE FUNCTION pg_temp.rules_for(name text, given text, given_method text)
  RETURNS TABLE (id bigint, pattern text, effect text, n int, fits boolean, unjudged boolean, path boolean, method boolean) LANGUAGE sql STABLE AS $$
  WITH u AS MATERIALIZED (
    SELECT asked.*, pg_temp.ambiguous(asked.path) AS ambiguous, pg_temp.decoded(asked.path) AS decoded FROM agentcore.url_parse(given) AS asked
  ), place AS MATERIALIZED (
    SELECT p.* FROM u, pg_temp.places(u.host) AS p WHERE u.ok
  )
  SELECT r.rule, r.pattern, r.effect, place.n,
         (r.ports IS NULL OR u.port = ANY (r.ports)) AND (r.valid IS NULL OR r.valid @> clock_timestamp()),
         r.path_prefix IS NOT NULL AND (u.ambiguous OR
           (r.effect = 'deny' AND NOT pg_temp.beneath(u.decoded, pg_temp.decoded(r.path_prefix)) AND
            (pg_temp.lenient(u.decoded))[:cardinality(pg_temp.lenient(pg_temp.decoded(r.path_prefix)))] = pg_temp.lenient(pg_temp.decoded(r.path_prefix)))),
         r.path_prefix IS NULL OR pg_temp.beneath(u.decoded, pg_temp.decoded(r.path_prefix)),
         r.methods IS NULL OR upper(given_method) = ANY (r.methods)
    FROM u, place, agentcore.policy_rules r
   WHERE r.tenant = '' AND r.policy = $1 AND r.kind = 'url' AND pg_temp.covers(r.pattern, u.host, place.ip) AND (r.pattern <> '*' OR place.n = 0) $$;

-- the special entries that the host or one of its addresses is in
CREATE FUNCTION pg_temp.specials_for(given text) RETURNS TABLE (pattern text, n int) LANGUAGE sql STABLE AS $$
  WITH u AS MATERIALIZED (
    SELECT asked.* FROM agentcore.url_parse(given) AS asked
  ), place AS MATERIALIZED (
    SELECT p.* FROM u, pg_temp.places(u.host) AS p WHERE u.ok
  )
  SELECT e.pattern, place.n
    FROM u, place, agentcore.special_entries e
   WHERE e.tenant IN ('', '*') AND pg_temp.covers(e.pattern, u.host, place.ip) $$;

-- what policy_explain() must say matches: ids of rules, and special entries
CREATE FUNCTION pg_temp.matching(name text, given text, given_method text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT string_agg(DISTINCT m.what, ' ' ORDER BY m.what)
    FROM (SELECT r.id::text FROM pg_temp.rules_for(name, given, given_method) AS r WHERE r.fits AND r.path AND r.method AND NOT r.unjudged
          UNION ALL SELECT translate(s.pattern, '[]', '') FROM pg_temp.specials_for(given) AS s) AS m (what) $$;

-- 'allow', or the reason
CREATE FUNCTION pg_temp.oracle(name text, given text, given_method text) RETURNS text LANGUAGE sql STABLE AS $$
  WITH asked AS MATERIALIZED (
    SELECT u.*, upper(given_method) AS method, given_method ~ '^[!#$%&''*+.^_`|~0-9A-Za-z-]+$' AS token FROM agentcore.url_parse(given) AS u
  ), policy AS (
    SELECT p.* FROM agentcore.policies p WHERE p.tenant = '' AND p.name = $1
  ), rule AS MATERIALIZED (
    SELECT * FROM pg_temp.rules_for($1, given, given_method)
  ), special AS MATERIALIZED (
    SELECT e.pattern,
           EXISTS (SELECT FROM rule r WHERE r.effect = 'allow' AND r.n = e.n AND r.fits AND r.path AND NOT r.unjudged AND r.method AND pg_temp.inside(r.pattern, e.pattern)) AS lifted,
           EXISTS (SELECT FROM rule r WHERE r.effect = 'allow' AND r.n = e.n AND r.fits AND r.path AND NOT r.unjudged AND NOT r.method AND pg_temp.inside(r.pattern, e.pattern)) AS nearly
      FROM pg_temp.specials_for(given) AS e
  )
  SELECT CASE
    WHEN NOT asked.ok THEN 'invalid_url'
    WHEN NOT asked.token OR NOT asked.method = ANY (coalesce(policy.methods, ARRAY[asked.method])) THEN 'method_blocked'
    WHEN EXISTS (SELECT FROM rule WHERE effect = 'deny' AND fits AND path AND method AND NOT unjudged) THEN 'denylist_match'
    WHEN EXISTS (SELECT FROM rule WHERE effect = 'deny' AND fits AND method AND unjudged) THEN 'invalid_url'
    WHEN EXISTS (SELECT FROM special WHERE NOT lifted AND NOT nearly) THEN 'denylist_match'
    WHEN EXISTS (SELECT FROM special WHERE NOT lifted) THEN 'method_blocked'
    WHEN NOT asked.scheme = ANY (policy.schemes) THEN 'not_in_allowlist'
    WHEN EXISTS (SELECT FROM rule WHERE effect = 'allow' AND n = 0 AND fits AND path AND method AND NOT unjudged) THEN 'allow'
    WHEN EXISTS (SELECT FROM rule WHERE effect = 'allow' AND n = 0 AND fits AND path AND NOT method AND NOT unjudged) THEN 'method_blocked'
    WHEN EXISTS (SELECT FROM rule WHERE effect = 'allow' AND n = 0 AND fits AND method AND unjudged) THEN 'invalid_url'
    ELSE 'not_in_allowlist' END
  FROM asked, policy $$;
