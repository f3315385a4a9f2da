/*
 * usage_shapes.c
 *	  The usage objects of providers and of the libraries in front of them, as data.
 *
 * A shape is a set of names that are used together.  Names of several libraries share
 * one where they name input and output alike: what they add is in the same table.
 *
 * Memory, locks, errors: none.
 */
#include "price/usage_shapes.h"

#define WHOLE(name, kind)	{NULL, name, kind, USAGE_WHOLE}
#define WITHIN(name, kind)	{NULL, name, kind, USAGE_WITHIN}
#define EITHER(name, kind)	{NULL, name, kind, USAGE_EITHER}
#define APART(name, kind)	{NULL, name, kind, USAGE_APART}
#define TOTAL(name)			{NULL, name, TOKEN_OUTPUT, USAGE_TOTAL}
#define KNOWN(outer, name)	{outer, name, TOKEN_INPUT, USAGE_KNOWN}
#define KNOWN_OUT(outer, name)	{outer, name, TOKEN_OUTPUT, USAGE_KNOWN}

/*
 * What OpenAI's API and those like it say of input: cached_tokens,
 * cache_write_tokens (OpenAI, OpenRouter), cache_creation_tokens (LiteLLM),
 * cache_creation_input_tokens (Qwen), cache_read and cache_creation (LangChain); audio and image by the realtime, audio
 * and image APIs.
 */
#define INPUT_DETAILS(outer) \
	{outer, "cached_tokens", TOKEN_CACHED, USAGE_WITHIN}, \
	{outer, "cache_read", TOKEN_CACHED, USAGE_WITHIN}, \
	{outer, "cache_write_tokens", TOKEN_CACHE_WRITE, USAGE_WITHIN}, \
	{outer, "cache_creation_tokens", TOKEN_CACHE_WRITE, USAGE_WITHIN}, \
	{outer, "cache_creation_input_tokens", TOKEN_CACHE_WRITE, USAGE_WITHIN}, \
	{outer, "cache_creation", TOKEN_CACHE_WRITE, USAGE_WITHIN}, \
	{outer, "ephemeral_5m_input_tokens", TOKEN_CACHE_WRITE, USAGE_SHORT_WRITE}, \
	{outer, "ephemeral_1h_input_tokens", TOKEN_LONG_CACHE_WRITE, USAGE_LONG_WRITE}, \
	{outer, "audio_tokens", TOKEN_AUDIO_INPUT, USAGE_WITHIN}, \
	{outer, "audio", TOKEN_AUDIO_INPUT, USAGE_WITHIN}, \
	{outer, "image_tokens", TOKEN_IMAGE_INPUT, USAGE_WITHIN}, \
	KNOWN(outer, "text_tokens"), KNOWN(outer, "video_tokens"), KNOWN(outer, "file_tokens"), \
	{outer "/cached_tokens_details", "audio_tokens", TOKEN_AUDIO_INPUT, USAGE_OF_CACHED}, \
	{outer "/cached_tokens_details", "image_tokens", TOKEN_IMAGE_INPUT, USAGE_OF_CACHED}

#define OUTPUT_DETAILS(outer) \
	{outer, "reasoning_tokens", TOKEN_REASONING, USAGE_WITHIN}, \
	{outer, "reasoning", TOKEN_REASONING, USAGE_WITHIN}, \
	{outer, "thinking_tokens", TOKEN_REASONING, USAGE_WITHIN}, \
	{outer, "audio_tokens", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN}, \
	{outer, "audio", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN}, \
	KNOWN_OUT(outer, "image_tokens"), KNOWN_OUT(outer, "accepted_prediction_tokens"), \
	KNOWN_OUT(outer, "rejected_prediction_tokens")

