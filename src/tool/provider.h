/*
 * provider.h
 *	  Tool definitions as model providers and MCP write them: what import.c,
 *	  export.c, gemini.c and lint.c share.
 */
#ifndef AGENTCORE_TOOL_PROVIDER_H
#define AGENTCORE_TOOL_PROVIDER_H

#include "tool/tool.h"

typedef enum ToolFormat
{
	TOOL_FORMAT_OPENAI_CHAT,
	TOOL_FORMAT_OPENAI_RESPONSES,
	TOOL_FORMAT_ANTHROPIC,
	TOOL_FORMAT_MCP,
	TOOL_FORMAT_GEMINI,
	TOOL_FORMAT_BEDROCK,
	TOOL_FORMAT_AUTO
} ToolFormat;

/* 22023 for an unknown format; "auto" is known only with_auto */
extern ToolFormat tool_format_or_raise(const char *name, bool with_auto);

/* tool_definition.c: why it is not what tool_import() keeps as "meta", a sentence; NULL: it is */
extern const char *tool_meta_problem(const Jsonb *meta);

/* tool_definition.c: "origin" of a function, NULL where it is; 22023 for what cannot be one */
extern char *tool_origin_argument(FunctionCallInfo fcinfo, int n);

/* Pinned; after agc_enter(); 42704, with the nearest names, if there is no such tool (tool_args.c). */
extern AgcObject *tool_require(const char *tenant, const char *name);

/* gemini.c: OpenAPI's subset and JSON Schema; NULL if it cannot be exact */
extern Jsonb *gemini_to_schema(const JbItem *parameters);
extern Jsonb *gemini_from_schema(const Jsonb *schema);
extern bool gemini_has_no_parameters(const Jsonb *schema);

/*
 * export.c: a format to write, 22023 for an unknown one and for one without a
 * strict mode
 */
extern ToolFormat export_format(const char *name, bool strict);

/* ----- building jsonb ------------------------------------------------------- */

static inline void
put_text(JsonbParseState **state, JsonbIteratorToken where, const char *text, uint32 len)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = len;
	pushJsonbValue(state, where, &value);
}

static inline void
put_key(JsonbParseState **state, const char *key)
{
	put_text(state, WJB_KEY, key, strlen(key));
}

static inline void
put_string(JsonbParseState **state, const char *key, const char *text)
{
	put_key(state, key);
	put_text(state, WJB_VALUE, text, strlen(text));
}

static inline void
put_bool(JsonbParseState **state, const char *key, bool flag)
{
	JsonbValue	value = {.type = jbvBool};

	put_key(state, key);
	value.val.boolean = flag;
	pushJsonbValue(state, WJB_VALUE, &value);
}

static inline void
put_item(JsonbParseState **state, JsonbIteratorToken where, const JbItem *item)
{
	JsonbValue	value;

	item_to_value(item, &value);
	pushJsonbValue(state, where, &value);
}

/* the members of an object, NULL: none */
extern void put_members(JsonbParseState **state, const Jsonb *object);

static inline bool
text_is(const JbItem *item, const char *text)
{
	return JBE_ISSTRING(item->entry) && key_compare(item->data, item->len, text, strlen(text)) == 0;
}

#endif							/* AGENTCORE_TOOL_PROVIDER_H */
