-- NULL is unknown, 0 is nothing: what is asked of budgets, at the raw functions and at the gate.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
-- pairs in one statement are meant here
SET agentcore.budget_guard = off;

CREATE FUNCTION pg_temp.ask(budget text, tokens bigint, usd numeric, calls integer DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d agentcore.budget_decision := agentcore.budget_try_acquire(budget, tokens, usd, calls);
BEGIN
  PERFORM agentcore.budget_release(d.permit) WHERE d.granted;
  RETURN CASE WHEN d.granted THEN 'granted' WHEN d.can_ever_fit THEN 'not now' ELSE 'never' END;
END $$;

-- Each dimension when it is full: an unknown amount needs room there, nothing does not ----
SELECT budget_set('tokens', max_tokens => 10), budget_set('usd', max_usd => 10), budget_set('calls', max_calls => 10), budget_set('all', max_tokens => 10, max_usd => 10, max_calls => 10);
SELECT b, pg_temp.ask(b, NULL, NULL, 1) AS unknown, pg_temp.ask(b, 0, 0, 0) AS nothing FROM unnest('{tokens,usd,calls,all}'::text[]) b;
SELECT count(budget_commit(budget_acquire(b, 10, 10, 10))) FROM unnest('{tokens,usd,calls,all}'::text[]) b;
SELECT b, t.n AS tokens, u.n AS usd, c AS calls, pg_temp.ask(b, t.n, u.n, c)
  FROM unnest('{tokens,usd,calls,all}'::text[]) b, (VALUES (NULL::int), (0)) t(n), (VALUES (NULL::int), (0)) u(n), generate_series(0, 1) c
 ORDER BY b, t.n, u.n, c;
SELECT b, pg_temp.ask(b, 1, 0), pg_temp.ask(b, 0, 0.000000001) FROM unnest('{tokens,usd,all}'::text[]) b;
SELECT detail FROM budget_try_acquire('tokens');
SELECT detail FROM budget_try_acquire('usd', 0);
SELECT detail FROM budget_try_acquire('usd', 0, 0.5);
SELECT budget_acquire('tokens', usd => 0);
SELECT budget_acquire('tokens', 0) IS NOT NULL AS nothing_passes;

-- a limit of nothing, and one that was lowered below what is used
SELECT budget_set('none', max_tokens => 0, max_usd => 0), budget_set('tokens', max_tokens => 3);
SELECT b, pg_temp.ask(b, NULL, NULL), pg_temp.ask(b, 0, NULL), pg_temp.ask(b, 0, 0, 1) FROM unnest('{none,tokens}'::text[]) b;

-- what is still counted: the call, and the call in flight
SELECT budget_set('flight', max_usd => 0, max_calls => 3, max_in_flight => 1);
SELECT budget_acquire('flight', usd => 0) AS p \gset
SELECT reason, denied_limit, detail FROM budget_try_acquire('flight', usd => 0);
SELECT budget_commit(:'p', usd => 0);
SELECT budget_commit(budget_acquire('flight', usd => 0)) FROM generate_series(1, 2);
SELECT reason, denied_limit, detail FROM budget_try_acquire('flight', usd => 0);
-- a budget that is switched off refuses nothing too
SELECT budget_set('off', enabled => false), pg_temp.ask('off', 0, 0);
CALL budget_acquire_wait('flight', usd => 0, calls => 0, deadline => '0', permit => NULL) \gset
SELECT held_usd, held_calls FROM permits WHERE permits.permit = :'permit';

-- A parent is asked as the budget itself; the first that refuses is named ----
SELECT budget_set('child', max_usd => 5, parent => 'usd');
SELECT pg_temp.ask('child', NULL, NULL), pg_temp.ask('child', NULL, 0), pg_temp.ask('child', 0, 0);
SELECT denied_by, detail FROM budget_try_acquire('child', 0);

-- every kind of window: room comes back for what is unknown, and nothing does not wait for it
SELECT budget_set('w ' || kind, max_usd => 1, period => '1 day', kind => kind) FROM unnest('{fixed,calendar,sliding}'::text[]) kind;
SELECT count(budget_commit(budget_acquire('w ' || kind, usd => 1))) FROM unnest('{fixed,calendar,sliding}'::text[]) kind;
SELECT kind, d.granted, d.can_ever_fit, d.retry_after > '0' AND d.retry_after <= '25 hours' AS told, pg_temp.ask('w ' || kind, NULL, 0)
  FROM unnest('{fixed,calendar,sliding}'::text[]) kind, budget_try_acquire('w ' || kind) d;

-- a budget that is full, and one of which more is taken than is allowed
SELECT budget_set('full', max_usd => 8);
SELECT budget_commit(budget_acquire('full', usd => 8));
SELECT pg_temp.ask('full', NULL, NULL), pg_temp.ask('full', NULL, 0);
SELECT budget_set('full', max_usd => 2), pg_temp.ask('full', NULL, NULL), pg_temp.ask('full', NULL, 0);
SELECT budget_set('full', max_usd => 9), pg_temp.ask('full', NULL, NULL), pg_temp.ask('full', NULL, 0);

-- an unknown amount holds nothing; what it cost is charged, and nothing if that is not said
SELECT budget_set('held', max_usd => 1);
SELECT budget_acquire('held') AS p \gset
SELECT held_tokens, held_usd, held_calls FROM permits WHERE permit = :'p';
SELECT budget_extend(:'p', '1 minute', 0, 0), budget_commit(:'p', usd => 1);
SELECT used_usd FROM budget_status WHERE budget = 'held';
SELECT budget_acquire('held', usd => 0) AS p \gset
SELECT budget_extend(:'p', '1 minute', 0, 0), budget_extend(:'p', '1 minute', 5);
SELECT budget_extend(:'p', '1 minute', usd => 0.1);
SELECT budget_release(:'p');

-- under a key the two are different requests
SELECT budget_acquire('all', 0, 0, 0, key => 'k') = budget_acquire('all', 0, 0, 0, key => 'k') AS the_same;
SELECT budget_acquire('all', NULL, 0, 0, key => 'k');
SELECT budget_set('boundless');
SELECT budget_acquire('boundless', key => 'u') = budget_acquire('boundless', NULL, NULL, key => 'u') AS the_same;
SELECT budget_acquire('boundless', 0, 0, key => 'u');

-- a lease that has ended makes room for what is unknown
SELECT budget_set('lapsed', max_usd => 1);
SELECT budget_acquire('lapsed', usd => 1, lease => '1 microsecond') IS NOT NULL AS held;
SELECT pg_sleep(0.001), granted FROM budget_try_acquire('lapsed');
SELECT * FROM budget_verify();

-- The gate ----
SELECT policy_set('p'), policy_allow_tool('p', '*'), budget_set('purse', max_usd => 1), agent_set('a', 'p', 'purse');
SELECT budget_commit(budget_acquire('purse', usd => 1));
SELECT tool_set('plain', '{"type": "object"}'), tool_set('free', '{"type": "object"}', est_usd => 0), tool_set('dear', '{"type": "object"}', est_usd => 0.5);
SELECT name, est_tokens, est_usd FROM tools ORDER BY 1;
SELECT t AS tool, u AS est_usd, b.verdict, b.reason, e.verdict AS explained, b.detail
  FROM unnest('{plain,free,dear}'::text[]) t, unnest('{NULL,0,0.1}'::numeric[]) u,
       call_begin('a', t, est_usd => u) b, call_explain('a', t, est_usd => u) e WHERE e.stage = 'budget' ORDER BY 1, 2;
-- a tool's estimates, one by one
SELECT tool_set('free', est_usd => 0), tool_set('free', est_tokens => 0), tool_set('free', reset => '{est_usd}');
SELECT verdict FROM call_begin('a', 'free');
SELECT tool_set('free', est_usd => 0, reset => '{est_tokens}');
SELECT name, est_tokens, est_usd FROM tools WHERE name = 'free';
SELECT verdict FROM call_begin('a', 'free');

-- a model that is free passes; one whose price is not 0 does not, whatever it is asked for
SELECT model_price_set('local', 0, 0), model_price_set('paid', 0.001, 0.002), model_price_set('output only', 0, 0.002),
       model_price_set('cache only', 0, 0, usd_per_cache_write_token => 0.001), model_price_set('thinking only', 0, 0, usd_per_reasoning_token => 0.001);
SELECT m.model, i AS input, o AS output, b.verdict
  FROM unnest('{local,paid,output only,cache only,thinking only}'::text[]) WITH ORDINALITY m(model, n), (VALUES (0, 0), (100, 0), (0, 100)) t(i, o), llm_begin('a', model, i, o) b
 ORDER BY n, i, o;
-- a price that is too small for one nano-dollar is none of nothing
SELECT model_price_set('tiny', 0.0000000000001, 0), verdict FROM llm_begin('a', 'tiny', 1, 0);
SELECT verdict FROM llm_begin('a', 'nobody''s', 1, 1);
-- tokens by weight
SELECT budget_set('tokens left', max_tokens => 0), agent_set('t', 'p', 'tokens left'),
       model_price_set('weightless', 1, 1, input_weight => 0, output_weight => 0), model_price_set('one side', 1, 1, input_weight => 0);
SELECT m.model, i AS input, o AS output, b.verdict, b.detail
  FROM unnest('{weightless,one side}'::text[]) m(model), (VALUES (0, 0), (100, 0), (0, 100)) t(i, o), llm_begin('t', model, i, o) b ORDER BY 1 DESC, 2, 3;

-- What a person allows ----
SELECT budget_set('rich'), agent_set('r', 'p', 'rich'), tool_set('wire', '{"type": "object"}', needs_approval => true);
CREATE FUNCTION pg_temp.approved(asked numeric, later numeric, approve boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  PERFORM agentcore.call_begin('r', 'wire', est_usd => asked);
  PERFORM agentcore.call_approve(id, approve) FROM agentcore.approvals WHERE state = 'pending';
  SELECT verdict INTO answer FROM agentcore.call_begin('r', 'wire', est_usd => approved.later);
  DELETE FROM agentcore.approval;
  RETURN answer;
END $$;
-- approved: what is surely not dearer; refused: all that may be as dear
SELECT asked, later, pg_temp.approved(asked, later) AS after_approval, pg_temp.approved(asked, later, false) AS after_refusal
  FROM unnest('{NULL,0,0.01,5}'::numeric[]) asked, unnest('{NULL,0,0.01,5}'::numeric[]) later ORDER BY asked NULLS FIRST, later NULLS FIRST;
-- one question, however often it is asked
SELECT count(verdict) FROM generate_series(1, 3), call_begin('r', 'wire');
SELECT est_tokens, est_usd, state FROM approvals;
SELECT call_approve(id) FROM approvals;
SELECT call_id AS c FROM call_begin('r', 'wire') \gset
-- what was not known when it was allowed is not held afterwards
SELECT call_extend(:'c', '1 minute'), call_extend(:'c', '1 minute', usd => 0.01), call_extend(:'c', '1 minute', tokens => 1);

-- A rate in tokens: unknown passes none that is full, at its retry neither; nothing does ----
SELECT rate_set('tokens', tokens => 10, period => '1 day'), tool_set('rated', '{"type": "object", "properties": {"n": {"type": "integer"}}}', target => 'tokens', idempotent => true);
SELECT call_id AS c FROM call_begin('r', 'rated', '{"n": 1}', key => 'unknown') \gset
SELECT action FROM call_fail(:'c', 500);
SELECT call_id AS c FROM call_begin('r', 'rated', '{"n": 2}', est_tokens => 0, key => 'nothing') \gset
SELECT action FROM call_fail(:'c', 500);
SELECT verdict FROM call_begin('r', 'rated', '{"n": 3}', est_tokens => 9);
SET agentcore.debug_clock_offset = '1h';
SELECT verdict, reason FROM call_begin('r', 'rated', '{"n": 1}', key => 'unknown');
SELECT verdict, reason FROM call_begin('r', 'rated', '{"n": 1}', est_tokens => 5, key => 'unknown');
SELECT verdict, attempt FROM call_begin('r', 'rated', '{"n": 2}', est_tokens => 0, key => 'nothing');
SELECT verdict, reason FROM call_begin('r', 'rated', '{"n": 4}');
SELECT verdict FROM call_begin('r', 'rated', '{"n": 4}', est_tokens => 0);
RESET agentcore.debug_clock_offset;
