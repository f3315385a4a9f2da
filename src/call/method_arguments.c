/*
 * method_arguments.c
 *	  Which HTTP methods the arguments of a call name, and for which URLs.
 *
 * A member counts by its name, in any case and with or without the signs
 * between its words (method, http_method, X-HTTP-Method-Override), wherever it
 * stands, if its value is a method (allow_method_named()); below such a member
 * every string counts.  A method counts for every URL of the call, because the
 * program that runs the tool may read another spelling, or look beside the
 * URL's object.
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

#define NAME_MAX_BYTES 32

typedef struct MethodScan
{
	UrlMap	   *map;
	const AllowMethods *known;
} MethodScan;

static Bitmapset *scan_item(MethodScan *scan, const JbItem *item, bool named);

/* by their letters alone, sorted */
static const char *const names[] = {
	"httpmethod", "httpverb", "method", "methodoverride", "requestmethod", "verb", "xhttpmethod", "xhttpmethodoverride", "xmethodoverride"
};

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static bool
is_method_name(const JbItem *key)
{
	char		letters[NAME_MAX_BYTES + 1];
	const char *name = letters;
	int			n = 0;

	if (key->len > NAME_MAX_BYTES)
		return false;
	for (uint32 i = 0; i < key->len; i++)
		if (strchr("_- .", key->data[i]) == NULL)
			letters[n++] = pg_ascii_tolower((unsigned char) key->data[i]);
	letters[n] = '\0';
	return n >= 4 && bsearch(&name, names, lengthof(names), sizeof(char *), compare_words) != NULL;
}

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

/* The first URL at or behind a place. */
static int
first_url(const UrlMap *map, const char *at)
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

static void
use_methods(UrlMap *map, const char *from, const char *to, const Bitmapset *methods)
{
	for (int i = first_url(map, from); i < map->nfound && map->found[i].at < to; i++)
		map->found[i].methods = bms_add_members(map->found[i].methods, methods);
}

static Bitmapset *
scan_object(MethodScan *scan, const JsonbContainer *object, bool named)
{
	JbCursor	keys = jb_first(object);
	JbCursor	values = jb_first_value(object);
	Bitmapset  *methods = NULL;

	for (uint32 n = JsonContainerSize(object); n > 0; n--)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		if (JBE_ISSTRING(value.entry) || JBE_ISCONTAINER(value.entry))
			methods = bms_join(methods, scan_item(scan, &value, named || is_method_name(&key)));
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
		int			url;

		if (methods[i] == NULL || !JBE_ISCONTAINER(item.entry) || !JsonContainerIsObject(jb_container(&item)))
			return false;
		url = first_url(map, item.data);
		if (url == map->nfound || map->found[url].at >= item.data + item.len)
			return false;
	}
	return true;
}

static Bitmapset *
scan_array(MethodScan *scan, const JsonbContainer *array, bool named)
{
	uint32		n = JsonContainerSize(array);
	Bitmapset **methods = palloc0((n + 1) * sizeof(Bitmapset *));
	Bitmapset  *all = NULL;
	JbCursor	cursor = jb_first(array);
	bool		batch;

	for (uint32 i = 0; i < n; i++)
	{
		JbItem		item = jb_next(&cursor);

		methods[i] = scan_item(scan, &item, named);
	}
	batch = !named && n > 1 && is_batch(scan->map, array, methods);
	cursor = jb_first(array);
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		item = jb_next(&cursor);

		if (batch)
			use_methods(scan->map, item.data, item.data + item.len, methods[i]);
		else
			all = bms_add_members(all, methods[i]);
	}
	pfree(methods);
	return all;
}

/* The methods in a value that count for URLs outside of it too. */
static Bitmapset *
scan_item(MethodScan *scan, const JbItem *item, bool named)
{
	const char *method;

	if (JBE_ISCONTAINER(item->entry))
	{
		check_stack_depth();
		return item->len == 0 ? NULL : JsonContainerIsObject(jb_container(item)) ?
			scan_object(scan, jb_container(item), named) : scan_array(scan, jb_container(item), named);
	}
	if (!named || !JBE_ISSTRING(item->entry))
		return NULL;
	method = allow_method_named(scan->known, item->data, item->len);
	return method == NULL ? NULL : bms_make_singleton(method_number(scan->map, method));
}

void
urls_find_methods(UrlMap *map, const AllowMethods *known)
{
	MethodScan	scan = {map, known};
	JbItem		root = jb_root(map->args);
	Bitmapset  *methods = scan_item(&scan, &root, false);

	for (int i = 0; methods != NULL && i < map->nfound; i++)
		map->found[i].methods = bms_add_members(map->found[i].methods, methods);
}
