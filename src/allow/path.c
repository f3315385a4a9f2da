/*
 * path.c
 *	  What a path may mean to a server, compared with what a rule says.
 *
 * A URL has one canonical path, but servers change it further: they merge
 * slashes, decode once more, cut parameters, ignore case.  A path is ambiguous
 * if that could lead elsewhere, and no rule with a path allows it.  A deny rule
 * with a path also refuses what only a lenient server would take for its path.
 *
 * Memory: none.  Locks: none.  Errors: none.
 */
#include "allow/path.h"

#include "allow/url_bytes.h"

/* As next_byte(), but a full-width form (U+FF01 to U+FF5E) is the ASCII character that Windows makes of it. */
static int
narrow_byte(const char **at, const char *end)
{
	int			c = next_byte(at, end);
	const char *ahead = *at;
	int			second;
	int			third;

	if (c != 0xef || ahead == end || (second = next_byte(&ahead, end)) < 0xbc || second > 0xbd || ahead == end)
		return c;
	third = next_byte(&ahead, end);
	second = ((second & 3) << 6 | (third & 0x3f)) + 0x20;
	if (second <= ' ' || second > '~')
		return c;
	*at = ahead;
	return second;
}

/*
 * The end of a segment for the most lenient server.  It comes before parameters
 * (Tomcat, Jetty), the name of a stream (NTFS), what becomes a query when it is
 * decoded twice, and the trailing dots and spaces that Windows drops.
 */
static const char *
lenient_end(const char *at, const char *end)
{
	const char *last = at;

	while (at < end)
	{
		int			c = narrow_byte(&at, end);

		if (c == ';' || c == ':' || c == '?' || c == '#')
			break;
		if (c != '.' && c != ' ')
			last = at;
	}
	return last;
}

/* Whether nothing of a segment is left for such a server, which may then take it for the directory above. */
static bool
vanishing_segment(const char *at, const char *end)
{
	return at < end && lenient_end(at, end) == at;
}

/*
 * Whether up to three bytes may become another character: overlong forms, which
 * lenient decoders take for ASCII, and U+FF0F, U+FF3C, U+2044 and U+2215, which
 * Windows and Unicode normalization turn into slashes.
 */
static bool
ambiguous_character(const char *at, const char *end)
{
	int			first = next_byte(&at, end);
	int			second = at < end ? next_byte(&at, end) : -1;
	int			third = second >= 0 && at < end ? next_byte(&at, end) : -1;

	if (first < 0xe0)
		return false;
	if (first > 0xf4 || (first == 0xe0 && second >= 0x80 && second < 0xa0) ||
		(first == 0xf0 && second >= 0x80 && second < 0x90))
		return true;
	return (first == 0xef && second == 0xbc && (third == 0x8f || third == 0xbc)) ||
		(first == 0xe2 && second == 0x81 && third == 0x84) || (first == 0xe2 && second == 0x88 && third == 0x95);
}

bool
allow_path_ambiguous(const char *path, int len)
{
	const char *end = path + len;

	for (const char *p = path; p < end; p++)
	{
		if (*p == '/')
		{
			const char *segment = p + 1;
			const char *next = memchr(segment, '/', end - segment);

			if (next == segment || vanishing_segment(segment, next == NULL ? end : next))
				return true;
		}
		else if (*p == '%')
		{
			int			c = escaped_byte(p, end);

			if (c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == '%' || c == 0xc0 || c == 0xc1 ||
				ambiguous_character(p, end))
				return true;
		}
	}
	return false;
}

bool
allow_path_covers(const char *prefix, int prefix_len, const char *path, int path_len)
{
	const char *prefix_end = prefix + prefix_len;
	const char *path_end = path + path_len;
	bool		slash = false;

	while (prefix < prefix_end)
	{
		int			c = next_byte(&prefix, prefix_end);

		if (path == path_end || next_byte(&path, path_end) != c)
			return false;
		slash = c == '/';
	}
	return slash || path == path_end || *path == '/';
}

/* Whether two segments are the same to a server that ignores case or knows the short names of FAT ("PROGRA~1"). */
static bool
lenient_equal(const char *a, const char *a_end, const char *b, const char *b_end)
{
	const char *begin = b;

	while (a < a_end && b < b_end)
	{
		int			l = narrow_byte(&a, a_end);
		int			r = narrow_byte(&b, b_end);

		if (r == '~' && b - begin > 1 && b < b_end && *b >= '1' && *b <= '9')
			return true;
		if (lower((char) l) != lower((char) r))
			return false;
	}
	return a == a_end && b == b_end;
}

bool
allow_path_may_cover(const char *prefix, int prefix_len, const char *path, int path_len)
{
	const char *prefix_end = prefix + prefix_len;
	const char *path_end = path + path_len;

	while (prefix < prefix_end)
	{
		const char *want = ++prefix;	/* behind the slash */
		const char *have = path < path_end ? ++path : path;

		while (prefix < prefix_end && *prefix != '/')
			prefix++;
		while (path < path_end && *path != '/')
			path++;
		if (want < prefix && !lenient_equal(want, lenient_end(want, prefix), have, lenient_end(have, path)))
			return false;
	}
	return true;
}
