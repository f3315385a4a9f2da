/*
 * url_values.c
 *	  Arguments that are URLs by their value.
 *
 * A text is a URL if it begins with one, behind blanks and invisible characters:
 * a scheme and "://", or http, https, ws, wss, ftp or file and a colon, as lenient
 * readers take them, or a scheme that browsers run or show (data, javascript), or
 * "//" and a name.  A URL with more text behind it is judged
 * by itself, and stays as it is; where a line break or tab could belong to its
 * host, the whole is judged, and refused.  A text that merely holds a URL is none.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 for nesting deeper
 * than the stack allows.
 */
#include "call/url_values.h"

#include "core/jsonb_walk.h"
#include "miscadmin.h"

static void find_in(UrlMap *map, int sorted, const JbItem *item);

static bool
is_scheme_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static bool
is_slash(char c)
{
	return c == '/' || c == '\\';
}

/* How many bytes in front are blank or invisible, as trimming readers see it. */
static uint32
blank_prefix(const char *text, uint32 len)
{
	/* in UTF-8: U+0085, U+00A0, U+00AD, U+1680, U+180E, U+3000, U+FEFF; below also U+2000 to 200F, 2028 to 202F, 205F to 2064 */
	static const char *const invisible[] = {
		"\302\205", "\302\240", "\302\255", "\341\232\200", "\341\240\216", "\343\200\200", "\357\273\277"
	};
	uint32		at = 0;

	while (at < len)
	{
		const unsigned char *c = (const unsigned char *) text + at;
		uint32		n = *c <= ' ' || *c == 0x7f;

		for (int i = 0; i < lengthof(invisible) && n == 0; i++)
			if (len - at >= strlen(invisible[i]) && memcmp(c, invisible[i], strlen(invisible[i])) == 0)
				n = strlen(invisible[i]);
		if (n == 0 && len - at >= 3 && c[0] == 0xe2 &&
			((c[1] == 0x80 && (c[2] <= 0x8f || (c[2] >= 0xa8 && c[2] <= 0xaf))) || (c[1] == 0x81 && c[2] >= 0x9f && c[2] <= 0xa4)))
			n = 3;
		if (n == 0)
			break;
		at += n;
	}
	return at;
}

/* The length of what stands in front of a URL's host: "https://", "//"; 0: it is no URL. */
static uint32
url_head(const char *text, uint32 len)
{
	static const char *const special[] = {
		"http", "https", "ws", "wss", "ftp", "file", "data", "javascript", "vbscript", "blob", "filesystem", "view-source"
	};
	uint32		scheme = 0;
	uint32		at;

	if (len > 3 && is_slash(text[0]) && is_slash(text[1]))
		return memchr(text, '.', len) != NULL && is_scheme_byte(text[2]) && text[2] != '.' ? 2 : 0;
	while (scheme < len && is_scheme_byte(text[scheme]))
		scheme++;
	if (scheme == 0 || scheme == len || text[scheme] != ':')
		return 0;
	/* jar:http://, url:https:// */
	for (at = scheme + 1; at < len && (is_scheme_byte(text[at]) || text[at] == ':'); at++)
		;
	if (at + 1 < len && text[at - 1] == ':' && is_slash(text[at]) && is_slash(text[at + 1]))
		return at + 2;
	for (int i = 0; i < lengthof(special); i++)
		if (strlen(special[i]) == scheme && pg_strncasecmp(text, special[i], scheme) == 0)
			return scheme + 1 < len && (unsigned char) text[scheme + 1] > ' ' ? scheme + 1 : 0;
	return 0;
}

/*
 * How much of the text, from its beginning, is a URL; 0: it is none.  A tab or
 * line break in front of the host's end is dropped by some readers, so that the
 * host goes on behind it.
 */
static uint32
url_part(const char *text, uint32 len)
{
	uint32		blank = blank_prefix(text, len);
	uint32		head = url_head(text + blank, len - blank);
	uint32		at = blank + head;

	if (head == 0)
		return 0;
	while (at < len && (unsigned char) text[at] > ' ' && strchr("/\\?#", text[at]) == NULL)
		at++;
	if (at < len && (unsigned char) text[at] < ' ')
		return len;
	while (at < len && (unsigned char) text[at] > ' ')
		at++;
	for (uint32 i = at; blank == 0 && i < len; i++)
		if ((unsigned char) text[i] > ' ')
			return at;
	return len;
}

static void
add_value(UrlMap *map, int sorted, const JbItem *item)
{
	uint32		part = JBE_ISSTRING(item->entry) ? url_part(item->data, item->len) : 0;

	if (part > 0 && !url_map_has(map, sorted, item->data))
		url_map_add(map, SCHEMA_URL, item->data, part);
}

static void
find_in(UrlMap *map, int sorted, const JbItem *item)
{
	bool		is_object;
	JbCursor	keys;
	JbCursor	values;

	add_value(map, sorted, item);
	if (!JBE_ISCONTAINER(item->entry))
		return;
	check_stack_depth();
	is_object = JsonContainerIsObject(jb_container(item));
	keys = jb_first(jb_container(item));
	values = is_object ? jb_first_value(jb_container(item)) : keys;
	for (uint32 n = JsonContainerSize(jb_container(item)); n > 0; n--)
	{
		JbItem		child = jb_next(&values);

		if (is_object)
		{
			JbItem		key = jb_next(&keys);

			add_value(map, sorted, &key);
		}
		find_in(map, sorted, &child);
	}
}

void
url_values_find_in(UrlMap *map, const JbItem *item)
{
	find_in(map, 0, item);
}

void
url_values_find(UrlMap *map)
{
	JbItem		root = jb_root(map->args);

	url_map_sort(map);
	find_in(map, map->nfound, &root);
}

bool
url_value_may_be(const char *text, uint32 len)
{
	uint32		blank = blank_prefix(text, len);
	uint32		host = 0;
	bool		digits = true;

	if (url_part(text, len) > 0 || schema_url_absolute(text, len))
		return true;
	text += blank;
	len -= blank;
	if (len > 0 && text[0] == '[')
		return true;
	while (host < len && strchr(":/\\?#", text[host]) == NULL && (unsigned char) text[host] > ' ')
	{
		digits &= (text[host] >= '0' && text[host] <= '9') || text[host] == '.';
		host++;
	}
	return (digits && memchr(text, '.', host) != NULL) ||
		(host == strlen("localhost") && pg_strncasecmp(text, "localhost", host) == 0);
}
