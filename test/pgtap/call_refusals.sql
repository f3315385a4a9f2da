-- What a model sends is refused by a row, never by an ERROR: names that nothing
-- can have, and arguments that are too large, too deep or too hard to judge.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT plan(9);
SELECT agentcore.policy_set('p');
SELECT agentcore.policy_allow_tool('p', '*');
SELECT agentcore.policy_allow('p', 'example.com');
SELECT agentcore.agent_set('a', 'p');
SELECT agentcore.agent_set('looser', 'p', mode => 'audit');
SELECT agentcore.tool_set('open', '{}');
SELECT agentcore.tool_set('fetch', '{"properties": {"url": {"type": "string", "format": "uri"}, "urls": {"items": {"format": "uri"}}}}', url_args => '{/u,/urls/*}', coerce => true);
SELECT agentcore.tool_set('tree', '{"$defs": {"n": {"properties": {"c": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}', coerce => true);
SELECT agentcore.tool_set('wide', '{"properties": {"x": {"uniqueItems": true, "anyOf": [{"items": {"type": "string"}}, {"items": {"type": "integer"}}]}}}', coerce => true);
SELECT agentcore.tool_set('slow', '{"properties": {"s": {"pattern": "^((a|aa)+)+$"}}}', coerce => true);
SELECT agentcore.tool_set('card', '{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}', coerce => true, drop_unknown => true);

CREATE TABLE names AS SELECT unnest(ARRAY['', ' ', 'open', 'fetch', 'tree', 'wide', 'slow', 'card', repeat('n', 255), repeat('n', 256), repeat('n', 100000),
  repeat(E'\u00FC', 128), E'a\nb', E'\u001B[2J', E'\u007F', E'\u202E', '*', 'op*', '''; DROP TABLE x; --', E'\\', '"', '%s%n', U&'\+0E0041']) AS name;
CREATE TABLE texts AS SELECT unnest(ARRAY['', ' ', 'null', '0', '"x"', '[]', '{}', '{', '{"a":}', '{"a": 1e999999}', '{"a": 1e131071}', '{"a": -1e-16000}', '{"a": "\u0000"}',
  '{"\u0000": 1}', '{"a": "\ud800"}', '{"url": "\u0000"}', '{"url": 5}', '{"url": {}}', '{"urls": [[["http://example.com"]]]}', '{"u": "http://example.com/%"}',
  '{"a": 1, "a": 2}', repeat('[', 400) || repeat(']', 400), repeat('[', 5000) || repeat(']', 5000), repeat('{"c":', 400) || '1' || repeat('}', 400), repeat('{"c":', 20000),
  '{"s": "' || repeat('a', 3000) || 'b"}', '{"x": [' || repeat('1,', 50000) || '2]}', '{"x": [' || repeat('"y",', 50000) || '"z"]}',
  '{"' || repeat('k', 100000) || '": 1}', '"' || repeat('y', 5000000) || '"', E'{"a": "\u202E\u2028"}', repeat('9', 200000), '{"a": ' || repeat('9', 1000) || '.5}', E'\uFEFF{}']) AS value;

-- every name with every text, as a string and as jsonb where it is one
CREATE FUNCTION try(agent text, tool text, args_text text, as_jsonb boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  given jsonb;
  v agentcore.call_verdict;
BEGIN
  IF as_jsonb THEN
    BEGIN given := args_text; EXCEPTION WHEN OTHERS THEN RETURN 'no jsonb'; END;
    SELECT * INTO v FROM agentcore.call_begin(agent, tool, given);
  ELSE
    SELECT * INTO v FROM agentcore.call_begin(agent, tool, args_text => try.args_text);
  END IF;
  RETURN v.verdict;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;
SET LOCAL agentcore.max_node_visits = 20000;
SET LOCAL agentcore.max_depth = 450;
CREATE TABLE tried AS SELECT n.name, left(t.value, 40) AS args, a.agent, j.as_jsonb, try(a.agent, n.name, t.value, j.as_jsonb) AS answer
  FROM names n, texts t, (VALUES ('a'), ('looser')) a (agent), (VALUES (true), (false)) j (as_jsonb);
SELECT is_empty($$ SELECT * FROM tried WHERE answer NOT IN ('run', 'deny', 'no jsonb') $$, 'no call ends in an ERROR');
SELECT cmp_ok((SELECT count(*) FROM tried WHERE answer = 'deny'), '>', 500::bigint, 'many are refused');
SELECT cmp_ok((SELECT count(*) FROM tried WHERE answer = 'run'), '>', 50::bigint, 'and some run');

SELECT results_eq($$ SELECT verdict, reason, detail FROM agentcore.call_begin('a', repeat('n', 256)) $$,
                  $$ VALUES ('deny', 'unknown_tool', 'tool has more than 255 bytes') $$, 'a name that is too long');
SELECT results_eq($$ SELECT verdict, reason, detail FROM agentcore.llm_begin('a', '', 1, 1) $$,
                  $$ VALUES ('deny', 'unknown_tool', 'model is empty') $$, 'an empty model');
SELECT results_eq($$ SELECT verdict, reason, enforced FROM agentcore.call_begin('looser', E'a\tb') $$,
                  $$ VALUES ('deny', 'unknown_tool', true) $$, 'audit mode cannot run what has no name');
SELECT results_eq($$ SELECT verdict, reason, detail FROM agentcore.call_begin('a', 'open', jsonb_build_object('x', repeat('y', 5000000))) $$,
                  $$ VALUES ('deny', 'invalid_args', 'the arguments have 5000017 bytes; agentcore.max_args_size is 4096 kB') $$, 'arguments that are too large');
SELECT results_eq($$ SELECT verdict, reason FROM agentcore.call_begin('a', 'wide', jsonb_build_object('x', (SELECT jsonb_agg(i) FROM generate_series(1, 50000) i))) $$,
                  $$ VALUES ('deny', 'invalid_args') $$, 'arguments that take too many steps');
SELECT throws_ok($$ SELECT agentcore.call_begin('a', NULL) $$, '22023', NULL, 'no name at all is the caller''s mistake');
SELECT * FROM finish();
ROLLBACK;
