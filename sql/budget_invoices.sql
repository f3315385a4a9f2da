-- Usage objects as providers and libraries send them, each with the invoice worked out by hand from the
-- documentation that it names: which counts are parts of which, and which stand beside them.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;

-- micro-USD per token: input 1, cached 0.1, written 1.25, written for an hour 2, output 10, reasoning 11, audio in 40, image in 5, audio out 80
SELECT model_price_set('m', 1e-6, 1e-5, 1e-7, usd_per_cache_write_token => 1.25e-6, usd_per_long_cache_write_token => 2e-6, usd_per_reasoning_token => 1.1e-5,
                       usd_per_audio_input_token => 4e-5, usd_per_image_input_token => 5e-6, usd_per_audio_output_token => 8e-5, fees => '{"web_search_requests": 0, "num_search_queries": 0}');
SELECT policy_set('p'), budget_set('b', max_usd => 1000), agent_set('a', 'p', 'b');

CREATE TABLE public.source (source text PRIMARY KEY, page text NOT NULL);
INSERT INTO public.source VALUES
  ('chat', 'https://platform.openai.com/docs/api-reference/chat/object: cached_tokens and audio_tokens are parts of prompt_tokens, reasoning_tokens of completion_tokens'),
  ('responses', 'https://platform.openai.com/docs/api-reference/responses/object: cached_tokens is a part of input_tokens, reasoning_tokens of output_tokens'),
  ('azure', 'https://learn.microsoft.com/en-us/javascript/api/@azure/ai-projects/inputtokensdetailsresource: cache_write_tokens, "the number of input tokens written to the cache"'),
  ('realtime', 'https://platform.openai.com/docs/guides/realtime-costs: text, audio, image and cached tokens are parts of input_tokens; cached_tokens_details divides the cached'),
  ('images', 'https://platform.openai.com/docs/api-reference/images/object: text_tokens and image_tokens are parts of input_tokens'),
  ('embeddings', 'https://platform.openai.com/docs/api-reference/embeddings/create: prompt_tokens and total_tokens only'),
  ('messages', 'https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching: total input = cache_read_input_tokens + cache_creation_input_tokens + input_tokens'),
  ('stream', 'https://docs.anthropic.com/en/docs/build-with-claude/streaming: the counts of message_delta are cumulative'),
  ('gemini', 'https://ai.google.dev/api/generate-content#UsageMetadata: promptTokenCount includes the cached content; thoughts and tool use stand beside; total is their sum'),
  ('live', 'https://ai.google.dev/api/live#usagemetadata: responseTokenCount in the place of candidatesTokenCount'),
  ('converse', 'https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: cacheReadInputTokens and cacheWriteInputTokens stand beside inputTokens; https://docs.aws.amazon.com/sdk-for-python/v1/reference/clients/bedrock-runtime/structures/TokenUsage/'),
  ('cohere', 'https://docs.cohere.com/v2/docs/how-does-cohere-pricing-work: billed_units is what is charged, tokens what was processed'),
  ('deepseek', 'https://api-docs.deepseek.com/guides/kv_cache: prompt_cache_hit_tokens and prompt_cache_miss_tokens add up to prompt_tokens'),
  ('kimi', 'https://platform.kimi.ai/docs/api/chat: cached_tokens beside prompt_tokens, whose part it is; in a stream the usage is in choices[0]'),
  ('openrouter', 'https://openrouter.ai/docs/use-cases/usage-accounting: cached_tokens and cache_write_tokens are parts of prompt_tokens; cost is in credits (USD)'),
  ('perplexity', 'https://docs.perplexity.ai/getting-started/pricing: reasoning tokens are charged beside the output'),
  ('xai', 'https://docs.x.ai/developers/rate-limits: reasoning tokens are charged beside completion tokens, and total_tokens counts them; https://docs.x.ai/developers/advanced-api-usage/prompt-caching/usage-and-pricing'),
  ('ollama', 'https://github.com/ollama/ollama/blob/main/docs/api.md: prompt_eval_count and eval_count'),
  ('groq', 'https://console.groq.com/docs/prompt-caching: as chat; in a stream x_groq.usage'),
  ('litellm', 'https://docs.litellm.ai/docs/completion/prompt_caching: prompt_tokens are all, cache-miss and cache-hit; https://github.com/BerriAI/litellm/issues/15056: an older one that counts writes beside'),
  ('langchain', 'https://reference.langchain.com/python/langchain-core/messages/ai/UsageMetadata: input_tokens is the sum of all input token types'),
  ('pydantic', 'https://ai.pydantic.dev/api/usage: cache_read_tokens, cache_write_tokens and input_audio_tokens are parts of input_tokens'),
  ('ai sdk', 'https://ai-sdk.dev/docs/reference/ai-sdk-core/generate-text: inputTokens is the total; before version 6 what the provider called input'),
  ('compaction', 'https://docs.anthropic.com/en/docs/build-with-claude/compaction: what is billed is the sum of usage.iterations; the counts beside it leave out the compaction'),
  ('mistral', 'https://docs.mistral.ai/inference/conversations/advanced/prompt-caching: cached prompt tokens are part of prompt_tokens'),
  ('qwen', 'https://www.alibabacloud.com/help/en/model-studio/context-cache: cached_tokens and cache_creation_input_tokens are parts of prompt_tokens'),
  ('codex', 'https://developers.openai.com/codex/noninteractive: cached_input_tokens is a part of input_tokens, reasoning_output_tokens of output_tokens');

