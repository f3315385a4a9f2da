-- URLs that nobody would judge: what a tool may take for one is judged wherever it
-- stands and whatever it is written as; what was judged is what runs.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore;
\pset format unaligned
\pset tuples_only on

SELECT policy_set('web'), policy_allow('web', '*.ok.example') > 0, policy_allow('web', '93.184.216.0/24') > 0, policy_allow('web', '[2606:4700::]/32') > 0, policy_allow('web', '10.1.2.3', ports => '{443}') > 0,
       policy_deny('web', 'bad.ok.example') > 0, policy_deny('web', 'part.ok.example', path_prefix => '/private') > 0, policy_allow_tool('web', '*') > 0, agent_set('bot', 'web');
CREATE FUNCTION pg_temp.ask(tool text, args jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') || coalesce(' ' || (CASE WHEN v.args <> $2 THEN v.args END)::text, '') FROM call_begin('bot', $1, $2) AS v $$;

-- url_args add to the formats
SELECT tool_set('both', '{"properties": {"a": {"format": "uri"}, "b": {}}}', url_args => '{/b}', dialect => '2020-12'), tool_set('none', '{"properties": {"a": {"format": "uri"}}}', url_args => '{}', dialect => '2020-12');
SELECT g.tool, g.args, pg_temp.ask(g.tool, g.args) FROM (VALUES ('both', '{"a": "https://evil.example/"}'::jsonb), ('both', '{"b": "https://evil.example/"}'), ('both', '{"a": "https://OK.example", "b": "https://x.OK.example"}'), ('none', '{"a": "https://evil.example/"}')) g (tool, args);

-- a pointer, and what stands where it leads: an object or a string for an array, an array for an object, a URL on the way
SELECT tool_set('list', 'true', url_args => '{/urls/*}'), tool_set('hrefs', 'true', url_args => '{/links/*/href}'), tool_set('deep', 'true', url_args => '{/request/target/url}'), tool_set('star', 'true', url_args => '{/*}'), tool_set('second', 'true', url_args => '{/pair/1}');
SELECT g.tool, g.args, pg_temp.ask(g.tool, g.args) FROM (VALUES
  ('list', '{"urls": "https://evil.example/"}'::jsonb), ('list', '{"urls": {"a": "https://evil.example/"}}'), ('list', '{"urls": {"a": ["https://evil.example/"]}}'), ('list', '{"urls": [["https://evil.example/"]]}'), ('list', '{"urls": "https://OK.example"}'), ('list', '{"urls": {"a": "https://OK.example", "b": null}}'),
  ('list', '{"urls": "no url"}'), ('list', '{"urls": {"a": 5}}'), ('list', '{"urls": {"a": {"b": "x"}}}'), ('list', '{"urls": 5}'), ('list', '{"urls": null}'), ('list', '{"other": "https://evil.example/"}'),
  ('hrefs', '{"links": {"href": "https://evil.example/"}}'), ('hrefs', '{"links": {"a": {"href": "https://evil.example/"}}}'), ('hrefs', '{"links": [[{"href": "https://evil.example/"}]]}'), ('hrefs', '{"links": "https://evil.example/"}'), ('hrefs', '{"links": ["https://evil.example/"]}'), ('hrefs', '{"links": ["next"]}'),
  ('hrefs', '{"links": {"href": "https://OK.example"}}'), ('hrefs', '{"links": [{"href": "https://OK.example"}, {"title": "https://evil.example/"}]}'),
  ('deep', '{"request": "https://evil.example/"}'), ('deep', '{"request": {"target": "//evil.example/"}}'), ('deep', '{"request": [{"target": [{"url": "https://evil.example/"}]}]}'), ('deep', '{"request": {"target": "\t\\\\evil.example"}}'), ('deep', '{"request": "HTTP:evil.example"}'), ('deep', '{"request": "GET it, then: stop"}'), ('deep', '{"request": {"target": "a: b"}}'), ('deep', '{"request": {"url": "https://evil.example/"}}'),
  ('star', '{"*": "https://OK.example", "any": "https://OK.example"}'), ('star', '{"any": "https://evil.example/"}'), ('second', '{"pair": ["x", "https://evil.example/"]}'), ('second', '{"pair": {"1": "https://evil.example/"}}'), ('second', '{"pair": "https://evil.example/"}'), ('second', '{"pair": ["https://evil.example/", "https://OK.example"]}')) g (tool, args);

-- what a tool may read in place of the container that a pointer goes through is refused, unless it is a URL by itself
SELECT tool_set('request', 'true', url_args => '{/request/url}'), tool_set('indexed', 'true', url_args => '{/request/0/url}'), tool_set('whole', 'true', url_args => '{/request,/request/url}'), tool_set('each', 'true', url_args => '{/requests/*/url}');
SELECT g.tool, g.args, pg_temp.ask(g.tool, g.args) FROM (VALUES ('request', '{"request": "{\"url\": \"https://evil.example/\"}"}'::jsonb), ('request', '{"request": "evil.example/"}'), ('request', '{"request": "GET https://evil.example/"}'), ('request', '{"request": "https://OK.example"}'), ('request', '{"request": ""}'), ('request', '{"request": null}'), ('request', '{"request": 5}'), ('request', '{"request": ["url", "evil.example"]}'), ('request', '{"request": [{"url": "https://OK.example"}]}'), ('request', '{"request": {"uri": "x"}}'),
  ('indexed', '{"request": {"url": "https://evil.example/"}}'), ('indexed', '{"request": {"0": {"url": "https://evil.example/"}}}'), ('indexed', '{"request": {"0": {"url": "https://OK.example"}}}'), ('indexed', '{"request": {}}'), ('indexed', '{"request": "{}"}'), ('indexed', '{"request": [{"url": "https://OK.example"}]}'), ('indexed', '{"request": []}'),
  ('whole', '{"request": "https://OK.example"}'), ('each', '{"requests": ["{\"url\": \"https://evil.example/\"}"]}'), ('each', '{"requests": "evil.example"}'), ('each', '{"requests": [{"url": "https://OK.example"}]}')) g (tool, args);

-- the same of formats: another type, another branch, members that only a branch declares, what stands beside a $ref, a vocabulary that is not in use
SELECT json_schema_set('urn:example:no-format', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": true, "https://json-schema.org/draft/2020-12/vocab/applicator": true}}');
SELECT tool_set(name, schema::jsonb) FROM (VALUES
  ('f-plural', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "array", "items": {"type": "string"}}, {"type": "object"}]}}}'),
  ('f-items', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"items": {"format": "uri"}}}}'),
  ('f-object', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"properties": {"url": {"format": "uri"}}}}}'),
  ('f-branch', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "oneOf": [{"properties": {"kind": {"const": "a"}, "x": {"format": "uri"}}, "required": ["kind"]}, {"properties": {"kind": {"const": "b"}}, "required": ["kind"]}]}'),
  ('f-extra', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "anyOf": [{"properties": {"kind": {"const": "a"}}, "additionalProperties": {"type": "string", "format": "uri"}}, {"properties": {"kind": {"const": "b"}, "x": {"type": ["string", "array", "object"]}}}]}'),
  ('f-ref7', '{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"x": {"$ref": "#/definitions/s", "format": "uri"}}, "definitions": {"s": {"type": "string"}}}'),
  ('f-ref4', '{"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"x": {"$ref": "#/definitions/s", "format": "uri"}}, "definitions": {"s": {"type": "string"}}}'),
  ('f-vocabulary', '{"$schema": "urn:example:no-format", "properties": {"x": {"format": "uri"}}}'),
  ('f-recursive', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"n": {"items": {"$ref": "#/$defs/n"}, "properties": {"u": {"format": "uri"}}, "additionalProperties": {"$ref": "#/$defs/n"}}}, "$ref": "#/$defs/n"}')) s (name, schema);
