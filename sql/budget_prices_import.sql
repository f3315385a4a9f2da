-- Price lists that others publish.  Entries are shaped like theirs; the numbers are made up to tell the members apart.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY default

CREATE VIEW public.priced AS
  SELECT model, service_tier AS tier, above_tokens AS above, usd_per_input_token AS input, usd_per_cached_token AS cached, usd_per_cache_write_token AS write,
         usd_per_long_cache_write_token AS long, usd_per_audio_input_token AS audio_in, usd_per_image_input_token AS image,
         usd_per_output_token AS output, usd_per_reasoning_token AS reasoning, usd_per_audio_output_token AS audio_out, fees
    FROM agentcore.model_prices WHERE in_force;
CREATE FUNCTION public.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ': ' || SQLERRM;
END $$;

-- LiteLLM ------------------------------------------------------------------------
CREATE TABLE public.lists (name text, document jsonb);
INSERT INTO public.lists VALUES ('litellm', '{
  "sample_spec": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "litellm_provider": "one of ...", "max_tokens": "LEGACY parameter"},
  "fallback_generalizations": {"rules": [{"name": "x", "pattern": "y"}]},
  "plain": {"input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06, "litellm_provider": "bedrock", "max_input_tokens": 256000, "mode": "chat", "supports_vision": true},
  "long": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_creation_input_token_cost": 3.75e-06, "cache_read_input_token_cost": 3e-07,
           "cache_creation_input_token_cost_above_1hr": 6e-06,
           "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05, "cache_creation_input_token_cost_above_200k_tokens": 7.5e-06,
           "cache_read_input_token_cost_above_200k_tokens": 6e-07, "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
           "search_context_cost_per_query": {"search_context_size_low": 0.008, "search_context_size_medium": 0.01, "search_context_size_high": 0.012},
           "tool_use_system_prompt_tokens": 159, "provider_specific_entry": {"us": 1.1, "fast": 6.0}},
  "tiers": {"input_cost_per_token": 2e-06, "input_cost_per_token_flex": 1e-06, "input_cost_per_token_priority": 3.5e-06, "input_cost_per_token_batches": 1e-06,
            "output_cost_per_token": 8e-06, "output_cost_per_token_flex": 4e-06, "output_cost_per_token_priority": 1.4e-05, "output_cost_per_token_batches": 4e-06,
            "cache_read_input_token_cost": 5e-07, "cache_read_input_token_cost_flex": 2.5e-07, "cache_read_input_token_cost_priority": 8.75e-07, "regional_processing_uplift_multiplier_eu": 1.1},
  "both": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "input_cost_per_token_above_272k_tokens": 4e-06, "output_cost_per_token_above_272k_tokens": 5e-06,
           "input_cost_per_token_priority": 3e-06, "output_cost_per_token_priority": 6e-06, "input_cost_per_token_above_272k_tokens_priority": 8e-06},
  "ranges": {"tiered_pricing": [{"range": [0, 32000], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06, "output_cost_per_reasoning_token": 7e-06},
                                {"range": [32000, 128000.0], "input_cost_per_token": 1.8e-06, "output_cost_per_token": 9e-06},
                                {"range": [128000, 252000], "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05}]},
  "talks": {"input_cost_per_token": 6e-07, "output_cost_per_token": 2.4e-06, "input_cost_per_audio_token": 1e-05, "output_cost_per_audio_token": 2e-05, "input_cost_per_image_token": 8e-07,
            "output_cost_per_reasoning_token": 3e-06, "cache_read_input_audio_token_cost": 3e-07, "output_cost_per_image": 0.04},
  "asked": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06, "input_cost_per_request": 0.005},
  "old name": {"input_cost_per_token": 5.5e-07, "input_cost_per_token_cache_hit": 1.4e-07, "output_cost_per_token": 2.19e-06},
  "vectors": {"input_cost_per_token": 2e-08, "mode": "embedding"},
  "local": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "mode": "chat"},
  "as text": {"input_cost_per_token": "3e-06", "output_cost_per_token": "0.000015"},
  "painter": {"output_cost_per_image": 0.06, "mode": "image_generation"},
  "free tokens": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "input_cost_per_second": 0.001},
  "half": {"input_cost_per_token": 1e-06, "mode": "chat"},
  "other half": {"output_cost_per_token": 1e-06, "mode": "chat"},
  "negative": {"input_cost_per_token": -1, "output_cost_per_token": 1e-06},
  "negative part": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06, "cache_read_input_token_cost_flex": -1},
  "huge": {"input_cost_per_token": 1e30, "output_cost_per_token": 1e-06},
  "words": {"input_cost_per_token": "cheap", "output_cost_per_token": true},
  "null": {"input_cost_per_token": null, "output_cost_per_token": null},
  "no object": 7,
  "": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
  "line\nbreak": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
}');
SELECT i.* FROM public.lists, model_price_import(document, 'litellm') i WHERE name = 'litellm';
SELECT * FROM public.priced ORDER BY 1, 2, 3;
-- nothing changes the second time, whatever day it is; what is refused left nothing
SELECT action, count(*) FROM public.lists, model_price_import(document, 'litellm') WHERE name = 'litellm' GROUP BY 1 ORDER BY 1;
SELECT count(*), count(DISTINCT model) FROM model_prices;
-- 250,000 x 6 + 1,000 x 22.50
SELECT trim_scale(usd) FROM model_cost('long', '{"input_tokens": 250000, "output_tokens": 1000}');
-- what the admin has set and the list does not name stays; what the list no longer has goes back; what is temporary becomes lasting
SELECT model_price_set('long', output_weight => 4, use_reported_cost => true, usd_per_reasoning_token => 1, valid_to => '2100-01-01');
SELECT model_price_set('plain', fees => '{"searches": 1}');
SELECT i.* FROM public.lists, model_price_import(document, 'litellm', models => '{long,pl*}') i WHERE name = 'litellm';
SELECT model, usd_per_reasoning_token, output_weight, use_reported_cost, valid_to, fees FROM model_prices WHERE in_force AND model IN ('long', 'plain') AND above_tokens = 0 ORDER BY 1;
SELECT i.* FROM model_price_import('{"long": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07}}', 'litellm') i;
SELECT * FROM public.priced WHERE model = 'long' ORDER BY 1, 2, 3;
-- from a day on
SELECT i.* FROM model_price_import('{"plain": {"input_cost_per_token": 9e-06, "output_cost_per_token": 9e-06}}', 'litellm', valid_from => '2100-01-01') i;
SELECT i.* FROM model_price_import('{"plain": {"input_cost_per_token": 8e-06, "output_cost_per_token": 9e-06}}', 'litellm', valid_from => '2100-01-01') i;
SELECT i.* FROM model_price_import('{"plain": {"input_cost_per_token": 8e-06, "output_cost_per_token": 9e-06}}', 'litellm', valid_from => '2100-01-01') i;
SELECT usd_per_input_token, in_force FROM model_prices WHERE model = 'plain' ORDER BY valid_from;

