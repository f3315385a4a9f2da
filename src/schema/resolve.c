/*
 * resolve.c
 *	  Where a reference leads: to an anchor, to a place below one, or into
 *	  another document, which is loaded (document.c) and never fetched.
 *
 * Memory: the compiler's context.  Locks: AccessShareLock on the registry while
 * a document is read.  Errors: the compiler's problem.
 */
#include "schema/compiler.h"

#include "utils/hsearch.h"

static const SchemaAnchor *
find_anchor(SchemaCompiler *c, const char *uri)
{
	int			low = 0;
	int			high = c->nanchors;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(c->anchors[middle].uri, uri) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->nanchors && strcmp(c->anchors[low].uri, uri) == 0 ? &c->anchors[low] : NULL;
}

/* Follows a pointer fragment below a resource's root, keeping the path. */
static bool
follow_pointer(SchemaCompiler *c, const SchemaAnchor *start, const char *pointer,
			   JbItem *item, SchemaFrame **frame)
{
	SchemaFrame *root = frame_at(c, &start->item, NULL, start->resource, 0);
	const SchemaPath *path = root == NULL ? NULL : root->path;
	SchemaResource *resource = root == NULL ? start->resource : root->resource;
	uint32		depth = root == NULL ? 0 : root->depth;
	const char *rest = pointer[0] ? pointer : NULL;

	*item = start->item;
	while (rest != NULL)
	{
		char	   *token = pointer_next(&rest);
		bool		object = item_is_object(item);
		char	   *end;
		SchemaFrame *known;

		if (object ? !object_find_cstring(jb_container(item), token, item) :
					 !(item_is_array(item) && token[0] >= '0' && token[0] <= '9' &&
					   array_get(jb_container(item), strtoul(token, &end, 10), item) && *end == '\0'))
			return false;
		path = object ? schema_path_key(path, token, strlen(token)) :
			schema_path_index(path, strtoul(token, NULL, 10));
		depth++;
		known = item_is_object(item) ? hash_search(c->frames, &item->data, HASH_FIND, NULL) : NULL;
		if (known != NULL)
			resource = known->resource;
	}
	if (item_is_object(item))
		*frame = frame_at(c, item, path, resource, depth);
	else
	{
		SchemaFrame *fresh = palloc0(sizeof(SchemaFrame));

		fresh->path = path;
		fresh->resource = resource;
		fresh->depth = depth;
		*frame = fresh;
	}
	return true;
}

/*
 * Where a reference written in "from" leads; false: nowhere.  *anchor is set if
 * it names an anchor.
 */
bool
frame_resolve(SchemaCompiler *c, const SchemaNode *from, const char *ref, uint32 len,
			  JbItem *item, SchemaFrame **frame, const SchemaAnchor **anchor)
{
	char	   *uri = uri_resolve(from->resource->base, pnstrdup(ref, len));
	char	   *fragment = strchr(uri, '#');
	const SchemaAnchor *found;
	SchemaAnchor start;

	*anchor = NULL;
	c->missing = NULL;
	if (fragment != NULL)
	{
		*fragment++ = '\0';
		uri_percent_decode(fragment);
	}
	found = find_anchor(c, uri);
	if (found == NULL && document_load(c, uri, from->resource->dialect))
		found = find_anchor(c, uri);
	if (found == NULL)
	{
		c->missing = uri;
		return false;
	}
	start = *found;
	if (fragment == NULL || fragment[0] == '\0' || fragment[0] == '/')
		return follow_pointer(c, &start, fragment == NULL ? "" : fragment, item, frame);

	/* a document found by its URI names its anchors by its own $id */
	*frame = frame_at(c, &start.item, NULL, start.resource, 0);
	*anchor = *frame == NULL ? NULL : find_anchor(c, psprintf("%s#%s", (*frame)->resource->base, fragment));
	if (*anchor == NULL)
		return false;
	*item = (*anchor)->item;
	*frame = frame_at(c, item, NULL, (*anchor)->resource, 0);
	return *frame != NULL;
}