-- total: what the provider adds up, where it does
CREATE TABLE public.invoice (n integer PRIMARY KEY, source text NOT NULL REFERENCES public.source, usage jsonb NOT NULL, microusd numeric NOT NULL, total bigint);
INSERT INTO public.invoice VALUES
(1, 'chat', '{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}', 19*1 + 10*10, 29),
(2, 'chat', '{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920},"completion_tokens_details":{"reasoning_tokens":0}}', 86*1 + 1920*0.1 + 300*10, 2306),
(3, 'chat', '{"prompt_tokens":75,"completion_tokens":1186,"total_tokens":1261,"completion_tokens_details":{"reasoning_tokens":1024}}', 75*1 + 162*10 + 1024*11, 1261),
(4, 'chat', '{"prompt_tokens":1200,"completion_tokens":240,"total_tokens":1440,"prompt_tokens_details":{"audio_tokens":200,"text_tokens":1000},"completion_tokens_details":{"audio_tokens":180,"text_tokens":60}}', 1000*1 + 200*40 + 60*10 + 180*80, 1440),
(5, 'chat', '{"prompt_tokens":50,"completion_tokens":120,"total_tokens":170,"completion_tokens_details":{"accepted_prediction_tokens":80,"rejected_prediction_tokens":30}}', 50*1 + 120*10, 170),
(6, 'chat', '{"id":"chatcmpl-1","object":"chat.completion","model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"total_tokens: 0"}}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29},"service_tier":"default"}', 19*1 + 10*10, 29),
(7, 'chat', '{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}', 19*1 + 10*10, 29),
(8, 'embeddings', '{"object":"list","data":[],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}', 8*1, 8),
(9, 'responses', '{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":123}', 36*1 + 87*10, 123),
(10, 'responses', '{"input_tokens":81,"input_tokens_details":{"cached_tokens":64},"output_tokens":1035,"output_tokens_details":{"reasoning_tokens":832},"total_tokens":1116}', 17*1 + 64*0.1 + 203*10 + 832*11, 1116),
(11, 'azure', '{"input_tokens":1000,"output_tokens":0,"total_tokens":1000,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":800}}', 200*1 + 800*1.25, 1000),
(12, 'responses', '{"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","status":"completed","max_output_tokens":4096,"usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":0},"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":48}}}', 37*1 + 11*10, 48),
(13, 'responses', '{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":37,"output_tokens":100,"output_tokens_details":{"reasoning_tokens":100},"total_tokens":137}}}', 37*1 + 100*11, 137),
(14, 'realtime', '{"type":"response.done","response":{"usage":{"total_tokens":253,"input_tokens":132,"output_tokens":121,"input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":0,"cached_tokens":64,"cached_tokens_details":{"text_tokens":64,"audio_tokens":0,"image_tokens":0}},"output_token_details":{"text_tokens":30,"audio_tokens":91}}}}', 55*1 + 13*40 + 64*0.1 + 30*10 + 91*80, 253),
(15, 'realtime', '{"total_tokens":300,"input_tokens":200,"output_tokens":100,"input_token_details":{"text_tokens":100,"audio_tokens":100,"cached_tokens":120,"cached_tokens_details":{"text_tokens":60,"audio_tokens":60}},"output_token_details":{"text_tokens":20,"audio_tokens":80}}', 40*1 + 40*40 + 120*0.1 + 20*10 + 80*80, 300),
(16, 'realtime', '{"type":"tokens","total_tokens":26,"input_tokens":17,"input_token_details":{"text_tokens":0,"audio_tokens":17},"output_tokens":9}', 17*40 + 9*10, 26),
(17, 'images', '{"created":1,"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}', 10*1 + 40*5 + 50*10, 100),
(18, 'messages', '{"input_tokens":2095,"output_tokens":503}', 2095*1 + 503*10, NULL),
(19, 'messages', '{"input_tokens":21,"cache_creation_input_tokens":188086,"cache_read_input_tokens":0,"output_tokens":393}', 21*1 + 188086*1.25 + 393*10, NULL),
(20, 'messages', '{"input_tokens":21,"cache_creation_input_tokens":0,"cache_read_input_tokens":188086,"output_tokens":393}', 21*1 + 188086*0.1 + 393*10, NULL),
(21, 'messages', '{"input_tokens":2048,"cache_read_input_tokens":1800,"cache_creation_input_tokens":248,"output_tokens":503,"cache_creation":{"ephemeral_5m_input_tokens":148,"ephemeral_1h_input_tokens":100},"service_tier":"standard"}', 2048*1 + 1800*0.1 + 148*1.25 + 100*2 + 503*10, NULL),
(22, 'messages', '{"id":"msg_1","type":"message","content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":105,"output_tokens":6039,"cache_read_input_tokens":7123,"cache_creation_input_tokens":7345,"server_tool_use":{"web_search_requests":1}}}', 105*1 + 7123*0.1 + 7345*1.25 + 6039*10, NULL),
(23, 'stream', '{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":472,"output_tokens":2}}}', 472*1 + 2*10, NULL),
(24, 'stream', '[{"type":"message_start","message":{"usage":{"input_tokens":472,"cache_read_input_tokens":100,"output_tokens":2}}},{"type":"ping"},{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":89}},{"type":"message_stop"}]', 472*1 + 100*0.1 + 89*10, NULL),
(25, 'stream', '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":10682,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":510,"server_tool_use":{"web_search_requests":1}}}', 10682*1 + 510*10, NULL),
(26, 'gemini', '{"promptTokenCount":264,"candidatesTokenCount":80,"totalTokenCount":344}', 264*1 + 80*10, 344),
(27, 'gemini', '{"promptTokenCount":1000,"cachedContentTokenCount":900,"candidatesTokenCount":50,"thoughtsTokenCount":200,"totalTokenCount":1250}', 100*1 + 900*0.1 + 50*10 + 200*11, 1250),
(28, 'gemini', '{"promptTokenCount":30,"toolUsePromptTokenCount":500,"candidatesTokenCount":40,"thoughtsTokenCount":10,"totalTokenCount":580}', 530*1 + 40*10 + 10*11, 580),
(29, 'gemini', '{"candidates":[],"usageMetadata":{"promptTokenCount":330,"candidatesTokenCount":20,"totalTokenCount":350,"promptTokensDetails":[{"modality":"TEXT","tokenCount":10},{"modality":"AUDIO","tokenCount":62},{"modality":"IMAGE","tokenCount":258}],"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":20}]}}', 10*1 + 62*40 + 258*5 + 20*10, 350),
(30, 'gemini', '{"promptTokenCount":330,"cachedContentTokenCount":300,"candidatesTokenCount":20,"totalTokenCount":350,"promptTokensDetails":[{"modality":"TEXT","tokenCount":30},{"modality":"AUDIO","tokenCount":300}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":280},{"modality":"TEXT","tokenCount":20}]}', 10*1 + 20*40 + 300*0.1 + 20*10, 350),
(31, 'gemini', '{"prompt_token_count":1000,"cached_content_token_count":900,"candidates_token_count":50,"thoughts_token_count":200,"total_token_count":1250,"prompt_tokens_details":[{"modality":"TEXT","token_count":1000}],"traffic_type":"ON_DEMAND"}', 100*1 + 900*0.1 + 50*10 + 200*11, 1250),
(32, 'gemini', '{"promptTokenCount":12,"totalTokenCount":12}', 12*1, 12),
(33, 'live', '{"usageMetadata":{"promptTokenCount":100,"responseTokenCount":50,"totalTokenCount":150,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":90},{"modality":"TEXT","tokenCount":10}],"responseTokensDetails":[{"modality":"AUDIO","tokenCount":50}]}}', 10*1 + 90*40 + 50*80, 150),
(34, 'converse', '{"inputTokens":125,"outputTokens":60,"totalTokens":185}', 125*1 + 60*10, 185),
(35, 'converse', '{"inputTokens":9,"outputTokens":100,"totalTokens":2109,"cacheReadInputTokens":2000,"cacheWriteInputTokens":0}', 9*1 + 2000*0.1 + 100*10, 2109),
(36, 'converse', '{"output":{"message":{"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":100,"totalTokens":109,"cacheReadInputTokens":0,"cacheWriteInputTokens":1500,"cacheDetails":[{"ttl":"1h","inputTokens":500},{"ttl":"5m","inputTokens":1000}]},"metrics":{"latencyMs":1551}}', 9*1 + 1000*1.25 + 500*2 + 100*10, NULL),
(37, 'converse', '{"metadata":{"usage":{"inputTokens":47,"outputTokens":20,"totalTokens":67},"metrics":{"latencyMs":100}}}', 47*1 + 20*10, 67),
(38, 'cohere', '{"usage":{"billed_units":{"input_tokens":5,"output_tokens":418},"tokens":{"input_tokens":71,"output_tokens":418}}}', 5*1 + 418*10, NULL),
(39, 'cohere', '{"text":"hi","meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":13,"output_tokens":8},"tokens":{"input_tokens":79,"output_tokens":10}}}', 13*1 + 8*10, NULL),
(40, 'cohere', '{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3.0,"output_tokens":10.0},"tokens":{"input_tokens":69,"output_tokens":10}}}}', 3*1 + 10*10, NULL),
(41, 'deepseek', '{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"prompt_tokens_details":{"cached_tokens":896},"prompt_cache_hit_tokens":896,"prompt_cache_miss_tokens":104}', 104*1 + 896*0.1 + 50*10, 1050),
(42, 'deepseek', '{"prompt_tokens":120,"completion_tokens":500,"total_tokens":620,"prompt_cache_hit_tokens":100,"prompt_cache_miss_tokens":20,"completion_tokens_details":{"reasoning_tokens":400}}', 20*1 + 100*0.1 + 100*10 + 400*11, 620),
(43, 'kimi', '{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"cached_tokens":900}', 100*1 + 900*0.1 + 50*10, 1050),
(44, 'kimi', '{"id":"cmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":13,"total_tokens":32,"cached_tokens":10}}]}', 9*1 + 10*0.1 + 13*10, 32),
(45, 'openrouter', '{"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":0,"image_tokens":0},"cost":0.95,"cost_details":{"upstream_inference_cost":19,"upstream_inference_prompt_cost":1},"is_byok":false,"prompt_tokens":194,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":100,"audio_tokens":0,"video_tokens":0},"total_tokens":196}', 94*1 + 100*1.25 + 2*10, 196),
(46, 'openrouter', '{"promptTokens":194,"completionTokens":40,"totalTokens":234,"promptTokensDetails":{"cachedTokens":100,"cacheWriteTokens":50,"audioTokens":0},"completionTokensDetails":{"reasoningTokens":30},"cost":0.0001}', 44*1 + 100*0.1 + 50*1.25 + 10*10 + 30*11, 234),
(47, 'perplexity', '{"prompt_tokens":33,"completion_tokens":7163,"total_tokens":7196,"reasoning_tokens":95305,"search_context_size":"low","cost":{"input_tokens_cost":0.0001,"output_tokens_cost":0.06,"total_cost":0.35}}', 33*1 + 7163*10 + 95305*11, NULL),
(48, 'xai', '{"prompt_tokens":37,"completion_tokens":530,"total_tokens":775,"prompt_tokens_details":{"text_tokens":37,"audio_tokens":0,"image_tokens":0,"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":208,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"num_sources_used":0}', 29*1 + 8*0.1 + 530*10 + 208*11, 775),
(49, 'xai', '{"prompt_tokens":12,"completion_tokens":9,"total_tokens":331,"completion_tokens_details":{"reasoning_tokens":310}}', 12*1 + 9*10 + 310*11, 331),
(50, 'ollama', '{"model":"llama","done":true,"total_duration":5191566416,"load_duration":2154458,"prompt_eval_count":26,"prompt_eval_duration":383809000,"eval_count":298,"eval_duration":4799921000}', 26*1 + 298*10, NULL),
(51, 'groq', '{"id":"chatcmpl-1","choices":[],"x_groq":{"id":"req_1","usage":{"queue_time":0.037,"prompt_tokens":18,"prompt_time":0.0006,"completion_tokens":556,"completion_time":0.46,"total_tokens":574,"total_time":0.46}}}', 18*1 + 556*10, 574),
(52, 'litellm', '{"prompt_tokens":2459,"completion_tokens":23,"total_tokens":2482,"prompt_tokens_details":{"cached_tokens":0},"cache_read_input_tokens":2455}', 4*1 + 2455*0.1 + 23*10, 2482),
(53, 'litellm', '{"prompt_tokens":3000,"completion_tokens":20,"total_tokens":3020,"cache_creation_input_tokens":1000,"cache_read_input_tokens":1500,"prompt_tokens_details":{"cached_tokens":1500,"cache_creation_tokens":1000,"text_tokens":500,"cache_creation_token_details":{"ephemeral_5m_input_tokens":600,"ephemeral_1h_input_tokens":400}}}', 500*1 + 1500*0.1 + 600*1.25 + 400*2 + 20*10, 3020),
(54, 'pydantic', '{"input_tokens":100,"output_tokens":50,"details":{"thoughts_tokens":20,"text_prompt_tokens":100,"text_candidates_tokens":30}}', 100*1 + 30*10 + 20*11, NULL),
(55, 'langchain', '{"input_tokens":350,"output_tokens":240,"total_tokens":590,"input_token_details":{"audio":10,"cache_creation":200,"cache_read":100},"output_token_details":{"audio":10,"reasoning":200}}', 40*1 + 10*40 + 200*1.25 + 100*0.1 + 30*10 + 10*80 + 200*11, 590),
(56, 'langchain', '{"content":"hi","response_metadata":{"id":"msg_1","usage":{"input_tokens":10,"cache_read_input_tokens":2000,"cache_creation_input_tokens":1000,"output_tokens":5}},"usage_metadata":{"input_tokens":3010,"output_tokens":5,"total_tokens":3015,"input_token_details":{"cache_read":2000,"cache_creation":1000}}}', 10*1 + 2000*0.1 + 1000*1.25 + 5*10, 3015),
(57, 'langchain', '{"content":"hi","response_metadata":{"token_usage":{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"prompt_tokens_details":{"cached_tokens":900}}},"usage_metadata":{"input_tokens":1000,"output_tokens":50,"total_tokens":1050}}', 100*1 + 900*0.1 + 50*10, 1050),
(58, 'langchain', '{"input_tokens":1300,"output_tokens":5,"total_tokens":1305,"input_token_details":{"cache_read":100,"cache_creation":0,"ephemeral_5m_input_tokens":600,"ephemeral_1h_input_tokens":400}}', 200*1 + 100*0.1 + 600*1.25 + 400*2 + 5*10, 1305),
(59, 'pydantic', '{"input_tokens":1000,"cache_write_tokens":200,"cache_read_tokens":600,"output_tokens":50,"input_audio_tokens":50,"cache_audio_read_tokens":0,"output_audio_tokens":0,"details":{}}', 150*1 + 200*1.25 + 600*0.1 + 50*40 + 50*10, NULL),
(60, 'pydantic', '{"requests":1,"request_tokens":70,"response_tokens":12,"total_tokens":82,"details":null}', 70*1 + 12*10, 82),
(61, 'ai sdk', '{"inputTokens":1000,"inputTokenDetails":{"noCacheTokens":100,"cacheReadTokens":700,"cacheWriteTokens":200},"outputTokens":80,"outputTokenDetails":{"textTokens":30,"reasoningTokens":50},"totalTokens":1080,"reasoningTokens":50,"cachedInputTokens":700}', 100*1 + 700*0.1 + 200*1.25 + 30*10 + 50*11, 1080),
(62, 'ai sdk', '{"inputTokens":4,"outputTokens":10,"totalTokens":14,"cachedInputTokens":2000}', 4*1 + 2000*0.1 + 10*10, NULL),
(63, 'ai sdk', '{"type":"finish","finishReason":"stop","totalUsage":{"inputTokens":1000,"outputTokens":80,"totalTokens":1080,"reasoningTokens":50,"cachedInputTokens":700}}', 300*1 + 700*0.1 + 30*10 + 50*11, 1080),
(64, 'ai sdk', '{"promptTokens":20,"completionTokens":30,"totalTokens":50}', 20*1 + 30*10, 50),
(65, 'codex', '{"type":"turn.completed","usage":{"input_tokens":24763,"cached_input_tokens":24448,"output_tokens":122,"reasoning_output_tokens":64}}', 315*1 + 24448*0.1 + 58*10 + 64*11, NULL),
(66, 'codex', '{"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":90000,"cached_input_tokens":80000,"output_tokens":900,"reasoning_output_tokens":0,"total_tokens":90900},"last_token_usage":{"input_tokens":5000,"cached_input_tokens":4000,"output_tokens":100,"reasoning_output_tokens":40,"total_tokens":5100},"model_context_window":272000}}}', 1000*1 + 4000*0.1 + 60*10 + 40*11, 5100),
(67, 'compaction', '{"input_tokens":23000,"output_tokens":1000,"iterations":[{"type":"compaction","input_tokens":180000,"output_tokens":3500},{"type":"message","input_tokens":23000,"output_tokens":1000}]}', 203000*1 + 4500*10, NULL),
(68, 'mistral', '{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"num_cached_tokens":900,"prompt_tokens_details":{"cached_tokens":900},"prompt_token_details":{"cached_tokens":900}}', 100*1 + 900*0.1 + 50*10, 1050),
(69, 'qwen', '{"prompt_tokens":2000,"completion_tokens":50,"total_tokens":2050,"prompt_tokens_details":{"cached_tokens":0,"cache_creation_input_tokens":1953,"cache_creation":{"ephemeral_5m_input_tokens":1953},"cache_type":"ephemeral"}}', 47*1 + 1953*1.25 + 50*10, 2050),
(70, 'converse', '{"input_tokens":9,"output_tokens":100,"total_tokens":3609,"cache_read_input_tokens":2000,"cache_write_input_tokens":1500}', 9*1 + 2000*0.1 + 1500*1.25 + 100*10, 3609),
(71, 'pydantic', '{"input_tokens":1050,"output_tokens":50,"cache_read_tokens":900,"cache_write_tokens":50,"details":{"input_tokens":100,"output_tokens":50,"cache_creation_input_tokens":50,"cache_read_input_tokens":900}}', 100*1 + 900*0.1 + 50*1.25 + 50*10, NULL),
(72, 'pydantic', '{"requests":1,"request_tokens":100,"response_tokens":50,"total_tokens":150,"details":{"reasoning_tokens":20,"cached_tokens":64}}', 36*1 + 64*0.1 + 30*10 + 20*11, 150),
(73, 'ai sdk', '{"inputTokens":100,"inputTokenDetails":{"noCacheTokens":40,"cacheReadTokens":50,"cacheWriteTokens":10},"outputTokens":50,"outputTokenDetails":{"textTokens":30,"reasoningTokens":20},"totalTokens":150,"reasoningTokens":20,"cachedInputTokens":50,"raw":{"input_tokens":40,"output_tokens":50,"cache_read_input_tokens":50,"cache_creation_input_tokens":10}}', 40*1 + 50*0.1 + 10*1.25 + 30*10 + 20*11, 150),
(74, 'ai sdk', '{"inputTokens":{"total":100,"noCache":40,"cacheRead":50,"cacheWrite":10},"outputTokens":{"total":50,"text":30,"reasoning":20}}', 40*1 + 50*0.1 + 10*1.25 + 30*10 + 20*11, NULL),
(75, 'converse', '{"inputTokens":100,"outputTokens":50,"totalTokens":1050,"cacheReadInputTokens":900,"cacheReadInputTokenCount":900,"cacheWriteInputTokenCount":0,"cacheWriteInputTokens":0}', 100*1 + 900*0.1 + 50*10, 1050),
(76, 'converse', '{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":100,"outputTokenCount":50,"cacheReadInputTokenCount":900,"cacheWriteInputTokenCount":0,"invocationLatency":9}}', 100*1 + 900*0.1 + 50*10, NULL),
(78, 'litellm', '{"prompt_tokens":31,"completion_tokens":467,"total_tokens":498,"prompt_tokens_details":{"cached_tokens":0},"cache_creation_input_tokens":1253,"cache_read_input_tokens":0}', 31*1 + 1253*1.25 + 467*10, NULL),
(77, 'gemini', '{"promptTokenCount":100,"toolUsePromptTokenCount":40,"candidatesTokenCount":50,"totalTokenCount":190,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":30},{"modality":"TEXT","tokenCount":70}],"toolUsePromptTokensDetails":[{"modality":"AUDIO","tokenCount":40}]}', 70*1 + 70*40 + 50*10, 190);

