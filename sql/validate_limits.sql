-- What bounds the matching of patterns; and exact numbers.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
\pset format unaligned
\pset tuples_only on

-- Every way into a pattern that backtracks without end: the limit is an error that names pattern and path
SELECT tool_set('hostile', '{"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}, "list": {"items": {"pattern": "^(a+)+$"}}},
  "patternProperties": {"^(b+)+$": {"type": "integer"}}, "propertyNames": {"pattern": "^(c|c)*[^c]*$"}}', coerce => true);
CREATE TEMP TABLE attack AS SELECT name, jsonb_build_object(CASE name WHEN 'value' THEN 'a' WHEN 'item' THEN 'list' WHEN 'key' THEN repeat('b', 40) || '!' ELSE repeat('c', 40) || '!c' END,
    CASE name WHEN 'item' THEN to_jsonb(ARRAY['a', repeat('a', 40) || '!']) ELSE to_jsonb(repeat('a', 40) || '!') END) AS args
  FROM unnest(ARRAY['value', 'item', 'key', 'name']) name;
CREATE FUNCTION pg_temp.judge(query text, args jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
  said text;
BEGIN
  EXECUTE query INTO result USING args;
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
  RETURN sqlstate || ' ' || sqlerrm || ' ' || said;
END $$;
SELECT name, f, pg_temp.judge(format('SELECT agentcore.%I(''hostile'', $1)::text', f), args) FROM attack,
  unnest(ARRAY['args_valid', 'args_validate', 'args_assert', 'args_feedback', 'args_coerce']) f ORDER BY 1, 2;
SELECT pg_temp.judge('SELECT agentcore.jsonschema_validate(''{"contains": {"not": {"pattern": "^(a+)+$"}}}'', $1)', to_jsonb(ARRAY[repeat('a', 40) || '!']));

-- Few but long steps: time ends them, in the middle of a match
SELECT jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(repeat('a', 400000)))
  FROM (VALUES ('^(?:(?!.*b).)*$')) v(p);
SELECT jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(repeat('a', 400000)))
  FROM (VALUES ('(?:(?!(?:(?!.*b).)*c).)*$')) v(p);
-- and what is worth its time has its answer, however long
SELECT p, jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(repeat(s, 5000)))
  FROM (VALUES ('^(?:(?!foo).)*$', 'ab'), ('^[^,]+(,[^,]+)*$', 'a,b'), ('^(?!.*foo)', 'ab'), ('b{3}', 'ab'), ('(?<=a)b', 'ab'), ('^(?:[A-Za-z0-9+/]{4})*$', 'ab12'), ('^(ab|cd)*$', 'ab'), ('é$', 'aé')) v(p, s);

-- A statement can be cancelled inside of one match, and between many
SET agentcore.pattern_timeout = '1 min';
SET agentcore.pattern_match_limit = 2147483647;
SET statement_timeout = '30 ms';
SELECT jsonschema_validate('{"pattern": "^(?:(?!.*b).)*$"}', to_jsonb(repeat('a', 400000)));
SELECT jsonschema_validate('{"pattern": "^(a+)+$"}', to_jsonb(repeat('a', 40) || '!'));
RESET statement_timeout;
-- the pattern is as good as before
SELECT jsonschema_validate('{"pattern": "^(a+)+$"}', to_jsonb(repeat('a', 40)));
RESET agentcore.pattern_timeout;
RESET agentcore.pattern_match_limit;
-- time spent on patterns counts as visits of nodes
SET agentcore.max_node_visits = 2000;
SELECT pg_temp.judge('SELECT agentcore.jsonschema_validate(''{"items": {"pattern": "^(?:(?!.*b).)*$"}}'', $1)', (SELECT jsonb_agg(repeat('a', 1100)) FROM generate_series(1, 1000)))
  ~ '^54001 validation takes too many steps agentcore.max_node_visits is 2000';
RESET agentcore.max_node_visits;

