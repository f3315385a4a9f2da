-- URLs in a tool's arguments: wherever they stand they are judged, and come back
-- canonical; nothing else is touched.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

SELECT agentcore.policy_set('web', schemes => '{http,https,ws,wss}'), agentcore.policy_allow('web', '*.ok.example') > 0, agentcore.policy_allow_tool('web', '*') > 0;
SELECT agentcore.agent_set('bot', 'web'), agentcore.agent_set('watched', 'web', mode => 'audit');

-- by pointer: members, elements by number and all, arrays in arrays, escaped names
SELECT agentcore.tool_set('pointed', 'true', url_args => '{/url,/list/*/to,/grid/*,/pair/1,/a~1b/c~0d,/deep/x/y/z}');
CREATE TABLE given (no integer GENERATED ALWAYS AS IDENTITY, args jsonb);
INSERT INTO given (args) VALUES
  ('{"url": "HTTPS://A.OK.example:443/x/../y?q=%7e#top", "same": "HTTPS://A.OK.example:443/x/../y?q=%7e#top"}'),
  ('{"url": ["http://OK.example:80", "WSS://ok.example:443/%2e/s"]}'),
  ('{"url": [["http://OK.example", [["http://OK.example/."]]]]}'),
  ('{"list": [{"to": "http://OK.example", "from": "http://OK.example"}, {"to": null}, {"from": "http://evil.example"}, 7, "http://OK.example"]}'),
  ('{"grid": [["http://OK.example"], "http://OK.example/a/.."]}'),
  ('{"pair": ["http://OK.example", "http://OK.example", "http://OK.example"]}'),
  ('{"a/b": {"c~d": "http://OK.example"}, "a": {"b": "http://OK.example"}}'),
  ('{"deep": {"x": {"y": {"z": "http://OK.example"}}}}'),
  ('{"url": "http://b\u00fccher.ok.example/\u00e9?\u00e9", "n": 1.50, "big": 123456789012345678901234567890, "t": true, "o": {}, "l": []}'),
  ('{"url": "http://OK.example", "list": [{"to": "http://OK.example"}], "pair": [1, "http://OK.example"]}');
SELECT no, v.verdict, v.args FROM given, agentcore.call_begin('bot', 'pointed', args) v ORDER BY no;

-- canonical twice is canonical once, and only strings that were judged differ
SELECT count(*) FROM given, agentcore.call_begin('bot', 'pointed', args) v, agentcore.call_begin('bot', 'pointed', v.args) w WHERE w.args <> v.args;

-- one that is refused refuses the call, wherever it stands
SELECT g.args, v.verdict, v.reason, v.detail, v.args IS NULL AS no_args FROM (VALUES
  ('{"url": ["http://ok.example", "http://evil.example"]}'::jsonb),
  ('{"url": [["http://ok.example", [["http://evil.example"]]]]}'),
  ('{"url": {"href": "http://ok.example"}}'), ('{"url": [{"href": "http://ok.example"}]}'), ('{"url": 5}'), ('{"url": [true]}'), ('{"url": ""}'),
  ('{"list": [{"to": "http://ok.example"}, {"to": "http://169.254.169.254/"}]}'), ('{"list": [{"to": {"to": "http://ok.example"}}]}'),
  ('{"grid": [["http://ok.example"], [["http://[::ffff:10.0.0.1]/"]]]}'), ('{"pair": ["ok", "ok.example"]}'),
  ('{"a/b": {"c~d": "http://ok.example\\@evil.example"}}'), ('{"deep": {"x": {"y": {"z": "http://evil.example"}}}}')) g (args),
  agentcore.call_begin('bot', 'pointed', g.args) v;

-- a pointer that leads nowhere is no offence
SELECT g.args, v.verdict, v.args = g.args AS same FROM (VALUES ('{"url": null}'::jsonb), ('{"deep": {"x": "x"}}'), ('{"list": {"of": null}}'), ('{"pair": {"0": "x"}}'), ('{}')) g (args),
  agentcore.call_begin('bot', 'pointed', g.args) v;

-- by format: every keyword that applies a schema to a value
SELECT agentcore.tool_set('by/' || name, ('{"type": "object", ' || schema || '}')::jsonb, dialect => '2020-12') FROM (VALUES
  ('properties', '"properties": {"x": {"format": "uri"}}'), ('pattern', '"patternProperties": {"^x": {"format": "uri"}}'),
  ('additional', '"additionalProperties": {"format": "uri"}'), ('unevaluated', '"unevaluatedProperties": {"format": "uri"}'),
  ('items', '"properties": {"x": {"items": {"format": "uri"}}}'), ('prefix', '"properties": {"x": {"prefixItems": [true, {"format": "uri"}]}}'),
  ('uneval-items', '"properties": {"x": {"prefixItems": [true], "unevaluatedItems": {"format": "uri"}}}'), ('contains', '"properties": {"x": {"contains": {"format": "uri"}}}'),
  ('ref', '"$defs": {"u": {"format": "uri"}}, "properties": {"x": {"$ref": "#/$defs/u"}}'), ('dynamic', '"$defs": {"u": {"$dynamicAnchor": "u", "format": "uri"}}, "properties": {"x": {"$dynamicRef": "#u"}}'),
  ('any', '"properties": {"x": {"anyOf": [{"type": "string"}, {"format": "uri"}]}}'), ('one', '"properties": {"x": {"oneOf": [{"maxLength": 1}, {"format": "uri"}]}}'),
  ('all', '"allOf": [{"properties": {"x": {"format": "uri"}}}]'), ('if', '"if": {"required": ["q"]}, "then": {"properties": {"x": {"format": "uri"}}}'),
  ('else', '"if": {"required": ["x"]}, "else": {"properties": {"x": {"format": "uri"}}}'), ('dependent', '"dependentSchemas": {"x": {"properties": {"x": {"format": "uri"}}}}'),
  ('case', '"properties": {"x": {"format": "URI"}}'), ('iri', '"properties": {"x": {"format": "iri"}}'), ('reference', '"properties": {"x": {"format": "uri-reference"}}')) s (name, schema)
 ORDER BY name;
