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


-- MCP has a place for it: what a server says is imported, pinned, and exported again -----------------

SELECT name, action, problem FROM tool_import('[{"name": "m", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object", "properties": {"n": {"type": "integer", "minimum": null}}, "required": ["n"]}, "title": "M"}]', origin => 'o');
SELECT output_schema, meta FROM tools WHERE name = 'm';
SELECT tool_export('m', 'mcp'), tool_export('m', 'openai_chat');
SELECT action FROM tool_import(tool_export('m', 'mcp'), origin => 'o') UNION ALL SELECT action FROM tool_import(tool_export('m', 'anthropic'), origin => 'o');
SELECT tool_digest(tool_export('m', 'mcp')) = (SELECT digest FROM tool_history WHERE tool = 'm') AS same_digest, tool_digest(tool_export('m', 'mcp')) = tool_digest(tool_export('m', 'mcp') - 'outputSchema') AS of_no_account;
-- a changed one is a changed definition
SELECT action, problem FROM tool_import('{"name": "m", "title": "M", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}}', origin => 'o', on_change => 'hold');
SELECT output_schema, pending - 'digest' AS pending FROM tools WHERE name = 'm';
SELECT count(*) FROM config_apply(config_export(), tenant => 'copy');
SELECT output_schema, pending - 'digest' AS pending FROM tools WHERE name = 'm' AND tenant = 'copy';
SELECT tool_accept('m', pending ->> 'digest') FROM tools WHERE name = 'm' AND tenant = '';
SELECT output_schema, pending FROM tools WHERE name = 'm' AND tenant = '';
SELECT action, before, after FROM tool_history WHERE tool = 'm' AND tenant = '' ORDER BY revision DESC LIMIT 1;
SELECT action FROM tool_import('{"name": "m", "title": "M", "inputSchema": {"type": "object"}}', origin => 'o');
SELECT output_schema FROM tools WHERE name = 'm' AND tenant = '';
SELECT pg_temp.refused($$SELECT tool_hold('m', '{"input_schema": {}, "output_schema": 1}')$$);
-- one that cannot be used is kept and counts for the digest, and nothing is judged by it
SELECT action, problem FROM tool_import('[{"name": "u1", "inputSchema": {"type": "object"}, "outputSchema": {"type": "strin"}}, {"name": "u2", "inputSchema": {"type": "object"}, "outputSchema": {"n": {"type": "string"}}}, {"name": "u3", "inputSchema": {"type": "object"}, "outputSchema": true}]');
SELECT name, output_schema, meta FROM tools WHERE name ~ '^u' AND tenant = '';
SELECT tool_export('u1', 'mcp'), tool_digest(tool_export('u1', 'mcp')) = (SELECT digest FROM tool_history WHERE tool = 'u1') AS same_digest;
SELECT action FROM tool_import(tool_export('u1', 'mcp'));
-- another format leaves what tool_set() said, if it can be read as an import is
SELECT tool_set('m', output_schema => '{"type": "object", "maxProperties": 9}');
SELECT action FROM tool_import('{"name": "m", "input_schema": {"type": "object", "properties": {"a": {}}}}', origin => 'o');
SELECT tool_set('m', dialect => 'draft7', output_schema => '{"items": [true]}');
SELECT action, problem FROM tool_import('{"name": "m", "input_schema": {"type": "object", "properties": {"b": {}}}}', origin => 'o');
SELECT tool_set('m', reset => '{dialect,output_schema}');
-- MCP knows objects only, and clients have no registry: left out, and lint says so
SELECT tool_set('m', output_schema => s), tool_export('m', 'mcp') -> 'outputSchema' FROM unnest('{"{\"type\": \"array\"}","{\"$ref\": \"https://example.com/o\"}","{\"type\": [\"object\", \"null\"]}","{\"required\": [\"n\"]}",true,false}'::jsonb[]) s;
SELECT tool_set('m', output_schema => '{"type": "array", "minItem": 1}');
SELECT path, keyword, effect, problem, rule FROM tool_lint('m', 'mcp') UNION ALL SELECT path, keyword, effect, problem, rule FROM tool_lint('m', 'agentcore');

-- What is judged ----------------------------------------------------------------------------------------

