/*
 * lint.c
 *	  tool_lint(): what providers would refuse of a tool, or silently ignore, and
 *	  what the gate does not judge.
 *
 * The rules are those of provider_rules.c; here are the keywords of each
 * provider's subset, and the checks.  doc/tools.md explains them.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on agentcore.tool when
 * it has to be read.  On ERROR: pins go at transaction end.
 */
#include "tool/tool.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tool/lint_gate.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

/* OpenAI's limits of one schema */
#define OPENAI_DEPTH 10
#define OPENAI_PROPERTIES 5000
#define OPENAI_ENUM_VALUES 1000
#define OPENAI_TEXT 120000

/* Anthropic's of one request, which one tool can exceed */
#define ANTHROPIC_OPTIONAL 24
#define ANTHROPIC_UNIONS 16

/* keywords that not every provider accepts; Bedrock and MCP accept all of JSON Schema */
static const struct
{
	const char *keyword;
	Effect		effect[BEDROCK];
}			keyword_rules[] = {
	{"$anchor", {REFUSED, REFUSED, TAKEN}},
	{"$dynamicRef", {REFUSED, REFUSED, IGNORED}},
	{"$recursiveRef", {REFUSED, REFUSED, IGNORED}},
	{"additionalItems", {REFUSED, REFUSED, IGNORED}},
	{"allOf", {REFUSED, TAKEN, IGNORED}},
	{"const", {TAKEN, TAKEN, IGNORED}},
	{"contains", {REFUSED, REFUSED, IGNORED}},
	{"default", {REFUSED, TAKEN, TAKEN}},
	{"dependencies", {REFUSED, REFUSED, IGNORED}},
	{"dependentRequired", {REFUSED, REFUSED, IGNORED}},
	{"dependentSchemas", {REFUSED, REFUSED, IGNORED}},
	{"else", {REFUSED, REFUSED, IGNORED}},
	{"exclusiveMaximum", {TAKEN, REFUSED, IGNORED}},
	{"exclusiveMinimum", {TAKEN, REFUSED, IGNORED}},
	{"if", {REFUSED, REFUSED, IGNORED}},
	{"maxContains", {REFUSED, REFUSED, IGNORED}},
	{"maxItems", {TAKEN, REFUSED, TAKEN}},
	{"maxLength", {REFUSED, REFUSED, IGNORED}},
	{"maxProperties", {REFUSED, REFUSED, IGNORED}},
	{"maximum", {TAKEN, REFUSED, TAKEN}},
	{"minContains", {REFUSED, REFUSED, IGNORED}},
	{"minLength", {REFUSED, REFUSED, IGNORED}},
	{"minProperties", {REFUSED, REFUSED, IGNORED}},
	{"minimum", {TAKEN, REFUSED, TAKEN}},
	{"multipleOf", {TAKEN, REFUSED, IGNORED}},
	{"not", {REFUSED, REFUSED, IGNORED}},
	{"oneOf", {REFUSED, REFUSED, IGNORED}},
	{"pattern", {TAKEN, TAKEN, IGNORED}},
	{"patternProperties", {REFUSED, REFUSED, IGNORED}},
	{"prefixItems", {REFUSED, REFUSED, TAKEN}},
	{"propertyNames", {REFUSED, REFUSED, IGNORED}},
	{"then", {REFUSED, REFUSED, IGNORED}},
	{"unevaluatedItems", {REFUSED, REFUSED, IGNORED}},
	{"unevaluatedProperties", {REFUSED, REFUSED, IGNORED}},
	{"uniqueItems", {REFUSED, REFUSED, IGNORED}},
};

/* problem NULL: the rule's */
static void
found(Lint *lint, const SchemaPath *path, const char *keyword, RuleId id, const char *problem)
{
	const ProviderRule *rule = &provider_rules[id];
	char	   *path_text = schema_path_text(path, keyword);

	if (problem == NULL)
		problem = rule->problem;
	if (rule->effect == REFUSED && (lint->strict || !rule->strict) && lint->refusal.rule == NULL)
		lint->refusal = (Refusal){rule, pstrdup(path_text), problem};
	if (lint->result != NULL)
		lint_put(lint, path_text, keyword, rule->effect, problem, rule);
	pfree(path_text);
}

