/*
 * url.c
 *	  One reading of a URL, or none.
 *
 * Follows the WHATWG URL standard for the special schemes, and refuses what real
 * parsers read differently, because a check is worth something only if the
 * program that fetches sees the same host.  So a caller must fetch the canonical
 * URL, not the one that it passed in.
 *
 * Memory: the caller's buffer.  Locks: none.  Errors: return values only; the
 * first fault found counts.
 */
#include "allow/url.h"

#include "allow/host_idn.h"
#include "allow/path.h"
#include "allow/url_bytes.h"

/* Classes of bytes. */
#define HOST_BYTE	0x01		/* letters, digits, '-', '_', '.' */
#define PATH_ESC	0x02		/* is percent-encoded in a path */
#define QUERY_ESC	0x04		/* is percent-encoded in a query */
#define REFUSED		0x08		/* control, space, backslash: refused everywhere */
#define HIGH		0x10		/* not ASCII */

static const char *const error_names[] = {
	"", "empty", "too_long", "not_utf8", "control_character", "whitespace", "backslash",
	"scheme", "missing_slashes", "userinfo", "empty_host", "percent_in_host",
	"host_character", "idn", "label_length", "host_length", "noncanonical_ipv4",
	"invalid_ipv4", "invalid_ipv6", "zone_id", "port", "percent_encoding", "ambiguous_path",
	"expression"
};

static const struct
{
	const char *name;
	AllowScheme scheme;
	int			port;
}			schemes[] = {
	{"http", SCHEME_HTTP, 80},
	{"https", SCHEME_HTTPS, 443},
	{"ws", SCHEME_WS, 80},
	{"wss", SCHEME_WSS, 443}
};

static AllowUrlError parse_authority(const char *text, int len, char **at, AllowUrl *out);

static inline int
byte_class(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		c == '.' || c == '-' || c == '_')
		return HOST_BYTE;
	if (c >= 0x80)
		return HIGH | PATH_ESC | QUERY_ESC;
	switch (c)
	{
		case '"':
		case '<':
		case '>':
			return PATH_ESC | QUERY_ESC;
		case '\'':
			return QUERY_ESC;
		case '^':
		case '`':
		case '{':
		case '}':
			return PATH_ESC;
		default:
			return c <= ' ' || c == 0x7f || c == '\\' ? REFUSED : 0;
	}
}

static inline char *
put_escape(char *out, unsigned char c)
{
	*out++ = '%';
	*out++ = "0123456789ABCDEF"[c >> 4];
	*out++ = "0123456789ABCDEF"[c & 15];
	return out;
}

const char *
allow_url_error_name(AllowUrlError error)
{
	return error_names[error];
}

const char *
allow_scheme_name(AllowScheme scheme)
{
	for (int i = 0; i < lengthof(schemes); i++)
		if (schemes[i].scheme == scheme)
			return schemes[i].name;
	return "";
}

