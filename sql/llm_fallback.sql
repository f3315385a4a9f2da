-- llm_begin(fallback): a model call that may run with one of several models.
\set SHOW_CONTEXT never
SET client_min_messages = error;	-- calls are begun and ended in one statement here
SET search_path = agentcore, public;
SELECT policy_set('p'), agent_set('a', 'p');
SELECT model_price_set('big', 0.00001, 0.0001), model_price_set('mid', 0.000001, 0.00001), model_price_set('small', 0.0000001, 0.000001);

-- what a call comes to; asked and refused in one line
CREATE FUNCTION asks(model text, fallback text[], key text DEFAULT NULL, task text DEFAULT NULL, agent text DEFAULT 'a', tokens bigint DEFAULT 1000)
  RETURNS TABLE (verdict text, reason text, model text, attempt integer, detail text) LANGUAGE sql AS $$
  SELECT v.verdict, v.reason, v.model, v.attempt,
         regexp_replace(regexp_replace(v.detail, '[0-9a-f]{8}-[0-9a-f-]{27}', 'ID', 'g'), '\d+ (of|held)', 'N \1', 'g')
    FROM agentcore.llm_begin(agent, model, tokens, 0, key => key, task => task, fallback => fallback) v
$$;

-- The first model runs if it can, at its own price; without a fallback the row names the model, too.
SELECT verdict, model, detail FROM llm_begin('a', 'big', 1000, 0);
SELECT verdict, model, detail FROM llm_begin('a', 'big', 1000, 0, fallback => '{mid,small}');
SELECT verdict, model FROM call_begin('a', 'no such tool');
SELECT tool, held_usd FROM permits ORDER BY created_at;

-- The list: nothing, the model itself and a name twice are no more models; bounded; NULL and impossible names are refused.
SELECT asks('gone', NULL), asks('gone', '{}');
SELECT * FROM asks('gone', '{gone,gone2,gone,gone2}');
SELECT * FROM asks('gone', (SELECT array_agg('g' || i) FROM generate_series(1, 8) i));
SELECT * FROM asks('big', (SELECT array_agg('g' || i) FROM generate_series(1, 9) i));
SELECT * FROM asks('big', '{mid,NULL}');
SELECT * FROM asks('big', '{""}');
SELECT * FROM asks('big', ARRAY[repeat('x', 300)]);
SELECT * FROM asks('big', ARRAY[E'a\nb']);
SELECT * FROM asks('big', '{{mid},{small}}');
-- the first name may be a model's own word: what cannot be one is refused as it is elsewhere
SELECT * FROM asks('', '{mid}');
SELECT * FROM asks(E'a\nb', '{mid}');
SELECT * FROM asks(E'a\nb', '{gone}');

-- Each stage as the one that refuses. No price; a fee that it has no price for:
SELECT * FROM asks('gone', '{mid,small}');
SELECT verdict, model, detail FROM llm_begin('a', 'big', 10, 10, fees => '{"web_search_requests": 1}', fallback => '{searching}');
SELECT model_price_set('searching', 0.000001, 0.00001, fees => '{"web_search_requests": 0.01}');
SELECT verdict, model, detail FROM llm_begin('a', 'big', 10, 10, fees => '{"web_search_requests": 1}', fallback => '{searching}');
-- the policy:
SELECT policy_deny_tool('p', 'big') > 0 AS rule;
SELECT * FROM asks('big', '{mid}');
SELECT * FROM asks('mid', '{big}');
SELECT * FROM asks('gone', '{big}');
SELECT policy_rule_drop('p', rule) FROM policy_rules WHERE policy = 'p';
-- the breaker, the pause and the rate of its target:
SELECT breaker_set('big', forced => 'open');
SELECT * FROM asks('big', '{mid}');
SELECT breaker_set('big', reset => '{forced}');
SELECT model_price_set('rated', 0.00001, 0.0001), rate_set('rated', 1, '1 hour');
SELECT * FROM asks('rated', '{mid}');
SELECT * FROM asks('rated', '{mid}');
SELECT rate_set('rated', period => '1 hour', tokens => 500);
SELECT * FROM asks('rated', '{mid}');
SELECT rate_drop('rated');
SELECT action FROM llm_begin('a', 'big', 1, 1) b, LATERAL call_fail(b.call_id, 529, NULL, '60');
SELECT * FROM asks('big', '{mid}');
SELECT target_resume('big');
-- of a shared target that is paused, all models are:
SELECT model_set('big', target => 'atlas'), model_set('mid', target => 'atlas'), breaker_set('atlas', forced => 'open');
SELECT * FROM asks('big', '{mid,small}');
SELECT model_drop('big'), model_drop('mid');
-- the budget: too dear for one that all have, and one that counts some models only
SELECT budget_set('purse', max_usd => 0.005), budget_set('few', parent => 'purse', max_calls => 1, "only" => '{mid}'), agent_set('payer', 'p', budget => 'few');
SELECT * FROM asks('big', '{mid,small}', agent => 'payer');
SELECT * FROM asks('big', '{mid,small}', agent => 'payer');
SELECT budget, held_usd, held_calls, in_flight FROM budget_status ORDER BY budget;
SELECT * FROM asks('big', '{mid,small}', agent => 'payer', tokens => 100000);
SELECT verdict, reason, model, denied_by, denied_dimension, asked, feedback FROM llm_begin('payer', 'big', 100000, 0, fallback => '{mid,small}');
SELECT agent_set('payer', budget => 'purse');

