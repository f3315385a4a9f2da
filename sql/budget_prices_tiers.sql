-- Prices by service tier and length of input, fees by the piece, audio and images, aliases.  Every amount is worked out by hand in the comment before it.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY default

CREATE FUNCTION public.usd(model text, usage jsonb, tier text DEFAULT NULL) RETURNS numeric
  LANGUAGE sql AS $$ SELECT trim_scale(usd) FROM agentcore.model_cost(model, usage, service_tier => tier) $$;
CREATE FUNCTION public.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE statement;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN SQLSTATE || ': ' || SQLERRM || coalesce(' (' || nullif(detail, '') || ')', '');
END $$;

-- Length of the input ----------------------------------------------------------
-- 3, 15, 0.30, 3.75 and 6 USD per million tokens; above 200,000 tokens of input 6, 22.50, 0.60, 7.50 and 12
SELECT model_price_set('sonnet', 0.000003, 0.000015, 0.0000003, valid_from => '2025-01-01', usd_per_cache_write_token => 0.00000375,
                       usd_per_long_cache_write_token => 0.000006, fees => '{"web_search_requests": 0.01}');
SELECT model_price_set('sonnet', 0.000006, 0.0000225, 0.0000006, valid_from => '2025-01-01', usd_per_cache_write_token => 0.0000075,
                       usd_per_long_cache_write_token => 0.000012, above_tokens => 200000);
SELECT n, what, public.usd('sonnet', usage), public.usd('sonnet', usage) = expected AS right FROM (VALUES
  -- 250,000 x 6 + 1,000 x 22.50 = 1,500,000 + 22,500
  (1, 'long, for all tokens', '{"input_tokens": 250000, "output_tokens": 1000}'::jsonb, 1.5225),
  -- 200,000 x 3 + 1,000 x 15 = 600,000 + 15,000
  (2, 'just not long', '{"input_tokens": 200000, "output_tokens": 1000}', 0.615),
  -- 200,001 x 6 + 22,500 = 1,200,006 + 22,500
  (3, 'just long', '{"input_tokens": 200001, "output_tokens": 1000}', 1.222506),
  -- input is 1 + 150,000 + 50,000 = 200,001: 6 + 150,000 x 0.60 + 50,000 x 7.50 + 1,000 x 22.50 = 6 + 90,000 + 375,000 + 22,500
  (4, 'long by what was cached and written', '{"input_tokens": 1, "cache_read_input_tokens": 150000, "cache_creation_input_tokens": 50000, "output_tokens": 1000}', 0.487506),
  -- one token less: 150,000 x 0.30 + 50,000 x 3.75 + 1,000 x 15 = 45,000 + 187,500 + 15,000
  (5, 'not long by one', '{"input_tokens": 0, "cache_read_input_tokens": 150000, "cache_creation_input_tokens": 50000, "output_tokens": 1000}', 0.2475),
  -- cached tokens are part of prompt_tokens here: 150,001 x 6 + 100,000 x 0.60 + 22,500 = 900,006 + 60,000 + 22,500
  (6, 'cached tokens within', '{"prompt_tokens": 250001, "completion_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 100000}}', 0.982506),
  -- output is no input: 100,000 x 3 + 300,000 x 15 = 300,000 + 4,500,000
  (7, 'long output', '{"input_tokens": 100000, "output_tokens": 300000}', 4.8),
  -- kept for an hour: 200,001 x 12 = 2,400,012
  (8, 'long cache writes', '{"input_tokens": 0, "cache_creation_input_tokens": 200001, "cache_creation": {"ephemeral_1h_input_tokens": 200001}, "output_tokens": 0}', 2.400012),
  (9, 'no input at all', '{"input_tokens": 0, "output_tokens": 1000}', 0.015)
) u(n, what, usage, expected) ORDER BY n;

-- several lengths: the highest that the input is above; a step may be cheaper
SELECT model_price_set('steps', 1, 0), model_price_set('steps', 3, 0, above_tokens => 10), model_price_set('steps', 2, 0, above_tokens => 100);
SELECT input, public.usd('steps', jsonb_build_object('input_tokens', input, 'output_tokens', 0)) AS usd FROM unnest('{0,1,10,11,100,101}'::int[]) input;
-- of each length the newest that holds
SELECT model_price_set('steps', 5, 0, above_tokens => 10, valid_to => '2100-01-01'), model_price_set('steps', 7, 0, above_tokens => 100, valid_from => '2100-01-01');
SELECT input, public.usd('steps', jsonb_build_object('input_tokens', input, 'output_tokens', 0)) AS usd FROM unnest('{10,11,100,101}'::int[]) input;
SELECT above_tokens, usd_per_input_token, in_force FROM model_prices WHERE model = 'steps' ORDER BY 1, valid_from;
-- no price for the short: as the dearest there is
SELECT model_price_set('only long', 2, 0, above_tokens => 100), model_price_set('only long', 3, 0, above_tokens => 200);
SELECT input, public.usd('only long', jsonb_build_object('input_tokens', input, 'output_tokens', 0)) AS usd FROM unnest('{1,101,201}'::int[]) input;

