-- policy_lint(), what is refused or told when a rule is written, and feedback that names what would be allowed.
SET client_min_messages = warning;
SET search_path = agentcore, public;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SELECT count(tool_set(n, s::jsonb)) FROM (VALUES
  ('refund', '{"type": "object", "properties": {"order_id": {"type": "string"}, "amount": {"type": "number"}, "reason": {"type": "string"}, "notify": {"type": "boolean"}}, "additionalProperties": false}'),
  ('db/write', '{"type": "object", "properties": {"env": {"type": "string"}, "sql": {"type": "string"}, "size": {"enum": ["s", "m"]}}, "additionalProperties": false}'),
  ('db/read', '{"type": "object", "properties": {"env": {"type": "integer"}}, "additionalProperties": false}'),
  ('mail/send', '{"type": "object", "$defs": {"one": {"type": "object", "properties": {"address": {"type": "string"}, "name": {"type": ["string", "null"]}}, "additionalProperties": false}}, "properties": {"to": {"type": "array", "items": {"$ref": "#/$defs/one"}}, "range": {"type": "array", "prefixItems": [{"type": "integer"}], "items": false}}, "additionalProperties": false}'),
  ('open', '{"type": "object"}'),
  ('choice', '{"type": "object", "properties": {"a": {}}, "anyOf": [{"properties": {"a": {"type": "string"}}, "additionalProperties": false}, {"properties": {"b": {"type": "number"}}, "additionalProperties": false}]}'),
  ('tree', '{"$defs": {"node": {"type": "object", "properties": {"left": {"$ref": "#/$defs/node"}, "n": {"type": "number"}}, "additionalProperties": false}}, "$ref": "#/$defs/node"}'),
  ('all', '{"allOf": [{"type": "object", "properties": {"n": {"type": "number"}}}, {"properties": {"n": {"type": "integer"}}, "additionalProperties": false}]}')) t (n, s);
SELECT policy_set('p');

-- refused when written: a member that no tool of the rule can have
SELECT t, w, pg_temp.refused(format('SELECT agentcore.policy_allow_tool(%L, %L, name => %L, "when" => %L)', 'p', t, 'r', w)) FROM (VALUES
  ('refund', '{"/args/amuont": {"maximum": 5}}'), ('refund', '{"/args/amount": {"maximum": 5}}'), ('refund', '{"/args/amount/x": {"maximum": 5}}'), ('refund', '{"/args/bcc/*?": {"pattern": "^a$"}}'),
  ('refund', '{"/args/order_id": {"type": "string", "equals": "/args/orderid"}}'), ('refund', '{"/args/order_id": {"in": "/args/reasons"}}'), ('refund', '{"/subject": {"in": "/labels"}, "/args": {"type": "object"}}'), ('re*', '{"/args/amuont": {"maximum": 5}}'), ('*', '{"/args/amuont": {"maximum": 5}}'), ('none', '{"/args/amuont": {"maximum": 5}}'), ('open', '{"/args/any/thing/*": {"maximum": 5}}'),
  ('mail/send', '{"/args/to/*/adress": {"pattern": "^a$"}}'), ('mail/send', '{"/args/to/*/address": {"pattern": "^a$"}}'), ('mail/send', '{"/args/to/address": {"pattern": "^a$"}}'), ('mail/send', '{"/args/to/0/address": {"pattern": "^a$"}}'), ('mail/send', '{"/args/range/0": {"maximum": 1}}'), ('mail/send', '{"/args/range/1": {"maximum": 1}}'), ('mail/send', '{"/args/range/*": {"maximum": 1}}'),
  ('choice', '{"/args/b": {"maximum": 1}}'), ('choice', '{"/args/c": {"maximum": 1}}'), ('tree', '{"/args/left/left/n": {"maximum": 1}}'), ('tree', '{"/args/left/lft/n": {"maximum": 1}}'), ('all', '{"/args/n": {"maximum": 1}}'), ('all', '{"/args/m": {"maximum": 1}}'), ('db/*', '{"/args/sql": {"pattern": "^a$"}}'), ('db/*', '{"/args/sq": {"pattern": "^a$"}}')) v (t, w);