-- What is about the call ends it at once: no other model is tried.
SELECT tenant_set(enabled => false);
SELECT * FROM asks('gone', '{mid}');
SELECT tenant_set(enabled => true), agent_set('a', enabled => false);
SELECT * FROM asks('gone', '{mid}');
SELECT agent_set('a', enabled => true);

-- All refuse: the wait that ends first, else the first refusal; each is named.
SELECT model_price_set('hourly', 0.00001, 0.0001), rate_set('hourly', 1, '1 hour'), model_price_set('half', 0.00001, 0.0001), rate_set('half', 1, '30 min');
SELECT a.model, b.model FROM asks('hourly', NULL) a, asks('half', NULL) b;
SELECT breaker_set('big', forced => 'open');
SELECT verdict, reason, model, feedback, retry_after > '59 min' AS an_hour FROM llm_begin('a', 'gone', 1000, 0, fallback => '{hourly}');
SELECT verdict, reason, model, detail ~ '^"gone": .*; "hourly": .*; "half": ' AS all_three, feedback, retry_after < '31 min' AS soonest FROM llm_begin('a', 'gone', 1000, 0, fallback => '{hourly,half}');
-- a breaker that is forced open says 0, and nobody knows
SELECT verdict, reason, model, retry_after FROM llm_begin('a', 'big', 1000, 0, fallback => '{gone}');
SELECT verdict, reason, model, retry_after < '31 min' AS known FROM llm_begin('a', 'big', 1000, 0, fallback => '{half}');
SELECT verdict, reason, model, feedback FROM llm_begin('a', 'gone', 1000, 0, fallback => '{gone2}');

-- Nothing of a refused model stays: neither a rate token nor a probe nor a count.
SELECT breaker_set('big', reset => '{forced}');
SELECT model_price_set('three', 0.00001, 0.0001), rate_set('three', 3, '1 hour'), breaker_set('three', forced => 'open');
SELECT count(*), min(model) AS model FROM generate_series(1, 5) n, LATERAL asks('three', '{small}', tokens => n);
SELECT breaker_set('three', reset => '{forced}');
SELECT count(*) FILTER (WHERE verdict = 'run') AS run FROM generate_series(1, 4) n, LATERAL asks('three', NULL, tokens => n);
-- a model that its budget refuses has taken its rate token and its probe
SELECT model_price_set('fresh', 0.00001, 0.0001), rate_set('fresh', 2, '1 hour'), breaker_set('fresh', consecutive => 1, open_for => '1 s', probes => 1);
SELECT action FROM llm_begin('a', 'fresh', 1, 0) b, LATERAL call_fail(b.call_id, 500);
SET agentcore.debug_clock_offset = '5 s';
SELECT verdict, model, detail FROM generate_series(1, 3) n, LATERAL asks('fresh', '{small}', agent => 'payer', tokens => 1000 - n);
SELECT verdict, model, detail FROM asks('fresh', '{small}', tokens => 1);
SELECT verdict, model, detail FROM asks('fresh', '{small}', tokens => 1);
RESET agentcore.debug_clock_offset;