/* What Anthropic's API says of its cache, which others hand on beside their own names; cache_write_input_tokens by AWS's Python. */
#define ANTHROPIC_CACHE \
	EITHER("cache_read_input_tokens", TOKEN_CACHED), \
	EITHER("cache_creation_input_tokens", TOKEN_CACHE_WRITE), \
	EITHER("cache_write_input_tokens", TOKEN_CACHE_WRITE), \
	{"cache_creation", "ephemeral_5m_input_tokens", TOKEN_CACHE_WRITE, USAGE_SHORT_WRITE}, \
	{"cache_creation", "ephemeral_1h_input_tokens", TOKEN_LONG_CACHE_WRITE, USAGE_LONG_WRITE}

/*
 * What pydantic-ai keeps beside its own names, by the names of the provider: OpenAI,
 * Anthropic, Gemini.
 */
#define PYDANTIC_DETAILS \
	{"details", "cached_tokens", TOKEN_CACHED, USAGE_WITHIN}, \
	{"details", "cached_content_tokens", TOKEN_CACHED, USAGE_WITHIN}, \
	{"details", "cache_read_input_tokens", TOKEN_CACHED, USAGE_WITHIN}, \
	{"details", "cache_creation_input_tokens", TOKEN_CACHE_WRITE, USAGE_WITHIN}, \
	{"details", "reasoning_tokens", TOKEN_REASONING, USAGE_WITHIN}, \
	{"details", "thoughts_tokens", TOKEN_REASONING, USAGE_WITHIN}, \
	{"details", "audio_prompt_tokens", TOKEN_AUDIO_INPUT, USAGE_WITHIN}, \
	{"details", "image_prompt_tokens", TOKEN_IMAGE_INPUT, USAGE_WITHIN}, \
	{"details", "audio_candidates_tokens", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN}, \
	KNOWN("details", "input_tokens"), KNOWN("details", "text_prompt_tokens"), KNOWN("details", "text_cache_tokens"), \
	KNOWN("details", "tool_use_prompt_tokens"), KNOWN_OUT("details", "output_tokens"), \
	KNOWN_OUT("details", "text_candidates_tokens"), KNOWN_OUT("details", "accepted_prediction_tokens"), \
	KNOWN_OUT("details", "rejected_prediction_tokens")

/*
 * OpenAI's chat completions; DeepSeek (prompt_cache_hit_tokens), Kimi (cached_tokens
 * beside the others), Mistral (num_cached_tokens), Perplexity (reasoning_tokens
 * beside them), OpenRouter, LiteLLM.  Gateways mix the names of details with those of
 * the responses.
 */
static const UsageField openai_chat[] = {
	WHOLE("prompt_tokens", TOKEN_INPUT),
	WHOLE("completion_tokens", TOKEN_OUTPUT),
	TOTAL("total_tokens"),
	ANTHROPIC_CACHE,
	WITHIN("prompt_cache_hit_tokens", TOKEN_CACHED),
	KNOWN(NULL, "prompt_cache_miss_tokens"),
	WITHIN("num_cached_tokens", TOKEN_CACHED),
	{"prompt_token_details", "cached_tokens", TOKEN_CACHED, USAGE_WITHIN},
	WITHIN("cached_tokens", TOKEN_CACHED),
	EITHER("reasoning_tokens", TOKEN_REASONING),
	INPUT_DETAILS("prompt_tokens_details"),
	INPUT_DETAILS("input_tokens_details"),
	OUTPUT_DETAILS("completion_tokens_details"),
	OUTPUT_DETAILS("output_tokens_details"),
	KNOWN_OUT("completion_tokens_details", "text_tokens"),
	{"prompt_tokens_details/cache_creation_token_details", "ephemeral_5m_input_tokens", TOKEN_CACHE_WRITE, USAGE_SHORT_WRITE},
	{"prompt_tokens_details/cache_creation_token_details", "ephemeral_1h_input_tokens", TOKEN_LONG_CACHE_WRITE, USAGE_LONG_WRITE}
};

