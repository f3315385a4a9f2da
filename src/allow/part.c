/*
 * part.c
 *	  What is less than a URL: templates, host names and addresses.
 *
 * A template is judged by the part that no variable can change.  By RFC 6570 the
 * operator of an expression says whether its value begins with a slash, a
 * question mark or a number sign.  The value of any other expression may
 * continue the host, or be the port.
 *
 * Memory: the caller's buffer.  Locks: none.  Errors: return values only.
 */
#include "allow/part.h"

#include "allow/url_bytes.h"

/* The delimiter that ends the authority beginning at "at", or the end. */
static const char *
authority_end(const char *at, const char *end)
{
	while (at < end && *at != '/' && *at != '?' && *at != '#')
		at++;
	return at;
}

/* Whether a path ends in a dot segment, which an expression behind it may turn into a name. */
static bool
ends_in_dots(const char *path, const char *end)
{
	const char *last = end;

	while (last > path && last[-1] != '/')
		last--;
	return allow_dot_segment(last, end) > 0;
}

AllowUrlError
allow_template_parse(const char *text, Size len, char *buffer, AllowUrl *out)
{
	const char *end = text + len;
	const char *brace = memchr(text, '{', len);
	int			scheme_len = allow_url_scheme_len(text, len);
	AllowUrlError error = allow_bytes_check(text, len);
	const char *path;
	char		operator;
	bool		bare;

	if (error != URL_OK || brace == NULL)
		return error != URL_OK ? error : allow_url_parse(text, len, buffer, out);
	memset(out, 0, sizeof(*out));
	operator = brace + 1 < end ? brace[1] : ' ';
	if (brace - text < scheme_len + 3 || memcmp(text + scheme_len, "://", 3) != 0)
		return URL_EXPRESSION;
	path = authority_end(text + scheme_len + 3, brace);
	bare = path == brace;
	if (bare && operator != '/' && operator != '?' && operator != '#')
		return URL_EXPRESSION;
	error = allow_url_parse(text, brace - text, buffer, out);
	if (error != URL_OK || memchr(path, '#', brace - path) != NULL)
		return error;			/* the rest is a fragment, which is not sent */
	if (out->query == NULL)
	{
		if (ends_in_dots(path, brace))
			return URL_AMBIGUOUS_PATH;
		out->ambiguous_path |= operator != '?' && operator != '#';
	}
	out->len -= bare;			/* the slash of an empty path */
	memcpy(buffer + out->len, brace, end - brace);
	out->len += end - brace;
	buffer[out->len] = '\0';
	return URL_OK;
}

static bool
is_digits(const char *from, const char *end)
{
	while (from < end && *from >= '0' && *from <= '9')
		from++;
	return from == end;
}

AllowUrlError
allow_place_parse(const char *text, Size len, char *buffer, AllowUrl *out)
{
	AllowUrlError error = allow_bytes_check(text, len);
	char		bracketed[ALLOW_IP_TEXT + 2];
	const char *colon = memchr(text, ':', len);

	memset(out, 0, sizeof(*out));
	if (error != URL_OK)
		return error;
	/* an IPv6 address has two at least */
	if (colon != NULL && text[0] != '[' && memchr(colon + 1, ':', len - (colon + 1 - text)) == NULL)
		return is_digits(colon + 1, text + len) ? URL_PORT : URL_HOST_CHARACTER;
	if (colon != NULL && text[0] != '[')
	{
		if (len > sizeof(bracketed) - 2)
			return URL_INVALID_IPV6;
		bracketed[0] = '[';
		memcpy(bracketed + 1, text, len);
		bracketed[len + 1] = ']';
		error = allow_host_parse(bracketed, len + 2, buffer, &out->host_len, &out->is_ip, &out->ip);
	}
	else
		error = allow_host_parse(text, len, buffer, &out->host_len, &out->is_ip, &out->ip);
	if (error != URL_OK)
		return error;
	buffer[out->host_len] = '\0';
	out->host = buffer;
	out->url = buffer;
	out->len = out->host_len;
	if (buffer[0] == '[' && text[0] != '[')
	{
		out->url++;
		out->len -= 2;
	}
	out->path = "/";
	out->path_len = 1;
	return URL_OK;
}
