-- Usage objects that are not understood, by mistake or on purpose: a settlement never fails for one, charges what is
-- certain and no less than was held, and says so.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;
SET timezone = 'UTC';

-- micro-USD per token; a call begun with 1000 and 100 tokens holds 1000 * 1.25 + 100 * 10 = 2250
SELECT model_price_set('m', 1e-6, 1e-5, 1e-7, usd_per_cache_write_token => 1.25e-6);
SELECT policy_set('p'), budget_set('b', max_usd => 1000000, max_overrun => 1e6), agent_set('a', 'p', 'b');
CREATE FUNCTION public.settled(usage jsonb, OUT ended text, OUT microusd numeric, OUT tokens bigint, OUT estimated text, OUT reported_usd numeric) LANGUAGE plpgsql AS $$
DECLARE id uuid;
BEGIN
  SELECT call_id INTO id FROM agentcore.llm_begin('a', 'm', 1000, 100);
  ended := agentcore.llm_commit(id, usage);
  SELECT trim_scale(charged_usd * 1e6), charged_tokens, p.estimated, p.reported_usd INTO microusd, tokens, settled.estimated, settled.reported_usd FROM agentcore.permits p WHERE permit = id;
END $$;

-- One WARNING, with the field; the mark stays
SELECT * FROM public.settled('{"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "prompt_tokens_details": {"cached_tokens": 900}}');

SET client_min_messages = error;
-- A count that is none
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": "100", "completion_tokens": 5}', '{"prompt_tokens": -100, "completion_tokens": 5}', '{"prompt_tokens": 100.5, "completion_tokens": 5}',
  '{"prompt_tokens": 1000000000000000000, "completion_tokens": 5}', '{"prompt_tokens": 10000000001, "completion_tokens": 5}', '{"prompt_tokens": 1e100000, "completion_tokens": 5}',
  '{"prompt_tokens": [100], "completion_tokens": 5}', '{"prompt_tokens": {"n": 100}, "completion_tokens": 5}', '{"prompt_tokens": true, "completion_tokens": 5}',
  '{"prompt_tokens": 100, "completion_tokens": "5"}', '{"input_tokens": 100, "output_tokens": 5, "cache_read_input_tokens": "7"}', '{"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": "105"}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": 7}', '{"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -1}}',
  '{"promptTokenCount": 100, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": "9"}]}', '{"promptTokenCount": 100, "promptTokensDetails": [7]}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- A part above its whole
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 60}}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 6}}', '{"input_tokens": 100, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 101}}',
  '{"input_tokens": 100, "output_tokens": 5, "cache_creation_input_tokens": 7, "cache_creation": {"ephemeral_1h_input_tokens": 8}}',
  '{"promptTokenCount": 100, "candidatesTokenCount": 5, "cachedContentTokenCount": 101}', '{"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 101}',
  '{"inputTokens": 100, "outputTokens": 5, "inputTokenDetails": {"cacheReadTokens": 101}}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- No input
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": 0, "completion_tokens": 5}', '{"type": "message_delta", "usage": {"output_tokens": 5}}', '{"eval_count": 5}', '{"prompt_tokens": null, "completion_tokens": 5}',
  '{"usage": {"billed_units": {"input_tokens": 0}, "tokens": {"input_tokens": 100, "output_tokens": 5}}}', '{"input_tokens": 0, "output_tokens": 0}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- A member that is named like tokens, and not known; other members say nothing
