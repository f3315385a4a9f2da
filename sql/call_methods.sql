-- The method that a call names: every spelling, wherever it stands, for every URL.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore;
\pset format unaligned
\pset tuples_only on

SELECT policy_set('web', methods => '{GET,POST,HEAD,FROB}'), policy_allow('web', '*.ok.example') > 0, policy_allow_tool('web', '*') > 0, agent_set('bot', 'web');
SELECT tool_set('any', 'true', url_args => '{/url,/request/url,/batch/*/url,/to/*}'), tool_set('plain', 'true');
CREATE FUNCTION pg_temp.ask(args jsonb, agent text DEFAULT 'bot', tool text DEFAULT 'any') RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') FROM call_begin(agent, tool, args) $$;

-- spellings, the order of which says nothing
SELECT g.args, pg_temp.ask(g.args || '{"url": "https://ok.example/"}') FROM (VALUES ('{}'::jsonb), ('{"method": "GET"}'), ('{"method": "POST"}'), ('{"method": "DELETE"}'), ('{"method": "delete"}'), ('{"Method": "DELETE"}'), ('{"METHOD": "DeLeTe"}'),
  ('{"method": "DELETE", "METHOD": "POST"}'), ('{"method": "POST", "METHOD": "DELETE"}'), ('{"METHOD": "GET", "Method": "POST", "mEthod": "DELETE"}'), ('{"METHOD": "GET", "Method": "POST", "method": "HEAD"}'),
  ('{"http_method": "DELETE"}'), ('{"httpMethod": "DELETE"}'), ('{"HTTP-Method": "DELETE"}'), ('{"verb": "DELETE"}'), ('{"request_method": "DELETE"}'), ('{"_method": "DELETE"}'), ('{"headers": {"X-HTTP-Method-Override": "DELETE"}}'), ('{"headers": {"x-method-override": "delete"}}'), ('{"methods": "DELETE"}'), ('{"payment_method": "DELETE"}'),
  ('{"method": " DELETE "}'), ('{"method": "\tdelete\n"}'), ('{"method": "PURGE"}'), ('{"method": "M-SEARCH"}'), ('{"method": "QUERY"}'), ('{"method": ["POST", "DELETE"]}'), ('{"method": {"name": "DELETE"}}'), ('{"method": [{"x": ["delete"]}]}')) g (args);

-- a value is read as the loosest tool would: invisible signs, quotes, wide letters, several methods, a request line, what a container holds; not other words
SELECT g.args, pg_temp.ask(g.args || '{"url": "https://ok.example/"}') FROM (VALUES ('{"method": "DELETE\u200b"}'::jsonb), ('{"method": "DEL\u00adETE"}'), ('{"method": "DELETE\u00a0"}'), ('{"method": "\ufeffdelete\u3000"}'), ('{"method": "\uff24\uff25\uff2c\uff25\uff34\uff25"}'), ('{"method": "\ud835\udc03ELETE"}'), ('{"method": "opt\u0131on\u017f"}'),
  ('{"method": "GET, DELETE"}'), ('{"method": "GET/DELETE"}'), ('{"method": "GET|DELETE"}'), ('{"method": "DELETE /x HTTP/1.1"}'), ('{"method": "\"DELETE\""}'), ('{"method": "\u201cDELETE\u201d"}'), ('{"method": "(purge)"}'), ('{"method": {"DELETE": true}}'), ('{"method": {"x": {"delete": null}}}'), ('{"method": ["DELETE"]}'), ('{"method": ["GET, PUT"]}'),
  ('{"method": "GET /x HTTP/1.1"}'), ('{"method": {"GET": true}}'), ('{"method": "\u200bPOST"}'), ('{"method": "label / merge"}'), ('{"method": "files.delete"}')) g (args);
SELECT pg_temp.ask(jsonb_build_object('url', 'https://ok.example/', 'method', repeat('x ', 100000) || 'DELETE')), pg_temp.ask(jsonb_build_object('url', 'https://ok.example/', 'method', repeat(U&'\FF38', 100000) || ' DELETE'));

