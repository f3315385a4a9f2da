-- Tools as their providers define them: import, export, lint; coercion's rules.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
\pset format unaligned
\pset tuples_only on

-- One tool in every format, and what the registry has no place for ---------------------

CREATE TEMP TABLE shape (n int, format text, definition jsonb);
INSERT INTO shape VALUES
 (1, 'openai_chat', '{"type": "function", "function": {"name": "search", "description": "Find \"it\"\n", "strict": true, "parameters": {"type": "object", "properties":
    {"q": {"type": "string", "minLength": 1}, "lang": {"type": ["string", "null"], "enum": ["de", "en", null]}, "n": {"type": "integer", "default": 5}}, "required": ["q"]}}}'),
 (2, 'openai_responses', '{"type": "function", "name": "search", "description": "Find \"it\"\n", "strict": null, "parameters": {"type": "object", "properties":
    {"q": {"type": "string", "minLength": 1}, "lang": {"type": ["string", "null"], "enum": ["de", "en", null]}, "n": {"type": "integer", "default": 5}}, "required": ["q"]}}'),
 (3, 'anthropic', '{"name": "search", "description": "Find \"it\"\n", "cache_control": {"type": "ephemeral"}, "input_schema": {"type": "object", "properties":
    {"q": {"type": "string", "minLength": 1}, "lang": {"type": ["string", "null"], "enum": ["de", "en", null]}, "n": {"type": "integer", "default": 5}}, "required": ["q"]}}'),
 (4, 'mcp', '{"name": "search", "title": "Search", "description": "Find \"it\"\n", "annotations": {"readOnlyHint": true}, "inputSchema": {"type": "object", "properties":
    {"q": {"type": "string", "minLength": 1}, "lang": {"type": ["string", "null"], "enum": ["de", "en", null]}, "n": {"type": "integer", "default": 5}}, "required": ["q"]}}'),
 (5, 'gemini', '{"name": "search", "description": "Find \"it\"\n", "response": {}, "parameters": {"type": "OBJECT", "properties":
    {"q": {"type": "STRING", "minLength": "1"}, "lang": {"type": "STRING", "nullable": true, "enum": ["de", "en"]}, "n": {"type": "INTEGER", "default": 5}}, "required": ["q"]}}'),
 (6, 'gemini', '{"name": "search", "description": "Find \"it\"\n", "parametersJsonSchema": {"type": "object", "properties":
    {"q": {"type": "string", "minLength": 1}, "lang": {"type": ["string", "null"], "enum": ["de", "en", null]}, "n": {"type": "integer", "default": 5}}, "required": ["q"]}}');

SELECT (tool_import(definition)).* FROM shape WHERE n = 1;
SELECT description, dialect, input_schema FROM tools;
-- all of them are the same tool, recognised or told
SELECT n, format, (tool_import(definition)).* FROM shape ORDER BY n;
SELECT n, format, (tool_import(definition, format)).* FROM shape ORDER BY n;
SELECT count(DISTINCT revision) FROM tools;

-- Every pair of formats, there and back: the first gives the second, which gives the first; only MCP has a place for hints
SELECT tool_set('search', reset => '{meta}');
CREATE TEMP TABLE pair AS
  SELECT a.f AS a, b.f AS b, tool_export('search', a.f) AS written
    FROM unnest('{openai_chat,openai_responses,anthropic,mcp,gemini,bedrock}'::text[]) a(f), unnest('{openai_chat,openai_responses,anthropic,mcp,gemini,bedrock}'::text[]) b(f);
SELECT DISTINCT a, written FROM pair ORDER BY a;
DO $$
DECLARE p record; there jsonb; row_ record;
BEGIN
  FOR p IN SELECT * FROM pair LOOP
    PERFORM agentcore.tool_drop('search');
    SELECT * INTO row_ FROM agentcore.tool_import(p.written, p.a);
    there := agentcore.tool_export('search', p.b);
    IF row_.action <> 'created' OR agentcore.tool_drop('search') IS NOT TRUE THEN RAISE '%', p; END IF;
    PERFORM agentcore.tool_import(there);
    IF agentcore.tool_export('search', p.a) <> p.written THEN RAISE 'lost from % to %', p.a, p.b; END IF;
  END LOOP;