-- The loop guard counts the call, whichever model runs, once.
SET agentcore.loop_limit = 3;
SELECT model, reason FROM asks('big', '{mid}', task => 'loop');
SELECT breaker_set('big', forced => 'open');
SELECT model, reason FROM asks('big', '{mid}', task => 'loop');
SELECT model, reason FROM asks('big', '{mid}', task => 'loop');
SELECT model, reason, detail FROM asks('big', '{mid}', task => 'loop');
SELECT model, reason FROM asks('big', '{small}', task => 'loop');
SELECT n, reason FROM generate_series(1, 4) n, LATERAL asks('gone', '{gone2}', task => left('refused', 10 + n));
RESET agentcore.loop_limit;
SELECT breaker_set('big', reset => '{forced}');

-- The key keeps the choice.  While the call is open, and after it:
SELECT breaker_set('big', forced => 'open');
SELECT call_id AS c, model FROM llm_begin('a', 'big', 1000, 0, key => 'k', holder => 'me', fallback => '{mid,small}') \gset
SELECT :'model' AS chosen, breaker_set('big', reset => '{forced}');
SELECT * FROM asks('big', '{mid,small}', 'k');
SELECT verdict, model, call_id = :'c' AS same, attempt, detail FROM llm_begin('a', 'big', 1000, 0, key => 'k', holder => 'me', fallback => '{mid,small}');
SELECT breaker_set('mid', forced => 'open');
SELECT verdict, model, call_id = :'c' AS same FROM llm_begin('a', 'big', 1000, 0, key => 'k', holder => 'me', fallback => '{mid,small}');
SELECT policy_deny_tool('p', 'mid') > 0 AS rule;
SELECT * FROM asks('big', '{mid,small}', 'k');
SELECT policy_rule_drop('p', rule), breaker_set('mid', reset => '{forced}') FROM policy_rules WHERE policy = 'p';
SELECT llm_commit(:'c', '{"input_tokens": 1000, "output_tokens": 100}', result => '"done"');
SELECT tool, charged_usd FROM permits WHERE permit = :'c';
SELECT verdict, model, result, detail FROM llm_begin('a', 'big', 1000, 0, key => 'k', fallback => '{mid,small}');
-- and it is the key of model and list: nothing else
SELECT * FROM asks('big', NULL, 'k');
SELECT * FROM asks('mid', NULL, 'k');
SELECT * FROM asks('big', '{small,mid}', 'k');
SELECT * FROM asks('big', '{mid,small,gone}', 'k');
SELECT verdict, model FROM asks('big', '{mid,mid,big,small}', 'k');
SELECT verdict, model FROM asks('big', NULL, 'plain');
SELECT * FROM asks('big', '{mid}', 'plain');

-- A call that failed chooses anew.  Its own model waits for the retry; the next one may go on at once.
SELECT breaker_set(m, min_calls => 1000, consecutive => 1000) FROM unnest('{big,mid,small}'::text[]) m;
SELECT retry_policy_set('calm', max_attempts => 3, base => '10 s', cap => '60 s', method => 'none');
SELECT model_set('big', retry_policy => 'calm'), model_set('mid', retry_policy => 'calm'), model_set('small', retry_policy => 'calm');
SELECT call_id AS c, model, attempt FROM llm_begin('payer', 'big', 100, 0, key => 'r', fallback => '{mid}') \gset
SELECT :'model' AS model, :attempt AS attempt, action, delay FROM call_fail(:'c', 529, tokens => 10);
SELECT breaker_set('mid', forced => 'open');
SELECT verdict, reason, model, call_id = :'c' AS same, retry_after > '9 s' AS until_retry, detail ~ '"big": in_progress .*; "mid": circuit_open' AS both FROM llm_begin('payer', 'big', 100, 0, key => 'r', fallback => '{mid}');
SELECT call_status(:'c'), breaker_set('mid', reset => '{forced}');
SELECT call_id AS d, verdict, model, attempt, call_id <> :'c' AS another, detail FROM llm_begin('payer', 'big', 100, 0, key => 'r', fallback => '{mid}') \gset
SELECT :'verdict' AS verdict, :'model' AS model, :attempt AS attempt, :'another' AS another, call_status(:'c') AS first;
SELECT tool, state, attempt, charged_tokens, held_usd FROM permits WHERE key = 'r' ORDER BY created_at;
SELECT budget, held_usd, in_flight FROM budget_status;
-- the first, that was left, is ended
SELECT call_fail(:'c', 500), llm_commit(:'c', tokens => 1);
-- attempts go on, on whatever model
SELECT action, reason FROM call_fail(:'d', 529);
SELECT call_id AS e, model, attempt FROM llm_begin('payer', 'big', 100, 0, key => 'r', fallback => '{mid}') \gset
SELECT :'model' AS model, :attempt AS attempt, action, reason FROM call_fail(:'e', 529);
-- the key is free, and the call new
SELECT model, attempt FROM asks('big', '{mid}', 'r', agent => 'payer', tokens => 100);

