-- call_explain() changes nothing: a permit whose lease has ended stays as it is, and
-- no approval is asked for.  call_begin() then does both.
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*') > 0 AS rule, agentcore.budget_set('b', max_tokens => 1000), agentcore.agent_set('a', 'p', 'b'),
       agentcore.tool_set('again', '{"type": "object"}', idempotent => true, est_tokens => 10),
       agentcore.tool_set('once', '{"type": "object"}', est_tokens => 10),
       agentcore.tool_set('asked', '{"type": "object"}', needs_approval => true);
SELECT verdict FROM agentcore.call_begin('a', 'again', '{}', key => 'k1', lease => '1 min');
SELECT verdict FROM agentcore.call_begin('a', 'once', '{}', key => 'k2', lease => '1 min');
SET agentcore.debug_clock_offset = 120000;
CREATE VIEW public.seen AS
  SELECT (SELECT string_agg(key || ' ' || state::text, ', ' ORDER BY key) FROM agentcore.permit) AS permits, (SELECT count(*) FROM agentcore.approval) AS approvals,
         (SELECT held_tokens FROM agentcore.budget_status WHERE budget = 'b') AS held;
TABLE public.seen;
SELECT 'again' AS tool, stage, verdict, reason FROM agentcore.call_explain('a', 'again', '{}', key => 'k1') WHERE verdict <> 'pass';
SELECT 'once' AS tool, stage, verdict, reason FROM agentcore.call_explain('a', 'once', '{}', key => 'k2') WHERE verdict <> 'pass';
SELECT 'asked' AS tool, stage, verdict, reason FROM agentcore.call_explain('a', 'asked', '{}') WHERE verdict <> 'pass';
TABLE public.seen;
SELECT verdict, reason FROM agentcore.call_begin('a', 'again', '{}', key => 'k1');
SELECT verdict, reason FROM agentcore.call_begin('a', 'once', '{}', key => 'k2');
SELECT verdict, reason FROM agentcore.call_begin('a', 'asked', '{}');
TABLE public.seen;
DROP VIEW public.seen;