SELECT tool_set('w', '{"type": "object"}', output_schema => '{"type": "object", "properties": {"n": {"type": "integer"}, "m": {"enum": ["x"]}, "o": {"type": ["string", "null"]}}, "required": ["n"], "additionalProperties": false}');
CREATE TEMP TABLE results (n serial, r jsonb);
INSERT INTO results (r) VALUES
  ('{"n": 1}'),
  ('{"n": "1"}'),
  ('[]'),
  ('{"n": 1, "p": 2, "o": 3}'),
  ('{"isError": true}'),
  ('{"error": "no"}'),
  ('{"content": [{"type": "text", "text": "hi"}], "structuredContent": {"n": 1}}'),
  ('{"content": [], "structuredContent": {"n": "1", "m": 5}}'),
  ('{"content": [{"type": "text", "text": "hi"}]}'),
  ('{"content": [{"type": "text"}], "structuredContent": null, "isError": false}'),
  ('{"content": [{"type": "text"}], "isError": true}'),
  ('{"jsonrpc": "2.0", "id": 1, "result": {"content": [], "structuredContent": {"n": 2.5}}}'),
  ('{"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "audio"}]}}'),
  ('{"content": []}'),
  ('{"content": [{"type": "row"}]}');
SELECT n, e ->> 'path' AS path, e ->> 'keyword' AS keyword, e ->> 'message' AS message FROM results, jsonb_array_elements(result_validate('w', r)) e ORDER BY n, path;
SELECT result_feedback('w', r) FROM results WHERE n IN (1, 4, 8, 9) ORDER BY n;
SELECT result_validate('w', NULL), result_feedback('w', NULL), result_validate('t', '1'), result_feedback('u1', '1');
SELECT result_validate('nosuch', '1');
-- the members of an error are those of args_validate()
SELECT array_agg(DISTINCT k) FROM results, jsonb_array_elements(result_validate('w', r)) e, jsonb_object_keys(e) k;
-- the tool's own place for errors
SELECT tool_set('w', error_pointer => '/failed'), result_validate('w', '{"n": "1", "failed": 1}'), jsonb_array_length(result_validate('w', '{"error": "no"}'));
SELECT tool_set('w', reset => '{error_pointer}');
-- agentvet's dialect
SELECT result_validate('a', '{"r": 1, "more": 2}'), result_validate('a', '{"r": "1"}') #>> '{0,path}';
-- what cannot be checked is wrong, and raises nothing
SET agentcore.max_node_visits = 1024;
SELECT tool_set('deep', '{"type": "object"}', output_schema => '{"type": "array", "items": {"type": "integer"}}');
SELECT result_validate('deep', to_jsonb(array_agg(i))), result_feedback('deep', to_jsonb(array_agg(i))) FROM generate_series(1, 3000) i;
RESET agentcore.max_node_visits;
SET agentcore.max_args_size = '1 kB';
SELECT result_validate('deep', to_jsonb(repeat('x', 2000))), result_feedback('deep', to_jsonb(repeat('x', 2000))), result_validate('u1', to_jsonb(repeat('x', 2000)));
RESET agentcore.max_args_size;

-- At commit -----------------------------------------------------------------------------------------------

SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
SELECT budget_set('b', max_usd => 1000), policy_set('p'), policy_allow_tool('p', '*') > 0 AS allowed, agent_set('a', 'p', 'b');
SELECT tool_set('w', cache_ttl => '1 hour', est_usd => 1);
CREATE FUNCTION public.started(k text, tool text DEFAULT 'w', args jsonb DEFAULT '{}') RETURNS uuid LANGUAGE sql AS $$ SELECT call_id FROM agentcore.call_begin('a', tool, args, key => k) $$;
CREATE FUNCTION public.settled(k text, OUT state text, OUT charged_usd numeric, OUT result_kept boolean, OUT result_note text, OUT logged text) LANGUAGE sql AS $$
  SELECT p.state, p.charged_usd, p.result_kept, p.result_note, concat_ws(' | ', l.event, l.verdict, l.reason, l.detail, l.enforced)
    FROM agentcore.permits p LEFT JOIN agentcore.call_log l ON l.call_id = p.permit AND l.event <> 'begin' WHERE p.key = k ORDER BY l.at DESC LIMIT 1 $$;