/* ----- the tool itself ------------------------------------------------------------ */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* NULL: nothing wrong; of names that providers take besides, "more" */
static bool
name_fits(const char *name, uint32 len, uint32 max, const char *more)
{
	bool		good = len > 0 && len <= max;

	for (uint32 i = 0; i < len && good; i++)
		good = name[i] != '\0' && (is_letter(name[i]) || strchr("0123456789_-", name[i]) != NULL || strchr(more, name[i]) != NULL);
	return good;
}

static void
lint_name(Lint *lint, const char *name)
{
	static const struct
	{
		uint32		max;
		const char *more;		/* besides letters, digits, _ and - */
		RuleId		rule;
	}			rules[GATE] = {
		{64, "", OPENAI_NAME},
		{128, "", ANTHROPIC_NAME},
		{64, ".:", GEMINI_NAME},
		{64, "", BEDROCK_NAME},
		{128, ".", MCP_NAME},
	};
	bool		good = name_fits(name, strlen(name), rules[lint->provider].max, rules[lint->provider].more);

	if (lint->provider == GEMINI)
		good = good && (is_letter(name[0]) || name[0] == '_');
	if (!good)
		found(lint, NULL, NULL, rules[lint->provider].rule, NULL);
}

/* Which keywords the provider does not take at the root. */
static void
lint_root_keywords(Lint *lint, const JsonbContainer *root)
{
	static const char *const keywords[] = {"anyOf", "oneOf", "allOf", "enum", "not"};
	int			n = lint->provider == OPENAI ? 5 : lint->provider == ANTHROPIC || lint->provider == BEDROCK ? 3 : 0;
	RuleId		rule = lint->provider == OPENAI ? OPENAI_ROOT_KEYWORD :
		lint->provider == ANTHROPIC ? ANTHROPIC_ROOT_KEYWORD : BEDROCK_ROOT_KEYWORD;
	JbItem		value;

	for (int i = 0; i < n; i++)
		if (object_find_cstring(root, keywords[i], &value))
			found(lint, NULL, keywords[i], rule, NULL);
}

/* The names of arguments; those of nested objects are not looked at. */
static void
lint_property_keys(Lint *lint, const JsonbContainer *root)
{
	const SchemaPath *properties = schema_path_key(NULL, "properties", strlen("properties"));
	JbItem		value;
	JbCursor	keys;

	if (!object_find_cstring(root, "properties", &value) || !item_is_object(&value))
		return;
	keys = jb_first(jb_container(&value));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&value)); i++)
	{
		JbItem		key = jb_next(&keys);
		SchemaPath	path = {properties, key.data, key.len, 0};

		if (!name_fits(key.data, key.len, 64, "."))
			found(lint, &path, NULL, lint->provider == ANTHROPIC ? ANTHROPIC_PROPERTY_KEY : BEDROCK_PROPERTY_KEY, NULL);
	}
}

/* Whether a schema of an older dialect is one of 2020-12 as well, whatever its $schema says. */
static void
lint_dialect(Lint *lint, const SchemaProgram *program)
{
	SchemaOptions options = {.dialect = DIALECT_2020_12, .open = true};
	SchemaProblem problem = {0};
	SchemaProgram *again;

	if (program->dialect >= DIALECT_2020_12)
		return;
	again = schema_compile(schema_without_dialect(program->schema), &options, &problem);
	if (again == NULL || !metaschema_check(again, NULL, &problem))
		found(lint, NULL, NULL, lint->provider == ANTHROPIC ? ANTHROPIC_DIALECT : BEDROCK_DIALECT,
			  psprintf("%s: %s at \"%s\"", provider_rules[ANTHROPIC_DIALECT].problem, problem.message, problem.path));
}

/* What is one of 2020-12 too, and means something else there. */
static void
lint_older_form(Lint *lint, const SchemaNode *node)
{
	const char *keyword = schema_older_form(&node->source, node->resource->dialect);

	if (keyword == NULL)
		return;
	found(lint, node->path, keyword, lint->provider == ANTHROPIC ? ANTHROPIC_DIALECT : BEDROCK_DIALECT,
		  strcmp(keyword, "$ref") == 0 ? "what stands beside it counts in draft 2020-12" : "is not read in draft 2020-12");
}