int
allow_scheme_parse(const char *name)
{
	for (int i = 0; i < lengthof(schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
			return schemes[i].scheme;
	return 0;
}

int
allow_url_scheme_len(const char *text, Size len)
{
	for (Size i = 0; i < len && i <= 32; i++)
	{
		char		c = lower(text[i]);

		if (c == ':')
			return (int) i;
		if (!(c >= 'a' && c <= 'z') &&
			(i == 0 || (!(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')))
			return 0;
	}
	return 0;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF */
bool
allow_utf8_valid(const char *text, Size len)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + len;

	while (p < end)
	{
		int			more;
		unsigned char low = 0x80;
		unsigned char high = 0xbf;

		if (*p < 0x80)
		{
			p++;
			continue;
		}
		if (*p >= 0xc2 && *p <= 0xdf)
			more = 1;
		else if (*p >= 0xe0 && *p <= 0xef)
			more = 2;
		else if (*p >= 0xf0 && *p <= 0xf4)
			more = 3;
		else
			return false;
		if (*p == 0xe0)
			low = 0xa0;
		else if (*p == 0xed)
			high = 0x9f;
		else if (*p == 0xf0)
			low = 0x90;
		else if (*p == 0xf4)
			high = 0x8f;
		if (end - p <= more)
			return false;
		for (int i = 1; i <= more; i++)
		{
			if (p[i] < low || p[i] > high)
				return false;
			low = 0x80;
			high = 0xbf;
		}
		p += more + 1;
	}
	return true;
}

AllowUrlError
allow_bytes_check(const char *text, Size len)
{
	bool		high = false;

	if (len == 0)
		return URL_EMPTY;
	if (len > ALLOW_URL_MAX)
		return URL_TOO_LONG;
	for (Size i = 0; i < len; i++)
	{
		unsigned char c = text[i];
		int			class = byte_class(c);

		if (class & REFUSED)
			return c == ' ' ? URL_WHITESPACE : c == '\\' ? URL_BACKSLASH : URL_CONTROL_CHARACTER;
		high |= (class & HIGH) != 0;
	}
	return high && !allow_utf8_valid(text, len) ? URL_NOT_UTF8 : URL_OK;
}

static AllowUrlError
parse_ipv6_host(const char *text, int len, char *out, int *outlen, AllowIp *ip)
{
	if (text[len - 1] != ']')
		return URL_INVALID_IPV6;
	if (memchr(text, '%', len) != NULL)
		return URL_ZONE_ID;
	if (!allow_ipv6_parse(text + 1, len - 2, ip))
		return URL_INVALID_IPV6;
	out[0] = '[';
	*outlen = allow_ip_format(ip, out + 1) + 2;
	out[*outlen - 1] = ']';
	return URL_OK;
}

static bool
is_ascii(const char *text, int len)
{
	for (int i = 0; i < len; i++)
		if (byte_class(text[i]) & HIGH)
			return false;
	return true;
}

AllowUrlError
allow_host_parse(const char *text, int len, char *out, int *outlen, bool *is_ip, AllowIp *ip)
{
	char		ascii[ALLOW_HOST_MAX + 1];
	int			label = 0;		/* bytes of the current label */
	bool		short_label = false;
	bool		long_label = false;
	bool		punycode = false;

	*is_ip = false;
	if (len == 0)
		return URL_EMPTY_HOST;
	if (text[0] == '[')
	{
		*is_ip = true;
		return parse_ipv6_host(text, len, out, outlen, ip);
	}
	if (!is_ascii(text, len))
	{
		if (memchr(text, '%', len) != NULL)
			return URL_PERCENT_IN_HOST;
		if (!allow_idn_to_ascii(text, len, ascii, sizeof(ascii), &len))
			return URL_IDN;
		text = ascii;
	}
	if (len == 0 || (text[len - 1] == '.' && --len == 0))
		return URL_EMPTY_HOST;
	for (int i = 0; i < len; i++)
	{
		unsigned char c = text[i];
		int			class = byte_class(c);

		if (!(class & HOST_BYTE))
			return c == '%' ? URL_PERCENT_IN_HOST : URL_HOST_CHARACTER;
		if (i < ALLOW_HOST_MAX)
			out[i] = lower(c);
		if (c == '.')
		{
			short_label |= label == 0;
			label = 0;
		}
		else if (++label > 63)
			long_label = true;
		else if (label == 4 && i < ALLOW_HOST_MAX)
			punycode |= memcmp(out + i - 3, "xn--", 4) == 0;
	}
	if (short_label || label == 0 || long_label)
		return URL_LABEL_LENGTH;
	if (len > ALLOW_HOST_MAX)
		return URL_HOST_LENGTH;
	if (punycode && !allow_idn_valid(out, len))
		return URL_IDN;
	*outlen = len;
	switch (allow_ipv4_parse(out, len, ip))
	{
		case ALLOW_IP_NONE:
			return URL_OK;
		case ALLOW_IP_CANONICAL:
			*is_ip = true;
			return URL_OK;
		case ALLOW_IP_NONCANONICAL:
			*is_ip = true;
			return URL_NONCANONICAL_IPV4;
		case ALLOW_IP_INVALID:
			break;
	}
	return URL_INVALID_IPV4;
}

/* host[:port] -> *at; a default port leaves no trace */
static AllowUrlError
parse_authority(const char *text, int len, char **at, AllowUrl *out)
{
	const char *colon;
	int			host_len = len;
	int			standard = out->port;
	AllowUrlError error;

	if (memchr(text, '@', len) != NULL)
		return URL_USERINFO;
	if (len > 0 && text[0] == '[')
	{
		const char *bracket = memchr(text, ']', len);

		if (bracket == NULL)
			return URL_INVALID_IPV6;
		host_len = bracket + 1 - text;
		if (host_len < len && text[host_len] != ':')
			return URL_INVALID_IPV6;
	}
	else if ((colon = memchr(text, ':', len)) != NULL)
		host_len = colon - text;

	error = allow_host_parse(text, host_len, *at, &out->host_len, &out->is_ip, &out->ip);
	if (error != URL_OK)
		return error;
	out->host = *at;
	*at += out->host_len;
	if (host_len + 1 >= len)
		return URL_OK;

	out->port = 0;
	for (int i = host_len + 1; i < len; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return URL_PORT;
		out->port = out->port * 10 + text[i] - '0';
		if (out->port > 65535)
			return URL_PORT;
	}
	if (out->port == 0)
		return URL_PORT;
	if (out->port != standard)
	{
		char		digits[5];
		int			n = 0;

		for (int rest = out->port; rest > 0; rest /= 10)
			digits[n++] = '0' + rest % 10;
		*(*at)++ = ':';
		while (n > 0)
			*(*at)++ = digits[--n];
	}
	return URL_OK;
}

int
allow_dot_segment(const char *text, const char *end)
{
	int			dots = 0;

	while (text < end)
	{
		if (*text == '.')
			text++;
		else if (escaped_byte(text, end) == '.')
			text += 3;
		else
			return 0;
		if (++dots > 2)
			return 0;
	}
	return dots;
}

AllowUrlError
allow_path_parse(const char *text, int len, char *out, int *outlen, bool *ambiguous)
{
	const char *end = text + len;
	char	   *at = out;
	bool		plain = true;	/* no byte so far that could make it ambiguous */

	while (text < end)
	{
		const char *segment = ++text;	/* behind the slash */
		int			dots;

		while (text < end && *text != '/')
			text++;
		dots = segment < text && (*segment == '.' || *segment == '%') ? allow_dot_segment(segment, text) : 0;
		if (dots == 2)
			while (at > out && *--at != '/')
				;
		if (dots > 0)
		{
			if (text == end)
				*at++ = '/';
			continue;
		}
		plain &= segment < text ? *segment != '.' : text == end;
		*at++ = '/';
		for (; segment < text; segment++)
		{
			if (*segment == '%')
			{
				if (escaped_byte(segment, text) < 0)
					return URL_PERCENT_ENCODING;
				*at++ = '%';
				*at++ = upper(*++segment);
				*at++ = upper(*++segment);
				plain = false;
			}
			else if (byte_class(*segment) & PATH_ESC)
			{
				plain = false;
				at = put_escape(at, *segment);
			}
			else
			{
				plain &= strchr(";:", *segment) == NULL;
				*at++ = *segment;
			}
		}
	}
	if (at == out)
		*at++ = '/';
	*outlen = at - out;
	*ambiguous = !plain && allow_path_ambiguous(out, at - out);
	return URL_OK;
}

static char *
put_query(const char *text, const char *end, char *at)
{
	for (; text < end; text++)
	{
		if (escaped_byte(text, end) >= 0)
		{
			*at++ = '%';
			*at++ = upper(*++text);
			*at++ = upper(*++text);
		}
		else if (byte_class(*text) & QUERY_ESC)
			at = put_escape(at, *text);
		else
			*at++ = *text;
	}
	return at;
}

static AllowUrlError
parse_scheme(const char *text, Size len, char **at, AllowUrl *out)
{
	int			scheme_len = allow_url_scheme_len(text, len);
	char		name[6];

	if (scheme_len == 0 || scheme_len > 5)
		return URL_SCHEME;
	for (int i = 0; i < scheme_len; i++)
		name[i] = lower(text[i]);
	name[scheme_len] = '\0';
	for (int i = 0; i < lengthof(schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
		{
			out->scheme = schemes[i].scheme;
			out->port = schemes[i].port;
			memcpy(*at, name, scheme_len);
			memcpy(*at + scheme_len, "://", 3);
			*at += scheme_len + 3;
			if (len - scheme_len < 3 || memcmp(text + scheme_len, "://", 3) != 0)
				return URL_MISSING_SLASHES;
			return URL_OK;
		}
	return URL_SCHEME;
}

AllowUrlError
allow_url_parse(const char *text, Size len, char *buffer, AllowUrl *out)
{
	char	   *at = buffer;
	const char *end;
	const char *authority;
	const char *path;
	const char *query;
	AllowUrlError error;

	memset(out, 0, sizeof(*out));
	if ((error = allow_bytes_check(text, len)) != URL_OK ||
		(error = parse_scheme(text, len, &at, out)) != URL_OK)
		return error;

	authority = text + (at - buffer);
	end = memchr(authority, '#', text + len - authority);
	if (end == NULL)
		end = text + len;
	for (path = authority; path < end && *path != '/' && *path != '?'; path++)
		;
	if ((error = parse_authority(authority, path - authority, &at, out)) != URL_OK)
		return error;

	query = memchr(path, '?', end - path);
	out->path = at;
	error = allow_path_parse(path, (query != NULL ? query : end) - path, at,
							 &out->path_len, &out->ambiguous_path);
	if (error != URL_OK)
		return error;
	at += out->path_len;
	if (query != NULL)
	{
		*at++ = '?';
		out->query = at;
		at = put_query(query + 1, end, at);
		out->query_len = at - out->query;
	}
	*at = '\0';
	out->url = buffer;
	out->len = at - buffer;
	return URL_OK;
}