-- each is priced as the invoice says, and the parts add up to the provider's total; no row is wrong
SELECT count(*), count(DISTINCT source) AS sources FROM public.invoice;
SELECT n, source, microusd, trim_scale(c.usd * 1e6) AS priced, total, u.tokens, u.problem
  FROM public.invoice,
       LATERAL (SELECT (SELECT usd FROM model_cost('m', usage)) AS usd) c,
       LATERAL (SELECT sum(tokens) AS tokens, count(DISTINCT reading) AS readings, max(problem) AS problem FROM model_usage(usage)) u
 WHERE c.usd * 1e6 IS DISTINCT FROM microusd OR u.tokens <> total OR u.problem IS NOT NULL OR u.readings <> 1
 ORDER BY n;

-- and a settlement charges it, with nothing estimated
CREATE FUNCTION public.settled(usage jsonb, OUT usd numeric, OUT estimated text, OUT reported numeric) LANGUAGE plpgsql AS $$
DECLARE id uuid;
BEGIN
  SELECT call_id INTO id FROM agentcore.llm_begin('a', 'm', 300000, 100000);
  PERFORM agentcore.llm_commit(id, usage);
  SELECT charged_usd, p.estimated, reported_usd INTO usd, settled.estimated, reported FROM agentcore.permits p WHERE permit = id;
