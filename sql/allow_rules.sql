-- allow: rules that could never match, and the form in which rules are stored
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
SET search_path = agentcore;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`

SELECT policy_set('n', methods => '{GET,HEAD}', schemes => '{http,https}');
-- each refused: nothing could ever match it
SELECT v.what, pg_temp.refused(format('SELECT agentcore.policy_%s', v.what)) AS answer FROM (VALUES
  ($$allow('n', 'x.com', methods => '{}')$$), ($$allow('n', 'x.com', methods => '{POST}')$$), ($$deny('n', 'x.com', methods => '{POST,PUT}')$$),
  ($$allow('n', 'x.com', ports => '{}')$$), ($$allow('n', 'x.com', ports => '{0}')$$), ($$allow('n', 'x.com', ports => '{443,65536}')$$),
  ($$allow('n', 'x.com', path_prefix => '/a?b')$$), ($$allow('n', 'x.com', path_prefix => '/a#b')$$), ($$allow('n', 'x.com', path_prefix => '/a%2fb')$$),
  ($$allow('n', 'x.com', path_prefix => '/a//b')$$), ($$allow('n', 'x.com', path_prefix => '/a/..;/b')$$), ($$allow('n', '10.0.0.0/8', path_prefix => '/a%5cb')$$),
  ($$allow('n', 'x.com', valid => 'empty')$$), ($$allow('n', 'x.com', valid => '[2020-01-01,2020-01-02]')$$), ($$allow('n', 'x.com', valid => '(,-infinity]')$$),
  ($$allow('n', 'x.com', valid => '[infinity,)')$$), ($$allow('n', 'x.com', valid => '(2100-01-01 00:00:00,2100-01-01 00:00:00.000001)')$$),
  ($$allow_tool('n', 'x', valid => '[2020-01-01,2020-01-02)')$$),
  ($$allow('n', '::ffff:10.0.0.0/104')$$), ($$allow('n', '::ffff:10.0.0.1')$$), ($$allow('n', '10.0.0.0/8/x')$$), ($$allow('n', '10.0.0.0/8:80')$$),
  ($$allow('n', '*.10.0.0.1')$$), ($$allow('n', 'a..b')$$), ($$allow('n', 'x.0x1')$$), ($$allow('n', 'user@x.com')$$)
) AS v(what);
SELECT count(*) AS written FROM policy_rules WHERE policy = 'n';

-- what looks so and is not: any port goes with any scheme, an address has paths, a range may begin later
SELECT policy_allow('n', 'x.com', ports => '{443}') > 0, policy_allow('n', '8.8.8.0/24', ports => '{80}', path_prefix => '/dns') > 0, policy_allow('n', 'y.com', '{POST,GET}') > 0,
       policy_allow('n', 'z.com', valid => '[2100-01-01,infinity]') > 0, policy_allow('n', 'z.com', valid => '[-infinity,2100-01-01]') > 0;
SELECT v.url, url_allowed('n', v.url) FROM (VALUES ('http://x.com:443/'), ('https://x.com/'), ('http://8.8.8.8/dns/q'), ('http://8.8.8.8/'), ('https://y.com/'), ('https://z.com/')) AS v(url);

-- a shorter list of methods leaves rules behind: said, not refused
SELECT policy_set('n', methods => '{HEAD}', schemes => '{http,https}');
SELECT policy_set('n', methods => '{HEAD}', schemes => '{http,https}');
SELECT policy_set('n', schemes => '{http,https}');

-- the one form, shown when it is another than what was written
SELECT policy_allow('n', 'API.Example.COM.', path_prefix => '/A/./%7euser/../b/') > 0;
SELECT policy_allow('n', 'api.example.com', path_prefix => '/A/b/') > 0;
SELECT effect, pattern, path_prefix FROM policy_rules WHERE policy = 'n' AND pattern LIKE 'api%';