END $$;

-- Documents: requests, responses, single tools, pages
SELECT * FROM tool_import('{"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "a", "inputSchema": {"type": "object"}}], "nextCursor": "x"}}', prefix => 'srv/');
SELECT * FROM tool_import('{"model": "m", "tools": [{"functionDeclarations": [{"name": "b"}, {"name": "c", "parameters": {"type": "OBJECT"}}]}, {"function_declarations": [{"name": "d"}]}]}');
SELECT * FROM tool_import('[{"type": "function", "function": {"name": "e"}}, {"type": "function", "name": "f", "parameters": null}, {"name": "g", "input_schema": {}}, {"name": "tools", "inputSchema": {"type": "object"}}]');
SELECT * FROM tool_import('[]');
SELECT name, input_schema FROM tools WHERE name ~ '^.$' ORDER BY name;

-- Gemini's own words
SELECT * FROM tool_import('{"functionDeclarations": [{"name": "own", "parameters": {"type": "OBJECT", "propertyOrdering": ["s", "a"], "min_properties": "1", "properties": {
   "s": {"type": "STRING", "format": "enum", "enum": ["x"], "nullable": true}, "a": {"any_of": [{"type": "INTEGER", "format": "int32"}, {"type": "BOOLEAN"}], "nullable": true},
   "type": {"type": "TYPE_UNSPECIFIED"}, "l": {"type": "ARRAY", "items": {"ref": "#/defs/p"}, "maxItems": "12"}, "z": {"type": "NULL", "nullable": true}}, "defs": {"p": {"type": "NUMBER"}}}}]}');
SELECT jsonb_pretty(input_schema) FROM tools WHERE name = 'own';
SELECT args_valid('own', '{"s": null, "a": null, "type": 1, "l": [1.5]}'), args_valid('own', '{"s": "y"}'), args_valid('own', '{"a": "x"}'), args_valid('own', '{}');
-- nullable widens type, enum, or a choice without a type; once
SELECT action FROM tool_import('{"functionDeclarations": [{"name": "wide", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": true, "enum": ["x", null]}, "b": {"type": "OBJECT", "nullable": true, "anyOf": [{"required": ["k"]}]},
   "c": {"nullable": true, "enum": ["x"]}, "d": {"nullable": false, "type": "STRING"}, "e": {"nullable": "yes", "type": "STRING"}, "f": {"nullable": true}}}}]}');
SELECT key, value FROM tools, jsonb_each(input_schema -> 'properties') WHERE name = 'wide' ORDER BY key;
-- what its subset says exactly is written in it; the rest as JSON Schema
SELECT tool_set('sub', '{"type": "object", "properties": {"nullable": {"type": "null"}, "t": {"type": ["integer", "null"], "minimum": 1}, "any": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}');
SELECT tool_export('sub', 'gemini');
SELECT x, tool_export('one', 'gemini') ? 'parametersJsonSchema'
  FROM unnest(ARRAY['{"type": "object", "additionalProperties": false}', '{"properties": {"a": true}}', '{"properties": {"a": {"enum": [1]}}}', '{"properties": {"a": {"enum": [null, "a"]}}}',
     '{"type": "object", "nullable": true}', '{"properties": {"a": {"type": "string", "const": "x"}}}', '{"properties": {"a": {"type": ["string", "integer"]}}}']) x,
     LATERAL (SELECT tool_set('one', '{"type": "object"}' || x::jsonb) OFFSET 0) s;

-- Other settings of a tool that is there stay
SELECT tool_set('kept', '{"q": {"type": "string"}}', cache_ttl => '5 min', coerce => true, additional => true, est_tokens => 7);
SELECT tool_export('kept', 'anthropic');
SELECT * FROM tool_import(jsonb_build_array(tool_export('kept', 'anthropic')), adopt => true);
SELECT dialect, additional, cache_ttl, coerce, est_tokens, input_schema FROM tools WHERE name = 'kept';
-- a dialect that only the registry knew is written down
SELECT tool_set('old', '{"type": "object", "properties": {"n": {"minimum": 1, "exclusiveMinimum": true}}}', dialect => 'draft4'), tool_set('any', 'true'), tool_set('none', 'false');
SELECT tool_export('old', 'mcp'), tool_export('any', 'mcp'), tool_export('none', 'mcp');
SELECT * FROM tool_import(tool_export('old', 'mcp'), adopt => true);
SELECT args_valid('old', '{"n": 1}'), args_valid('old', '{"n": 2}');

