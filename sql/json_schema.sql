--
-- json_schema: references to bundled metaschemas and registered documents
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
\pset format unaligned
\pset tuples_only on

-- The published metaschemas ---------------------------------------------------

-- every one of them, over either scheme, is found and takes itself for a schema
SELECT uri, jsonschema_validate(jsonb_build_object('$ref', scheme || uri), '{"type": "object", "description": "x"}') AS a_schema,
       jsonschema_validate(jsonb_build_object('$ref', scheme || uri), '[]') AS no_schema
  FROM unnest('{json-schema.org/draft-04/schema#,json-schema.org/draft-06/schema,json-schema.org/draft-07/schema#,json-schema.org/draft/2019-09/schema,json-schema.org/draft/2020-12/schema,json-schema.org/draft/2019-09/meta/core,json-schema.org/draft/2019-09/meta/applicator,json-schema.org/draft/2019-09/meta/validation,json-schema.org/draft/2019-09/meta/meta-data,json-schema.org/draft/2019-09/meta/format,json-schema.org/draft/2019-09/meta/content,json-schema.org/draft/2020-12/meta/core,json-schema.org/draft/2020-12/meta/applicator,json-schema.org/draft/2020-12/meta/unevaluated,json-schema.org/draft/2020-12/meta/validation,json-schema.org/draft/2020-12/meta/meta-data,json-schema.org/draft/2020-12/meta/format-annotation,json-schema.org/draft/2020-12/meta/format-assertion,json-schema.org/draft/2020-12/meta/content}'::text[]) uri,
       unnest('{http://,https://}'::text[]) scheme
 GROUP BY uri, scheme HAVING scheme = 'https://' OR uri LIKE '%draft-0%' ORDER BY uri, scheme;
-- nested deep in the instance the dialect's own rules hold
SELECT jsonschema_validate('{"$ref": "https://json-schema.org/draft/2020-12/schema"}', '{"properties": {"a": {"items": {"minLength": -1}}}}');
SELECT jsonschema_validate('{"$ref": "http://json-schema.org/draft-04/schema#/definitions/positiveInteger"}', '-1');

-- a schema that its metaschema refuses is not registered; the compiler alone would take these
SELECT tool_set('bad', '{"type": "object", "properties": {"a": {"examples": "none"}}}');
SELECT tool_set('bad', '{"type": "object", "required": ["a", "a"]}');
SELECT tool_set('bad', '{"type": "object", "required": []}', dialect => 'draft4');
SELECT tool_set('bad', '{"type": "object", "properties": {"a": {"deprecated": 1}}}', dialect => '2019-09');
SELECT tool_set('bad', '{"type": "object", "$defs": {"a": {"$anchor": "1"}}}');
SELECT count(*) FROM tools;
SELECT jsonschema_is_valid('{"examples": 1}'), jsonschema_is_valid('{"examples": 1}', 'draft4'), jsonschema_is_valid('{"examples": 1}', 'draft7'),
       jsonschema_is_valid('{"enum": []}', 'draft4'), jsonschema_is_valid('{"enum": []}'), jsonschema_is_valid('true'), jsonschema_is_valid('true', 'draft4');
-- what the compiler takes is not too deep for the metaschema
SET agentcore.max_depth = 64;
SELECT jsonschema_is_valid(schema), jsonschema_is_valid(schema, 'draft7')
  FROM (SELECT (repeat('{"properties": {"a": ', 40) || '{}' || repeat('}}', 40))::jsonb) x (schema);
SELECT jsonschema_is_valid((repeat('{"properties": {"a": ', 65) || '{}' || repeat('}}', 65))::jsonb);
SELECT jsonschema_is_valid((repeat('{"anyOf": [', 40) || '{"examples": 1}' || repeat(']}', 40))::jsonb);
RESET agentcore.max_depth;
-- an embedded resource in another dialect is judged by the compiler, not by the wrong metaschema
SELECT jsonschema_is_valid('{"$defs": {"a": {"$id": "urn:a", "$schema": "http://json-schema.org/draft-07/schema#", "items": [{}]}}}');

