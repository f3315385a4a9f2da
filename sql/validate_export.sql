-- What providers refuse of a tool: rows with a source, lint, and export, which hands out nothing that would be refused.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
\pset format unaligned
\pset tuples_only on

-- Every rule is dated, has a source and a name of its own
SELECT provider, count(*), count(*) FILTER (WHERE strict) AS strict, min(effect), max(effect) FROM provider_rules() GROUP BY provider ORDER BY provider;
SELECT * FROM provider_rules() WHERE as_of > date '2026-12-31' OR source !~ '(https://|[\w-]+/[\w-]+ src/)' OR problem = '' OR rule !~ '^[a-z_]+$';
SELECT provider, rule FROM provider_rules() GROUP BY 1, 2 HAVING count(*) > 1;
-- where the source could not be read, there is no day, and a refusal names none
SELECT string_agg(provider || ' ' || rule, ', ' ORDER BY provider, rule) FROM provider_rules() WHERE as_of IS NULL;

-- the export of a schema, or the rule in the way
CREATE FUNCTION pg_temp.export(schema jsonb, format text, strict boolean DEFAULT false, name text DEFAULT 't', dialect text DEFAULT 'auto') RETURNS text LANGUAGE plpgsql AS $$
DECLARE written jsonb; detail text;
BEGIN
  PERFORM agentcore.tool_set(name, schema, dialect => dialect);
  written := agentcore.tool_export(name, format, strict);
  RETURN coalesce(written #> '{function,parameters}', written #> '{toolSpec,inputSchema,json}', written -> 'input_schema', written -> 'inputSchema',
                  written - '{name,type,strict}'::text[]);
EXCEPTION WHEN invalid_parameter_value THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' | ', SQLERRM, detail);
END $$;

-- OpenAI and Anthropic, strict or not ------------------------------------------------------

-- a combination at the root that only requires names is written as required; any other is refused
SELECT f, s, pg_temp.export(s::jsonb, f) FROM unnest('{openai_chat,anthropic,bedrock,mcp}'::text[]) f, unnest(ARRAY[
  '{"type": "object", "properties": {"v": {}}, "anyOf": [{"required": ["v"]}]}', '{"type": "object", "properties": {"v": {}}, "required": ["v", "w"], "allOf": [{"required": ["w"]}, {"required": ["x"]}]}',
  '{"type": "object", "properties": {"v": {}}, "oneOf": [{"required": ["v"]}]}', '{"type": "object", "properties": {"v": {}}, "anyOf": [{"required": ["v"]}, {"required": ["w"]}]}',
  '{"type": "object", "properties": {"v": {}}, "allOf": [{"required": ["v"], "minProperties": 1}]}', '{"type": "object", "properties": {"v": {}}, "anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"required": ["v"]}}}',
  '{"type": "object", "properties": {}, "not": {"required": ["v"]}}', '{"type": "object", "properties": {}, "enum": [{}]}']) s ORDER BY 2, 1;
-- in a property they are taken
SELECT f, pg_temp.export('{"type": "object", "properties": {"v": {"anyOf": [{"type": "object"}, {"type": "null"}]}}}', f) FROM unnest('{openai_chat,anthropic,bedrock}'::text[]) f;
-- an array without items, and a root without properties, say the same with items and properties of anything
SELECT s, pg_temp.export(s::jsonb, 'openai_chat'), pg_temp.export(s::jsonb, 'anthropic') FROM unnest(ARRAY['{"type": "object"}', '{"type": "object", "properties": {"l": {"type": "array"}, "m": {"type": ["array", "null"], "description": "d"}}}',
  '{"type": "object", "properties": {"o": {"type": "object", "properties": {"l": {"type": "array"}}}, "t": {"anyOf": [{"type": "array"}, {"type": "array", "items": {"type": "array"}}]}}, "$defs": {"l": {"type": "array"}}}',
  '{"type": "object", "properties": {"type": {"type": "string", "enum": ["array"]}, "c": {"const": {"type": "array"}}, "d": {"default": {"type": "array"}, "examples": [{"type": "array"}]}}}']) s;
