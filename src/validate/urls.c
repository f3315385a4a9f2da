/*
 * urls.c
 *	  Which strings of a document its schema calls URLs.
 *
 * Schema and document are walked together, through every applicator and every
 * branch, whether the document is valid there or not: what any part of the
 * schema takes for a URL is one, and the policy judges it.  (Pointers derived
 * from the schema alone cannot name the members of additionalProperties, and
 * have to stop somewhere in a recursive schema.)
 *
 * Memory: none.  Locks: none.  Errors: 54001 beyond agentcore.max_node_visits,
 * which also ends references that go round.
 */
#include "validate/program.h"
#include "validate/validate.h"

#include "miscadmin.h"

typedef struct UrlWalk
{
	ToolUrlCallback callback;
	void	   *arg;
	int			fuel;
	int			alternatives;	/* open ones: elsewhere the value may be meant otherwise */
} UrlWalk;

static void walk(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same);
static void walk_object(UrlWalk *w, const SchemaNode *node, const JbItem *item);
static void walk_array(UrlWalk *w, const SchemaNode *node, const JbItem *item);
static void walk_same(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same);
static void walk_nodes(UrlWalk *w, SchemaNode **nodes, uint32 n, const JbItem *item, uint32 same);

/* how many schemas may speak of one value, one inside the other */
#define SAME_MAX 64

bool
url_format(const char *format)
{
	static const char *const formats[] = {"uri", "url", "iri", "uri-reference", "iri-reference"};

	for (int i = 0; format != NULL && i < lengthof(formats); i++)
		if (pg_strcasecmp(format, formats[i]) == 0)
			return true;
	return false;
}

void
tool_urls(const ToolDef *tool, Jsonb *args, ToolUrlCallback callback, void *arg)
{
	UrlWalk		w = {callback, arg, agc_max_node_visits, 0};
	JbItem		root = jb_root(args);

	if (tool->has_urls)
		walk(&w, tool->program->root, &root, 0);
}

static void
too_intricate(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("schema is too intricate to find its URLs"),
			 errhint("Name them in the tool's url_args.")));
}

/* White space that readers drop: in front, or a tab or line break anywhere. */
static bool
has_dropped(const JbItem *item)
{
	if (item->len > 0 && (unsigned char) item->data[0] <= ' ')
		return true;
	for (uint32 i = 0; i < item->len; i++)
		if (item->data[i] == '\t' || item->data[i] == '\n' || item->data[i] == '\r')
			return true;
	return false;
}

/* A reference is a URL where it names a scheme or a host, to any reader. */
static bool
is_relative(const SchemaNode *node, const JbItem *item)
{
	return !has_dropped(item) && strlen(node->format) > 3 &&
		memchr(item->data, ':', item->len) == NULL &&
		!(item->len > 1 && strchr("/\\", item->data[0]) != NULL && strchr("/\\", item->data[1]) != NULL);
}

static void
walk(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same)
{
	if (node == NULL)
		return;
	check_stack_depth();
	if (--w->fuel < 0 || same > SAME_MAX)
		too_intricate();
	if ((w->fuel & 1023) == 0)
		CHECK_FOR_INTERRUPTS();

	if (url_format(node->format))
	{
		if (JBE_ISSTRING(item->entry))
		{
			if (!is_relative(node, item))
				w->callback(item->data, item->len, w->arg);
		}
		else if (w->alternatives == 0 && !JBE_ISNULL(item->entry) && (node->types & item_type(item)))
			w->callback(NULL, 0, w->arg);
	}
	if (node->object != NULL && item_is_object(item))
		walk_object(w, node, item);
	if (node->array != NULL && item_is_array(item))
		walk_array(w, node, item);
	if (node->any != NULL)
		walk_same(w, node, item, same + 1);
	if (node->object != NULL && item_is_object(item))
		for (uint32 i = 0; i < node->object->ndependencies; i++)
			walk(w, node->object->dependencies[i].schema, item, same + 1);
}

static void
walk_object(UrlWalk *w, const SchemaNode *node, const JbItem *item)
{
	const ObjectRules *rules = node->object;
	const JsonbContainer *object = jb_container(item);
	JbCursor	keys = jb_first(object);
	JbCursor	values = jb_first_value(object);
	const Property *property = rules->properties;
	const Property *end = property + rules->nproperties;

	for (uint32 n = JsonContainerSize(object); n > 0; n--)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		bool		named = false;
		int64		cost = 0;

		walk(w, rules->names, &key, 0);
		while (property < end && key_compare(property->key, property->len, key.data, key.len) < 0)
			property++;
		if (property < end && key_compare(property->key, property->len, key.data, key.len) == 0)
		{
			named = property->node != NULL;
			walk(w, property->node, &value, 0);
		}
		for (uint32 i = 0; i < rules->npatterns; i++)
			if (pattern_match(rules->patterns[i].pattern, key.data, key.len, &cost) != PATTERN_NO_MATCH)
			{
				named = true;
				walk(w, rules->patterns[i].node, &value, 0);
			}
		if (named)
			continue;
		walk(w, rules->additional, &value, 0);
		w->alternatives++;
		walk(w, rules->unevaluated, &value, 0);
		w->alternatives--;
	}
}

static void
walk_array(UrlWalk *w, const SchemaNode *node, const JbItem *item)
{
	const ArrayRules *rules = node->array;
	uint32		n = JsonContainerSize(jb_container(item));
	JbCursor	cursor = jb_first(jb_container(item));

	for (uint32 i = 0; i < n; i++)
	{
		JbItem		child = jb_next(&cursor);

		walk(w, i < rules->nprefix ? rules->prefix[i] : rules->rest, &child, 0);
		w->alternatives++;
		walk(w, rules->contains, &child, 0);
		walk(w, rules->unevaluated, &child, 0);
		w->alternatives--;
	}
}

/* What speaks of the same value: a reference that goes round ends at SAME_MAX. */
static void
walk_same(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same)
{
	const AnyRules *any = node->any;

	walk(w, any->ref, item, same);
	walk(w, any->dynamic, item, same);
	walk_nodes(w, any->all, any->nall, item, same);
	w->alternatives++;
	walk_nodes(w, any->any, any->nany, item, same);
	walk_nodes(w, any->one, any->none, item, same);
	walk(w, any->not, item, same);
	walk(w, any->if_, item, same);
	walk(w, any->then, item, same);
	walk(w, any->else_, item, same);
	w->alternatives--;
}

static void
walk_nodes(UrlWalk *w, SchemaNode **nodes, uint32 n, const JbItem *item, uint32 same)
{
	for (uint32 i = 0; i < n; i++)
		walk(w, nodes[i], item, same);
}