-- OpenRouter ----------------------------------------------------------------------
INSERT INTO public.lists VALUES ('openrouter', '{"data": [
  {"id": "anthropic/sonnet", "canonical_slug": "anthropic/sonnet-1", "context_length": 200000, "pricing": {"prompt": "0.000003", "completion": "0.000015", "request": "0", "image": "0.0048",
     "web_search": "0.01", "internal_reasoning": "0", "input_cache_read": "0.0000003", "input_cache_write": "0.00000375"}},
  {"id": "google/flash", "pricing": {"prompt": "0.0000001", "completion": "0.0000004", "audio": "0.0000003", "input_audio_cache": "0.00000003", "internal_reasoning": "0.0000005", "input_cache_read": "0", "discount": 0}},
  {"id": "perplexity/sonar", "pricing": {"prompt": "0.000001", "completion": "0.000001", "request": "0.005", "image": "0"}},
  {"id": "meta/llama:free", "pricing": {"prompt": "0", "completion": "0", "request": "0", "image": "0"}},
  {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
  {"id": "no/pricing"},
  {"id": "odd/pricing", "pricing": "0.000003"},
  {"id": 7, "pricing": {"prompt": "1", "completion": "1"}},
  {"id": "perplexity/sonar", "pricing": {"prompt": "0", "completion": "0"}},
  "text"
]}');
SELECT i.* FROM public.lists, model_price_import(document, 'openrouter') i WHERE name = 'openrouter';
SELECT * FROM public.priced WHERE model LIKE '%/%' ORDER BY 1, 2, 3;
SELECT action, count(*) FROM public.lists, model_price_import(document -> 'data', 'openrouter') WHERE name = 'openrouter' GROUP BY 1 ORDER BY 1;
-- 1,000 x 1 and the request: 0.006
SELECT trim_scale(usd) FROM model_cost('perplexity/sonar', '{"prompt_tokens": 1000, "completion_tokens": 0}');

-- Refused ------------------------------------------------------------------------
SELECT format, document, public.refused(format('SELECT agentcore.model_price_import(%L, %L)', document, format))
  FROM (VALUES ('litellm', '[]'), ('litellm', 'null'), ('litellm', NULL), ('openrouter', '{}'), ('openrouter', '{"data": {}}'), ('openrouter', '7'), ('portkey', '{}'), (NULL, '{}')) r (format, document);
SELECT model_price_import('{}', 'litellm'), model_price_import('[]', 'openrouter');
-- who may
CREATE ROLE budget_prices_import_agent;
SELECT access_grant('budget_prices_import_agent', 'agent', '{""}');
SET ROLE budget_prices_import_agent;
SELECT agentcore.model_price_import('{}', 'litellm');
RESET ROLE;
SELECT access_revoke('budget_prices_import_agent');
SELECT access_grant('budget_prices_import_agent', 'admin', '{other}');
SET ROLE budget_prices_import_agent;
SELECT i.* FROM agentcore.model_price_import('{"m": {"input_cost_per_token": 1, "output_cost_per_token": 1}}', 'litellm', tenant => 'other') i;
\set VERBOSITY terse
SELECT i.* FROM agentcore.model_price_import('{"m": {"input_cost_per_token": 1, "output_cost_per_token": 1}}', 'litellm') i;
RESET ROLE;
SELECT access_revoke('budget_prices_import_agent');
DROP ROLE budget_prices_import_agent;
SELECT tenant, model FROM model_prices WHERE model = 'm';
