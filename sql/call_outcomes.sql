-- An outcome that is open stays open: what may have been done is not done again,
-- and its key is closed until somebody says what became of it.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET client_min_messages = error;
SET search_path = agentcore, pg_catalog;
CREATE FUNCTION public.short(v agentcore.call_verdict) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', v.verdict, v.reason, v.result) $$;
SELECT budget_set('b', max_usd => 100, max_in_flight => 3), policy_set('p'), policy_allow_tool('p', '*') > 0 AS allowed, agent_set('a', 'p', 'b'), agent_set('other', 'p', 'b');
SELECT tool_set('pay', '{"type": "object"}', est_usd => 2), tool_set('read', '{"type": "object"}', est_usd => 2, idempotent => true);
CREATE VIEW public.money AS SELECT used_usd, held_usd, in_flight, used_calls FROM budget_status WHERE budget = 'b';

-- Which failures leave it open: of a tool that may not run twice every one that does
-- not say that nothing was done
CREATE FUNCTION public.fails(tool text, status int, error text, OUT action text, OUT reason text, OUT key_says text) LANGUAGE plpgsql AS $$
DECLARE
  id uuid;
  k text := gen_random_uuid();
BEGIN
  SELECT call_id INTO id FROM agentcore.call_begin('other', tool, key => k, est_usd => 0);
  SELECT f.action, f.reason INTO action, reason FROM agentcore.call_fail(id, status, error) f;
  SELECT concat_ws(' ', v.verdict, v.reason) INTO key_says FROM agentcore.call_begin('other', tool, key => k, est_usd => 0) v;
  -- leaves nothing in flight
  PERFORM agentcore.call_commit(permit) FROM agentcore.permits WHERE key = k AND state IN ('open', 'retry');
END $$;
SELECT status, error, (public.fails('pay', status, error)).*
  FROM (VALUES (500, NULL), (502, 'bad gateway'), (504, 'upstream request timeout'), 
               (NULL, 'read timed out'), (NULL, 'ECONNRESET'), (NULL, 'socket hang up'), (NULL, 'something else'), (NULL, NULL), (0, 'read timed out'),
               (499, NULL), (NULL, 'asyncio.CancelledError'), (NULL, 'context canceled'),
               (400, NULL), (404, NULL), (408, NULL), (425, NULL), (429, NULL), (503, NULL), (529, NULL), (NULL, 'ECONNREFUSED')) v(status, error);
-- one that may run twice is tried again
SELECT status, error, (public.fails('read', status, error)).*
  FROM (VALUES (500, NULL), (504, NULL), (NULL, 'read timed out'), (NULL, 'something else'), (499, NULL), (NULL, 'context canceled'), (429, NULL)) v(status, error);
SELECT * FROM budget_verify();

-- Ended at once: the estimate is charged, nothing is in flight, the key is closed
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 1}', key => 'k1') \gset
SELECT * FROM public.money;
SELECT action, reason FROM call_fail(:'id', 504);
SELECT * FROM public.money;
SELECT call_status(:'id');
SELECT state, held_usd, charged_usd FROM permits WHERE permit = :'id';
SELECT verdict, reason, call_id = :'id' AS same, retry_after, feedback FROM call_begin('a', 'pay', '{"n": 1}', key => 'k1');
-- said again it is what it was; nothing reopens, enlarges, releases or reaps it
SELECT action, reason FROM call_fail(:'id', 504);
SELECT action, reason FROM call_fail(:'id', 400);
SELECT call_extend(:'id', '1 hour', usd => 1), budget_reap();
-- it was made: the key answers, once for all
SELECT call_resolve(:'id', true, '{"paid": 1}');
SELECT public.short(v), call_id = :'id' AS same FROM call_begin('a', 'pay', '{"n": 1}', key => 'k1') v;
SELECT call_resolve(:'id', true, '{"paid": 1}'), call_resolve(:'id', false), call_commit(:'id'), call_commit(:'id', usd => 5);
SELECT public.short(v) FROM call_begin('a', 'pay', '{"n": 1}', key => 'k1') v;
SELECT state, charged_usd FROM permits WHERE permit = :'id';

