--
-- approval: what is approved is what runs; corrected arguments; grants
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore;
CREATE ROLE regress_agc_ann LOGIN;
CREATE ROLE regress_agc_bob LOGIN;
CREATE ROLE regress_agc_worker LOGIN;
SELECT access_grant('regress_agc_ann', 'approver'), access_grant('regress_agc_bob', 'approver'), access_grant('regress_agc_worker', 'agent');
SELECT policy_set('p'), budget_set('purse', max_usd => 100), agent_set('a', 'p', 'purse');
SELECT tool_set('pay', '{"type": "object", "properties": {"amount": {"type": "number", "maximum": 9000}, "payee": {"type": "string"}, "text": {"type": "string"}, "to": {"type": "object", "properties": {"iban": {"type": "string"}}, "required": ["iban"]}},
                        "required": ["amount", "payee", "to"], "additionalProperties": false}', coerce => true);
CREATE FUNCTION public.said(v call_verdict) RETURNS text LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', v.verdict, v.reason, v.args, regexp_replace(v.detail, '[0-9a-f]+-[-0-9a-f]+', 'ID'), v.feedback) $$;
CREATE FUNCTION public.pay(amount text, text text DEFAULT NULL, iban text DEFAULT 'I', payee text DEFAULT 'x', usd numeric DEFAULT 1, key text DEFAULT NULL, task text DEFAULT NULL,
                           OUT said text, OUT approval uuid, OUT call_id uuid) LANGUAGE sql AS
  $$ SELECT public.said(v), v.approval, v.call_id FROM agentcore.call_begin('a', 'pay',
            jsonb_strip_nulls(jsonb_build_object('amount', amount, 'payee', payee, 'text', text, 'to', jsonb_build_object('iban', iban))), est_usd => usd, key => pay.key, task => pay.task) v $$;
CREATE FUNCTION public.vote(id uuid, args jsonb DEFAULT NULL, approve boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  message text;
  detail text;
BEGIN
  RETURN agentcore.call_approve(id, approve, args => args);
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' | ', SQLSTATE, regexp_replace(message, '[0-9a-f]+-[-0-9a-f]+', 'ID'), detail);
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;

-- bind: the arguments that make it the same call; each is required by the tool's schema
SELECT policy_ask_tool('p', 'pay', name => 'b', bind => '{/args/text}');
SELECT policy_ask_tool('p', 'pay', name => 'b', bind => '{/args/amount,/args/nothing}');
SELECT policy_ask_tool('p', 'pay', name => 'b', bind => '{/args/amount,/args/payee,/args/to/iban}') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.pay('10', 'Dear Ann') \gset
SELECT approval = :'ap' AS same FROM public.pay('10', 'Hello Ann');
SELECT approval = :'ap' AS same FROM public.pay('10');
SELECT approval = :'ap' AS same FROM public.pay('11');
SELECT approval = :'ap' AS same FROM public.pay('10', iban => 'J');
SELECT approval = :'ap' AS same FROM public.pay('10', payee => 'y');
SELECT approval = :'ap' AS same FROM public.pay('10', task => 't');
SELECT approval = :'ap' AS same FROM public.pay('10', usd => 2);
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SELECT asks -> 0 -> 'bind' AS bind FROM approvals WHERE id = :'ap';
-- a worker that changes arguments or estimate after the approval
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('11');
SELECT said FROM public.pay('10', usd => 2);
SELECT said FROM public.pay('10', usd => NULL);
SELECT said FROM public.pay('10', 'Hi', usd => 0.5);
SELECT said FROM public.pay('10', 'Hi');
RESET SESSION AUTHORIZATION;
-- several asks bind what each of them names; where one binds nothing all arguments count
DELETE FROM approval;
SELECT policy_ask_tool('p', 'pay', name => 'b', bind => '{/args/amount}') > 0 AS ok, policy_ask_tool('p', 'pay', name => 'c', bind => '{/payee}') > 0 AS ok;
SELECT approval AS ap FROM public.pay('20', 'one') \gset
SELECT approval = :'ap' AS same FROM public.pay('20', 'two', iban => 'J');
SELECT approval = :'ap' AS same FROM public.pay('20', 'two', payee => 'y');
SELECT policy_ask_tool('p', 'pay', name => 'c') > 0 AS ok;
SELECT approval AS ap FROM public.pay('20', 'one') \gset
SELECT approval = :'ap' AS same FROM public.pay('20', 'two');
-- a rule for many tools: one that does not require the pointer has all its arguments count
SELECT policy_rule_drop('p', rule) FROM policy_rules WHERE policy = 'p';
SELECT policy_ask_tool('p', 'p*', name => 'b', bind => '{/args/amount,/args/text}') > 0 AS ok;
SELECT approval AS ap FROM public.pay('20', 'one') \gset
SELECT approval = :'ap' AS same FROM public.pay('20', 'one', payee => 'y');
-- and so it is once the tool does not any more
SELECT policy_ask_tool('p', 'pay', name => 'b', bind => '{/args/amount}') > 0 AS ok;
SELECT tool_set('pay', '{"type": "object", "properties": {"amount": {"type": "number"}}}');
SELECT approval AS ap FROM public.pay('20', 'one') \gset
SELECT approval = :'ap' AS same FROM public.pay('20', 'two');
SELECT tool_set('pay', '{"type": "object", "properties": {"amount": {"type": "number", "maximum": 9000}, "payee": {"type": "string"}, "text": {"type": "string"}, "to": {"type": "object"}}, "required": ["amount", "payee"], "additionalProperties": false}', coerce => true);

