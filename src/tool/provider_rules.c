/*
 * provider_rules.c
 *	  What each provider refuses, ignores or discourages, as data; and
 *	  provider_rules(), which shows it.
 *
 * A rule is what a provider's page says, or what its API has answered in public.
 * Providers change them, so each row says where it is from and when that was
 * read; a day that is NULL says that the source could not be read for it.  Rules of "parameters" of Gemini are not errors: tool_export() then
 * writes parametersJsonSchema.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 42501 without level reader.
 */
#include "tool/provider_rules.h"

#include "core/row.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"

const char *const provider_names[NPROVIDERS] = {"openai", "anthropic", "gemini", "bedrock", "mcp", "agentcore"};
const char *const effect_names[] = {NULL, "refused", "ignored", "discouraged", "unjudged"};

#define READ "2026-11-30"
#define UNREAD NULL				/* nobody was found to say so: kept, because an export that is refused costs a request */
#define OPENAI_SUBSET "https://platform.openai.com/docs/guides/structured-outputs, by https://jsonschemaprofiles.unitvectorylabs.com/schemas/openai"
#define ANTHROPIC_SUBSET "anthropics/anthropic-sdk-python src/anthropic/lib/_parse/_transform.py"
#define ANTHROPIC_PAGE "https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations, by https://github.com/ENTERPILOT/GoModel/pull/963"
#define GEMINI_SUBSET "https://ai.google.dev/api/caching#Schema"
#define GEMINI_JSON "https://ai.google.dev/api/generate-content#v1beta.GenerationConfig"
#define MCP_SPECIFICATION "https://modelcontextprotocol.io/specification/2025-11-25/server/tools"
#define IN_PARAMETERS "in parameters, not in parametersJsonSchema: "

