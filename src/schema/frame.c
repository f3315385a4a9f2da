/*
 * frame.c
 *	  Finding every position of a document that holds a schema, the resources
 *	  that $id opens, and the anchors.
 *
 * This is one pass over the document before anything is compiled.  It follows
 * only keywords that hold schemas in the document's dialect, so that an "$id"
 * inside an enum is no identifier.  A reference into another document
 * (resolve.c) has that document loaded (document.c) and framed here too.
 *
 * Memory: the compiler's context.  Locks: none.  Errors: 54001 beyond
 * agentcore.max_depth; the rest goes to the compiler's problem.
 */
#include "schema/compiler.h"

#include "miscadmin.h"
#include "utils/hsearch.h"

/*
 * Every reference is resolved against its base, and every anchor is stored with
 * it.  A long base times many anchors would take unbounded memory.
 */
#define BASE_MAX 1024

static void frame_schema(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
						 SchemaResource *resource, uint32 depth);
static SchemaResource *open_resource(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
									 SchemaResource *outer);
static char *string_member(const JbItem *item, const char *key);
static void declared_language(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
							  SchemaResource *language);
static void add_anchors(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
						SchemaResource *resource);
static void add_anchor(SchemaCompiler *c, char *uri, const JbItem *item, SchemaResource *resource,
					   const char *dynamic);
static int	compare_anchors(const void *a, const void *b);

