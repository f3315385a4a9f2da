-- Price lists that others publish, read into prices.

CREATE FUNCTION agentcore.price_number(value jsonb) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT CASE WHEN jsonb_typeof(value) = 'number' THEN value::text::numeric
              WHEN jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^[-+]?[0-9]{1,30}([.][0-9]{0,60})?([eE][-+]?[0-9]{1,2})?$' THEN (value #>> '{}')::numeric END
$$;
COMMENT ON FUNCTION agentcore.price_number(jsonb) IS
  'Internal. '
  'A price of a price list, which some write as a string; NULL: it is none.';

CREATE FUNCTION agentcore.price_has_cost(value jsonb) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT jsonb_path_exists(value, '$.** ? (@.type() == "number" && @ != 0 || @.type() == "string" && @ like_regex "[1-9]")')
$$;
COMMENT ON FUNCTION agentcore.price_has_cost(jsonb) IS
  'Internal. '
  'Whether a member of a price list says that something costs more than 0.';

-- LiteLLM: the name of a member is a price, then a length of input, then a tier
CREATE FUNCTION agentcore.price_given_litellm(entry jsonb) RETURNS TABLE (service_tier text, above_tokens bigint, member text, usd numeric, source text)
  LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH name (source, member) AS (VALUES
    ('input_cost_per_token', 'usd_per_input_token'), ('output_cost_per_token', 'usd_per_output_token'),
    ('cache_read_input_token_cost', 'usd_per_cached_token'), ('input_cost_per_token_cache_hit', 'usd_per_cached_token'),
    ('cache_creation_input_token_cost', 'usd_per_cache_write_token'), ('cache_creation_input_token_cost_above_1hr', 'usd_per_long_cache_write_token'),
    ('output_cost_per_reasoning_token', 'usd_per_reasoning_token'), ('input_cost_per_audio_token', 'usd_per_audio_input_token'),
    ('output_cost_per_audio_token', 'usd_per_audio_output_token'), ('input_cost_per_image_token', 'usd_per_image_input_token')
  ), member AS (
    SELECT e.key, e.value, 0::bigint AS above FROM jsonb_each(entry) e WHERE e.key ~ '_cost'
     UNION ALL
    SELECT t.key, t.value, trunc(agentcore.price_number(step.value #> '{range,0}'))::bigint
      FROM jsonb_array_elements(CASE jsonb_typeof(entry -> 'tiered_pricing') WHEN 'array' THEN entry -> 'tiered_pricing' ELSE '[]' END) step,
           jsonb_each(CASE jsonb_typeof(step.value) WHEN 'object' THEN step.value ELSE '{}' END) t
     WHERE agentcore.price_number(step.value #> '{range,0}') BETWEEN 0 AND 1e12
  )
  SELECT DISTINCT ON (1, 2, 3) coalesce(CASE WHEN part[3] = 'batches' THEN 'batch' ELSE part[3] END, 'standard'), coalesce(part[2]::bigint * 1000, m.above),
         n.member, agentcore.price_number(m.value), m.key
    FROM member m
   CROSS JOIN LATERAL regexp_match(m.key, '^(.*?)(?:_above_([0-9]{1,9})k_tokens)?(?:_(flex|priority|batches))?$') part
    JOIN name n ON n.source = part[1]
   WHERE agentcore.price_number(m.value) IS NOT NULL
   ORDER BY 1, 2, 3, n.source
$$;
COMMENT ON FUNCTION agentcore.price_given_litellm(jsonb) IS
  'Internal. '
  'The prices per token in an entry of LiteLLM''s list, by tier, length of input and member of model_price_set(), and the member of the entry that each is from.';

CREATE FUNCTION agentcore.price_given_openrouter(entry jsonb) RETURNS TABLE (service_tier text, above_tokens bigint, member text, usd numeric, source text)
  LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
  SET search_path = pg_catalog, pg_temp
  AS $$
  -- 0 for a kind of token that is part of others means that it has no price of its own
  SELECT 'standard', 0::bigint, n.member, agentcore.price_number(entry #> ARRAY['pricing', n.source]), n.source
    FROM (VALUES ('prompt', 'usd_per_input_token'), ('completion', 'usd_per_output_token'), ('input_cache_read', 'usd_per_cached_token'),
                 ('input_cache_write', 'usd_per_cache_write_token'), ('internal_reasoning', 'usd_per_reasoning_token'), ('audio', 'usd_per_audio_input_token')) n (source, member)
   WHERE agentcore.price_number(entry #> ARRAY['pricing', n.source]) <> 0
      OR agentcore.price_number(entry #> ARRAY['pricing', n.source]) = 0 AND n.source IN ('prompt', 'completion')
$$;
COMMENT ON FUNCTION agentcore.price_given_openrouter(jsonb) IS
  'Internal. '
  'The same of an entry of OpenRouter''s list of models.';

CREATE FUNCTION agentcore.price_rows_of(entry jsonb, format text) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH given AS (
    SELECT * FROM agentcore.price_given_litellm(entry) WHERE format = 'litellm'
     UNION ALL
    SELECT * FROM agentcore.price_given_openrouter(entry) WHERE format = 'openrouter'
  ), price AS (
    SELECT t.tier, a.above, m.member,
           -- what is not said of a tier or length: of its own shorter input or of the standard tier, whichever is dearer
           coalesce((SELECT g.usd FROM given g WHERE g.service_tier = t.tier AND g.above_tokens = a.above AND g.member = m.member),
                    greatest((SELECT g.usd FROM given g WHERE g.service_tier = t.tier AND g.above_tokens < a.above AND g.member = m.member ORDER BY g.above_tokens DESC LIMIT 1),
                             (SELECT g.usd FROM given g WHERE g.service_tier = 'standard' AND g.above_tokens <= a.above AND g.member = m.member ORDER BY g.above_tokens DESC LIMIT 1))) AS usd
      FROM (SELECT service_tier FROM given UNION SELECT 'standard') t (tier)
     CROSS JOIN (SELECT above_tokens FROM given UNION SELECT 0) a (above)
     CROSS JOIN (SELECT DISTINCT member FROM given) m
  ), sound AS (
    -- a surcharge that was taken over is none where it is below the price that it would raise
    SELECT p.tier, p.above, p.member,
           CASE WHEN p.member IN ('usd_per_input_token', 'usd_per_output_token', 'usd_per_cached_token')
                  OR EXISTS (SELECT FROM given g WHERE g.service_tier = p.tier AND g.above_tokens = p.above AND g.member = p.member)
                  OR p.usd >= CASE WHEN p.member IN ('usd_per_reasoning_token', 'usd_per_audio_output_token')
                                   THEN max(p.usd) FILTER (WHERE p.member = 'usd_per_output_token') OVER same ELSE max(p.usd) FILTER (WHERE p.member = 'usd_per_input_token') OVER same END
                THEN p.usd END AS usd
      FROM price p
    WINDOW same AS (PARTITION BY p.tier, p.above)
  )
  SELECT coalesce(jsonb_agg(r.row ORDER BY r.tier <> 'standard', r.tier, r.above), '[]')
    FROM (SELECT tier, above, jsonb_object_agg(member, usd) FILTER (WHERE usd IS NOT NULL) || jsonb_build_object('service_tier', tier, 'above_tokens', above) AS row
            FROM sound GROUP BY tier, above) r
$$;
COMMENT ON FUNCTION agentcore.price_rows_of(jsonb, text) IS
  'Internal. '
  'An entry of a price list as an array of prices in the members of model_price_set(), the standard one for short input first.';

CREATE FUNCTION agentcore.price_fees_of(entry jsonb, format text) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  -- of searches at several prices the dearest: no usage object says which it was
  SELECT nullif(jsonb_strip_nulls(jsonb_build_object('requests', nullif(fee.request, 0), 'web_search_requests', nullif(fee.search, 0))), '{}')
    FROM (SELECT CASE format WHEN 'litellm' THEN agentcore.price_number(entry -> 'input_cost_per_request') ELSE agentcore.price_number(entry #> '{pricing,request}') END,
                 CASE format WHEN 'litellm'
                   THEN (SELECT max(agentcore.price_number(s.value)) FROM jsonb_each(CASE jsonb_typeof(entry -> 'search_context_cost_per_query') WHEN 'object' THEN entry -> 'search_context_cost_per_query' ELSE '{}' END) s)
                   ELSE agentcore.price_number(entry #> '{pricing,web_search}') END) fee (request, search)
$$;
COMMENT ON FUNCTION agentcore.price_fees_of(jsonb, text) IS
  'Internal. '
  'The fees in an entry of a price list; NULL: none.';

CREATE FUNCTION agentcore.price_ignored(entry jsonb, format text) RETURNS text[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT array_agg(m.key ORDER BY m.key COLLATE "C")
    FROM jsonb_each(CASE format WHEN 'litellm' THEN entry ELSE CASE jsonb_typeof(entry -> 'pricing') WHEN 'object' THEN entry -> 'pricing' ELSE '{}' END END) m
   WHERE CASE format
           WHEN 'litellm' THEN m.key ~ '(cost|price|pricing|uplift|provider_specific_entry)'
                AND m.key <> ALL ('{input_cost_per_request,search_context_cost_per_query,tiered_pricing}')
                AND m.key <> ALL (ARRAY(SELECT g.source FROM agentcore.price_given_litellm(entry - 'tiered_pricing') g))
              OR m.key = 'tiered_pricing' AND NOT EXISTS (SELECT FROM agentcore.price_given_litellm(jsonb_build_object(m.key, m.value)))
           ELSE m.key <> ALL ('{prompt,completion,input_cache_read,input_cache_write,internal_reasoning,audio,request,web_search}') END
     AND agentcore.price_has_cost(m.value)
$$;
COMMENT ON FUNCTION agentcore.price_ignored(jsonb, text) IS
  'Internal. '
  'The members of an entry of a price list that cost something and have no counterpart here; NULL: none.';

CREATE FUNCTION agentcore.price_entries(document jsonb, format text) RETURNS TABLE (n bigint, model text, entry jsonb, twice boolean)
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT row_number() OVER (ORDER BY e.key COLLATE "C"), e.key, e.value, false
    FROM jsonb_each(CASE WHEN format = 'litellm' AND jsonb_typeof(document) = 'object' THEN document ELSE '{}' END) e
   WHERE e.key NOT IN ('sample_spec', 'fallback_generalizations')
   UNION ALL
  SELECT e.n, CASE WHEN jsonb_typeof(e.value -> 'id') = 'string' THEN e.value ->> 'id' END, e.value, row_number() OVER (PARTITION BY e.value ->> 'id' ORDER BY e.n) > 1
    FROM jsonb_array_elements(CASE WHEN format <> 'openrouter' THEN '[]' WHEN jsonb_typeof(document) = 'array' THEN document
                                   WHEN jsonb_typeof(document -> 'data') = 'array' THEN document -> 'data' ELSE '[]' END) WITH ORDINALITY e (value, n)
$$;
COMMENT ON FUNCTION agentcore.price_entries(jsonb, text) IS
  'Internal. '
  'The models of a price list with their entries, in the order in which they are imported; twice: it was there before.';

CREATE FUNCTION agentcore.price_problem(base jsonb, fees jsonb, ignored text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT CASE
    WHEN base ->> 'usd_per_input_token' LIKE '-%' OR base ->> 'usd_per_output_token' LIKE '-%' THEN 'its price is not fixed'
    WHEN base -> 'usd_per_input_token' IS NULL AND base -> 'usd_per_output_token' IS NULL THEN 'it has no price per token'
    WHEN base -> 'usd_per_input_token' IS NULL THEN 'it has no price per token of input'
    WHEN base -> 'usd_per_output_token' IS NULL THEN 'it has no price per token of output'
    WHEN base -> 'usd_per_input_token' = '0' AND base -> 'usd_per_output_token' = '0' AND fees IS NULL AND ignored IS NOT NULL
      THEN 'its tokens are free, and it costs by what is not counted' END
$$;
COMMENT ON FUNCTION agentcore.price_problem(jsonb, jsonb, text[]) IS
  'Internal. '
  'Why an entry of a price list is no price; NULL: it is one.';

CREATE TYPE agentcore.price_imported AS (model text, action text, service_tier text, above_tokens bigint, ignored text[], problem text);
COMMENT ON TYPE agentcore.price_imported IS
  'Row of model_price_import(): action is created, changed, unchanged or refused; ignored: members of the entry that cost something and are not in the price (on the first row of a model); problem: why it was refused.';

CREATE FUNCTION agentcore.price_import_one(model text, price jsonb, fees jsonb, known boolean, valid_from timestamptz, tenant text) RETURNS text
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  own constant text[] := '{usd_per_cached_token,usd_per_cache_write_token,usd_per_long_cache_write_token,usd_per_reasoning_token,usd_per_audio_input_token,usd_per_audio_output_token,usd_per_image_input_token}';
  changed boolean;
BEGIN
  changed := agentcore.model_price_set(price_import_one.model,
    (price ->> 'usd_per_input_token')::numeric, (price ->> 'usd_per_output_token')::numeric, (price ->> 'usd_per_cached_token')::numeric,
    valid_from => price_import_one.valid_from,
    usd_per_cache_write_token => (price ->> 'usd_per_cache_write_token')::numeric, usd_per_long_cache_write_token => (price ->> 'usd_per_long_cache_write_token')::numeric,
    usd_per_reasoning_token => (price ->> 'usd_per_reasoning_token')::numeric,
    usd_per_audio_input_token => (price ->> 'usd_per_audio_input_token')::numeric, usd_per_audio_output_token => (price ->> 'usd_per_audio_output_token')::numeric,
    usd_per_image_input_token => (price ->> 'usd_per_image_input_token')::numeric,
    fees => price_import_one.fees, service_tier => price ->> 'service_tier', above_tokens => (price ->> 'above_tokens')::bigint,
    reset => '{valid_to}' || ARRAY(SELECT m FROM unnest(own) m WHERE price -> m IS NULL), tenant => price_import_one.tenant);
  RETURN CASE WHEN NOT known THEN 'created' WHEN changed THEN 'changed' ELSE 'unchanged' END;
END
$$;
COMMENT ON FUNCTION agentcore.price_import_one(text, jsonb, jsonb, boolean, timestamptz, text) IS
  'Internal. '
  'Make one price what a price list says, and say what was done; known: it was there before.';

CREATE FUNCTION agentcore.model_price_import(document jsonb, format text, models text[] DEFAULT NULL, valid_from timestamptz DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.price_imported
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  item record;
  prices jsonb;
  price jsonb;
  fees jsonb;
  answer agentcore.price_imported;
  answers agentcore.price_imported[];
  known jsonb;
BEGIN
  tenant := coalesce(tenant, '');
  IF agentcore.access_level(tenant) IS DISTINCT FROM 'admin' THEN
    RAISE EXCEPTION 'permission denied for tenant "%"', tenant
      USING ERRCODE = 'insufficient_privilege', HINT = 'Importing prices needs level admin.';
  ELSIF format IS NULL OR format NOT IN ('litellm', 'openrouter') THEN
    RAISE EXCEPTION 'unknown format %', coalesce('"' || format || '"', 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'It is litellm or openrouter.';
  ELSIF document IS NULL OR format = 'litellm' AND jsonb_typeof(document) <> 'object'
     OR format = 'openrouter' AND jsonb_typeof(document) <> 'array' AND jsonb_typeof(document -> 'data') IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'document is no price list of format "%"', format
      USING ERRCODE = 'invalid_parameter_value',
            HINT = CASE format WHEN 'litellm' THEN 'It is an object with a member per model.' ELSE 'It is an array of models, or an object with one in "data".' END;
  END IF;
  SELECT coalesce(jsonb_object_agg(jsonb_build_array(p.model, p.service_tier, p.above_tokens)::text, true), '{}') INTO known
    FROM agentcore.model_prices p
   WHERE p.tenant = model_price_import.tenant AND (model_price_import.valid_from IS NULL AND p.in_force OR p.valid_from = model_price_import.valid_from);
  FOR item IN
    SELECT e.model, e.entry, e.twice FROM agentcore.price_entries(document, format) e
     WHERE models IS NULL OR EXISTS (SELECT FROM unnest(models) m WHERE e.model = m OR right(m, 1) = '*' AND starts_with(e.model, left(m, -1)))
     ORDER BY e.n
  LOOP
    answer := (item.model, 'refused', NULL, NULL, NULL, NULL);
    answer.problem := CASE WHEN item.model IS NULL THEN 'it has no id' WHEN item.twice THEN 'it is twice in the document'
                           WHEN jsonb_typeof(item.entry) <> 'object' THEN 'the entry is not an object' END;
    IF answer.problem IS NOT NULL THEN
      RETURN NEXT answer;
      CONTINUE;
    END IF;
    fees := agentcore.price_fees_of(item.entry, format);
    prices := agentcore.price_rows_of(item.entry, format);
    -- an embedding has no output
    IF item.entry ->> 'mode' = 'embedding' THEN
      prices := (SELECT jsonb_agg('{"usd_per_output_token": 0}' || p.value ORDER BY p.n) FROM jsonb_array_elements(prices) WITH ORDINALITY p (value, n));
    END IF;
    answer.ignored := agentcore.price_ignored(item.entry, format);
    answer.problem := agentcore.price_problem(prices -> 0, fees, answer.ignored);
    IF answer.problem IS NOT NULL THEN
      RETURN NEXT answer;
      CONTINUE;
    END IF;
    answers := '{}';
    BEGIN
      FOR price IN SELECT value FROM jsonb_array_elements(prices) LOOP
        answer.action := agentcore.price_import_one(item.model, price, CASE WHEN price = prices -> 0 THEN fees END,
          known ? jsonb_build_array(item.model, price -> 'service_tier', price -> 'above_tokens')::text, model_price_import.valid_from, tenant);
        answer.service_tier := price ->> 'service_tier';
        answer.above_tokens := price ->> 'above_tokens';
        answers := answers || answer;
        answer.ignored := NULL;
      END LOOP;
    EXCEPTION WHEN invalid_parameter_value OR numeric_value_out_of_range THEN
      answer := (item.model, 'refused', NULL, NULL, agentcore.price_ignored(item.entry, format), SQLERRM);
      answers := ARRAY[answer];
    END;
    RETURN QUERY SELECT * FROM unnest(answers);
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.model_price_import(jsonb, text, text[], timestamptz, text) IS
  'Make prices what a published list says: format litellm (model_prices_and_context_window.json) or openrouter (the answer of /api/v1/models, or its data). '
  'models: only these, each an exact name or prefix*; NULL: all, and then every model of the list can be called. '
  'valid_from: from when on; NULL: now, where they differ from those in force. '
  'One row per price: by model, service_tier and above_tokens; action created, changed, unchanged or refused, with what the entry says of costs that are not counted (ignored). '
  'A tier or length that the list says only a part of takes the rest from its shorter input or the standard tier, whichever is dearer; of searches at several prices the dearest counts. '
  'Weights, use_reported_cost and fees that the list does not name stay as they are, and so do prices that it does not name. '
  'An entry that is refused changes nothing and stops no other. '
  'Unknown format, or a document of another shape: 22023.';

INSERT INTO agentcore.access_function VALUES
  ('price_number', 'admin'), ('price_has_cost', 'admin'), ('price_given_litellm', 'admin'), ('price_given_openrouter', 'admin'),
  ('price_rows_of', 'admin'), ('price_fees_of', 'admin'), ('price_ignored', 'admin'), ('price_entries', 'admin'), ('price_problem', 'admin'),
  ('price_import_one', 'admin'), ('model_price_import', 'admin');