SELECT g.tool, g.args, pg_temp.ask(g.tool, g.args) FROM (VALUES
  ('f-plural', '{"x": ["https://evil.example/"]}'::jsonb), ('f-plural', '{"x": {"a": [["https://evil.example/"]]}}'), ('f-plural', '{"x": ["https://OK.example", "a word", "note: this"]}'), ('f-plural', '{"x": {"a": "//evil.example"}}'), ('f-plural', '{"x": ["javascript://ok.example/%0aalert(1)"]}'),
  ('f-items', '{"x": "https://evil.example/"}'), ('f-items', '{"x": {"a": "https://evil.example/"}}'), ('f-items', '{"x": {"a": {"b": ["https://evil.example/"]}}}'), ('f-items', '{"x": "a word"}'), ('f-items', '{"x": "https://OK.example"}'), ('f-items', '{"x": 5}'),
  ('f-object', '{"x": "https://evil.example/"}'), ('f-object', '{"x": [{"url": "https://evil.example/"}]}'), ('f-object', '{"x": [[{"url": "https://evil.example/"}]]}'), ('f-object', '{"x": [{"url": "https://OK.example"}]}'), ('f-object', '{"x": "a word"}'),
  ('f-branch', '{"kind": "b", "x": "https://evil.example/"}'), ('f-branch', '{"kind": "b", "x": ["https://evil.example/"]}'), ('f-branch', '{"kind": "b", "y": "https://evil.example/"}'),
  ('f-extra', '{"kind": "b", "x": "https://evil.example/"}'), ('f-extra', '{"kind": "b", "x": ["https://evil.example/"]}'), ('f-extra', '{"kind": "b", "z": "https://evil.example/"}'), ('f-extra', '{"kind": "b", "z": {"y": "https://evil.example/"}}'),
  ('f-ref7', '{"x": "https://evil.example/"}'), ('f-ref4', '{"x": "https://evil.example/"}'), ('f-ref7', '{"x": "https://OK.example"}'), ('f-vocabulary', '{"x": "https://evil.example/"}'), ('f-vocabulary', '{"x": "https://OK.example"}'),
  ('f-recursive', '{"a": "text", "b": ["text", ["text", {"c": "text"}]]}'), ('f-recursive', '{"b": [[{"c": {"u": "https://evil.example/"}}]]}')) g (tool, args);

