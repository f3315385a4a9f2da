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

-- texts that are not quite JSON: read where the tool coerces, else refused with what is wrong
SELECT tool_set('ls', '{"type": "object", "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}}', coerce => true), tool_set('strict', '{"type": "object"}');
CREATE TABLE public.written (n serial, t text);
INSERT INTO public.written (t) VALUES (E'```json\n{"path":"/x"}\n```'), ('```{"path":"/x"}```'), (E'~~~\n{"path":"/x"}\n~~~'), ('`{"path":"/x"}`'), (E'```json\n{"path":"/x"}'), (E'Here you go:\n```json\n{"path":"/x"}\n```\nDone.'), (E'json\n{"path":"/x"}'), (E'\uFEFF{"path":"/x"}'),
  ('{"path":"/x"} I will look.'), ('{"path":"/x"}<|tool_call_end|>'), ('<|python_tag|>{"path":"/x"}<|eom_id|>'), ('<tool_call>{"path":"/x"}</tool_call>'), ('{"path":"/x"}</s>'), ('[TOOL_CALLS]{"path":"/x"}'), ('{"path":"/x"}}'), (E'{"path":"/x"}\n\n]}'),
  ('{}{"path":"/x"}'), (E'{}\n{}{"path":"/x"}'), ('{"path":"/x"}{"path":"/x"}'), ('{"path":"/x"} {"path": "/x"}  {"path":"/x"}'), ('{"path":"/x",}'), ('{"path":"/x","limit":5 , }'), (E'{\'path\': \'/x\'}'), (E'{\'path\': "it\'s", \'limit\': None}'), (E'{\'path\': \'say "hi"\\\'s\'}'),
  ('{path: "/x", "limit": 5}'), ('{"path": None}'), (E'{"path": "a\nb\tc"}'), ('{"path": "C:\Users\d \_"}'), ('{"path": "it\''s"}'), (E'{\'path\': \'\\x41\\U0001F600\'}'), (E'"{\\"path\\": \\"a\nb\\"}"'), (E'\'{"path": "/x"}\''), (E'``` json\n{"path":"/x"}\n```'), ('``` json {"path":"/x"} ```'), (E'```json title="args"\r\n{"path":"/x"}\r\n```');
SELECT n, verdict, args, detail, errors FROM public.written, call_begin('a', 'ls', args_text => t) ORDER BY n;
SELECT n, verdict, reason, detail, feedback FROM public.written, call_begin('a', 'strict', args_text => t) ORDER BY n;
-- cut off, two objects, what may belong to the object that ended early, and what is nothing that is known: refused by both
TRUNCATE public.written RESTART IDENTITY;
INSERT INTO public.written (t) VALUES ('{"path":"/x"'), ('{"path":"/x'), ('{"path":'), ('{'), ('{"path":"/x","limit":5'), ('{"path":"/x",'), ('{"path":"\u00'), (E'```json\n{"path":"/x"'), ('{"path":"/x"}{"path":'), ('{"path": tru'), (E'{\'path\': \'it'),
  ('{"path":"/x"}{"path":"/y"}'), ('{"path":"/x"} or {"path":"/y"}'), ('{"path":"/x"}{}'), ('{}{"path":"/x"}{"path":"/y"}'), ('{"path":"/x"}{"path":"/x","limit":5}'),
  ('{"path":"/x"},"limit":5}'), ('{"path":"/x"}},"limit":5}'), ('{"path":"/x"} limit: 5}'), ('{"path":"/x"}"limit":5}'), ('{"path":"/x"}, {"path":"/x"}'),
  (E'{"path":"/x",\'path\':"/y"}'), ('nope'), ('path=/x'), ('{"path": nope}'), ('{"path": "x" "limit": 5}'), ('{"path": "say "hi" now"}'), (E'{\'path\': \'it\'s\'}'), ('{"path",}'), ('{,}'), ('{"limit": [1,,2]}'), ('{"limit": +5}'), ('{"limit": 0x10}'), ('{"limit": NaN}'), ('{/* c */}'), ('Here: {"path":"/x"}'),
  ('{1: 2}'), (E'{"path": \'\'\'x\'\'\'}'), ('{"p\u00E4th": "\u00FC", x}'), (repeat('[', 600) || repeat(']', 600) || ','),
  ('{"path":"\u0000"}'), ('{"path":"\ud800"}'), ('{"path":"\udc00\ud800"}'), (E'{\'path\':"\\ud83d!"}'), (E'{\'path\':\'\\x00\'}'), ('{"limit": 1e999999}'), ('{"path":"\ud83d\ude00"}');
SELECT n, verdict, args, detail, feedback FROM public.written, call_begin('a', 'ls', args_text => t) ORDER BY n;
-- a backslash is not taken for itself where another of the string would make a line break of a letter
SELECT t, verdict, args, feedback FROM unnest(ARRAY['{"path": "C:\Users\name"}', '{"path": "\d+\n"}', '{"path": "C:\Users\\name"}', '{"path": "a\nb"}']) t, call_begin('a', 'ls', args_text => t);
SELECT n, verdict, detail, errors FROM public.written, call_begin('a', 'strict', args_text => t) ORDER BY n;
-- what is wrong is said, and where: by a tool that coerces only for what no repair reads
TRUNCATE public.written RESTART IDENTITY;
INSERT INTO public.written (t) VALUES ('{"a": 1 "b": 2}'), ('{"a": "x" "b": 2}'), ('{"a" 1}'), ('{"a"}'), ('{"a",}'), ('{"a"=1}'), ('{"a": 1'), ('{"a": [1, 2}'),
  ('{"a": [1, 2'), ('{"a": "x'), ('{"a":'), ('{"a"'), ('{'), ('{"a": tru'),
(E'{\'a\': \'x\'}'), (E'{\'a\': \'it\'s\'}'), ('{a: 1}'), ('{"a": 1,}'), ('{"a": None, "b": True}'),
  (E'{"a": "x\ny"}'), ('{"a": "\d"}'), ('{"a": "C:\Users\name"}'), ('{"a": 1} and so on'), ('{"a": 1}, "b": 2}'), ('{"a": 1}}, "b": 2}'), ('{/* c */ "a": 1}'), (E'{"a": 1 // one\n}'),
  (E'{"a": // one\n 1}'), (E'# c\n{"a": 1}'), ('{"a": NaN}'), ('{"a": -Infinity}'), ('{"a": Infinity}'), ('{"a": hello}'), ('{"a": hello world, "b": 1}'), ('{"a": 1, "a": 2}'),
  (E'{"a": 1, \'a\': 2}'), ('{"a": }'), ('{"a": , "b": 1}'), ('{"a": [1,,2]}'), ('{,}'), ('{"a": +5}'), ('{"a": .5}'), ('{"a": 5.}'), ('{"a": 0x10}'), ('{"a": 007}'),
  ('{"a": 1_000}'), ('{"a": 1,000}'), ('{"a": 5 kg}'), ('{"a": say "hi"}'), ('{"a": "say "hi" now"}'), ('{"a": undefined}'), ('{"a": TRUE}'), ('{“a”: “x”}'), ('{"a": “x”}'),
  ('{"a": `x`}'), ('{"a": (1, 2)}'), ('{"a": 1; "b": 2}'), ('["a": 1]'), ('{"a": 1 : 2}'), ('{"a": 1]'), ('a=1'), ('hello'), ('Here: {"a": 1}'), ('{1: 2}'), ('{"ü": "ää", x}'),
  ('{"a": 1}{"a": 2}'), ('[1, 2'), (E'```json\n{"a": 1 "b": 2}\n```'), ('{"a": "x" /* c */}'), ('{"a": {"b": 1}'), ('{"a": "\u00"}'), ('<tool_call>'), ('{"a": 1e}'),
  ('{"a": -}'), ('{[1]}'), ('{"a": {1, 2}}'), ('{"a": new Date()}'), ('{"a": lambda: 1}'), ('{"a": "x"+"y"}'), ('{"a": "x", ...}'), ('{"a": ...}'), ('{"a": <b>}'),
  (E'{"a": """x"""}');
CREATE FUNCTION public.short(feedback text) RETURNS text LANGUAGE sql AS
  $$ SELECT coalesce(regexp_replace(feedback, '^The arguments are (not valid JSON)?(.*?)\.?( It was cut off: .*?\.)?( Make one call .*?\.)? Call ".*$', '\2'), 'runs') $$;
SELECT n, t, public.short(v.feedback) FROM public.written, call_begin('a', 'strict', args_text => t) v ORDER BY n;
SELECT n, public.short(v.feedback), v.detail FROM public.written, call_begin('a', 'ls', args_text => t) v ORDER BY n;
-- audit mode reports it, and goes on with nothing
SELECT v.verdict, v.args, v.reason, v.detail, v.enforced FROM unnest(ARRAY['{"path":"/x"', 'nope']) t, call_begin('looser', 'strict', args_text => t) v;
-- what was read is what is judged: its URL, its method, its key; and the detail is not the worker's word for its own call
SELECT policy_allow('p', 'good.example') > 0 AS rule, tool_set('get', '{"type": "object", "required": ["url"], "properties": {"url": {"type": "string", "format": "uri"}, "method": {"enum": ["GET", "POST"]}}}', coerce => true);
SELECT v.verdict, v.reason, v.args, v.detail FROM unnest(ARRAY[E'```\n{"url": "https://evil.example/"}\n```', '{"url": "https://good.example/"} https://evil.example/', E'{\'url\': "https://good.example/\n"}', '{"url": "https:\/\/GOOD.example\x"}', '{"url": "https://good.example/", "method": "post",}',
  '{"url": "https://good.example/", url: "https://evil.example/"}', '{}{"url": "https://evil.example/"}']) t, call_begin('a', 'get', args_text => t) v;
SELECT v.verdict, v.args, v.detail FROM unnest(ARRAY['{"path":"/k",}', '{"path":"/k"}', '```{"path":"/k"}```']) t, call_begin('a', 'ls', args_text => t, key => 'k', holder => 'w') v;
SELECT stage, verdict, detail FROM call_explain('a', 'ls', args_text => '{"path":"/x",}') WHERE stage = 'arguments';

-- a refused call that is made again and again is a loop: by what was sent, each task by itself, and only what is wrong with name or arguments
SET agentcore.loop_limit = 2;
CREATE FUNCTION public.again(tool text, sent text, task text DEFAULT 't') RETURNS SETOF text LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', v.verdict, v.reason, left(split_part(v.feedback, E'\n', 1), 150)) FROM generate_series(1, 3) i, agentcore.call_begin('a', tool, args_text => sent || left('', i), task => again.task) v $$;
SELECT public.again('ls', '{"limit": {}}');
SELECT public.again('ls', '{"limit": {} }', 't');
SELECT public.again('ls', '{"limit": {}}', 'other');
SELECT public.again('ls', '{"path":');
SELECT public.again('lss', '{}');
SELECT public.again('', '{}');
SELECT public.again('ls', '{"path": "right"}');
SELECT public.again('get', '{"url": "https://evil.example/"}');
SELECT verdict, reason FROM generate_series(1, 3) i, call_begin('a', 'ls', jsonb_build_object('path', repeat('y', 5000000 + 0 * i)), task => 't');
SELECT verdict, reason FROM generate_series(1, 3) i, call_begin('a', 'ls', jsonb_build_object('limit', '[]', 'n', 1 + 0 * i), task => 't');
SELECT verdict, reason FROM generate_series(1, 4) i, call_begin('a', 'ls', jsonb_build_object('limit', left('x', i)));
RESET agentcore.loop_limit;

-- a name that no tool has: what is near is seen through prefixes, separators, case and the number of the call, as far as the policy tells it
SELECT policy_deny_tool('p', 'secret*') > 0 AS rule;
SELECT count(tool_set(n, '{"type": "object"}')) FROM unnest(ARRAY['read_file', 'write_file', 'fs__list_dir', 'github/search', 'secret_read', 'getHTTPResponse', 'web_search', 'file', U&'\00FCbersetze']) n;
SELECT n, regexp_replace(v.feedback, '^There is no tool ".*?"\. (Did you mean (.*)\? )?Use only the tools you were given\.$', '\2') AS near
  FROM unnest(ARRAY['functions.read_file', 'mcp__fs__read_file', 'READ_FILE', 'readFile', 'ReadFile', 'read-file', 'Read File', 'read_file:0', 'functions.read_file:12', 'read_file()', 'default_api:read_file', 'mcp_fs_read_file', 'fs.read_file', 'server::read_file', 'list_dir',
  'git__list_dir', 'functions.listDir', 'search', 'web/search', 'functions.raed_file', 'read_files', 'get_http_response', 'gethttpresponse', 'LS', U&'\00FCBERSETZE', 'secret_reads', 'functions.secret_read', 'delete_file', 'read', 'read_file<|channel|>commentary', 'functions.read_file <|constrain|>json', U&'\FF21_\FF22\FF23', 'tool.nothing_like_it', '_', '...', 'functions.']) WITH ORDINALITY t (n, i), call_begin('a', n, '{}') v ORDER BY i;
-- a name that no tool can have is a row too
SELECT v.verdict, v.reason, v.detail FROM unnest(ARRAY['', ' ', E'ls\n', E'\u001B[2J', repeat('n', 300), '*']) n, call_begin('a', n, '{}') v;
-- and what is near is named, for what stands before control characters, a special token or arguments; the name is escaped once
SELECT count(tool_set(n, '{"type": "object"}')) FROM unnest(ARRAY['l']) n;
SELECT v.detail, v.feedback FROM unnest(ARRAY[E'read_file\n', E'functions.read_file\x01', E'READ_FILE\n', 'read_file' || repeat(' and then', 40), E'read_file\n{"path":"' || repeat('x', 300), E'"read_file"\n', E'ls\n', E'l\ns', E'\x1B[2J', E'a"b\\c\n',
  repeat('n', 300), repeat(U&'\00FC', 200), 'secret_read' || repeat(' x', 200), 'read_file<|channel|>json', '<function=read_file>', 'read_file({"path": 1})', 'read_file/>', '<|start|>functions.read_file<|channel|>json']) n, call_begin('a', n, '{}') v;
SELECT v.feedback FROM call_begin('a', E'write_file\t', args_text => '{') v;
