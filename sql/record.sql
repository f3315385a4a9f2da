-- The log of calls: what stands in it, by whom it is read.
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
SELECT policy_set('p'), policy_allow_tool('p', 't*') > 0 AS allows, policy_deny_tool('p', 'tx') > 0 AS denies;
SELECT policy_allow_tool('p', 'u', name => 'few', "when" => '{"/args/n": {"maximum": 5}}') > 0 AS allows;
SELECT policy_ask_tool('p', 'u', name => 'five', "when" => '{"/args/n": {"const": 5}}') > 0 AS asks;
SELECT budget_set('b', max_calls => 100), budget_set('c', max_calls => 10), budget_set('full', max_calls => 0);
SELECT agent_set('a', 'p', 'b', charges => '{c,full}'), tool_set('t', '{"type": "object", "required": ["n"]}', est_tokens => 7, est_usd => 0.25), tool_set('tx', '{}'), tool_set('u', '{}'), tool_set('off', '{}', enabled => false);
SELECT model_price_set('m', 0.001, 0.002), model_price_set('m', 0.002, 0.004, above_tokens => 15);

CREATE VIEW entry AS
SELECT l.event, l.tool, l.is_llm, l.verdict, l.reason, l.stage, l.attempt, l.policy, l.tokens, l.usd, l.budgets,
       l.policy_revision = (SELECT revision FROM policies WHERE name = 'p') AS by_policy,
       l.tool_revision = (SELECT revision FROM tools WHERE name = l.tool) AS by_tool,
       l.price_revision = (SELECT max(revision) FROM model_price WHERE above_tokens = 15) AS by_price,
       (SELECT coalesce(r.name, r.pattern) FROM policy_rule r WHERE r.id = l.rule) AS rule, l.approval IS NOT NULL AS approval, l.retry_after_ms IS NOT NULL AS waits
  FROM call_log l ORDER BY l.id;

-- a rule by the tool's name, one by its arguments, none, and one that asks
SELECT verdict, reason FROM call_begin('a', 't', '{"n": 1}', budgets => '{c}');
SELECT verdict, reason FROM call_begin('a', 'tx', '{}');
SELECT verdict, reason FROM call_begin('a', 'u', '{"n": 4}');
SELECT verdict, reason FROM call_begin('a', 'u', '{"n": 6}');
SELECT verdict, reason FROM call_begin('a', 'u', '{"n": 5}');
SELECT verdict, reason FROM call_begin('a', 'v', '{}');
SELECT verdict, reason FROM call_begin('a', 'off', '{}');
SELECT verdict, reason FROM call_begin('a', 't', '{}');
SELECT verdict, reason FROM call_begin('a', 't', '{"n": 1}', budgets => '{full}');
SELECT verdict, reason FROM llm_begin('a', 'm', 20, 10);
SELECT call_commit(call_id, '{}', tokens => 5) FROM call_begin('a', 't', '{"n": 2}', key => 'k');
SELECT verdict FROM call_begin('a', 't', '{"n": 2}', key => 'k');
SELECT action FROM call_begin('a', 't', '{"n": 3}', key => 'f') b, call_fail(b.call_id, 503);
SELECT reason, verdict FROM call_begin_many('a', '[{"id": "x", "type": "function", "function": {"name": "t", "arguments": "{\"n\": 9}"}}, 7]');
SELECT * FROM entry;

-- the trace that a call is a part of, where it is one
TRUNCATE call_log_entry;
SELECT verdict FROM call_begin('a', 't', '{"n": 3}', trace => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
SELECT verdict FROM call_begin('a', 't', '{"n": 3}', trace => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-and');
SELECT count(*) FROM unnest(ARRAY['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g', upper('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'), '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', '', repeat('0', 10000000), '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01ä', NULL]) AS trace, call_begin('a', 't', '{"n": 3}', trace => trace);
SELECT verdict FROM llm_begin('a', 'm', 1, 1, trace => '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what comes later');
SELECT verdict FROM call_begin_many('a', '[{"id": "y", "type": "function", "function": {"name": "t", "arguments": "{\"n\": 9}"}}, 7]', trace => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
SELECT tool, trace, count(*) FROM call_log GROUP BY 1, 2 ORDER BY 1, 2;

-- a policy that only looks says what it would have said, and by which rule
SELECT policy_set('p', mode => 'audit');
TRUNCATE call_log_entry;
SELECT verdict, reason, enforced FROM call_begin('a', 'tx', '{}');
SELECT verdict, reason, enforced FROM call_begin('a', 'u', '{"n": 6}');
SELECT event, verdict, reason, stage, rule, by_policy FROM entry;

-- each row is counted
SELECT count(*) = count(DISTINCT id) AS once FROM call_log;

-- an audit of refusals only
SET agentcore.audit = 'denied';
TRUNCATE call_log_entry;
SELECT policy_set('p', mode => 'enforce');
SELECT verdict FROM call_begin('a', 't', '{"n": 3}');
SELECT verdict FROM call_begin('a', 'tx', '{"n": 3}');
SELECT event, tool, verdict FROM call_log;

DROP VIEW entry;
