--
-- call: what a person allows one call is no answer for others, and a request tells where it may
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore;
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS rule, agent_set('a', 'p'), agent_set('b', 'p');
CREATE FUNCTION public.begun(agent text, args jsonb, OUT answer text, OUT call uuid, OUT wants boolean) LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', verdict, reason, args, result, left(detail, 5)), call_id, want_result FROM agentcore.call_begin(agent, 'pay', args) $$;

-- an answer from before the tool needed approval serves nobody afterwards; nor does a failure, nor a stale one
SELECT tool_set('pay', '{"type": "object"}', cache_ttl => '1 h', cache_scope => 'tenant', cache_negative_ttl => '1 h', cache_soft_ttl => '1 min');
SELECT call_commit(call, '{"secret": 1}') FROM public.begun('a', '{"n": 1}');
SELECT action FROM public.begun('a', '{"n": 9}'), call_fail(call, 404);
SELECT answer FROM public.begun('b', '{"n": 1}');
SELECT answer FROM public.begun('b', '{"n": 9}');
SELECT tool_set('pay', needs_approval => true);
SELECT answer FROM public.begun('b', '{"n": 1}');
SELECT answer FROM public.begun('b', '{"n": 9}');
SET agentcore.debug_clock_offset = 120000;
SELECT answer FROM public.begun('b', '{"n": 1}');
RESET agentcore.debug_clock_offset;

-- what is approved answers nobody else, and is not kept for a time without approval
SELECT answer FROM public.begun('a', '{"n": 2}');
SELECT call_approve(id) FROM approvals WHERE agent = 'a';
SELECT answer, wants, call AS c FROM public.begun('a', '{"n": 2}') \gset
SELECT :'answer' AS answer, :'wants' AS wants;
SELECT call_commit(:'c', '{"secret": 2}');
SELECT answer FROM public.begun('a', '{"n": 2}');
SELECT answer FROM public.begun('b', '{"n": 2}');
-- nor is its failure
SELECT call_approve(id) FROM approvals WHERE agent = 'a' AND state = 'pending';
SELECT action FROM public.begun('a', '{"n": 2}'), call_fail(call, 404);
SELECT answer FROM public.begun('a', '{"n": 2}');
-- in audit mode nobody is asked, and all the same nothing comes from the cache or goes there
SELECT agent_set('b', mode => 'audit');
SELECT call_commit(call, '{"secret": 3}'), wants FROM public.begun('b', '{"n": 3}');
SELECT answer FROM public.begun('b', '{"n": 3}');
SELECT agent_set('b', mode => 'enforce'), tool_set('pay', needs_approval => false);
SELECT answer FROM public.begun('b', '{"n": 2}');
SELECT answer FROM public.begun('b', '{"n": 3}');

-- a tenant whose tool needs approval shares no answer of one whose tool does not
SELECT policy_set('p', tenant => 't'), policy_allow_tool('p', '*', tenant => 't') > 0 AS rule, agent_set('a', 'p', tenant => 't');
SELECT tool_set('shared', '{"type": "object"}', cache_ttl => '1 h', cache_scope => 'shared'),
       tool_set('shared', '{"type": "object"}', cache_ttl => '1 h', cache_scope => 'shared', needs_approval => true, tenant => 't');
SELECT call_commit(call_id, '{"secret": 4}') FROM call_begin('a', 'shared');
SELECT verdict FROM call_begin('b', 'shared');
SELECT verdict, reason, result FROM call_begin('a', 'shared', tenant => 't');
SELECT stage, verdict FROM call_explain('a', 'shared', tenant => 't') WHERE stage IN ('cache', 'approval');

-- a key's first answer is the call's own
SELECT tool_set('pay', needs_approval => true);
SELECT verdict FROM call_begin('a', 'pay', '{"n": 5}', key => 'k');
SELECT call_approve(id) FROM approvals WHERE args = '{"n": 5}';
SELECT call_commit(call_id, '{"paid": 5}'), want_result FROM call_begin('a', 'pay', '{"n": 5}', key => 'k');
SELECT verdict, result FROM call_begin('a', 'pay', '{"n": 5}', key => 'k');

-- a worker cannot hide its requests from those who listen, nor keep them from expiring
CREATE ROLE regress_agentcore_worker;
SET ROLE regress_agentcore_worker;
SET agentcore.approval_notify = on;
SET agentcore.approval_decide_within = '1 s';
RESET ROLE;
DROP ROLE regress_agentcore_worker;