-- after the delay the model that failed is asked first, in the same permit
SELECT call_id AS c FROM llm_begin('a', 'big', 100, 0, key => 's', fallback => '{mid}') \gset
SELECT action FROM call_fail(:'c', 500);
SET agentcore.debug_clock_offset = '11 s';
SELECT verdict, model, attempt, call_id = :'c' AS same FROM llm_begin('a', 'big', 100, 0, key => 's', fallback => '{mid}');
-- unless it is not to be had
SELECT action FROM call_fail(:'c', 529, NULL, '30');
SET agentcore.debug_clock_offset = '40 s';
SELECT verdict, model, attempt, call_id = :'c' AS same, detail ~ '^instead of "big": ' AS told FROM llm_begin('a', 'big', 100, 0, key => 's', fallback => '{mid}');
RESET agentcore.debug_clock_offset;
SELECT target_resume('big');

-- one call of a budget in flight: the first is ended before the next begins
SELECT budget_set('narrow', max_in_flight => 1, max_usd => 1), agent_set('narrow', 'p', budget => 'narrow');
SELECT call_id AS c FROM llm_begin('narrow', 'big', 100, 0, key => 'n', fallback => '{mid}') \gset
SELECT action FROM call_fail(:'c', 529);
-- a refusal leaves it as it was: it waits for its retry, and holds what it held
SELECT budget_set('tiny', parent => 'narrow', max_calls => 0, "only" => '{mid}'), agent_set('narrow', budget => 'tiny');
SELECT verdict, reason, model, detail ~ '"mid": budget_exceeded' AS told FROM llm_begin('narrow', 'big', 100, 0, key => 'n', fallback => '{mid}');
SELECT tool, state, attempt, held_usd FROM permits WHERE key = 'n';
SELECT budget, held_usd, in_flight FROM budget_status WHERE budget = 'narrow';
SELECT agent_set('narrow', budget => 'narrow');
SELECT verdict, model, attempt FROM llm_begin('narrow', 'big', 100, 0, key => 'n', fallback => '{mid}');
SELECT budget, held_usd, in_flight FROM budget_status WHERE budget = 'narrow';
-- a savepoint takes all of it back
SELECT call_id AS c FROM llm_begin('a', 'big', 100, 0, key => 'sp', fallback => '{mid}') \gset
SELECT action FROM call_fail(:'c', 529);
BEGIN;
SAVEPOINT s;
SELECT model, attempt FROM asks('big', '{mid}', 'sp', tokens => 100);
ROLLBACK TO s;
SELECT call_status(:'c');
SELECT model, attempt FROM asks('big', '{mid}', 'sp', tokens => 100);
COMMIT;
SELECT call_status(:'c');

-- and so does an error, for a caller that catches it: nothing of the attempt is left open
SELECT call_id AS c FROM llm_begin('payer', 'big', 100, 0, key => 'caught', fallback => '{mid}') \gset
SELECT action FROM call_fail(:'c', 529);
CREATE TABLE public.written (what text);
DO $$
BEGIN
  BEGIN
    SET LOCAL transaction_read_only = on;
    PERFORM * FROM agentcore.llm_begin('payer', 'big', 100, 0, key => 'caught', fallback => '{mid}');
  EXCEPTION WHEN read_only_sql_transaction THEN
    INSERT INTO public.written VALUES ('after the error');
  END;
END $$;
SELECT what, current_setting('transaction_read_only') AS read_only, call_status(:'c') FROM public.written;