/*
 * OpenAI's responses, Anthropic's messages, Codex (cached_input_tokens), LangChain
 * (input_token_details), OpenAI realtime (the same name), pydantic-ai
 * (cache_read_tokens), Cohere, Qwen's own API (prompt_tokens_details).  Anthropic alone counts its cache apart, and is known
 * by the names of it.
 */
static const UsageField input_output[] = {
	WHOLE("input_tokens", TOKEN_INPUT),
	WHOLE("output_tokens", TOKEN_OUTPUT),
	TOTAL("total_tokens"),
	ANTHROPIC_CACHE,
	WITHIN("cached_input_tokens", TOKEN_CACHED),
	WITHIN("cache_read_tokens", TOKEN_CACHED),
	WITHIN("cached_tokens", TOKEN_CACHED),
	WITHIN("cache_write_tokens", TOKEN_CACHE_WRITE),
	WITHIN("input_audio_tokens", TOKEN_AUDIO_INPUT),
	{NULL, "cache_audio_read_tokens", TOKEN_AUDIO_INPUT, USAGE_OF_CACHED},
	WITHIN("output_audio_tokens", TOKEN_AUDIO_OUTPUT),
	WITHIN("reasoning_output_tokens", TOKEN_REASONING),
	EITHER("reasoning_tokens", TOKEN_REASONING),
	WITHIN("image_tokens", TOKEN_IMAGE_INPUT),
	INPUT_DETAILS("input_tokens_details"),
	INPUT_DETAILS("input_token_details"),
	INPUT_DETAILS("prompt_tokens_details"),
	OUTPUT_DETAILS("completion_tokens_details"),
	OUTPUT_DETAILS("output_tokens_details"),
	OUTPUT_DETAILS("output_token_details"),
	PYDANTIC_DETAILS
};

/* What pydantic-ai called them before. */
static const UsageField request_response[] = {
	WHOLE("request_tokens", TOKEN_INPUT),
	WHOLE("response_tokens", TOKEN_OUTPUT),
	TOTAL("total_tokens"),
	PYDANTIC_DETAILS
};

/* Gemini leaves out what is zero, and counts thoughts apart from candidates.  Modalities are elements of an array. */
#define GEMINI(prompt, tool_use, candidates, response, thoughts, cached, total, prompt_details, tool_use_details, candidates_details, cache_details) \
	WHOLE(prompt, TOKEN_INPUT), \
	WHOLE(candidates, TOKEN_OUTPUT), \
	WHOLE(response, TOKEN_OUTPUT), \
	WHOLE(tool_use, TOKEN_INPUT), \
	TOTAL(total), \
	APART(thoughts, TOKEN_REASONING), \
	WITHIN(cached, TOKEN_CACHED), \
	{prompt_details, "AUDIO", TOKEN_AUDIO_INPUT, USAGE_WITHIN}, \
	{prompt_details, "IMAGE", TOKEN_IMAGE_INPUT, USAGE_WITHIN}, \
	{candidates_details, "AUDIO", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN}, \
	{cache_details, "AUDIO", TOKEN_AUDIO_INPUT, USAGE_OF_CACHED}, \
	{cache_details, "IMAGE", TOKEN_IMAGE_INPUT, USAGE_OF_CACHED}, \
	{tool_use_details, "AUDIO", TOKEN_AUDIO_INPUT, USAGE_WITHIN_TOO}, \
	{tool_use_details, "IMAGE", TOKEN_IMAGE_INPUT, USAGE_WITHIN_TOO}

static const UsageField gemini[] = {
	GEMINI("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "responseTokenCount", "thoughtsTokenCount",
		   "cachedContentTokenCount", "totalTokenCount", "promptTokensDetails", "toolUsePromptTokensDetails",
		   "candidatesTokensDetails", "cacheTokensDetails"),
	{"responseTokensDetails", "AUDIO", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN}
};

