/*
 * lint.c
 *	  tool_lint(): what providers would refuse of a tool, or silently ignore, and
 *	  what the gate does not judge.
 *
 * The rules are a table of the keywords in each provider's subset, and a few
 * checks of values.  They are what OpenAI (strict functions), Anthropic (strict
 * tool use), Google (parametersJsonSchema) and MCP published until November 2026;
 * doc/tools.md explains them.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on agentcore.tool when
 * it has to be read.  On ERROR: pins go at transaction end.
 */
#include "tool/tool.h"

#include "core/row.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tool/guess.h"
#include "tool/provider.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

typedef enum Provider
{
	OPENAI,
	ANTHROPIC,
	GEMINI,
	MCP,
	GATE,						/* what it does not judge */
	NPROVIDERS
} Provider;

static const char *const provider_names[NPROVIDERS] = {"openai", "anthropic", "gemini", "mcp", "agentcore"};

typedef enum Effect
{
	TAKEN,
	REFUSED,
	IGNORED,
	DISCOURAGED,
	UNJUDGED
} Effect;

static const char *const effect_names[] = {NULL, "refused", "ignored", "discouraged", "unjudged"};

/* OpenAI's limits of one schema */
#define OPENAI_DEPTH 10
#define OPENAI_PROPERTIES 5000
#define OPENAI_ENUM_VALUES 1000
#define OPENAI_TEXT 120000

/* Anthropic's of one request, which one tool can exceed */
#define ANTHROPIC_OPTIONAL 24
#define ANTHROPIC_UNIONS 16

/* keywords that not every provider accepts; MCP accepts all of JSON Schema */
static const struct
{
	const char *keyword;
	Effect		effect[MCP];
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

typedef struct Lint
{
	const SchemaProgram *program;
	Provider	provider;
	const char *tenant;			/* GATE: of the tool */
	ReturnSetInfo *result;		/* NULL: only the first refusal is wanted */
	const char *path;
	const char *problem;		/* the first refusal */
	int64		properties;
	int64		optional;
	int64		unions;
	int64		enum_values;
	int64		text;			/* characters of names and enum values */
} Lint;

/* path_text is freed */
static void
found_at(Lint *lint, char *path_text, const char *keyword, Effect effect, const char *problem)
{
	AgcRow		row;

	if (effect == REFUSED && lint->problem == NULL)
	{
		lint->path = pstrdup(path_text);
		lint->problem = problem;
	}
	if (lint->result != NULL)
	{
		agc_row_init(&row);
		agc_put_text(&row, provider_names[lint->provider]);
		agc_put_text(&row, path_text);
		agc_put_text(&row, keyword);
		agc_put_text(&row, effect_names[effect]);
		agc_put_text(&row, problem);
		agc_row_store(lint->result, &row);
		/* a schema may have a million of them */
		for (int i = 0; i < row.n; i++)
			if (!row.null[i])
				pfree(DatumGetPointer(row.value[i]));
	}
	pfree(path_text);
}

static void
found(Lint *lint, const SchemaPath *path, const char *keyword, Effect effect, const char *problem)
{
	found_at(lint, schema_path_text(path, keyword), keyword, effect, problem);
}

/* ----- the tool itself ------------------------------------------------------------ */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
lint_name(Lint *lint, const char *name)
{
	static const struct
	{
		int			max;
		const char *more;		/* besides letters, digits, _ and - */
		Effect		effect;
		const char *problem;
	}			rules[GATE] = {
		{64, "", REFUSED, "the name must be 1 to 64 of a-z A-Z 0-9 _ -"},
		{128, "", REFUSED, "the name must be 1 to 128 of a-z A-Z 0-9 _ -"},
		{64, ".:", REFUSED, "the name must be a letter or _ and up to 63 of a-z A-Z 0-9 _ . : -"},
		{128, ".", DISCOURAGED, "the name should be 1 to 128 of a-z A-Z 0-9 _ - ."},
	};
	bool		good = strlen(name) <= rules[lint->provider].max;

	for (const char *p = name; *p && good; p++)
		good = is_letter(*p) || strchr("0123456789_-", *p) != NULL || strchr(rules[lint->provider].more, *p) != NULL;
	if (lint->provider == GEMINI)
		good = good && (is_letter(name[0]) || name[0] == '_');
	if (!good)
		found(lint, NULL, NULL, rules[lint->provider].effect, rules[lint->provider].problem);
}

static void
lint_root(Lint *lint)
{
	JbItem		root = lint->program->root->source;
	JbItem		value;

	if (!item_is_object(&root) || !object_find_cstring(jb_container(&root), "type", &value) || !text_is(&value, "object"))
		found(lint, NULL, "type", REFUSED, "the root must say \"type\": \"object\"");
	if (lint->provider == OPENAI && item_is_object(&root) && object_find_cstring(jb_container(&root), "anyOf", &value))
		found(lint, NULL, "anyOf", REFUSED, "is not taken at the root");
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
		found(lint, node->path, "format", REFUSED, "this format is not in the subset of strict mode");
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
		found(lint, node->path, "enum", REFUSED, "objects and arrays are not taken as values");
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
		found(lint, node->path, "pattern", REFUSED, "look-around is not taken");
	else if (other && lint->provider == ANTHROPIC)
		found(lint, node->path, "pattern", REFUSED, "back references and word boundaries are not taken");
}

/* $ref beside other keywords; a target outside the document, which only the registry has */
static void
lint_ref(Lint *lint, const SchemaNode *node, const JbItem *value)
{
	static const char *const beside[] = {"$ref", "$defs", "$id", "$anchor", "$schema", "$comment"};
	JbCursor keys = jb_first(jb_container(&node->source));
	bool alone = true;

	if (!JBE_ISSTRING(value->entry))
		return;
	if (value->len > 0 && value->data[0] != '#')
		found(lint, node->path, "$ref", REFUSED, "only references inside of the schema are followed");
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&node->source)); i++)
	{
		JbItem key = jb_next(&keys);

		alone &= among(&key, beside, lengthof(beside));
	}
	if (lint->provider == GEMINI && !alone)
		found(lint, node->path, "$ref", IGNORED, "what stands beside it is not read");
}

