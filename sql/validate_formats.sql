-- Formats, case by case; host names outside ASCII are in validate_idn.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
\pset format unaligned
\pset tuples_only on

CREATE FUNCTION pg_temp.judge(format text, VARIADIC candidates text[]) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format || ': ' || c || ' ' || agentcore.jsonschema_validate(jsonb_build_object('format', format), to_jsonb(c), assert_format => true) FROM unnest(candidates) c $$;
SELECT pg_temp.judge('date', '2024-02-29', '1900-02-29', '2000-02-29', '2024-04-31', '2024-13-01', '2024-00-01', '24-01-01', '2024-1-01', '২০২৪-01-01', '2024-01-01 ', '');
SELECT pg_temp.judge('time', '00:00:00Z', '23:59:59.123456789z', '23:59:60Z', '22:59:60Z', '00:59:60+01:00', '23:59:60-00:00', '24:00:00Z', '12:60:00Z', '12:00:61Z', '12:00:00', '12:00:00.Z', '12:00:00+24:00', '12:00:00+0100');
SELECT pg_temp.judge('date-time', '2024-02-29t00:00:00Z', '2024-02-29 00:00:00Z', '2024-02-30T00:00:00Z', '2016-12-31T23:59:60Z');
SELECT pg_temp.judge('duration', 'P1Y', 'P1W', 'P1M2D', 'PT1H2M3S', 'PT1H3S', 'P1W1D', 'P', 'PT', 'P1YT', 'P1.5D', '-P1D', 'P1D ', 'PT0S');
SELECT pg_temp.judge('email', 'a@b', 'a.b+c@d-e.f', '"a b\"@"@c', 'a@[127.0.0.1]', 'a@[IPv6:::1]', 'a@[IPv6:1::2::3]', '.a@b', 'a..b@c', 'a@', '@b', 'a@b@c', 'a b@c', 'ä@b', 'a@ä', repeat('a', 65) || '@b');
SELECT pg_temp.judge('idn-email', 'ä@b', '"ä"@b', 'a b@c', 'ä@', 'ä');
SELECT pg_temp.judge('ipv4', '0.0.0.0', '255.255.255.255', '256.1.1.1', '01.1.1.1', '1.1.1', '1.1.1.1.1', '0x7f.1.1.1', '1.1.1.1/8', '１.1.1.1');
SELECT pg_temp.judge('ipv6', '::', '::1', '1::', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8:9', '::ffff:1.2.3.4', '1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', '12345::', ':1', '1:', '::1%eth0', '1:::2', '::1.2.3');
SELECT pg_temp.judge('hostname', 'a', 'a.b', '1.2', 'a-b', '-a', 'a-', 'a_b', 'a..b', 'a.', '.a', '', 'ab--cd', 'ä', repeat('a', 63), repeat('a', 64), repeat('abcdefg.', 31) || 'abcde', repeat('abcdefg.', 31) || 'abcdef');
SELECT pg_temp.judge('uri', 'http://a', 'urn:a:b', 'http://a:80/b?c#d', 'http://[::1]/', 'http://[v1.a:b]/', 'http://a b/', 'http://a/%zz', 'http://a/%41', '//a', 'a', ':a', '1a:b', 'http://[::1', 'http://a:b/', 'http://a\b', 'http://ä/', 'http://a/<b>', 'http://a@b@c/');
SELECT pg_temp.judge('uri-reference', '', '//a', '/a', '#b', 'a:b', '1:b', './1:b', 'a\b', 'ä');
SELECT pg_temp.judge('iri', 'http://ä/ö?ü#ß', 'http://ä ö/', 'ä:b', 'ä');
SELECT pg_temp.judge('iri-reference', 'ä', '#ß', 'a\ß');
SELECT pg_temp.judge('uri-template', 'http://a/{b}', '{+a,b*,c:3}', '{?a}', '{a', 'a}', '{}', '{a:0}', '{a:10000}', '{a b}', '{/a.b}', '{!a}', '%zz', '{%41}', '"');
SELECT pg_temp.judge('uuid', '2EB8AA08-aa98-11ea-b4aa-73b441d16380', '00000000-0000-0000-0000-000000000000', '2eb8aa08-aa98-11ea-b4aa-73b441d1638', '2eb8aa08-aa98-11ea-b4aa73b441d16380-', '{2eb8aa08-aa98-11ea-b4aa-73b441d16380}', 'zeb8aa08-aa98-11ea-b4aa-73b441d16380');
SELECT pg_temp.judge('json-pointer', '', '/', '/a~0~1', '/a~2', '/a~', 'a', '#/a', '/ä', '//');
SELECT pg_temp.judge('relative-json-pointer', '0', '1/a', '0#', '10#', '01', '-1', '+1', '/a', '', '0##', '1a', '1/~');
-- what is no string has any format
SELECT bool_and(jsonschema_validate(jsonb_build_object('format', f), v, assert_format => true))
  FROM unnest(ARRAY['date', 'time', 'email', 'hostname', 'idn-hostname', 'uri', 'regex', 'uuid']) f, unnest(ARRAY['1', 'null', 'true', '[]', '{}']::jsonb[]) v;

-- Patterns where PCRE2 by itself would say something else than ECMA-262
SELECT p, s, jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(s))
  FROM (VALUES ('^[]*$', ''), ('^[^]+$', E'a\n'), ('^a[]', 'a'), ('^(?:[])?$', ''), ('^[.a.]$', '.'), ('^[:a:]$', ':'), ('^[=a=]$', '='), ('^\uD83D', '😀'), ('^\uD83D*$', ''), ('^\1{1,}(a)$', 'a'), ('^(?:(a)|b)\1+$', 'b'),
    ('^\k<n>+(?<n>a)$', 'a'), ('^[^\W\p{ASCII}]$', '😀'), ('^[\W\p{ASCII}]$', '😀'), ('^[^\D\p{Lu}]$', '1'), ('^[\D]$', 'é')) v(p, s);
-- an unnecessary backslash before punctuation or a blank; a count that PCRE2 has not
SELECT p, s, jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(s)), jsonschema_validate('{"format": "regex"}', to_jsonb(p), assert_format => true) AS format
  FROM (VALUES ('^a\_b$', 'a_b'), ('^[a\_]+$', 'a_'), ('^\-\@\#\%\&\~\`\"\''\<\>\=\!\:\;\,$', '-@#%&~`"''<>=!:;,'), ('^a\ b$', 'a b'), ('^[\ \.\#]$', ' '), ('^a{1,65535}$', 'aa'), ('^a{065535}$', 'aa')) v(p, s);
SELECT jsonschema_validate('{"pattern": "^.{1,70000}$"}', '"a"');
SELECT jsonschema_validate('{"pattern": "a{99999999999999999999}"}', '"a"');
SELECT p, jsonschema_validate('{"format": "regex"}', to_jsonb(p), assert_format => true) FROM unnest(ARRAY['^.{1,70000}$', '^a{70000,}?$', 'a{1,x70000}', '\y']) p;
SELECT p, jsonschema_validate('{"format": "regex"}', to_jsonb(p), assert_format => true)
  FROM unnest(ARRAY['\p{l}', '\p{L}', '\p{lu}', '\p{gc=Lu}', '\p{Xx}', '[\uD83D]', '\uD83D', '[.~~.]', '[[:alpha:]]', '(?<a>b)(?<a']) p;