-- What is no definition: named, and nothing imported
CREATE TEMP TABLE before AS SELECT max(revision) AS revision, count(*) AS tools FROM tools;
CREATE FUNCTION pg_temp.refused(tools jsonb, format text DEFAULT 'auto') RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; context text;
BEGIN
  PERFORM agentcore.tool_import(tools, format, strict => true);
  RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
  RETURN concat_ws(' | ', SQLSTATE, message, detail, substring(context FROM 'tool definition at .*? of tools'));
END $$;
SELECT pg_temp.refused(t::jsonb) FROM unnest(ARRAY['1', '"x"', 'null', '{}', '[1]', '[[]]', '[{"name": "x"}]', '[{"name": "ok", "inputSchema": {}}, {"type": "custom", "name": "free"}]', '[{"type": "custom"}]',
  '[{"name": "", "inputSchema": {}}]', '[{"inputSchema": {}}]', '[{"name": 1, "inputSchema": {}}]', '[{"name": "x", "description": [], "inputSchema": {}}]', '[{"name": "x", "inputSchema": [1]}]', '{"tools": [{"name": "x", "inputSchema": true}]}',
  '[{"name": "ok", "inputSchema": {}}, {"name": "ok", "input_schema": {}}]', '[{"name": "ok", "inputSchema": {}}, {"name": "x", "inputSchema": {"type": "objekt"}}]', '[{"name": "x", "inputSchema": {"nonsense": 1}}]',
  '[{"name": "x", "inputSchema": {"q": {"type": "string"}}}]', '[{"name": "x", "inputSchema": {"$schema": "http://example.org/none"}}]', '[{"type": "function", "function": "x"}]', '[{"function": {"name": "x"}}]',
  '{"functionDeclarations": [{"name": "x", "parameters": {"type": "FLOAT"}}]}', '{"functionDeclarations": [{"name": "x", "parameters": {"type": "OBJECT", "properties": {"n": {"minimum": "1"}}}}]}',
  '{"functionDeclarations": [{"name": "x", "parameters": {}, "parametersJsonSchema": {}}]}', '{"result": {"tools": {"tools": {"tools": {"tools": {"tools": {"tools": {"tools": []}}}}}}}}']) t;
SELECT format, pg_temp.refused(definition, CASE format WHEN 'mcp' THEN 'anthropic' WHEN 'gemini' THEN 'openai_responses' ELSE 'mcp' END) FROM shape ORDER BY n;
SELECT pg_temp.refused(jsonb_build_array(jsonb_build_object('name', repeat('x', 256), 'inputSchema', '{}'::jsonb)));
SELECT pg_temp.refused('[]', 'openai'), pg_temp.refused('[]', NULL), pg_temp.refused(NULL);
-- nested without end: a limit's error, from every way in
SELECT n, left(pg_temp.refused(('{"name": "deep", "' || k || '": ' || repeat('{"type": "ARRAY", "items": ', n) || '{}' || repeat('}', n) || '}')::jsonb), 5)
  FROM unnest('{600,6000}'::int[]) n, unnest('{parameters,parametersJsonSchema,inputSchema}'::text[]) k;
SELECT left(pg_temp.refused((repeat('[', 6000) || repeat(']', 6000))::jsonb), 5), left(pg_temp.refused((repeat('{"result": ', 6000) || '1' || repeat('}', 6000))::jsonb), 5);
SELECT b.revision = max(t.revision) AND b.tools = count(*) FROM before b, tools t GROUP BY b.revision, b.tools;
SELECT tool_export('search', 'auto');
SELECT tool_export('search', NULL);
SELECT tool_export('serch', 'mcp');
SELECT tool_export(NULL, 'mcp');

-- Lint -------------------------------------------------------------------------------------

