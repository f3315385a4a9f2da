-- Recorded calls under another configuration: what changes, what does not, and that nothing is written.
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
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
SELECT tool, reason, calls, newly_denied, hits_before, hits_after FROM call_replay_summary(NULL, NULL) WHERE tool = 'send';

-- a span
SELECT count(*) FROM call_replay(NULL, '2020-01-01');
SELECT count(*) FROM call_replay('2020-01-02', '2020-01-01');

-- an agent that is gone
SELECT agent_drop('a');
SELECT DISTINCT after_verdict, after_reason, changed FROM replayed;

DROP VIEW replayed;
