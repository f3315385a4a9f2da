-- allow: public suffixes (allow_suffix_1.out is for builds without libpsl)
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
SET search_path = agentcore;
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text;
BEGIN
  EXECUTE statement;
  RETURN 'ACCEPTED';
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(d, ''));
END $$;

SELECT policy_set('s');
-- stars over suffixes of both parts of the list, over wildcard suffixes and in both spellings
SELECT v.pattern, pg_temp.try(format('SELECT agentcore.policy_allow(%L, %L)', 's', v.pattern)) AS answer FROM (VALUES
  ('*.com'), ('*.COM.'), ('*.co.uk'), ('*.github.io'), ('*.kawasaki.jp'), ('*.foo.ck'), ('*.xn--p1ai'), ('*.xn--55qx5d.cn'), ('*.nosuchtld')
) AS v(pattern);
-- one name below a suffix, the exceptions of the list, a suffix as a single host, and every host by name
SELECT v.pattern, pg_temp.try(format('SELECT agentcore.policy_allow(%L, %L)', 's', v.pattern)) AS answer FROM (VALUES
  ('*.example.com'), ('*.example.co.uk'), ('*.me.github.io'), ('*.city.kawasaki.jp'), ('*.www.ck'), ('co.uk'), ('*')
) AS v(pattern);
-- a deny as well; forced, each is taken
SELECT pg_temp.try($$SELECT agentcore.policy_deny('s', '*.com')$$);
SELECT policy_allow('s', '*.com', force => true) > 0 AS com, policy_deny('s', '*.co.uk', force => true) > 0 AS uk, policy_allow('s', '*.example.net', force => true) > 0 AS net;
SELECT policy_allow('s', '*.com', force => NULL);
SELECT url_allowed('s', 'https://any.com/') AS com, url_allowed('s', 'https://any.co.uk/') AS uk;
SELECT effect, pattern, forced FROM policy_rules WHERE policy = 's' AND pattern IN ('*.com', '*.co.uk', '*.example.net') ORDER BY pattern;
-- a configuration carries it
SELECT jsonb_path_query_array(config_export(), '$.policies[*].allow[*] ? (@.pattern == "*.com")') AS exported;
SELECT pg_temp.try($$SELECT * FROM agentcore.config_apply('{"policies": [{"name": "c", "allow": ["*.com"]}]}')$$);
SELECT kind, name, action FROM config_apply(config_export());
SELECT kind, name, action FROM config_apply('{"policies": [{"name": "c", "allow": [{"pattern": "*.com", "force": true}]}]}');
-- special entries are made of such names
SELECT special_set('*.com', 'none of them') AS set, special_drop('*.com') AS dropped;
