/*
 * url_strings.c
 *	  Which strings of a document its schema calls URLs, or parts of one.
 *
 * Schema and document are walked together, through every applicator and every
 * branch, whether the document is valid there or not.  If any part of the schema
 * calls a string a URL, the policy judges it.  (Pointers derived from the schema
 * alone could not name the members of additionalProperties, and would have to
 * stop somewhere in a recursive schema.)
 *
 * A tool may accept one URL where its schema has a list, or a list or an object
 * where its schema has one URL; another branch may allow it.  So two more places
 * are searched: a value that is not an array where the schema describes elements,
 * and a container where it describes a URL.  Strings there are reported if any
 * reader would take them for absolute URLs.
 *
 * Memory: none.  Locks: none.  Errors: 54001 beyond agentcore.max_node_visits,
 * which also ends references that form a cycle.
 */
#include "schema/schema.h"

#include "miscadmin.h"

struct UrlFormat
{
	const char *name;
	SchemaUrlKind kind;
	bool		relative;		/* may be a reference, which is judged if it names a scheme or a host */
};

typedef struct UrlWalk
{
	SchemaUrlCallback callback;
	void	   *arg;
	int			fuel;
	int			alternatives;	/* how many are open: another branch may mean the value differently */
	int			misfits;		/* how many are open: the value is not of the type that the schema describes */
} UrlWalk;

static void walk(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same);
static void walk_format(UrlWalk *w, const SchemaNode *node, const JbItem *item);
static void walk_content(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same);
static void walk_strings(UrlWalk *w, const UrlFormat *format, const JbItem *item);
static void walk_misfit(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same);
static void walk_object(UrlWalk *w, const SchemaNode *node, const JbItem *item);
static void walk_array(UrlWalk *w, const SchemaNode *node, const JbItem *item);
static void walk_same(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same);
static void walk_nodes(UrlWalk *w, SchemaNode **nodes, uint32 n, const JbItem *item, uint32 same);

/* how deep schemas that apply to one value may be nested */
#define SAME_MAX 64

/* JSON Schema's, and what drafts 1 to 3 and others write for them */
static const UrlFormat formats[] = {
	{"uri", SCHEMA_URL, false}, {"url", SCHEMA_URL, false}, {"iri", SCHEMA_URL, false},
	{"uri-reference", SCHEMA_URL, true}, {"iri-reference", SCHEMA_URL, true}, {"uriref", SCHEMA_URL, true},
	{"uri-template", SCHEMA_URL_TEMPLATE, true}, {"iri-template", SCHEMA_URL_TEMPLATE, true},
	{"hostname", SCHEMA_URL_HOST, false}, {"idn-hostname", SCHEMA_URL_HOST, false}, {"host-name", SCHEMA_URL_HOST, false},
	{"ipv4", SCHEMA_URL_HOST, false}, {"ipv6", SCHEMA_URL_HOST, false}, {"ip", SCHEMA_URL_HOST, false}, {"ip-address", SCHEMA_URL_HOST, false}
};

const UrlFormat *
url_format(const JbItem *format)
{
	for (int i = 0; JBE_ISSTRING(format->entry) && i < lengthof(formats); i++)
		if (format->len == strlen(formats[i].name) &&
			pg_strncasecmp(format->data, formats[i].name, format->len) == 0)
			return &formats[i];
	return NULL;
}

void
schema_urls(const SchemaNode *node, Jsonb *value, SchemaUrlCallback callback, void *arg)
{
	UrlWalk		w = {callback, arg, agc_max_node_visits, 0, 0};
	JbItem		root = jb_root(value);

	walk(&w, node, &root, 0);
}

static void
too_intricate(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("schema is too intricate to find its URLs"),
			 errhint("Name them in the tool's url_args.")));
}

static void
spend(UrlWalk *w, Size steps)
{
	int			before = w->fuel;

	if (steps > (Size) w->fuel)
		too_intricate();
	w->fuel -= steps;
	if ((before ^ w->fuel) & ~1023)
		CHECK_FOR_INTERRUPTS();
}

static void
tell(UrlWalk *w, SchemaUrlKind kind, const JbItem *item, const SchemaNode *content)
{
	SchemaUrl		url = {kind, item == NULL ? NULL : item->data, item == NULL ? 0 : item->len, content};

	w->callback(&url, w->arg);
}

/* ----- what the text itself says -------------------------------------------- */

/* Whether it has white space that readers drop: in front, or a tab or line break anywhere. */
static bool
has_dropped(const char *text, uint32 len)
{
	if (len > 0 && (unsigned char) text[0] <= ' ')
		return true;
	for (uint32 i = 0; i < len; i++)
		if (text[i] == '\t' || text[i] == '\n' || text[i] == '\r')
			return true;
	return false;
}

