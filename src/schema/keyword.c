/*
 * keyword.c
 *	  What a keyword does: those that hold subschemas or apply to any type, and
 *	  the compiler of each keyword.
 *
 * Memory: the program's context.  Locks: none.  Errors: the compiler's
 * problem.
 */
#include "schema/keywords.h"

#include "miscadmin.h"

static SchemaNode *
child_of(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value)
{
	return schema_child(c, node, value, schema_path_key(node->path, keyword, strlen(keyword)));
}

/* an array of schemas, not empty unless may_be_empty */
static SchemaNode **
keyword_schemas(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value,
				bool may_be_empty, uint32 *count)
{
	const SchemaPath *path = schema_path_key(node->path, keyword, strlen(keyword));
	SchemaNode **nodes;
	JbCursor	cursor;

	*count = 0;
	if (!item_is_array(value) || (!may_be_empty && JsonContainerSize(jb_container(value)) == 0))
	{
		schema_problem(c, node->path, keyword, "must be a non-empty array of schemas");
		return NULL;
	}
	cursor = jb_first(jb_container(value));
	nodes = palloc0(sizeof(SchemaNode *) * (JsonContainerSize(jb_container(value)) + 1));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(value)); i++)
	{
		JbItem		item = jb_next(&cursor);

		nodes[i] = schema_child(c, node, &item, schema_path_index(path, i));
		if (nodes[i] == NULL)
			return NULL;
	}
	*count = JsonContainerSize(jb_container(value));
	return nodes;
}

static void
kw_type(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	bool		list = item_is_array(value);
	uint32		n = list ? JsonContainerSize(jb_container(value)) : 1;
	JbCursor	cursor = {0};
	uint8		mask = 0;

	if (list)
		cursor = jb_first(jb_container(value));
	if (n == 0)
		schema_problem(c, node->path, "type", "must not be an empty array");
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		name = list ? jb_next(&cursor) : *value;
		int			bit;

		for (bit = 0; bit < NTYPES; bit++)
			if (JBE_ISSTRING(name.entry) &&
				key_compare(name.data, name.len, type_names[bit], strlen(type_names[bit])) == 0)
				break;
		if (bit == NTYPES)
		{
			schema_problem(c, node->path, "type",
						   "must name null, boolean, string, number, integer, array or object%s%s%s",
						   JBE_ISSTRING(name.entry) ? ", not \"" : "",
						   JBE_ISSTRING(name.entry) ? pnstrdup(name.data, Min(name.len, 40)) : "",
						   JBE_ISSTRING(name.entry) ? "\"" : "");
			return;
		}
		mask |= 1 << bit;
	}
	node->types = mask;
}

static int
compare_strings(const void *a, const void *b)
{
	const JbItem *x = a;
	const JbItem *y = b;

	return key_compare(x->data, x->len, y->data, y->len);
}

static int
compare_items(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return item_compare(a, b);
}

static void
kw_enum(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	AnyRules   *any = any_rules(node);
	uint32		n;
	JbCursor	cursor;

	if (!item_is_array(value))
	{
		schema_problem(c, node->path, "enum", "must be an array");
		return;
	}
	n = JsonContainerSize(jb_container(value));
	cursor = jb_first(jb_container(value));
	any->has_enum = true;
	any->enumeration = *value;
	any->strings = palloc(sizeof(JbItem) * (n + 1));
	any->others = palloc(sizeof(JbItem) * (n + 1));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		item = jb_next(&cursor);

		if (JBE_ISSTRING(item.entry))
			any->strings[any->nstrings++] = item;
		else
			any->others[any->nothers++] = item;
	}
	qsort(any->strings, any->nstrings, sizeof(JbItem), compare_strings);
	qsort(any->others, any->nothers, sizeof(JbItem), compare_items);
}

static void
kw_const(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->has_const = true;
	node->any->constant = *value;
}

static void
kw_default(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	node->has_default = true;
	node->default_value = *value;
}

static void
kw_text(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	if (!JBE_ISSTRING(value->entry))
		schema_problem(c, node->path, NULL, "\"title\", \"description\", \"$comment\", \"$id\" and \"$schema\" must be strings");
}

