-- allow: policies whose rules stay in the table decide as those that are held compiled
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
SET search_path = agentcore;

SELECT policy_set('p', schemes => '{http,https}', methods => '{GET,POST,PUT}');
-- all kinds of rules
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern, methods, ports, path_prefix, valid)
SELECT '', 'p', 'url', CASE WHEN i % 7 = 0 THEN 'deny' ELSE 'allow' END,
       CASE i % 6 WHEN 0 THEN 'h' || i / 12 || '.example.com' WHEN 1 THEN '*.h' || i / 12 || '.example.com' WHEN 2 THEN '*.t' || i / 12 || '.org'
                  WHEN 3 THEN format('93.184.%s.0/%s', i / 12, 24) WHEN 4 THEN format('8.8.%s.%s', i / 12, i % 4) ELSE format('[2600:%s::]/%s', to_hex(4096 + i), 32) END,
       CASE WHEN i % 5 = 0 THEN '{POST}'::text[] END, CASE WHEN i % 11 = 0 THEN '{8443}'::int[] END,
       CASE WHEN i % 13 = 0 THEN '/a' END, CASE WHEN i % 17 = 0 THEN '[2000-01-01,2001-01-01)'::tstzrange END
  FROM generate_series(1, 560) i;
SELECT count(policy_allow('p', v)) FROM unnest('{10.1.0.0/16,127.0.0.1,[::1],metadata.google.internal,93.184.0.0/16,0.0.0.0/0,[2600::]/12,10.64.0.0/10,*.example.com,com.example,*.a.b.c.d.example.net}'::text[]) v;
SELECT count(policy_deny('p', v)) FROM unnest('{evil.example.com,*.bad.example.com,93.184.7.0/25,10.1.2.3,[2600:1005::]/48}'::text[]) v;
SELECT policy_allow('p', '*', path_prefix => '/open') > 0 AS a, policy_deny('p', '*', ports => '{6379}') > 0 AS b, policy_deny('p', '*.example.com', methods => '{PUT}', path_prefix => '/a/b') > 0 AS c,
       policy_allow('p', repeat('a.', 126) || 'a') > 0 AS d, policy_allow('p', '*.' || repeat('b.', 126) || 'b') > 0 AS e;
SELECT count(policy_allow_tool('p', v)) FROM unnest(ARRAY['fs.*', 'read', 'web_*', 'späß*', repeat('x', 254) || '*', repeat('y', 255), 'both', 'read*']) v;
SELECT count(policy_deny_tool('p', v)) FROM unnest('{fs.write*,web_post,both}'::text[]) v;
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern, valid) SELECT '', 'p', 'tool', CASE i % 3 WHEN 0 THEN 'deny' ELSE 'allow' END, 't' || i || CASE WHEN i % 2 = 0 THEN '*' ELSE '' END, CASE WHEN i % 5 = 0 THEN '[2000-01-01,2001-01-01)'::tstzrange END FROM generate_series(1, 20) i;

CREATE TEMP TABLE asked (url text, method text);
INSERT INTO asked SELECT u, m FROM (
    SELECT format(f, i) FROM unnest('{https://h%s.example.com/,https://x.h%s.example.com:8443/a,http://xh%s.example.com/a/b,https://t%s.org/open/x,https://nott%s.org/,https://93.184.%s.9/a,http://93.184.%s.200:8443/,http://8.8.%s.2/,http://8.8.%s.3/a/%%2f}'::text[]) f, generate_series(0, 47, 3) i
    UNION ALL SELECT format('https://[2600:%s::1]/a', to_hex(4096 + i)) FROM generate_series(0, 60) i
    UNION ALL SELECT unnest('{https://example.com/,https://notexample.com/,https://evil.example.com/open,https://x.bad.example.com/,https://bad.example.com,http://10.1.2.3/,http://10.1.2.4/,http://10.2.0.1/,http://10.65.1.1/,http://127.0.0.1/,http://127.0.0.2/,http://[::1]/,http://[::ffff:10.1.2.4]/,http://[::ffff:10.1.2.3]/,http://[64:ff9b::a01:204]/,http://metadata.google.internal/,http://metadata/,http://localhost/open,https://com.example/,https://x.com.example/,http://z.a.b.c.d.example.net/,http://b.c.d.example.net/,http://any.where:6379/open,http://any.where/open/1,http://any.where/opens,http://1.1.1.1/open,ftp://x/,http://a@b/,wss://example.com/,http://[2600::5]/,http://[2601::5]/open}'::text[])
    UNION ALL SELECT 'http://' || repeat('a.', 126) || 'a/' UNION ALL SELECT 'http://' || repeat('b.', 126) || 'b/' UNION ALL SELECT 'http://' || repeat('b.', 125) || 'b/' UNION ALL SELECT NULL) AS v (u),
  unnest('{GET,POST,PUT,DELETE,G T}'::text[]) m;