-- Without JIT: the same answers, and limits of its own
SET agentcore.pattern_jit = off;
SET agentcore.pattern_heap_limit = '64 kB';
SELECT jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(repeat('ab', 1000))) FROM (VALUES ('^(a|b)*$')) v(p);
RESET agentcore.pattern_heap_limit;
SELECT p, jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(s))
  FROM (VALUES ('^\d{4}-\d\d$', '2024-01'), ('^\p{Lu}+$', 'ÄÖ'), ('^(?:(?!foo).)*$', 'a foo'), ('(?<=a)b', 'ab'), ('^(a|b)*$', repeat('ab', 1000))) v(p, s);
SELECT jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(repeat('a', 40) || '!')) FROM (VALUES ('^(a+)+$')) v(p);
SET agentcore.pattern_depth_limit = 100;
SELECT jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(repeat('ab', 1000))) FROM (VALUES ('^(a|b)*$')) v(p);
RESET agentcore.pattern_depth_limit;
RESET agentcore.pattern_jit;

-- format "regex" is about the syntax of ECMA-262: PCRE2 need not be able to match it
SELECT p, jsonschema_validate('{"format": "regex"}', to_jsonb(p), assert_format => true)
  FROM unnest(ARRAY['(?<=a+)b', '(?<!a*b{2,})c', '(?<=a', '(?<a>x)\k<a>', '\a', 'a++', '[a', '(?<=*)']) p;
SELECT jsonschema_is_valid('{"pattern": "(?<=a+)b"}');

-- Numbers are exact -----------------------------------------------------------

SELECT s, i, jsonschema_validate(s::jsonb, i::jsonb)
  FROM (VALUES ('{"multipleOf": 0.01}', '0.1'), ('{"multipleOf": 0.01}', '0.105'), ('{"multipleOf": 0.1}', '1.1'), ('{"multipleOf": 0.0001}', '0.00075'), ('{"multipleOf": 1e-8}', '12391239123'),
    ('{"multipleOf": 1e-400}', '1e400'), ('{"multipleOf": 1e-70}', '3e-70'), ('{"multipleOf": 2e-70}', '3e-70'), ('{"multipleOf": 3}', '1e400'), ('{"multipleOf": 0.3}', '0.9'), ('{"multipleOf": 0.5}', '1e308'), ('{"type": "integer"}', '1e400'), ('{"type": "integer"}', '1e-400'),
    ('{"type": "integer"}', '1.0'), ('{"maximum": 1e400}', '1e401'), ('{"minimum": 1e400}', '1e400'), ('{"exclusiveMinimum": 1e400}', '1e400'), ('{"const": 1e400}', '10e399'),
    ('{"const": 9007199254740993}', '9007199254740992'), ('{"enum": [9223372036854775807]}', '9223372036854775808'), ('{"maximum": 9223372036854775807}', '9223372036854775808'),
    ('{"maximum": 9223372036854775807}', '9223372036854775807'), ('{"minimum": -9223372036854775808}', '-9223372036854775809'), ('{"minimum": -9223372036854775808}', '-9223372036854775808'),
    ('{"exclusiveMaximum": 18446744073709551616}', '18446744073709551615.9999999999'), ('{"exclusiveMaximum": 18446744073709551616}', '18446744073709551616.0'),
    ('{"multipleOf": 9223372036854775807}', '18446744073709551614'), ('{"multipleOf": 9223372036854775807}', '18446744073709551615'), ('{"multipleOf": 2}', '-9223372036854775808'),
    ('{"minimum": 0}', '-0.0'), ('{"uniqueItems": true}', '[1e2, 100]'), ('{"uniqueItems": true}', '[9007199254740993, 9007199254740992]'),
    ('{"minLength": 1e0, "maxLength": 2.0}', '"ab"'), ('{"maxLength": 1e400}', '"ab"'), ('{"minLength": 5000000000}', '"ab"')) v(s, i);
-- characters are code points: neither bytes, nor UTF-16's units, nor what is seen as one
SELECT s, jsonschema_validate(jsonb_build_object('minLength', n, 'maxLength', n), to_jsonb(s))
  FROM (VALUES ('', 0), ('é', 1), (U&'e\0301', 2), ('😀', 1), ('👨‍👩‍👧', 5), ('日本語', 3)) v(s, n);
