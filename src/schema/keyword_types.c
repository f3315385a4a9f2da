/*
 * keyword_types.c
 *	  The keywords that apply to one type of instance: strings, numbers, arrays,
 *	  objects.
 *
 * Memory: the program's context.  Locks: none.  Errors: the compiler's
 * problem.
 */
#include "schema/keywords.h"


StringRules *
string_rules(SchemaNode *node)
{
	if (node->string == NULL)
	{
		node->string = palloc0(sizeof(StringRules));
		node->string->max = PG_UINT32_MAX;
	}
	return node->string;
}

NumberRules *
number_rules(SchemaNode *node)
{
	if (node->number == NULL)
		node->number = palloc0(sizeof(NumberRules));
	return node->number;
}

ArrayRules *
array_rules(SchemaNode *node)
{
	if (node->array == NULL)
	{
		node->array = palloc0(sizeof(ArrayRules));
		node->array->max = PG_UINT32_MAX;
		node->array->min_contains = 1;
		node->array->max_contains = PG_UINT32_MAX;
	}
	return node->array;
}

ObjectRules *
object_rules(SchemaNode *node)
{
	if (node->object == NULL)
	{
		node->object = palloc0(sizeof(ObjectRules));
		node->object->max = PG_UINT32_MAX;
	}
	return node->object;
}

AnyRules *
any_rules(SchemaNode *node)
{
	if (node->any == NULL)
		node->any = palloc0(sizeof(AnyRules));
	return node->any;
}

static void
compile_count(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value, uint32 *out)
{
	if (!number_count(value, out))
		schema_problem(c, node->path, keyword, "must be a whole number, zero or more");
}

void
kw_min_length(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "minLength", value, &string_rules(node)->min);
}

void
kw_max_length(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "maxLength", value, &string_rules(node)->max);
}

void
kw_min_items(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "minItems", value, &array_rules(node)->min);
}

void
kw_max_items(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "maxItems", value, &array_rules(node)->max);
}

void
kw_min_contains(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "minContains", value, &array_rules(node)->min_contains);
}

void
kw_max_contains(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "maxContains", value, &array_rules(node)->max_contains);
}

void
kw_min_properties(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "minProperties", value, &object_rules(node)->min);
}

void
kw_max_properties(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_count(c, node, "maxProperties", value, &object_rules(node)->max);
}

static Number *
compile_number(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value)
{
	Number	   *n;

	if (!JBE_ISNUMERIC(value->entry))
	{
		schema_problem(c, node->path, keyword, "must be a number");
		return NULL;
	}
	n = palloc(sizeof(Number));
	number_read(n, jb_numeric(value));
	return n;
}

void
kw_minimum(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	number_rules(node)->minimum = compile_number(c, node, "minimum", value);
}

void
kw_maximum(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	number_rules(node)->maximum = compile_number(c, node, "maximum", value);
}

/* In draft 4 these are flags on the plain bound, which jsonb sorts first. */
static void
compile_exclusive(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value,
				  Number **plain, Number **exclusive)
{
	if (node->resource->dialect != DIALECT_DRAFT4)
		*exclusive = compile_number(c, node, keyword, value);
	else if (!JBE_ISBOOL(value->entry))
		schema_problem(c, node->path, keyword, "must be a boolean in draft 4");
	else if (JBE_ISBOOL_TRUE(value->entry))
	{
		*exclusive = *plain;
		*plain = NULL;
	}
}

void
kw_exclusive_minimum(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	NumberRules *rules = number_rules(node);

	compile_exclusive(c, node, "exclusiveMinimum", value, &rules->minimum, &rules->exclusive_minimum);
}

void
kw_exclusive_maximum(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	NumberRules *rules = number_rules(node);

	compile_exclusive(c, node, "exclusiveMaximum", value, &rules->maximum, &rules->exclusive_maximum);
}

void
kw_multiple_of(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	Number	   *n = compile_number(c, node, "multipleOf", value);
	Number		zero;

	if (n == NULL)
		return;
	number_read(&zero, int64_to_numeric(0));
	if (number_cmp(n, &zero) <= 0)
		schema_problem(c, node->path, "multipleOf", "must be greater than zero");
	else
		number_rules(node)->multiple_of = n;
}