-- host names and addresses, by the hosts of the rules: scheme, port and path count for nothing
SELECT tool_set('h-' || format, format('{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"type": "string", "format": %s}}}', to_json(format))::jsonb)
  FROM unnest('{hostname,idn-hostname,ipv4,ipv6,HostName,ip}'::text[]) AS f (format);
SELECT g.tool, g.x, pg_temp.ask(g.tool, jsonb_build_object('x', g.x)) FROM (VALUES
  ('h-hostname', 'ok.example'), ('h-hostname', 'API.OK.Example'), ('h-hostname', 'evil.example'), ('h-hostname', 'bad.ok.example'), ('h-hostname', 'part.ok.example'), ('h-hostname', 'localhost'), ('h-hostname', 'metadata.google.internal'), ('h-hostname', '169.254.169.254'), ('h-hostname', '93.184.216.34'), ('h-hostname', '0x7f.1'),
  ('h-HostName', 'evil.example'), ('h-HostName', 'evil.example:80'), ('h-HostName', '[evil.example]:80'), ('h-HostName', 'evil.example:'), ('h-HostName', 'a:b:c'), ('h-HostName', 'https://ok.example'), ('h-HostName', 'ok.example/'), ('h-HostName', 'a@ok.example'), ('h-HostName', ''), ('h-HostName', 'ok.example.'), ('h-HostName', 'OK.example'),
  ('h-idn-hostname', U&'b\00FCcher.ok.example'), ('h-idn-hostname', U&'b\00FCcher.example'), ('h-ipv4', '93.184.216.34'), ('h-ipv4', '127.0.0.1'), ('h-ipv4', '10.1.2.3'), ('h-ipv4', '10.1.2.4'), ('h-ipv4', '8.8.8.8'),
  ('h-ipv6', '2606:4700::1'), ('h-ipv6', '2606:4700:0:0::0001'), ('h-ipv6', '::1'), ('h-ipv6', '::ffff:127.0.0.1'), ('h-ipv6', '::ffff:93.184.216.34'), ('h-ipv6', 'fe80::1'), ('h-ip', '[2606:4700::1]'), ('h-ip', '0177.0.0.1'), ('h-ip', '2130706433')) g (tool, x);