SELECT tool_set('clean', '{"type": "object", "additionalProperties": false, "required": ["q", "n"], "properties": {"q": {"type": "string", "pattern": "^[a-z]+$"}, "n": {"anyOf": [{"type": "null"}, {"type": "integer"}]}}}');
SELECT * FROM tool_lint('clean', 'openai') UNION ALL SELECT * FROM tool_lint('clean', 'anthropic') UNION ALL SELECT * FROM tool_lint('clean', 'mcp');
SELECT * FROM tool_lint('clean');
SELECT tool_export('clean', 'openai_chat', true) #> '{function,strict}', tool_export('clean', 'openai_responses', true) -> 'strict', tool_export('clean', 'anthropic', true) -> 'strict',
       tool_export('clean', 'openai_responses') -> 'strict', tool_export('clean', 'openai_chat') -> 'function' ? 'strict';
SELECT tool_set('srv/dirty tool', '{"properties": {"q": {"type": "string", "minLength": 1, "format": "uri", "pattern": "^(?=a)\\bx"}, "e": {"enum": [[1]], "default": [1]}, "l": {"type": "array", "minItems": 2, "uniqueItems": true},
   "t": {"$ref": "#/$defs/t", "description": "d"}, "c": {"const": 1}, "o": {"oneOf": [{"type": "object"}, {"multipleOf": 2}]}}, "anyOf": [true], "allOf": [{"$ref": "#/$defs/a"}],
   "$defs": {"a": {}, "t": {"type": "object", "additionalProperties": false, "required": ["t"], "properties": {"t": {"$ref": "#/$defs/u"}}}, "u": {"items": {"$ref": "#/$defs/t"}}}}');
SELECT * FROM tool_lint('srv/dirty tool', 'openai');
SELECT * FROM tool_lint('srv/dirty tool', 'anthropic');
SELECT * FROM tool_lint('srv/dirty tool', 'gemini');
SELECT * FROM tool_lint('srv/dirty tool', 'mcp');
SELECT tool_set('patterns', '{"type": "object", "additionalProperties": false, "required": ["a", "b", "c", "d"], "properties": {"a": {"pattern": "(x)\\1"}, "b": {"pattern": "\\bx"}, "c": {"pattern": "(?<!x)y"}, "d": {"pattern": "(?:x)\\\\b(?<n>y)"}}}');
SELECT * FROM tool_lint('patterns', 'openai') UNION ALL SELECT * FROM tool_lint('patterns', 'anthropic');
SELECT tool_export('srv/dirty tool', 'openai_chat', true);
SELECT tool_export('srv/dirty tool', 'anthropic', true);
SELECT tool_export('clean', 'mcp', true);
SELECT tool_export('clean', 'mcp', NULL);
SELECT tool_set('loose', '{"type": "object", "additionalProperties": true, "properties": {"o": {"type": ["object", "null"]}, "p": {"additionalProperties": {}, "properties": {}}}}');
SELECT path, problem FROM tool_lint('loose', 'anthropic');
-- limits of a schema as a whole
SELECT tool_set('wide', jsonb_build_object('type', 'object', 'additionalProperties', false, 'properties', (SELECT jsonb_object_agg('p' || i, '{"type": ["string", "null"]}'::jsonb) FROM generate_series(1, 5001) i),
   'required', (SELECT jsonb_agg('p' || i) FROM generate_series(1, 5001) i)));
SELECT * FROM tool_lint('wide', 'openai') UNION ALL SELECT * FROM tool_lint('wide', 'anthropic');
SELECT tool_set('deep', ('{"type": "object", "required": ["a"], "additionalProperties": false, "properties": {"a": ' || repeat('{"type": "array", "items": ', 11) || '{"enum": ' || (SELECT jsonb_agg(i) FROM generate_series(1, 1001) i) || '}' || repeat('}', 11) || '}}')::jsonb);
SELECT path, problem FROM tool_lint('deep', 'openai');
SELECT tool_set('long', jsonb_build_object('type', 'object', 'properties', jsonb_build_object('e', jsonb_build_object('enum', jsonb_build_array(repeat('ä', 120001))))));
SELECT path, problem FROM tool_lint('long', 'openai') WHERE path = '';
SELECT * FROM tool_lint('clean', 'llama');
SELECT * FROM tool_lint('none such');
SELECT * FROM tool_lint(NULL);

