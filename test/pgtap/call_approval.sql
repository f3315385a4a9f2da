-- What was approved is what runs: every way in which a call can differ from the
-- one that a person saw, the clock, the quota and the purge.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT plan(40);

SELECT agentcore.policy_set('p');
SELECT agentcore.policy_allow_tool('p', '*');
SELECT agentcore.budget_set('purse', max_usd => 1000000);
SELECT agentcore.budget_set('other', max_usd => 1000000);
SELECT agentcore.agent_set('a', 'p', budget => 'purse', charges => '{other}');
SELECT agentcore.agent_set('b', 'p', budget => 'purse');
CREATE FUNCTION define(description text, amount jsonb DEFAULT '{"type": "number"}') RETURNS boolean LANGUAGE sql AS $$
  SELECT agentcore.tool_set('pay', jsonb_build_object('type', 'object', 'properties', jsonb_build_object('amount', amount, 'to', '{}'::jsonb)),
                            description => description, coerce => true, needs_approval => true)
$$;
SELECT define('Pays.');

-- asks once, has it approved, and says what another call then gets
CREATE FUNCTION approve(args jsonb DEFAULT '{"amount": 5}', usd numeric DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM agentcore.approval;
  PERFORM agentcore.call_begin('a', 'pay', args, est_usd => usd, task => 'w', subject => 's');
  PERFORM agentcore.call_approve(id) FROM agentcore.approvals WHERE state = 'pending';
END
$$;
CREATE FUNCTION answer(args jsonb DEFAULT '{"amount": 5}', usd numeric DEFAULT 1, agent text DEFAULT 'a', task text DEFAULT 'w',
                       subject text DEFAULT 's', budget text DEFAULT NULL, key text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') FROM agentcore.call_begin(answer.agent, 'pay', args, est_usd => usd, task => answer.task, subject => answer.subject, budget => answer.budget, key => answer.key)
$$;
\set asks '''wait approval_required'''

SELECT is(answer(), :asks, 'nobody was asked yet');
SELECT approve();
SELECT is(answer(), 'run', 'the very call runs');
SELECT is(answer(), :asks, 'once');

SELECT approve();
SELECT is(answer(agent => 'b'), :asks, 'another agent asks');
SELECT is(answer(task => 'x'), :asks, 'another task asks');
SELECT is(answer(task => NULL), :asks, 'no task asks');
SELECT is(answer(subject => 'x'), :asks, 'another subject asks');
SELECT is(answer(budget => 'other'), :asks, 'another budget asks');
SELECT is(answer(budget => 'purse'), 'run', 'the same budget, named, does not');

SELECT approve();
SELECT is(answer(usd => 1.000000001), :asks, 'a higher estimate asks');
SELECT is(answer(usd => 5000), :asks, 'a much higher one too');
SELECT is((SELECT count(*) FROM agentcore.approvals WHERE state = 'pending'), 2::bigint, 'each a request of its own, with its price');
SELECT is(answer(usd => 0.5), 'run', 'a lower one does not');

SELECT approve('{"amount": 0.3}');
SELECT is(answer('{"amount": 0.30000000000000001}'), :asks, 'two numbers within one double are two');
SELECT is(answer('{"amount": "0.3"}'), 'run', 'a spelling that is coerced to the same is the same');
SELECT approve('{"amount": 9007199254740993}');
SELECT is(answer('{"amount": 9007199254740992}'), :asks, 'and large ones');
SELECT is(answer('{"amount": 9007199254740993.00}'), 'run', 'but zeros after the point are nothing');
SELECT approve('{"amount": 5, "to": [1]}');
SELECT is(answer('{"amount": 5, "to": 1}'), :asks, 'a list of one is no scalar');
SELECT is(answer('{"amount": 5, "to": ["1"]}'), :asks, 'nor a string a number');

SELECT approve();
SELECT define('Pays, and then some.');
SELECT is(answer(), :asks, 'another description asks');
SELECT define('Pays.'), agentcore.tool_set('pay', http_method => 'DELETE');
SELECT is(answer(), :asks, 'another method asks');
SELECT agentcore.tool_set('pay', reset => '{http_method}', open_world => false);
SELECT is(answer(), :asks, 'a tool that the world is closed to asks');
SELECT agentcore.tool_set('pay', reset => '{open_world}');
SELECT define('Pays.', '{"type": "number", "maximum": 6}');
SELECT is(answer(), :asks, 'another schema asks');
SELECT define('Pays.');
SELECT is(answer(), 'run', 'the old one is the old one');
SELECT define('Pays.', '{"type": "number", "default": 7}');
SELECT approve('{}');
SELECT is((SELECT args FROM agentcore.approvals), '{"amount": 7}', 'a request shows what will run');
SELECT define('Pays.', '{"type": "number", "default": 8}');
SELECT is(answer('{}'), :asks, 'a default that changed asks');
SELECT define('Pays.');

-- a retry runs what its first attempt was allowed, and nothing else
SELECT approve();
SELECT is(answer(key => 'k'), 'run', 'an attempt runs');
SELECT agentcore.tool_set('pay', input_schema, description => 'Pays.', coerce => true, needs_approval => true, idempotent => true) FROM agentcore.tools WHERE name = 'pay';
SELECT (agentcore.call_fail(call_id, 503, 'later')).action AS action FROM agentcore.approvals WHERE state = 'used' \gset
SET LOCAL agentcore.debug_clock_offset = 60000;
SELECT is(answer(key => 'k'), 'run', 'its retry needs no second word');
SELECT (agentcore.call_fail(call_id, 503, 'later')).action AS action FROM agentcore.approvals WHERE state = 'used' \gset
SELECT define('Pays, and then some.');
SET LOCAL agentcore.debug_clock_offset = 120000;
SELECT is(answer(key => 'k'), :asks, 'a retry by a changed tool does');
SELECT is((SELECT agentcore.call_status(call_id) FROM agentcore.approvals WHERE state = 'used'), 'retry', 'while its call waits');
SELECT define('Pays.');
RESET agentcore.debug_clock_offset;

-- a refusal
SELECT approve();
SELECT agentcore.call_approve(id, false) FROM agentcore.approvals;
SELECT is(answer(), 'deny approval_required', 'a refused call is refused');
SELECT is(answer(usd => 2), 'deny approval_required', 'a dearer one too');
SELECT is(answer(usd => 0.1), :asks, 'a cheaper one is another question');

-- the clock that moves
SELECT approve();
SELECT agentcore.call_approve(id, valid_for => '1 hour') FROM agentcore.approvals;
SET LOCAL agentcore.debug_clock_offset = 3601000;
SELECT is(answer(), :asks, 'past valid_for an approval does not pass');
RESET agentcore.debug_clock_offset;
SELECT is(answer(), 'run', 'within it does');

-- quota and purge
DELETE FROM agentcore.approval;
SET LOCAL agentcore.max_open_approvals = 2;
SELECT answer(jsonb_build_object('amount', i)) FROM generate_series(1, 2) i;
SELECT is((SELECT detail FROM agentcore.call_begin('a', 'pay', '{"amount": 3}')),
          'agent "a" has 2 open requests for approval, as many as agentcore.max_open_approvals allows', 'no agent fills the list');
SELECT is(answer(agent => 'b'), :asks, 'another may still ask');
SELECT is(agentcore.approval_purge('1 day'), 0::bigint, 'nothing is old yet');
SET LOCAL agentcore.debug_clock_offset = 172800000;
SELECT is(agentcore.approval_purge('1 day'), 3::bigint, 'what is old goes');

-- the loop guard, too, counts what runs
SELECT agentcore.tool_set('count', '{"properties": {"n": {"type": "integer", "default": 1}}}', coerce => true);
SET LOCAL agentcore.loop_limit = 3;
SELECT results_eq($$ SELECT reason FROM unnest('{"{\"n\": 1}", "{\"n\": \"1\"}", "{}", "{\"n\": 1.0}"}'::text[]) t (args), LATERAL agentcore.call_begin('a', 'count', t.args::jsonb, task => 'w') $$,
                  $$ VALUES (NULL), (NULL), (NULL), ('loop_detected') $$, 'calls that differ in spelling only are one loop');
SELECT * FROM finish();
ROLLBACK;