CREATE TEMP VIEW answers AS
  SELECT 'url ' || coalesce(a.url, 'null') || ' ' || method AS question, concat_ws('|', c.allowed, c.reason, c.detail, c.url, c.host, c.port, c.rule, url_allowed('p', a.url, method)) AS answer FROM asked a, url_check('p', a.url, method) c
  UNION ALL SELECT 'explain ' || url, (SELECT string_agg(concat_ws('|', rule, effect, pattern, matched, why), ',' ORDER BY n) FROM policy_explain('p', url) WITH ORDINALITY AS x(rule, effect, pattern, matched, why, n)) FROM asked WHERE method = 'GET' AND url ~ '[13579]'
  UNION ALL SELECT 'ip ' || ip || ' ' || coalesce(port::text, ''), concat_ws('|', c.*) FROM unnest('{93.184.7.9,93.184.9.9,10.1.2.3,10.1.2.4,10.2.2.2,1.1.1.1,127.0.0.1,::1,::ffff:10.1.2.3,2600:1005::1,2600:1007::1,64:ff9b::a01:203,fe80::1}'::inet[]) ip, unnest('{NULL,443,6379,8443}'::int[]) port, ip_check('p', ARRAY[ip], port) c
  UNION ALL SELECT 'tool ' || tool, concat_ws('|', c.*) FROM (SELECT 't' || i || s FROM generate_series(0, 22) i, unnest('{"",x,*}'::text[]) s UNION ALL SELECT unnest(ARRAY['fs.read', 'fs.write', 'fs.', 'fs', 'read', 'reader', 'rea', 'web_get', 'web_post', 'web_poster', 'späß', 'späßchen', 'spä', 'both', '', '*', repeat('x', 253), repeat('x', 254), repeat('x', 300), repeat('y', 255), repeat('y', 256)])) AS v (tool), tool_check('p', tool) c;

CREATE TEMP TABLE whole AS SELECT * FROM answers;
SELECT split_part(question, ' ', 1) AS kind, count(*) > 50 AS many, count(*) FILTER (WHERE answer ~ '^\(?t') > 5 AS some_allowed, count(*) FILTER (WHERE answer ~ '^\(?f') > 5 AS some_denied FROM whole GROUP BY 1 ORDER BY 1;
SELECT bytes > 60000 AS held FROM stat_compiled WHERE class = 'policy' AND name = 'p';

-- Rules in the table: the same answers, and little memory
SET agentcore.policy_cache_max_rules = 0;
UPDATE policy SET mode = mode;
CREATE TEMP TABLE large AS SELECT * FROM answers;
SELECT count(*) = (SELECT count(*) FROM whole) AS all_asked, count(*) FILTER (WHERE l.answer IS DISTINCT FROM w.answer) AS differ FROM large l JOIN whole w USING (question);
SELECT left(question, 200) AS question, w.answer AS whole, l.answer AS large FROM large l JOIN whole w USING (question) WHERE l.answer IS DISTINCT FROM w.answer ORDER BY question LIMIT 5;
SELECT bytes < 40000 AS not_held, compiles FROM stat_compiled WHERE class = 'policy' AND name = 'p';

