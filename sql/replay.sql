-- Recorded calls under another configuration: what changes, what does not, and that nothing is written.
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
SET agentcore.record = 'args';
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS allows, policy_deny_tool('p', 'never') > 0 AS denies;
SELECT agent_set('a', 'p'), tool_set('look', '{}', cache_ttl => '1 hour', cache_scope => 'tenant', idempotent => true), tool_set('send', '{"type": "object", "required": ["to"]}'), tool_set('never', '{}');

CREATE VIEW replayed AS
SELECT tool, before_verdict, before_reason, after_verdict, after_reason, changed, unknown FROM call_replay(NULL, NULL) ORDER BY id;

-- nothing yet
SELECT * FROM replayed;
SELECT call_commit(call_id, '{"is": 1}') FROM call_begin('a', 'look', '{"n": 1}');
SELECT verdict FROM call_begin('a', 'look', '{"n": 1}');
SELECT verdict, reason FROM call_begin('a', 'send', '{}');
SELECT verdict, reason FROM call_begin('a', 'never', '{}');
SELECT call_commit(call_id, '{}', usd => 0.5) FROM call_begin('a', 'send', '{"to": "x"}', key => 'k');
SELECT verdict FROM call_begin('a', 'send', '{"to": "x"}', key => 'k');

-- the same configuration says the same
SELECT * FROM replayed;

-- a rule that denies, and one that does not any more
SELECT policy_deny_tool('p', 'look') > 0 AS denies, (SELECT policy_rule_drop('p', id) FROM policy_rule WHERE pattern = 'never') AS drops;
SELECT * FROM replayed;
SELECT agent, tool, reason, calls, newly_denied, newly_waiting, newly_allowed, unknown, hits_before, hits_after FROM call_replay_summary(NULL, NULL);

-- the first call of a key is refused: so is its repetition, and nothing is spent
SELECT policy_deny_tool('p', 'send') > 0 AS denies;
SELECT * FROM replayed WHERE tool = 'send';
SELECT tool, reason, calls, newly_denied, hits_before, hits_after, usd_before, usd_after FROM call_replay_summary(NULL, NULL) WHERE tool = 'send';

-- arguments that were not recorded, or not whole: unknown where they count, else judged
SELECT tool_set('digest', '{"type": "object", "required": ["to"]}', record => 'digest'), tool_set('hidden', '{"type": "object", "required": ["to"]}', redact => '{/to}');
SELECT tool_set('shown', '{"type": "object", "required": ["to"]}');
TRUNCATE call_log_entry;
SELECT verdict, reason FROM call_begin('a', 'digest', '{}');
SELECT verdict, reason FROM call_begin('a', 'digest', '{"to": "x"}');
SELECT verdict, reason FROM call_begin('a', 'hidden', '{"to": "x"}');
SELECT verdict, reason FROM call_begin('a', 'hidden', '{"as": "x"}');
SELECT verdict, reason FROM call_begin('a', 'shown', '{"to": "[redacted]"}');
SELECT * FROM replayed;
SELECT policy_deny_tool('p', '*', name => 'x', "when" => '{"/args/to": {"pattern": "^[x[]"}}') > 0 AS denies;
SELECT * FROM replayed;
SELECT policy_deny_tool('p', '*', name => 'x', "when" => '{"/agent": {"const": "a"}}') > 0 AS denies;
SELECT * FROM replayed;
SELECT tool_set('digest', '{"type": "object", "required": ["from"]}');
SELECT * FROM replayed WHERE tool = 'digest';

-- a document, which may be a part of a configuration; the configuration of a time; and not both
SELECT policy_rule_drop('p', id) AS drops FROM policy_rule WHERE name = 'x';
CREATE TABLE moment AS SELECT clock_now() AS at;
SELECT tool, after_verdict, after_reason, changed, unknown FROM call_replay(NULL, NULL) WHERE tool = 'shown';
SELECT tool_set('shown', enabled => false);
SELECT tool, after_verdict, after_reason, changed, unknown FROM call_replay(NULL, NULL) WHERE tool = 'shown';
SELECT r.tool, r.after_verdict, r.after_reason, r.changed, r.unknown FROM moment, call_replay(NULL, NULL, at => moment.at) r WHERE r.tool = 'shown';
SELECT tool, after_verdict, after_reason, changed, unknown FROM call_replay(NULL, NULL, config => '{"tools": [{"name": "shown", "enabled": true, "input_schema": {"type": "object", "required": ["from"]}}]}') WHERE tool = 'shown';
SELECT agent, reason, newly_denied FROM call_replay_summary(NULL, NULL, config => '{"agents": [{"name": "a", "policy": "p", "enabled": false}]}') WHERE newly_denied > 0;
CREATE TABLE resolved AS SELECT config_resolve('{"agents": [{"name": "a", "policy": "p", "enabled": false}]}') AS rows;
SELECT DISTINCT r.after_verdict, r.after_reason FROM resolved, call_replay(NULL, NULL, config => resolved.rows) r;
SELECT count(*) FROM call_replay(NULL, NULL, config => '{}', at => now());
SELECT enabled FROM tools WHERE name = 'shown';

-- what nobody knows of a time: the tool was changed past its history
SELECT DISTINCT r.tool, r.after_verdict, r.unknown
  FROM resolved, call_replay(NULL, NULL, config => jsonb_set(resolved.rows, '{unknown}', '[{"relation": "tool", "key": {"name": "shown"}}]')) r WHERE r.tool IN ('shown', 'digest') ORDER BY 1;
DROP TABLE moment, resolved;

-- a span
SELECT count(*) FROM call_replay(NULL, '2020-01-01');
SELECT count(*) FROM call_replay('2020-01-02', '2020-01-01');

-- an agent that is gone
SELECT agent_drop('a');
SELECT DISTINCT after_verdict, after_reason, changed FROM replayed;

DROP VIEW replayed;