void
frame_document(SchemaCompiler *c, const JbItem *root, SchemaDialect dialect)
{
	HASHCTL		ctl = {.keysize = sizeof(char *), .entrysize = sizeof(SchemaFrame), .hcxt = c->scratch};
	SchemaResource *resource = palloc0(sizeof(SchemaResource));
	SchemaResource language = {0};
	char	   *declared = string_member(root, "$schema");
	ListCell   *lc;

	c->frames = hash_create("agentcore schema", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	resource->base = "";
	resource->root = *root;
	resource->dialect = dialect;
	resource->vocabularies = VOCABULARY_ALL;
	if (declared != NULL && !dialect_of_uri(declared, strlen(declared), &language.dialect) &&
		language_find(c, declared, &language) && language.dialect == dialect)
	{
		resource->vocabularies = language.vocabularies;
		resource->assert_format = language.assert_format;
		c->program->metaschema = declared;
	}
	frame_root(c, resource, NULL);
	foreach(lc, c->resources)
		c->program->mixed |= ((SchemaResource *) lfirst(lc))->dialect != dialect;
}

/* Merges two sorted runs of anchors: those before "known", and those from there on. */
static void
merge_anchors(SchemaCompiler *c, int known)
{
	int			nfresh = c->nanchors - known;
	int			to = c->nanchors;
	SchemaAnchor *fresh;

	if (known == 0)
		return;
	fresh = palloc(sizeof(SchemaAnchor) * nfresh);
	memcpy(fresh, c->anchors + known, sizeof(SchemaAnchor) * nfresh);
	while (nfresh > 0)
		c->anchors[--to] = known > 0 && compare_anchors(&c->anchors[known - 1], &fresh[nfresh - 1]) > 0 ?
			c->anchors[--known] : fresh[--nfresh];
	pfree(fresh);
}

/* Frames one document, whose root is the resource's. */
void
frame_root(SchemaCompiler *c, SchemaResource *resource, const SchemaPath *path)
{
	int			known = c->nanchors;

	c->resources = lappend(c->resources, resource);
	add_anchor(c, pstrdup(resource->base), &resource->root, resource, NULL);
	frame_schema(c, &resource->root, path, resource, 0);
	qsort(c->anchors + known, c->nanchors - known, sizeof(SchemaAnchor), compare_anchors);
	merge_anchors(c, known);
	for (int i = 1; i < c->nanchors; i++)
		if (strcmp(c->anchors[i].uri, c->anchors[i - 1].uri) == 0 &&
			c->anchors[i].item.data != c->anchors[i - 1].item.data)
			schema_problem(c, NULL, "$id", "two schemas have the same identifier \"%s\"", c->anchors[i].uri);
}

/* Moves the anchor at "last" to its place among those before it. */
static void
insert_sorted(SchemaCompiler *c, int last)
{
	SchemaAnchor anchor = c->anchors[last];
	int			low = 0;
	int			high = last;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_anchors(&c->anchors[middle], &anchor) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(&c->anchors[low + 1], &c->anchors[low], sizeof(SchemaAnchor) * (last - low));
	c->anchors[low] = anchor;
}

/* The frame of a schema position; a position outside known keywords is framed now. */
SchemaFrame *
frame_at(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
		 SchemaResource *resource, uint32 depth)
{
	SchemaFrame *frame = hash_search(c->frames, &item->data, HASH_FIND, NULL);

	if (frame == NULL)
	{
		int			known = c->nanchors;

		frame_schema(c, item, path, resource, depth);
		for (; known < c->nanchors; known++)
			insert_sorted(c, known);
		frame = hash_search(c->frames, &item->data, HASH_FIND, NULL);
	}
	return frame;
}

static void
frame_children(SchemaCompiler *c, const JbItem *value, KeywordShape shape, const SchemaPath *path,
			   SchemaResource *resource, uint32 depth)
{
	const JsonbContainer *container = jb_container(value);
	bool		object;
	JbCursor	keys;
	JbCursor	values;

	if (!JBE_ISCONTAINER(value->entry))
		return;
	object = JsonContainerIsObject(container);
	if (shape == SHAPE_SCHEMA || (shape == SHAPE_SCHEMA_OR_ARRAY && object))
	{
		frame_schema(c, value, path, resource, depth);
		return;
	}
	keys = jb_first(container);
	values = object ? jb_first_value(container) : jb_first(container);
	for (uint32 i = 0; i < JsonContainerSize(container); i++)
	{
		JbItem		child = jb_next(&values);
		const SchemaPath *step;

		if (object)
		{
			JbItem		key = jb_next(&keys);

			step = schema_path_key(path, key.data, key.len);
		}
		else
			step = schema_path_index(path, i);
		if (item_is_object(&child))
			frame_schema(c, &child, step, resource, depth);
	}
}

static void
frame_schema(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
			 SchemaResource *resource, uint32 depth)
{
	SchemaFrame *frame;
	JbCursor	keys;
	JbCursor	values;
	bool		known;

	if (!item_is_object(item))
		return;
	check_schema_depth(depth);
	resource = open_resource(c, item, path, resource);
	frame = hash_search(c->frames, &item->data, HASH_ENTER, &known);
	if (known)
		return;
	frame->path = path;
	frame->resource = resource;
	frame->node = NULL;
	frame->depth = depth;
	add_anchors(c, item, path, resource);

	keys = jb_first(jb_container(item));
	values = jb_first_value(jb_container(item));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(item)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		const Keyword *keyword = keyword_of(resource, key.data, key.len);

		if (keyword != NULL && keyword->shape != SHAPE_VALUE)
			frame_children(c, &value, keyword->shape,
						   schema_path_key(path, keyword->name, strlen(keyword->name)),
						   resource, depth + 1);
	}
}

static bool
has_ref(const JbItem *item)
{
	JbItem		ref;

	return object_find_cstring(jb_container(item), "$ref", &ref) && JBE_ISSTRING(ref.entry);
}

/* A string member as a C string, or NULL. */
static char *
string_member(const JbItem *item, const char *key)
{
	JbItem		value;

	if (!object_find_cstring(jb_container(item), key, &value) || !JBE_ISSTRING(value.entry))
		return NULL;
	return pnstrdup(value.data, value.len);
}