SELECT tool_set('hosts', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"anyOf": [{"type": "string", "format": "hostname"}, {"type": "array"}]}}}');
SELECT g.args, pg_temp.ask('hosts', g.args) FROM (VALUES ('{"x": ["evil.example"]}'::jsonb), ('{"x": ["https://evil.example/"]}'), ('{"x": ["127.0.0.1", "web"]}'), ('{"x": ["web", "free text, v1.2"]}')) g (args);
-- a stated method counts for a host too; without one no method does
SELECT policy_set('post', methods => '{POST}'), policy_allow('post', 'ok.example') > 0, policy_allow_tool('post', '*') > 0, agent_set('poster', 'post');
SELECT g.args, v.verdict, v.reason, v.detail FROM (VALUES ('{"x": "ok.example"}'::jsonb), ('{"x": "ok.example", "method": "POST"}'), ('{"x": "ok.example", "method": "DELETE"}')) g (args), call_begin('poster', 'h-hostname', g.args) v;

-- templates: what no variable can change is judged
SELECT tool_set('template', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"type": "string", "format": "uri-template"}}}');
SELECT g.x, pg_temp.ask('template', jsonb_build_object('x', g.x)) FROM (VALUES
  ('https://ok.example/{id}'), ('HTTPS://OK.example:443/a/../b/{id}/c?q={q}'), ('https://ok.example{/path}'), ('https://OK.example{?q}'), ('https://ok.example{#f}'), ('https://OK.example?q={q}'), ('https://ok.example/#top{f}'), ('https://OK.example/plain'),
  ('https://evil.example/{id}'), ('https://bad.ok.example/{id}'), ('{scheme}://ok.example/'), ('http{s}://ok.example/'), ('https://{host}/'), ('https://{host}.ok.example/'), ('https://ok.example{host}/'), ('https://ok.example{.tld}'), ('https://ok.example{+rest}'), ('https://ok.example{;p}'), ('https://ok.example{&p}'), ('https://ok.example:{port}/'), ('https://ok.example:44{port}/'), ('https://{user}@ok.example/'), ('https:{+x}'), ('https:/{x}'), ('https://{'), ('{+url}'), ('{x}'), ('file:///{x}'), ('https://ok.example@{x}/'), (E'https://ok.example/\\{x}'),
  ('/users/{id}'), ('users/{id}{?q}'), ('//{host}/'), ('/{+path}'), ('{/path}'), ('/{/path}'), ('/{x}'), ('/{x}/y'), ('/{x}{y}/z'), ('/a/{x}/y'), ('a{x}:y'), ('a{x}/y'), ('a{+x}'), ('a/{+x}'), ('?q={+x}'), ('https://ok.example/a/.{x}'), ('https://ok.example/a/..{x}'), ('https://ok.example/a/%2e{x}'), ('https://part.ok.example/private/{x}'), ('https://part.ok.example/{x}'), ('https://part.ok.example/public?{x}'), ('https://part.ok.example/public{?x}')) g (x);

-- JSON in a string
SELECT tool_set('content', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"type": "string", "contentMediaType": "application/json", "contentSchema": {"properties": {"url": {"format": "uri"}}}}, "y": {"contentEncoding": "base64", "contentSchema": {"properties": {"url": {"format": "uri"}}}}}}');
SELECT g.args, pg_temp.ask('content', g.args) FROM (VALUES ('{"x": "{\"url\": \"https://evil.example/\"}"}'::jsonb), ('{"x": "{\"url\": \"https://OK.example\"}"}'), ('{"x": "{\"url\":  \"https://ok.example/\"}"}'), ('{"x": "{\"a\":  1}"}'), ('{"x": "[{\"url\": \"https://evil.example/\"}]"}'), ('{"x": "{\"url\": 5}"}'), ('{"x": "no JSON"}'), ('{"x": ""}'), ('{"x": null}'), ('{"y": "e30="}')) g (args);