/* clang-format off */
const ProviderRule provider_rules[NRULES] = {
	[OPENAI_NAME] = {OPENAI, "name", false, REFUSED, "the name must be 1 to 64 of a-z A-Z 0-9 _ -",
		"openai/openai-python src/openai/types/shared_params/function_definition.py", READ},
	[OPENAI_ROOT_TYPE] = {OPENAI, "root_type", false, REFUSED, "the root must say \"type\": \"object\"",
		"https://github.com/chatanywhere/GPT_API_free/issues/403", READ},
	[OPENAI_ROOT_KEYWORD] = {OPENAI, "root_keyword", false, REFUSED, "is not taken at the root",
		"https://github.com/langchain-ai/langchainjs/issues/9804", READ},
	[OPENAI_ROOT_PROPERTIES] = {OPENAI, "root_properties", false, REFUSED, "the root must have \"properties\", if only {}",
		"https://github.com/spring-projects/spring-ai/issues/4776", READ},
	[OPENAI_ARRAY_ITEMS] = {OPENAI, "array_items", false, REFUSED, "an array must have \"items\"",
		"https://github.com/sigoden/aichat/pull/1049, https://github.com/tidewave-ai/tidewave_phoenix/pull/224", READ},
	[OPENAI_REF] = {OPENAI, "ref", false, REFUSED, "only references inside of the schema are followed", OPENAI_SUBSET, UNREAD},
	[OPENAI_KEYWORD] = {OPENAI, "keyword", true, REFUSED, "is not in the subset of strict mode",
		OPENAI_SUBSET ", by https://github.com/saeedkolivand/ai-job-hunter-app/pull/964, https://github.com/MervinPraison/PraisonAI/pull/1028", READ},
	[OPENAI_TYPE] = {OPENAI, "type", true, REFUSED, "must have a \"type\", a \"$ref\" or a combination of schemas",
		"https://github.com/can1357/oh-my-pi/issues/211", READ},
	[OPENAI_CLOSED] = {OPENAI, "closed", true, REFUSED, "must be there and false",
		"https://github.com/agentscope-ai/agentscope-java/issues/2548, https://github.com/simonw/llm-openai-plugin/issues/3", READ},
	[OPENAI_REQUIRED] = {OPENAI, "required", true, REFUSED, "must be required; let its type allow null instead",
		"https://github.com/agentscope-ai/agentscope-java/issues/2548", READ},
	[OPENAI_FORMAT] = {OPENAI, "format", true, REFUSED, "this format is not in the subset of strict mode",
		OPENAI_SUBSET ", https://github.com/can1357/oh-my-pi/issues/206", READ},
	[OPENAI_PATTERN] = {OPENAI, "pattern", false, REFUSED, "look-around is not taken",
		"https://github.com/cline/cline/pull/14019, https://github.com/decolua/9router/issues/1556, https://github.com/vercel/ai/pull/21037", READ},
	[OPENAI_LIMIT] = {OPENAI, "limit", true, REFUSED, "exceeds a limit of strict mode", OPENAI_SUBSET ", by https://github.com/ai-dynamo/dynamo/pull/15153", READ},

	[ANTHROPIC_NAME] = {ANTHROPIC, "name", false, REFUSED, "the name must be 1 to 128 of a-z A-Z 0-9 _ -",
		"https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools", UNREAD},
	[ANTHROPIC_ROOT_TYPE] = {ANTHROPIC, "root_type", false, REFUSED, "the root must say \"type\": \"object\"",
		"anthropics/anthropic-sdk-python src/anthropic/types/tool_param.py", READ},
	[ANTHROPIC_ROOT_KEYWORD] = {ANTHROPIC, "root_keyword", false, REFUSED, "is not taken at the root",
		"https://github.com/anthropics/claude-code/issues/5319, https://github.com/dearlordylord/huly-mcp/issues/66", READ},
	[ANTHROPIC_PROPERTY_KEY] = {ANTHROPIC, "property_key", false, REFUSED, "the names of arguments must be 1 to 64 of a-z A-Z 0-9 _ . -",
		"https://github.com/decocms/studio/pull/6874, https://github.com/ComposioHQ/composio/issues/3500", READ},
	[ANTHROPIC_DIALECT] = {ANTHROPIC, "dialect", false, REFUSED, "the schema must be one of draft 2020-12",
		"https://github.com/anthropics/claude-code/issues/63673", READ},
	[ANTHROPIC_REF] = {ANTHROPIC, "ref", false, REFUSED, "only references inside of the schema are followed", ANTHROPIC_PAGE, READ},
	[ANTHROPIC_KEYWORD] = {ANTHROPIC, "keyword", true, REFUSED, "is not in the subset of strict mode", ANTHROPIC_SUBSET, READ},
	[ANTHROPIC_CLOSED] = {ANTHROPIC, "closed", true, REFUSED, "must be there and false", ANTHROPIC_SUBSET, READ},
	[ANTHROPIC_VALUE] = {ANTHROPIC, "value", true, REFUSED, "this value is not in the subset of strict mode", ANTHROPIC_SUBSET, READ},
	[ANTHROPIC_FORMAT] = {ANTHROPIC, "format", true, REFUSED, "this format is not in the subset of strict mode", ANTHROPIC_SUBSET, READ},
	[ANTHROPIC_PATTERN] = {ANTHROPIC, "pattern", true, REFUSED, "look-around is not taken", ANTHROPIC_PAGE ", https://github.com/Dokploy/mcp/issues/45", READ},
	[ANTHROPIC_RECURSION] = {ANTHROPIC, "recursion", true, REFUSED, "the schema contains itself", ANTHROPIC_PAGE, READ},
	[ANTHROPIC_LIMIT] = {ANTHROPIC, "limit", true, REFUSED, "exceeds a limit of strict mode", ANTHROPIC_PAGE, READ},

	[GEMINI_NAME] = {GEMINI, "name", false, REFUSED, "the name must be a letter or _ and up to 63 of a-z A-Z 0-9 _ . : -",
		"https://cloud.google.com/vertex-ai/generative-ai/docs/reference/java/latest/com.google.cloud.vertexai.api.FunctionDeclarationOrBuilder", READ},
	[GEMINI_ROOT_TYPE] = {GEMINI, "root_type", false, REFUSED, "the root must say \"type\": \"object\"",
		"https://github.com/diegosouzapw/OmniRoute/pull/3360", READ},
	[GEMINI_REF] = {GEMINI, "ref", false, REFUSED, "only references inside of the schema are followed", GEMINI_JSON, UNREAD},
	[GEMINI_KEYWORD] = {GEMINI, "keyword", false, IGNORED, "is not read", GEMINI_JSON ", by https://github.com/tetsuo-ai/agenc-core/issues/1890", READ},
	[GEMINI_OPENAPI_MEMBER] = {GEMINI, "parameters_member", false, REFUSED, IN_PARAMETERS "has no such member",
		GEMINI_SUBSET ", by https://github.com/brightwave-inc/tidebreak/issues/1516", READ},
	[GEMINI_OPENAPI_TYPE] = {GEMINI, "parameters_type", false, REFUSED, IN_PARAMETERS "must have one type, or a choice of types",
		"https://github.com/UKGovernmentBEIS/inspect_ai/pull/3097, https://github.com/voocel/litellm/issues/9", READ},
	[GEMINI_OPENAPI_FORMAT] = {GEMINI, "parameters_format", false, REFUSED, IN_PARAMETERS "a format must be enum, date-time, float, double, int32 or int64",
		GEMINI_SUBSET ", by https://github.com/CherryHQ/cherry-studio/pull/4153, https://github.com/google-gemini/gemini-cli/issues/3178", READ},
	[GEMINI_OPENAPI_ITEMS] = {GEMINI, "parameters_items", false, REFUSED, IN_PARAMETERS "an array must have \"items\"",
		"https://github.com/kkrishnan90/gemini-desktop/pull/7", READ},
	[GEMINI_OPENAPI_ENUM] = {GEMINI, "parameters_enum", false, REFUSED, IN_PARAMETERS "an enum must be of strings that are not empty",
		"https://github.com/Bobsilvio/ha-claude/pull/32, https://github.com/decolua/9router/pull/380, https://github.com/elastic/kibana/pull/286302", READ},
	[GEMINI_OPENAPI_PROPERTIES] = {GEMINI, "parameters_properties", false, REFUSED, IN_PARAMETERS "an object must have properties, named by a letter or _ and up to 63 of a-z A-Z 0-9 _, and only they can be required",
		"https://cloud.google.com/vertex-ai/generative-ai/docs/reference/java/latest/com.google.cloud.vertexai.api.FunctionDeclarationOrBuilder, https://github.com/pipecat-ai/pipecat-flows/issues/110", READ},

	[BEDROCK_NAME] = {BEDROCK, "name", false, REFUSED, "the name must be 1 to 64 of a-z A-Z 0-9 _ -",
		"https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent_ToolSpecification.html, https://github.com/openclaw/openclaw/issues/12892", READ},
	[BEDROCK_ROOT_TYPE] = {BEDROCK, "root_type", false, REFUSED, "the root must say \"type\": \"object\"",
		"https://github.com/kirodotdev/Kiro/issues/11026, https://github.com/d-kuro/kirocc/pull/93", READ},
	[BEDROCK_DESCRIPTION] = {BEDROCK, "description", false, REFUSED, "the description must not be empty",
		"https://github.com/aws-samples/bedrock-access-gateway/issues/213", READ},
	[BEDROCK_ROOT_KEYWORD] = {BEDROCK, "root_keyword", false, REFUSED, "is not taken at the root by models of Anthropic",
		"https://github.com/anthropics/claude-code/issues/5319", READ},
	[BEDROCK_PROPERTY_KEY] = {BEDROCK, "property_key", false, REFUSED, "the names of arguments must be 1 to 64 of a-z A-Z 0-9 _ . -",
		"https://github.com/aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws/issues/709", READ},
	[BEDROCK_DIALECT] = {BEDROCK, "dialect", false, REFUSED, "the schema must be one of draft 2020-12 for models of Anthropic",
		"https://github.com/strands-agents/harness-sdk/issues/565", READ},
	[BEDROCK_REF] = {BEDROCK, "ref", false, REFUSED, "only references inside of the schema are followed",
		"https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent_ToolSpecification.html", UNREAD},

	[MCP_NAME] = {MCP, "name", false, DISCOURAGED, "the name should be 1 to 128 of a-z A-Z 0-9 _ - .", MCP_SPECIFICATION, READ},
	[MCP_ROOT_TYPE] = {MCP, "root_type", false, REFUSED, "the root must say \"type\": \"object\"",
		MCP_SPECIFICATION ", https://github.com/maxkle1nz/m1nd/pull/389", READ},
	[MCP_REF] = {MCP, "ref", false, REFUSED, "only references inside of the schema are followed", MCP_SPECIFICATION, READ},
	[MCP_OUTPUT] = {MCP, "output_schema", false, IGNORED, "is left out of exports: an output schema must be one of objects, and refer to nothing outside of it", MCP_SPECIFICATION, READ},
};
/* clang-format on */