-- Coercion: every rule, and what never happens ------------------------------------------------

SELECT tool_set('co', '{"type": "object", "additionalProperties": false, "required": ["r"], "properties": {"r": {"type": "integer"}, "i": {"type": "integer"}, "n": {"type": "number"}, "b": {"type": "boolean"}, "s": {"type": "string"},
  "o": {"type": "object", "additionalProperties": false, "properties": {"x": {"type": "integer"}}}, "l": {"type": "array", "items": {"type": "integer"}}, "u": {"type": ["integer", "null"]}, "d": {"type": "string", "default": "dd"}, "e": {"enum": ["a", "b"]}}}');
SELECT a AS args, c.args - 'd' AS coerced, (SELECT jsonb_agg(x) FROM jsonb_array_elements(c.changes) x WHERE x ->> 'rule' <> 'default') AS changes, jsonb_array_length(errors) AS errors
  FROM unnest(ARRAY['{"r": "5"}', '{"r": " -0 "}', '{"r": "5.0"}', '{"r": 1, "n": "1.50"}', '{"r": 1, "b": "true"}', '{"r": 1, "b": "False"}', '{"r": 1, "o": "{\"x\": 1}"}', '{"r": 1, "o": " {\"x\": \"1\"}"}', '{"r": 1, "l": "[1, 2]"}', '{"r": 1, "l": "[\"1\"]"}',
    '{"r": 1, "l": 5}', '{"r": 1, "l": "5"}', '{"r": [1]}', '{"r": ["1"]}', '{"r": 1, "i": null}', '{"r": 1, "o": null}', '{"r": 1, "u": null}', '{"r": 1, "u": "7"}', '{"r": 1, "o": {"x": null}}']) WITH ORDINALITY t(a, n), args_coerce('co', a::jsonb) c ORDER BY n;
-- never: null for what is required, a number for nothing, a truth for a number or a word, a string for a truth or an object, half a number, two for one
SELECT a AS args, c.args - 'd' = a::jsonb AND NOT c.changes @> '[{"from": null}]' AND jsonb_array_length(errors) > 0 AS as_it_was
  FROM unnest(ARRAY['{"r": null}', '{"r": ""}', '{"r": " "}', '{"r": false}', '{"r": true}', '{"r": "true"}', '{"r": "5.5"}', '{"r": "5x"}', '{"r": "0x10"}', '{"r": "1_000"}', '{"r": "+5"}', '{"r": "05"}', '{"r": ".5"}', '{"r": "NaN"}', '{"r": "Infinity"}', '{"r": "1e9999"}', '{"r": "null"}',
    '{"r": []}', '{"r": [1, 2]}', '{"r": [null]}', '{"r": {}}', '{"r": 1, "b": 0}', '{"r": 1, "b": 1}', '{"r": 1, "b": "1"}', '{"r": 1, "b": "yes"}', '{"r": 1, "b": "on"}', '{"r": 1, "b": "t"}', '{"r": 1, "s": true}', '{"r": 1, "s": {"a": 1}}',
    '{"r": 1, "o": "{x: 1"}', '{"r": 1, "o": "[1]"}', '{"r": 1, "o": "\"{\""}', '{"r": 1, "l": "x"}', '{"r": 1, "l": "1, 2"}', '{"r": 1, "l": [null]}', '{"r": 1, "u": "null"}', '{"r": 1, "e": "null"}', '{"r": 1, "zz": 1}', '{"r": 1, "o": {"y": null}}']) a, args_coerce('co', a::jsonb) c;
SELECT args, changes, jsonb_array_length(errors) FROM unnest('{"null","{}","5","\"x\"","[]"}'::jsonb[]) a, args_coerce('co', a);
-- "false" is false and null no member, never the other way round
SELECT c.args FROM args_coerce('co', '{"r": 1, "b": "false", "i": null, "d": "kept"}') c;
-- null is also left out where a list of values or a constant refuses it, and only there
SELECT c.args, changes, jsonb_array_length(errors) FROM unnest(ARRAY['{"r": 1, "d": "kept", "e": null}', '{"d": "kept", "e": "c", "r": null}', '{"r": 1, "d": "kept", "e": ["a"]}']::jsonb[]) a, args_coerce('co', a) c;
-- in a choice, inside of the one branch that a constant picks; nowhere where none or several are left
SELECT tool_set('pick', '{"type": "object", "oneOf": [{"properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
  {"properties": {"kind": {"enum": ["b"]}, "l": {"type": "array", "items": {"type": "string"}}}, "required": ["kind", "l"], "additionalProperties": false}]}');
