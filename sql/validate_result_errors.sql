-- Results that say that the call failed: their shapes, near misses, a tool's own place, and what the gate keeps.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;

CREATE TEMP TABLE errors (n serial, shape text, result jsonb);
INSERT INTO errors (shape, result) VALUES
  ('mcp', '{"isError": true}'),
  ('mcp', '{"content": [], "isError": true}'),
  ('mcp', '{"content": [{"type": "text", "text": "no such file"}], "isError": true, "structuredContent": {"a": 1}, "_meta": {}}'),
  ('mcp in a response', '{"jsonrpc": "2.0", "id": 1, "result": {"isError": true}}'),
  ('mcp in a response', '{"result": {"content": [], "isError": true}}'),
  ('json-rpc 2.0', '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Unknown tool"}}'),
  ('json-rpc 2.0', '{"jsonrpc": "2.0", "id": null, "error": {}}'),
  ('json-rpc 2.0', '{"jsonrpc": "2.0", "id": 1, "error": "timeout"}'),
  ('json-rpc 2.0', '{"jsonrpc": "2.0", "id": 1, "result": null, "error": {"code": 1}}'),
  ('json-rpc 1.0', '{"id": 1, "result": null, "error": "no such method"}'),
  ('json-rpc 1.0', '{"id": 1, "result": null, "error": {"code": 1}}'),
  ('tool_result', '{"content": [], "is_error": true}'),
  ('tool_result', '{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Error: no", "is_error": true}'),
  ('tool_result', '{"content": "x", "tool_name": "f", "raw_input": {}, "raw_output": "x", "is_error": true}'),
  ('tool_result in a message', '{"role": "user", "content": [{"type": "text", "text": "so"}, {"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": "no"}]}'),
  ('tool_result in a message', '{"role": "user", "content": [{"type": "tool_result", "toolUseId": "a", "isError": true, "content": []}]}'),
  ('tool_result in a list', '[{"type": "tool_result", "tool_use_id": "a", "content": "fine"}, {"type": "tool_result", "tool_use_id": "b", "is_error": true, "content": "no"}]'),
  ('tool_result in a message', '{"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [], "status": "error"}}]}'),
  ('tool_result in a list', '[{"text": "x"}, {"toolResult": {"toolUseId": "t", "content": [], "status": "error"}}]'),
  ('langchain in a list', '[{"type": "tool", "content": "no", "tool_call_id": "c", "status": "error"}]'),
  ('langgraph', '{"messages": [{"type": "tool", "content": "yes", "tool_call_id": "b", "status": "success"}, {"type": "tool", "content": "no", "tool_call_id": "c", "status": "error"}]}'),
  ('json-rpc in a batch', '[{"jsonrpc": "2.0", "id": 1, "result": 1}, {"jsonrpc": "2.0", "id": 2, "error": {"code": -32600, "message": "Invalid Request"}}]'),
  ('json-rpc in a batch', '[{"jsonrpc": "2.0", "id": 1, "result": {"isError": true}}]'),
  ('server tool', '{"type": "web_search_tool_result", "tool_use_id": "s", "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}}'),
  ('server tool', '{"type": "code_execution_tool_result_error", "error_code": "unavailable"}'),
  ('error event', '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}'),
  ('mcp_call', '{"type": "mcp_call", "id": "m", "name": "roll", "server_label": "dice", "arguments": "{}", "output": null, "error": "tool call failed"}'),
  ('langchain', '{"status": "error", "content": "Error: ZeroDivisionError()"}'),
  ('langchain', '{"content": "Error: no", "additional_kwargs": {}, "response_metadata": {}, "type": "tool", "name": "f", "id": null, "tool_call_id": "c", "artifact": null, "status": "error"}'),
  ('langchain', '{"toolUseId": "t", "content": [{"text": "no"}], "status": "error"}'),
  ('langchain', '{"tool_call_id": "c", "status": "error"}'),
  ('langchain, dumped', '{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "ToolMessage"], "kwargs": {"content": "no", "status": "error", "type": "tool", "tool_call_id": "c"}}'),
  ('langchain, as a dict', '{"type": "tool", "data": {"content": "no", "status": "error", "tool_call_id": "c", "type": "tool"}}'),
  ('bedrock', '{"toolResult": {"toolUseId": "t", "content": [{"text": "no"}], "status": "error"}}'),
  ('status error, told', '{"status": "error", "error_message": "The weather for Atlantis is not available."}'),
  ('status error, told', '{"status": "error", "tool": "f", "error": {"code": 7}}'),
  ('status error, alone', '{"status": "error"}'),
  ('status error, alone', '{"status": "error", "message": "Unable to communicate with database"}'),
  ('status error, alone', '{"status": "error", "message": "no", "code": 7, "data": null}'),
  ('ai sdk', '{"type": "error-text", "value": "no"}'),
  ('ai sdk', '{"type": "error-json", "value": {"code": 1}}'),
  ('ai sdk', '{"type": "tool-error", "toolCallId": "c", "toolName": "f", "input": {}, "error": {}}'),
  ('ai sdk', '{"type": "tool-result", "toolCallId": "c", "toolName": "f", "output": {"type": "error-text", "value": "no"}}'),
  ('gemini', '{"name": "f", "response": {"error": "no such city"}}'),
  ('gemini, as a part', '{"functionResponse": {"name": "f", "response": {"error": {"code": 5}}}}'),
  ('error alone', '{"error": {"code": 403, "message": "Forbidden", "status": "PERMISSION_DENIED"}}'),
  ('error alone', '{"error": {"message": "no", "type": "invalid_request_error", "param": null, "code": null}}'),
  ('error alone', '{"error": "Not found"}'),
  ('error alone', '{"error": true}'),
  ('error alone', '{"error": ["first", "second"]}'),
  ('not ok, and an error', '{"ok": false, "error": "channel_not_found", "response_metadata": {}}'),
  ('not ok, and an error', '{"success": false, "error": {"name": "E"}, "data": {}}'),
  ('http status, and an error', '{"status": 404, "error": {"root_cause": [], "type": "index_not_found_exception"}, "took": 3}'),
  ('http status, and an error', '{"timestamp": "2026-01-01", "status": 500, "error": "Internal Server Error", "path": "/x"}'),
  ('http status, and an error', '{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no"}'),
  ('graphql without data', '{"data": null, "errors": [{"message": "no"}]}');