-- Registering ------------------------------------------------------------------

SELECT json_schema_set('https://example.com/address', '{"type": "object", "required": ["city"], "properties": {"city": {"type": "string", "minLength": 2}}, "$defs": {"zip": {"$anchor": "zip", "type": "string", "pattern": "^[0-9]{5}$"}}}');
SELECT json_schema_set('https://example.com/address', schema) FROM json_schemas;
SELECT json_schema_set('https://example.com/address', schema, '2020-12') FROM json_schemas;
SELECT json_schema_set('https://example.com/person', '{"$id": "urn:example:person", "type": "object", "properties": {"home": {"$ref": "https://example.com/address"}, "knows": {"type": "array", "items": {"$ref": "#"}}}}');
SELECT uri, id, dialect, schema -> 'type' FROM json_schemas ORDER BY 1;

-- what is refused, with nothing changed
SELECT json_schema_set(NULL, '{}');
SELECT json_schema_set('', '{}');
SELECT json_schema_set('https://example.com/' || repeat('x', 2048), '{}');
SELECT json_schema_set('address', '{}');
SELECT json_schema_set('https://example.com/a#b', '{}');
SELECT json_schema_set('https://json-schema.org/draft/2020-12/schema', '{}');
SELECT json_schema_set('http://json-schema.org/draft-07/schema', '{}');
SELECT json_schema_set('urn:a', NULL);
SELECT json_schema_set('urn:a', '[]');
SELECT json_schema_set('urn:a', '{"a": {"type": "string"}}', 'agentvet');
SELECT json_schema_set('urn:a', '{}', reset => '{schema}');
SELECT json_schema_set('urn:a', '{}', 'draft3');
SELECT json_schema_set('urn:a', '{"$schema": "https://example.com/no-such-metaschema"}');
SELECT json_schema_set('urn:a', '{"minLength": "1"}');
SELECT json_schema_set('urn:a', '{"properties": {"a": {"examples": 1}}}');
SELECT json_schema_set('urn:a', '{"$id": "urn:example:person"}');
SELECT json_schema_set('urn:a', '{}', tenant => NULL);
SELECT json_schema_drop(NULL);
SELECT json_schema_drop('urn:none');
SELECT count(*) FROM json_schemas;

-- Referring --------------------------------------------------------------------

SELECT tool_set('far', '{"$ref": "https://example.com/none#/a"}');
SELECT tool_set('far', '{"properties": {"a": {"items": {"$ref": "none.json"}}}}');
SELECT tool_set('far', '{"$ref": "https://example.com/address#/$defs/none"}');
SELECT tool_set('far', '{"$ref": "https://example.com/address#none"}');
SELECT tool_set('far', '{"$ref": "https://example.com/address"}', tenant => 'acme');
SELECT jsonschema_validate('{"$ref": "https://example.com/address"}', '{}');
SELECT jsonschema_is_valid('{"$ref": "https://example.com/address"}');

-- by URI, pointer, anchor and own $id
SELECT tool_set('move', '{"type": "object", "properties": {"who": {"$ref": "urn:example:person"}, "to": {"$ref": "https://example.com/address"}, "zip": {"$ref": "https://example.com/address#zip"}, "same": {"$ref": "https://example.com/address#/$defs/zip"}, "by_uri": {"$ref": "https://example.com/person"}}}');
SELECT args_validate('move', '{"who": {"knows": [{"home": {"city": "X"}}]}, "to": {}, "zip": "1", "same": "12345", "by_uri": {"knows": [1]}}');
SELECT args_valid('move', '{"who": {"knows": [{"home": {"city": "Rome"}}]}, "to": {"city": "Rome"}, "zip": "12345"}');
SELECT jsonschema_validate_registered('{"$ref": "urn:example:person"}', '{"home": {}}'), jsonschema_validate_registered('{"$ref": "urn:example:person"}', '{}'),
       jsonschema_validate_registered('{"$ref": "urn:example:person"}', NULL);
