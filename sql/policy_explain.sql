-- What the rules of a policy say of a call: call_explain(), tool_check(), tools_for(), and what the log keeps.
\pset format unaligned
\pset tuples_only on
SELECT agentcore.policy_set('shop'), agentcore.agent_set('seller', 'shop'),
       agentcore.tool_set('refund', '{"type": "object", "properties": {"amount": {"type": "number"}, "order_id": {"type": "string"}, "note": {"type": "string"}}}', cache_ttl => '1 hour', idempotent => true),
       agentcore.tool_set('look', '{"type": "object"}', cache_ttl => '1 hour');
SELECT agentcore.policy_allow_tool('shop', 'look') > 0, agentcore.policy_allow_tool('shop', 'refund', name => 'small', "when" => '{"/args/amount": {"minimum": 0.01, "maximum": 500}}') > 0,
       agentcore.policy_deny_tool('shop', 'ref*', name => 'no-fraud', "when" => '{"/args/order_id": {"pattern": "^F"}}') > 0,
       agentcore.policy_deny_tool('shop', 'refund', name => 'later', audit => true, "when" => '{"/clock/weekday": {"minimum": 1}, "/subject": {"const": "eve"}}') > 0,
       agentcore.policy_ask_tool('shop', 'refund', name => 'dear', "when" => '{"/args/amount": {"exclusiveMinimum": 100}}') > 0;
CREATE SCHEMA shop;
CREATE FUNCTION shop.known(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT CASE WHEN context #>> '{args,order_id}' = 'X' THEN (1 / (length(context #>> '{args,order_id}') - 1))::text WHEN context #>> '{args,order_id}' IS DISTINCT FROM 'A' THEN 'There is no such order.' END $$;
REVOKE EXECUTE ON FUNCTION shop.known(jsonb) FROM PUBLIC;
SELECT agentcore.policy_check_set('shop', 'refund', 'known-order', 'shop.known');
-- every rule and check, with what it says and the pointer; of a tool that no rule looks at, nothing more than before
SELECT stage, verdict, reason, rule, pointer FROM agentcore.call_explain('seller', 'refund', '{"amount": 600, "order_id": "A"}', subject => 'bob') WHERE stage LIKE 'rule%';
SELECT verdict, reason, rule, pointer FROM agentcore.call_explain('seller', 'refund', '{"amount": 20, "order_id": "F1"}', subject => 'eve') WHERE stage = 'rule';
SELECT verdict, reason, rule, pointer FROM agentcore.call_explain('seller', 'refund', '{"order_id": "X"}') WHERE stage = 'rule';
SELECT stage, verdict, reason FROM agentcore.call_explain('seller', 'refund', '{"amount": 600, "order_id": "A"}') WHERE verdict <> 'pass' AND stage <> 'rule';
SELECT count(*) FROM agentcore.call_explain('seller', 'look', '{}') WHERE stage = 'rule';
-- the rules of '*' stand behind the agent's
SELECT agentcore.policy_set('*'), agentcore.policy_deny_tool('*', 'refund', name => 'freeze', "when" => '{"/clock/hour": {"maximum": 23}}') > 0;
SELECT verdict, reason, rule, detail FROM agentcore.call_explain('seller', 'refund', '{"amount": 20, "order_id": "A"}') WHERE rule IN ('freeze', 'small');
SELECT agentcore.policy_drop('*');
-- a call that a rule has people decide is neither answered from the cache nor stored there, and does not run unheard
SELECT verdict, reason, regexp_replace(detail, '[0-9a-f]+-[-0-9a-f]+', 'ID') FROM agentcore.call_begin('seller', 'refund', '{"amount": 150, "order_id": "A"}');
SET client_min_messages = error;
SELECT agentcore.call_commit(call_id, '{"paid": 50}'), verdict FROM agentcore.call_begin('seller', 'refund', '{"amount": 50, "order_id": "A"}');
RESET client_min_messages;
SELECT verdict, result FROM agentcore.call_begin('seller', 'refund', '{"amount": 50, "order_id": "A"}');
SELECT agentcore.policy_ask_tool('shop', 'refund', name => 'dear', "when" => '{"/args/amount": {"exclusiveMinimum": 40}}') > 0;
SELECT verdict, reason, result FROM agentcore.call_begin('seller', 'refund', '{"amount": 50, "order_id": "A"}');
-- by its name alone the tool is not allowed; models are offered it
SELECT * FROM agentcore.tool_check('shop', 'refund');
SELECT allowed, detail FROM agentcore.tool_check('shop', 'look');
SELECT allowed, detail FROM agentcore.tool_check('shop', 'other');
SELECT agentcore.policy_set('shop', mode => 'audit'), (SELECT allowed FROM agentcore.tool_check('shop', 'refund')), agentcore.policy_set('shop', mode => 'off'), (SELECT allowed FROM agentcore.tool_check('shop', 'refund')), agentcore.policy_set('shop', mode => 'enforce');
SELECT tool ->> 'name' FROM jsonb_array_elements(agentcore.tools_for('seller', 'mcp')) t (tool) ORDER BY 1;
-- a tool that '*' denies is not offered
SELECT agentcore.policy_set('*'), agentcore.policy_deny_tool('*', 'look') > 0;
SELECT tool ->> 'name' FROM jsonb_array_elements(agentcore.tools_for('seller', 'mcp')) t (tool) ORDER BY 1;
SELECT agentcore.policy_drop('*');

-- the log keeps the arguments that log_args names and no others, and nothing without it
SELECT agentcore.tool_set('mail', '{"type": "object"}', log_args => '{/to/*/address,/args/amount,/a~1b,/a~01,/list/1,/deep}', traits => '{egress}'), agentcore.policy_allow_tool('shop', 'mail') > 0;
SET agentcore.audit = 'all';
SELECT verdict FROM agentcore.call_begin('seller', 'mail', '{"to": [{"address": "x", "name": "hidden"}, {"address": "y"}, "hidden"], "amount": 5, "password": "hidden", "a/b": 1, "a~1": 2, "list": ["hidden", 8, "hidden"], "deep": {"er": [1, {}]}}', task => 't', subject => 's', est_usd => 0.5, est_tokens => 7);
SELECT verdict FROM agentcore.call_begin('seller', 'mail', '{"to": "hidden", "list": {"1": 1, "2": "hidden"}, "deep": null, "/": "hidden"}');
SELECT verdict FROM agentcore.call_begin('seller', 'mail', args_text => 'hidden');
SELECT verdict FROM agentcore.call_begin('seller', 'look', '{"to": "hidden"}');
SELECT tool, context - 'clock' FROM agentcore.call_log WHERE event = 'begin';
SELECT c.key, jsonb_typeof(c.value) FROM agentcore.call_log l, jsonb_each(context -> 'clock') c WHERE l.task = 't' ORDER BY 1;
-- those who may not see arguments see none
CREATE ROLE regress_reader; GRANT USAGE ON SCHEMA agentcore TO regress_reader;
SELECT agentcore.access_grant('regress_reader', 'reader');
SET ROLE regress_reader;
SELECT count(*), count(context) FROM agentcore.call_log;
RESET ROLE;
RESET agentcore.audit;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
DROP FUNCTION shop.known(jsonb);
DROP SCHEMA shop;