SELECT u, (SELECT min(problem) FROM agentcore.model_usage(u)) AS problem
  FROM (VALUES ('{"prompt_tokens": 1000, "completion_tokens": 10, "thinking_tokens": 500}'::jsonb), ('{"prompt_tokens": 1000, "completion_tokens": 510, "completion_tokens_details": {"thinking_tokens": 500}}')) v (u);
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": 100, "completion_tokens": 5, "citation_tokens": 7}', '{"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"gold_tokens": 7}}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "cacheReadInputTokens": 7}', '{"inputTokens": 100, "outputTokens": 5, "extra": {"deep": {"tokenCount": 0.5}}}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "citation_tokens": 0, "gold_tokens": "7", "silver_tokens": null}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "tokens_per_second": 70, "max_tokens": 4096, "token_limit": 9, "queue_time": 0.5, "speed": 7, "response_token/s": 5, "prompt_tokens_cost": 0.5, "tokens": [7]}']::jsonb[])
  WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- A cost out of range; one that is in range is kept beside ours
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": 100, "completion_tokens": 5, "cost": -1}', '{"prompt_tokens": 100, "completion_tokens": 5, "cost": 1e300}', '{"prompt_tokens": 100, "completion_tokens": 5, "cost": "1"}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "cost": 0.00015}', '{"prompt_tokens": 100, "completion_tokens": 5, "cost": {"total_cost": 0.00015}}', '{"prompt_tokens": 100, "completion_tokens": 5, "cost": null}',
  '{"cost": 0.00015}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- What is used by the piece, for a fee, in a count that is none; in events it is counted once