-- but not where elements that nothing has evaluated are refused: the meaning would change
SELECT pg_temp.export('{"type": "object", "properties": {"l": {"type": "array", "unevaluatedItems": false}}}', 'openai_chat');
SELECT pg_temp.export('{"type": "object", "properties": {"l": {"type": "array", "prefixItems": [{"type": "string"}]}}}', 'openai_chat');
-- the arguments are an object: a root that does not say so is made to
SELECT f, s, pg_temp.export(s::jsonb, f) FROM unnest('{openai_chat,anthropic,bedrock,gemini,mcp}'::text[]) f, unnest(ARRAY['{"properties": {"a": {"type": "string"}}}', 'true', 'false', '{"type": ["object", "null"], "properties": {}}', '{"type": "array", "items": {}}']) s ORDER BY 2, 1;
-- names: of arguments at the root only
SELECT f, pg_temp.export('{"type": "object", "properties": {"filter[id]": {"type": "string"}}}', f), pg_temp.export('{"type": "object", "properties": {"a.b-c_1": {"type": "object", "properties": {"@x y": {"type": "string"}}}}}', f),
       pg_temp.export(jsonb_build_object('type', 'object', 'properties', jsonb_build_object(repeat('x', 65), '{}'::jsonb)), f), pg_temp.export('{"type": "object", "properties": {"": {"type": "string"}}}', f) FROM unnest('{anthropic,bedrock}'::text[]) f;
SELECT pg_temp.export('{"type": "object", "properties": {"filter[id]": {"type": "string"}}}', 'openai_chat');
-- names of tools
SELECT f, n, pg_temp.export('{"type": "object", "properties": {}}', f, name => n) ~ '^\{' AS taken FROM unnest('{openai_chat,openai_responses,anthropic,gemini,bedrock,mcp}'::text[]) f, unnest(ARRAY['read_file', 'srv/read', 'a.b', 'a:b', '1a', 'ü', repeat('x', 65), repeat('x', 129)]) n WHERE f IN ('openai_responses', 'mcp') OR n <> 'ü' ORDER BY 1, 2;
-- dialects: one of 2020-12 or of both is taken, whatever $schema says
SELECT f, s, pg_temp.export(s::jsonb, f) FROM unnest('{anthropic,bedrock,openai_chat}'::text[]) f, unnest(ARRAY['{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": {"$ref": "#/definitions/a"}}, "definitions": {"a": {"type": "string"}}}',
  '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": {"type": "array", "items": [{"type": "string"}]}}}', '{"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "properties": {"a": {"type": "number", "minimum": 1, "exclusiveMinimum": true}}}']) s ORDER BY 2, 1;
SELECT tool_set('e', '{"type": "object", "properties": {}}', ''), pg_temp.export('{"type": "object", "properties": {}}', 'bedrock', name => 'e'), pg_temp.export('{"type": "object", "properties": {}}', 'anthropic', name => 'e');
-- what 2020-12 refuses, or reads otherwise, of older drafts is written as 2020-12, if there is a form of the same meaning
CREATE TABLE pg_temp.older (n int GENERATED ALWAYS AS IDENTITY, draft text, members jsonb);
INSERT INTO pg_temp.older (draft, members) VALUES
  ('draft-04', '{"properties": {"a": {"type": "number", "minimum": 1, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false}}, "id": "https://example.com/t"}'),
  ('draft-04', '{"properties": {"a": {"items": [{"type": "string"}], "additionalItems": false}, "b": {"items": {"type": "number"}, "additionalItems": false}}, "dependencies": {"a": ["b"]}}'),
  ('draft-06', '{"properties": {"a": {"items": [{"const": 1}, true], "additionalItems": {"type": "string"}}}}'),
  ('draft-07', '{"properties": {"a": {}, "b": {}}, "dependencies": {"a": ["b"], "b": {"required": ["c"]}}}'),
  ('draft-07', '{"properties": {"a": {"$ref": "#/definitions/d", "minLength": 3, "description": "x"}}, "definitions": {"d": {"type": "array", "items": [{"type": "string"}, {"$ref": "#"}]}}}'),
  ('draft-07', '{"$ref": "#/definitions/d", "required": ["b"], "definitions": {"d": {"properties": {"a": {"items": [{"type": "string"}]}}}}}'),
  ('draft-07', '{"properties": {"a": {"$ref": "#/definitions/d", "default": "x"}}, "definitions": {"d": {"type": "string"}}}'),
  ('draft-07', '{"properties": {"dependencies": {"type": "string"}, "items": {"enum": [{"items": [1], "dependencies": 1}]}, "a": {"default": {"$ref": "x"}, "items": [{}]}}}'),
  -- these have none
  ('draft-04', '{"properties": {"a": {"items": [{}], "const": 1}}}'), ('draft-07', '{"properties": {"a": {"items": [{}]}}, "dependentRequired": {"a": ["b"]}}'),
  ('draft-07', '{"properties": {"a": {"$id": "#x", "items": [{}]}}}'), ('draft-07', '{"properties": {"a": {"items": [{"type": "string"}]}, "b": {"$ref": "#/properties/a/items/0"}}}'),
  ('2019-09', '{"properties": {"a": {"items": [{}], "contains": {}, "unevaluatedItems": false}}}'), ('2019-09', '{"properties": {"a": {"$recursiveRef": "#"}}}');