-- A call that was deferred: its model is left alone, and the next one goes on at once.
SELECT call_id AS c FROM llm_begin('a', 'big', 100, 0, key => 'd', fallback => '{mid}') \gset
SELECT action FROM call_fail(:'c', 429, '{"error": {"message": "requests per day"}}', '7200');
SELECT target_resume('big'), breaker_set('mid', forced => 'open');
SELECT verdict, reason, model, attempt, retry_after > '59 min' AS long FROM llm_begin('a', 'big', 100, 0, key => 'd', fallback => '{mid}');
SELECT breaker_set('mid', reset => '{forced}');
SELECT model, attempt, detail FROM asks('big', '{mid}', 'd', tokens => 100);
SELECT call_status(:'c');

-- A lease that ended leaves no choice behind.
SELECT breaker_set('big', forced => 'open');
SELECT call_id AS c, model FROM llm_begin('a', 'big', 100, 0, key => 'l', lease => '1 min', fallback => '{mid}') \gset
SELECT :'model' AS model, breaker_set('big', reset => '{forced}');
SET agentcore.debug_clock_offset = '2 min';
SELECT model, attempt FROM asks('big', '{mid}', 'l', tokens => 100);
SELECT call_status(:'c');
RESET agentcore.debug_clock_offset;

-- Audit mode refuses nothing, so the first model runs; only what cannot run at all is passed over.
SELECT agent_set('watched', 'p', mode => 'audit'), breaker_set('big', forced => 'open');
SELECT verdict, reason, model, enforced FROM llm_begin('watched', 'big', 100, 0, fallback => '{mid}');
SELECT verdict, reason, model, enforced FROM llm_begin('watched', 'gone', 100, 0, fallback => '{mid}');
SELECT verdict, reason, model, enforced, detail FROM llm_begin('watched', '', 100, 0, fallback => '{mid}');
SELECT policy_set('soft', mode => 'audit'), policy_deny_tool('soft', 'mid') > 0 AS rule, agent_set('soft', 'soft');
SELECT verdict, reason, model, enforced FROM llm_begin('soft', 'big', 100, 0, fallback => '{mid}');

-- One line of the log per call: of the model that the row names.
SET agentcore.audit = 'all';
SELECT verdict FROM asks('big', '{mid}', task => 'logged') UNION ALL SELECT verdict FROM asks('gone', '{gone2}', task => 'logged');
RESET agentcore.audit;
SELECT tool, verdict, reason, detail FROM call_log WHERE task = 'logged' ORDER BY at;

-- An alias is a model as another is: its price, and the name that was given.
SELECT model_alias_set('best', 'mid');
SELECT verdict, model FROM asks('big', '{best}');
SELECT tool, priced_as FROM permits WHERE tool = 'best';
SELECT breaker_set('big', reset => '{forced}');


-- A full budget has a person asked only where no other model does without.
SELECT budget_set('asking', max_usd => 0.002, on_full => 'ask'), agent_set('asker', 'p', budget => 'asking');
SELECT verdict, model, detail FROM asks('big', '{mid}', agent => 'asker');
SELECT count(*) FROM approvals;
SELECT verdict, reason, model, approval IS NOT NULL AS asked, denied_by, detail ~ '"mid": approval_required' AS both, feedback
  FROM llm_begin('asker', 'big', 10000, 0, fallback => '{mid}');
SELECT tool, est_usd, state, call_approve(id) FROM approvals;
SELECT verdict, model, approval IS NOT NULL AS approved FROM llm_begin('asker', 'big', 10000, 0, fallback => '{mid}');
-- in the place of a call that failed: the question stays, and the call waits for its retry
SELECT budget_set('asking', max_usd => 1);
SELECT call_id AS c FROM llm_begin('asker', 'mid', 100, 0, key => 'asked', fallback => '{big}') \gset
SELECT action FROM call_fail(:'c', 529);
SELECT budget_set('asking', max_usd => 0.0001);
SELECT verdict, reason, model, approval IS NOT NULL AS asked FROM llm_begin('asker', 'mid', 100, 0, key => 'asked', fallback => '{big}');
SELECT call_status(:'c'), tool, state FROM approvals WHERE state = 'pending';
SELECT call_approve(id) FROM approvals WHERE state = 'pending';
SELECT verdict, model, attempt, approval IS NOT NULL AS approved FROM llm_begin('asker', 'mid', 100, 0, key => 'asked', fallback => '{big}');
SELECT call_status(:'c');

SELECT * FROM budget_verify();
