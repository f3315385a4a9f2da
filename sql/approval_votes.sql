--
-- approval: rules that ask people, and their votes
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore;
CREATE ROLE regress_agc_finance;
CREATE ROLE regress_agc_legal;
CREATE ROLE regress_agc_ann LOGIN IN ROLE regress_agc_finance;
CREATE ROLE regress_agc_bob LOGIN IN ROLE regress_agc_finance;
CREATE ROLE regress_agc_carl LOGIN IN ROLE regress_agc_finance, regress_agc_legal;
CREATE ROLE regress_agc_lea LOGIN IN ROLE regress_agc_legal;
CREATE ROLE regress_agc_dan LOGIN;
CREATE ROLE regress_agc_worker LOGIN;
CREATE ROLE regress_agc_app LOGIN IN ROLE regress_agc_finance;
SELECT access_grant(r, 'approver') FROM unnest('{regress_agc_finance,regress_agc_legal,regress_agc_dan}'::text[]) r;
SELECT access_grant('regress_agc_worker', 'agent');
-- a level of its own: it decides and sees arguments, and configures nothing
SELECT access_grant('regress_agc_dan', 'approves');
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT access_level('');
SELECT policy_set('mine');
RESET SESSION AUTHORIZATION;

SELECT policy_set('p'), agent_set('a', 'p'), agent_set('b', 'p');
SELECT tool_set('pay', '{"type": "object", "properties": {"amount": {"type": "number"}, "payee": {"type": "string"}, "text": {"type": "string"}}, "required": ["amount", "payee"], "additionalProperties": false}',
                cache_ttl => '1 h', cache_scope => 'tenant');
CREATE FUNCTION public.said(v call_verdict) RETURNS text LANGUAGE sql AS
  $$ SELECT concat_ws(' | ', v.verdict, v.reason, v.args, regexp_replace(v.detail, '[0-9a-f]+-[-0-9a-f]+', 'ID'), v.feedback) $$;
CREATE FUNCTION public.asked(amount numeric, OUT said text, OUT approval uuid, OUT call_id uuid) LANGUAGE sql AS
  $$ SELECT public.said(v), v.approval, v.call_id FROM agentcore.call_begin('a', 'pay', jsonb_build_object('amount', amount, 'payee', 'x')) v $$;
CREATE FUNCTION public.vote(id uuid, approve boolean DEFAULT true, voter text DEFAULT NULL, note text DEFAULT NULL, valid_for interval DEFAULT '1 day', tenant text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  message text;
  detail text;
BEGIN
  RETURN agentcore.call_approve(id, approve, valid_for, note, voter => voter, tenant => tenant);
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' | ', SQLSTATE, regexp_replace(message, '[0-9a-f]+-[-0-9a-f]+', 'ID'), detail);
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;
CREATE VIEW public.open AS
  SELECT args ->> 'amount' AS amount, state, votes_needed, votes_given,
         (SELECT string_agg(concat_ws(' ', x ->> 'policy', x ->> 'name', x ->> 'approvers', (x ->> 'given') || '/' || (x ->> 'votes')), '; ') FROM jsonb_array_elements(asks) x) AS asks
    FROM approvals ORDER BY requested_at, id;
GRANT SELECT ON public.open TO PUBLIC;