-- It was not made: what was charged is taken back, and the key is free
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 2}', key => 'k2') \gset
SELECT reason FROM call_fail(:'id', error => 'socket hang up');
SELECT * FROM public.money;
SELECT call_resolve(:'id', false);
SELECT * FROM public.money;
SELECT call_resolve(:'id', false), call_resolve(:'id', true), call_commit(:'id');
SELECT verdict, call_id <> :'id' AS another, attempt FROM call_begin('a', 'pay', '{"n": 2}', key => 'k2');
-- what is said late of the first is nothing to the second
SELECT call_resolve(:'id', true, '{"paid": 0}'), call_commit(:'id', '{"paid": 0}');
SELECT public.short(v) FROM call_begin('a', 'pay', '{"n": 2}', key => 'k2') v;
SELECT call_commit(permit, '{"paid": 2}') FROM permits WHERE key = 'k2' AND state = 'open';

-- The worker itself may know later; amounts that call_fail was told are what is charged
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 3}', key => 'k3') \gset
SELECT reason FROM call_fail(:'id', 502, usd => 0.5, tokens => 7);
SELECT charged_usd, charged_tokens FROM permits WHERE permit = :'id';
SELECT call_commit(:'id', '{"paid": 3}');
SELECT charged_usd, charged_tokens, state FROM permits WHERE permit = :'id';
SELECT public.short(v) FROM call_begin('a', 'pay', '{"n": 3}', key => 'k3') v;
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 4}', key => 'k4') \gset
SELECT reason FROM call_fail(:'id', 502, usd => 0.5);
SELECT call_resolve(:'id', true, usd => 3), call_resolve(:'id', true), call_resolve(:'id', true, usd => 4);
SELECT charged_usd FROM permits WHERE permit = :'id';
-- after a retry: what the attempts before it used stays charged
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 5}', key => 'k5') \gset
SELECT action FROM call_fail(:'id', 429, usd => 0.25);
SELECT reason FROM call_fail(:'id', 500);
SELECT charged_usd FROM permits WHERE permit = :'id';
SELECT call_resolve(:'id', false);
SELECT charged_usd FROM permits WHERE permit = :'id';
-- without a key it can be settled by its id
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 6}') \gset
SELECT reason FROM call_fail(:'id', 500);
SELECT call_resolve(:'id', false), call_status(:'id');
-- attempts used up, or a wait that is too long, say nothing either
SELECT retry_policy_set('once', max_attempts => 1), tool_set('pay_once', '{"type": "object"}', retry_policy => 'once');
SELECT (public.fails('pay_once', 504, NULL)).*;
SELECT call_id AS id FROM call_begin('other', 'pay', key => 'long', est_usd => 0) \gset
SELECT action, reason FROM call_fail(:'id', 500, retry_after_header => '7200');
-- a tool that became idempotent meanwhile was not when the call was made
SELECT call_id AS id FROM call_begin('other', 'pay', key => 'then', est_usd => 0) \gset
SELECT tool_set('pay', idempotent => true);
SELECT action, reason FROM call_fail(:'id', 504);
SELECT public.short(v) FROM call_begin('other', 'pay', key => 'then', est_usd => 0) v;
SELECT tool_set('pay', idempotent => false);
SELECT * FROM public.money;
SELECT * FROM budget_verify();

-- A worker that is late: a failure that says that nothing was done is heard, whether the
-- call was expired meanwhile or not; one that leaves the outcome open changes nothing
CREATE FUNCTION public.late(tool text, reap boolean, status int, told numeric, OUT ended text, OUT state text, OUT usd numeric, OUT key_says text) LANGUAGE plpgsql AS $$
DECLARE
  id uuid;
  k text := gen_random_uuid();
BEGIN
  SELECT call_id INTO id FROM agentcore.call_begin('other', tool, key => k, lease => '1 ms', est_usd => 2);
  PERFORM pg_sleep(0.002);
  IF reap THEN
    PERFORM agentcore.budget_reap();
  END IF;
  SELECT concat_ws(' ', f.action, f.reason) INTO ended FROM agentcore.call_fail(id, status, retry_after_header => CASE WHEN status = 429 THEN '7200' END, usd => told) f;
  SELECT p.state, p.charged_usd INTO state, usd FROM agentcore.permits p WHERE permit = id;
  SELECT concat_ws(' ', v.verdict, v.reason) INTO key_says FROM agentcore.call_begin('other', tool, key => k, est_usd => 2) v;
  PERFORM agentcore.call_commit(permit) FROM agentcore.permits p WHERE key = k AND p.state IN ('open', 'retry');
