-- The tool registry and the judgement of arguments.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
\pset format unaligned
\pset tuples_only on

-- Registering ---------------------------------------------------------------

SELECT tool_set('search', '{"type": "object", "additionalProperties": false, "required": ["query", "top_k"], "properties": {
  "query": {"type": "string", "minLength": 1, "maxLength": 10},
  "top_k": {"type": "integer", "minimum": 1, "maximum": 100},
  "mode": {"enum": ["semantic", "keyword", "hybrid"], "default": "hybrid"},
  "since": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"},
  "ratio": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01},
  "exact": {"type": "boolean"},
  "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3, "uniqueItems": true},
  "page": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
  "filter": {"anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": false, "required": ["user"],
      "properties": {"user": {"type": "string"}, "limit": {"type": "integer"}}}]}}}',
  description => 'Search', est_usd => 0.0005, cache_ttl => '5 min', tags => '{docs}');
-- the same again changes nothing; another value does
SELECT tool_set('search', input_schema, description => 'Search', est_usd => 0.0005, cache_ttl => '5 min', tags => '{docs}') FROM tools WHERE name = 'search';
SELECT tool_set('search', input_schema, description => 'Search', est_usd => 0.0006, cache_ttl => '5 min', tags => '{docs}') FROM tools WHERE name = 'search';
SELECT name, description, mode, dialect, cache_ttl, cache_scope, tags, est_usd, enabled FROM tools;

-- What is refused, with nothing changed
SELECT tool_set(NULL, '{}');
SELECT tool_set('', '{}');
SELECT tool_set(repeat('x', 256), '{}');
SELECT tool_set('bad', NULL);
SELECT tool_set('bad', '{"type": "object"}', mode => 'off');
SELECT tool_set('bad', '{"type": "object"}', mode => '');
SELECT tool_set('bad', '{"type": "object"}', dialect => 'draft3');
SELECT tool_set('bad', '{"type": "object"}', cache_scope => 'galaxy');
SELECT tool_set('bad', '{"type": "object"}', url_args => '{url}');
SELECT tool_set('bad', '{"type": "object"}', url_args => '{/a~2}');
SELECT tool_set('bad', '{"type": "object"}', url_args => ARRAY[NULL]);
SELECT tool_set('bad', '{"type": "object"}', tags => '{""}');
SELECT tool_set('bad', '{"type": "object"}', est_tokens => -1);
SELECT tool_set('bad', '{"type": "object"}', est_tokens => NULL, reset => '{est_token}');
SELECT tool_set('bad', '{"type": "object"}', est_usd => -0.1);
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '-1 s');
SELECT tool_set('bad', '{"type": "object"}', cache_ttl => '0');
SELECT tool_set('bad', '{"type": "object"}', lease => '0');
SELECT tool_set('bad', '{"type": "object"}', coerce => true, reset => '{coerce}');
SELECT tool_set('bad', '{"type": "object"}', additional => true);
SELECT tool_set('bad', '{"type": "object"}', tenant => NULL);
SELECT tool_set('bad', '[]');
SELECT tool_set('bad', '{"type": "strin"}');
SELECT tool_set('bad', '{"properties": {"a": {"items": {"minimum": "1"}}}}');
SELECT tool_set('bad', '{"properties": {"a": 1}}');
SELECT tool_set('bad', '{"required": "a"}');
SELECT tool_set('bad', '{"minLength": -1}');
SELECT tool_set('bad', '{"multipleOf": 0}');
SELECT tool_set('bad', '{"anyOf": []}');
SELECT tool_set('bad', '{"properties": {"a/b~c": {"pattern": "(a"}}}');
-- the words are PCRE2's, and differ from version to version
\set VERBOSITY sqlstate
SELECT tool_set('bad', '{"pattern": "(?<=a+)b"}');
\set VERBOSITY default
SELECT tool_set('bad', '{"pattern": "a++"}');
SELECT tool_set('bad', '{"$ref": "https://example.com/schema"}');
SELECT tool_set('bad', '{"$ref": "#/$defs/none"}');
SELECT tool_set('bad', '{"$ref": "#"}');
SELECT tool_set('bad', '{"$schema": "https://json-schema.org/draft-03/schema#"}');
SELECT tool_set('bad', '{"querry": 1}');
SELECT tool_set('bad', '{"items": {"type": "array"}}');
SELECT tool_set('bad', '{"type": {"type": "string"}, "name": {"type": "string"}}');
SELECT count(*) FROM tools WHERE name = 'bad';

