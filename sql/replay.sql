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

-- a span
SELECT count(*) FROM call_replay(NULL, '2020-01-01');
SELECT count(*) FROM call_replay('2020-01-02', '2020-01-01');

-- an agent that is gone
SELECT agent_drop('a');
SELECT DISTINCT after_verdict, after_reason, changed FROM replayed;

DROP VIEW replayed;
