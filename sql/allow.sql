-- allow: URLs, policies, decisions
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
SET search_path = agentcore;

-- One reading or none: every class of refusal ------------------------------

CREATE TEMP TABLE refused (class text, url text);
INSERT INTO refused VALUES
  ('null', NULL), ('empty', ''), ('too_long', 'http://x/' || repeat('a', 8184)),
  ('control_character', E'http://x/\ta'), ('control_character', E'http://x\n/'), ('control_character', E'\x01http://x/'),
  ('control_character', E'http://x/\x7f'),
  ('whitespace', ' http://x/'), ('whitespace', 'http://x/ '), ('whitespace', 'http://x/a b'),
  ('backslash', 'http://x\y/'), ('backslash', 'http://x/?\'), ('backslash', 'http:\\x/'),
  ('scheme', 'ftp://x/'), ('scheme', 'file:///etc/passwd'), ('scheme', 'javascript:alert(1)'), ('scheme', 'data:text/html,x'),
  ('scheme', '//x/'), ('scheme', '/x'), ('scheme', 'x'), ('scheme', ':'), ('scheme', '://x'), ('scheme', 'httpx://x'), ('scheme', 'gopher://0x7f000001:25/'),
  ('missing_slashes', 'http:x'), ('missing_slashes', 'http:/x'), ('missing_slashes', 'http:'), ('missing_slashes', 'https:@x'),
  ('userinfo', 'http://a@x/'), ('userinfo', 'http://a:b@x/'), ('userinfo', 'http://@x/'), ('userinfo', 'http://a@b@x/'), ('userinfo', 'http://x@/'),
  ('empty_host', 'http://'), ('empty_host', 'http:///x'), ('empty_host', 'http://:80/'), ('empty_host', 'http://?x'), ('empty_host', 'http://./'), ('empty_host', 'http://#x'),
  ('percent_in_host', 'http://%31.com/'), ('percent_in_host', 'http://x%00.com/'),
  ('host_character', 'http://a;b/'), ('host_character', 'http://a,b/'), ('host_character', 'http://a|b/'), ('host_character', 'http://a*b/'),
  ('host_character', 'http://a!b/'), ('host_character', 'http://a]/'),
  ('label_length', 'http://a..b/'), ('label_length', 'http://.a/'), ('label_length', 'http://a../'), ('label_length', 'http://' || repeat('a', 64) || '/'),
  ('host_length', 'http://' || repeat('abc.', 63) || 'ab/'),
  ('noncanonical_ipv4', 'http://127.1/'), ('noncanonical_ipv4', 'http://0177.0.0.1/'), ('noncanonical_ipv4', 'http://0x7f.0.0.1/'), ('noncanonical_ipv4', 'http://2130706433./'),
  ('invalid_ipv4', 'http://1.2.3.256/'), ('invalid_ipv4', 'http://1.2.3.4.5/'), ('invalid_ipv4', 'http://08.0.0.1/'), ('invalid_ipv4', 'http://x.0x1/'), ('invalid_ipv4', 'http://4294967296/'),
  ('invalid_ipv6', 'http://[::1/'), ('invalid_ipv6', 'http://[1:2]/'), ('invalid_ipv6', 'http://[:::]/'), ('invalid_ipv6', 'http://[]/'), ('invalid_ipv6', 'http://[::1]x/'),
  ('invalid_ipv6', 'http://[::127.1]/'), ('invalid_ipv6', 'http://[1:2:3:4:5:6:7:8:9]/'), ('invalid_ipv6', 'http://[::g]/'), ('invalid_ipv6', 'http://['),
  ('zone_id', 'http://[fe80::1%25eth0]/'), ('zone_id', 'http://[fe80::1%eth0]/'),
  ('port', 'http://x:0/'), ('port', 'http://x:65536/'), ('port', 'http://x:8x/'), ('port', 'http://x:-1/'), ('port', 'http://x:80:80/'), ('port', 'http://a:b/'),
  ('percent_encoding', 'http://x/%'), ('percent_encoding', 'http://x/%2'), ('percent_encoding', 'http://x/%u002e/');
-- none may be missing here, and no row may have other columns
SELECT r.class, count(*), bool_and(NOT p.ok AND p.reason = r.class AND num_nulls(p.url, p.scheme, p.host, p.port, p.path, p.query) = 6) AS refused
  FROM refused r, url_parse(r.url) p GROUP BY r.class ORDER BY r.class;
SELECT r.class, left(r.url, 40) AS url, p.reason FROM refused r, url_parse(r.url) p WHERE p.reason IS DISTINCT FROM r.class;

-- What is accepted, in its one form
SELECT v.url AS given, p.* FROM (VALUES
  ('HTTP://Ex-Am_ple.COM'), ('https://x:443'), ('https://x:00080/a'), ('http://x:80?q'), ('ws://x:/'), ('wss://x.:8443/'),
  ('http://x/a/./b/../c/%2e%2E/d'), ('http://x/..'), ('http://x/a/..'), ('http://x/a/.'), ('http://x//a//'), ('http://x/%aa%2f?%aa%2f'),
  ('http://x/a#f@y'), ('http://x?@y'), ('http://x/é"<>^`{}|[]?é"<>''^`{}|[]'), ('http://x/?%'), ('http://x/?'), ('http://x/:@a'),
  ('http://127.0.0.1.'), ('http://[::FFFF:127.0.0.1]'), ('http://[2001:DB8:0:0:1:0:0:1]:8080/'), ('http://[1:0:3:4:5:6:7:8]'), ('http://[::]'),
  ('http://' || repeat('a', 63)), ('http://xn--fa-hia.de')
) AS v(url), url_parse(v.url) p;
SELECT count(*), bool_and(again.url = p.url) AS stays FROM (VALUES ('http://X/a/../%2e?b#c'), ('https://[::1]:443/%7e'), ('ws://a.:80')) AS v(url), url_parse(v.url) p, url_parse(p.url) again;
SELECT length(p.url) FROM url_parse('http://x/' || repeat('a', 8183)) p;

-- Writing policies ---------------------------------------------------------

SELECT policy_set('p'), policy_set('p'), policy_set('p', schemes => '{HTTPS,http,https}'), policy_set('p', schemes => '{http,https}');
SELECT policy_set(NULL);
SELECT policy_set('');
SELECT policy_set('p', mode => 'lax');
SELECT policy_set('p', schemes => '{ftp}');
SELECT policy_set('p', schemes => '{}');
SELECT policy_set('p', schemes => NULL);
SELECT policy_set('p', methods => '{}');
SELECT policy_set('p', methods => '{GET,"P OST"}');
SELECT policy_set('p', methods => '{GET,NULL}');
SELECT policy_allow('q', 'example.com');
SELECT policy_allow(NULL, 'example.com');
SELECT policy_allow('p', NULL);
SELECT policy_allow('p', '');

\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SELECT v.pattern, pg_temp.refused(format('SELECT agentcore.policy_allow(%L, %L)', 'p', v.pattern)) AS answer FROM (VALUES
  ('exa*mple.com'), ('*.*.com'), ('www.*'), ('*.com'), ('*.'), ('.example.com'), ('http://example.com'), ('example.com:80'), ('example.com/x'), ('*.example.com/x'),
  ('a..b'), ('a b'), ('a@b'), ('127.1'), ('0x7f000001'), ('1.2.3.256'), ('*.1.2.3.4'), ('10.1.2.3/8'), ('10.0.0.0/33'), ('10.0.0.0/'), ('10.0.0.0/08'), ('010.0.0.0/8'),
  ('[::1'), ('[::1]/129'), ('2001:db8::1/32'), ('[fe80::1%eth0]'), ('::ffff:10.0.0.0/104'), ('/8'), (repeat('a', 300))
) AS v(pattern);
SELECT v.what, pg_temp.refused(format('SELECT agentcore.policy_allow(%L, %L, %s)', 'p', 'example.com', v.what)) AS answer FROM (VALUES
  ('methods => ''{}'''), ('methods => ''{"G T"}'''), ('ports => ''{}'''), ('ports => ''{0}'''), ('ports => ''{80,65536}'''), ('ports => ''{NULL}'''),
  ('path_prefix => ''x'''), ('path_prefix => '''''), ('path_prefix => ''/a?b'''), ('path_prefix => ''/a#b'''), ('path_prefix => ''/a%2fb'''), ('path_prefix => ''//a'''), ('path_prefix => ''/..;/a'''), ('path_prefix => ''/a b'''), ('path_prefix => ''/%zz'''),
  ('valid => ''empty'''), ('valid => ''[2020-01-01,2020-01-02)''')
) AS v(what);
SELECT count(*) AS nothing_written FROM policy_rules;

-- canonical form, and the same rule twice is one
SELECT policy_allow('p', 'API.Example.COM.') AS a, policy_allow('p', 'api.example.com') AS b,
       policy_allow('p', '*.Example.org', '{post,GET,get}', '{443,80,443}', '/v1/./x/../y%2e', '[2000-01-01,2100-01-01)') AS c,
       policy_allow('p', '*.example.org', '{GET,POST}', '{80,443}', '/v1/y%2E', '[2000-01-01,2100-01-01)') AS d,
       policy_deny('p', 'api.example.com', path_prefix => '/') AS e, policy_deny('p', 'api.example.com') AS f;
SELECT policy_allow('p', '2001:DB8::/32') AS a, policy_allow('p', '[2001:db8::]/32') AS b, policy_allow('p', '10.0.0.1/32') AS c, policy_allow('p', '10.0.0.1') AS d,
       policy_allow('p', '::1') AS e, policy_allow('p', '*') AS f, policy_allow('p', '0.0.0.0/0') AS g;
SELECT kind, effect, pattern, methods, ports, path_prefix, valid IS NOT NULL AS valid FROM policy_rules ORDER BY rule;
SELECT name, mode, schemes, methods, rules FROM policies;
SELECT policy_rule_drop('p', NULL);
SELECT policy_rule_drop('q', 1);
SELECT policy_rule_drop('p', 1), policy_rule_drop('p', 1), policy_rule_drop('p', 99999);
SELECT policy_drop('p'), policy_drop('p');
SELECT count(*) AS rules_left FROM policy_rule;
SELECT * FROM url_check('p', 'https://example.com/');

-- Decisions ----------------------------------------------------------------

CREATE FUNCTION pg_temp.ask(p text, u text, m text DEFAULT 'GET') RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN c.allowed IS DISTINCT FROM agentcore.url_allowed(p, u, m) THEN 'url_allowed() DISAGREES ' ELSE '' END
      || CASE WHEN c.allowed IS DISTINCT FROM (SELECT x.matched FROM agentcore.policy_explain(p, u, m) x WHERE x.effect = 'decision') THEN 'policy_explain() DISAGREES ' ELSE '' END
      || CASE WHEN c.allowed THEN 'allow' ELSE 'deny' END || coalesce(' ' || c.reason, '') || coalesce(' (' || c.detail || ')', '')
    FROM agentcore.url_check(p, u, m) c $$;

SELECT policy_set('all', schemes => '{http,https}'), policy_allow('all', '*') > 0;

-- the tricks of the research table, under "allow everything"
SELECT v.url, pg_temp.ask('all', v.url) FROM (VALUES
  ('http://evil.com\@allowed.com/'), ('http://127.1.1.1:80\@127.2.2.2:80/'), ('http://allowed.com@evil.com/'), ('http://a@b@evil.com/'),
  (E'http://ev\til.com/'), (E'ht\ntp://127.0.0.1/'), (E'http://127.0.0.1\r/'), (E'\x01http://evil.com/'), (' http://evil.com/'),
  ('http://2130706433/'), ('http://0x7f000001/'), ('http://0177.0.0.1/'), ('http://127.1/'), ('http://0/'),
  ('http://425.510.425.510/'), ('http://7147006462/'), ('http://127.0.0.1.1/'), ('http://08.0.0.1/'), ('http://foo.0x1/'),
  ('http://127.0.0.1./'), ('http://%31%32%37.0.0.1/'), ('http://127%2e0.0.1/'), ('http://evil.com%2f.allowed.com/'), ('http://evil.com%00.allowed.com/'),
  ('http://allowed.com./'), ('http://allowed.com../'), ('http://[::ffff:127.0.0.1]/'), ('http://[fe80::1%25eth0]/'),
  ('http:evil.com'), ('http:/evil.com'), ('http://///evil.com'), ('http:///path'), ('http://a;b.com/'), ('http://a,b.com/'), ('http://a|b.com/'),
  ('gopher://0x7f000001/'), ('https://example.com/?token=secret'), ('http://user:secret@example.com/'), (NULL)
) AS v(url);

-- special ranges and names in every form of address
SELECT v.url, pg_temp.ask('all', v.url) FROM (VALUES
  ('http://127.0.0.2/'), ('http://0.0.0.0/'), ('http://10.1.2.3/'), ('http://172.16.0.1/'), ('http://172.32.0.1/'), ('http://192.168.1.1/'), ('http://169.254.169.254/'), ('http://169.254.170.2/'),
  ('http://100.100.100.200/'), ('http://192.0.0.192/'), ('http://168.63.129.16/'), ('http://168.63.129.17/'), ('http://255.255.255.255/'), ('http://224.0.0.1/'), ('http://8.8.8.8/'),
  ('http://[::]/'), ('http://[::1]/'), ('http://[::127.0.0.1]/'), ('http://[::ffff:0:127.0.0.1]/'), ('http://[64:ff9b::7f00:1]/'), ('http://[64:ff9b:1::7f00:1]/'), ('http://[64:ff9b:1:7f00:0:100::]/'),
  ('http://[2002:7f00:1::]/'), ('http://[2001:0:808:808::80ff:fffe]/'), ('http://[fd00:ec2::254]/'), ('http://[fe80::1]/'), ('http://[ff02::1]/'), ('http://[3fff::1]/'), ('http://[2606:4700::1111]/'), ('http://[::ffff:8.8.8.8]/'),
  ('http://localhost/'), ('http://LOCALHOST./'), ('http://x.localhost/'), ('http://printer/'), ('http://printer.local/'), ('http://metadata/'), ('http://metadata.google.internal/'), ('http://x.internal.corp/'), ('http://db.internal/'),
  ('http://api.default.svc.cluster.local/'), ('http://metadata.tencentyun.com/'), ('http://a.metadata.tencentyun.com/'), ('http://notlocalhost.com/')
) AS v(url);

-- an address of each shipped IPv4 range in every form that some parser takes
WITH range AS (
  SELECT network, host(network + CASE WHEN masklen(network) = 32 THEN 0 ELSE 1 END)::inet AS ip FROM special_range WHERE shipped AND family(network) = 4
), number AS (
  SELECT ip, ip - '0.0.0.0'::inet AS n, string_to_array(host(ip), '.')::bigint[] AS p FROM range
), form AS (
  SELECT ip, f.kind, 'http://' || f.host || '/' AS url
    FROM number, LATERAL (VALUES
      ('dotted', host(ip)), ('dot at the end', host(ip) || '.'), ('decimal', n::text), ('hexadecimal', '0x' || to_hex(n)),
      ('hexadecimal parts', format('0x%s.0x%s.0x%s.0x%s', to_hex(p[1]), to_hex(p[2]), to_hex(p[3]), to_hex(p[4]))),
      ('zeros in front', format('0%s.0%s.0%s.0%s', p[1], p[2], p[3], p[4])), ('short', format('%s.%s', p[1], n % 16777216)),
      ('mapped', format('[::ffff:%s]', host(ip))), ('mapped, hexadecimal', format('[::FFFF:%s:%s]', to_hex(n / 65536), to_hex(n % 65536))),
      ('compatible', format('[::%s]', host(ip))), ('translated', format('[::ffff:0:%s]', host(ip))), ('NAT64', format('[64:ff9b::%s]', host(ip))),
      ('6to4', format('[2002:%s:%s::1]', to_hex(n / 65536), to_hex(n % 65536))),
      ('Teredo', format('[2001::%s:%s]', to_hex(65535 - n / 65536), to_hex(65535 - n % 65536))),
      ('percent', '%' || to_hex(48 + p[1] / 100) || substr(host(ip), 2)), ('userinfo', 'example.com@' || host(ip)), ('backslash', host(ip) || '\@example.com')
    ) AS f(kind, host))
SELECT kind, count(*), count(*) FILTER (WHERE url_allowed('all', url)) AS allowed FROM form GROUP BY kind ORDER BY kind COLLATE "C";

-- only a rule inside an entry lifts it, and only what it covers
SELECT policy_set('lift', schemes => '{http}'), policy_allow('lift', '*') > 0, policy_allow('lift', '0.0.0.0/0') > 0, policy_allow('lift', '10.0.0.0/8', '{GET}') > 0,
       policy_allow('lift', '192.168.1.0/24', ports => '{8080}') > 0, policy_allow('lift', '169.254.0.0/16') > 0, policy_allow('lift', 'localhost') > 0,
       policy_allow('lift', '*.corp.internal') > 0, policy_allow('lift', '*.google.internal') > 0, policy_allow('lift', '64:ff9b::/96') > 0, policy_allow('lift', '127.0.0.1') > 0;
SELECT v.url, v.method, pg_temp.ask('lift', v.url, v.method) FROM (VALUES
  ('http://10.9.9.9/', 'GET'), ('http://10.9.9.9/', 'POST'), ('http://[::ffff:10.9.9.9]/', 'GET'), ('http://192.168.1.7:8080/', 'GET'), ('http://192.168.1.7/', 'GET'), ('http://192.168.2.7:8080/', 'GET'),
  ('http://169.254.1.1/', 'GET'), ('http://169.254.169.254/', 'GET'), ('http://localhost/', 'GET'), ('http://x.localhost/', 'GET'), ('http://git.corp.internal/', 'GET'), ('http://corp.internal/', 'GET'), ('http://db.internal/', 'GET'),
  ('http://x.google.internal/', 'GET'), ('http://metadata.google.internal/', 'GET'), ('http://[64:ff9b::8.8.8.8]/', 'GET'), ('http://[64:ff9b::10.0.0.1]/', 'GET'), ('http://[64:ff9b::192.168.3.1]/', 'GET'),
  ('http://127.0.0.1/', 'GET'), ('http://127.0.0.2/', 'GET'), ('http://172.16.0.1/', 'GET'), ('http://0.0.0.1/', 'GET')
) AS v(url, method);
SELECT policy_deny('lift', '10.9.0.0/16') > 0;
SELECT pg_temp.ask('lift', 'http://10.9.9.9/'), pg_temp.ask('lift', 'http://[::ffff:10.9.9.9]/'), pg_temp.ask('lift', 'http://10.8.9.9/');

-- suffixes match whole labels; the apex is included
SELECT policy_set('s'), policy_allow('s', '*.example.com') > 0, policy_allow('s', 'only.example.org') > 0;
SELECT v.url, pg_temp.ask('s', v.url) FROM (VALUES
  ('https://example.com'), ('https://a.example.com'), ('https://b.a.example.com.'), ('https://notexample.com'), ('https://example.com.evil.net'), ('https://xexample.com'), ('https://com'), ('https://example.co'),
  ('https://only.example.org'), ('https://x.only.example.org'), ('https://example.org'), ('http://example.com')
) AS v(url);

-- deny wins whatever the order; adding rules in the other order changes nothing
SELECT policy_set('d1'), policy_deny('d1', '*.evil.com') > 0, policy_allow('d1', '*') > 0, policy_allow('d1', 'x.evil.com') > 0;
SELECT policy_set('d2'), policy_allow('d2', 'x.evil.com') > 0, policy_allow('d2', '*') > 0, policy_deny('d2', '*.evil.com') > 0;
SELECT v.url, pg_temp.ask('d1', v.url), pg_temp.ask('d1', v.url) = pg_temp.ask('d2', v.url) AS same FROM (VALUES ('https://x.evil.com'), ('https://evil.com'), ('https://good.com')) AS v(url);

-- agentguard's order: invalid_url, method_blocked, denylist_match, not_in_allowlist
SELECT policy_set('order', methods => '{get,head}'), policy_allow('order', 'ok.com') > 0, policy_deny('order', 'bad.com') > 0;
SELECT v.url, v.method, pg_temp.ask('order', v.url, v.method) FROM (VALUES
  ('http://bad.com@x', 'POST'), ('https://bad.com', 'POST'), ('https://bad.com', 'GET'), ('https://other.com', 'GET'), ('https://ok.com', 'GET'), ('https://ok.com', 'get'), ('https://ok.com', 'DELETE'),
  ('https://ok.com', ''), ('https://ok.com', 'GET /'), ('https://ok.com', repeat('A', 40)), ('https://ok.com', NULL), ('http://bad.com', 'GET'), ('http://ok.com', 'GET')
) AS v(url, method);
SELECT pg_temp.refused($$SELECT agentcore.policy_allow('order', 'x.com', '{POST}')$$), pg_temp.refused($$SELECT agentcore.policy_allow('order', 'x.com', '{POST,GET}')$$);

-- ports, paths, methods and time belong to the match
SELECT policy_set('m', schemes => '{https,http}'), policy_allow('m', 'port.com', ports => '{443,8443}') > 0, policy_allow('m', 'path.com', path_prefix => '/v1') > 0, policy_allow('m', 'dir.com', path_prefix => '/v1/') > 0,
       policy_allow('m', 'method.com', '{GET}') > 0, policy_allow('m', 'both.com', '{GET}', path_prefix => '/ro') > 0, policy_allow('m', 'both.com', '{POST}', path_prefix => '/rw') > 0,
       policy_allow('m', 'later.com', valid => '[2100-01-01,)') > 0, policy_allow('m', 'now.com', valid => '[2000-01-01,2100-01-01)') > 0,
       policy_allow('m', 'hole.com') > 0, policy_deny('m', 'hole.com', path_prefix => '/admin') > 0, policy_deny('m', 'hole.com', '{POST}', path_prefix => '/form') > 0;
SELECT v.url, v.method, pg_temp.ask('m', v.url, v.method) FROM (VALUES
  ('https://port.com/', 'GET'), ('https://port.com:8443/', 'GET'), ('http://port.com:443/', 'GET'), ('http://port.com/', 'GET'), ('https://port.com:22/', 'GET'),
  ('https://path.com/v1', 'GET'), ('https://path.com/v1/x', 'GET'), ('https://path.com/v1?x', 'GET'), ('https://path.com/v1x', 'GET'), ('https://path.com/', 'GET'), ('https://path.com/%761/x', 'GET'), ('https://path.com/V1', 'GET'),
  ('https://path.com/v1/../secret', 'GET'), ('https://path.com/v1/%2e%2e/secret', 'GET'), ('https://path.com/v1/..;/secret', 'GET'), ('https://path.com/v1/%2e.;x/secret', 'GET'), ('https://path.com/v1%2f..%2fsecret', 'GET'),
  ('https://path.com/v1/..%5csecret', 'GET'), ('https://path.com//v1', 'GET'), ('https://path.com/v1/%252e%252e/x', 'GET'), ('https://path.com/v1/%00', 'GET'), ('https://path.com/v1/%c0%ae/', 'GET'),
  ('https://dir.com/v1', 'GET'), ('https://dir.com/v1/', 'GET'), ('https://dir.com/v1/x', 'GET'),
  ('https://method.com/', 'GET'), ('https://method.com/', 'POST'), ('https://method.com:1/', 'POST'),
  ('https://both.com/ro/x', 'GET'), ('https://both.com/ro/x', 'POST'), ('https://both.com/rw', 'POST'), ('https://both.com/', 'POST'),
  ('https://later.com/', 'GET'), ('https://now.com/', 'GET'),
  ('https://hole.com/', 'GET'), ('https://hole.com/admin', 'GET'), ('https://hole.com/%61dmin/x', 'GET'), ('https://hole.com/administrator', 'GET'), ('https://hole.com/x/..;/admin', 'GET'), ('https://hole.com//admin', 'GET'),
  ('https://hole.com/form', 'GET'), ('https://hole.com/form', 'POST')
) AS v(url, method);

-- time is the wall clock, not that of the transaction: both edges come after its begin
SELECT policy_set('t');
BEGIN;
SELECT now() < clock_timestamp() AS started;
SELECT policy_allow('t', 'since.com', valid => tstzrange(clock_timestamp(), NULL)) > 0, policy_allow('t', 'over.com', valid => tstzrange(NULL, clock_timestamp() + interval '1 hour')) > 0;
SELECT pg_temp.ask('t', 'https://since.com/'), pg_temp.ask('t', 'https://over.com/');
UPDATE policy_rule SET valid = tstzrange(NULL, clock_timestamp()) WHERE policy = 't' AND pattern = 'over.com';
SELECT pg_temp.ask('t', 'https://since.com/'), pg_temp.ask('t', 'https://over.com/');
COMMIT;

-- modes
SELECT policy_set('audit', 'audit'), policy_deny('audit', 'bad.com') > 0, policy_set('off', 'off');
SELECT v.url, v.method, pg_temp.ask('audit', v.url, v.method) AS audit, pg_temp.ask('off', v.url, v.method) AS off FROM (VALUES
  ('https://bad.com', 'GET'), ('https://x.com', 'GET'), ('https://a@x.com', 'GET'), ('https://x.com', ''), (NULL, 'GET'), ('https://x.com', NULL)) AS v(url, method);
SELECT url_allowed('audit', NULL), url_allowed('off', NULL), url_allowed('all', NULL);

-- bad arguments
SELECT * FROM url_check(NULL, 'https://x.com');
SELECT * FROM url_check('al', 'https://x.com');
SELECT url_allowed(NULL, 'https://x.com');
SELECT url_allowed('nope', 'https://x.com');
SELECT * FROM url_check('all', 'https://x.com', tenant => NULL);
SELECT * FROM url_check('all', 'https://x.com', tenant => 'other');
SELECT count(*) FROM url_check('all', 'https://x.com');

-- Tools --------------------------------------------------------------------

SELECT policy_set('tools'), policy_allow_tool('tools', 'fs/*') > 0, policy_allow_tool('tools', 'search') > 0, policy_deny_tool('tools', 'fs/write*') > 0, policy_deny_tool('tools', 'fs/rm') > 0,
       policy_allow_tool('tools', 'later', '[2100-01-01,)') > 0;
SELECT v.tool, t.allowed, t.reason, t.detail FROM (VALUES ('fs/read'), ('fs/'), ('fs'), ('fs/write'), ('fs/write_all'), ('fs/rm'), ('fs/rmdir'), ('search'), ('Search'), ('search2'), ('later'), (''), ('*'), (NULL)) AS v(tool), tool_check('tools', v.tool) t;
SELECT policy_allow_tool('tools', 'search') = policy_allow_tool('tools', 'search') AS same_rule;
SELECT v.tool, pg_temp.refused(format('SELECT agentcore.policy_allow_tool(%L, %L)', 'tools', v.tool)) FROM (VALUES ('*x'), ('a*b'), ('**'), (''), (NULL), (repeat('x', 256)), (E'a\nb')) AS v(tool);
SELECT * FROM tool_check('tool', 'search');
SELECT * FROM tool_check(NULL, 'search');
SELECT policy_set('everything'), policy_allow_tool('everything', '*') > 0;
SELECT allowed FROM tool_check('everything', 'anything');
SELECT t.allowed, t.reason FROM (VALUES ('audit'), ('off'), ('all')) AS v(policy), tool_check(v.policy, 'x') t;

-- Addresses ----------------------------------------------------------------

SELECT policy_set('ip'), policy_allow('ip', 'api.example.com') > 0, policy_allow('ip', '10.0.0.0/8') > 0, policy_allow('ip', '192.168.0.0/16', ports => '{5432}') > 0, policy_allow('ip', '172.16.0.0/12', '{GET}') > 0,
       policy_deny('ip', '10.66.0.0/16') > 0, policy_deny('ip', '9.9.9.9', ports => '{53}') > 0;
SELECT v.ips, v.port, i.* FROM (VALUES
  ('{8.8.8.8}'::inet[], NULL::int), ('{8.8.8.8,2606:4700::1111}', NULL), ('{8.8.8.8,127.0.0.1}', NULL), ('{127.0.0.1,8.8.8.8}', NULL), ('{10.0.0.1}', NULL), ('{10.66.0.1}', NULL), ('{::ffff:10.66.0.1}', NULL), ('{::ffff:10.0.0.1}', NULL),
  ('{64:ff9b::10.0.0.1}', NULL), ('{2002:a00:1::}', NULL), ('{192.168.0.1}', NULL), ('{192.168.0.1}', 5432), ('{192.168.0.1}', 22), ('{172.16.0.1}', 443), ('{9.9.9.9}', NULL), ('{9.9.9.9}', 53), ('{9.9.9.9}', 443),
  ('{8.8.8.8/24}', NULL), ('{10.0.0.0/8}', NULL), ('{8.8.8.8,NULL}', NULL), ('{}', NULL), (NULL, NULL)
) AS v(ips, port), ip_check('ip', v.ips, v.port) i;
SELECT * FROM ip_check('ip', '{8.8.8.8}', 0);
SELECT * FROM ip_check('nope', '{8.8.8.8}');
SELECT i.* FROM (VALUES ('audit'), ('off')) AS v(policy), ip_check(v.policy, '{127.0.0.1}') i;
SELECT i.* FROM (VALUES ('audit'), ('off')) AS v(policy), ip_check(v.policy, NULL) i;

-- Special entries of one's own ---------------------------------------------

SELECT special_set('8.8.8.0/24', 'ours'), special_set('8.8.8.0/24', 'ours'), special_set('vault.example.com', 'vault'), special_set('*.acme', 'intranet'), special_set('[2606:4700::]/32', 'cdn');
SELECT pg_temp.ask('all', 'https://8.8.8.8/'), pg_temp.ask('all', 'https://vault.example.com'), pg_temp.ask('all', 'https://git.acme/'), pg_temp.ask('all', 'https://[2606:4700::1]');
SELECT pattern, name, shipped FROM special_entries WHERE NOT shipped ORDER BY pattern;
SELECT special_drop('8.8.8.0/24'), special_drop('8.8.8.0/24'), special_drop('127.0.0.0/8'), special_drop('*.acme'), special_drop('vault.example.com'), special_drop('2606:4700::/32');
SELECT pg_temp.ask('all', 'https://8.8.8.8/'), pg_temp.ask('all', 'https://127.0.0.1/'), pg_temp.ask('all', 'https://git.acme/');
SELECT special_set('*', 'x');
SELECT special_set('8.8.8.8/24', 'x');
SELECT count(*) > 50 AS listed, bool_and(source <> '' AND as_of > '2020-01-01') AS dated FROM special_entries WHERE shipped;

-- Tenants share nothing but what is shipped ----------------------------------

SELECT policy_set('all', schemes => '{http}', tenant => 'acme'), policy_allow('all', '*', tenant => 'acme') > 0, special_set('*.acme.com', 'theirs', tenant => 'acme');
SELECT url_allowed('all', 'http://acme.com', tenant => 'acme') AS theirs, url_allowed('all', 'https://x.com', tenant => 'acme') AS their_schemes, url_allowed('all', 'http://acme.com') AS ours, url_allowed('all', 'http://localhost', tenant => 'acme') AS special;
SELECT special_drop('*.acme.com'), special_drop('*.acme.com', 'acme');
SELECT url_allowed('all', 'http://acme.com', tenant => 'acme');

-- A change by any means is heard; what cannot be read denies ------------------

SELECT policy_set('raw'), policy_allow('raw', 'a.com') > 0;
SELECT url_allowed('raw', 'https://a.com'), url_allowed('raw', 'https://b.com');
UPDATE policy_rule SET pattern = 'b.com' WHERE policy = 'raw';
SELECT url_allowed('raw', 'https://a.com'), url_allowed('raw', 'https://b.com');
COPY policy_rule (tenant, policy, kind, effect, pattern) FROM stdin;
	raw	url	deny	b.com
\.
SELECT url_allowed('raw', 'https://a.com'), url_allowed('raw', 'https://b.com');
DELETE FROM policy_rule WHERE policy = 'raw' AND effect = 'deny';
SELECT url_allowed('raw', 'https://b.com');
BEGIN;
SELECT policy_allow('raw', 'c.com') > 0;
SAVEPOINT a;
SELECT policy_deny('raw', 'b.com') > 0;
SELECT url_allowed('raw', 'https://b.com'), url_allowed('raw', 'https://c.com');
ROLLBACK TO a;
SELECT url_allowed('raw', 'https://b.com'), url_allowed('raw', 'https://c.com');
ROLLBACK;
SELECT url_allowed('raw', 'https://b.com'), url_allowed('raw', 'https://c.com');
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern) VALUES ('', 'raw', 'url', 'deny', '*broken*');
SELECT pg_temp.ask('raw', 'https://b.com');
SELECT allowed, reason, detail FROM tool_check('raw', 'x');
SELECT allowed, reason, detail FROM ip_check('raw', '{8.8.8.8}');
UPDATE policy_rule SET pattern = 'x.com', path_prefix = '/a/../b' WHERE pattern = '*broken*';
SELECT pg_temp.ask('raw', 'https://b.com');
UPDATE policy_rule SET path_prefix = NULL, methods = '{get}' WHERE pattern = 'x.com';
SELECT pg_temp.ask('raw', 'https://b.com');
UPDATE policy_rule SET methods = '{GET}' WHERE pattern = 'x.com';
SELECT pg_temp.ask('raw', 'https://b.com');
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern) VALUES ('', 'raw', 'tool', 'deny', 'a*b');
UPDATE policy SET mode = 'audit' WHERE name = 'raw';
SELECT pg_temp.ask('raw', 'https://b.com');
BEGIN;
TRUNCATE policy_rule;
SELECT pg_temp.ask('all', 'https://b.com');
ROLLBACK;
SELECT pg_temp.ask('all', 'https://b.com');