static SchemaResource *
open_resource(SchemaCompiler *c, const JbItem *item, const SchemaPath *path, SchemaResource *outer)
{
	SchemaResource language = *outer;
	SchemaResource *resource;
	char	   *fragment;
	char	   *uri;
	char	   *id;

	/* the root's language was found before, the argument `dialect` being above $schema */
	if (path != NULL && !path->document)
		declared_language(c, item, path, &language);
	id = string_member(item, language.dialect == DIALECT_DRAFT4 ? "id" : "$id");

	/* up to draft 7, nothing beside a $ref counts */
	if (id == NULL || (language.dialect <= DIALECT_DRAFT7 && has_ref(item)))
		return outer;
	uri = uri_resolve(outer->base, id);
	fragment = strchr(uri, '#');
	if (fragment != NULL && fragment[1] != '\0')
	{
		/* up to draft 7, "$id": "#name" is an anchor */
		if (language.dialect >= DIALECT_2019_09)
			schema_problem(c, path, "$id", "must not have a fragment");
		else
			add_anchor(c, uri, item, outer, NULL);
		return outer;
	}
	if (fragment != NULL)
		*fragment = '\0';
	if (strlen(uri) > BASE_MAX)
	{
		schema_problem(c, path, "$id", "is longer than %d bytes when resolved", BASE_MAX);
		return outer;
	}
	resource = palloc0(sizeof(SchemaResource));
	resource->base = uri;
	resource->path = path;
	resource->root = *item;
	resource->dialect = language.dialect;
	resource->vocabularies = language.vocabularies;
	resource->assert_format = language.assert_format;
	c->resources = lappend(c->resources, resource);
	add_anchor(c, uri, item, resource, NULL);
	return resource;
}

/* What $schema says in an embedded resource; it counts only beside an identifier. */
static void
declared_language(SchemaCompiler *c, const JbItem *item, const SchemaPath *path, SchemaResource *language)
{
	char	   *uri = string_member(item, "$schema");
	SchemaResource declared = {0};

	if (uri == NULL)
		return;
	if (!language_find(c, uri, &declared))
	{
		schema_problem(c, path, "$schema", "dialect \"%.200s\" is not supported", uri);
		return;
	}
	if (string_member(item, declared.dialect == DIALECT_DRAFT4 ? "id" : "$id") == NULL)
		return;
	language->dialect = declared.dialect;
	language->vocabularies = declared.vocabularies;
	language->assert_format = declared.assert_format;
}

static void
add_anchors(SchemaCompiler *c, const JbItem *item, const SchemaPath *path, SchemaResource *resource)
{
	char	   *name;

	if (resource->dialect < DIALECT_2019_09)
		return;
	name = string_member(item, "$anchor");
	if (name != NULL)
		add_anchor(c, psprintf("%s#%s", resource->base, name), item, resource, NULL);
	if (resource->dialect < DIALECT_2020_12)
		return;
	name = string_member(item, "$dynamicAnchor");
	if (name != NULL)
		add_anchor(c, psprintf("%s#%s", resource->base, name), item, resource, name);
}

static void
add_anchor(SchemaCompiler *c, char *uri, const JbItem *item, SchemaResource *resource, const char *dynamic)
{
	if (c->nanchors == c->maxanchors)
	{
		c->maxanchors = c->maxanchors == 0 ? 8 : c->maxanchors * 2;
		c->anchors = c->anchors == NULL ?
			palloc(c->maxanchors * sizeof(SchemaAnchor)) :
			repalloc(c->anchors, c->maxanchors * sizeof(SchemaAnchor));
	}
	c->anchors[c->nanchors++] = (SchemaAnchor)
	{
		uri, *item, resource, dynamic, false
	};
}

static int
compare_anchors(const void *a, const void *b)
{
	const SchemaAnchor *x = a;
	const SchemaAnchor *y = b;
	int			cmp = strcmp(x->uri, y->uri);

	/* of two anchors with one name the dynamic one comes first, so that it is found */
	return cmp != 0 ? cmp : (y->dynamic != NULL) - (x->dynamic != NULL);
}
