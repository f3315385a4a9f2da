/*
 * embedded.c
 *	  Addresses that a host name spells out.
 *
 * Wildcard DNS services (nip.io, sslip.io, xip.io, traefik.me) answer with the
 * address that a name holds, among other labels or behind a dash:
 *
 *	  10.0.0.1.nip.io  app-10-0-0-1.nip.io  app-0a000001.nip.io
 *	  www.10-0-0-1.sslip.io  2001-db8--1.sslip.io  www---1.sslip.io
 *
 * They differ in which one they take where a name holds several, and where it
 * may stand.  So every address that any of them could read is found: all four
 * numbers in a row, all words of eight hexadecimal digits, and in each label
 * the leftmost and longest IPv6 address with dashes for colons, as sslip.io's
 * regular expression takes it.
 *
 * Memory: the caller's.  Locks: none.  Errors: return values only.
 */
#include "allow/embedded.h"

#include "allow/url_bytes.h"

#define OCTETS 4
#define IPV4_DIGITS 8			/* in hexadecimal */
#define IPV6_DIGITS 32
#define IPV6_TEXT 39			/* longest without a dotted tail */

typedef struct Found
{
	AllowIp    *out;
	int			count;
	int			max;
	bool		overflow;
} Found;

static AllowIp *
next_address(Found *found)
{
	AllowIp    *ip;

	if (found->count == found->max)
	{
		found->overflow = true;
		return NULL;
	}
	ip = &found->out[found->count++];
	memset(ip, 0, sizeof(*ip));
	return ip;
}

static bool
is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

/* A decimal number up to 255 of at most three digits, or -1. */
static int
octet(const char *word, int len)
{
	int			value = 0;

	if (len < 1 || len > 3)
		return -1;
	for (int i = 0; i < len; i++)
	{
		if (word[i] < '0' || word[i] > '9')
			return -1;
		value = value * 10 + word[i] - '0';
	}
	return value <= 255 ? value : -1;
}

/* A word of exactly as many hexadecimal digits as an address has. */
static void
add_hexadecimal(Found *found, const char *word, int len)
{
	AllowIp    *ip;

	if (len > 2 && word[0] == '0' && word[1] == 'x')
	{
		word += 2;
		len -= 2;
	}
	if (len != IPV4_DIGITS && len != IPV6_DIGITS)
		return;
	for (int i = 0; i < len; i++)
		if (hex_digit(word[i]) < 0)
			return;
	ip = next_address(found);
	if (ip == NULL)
		return;
	ip->family = len == IPV4_DIGITS ? 4 : 6;
	for (int i = 0; i < len / 2; i++)
		ip->addr[i] = hex_digit(word[2 * i]) << 4 | hex_digit(word[2 * i + 1]);
}

/* Four numbers in a row, whatever separates them, and words of hexadecimal digits. */
static void
find_ipv4(Found *found, const char *host, int len)
{
	int			row[OCTETS] = {-1, -1, -1, -1};

	for (int at = 0, end; at <= len; at = end + 1)
	{
		AllowIp    *ip;

		for (end = at; end < len && !is_separator(host[end]); end++)
			;
		for (int i = 0; i + 1 < OCTETS; i++)
			row[i] = row[i + 1];
		row[OCTETS - 1] = octet(host + at, end - at);
		add_hexadecimal(found, host + at, end - at);
		if (row[0] < 0 || row[1] < 0 || row[2] < 0 || row[3] < 0 || (ip = next_address(found)) == NULL)
			continue;
		ip->family = 4;
		for (int i = 0; i < OCTETS; i++)
			ip->addr[i] = row[i];
	}
}

/* An IPv6 address with dashes for colons. */
static bool
read_dashed(const char *text, int len, AllowIp *ip)
{
	char		colons[IPV6_TEXT];

	if (len < 2 || len > IPV6_TEXT)
		return false;
	for (int i = 0; i < len; i++)
		colons[i] = text[i] == '-' ? ':' : text[i];
	return allow_ipv6_parse(colons, len, ip);
}

/* In one label: the leftmost, and of those the longest; then behind it. */
static void
find_ipv6(Found *found, const char *label, int len)
{
	for (int at = 0; at < len; at++)
	{
		if (at > 0 && label[at - 1] != '-')
			continue;
		for (int end = len; end > at; end--)
		{
			AllowIp		ip;
			AllowIp    *kept;

			if ((end < len && label[end] != '-') || !read_dashed(label + at, end - at, &ip))
				continue;
			kept = next_address(found);
			if (kept != NULL)
				*kept = ip;
			at = end;
			break;
		}
	}
}

int
allow_host_addresses(const char *host, int len, AllowIp *out, int max)
{
	Found		found = {out, 0, max, false};

	find_ipv4(&found, host, len);
	for (int at = 0, end; at < len; at = end + 1)
	{
		for (end = at; end < len && host[end] != '.'; end++)
			;
		find_ipv6(&found, host + at, end - at);
	}
	return found.overflow ? -1 : found.count;
}