static void
lint_root(Lint *lint)
{
	static const RuleId root_type[GATE] = {OPENAI_ROOT_TYPE, ANTHROPIC_ROOT_TYPE, GEMINI_ROOT_TYPE, BEDROCK_ROOT_TYPE, MCP_ROOT_TYPE};
	JbItem		root = lint->program->root->source;
	JbItem		value;

	if (!item_is_object(&root) || !object_find_cstring(jb_container(&root), "type", &value) || !text_is(&value, "object"))
		found(lint, NULL, "type", root_type[lint->provider], NULL);
	if (!item_is_object(&root))
		return;
	lint_root_keywords(lint, jb_container(&root));
	if (lint->provider == OPENAI && !object_find_cstring(jb_container(&root), "properties", &value))
		found(lint, NULL, "properties", OPENAI_ROOT_PROPERTIES, NULL);
	if (lint->provider == ANTHROPIC || lint->provider == BEDROCK)
	{
		lint_property_keys(lint, jb_container(&root));
		lint_dialect(lint, lint->program);
	}
}

/* ----- keywords that need a look at their value ------------------------------------- */

static bool
among(const JbItem *value, const char *const *words, int nwords)
{
	for (int i = 0; i < nwords; i++)
		if (text_is(value, words[i]))
			return true;
	return false;
}

static void
lint_format(Lint *lint, const SchemaNode *node, const JbItem *value)
{
	/* OpenAI's are the first nine, Anthropic's all */
	static const char *const formats[] = {
		"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"
	};

	if (lint->provider <= ANTHROPIC && !among(value, formats, lint->provider == OPENAI ? 9 : lengthof(formats)))
		found(lint, node->path, "format", lint->provider == OPENAI ? OPENAI_FORMAT : ANTHROPIC_FORMAT, NULL);
}

static void
lint_enum(Lint *lint, const SchemaNode *node, const JbItem *value)
{
	JbCursor	cursor;
	bool		plain = true;

	if (!item_is_array(value))
		return;
	cursor = jb_first(jb_container(value));
	lint->enum_values += JsonContainerSize(jb_container(value));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(value)); i++)
	{
		JbItem		item = jb_next(&cursor);

		plain &= !JBE_ISCONTAINER(item.entry);
		if (JBE_ISSTRING(item.entry))
			lint->text += pg_mbstrlen_with_len(item.data, item.len);
	}
	if (lint->provider == ANTHROPIC && !plain)
		found(lint, node->path, "enum", ANTHROPIC_VALUE, "objects and arrays are not taken as values");
}

/* Look-around; for Anthropic back references and word boundaries too. */
static void
lint_pattern(Lint *lint, const SchemaNode *node, const JbItem *value)
{
	const char *p = value->data;
	const char *end = p + value->len;
	bool		look_around = false;
	bool		other = false;

	for (; JBE_ISSTRING(value->entry) && p + 1 < end; p++)
	{
		if (p[0] == '\\')
			other |= strchr("123456789bBk", *++p) != NULL;
		else if (p[0] == '(' && p[1] == '?' && p + 3 < end)
			look_around |= p[2] == '=' || p[2] == '!' || (p[2] == '<' && (p[3] == '=' || p[3] == '!'));
	}
	if (look_around && lint->provider <= ANTHROPIC)
		found(lint, node->path, "pattern", lint->provider == OPENAI ? OPENAI_PATTERN : ANTHROPIC_PATTERN, NULL);
	else if (other && lint->provider == ANTHROPIC)
		found(lint, node->path, "pattern", ANTHROPIC_PATTERN, "back references and word boundaries are not taken");
}

