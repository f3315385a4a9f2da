-- The life of a request for approval: named in the gate's row, decided in time or not,
-- withdrawn.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT plan(36);
SET LOCAL agentcore.budget_guard = off;

SELECT agentcore.policy_set('p');
SELECT agentcore.policy_allow_tool('p', '*');
SELECT agentcore.agent_set('a', 'p');
SELECT agentcore.agent_set('b', 'p');
CREATE FUNCTION define(VARIADIC settings text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT agentcore.tool_set(''pay'', ''{"type": "object", "properties": {"amount": {"type": "number"}}}'', needs_approval => true%s)',
                 (SELECT string_agg(', ' || s, '') FROM unnest(settings) s));
END
$$;
SELECT define();
CREATE FUNCTION ask(args jsonb DEFAULT '{"amount": 5}', agent text DEFAULT 'a', usd numeric DEFAULT NULL, key text DEFAULT NULL) RETURNS agentcore.call_verdict LANGUAGE sql AS $$
  SELECT v FROM agentcore.call_begin(ask.agent, 'pay', args, est_usd => usd, key => ask.key) v
$$;
CREATE FUNCTION state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
CREATE FUNCTION said(v agentcore.call_verdict) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', v.verdict, v.reason) $$;

-- the row names the request
SELECT (ask()).approval AS asked \gset
SELECT is((SELECT count(*) FROM agentcore.approvals WHERE id = :'asked' AND state = 'pending'), 1::bigint, 'the wait names its request');
SELECT is((ask()).approval, :'asked', 'every wait names it');
SELECT is((ask()).retry_after_ms, 5000::bigint, 'in milliseconds, when to ask again');
SELECT matches((ask()).feedback, 'A person must allow this call of "pay"', 'and what to say when patience ends');
SELECT isnt((ask('{"amount": 6}')).approval, :'asked', 'another question is another request');
SELECT agentcore.call_approve(:'asked');
SELECT is(array[v.verdict, v.approval::text], array['run', :'asked'], 'the run names the approval that it used') FROM ask() v;
SELECT is(said(ask()), 'wait approval_required', 'once');
SELECT agentcore.call_approve((ask()).approval, false);
SELECT is(said(v) || ' ' || (v.approval IN (SELECT id FROM agentcore.approvals WHERE state = 'refused')), 'deny approval_required true', 'a denial names what was refused') FROM ask() v;
SELECT is((SELECT v.approval FROM agentcore.call_begin('a', 'no such tool') v), NULL, 'nothing else names one');

-- a refusal stays one, whatever valid_for says
DELETE FROM agentcore.approval;
SELECT agentcore.call_approve((ask()).approval, false, valid_for => '1 hour');
SET LOCAL agentcore.debug_clock_offset = 864000000;
SELECT is(said(ask()), 'deny approval_required', 'a refusal is final for its question');
RESET agentcore.debug_clock_offset;
SELECT throws_ok('SELECT agentcore.call_approve(id) FROM agentcore.approvals', '42704', NULL, 'and nobody takes it back');

-- an approval is good for a day, if nothing else is said
DELETE FROM agentcore.approval;
SELECT agentcore.call_approve((ask()).approval);
SET LOCAL agentcore.debug_clock_offset = 86401000;
SELECT is(said(ask()), 'wait approval_required', 'a day later it is asked again');
RESET agentcore.debug_clock_offset;
SELECT is(said(ask()), 'run', 'within the day it runs');
DELETE FROM agentcore.approval;
SELECT agentcore.call_approve((ask()).approval, valid_for => NULL);
SET LOCAL agentcore.debug_clock_offset = 864000000;
SELECT is(said(ask()), 'run', 'NULL is for ever');
RESET agentcore.debug_clock_offset;