SELECT jsonschema_validate_registered(NULL, '{}');
SELECT jsonschema_validate_registered('{}', '{}', NULL);
SELECT jsonschema_validate_registered('{}', '{}', assert_format => NULL);
SELECT jsonschema_validate_registered('{"$ref": "urn:example:person"}', '{}', tenant => 'acme');

-- a document may come before what it refers to, a tool may not; documents may refer to each other
SELECT json_schema_set('https://example.com/tree', '{"type": "object", "properties": {"left": {"$ref": "leaf"}}}');
SELECT tool_set('climb', '{"$ref": "https://example.com/tree"}');
SELECT json_schema_set('https://example.com/leaf', '{"anyOf": [{"type": "integer"}, {"$ref": "/tree"}]}');
SELECT tool_set('climb', '{"$ref": "https://example.com/tree"}');
SELECT args_valid('climb', '{"left": {"left": {"left": 3}}}'), args_valid('climb', '{"left": {"left": {"left": "3"}}}');
SELECT json_schema_set('urn:loop:a', '{"$ref": "urn:loop:b"}'), json_schema_set('urn:loop:b', '{"$ref": "urn:loop:a"}');
SELECT tool_set('loop', '{"$ref": "urn:loop:a"}');

-- what is replaced is followed, in this transaction and back
SELECT compiles FROM stat_compiled WHERE name = 'climb';
BEGIN;
SELECT json_schema_set('https://example.com/leaf', '{"type": "string"}');
SELECT args_valid('climb', '{"left": "3"}'), jsonschema_validate_registered('{"$ref": "https://example.com/leaf"}', '"3"');
ROLLBACK;
SELECT args_valid('climb', '{"left": "3"}'), jsonschema_validate_registered('{"$ref": "https://example.com/leaf"}', '"3"');
-- a tool that uses none of it stays compiled
SELECT tool_set('plain', '{"type": "object"}'), args_valid('plain', '{}');
SELECT json_schema_set('urn:other', 'false');
SELECT args_valid('plain', '{}'), args_valid('climb', '{}');
SELECT compiles FROM stat_compiled WHERE name = 'plain';
-- one call site, many versions of a document
DO $$
DECLARE
  seen boolean[] = '{}';
BEGIN
  FOR i IN 1 .. 4 LOOP
    seen := seen || agentcore.jsonschema_validate_registered('{"$ref": "urn:other"}', '1');
    PERFORM agentcore.json_schema_set('urn:other', to_jsonb(i % 2 = 1));
  END LOOP;
  RAISE NOTICE '%', seen;
END
$$;
PREPARE ask AS SELECT jsonschema_validate_registered('{"$ref": "urn:other"}', '1');
EXECUTE ask;
SELECT json_schema_set('urn:other', 'true');
EXECUTE ask;
SELECT json_schema_drop('urn:other');
EXECUTE ask;

-- what was compiled serves the next statement too, and is shown, bounded and compiled anew as other schemas given inline; so are metaschemas shown
SELECT json_schema_set('urn:kept', 'true'), json_schema_set('urn:kept', 'false', tenant => 'acme');
SELECT jsonschema_validate_registered('{"$ref": "urn:kept"}', '1'), jsonschema_validate_registered('{"$ref": "urn:kept"}', '1', tenant => 'acme');
SELECT jsonschema_validate_registered('{"$ref": "urn:kept"}', to_jsonb(i)) FROM generate_series(1, 2) i;
SELECT tenant, revision, bytes > 0, compiles, hits FROM stat_compiled WHERE class = 'inline schema' AND name = '{"$ref": "urn:kept"}' ORDER BY tenant;
SELECT json_schema_set('urn:kept', '{"minimum": 2}');
SELECT jsonschema_validate_registered('{"$ref": "urn:kept"}', '1'), jsonschema_validate_registered('{"$ref": "urn:kept"}', '1', tenant => 'acme');
SELECT tenant, hits FROM stat_compiled WHERE class = 'inline schema' AND name = '{"$ref": "urn:kept"}' ORDER BY tenant;
SELECT jsonschema_validate('{"$ref": "urn:kept"}', '3');
SET agentcore.inline_schema_cache_size = 64;
SELECT count(*) FILTER (WHERE jsonschema_validate_registered(jsonb_build_object('$ref', 'urn:kept', 'maximum', i), to_jsonb(i))) FROM generate_series(1, 300) i;
SELECT count(*) BETWEEN 1 AND 64, sum(bytes) <= 65536 FROM stat_compiled WHERE class = 'inline schema';
RESET agentcore.inline_schema_cache_size;
SELECT class, tenant, name, bytes > 10000, compiles FROM stat_compiled WHERE class = 'metaschema' ORDER BY name;
SELECT json_schema_drop('urn:kept'), json_schema_drop('urn:kept', 'acme');

