/*
 * url_bytes.h
 *	  Bytes and escapes, for the files that read URLs.  Pure C on c.h.
 */
#ifndef AGENTCORE_ALLOW_URL_BYTES_H
#define AGENTCORE_ALLOW_URL_BYTES_H

#include "c.h"

static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* the byte of an escape at text, or -1 */
static inline int
escaped_byte(const char *text, const char *end)
{
	if (end - text < 3 || text[0] != '%' || hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
		return -1;
	return hex_digit(text[1]) << 4 | hex_digit(text[2]);
}

static inline char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static inline char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* the next byte of a canonical path, decoded */
static inline int
next_byte(const char **at, const char *end)
{
	int			c = escaped_byte(*at, end);

	if (c >= 0)
	{
		*at += 3;
		return c;
	}
	return (unsigned char) *(*at)++;
}

#endif							/* AGENTCORE_ALLOW_URL_BYTES_H */