-- corrected arguments: a new question, judged by every stage, and the model is told
SELECT policy_rule_drop('p', rule) FROM policy_rules WHERE policy = 'p';
SELECT policy_ask_tool('p', 'pay', name => 'two', votes => 2) > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.pay('5000', 'Hello') \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(:'ap', '[]'), public.vote(:'ap', '{}', false);
SELECT public.vote(:'ap', '{"amount": 500, "payee": "x", "to": {"iban": "I"}}');
SELECT state, votes_given, votes_needed, args, asked_args FROM approvals WHERE id = :'ap';
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('5000', 'Hello', key => 'k');
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said, approval = :'ap' AS its, call_id AS c FROM public.pay('5000', 'Hello', key => 'k') \gset
SELECT :'said' AS said, :'its' AS its;
-- the call is the one that was asked for, and the one that was returned
SELECT said, call_id = :'c' AS same FROM public.pay('5000', 'Hello', key => 'k');
SELECT said, call_id = :'c' AS same FROM public.pay('500', key => 'k');
SELECT call_commit(:'c', '{"paid": 500}');
SELECT said, call_id = :'c' AS same FROM public.pay('5000', 'Hello', key => 'k');
-- once
SELECT said FROM public.pay('5000', 'Hello');
RESET SESSION AUTHORIZATION;
SELECT n, role, round FROM approval_votes WHERE approval = :'ap' ORDER BY n;
-- what a person writes is judged as what a model writes: by the schema, by the rules
DELETE FROM approval;
SELECT policy_ask_tool('p', 'pay', name => 'two') > 0 AS ok, policy_deny_tool('p', 'pay', name => 'never', "when" => '{"/args/amount": {"minimum": 8000}}') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS a1 FROM public.pay('10') \gset
SELECT approval AS a2 FROM public.pay('11') \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'a1', '{"amount": "many", "payee": "x"}'), public.vote(:'a2', '{"amount": 8500, "payee": "x"}');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('10');
SELECT said FROM public.pay('11');
RESET SESSION AUTHORIZATION;
-- the rules that apply to the corrected ones decide who has to vote
SELECT policy_ask_tool('p', 'pay', name => 'two', votes => 2, "when" => '{"/args/amount": {"minimum": 100}}') > 0 AS ok,
       policy_allow_tool('p', 'pay', name => 'small', "when" => '{"/args/amount": {"maximum": 50}}') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.pay('100') \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap', '{"amount": 40, "payee": "x"}');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said, approval = :'ap' AS its FROM public.pay('100');