-- a tool's documents are not dropped; a replacement that it cannot be compiled with leaves it refusing
SELECT json_schema_drop('https://example.com/leaf');
SELECT json_schema_drop('https://example.com/person');
SELECT json_schema_set('https://example.com/address', '{"$defs": {}}');
SELECT args_valid('move', '{}');
SELECT args_validate('move', '{}');
SELECT policy_set('all'), policy_allow_tool('all', '*'), agent_set('bot', 'all');
SELECT verdict FROM call_begin('bot', 'move', '{}');
SELECT json_schema_set('https://example.com/address', '{"$defs": {"zip": {"$anchor": "zip"}}}');
SELECT verdict FROM call_begin('bot', 'move', '{}');
SELECT tool_drop('climb'), json_schema_drop('https://example.com/leaf');
DELETE FROM json_schema WHERE name = 'https://example.com/person';
SELECT args_valid('move', '{}');

-- answers shared between tenants are of the same tool: with the same documents
SELECT json_schema_set('urn:f', 'true', tenant => t), policy_set('all', tenant => t), policy_allow_tool('all', '*', tenant => t), agent_set('bot', 'all', tenant => t),
       tool_set('sh', '{"properties": {"a": {"$ref": "urn:f"}}}', cache_ttl => '1 hour', cache_scope => 'shared', tenant => t) FROM unnest('{sa,sb}'::text[]) t;
SELECT call_id FROM call_begin('bot', 'sh', '{"a": 1}', tenant => 'sa') \gset
SELECT call_commit(:'call_id', '1', tenant => 'sa');
SELECT verdict FROM call_begin('bot', 'sh', '{"a": 1}', tenant => 'sb');
SELECT json_schema_set('urn:f', '{"type": "integer"}', tenant => 'sb');
SELECT verdict FROM call_begin('bot', 'sh', '{"a": 1}', tenant => 'sb');

-- there is an end to documents
SELECT count(json_schema_set('urn:n:' || n, 'true')) FROM generate_series(1, 257) n;
SELECT jsonschema_validate_registered((SELECT jsonb_build_object('allOf', jsonb_agg(jsonb_build_object('$ref', 'urn:n:' || n))) FROM generate_series(1, 256) n), '1');
SELECT jsonschema_validate_registered((SELECT jsonb_build_object('allOf', jsonb_agg(jsonb_build_object('$ref', 'urn:n:' || n))) FROM generate_series(1, 257) n), '1');
SELECT count(json_schema_drop(uri)) FROM json_schemas WHERE uri LIKE 'urn:n:%';

-- the schema's own resources come before the registry, and nobody stands for a metaschema
SELECT json_schema_set('urn:own', 'false');
SELECT jsonschema_validate_registered('{"$defs": {"a": {"$id": "urn:own"}}, "$ref": "urn:own"}', '1');

-- Dialects and vocabularies ----------------------------------------------------