-- Judging ---------------------------------------------------------------------

SELECT args_valid('search', '{"query": "a", "top_k": 1}'), args_validate('search', '{"query": "a", "top_k": 1.0}');
SELECT e->>'path', e->>'keyword', e->>'schema_path', e->>'message', e->'params'
  FROM jsonb_array_elements(args_validate('search', '{"query": "äöüäöüäöüäöü", "top_k": "5", "mode": "hybird", "since": "yesterday",
    "ratio": 0.005, "exact": "yes", "tags": ["a", "b", "a", 4], "page": "1", "filter": {"limit": "x", "usr": "y"}, "querry": 1}')) e;
SELECT args_validate('search', '[]');
SELECT e->>'message' FROM jsonb_array_elements(args_validate('search', '{"top_k": 500}')) e;
-- no more errors than asked for
SET agentcore.max_errors = 2;
SELECT jsonb_array_length(args_validate('search', '{"a": 1, "b": 2, "c": 3}'));
RESET agentcore.max_errors;
SELECT args_assert('search', '{"query": "a", "top_k": 1}');
SELECT args_assert('search', '{"query": "secret value that is too long", "top_k": 1}');
SELECT args_valid('serch', '{}');
SELECT args_valid('nothing like it', '{}');
SELECT args_valid('search', NULL);
SELECT args_valid(NULL, '{}');
SELECT args_validate('search', '{}', tenant => NULL);

-- A changed or dropped tool is judged by its new self, also within the transaction
BEGIN;
SELECT tool_set('search', '{"type": "array"}');
SELECT args_valid('search', '[]');
ROLLBACK;
SELECT args_valid('search', '[]');
SELECT tool_set('server-a/fetch', '{"type": "object"}'), tool_drop('server-a/none');
SELECT args_valid('fetch', '{}');
SELECT tool_drop('server-a/fetch'), tool_drop('server-a/fetch');
SELECT tool_drop(NULL);
-- a row that came past tool_set() and does not compile lets nothing through
INSERT INTO tool (tenant, name, input_schema) VALUES ('', 'planted', '{"type": "nonsense"}');
SELECT args_valid('planted', '{}');
DELETE FROM tool WHERE name = 'planted';

-- Which arguments are URLs: as the schema says, wherever it says it, or as told
SELECT tool_set('web', '{"properties": {"url": {"type": "string", "format": "uri"}, "n": {"type": "integer"}, "links": {"type": "array", "items": {"format": "iri"}},
  "hook": {"$ref": "#/$defs/hook"}, "a/b": {"anyOf": [{"type": "null"}, {"format": "url"}]}}, "$defs": {"hook": {"properties": {"to": {"format": "uri"}, "next": {"$ref": "#/$defs/hook"}}}}}');

-- Feedback ----------------------------------------------------------------------

SELECT args_feedback('search', '{"query": "a", "top_k": 1}') = '';
SELECT args_feedback('search', '{"query": "a line\nand \"another\" that goes on and on and on and on and on and on and on and on and on", "top_k": "5", "mode": "Hybrid",
  "filter": "{\"user\": \"u\"}", "tags": "[\"x\"]", "querry": 1}');
SELECT args_feedback('search', '{"query": "a", "top_k": 1, "filter": {"usr": "x"}}');
SELECT args_feedback('search', (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 15) i));

-- Coercion ------------------------------------------------------------------------

SELECT args, changes, errors FROM args_coerce('search', '{"query": "a", "top_k": " 5.0 ", "exact": "FALSE", "since": null, "page": "2",
  "filter": "{\"user\": [\"u\"], \"limit\": \"7\"}", "tags": "x", "mode": "keyword"}');
-- what nobody meant stays as it is, and stays wrong
SELECT args, changes, jsonb_array_length(errors) FROM args_coerce('search', '{"query": true, "top_k": null, "exact": 0, "page": "1,5", "tags": [false], "mode": 1, "filter": "{\"user\": 1"}');
SELECT args, changes FROM args_coerce('search', '{"query": "a", "top_k": true, "exact": "0", "page": "0x10", "ratio": "1e2"}');
SELECT args, changes, errors FROM args_coerce('search', '{"query": "a", "top_k": 1}');

-- defaults: nested ones too, inside elements, never one inside itself, never an invalid one
SELECT tool_set('defaults', '{"properties": {"o": {"default": {}, "properties": {"x": {"default": 1}}}, "l": {"items": {"properties": {"y": {"default": true}}}},
  "r": {"$ref": "#/$defs/r"}, "bad": {"type": "integer", "default": "none"}, "n": {"anyOf": [{"properties": {"z": {"default": 1}}}]}},
  "$defs": {"r": {"default": {}, "properties": {"r": {"$ref": "#/$defs/r", "default": {}}}}}}');