-- Service tiers ------------------------------------------------------------------
-- USD per million: standard 2 and 8, flex 1 and 4, priority 3.50 and 14
SELECT model_price_set('gpt', 0.000002, 0.000008, 0.0000005), model_price_set('gpt', 0.000001, 0.000004, 0.00000025, service_tier => 'flex'),
       model_price_set('gpt', 0.0000035, 0.000014, 0.000000875, service_tier => 'Priority');
SELECT n, what, public.usd('gpt', usage, tier), public.usd('gpt', usage, tier) = expected AS right FROM (VALUES
  -- 1,000 x 2 + 500 x 8 = 2,000 + 4,000
  (1, 'none named', '{"prompt_tokens": 1000, "completion_tokens": 500}'::jsonb, NULL, 0.006),
  (2, 'default is standard', '{"service_tier": "default", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}', NULL, 0.006),
  -- 1,000 + 2,000
  (3, 'flex, beside the usage', '{"id": "x", "service_tier": "flex", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}', NULL, 0.003),
  (4, 'flex, by the call', '{"prompt_tokens": 1000, "completion_tokens": 500}', 'flex', 0.003),
  -- the response wins: 3,500 + 7,000
  (5, 'flex was asked, priority served', '{"service_tier": "priority", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}', 'flex', 0.0105),
  (6, 'priority was asked, standard served', '{"service_tier": "default", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}', 'priority', 0.006),
  (7, 'within the usage', '{"input_tokens": 1000, "output_tokens": 500, "service_tier": "priority"}', NULL, 0.0105),
  (8, 'in an event', '{"type": "response.completed", "response": {"service_tier": "flex", "usage": {"input_tokens": 1000, "output_tokens": 500}}}', NULL, 0.003),
  (9, 'in another event', '{"type": "message_start", "message": {"usage": {"input_tokens": 1000, "output_tokens": 500, "service_tier": "priority"}}}', NULL, 0.0105),
  (10, 'an object with a type', '{"serviceTier": {"type": "flex"}, "usage": {"inputTokens": 1, "input_tokens": 1000, "output_tokens": 500}}', NULL, 0.003),
  (11, 'by another name', '{"usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 500, "trafficType": "ON_DEMAND"}}', NULL, 0.006),
  -- without a price: as the dearest
  (12, 'a tier without a price', '{"input_tokens": 1000, "output_tokens": 500, "service_tier": "batch"}', NULL, 0.0105),
  (13, 'no tier was served for sure', '{"prompt_tokens": 1000, "completion_tokens": 500}', 'auto', 0.0105),
  (14, 'auto names none, so that of the call', '{"service_tier": "auto", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}', 'flex', 0.003),
  (15, 'two that differ', '{"service_tier": "flex", "usage": {"input_tokens": 1000, "output_tokens": 500, "service_tier": "standard"}}', NULL, 0.0105),
  (16, 'null, and what is no name', '{"service_tier": null, "usage": {"input_tokens": 1000, "output_tokens": 500, "service_tier": 7}}', NULL, 0.006),
  -- 600 x 3.50 + 400 x 0.875 + 500 x 14 = 2,100 + 350 + 7,000
  (17, 'cached tokens of a tier', '{"service_tier": "priority", "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 400}}}', NULL, 0.00945)
) u(n, what, usage, tier, expected) ORDER BY n;
SELECT service_tier, in_force FROM model_prices WHERE model = 'gpt' ORDER BY 1;
-- a tier that has a price for long input only: as the dearest of the model below
SELECT model_price_set('gpt', 9, 9, service_tier => 'scale', above_tokens => 2000);
SELECT public.usd('gpt', '{"input_tokens": 1000, "output_tokens": 500}', 'scale') AS dearest_of_the_others,
       public.usd('gpt', '{"input_tokens": 2001, "output_tokens": 0}', 'scale') AS its_own;
