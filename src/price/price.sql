-- Prices of models, and what a call costs by them.

CREATE TABLE agentcore.model_price (
  tenant               text COLLATE "C" NOT NULL,
  name                 text COLLATE "C" NOT NULL,
  service_tier         text COLLATE "C" NOT NULL DEFAULT 'standard' CHECK (service_tier <> '' AND service_tier <> 'auto'),
  above_tokens         bigint NOT NULL DEFAULT 0 CHECK (above_tokens >= 0),
  valid_from           timestamptz NOT NULL,
  valid_to             timestamptz CHECK (valid_to > valid_from),
  usd_per_input_token  numeric NOT NULL CHECK (usd_per_input_token >= 0 AND usd_per_input_token < 'infinity'),
  usd_per_output_token numeric NOT NULL CHECK (usd_per_output_token >= 0 AND usd_per_output_token < 'infinity'),
  usd_per_cached_token numeric CHECK (usd_per_cached_token >= 0 AND usd_per_cached_token < 'infinity'),
  usd_per_cache_write_token numeric CHECK (usd_per_cache_write_token >= 0 AND usd_per_cache_write_token < 'infinity'),
  usd_per_long_cache_write_token numeric CHECK (usd_per_long_cache_write_token >= 0 AND usd_per_long_cache_write_token < 'infinity'),
  usd_per_reasoning_token numeric CHECK (usd_per_reasoning_token >= 0 AND usd_per_reasoning_token < 'infinity'),
  usd_per_audio_input_token numeric CHECK (usd_per_audio_input_token >= 0 AND usd_per_audio_input_token < 'infinity'),
  usd_per_audio_output_token numeric CHECK (usd_per_audio_output_token >= 0 AND usd_per_audio_output_token < 'infinity'),
  usd_per_image_input_token numeric CHECK (usd_per_image_input_token >= 0 AND usd_per_image_input_token < 'infinity'),
  input_weight         numeric NOT NULL DEFAULT 1 CHECK (input_weight >= 0 AND input_weight < 'infinity'),
  output_weight        numeric NOT NULL DEFAULT 1 CHECK (output_weight >= 0 AND output_weight < 'infinity'),
  cached_weight        numeric CHECK (cached_weight >= 0 AND cached_weight < 'infinity'),
  fees                 jsonb CHECK (jsonb_typeof(fees) = 'object'),
  use_reported_cost    boolean NOT NULL DEFAULT false,
  revision             bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name, service_tier, above_tokens, valid_from)
);
SELECT agentcore.registry_attach('agentcore.model_price');
SELECT agentcore.history_attach('agentcore.model_price', 'config_history');
COMMENT ON TABLE agentcore.model_price IS
  'Prices of models in USD per token, per service tier and length of input (above_tokens); of the rows of one tier and length that hold (valid_from <= now < valid_to) the one with the latest valid_from counts, of its tier the one with the highest above_tokens that the input is above. '
  'NULL prices: cached, audio and image input and cache writes cost as input, long cache writes as cache writes, reasoning and audio output as output. '
  'fees: USD for one of what a usage object counts by that name; NULL: those of the row (standard, 0). '
  'use_reported_cost: a cost that the response names is charged instead. '
  'Weights: how many tokens of a budget one token is. '
  'Written by model_price_set().';
SELECT pg_catalog.pg_extension_config_dump('agentcore.model_price', '');
INSERT INTO agentcore.access_source (relation, since, hidden) VALUES ('model_price', NULL, '{revision}');