SELECT args, changes, errors FROM args_coerce('defaults', '{"l": [{}, 1, {"y": false}], "r": {}, "n": {}}');

-- agentvet ---------------------------------------------------------------------------

SELECT tool_set('memory', '{"query": {"type": "string", "min_length": 1, "max_length": 500}, "top_k": {"type": "integer", "min": 1, "max": 100},
  "lang": {"type": "string", "enum": ["en", "de"], "default": "en"}, "where": {"type": "object", "optional": true, "properties": {"id": {"type": "string", "pattern": "^u"}}},
  "ids": {"type": "array", "items": {"type": "integer", "min": 0}, "max_length": 2, "optional": true}}');
SELECT args_valid('memory', '{"query": "x", "top_k": 1}'), args_valid('memory', '{"query": "x", "top_k": 1, "more": 1}');
SELECT e->>'path', e->>'message' FROM jsonb_array_elements(args_validate('memory', '{"query": "", "top_k": 101, "lang": "fr", "where": {"id": "x", "y": 1}, "ids": [1, -1, 2]}')) e;
SELECT tool_set('open', '{"query": {"type": "string"}}', additional => true);
SELECT args_valid('open', '{"query": "x", "more": 1}');
-- a type alone, as agentvet's shape() has it; "?" makes it optional
SELECT tool_set('shape', '{"q": "string", "n": "number?", "f": {"type": "integer?", "min": 1}, "o": {"type": "object", "properties": {"t": "string?", "l": {"type": "array", "items": "string"}}}}');
SELECT dialect, tool_export('shape', 'mcp') -> 'inputSchema' FROM tools WHERE name = 'shape';
SELECT args_valid('shape', a::jsonb) FROM unnest(ARRAY['{"q": "x", "o": {"l": []}}', '{"q": "x", "n": 1.5, "f": 1, "o": {"t": "x", "l": ["y"]}}', '{"o": {"l": []}}', '{"q": "x", "n": "1", "o": {"l": []}}', '{"q": "x", "f": 0, "o": {"l": []}}', '{"q": "x", "o": {"l": [1]}}', '{"q": "x", "o": {"l": []}, "more": 1}']) a;
-- what could be JSON Schema is not guessed at
SELECT tool_set('shape1', '{"type": "object"}'), tool_set('shape2', '{"type": "object", "title": "string"}');
SELECT dialect, name FROM tools WHERE name ~ '^shape.$' ORDER BY name;
SELECT tool_set('bad', '{"title": "string", "n": "number?"}');
SELECT tool_set('good', '{"title": "string", "type": "string?"}', dialect => 'agentvet'), args_valid('good', '{"title": "x"}'), args_valid('good', '{"title": "x", "type": 1}');
SELECT tool_set('bad', '{"q": "strng"}', dialect => 'agentvet');
SELECT tool_set('bad', '{"q": "string??"}');
SELECT tool_set('bad', '{"query": {"type": "string", "min": 1}}');
SELECT tool_set('bad', '{"query": {"type": "string", "optional": 1}}');
SELECT tool_set('bad', '{"query": {"typ": "string"}}', dialect => 'agentvet');

-- Schemas given inline ---------------------------------------------------------------

SELECT jsonschema_validate('{"type": "integer"}', '1.0'), jsonschema_validate('{"type": "integer"}', '1.0', 'draft4'),
       jsonschema_validate('true', '1'), jsonschema_validate('false', '1'), jsonschema_validate('{}', 'null'), jsonschema_validate('{}', NULL) IS NULL;
SELECT jsonschema_validate('{"items": {"type": "integer"}}', '[1, "a"]'), jsonschema_validate('{"format": "date"}', '"x"'),
       jsonschema_validate('{"format": "date"}', '"x"', assert_format => true);