-- a document that does not say is read as the one that refers to it
SELECT json_schema_set('urn:pair', '{"items": [{"type": "integer"}]}');
SELECT jsonschema_validate_registered('{"$ref": "urn:pair"}', '["a"]', 'draft7'), jsonschema_validate_registered('{"$ref": "urn:pair"}', '["a"]', '2019-09');
SELECT jsonschema_validate_registered('{"$ref": "urn:pair"}', '["a"]', '2020-12');
SELECT json_schema_set('urn:pair', schema, 'draft7') FROM json_schemas WHERE uri = 'urn:pair';
SELECT jsonschema_validate_registered('{"$ref": "urn:pair"}', '["a"]', '2020-12');

SELECT json_schema_set('urn:meta:structure', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "$dynamicAnchor": "meta", "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": true, "https://json-schema.org/draft/2020-12/vocab/applicator": true, "urn:vocabulary:of-mine": false}, "$ref": "https://json-schema.org/draft/2020-12/meta/applicator", "properties": {"mine": {"type": "integer"}}}');
SELECT jsonschema_validate_registered('{"$schema": "urn:meta:structure", "properties": {"a": {"type": "string"}, "b": false}, "required": ["c"]}', '{"a": 1}'),
       jsonschema_validate_registered('{"$schema": "urn:meta:structure", "properties": {"a": {"type": "string"}, "b": false}, "required": ["c"]}', '{"b": 1}');
SELECT tool_set('mine', '{"$schema": "urn:meta:structure", "properties": {"a": {"mine": "x"}}}');
SELECT tool_set('mine', '{"$schema": "urn:meta:structure", "properties": {"a": {"mine": 1}}}');
SELECT json_schema_drop('urn:meta:structure');
SELECT json_schema_set('urn:meta:strict', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": true, "urn:vocabulary:of-mine": true}}');
SELECT jsonschema_validate_registered('{"$schema": "urn:meta:strict"}', '1');
SELECT json_schema_set('urn:meta:format', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": true, "https://json-schema.org/draft/2020-12/vocab/format-assertion": true}}');
SELECT jsonschema_validate_registered('{"$schema": "urn:meta:format", "format": "ipv4"}', '"x"'), jsonschema_validate_registered('{"format": "ipv4"}', '"x"');
SELECT json_schema_set('urn:meta:nowhere', '{"$schema": "urn:meta:nowhere"}');
SELECT jsonschema_validate('{"$schema": "urn:meta:format"}', '1');

-- Who may ------------------------------------------------------------------------

CREATE ROLE regress_agentcore_ann;
SELECT access_grant('regress_agentcore_ann', 'admin', '{acme}');
SET ROLE regress_agentcore_ann;
SELECT json_schema_set('urn:x', 'true');
SELECT json_schema_drop('urn:own');
SELECT jsonschema_validate_registered('{"$ref": "urn:own"}', '1');
SELECT json_schema_set('urn:own', '{"type": "string"}', tenant => 'acme');
SELECT tool_set('t', '{"properties": {"a": {"$ref": "urn:own"}}, "type": "object"}', tenant => 'acme');
SELECT args_valid('t', '{"a": "x"}', 'acme'), jsonschema_validate_registered('{"$ref": "urn:own"}', '1', tenant => 'acme');
SELECT tenant, uri FROM json_schemas;
SELECT count(*) FROM json_schema;
RESET ROLE;
SELECT access_grant('regress_agentcore_ann', 'agent', '{acme}');
SET ROLE regress_agentcore_ann;
SELECT json_schema_set('urn:own', 'true', tenant => 'acme');
SELECT json_schema_drop('urn:own', 'acme');
SELECT args_valid('t', '{"a": "x"}', 'acme'), jsonschema_validate_registered('{"$ref": "urn:own"}', '1', tenant => 'acme');
RESET ROLE;
SELECT access_revoke('regress_agentcore_ann');
SET ROLE regress_agentcore_ann;
SELECT jsonschema_validate_registered('{"$ref": "urn:own"}', '1', tenant => 'acme');
SELECT count(*) FROM json_schemas;
RESET ROLE;
DROP ROLE regress_agentcore_ann;