END $$;
SELECT n, source, microusd, s.* FROM public.invoice, public.settled(usage) s WHERE s.usd * 1e6 <> microusd OR s.estimated IS NOT NULL ORDER BY n;
SELECT n, s.reported FROM public.invoice, public.settled(usage) s WHERE usage ? 'cost' ORDER BY n;

-- the same in other wrappings: as the usage of a response, of a chunk, of an event, and as one event of several
SELECT n, w, trim_scale(c.usd * 1e6) AS priced, microusd
  FROM public.invoice, unnest('{usage,message,response}'::text[]) w,
       LATERAL model_cost('m', CASE w WHEN 'usage' THEN jsonb_build_object('usage', usage) ELSE jsonb_build_object(w, jsonb_build_object('usage', usage)) END) c
 WHERE jsonb_typeof(usage) = 'object' AND usage ?| '{prompt_tokens,input_tokens,promptTokenCount,prompt_token_count,inputTokens,promptTokens,prompt_eval_count,request_tokens}'
   AND c.usd * 1e6 <> microusd ORDER BY 1, 2;
SELECT n FROM public.invoice, LATERAL model_cost('m', jsonb_build_array('{"type": "ping"}', usage, usage)) c
 WHERE jsonb_typeof(usage) = 'object' AND c.usd * 1e6 <> microusd ORDER BY 1;

-- How some are read, part by part
SELECT n, u.* FROM public.invoice, model_usage(usage) u WHERE n IN (10, 21, 30, 48, 53, 56) ORDER BY n, reading, part, tokens;