SELECT o.n, f, pg_temp.export(jsonb_build_object('type', 'object', '$schema', CASE draft WHEN '2019-09' THEN 'https://json-schema.org/draft/2019-09/schema' ELSE format('http://json-schema.org/%s/schema#', draft) END) || members, f)
  FROM pg_temp.older o, unnest('{anthropic,bedrock}'::text[]) f WHERE f = 'anthropic' OR n < 3 ORDER BY 1, 2;
-- both say the same of every argument
SELECT count(*), count(*) FILTER (WHERE was), count(*) FILTER (WHERE was IS DISTINCT FROM jsonschema_validate(w.written - '$schema', args::jsonb, '2020-12'))
  FROM (SELECT schema, pg_temp.export(schema, 'anthropic') AS written FROM pg_temp.older o, LATERAL (SELECT jsonb_build_object('type', 'object', '$schema', format('http://json-schema.org/%s/schema#', draft)) || members AS schema) s WHERE n < 9) e
  CROSS JOIN LATERAL (SELECT e.written::jsonb) w (written)
  CROSS JOIN unnest(ARRAY['{}', '{"a": 1}', '{"a": 1.5}', '{"a": 5}', '{"a": 6}', '{"a": "x"}', '{"a": []}', '{"a": ["x"]}', '{"a": ["x", "y"]}', '{"a": [1]}', '{"a": [1, 2, "s"]}', '{"a": [1, 2, 3]}', '{"a": ["x", {"a": 1}]}', '{"b": 1}', '{"b": [1]}', '{"b": [1, "x"]}',
    '{"a": [], "b": 1}', '{"a": 2, "b": [], "c": 1}', '{"b": 1, "c": 2}', '{"a": ["x"], "b": []}', '{"items": {"items": [1], "dependencies": 1}}', '{"dependencies": 1}', '{"a": "xy"}']) args
  CROSS JOIN LATERAL (SELECT jsonschema_validate(schema, args::jsonb)) v (was);
-- a root whose type is a list that has object in it
SELECT f, s, pg_temp.export(s::jsonb, f) FROM unnest('{openai_chat,anthropic,gemini,mcp}'::text[]) f, unnest(ARRAY['{"type": ["object"], "properties": {"a": {"type": "string"}}}', '{"type": ["string"], "properties": {}}', '{"type": []}']) s ORDER BY 2, 1;
-- strict: what anything is, must be said
SELECT s, pg_temp.export(s::jsonb, 'openai_responses', true) FROM unnest(ARRAY['{"type": "object", "properties": {"v": {"description": "any"}}, "required": ["v"], "additionalProperties": false}', '{"type": "object", "properties": {"v": true}, "required": ["v"], "additionalProperties": false}',
  '{"type": "object", "properties": {"v": {"type": "array"}}, "required": ["v"], "additionalProperties": false}', '{"type": "object", "properties": {"v": {"type": "array", "items": {}}}, "required": ["v"], "additionalProperties": false}',
  '{"type": "object", "properties": {"v": {"type": "array", "items": true}}, "required": ["v"], "additionalProperties": false}', '{"type": "object", "properties": {"v": {"anyOf": [{"type": "string"}, true]}}, "required": ["v"], "additionalProperties": false}',
  '{"type": "object", "properties": {"v": {"type": "array", "items": {"type": "string"}}, "r": {"$ref": "#/$defs/r"}}, "required": ["v", "r"], "additionalProperties": false, "$defs": {"r": {"type": "string"}}}',
  '{"type": "object", "properties": {"v": {"type": "string", "minLength": 1}}, "required": ["v"], "additionalProperties": false}']) s;