-- a word that nobody knows is no method, in capitals either
SELECT policy_set('open'), policy_allow('open', '*.ok.example') > 0, policy_allow_tool('open', '*') > 0, agent_set('opener', 'open');
SELECT g.args, pg_temp.ask(g.args), pg_temp.ask(g.args, 'opener') AS open FROM (VALUES ('{"method": "FOO", "url": "https://ok.example/"}'::jsonb), ('{"http_method": "FOO\u200b", "url": "https://ok.example/"}'), ('{"method": "FOO", "request": {"url": "https://ok.example/"}}'), ('{"method": "foo", "url": "https://ok.example/"}'), ('{"method": "Foo", "url": "https://ok.example/"}'), ('{"method": "render", "url": "https://ok.example/"}'), ('{"method": "FOO-1", "url": "https://ok.example/"}'), ('{"method": "FOO BAR", "url": "https://ok.example/"}'),
  ('{"verb": "FOO", "url": "https://ok.example/"}'), ('{"methods": "FOO", "url": "https://ok.example/"}'), ('{"x": {"method": "FOO"}, "url": "https://ok.example/"}'), ('{"x": {"method": "DELETE"}, "url": "https://ok.example/"}'), ('{"batch": [{"url": "https://ok.example/", "method": "FOO"}, {"url": "https://ok.example/", "method": "GET"}]}'), (jsonb_build_object('url', 'https://ok.example/', 'method', repeat('X', 40)))) g (args);

-- the ways to write a header, and more names
SELECT g.args, pg_temp.ask(g.args || '{"url": "https://ok.example/"}') FROM (VALUES ('{"headers": [["X-HTTP-Method-Override", "DELETE"]]}'::jsonb), ('{"headers": ["Host", "x", "X-HTTP-Method-Override", "DELETE"]}'), ('{"headers": [{"name": "X-HTTP-Method-Override", "value": "DELETE"}]}'), ('{"headers": [{"k": "x-http-method", "v": ["DELETE"]}]}'), ('{"headers": ["X-HTTP-Method-Override: DELETE"]}'), ('{"headers": "X-HTTP-Method-Override: DELETE"}'), ('{"headers": "Host: x\r\nX-Method-Override:delete\r\n"}'), ('{"headers": {"HTTP-Method-Override": "DELETE"}}'),
  ('{"form": [["_method", "DELETE"]]}'), ('{"form": {"name": "method", "value": "DELETE"}}'), ('{"form": {"Key": "verb", "Value": ["DELETE"]}}'), ('{"req_method": "DELETE"}'), ('{"requestType": "DELETE"}'), ('{"http_methods": ["DELETE"]}'), ('{"method\t": "DELETE"}'), ('{"method:": "DELETE"}'), ('{"http/method": "DELETE"}'), ('{"\uff4dethod": "DELETE"}'), ('{"met\u200bhod": "DELETE"}'), (jsonb_build_object('method' || repeat(':', 40), 'DELETE')),
  ('{"headers": [["X-HTTP-Method-Override", "POST"]]}'), ('{"headers": ["Host: x", "Accept: delete"]}'), ('{"fields": ["method", "delete", "x"]}'), ('{"form": {"name": "method", "description": "delete it"}}'), ('{"text": "Method: DELETE"}'), ('{"delivery_methods": "DELETE"}'), ('{"methodology": "DELETE"}')) g (args);

-- another meaning of the word is no method; a method of the policy's own is one
SELECT g.args, pg_temp.ask(g.args || '{"url": "https://ok.example/"}') FROM (VALUES ('{"method": "render page"}'::jsonb), ('{"method": "bubblesort"}'), ('{"method": "tools/call"}'), ('{"method": "GET /"}'), ('{"method": ""}'), ('{"method": null}'), ('{"method": 5}'), ('{"method": true}'), ('{"method": []}'), ('{"method": {}}'),
  ('{"method": "frob"}'), ('{"method": "FROBS"}'), (jsonb_build_object('method', repeat('x', 100)))) g (args);
SELECT policy_allow('web', 'custom.example', '{FROB}') > 0, policy_set('rules'), policy_allow('rules', 'a.ok.example', '{GET}') > 0, policy_allow('rules', 'b.ok.example', '{POST}') > 0, policy_allow('rules', 'c.ok.example') > 0, policy_deny('rules', 'c.ok.example', '{ZAP}') > 0, policy_allow_tool('rules', '*') > 0, agent_set('ruled', 'rules');
SELECT g.args, pg_temp.ask(g.args, 'ruled') FROM (VALUES ('{"url": "https://c.ok.example/"}'::jsonb), ('{"url": "https://c.ok.example/", "method": "zap"}'), ('{"url": "https://c.ok.example/", "method": "zip"}')) g (args);