SELECT call_commit(public.started('valid'), '{"n": 1}');
SELECT * FROM public.settled('valid');
SELECT verdict, result FROM call_begin('a', 'w');
SELECT cache_clear();
-- charged, not cached, the lease given back: the next one runs
SELECT call_commit(public.started('wrong'), '{"n": "one"}', usd => 2);
SELECT * FROM public.settled('wrong');
SELECT verdict, call_id AS next FROM call_begin('a', 'w') \gset
SELECT verdict FROM call_begin('a', 'w');
SELECT call_commit(:'next', '{"n": 3}'), (SELECT count(*) FROM call_begin('a', 'w') WHERE verdict = 'cached') AS cached;
SELECT cache_clear();
-- its key has it, and says what is wrong
SELECT verdict, result, detail FROM call_begin('a', 'w', key => 'wrong');
SELECT call_commit(permit, '{"n": "one"}', usd => 2) FROM permits WHERE key = 'wrong';
-- an error is no result, nor is nothing
SELECT call_commit(public.started('error'), '{"isError": true, "content": []}'), call_commit(public.started('none'));
SELECT * FROM public.settled('error') UNION ALL SELECT * FROM public.settled('none');
-- a text that was repaired, and one that was dropped
SELECT call_commit(public.started('repaired'), result_text => '{"n": "\u0000"}');
SELECT * FROM public.settled('repaired');
SET agentcore.max_args_size = '1 kB';
SELECT call_commit(public.started('dropped'), to_jsonb(repeat('x', 2000)));
SELECT * FROM public.settled('dropped');
RESET agentcore.max_args_size;
-- a limit does not lose the settlement
SELECT tool_set('deep', cache_ttl => '1 hour', cache_scope => 'tenant');
SELECT public.started('limit', 'deep') AS c \gset
SET agentcore.max_node_visits = 1024;
SELECT call_commit(:'c', (SELECT to_jsonb(array_agg(i)) FROM generate_series(1, 3000) i));
RESET agentcore.max_node_visits;
SELECT * FROM public.settled('limit');
-- in mode audit it is said, and cached
SELECT tool_set('w', mode => 'audit');
SELECT call_commit(public.started('audit'), '{"n": "one"}');
SELECT * FROM public.settled('audit');
SELECT verdict, result FROM call_begin('a', 'w');
SELECT tool_set('w', mode => 'enforce'), cache_clear();
-- a stale answer stays while one after the other brings nonsense
SELECT tool_set('w', cache_soft_ttl => '10 ms');
SELECT call_commit(public.started('fresh'), '{"n": 7}');
SELECT pg_sleep(0.02);
SELECT call_commit(public.started('worse'), '{"n": "seven"}');
SELECT verdict AS anew, call_id AS c FROM call_begin('a', 'w') \gset
SELECT :'anew' AS anew, verdict, result FROM call_begin('a', 'w');
SELECT call_commit(:'c', '{"n": 8}');
SELECT tool_set('w', reset => '{cache_soft_ttl}');
-- whoever brings a result for a call of unknown outcome
SELECT public.started('lost', 'm') AS c \gset
SELECT tool_set('m', output_schema => '{"type": "object"}');
SELECT call_fail(:'c', error => 'connection reset');
SELECT call_resolve(:'c', true, '[]');
SELECT * FROM public.settled('lost');
-- a tool that is gone, and one that has no schema any more
SELECT public.started('gone') AS c, public.started('reset', 'm') AS d \gset
SELECT tool_drop('w'), tool_set('m', reset => '{output_schema}');
SELECT call_commit(:'c', '{"n": "one"}'), call_commit(:'d', '[]');
SELECT * FROM public.settled('gone') UNION ALL SELECT * FROM public.settled('reset');
-- answers that tenants share change with the schema that judges them
SELECT tool_set('s', '{"type": "object"}', cache_ttl => '1 hour', cache_scope => 'shared_open');
SELECT call_commit(public.started('s1', 's'), '{"n": "one"}');
SELECT verdict FROM call_begin('a', 's');
SELECT tool_set('s', output_schema => '{"type": "object", "properties": {"n": {"type": "integer"}}}');
SELECT verdict FROM call_begin('a', 's');