/* the same as its Python library writes it */
static const UsageField gemini_python[] = {
	GEMINI("prompt_token_count", "tool_use_prompt_token_count", "candidates_token_count", "response_token_count", "thoughts_token_count",
		   "cached_content_token_count", "total_token_count", "prompt_tokens_details", "tool_use_prompt_tokens_details",
		   "candidates_tokens_details", "cache_tokens_details"),
	{"response_tokens_details", "AUDIO", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN}
};

/* Gemini's interactions */
static const UsageField gemini_totals[] = {
	WHOLE("total_input_tokens", TOKEN_INPUT),
	WHOLE("total_output_tokens", TOKEN_OUTPUT),
	WHOLE("total_tool_use_tokens", TOKEN_INPUT),
	TOTAL("total_tokens"),
	APART("total_thought_tokens", TOKEN_REASONING),
	APART("total_reasoning_tokens", TOKEN_REASONING),
	WITHIN("total_cached_tokens", TOKEN_CACHED),
	{"input_tokens_by_modality", "audio", TOKEN_AUDIO_INPUT, USAGE_WITHIN},
	{"input_tokens_by_modality", "image", TOKEN_IMAGE_INPUT, USAGE_WITHIN},
	{"output_tokens_by_modality", "audio", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN},
	{"cached_tokens_by_modality", "audio", TOKEN_AUDIO_INPUT, USAGE_OF_CACHED}
};

/*
 * Bedrock's Converse counts its cache apart (cacheReadInputTokens).  The Vercel AI
 * SDK counts it within since version 6; before, as the provider did.
 */
static const UsageField camel[] = {
	WHOLE("inputTokens", TOKEN_INPUT),
	WHOLE("outputTokens", TOKEN_OUTPUT),
	TOTAL("totalTokens"),
	APART("cacheReadInputTokens", TOKEN_CACHED),
	APART("cacheWriteInputTokens", TOKEN_CACHE_WRITE),
	APART("cacheReadInputTokenCount", TOKEN_CACHED),
	APART("cacheWriteInputTokenCount", TOKEN_CACHE_WRITE),
	{"cacheDetails", "1h", TOKEN_LONG_CACHE_WRITE, USAGE_LONG_WRITE},
	KNOWN("cacheDetails", "5m"),
	EITHER("cachedInputTokens", TOKEN_CACHED),
	WITHIN("reasoningTokens", TOKEN_REASONING),
	{"inputTokenDetails", "cacheReadTokens", TOKEN_CACHED, USAGE_WITHIN},
	{"inputTokenDetails", "cacheWriteTokens", TOKEN_CACHE_WRITE, USAGE_WITHIN},
	KNOWN("inputTokenDetails", "noCacheTokens"),
	{"inputTokensDetails", "cachedTokens", TOKEN_CACHED, USAGE_WITHIN},
	{"outputTokenDetails", "reasoningTokens", TOKEN_REASONING, USAGE_WITHIN},
	KNOWN_OUT("outputTokenDetails", "textTokens"),
	{"outputTokensDetails", "reasoningTokens", TOKEN_REASONING, USAGE_WITHIN}
};

/* Between the Vercel AI SDK 6 and its providers. */
static const UsageField camel_divided[] = {
	{"inputTokens", "total", TOKEN_INPUT, USAGE_WHOLE},
	{"outputTokens", "total", TOKEN_OUTPUT, USAGE_WHOLE},
	{"inputTokens", "cacheRead", TOKEN_CACHED, USAGE_WITHIN},
	{"inputTokens", "cacheWrite", TOKEN_CACHE_WRITE, USAGE_WITHIN},
	KNOWN("inputTokens", "noCache"),
	{"outputTokens", "reasoning", TOKEN_REASONING, USAGE_WITHIN},
	KNOWN_OUT("outputTokens", "text")
};

