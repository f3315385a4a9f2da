-- A slow reading of what the allowlist documents: decides one request by looking at
-- every rule and every special entry, from the views alone.  Temporary functions.

-- what a server decodes of a canonical path; ASCII only, and no text holds a NUL
CREATE FUNCTION pg_temp.decoded(path text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg(CASE WHEN length(m[1]) = 3 AND m[1] <> '%00' THEN chr(('x' || lpad(substr(m[1], 2), 8, '0'))::bit(32)::int) ELSE m[1] END, '' ORDER BY n), '')
    FROM regexp_matches(path, '%[0-9A-F]{2}|.', 'g') WITH ORDINALITY AS r (m, n) $$;

CREATE FUNCTION pg_temp.ambiguous(path text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT path ~ '//' OR path ~ '%([01][0-9A-F]|7F|2F|5C|25|C0|C1)' OR path ~ '/(\.|%2E){1,2};' $$;

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

-- 'allow', or the reason
CREATE FUNCTION pg_temp.oracle(name text, given text, given_method text) RETURNS text LANGUAGE sql AS $$
  WITH asked AS MATERIALIZED (
    SELECT u.*, upper(given_method) AS method, given_method ~ '^[!#$%&''*+.^_`|~0-9A-Za-z-]+$' AS token, pg_temp.ambiguous(u.path) AS ambiguous
      FROM agentcore.url_parse(given) AS u
  ), policy AS (
    SELECT p.* FROM agentcore.policies p WHERE p.tenant = '' AND p.name = $1
  ), place AS MATERIALIZED (
    SELECT a.n, a.ip FROM asked, pg_temp.addresses(asked.host) AS a
    UNION ALL SELECT 0, NULL FROM asked WHERE NOT EXISTS (SELECT FROM pg_temp.addresses(asked.host))
  ), rule AS MATERIALIZED (
    SELECT r.pattern, r.effect, place.n,
           (r.ports IS NULL OR asked.port = ANY (r.ports)) AND (r.valid IS NULL OR r.valid @> clock_timestamp()) AS fits,
           r.path_prefix IS NOT NULL AND asked.ambiguous AS unjudged,
           r.path_prefix IS NULL OR pg_temp.beneath(pg_temp.decoded(asked.path), pg_temp.decoded(r.path_prefix)) AS path,
           r.methods IS NULL OR asked.method = ANY (r.methods) AS method
      FROM asked, place, agentcore.policy_rules r
     WHERE r.tenant = '' AND r.policy = $1 AND r.kind = 'url' AND asked.ok AND pg_temp.covers(r.pattern, asked.host, place.ip) AND (r.pattern <> '*' OR place.n = 0)
  ), special AS MATERIALIZED (
    SELECT e.pattern,
           EXISTS (SELECT FROM rule r WHERE r.effect = 'allow' AND r.n = place.n AND r.fits AND r.path AND NOT r.unjudged AND r.method AND pg_temp.inside(r.pattern, e.pattern)) AS lifted,
           EXISTS (SELECT FROM rule r WHERE r.effect = 'allow' AND r.n = place.n AND r.fits AND r.path AND NOT r.unjudged AND NOT r.method AND pg_temp.inside(r.pattern, e.pattern)) AS nearly
      FROM asked, place, agentcore.special_entries e
     WHERE e.tenant IN ('', '*') AND asked.ok AND pg_temp.covers(e.pattern, asked.host, place.ip)
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
