--
-- call: the parallel calls of one turn of a model, as its provider writes them
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore;
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS rule, policy_deny_tool('p', 'shell') > 0 AS deny, agent_set('a', 'p'), agent_set('b', 'p');
SELECT tool_set('search', '{"type": "object", "properties": {"q": {"type": "string"}, "n": {"type": "integer"}}, "required": ["q"]}', coerce => true, cache_ttl => '1 h', cache_scope => 'tenant'),
       tool_set('pay', '{"type": "object"}'), tool_set('shell', '{"type": "object"}');
CREATE FUNCTION public.short(v agentcore.call_verdict) RETURNS text LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', v.verdict, v.reason, v.args, v.result, CASE WHEN v.verdict = 'run' AND v.detail IS NULL THEN NULL ELSE regexp_replace(v.detail, '[0-9a-f]{8}-[0-9a-f-]{27}', 'ID') END) $$;
CREATE FUNCTION public.turn(calls jsonb, task text DEFAULT NULL, holder text DEFAULT NULL, key_prefix text DEFAULT NULL, agent text DEFAULT 'a') RETURNS TABLE (n bigint, answer text) LANGUAGE sql AS
  $$ SELECT row_number() OVER (), public.short(v) FROM agentcore.call_begin_many(agent, calls, task => turn.task, holder => turn.holder, key_prefix => turn.key_prefix) v $$;

-- OpenAI: the list, a message, a response of chat, items of responses
SELECT * FROM public.turn('[{"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{\"q\": \"x\", \"n\": \"5\"}"}},
                            {"id": "call_2", "type": "function", "function": {"name": "pay", "arguments": "{}"}},
                            {"id": "call_3", "type": "function", "function": {"name": "serch", "arguments": "{\"q\": \"x\"}"}},
                            {"id": "call_4", "type": "function", "function": {"name": "shell", "arguments": "{}"}},
                            {"id": "call_5", "type": "function", "function": {"name": "search", "arguments": "{\"q\": "}},
                            {"id": "call_6", "type": "function", "function": {"name": "search", "arguments": "{}"}}]');
SELECT * FROM public.turn('{"role": "assistant", "content": null, "tool_calls": [{"id": "call_7", "type": "function", "function": {"name": "pay", "arguments": "{}"}}]}');
SELECT * FROM public.turn('{"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null, "tool_calls": [{"id": "call_8", "type": "function", "function": {"name": "pay", "arguments": "{}"}}]}}], "usage": {"total_tokens": 5}}');
SELECT * FROM public.turn('{"id": "resp_1", "object": "response", "output": [{"type": "reasoning", "summary": []}, {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hm"}]}, {"type": "function_call", "id": "fc_1", "call_id": "call_9", "name": "pay", "arguments": "{}"}, {"type": "web_search_call", "id": "ws_1"}]}');
SELECT * FROM public.turn('{"type": "function_call", "id": "fc_2", "call_id": "call_10", "name": "pay", "arguments": ""}');
SELECT * FROM public.turn('{"type": "function_call", "id": "fc_3", "call_id": "call_11", "name": "search", "arguments": " "}');
-- Anthropic: a message, its content, one block
SELECT * FROM public.turn('{"type": "message", "role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "I will pay."}, {"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"to": "ann"}}, {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, {"type": "tool_use", "id": "toolu_2", "name": "search", "input": {"q": "y"}}]}');
SELECT * FROM public.turn('{"type": "tool_use", "id": "toolu_3", "name": "pay", "input": {}}');
-- MCP: one request, a batch; their ids are no keys
SELECT * FROM public.turn('{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay", "arguments": {"to": "bob"}}}');
SELECT * FROM public.turn('[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay"}}, {"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, {"jsonrpc": "2.0", "id": 7, "result": {}}, {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "pay", "arguments": null}}]');
-- with a prefix they are, each turn's own
SELECT * FROM public.turn('[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay"}}, {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "pay"}}]', key_prefix => 'run 1/');
SELECT * FROM public.turn('[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay"}}]', key_prefix => 'run 2/');
SELECT * FROM public.turn('[{"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"to": "cy"}}]', key_prefix => 'run 2/');

SELECT array_agg(key ORDER BY key COLLATE "C") FROM permits;
-- the same turn again, as after a lost reply: with the holder its own calls come back, without it waits
SELECT * FROM public.turn('[{"type": "tool_use", "id": "toolu_11", "name": "pay", "input": {"to": "ann"}}]', holder => 'run 1');
SELECT * FROM public.turn('[{"type": "tool_use", "id": "toolu_11", "name": "pay", "input": {"to": "ann"}}]', holder => 'run 1');
SELECT * FROM public.turn('[{"type": "tool_use", "id": "toolu_11", "name": "pay", "input": {"to": "ann"}}]', holder => 'run 2');
-- an id that stands twice is one call: nobody runs it twice, and the other one is refused
SELECT * FROM public.turn('[{"type": "tool_use", "id": "twice", "name": "pay", "input": {"to": "ann"}}, {"type": "tool_use", "id": "twice", "name": "pay", "input": {"to": "ann"}}, {"type": "tool_use", "id": "twice", "name": "pay", "input": {"to": "bob"}}]', holder => 'run 1');
SELECT * FROM public.turn('[{"type": "tool_use", "id": "twice", "name": "pay", "input": {"to": "ann"}}, {"type": "tool_use", "id": "twice", "name": "pay", "input": {"to": "ann"}}]', holder => 'run 1');
-- a key that another call has: a row, not an error; another task or agent has keys of its own, or none in common
SELECT * FROM public.turn('[{"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"to": "mallory"}}, {"type": "tool_use", "id": "toolu_12", "name": "pay", "input": {}}]');
SELECT * FROM public.turn('[{"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"to": "ann"}}]', task => 'another');
SELECT * FROM public.turn('[{"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"to": "ann"}}]', agent => 'b');
SELECT feedback FROM call_begin_many('a', '[{"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"to": "mallory"}}]');