END $$;
SELECT tool, status, told, reap, l.*
  FROM (VALUES ('pay', 400, NULL), ('pay', 400, 0.5), ('pay', 504, 0.5), ('pay', 429, NULL), ('read', 404, NULL), ('read', 499, 0.5)) v(tool, status, told),
       (VALUES (false), (true)) r(reap), LATERAL public.late(tool, reap, status, told) l
 ORDER BY 1, 2, 3, 4;
SELECT * FROM budget_verify();

-- Deferred: nothing is held, and the key waits until then, with a target and without
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 7}', key => 'k7') \gset
SELECT action, reason, at > now() + '59 min' AS later FROM call_fail(:'id', 429, 'slow down', '3600', usd => 0.125);
SELECT state, charged_usd, retry_at > now() + '59 min' AS later FROM permits WHERE permit = :'id';
SELECT * FROM public.money;
SELECT verdict, reason, call_id = :'id' AS same, retry_after > '59 min' AS later FROM call_begin('a', 'pay', '{"n": 7}', key => 'k7');
SELECT verdict, reason FROM call_begin('a', 'pay', '{"n": 7}', key => 'another');
SELECT action, reason FROM call_fail(:'id', 429, 'slow down', '3600');
SELECT call_commit(:'id'), call_resolve(:'id', true);
SET agentcore.debug_clock_offset = 7200000;
SELECT verdict, call_id <> :'id' AS another, attempt FROM call_begin('a', 'pay', '{"n": 7}', key => 'k7');
SELECT verdict, reason FROM call_begin('a', 'pay', '{"n": 7}', key => 'k7');
RESET agentcore.debug_clock_offset;
-- no longer than agentcore.max_target_pause, because anybody may write such a header; the advice says what the server said
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 9}', key => 'k9') \gset
SELECT action, at > now() + '30 years' AS as_said FROM call_fail(:'id', 429, 'slow down', '999999999');
SELECT verdict, reason, retry_after BETWEEN '59 min' AND '1 h' AS cut FROM call_begin('a', 'pay', '{"n": 9}', key => 'k9');
SELECT retry_at < now() + '61 min' AS cut FROM permits WHERE permit = :'id';
SET agentcore.debug_clock_offset = 3660000;
SELECT verdict, call_id <> :'id' AS another FROM call_begin('a', 'pay', '{"n": 9}', key => 'k9');
SELECT call_release(permit) FROM permits WHERE key = 'k9' AND state = 'open';
RESET agentcore.debug_clock_offset;
SET agentcore.max_target_pause = '2 min';
SELECT call_id AS id FROM call_begin('a', 'read', '{"n": 10}', key => 'k10', lease => '1 ms') \gset
SELECT pg_sleep(0.002);
SELECT action, at > now() + '59 min' AS as_said FROM call_fail(:'id', 429, 'slow down', '3600');
SELECT verdict, reason, retry_after BETWEEN '1 min' AND '2 min' AS late_too FROM call_begin('a', 'read', '{"n": 10}', key => 'k10');
SET agentcore.max_target_pause = 0;
SELECT call_id AS id FROM call_begin('a', 'read', '{"n": 11}', key => 'k11') \gset
SELECT action FROM call_fail(:'id', 429, 'slow down', '3600');
SELECT verdict, call_id <> :'id' AS another FROM call_begin('a', 'read', '{"n": 11}', key => 'k11');
SELECT call_release(permit) FROM permits WHERE key = 'k11' AND state = 'open';
RESET agentcore.max_target_pause;
-- or until somebody says that it is not wanted any more
SELECT call_id AS id FROM call_begin('a', 'pay', '{"n": 8}', key => 'k8') \gset
SELECT action FROM call_fail(:'id', 429, 'slow down', '3600');
SELECT call_resolve(:'id', false), call_status(:'id');
SELECT verdict FROM call_begin('a', 'pay', '{"n": 8}', key => 'k8');
SELECT * FROM budget_verify();

-- Retention keeps a key whose outcome nobody knows
SELECT call_commit(permit) FROM permits WHERE state = 'open';
UPDATE permit SET settled_at = settled_at - interval '200 days', created_at = created_at - interval '200 days';
SELECT count(*) FROM permits WHERE state IN ('unknown', 'expired') AND key IS NOT NULL \gset
SELECT permits > 0 AS some FROM budget_ledger_retain('100 days');
SELECT count(*) = :count AS kept, count(*) FILTER (WHERE state NOT IN ('unknown', 'expired')) AS others FROM permits;
DROP VIEW public.money;
DROP FUNCTION public.fails, public.late, public.short;