/* $ref beside other keywords; a target outside the document, which only the registry has */
static void
lint_ref(Lint *lint, const SchemaNode *node, const JbItem *value)
{
	static const RuleId rules[GATE] = {OPENAI_REF, ANTHROPIC_REF, GEMINI_REF, BEDROCK_REF, MCP_REF};
	static const char *const beside[] = {"$ref", "$defs", "$id", "$anchor", "$schema", "$comment"};
	JbCursor keys = jb_first(jb_container(&node->source));
	bool alone = true;

	if (!JBE_ISSTRING(value->entry))
		return;
	if (value->len > 0 && value->data[0] != '#')
		found(lint, node->path, "$ref", rules[lint->provider], NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&node->source)); i++)
	{
		JbItem key = jb_next(&keys);

		alone &= among(&key, beside, lengthof(beside));
	}
	if (lint->provider == GEMINI && !alone)
		found(lint, node->path, "$ref", GEMINI_KEYWORD, "what stands beside it is not read");
}

static void
lint_all_of(Lint *lint, const SchemaNode *node, const JbItem *value)
{
	JbItem branch;
	JbItem ref;

	for (uint32 i = 0; item_is_array(value) && array_get(jb_container(value), i, &branch); i++)
		if (item_is_object(&branch) && object_find_cstring(jb_container(&branch), "$ref", &ref))
		{
			found(lint, node->path, "allOf", ANTHROPIC_KEYWORD, "is not taken with $ref in it");
			return;
		}
}

static void
lint_value(Lint *lint, const SchemaNode *node, const JbItem *key, const JbItem *value)
{
	uint32 count;

	if (text_is(key, "format"))
		lint_format(lint, node, value);
	else if (text_is(key, "enum"))
		lint_enum(lint, node, value);
	else if (text_is(key, "$ref"))
		lint_ref(lint, node, value);
	else if (text_is(key, "anyOf") || (text_is(key, "type") && item_is_array(value)))
		lint->unions++;
	else if (text_is(key, "pattern"))
		lint_pattern(lint, node, value);
	if (lint->provider != ANTHROPIC)
		return;
	if (text_is(key, "allOf"))
		lint_all_of(lint, node, value);
	else if (text_is(key, "minItems") && number_count(value, &count) && count > 1)
		found(lint, node->path, "minItems", ANTHROPIC_VALUE, "only 0 and 1 are taken");
}

static void
lint_keyword(Lint *lint, const SchemaNode *node, const JbItem *key, const JbItem *value)
{
	static const RuleId rules[BEDROCK] = {OPENAI_KEYWORD, ANTHROPIC_KEYWORD, GEMINI_KEYWORD};

	if (lint->provider >= BEDROCK)
		return;
	for (int i = 0; i < lengthof(keyword_rules); i++)
	{
		const char *keyword = keyword_rules[i].keyword;
		const char *problem = NULL;

		if (keyword_rules[i].effect[lint->provider] == TAKEN ||
			key_compare(key->data, key->len, keyword, strlen(keyword)) != 0)
			continue;
		if (lint->provider == GEMINI && strcmp(keyword, "oneOf") == 0)
			problem = "is read as anyOf";
		else if (lint->provider == GEMINI && strcmp(keyword, "const") == 0)
			problem = "is not read; an enum of one value is";
		found(lint, node->path, keyword, rules[lint->provider], problem);
	}
}

static bool
has_boolean(const JbItem *array)
{
	JbItem item;

	for (uint32 i = 0; item_is_array(array) && array_get(jb_container(array), i, &item); i++)
		if (JBE_ISBOOL(item.entry))
			return true;
	return false;
}

/* OpenAI: what an array holds, and in strict mode what anything is, must be said. */
static void
lint_type(Lint *lint, const SchemaNode *node)
{
	static const char *const says[] = {"type", "$ref", "$dynamicRef", "$recursiveRef", "anyOf", "oneOf", "allOf", "not"};
	const JsonbContainer *schema = jb_container(&node->source);
	JbItem value;
	bool typed = false;

	for (int i = 0; i < lengthof(says); i++)
		typed |= object_find_cstring(schema, says[i], &value);
	/* the root has a rule of its own */
	if (!typed && node->path != NULL)
		found(lint, node->path, NULL, OPENAI_TYPE, NULL);
	if (object_find_cstring(schema, "type", &value) && schema_type_names(&value, "array") &&
		!object_find_cstring(schema, "items", &value))
		found(lint, node->path, "items", OPENAI_ARRAY_ITEMS, NULL);
	/* true and false say nothing of a type; those of properties are looked at there */
	if (object_find_cstring(schema, "items", &value) && JBE_ISBOOL(value.entry))
		found(lint, node->path, "items", OPENAI_TYPE, NULL);
	if (object_find_cstring(schema, "anyOf", &value) && has_boolean(&value))
		found(lint, node->path, "anyOf", OPENAI_TYPE, NULL);
}