-- Explaining ---------------------------------------------------------------

SELECT effect, pattern, matched, why FROM policy_explain('lift', 'http://10.9.9.9/', 'POST');
SELECT effect, pattern, matched, why FROM policy_explain('s', 'https://notexample.com/');
SELECT effect, matched, why FROM policy_explain('lift', 'http://a@b/');
SELECT effect, matched, why FROM policy_explain('lift', NULL);
SELECT * FROM policy_explain('nope', 'http://x/');

-- Many rules: the index and the plain walk agree ---------------------------

SELECT policy_set('many');
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern, ports)
SELECT '', 'many', 'url', CASE WHEN i % 7 = 0 THEN 'deny' ELSE 'allow' END,
       CASE i % 3 WHEN 0 THEN 'h' || i || '.example.com' WHEN 1 THEN '*.d' || i || '.example.net' ELSE host(('8.0.0.0'::inet + i * 256)) || '/24' END,
       CASE WHEN i % 5 = 0 THEN '{443}'::int[] END
  FROM generate_series(1, 600) i;
WITH asked AS (
  SELECT u.url, c.allowed,
         bool_or(x.effect = 'allow' AND x.matched) AND NOT bool_or(x.effect = 'deny' AND x.matched) AS expected
    FROM (SELECT CASE i % 3 WHEN 0 THEN 'https://h' || i || '.example.com/' WHEN 1 THEN 'https://x.d' || i || '.example.net:8443/' ELSE 'https://' || host('8.0.0.9'::inet + i * 256) || '/' END AS url
            FROM generate_series(1, 630, 10) i) u,
         url_check('many', u.url) c, policy_explain('many', u.url) x
   GROUP BY u.url, c.allowed)
