-- Results that have a schema, and what the log keeps of calls: the members of tools.
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SET search_path = agentcore, public;

-- what may stand there
SELECT tool_set('t', '{"type": "object"}', record => 'digest', redact => '{/token,/list/*/secret}', output_schema => '{"type": "object", "required": ["n"]}');
SELECT record, redact, output_schema FROM tools WHERE name = 't';
SELECT tool_set('t', record => r) FROM unnest('{none,args,all}'::text[]) r;
SELECT tool_set('t', description => 'd');
SELECT record, redact, output_schema FROM tools WHERE name = 't';
SELECT tool_set('t', reset => '{record,redact}'), tool_set('t', reset => '{record,redact}');
SELECT record, redact, output_schema FROM tools WHERE name = 't';
SELECT tool_set('t', output_schema => s) FROM unnest('{true,"{\"$schema\": \"http://json-schema.org/draft-04/schema#\", \"minimum\": 1, \"exclusiveMinimum\": true}"}'::jsonb[]) s;
SELECT tool_set('t', reset => '{output_schema}');
SELECT output_schema FROM tools WHERE name = 't';

-- what may not
SELECT pg_temp.refused(format($$SELECT tool_set('t', record => %L)$$, r)) FROM unnest('{ALL,"",digests}'::text[]) r;
SELECT pg_temp.refused(format($$SELECT tool_set('t', redact => %L)$$, r)) FROM unnest('{"{a}","{/a,NULL}","{/a~2}"}'::text[]) r;
SELECT pg_temp.refused(format($$SELECT tool_set('t', output_schema => %L)$$, s)) FROM unnest(ARRAY['1', 'null', '{"type": "strin"}', '{"$ref": "https://example.com/nowhere"}', '{"pattern": "("}']) s;
-- one dialect for both
SELECT tool_set('a', '{"q": {"type": "string"}}', dialect => 'agentvet', additional => true, output_schema => '{"r": {"type": "number"}}');
SELECT pg_temp.refused($$SELECT tool_set('t', dialect => 'draft7', output_schema => '{"$schema": "https://json-schema.org/draft/2020-12/schema"}')$$);
SELECT tool_set('t', dialect => 'draft7', output_schema => '{"items": [{"type": "string"}]}');
-- the other member counts when one changes: what the dialect refuses is refused
SELECT pg_temp.refused($$SELECT tool_set('t', dialect => '2020-12')$$);
SELECT tool_set('t', reset => '{dialect,output_schema}');

-- a document of the registry that an output schema needs
SELECT json_schema_set('https://example.com/o', '{"type": "object", "required": ["n"]}'), tool_set('t', output_schema => '{"$ref": "https://example.com/o"}');
SELECT pg_temp.refused($$SELECT json_schema_drop('https://example.com/o')$$);

-- MCP has a place for it
SELECT tool_set('t', output_schema => '{"type": "object", "required": ["n"]}', meta => '{"title": "T", "outputSchema": {"type": "object"}}');
SELECT tool_export('t', 'mcp'), tool_export('t', 'openai_chat');