SELECT name, v.verdict, v.reason, v.detail, w.verdict, w.args
  FROM agentcore.tool t,
       agentcore.call_begin('bot', name, CASE WHEN name ~ 'items|prefix|contains' THEN '{"x": ["http://ok.example", "http://evil.example"]}' ELSE '{"x": "http://evil.example"}' END::jsonb) v,
       agentcore.call_begin('bot', name, CASE WHEN name ~ 'items|prefix|contains' THEN '{"x": ["ws://OK.example", "http://OK.example"]}' ELSE '{"x": "http://OK.example"}' END::jsonb) w
 WHERE name LIKE 'by/%' ORDER BY name;

-- names of members that are URLs
SELECT agentcore.tool_set('names', '{"type": "object", "properties": {"pages": {"type": "object", "propertyNames": {"format": "uri"}}}}', dialect => '2020-12');
SELECT g.args, v.verdict, v.reason, v.detail, v.args FROM (VALUES ('{"pages": {"http://OK.example": 1, "http://evil.example": 2}}'::jsonb), ('{"pages": {"http://OK.example": "http://evil.example", "ws://OK.example:80/a/..": {"b": 1}}}'),
  ('{"pages": {"a": 1}}'), ('{"http://evil.example": 1}')) g (args), agentcore.call_begin('bot', 'names', g.args) v;

-- an empty string takes no place that another could be mistaken for
SELECT g.args, v.verdict, v.reason, v.detail, v.args FROM (VALUES ('{"x": ["", "http://OK.example"]}'::jsonb), ('{"x": ["", "http://evil.example"]}'), ('{"x": ["http://OK.example", ""]}')) g (args), agentcore.call_begin('bot', 'by/prefix', g.args) v;
SELECT g.args, v.verdict, v.reason, v.detail, v.args FROM (VALUES ('{"": "http://OK.example"}'::jsonb), ('{"": "http://evil.example"}'), ('{"": ""}')) g (args), agentcore.call_begin('bot', 'by/additional', g.args) v;

-- a reference that names a host is judged, also where readers drop what stands before it or inside
SELECT agentcore.tool_set('see', '{"type": "object", "properties": {"x": {"format": "uri-reference"}}}', dialect => 'draft4');
SELECT g.args, v.verdict, v.reason, v.detail, v.args FROM (VALUES
  ('{"x": "/path?x=//y"}'::jsonb), ('{"x": "?q"}'), ('{"x": "#f"}'), ('{"x": ""}'), ('{"x": "a/b"}'), ('{"x": "//OK.example"}'), ('{"x": "\\\\evil.example"}'), ('{"x": "/\\evil.example"}'),
  ('{"x": " //evil.example"}'), ('{"x": "\t//evil.example"}'), ('{"x": "/\t/evil.example"}'), ('{"x": "/\n/evil.example"}'), ('{"x": "/\r\\evil.example"}'), ('{"x": "\u0001//evil.example"}'), ('{"x": "ht\ttp://evil.example"}')) g (args),
  agentcore.call_begin('bot', 'see', g.args) v;

-- coercion first, judgement second
SELECT agentcore.tool_set('coerced', '{"type": "object", "properties": {"x": {"type": "array", "items": {"type": "string", "format": "uri"}}}}', dialect => 'draft7', coerce => true);
SELECT v.verdict, v.reason, v.args FROM (VALUES ('{"x": "http://OK.example"}'::jsonb), ('{"x": "http://evil.example"}'), ('{"x": "[\"http://OK.example\"]"}'), ('{"x": "[\"http://evil.example\"]"}')) g (args),
  agentcore.call_begin('bot', 'coerced', g.args) v;

-- the raw text of a model, audit mode, call_explain
SELECT v.verdict, v.args FROM agentcore.call_begin('bot', 'pointed', args_text => '{"url": "HTTP:\/\/OK.example"}') v;
SELECT v.verdict, v.reason, v.enforced, v.args FROM (VALUES ('{"url": "http://evil.example/a/.."}'::jsonb), ('{"url": ["http://OK.example", "http://u@ok.example"]}')) g (args),
  agentcore.call_begin('watched', 'pointed', g.args) v;
SELECT stage, verdict, reason, detail FROM agentcore.call_explain('bot', 'pointed', '{"url": ["http://OK.example", "http://evil.example"]}') WHERE stage = 'urls';

-- who holds the canonical arguments shares their answer
SELECT agentcore.tool_set('read', 'true', url_args => '{/url}', cache_ttl => '1 hour');
SELECT call_id FROM agentcore.call_begin('bot', 'read', '{"url": "http://OK.example/x/.."}') \gset
SELECT agentcore.call_commit(:'call_id', '"answer"');
SELECT v.verdict, v.result FROM agentcore.call_begin('bot', 'read', '{"url": "HTTP://ok.EXAMPLE:80/"}') v;

DROP TABLE given;