-- a key twice, which readers read differently; a container, or a string in the string, in place of the JSON; two schemas of one string
SELECT tool_set('content2', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"u": {"contentSchema": {"properties": {"u": {"format": "uri"}, "in": {"contentSchema": {"properties": {"u": {"format": "uri"}}}}}}}, "any": {"anyOf": [{"type": "string", "contentSchema": {"properties": {"u": {"format": "uri"}}}}, {"type": ["array", "object"]}]}, "typed": {"type": "string", "contentSchema": {"properties": {"u": {"format": "uri"}}}}, "one": {"contentSchema": {"format": "uri"}}, "two": {"allOf": [{"contentSchema": {"properties": {"a": {"format": "uri"}}}}, {"contentSchema": {"properties": {"b": {"format": "uri"}}}}]}}}');
SELECT g.args, pg_temp.ask('content2', g.args) FROM (VALUES ('{"u": "{\"u\":\"https://evil.example/\",\"u\":\"https://ok.example/\"}"}'::jsonb), ('{"u": "{\"u\":\"https://ok.example/\",\"\\u0075\":\"https://ok.example/\"}"}'), ('{"u": "{\"x\":[{\"a\":1,\"a\":1}]}"}'), ('{"u": "{\"x\":[{\"a\":1},{\"a\":1}]}"}'), ('{"u": "{\"in\":\"{\\\"u\\\":1,\\\"u\\\":2}\"}"}'),
  ('{"u": {"u": "https://evil.example/"}}'), ('{"u": ["{\"u\":\"https://evil.example/\"}"]}'), ('{"u": {}}'), ('{"u": 5}'), ('{"u": null}'), ('{"typed": {"u": "https://evil.example/"}}'), ('{"u": "\"{\\\"u\\\":\\\"https://evil.example/\\\"}\""}'), ('{"u": "\"\\\"{}\\\"\""}'), ('{"u": "\"a word\""}'), ('{"u": "\"{a word}\""}'), ('{"one": "\"https://OK.example\""}'),
  ('{"any": {"u": "https://evil.example/"}}'), ('{"any": ["{\"u\":\"https://evil.example/\"}"]}'), ('{"any": ["a word", "[note] this"]}'), ('{"any": {"u": "https://OK.example"}}'), ('{"two": "{\"a\":\"https://ok.example/\",\"b\":\"https://evil.example/\"}"}'), ('{"two": "{\"a\":\"https://evil.example/\",\"b\":\"https://ok.example/\"}"}'), ('{"two": "{\"a\":\"https://OK.example\",\"b\":\"https://OK.example\"}"}')) g (args);

-- what a path shows cannot end a model's quotation
SELECT tool_set('ticks', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "additionalProperties": {"type": "integer"}}');
SELECT feedback FROM call_begin('bot', 'ticks', '{"a```b": "x"}');

-- the canonical form has to fit the schema as well: a pattern, a maximum, unique elements, names
SELECT tool_set(name, format('{"$schema": "https://json-schema.org/draft/2020-12/schema", %s}', schema)::jsonb) FROM (VALUES
  ('c-pattern', '"properties": {"x": {"format": "uri", "pattern": "^https://api\\.ok\\.example/public/"}}'), ('c-length', '"properties": {"x": {"format": "uri", "maxLength": 24}}'),
  ('c-unique', '"properties": {"x": {"items": {"format": "uri"}, "uniqueItems": true}}'), ('c-names', '"properties": {"x": {"propertyNames": {"format": "uri", "pattern": "/$"}, "minProperties": 2}}'),
  ('c-const', '"properties": {"x": {"format": "uri", "enum": ["https://OK.example"]}}'), ('c-host', '"properties": {"x": {"format": "hostname", "pattern": "[A-Z]"}}')) s (name, schema);