SELECT count(*) AS asked, count(*) FILTER (WHERE allowed) > 20 AS some_allowed, count(*) FILTER (WHERE NOT allowed) > 5 AS some_denied, count(*) FILTER (WHERE allowed IS DISTINCT FROM expected) AS differ FROM asked;

-- Access -------------------------------------------------------------------

CREATE ROLE regress_allow_agent;
CREATE ROLE regress_allow_reader;
CREATE ROLE regress_allow_stranger;
SELECT access_grant('regress_allow_agent', 'agent'), access_grant('regress_allow_reader', 'reader');
SET ROLE regress_allow_agent;
SELECT url_allowed('all', 'https://example.com'), allowed FROM tool_check('tools', 'search');
SELECT policy_allow('all', 'example.com');
SELECT url_allowed('all', 'https://example.com', tenant => 'other');
SELECT count(*) > 5 AS sees FROM policies;
SELECT count(*) FROM policy_rule;
SET ROLE regress_allow_reader;
SELECT count(*) > 0 AS explains FROM policy_explain('s', 'https://example.com');
SELECT url_allowed('all', 'https://example.com');
SET ROLE regress_allow_stranger;
SELECT ok FROM url_parse('https://example.com');
SELECT url_allowed('all', 'https://example.com');
SELECT count(*) AS policies, (SELECT count(*) FROM policy_rules) AS rules, (SELECT count(*) > 0 FROM special_entries) AS shipped FROM policies;
RESET ROLE;
SELECT access_revoke('regress_allow_agent'), access_revoke('regress_allow_reader');
DROP ROLE regress_allow_agent, regress_allow_reader, regress_allow_stranger;

-- a function in the caller's WHERE clause sees no row that he may not see
SELECT special_set('secret.internal', 'secret of t1', tenant => 't1');
CREATE ROLE regress_agentcore_nosy;
CREATE FUNCTION public.leak(pattern text, tenant text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
  IF tenant <> '*' THEN
    RAISE NOTICE 'saw % of %', pattern, tenant;
  END IF;
  RETURN true;
END $$;
SELECT access_grant('regress_agentcore_nosy', 'reader', '{t2}');
SET ROLE regress_agentcore_nosy;
SELECT count(*) > 0 AS shipped FROM special_entries WHERE public.leak(pattern, tenant);
RESET ROLE;
DROP FUNCTION public.leak;
SELECT access_revoke('regress_agentcore_nosy');
DROP ROLE regress_agentcore_nosy;