/* A short pattern can compile to 64 kB and more, so their sum is bounded while a schema compiles. */
static void
count_pattern(SchemaCompiler *c, const Pattern *pattern)
{
	c->pattern_bytes += pattern_size(pattern);
	if (c->pattern_bytes > (Size) agc_compiled_cache_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("patterns of the schema take too much memory"),
				 errdetail("agentcore.compiled_cache_size is %d kB.", agc_compiled_cache_size),
				 errhint("Use fewer patterns, or smaller counts in their quantifiers.")));
}

static Pattern *
compile_pattern(SchemaCompiler *c, SchemaNode *node, const char *keyword, const char *source, uint32 len)
{
	char	   *why;
	Pattern    *pattern = pattern_compile(source, len, &why);

	if (pattern == NULL)
		schema_problem(c, node->path, keyword, "is not a valid regular expression: %s", why);
	else
		count_pattern(c, pattern);
	return pattern;
}

void
kw_pattern(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	if (!JBE_ISSTRING(value->entry))
		schema_problem(c, node->path, "pattern", "must be a string");
	else
		string_rules(node)->pattern = compile_pattern(c, node, "pattern", value->data, value->len);
}

void
kw_format(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	char	   *format;
	int			id;

	if (!JBE_ISSTRING(value->entry))
	{
		schema_problem(c, node->path, "format", "must be a string");
		return;
	}
	format = pnstrdup(value->data, value->len);
	id = format_find(format);
	if ((c->assert_format || node->resource->assert_format) && id >= 0)
	{
		string_rules(node)->format = format;
		node->string->format_id = id;
	}
}

static bool
compile_bool(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value)
{
	if (!JBE_ISBOOL(value->entry))
		schema_problem(c, node->path, keyword, "must be a boolean");
	return JBE_ISBOOL_TRUE(value->entry);
}

void
kw_unique_items(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	array_rules(node)->unique = compile_bool(c, node, "uniqueItems", value);
}

/* The elements of an array of property names; NULL after a problem. */
static JbItem *
compile_names(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value, uint32 *count)
{
	JbItem	   *names;
	JbCursor	cursor;

	*count = 0;
	if (!item_is_array(value))
	{
		schema_problem(c, node->path, keyword, "must be an array of property names");
		return NULL;
	}
	names = palloc(sizeof(JbItem) * (JsonContainerSize(jb_container(value)) + 1));
	cursor = jb_first(jb_container(value));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(value)); i++)
	{
		names[i] = jb_next(&cursor);
		if (!JBE_ISSTRING(names[i].entry))
		{
			schema_problem(c, node->path, keyword, "must be an array of property names");
			return NULL;
		}
	}
	*count = JsonContainerSize(jb_container(value));
	return names;
}

static int
compare_properties(const void *a, const void *b)
{
	const Property *x = a;
	const Property *y = b;

	return key_compare(x->key, x->len, y->key, y->len);
}

/* Merges two entries of one key. */
static uint32
merge_properties(Property *properties, uint32 n)
{
	uint32		kept = 0;

	qsort(properties, n, sizeof(Property), compare_properties);
	for (uint32 i = 0; i < n; i++)
	{
		if (kept > 0 && compare_properties(&properties[kept - 1], &properties[i]) == 0)
		{
			properties[kept - 1].required |= properties[i].required;
			if (properties[i].node != NULL)
				properties[kept - 1].node = properties[i].node;
		}
		else
			properties[kept++] = properties[i];
	}
	return kept;
}

