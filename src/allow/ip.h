/*
 * ip.h
 *	  IP addresses as the allowlist sees them.  Pure C on c.h: no memory of its
 *	  own, no errors raised, so that a fuzzer can link it alone.
 */
#ifndef AGENTCORE_ALLOW_IP_H
#define AGENTCORE_ALLOW_IP_H

#include "c.h"

typedef struct AllowIp
{
	uint8		family;			/* 4 or 6 */
	uint8		addr[16];		/* network order; an IPv4 address fills four bytes, the rest is zero */
} AllowIp;

#define ALLOW_IP_TEXT		46	/* longest text with its NUL, without brackets */
#define ALLOW_IP_EMBEDDED	4	/* most IPv4 addresses hidden in one IPv6 address */

typedef enum AllowIpParse
{
	ALLOW_IP_NONE,				/* not an IPv4 address: a name */
	ALLOW_IP_CANONICAL,
	ALLOW_IP_NONCANONICAL,		/* a form that parsers read differently: hex, octal, short */
	ALLOW_IP_INVALID			/* ends in a number, so no name, but no address either */
} AllowIpParse;

/* reads a host that ends in a number as the URL standard does */
extern AllowIpParse allow_ipv4_parse(const char *text, int len, AllowIp *out);

/* RFC 4291 text without brackets; false for anything else, zone ids included */
extern bool allow_ipv6_parse(const char *text, int len, AllowIp *out);

/* dotted quad, or RFC 5952 without a dotted tail (as URLs carry it); returns the length */
extern int	allow_ip_format(const AllowIp *ip, char *out);

/* ::ffff:a.b.c.d becomes the IPv4 address; anything else stays */
extern void allow_ip_unmap(AllowIp *ip);

/* the IPv4 addresses that a translating router or tunnel would reach through this one */
extern int	allow_ip_embedded(const AllowIp *ip, AllowIp out[ALLOW_IP_EMBEDDED]);

extern int	allow_ip_bits(const AllowIp *ip);

/* clears everything beyond the first "bits" bits */
extern void allow_ip_mask(AllowIp *ip, int bits);
extern bool allow_ip_equal(const AllowIp *a, const AllowIp *b);
extern bool allow_ip_in(const AllowIp *ip, const AllowIp *network, int bits);

#endif							/* AGENTCORE_ALLOW_IP_H */