/* ----- objects ---------------------------------------------------------------------- */

/* Every property, as compiled; one that only "required" names has no node. */
static void
lint_properties(Lint *lint, const SchemaNode *node)
{
	const SchemaPath *properties = schema_path_key(node->path, "properties", strlen("properties"));

	for (uint32 i = 0; node->object != NULL && i < node->object->nproperties; i++)
	{
		const Property *property = &node->object->properties[i];
		SchemaPath path = {properties, property->key, property->len, 0};

		CHECK_FOR_INTERRUPTS();
		if (property->node == NULL)
			continue;
		lint->properties++;
		lint->text += pg_mbstrlen_with_len(property->key, property->len);
		if (lint->provider == OPENAI && !item_is_object(&property->node->source))
			found(lint, &path, NULL, OPENAI_TYPE, NULL);
		if (property->required)
			continue;
		lint->optional++;
		if (lint->provider == OPENAI)
			found(lint, &path, NULL, OPENAI_REQUIRED, NULL);
	}
}

/* The object must be closed; for OpenAI every property must be required. */
static void
lint_object(Lint *lint, const SchemaNode *node)
{
	const JsonbContainer *schema = jb_container(&node->source);
	JbItem value;

	if (!object_find_cstring(schema, "properties", &value) &&
		!(object_find_cstring(schema, "type", &value) && (node->types & TYPE_OBJECT)))
		return;
	lint_properties(lint, node);
	if (lint->provider <= ANTHROPIC &&
		(!object_find_cstring(schema, "additionalProperties", &value) || !JBE_ISBOOL_FALSE(value.entry)))
		found(lint, node->path, "additionalProperties", lint->provider == OPENAI ? OPENAI_CLOSED : ANTHROPIC_CLOSED, NULL);
}

/* ----- recursion -------------------------------------------------------------------- */

typedef struct Visit
{
	const SchemaNode *node;
	bool open;					/* on the way here */
} Visit;

static bool recursive(HTAB *visits, const SchemaNode *node);

static bool
any_recursive(HTAB *visits, SchemaNode **nodes, uint32 n)
{
	for (uint32 i = 0; i < n; i++)
		if (recursive(visits, nodes[i]))
			return true;
	return false;
}

/* Only through the keywords that Anthropic accepts: the others are refused anyway. */
static bool
recursive(HTAB *visits, const SchemaNode *node)
{
	Visit *visit;
	bool seen;
	bool result = false;

	check_stack_depth();
	if (node == NULL)
		return false;
	visit = hash_search(visits, &node, HASH_ENTER, &seen);
	if (seen)
		return visit->open;
	visit->open = true;
	if (node->any != NULL)
		result = recursive(visits, node->any->ref) || any_recursive(visits, node->any->all, node->any->nall) ||
			any_recursive(visits, node->any->any, node->any->nany);
	if (node->array != NULL)
		result = result || recursive(visits, node->array->rest);
	for (uint32 i = 0; node->object != NULL && i < node->object->nproperties && !result; i++)
		result = recursive(visits, node->object->properties[i].node);
	visit = hash_search(visits, &node, HASH_FIND, NULL);
	visit->open = false;
	return result;
}

static void
lint_recursion(Lint *lint)
{
	HASHCTL ctl = {.keysize = sizeof(SchemaNode *), .entrysize = sizeof(Visit), .hcxt = CurrentMemoryContext};
	HTAB *visits = hash_create("agentcore lint", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	if (recursive(visits, lint->program->root))
		found(lint, NULL, NULL, ANTHROPIC_RECURSION, NULL);
	hash_destroy(visits);
}

/* ----- the whole --------------------------------------------------------------------- */

static void
lint_node(Lint *lint, const SchemaNode *node)
{
	JbCursor keys;
	JbCursor values;

	CHECK_FOR_INTERRUPTS();
	if (!item_is_object(&node->source))
		return;
	keys = jb_first(jb_container(&node->source));
	values = jb_first_value(jb_container(&node->source));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&node->source)); i++)
	{
		JbItem key = jb_next(&keys);
		JbItem value = jb_next(&values);

		lint_keyword(lint, node, &key, &value);
		lint_value(lint, node, &key, &value);
	}
	lint_object(lint, node);
	if (lint->provider == OPENAI)
		lint_type(lint, node);
	if (lint->provider == ANTHROPIC || lint->provider == BEDROCK)
		lint_older_form(lint, node);
	if (lint->provider == OPENAI && node->depth > OPENAI_DEPTH)
		found(lint, node->path, NULL, OPENAI_LIMIT, "is nested deeper than 10 levels");
}