Provider
provider_of_format(ToolFormat format)
{
	switch (format)
	{
		case TOOL_FORMAT_ANTHROPIC:
			return ANTHROPIC;
		case TOOL_FORMAT_MCP:
			return MCP;
		case TOOL_FORMAT_GEMINI:
			return GEMINI;
		case TOOL_FORMAT_BEDROCK:
			return BEDROCK;
		default:
			return OPENAI;
	}
}

/* provider_rules() -> setof (provider, rule, strict, effect, problem, source, as_of) */
AGC_FUNCTION(provider_rules)
{
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < NRULES; i++)
	{
		const ProviderRule *rule = &provider_rules[i];
		AgcRow		row;

		agc_row_init(&row);
		agc_put_text(&row, provider_names[rule->provider]);
		agc_put_text(&row, rule->name);
		agc_put(&row, BoolGetDatum(rule->strict));
		agc_put_text(&row, effect_names[rule->effect]);
		agc_put_text(&row, rule->problem);
		agc_put_text(&row, rule->source);
		agc_put_datum(&row, rule->as_of == NULL ? (Datum) 0 : DirectFunctionCall1(date_in, CStringGetDatum(rule->as_of)),
					  rule->as_of == NULL);
		agc_row_store((ReturnSetInfo *) fcinfo->resultinfo, &row);
	}
	return (Datum) 0;
}