-- nested, and beside
SELECT g.args, pg_temp.ask(g.args) FROM (VALUES ('{"request": {"url": "https://ok.example/", "method": "DELETE"}}'::jsonb), ('{"request": {"url": "https://ok.example/"}, "options": {"method": "DELETE"}}'), ('{"request": {"url": "https://ok.example/", "init": {"Method": "DELETE"}}}'),
  ('{"method": "DELETE", "request": {"url": "https://ok.example/"}}'), ('{"method": "GET", "request": {"url": "https://ok.example/", "METHOD": "DELETE"}}'), ('{"url": "https://ok.example/", "request": {"url": "https://ok.example/", "method": "DELETE"}}'), ('{"to": ["https://ok.example/"], "init": [{"method": "DELETE"}]}'),
  ('{"request": {"url": "https://ok.example/", "method": "POST"}}'), ('{"request": {"method": "DELETE"}}'), ('{"a": {"b": [[{"c": {"METHOD": "delete"}}]]}, "url": "https://ok.example/"}')) g (args);

-- a batch is several requests, if each of its elements has a URL and a method
SELECT g.args, pg_temp.ask(g.args, 'ruled') FROM (VALUES ('{"batch": [{"url": "https://a.ok.example/", "method": "GET"}, {"url": "https://b.ok.example/", "method": "POST"}]}'::jsonb), ('{"batch": [{"url": "https://a.ok.example/", "method": "POST"}, {"url": "https://b.ok.example/", "method": "GET"}]}'),
  ('{"batch": [{"url": "https://a.ok.example/", "method": "GET", "METHOD": "POST"}, {"url": "https://b.ok.example/", "method": "POST"}]}'), ('{"batch": [{"url": "https://a.ok.example/"}, {"url": "https://b.ok.example/", "method": "POST"}]}'), ('{"batch": [{"url": "https://a.ok.example/"}, {"method": "POST"}]}'),
  ('{"method": "POST", "batch": [{"url": "https://a.ok.example/", "method": "GET"}, {"url": "https://b.ok.example/", "method": "POST"}]}'), ('{"batch": [{"url": "https://a.ok.example/", "method": "GET"}, {"url": "https://b.ok.example/", "method": "render"}]}'),
  ('{"url": "https://a.ok.example/", "init": ["x", {"method": "POST"}]}'), ('{"url": "https://a.ok.example/", "batch": [{"url": "https://b.ok.example/", "method": "POST"}]}')) g (args);

-- JSON in a string: what is named there counts outside, and the reverse; a batch in it is one
SELECT tool_set('text', '{"properties": {"u": {"contentSchema": {"properties": {"u": {"format": "uri"}, "batch": {"items": {"properties": {"url": {"format": "uri"}}}}}}}, "w": {"format": "uri"}, "batch": {"items": {"properties": {"url": {"format": "uri"}, "u": {"contentSchema": {"properties": {"u": {"format": "uri"}}}}}}}}}', dialect => '2020-12');
SELECT g.args, pg_temp.ask(g.args, tool => 'text') FROM (VALUES ('{"method": "DELETE", "u": "{\"u\":\"https://ok.example/\"}"}'::jsonb), ('{"method": "POST", "u": "{\"u\":\"https://ok.example/\"}"}'), ('{"w": "https://ok.example/", "u": "{\"method\":\"DELETE\"}"}'), ('{"w": "https://ok.example/", "u": "{\"method\":\"POST\"}"}'), ('{"u": "{\"method\":\"DELETE\"}"}'), ('{"u": "{\"u\":\"https://ok.example/\",\"method\":\"DELETE\"}"}'),
  ('{"batch": [{"url": "https://ok.example/", "method": "GET"}, {"u": "{}", "method": "DELETE"}]}'), ('{"batch": [{"url": "https://ok.example/", "method": "GET"}, {"u": "{\"u\":\"https://ok.example/\",\"method\":\"DELETE\"}"}]}')) g (args);
SELECT g.args, pg_temp.ask(g.args, 'ruled', 'text') FROM (VALUES ('{"u": "{\"batch\":[{\"url\":\"https://a.ok.example/\",\"method\":\"GET\"},{\"url\":\"https://b.ok.example/\",\"method\":\"POST\"}]}"}'::jsonb), ('{"u": "{\"batch\":[{\"url\":\"https://a.ok.example/\",\"method\":\"POST\"},{\"url\":\"https://b.ok.example/\",\"method\":\"GET\"}]}"}'),
  ('{"batch": [{"url": "https://a.ok.example/", "method": "GET"}, {"u": "{\"u\":\"https://b.ok.example/\",\"method\":\"POST\"}"}]}'), ('{"batch": [{"url": "https://a.ok.example/", "method": "GET"}, {"u": "{\"u\":\"https://a.ok.example/\",\"method\":\"POST\"}"}]}')) g (args);

