/*
 * location.c
 *	  Where a judgement was made: in the instance, and in the schema.
 *
 * The walker keeps both as chains on the C stack.  They are rendered here, when
 * an error or a unit of the specification's output needs them.
 *
 * Memory: everything in CurrentMemoryContext.  Locks: none.  On ERROR: nothing
 * to undo.
 */
#include "schema/eval_context.h"

#include "miscadmin.h"

static void
append_frame(StringInfo out, const EvalFrame *at)
{
	if (at->parent == NULL)
		return;
	append_frame(out, at->parent);
	if (at->key != NULL)
		pointer_append_key(out, at->key, at->len);
	else
		appendStringInfo(out, "/%u", at->index);
}

char *
eval_path_text(const EvalFrame *at)
{
	StringInfoData out;

	initStringInfo(&out);
	append_frame(&out, at);
	return out.data;
}

/* The part of a path below an outer one; all of it where it lies elsewhere. */
static const char *
below(const SchemaPath *path, const SchemaPath *outer)
{
	const char *text = schema_path_text(path, NULL);
	const char *prefix = schema_path_text(outer, NULL);
	Size		len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : text;
}

static void
append_route(StringInfo out, const EvalHop *hop, const SchemaPath *path)
{
	if (hop == NULL)
	{
		appendStringInfoString(out, schema_path_text(path, NULL));
		return;
	}
	check_stack_depth();
	append_route(out, hop->outer, hop->from->path);
	pointer_append_key(out, hop->keyword, strlen(hop->keyword));
	appendStringInfoString(out, below(path, hop->target->path));
}

/* A JSON Pointer as the fragment of a URI (RFC 6901, section 6). */
static void
append_fragment(StringInfo out, const char *pointer)
{
	for (; *pointer != '\0'; pointer++)
	{
		unsigned char c = *pointer;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~!$&'()*+,;=:@/?", c) != NULL)
			appendStringInfoChar(out, c);
		else
			appendStringInfo(out, "%%%02X", c);
	}
}

/* keyword may be NULL: the schema itself */
void
eval_locate(const EvalContext *ctx, const SchemaNode *node, const char *keyword,
			char **keyword_location, char **absolute_location)
{
	StringInfoData route;
	StringInfoData pointer;
	StringInfoData absolute;

	initStringInfo(&route);
	append_route(&route, ctx->hop, node->path);
	initStringInfo(&pointer);
	appendStringInfoString(&pointer, below(node->path, node->resource->path));
	if (keyword != NULL)
	{
		pointer_append_key(&route, keyword, strlen(keyword));
		pointer_append_key(&pointer, keyword, strlen(keyword));
	}
	initStringInfo(&absolute);
	appendStringInfo(&absolute, "%s#", node->resource->base == NULL ? "" : node->resource->base);
	append_fragment(&absolute, pointer.data);
	*keyword_location = route.data;
	*absolute_location = absolute.data;
}