SELECT jsonschema_validate(NULL, '1');
SELECT jsonschema_validate('{"no": 1}', '1');
SELECT jsonschema_validate('{}', '1', 'draft9');
SELECT jsonschema_validate('{}', '1', NULL);
SELECT jsonschema_is_valid('{"type": "strin"}'), jsonschema_is_valid('{"type": "string"}'), jsonschema_is_valid('{"nonsense": 1}'), jsonschema_is_valid(NULL);
-- another schema at every row of one call site
SELECT s, array_agg(jsonschema_validate(s, i) ORDER BY i) FROM (VALUES ('{"type": "string"}'::jsonb), ('{"minimum": 2}'), ('{"const": 1}')) a(s), (VALUES ('1'::jsonb), ('2'), ('"x"')) b(i) GROUP BY s ORDER BY s;
DO $$
DECLARE s jsonb; answers text = '';
BEGIN
  FOR i IN 1..4 LOOP
    s := jsonb_build_object('minimum', i);
    answers := answers || jsonschema_validate(s, '2')::text || ' ';
  END LOOP;
  RAISE NOTICE '%', answers;
END $$;
CREATE TEMP TABLE doc (d jsonb CHECK (jsonschema_validate('{"required": ["id"], "properties": {"id": {"type": "integer"}}}', d)));
INSERT INTO doc VALUES ('{"id": 1}');
INSERT INTO doc VALUES ('{"id": "1"}');

-- exact numbers
SELECT jsonschema_validate('{"multipleOf": 0.01}', '0.1'), jsonschema_validate('{"multipleOf": 0.01}', '0.075'),
       jsonschema_validate('{"maximum": 9223372036854775807}', '9223372036854775808'), jsonschema_validate('{"maximum": 9223372036854775807}', '9223372036854775807'),
       jsonschema_validate('{"const": 9007199254740992}', '9007199254740993'), jsonschema_validate('{"maximum": 1e400}', '9.9e399'),
       jsonschema_validate('{"type": "integer"}', '1e300'), jsonschema_validate('{"type": "integer"}', '-123456789012345678901234567890.5'),
       jsonschema_validate('{"minimum": -10000}', '-10001'), jsonschema_validate('{"enum": [1, [2]]}', '[2.0]');
SELECT bool_and(jsonschema_validate('{"type": "integer"}', to_jsonb(n))), bool_or(jsonschema_validate('{"type": "integer"}', to_jsonb(n + 0.5))),
       bool_and(jsonschema_validate(jsonb_build_object('minimum', n, 'maximum', n), to_jsonb(n))),
       bool_or(jsonschema_validate(jsonb_build_object('exclusiveMinimum', n), to_jsonb(n)))
  FROM (SELECT s * (10::numeric ^ e)::numeric(40, 0) + d AS n FROM generate_series(0, 25) e, unnest('{-1,1}'::int[]) s, unnest('{-1,0,1}'::int[]) d) x;
-- code points, not bytes
SELECT jsonschema_validate('{"maxLength": 2}', '"😀é"'), jsonschema_validate('{"minLength": 3}', '"😀é"');
-- uniqueItems, few and many, nested, by value
SELECT jsonschema_validate('{"uniqueItems": true}', '[1, 1.0]'), jsonschema_validate('{"uniqueItems": true}', '[{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]'),
       jsonschema_validate('{"uniqueItems": true}', (SELECT jsonb_agg(i) FROM generate_series(1, 1000) i)),
       jsonschema_validate('{"uniqueItems": true}', (SELECT jsonb_agg(i % 999) FROM generate_series(1, 1000) i));

-- Limits: an error of their own, never an answer
SELECT jsonschema_validate('{"pattern": "^(a+)+$"}', to_jsonb(repeat('a', 40) || '!'));
SELECT jsonschema_validate('{"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}', (repeat('[', 600) || repeat(']', 600))::jsonb);
SELECT jsonschema_validate((repeat('{"items":', 600) || '{}' || repeat('}', 600))::jsonb, '1');
SET agentcore.max_node_visits = 2000;
SELECT jsonschema_validate('{"items": {"type": "integer"}}', (SELECT jsonb_agg(i) FROM generate_series(1, 5000) i));
RESET agentcore.max_node_visits;
SET agentcore.max_args_size = 1;
SELECT args_valid('search', jsonb_build_object('query', repeat('x', 2000)));
RESET agentcore.max_args_size;