static void
kw_definitions(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	if (!item_is_object(value))
		schema_problem(c, node->path, NULL, "definitions must be an object of schemas");
}

static void
kw_ref(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	const SchemaAnchor *anchor;

	any_rules(node)->ref = schema_reference(c, node, "$ref", value, &anchor);
}

/* The reference is dynamic only if its static target is itself a dynamic anchor. */
static void
kw_dynamic_ref(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	const SchemaAnchor *anchor;

	any_rules(node)->dynamic = schema_reference(c, node, "$dynamicRef", value, &anchor);
	if (node->any->dynamic != NULL && anchor != NULL && anchor->dynamic != NULL)
	{
		node->any->dynamic_name = anchor->dynamic;
		c->program->dynamic = true;
	}
}

static void
kw_recursive_ref(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	const SchemaAnchor *anchor;
	JbItem		flag;

	any_rules(node)->dynamic = schema_reference(c, node, "$recursiveRef", value, &anchor);
	if (node->any->dynamic != NULL && item_is_object(&node->resource->root) &&
		object_find_cstring(jb_container(&node->resource->root), "$recursiveAnchor", &flag) &&
		JBE_ISBOOL_TRUE(flag.entry))
	{
		node->any->dynamic_name = "";
		c->program->dynamic = true;
	}
}

static void
kw_all_of(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->all = keyword_schemas(c, node, "allOf", value, false, &any_rules(node)->nall);
}

static void
kw_any_of(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->any = keyword_schemas(c, node, "anyOf", value, false, &any_rules(node)->nany);
}

static void
kw_one_of(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->one = keyword_schemas(c, node, "oneOf", value, false, &any_rules(node)->none);
}

static void
kw_not(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->not = child_of(c, node, "not", value);
}

/* It judges nothing, but what it calls a URL is judged as one (url_strings.c). */
static void
kw_content_schema(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	node->content = child_of(c, node, "contentSchema", value);
}

static void
kw_if(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->if_ = child_of(c, node, "if", value);
}

static void
kw_then(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->then = child_of(c, node, "then", value);
}

static void
kw_else(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	any_rules(node)->else_ = child_of(c, node, "else", value);
}

static void
kw_rest(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	array_rules(node)->rest = child_of(c, node, "items", value);
}

static void
kw_prefix_items(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	array_rules(node)->prefix = keyword_schemas(c, node, "prefixItems", value, false,
												&array_rules(node)->nprefix);
}

/* before 2020-12: one schema for all, or an array of them by position */
static void
kw_items(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	if (item_is_array(value))
		array_rules(node)->prefix = keyword_schemas(c, node, "items", value, true,
													&array_rules(node)->nprefix);
	else
		kw_rest(c, node, value);
}

static void
kw_additional_items(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	JbItem		items;

	if (object_find_cstring(jb_container(&node->source), "items", &items) && item_is_array(&items))
		array_rules(node)->rest = child_of(c, node, "additionalItems", value);
}

static void
kw_contains(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	array_rules(node)->contains = child_of(c, node, "contains", value);
	node->array->contains_marks = node->resource->dialect == DIALECT_2020_12;
}

static void
kw_unevaluated_items(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	array_rules(node)->unevaluated = child_of(c, node, "unevaluatedItems", value);
}

static void
kw_additional_properties(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	object_rules(node)->additional = child_of(c, node, "additionalProperties", value);
}

static void
kw_property_names(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	object_rules(node)->names = child_of(c, node, "propertyNames", value);
}

static void
kw_unevaluated_properties(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	object_rules(node)->unevaluated = child_of(c, node, "unevaluatedProperties", value);
}

static KeywordCompiler *const compilers[] = {
#define KEYWORD(name, dialects, vocabulary, shape, compiler) compiler,
#include "schema/keyword_list.h"
#undef KEYWORD
};

/* Compiles one keyword into the node. */
void
keyword_compile(SchemaCompiler *c, SchemaNode *node, const Keyword *keyword, const JbItem *value)
{
	KeywordCompiler *compile = compilers[keyword - keyword_table];

	if (compile != NULL)
		compile(c, node, value);
}
