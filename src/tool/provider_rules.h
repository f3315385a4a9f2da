/*
 * provider_rules.h
 *	  What each provider refuses, ignores or discourages of a tool's definition:
 *	  dated rows with a source.
 */
#ifndef AGENTCORE_TOOL_PROVIDER_RULES_H
#define AGENTCORE_TOOL_PROVIDER_RULES_H

#include "tool/provider.h"

typedef enum Provider
{
	OPENAI,
	ANTHROPIC,
	GEMINI,
	BEDROCK,
	MCP,
	GATE,						/* what it does not judge */
	NPROVIDERS
} Provider;

typedef enum Effect
{
	TAKEN,
	REFUSED,
	IGNORED,
	DISCOURAGED,
	UNJUDGED
} Effect;

extern const char *const provider_names[NPROVIDERS];
extern const char *const effect_names[];

typedef enum RuleId
{
	OPENAI_NAME,
	OPENAI_ROOT_TYPE,
	OPENAI_ROOT_KEYWORD,
	OPENAI_ROOT_PROPERTIES,
	OPENAI_ARRAY_ITEMS,
	OPENAI_REF,
	OPENAI_KEYWORD,
	OPENAI_TYPE,
	OPENAI_CLOSED,
	OPENAI_REQUIRED,
	OPENAI_FORMAT,
	OPENAI_PATTERN,
	OPENAI_LIMIT,
	ANTHROPIC_NAME,
	ANTHROPIC_ROOT_TYPE,
	ANTHROPIC_ROOT_KEYWORD,
	ANTHROPIC_PROPERTY_KEY,
	ANTHROPIC_DIALECT,
	ANTHROPIC_REF,
	ANTHROPIC_KEYWORD,
	ANTHROPIC_CLOSED,
	ANTHROPIC_VALUE,
	ANTHROPIC_FORMAT,
	ANTHROPIC_PATTERN,
	ANTHROPIC_RECURSION,
	ANTHROPIC_LIMIT,
	GEMINI_NAME,
	GEMINI_ROOT_TYPE,
	GEMINI_REF,
	GEMINI_KEYWORD,
	GEMINI_OPENAPI_MEMBER,
	GEMINI_OPENAPI_TYPE,
	GEMINI_OPENAPI_FORMAT,
	GEMINI_OPENAPI_ITEMS,
	GEMINI_OPENAPI_ENUM,
	GEMINI_OPENAPI_PROPERTIES,
	BEDROCK_NAME,
	BEDROCK_ROOT_TYPE,
	BEDROCK_DESCRIPTION,
	BEDROCK_ROOT_KEYWORD,
	BEDROCK_PROPERTY_KEY,
	BEDROCK_DIALECT,
	BEDROCK_REF,
	MCP_NAME,
	MCP_ROOT_TYPE,
	MCP_REF,
	MCP_OUTPUT,
	NRULES
} RuleId;

typedef struct ProviderRule
{
	Provider	provider;
	const char *name;
	bool		strict;			/* only of the strict mode */
	Effect		effect;
	const char *problem;
	const char *source;
	const char *as_of;			/* when the source was read; NULL: it could not be */
} ProviderRule;

extern const ProviderRule provider_rules[NRULES];

/* whom a format is for */
extern Provider provider_of_format(ToolFormat format);

/* The first thing that the provider would refuse; NULL: nothing (lint.c). */
typedef struct Refusal
{
	const ProviderRule *rule;
	const char *path;
	const char *problem;
} Refusal;

extern bool lint_refuses(const ToolDef *tool, const SchemaProgram *program, ToolFormat format, bool strict,
						 Refusal *refusal);

/* export.c: the definition; NULL and *refusal where the provider takes it in no form */
extern Jsonb *export_definition(const AgcObject *object, ToolFormat format, bool strict, Refusal *refusal);

/* portable.c: a schema of the tool as an object of JSON Schema */
extern Jsonb *tool_portable_schema(const SchemaProgram *program);

/* portable.c: the output schema as MCP takes it; NULL: there is none, or MCP cannot have it */
extern Jsonb *tool_portable_output(const ToolDef *tool);

/* export.c: where and why, for the DETAIL of an error or a warning */
extern char *export_refusal_text(const Refusal *refusal);
#define EXPORT_HINT "agentcore.tool_lint() lists all of it, and agentcore.provider_rules() says where it is from."

/*
 * rewrite.c: a schema of the same meaning without the forms that a provider
 * refuses; schemas that mean the same by these rules come out equal.
 */
extern Jsonb *schema_rewrite(const Jsonb *schema);

/*
 * rewrite.c: a root without a type, or with an object among its types, says that
 * it is an object, and has properties.
 * For a function's arguments, which are an object, it means the same.
 */
extern Jsonb *schema_of_object(const Jsonb *schema);

/* redraft.c: a schema of an older dialect as one of 2020-12; NULL if there is none of the same meaning */
extern Jsonb *schema_redraft(const Jsonb *schema, SchemaDialect dialect);

/* redraft.c: the keyword of one schema that 2020-12 would take, and read otherwise; NULL: none */
extern const char *schema_older_form(const JbItem *schema, SchemaDialect dialect);

/* rewrite.c: without "$schema" at the root */
extern Jsonb *schema_without_dialect(const Jsonb *schema);

/* rewrite.c: whether "type" is the name, or a list that has it */
extern bool schema_type_names(const JbItem *type, const char *name);

#endif							/* AGENTCORE_TOOL_PROVIDER_RULES_H */