-- Formats: each with one that is and one that is not
SELECT f, jsonschema_validate(jsonb_build_object('format', f), to_jsonb(good), assert_format => true) AS good,
       jsonschema_validate(jsonb_build_object('format', f), to_jsonb(bad), assert_format => true) AS bad
  FROM (VALUES ('date', '2024-02-29', '2023-02-29'), ('time', '23:59:60Z', '12:00:60Z'), ('date-time', '1985-04-12T23:20:50.52Z', '1985-04-12 23:20:50Z'),
    ('duration', 'P1Y2M3DT4H', 'P1Y2D'), ('email', 'joe.bloggs@example.com', 'joe.@example.com'), ('uri', 'http://a/b?c#d', '/a'),
    ('uri-reference', '/a', 'a b'), ('iri', 'http://ä/', 'ä'), ('uuid', '2eb8aa08-aa98-11ea-b4aa-73b441d16380', '2eb8aa08aa9811eab4aa73b441d16380'),
    ('ipv4', '192.168.0.1', '192.168.00.1'), ('ipv6', '::ffff:192.168.0.1', '1::2::3'), ('hostname', 'www.example.com', '-a.com'),
    ('regex', '^a$', '^(a'), ('json-pointer', '/a~0b', 'a'), ('relative-json-pointer', '1/a', '01'), ('uri-template', 'http://{x}', 'http://{x'),
    ('unknown', 'x', 'y')) v(f, good, bad);

-- Patterns mean what ECMA-262 says
SELECT p, jsonschema_validate(jsonb_build_object('pattern', p), to_jsonb(s))
  FROM (VALUES ('^\d$', '٣'), ('^\w$', 'é'), ('^\s$', U&'\FEFF'), ('^\S$', U&'\00A0'), ('^[^\s]$', U&'\2003'), ('^[\S]$', U&'\2003'), ('^.$', U&'\2028'), ('^.$', '😀'), ('^a$', E'a\n'), ('^\p{Letter}$', 'é'),
    ('^\u{1F600}$', '😀'), ('^\uD83D\uDE00$', '😀'), ('^[[]$', '['), ('^(?<x$>a)\k<x$>$', 'aa'), ('^\cA$', U&'\0001'), ('[]', 'a'), ('^[^]$', E'\n'), ('^a\-b\@$', 'a-b@')) v(p, s);
SELECT p, jsonschema_is_valid(jsonb_build_object('pattern', p))
  FROM unnest(ARRAY['\a', '\Z', 'a{', '(?#x)', '(?>a)', '(?i)a', '(*ACCEPT)', 'a*+', '[\d-z]', '\01', '\u{110000}', '\p{Nope}', '(?R)', '[z-a]', '\', ')']) p;

-- Unevaluated, dynamic and relative references
SELECT jsonschema_validate(s, '{"a": 1, "b": 2}'), jsonschema_validate(s, '{"a": 1, "c": 2}')
  FROM (VALUES ('{"allOf": [{"properties": {"a": true}}], "anyOf": [{"properties": {"b": true}}], "unevaluatedProperties": false}'::jsonb)) v(s);
SELECT jsonschema_validate(s, '[1, "a"]'), jsonschema_validate(s, '[1, "a", 2]')
  FROM (VALUES ('{"prefixItems": [true], "contains": {"type": "string"}, "unevaluatedItems": false}'::jsonb)) v(s);
SELECT jsonschema_validate(s, '{"data": 1, "children": [{"data": 2}]}'), jsonschema_validate(s, '{"children": [{"daat": 2}]}')
  FROM (VALUES ('{"$id": "http://x/strict", "$dynamicAnchor": "node", "$ref": "tree", "unevaluatedProperties": false, "$defs": {"tree": {"$id": "tree", "$dynamicAnchor": "node",
    "properties": {"data": true, "children": {"items": {"$dynamicRef": "#node"}}}}}}'::jsonb)) v(s);

-- Access: level and tenant ------------------------------------------------------------

CREATE ROLE regress_validate_agent;
CREATE ROLE regress_validate_reader;
CREATE ROLE regress_validate_stranger;
SELECT access_grant('regress_validate_agent', 'agent', '{acme}'), access_grant('regress_validate_reader', 'reader', '{acme}');
SELECT tool_set('deploy', '{"type": "object"}', tenant => 'acme');
SET ROLE regress_validate_agent;
SELECT args_valid('deploy', '{}', 'acme');
SELECT args_valid('search', '{}');
SELECT tool_set('mine', '{}', tenant => 'acme');
SELECT tenant, name FROM tools;
SELECT count(*) FROM agentcore.tool;
SET ROLE regress_validate_reader;
SELECT tenant, name FROM tools;
SELECT args_valid('deploy', '{}', 'acme');
SET ROLE regress_validate_stranger;
SELECT count(*) FROM tools;
SELECT jsonschema_validate('{"type": "string"}', '"x"');
RESET ROLE;
DROP OWNED BY regress_validate_agent, regress_validate_reader;
DROP ROLE regress_validate_agent, regress_validate_reader, regress_validate_stranger;