SELECT public.refused($$SELECT agentcore.model_price_set('gpt', 1, 1, service_tier => 'auto')$$);
SELECT public.refused($$SELECT agentcore.model_price_set('gpt', 1, 1, service_tier => '')$$);
SELECT public.refused($$SELECT agentcore.model_price_set('gpt', 1, 1, above_tokens => -1)$$);
-- a member of one price is not one of another
SELECT model_price_set('gpt', service_tier => 'flex', usd_per_cached_token => 0.0000001);
SELECT service_tier, usd_per_cached_token, usd_per_input_token FROM model_prices WHERE model = 'gpt' AND in_force AND above_tokens = 0 ORDER BY 1;
SELECT public.refused($$SELECT agentcore.model_price_set('gpt', service_tier => 'scale', usd_per_cached_token => 1)$$);

-- Audio and images ------------------------------------------------------------------
SELECT model_price_set('talk', 1, 2, usd_per_audio_input_token => 10, usd_per_audio_output_token => 20, usd_per_image_input_token => 5);
SELECT usd_per_audio_input_token, usd_per_audio_output_token, usd_per_image_input_token FROM model_prices WHERE model IN ('talk', 'gpt') AND in_force AND service_tier = 'standard' ORDER BY 1;

-- Fees --------------------------------------------------------------------------------
SELECT n, what, public.usd('sonnet', usage), public.usd('sonnet', usage) = expected AS right FROM (VALUES
  -- 1,000 x 3 = 3,000; and 3 x 0.01
  (1, 'counted in the usage', '{"input_tokens": 1000, "output_tokens": 0, "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}}'::jsonb, 0.033),
  (2, 'counted in a response', '{"usage": {"input_tokens": 1000, "output_tokens": 0, "server_tool_use": {"web_search_requests": 3}}}', 0.033),
  (3, 'counted in an event', '{"message": {"usage": {"input_tokens": 1000, "output_tokens": 0, "server_tool_use": {"web_search_requests": 3}}}}', 0.033),
  (4, 'in two places once', '{"input_tokens": 1000, "output_tokens": 0, "web_search_requests": 2, "server_tool_use": {"web_search_requests": 3}}', 0.033),
  (5, 'none', '{"input_tokens": 1000, "output_tokens": 0, "server_tool_use": {"web_search_requests": 0}}', 0.003),
  (6, 'null', '{"input_tokens": 1000, "output_tokens": 0, "server_tool_use": null}', 0.003),
  -- what the model wrote is no count
  (7, 'in the text of an answer', '{"content": [{"input": {"web_search_requests": 1000}}], "usage": {"input_tokens": 1000, "output_tokens": 0}}', 0.003),
  -- a price without fees of its own has those of the standard one: 250,000 x 6 + 0.01
  (8, 'of a long input', '{"input_tokens": 250000, "output_tokens": 0, "server_tool_use": {"web_search_requests": 1}}', 1.51)
) u(n, what, usage, expected) ORDER BY n;
-- {} is none
SELECT model_price_set('sonnet', fees => '{}', above_tokens => 200000);
SELECT public.usd('sonnet', '{"input_tokens": 250000, "output_tokens": 0, "server_tool_use": {"web_search_requests": 1}}');
-- the call itself: once at least
SELECT model_price_set('sonar', 1, 1, fees => '{"requests": 0.005, "num_search_queries": 0.002}');
SELECT public.usd('sonar', '{"prompt_tokens": 0, "completion_tokens": 0}') AS one_call, public.usd('sonar', '{"prompt_tokens": 0, "completion_tokens": 0, "num_search_queries": 3}') AS and_searches,
       public.usd('sonar', '{"prompt_tokens": 0, "completion_tokens": 0, "requests": 4}') AS four_calls;
SELECT left(fees, 20) AS fees, public.refused(format('SELECT agentcore.model_price_set(''sonar'', fees => %L)', fees)) FROM unnest(ARRAY[
  '[]', '1', '{"a": "1"}', '{"a": -1}', '{"a": null}', '{"": 1}', '{"a": 1e30}', '{"a": {}}', (SELECT jsonb_object_agg(i::text, i) FROM generate_series(1, 33) i)::text]) fees;

