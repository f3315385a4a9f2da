/*
 * schema_path.c
 *	  Where a schema stands in its document.
 *
 * A path is built step by step while a document is framed, and rendered as a
 * JSON Pointer only when a message needs it.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/program.h"

#include "miscadmin.h"

const SchemaPath *
schema_path_key(const SchemaPath *parent, const char *token, uint32 len)
{
	SchemaPath *path = palloc(sizeof(SchemaPath));

	*path = (SchemaPath)
	{
		parent, token, len, 0
	};
	return path;
}

const SchemaPath *
schema_path_index(const SchemaPath *parent, uint32 index)
{
	SchemaPath *path = palloc(sizeof(SchemaPath));

	*path = (SchemaPath)
	{
		parent, NULL, 0, index
	};
	return path;
}

static void
append_path(StringInfo out, const SchemaPath *path)
{
	if (path == NULL)
		return;
	check_stack_depth();
	append_path(out, path->parent);
	if (path->token == NULL)
		appendStringInfo(out, "/%u", path->index);
	else if (path->document)
		appendStringInfo(out, "%.*s#", (int) path->len, path->token);
	else
		pointer_append_key(out, path->token, path->len);
}

/* keyword may be NULL: the schema itself */
char *
schema_path_text(const SchemaPath *path, const char *keyword)
{
	StringInfoData out;

	initStringInfo(&out);
	append_path(&out, path);
	if (keyword != NULL)
		pointer_append_key(&out, keyword, strlen(keyword));
	return out.data;
}