SELECT model_price_set('m', fees => '{"web_search_requests": 0.01}');
SELECT u.n, s.* FROM unnest(ARRAY['{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": "2"}}', '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": -2}}',
  '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": [2]}}', '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": {"n": 2}}}',
  '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": 2}', '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": 2}}', '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": null}',
  '[{"type": "message_start", "message": {"usage": {"input_tokens": 100, "output_tokens": 1, "service_tier": "standard"}}}, {"type": "message_delta", "usage": {"output_tokens": 3, "server_tool_use": {"web_search_requests": 1}}},
    {"type": "message_delta", "usage": {"output_tokens": 5, "server_tool_use": {"web_search_requests": 2}}}]']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
SELECT model_price_set('m', reset => '{fees}');
-- The same without a fee in the price; one of 0 is a price, and no provider charges for a page that is fetched
SELECT u.n, s.* FROM unnest(ARRAY['{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": 2}}', '{"prompt_tokens": 100, "completion_tokens": 5, "num_search_queries": 2}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "num_sources_used": 2}', '{"usage": {"input_tokens": 100, "output_tokens": 5, "server_side_tool_usage_details": {"web_search_calls": 2}}}',
  '{"meta": {"billed_units": {"search_units": 2}}}', '{"delta": {"usage": {"billed_units": {"input_tokens": 100, "classifications": 2}}}}', '{"prompt_tokens": 100, "completion_tokens": 5, "num_search_queries": "x"}',
  '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 2}}', '{"prompt_tokens": 100, "completion_tokens": 5, "num_search_queries": 0}']::jsonb[])
  WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
SELECT model_price_set('m', fees => '{"search_units": 0.002, "num_search_queries": 0}');
SELECT u.n, s.* FROM unnest(ARRAY['{"meta": {"billed_units": {"search_units": 2}}}', '{"delta": {"usage": {"billed_units": {"search_units": 3}}}}', '{"prompt_tokens": 100, "completion_tokens": 5, "num_search_queries": 2}',
  '{"input_tokens": 100, "output_tokens": 5, "server_tool_use": {"web_search_requests": 2}}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
SELECT model_price_set('m', reset => '{fees}');
-- A total below its parts: they are charged.  One that is the sum of input and output leaves out the cache, which stands beside
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": 100, "completion_tokens": 500, "total_tokens": 120}', '{"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 120}', '{"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 0}',
  '{"promptTokenCount": 100, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 105}', '{"inputTokens": 100, "outputTokens": 5, "totalTokens": 105, "cacheReadInputTokens": 900}',
  '{"prompt_tokens": 31, "completion_tokens": 467, "total_tokens": 498, "cache_creation_input_tokens": 1253, "cache_read_input_tokens": 0}', '{"inputTokens": 40, "outputTokens": 50, "totalTokens": 90, "cachedInputTokens": 50}',
  '{"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": null}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- A total alone is charged as output or input, whichever costs more
SELECT u.n, s.* FROM unnest(ARRAY['{"total_tokens": 900000}', '{"usage": {"totalTokens": 900000}}', '{"usageMetadata": {"totalTokenCount": 900000}}', '{"total_tokens": 1e300}', '{"prompt_tokens": null, "completion_tokens": null, "total_tokens": 900000}',
  '{"total_tokens": 900000, "usage": {"prompt_tokens": 100, "completion_tokens": 5}}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- More parts above their wholes: of what was written, of what was cached, and those that only divide
SELECT u.n, s.* FROM unnest(ARRAY['{"input_tokens": 100, "output_tokens": 5, "cache_creation_input_tokens": 7, "cache_creation": {"ephemeral_5m_input_tokens": 900}}',
  '{"input_tokens": 100, "output_tokens": 5, "cache_creation_input_tokens": 10, "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 6}}',
  '{"input_tokens": 100, "output_tokens": 5, "input_token_details": {"audio_tokens": 100, "cached_tokens": 0, "cached_tokens_details": {"audio_tokens": 100}}}',
  '{"input_tokens": 100, "output_tokens": 5, "input_audio_tokens": 100, "cache_read_tokens": 10, "cache_audio_read_tokens": 90}', '{"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"text_tokens": 90000}}',
  '{"inputTokens": 10, "outputTokens": 1, "inputTokenDetails": {"noCacheTokens": 90000}}', '{"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 5, "prompt_cache_miss_tokens": 90000}',
  '{"prompt_tokens": 10, "completion_tokens": 1, "completion_tokens_details": {"accepted_prediction_tokens": 2}}', '{"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"text_tokens": "10"}}']::jsonb[])
  WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- Iterations that are none, and usage objects of several calls in one array
SELECT u.n, s.* FROM unnest(ARRAY['{"input_tokens": 100, "output_tokens": 5, "iterations": {"input_tokens": 1}}', '{"input_tokens": 100, "output_tokens": 5, "iterations": [7, {"input_tokens": 5000, "output_tokens": 7}]}',
  '[{"prompt_tokens": 100, "completion_tokens": 5}, {"prompt_tokens": 5000, "completion_tokens": 7}]', '[{"prompt_tokens": 100, "completion_tokens": 5}, {"type": "ping"}, {"prompt_tokens": 100, "completion_tokens": 5}]',
  '[{"usage": {"prompt_tokens": 100, "completion_tokens": 1}}, {"usage": {"prompt_tokens": 100, "completion_tokens": 5}}]']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- Nothing that is known
SELECT u.n, s.* FROM unnest(ARRAY['{}', '[]', 'null', '"usage"', '7', '[[[]]]', '{"usage": {}}', '{"usage": "prompt_tokens"}', '{"total_tokens": 5}', '{"type": "duration", "seconds": 9}']::jsonb[])
  WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- More than the hold is certain: it is charged, of tokens and money each; so is what the total comes to
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": 5000, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9000}}', '{"prompt_tokens": 2000, "completion_tokens": "x"}',
  '{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 100000, "prompt_tokens_details": {"cached_tokens": 11}}', '{"prompt_tokens": "x", "completion_tokens": 500, "total_tokens": 900}',
  '{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 100000}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
-- Deep, wide, twice: read in bounds; of a member given twice jsonb keeps the last
SELECT s.* FROM public.settled((repeat('{"usage": ', 2000) || '{"prompt_tokens": 1}' || repeat('}', 2000))::jsonb) s;
SELECT s.* FROM public.settled((repeat('[', 2000) || repeat(']', 2000))::jsonb) s;
SELECT s.* FROM public.settled('{"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens": 1, "completion_tokens": 0}') s;
SELECT s.* FROM public.settled((SELECT jsonb_object_agg('member_' || g, g) || '{"prompt_tokens": 100, "completion_tokens": 5}' FROM generate_series(1, 20000) g)) s;
SELECT s.* FROM public.settled((SELECT jsonb_agg('{"type": "content_block_delta"}'::jsonb) || '{"usage": {"input_tokens": 100, "output_tokens": 5}}' FROM generate_series(1, 4095))) s;
SELECT s.* FROM public.settled((SELECT jsonb_agg('{"type": "content_block_delta"}'::jsonb) || '{"usage": {"input_tokens": 100, "output_tokens": 5}}' FROM generate_series(1, 4096))) s;
SELECT s.* FROM public.settled(jsonb_build_object('prompt_tokens', 100, 'completion_tokens', 5, 'text', repeat('x', 5000000))) s;
-- What the answer says in words is not read
SELECT s.* FROM public.settled('{"choices": [{"message": {"content": {"usage": {"prompt_tokens": 1}}, "usage": {"prompt_tokens": 1}}}], "content": [{"usage": {"input_tokens": 1}}], "usage": {"prompt_tokens": 100, "completion_tokens": 5}}') s;

-- The same figure in several spellings is one; figures that do not agree are two readings, and the dearer counts
SELECT u.n, s.microusd, s.tokens, s.estimated FROM unnest(ARRAY[
  '{"prompt_tokens": 1000, "completion_tokens": 50, "input_tokens": 1000, "output_tokens": 50, "input_tokens_details": {"cached_tokens": 900}}',
  '{"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050, "input_tokens": 100, "output_tokens": 50, "cache_read_input_tokens": 900}',
  '{"prompt_tokens": 1000, "input_tokens": 1000, "completion_tokens": 50, "output_tokens": 50, "cache_read_input_tokens": 900}',
  '{"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050, "cache_read_input_tokens": 900}',
  '{"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1950, "cache_read_input_tokens": 900}',
  '{"input_tokens": 1000, "output_tokens": 50, "cache_read_input_tokens": 900}',
  '{"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1950, "cache_read_input_tokens": 900}',
  '{"input_tokens": 1000, "output_tokens": 50, "cache_read_input_tokens": 900, "cached_input_tokens": 900, "cached_tokens": 900, "input_tokens_details": {"cached_tokens": 900}}',
  '{"usage": {"prompt_tokens": 1000, "completion_tokens": 50}, "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 50, "cachedContentTokenCount": 900}}',
  '{"prompt_tokens": 1000, "completion_tokens": 50, "input_tokens": 7, "output_tokens": 7}',
  '{"prompt_tokens": 7, "completion_tokens": 7, "promptTokens": 1000, "completionTokens": 50}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;

-- Again and otherwise: an estimate is a settlement like others
SELECT call_id AS id FROM llm_begin('a', 'm', 1000, 100, key => 'k') \gset
SELECT llm_commit(:'id', '{"prompt_tokens": "x"}');
SELECT llm_commit(:'id', '{"prompt_tokens": "x"}');
SELECT llm_commit(:'id', '{"prompt_tokens": 5, "completion_tokens": 5}');
SELECT state, estimated, charged_tokens, trim_scale(charged_usd * 1e6) AS microusd FROM permits WHERE key = 'k';
-- told in part: the rest is the estimate
SELECT call_id AS id FROM llm_begin('a', 'm', 1000, 100, key => 'usd') \gset
SELECT llm_commit(:'id', '{"prompt_tokens": "x"}', usd => 0.000001);
SELECT call_id AS id FROM llm_begin('a', 'm', 1000, 100, key => 'both') \gset
SELECT llm_commit(:'id', '{"prompt_tokens": "x"}', tokens => 1, usd => 0.000001);
SELECT key, estimated, charged_tokens, trim_scale(charged_usd * 1e6) AS microusd FROM permits WHERE key IN ('usd', 'both') ORDER BY 1;
-- failed and cancelled calls, and one whose lease has ended
SELECT call_id AS id FROM llm_begin('a', 'm', 1000, 100, key => 'failed') \gset
SELECT action FROM call_fail(:'id', 400, usage => '{"prompt_tokens": 1, "completion_tokens": "x"}');
SELECT call_id AS id FROM llm_begin('a', 'm', 1000, 100, key => 'cancelled') \gset
SELECT action FROM call_fail(:'id', 499, usage => '{"prompt_tokens": 1, "completion_tokens": "x"}');
SELECT call_id AS id FROM llm_begin('a', 'm', 1000, 100, key => 'late') \gset
SET agentcore.debug_clock_offset = '1d';
SELECT budget_reap() > 0 AS reaped;
SELECT llm_commit(:'id', '{"prompt_tokens": 1, "completion_tokens": "x"}');
RESET agentcore.debug_clock_offset;
SELECT key, state, estimated, charged_tokens, trim_scale(charged_usd * 1e6) AS microusd FROM permits WHERE key IN ('failed', 'cancelled', 'late') ORDER BY 1;
-- a price that makes the cost go out of range, and one that is gone
SELECT model_price_set('dear', 1e6, 1e6);
SELECT call_id AS id FROM llm_begin('a', 'm', 1000, 100, key => 'gone') \gset
UPDATE permit SET tool = 'dear' WHERE key = 'gone';
SELECT model_price_drop('dear');
SELECT llm_commit(:'id', '{"prompt_tokens": 5, "completion_tokens": 5}');
SELECT estimated, charged_tokens, trim_scale(charged_usd * 1e6) AS microusd FROM permits WHERE key = 'gone';
-- the cost that the object names is charged where the price says so, without tokens too
SELECT model_price_set('m', use_reported_cost => true);
SELECT u.n, s.* FROM unnest(ARRAY['{"prompt_tokens": 100, "completion_tokens": 5, "cost": 0.0005}', '{"prompt_tokens": 100, "completion_tokens": 5, "cost": 0}', '{"cost": 0.0005}', '{"cost": 0}',
  '{"prompt_tokens": "x", "completion_tokens": 5, "cost": 0.0005}']::jsonb[]) WITH ORDINALITY u(usage, n), public.settled(u.usage) s ORDER BY 1;
SELECT * FROM budget_verify();

-- How it is read, with what is not understood
SELECT u.n, m.* FROM unnest(ARRAY['{"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 160, "prompt_tokens_details": {"cached_tokens": 900}}', '{"prompt_tokens": 9, "completion_tokens": 1, "gold_tokens": 5}',
  '{"prompt_tokens": 5, "completion_tokens": 5, "input_tokens": 7, "output_tokens": 7}', '{}', NULL]::jsonb[]) WITH ORDINALITY u(usage, n), model_usage(u.usage) m ORDER BY n, reading, part, tokens;
SELECT model_usage(NULL);
-- names of two shapes, each of which says half of it: one reading, which the total confirms
SELECT u.usage, m.* FROM unnest(ARRAY['{"prompt_tokens": 200, "output_tokens": 50}', '{"input_tokens": 200, "completion_tokens": 50, "total_tokens": 250}', '{"promptTokens": 200, "outputTokens": 50, "reasoningTokens": 20}',
  '{"input_tokens": 200, "cache_read_input_tokens": 500, "completion_tokens": 50}', '{"prompt_tokens": 200, "completion_tokens": 0, "input_tokens": 0, "output_tokens": 50}', '{"input_tokens": 0, "cache_read_input_tokens": 500, "output_tokens": 50, "prompt_tokens": 500, "completion_tokens": 50}']::jsonb[])
  WITH ORDINALITY u(usage, n), model_usage(u.usage) m ORDER BY n, reading, part, tokens;
SELECT trim_scale(usd * 1e6) AS microusd FROM model_cost('m', '{"prompt_tokens": 200, "output_tokens": 50}');
-- so may the names of their details
SELECT u.usage, m.* FROM unnest(ARRAY['{"input_tokens": 100, "output_tokens": 50, "total_tokens": 150, "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 10}}',
  '{"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "input_tokens_details": {"cached_tokens": 40}, "output_tokens_details": {"reasoning_tokens": 10}}',
  '{"prompt_tokens": 100, "input_tokens": 100, "completion_tokens": 50, "output_tokens": 50, "prompt_tokens_details": {"cached_tokens": 40}, "input_tokens_details": {"cached_tokens": 40}}',
  '{"input_tokens": 10, "cache_read_input_tokens": 500, "output_tokens": 5, "prompt_tokens": 510, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 500}}',
  '{"prompt_tokens": 200, "output_tokens": 50, "prompt_tokens_details": {"cached_tokens": 100}, "output_tokens_details": {"reasoning_tokens": 20}}']::jsonb[])
  WITH ORDINALITY u(usage, n), model_usage(u.usage) m ORDER BY n, reading, part, tokens;