-- two people of finance above 1000; what an ask allows needs no other rule
SELECT policy_allow_tool('p', 'pay', name => 'small', "when" => '{"/args/amount": {"maximum": 1000}}') > 0 AS ok,
       policy_ask_tool('p', 'pay', name => 'two-people', votes => 2, approvers => 'regress_agc_finance', feedback => 'Two people of finance decide.',
                       "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.asked(10);
SELECT said FROM public.asked(1001);
SELECT said FROM public.asked(1001);
SELECT args IS NULL AS hidden, asks -> 0 ->> 'name' AS ask FROM approvals;
SELECT public.vote(id) FROM approvals;
-- one vote does not do
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(id, note => 'ann') FROM approvals;
SELECT * FROM public.open;
SELECT public.vote(id) FROM approvals;
-- nor does one person in another role
SET ROLE regress_agc_finance;
SELECT public.vote(id) FROM approvals;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.asked(1001);
-- who is no member counts for nothing, and is told so; nor is a superuser one
SET SESSION AUTHORIZATION regress_agc_lea;
SELECT public.vote('00000000-0000-7000-8000-000000000000');
SELECT public.vote(id) FROM approvals;
SELECT public.vote(id, false) FROM approvals;
RESET SESSION AUTHORIZATION;
SELECT public.vote(id) FROM approvals;
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(id) FROM approvals;
SELECT * FROM public.open;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said, call_id AS c FROM public.asked(1001) \gset
SELECT :'said' AS said;
SELECT call_commit(:'c', '{"paid": true}');
-- once; and neither kept in the cache nor answered from it
SELECT said FROM public.asked(1001);
RESET SESSION AUTHORIZATION;
SELECT n, role, login, voter, approve, note, round FROM approval_votes;
SET agentcore.debug_clock_offset = 172800000;
SELECT approval_purge('1 h') > 0 AS purged;
RESET agentcore.debug_clock_offset;
SELECT count(*) FROM approval_votes;

-- a voter who has left the role does not count any more
SELECT approval AS ap FROM public.asked(1002) \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
REVOKE regress_agc_finance FROM regress_agc_bob;
SELECT said FROM public.asked(1002);
SELECT * FROM public.open;
GRANT regress_agc_finance TO regress_agc_bob;
SELECT said FROM public.asked(1002);

-- one refusal is final
SELECT approval AS ap FROM public.asked(1003) \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(:'ap', false, note => 'no');
SELECT public.vote(:'ap', false);
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
SELECT said FROM public.asked(1003);
SELECT said FROM public.asked(1003);

-- two asks, one request: a vote counts for each ask whose approvers its voter belongs to
SELECT policy_ask_tool('p', 'pay', name => 'legal', approvers => 'regress_agc_legal', "when" => '{"/args/amount": {"minimum": 5000}}') > 0 AS ok;
SELECT approval AS ap FROM public.asked(5000) \gset
SELECT * FROM public.open WHERE amount = '5000';
SET SESSION AUTHORIZATION regress_agc_carl;
SELECT public.vote(:'ap');
SELECT * FROM public.open WHERE amount = '5000';
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
SELECT said FROM public.asked(5000);

-- not the policy's revision, but what its rules say now: one more ask asks, and votes that were given stay
SELECT approval AS ap FROM public.asked(6000) \gset
SET SESSION AUTHORIZATION regress_agc_carl;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
SELECT policy_allow_tool('p', 'other') > 0 AS ok;
SELECT stage, verdict FROM call_explain('a', 'pay', '{"amount": 6000, "payee": "x"}') WHERE stage = 'approval';
SELECT policy_ask_tool('p', 'p*', name => 'anybody') > 0 AS ok;
SELECT said FROM public.asked(6000);
SELECT policy_ask_tool('p', 'p*', name => 'three', votes => 3) > 0 AS ok;
SELECT approval AS ap FROM public.asked(6001) \gset
SET SESSION AUTHORIZATION regress_agc_carl;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
SELECT * FROM public.open WHERE amount = '6001';
SELECT policy_ask_tool('p', 'p*', name => 'three', votes => 4) > 0 AS ok;
SELECT said FROM public.asked(6001);
SELECT * FROM public.open WHERE amount = '6001';
SELECT policy_ask_tool('p', 'p*', name => 'three', votes => 2) > 0 AS ok;
SELECT said FROM public.asked(6001);
SELECT policy_rule_drop('p', rule) FROM policy_rules WHERE policy = 'p' AND name IN ('three', 'anybody', 'legal');

-- who is the requester by another name: the role itself, one it can act as, its login, a wrapper of somebody's
SELECT policy_ask_tool('p', 'pay', name => 'two-people', "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') > 0 AS ok;
SELECT access_grant('regress_agc_worker', 'approver');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.asked(1010) \gset
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
GRANT regress_agc_dan TO regress_agc_worker;
SET SESSION AUTHORIZATION regress_agc_worker;
SET ROLE regress_agc_dan;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
REVOKE regress_agc_dan FROM regress_agc_worker;
CREATE FUNCTION public.vote2(id uuid) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT public.vote(id)';
ALTER FUNCTION public.vote2(uuid) OWNER TO regress_agc_dan;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT public.vote2(:'ap');
-- who uses it is a requester too: another has asked
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
SELECT access_grant('regress_agc_dan', 'approver');
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT said FROM public.asked(1010);
-- unless the ask says that it may be so
RESET SESSION AUTHORIZATION;
SELECT policy_ask_tool('p', 'pay', name => 'two-people', self => true, "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT said FROM public.asked(1010);
-- needs_approval: an approver may not allow its own call, an administrator may
RESET SESSION AUTHORIZATION;
SELECT tool_set('wipe', '{"type": "object"}', needs_approval => true), policy_allow_tool('p', 'wipe') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT approval AS ap FROM call_begin('a', 'wipe') \gset
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
SELECT public.vote(:'ap');
SELECT approval AS ap FROM call_begin('a', 'wipe', '{"n": 2}') \gset
SELECT public.vote(:'ap');

-- an application names the person it speaks for; then persons differ
SELECT policy_ask_tool('p', 'pay', name => 'two-people', votes => 2, "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') > 0 AS ok;
SELECT access_grant('regress_agc_app', 'agent', vouches => true);
SELECT access_grant('regress_agc_app', 'approver', vouches => true);
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.asked(1020) \gset
SET SESSION AUTHORIZATION regress_agc_app;
SELECT public.vote(:'ap');
SELECT public.vote(:'ap', voter => 'ann@example.com');
SELECT public.vote(:'ap', voter => 'ann@example.com');
SELECT public.vote(:'ap', voter => 'bob@example.com');
SET SESSION AUTHORIZATION regress_agc_dan;
SELECT public.vote(:'ap', voter => 'bob@example.com');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.asked(1020);
-- the person is the same where it votes by itself
SELECT approval AS ap FROM public.asked(1021) \gset
SET SESSION AUTHORIZATION regress_agc_app;
SELECT public.vote(:'ap', voter => 'regress_agc_ann');
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(:'ap');
RESET SESSION AUTHORIZATION;
SELECT access_grant('regress_agc_app', 'agent');
SELECT level, vouches FROM access WHERE role = 'regress_agc_app';

-- until when: the shortest of the asks decides, and each vote has its own time
SELECT policy_ask_tool('p', 'pay', name => 'two-people', votes => 2, decide_within => '1 h', "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') > 0 AS ok,
       policy_ask_tool('p', 'pay', name => 'soon', decide_within => '10 min', "when" => '{"/args/amount": {"minimum": 2000}}') > 0 AS ok;
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS a1 FROM public.asked(1030) \gset
SELECT approval AS a2 FROM public.asked(2000) \gset
RESET SESSION AUTHORIZATION;
SELECT args ->> 'amount' AS amount, decide_by - requested_at AS within FROM approvals WHERE id IN (:'a1', :'a2') ORDER BY 1;
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'a1', valid_for => '1 min');
RESET SESSION AUTHORIZATION;
SET agentcore.debug_clock_offset = 120000;
SET SESSION AUTHORIZATION regress_agc_bob;
SELECT public.vote(:'a1');
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'a1');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT said FROM public.asked(1030);
RESET SESSION AUTHORIZATION;
SET agentcore.debug_clock_offset = 660000;
SELECT said FROM public.asked(2000);
RESET agentcore.debug_clock_offset;

-- another tenant's approver is none here, and nobody sees its arguments
SELECT access_grant('regress_agc_lea', 'approver', '{t}');
SET SESSION AUTHORIZATION regress_agc_lea;
SELECT count(*) FROM approvals WHERE tenant = 't';
RESET SESSION AUTHORIZATION;
SELECT access_revoke('regress_agc_legal');
SET SESSION AUTHORIZATION regress_agc_lea;
SELECT count(*) FROM approvals;
SELECT public.vote(:'a2');
SELECT public.vote(:'a2', tenant => 't');
RESET SESSION AUTHORIZATION;

-- given up
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT approval AS ap FROM public.asked(1040) \gset
SET SESSION AUTHORIZATION regress_agc_ann;
SELECT public.vote(:'ap');
SET SESSION AUTHORIZATION regress_agc_worker;
SELECT call_withdraw(:'ap');
SELECT said FROM public.asked(1040);
RESET SESSION AUTHORIZATION;

-- in audit mode nobody is asked
SELECT count(*) AS n FROM approvals \gset
SELECT agent_set('b', mode => 'audit');
SELECT verdict, reason, enforced FROM call_begin('b', 'pay', '{"amount": 1050, "payee": "x"}');
SELECT count(*) - :n AS asked FROM approvals;

SET client_min_messages = warning;
DROP FUNCTION public.vote2(uuid);
SELECT access_revoke(r) AS revoked FROM unnest('{regress_agc_finance,regress_agc_dan,regress_agc_worker,regress_agc_app,regress_agc_lea}'::text[]) r;
DROP ROLE regress_agc_ann, regress_agc_bob, regress_agc_carl, regress_agc_lea, regress_agc_dan, regress_agc_worker, regress_agc_app, regress_agc_finance, regress_agc_legal;