/* `properties` and `required` together: one sorted table of keys. */
void
kw_properties(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	ObjectRules *rules = object_rules(node);
	const JsonbContainer *schema = jb_container(&node->source);
	JbItem		properties;
	JbItem		required;
	JbItem	   *names = NULL;
	uint32		nnames = 0;
	uint32		nproperties = 0;
	uint32		n = 0;

	if (rules->properties != NULL)
		return;
	if (keyword_of(node->resource, "required", strlen("required")) != NULL &&
		object_find_cstring(schema, "required", &required))
		names = compile_names(c, node, "required", &required, &nnames);
	if (keyword_of(node->resource, "properties", strlen("properties")) != NULL &&
		object_find_cstring(schema, "properties", &properties))
	{
		if (!item_is_object(&properties))
		{
			schema_problem(c, node->path, "properties", "must be an object of schemas");
			return;
		}
		nproperties = JsonContainerSize(jb_container(&properties));
	}
	rules->properties = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(Property) * ((Size) nproperties + nnames + 1));
	if (nproperties > 0)
	{
		const SchemaPath *path = schema_path_key(node->path, "properties", strlen("properties"));
		JbCursor	keys = jb_first(jb_container(&properties));
		JbCursor	values = jb_first_value(jb_container(&properties));

		for (uint32 i = 0; i < nproperties; i++)
		{
			JbItem		key = jb_next(&keys);
			JbItem		child = jb_next(&values);

			rules->properties[n++] = (Property)
			{
				key.data, key.len, false,
				schema_child(c, node, &child, schema_path_key(path, key.data, key.len))
			};
		}
	}
	for (uint32 i = 0; i < nnames; i++)
		rules->properties[n++] = (Property)
		{
			names[i].data, names[i].len, true, NULL
		};
	rules->nproperties = merge_properties(rules->properties, n);
}

void
kw_pattern_properties(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	ObjectRules *rules = object_rules(node);
	const SchemaPath *path = schema_path_key(node->path, "patternProperties", strlen("patternProperties"));
	uint32		n;
	JbCursor	keys;
	JbCursor	values;

	if (!item_is_object(value))
	{
		schema_problem(c, node->path, "patternProperties", "must be an object of schemas");
		return;
	}
	n = JsonContainerSize(jb_container(value));
	keys = jb_first(jb_container(value));
	values = jb_first_value(jb_container(value));
	rules->patterns = palloc(sizeof(PatternProperty) * (n + 1));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		child = jb_next(&values);

		rules->patterns[i].pattern = compile_pattern(c, node, "patternProperties", key.data, key.len);
		rules->patterns[i].node = schema_child(c, node, &child, schema_path_key(path, key.data, key.len));
		if (rules->patterns[i].pattern == NULL || rules->patterns[i].node == NULL)
			return;
	}
	rules->npatterns = n;
}

/*
 * dependencies, dependentRequired and dependentSchemas differ only in what
 * their members may be.
 */
static void
compile_dependencies(SchemaCompiler *c, SchemaNode *node, const char *keyword, const JbItem *value,
					 bool names_allowed, bool schemas_allowed)
{
	ObjectRules *rules = object_rules(node);
	const SchemaPath *path = schema_path_key(node->path, keyword, strlen(keyword));
	JbCursor	keys;
	JbCursor	values;
	uint32		n;

	if (!item_is_object(value))
	{
		schema_problem(c, node->path, keyword, "must be an object");
		return;
	}
	n = JsonContainerSize(jb_container(value));
	keys = jb_first(jb_container(value));
	values = jb_first_value(jb_container(value));
	rules->dependencies = rules->dependencies == NULL ?
		palloc(sizeof(Dependency) * (n + 1)) :
		repalloc(rules->dependencies, sizeof(Dependency) * (rules->ndependencies + n + 1));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		child = jb_next(&values);
		Dependency	dependency = {keyword, key.data, key.len, 0, NULL, NULL};

		if (names_allowed && (item_is_array(&child) || !schemas_allowed))
			dependency.required = compile_names(c, node, keyword, &child, &dependency.nrequired);
		else
			dependency.schema = schema_child(c, node, &child, schema_path_key(path, key.data, key.len));
		if (c->problem->message != NULL)
			return;
		rules->dependencies[rules->ndependencies++] = dependency;
	}
}

void
kw_dependencies(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_dependencies(c, node, "dependencies", value, true, true);
}

void
kw_dependent_required(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_dependencies(c, node, "dependentRequired", value, true, false);
}

void
kw_dependent_schemas(SchemaCompiler *c, SchemaNode *node, const JbItem *value)
{
	compile_dependencies(c, node, "dependentSchemas", value, false, true);
}
