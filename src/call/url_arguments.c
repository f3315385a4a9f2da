/*
 * url_arguments.c
 *	  Finding the URLs among the arguments of a call, and putting canonical ones
 *	  back.
 *
 * URLs are the strings that the tool's schema calls URLs, those that are guessed
 * to be URLs, and under strict_urls those that are URLs by their value, except
 * what the tool's url_skip points at; and the strings that its url_args point at.
 * A pointer names a string, or an array whose strings are all URLs; the token "*" goes through every element of an
 * array.  What the judge made of a string replaces it, because the executor
 * must fetch exactly what was judged; so it does with names that the schema
 * calls URLs (propertyNames).  Where something else stands (null counts as
 * absent), the map says so.
 *
 * A pointer of url_args also finds what a tool may take for the place that it
 * names: the members of an object, the object itself or a string where "*"
 * goes through an array, the elements of an array where a name leads into an
 * object, and an absolute URL anywhere on its way.  Where it goes on and other
 * text stands, or an object in place of an array, the map says so.  One of
 * url_skip finds no more than it says.  One that is only guessed leaves numbers
 * and empty strings alone, and of an object takes what is a URL by its value.
 *
 * A string is known by its address in the arguments.  An empty one has none of
 * its own, and no canonical form either.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 for nesting
 * deeper than the stack allows, and what validation raises.
 */
#include "call/url_arguments.h"

#include "call/method_arguments.h"
#include "call/url_values.h"
#include "core/jsonb_walk.h"
#include "miscadmin.h"

/* The tokens of one pointer that are still to be matched; more == NULL: here. */
typedef struct Trail
{
	const char *more;
} Trail;

typedef struct Tracer
{
	UrlMap	   *map;
	bool		skip;			/* the pointers are those of url_skip */
	bool		guess;			/* the pointers are guessed: what no URL can be is left alone */
	bool		loose;			/* and only what is a URL by its value counts */
	const char **skipped;		/* what they lead to */
	int			nskipped;
	int			maxskipped;
} Tracer;

static void read_contents(UrlMap *map);
static void trace_container(Tracer *t, const JsonbContainer *c, Trail *trails, int ntrails);
static JsonbValue *map_container(UrlMap *map, JsonbParseState **state, const JsonbContainer *c);
static JsonbValue item_value(const JbItem *item);

/* ----- finding ------------------------------------------------------------------ */

static void
note_url(const SchemaUrl *url, void *arg)
{
	UrlMap	   *map = arg;

	if (url->data == NULL)
		map->misplaced = true;
	else
		url_map_add(map, url->kind, url->data, url->len)->schema = url->content;
}

/* The whole is a string that a reader of URLs, or of JSON once more, finds something in. */
static bool
is_wrapped(const UrlMap *content)
{
	JbItem		root = jb_root(content->args);
	char	   *problem;
	Jsonb	   *inner;

	if (!JBE_ISSTRING(root.entry))
		return false;
	inner = content->nfound > 0 ? NULL : agc_json_text(pnstrdup(root.data, root.len), &problem);
	return content->nfound > 0 ||
		(inner != NULL && (!JsonContainerIsScalar(&inner->root) || JBE_ISSTRING(jb_root(inner).entry)));
}

/* What the schemas of one string find in it; NULL: it is no JSON, or no two readers need agree on it. */
static UrlMap *
find_content(const FoundUrl *found, int nschemas)
{
	UrlMap	   *map = palloc0(sizeof(UrlMap));
	char	   *problem;

	check_stack_depth();
	for (int i = 0; i < nschemas; i++)
		if (found[i].schema == NULL)
			return NULL;
	map->args = agc_json_text_unique(pnstrdup(found->at, found->len), &problem);
	if (map->args == NULL)
		return NULL;
	for (int i = 0; i < nschemas; i++)
		schema_urls(found[i].schema, map->args, note_url, map);
	url_map_sort(map);
	map->misplaced |= is_wrapped(map);
	read_contents(map);
	return map;
}

/* A string is read once, for all the schemas that say what is in it. */
static void
read_contents(UrlMap *map)
{
	int			kept = 0;

	for (int i = 0, n; i < map->nfound; i += n)
	{
		FoundUrl	found = map->found[i];

		for (n = 1; found.kind == SCHEMA_URL_CONTENT && i + n < map->nfound &&
			 map->found[i + n].kind == SCHEMA_URL_CONTENT && map->found[i + n].at == found.at;
			 n++)
			;
		if (found.kind == SCHEMA_URL_CONTENT)
			found.content = find_content(&map->found[i], n);
		map->found[kept++] = found;
	}
	map->nfound = kept;
}

