--
-- call: arguments as models write them
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore;
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS rule, agent_set('a', 'p'), agent_set('looser', 'p', mode => 'audit');
SELECT tool_set('ping', '{"type": "object", "properties": {}}'), tool_set('need', '{"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}');

-- blanks and null are no arguments: {}, as text and as jsonb
SELECT t, v.verdict, v.args, v.reason FROM unnest(ARRAY['', ' ', E'\n\t\r ', 'null', E' null\n', 'nullx', 'null null', 'NULL', '"null"', '""']) t, call_begin('a', 'ping', args_text => t) v;
SELECT j, v.verdict, v.args, v.reason FROM unnest(ARRAY['null', '{}', '"null"', '[]', '[null]']::jsonb[]) j, call_begin('a', 'ping', j) v;
SELECT v.verdict, v.args, v.reason FROM call_begin_many('a', '[{"type": "tool_use", "id": "1", "name": "ping", "input": null}, {"type": "tool_use", "id": "2", "name": "ping"},
  {"type": "function_call", "call_id": "3", "name": "ping", "arguments": ""}, {"type": "function_call", "call_id": "4", "name": "ping", "arguments": " null "},
  {"type": "function_call", "call_id": "5", "name": "ping", "arguments": null}]') v;
-- and what is required is then missing
SELECT verdict, reason, feedback FROM call_begin('a', 'need', args_text => '');
SELECT verdict, reason, feedback FROM call_begin('a', 'need', 'null');