SELECT a, c.args = a AS as_it_was, c.args, changes, jsonb_array_length(errors) AS errors FROM unnest(ARRAY['{"kind": "a", "n": "7"}', '{"kind": "b", "l": "x"}', '{"kind": "b", "l": ["x"], "n": "7"}', '{"kind": "c", "n": "7"}', '{"n": "7"}']::jsonb[]) a, args_coerce('pick', a) c;
SELECT c.args, changes, jsonb_array_length(errors) AS errors FROM unnest(ARRAY['{"kind": "b", "l": ["x"], "n": "7"}', '{"kind": "c", "n": "7"}']::jsonb[]) a, args_coerce('pick', a, drop_unknown => true) c;
SELECT tool_set('either', '{"type": "object", "anyOf": [{"properties": {"n": {"type": "integer"}}}, {"properties": {"n": {"type": "boolean"}}}]}');
SELECT c.args, changes, jsonb_array_length(errors) FROM args_coerce('either', '{"n": "7"}') c;
-- unknown properties go only if asked, at last, and are told
SELECT args, changes, errors FROM args_coerce('co', '{"r": "1", "zz": {"a": [1]}, "o": {"x": 1, "y": 2}, "d": "kept"}', drop_unknown => true);
SELECT args, changes, jsonb_array_length(errors) FROM args_coerce('co', '{"zz": 1, "d": "kept"}', true);
SELECT tool_set('un', '{"type": "object", "anyOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {"type": "array"}}, "required": ["b"]}], "unevaluatedProperties": false}');
SELECT args, changes, errors FROM args_coerce('un', '{"a": 1, "c": 2}', true);
-- as the tool says, unless told; the gate does as the tool says
SELECT tool_set('keep', '{"q": {"type": "string"}}', coerce => true), tool_set('drop', '{"q": {"type": "string"}}', coerce => true, drop_unknown => true);
SELECT t, d, args, changes FROM unnest('{keep,drop}'::text[]) t, unnest('{t,f,NULL}'::boolean[]) d, args_coerce(t, '{"q": "x", "more": 1}', d);
SELECT policy_set('p', mode => 'enforce'), policy_allow_tool('p', '*') > 0, agent_set('a', 'p'), budget_set('b', max_calls => 10), agent_set('a', 'p', 'b');
SELECT verdict, args, reason FROM call_begin('a', 'keep', '{"q": "x", "more": 1}');
SELECT verdict, args, reason FROM call_begin('a', 'drop', '{"q": "x", "more": 1}');
SELECT name, drop_unknown FROM tools WHERE drop_unknown;
SELECT action FROM config_apply(jsonb_build_object('tools', config_export() -> 'tools')) WHERE action <> 'unchanged';
SELECT tool_set('drop', reset => '{coerce}');
SELECT tool_set('drop', coerce => true, drop_unknown => NULL);

-- Access: importing needs admin, reading a definition reader ---------------------------------

CREATE ROLE regress_tools_reader;
SELECT access_grant('regress_tools_reader', 'reader', '{acme}');
SELECT * FROM tool_import('{"name": "t", "inputSchema": {"type": "object"}}', tenant => 'acme');
SET ROLE regress_tools_reader;
SELECT tool_export('t', 'mcp', tenant => 'acme');
SELECT count(*) FROM tool_lint('t', tenant => 'acme');
SELECT * FROM tool_import('{"name": "t", "inputSchema": {"type": "object"}}', tenant => 'acme');
SELECT tool_export('search', 'mcp');
SELECT * FROM tool_lint('search');
RESET ROLE;
DROP OWNED BY regress_tools_reader;
DROP ROLE regress_tools_reader;