static int
compare_addresses(const void *a, const void *b)
{
	const char *l = *(const char *const *) a;
	const char *r = *(const char *const *) b;

	return l < r ? -1 : l > r;
}

static void
trace(Tracer *t, char **pointers, int n)
{
	Trail	   *trails = palloc((n + 1) * sizeof(Trail));

	if (JsonContainerIsScalar(&t->map->args->root))
	{
		t->map->misplaced |= !t->skip && !t->guess && n > 0;
		return;
	}
	for (int i = 0; i < n; i++)
		trails[i].more = pointers[i][0] == '\0' ? NULL : pointers[i];
	if (n > 0)
		trace_container(t, &t->map->args->root, trails, n);
}

/* Forgets the URLs of the schema that are only data, as url_skip says. */
static void
drop_skipped(UrlMap *map, const ToolDef *tool)
{
	Tracer		t = {.map = map, .skip = true};
	int			kept = 0;

	if (tool->nurl_skip == 0 || map->nfound == 0)
		return;
	trace(&t, tool->url_skip, tool->nurl_skip);
	if (t.nskipped > 1)
		qsort(t.skipped, t.nskipped, sizeof(char *), compare_addresses);
	for (int i = 0; i < map->nfound; i++)
		if (t.nskipped == 0 || bsearch(&map->found[i].at, t.skipped, t.nskipped, sizeof(char *), compare_addresses) == NULL)
			map->found[kept++] = map->found[i];
	map->nfound = kept;
}

/* What is taken for URLs because of its name or description. */
static void
trace_guesses(UrlMap *map, const UrlGuesses *guesses)
{
	Tracer		strict = {.map = map, .guess = true};
	Tracer		loose = {.map = map, .guess = true, .loose = true};
	char	  **pointers;
	int			n = 0;

	if (guesses == NULL || guesses->count == 0)
		return;
	pointers = palloc(guesses->count * sizeof(char *));
	for (int i = 0; i < guesses->count; i++)
		if (!guesses->loose[i])
			pointers[n++] = guesses->pointer[i];
	trace(&strict, pointers, n);
	n = 0;
	for (int i = 0; i < guesses->count; i++)
		if (guesses->loose[i])
			pointers[n++] = guesses->pointer[i];
	trace(&loose, pointers, n);
	pfree(pointers);
}

UrlMap *
urls_find(const ToolDef *tool, Jsonb *args, const AllowMethods *known, bool strict)
{
	UrlMap	   *map = palloc0(sizeof(UrlMap));
	Tracer		t = {.map = map};

	map->args = args;
	tool_urls(tool, args, note_url, map);
	trace_guesses(map, tool->guesses);
	if (strict)
		url_values_find(map);
	if (map->nfound > 0 && JsonContainerIsScalar(&args->root))
		map->misplaced = true;
	drop_skipped(map, tool);
	trace(&t, tool->url_args, tool->nurl_args);
	url_map_sort(map);
	read_contents(map);
	if (map->nfound > 0)
		urls_find_methods(map, known, tool->http_method);
	return map;
}

/* ----- pointers ------------------------------------------------------------------ */

/* Does the pointer's next token name this key?  ~1 is a slash, ~0 a tilde. */
static bool
token_is(const char *token, Size len, const char *key, uint32 keylen)
{
	uint32		k = 0;

	for (Size i = 0; i < len; i++, k++)
	{
		char		ch = token[i];

		if (ch == '~' && i + 1 < len)
			ch = token[++i] == '1' ? '/' : '~';
		if (k >= keylen || key[k] != ch)
			return false;
	}
	return k == keylen;
}

/* The token in front of a trail, and what is behind it. */
static const char *
next_token(const char *more, Size *len, const char **rest)
{
	const char *token = more + 1;

	*len = strcspn(token, "/");
	*rest = token[*len] == '\0' ? NULL : token + *len;
	return token;
}

static bool
is_star(const char *token, Size len)
{
	return len == 1 && *token == '*';
}

static bool
is_number(const char *token, Size len)
{
	return len > 0 && strspn(token, "0123456789") >= len;
}