static bool
is_slash(char c)
{
	return c == '/' || c == '\\';
}

/* A relative reference is one in which no reader would find a scheme or a host. */
static bool
is_relative(const char *text, uint32 len)
{
	return !has_dropped(text, len) && memchr(text, ':', len) == NULL &&
		!(len > 1 && is_slash(text[0]) && is_slash(text[1]));
}

/*
 * The same for a template, whatever values its variables have, none included.
 * Either the first expression comes where no scheme and no host can begin any
 * more, or neither it nor what follows can complete one.  Only {+x} leaves a
 * colon or slash as it is; {/x} begins with a slash.
 */
static bool
is_relative_template(const char *text, uint32 len)
{
	const char *brace = memchr(text, '{', len);
	uint32		before = brace == NULL ? len : brace - text;
	char		operator = brace == NULL || before + 1 == len ? ' ' : brace[1];
	bool		begun = false;

	if (brace == NULL || !is_relative(text, before))
		return brace == NULL && is_relative(text, len);
	for (uint32 i = 0; i < before; i++)
		begun |= text[i] == '?' || text[i] == '#' || (is_slash(text[i]) && (i > 0 || before > 1));
	if (begun)
		return true;
	if (before == 0 || operator== '+' || memchr(text, ':', len) != NULL)
		return false;
	return !is_slash(text[0]) ||
		(operator!= '/' && memmem(text, len, "}/", 2) == NULL && memmem(text, len, "}\\", 2) == NULL);
}

static bool
is_scheme_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '+' || c == '-' || c == '.';
}