CREATE TEMP TABLE answers (n serial, result jsonb);
INSERT INTO answers (result) VALUES
  ('null'), ('true'), ('false'), ('0'), ('"error"'), ('"isError: true"'), ('"Error: no such file"'), ('"{\"isError\": true}"'), ('[]'), ('{}'), ('[[]]'), ('["isError", true]'), ('[true]'),
  ('{"isError": false}'), ('{"isError": null}'), ('{"isError": "true"}'), ('{"isError": 1}'), ('{"iserror": true}'), ('{"isError": [true]}'), ('{"isError": {"isError": true}}'),
  ('{"content": [], "isError": false, "_meta": {"isError": true}}'), ('{"content": [{"type": "text", "text": "isError true"}]}'), ('{"content": [{"isError": true, "type": "text"}]}'),
  ('{"content": "is_error"}'), ('{"content": [{"type": "tool_result", "is_error": false, "content": "error"}]}'), ('{"structuredContent": {"isError": true}, "content": []}'),
  ('{"jsonrpc": "2.0", "id": 1, "result": {"isError": false}}'), ('{"jsonrpc": "2.0", "id": 1, "result": {}, "error": null}'), ('{"jsonrpc": "2.0", "id": 1, "result": {"error": {"code": 1}}}'),
  ('{"jsonrpc": "2.0", "id": 1, "result": 1, "error": ""}'), ('{"jsonrpc": "2.0", "id": 1, "result": 1, "error": false}'), ('{"jsonrpc": "2.0", "method": "error", "params": {"error": {}}}'),
  ('{"id": 1, "result": null, "error": null}'), ('{"id": 1, "result": [], "error": {"m": 2}}'), ('{"result": [{"isError": true}]}'), ('{"result": "isError"}'),
  ('{"is_error": false}'), ('{"is_error": null}'), ('{"is_error": "true"}'), ('{"row": {"is_error": true}}'), ('[{"is_error": true}]'), ('[{"type": "text", "is_error": true}]'), ('[{"isError": true, "id": 1}]'),
  ('[{"type": "tool_result", "is_error": false}]'), ('[{"status": "error", "content": "a line of a log"}]'), ('[{"error": {"code": 1}}]'), ('[{"jsonrpc": "2.0", "id": 1, "result": {}}]'),
  ('{"type": "tool_result_errors"}'), ('{"type": "web_search_tool_result", "content": [{"type": "web_search_result", "title": "tool_result_error"}]}'),
  ('{"type": "error"}'), ('{"type": "error", "error": "text"}'), ('{"type": "Error", "error": {"a": 1}, "b": 1}'), ('{"type": "mcp_call", "error": null, "output": "error"}'), ('{"type": "mcp_call", "error": "", "output": "x"}'),
  ('{"status": "error_rate"}'), ('{"status": "Error"}'), ('{"status": "errors", "content": "x"}'), ('{"status": "success", "content": "error"}'), ('{"status": ["error"], "content": "x"}'), ('{"status": {"status": "error"}}'),
  ('{"job": 17, "status": "error"}'), ('{"job": 17, "status": "error", "message": "the job failed, the question was answered"}'), ('{"jobs": [{"status": "error"}]}'), ('{"data": {"status": "error"}}'),
  ('{"name": "deploy", "status": "error", "error": null}'), ('{"name": "deploy", "status": "error", "error": "", "error_message": ""}'), ('{"kwargs": {"status": "error"}}'), ('{"type": "tool", "data": {"status": "success"}}'),
  ('{"toolResult": {"status": "success"}}'), ('[{"toolResult": {"status": "success"}}]'), ('[{"type": "tool", "status": "success", "tool_call_id": "c"}]'), ('[{"type": "tool", "status": "error", "name": "drill"}]'),
  ('{"messages": [{"type": "mail", "status": "error", "content": "undelivered"}]}'), ('{"messages": "error"}'), ('{"messages": []}'),
   ('{"type": "error-text"}'), ('{"type": "text", "value": "error-text"}'), ('{"type": "tool-result", "output": {"type": "text", "value": "error"}}'), ('{"type": "tool-error"}'),
  ('{"name": "f", "response": {"output": 1, "error": "a warning"}}'), ('{"name": "f", "response": {"error": null}}'), ('{"name": "f", "response": {"error": ""}}'), ('{"response": {"error": "x"}}'), ('{"functionResponse": {"response": {"result": "error"}}}'),
  ('{"error": null}'), ('{"error": ""}'), ('{"error": false}'), ('{"error": {}}'), ('{"error": []}'), ('{"error": 0}'), ('{"error": 0.03}'), ('{"errors": []}'), ('{"errors": 0, "warnings": 2}'), ('{"errors": [{"line": 3, "message": "unused"}]}'),
  ('{"error": null, "rows": [1]}'), ('{"error": "", "rows": [1]}'), ('{"error": {"mean": 0.1}, "model": "linear"}'), ('{"error": "a mistake", "etymology": "Latin"}'), ('{"Error": {"code": 1}}'), ('{"error_rate": 0.5}'), ('{"last_error": {"code": 1}}'), ('{"": {"error": {}}}'),
  ('{"ok": true, "error": "none"}'), ('{"ok": false}'), ('{"ok": false, "error": ""}'), ('{"success": false, "error": null}'), ('{"success": "false", "error": "x"}'),
  ('{"status": 404}'), ('{"status": 404, "title": "Not Found", "url": "https://example.com/"}'), ('{"status": 200, "error": "none", "rows": []}'), ('{"status": 4040, "error": {"a": 1}, "b": 1}'), ('{"status": "404", "error": "Not Found", "path": "/"}'), ('{"status": 500, "error": null}'),
  ('{"data": {"user": null}, "errors": [{"message": "partial"}]}'), ('{"data": null, "errors": []}'), ('{"data": null}'),
  ('{"text": "The function returns {\"error\": {...}} when it fails."}'), ('{"log": ["error: 1", "is_error: true"]}'), ('{"issues": [{"title": "error", "state": "open", "error": {"code": 1}}]}');