/* What Bedrock adds to the last event of any model's stream. */
static const UsageField camel_count[] = {
	WHOLE("inputTokenCount", TOKEN_INPUT),
	WHOLE("outputTokenCount", TOKEN_OUTPUT),
	APART("cacheReadInputTokenCount", TOKEN_CACHED),
	APART("cacheWriteInputTokenCount", TOKEN_CACHE_WRITE)
};

/* The Vercel AI SDK before version 5, LangChain's JavaScript, OpenRouter's TypeScript. */
static const UsageField camel_prompt[] = {
	WHOLE("promptTokens", TOKEN_INPUT),
	WHOLE("completionTokens", TOKEN_OUTPUT),
	TOTAL("totalTokens"),
	{"promptTokensDetails", "cachedTokens", TOKEN_CACHED, USAGE_WITHIN},
	{"promptTokensDetails", "cacheWriteTokens", TOKEN_CACHE_WRITE, USAGE_WITHIN},
	{"promptTokensDetails", "audioTokens", TOKEN_AUDIO_INPUT, USAGE_WITHIN},
	KNOWN("promptTokensDetails", "videoTokens"),
	{"completionTokensDetails", "reasoningTokens", TOKEN_REASONING, USAGE_WITHIN},
	{"completionTokensDetails", "audioTokens", TOKEN_AUDIO_OUTPUT, USAGE_WITHIN},
	KNOWN_OUT("completionTokensDetails", "imageTokens")
};

/* Ollama leaves prompt_eval_count out where all of it was cached. */
static const UsageField ollama[] = {
	WHOLE("prompt_eval_count", TOKEN_INPUT),
	WHOLE("eval_count", TOKEN_OUTPUT)
};

#define SHAPE(fields, apart)	{apart, lengthof(fields), fields}

const UsageShape usage_shapes[] = {
	SHAPE(openai_chat, false),
	SHAPE(input_output, true),
	SHAPE(gemini, false),
	SHAPE(gemini_python, false),
	SHAPE(camel, false),
	SHAPE(camel_divided, false),
	SHAPE(camel_count, false),
	SHAPE(camel_prompt, false),
	SHAPE(gemini_totals, false),
	SHAPE(request_response, false),
	SHAPE(ollama, false)
};
const int	usage_nshapes = lengthof(usage_shapes);

StaticAssertDecl(lengthof(usage_shapes) <= USAGE_MAX_SHAPES, "every shape has a place");
StaticAssertDecl(lengthof(input_output) <= USAGE_MAX_FIELDS && lengthof(openai_chat) <= USAGE_MAX_FIELDS, "every field has a place");

const UsagePlace usage_places[] = {
	{""},
	{"usage"}, {"usageMetadata"}, {"usage_metadata"},
	/* Cohere: what is invoiced, and only else what was counted */
	{"billed_units"}, {"tokens", true},
	{"usage/billed_units"}, {"usage/tokens", true},
	{"meta/billed_units"}, {"meta/tokens", true},
	{"delta/usage/billed_units"}, {"delta/usage/tokens", true},
	/* events of streams: Anthropic, OpenAI, Bedrock, Kimi, Groq, Codex */
	{"message/usage"}, {"message/usageMetadata"}, {"message/usage_metadata"},
	{"response/usage"}, {"response/usageMetadata"}, {"response/usage_metadata"},
	{"metadata/usage"}, {"amazon-bedrock-invocationMetrics"}, {"choices/0/usage"}, {"x_groq/usage"},
	{"info/last_token_usage"}, {"payload/info/last_token_usage"},
	/* libraries: the Vercel AI SDK, LangChain */
	{"totalUsage"}, {"raw"}, {"usage/raw"}, {"token_usage"}, {"tokenUsage"},
	{"response_metadata/usage"}, {"response_metadata/token_usage"}, {"response_metadata/tokenUsage"},
	{"llm_output/token_usage"}, {"llmOutput/tokenUsage"}
};
const int	usage_nplaces = lengthof(usage_places);