-- the calls of one turn are those of call_begin: cached, and refused by budget, are what they are there
SELECT call_commit(permit, '{"hits": 3}') FROM permits WHERE key = 'call_1';
SELECT * FROM public.turn('[{"id": "call_21", "type": "function", "function": {"name": "search", "arguments": "{\"q\": \"x\", \"n\": 5}"}}]');
SELECT budget_set('two', max_calls => 2), agent_set('poor', 'p', 'two');
SELECT * FROM public.turn('[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay"}}, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay"}}, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay"}}]', agent => 'poor');
SELECT count(*) FROM permits WHERE budget = 'two';
-- all or nothing with the transaction
BEGIN;
SELECT count(*) FROM call_begin_many('a', '[{"type": "tool_use", "id": "undone", "name": "pay", "input": {}}]');
ROLLBACK;
SELECT count(*) FROM permits WHERE key = 'undone';

-- What the model sent never raises -------------------------------------------------
SELECT * FROM public.turn('[]');
SELECT * FROM public.turn('{"role": "assistant", "content": "no tool"}');
SELECT * FROM public.turn('{"choices": [{"message": {"role": "assistant", "content": "no tool", "tool_calls": null}}]}');
SELECT c, t.answer FROM unnest('{"null", "true", "5", "\"x\"", "{}", "[1]", "[null]", "[\"x\"]", "[[]]", "[{}]"}'::jsonb[]) c, LATERAL public.turn(c) t;
SELECT t.* FROM public.turn('[
  {"type": "function", "id": "e1"}, {"type": "function", "id": "e2", "function": "search"}, {"type": "function", "id": "e3", "function": {}},
  {"type": "function", "id": "e4", "function": {"name": 5}}, {"type": "function", "id": "e5", "function": {"name": ""}}, {"type": "function", "id": 5, "function": {"name": "pay"}},
  {"type": "function", "id": "e\u0007", "function": {"name": "pay"}}, {"type": "function", "id": "", "function": {"name": "pay"}}, {"type": "function", "function": {"name": "pay"}},
  {"type": "tool_use", "id": "e6", "name": "pay", "input": [1]}, {"type": "tool_use", "id": "e7", "name": "search", "input": 5}, {"type": "tool_use", "id": "e8", "name": "search", "input": "{\"q\": \"\\ud800\"}"},
  {"type": "custom", "id": "e9", "custom": {"name": "pay", "input": "x"}}, {"type": "custom_tool_call", "call_id": "e10", "name": "pay", "input": "x"},
  {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []}, {"name": "pay", "arguments": {}},
  {"role": "assistant", "tool_calls": [{"id": "e11", "type": "function", "function": {"name": "pay"}}]}]') t;
SELECT left(t.answer, 80) AS answer FROM public.turn(jsonb_build_array(jsonb_build_object('type', 'tool_use', 'id', repeat('x', 256), 'name', 'pay'), jsonb_build_object('type', 'tool_use', 'id', 'long', 'name', repeat('x', 300)),
  jsonb_build_object('type', 'tool_use', 'id', 'large', 'name', 'pay', 'input', jsonb_build_object('x', repeat('y', 5000000))), jsonb_build_object('type', 'tool_use', 'id', 'deep', 'name', 'pay', 'input', (repeat('{"a":', 6000) || '1' || repeat('}', 6000))::jsonb))) t;
SELECT left(t.answer, 80) AS answer FROM public.turn('[{"type": "tool_use", "id": "x", "name": "pay"}]', key_prefix => repeat('p', 255)) t;
-- bounds: calls beyond 128 are rows, a document that is too large is one
SELECT min(n), max(n), left(answer, 50) AS answer FROM public.turn((SELECT jsonb_agg(jsonb_build_object('type', 'tool_use', 'id', 'bulk ' || g, 'name', 'pay', 'input', '{}'::jsonb)) FROM generate_series(1, 131) g)) GROUP BY 3 ORDER BY 1;
SELECT count(*) FROM permits WHERE key LIKE 'bulk %';
SELECT * FROM public.turn(jsonb_build_array(jsonb_build_object('type', 'text', 'text', repeat('y', 17000000)), jsonb_build_object('type', 'tool_use', 'id', 'after', 'name', 'pay')));
-- a mistake of the caller does
\set VERBOSITY sqlstate
SELECT * FROM call_begin_many('a', NULL);
SELECT * FROM call_begin_many(NULL, '[]');
SELECT * FROM call_begin_many('nobody', '[]');
SELECT * FROM call_begin_many('a', '[]', budget => 'nobody');
SELECT * FROM call_begin_many('a', '[]', key_prefix => '');
SELECT * FROM call_begin_many('a', '[]', holder => '');
SET agentcore.budget_guard = error;
BEGIN; SELECT * FROM call_begin_many('a', '[]'); ROLLBACK;
SET agentcore.budget_guard = off;
\set VERBOSITY default
-- switched off: rows
SELECT tenant_set(false);
SELECT * FROM public.turn('[{"type": "tool_use", "id": "off", "name": "pay"}]');
SELECT tenant_set(true);
-- what is no call is written down as a refusal
SET agentcore.audit = denied;
SELECT * FROM public.turn('[{}]');
SELECT event, agent, tool, verdict, reason, detail FROM call_log;