SELECT pg_temp.export('{"type": "object", "properties": {"v": {}}, "required": ["v"], "additionalProperties": false}', 'openai_chat');
SELECT json_schema_set('https://example.com/x', '{"type": "string"}');
-- look-around: in any mode
SELECT m, pg_temp.export('{"type": "object", "properties": {"v": {"type": "string", "pattern": "^(?!x)"}}, "required": ["v"], "additionalProperties": false}', 'openai_chat', m) FROM unnest('{f,t}'::boolean[]) m;
SELECT f, pg_temp.export('{"type": "object", "properties": {"v": {"$ref": "https://example.com/x"}}}', f) FROM unnest('{openai_chat,anthropic}'::text[]) f;
-- lint says all of it
SELECT tool_set('s', '{"type": "object", "properties": {"v": {"description": "any"}, "w": {"type": "array"}, "x y": {"type": "string"}}, "anyOf": [{"required": ["v"]}], "required": ["v", "w", "x y"], "additionalProperties": false}');
SELECT provider, path, keyword, effect, problem, rule, strict FROM tool_lint('s') WHERE provider <> 'gemini';

-- Gemini: parameters only where they are taken, JSON Schema, or none -----------------------------

SELECT s, pg_temp.export(('{"type": "object", "properties": ' || s || '}')::jsonb, 'gemini') FROM unnest(ARRAY['{}', '{"u": {"type": "string"}}', '{"u": {"type": "string", "format": "uri"}}', '{"u": {"type": "string", "format": "date-time"}}', '{"u": {"type": "integer", "format": "int32"}}', '{"u": {"type": "integer", "format": "date-time"}}',
  '{"u": {"type": "number", "format": "double"}}', '{"l": {"type": "array"}}', '{"l": {"type": "array", "items": {}}}', '{"l": {"type": "array", "items": {"type": "string"}}}', '{"e": {"type": "string", "enum": ["a", ""]}}', '{"e": {"type": "string", "enum": ["a"]}}', '{"e": {"enum": ["a"]}}', '{"e": {"type": "string", "enum": ["a", null]}}', '{"e": {"type": "integer", "enum": [1]}}',
  '{"o": {"type": "object"}}', '{"o": {"type": "object", "properties": {}}}', '{"o": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}}', '{"o": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["b"]}}', '{"v": {}}', '{"v": {"description": "any"}}', '{"n": {"type": ["string", "null"]}}', '{"n": {"type": ["string", "integer"]}}',
  '{"c": {"anyOf": [{"type": "string"}, {"type": "null"}]}}', '{"c": {"anyOf": [{"type": "string"}, {}]}}', '{"a-b": {"type": "string"}}', '{"1": {"type": "string"}}', '{"p": {"type": "string", "pattern": "^a$", "minLength": 1}}']) s;
SELECT pg_temp.export('{"type": "object"}', 'gemini'), pg_temp.export('{"type": "object", "properties": {}, "additionalProperties": false}', 'gemini'), pg_temp.export('{"type": "object", "properties": {}, "description": "d"}', 'gemini');
-- neither loses anything on the way back
SELECT tool_set('none', '{"type": "object", "properties": {}}', 'd'), tool_export('none', 'gemini');
SELECT action FROM tool_import(jsonb_build_object('functionDeclarations', jsonb_build_array(tool_export('none', 'gemini'))), adopt => true);

-- Misspelt keywords get the nearest; words of others are left alone --------------------------------

SELECT tool_set('m', '{"type": "object", "requried": ["a"], "additionalproperties": false, "x-requird": 1, "properties": {"requried": {"type": "string", "minLenght": 2, "example": "x", "nullable": true, "frobnicate": 1, "descripton": "d"}, "b": {"type": "array", "item": {"type": "string"}, "minItem": 1, "uniqueItem": true},
  "c": {"min_length": 1, "exclusive_minimum": 0, "enums": ["a"], "Default": 1, "tpye": "string", "ty": "x"}, "d": {"definitions": {}, "dependencies": {}, "const": {"requried": 1}, "default": {"minLenght": 1}, "id": "x"}}}');
SELECT path, problem FROM tool_lint('m', 'agentcore') WHERE rule IS NULL ORDER BY path;
-- in capitals, and with other separators
SELECT tool_set('m', '{"type": "object", "REQUIRED": ["a"], "Additional-Properties": false, "properties": {"ANY_OF": {"MINLENGTH": 1, "unique items": true, "prefix_items": [], "EXAMPLE_": 1, "TYP": 1}}}');
SELECT path, problem FROM tool_lint('m', 'agentcore') WHERE rule IS NULL ORDER BY path;
