-- allow: host names outside ASCII (allow_idn_1.out is for builds without ICU)
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
SET search_path = agentcore;

-- the standard's host, or none
SELECT v.url AS given, p.ok, p.reason, p.host FROM (VALUES
  ('http://faß.de/'), ('http://Bücher.example/'), ('http://日本。example'), ('http://аpple.com/'), ('http://allowed。com/'), ('http://allowed｡com/'), ('http://allowed．com/'),
  ('http://①②⑦.0.0.1/'), ('http://１２７.０.０.１'), ('http://０ｘ7f.1/'), ('http://1２7.1/'), (E'http://exam\u00adple.com/'), ('http://Ａ.com/'),
  ('http://℀.com/'), ('http://a／b/'), ('http://a＠b/'), ('http://a：80/'), ('http://a％41/'), (E'http://a\u200bb.com/'), (E'http://a\u200d.com/'), ('http://ẞ.de/'),
  (E'http://\u00ad/'), (E'http://a\u3002\u3002b/'), (E'http://a.\u3002/'), (E'http://x\u2028y/'), ('http://' || repeat('ü', 60) || '.de/'), ('http://é%41.com/'), (E'http://\u05d0a.com/'), ('http://[é]/'),
  ('http://xn--fa-hia.de'), ('http://XN--FA-HIA.de'), ('http://xn--a/'), ('http://xn--/')
) AS v(url), url_parse(v.url) p;

-- rules are stored in the same form
SELECT policy_set('idn', schemes => '{http}'), policy_allow('idn', 'example.com') > 0;
SELECT pattern FROM policy_rules WHERE policy = 'idn';
CREATE FUNCTION pg_temp.allow(pattern text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM agentcore.policy_allow('idn', pattern);
  RETURN 'accepted';
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN SQLERRM;
END $$;
SELECT v.pattern, pg_temp.allow(v.pattern) FROM (VALUES ('*.Bücher.example'), ('ａpi。example.com'), ('xn--bcher-kva.example'), ('a／b'), ('xn--a'), ('１２７.0.0.1')) AS v(pattern);
SELECT pattern FROM policy_rules WHERE policy = 'idn' ORDER BY rule;
SELECT v.url, c.allowed, c.reason, c.url FROM (VALUES ('http://www.bücher.example/'), ('http://www.xn--bcher-kva.example/'), ('http://ＥＸＡＭＰＬＥ.com/'), ('http://еxample.com/'), ('http://ｌｏｃａｌｈｏｓｔ/'), ('http://１６９.254.１６９.254/')) AS v(url), url_check('idn', v.url) c;