-- What the response says that it cost -------------------------------------------------
SELECT model_price_set('routed', 1, 1, use_reported_cost => true);
SELECT use_reported_cost FROM model_prices WHERE model = 'routed';
-- by tokens it would be 3; what is 0 beside tokens is no cost; without the choice the tokens count
SELECT what, trim_scale(usd) AS usd FROM (VALUES ('more', '{"prompt_tokens": 1, "completion_tokens": 2, "cost": 5.5}'::jsonb), ('less', '{"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25}'),
  ('nothing', '{"prompt_tokens": 1, "completion_tokens": 2, "cost": 0}'), ('no tokens', '{"prompt_tokens": 0, "completion_tokens": 0, "cost": 0.5}')) r (what, usage), model_cost('routed', usage);
SELECT trim_scale(usd) AS usd FROM model_cost('steps', '{"prompt_tokens": 1, "completion_tokens": 2, "cost": 5.5}');

-- What a call holds ---------------------------------------------------------------------
SELECT policy_set('p');
SELECT budget_set('b', max_usd => 1000000);
SELECT agent_set('bot', 'p', 'b');
SELECT model_price_set('sonnet', reset => '{fees}', above_tokens => 200000);
CREATE FUNCTION public.held(model text, input bigint, output bigint, tier text DEFAULT NULL, fees jsonb DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  id uuid;
  answer text;
BEGIN
  SELECT call_id, verdict || coalesce(': ' || detail, '') INTO id, answer FROM agentcore.llm_begin('bot', model, input, output, service_tier => tier, fees => fees);
  RETURN coalesce((SELECT held_usd::text FROM agentcore.permits WHERE permit = id), answer);
END $$;
SELECT n, what, public.held(model, input, output, tier, fees) FROM (VALUES
  -- every input token as the dearest kind, 6: 1,000 x 6 + 1,000 x 15
  (1, 'short: 0.021', 'sonnet', 1000, 1000, NULL, NULL::jsonb),
  -- above 200,000 it is 12 and 22.50: 300,000 x 12 + 1,000 x 22.50 = 3,600,000 + 22,500
  (2, 'long: 3.6225', 'sonnet', 300000, 1000, NULL, NULL),
  -- a shorter input may cost more: 101 x 5 by the row above 10, and 101 x 2 by its own
  (3, 'lower steps count too: 505', 'steps', 101, 0, NULL, NULL),
  (4, 'but none that cannot be reached: 10', 'steps', 10, 0, NULL, NULL),
  -- 1,000 x 2 + 1,000 x 8
  (5, 'standard: 0.01', 'gpt', 1000, 1000, 'standard', NULL),
  (6, 'flex: 0.005', 'gpt', 1000, 1000, 'FLEX', NULL),
  -- 1,000 x 3.50 + 1,000 x 14
  (7, 'auto: as priority, 0.0175', 'gpt', 1000, 1000, 'auto', NULL),
  (8, 'no price for the tier: 0.0175', 'gpt', 1000, 1000, 'turbo', NULL),
  -- scale has a price above 2,000 only, 9
  (9, 'auto, long: 18009 + 9', 'gpt', 2001, 1, 'auto', NULL),
  (10, 'audio: 10 x 10 + 20 x 10', 'talk', 10, 10, NULL, NULL),
  -- 0.021 and 5 x 0.01
  (11, 'with fees: 0.071', 'sonnet', 1000, 1000, NULL, '{"web_search_requests": 5}'),
  (12, 'none of it: 0.021', 'sonnet', 1000, 1000, NULL, '{"web_search_requests": 0, "other": 0}'),
  (13, 'a fee for the call, always: 0.005', 'sonar', 0, 0, NULL, NULL),
  (14, 'denied', 'sonnet', 1000, 1000, NULL, '{"maps": 1}')
) h(n, what, model, input, output, tier, fees) ORDER BY n;
SELECT verdict, reason, detail, feedback FROM llm_begin('bot', 'sonnet', 1, 1, fees => '{"maps": 1}');
SELECT fees, public.refused(format('SELECT agentcore.llm_begin(''bot'', ''sonnet'', 1, 1, fees => %L)', fees)) FROM unnest(ARRAY['[]', '{"a": -1}', '{"a": 1.5}', '{"a": "1"}', '{"a": 1e12}']) fees;

-- A call and its end ---------------------------------------------------------------------
-- begun with flex, served as priority: the hold of 0.005 is overrun to 3,500 + 7,000
SELECT call_id AS id FROM llm_begin('bot', 'gpt', 1000, 1000, key => 'served', service_tier => 'flex') \gset
SELECT llm_commit(:'id', '{"service_tier": "priority", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}');
SELECT llm_commit(:'id', '{"service_tier": "priority", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}');
SELECT held_usd, charged_usd, service_tier, priced_as FROM permits WHERE key = 'served';
-- begun with flex, nothing named: 1,000 + 2,000
SELECT call_id AS id FROM llm_begin('bot', 'gpt', 1000, 1000, key => 'unnamed', service_tier => 'flex') \gset
SELECT llm_commit(:'id', '{"prompt_tokens": 1000, "completion_tokens": 500}');
SELECT charged_usd FROM permits WHERE key = 'unnamed';
-- more searches than were said: 3,000 + 15,000 and 7 x 0.01
SELECT call_id AS id FROM llm_begin('bot', 'sonnet', 1000, 1000, key => 'searches', fees => '{"web_search_requests": 5}') \gset
SELECT llm_commit(:'id', '{"input_tokens": 1000, "output_tokens": 1000, "server_tool_use": {"web_search_requests": 7}}');
SELECT charged_usd FROM permits WHERE key = 'searches';
-- a count that is none: no less than the hold of 0.071, told
SELECT call_id AS id FROM llm_begin('bot', 'sonnet', 1000, 1000, key => 'no count', fees => '{"web_search_requests": 5}') \gset
SELECT llm_commit(:'id', '{"input_tokens": 1000, "output_tokens": 1000, "web_search_requests": "7"}');
SELECT charged_usd, estimated FROM permits WHERE key = 'no count';
SELECT public.refused($$SELECT agentcore.model_cost('sonnet', '{"input_tokens": 1000, "output_tokens": 1000, "web_search_requests": -7}')$$);
-- another tier or other fees are another request; default is standard
SELECT call_id AS id FROM llm_begin('bot', 'gpt', 10, 10, key => 'k', service_tier => 'default') \gset
SELECT verdict, call_id = :'id' AS same FROM llm_begin('bot', 'gpt', 10, 10, key => 'k');
SELECT public.refused($$SELECT agentcore.llm_begin('bot', 'gpt', 10, 10, key => 'k', service_tier => 'flex')$$);
SELECT public.refused($$SELECT agentcore.llm_begin('bot', 'gpt', 10, 10, key => 'k', fees => '{"requests": 2}')$$);

-- Aliases ------------------------------------------------------------------------------
SELECT model_alias_set('gpt-*', 'gpt'), model_alias_set('gpt-audio*', 'talk'), model_alias_set('gpt-audio-none', 'sonar');
SELECT name, trim_scale(usd) AS usd FROM unnest('{gpt-5,gpt-audio,gpt-audio-1,gpt-audio-none,gpt-audio-none-2}'::text[]) name, model_cost(name, '{"input_tokens": 1000000, "output_tokens": 0}');
-- a name with a price of its own is charged by that; one without one in force is not
SELECT model_price_set('gpt-own', 4, 4), model_price_set('gpt-old', 4, 4, valid_from => '2020-01-01', valid_to => '2021-01-01');
SELECT name, trim_scale(usd) AS usd FROM unnest('{gpt-own,gpt-old}'::text[]) name, model_cost(name, '{"input_tokens": 1, "output_tokens": 0}');
-- one step
SELECT model_alias_set('one', 'gpt-old');
SELECT verdict, reason, detail FROM llm_begin('bot', 'one', 1, 1);
SELECT public.refused($$SELECT agentcore.model_alias_set('two', 'one')$$);
-- refused
SELECT pattern, public.refused(format('SELECT agentcore.model_alias_set(%L, ''gpt'')', pattern)) FROM unnest('{*,**,*gpt,g*t,gp**,"",NULL}'::text[]) pattern;
SELECT public.refused($$SELECT agentcore.model_alias_set('new', NULL)$$), public.refused($$SELECT agentcore.model_alias_set('gpt-*', reset => '{model}')$$);
SELECT model_alias_set('gpt-*', 'gpt'), model_alias_set('gpt-*', 'sonnet'), model_alias_set('gpt-*', 'gpt'), model_alias_set('gpt-*');
-- a call keeps the model that was found when it began, and its end is the same however often it is told
SELECT call_id AS id FROM llm_begin('bot', 'gpt-5', 1000, 1000, key => 'alias') \gset
SELECT model_alias_set('gpt-*', 'talk');
SELECT llm_commit(:'id', '{"prompt_tokens": 1000, "completion_tokens": 500}');
SELECT model_alias_drop('gpt-*'), model_alias_drop('gpt-*');
SELECT llm_commit(:'id', '{"prompt_tokens": 1000, "completion_tokens": 500}');
SELECT tool, priced_as, held_usd, charged_usd FROM permits WHERE key = 'alias';
SELECT verdict, detail FROM llm_begin('bot', 'gpt-5', 1, 1);
SELECT * FROM (SELECT pattern, model FROM model_aliases) a ORDER BY 1;
-- the agent's name of it cannot walk around what holds for the model: policy, target, rate
SELECT policy_set('no talk'), policy_deny_tool('no talk', 'talk') > 0, policy_deny_tool('no talk', 'gpt-audio-2') > 0, agent_set('quiet', 'no talk', 'b');
SELECT name, verdict, reason FROM unnest('{talk,gpt-audio-1,gpt-audio-2,gpt}'::text[]) name, llm_begin('quiet', name, 1, 1);
SELECT model_set('talk', target => 'phone'), breaker_set('phone', forced => 'open');
SELECT verdict, reason, detail FROM llm_begin('bot', 'gpt-audio-1', 1, 1);
SELECT model_set('talk', reset => '{target}'), breaker_set('phone', reset => '{forced}'), breaker_set('talk', forced => 'open');
SELECT verdict, reason, detail FROM llm_begin('bot', 'gpt-audio-1', 1, 1);
SELECT breaker_set('talk', reset => '{forced}');

-- Nearest names -------------------------------------------------------------------------
SELECT name, detail FROM unnest('{sonet,anthropic/sonnet,SONNET,sonnet-20250514,openai/gpt,nothing like it}'::text[]) name, llm_begin('bot', name, 1, 1);
-- what the policy denies is not named
SELECT name, detail FROM unnest('{talks}'::text[]) name, llm_begin('quiet', name, 1, 1);

-- As configuration ------------------------------------------------------------------------
CREATE TEMP TABLE exported AS SELECT config_export() AS document;
SELECT p.value ->> 'model' AS model, p.value ->> 'service_tier' AS tier, p.value -> 'above_tokens' AS above, p.value -> 'fees' AS fees, p.value -> 'use_reported_cost' AS reported
  FROM exported, jsonb_array_elements(document -> 'prices') p ORDER BY 1, 2, 3, p.value ->> 'valid_from';
SELECT count(model_price_drop(model)) FROM (SELECT DISTINCT model FROM model_prices) m;
SELECT count(model_alias_drop(pattern)) FROM model_aliases;
SELECT kind, name, action FROM exported, config_apply(document) WHERE action <> 'unchanged' ORDER BY 1, 2;
SELECT config_export() = document AS same FROM exported;
SELECT kind, name, action FROM exported, config_apply(document) WHERE action <> 'unchanged';
SELECT public.refused($$SELECT agentcore.config_apply('{"prices": [{"model": "x", "usd_per_input_token": 1, "usd_per_output_token": 1}, {"model": "x", "service_tier": "standard", "above_tokens": 0, "usd_per_input_token": 2, "usd_per_output_token": 1}]}')$$);
SELECT kind, name, action FROM config_apply('{"prices": [{"model": "x", "usd_per_input_token": 1, "usd_per_output_token": 1}, {"model": "x", "service_tier": "flex", "usd_per_input_token": 2, "usd_per_output_token": 1}, {"model": "x", "above_tokens": 5, "usd_per_input_token": 2, "usd_per_output_token": 1}]}');
SELECT kind, name, action FROM config_apply('{"model_aliases": []}', prune => true);
SELECT * FROM budget_verify();

-- Who may --------------------------------------------------------------------------------
CREATE ROLE budget_prices_tiers_agent;
SELECT access_grant('budget_prices_tiers_agent', 'agent', '{other}');
SELECT model_price_set('m', 7, 7, tenant => 'other'), model_alias_set('a*', 'm', tenant => 'other'), model_alias_set('a*', 'gpt');
SET ROLE budget_prices_tiers_agent;
SELECT tenant, pattern, model FROM agentcore.model_aliases;
SELECT trim_scale(usd) FROM agentcore.model_cost('abc', '{"input_tokens": 1, "output_tokens": 0}', tenant => 'other');
SELECT agentcore.model_alias_set('b*', 'm', tenant => 'other');
SELECT agentcore.model_alias_drop('a*', tenant => 'other');
SELECT * FROM agentcore.model_alias;
RESET ROLE;
SELECT access_revoke('budget_prices_tiers_agent');
DROP ROLE budget_prices_tiers_agent;
