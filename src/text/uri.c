/*
 * uri.c
 *	  Resolving the references of a schema (RFC 3986 section 5).
 *
 * Identifiers are names here, not addresses: nothing is fetched, and a base
 * that is not a URI still gives a name.
 *
 * Memory: results in CurrentMemoryContext.  Locks: none.  On ERROR: nothing
 * to undo.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "text/uri.h"

/* The five parts; a part that is absent has len -1. */
typedef struct UriPart
{
	const char *data;
	int			len;
} UriPart;

typedef struct UriParts
{
	UriPart		scheme;
	UriPart		authority;
	UriPart		path;
	UriPart		query;
	UriPart		fragment;
} UriParts;

static UriParts
split(const char *s)
{
	UriParts	parts = {{NULL, -1}, {NULL, -1}, {NULL, 0}, {NULL, -1}, {NULL, -1}};
	size_t		n = strcspn(s, ":/?#");

	if (s[n] == ':' && n > 0)
	{
		parts.scheme = (UriPart){s, (int) n};
		s += n + 1;
	}
	if (s[0] == '/' && s[1] == '/')
	{
		n = strcspn(s + 2, "/?#");
		parts.authority = (UriPart){s + 2, (int) n};
		s += 2 + n;
	}
	n = strcspn(s, "?#");
	parts.path = (UriPart){s, (int) n};
	s += n;
	if (*s == '?')
	{
		n = strcspn(s + 1, "#");
		parts.query = (UriPart){s + 1, (int) n};
		s += 1 + n;
	}
	if (*s == '#')
		parts.fragment = (UriPart){s + 1, (int) strlen(s + 1)};
	return parts;
}

/* RFC 3986 section 5.2.4, on segments */
static void
append_without_dots(StringInfo out, const char *path, int len)
{
	int			start = out->len;
	int			i = 0;

	while (i < len)
	{
		int			from = i;
		int			n;

		if (path[i] == '/')
			i++;
		n = i;
		while (i < len && path[i] != '/')
			i++;
		n = i - n;
		if (n == 1 && path[i - 1] == '.')
		{
			if (i == len)
				appendStringInfoChar(out, '/');
			continue;
		}
		if (n == 2 && path[i - 1] == '.' && path[i - 2] == '.')
		{
			while (out->len > start && out->data[--out->len] != '/')
				;
			out->data[out->len] = '\0';
			if (i == len)
				appendStringInfoChar(out, '/');
			continue;
		}
		appendBinaryStringInfo(out, path + from, i - from);
	}
}

static void
append_merged_path(StringInfo out, const UriParts *base, const UriPart *path)
{
	StringInfoData merged;

	initStringInfo(&merged);
	if (path->data[0] != '/')
	{
		int			keep = base->path.len;

		while (keep > 0 && base->path.data[keep - 1] != '/')
			keep--;
		if (base->authority.len >= 0 && base->path.len == 0)
			appendStringInfoChar(&merged, '/');
		appendBinaryStringInfo(&merged, base->path.data, keep);
	}
	appendBinaryStringInfo(&merged, path->data, path->len);
	append_without_dots(out, merged.data, merged.len);
	pfree(merged.data);
}

char *
uri_resolve(const char *base_text, const char *ref_text)
{
	UriParts	base = split(base_text);
	UriParts	ref = split(ref_text);
	bool		own_authority = ref.scheme.len >= 0 || ref.authority.len >= 0;
	const UriPart *scheme = ref.scheme.len >= 0 ? &ref.scheme : &base.scheme;
	const UriPart *authority = own_authority ? &ref.authority : &base.authority;
	const UriPart *query = own_authority || ref.path.len > 0 || ref.query.len >= 0 ? &ref.query : &base.query;
	StringInfoData out;

	initStringInfo(&out);
	if (scheme->len >= 0)
		appendStringInfo(&out, "%.*s:", scheme->len, scheme->data);
	if (authority->len >= 0)
		appendStringInfo(&out, "//%.*s", authority->len, authority->data);
	if (own_authority)
	{
		/* an opaque name such as urn:x has no segments to clean */
		if (ref.path.len > 0 && ref.path.data[0] == '/')
			append_without_dots(&out, ref.path.data, ref.path.len);
		else
			appendBinaryStringInfo(&out, ref.path.data, ref.path.len);
	}
	else if (ref.path.len == 0)
		appendBinaryStringInfo(&out, base.path.data, base.path.len);
	else
		append_merged_path(&out, &base, &ref.path);
	if (query->len >= 0)
		appendStringInfo(&out, "?%.*s", query->len, query->data);
	if (ref.fragment.len >= 0)
		appendStringInfo(&out, "#%.*s", ref.fragment.len, ref.fragment.data);
	return out.data;
}

static int
hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

void
uri_percent_decode(char *s)
{
	char	   *out = s;

	while (*s)
	{
		if (s[0] == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0 && (s[1] != '0' || s[2] != '0'))
		{
			*out++ = (char) (hex_digit(s[1]) << 4 | hex_digit(s[2]));
			s += 3;
		}
		else
			*out++ = *s++;
	}
	*out = '\0';
}
