/*
 * method_arguments.c
 *	  Which HTTP methods the arguments of a call name, and for which URLs.
 *
 * A member counts by the letters of its name, in any case (method, http_method,
 * X-HTTP-Method-Override), wherever it stands, if its value is a method
 * (allow_methods_named()); below such a member every string and key counts.  So
 * does the value beside such a name in a pair, and behind the name of a header in
 * a line or a list.  A method counts for every URL of the call, because the
 * program that runs the tool may read another spelling, or look beside the URL's
 * object.  JSON in a string is read as if it stood in the string's place.
 *
 * A method that the tool states counts for every URL too.
 *
 * Only a batch is several requests: where every element of an array is an
 * object with a URL and a method of its own, its methods are its URLs' alone.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 for nesting deeper
 * than the stack allows.
 */
#include "call/method_arguments.h"

#include "core/jsonb_walk.h"
#include "miscadmin.h"

typedef struct MethodScan
{
	UrlMap	   *map;			/* of the document that is read: the arguments, or JSON in a string */
	UrlMap	   *whole;			/* of the arguments; it knows the methods */
	const AllowMethods *known;
} MethodScan;

static Bitmapset *scan_item(MethodScan *scan, const JbItem *item, bool named);

/* ----- names ---------------------------------------------------------------------- */

/* Whether a key is one of the words that call the parts of a pair so. */
static bool
is_part(const JbItem *key, const char *const *words, int nwords)
{
	char		letters[METHOD_NAME_LETTERS + 1];

	if (key->len > METHOD_NAME_BYTES || !http_method_letters(key->data, key->len, letters))
		return false;
	for (int i = 0; i < nwords; i++)
		if (strcmp(letters, words[i]) == 0)
			return true;
	return false;
}

static bool
names_pair(const JbItem *key)
{
	static const char *const words[] = {"name", "key", "header", "field", "k", "n"};

	return is_part(key, words, lengthof(words));
}

static bool
holds_value(const JbItem *key)
{
	static const char *const words[] = {"value", "values", "val", "content", "data", "v"};

	return is_part(key, words, lengthof(words));
}

/* ----- methods --------------------------------------------------------------------- */

static int
method_number(UrlMap *map, const char *method)
{
	int			n = 0;
	ListCell   *cell;

	foreach(cell, map->methods)
	{
		if (strcmp(lfirst(cell), method) == 0)
			return n;
		n++;
	}
	map->methods = lappend(map->methods, (char *) method);
	return n;
}

/* The methods that a text names. */
static Bitmapset *
text_methods(MethodScan *scan, const char *text, Size len)
{
	List	   *named = allow_methods_named(scan->known, text, len);
	Bitmapset  *methods = NULL;
	ListCell   *cell;

	foreach(cell, named)
		methods = bms_add_member(methods, method_number(scan->whole, lfirst(cell)));
	list_free(named);
	return methods;
}

/* ----- URLs ------------------------------------------------------------------------- */

/* The first of what was found at or behind a place. */
static int
first_found(const UrlMap *map, const char *at)
{
	int			low = 0;
	int			high = map->nfound;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (map->found[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* JSON that names no URL is none. */
static bool
is_url(const FoundUrl *found)
{
	if (found->content == NULL)
		return true;
	for (int i = 0; i < found->content->nfound; i++)
		if (is_url(&found->content->found[i]))
			return true;
	return false;
}

static bool
has_url(const UrlMap *map, const JbItem *item)
{
	for (int i = first_found(map, item->data); i < map->nfound && map->found[i].at < item->data + item->len; i++)
		if (is_url(&map->found[i]))
			return true;
	return false;
}

static void
use_methods(UrlMap *map, int from, const char *to, const Bitmapset *methods)
{
	for (int i = from; i < map->nfound && (to == NULL || map->found[i].at < to); i++)
	{
		FoundUrl   *found = &map->found[i];

		found->methods = bms_add_members(found->methods, methods);
		if (found->content != NULL)
			use_methods(found->content, 0, NULL, methods);
	}
}

/* ----- the walk --------------------------------------------------------------------- */

/* The kind of a string's text, as the name in a pair. */
static MethodName
item_kind(const JbItem *item)
{
	return JBE_ISSTRING(item->entry) ? http_method_name(item->data, item->len) : METHOD_NAME_NONE;
}

/* An object that is a pair of a name and a value: which name? */
static MethodName
pair_kind(const JsonbContainer *object)
{
	JbCursor	keys = jb_first(object);
	JbCursor	values = jb_first_value(object);
	MethodName	kind = METHOD_NAME_NONE;

	for (uint32 n = JsonContainerSize(object); n > 0; n--)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		MethodName	named = item_kind(&value);

		if (named == METHOD_NAME_HEADER || (named != METHOD_NAME_NONE && names_pair(&key)))
			kind = Max(kind, named);
	}
	return kind;
}

static Bitmapset *
scan_object(MethodScan *scan, const JbItem *item, bool named)
{
	const JsonbContainer *object = jb_container(item);
	JbCursor	keys = jb_first(object);
	JbCursor	values = jb_first_value(object);
	MethodName	pair = pair_kind(object);
	Bitmapset  *methods = NULL;

	for (uint32 n = JsonContainerSize(object); n > 0; n--)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		MethodName	kind = http_method_name(key.data, key.len);
		bool		valued = pair == METHOD_NAME_HEADER || (pair != METHOD_NAME_NONE && holds_value(&key));

		if (named)
			methods = bms_join(methods, text_methods(scan, key.data, key.len));
		if (JBE_ISSTRING(value.entry) || JBE_ISCONTAINER(value.entry))
			methods = bms_join(methods, scan_item(scan, &value, named || valued || kind != METHOD_NAME_NONE));
	}
	return methods;
}

static bool
is_batch(const UrlMap *map, const JsonbContainer *array, Bitmapset **methods)
{
	JbCursor	cursor = jb_first(array);

	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		JbItem		item = jb_next(&cursor);

		if (methods[i] == NULL || !JBE_ISCONTAINER(item.entry) || !JsonContainerIsObject(jb_container(&item)) ||
			!has_url(map, &item))
			return false;
	}
	return true;
}