SELECT n, shape, result FROM errors WHERE result_is_error(result) IS DISTINCT FROM true;
SELECT n, result FROM answers WHERE result_is_error(result) IS DISTINCT FROM false;
-- each shape is met by its own examples, and every row has one
SELECT e.n, e.shape FROM errors e LEFT JOIN result_error_shapes() s USING (shape) WHERE (e.result @@ s.predicate) IS DISTINCT FROM true;
SELECT s.shape FROM result_error_shapes() s LEFT JOIN errors e USING (shape) WHERE e.n IS NULL;
-- the function says what its rows say
SELECT count(*) AS unlike FROM (TABLE errors UNION ALL SELECT n, NULL, result FROM answers) x
 WHERE result_is_error(result) IS DISTINCT FROM EXISTS (SELECT FROM result_error_shapes() s WHERE x.result @@ s.predicate);
SELECT shape, source, as_of FROM result_error_shapes();
SELECT count(*) AS without_a_source FROM result_error_shapes() WHERE (source > '' AND as_of <= '2026-12-31' AND predicate::text ~ '^strict ') IS NOT TRUE;
SELECT result_is_error(NULL), result_is_error('{"isError": false, "isError": true}'), result_is_error('{"isError": true, "isError": false}');
-- deep and large: a result is somebody else's text
SELECT result_is_error((repeat('[', 5000) || repeat(']', 5000))::jsonb), result_is_error((repeat('{"content":', 2000) || '1' || repeat('}', 2000))::jsonb),
       result_is_error((SELECT jsonb_agg(jsonb_build_object('type', 'tool_result', 'is_error', n > 99999)) FROM generate_series(1, 100000) n)),
       result_is_error((SELECT jsonb_object_agg('k' || n, n) || '{"error": {"code": 1}}' FROM generate_series(1, 20000) n));