SELECT pg_temp.refused($$SELECT agentcore.policy_deny_tool('p', 'refund', name => 'r', "when" => '{"/args/amuont": {"minimum": 5}}')$$), pg_temp.refused($$SELECT agentcore.policy_ask_tool('p', 'refund', name => 'r', "when" => '{"/args/~1": {"minimum": 5}}')$$);
SELECT policy_rule_drop('p', rule) FROM policy_rules WHERE policy = 'p';

-- told when written
SET client_min_messages = notice;
SELECT policy_deny_tool('p', 'db/*', name => 'no-prod', "when" => '{"/args/env": {"enum": ["prod"]}}') IS NOT NULL;
SELECT policy_allow_tool('p', 'refund', name => 'small', "when" => '{"/args/amount": {"maximum": 500}}') IS NOT NULL;
SELECT policy_allow_tool('p', 'refund', name => 'whole', "when" => '{"/args/amount": {"const": 5}, "/args/order_id": {"equals": "/subject"}, "/args/reason": {"const": "x"}}') IS NOT NULL;
SELECT policy_allow_tool('p', 'mail/*') IS NOT NULL, policy_allow_tool('p', 'mail/send', name => 'idle', "when" => '{"/args/to/*/address": {"pattern": "^a$"}}') IS NOT NULL;
SELECT policy_allow_tool('p', '*', name => 'many', "when" => '{"/args/env": {"type": "boolean"}}') IS NOT NULL;
SET client_min_messages = warning;