/* An element: by number or "*"; where a trail has ended, it ends here too. */
static int
step_element(const Tracer *t, const char *more, uint32 index, Trail *to)
{
	const char *token;
	const char *rest;
	char		number[16];
	Size		len;

	if (more == NULL)
	{
		to->more = NULL;
		return 1;
	}
	token = next_token(more, &len, &rest);
	snprintf(number, sizeof(number), "%u", index);
	if (is_star(token, len) || (strlen(number) == len && strncmp(number, token, len) == 0))
		to->more = rest;
	else if (!t->skip && !is_number(token, len))
		to->more = more;
	else
		return 0;
	return 1;
}

/* A member: by its name; "*" goes through all, or through this one object. */
static int
step_member(const Tracer *t, const char *more, const JbItem *key, Trail *to)
{
	const char *token;
	const char *rest;
	Size		len;
	int			kept = 0;

	if (more == NULL)
		return 0;
	token = next_token(more, &len, &rest);
	if (token_is(token, len, key->data, key->len) || (is_star(token, len) && !t->skip))
		to[kept++].more = rest;
	if (is_star(token, len) && !t->skip && rest != NULL)
		kept += step_member(t, rest, key, to + kept);
	return kept;
}

/* the most that one trail may become in a step */
static int
count_tokens(const char *more)
{
	int			n = 1;

	for (; more != NULL && *more; more++)
		n += *more == '/';
	return n;
}

/* Text in place of the container that a trail goes on into: who knows what a tool reads in it. */
static void
trace_string(Tracer *t, const JbItem *item, const Trail *trails, int ntrails)
{
	bool		here = false;

	for (int i = 0; i < ntrails && !here; i++)
	{
		Size		len;
		const char *rest;
		const char *token = trails[i].more == NULL ? NULL : next_token(trails[i].more, &len, &rest);

		here = token == NULL || (!t->skip && (is_star(token, len) || schema_url_absolute(item->data, item->len)));
	}
	if (!here && !t->skip && !t->guess && ntrails > 0 && item->len > 0)
		t->map->uncontained = true;
	if (here && t->guess && (item->len == 0 || (t->loose && !url_value_may_be(item->data, item->len))))
		return;
	if (here && !t->skip)
		url_map_add(t->map, SCHEMA_URL, item->data, item->len);
	if (here && t->skip)
	{
		if (t->nskipped == t->maxskipped)
		{
			t->maxskipped = Max(t->maxskipped * 2, 8);
			t->skipped = t->skipped == NULL ? palloc(t->maxskipped * sizeof(char *)) :
				repalloc(t->skipped, t->maxskipped * sizeof(char *));
		}
		t->skipped[t->nskipped++] = item->data;
	}
}

static void
trace_child(Tracer *t, const JbItem *item, Trail *trails, int ntrails)
{
	bool		is_array = JBE_ISCONTAINER(item->entry) && JsonContainerIsArray(jb_container(item));
	bool		here = false;

	for (int i = 0; i < ntrails; i++)
		here |= trails[i].more == NULL;
	if (JBE_ISSTRING(item->entry))
		trace_string(t, item, trails, ntrails);
	else if (here && t->guess && !is_array)
		url_values_find_in(t->map, item);
	else if (here && !t->skip && !is_array && !JBE_ISNULL(item->entry))
		t->map->misplaced = true;
	if (JBE_ISCONTAINER(item->entry) && ntrails > 0)
		trace_container(t, jb_container(item), trails, ntrails);
}

/* An object in place of an array, whose element a trail names by its number. */
static bool
lacks_number(const JsonbContainer *object, const char *more)
{
	JbCursor	keys = jb_first(object);
	const char *rest;
	Size		len;
	const char *token = more == NULL ? "" : next_token(more, &len, &rest);

	if (more == NULL || !is_number(token, len))
		return false;
	for (uint32 n = JsonContainerSize(object); n > 0; n--)
	{
		JbItem		key = jb_next(&keys);

		if (token_is(token, len, key.data, key.len))
			return false;
	}
	return JsonContainerSize(object) > 0;
}