-- A tool's own place ----
SELECT tool_set('own', '{"type": "object", "properties": {"k": {"type": "integer"}}}', cache_ttl => '1 hour', error_pointer => '/failure');
CREATE FUNCTION pg_temp.at(pointer text, result jsonb) RETURNS boolean LANGUAGE sql AS $$
  SELECT agentcore.tool_result_is_error('own', result) FROM agentcore.tool_set('own', error_pointer => pointer) $$;
SELECT v AS value, pg_temp.at('/failure', jsonb_build_object('failure', v)) FROM unnest(ARRAY['null', 'false', 'true', '""', '"no"', '0', '0.0', '1', '-1', '{}', '{"a": 1}', '[]', '[null]']::jsonb[]) v;
SELECT p AS pointer, pg_temp.at(p, '{"a": {"b": [{"e": null}, {"e": "x"}], "/~": 1, "": true, "*": 5}, "n": [0, 0, 1], "t": "text"}')
  FROM unnest('{/a,/a/b,/a/b/0,/a/b/0/e,/a/b/1/e,/a/b/*/e,/a/b/2/e,/a/b/-/e,/a/b/01/e,/a/b/e,/a/~1~0,/a/,/a/*,/n/*,/n/0,/n/2,/n/*/x,/t,/t/0,/t/*,/x,/x/y,/isError}'::text[]) p;
SELECT pg_temp.at('/0/e', '[{"e": 1}]'), pg_temp.at('/*/e', '[{}, {"e": 1}]'), pg_temp.at('/*', '[]'), pg_temp.at('/e', '"e"'), pg_temp.at('/e', 'null'), pg_temp.at('/e', NULL);
-- the known shapes count no more, until it is reset
SELECT tool_result_is_error('own', '{"isError": true}'), tool_set('own', reset => '{error_pointer}');
SELECT tool_result_is_error('own', '{"isError": true}'), tool_result_is_error('own', '{"failure": "x"}');
SELECT tool_set('own', error_pointer => 'failure');
SELECT tool_set('own', error_pointer => '/a~2');
SELECT tool_set('own', error_pointer => '');
SELECT tool_set('own', error_pointer => '/' || repeat('x', 255));
SELECT tool_result_is_error('owm', '{}');
SELECT tool_result_is_error(NULL, '{}');

-- The gate keeps no error, whoever asks again ----
SELECT policy_set('p'), policy_allow_tool('p', '*'), agent_set('a', 'p');
SELECT tool_set('f', '{"type": "object", "properties": {"k": {"type": "integer"}}}', cache_ttl => '1 hour');
CREATE TEMP TABLE calls AS
  SELECT x.*, (call_begin('a', 'f', jsonb_build_object('k', k))).call_id
    FROM (SELECT row_number() OVER () AS k, * FROM (SELECT true AS bad, result FROM errors UNION ALL SELECT false, result FROM answers) r) x;
SELECT call_commit(call_id, result) AS ended, count(*) FROM calls GROUP BY 1;
SELECT bad, b.verdict, count(*) FROM calls, call_begin('a', 'f', jsonb_build_object('k', k)) b GROUP BY 1, 2 ORDER BY 1;
-- an error in the place of an answer that is stale: the answer stays
SELECT tool_set('own', error_pointer => '/failure', cache_soft_ttl => '1 millisecond');
SELECT call_id AS c FROM call_begin('a', 'own', '{"k": 1}') \gset
SELECT call_commit(:'c', '{"isError": true, "answer": 1}');
SELECT pg_sleep(0.002);
SELECT verdict, call_id AS c FROM call_begin('a', 'own', '{"k": 1}') \gset
SELECT call_commit(:'c', '{"failure": "no"}');
SELECT verdict, call_id IS NOT NULL AS leads FROM call_begin('a', 'own', '{"k": 1}');
SELECT verdict, result FROM call_begin('a', 'own', '{"k": 1}');
-- a key keeps what its call came to, as it came
SELECT call_id AS c FROM call_begin('a', 'f', '{"k": 1000}', key => 'k') \gset
SELECT call_commit(:'c', '{"isError": true}');
SELECT verdict, result FROM call_begin('a', 'f', '{"k": 1000}', key => 'k');
SELECT cache_clear();