-- nobody decides
DELETE FROM agentcore.approval;
SELECT (ask(usd => 2)).approval AS asked \gset
SET LOCAL agentcore.debug_clock_offset = 86399000;
SELECT is(said(ask(usd => 2)), 'wait approval_required', 'within a day there is time to decide');
SET LOCAL agentcore.debug_clock_offset = 86401000;
SELECT is(said(v) || ' ' || (v.approval = :'asked'), 'deny approval_expired true', 'later nobody allowed it') FROM ask(usd => 2) v;
SELECT is((SELECT state FROM agentcore.approvals), 'expired', 'the view says so');
SELECT is(said(ask(usd => 3)), 'deny approval_expired', 'a dearer one neither');
SELECT is(said(ask(usd => 1)), 'wait approval_required', 'a cheaper one is another question');
SELECT is((SELECT count(*) FROM agentcore.approvals), 2::bigint, 'one that is denied asks nobody');
SELECT agentcore.call_approve(:'asked');
SELECT is(said(ask(usd => 2)), 'run', 'a late decision still counts');
RESET agentcore.debug_clock_offset;
DELETE FROM agentcore.approval;
SET LOCAL agentcore.approval_decide_within = '1 min';
SET LOCAL agentcore.max_open_approvals = 1;
SELECT ask();
SELECT is((ask('{"amount": 6}')).approval, NULL, 'no room for another');
SET LOCAL agentcore.debug_clock_offset = 60000;
SELECT isnt((ask('{"amount": 6}')).approval, NULL, 'what has expired takes no room');
SELECT is(said(ask()), 'deny approval_expired', 'by the setting');
RESET agentcore.debug_clock_offset;
RESET agentcore.max_open_approvals;

-- withdrawn
DELETE FROM agentcore.approval;
CREATE ROLE agentcore_tap_worker;
CREATE ROLE agentcore_tap_other;
SELECT agentcore.access_grant('agentcore_tap_worker', 'agent'), agentcore.access_grant('agentcore_tap_other', 'agent');
SET LOCAL ROLE agentcore_tap_worker;
SELECT approval AS asked FROM agentcore.call_begin('a', 'pay', '{"amount": 5}') \gset
SET LOCAL ROLE agentcore_tap_other;
SELECT agentcore.call_begin('b', 'pay', '{"amount": 1}');
SELECT state_of(format('SELECT agentcore.call_withdraw(%L)', :'asked')) AS state \gset
RESET ROLE;
SELECT is(:'state'::text, '42704', 'another role withdraws nothing');
SET LOCAL ROLE agentcore_tap_worker;
SELECT agentcore.call_withdraw(:'asked') AS said \gset
RESET ROLE;
SELECT is(:'said'::text, 'withdrawn', 'who asked may give up');
SELECT throws_ok(format('SELECT agentcore.call_withdraw(%L)', :'asked'), '42704', NULL, 'once');
SELECT throws_ok(format('SELECT agentcore.call_approve(%L)', :'asked'), '42704', NULL, 'what was withdrawn cannot be approved');
SELECT isnt((ask()).approval, :'asked', 'the same call asks anew');
SELECT (ask()).approval AS asked \gset
SELECT agentcore.call_approve(:'asked');
SELECT is(agentcore.call_withdraw(:'asked'), 'withdrawn', 'an approval that nobody used can be withdrawn');
SELECT is(said(v) || ' ' || (v.approval <> :'asked'), 'wait approval_required true', 'and lets nothing pass') FROM ask() v;
SELECT agentcore.call_approve((ask()).approval);
SELECT (ask()).approval AS asked \gset
SELECT throws_ok(format('SELECT agentcore.call_withdraw(%L)', :'asked'), '42704', NULL, 'what was used cannot');
SELECT throws_ok('SELECT agentcore.call_withdraw(NULL)', '22023', NULL, 'null is none');

-- a retry by a changed tool is allowed anew, and runs
DELETE FROM agentcore.approval;
SELECT define('idempotent => true');
SELECT agentcore.call_approve((ask(key => 'k')).approval);
SELECT (ask(key => 'k')).call_id AS call \gset
SELECT agentcore.call_fail(:'call', 503, 'later');
SELECT define('idempotent => true', 'description => ''Pays, and then some.''');
SET LOCAL agentcore.debug_clock_offset = 60000;
SELECT is(said(ask(key => 'k')), 'wait approval_required', 'a retry by a changed tool asks');
SELECT agentcore.call_approve((ask(key => 'k')).approval);
SELECT is(said(v) || ' ' || v.attempt || ' ' || (v.call_id = :'call'), 'run 2 true', 'and runs once it is allowed') FROM ask(key => 'k') v;
RESET agentcore.debug_clock_offset;

-- every wait has a feedback
SELECT agentcore.tool_set('once', '{}');
SELECT agentcore.call_begin('a', 'once', key => 'once');
SELECT matches(v.feedback, 'already running this very call', 'a key in use has one') FROM agentcore.call_begin('a', 'once', key => 'once') v;
SELECT * FROM finish();
ROLLBACK;
