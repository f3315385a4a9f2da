-- Prices: usage objects as providers send them, kinds of tokens, validity, weights, who pays.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET client_min_messages = warning;
-- pairs in one statement are meant here
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set VERBOSITY default

-- one decimal place a kind of token, so that a price shows what was counted as what
SELECT model_price_set('m', 1, 0.0001, 0.1, usd_per_cache_write_token => 0.01, usd_per_long_cache_write_token => 0.001,
                       usd_per_reasoning_token => 0.00001);

CREATE FUNCTION public.cost(usage jsonb) RETURNS TABLE (input bigint, cached bigint, written bigint, output bigint, reasoning bigint, tokens bigint, usd numeric)
  LANGUAGE sql AS $$
  SELECT input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, tokens, trim_scale(usd) FROM agentcore.model_cost('m', usage)
$$;

-- Usage objects as they come ---------------------------------------------------
SELECT provider, c.* FROM (VALUES
  (1, 'chat', '{"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17,
     "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0},
     "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}'::jsonb),
  (2, 'chat, cache writes', '{"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3}}'),
  (3, 'chat, nothing detailed', '{"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17, "prompt_tokens_details": null}'),
  (4, 'chat, reasoning apart', '{"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 16, "completion_tokens_details": {"reasoning_tokens": 6}}'),
  (5, 'responses', '{"input_tokens": 9, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 8, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 17}'),
  (6, 'messages', '{"input_tokens": 4, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 7, "service_tier": "standard",
     "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 2}, "server_tool_use": null}'),
  (7, 'messages, before cache_creation', '{"input_tokens": 4, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 7}'),
  (8, 'gemini', '{"promptTokenCount": 9, "cachedContentTokenCount": 2, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "toolUsePromptTokenCount": 1, "totalTokenCount": 18,
     "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}]}'),
  (9, 'gemini, no answer', '{"promptTokenCount": 9, "totalTokenCount": 9}'),
  (10, 'gemini, by its Python library', '{"prompt_token_count": 9, "cached_content_token_count": 2, "candidates_token_count": 5, "thoughts_token_count": 3, "total_token_count": 17}'),
  (11, 'a whole response', '{"id": "x", "usage": {"input_tokens": 4, "output_tokens": 7}}'),
  (12, 'a whole response of gemini', '{"candidates": [], "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 7}}'),
  (13, 'a total below its parts', '{"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 1}')
) u(n, provider, usage), public.cost(u.usage) c ORDER BY n;

-- several forms at once, or in several places: the larger cost counts; what agrees is counted once; a side that one says nothing of is as another says
SELECT n, what, c.* FROM (VALUES
  (1, 'small, then large', '{"prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 400, "output_tokens": 700}'::jsonb),
  (2, 'large, then small', '{"prompt_tokens": 400, "completion_tokens": 700, "input_tokens": 1, "output_tokens": 1}'),
  (3, 'beside gemini', '{"prompt_tokens": 1, "completion_tokens": 1, "promptTokenCount": 400, "candidatesTokenCount": 700}'),
  (4, 'beside its library', '{"promptTokenCount": 1, "prompt_token_count": 400, "candidates_token_count": 700}'),
  (5, 'the first field left out', '{"prompt_tokens": 1, "completion_tokens": 1, "candidatesTokenCount": 700}'),
  (6, 'only the second known', '{"output_tokens": 700, "promptTokenCount": 1}'),
  (7, 'in two wrappers', '{"usage": {"prompt_tokens": 1}, "usageMetadata": {"promptTokenCount": 400, "candidatesTokenCount": 700}}'),
  (8, 'beside the wrapper', '{"usage": {"prompt_tokens": 1}, "input_tokens": 400, "output_tokens": 700}'),
  (9, 'more input, less output', '{"prompt_tokens": 1000, "completion_tokens": 0, "input_tokens": 0, "output_tokens": 900}'),
  (10, 'a gateway that agrees', '{"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17, "prompt_tokens_details": {"cached_tokens": 2},
     "cache_read_input_tokens": 2, "cache_creation_input_tokens": 0}'),
  (11, 'both names, one call', '{"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17, "input_tokens": 9, "output_tokens": 8}'),
  (12, 'cached twice', '{"input_tokens": 9, "input_tokens_details": {"cached_tokens": 2}, "cache_read_input_tokens": 6, "output_tokens": 1}')
) u(n, what, usage), public.cost(u.usage) c ORDER BY n;

-- not understood, so not charged by a guess
CREATE FUNCTION public.refused(usage jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM agentcore.model_cost('m', usage);
  RETURN 'priced';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
SELECT u, public.refused(u::jsonb) FROM unnest(ARRAY[
  'null', '[]', '"x"', '{}', '{"prompt_tokens": 1, "candidatesTokenCount": -1}', '{"prompt_tokens": 1, "input_tokens": 9223372036854775807, "output_tokens": 1}',
  '{"prompt_tokens": 1, "cache_read_input_tokens": "x"}', '{"usage": {"prompt_tokens": 1}, "input_tokens": -1}', '{"output_tokens": 5}', '{"usage": {}}', '{"usage": []}', '{"usage": null}',
  '{"promptTokenCount": -1}', '{"promptTokenCount": 1.5}', '{"promptTokenCount": "1"}',
  '{"promptTokenCount": 1, "cachedContentTokenCount": 2}', '{"promptTokenCount": 1, "thoughtsTokenCount": []}',
  '{"prompt_tokens": 1, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}}',
  '{"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 2}}',
  '{"input_tokens": 1, "cache_creation_input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 2}}',
  '{"input_tokens": 1, "cache_creation": 7}', '{"prompt_tokens": 1, "total_tokens": -1}', '{"prompt_tokens": 1, "total_tokens": "many"}',
  '{"promptTokenCount": 9223372036854775807, "candidatesTokenCount": 1}',
  '{"promptTokenCount": 9223372036854775807, "toolUsePromptTokenCount": 1}',
  '{"candidatesTokenCount": 1}']) u;

-- What a price not given falls back to -------------------------------------------
SELECT model_price_set('plain', 2, 3);
SELECT trim_scale(usd) AS usd FROM model_cost('plain', '{"input_tokens": 1, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 1, "output_tokens": 1}');
SELECT trim_scale(usd) AS usd FROM model_cost('plain', '{"promptTokenCount": 1, "thoughtsTokenCount": 1}');
SELECT model_price_set('writes', 2, 3, usd_per_cache_write_token => 5);
SELECT trim_scale(usd) AS usd FROM model_cost('writes', '{"input_tokens": 0, "cache_creation_input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 1}}');
SELECT model, in_force, usd_per_input_token AS input, usd_per_cached_token AS cached, usd_per_cache_write_token AS write,
       usd_per_long_cache_write_token AS long, usd_per_output_token AS output, usd_per_reasoning_token AS reasoning, cached_weight
  FROM model_prices ORDER BY model;
-- free is a price
SELECT model_price_set('free', 0, 0, 0);
SELECT tokens, usd FROM model_cost('free', '{"input_tokens": 5, "output_tokens": 5}');

-- Validity ------------------------------------------------------------------------
SELECT model_price_set('v', 1, 1, valid_from => '2020-01-01');
SELECT model_price_set('v', 2, 2, valid_from => '2021-01-01', valid_to => '2021-02-01');
SELECT model_price_set('v', 3, 3, valid_from => '2021-01-10', valid_to => '2021-01-20');
SELECT model_price_set('v', 4, 4, valid_from => '-infinity', valid_to => '2010-01-01');
SELECT at, (SELECT usd::int FROM model_cost('v', '{"input_tokens": 1}', at)) AS usd
  FROM unnest('{2000-01-01,2009-12-31 23:59:59.999999,2020-01-01,2020-12-31 23:59:59.999999,2021-01-01,2021-01-10,2021-01-19 23:59:59.999999,2021-01-20,2021-02-01,infinity}'::timestamptz[]) at;
SELECT model_cost('v', '{"input_tokens": 1}', '2010-01-01');
SELECT valid_from, valid_to, in_force FROM model_prices WHERE model = 'v' ORDER BY valid_from;
-- the end of one can be moved; the same again changes nothing
SELECT model_price_set('v', 2, 2, valid_from => '2021-01-01', valid_to => '2021-03-01');
SELECT model_price_set('v', 2, 2, valid_from => '2021-01-01', valid_to => '2021-03-01');
-- from now on, as it is already; from now on, for a while
SELECT model_price_set('v', 1, 1);
SELECT model_price_set('v', 1, 1, valid_to => 'infinity');
-- an over price holds no more
SELECT model_price_set('over', 1, 1, valid_from => '2020-01-01', valid_to => '2020-01-02');
SELECT model_cost('over', '{"input_tokens": 1}');
SELECT in_force FROM model_prices WHERE model = 'over';
-- refused
SELECT model_price_set('bad', 1, 1, valid_from => '2020-01-02', valid_to => '2020-01-02');
SELECT model_price_set('bad', 1, 1, valid_to => '2020-01-02');
SELECT model_price_set('bad', 1, 1, usd_per_reasoning_token => -1);
SELECT model_price_set('bad', 1, 1, usd_per_cache_write_token => 'NaN');
SELECT model_price_set('bad', 1, 1, usd_per_long_cache_write_token => 'infinity');
SELECT model_price_set('bad', 1, 1, reset => '{model}');
SELECT model_price_set('bad', 1, 1, output_weight => -0.5);
SELECT model_price_set('bad', 1, 1, cached_weight => 'NaN');
SELECT count(*) FROM model_prices WHERE model = 'bad';

-- Weights ---------------------------------------------------------------------------
SELECT model_price_set('w', 0, 0, output_weight => 4, cached_weight => 0.1);
SELECT tokens FROM model_cost('w', '{"input_tokens": 10, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 1}}');
-- rounded up, once
SELECT tokens FROM model_cost('w', '{"input_tokens": 0, "cache_read_input_tokens": 1}');
SELECT tokens FROM model_cost('w', '{"input_tokens": 1, "cache_read_input_tokens": 15}');
-- what does not fit is the most there is
SELECT model_price_set('w9', 0, 0, output_weight => 9e9);
SELECT tokens FROM model_cost('w9', '{"input_tokens": 0, "output_tokens": 10000000000}');
SELECT model_price_set('w0', 0, 0, input_weight => 0, output_weight => 1);
SELECT tokens FROM model_cost('w0', '{"input_tokens": 10, "cache_read_input_tokens": 10, "output_tokens": 5}');

-- The gate --------------------------------------------------------------------------
SELECT policy_set('p');
SELECT budget_set('org', max_usd => 1000000);
SELECT budget_set('agent', max_usd => 1000, parent => 'org');
SELECT budget_set('run 1', max_tokens => 1000, parent => 'org');
SELECT budget_set('user ada', max_usd => 20, parent => 'org');
SELECT agent_set('bot', 'p', budget => 'agent', charges => '{user *,run *}');
CREATE VIEW public.paid AS
  SELECT budget, held_tokens AS htok, held_usd AS husd, used_tokens AS tok, used_usd AS usd, used_calls AS calls FROM agentcore.budget_status;

-- the hold is the most it can cost: every input token written to a cache, every output token as the dearer of the two
SELECT model_price_set('dear', 0.000003, 0.000015, 0.0000003, usd_per_cache_write_token => 0.00000375,
                       usd_per_long_cache_write_token => 0.000006, usd_per_reasoning_token => 0.00002, output_weight => 5);
SELECT verdict, call_id AS id FROM llm_begin('bot', 'dear', 1000, 100) \gset
SELECT :'verdict' AS verdict;
SELECT * FROM public.paid WHERE htok > 0 ORDER BY budget;
SELECT llm_commit(:'id', '{"input_tokens": 100, "cache_creation_input_tokens": 900, "cache_creation": {"ephemeral_1h_input_tokens": 900}, "output_tokens": 100, "output_tokens_details": {"reasoning_tokens": 100}}');
SELECT * FROM public.paid WHERE tok > 0 ORDER BY budget;
-- a price set since does not make the same commit another one
SELECT model_price_set('dear', 1, 1);
SELECT llm_commit(:'id', '{"input_tokens": 100, "cache_creation_input_tokens": 900, "cache_creation": {"ephemeral_1h_input_tokens": 900}, "output_tokens": 100, "output_tokens_details": {"reasoning_tokens": 100}}');
SELECT llm_commit(:'id', '{"input_tokens": 100, "output_tokens": 100}');

-- a run's or a user's budget pays beside the agent's, and its parents do
SELECT call_id AS id FROM llm_begin('bot', 'plain', 1, 1, budget => 'user ada', subject => 'ada') \gset
SELECT * FROM public.paid WHERE htok > 0 ORDER BY budget;
SELECT llm_commit(:'id', '{"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}');
SELECT verdict, reason, detail FROM llm_begin('bot', 'plain', 10, 10, budget => 'user ada');
SELECT call_id AS id FROM llm_begin('bot', 'plain', 1, 1, budget => 'run 1', task => 'run 1') \gset
SELECT llm_commit(:'id', '{"prompt_tokens": 1, "completion_tokens": 1}');
SELECT * FROM public.paid WHERE tok > 0 ORDER BY budget;
SELECT llm_begin('bot', 'plain', 1, 1, budget => 'user eve');

-- a model whose price is gone is charged what was held, and the tokens as they are
SELECT call_id AS id FROM llm_begin('bot', 'plain', 10, 10, key => 'gone') \gset
SELECT model_price_drop('plain');
SELECT llm_commit(:'id', '{"prompt_tokens": 1, "completion_tokens": 1}');
SELECT charged_tokens, charged_usd FROM permits WHERE key = 'gone';
SELECT verdict, reason FROM llm_begin('bot', 'plain', 1, 1);

-- Who spent what ---------------------------------------------------------------------
SELECT tool_set('search', '{"type": "object"}', est_usd => 0.5);
SELECT policy_allow_tool('p', 'search') > 0;
SELECT call_id AS id FROM call_begin('bot', 'search', '{"a": 1}') \gset
SELECT call_commit(:'id');
SELECT call_id AS id FROM call_begin('bot', 'search', '{"a": 2}') \gset
SELECT call_commit(:'id', usd => 0.25);
SELECT budget_acquire('agent', 7, 0.125) AS id \gset
SELECT budget_commit(:'id');
SELECT agent, tool, model, sum(entries) AS entries, sum(tokens) AS tokens, sum(usd) AS usd, sum(calls) AS calls
  FROM budget_spend WHERE budget = 'agent' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT budget, sum(tokens) AS tokens, sum(usd) AS usd FROM budget_spend WHERE model = 'plain' GROUP BY 1 ORDER BY 1;
SELECT b.budget, b.tokens = s.used_tokens AND b.usd = s.used_usd AND b.calls = s.used_calls AS as_used
  FROM (SELECT budget, sum(tokens) AS tokens, sum(usd) AS usd, sum(calls) AS calls FROM budget_spend GROUP BY 1) b
  JOIN budget_status s USING (budget) ORDER BY 1;
SELECT bool_and(hour = date_trunc('hour', hour, 'UTC') AND day = date_trunc('day', hour, 'UTC')) AS whole, max(hour) <= now() AS past FROM budget_spend;
SELECT b.budget, b.tokens_per_hour = used_tokens AND b.usd_per_hour = used_usd AND b.calls_per_hour = used_calls AS all_of_it
  FROM budget_burn b JOIN budget_status USING (tenant, budget) ORDER BY 1;
SET agentcore.debug_clock_offset = '61min';
SELECT count(*) FROM budget_burn;
RESET agentcore.debug_clock_offset;
SELECT * FROM budget_verify();

-- one tenant's spend is not another's
CREATE ROLE budget_prices_reader;
SELECT access_grant('budget_prices_reader', 'reader', '{other}');
SELECT model_price_set('m', 7, 7, tenant => 'other');
SET ROLE budget_prices_reader;
SELECT count(*) FROM agentcore.budget_spend;
SELECT count(*) FROM agentcore.budget_burn;
SELECT tenant, model FROM agentcore.model_prices;
SELECT input_tokens, usd::int FROM agentcore.model_cost('m', '{"input_tokens": 1}', tenant => 'other');
SELECT agentcore.model_cost('m', '{"input_tokens": 1}');
RESET ROLE;
SELECT access_revoke('budget_prices_reader');
DROP ROLE budget_prices_reader;

-- As configuration ---------------------------------------------------------------------
SELECT model_price_drop(m) FROM unnest('{m,writes,free,over,w0,w9,dear,plain}'::text[]) m;
SELECT jsonb_pretty(jsonb_path_query_array(config_export(), '$.prices[*] ? (@.model == "v" && !(@.valid_to == "infinity"))'));
CREATE TEMP TABLE exported AS SELECT config_export() -> 'prices' AS prices;
SELECT kind, name, action FROM exported, config_apply(jsonb_build_object('prices', prices)) ORDER BY 2;
SELECT model_price_drop('v'), model_price_drop('w');
SELECT kind, name, action FROM exported, config_apply(jsonb_build_object('prices', prices)) ORDER BY 2;
SELECT config_export() -> 'prices' = prices AS same FROM exported;
SELECT output_weight, cached_weight FROM model_prices WHERE model = 'w';
SELECT kind, name, action FROM config_apply('{"prices": [{"model": "w", "usd_per_input_token": 0, "usd_per_output_token": 0, "output_weight": 2, "valid_to": "2100-01-01"}]}');
SELECT output_weight, cached_weight, valid_to FROM model_prices WHERE model = 'w' AND in_force;