RESET SESSION AUTHORIZATION;
SELECT state FROM approvals WHERE id = :'ap';
-- one that was refused, or withdrawn, after it was corrected
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.pay('101') \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap', '{"amount": 40, "payee": "x"}');
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(:'ap', NULL, false);
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('101');
RESET SESSION AUTHORIZATION;
-- in audit mode nothing is changed; explained, nothing is used
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.pay('102') \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap', '{"amount": 40, "payee": "x"}');
RESET SESSION AUTHORIZATION;
SELECT stage, verdict FROM call_explain('a', 'pay', '{"amount": 102, "payee": "x", "to": {"iban": "I"}}', est_usd => 1) WHERE stage = 'approval';
SELECT agent_set('a', mode => 'audit');
SELECT said FROM public.pay('102');
SELECT agent_set('a', mode => 'enforce');
-- a model call has no arguments to correct
SELECT model_price_set('m', 1, 1), budget_set('tight', max_usd => 0, on_full => 'ask'), agent_set('llm', 'p', 'tight');
SELECT approval AS ap FROM llm_begin('llm', 'm', 1, 1) \gset
SELECT public.vote(:'ap', '{"max_output_tokens": 5}');

-- grants: a vote beforehand, and no more
DELETE FROM approval;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval_grant('a', 'pay') IS NULL;
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT approval_grant('a', 'p*y');
SELECT approval_grant('a', 'pay', uses => 0);
SELECT approval_grant('a', 'pay', '{"/args/amount": {"maximum": "many"}}');
SELECT approval_grant('a', 'pay', voter => 'somebody');
SELECT approval_grant('a', 'p*', '{"/args/amount": {"maximum": 200}}', uses => 2, note => 'rent') AS g1 \gset
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT "when" IS NULL AS hidden, uses, used, role, note FROM approval_grants;
-- two votes are needed: the other is somebody else's, and not the giver's
SELECT approval AS ap FROM public.pay('150') \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('150');
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(:'ap');
SELECT uses, used FROM approval_grants;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('150');
RESET SESSION AUTHORIZATION;
SELECT uses, used FROM approval_grants;
SELECT policy_ask_tool('p', 'pay', name => 'two', "when" => '{"/args/amount": {"minimum": 100}}') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('201');
SELECT said, approval AS ap, call_id AS c FROM public.pay('160') \gset
SELECT :'said' AS said;
SELECT said FROM public.pay('161');
SELECT said FROM public.pay('162');
RESET SESSION AUTHORIZATION;
SELECT uses, used FROM approval_grants;
SELECT state, call_id = :'c' AS its, votes_given FROM approvals WHERE id = :'ap';
SELECT role, by_grant = :'g1' AS its FROM approval_votes WHERE approval = :'ap';
-- given back, the vote stays with its request
SELECT call_release(:'c');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('160');
SELECT said FROM public.pay('160');
-- not of the requester by another name, not past its time, not dropped, not for an unknown condition, not for a full budget
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT approval_grant('a', 'pay', '{"/args/text": {"const": "unknown"}}', uses => NULL) IS NOT NULL AS granted;
SELECT approval_grant('a', 'pay', '{"/args/amount": {"const": 170}}', uses => NULL, valid_for => '1 min') AS g2 \gset
SELECT access_level('');
SELECT said FROM public.pay('170');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('171');
SELECT said FROM public.pay('170', 'a');
SELECT said FROM public.pay('170', 'b');
RESET SESSION AUTHORIZATION;
SET agentcore.debug_clock_offset = 60000;
SELECT said FROM public.pay('170', 'c');
RESET agentcore.debug_clock_offset;
SELECT budget_set('purse', max_usd => 0, on_full => 'ask');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('170', 'd');
RESET SESSION AUTHORIZATION;
SELECT budget_set('purse', max_usd => 100);
SELECT approval_grant_drop(:'g2'), approval_grant_drop(:'g2');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.pay('170', 'e');
RESET SESSION AUTHORIZATION;
-- another agent, another tenant
SELECT agent_set('b', 'p');
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT approval_grant('a', 'pay', uses => NULL) IS NOT NULL AS granted;
SELECT approval_grant('a', 'pay', tenant => 't');
RESET SESSION AUTHORIZATION;
SELECT verdict, reason FROM call_begin('b', 'pay', '{"amount": 180, "payee": "x"}');
SELECT count(*) FROM approval_grants WHERE dropped_at IS NULL;
SET agentcore.debug_clock_offset = 31536000000;
SELECT approval_purge('1 day') > 0 AS purged, count(*) FROM approval_grants;
SELECT uses, role FROM approval_grants;
RESET agentcore.debug_clock_offset;
SET client_min_messages = warning;
SELECT access_revoke(r) AS revoked FROM unnest('{regress_agc_ann,regress_agc_bob,regress_agc_worker}'::text[]) r;
DROP ROLE regress_agc_ann, regress_agc_bob, regress_agc_worker;