bool
schema_url_absolute(const char *text, uint32 len)
{
	static const char *const special[] = {"http", "https", "ws", "wss", "ftp", "file"};
	char		head[16];		/* without what readers drop */
	uint32		n = 0;
	uint32		scheme = 0;

	for (uint32 i = 0; i < len && n < lengthof(head); i++)
		if (!(n == 0 && (unsigned char) text[i] <= ' ') && text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
			head[n++] = text[i];
	if (n > 1 && is_slash(head[0]) && is_slash(head[1]))
		return true;
	while (scheme < n && is_scheme_byte(head[scheme]))
		scheme++;
	if (scheme == n)			/* longer schemes than fit */
		return n == lengthof(head) && memmem(text, len, "://", 3) != NULL;
	if (scheme == 0 || head[scheme] != ':')
		return false;
	for (int i = 0; i < lengthof(special); i++)
		if (strlen(special[i]) == scheme && pg_strncasecmp(head, special[i], scheme) == 0)
			return true;
	return scheme + 1 < n && is_slash(head[scheme + 1]);
}

/* A name with a dot, or an address; a mere word is not taken for a host here. */
static bool
looks_like_host(const char *text, uint32 len)
{
	bool		dotted = false;

	for (uint32 i = 0; i < len; i++)
	{
		if (strchr("-_.:[]", text[i]) == NULL && !IS_HIGHBIT_SET(text[i]) && !is_scheme_byte(text[i]))
			return false;
		dotted |= text[i] == '.' || text[i] == ':' || IS_HIGHBIT_SET(text[i]);
	}
	return dotted;
}

/* ----- the walk ---------------------------------------------------------------- */

static void
walk(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same)
{
	if (node == NULL)
		return;
	check_stack_depth();
	if (same > SAME_MAX)
		too_intricate();
	spend(w, 1);

	if (node->url != NULL)
		walk_format(w, node, item);
	if (node->content != NULL)
		walk_content(w, node, item, same);
	if (node->object != NULL && item_is_object(item))
		walk_object(w, node, item);
	if (node->array != NULL && item_is_array(item))
		walk_array(w, node, item);
	walk_misfit(w, node, item, same);
	if (node->any != NULL)
		walk_same(w, node, item, same + 1);
	if (node->object != NULL && item_is_object(item))
		for (uint32 i = 0; i < node->object->ndependencies; i++)
			walk(w, node->object->dependencies[i].schema, item, same + 1);
}

static void
walk_format(UrlWalk *w, const SchemaNode *node, const JbItem *item)
{
	const UrlFormat *format = node->url;

	if (w->misfits > 0 || (w->alternatives > 0 && JBE_ISCONTAINER(item->entry)))
		walk_strings(w, format, item);
	else if (JBE_ISSTRING(item->entry))
	{
		if (!format->relative ||
			!(format->kind == SCHEMA_URL_TEMPLATE ? is_relative_template : is_relative) (item->data, item->len))
			tell(w, format->kind, item, NULL);
	}
	else if (w->alternatives == 0 && !JBE_ISNULL(item->entry) && (node->types & item_type(item)))
		tell(w, format->kind, NULL, NULL);
}

/* A value that may be meant differently: reports the strings that are absolute URLs. */
static void
walk_strings(UrlWalk *w, const UrlFormat *format, const JbItem *item)
{
	check_stack_depth();
	spend(w, 1 + item->len / 64);
	if (JBE_ISSTRING(item->entry))
	{
		if (schema_url_absolute(item->data, item->len))
			tell(w, format->kind == SCHEMA_URL_HOST ? SCHEMA_URL : format->kind, item, NULL);
		else if (format->kind == SCHEMA_URL_HOST && looks_like_host(item->data, item->len))
			tell(w, SCHEMA_URL_HOST, item, NULL);
	}
	else if (JBE_ISCONTAINER(item->entry))
	{
		const JsonbContainer *c = jb_container(item);
		JbCursor	cursor = JsonContainerIsObject(c) ? jb_first_value(c) : jb_first(c);

		for (uint32 n = JsonContainerSize(c); n > 0; n--)
		{
			JbItem		child = jb_next(&cursor);

			walk_strings(w, format, &child);
		}
	}
}

static bool
looks_like_json(const JbItem *item)
{
	uint32		i = 0;

	while (i < item->len && (unsigned char) item->data[i] <= ' ')
		i++;
	return i < item->len && (item->data[i] == '{' || item->data[i] == '[');
}

/*
 * JSON in a string.  Where a value that may be meant differently is a container,
 * it is taken for what the string would hold, and its strings for such strings.
 */
static void
walk_content(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same)
{
	JbCursor	cursor;

	check_stack_depth();
	spend(w, 1);
	if (JBE_ISSTRING(item->entry))
	{
		if (w->misfits > 0 ? looks_like_json(item) : item->len > 0)
			tell(w, SCHEMA_URL_CONTENT, item, node->content_encoded ? NULL : node->content);
		return;
	}
	if (!JBE_ISCONTAINER(item->entry))
		return;
	if (w->alternatives == 0 && w->misfits == 0)
	{
		if (node->types & item_type(item))
			tell(w, SCHEMA_URL_CONTENT, NULL, NULL);
		return;
	}
	w->misfits++;
	walk(w, node->content, item, same + 1);
	cursor = item_is_object(item) ? jb_first_value(jb_container(item)) : jb_first(jb_container(item));
	for (uint32 n = JsonContainerSize(jb_container(item)); n > 0; n--)
	{
		JbItem		child = jb_next(&cursor);

		walk_content(w, node, &child, 0);
	}
	w->misfits--;
}

static void
walk_elements(UrlWalk *w, const ArrayRules *rules, const JbItem *item, uint32 same)
{
	walk_nodes(w, rules->prefix, rules->nprefix, item, same);
	walk(w, rules->rest, item, same);
	walk(w, rules->contains, item, same);
	walk(w, rules->unevaluated, item, same);
}

static void
walk_members(UrlWalk *w, const ObjectRules *rules, const JbItem *item, uint32 same)
{
	for (uint32 i = 0; i < rules->nproperties; i++)
		walk(w, rules->properties[i].node, item, same);
	for (uint32 i = 0; i < rules->npatterns; i++)
		walk(w, rules->patterns[i].node, item, same);
	walk(w, rules->additional, item, same);
	walk(w, rules->unevaluated, item, same);
}

/*
 * The value is not of the type that the schema describes.  Where elements of an
 * array are described, the value is taken for one, an object for several.  Where
 * an object is described, an array is taken for several, a string for one of its
 * members.  This is done once only, or a recursive schema would multiply it.
 */
static void
walk_misfit(UrlWalk *w, const SchemaNode *node, const JbItem *item, uint32 same)
{
	bool		lone = node->array != NULL && !item_is_array(item) && w->misfits == 0;
	bool		several = node->object != NULL && item_is_array(item);
	bool		member = node->object != NULL && JBE_ISSTRING(item->entry) && w->misfits == 0;
	JbCursor	cursor;

	if (!lone && !several && !member)
		return;
	w->misfits++;
	if (member)
		walk_members(w, node->object, item, same + 1);
	if (lone)
		walk_elements(w, node->array, item, same + 1);
	if (several || item_is_object(item))
	{
		cursor = several ? jb_first(jb_container(item)) : jb_first_value(jb_container(item));
		for (uint32 n = JsonContainerSize(jb_container(item)); n > 0; n--)
		{
			JbItem		child = jb_next(&cursor);

			if (several)
				walk(w, node, &child, 0);
			else
				walk_elements(w, node->array, &child, 0);
		}
	}
	w->misfits--;
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

/* Schemas that apply to the same value; a cycle of references ends at SAME_MAX. */
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