static void
lint_all_of(Lint *lint, const SchemaNode *node, const JbItem *value)
{
	JbItem branch;
	JbItem ref;

	for (uint32 i = 0; item_is_array(value) && array_get(jb_container(value), i, &branch); i++)
		if (item_is_object(&branch) && object_find_cstring(jb_container(&branch), "$ref", &ref))
		{
			found(lint, node->path, "allOf", REFUSED, "is not taken with $ref in it");
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
		found(lint, node->path, "minItems", REFUSED, "only 0 and 1 are taken");
}

static void
lint_keyword(Lint *lint, const SchemaNode *node, const JbItem *key, const JbItem *value)
{
	if (lint->provider == MCP)
		return;
	for (int i = 0; i < lengthof(keyword_rules); i++)
	{
		const char *keyword = keyword_rules[i].keyword;
		Effect effect = keyword_rules[i].effect[lint->provider];

		if (effect == TAKEN || key_compare(key->data, key->len, keyword, strlen(keyword)) != 0)
			continue;
		if (lint->provider == GEMINI && strcmp(keyword, "oneOf") == 0)
			found(lint, node->path, keyword, effect, "is read as anyOf");
		else if (lint->provider == GEMINI && strcmp(keyword, "const") == 0)
			found(lint, node->path, keyword, effect, "is not read; an enum of one value is");
		else
			found(lint, node->path, keyword, effect,
				  effect == REFUSED ? "is not in the subset of strict mode" : "is not read");
	}
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
		if (property->required)
			continue;
		lint->optional++;
		if (lint->provider == OPENAI)
			found(lint, &path, NULL, REFUSED, "must be required; let its type allow null instead");
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
		found(lint, node->path, "additionalProperties", REFUSED, "must be there and false");
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
		found(lint, NULL, NULL, REFUSED, "the schema contains itself");
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
	if (lint->provider == OPENAI && node->depth > OPENAI_DEPTH)
		found(lint, node->path, NULL, REFUSED, "is nested deeper than 10 levels");
}

static void
lint_limits(Lint *lint)
{
	if (lint->provider == OPENAI && lint->properties > OPENAI_PROPERTIES)
		found(lint, NULL, NULL, REFUSED, "has more than 5000 properties");
	if (lint->provider == OPENAI && lint->enum_values > OPENAI_ENUM_VALUES)
		found(lint, NULL, NULL, REFUSED, "has more than 1000 enum values");
	if (lint->provider == OPENAI && lint->text > OPENAI_TEXT)
		found(lint, NULL, NULL, REFUSED, "has more than 120000 characters of names and enum values");
	if (lint->provider == ANTHROPIC && lint->optional > ANTHROPIC_OPTIONAL)
		found(lint, NULL, NULL, REFUSED, "has more than 24 optional parameters");
	if (lint->provider == ANTHROPIC && lint->unions > ANTHROPIC_UNIONS)
		found(lint, NULL, NULL, REFUSED, "has more than 16 parameters of more than one type");
}

/* ----- what the gate does not judge ---------------------------------------------------- */

static MethodPolicyFinder method_policies = NULL;

void
tool_set_method_policies(MethodPolicyFinder finder)
{
	method_policies = finder;
}

/* A pointer of url_args that ends where the guess does, or above it. */
static bool
is_judged(const ToolDef *tool, const char *pointer)
{
	for (int i = 0; i < tool->nurl_args; i++)
	{
		size_t len = strlen(tool->url_args[i]);

		if (strncmp(pointer, tool->url_args[i], len) == 0 && (pointer[len] == '\0' || strcmp(pointer + len, "/*") == 0))
			return true;
	}
	return false;
}

/* What looks like a URL and is judged neither by its format nor by url_args. */
static void
lint_guesses(Lint *lint, const ToolDef *tool)
{
	const UrlGuesses *guesses = tool->guesses == NULL ? tool_guess_urls(tool->program) : tool->guesses;

	for (int i = 0; i < guesses->count && tool->guesses == NULL; i++)
		if (!is_judged(tool, guesses->pointer[i]) && !tool_pointer_among(guesses->pointer[i], tool->url_skip, tool->nurl_skip))
			found_at(lint, pstrdup(guesses->pointer[i]), "url_args", UNJUDGED,
					 "looks like a URL by its name or description, and url_args leave it out");
	for (int i = 0; i < guesses->nbare; i++)
		if (!is_judged(tool, guesses->bare[i]))
			found_at(lint, pstrdup(guesses->bare[i]), "url_args", UNJUDGED,
					 "is called a URL and holds an object of which the schema says nothing");
	if (!guesses->whole && tool->guesses != NULL)
		found_at(lint, pstrdup(""), "url_args", UNJUDGED,
				 "the schema contains itself or is very large: URLs deeper in it are not guessed");
}

/* Do the arguments have a place for a method? */
static bool
names_method(const SchemaProgram *program)
{
	for (const SchemaNode *node = program->nodes; node != NULL; node = node->next)
		for (uint32 i = 0; node->object != NULL && i < node->object->nproperties; i++)
			if (http_method_name(node->object->properties[i].key, node->object->properties[i].len) != METHOD_NAME_NONE)
				return true;
	return false;
}

/* URLs that are judged as GET, because nothing says how they are used. */
static void
lint_method(Lint *lint, const ToolDef *tool)
{
	bool urls = tool->has_urls || tool->nurl_args > 0 || (tool->guesses != NULL && tool->guesses->count > 0);
	char *policies;

	if (!urls || tool->http_method != NULL || method_policies == NULL || names_method(tool->program))
		return;
	policies = method_policies(lint->tenant, tool->name);
	if (policies != NULL)
		found_at(lint, pstrdup(""), "http_method", UNJUDGED,
				 psprintf("states no method and its arguments name none, so its URLs are judged as GET by policies with methods: %s", policies));
}

static void
lint_gate(Lint *lint, const ToolDef *tool)
{
	for (int i = 0; i < tool->nurl_skip; i++)
		found_at(lint, pstrdup(tool->url_skip[i]), "url_skip", UNJUDGED, "what a format or its name calls a URL here is not judged");
	lint_guesses(lint, tool);
	lint_method(lint, tool);
}

static void
lint_tool(Lint *lint, const ToolDef *tool)
{
	lint->program = tool->program;
	if (lint->provider == GATE)
	{
		lint_gate(lint, tool);
		return;
	}
	lint_name(lint, tool->name);
	lint_root(lint);
	for (const SchemaNode *node = tool->program->nodes; node != NULL; node = node->next)
		lint_node(lint, node);
	if (lint->provider == ANTHROPIC)
		lint_recursion(lint);
	lint_limits(lint);
}

bool
lint_refuses(const AgcObject *tool, ToolFormat format, const char **path, const char **problem)
{
	Lint		lint = {.provider = format == TOOL_FORMAT_ANTHROPIC ? ANTHROPIC : OPENAI};

	lint_tool(&lint, tool->data);
	*path = lint.path;
	*problem = lint.problem;
	return lint.problem != NULL;
}

/* tool_lint(tool, provider, tenant) -> setof (provider, path, keyword, effect, problem) */
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
		agc_refuse_word("provider", wanted, "The providers are openai, anthropic, gemini, mcp and agentcore; NULL means all.");
	tool = tool_require(tenant, name);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < NPROVIDERS; i++)
		if (wanted == NULL || strcmp(wanted, provider_names[i]) == 0)
			lint_tool(&(Lint){.provider = (Provider) i, .tenant = tenant, .result = (ReturnSetInfo *) fcinfo->resultinfo}, tool->data);
	agc_object_unpin(tool);
	return (Datum) 0;
}