-- in workers
SELECT count(set_config(name, 'on', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT url_allowed('p', 'https://com.example/'), url_allowed('p', 'https://x.com.example/'), (tool_check('p', 'fs.read')).allowed;
SELECT count(set_config(name, 'off', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

-- Where it begins: at one rule more than the setting, whatever its kind
SELECT count(*) AS rules FROM policy_rule \gset
CREATE FUNCTION pg_temp.is_held(rules int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('agentcore.policy_cache_max_rules', rules::text, true);
  UPDATE agentcore.policy SET mode = mode;
  PERFORM agentcore.url_allowed('p', 'https://com.example/');
  RETURN bytes > 60000 FROM agentcore.stat_compiled WHERE class = 'policy' AND name = 'p';
END $$;
SELECT pg_temp.is_held(:rules) AS at, pg_temp.is_held(:rules - 1) AS above, pg_temp.is_held(100000) AS below, pg_temp.is_held(0) AS none;
-- and where the rules would take three quarters of the memory for everything
RESET agentcore.policy_cache_max_rules;
SELECT policy_set('q');
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern) SELECT '', 'q', 'url', 'allow', 'h' || i || '.example.org' FROM generate_series(1, 3000) i;
SELECT url_allowed('q', 'https://h3000.example.org/');
SELECT bytes > 262144 AS held FROM stat_compiled WHERE name = 'q';
SET agentcore.compiled_cache_size = '256kB';
UPDATE policy SET mode = mode WHERE name = 'q';
SELECT url_allowed('q', 'https://h3000.example.org/') AS allowed, url_allowed('q', 'https://h3001.example.org/') AS beyond;
SELECT bytes < 40000 AS not_held FROM stat_compiled WHERE name = 'q';
RESET agentcore.compiled_cache_size;

-- Changes, each seen at once
SET agentcore.policy_cache_max_rules = 0;
SELECT policy_set('r'), policy_allow('r', '*.example.com') > 0 AS allowed;
CREATE TEMP VIEW now_says AS SELECT url_allowed('r', 'https://a.example.com/') AS url, (tool_check('r', 'read')).allowed AS tool, (ip_check('r', '{1.1.1.1}')).allowed AS ip;
SELECT * FROM now_says;
BEGIN;
SELECT policy_deny('r', 'a.example.com') > 0 AS denied, policy_allow_tool('r', 'r*') > 0 AS allowed, policy_deny('r', '1.1.0.0/16') > 0 AS denied_ip;
SELECT * FROM now_says;
SAVEPOINT s;
DELETE FROM policy_rule WHERE policy = 'r' AND effect = 'deny';
SELECT * FROM now_says;
ROLLBACK TO s;
SELECT * FROM now_says;
ROLLBACK;
SELECT * FROM now_says;
SELECT special_set('a.example.com', 'closed');
SELECT * FROM now_says;
SELECT special_drop('a.example.com');
SELECT policy_set('r', mode => 'audit');
SELECT allowed, reason FROM url_check('r', 'https://example.net/');
SELECT policy_set('r', mode => 'off');
SELECT allowed, reason FROM url_check('r', 'https://example.net/');
SELECT policy_set('r', reset => '{mode}');

-- A row that is not in canonical form denies everything, in the table as in memory
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern) VALUES ('', 'r', 'url', 'deny', 'Other.Example.com');
SELECT allowed, reason, detail FROM url_check('r', 'https://a.example.com/');
SELECT allowed, reason, detail FROM tool_check('r', 'x');
SELECT * FROM ip_check('r', '{1.1.1.1}');
SELECT effect, pattern, matched, why FROM policy_explain('r', 'https://a.example.com/');
RESET agentcore.policy_cache_max_rules;
UPDATE policy SET mode = mode WHERE name = 'r';
SELECT allowed, reason, detail FROM url_check('r', 'https://a.example.com/');
UPDATE policy_rule SET pattern = 'other.example.com' WHERE pattern = 'Other.Example.com';
SELECT * FROM now_says;
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern) VALUES ('', 'r', 'tool', 'deny', 'a*b*');
SET agentcore.policy_cache_max_rules = 0;
UPDATE policy SET mode = mode WHERE name = 'r';
SELECT allowed, reason, detail FROM tool_check('r', 'x');
DELETE FROM policy_rule WHERE pattern = 'a*b*';
-- one that got past the triggers is found by whoever comes upon it
SELECT * FROM now_says;
BEGIN;
ALTER TABLE policy_rule DISABLE TRIGGER USER;
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern, path_prefix) VALUES ('', 'r', 'url', 'deny', 'a.example.com', '/a/../b');
SELECT allowed, reason, detail FROM url_check('r', 'https://a.example.com/');
SELECT url_allowed('r', 'https://b.example.com/') AS another;
ROLLBACK;

-- The policy goes
SELECT policy_drop('r');
SELECT * FROM now_says;
