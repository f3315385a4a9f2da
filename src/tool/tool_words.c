/*
 * tool_words.c
 *	  The members of a tool that policies, tasks and the log go by: traits,
 *	  taints, once, and what of its calls is logged.
 *
 * The gate reads them; nothing is decided here.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing was changed.
 */
#include "tool/tool_words.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

void
tool_check_words(FunctionCallInfo fcinfo, int arg, const char *what)
{
	int			n = 0;
	char	  **words = agc_opt_names(fcinfo, arg, what, &n);

	if (n > TOOL_MAX_WORDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many %s", what),
				 errdetail("Got %d; a tool has at most %d.", n, TOOL_MAX_WORDS)));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(words[i], words[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("%s names %s twice", what, agc_quoted_name(words[i]))));
}

char **
tool_texts(Datum array, int *n, const char *what)
{
	Datum	   *elems;
	bool	   *nulls;
	char	  **result;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, n);
	result = palloc(sizeof(char *) * (*n + 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must not contain null", what)));
		result[i] = TextDatumGetCString(elems[i]);
	}
	return result;
}

static char **
texts(HeapTuple tuple, TupleDesc desc, const char *column, int *n)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	*n = 0;
	return isnull ? NULL : agc_texts_of(value, n);
}

static const char *const record_words[] = {"none", "digest", "args", "all"};

/* NULL: as agentcore.record says */
static void
read_record(ToolDef *tool, const char *word)
{
	for (int i = 0; word != NULL && i < lengthof(record_words); i++)
		if (strcmp(word, record_words[i]) == 0)
			tool->record = TOOL_RECORD_NONE + i;
}

void
tool_check_record(const char *word)
{
	ToolDef		tool = {0};

	read_record(&tool, word);
	if (word != NULL && tool.record == TOOL_RECORD_UNSET)
		agc_refuse_word("record", word, "The words are none, digest, args and all.");
}

void
tool_read_words(ToolDef *tool, HeapTuple tuple, TupleDesc desc)
{
	tool->traits = texts(tuple, desc, "traits", &tool->ntraits);
	tool->taints = texts(tuple, desc, "taints", &tool->ntaints);
	tool->once = agc_col_interval(tuple, desc, "once", -1);
	tool->once_by = texts(tuple, desc, "once_by", &tool->nonce_by);
	tool->once_scope = agc_col_text(tuple, desc, "once_scope");
	tool->log_args = texts(tuple, desc, "log_args", &tool->nlog_args);
	tool->redact = texts(tuple, desc, "redact", &tool->nredact);
	read_record(tool, agc_col_text(tuple, desc, "record"));
}

static const SchemaNode *required_child(const SchemaNode *node, const char *token, int depth);

/* What one of the subschemas that all hold requires, is required. */
static const SchemaNode *
required_of_all(const AnyRules *any, const char *token, int depth)
{
	const SchemaNode *child = NULL;

	if (any->ref != NULL)
		child = required_child(any->ref, token, depth + 1);
	for (uint32 i = 0; child == NULL && i < any->nall; i++)
		child = required_child(any->all[i], token, depth + 1);
	return child;
}

/* The schema of a member that every object must have; NULL: none, or nothing more is known of it. */
static const SchemaNode *
required_child(const SchemaNode *node, const char *token, int depth)
{
	uint32		len = strlen(token);

	if (node == NULL || depth > agc_max_depth || node->never)
		return NULL;
	for (uint32 i = 0; node->object != NULL && i < node->object->nproperties; i++)
	{
		const Property *property = &node->object->properties[i];

		if (property->required && key_compare(property->key, property->len, token, len) == 0)
			return property->node != NULL ? property->node : node;
	}
	return node->any == NULL ? NULL : required_of_all(node->any, token, depth);
}

bool
tool_requires(const SchemaProgram *program, const char *pointer)
{
	const SchemaNode *node = program->root;
	const char *rest = pointer[0] == '\0' ? NULL : pointer;

	while (rest != NULL)
	{
		char	   *token = pointer_next(&rest);

		/* below something that may be another type than an object nothing is required */
		if (node->types != TYPE_OBJECT)
			return false;
		node = required_child(node, token, 0);
		if (node == NULL)
			return false;
	}
	return true;
}

void
tool_require_pointers(const SchemaProgram *program, char **pointers, int n, const char *what)
{
	for (int i = 0; i < n; i++)
		if (!tool_requires(program, pointers[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s element %d is not required by the input schema", what, i + 1),
					 errdetail("%s can be left out, so two calls could differ only in its absence.", agc_quoted_name(pointers[i])),
					 errhint("List it as \"required\" in every object on its way, each of type object.")));
}

bool
tool_takes_anything(const ToolDef *tool)
{
	const SchemaNode *root = tool->program->root;

	return !root->never && root->types == TYPE_ANY && root->string == NULL && root->number == NULL && root->array == NULL &&
		root->object == NULL && root->any == NULL;
}
