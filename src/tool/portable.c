/*
 * portable.c
 *	  The schemas of a tool as a reader without its registry takes them.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "tool/tool.h"

#include "tool/provider_rules.h"

/*
 * A reader with dialect auto takes a schema without $schema for 2020-12.  If the
 * tool was registered with another dialect, $schema is added.
 */
static const char *
undeclared_dialect(const SchemaProgram *program, const JbItem *schema)
{
	static const char *const uris[] = {
		"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#",
		"http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema"
	};
	JbItem		declared;

	if (program->dialect >= DIALECT_2020_12 ||
		object_find_cstring(jb_container(schema), "$schema", &declared))
		return NULL;
	return uris[program->dialect];
}

Jsonb *
tool_portable_schema(const SchemaProgram *program)
{
	JsonbParseState *state = NULL;
	JbItem		root = jb_root(program->schema);
	const char *dialect;
	JbCursor	keys;
	JbCursor	values;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (!item_is_object(&root))
	{
		/* true is {}, false is {"not": {}} */
		if (JBE_ISBOOL_FALSE(root.entry))
		{
			put_key(&state, "not");
			pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
			pushJsonbValue(&state, WJB_END_OBJECT, NULL);
		}
		return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	}
	dialect = undeclared_dialect(program, &root);
	if (dialect == NULL)
		return program->schema;
	put_string(&state, "$schema", dialect);
	keys = jb_first(jb_container(&root));
	values = jb_first_value(jb_container(&root));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&root)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		put_text(&state, WJB_KEY, key.data, key.len);
		put_item(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static bool
says_object(const Jsonb *schema)
{
	JbItem		root = jb_root(schema);
	JbItem		type;

	return item_is_object(&root) && object_find_cstring(jb_container(&root), "type", &type) && text_is(&type, "object");
}

/* structuredContent is an object, and its reader has no other document than the schema. */
Jsonb *
tool_portable_output(const ToolDef *tool)
{
	Jsonb	   *schema;

	if (tool->output == NULL)
		return NULL;
	for (const RegistryUse *use = tool->output->uses; use != NULL; use = use->next)
		if (use->found)
			return NULL;
	schema = tool_portable_schema(tool->output);
	if (!says_object(schema))
		schema = schema_of_object(schema);
	return says_object(schema) ? schema : NULL;
}