static void
lint_limits(Lint *lint)
{
	if (lint->provider == OPENAI && lint->properties > OPENAI_PROPERTIES)
		found(lint, NULL, NULL, OPENAI_LIMIT, "has more than 5000 properties");
	if (lint->provider == OPENAI && lint->enum_values > OPENAI_ENUM_VALUES)
		found(lint, NULL, NULL, OPENAI_LIMIT, "has more than 1000 enum values");
	if (lint->provider == OPENAI && lint->text > OPENAI_TEXT)
		found(lint, NULL, NULL, OPENAI_LIMIT, "has more than 120000 characters of names and enum values");
	if (lint->provider == ANTHROPIC && lint->optional > ANTHROPIC_OPTIONAL)
		found(lint, NULL, NULL, ANTHROPIC_LIMIT, "has more than 24 optional parameters");
	if (lint->provider == ANTHROPIC && lint->unions > ANTHROPIC_UNIONS)
		found(lint, NULL, NULL, ANTHROPIC_LIMIT, "has more than 16 parameters of more than one type");
}

/* ----- the whole tool ------------------------------------------------------------------ */

static void
lint_tool(Lint *lint, const ToolDef *tool)
{
	if (lint->provider == GATE)
	{
		lint_gate(lint, tool);
		return;
	}
	lint_name(lint, tool->name);
	if (lint->provider == BEDROCK && tool->description != NULL && tool->description[0] == '\0')
		found(lint, NULL, NULL, BEDROCK_DESCRIPTION, NULL);
	lint_root(lint);
	for (const SchemaNode *node = lint->program->nodes; node != NULL; node = node->next)
		lint_node(lint, node);
	if (lint->provider == ANTHROPIC)
		lint_recursion(lint);
	lint_limits(lint);
	if (lint->provider == MCP && tool->output != NULL && tool_portable_output(tool) == NULL)
		found(lint, NULL, "outputSchema", MCP_OUTPUT, NULL);
}

bool
lint_refuses(const ToolDef *tool, const SchemaProgram *program, ToolFormat format, bool strict, Refusal *refusal)
{
	Lint lint = {.program = program, .provider = provider_of_format(format), .strict = strict};

	lint_tool(&lint, tool);
	*refusal = lint.refusal;
	return refusal->rule != NULL;
}

/* tool_lint(tool, provider, tenant) -> setof (provider, path, keyword, effect, problem, rule, strict) */
AGC_FUNCTION(tool_lint)
{
	char *name = agc_arg_name(fcinfo, 0, "tool");
	char *wanted = agc_opt_text(fcinfo, 1);
	char *tenant = agc_arg_tenant(fcinfo, 2);
	AgcObject *tool;
	bool known = wanted == NULL;

	agc_enter(tenant, AGC_READER);
	for (int i = 0; i < NPROVIDERS && !known; i++)
		known = strcmp(wanted, provider_names[i]) == 0;
	if (!known)
		agc_refuse_word("provider", wanted, "The providers are openai, anthropic, gemini, bedrock, mcp and agentcore; NULL means all.");
	tool = tool_require(tenant, name);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < NPROVIDERS; i++)
	{
		Lint lint = {
			.program = ((ToolDef *) tool->data)->program, .provider = (Provider) i, .tenant = tenant, .result = (ReturnSetInfo *) fcinfo->resultinfo
		};

		if (wanted == NULL || strcmp(wanted, provider_names[i]) == 0)
			lint_tool(&lint, tool->data);
	}
	agc_object_unpin(tool);
	return (Datum) 0;
}