-- one word per method, however often it stands there; what has no URL is not looked at
SELECT pg_temp.ask(jsonb_build_object('url', 'https://ok.example/', 'batch', (SELECT jsonb_agg(jsonb_build_object('url', 'https://ok.example/' || i, 'method', 'GET')) FROM generate_series(1, 5000) AS i), 'x', (SELECT jsonb_agg('{"method": "POST"}'::jsonb) FROM generate_series(1, 5000))));
SELECT pg_temp.ask('{"method": "DELETE", "url": "https://evil.example/"}', tool => 'plain');

-- a limit that judging runs into is an answer, with the place: a pattern, steps, depth, a stack that ends
SELECT tool_set('pattern', '{"type": "object", "properties": {"a": {"properties": {"p": {"type": "string", "pattern": "^(a+)+$"}}}}}', dialect => '2020-12'), tool_set('names', '{"type": "object", "patternProperties": {"^(a+)+$": {}}}', dialect => '2020-12'),
       tool_set('coerced', '{"type": "object", "properties": {"p": {"type": "integer", "anyOf": [{"pattern": "^(a+)+$"}]}}}', dialect => '2020-12', coerce => true),
       tool_set('steps', '{"type": "object", "properties": {"l": {"items": {"anyOf": [{"const": 1}, {"const": 2}, {"const": 3}, {"type": "integer"}]}}}}', dialect => '2020-12'),
       tool_set('tree', '{"$ref": "#/$defs/n", "$defs": {"n": {"additionalProperties": {"$ref": "#/$defs/n"}}}}', dialect => '2020-12'), tool_set('urls', '{"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"u": {"format": "uri"}}, "additionalProperties": {"$ref": "#/$defs/n"}}}}', dialect => '2020-12');
SELECT tool_set('kept', '{}', cache_ttl => '1 min');
SET agentcore.pattern_timeout = '60 s';
SELECT verdict, reason, detail, errors, feedback FROM call_begin('bot', 'pattern', jsonb_build_object('a', jsonb_build_object('p', repeat('a', 40) || 'b')));
SELECT verdict, reason, left(detail, 40) AS detail FROM call_begin('bot', 'names', jsonb_build_object(repeat('a', 40) || 'b', 1));
SELECT verdict, reason, left(detail, 40) AS detail FROM call_begin('bot', 'coerced', jsonb_build_object('p', repeat('a', 40) || 'b'));
SELECT agent_set('watched', 'web', mode => 'audit');
SELECT verdict, reason, enforced FROM call_begin('watched', 'pattern', jsonb_build_object('a', jsonb_build_object('p', repeat('a', 40) || 'b')));
SELECT stage, verdict, reason FROM call_explain('bot', 'pattern', jsonb_build_object('a', jsonb_build_object('p', repeat('a', 40) || 'b'))) WHERE reason IS NOT NULL;
RESET agentcore.pattern_timeout;
SET agentcore.max_node_visits = 2000;
SELECT verdict, reason, detail LIKE 'limit: at "/l/%": validation takes too many steps' AS said FROM call_begin('bot', 'steps', jsonb_build_object('l', (SELECT jsonb_agg(i) FROM generate_series(1, 5000) AS i)));
RESET agentcore.max_node_visits;
SELECT verdict, reason, left(detail, 20) AS detail, right(detail, 40) AS detail_end FROM call_begin('bot', 'tree', (repeat('{"a":', 600) || '1' || repeat('}', 600))::jsonb);
SELECT verdict, reason, left(detail, 20) AS detail FROM call_begin('bot', 'urls', (repeat('{"a":', 600) || '1' || repeat('}', 600))::jsonb);
CREATE TEMPORARY TABLE nested AS SELECT (repeat('{"a":', 3000) || '1' || repeat('}', 3000))::jsonb AS args;
SET agentcore.max_depth = 100000;
SET max_stack_depth = '200kB';
SELECT tool, verdict, reason, detail FROM unnest('{kept,tree,urls}'::text[]) AS tool, nested, call_begin('bot', tool, args) ORDER BY tool;
-- a tool that takes anything: only a key has to know its arguments
SELECT key, verdict, reason, detail FROM unnest('{k,NULL}'::text[]) AS key, nested, call_begin('bot', 'any', args, key => key) ORDER BY key;
SELECT stage, verdict, reason FROM nested, call_explain('bot', 'kept', args) WHERE reason IS NOT NULL;
RESET max_stack_depth;
RESET agentcore.max_depth;
-- nothing is left behind: the session goes on, and what is asked directly still raises
SELECT args_valid('pattern', jsonb_build_object('a', jsonb_build_object('p', repeat('a', 40) || 'b')));
SELECT pg_temp.ask('{"url": "https://ok.example/"}');
BEGIN;
SET LOCAL statement_timeout = '1 ms';
SELECT pg_sleep(60);
ROLLBACK;