SELECT g.tool, g.args, pg_temp.ask(g.tool, g.args) FROM (VALUES ('c-pattern', '{"x": "https://api.ok.example/public/../admin/x"}'::jsonb), ('c-pattern', '{"x": "https://api.ok.example/public/%2e%2e/admin"}'), ('c-pattern', '{"x": "https://api.ok.example/public/./x"}'), ('c-pattern', '{"x": "https://api.ok.example/public/x"}'),
  ('c-length', '{"x": "https://ok.example/a?q=''"}'), ('c-unique', '{"x": ["https://OK.example", "https://ok.example/"]}'), ('c-unique', '{"x": ["https://ok.example/a", "https://ok.example/./b"]}'), ('c-names', '{"x": {"https://OK.example/": 1, "https://ok.example/./": 2}}'), ('c-const', '{"x": "https://OK.example"}'), ('c-host', '{"x": "OK.example"}')) g (tool, args);
SELECT errors, feedback FROM call_begin('bot', 'c-pattern', '{"x": "https://api.ok.example/public/../admin/x"}');
SELECT tool_set('c-coerced', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"x": {"type": "array", "items": {"type": "string", "format": "uri", "pattern": "/public/"}}}}', coerce => true);
SELECT g.args, pg_temp.ask('c-coerced', g.args) FROM (VALUES ('{"x": "https://ok.example/public/../admin"}'::jsonb), ('{"x": "https://OK.example/public/x"}'), ('{"x": "[\"https://ok.example/public/../admin\"]"}')) g (args);
SELECT stage, verdict, reason, detail FROM call_explain('bot', 'c-pattern', '{"x": "https://api.ok.example/public/../admin/x"}') WHERE reason IS NOT NULL;

-- near names that the policy keeps from the agent are not told
SELECT tool_set('secret_tool_1', 'true'), tool_set('secret_tool_2', 'true'), tool_set('secret_tooL_3', 'true'), policy_deny_tool('web', 'secret_tool*') > 0, policy_set('narrow'), policy_allow_tool('narrow', 'secret_tool_2') > 0, agent_set('tight', 'narrow');
SELECT agent, detail, feedback FROM unnest('{bot,tight,poster}'::text[]) AS agent, call_begin(agent, 'secret_tool_9', '{}') ORDER BY agent;
SELECT detail FROM call_begin('bot', 'x/secret_tool_1', '{}');

-- a URI that is only data: exactly there, shown by lint, and never what url_args names
SELECT tool_set('skip', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"ns": {"format": "uri"}, "all": {"items": {"format": "uri"}}, "rows": {"items": {"properties": {"id": {"format": "uri"}}}}, "url": {"format": "uri"}, "any": {"anyOf": [{"format": "uri"}, {"type": "object"}, {"type": "array"}]}}}',
                url_skip => '{/ns,/all,/rows/*/id,/any}');
SELECT g.args, pg_temp.ask('skip', g.args) FROM (VALUES ('{"ns": "urn:example:x", "url": "https://OK.example"}'::jsonb), ('{"ns": "https://EVIL.example"}'), ('{"ns": "https://evil.example/", "url": "https://evil.example/"}'), ('{"all": ["https://evil.example/"]}'), ('{"rows": [{"id": "urn:a"}, {"id": "https://evil.example/"}]}'),
  ('{"rows": {"id": "https://evil.example/"}}'), ('{"rows": {"a": {"id": "https://evil.example/"}}}'), ('{"all": {"a": "https://evil.example/"}}'), ('{"any": "https://evil.example/"}'), ('{"any": {"a": "https://evil.example/"}}'), ('{"any": [["https://evil.example/"]]}')) g (args);
SELECT * FROM tool_lint('skip', 'agentcore');
SELECT count(*) FROM tool_lint('list', 'agentcore');
SELECT url_args, url_skip FROM tools WHERE name = 'skip';
SELECT tool_set('skip2', 'true', url_args => '{/b,/a}', url_skip => '{/c,/a}');
SELECT tool_set('skip2', 'true', url_skip => '{a}');
SELECT tool_set('skip2', 'true', url_skip => ARRAY[NULL]);