/* Methods of a batch's elements are used there; those of others count outside too. */
static Bitmapset *
use_elements(MethodScan *scan, const JsonbContainer *array, Bitmapset **methods, bool batch)
{
	JbCursor	cursor = jb_first(array);
	Bitmapset  *all = NULL;

	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		JbItem		item = jb_next(&cursor);

		if (batch)
			use_methods(scan->map, first_found(scan->map, item.data), item.data + item.len, methods[i]);
		else
			all = bms_add_members(all, methods[i]);
	}
	return all;
}

/* A string may be the name of what follows: that of a header in any list, any in a list of two. */
static Bitmapset *
scan_array(MethodScan *scan, const JsonbContainer *array, bool named)
{
	uint32		n = JsonContainerSize(array);
	Bitmapset **methods = palloc0((n + 1) * sizeof(Bitmapset *));
	Bitmapset  *all;
	JbCursor	cursor = jb_first(array);
	MethodName	before = METHOD_NAME_NONE;

	for (uint32 i = 0; i < n; i++)
	{
		JbItem		item = jb_next(&cursor);

		methods[i] = scan_item(scan, &item, named || before == METHOD_NAME_HEADER || (n == 2 && before != METHOD_NAME_NONE));
		before = item_kind(&item);
	}
	all = use_elements(scan, array, methods, !named && n > 1 && is_batch(scan->map, array, methods));
	pfree(methods);
	return all;
}

static bool
ends_line(char c)
{
	return c == '\n' || c == '\r';
}

/* The methods in the header lines of a text. */
static Bitmapset *
scan_lines(MethodScan *scan, const char *text, uint32 len)
{
	const char *end = text + len;
	const char *colon;
	Bitmapset  *methods = NULL;

	while (text < end && (colon = memchr(text, ':', end - text)) != NULL)
	{
		const char *name = colon;

		while (name > text && colon - name <= METHOD_NAME_BYTES && !ends_line(name[-1]))
			name--;
		for (text = colon + 1; text < end && !ends_line(*text); text++)
			;
		if (http_method_name(name, colon - name) == METHOD_NAME_HEADER)
			methods = bms_join(methods, text_methods(scan, colon + 1, text - colon - 1));
	}
	return methods;
}

/* JSON in a string, NULL: the schema knows of none. */
static UrlMap *
content_at(const UrlMap *map, const JbItem *item)
{
	for (int i = first_found(map, item->data); i < map->nfound && map->found[i].at == item->data; i++)
		if (map->found[i].len == item->len && map->found[i].content != NULL)
			return map->found[i].content;
	return NULL;
}

static Bitmapset *
scan_string(MethodScan *scan, const JbItem *item, bool named)
{
	UrlMap	   *content = item->len > 0 ? content_at(scan->map, item) : NULL;
	Bitmapset  *methods = named ? text_methods(scan, item->data, item->len) :
		scan_lines(scan, item->data, item->len);

	if (content != NULL)
	{
		MethodScan	inner = {content, scan->whole, scan->known};
		JbItem		root = jb_root(content->args);

		check_stack_depth();
		methods = bms_join(methods, scan_item(&inner, &root, named));
	}
	return methods;
}

/* The methods in a value that count for URLs outside of it too. */
static Bitmapset *
scan_item(MethodScan *scan, const JbItem *item, bool named)
{
	if (JBE_ISSTRING(item->entry))
		return scan_string(scan, item, named);
	if (!JBE_ISCONTAINER(item->entry) || item->len == 0)
		return NULL;
	check_stack_depth();
	return JsonContainerIsObject(jb_container(item)) ?
		scan_object(scan, item, named) : scan_array(scan, jb_container(item), named);
}

void
urls_find_methods(UrlMap *map, const AllowMethods *known, const char *stated)
{
	MethodScan	scan = {map, map, known};
	JbItem		root = jb_root(map->args);
	Bitmapset  *methods = scan_item(&scan, &root, false);

	if (stated != NULL)
		methods = bms_add_member(methods, method_number(map, stated));
	if (methods != NULL)
		use_methods(map, 0, NULL, methods);
}
