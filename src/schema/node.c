/*
 * node.c
 *	  Making the nodes of a program: of a subschema, and of what a reference
 *	  leads to.
 *
 * A node is made when something points at it, and put on the list of those
 * that compile.c still has to fill.
 *
 * Memory: the program's context.  Locks: AccessShareLock on the registry where
 * a reference leads into a document.  Errors: 54001 beyond agentcore.max_depth;
 * the rest goes to the compiler's problem.
 */
#include "schema/compiler.h"

static SchemaNode *
new_node(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
		 const SchemaResource *resource, uint32 depth)
{
	SchemaNode *node = palloc0(sizeof(SchemaNode));

	node->types = TYPE_ANY;
	node->path = path;
	node->source = *item;
	node->resource = resource;
	node->depth = depth;
	if (c->last != NULL)
		c->last->next = node;
	else
		c->program->nodes = node;
	c->last = node;
	c->program->nnodes++;
	return node;
}

/* The node of a subschema, made now and filled later; NULL after a problem. */
SchemaNode *
schema_child(SchemaCompiler *c, const SchemaNode *parent, const JbItem *item, const SchemaPath *path)
{
	SchemaResource *resource = parent == NULL ? linitial(c->resources) :
		unconstify(SchemaResource *, parent->resource);
	uint32		depth = parent == NULL ? 0 : parent->depth + 1;
	SchemaFrame *frame;

	check_schema_depth(path == NULL ? 0 : depth);
	if (JBE_ISBOOL(item->entry))
	{
		SchemaNode *node = new_node(c, item, path, resource, depth);

		node->never = JBE_ISBOOL_FALSE(item->entry);
		return node;
	}
	if (!item_is_object(item))
	{
		schema_problem(c, path, NULL, "a schema must be an object or a boolean");
		return NULL;
	}
	frame = frame_at(c, item, path, resource, depth);
	if (frame->node == NULL)
	{
		frame->node = new_node(c, item, frame->path, frame->resource, frame->depth);
		c->pending = lappend(c->pending, frame->node);
	}
	return frame->node;
}

/* Says why a reference leads nowhere, unless loading its document has said so. */
static void
unresolved(SchemaCompiler *c, const SchemaNode *from, const char *keyword, const JbItem *value)
{
	bool		first = c->problem->message == NULL;

	if (c->missing == NULL)
		schema_problem(c, from->path, keyword, "refers to \"%.*s\", which is not in this schema (nothing is fetched)",
					   (int) Min(value->len, 200), value->data);
	else
	{
		schema_problem(c, from->path, keyword,
					   "refers to \"%.*s\"; the document \"%.200s\" is not registered (nothing is fetched)",
					   (int) Min(value->len, 200), value->data, c->missing);
		if (first)
			c->problem->hint = c->tenant != NULL ?
				"Register the document with agentcore.json_schema_set()." :
				"Register the document with agentcore.json_schema_set() and use agentcore.jsonschema_validate_registered().";
	}
}

/* The node that a reference leads to; NULL and a problem if it leads nowhere. */
SchemaNode *
schema_reference(SchemaCompiler *c, SchemaNode *from, const char *keyword, const JbItem *value,
				 const SchemaAnchor **anchor)
{
	JbItem		item;
	SchemaFrame *frame;

	if (!JBE_ISSTRING(value->entry))
	{
		schema_problem(c, from->path, keyword, "must be a string");
		return NULL;
	}
	if (!frame_resolve(c, from, value->data, value->len, &item, &frame, anchor))
	{
		if (c->missing != NULL && c->open)
			return new_node(c, value, from->path, from->resource, from->depth);
		unresolved(c, from, keyword, value);
		return NULL;
	}
	if (!item_is_object(&item) && !JBE_ISBOOL(item.entry))
	{
		schema_problem(c, from->path, keyword, "refers to \"%.*s\", which is no schema",
					   (int) Min(value->len, 200), value->data);
		return NULL;
	}
	if (JBE_ISBOOL(item.entry))
		return schema_child(c, from, &item, frame->path);
	if (frame->node == NULL)
	{
		frame->node = new_node(c, &item, frame->path, frame->resource, frame->depth);
		c->pending = lappend(c->pending, frame->node);
	}
	return frame->node;
}
