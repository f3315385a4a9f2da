/*
 * url.h
 *	  Canonical-or-refuse parser for http, https, ws and wss URLs.  Pure C on
 *	  c.h: no memory of its own, no errors raised.
 */
#ifndef AGENTCORE_ALLOW_URL_H
#define AGENTCORE_ALLOW_URL_H

#include "allow/ip.h"

#define ALLOW_URL_MAX		8192	/* bytes of input */
#define ALLOW_HOST_MAX		253

/*
 * Every byte may become a three-byte escape.  The scheme and the first slash may
 * be added, and one character of a host may become many.
 */
#define ALLOW_URL_BUFFER(len)	(3 * (len) + ALLOW_HOST_MAX + 16)

typedef enum AllowUrlError
{
	URL_OK,
	URL_EMPTY,
	URL_TOO_LONG,
	URL_NOT_UTF8,
	URL_CONTROL_CHARACTER,
	URL_WHITESPACE,
	URL_BACKSLASH,
	URL_SCHEME,
	URL_MISSING_SLASHES,
	URL_USERINFO,
	URL_EMPTY_HOST,
	URL_PERCENT_IN_HOST,
	URL_HOST_CHARACTER,
	URL_IDN,
	URL_LABEL_LENGTH,
	URL_HOST_LENGTH,
	URL_NONCANONICAL_IPV4,
	URL_INVALID_IPV4,
	URL_INVALID_IPV6,
	URL_ZONE_ID,
	URL_PORT,
	URL_PERCENT_ENCODING,
	URL_AMBIGUOUS_PATH,			/* of a template; of a URL only if a rule with a path decides */
	URL_EXPRESSION				/* an expression may change the scheme, host or port of a template */
} AllowUrlError;

/* bits, as in a policy's set of schemes */
typedef enum AllowScheme
{
	SCHEME_HTTP = 1,
	SCHEME_HTTPS = 2,
	SCHEME_WS = 4,
	SCHEME_WSS = 8
} AllowScheme;

typedef struct AllowUrl
{
	AllowScheme scheme;
	const char *url;			/* canonical, in the caller's buffer, NUL-terminated */
	int			len;
	const char *host;			/* within url; brackets around IPv6 */
	int			host_len;
	int			port;			/* the default of the scheme if the URL has none */
	const char *path;			/* begins with a slash */
	int			path_len;
	const char *query;			/* after the question mark; NULL = none */
	int			query_len;
	bool		is_ip;
	AllowIp		ip;				/* also set with URL_NONCANONICAL_IPV4 */
	bool		ambiguous_path; /* servers disagree on which resource it names */
} AllowUrl;

/* buffer: ALLOW_URL_BUFFER(len) bytes, which *out points into */
extern AllowUrlError allow_url_parse(const char *text, Size len, char *buffer, AllowUrl *out);

/* the stable name of a refusal, "" for URL_OK */
extern const char *allow_url_error_name(AllowUrlError error);

extern const char *allow_scheme_name(AllowScheme scheme);

/* 0 if it is none of the four; lower case only */
extern int	allow_scheme_parse(const char *name);

/* length of a leading [scheme]: or 0, for error texts */
extern int	allow_url_scheme_len(const char *text, Size len);

/*
 * The parts of a URL that rules are written with.  The host goes to out
 * (ALLOW_HOST_MAX + 3 bytes) in lower case, without one trailing dot; the path
 * needs ALLOW_URL_BUFFER(len) bytes.  *outlen is the length.
 */
extern AllowUrlError allow_host_parse(const char *text, int len, char *out, int *outlen,
									  bool *is_ip, AllowIp *ip);
extern AllowUrlError allow_path_parse(const char *text, int len, char *out, int *outlen,
									  bool *ambiguous);
extern bool allow_utf8_valid(const char *text, Size len);

/* length, and bytes that are refused wherever they stand; before anything is split */
extern AllowUrlError allow_bytes_check(const char *text, Size len);

/* 1 for ".", 2 for "..", escaped or not; 0 for any other segment */
extern int	allow_dot_segment(const char *text, const char *end);

#endif							/* AGENTCORE_ALLOW_URL_H */