-- the whole policy: policies.sql 10, and one of each kind
CREATE SCHEMA shop;
CREATE FUNCTION shop.gone(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT NULL::text';
CREATE FUNCTION shop.loose(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT NULL::text';
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA shop FROM PUBLIC;
SELECT policy_rule_drop('p', rule) FROM policy_rules WHERE policy = 'p' AND name = 'many';
SELECT policy_allow_tool('p', 'refnud') IS NOT NULL, policy_deny_tool('p', 'rm*') IS NOT NULL, policy_check_set('p', 'refund', 'gone', 'shop.gone'), policy_check_set('p', 'refunds', 'loose', 'shop.loose'), policy_fact('p', 'test', 'passed'),
  policy_allow_tool('p', 'open', name => 'facts', "when" => '{"/facts/passd": {"contains": {"const": true}}, "/args/commit": {"type": "string", "in": "/facts/passed"}}') IS NOT NULL,
  policy_ask_tool('p', 'db/write', name => 'sizes', "when" => '{"/args/size": {"const": "m"}}') IS NOT NULL, policy_ask_tool('p', 'db/write', name => 'not-dev', "when" => '{"/args/env": {"not": {"enum": ["dev"]}}}') IS NOT NULL,
  policy_allow_tool('p', 'mail/send', name => 'clean', "when" => '{"/labels": {"not": {"contains": {"const": "untrusted"}}}}') IS NOT NULL;
DROP FUNCTION shop.gone;
ALTER FUNCTION shop.loose SECURITY INVOKER;
SELECT * FROM policy_lint('p');
-- a limit of the sum
SELECT policy_limit_tool('p', 'ref*', 'sum', sum_of => '/args/amount', max_sum => 1000);
SELECT rule, tool, problem FROM policy_lint('p') WHERE rule IN ('small', 'sum');
-- another limit adds up what a rule bounds: nothing is told when the rule is written
SELECT policy_limit_tool('p', 'mail/*', 'calls', max_calls => 5), policy_fact_clear('p', 'tset', 'passed');
SET client_min_messages = notice;
SELECT policy_allow_tool('p', 'refund', name => 'small', "when" => '{"/args/amount": {"maximum": 400}, "/args/order_id": {"const": "x"}, "/args/reason": {"const": "x"}}') IS NOT NULL;
SET client_min_messages = warning;
-- a limit whose maximum comes from a function that is gone, for a tool that is none
CREATE FUNCTION shop.most(context jsonb) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 5';
REVOKE EXECUTE ON FUNCTION shop.most FROM PUBLIC;
SELECT policy_limit_tool('p', 'refud', 'most', sum_of => '/args/amount', max_by => 'shop.most');
DROP FUNCTION shop.most;
SELECT * FROM policy_lint('p') WHERE rule IN ('most', 'calls', 'passed');
-- a tool that changes: the rule stays, and is always unknown
SELECT tool_set('refund', '{"type": "object", "properties": {"sum": {"type": "string"}, "order_id": {"type": "string"}, "reason": {"type": "integer"}}, "additionalProperties": false}');
SELECT rule, tool, problem FROM policy_lint('p') WHERE tool = 'refund';
-- policy '*', tenant '*', others
SELECT policy_set('*', tenant => '*'), policy_deny_tool('*', 'deploy', name => 'x', "when" => '{"/args/env": {"const": "prod"}}', tenant => '*') IS NOT NULL;
SELECT rule, tool, problem FROM policy_lint('*', '*');
SELECT policy_drop('*', '*'), pg_temp.refused($$SELECT agentcore.policy_lint('q')$$), pg_temp.refused($$SELECT agentcore.policy_lint(NULL)$$);
CREATE ROLE regress_lint; SET ROLE regress_lint;
SELECT pg_temp.refused($$SELECT agentcore.policy_lint('p')$$);
RESET ROLE; DROP ROLE regress_lint;
-- a document brings the tools that its rules are about
SELECT kind, name, action FROM config_apply('{"policies": [{"name": "new", "allow_tools": [{"tool": "late", "name": "n", "when": {"/args/b": {"maximum": 1}}}]}], "tools": [{"name": "late", "input_schema": {"type": "object", "properties": {"b": {"type": "number"}}, "additionalProperties": false}}]}', tenant => 'docs');
SELECT kind, name, action FROM config_apply('{"policies": [{"name": "new", "allow_tools": [{"tool": "late", "name": "n", "when": {"/args/c": {"maximum": 1}}}]}], "tools": [{"name": "late", "input_schema": {"type": "object", "properties": {"c": {"type": "number"}}, "additionalProperties": false}}]}', tenant => 'docs');

-- conditions and values of facts are held against the tools as rules are
SELECT tool_set('tests/run', '{"type": "object", "properties": {"commit": {"type": "string"}, "names": {"type": "array", "items": {"type": "string"}}}, "additionalProperties": false}'), tool_set('tests/all', '{"type": "object", "additionalProperties": false}'), policy_set('facts');
SELECT t, v, w, pg_temp.refused(format('SELECT agentcore.policy_fact(%L, %L, %L, value => %L, "when" => %L)', 'facts', t, 'f', v, w)) FROM (VALUES ('tests/run', '/args/commit', '{"/args/commit": {"pattern": "^a$"}, "/result/anything": {"const": 1}}'), ('tests/run', '/args/comit', NULL), ('tests/run', NULL, '{"/args/comit": {"const": "a"}}'), ('tests/run', NULL, '{"/result/commit": {"equals": "/args/comit"}}'), ('tests/run', '/args/names/0/x', NULL),
  ('tests/*', '/args/comit', NULL), ('tests/*', '/args/commit', NULL), ('none', '/args/comit', NULL), ('tests/all', '/args/commit', NULL), ('open', '/args/any', NULL), ('tests/run', '/result/any', NULL)) v (t, v, w);
SET client_min_messages = notice;
SELECT policy_fact('facts', 'tests/*', 'passed', value => '/args/commit', "when" => '{"/args/commit": {"minLength": 7}, "/facts/gone": {"contains": {"const": 1}}}'), policy_fact('facts', 'tests/run', 'typed', "when" => '{"/args/names": {"const": "x"}}'), policy_fact_clear('facts', 'open', 'passed');
SET client_min_messages = warning;
SELECT * FROM policy_lint('facts');
SELECT tool_set('tests/run', '{"type": "object", "properties": {"sha": {"type": "string"}}, "additionalProperties": false}');
SELECT rule, tool, problem, hint FROM policy_lint('facts') WHERE tool = 'tests/run';

-- and so is what limits count by and add up
SELECT tool_set('pay/out', '{"type": "object", "properties": {"amount": {"type": "number"}, "payee": {"type": "string"}, "tags": {"type": "array"}, "text": {"type": "string"}}, "additionalProperties": false}'), policy_set('limits');
SELECT t, p, s, pg_temp.refused(format('SELECT agentcore.policy_limit_tool(%L, %L, name => %L, per => %L, max_calls => 9, sum_of => %L, max_sum => %L)', 'limits', t, 'l', p, s, CASE WHEN s IS NOT NULL THEN 5 END)) FROM (VALUES ('pay/out', '{/args/payee}', '/args/amount'), ('pay/out', '{/args/paye}', NULL), ('pay/out', '{/task}', '/args/amont'),
  ('pay/*', '{/subject,/args/amnt}', NULL), ('none', '{/args/paye}', '/args/x'), ('open', '{/args/paye}', '/args/x'), ('pay/out', '{}', '/est_usd')) v (t, p, s);
SET client_min_messages = notice;
SELECT policy_limit_tool('limits', 'pay/out', name => 'text', per => '{}', sum_of => '/args/text', max_sum => 1), policy_limit_tool('limits', 'pay/out', name => 'list', per => '{/args/tags}', max_calls => 1), policy_limit_tool('limits', 'pay/out', name => 'labels', per => '{/labels}', max_calls => 1), policy_limit_tool('limits', 'pay/out', name => 'ok', per => '{/args/payee,/clock/hour}', sum_of => '/args/amount', max_sum => 1),
  policy_limit_tool('limits', '*', name => 'hour', per => '{}', sum_of => '/subject', max_sum => 1);
-- what stands in the context beside the arguments has its type too
SELECT policy_allow_tool('limits', 'pay/out', name => 'label', "when" => '{"/args": {"type": "object"}, "/labels": {"const": "clean"}}') > 0, policy_allow_tool('limits', 'pay/out', name => 'fact', "when" => '{"/args": {"type": "object"}, "/facts/passed": {"const": true}}') > 0, policy_deny_tool('limits', 'pay/out', name => 'clock', "when" => '{"/clock/weekday": {"const": "Sunday"}}') > 0,
  policy_deny_tool('limits', 'pay/out', name => 'usd', "when" => '{"/est_usd?": {"const": "5"}}') > 0, policy_deny_tool('limits', 'pay/out', name => 'agent', "when" => '{"/agent": {"minimum": 5}}') > 0,
  policy_deny_tool('limits', 'pay/out', name => 'fine', "when" => '{"/labels/*?": {"const": "x"}, "/facts/passed/*?": {"const": 1}, "/facts/passed?": {"contains": {"const": 1}}, "/clock/hour": {"minimum": 5}, "/subject": {"const": "b"}, "/est_tokens?": {"minimum": 5}, "/traits": {"contains": {"const": "t"}}}') > 0;
SET client_min_messages = warning;
SELECT rule, tool, problem, hint FROM policy_lint('limits') WHERE problem LIKE '%unknown%';
SELECT tool_set('pay/out', '{"type": "object", "properties": {"sum": {"type": "number"}}, "additionalProperties": false}');
SELECT rule, tool, problem, hint FROM policy_lint('limits') WHERE rule IN ('ok', 'l') AND problem LIKE '%unknown%';
-- what stands so already stays, though the tool does not have it any more: a document that was exported can be applied
CREATE ROLE regress_lint;
SELECT policy_ask_tool('limits', 'pay/out', name => 'who', approvers => 'regress_lint') > 0;
DROP ROLE regress_lint;
SELECT kind, name, action FROM config_apply((SELECT jsonb_build_object('policies', d -> 'policies') FROM config_export() d)) WHERE action <> 'unchanged';
SELECT pg_temp.refused($$SELECT agentcore.policy_limit_tool('limits', 'pay/out', name => 'ok', per => '{/args/payee,/clock/hour}', sum_of => '/args/amount', max_sum => 2)$$), pg_temp.refused($$SELECT agentcore.policy_ask_tool('limits', 'pay/out', name => 'who', approvers => 'regress_lint', votes => 2)$$),
  pg_temp.refused($$SELECT agentcore.policy_ask_tool('limits', 'pay/out', name => 'who', approvers => 'regress_lint', bind => '{/sum}')$$);

-- an allow by something else than arguments says nothing of them; a plain allow makes those beside it idle
SELECT policy_set('loose'), policy_allow_tool('loose', 'refund', name => 'mine', "when" => '{"/subject": {"const": "a"}}') > 0, policy_allow_tool('loose', 'open', name => 'any', "when" => '{"/labels": {"maxItems": 0}}') > 0, policy_allow_tool('loose', 'tests/all', name => 'none', "when" => '{"/labels": {"maxItems": 0}}') > 0,
  policy_allow_tool('loose', 'tree', name => 'whole', "when" => '{"/args": {"type": "object"}}') > 0, policy_deny_tool('loose', 'refund', name => 'not', "when" => '{"/subject": {"const": "b"}}') > 0;
SELECT rule, tool, problem, hint FROM policy_lint('loose');
SET client_min_messages = notice;
SELECT policy_allow_tool('loose', 'refund', valid => '[,2099-01-01)') > 0, policy_deny_tool('loose', 'refund') > 0, policy_allow_tool('loose', 'ref') > 0;
SELECT policy_allow_tool('loose', 'refund') > 0;
SELECT policy_allow_tool('loose', '*', name => 'all') > 0;
SET client_min_messages = warning;
SELECT rule, problem FROM policy_lint('loose') WHERE problem LIKE '%idle%';

-- feedback names what would be allowed: values and ranges of arguments, never what the call has or what others are
SELECT tool_set('f', '{"type": "object"}'), policy_set('f'), agent_set('f', policy => 'f');
CREATE FUNCTION pg_temp.told(rule text, args jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE f text;
BEGIN
  PERFORM agentcore.policy_rule_drop('f', r.rule) FROM agentcore.policy_rules r WHERE r.policy = 'f';
  EXECUTE rule;
  SELECT feedback INTO f FROM agentcore.call_begin('f', 'f', args, subject => 'secret-subject');
  RETURN f;
END $$;
SELECT w, pg_temp.told(format('SELECT agentcore.policy_allow_tool(%L, %L, name => %L, "when" => %L)', 'f', 'f', 'r', w), '{"a": "secret", "n": 900, "l": ["secret"]}') FROM unnest(ARRAY[
  '{"/args/a": {"enum": ["x", "y"]}}', '{"/args/a": {"const": "x"}}', '{"/args/n": {"minimum": 0.01, "maximum": 500}}', '{"/args/n": {"exclusiveMinimum": 0, "exclusiveMaximum": 5}}', '{"/args/n": {"multipleOf": 7}}', '{"/args/a": {"pattern": "^x$"}}', '{"/args/l/*": {"enum": ["x", 5, true]}}', '{"/args/o?": {"const": 1}, "/args/a": {"const": 1}}',
  '{"/subject": {"enum": ["other-subject"]}}', '{"/agent": {"const": "other-agent"}}', '{"/args/a": {"type": "string", "equals": "/subject"}}', '{"/args/a": {"enum": ["1", "2", "3", "4", "5", "6", "7", "8", "9"]}}', '{"/args/gone": {"enum": ["x"]}}', '{"/args/a": {"not": {"enum": ["secret"]}}}', '{"/est_usd": {"maximum": 0.5}}']) w;
SELECT w, pg_temp.told(format('SELECT agentcore.policy_allow_tool(%L, %L), agentcore.policy_deny_tool(%1$L, %2$L, name => %3$L, "when" => %4$L)', 'f', 'f', 'r', w), '{"a": "secret", "n": 900}') FROM unnest(ARRAY[
  '{"/args/a": {"enum": ["secret", "hidden"]}}', '{"/args/a": {"not": {"enum": ["x", "y"]}}}', '{"/args/n": {"not": {"minimum": 6, "maximum": 21}}}', '{"/args/n": {"minimum": 5}}']) w;