static void
trace_container(Tracer *t, const JsonbContainer *c, Trail *trails, int ntrails)
{
	bool		is_object = JsonContainerIsObject(c);
	JbCursor	keys = jb_first(c);
	JbCursor	values = is_object ? jb_first_value(c) : keys;
	int			room = 1;
	Trail	   *inner;

	check_stack_depth();
	for (int i = 0; i < ntrails; i++)
	{
		room += is_object ? count_tokens(trails[i].more) : 1;
		if (is_object && !t->skip && lacks_number(c, trails[i].more))
			t->map->uncontained = true;
	}
	inner = palloc(room * sizeof(Trail));
	for (uint32 i = 0; i < JsonContainerSize(c); i++)
	{
		JbItem		key = is_object ? jb_next(&keys) : (JbItem){0};
		JbItem		value = jb_next(&values);
		int			ninner = 0;

		for (int j = 0; j < ntrails; j++)
			ninner += is_object ? step_member(t, trails[j].more, &key, inner + ninner) :
				step_element(t, trails[j].more, i, inner + ninner);
		if (ninner > 0)
			trace_child(t, &value, inner, ninner);
	}
	pfree(inner);
}

/* ----- putting back -------------------------------------------------------------- */

/* What stands in the place of a string, NULL: itself. */
static const char *
replacement(const UrlMap *map, const JbItem *item)
{
	int			low = 0;
	int			high = map->nfound;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (map->found[middle].at < item->data)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < map->nfound && map->found[low].at == item->data; low++)
		if (map->found[low].len == item->len && map->found[low].canonical != NULL)
			return map->found[low].canonical;
	return NULL;
}

static void
put_string(const UrlMap *map, const JbItem *item, JsonbValue *value)
{
	const char *text = JBE_ISSTRING(item->entry) && item->len > 0 ? replacement(map, item) : NULL;

	if (text != NULL)
	{
		value->val.string.val = (char *) text;
		value->val.string.len = strlen(text);
	}
}

static JsonbValue *
map_container(UrlMap *map, JsonbParseState **state, const JsonbContainer *c)
{
	bool		is_object = JsonContainerIsObject(c);
	JbCursor	keys = jb_first(c);
	JbCursor	values = is_object ? jb_first_value(c) : keys;

	check_stack_depth();
	pushJsonbValue(state, is_object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 n = JsonContainerSize(c); n > 0; n--)
	{
		JbItem		item;
		JsonbValue	value;

		if (is_object)
		{
			item = jb_next(&keys);
			value = item_value(&item);
			put_string(map, &item, &value);
			pushJsonbValue(state, WJB_KEY, &value);
		}
		item = jb_next(&values);
		value = item_value(&item);
		put_string(map, &item, &value);
		if (JBE_ISCONTAINER(item.entry))
			map_container(map, state, jb_container(&item));
		else
			pushJsonbValue(state, is_object ? WJB_VALUE : WJB_ELEM, &value);
	}
	return pushJsonbValue(state, is_object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

Jsonb *
urls_put_back(UrlMap *map)
{
	JsonbParseState *state = NULL;
	bool		changed = false;

	for (int i = 0; i < map->nfound; i++)
	{
		FoundUrl   *found = &map->found[i];
		Jsonb	   *content = found->content == NULL ? NULL : urls_put_back(found->content);

		if (content != NULL && content != found->content->args)
			found->canonical = JsonbToCString(NULL, &content->root, VARSIZE_ANY_EXHDR(content));
		if (found->canonical != NULL && strlen(found->canonical) == found->len &&
			memcmp(found->canonical, found->at, found->len) == 0)
			found->canonical = NULL;
		changed |= found->canonical != NULL && found->len > 0;
	}
	if (!changed || JsonContainerIsScalar(&map->args->root))
		return map->args;
	return JsonbValueToJsonb(map_container(map, &state, &map->args->root));
}

static JsonbValue
item_value(const JbItem *item)
{
	JsonbValue	value = {.type = jbvNull};

	if (JBE_ISSTRING(item->entry))
	{
		value.type = jbvString;
		value.val.string.val = (char *) item->data;
		value.val.string.len = item->len;
	}
	else if (JBE_ISNUMERIC(item->entry))
	{
		value.type = jbvNumeric;
		value.val.numeric = jb_numeric(item);
	}
	else if (JBE_ISBOOL(item->entry))
	{
		value.type = jbvBool;
		value.val.boolean = JBE_ISBOOL_TRUE(item->entry);
	}
	else if (JBE_ISCONTAINER(item->entry))
	{
		value.type = jbvBinary;
		value.val.binary.data = (JsonbContainer *) item->data;
		value.val.binary.len = item->len;
	}
	return value;
}