CREATE FUNCTION agentcore.model_price_set(
  model text, usd_per_input_token numeric DEFAULT NULL, usd_per_output_token numeric DEFAULT NULL, usd_per_cached_token numeric DEFAULT NULL,
  valid_from timestamptz DEFAULT NULL, valid_to timestamptz DEFAULT NULL,
  usd_per_cache_write_token numeric DEFAULT NULL, usd_per_long_cache_write_token numeric DEFAULT NULL,
  usd_per_reasoning_token numeric DEFAULT NULL,
  input_weight numeric DEFAULT NULL, output_weight numeric DEFAULT NULL, cached_weight numeric DEFAULT NULL,
  usd_per_audio_input_token numeric DEFAULT NULL, usd_per_audio_output_token numeric DEFAULT NULL, usd_per_image_input_token numeric DEFAULT NULL,
  fees jsonb DEFAULT NULL, use_reported_cost boolean DEFAULT NULL,
  service_tier text DEFAULT NULL, above_tokens bigint DEFAULT NULL,
  reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_price_set_v1';
COMMENT ON FUNCTION agentcore.model_price_set(text, numeric, numeric, numeric, timestamptz, timestamptz, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, jsonb, boolean, text, bigint, text[], text) IS
  'Price of a model in USD per token, exact to any number of digits, from valid_from on and before valid_to (NULL: without end); of several that hold, the one that began last counts. '
  'service_tier (standard where it is not given): the tier that a call was served by, in the provider''s word, such as flex, priority or batch; default and on_demand are standard. '
  'above_tokens (0): the price is for calls with more input than this, cached and written tokens included, and then for all their tokens; of several the highest counts. '
  'True if anything changed. '
  'A member that is not given (NULL) stays as it is in the price that begins at valid_from; without valid_from the price begins now, as a copy of the one in force with what is given changed. '
  'A new price needs both first prices; reset: members to set back to how they are in a new one, with weights of 1 and nothing else. '
  'Without a price of their own, cached, audio and image tokens and cache writes cost as input, cache writes kept for an hour (long) as cache writes, reasoning and audio output as output. '
  'fees: USD for one of what the usage object counts by that name, as {"web_search_requests": 0.01}; without fees of its own a price has those of (standard, 0), {} is none. '
  'use_reported_cost: a cost that the response names is charged instead, if it is more than 0 or there are no tokens. '
  'Weights: how many tokens of a token budget one token counts as, cached tokens as input without a weight of their own; the sum is rounded up. '
  '22023 for negative, NaN or infinite prices and weights, an empty validity, and the tier auto, which is none.';

CREATE FUNCTION agentcore.model_price_drop(model text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_price_drop_v1';
COMMENT ON FUNCTION agentcore.model_price_drop(text, text) IS
  'Remove every price of a model, so that calls of it are denied; false when there was none. '
  'NULL model: 22023.';

CREATE TYPE agentcore.model_usage AS (
  input_tokens bigint, output_tokens bigint, cached_tokens bigint, usd numeric,
  cache_write_tokens bigint, reasoning_tokens bigint, tokens bigint);
COMMENT ON TYPE agentcore.model_usage IS
  'Tokens of a model call and their price; cached_tokens and cache_write_tokens are part of input_tokens, reasoning_tokens of output_tokens; tokens: all of them by weight, which a token budget is charged.';

CREATE FUNCTION agentcore.model_cost(model text, usage jsonb, at timestamptz DEFAULT NULL, service_tier text DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.model_usage
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_model_cost_v1';
COMMENT ON FUNCTION agentcore.model_cost(text, jsonb, timestamptz, text, text) IS
  'What a model call cost by a usage object, or by a response with one, as model_usage() reads it, at the price in force at a time (NULL: now), rounded up to a nano-dollar. '
  'By the service tier that the object or the response around it names, else by service_tier (NULL: standard); one without a price, and auto, cost as the model''s dearest. '
  'The fees of the price are added, by what the usage object counts. '
  'A model without a price costs as the one that an alias names. '
  'Tokens that only the provider''s total counts cost as output. '
  'Of an object in several forms at once the larger cost counts, and the tokens are those of the form that costs more. '
  '42704: no price then; 22023: NULL, not a usage object, or a count in it that cannot be.';

CREATE FUNCTION agentcore.model_usage(usage jsonb, OUT reading integer, OUT part text, OUT tokens bigint, OUT field text, OUT problem text) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 5
  AS 'MODULE_PATHNAME', 'agentcore_model_usage_v1';
COMMENT ON FUNCTION agentcore.model_usage(jsonb) IS
  'How a usage object is read, part by part: one row per kind of tokens, which do not overlap and add up to the provider''s total, with the member that the number was read from. '
  'part: input, cached, cache_write, long_cache_write, audio_input, image_input, output, reasoning, audio_output; tokens that only the total counts are output, with the total as field. '
  'reading: 1, and more where the object says one thing in two ways that do not agree; a call is charged the one that costs more. '
  'problem: in a last row without part and tokens, what is not wholly understood and its field; a settlement then charges no less than was held. '
  'The whole response, an event of a stream, and an array of events are read too. '
  'NULL, and what is no usage object: that row alone.';

CREATE VIEW agentcore.model_prices WITH (security_barrier) AS
SELECT p.tenant, p.name AS model, p.service_tier, p.above_tokens, p.valid_from, p.valid_to,
       coalesce(p.valid_from = max(p.valid_from) FILTER (WHERE p.valid_from <= n.now AND (p.valid_to IS NULL OR p.valid_to > n.now))
                               OVER (PARTITION BY p.tenant, p.name, p.service_tier, p.above_tokens), false) AS in_force,
       p.usd_per_input_token, p.usd_per_output_token,
       coalesce(p.usd_per_cached_token, p.usd_per_input_token) AS usd_per_cached_token,
       coalesce(p.usd_per_cache_write_token, p.usd_per_input_token) AS usd_per_cache_write_token,
       coalesce(p.usd_per_long_cache_write_token, p.usd_per_cache_write_token, p.usd_per_input_token) AS usd_per_long_cache_write_token,
       coalesce(p.usd_per_reasoning_token, p.usd_per_output_token) AS usd_per_reasoning_token,
       p.input_weight, p.output_weight, coalesce(p.cached_weight, p.input_weight) AS cached_weight,
       coalesce(p.usd_per_audio_input_token, p.usd_per_input_token) AS usd_per_audio_input_token,
       coalesce(p.usd_per_audio_output_token, p.usd_per_output_token) AS usd_per_audio_output_token,
       coalesce(p.usd_per_image_input_token, p.usd_per_input_token) AS usd_per_image_input_token,
       p.fees, p.use_reported_cost
  FROM agentcore.visible_rows(NULL::agentcore.model_price) p
 CROSS JOIN (SELECT agentcore.clock_now()) AS n(now);
COMMENT ON VIEW agentcore.model_prices IS
  'Prices of models in USD per token, with what counts for a price that is not given; in_force: the one that a call of this tier and length begun now is priced by; fees NULL: those of the price (standard, 0).';

INSERT INTO agentcore.access_function VALUES
  ('model_price_set', 'admin'), ('model_price_drop', 'admin'), ('model_cost', 'reader'), ('model_usage', 'reader');
