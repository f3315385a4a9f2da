/*
 * match.h
 *	  A request, and how far one rule gets with it.
 */
#ifndef AGENTCORE_ALLOW_MATCH_H
#define AGENTCORE_ALLOW_MATCH_H

#include "allow/compiled_policy.h"
#include "allow/methods.h"

/* The first thing that keeps a rule from a request, the furthest away first. */
typedef enum RuleMiss
{
	MISS_HOST,
	MISS_PORT,
	MISS_TIME,
	MISS_PATH,
	MISS_AMBIGUOUS,
	MISS_METHOD,
	MISS_NONE
} RuleMiss;

/* most addresses of one request */
#define REQUEST_ADDRESSES 32

typedef struct UrlRequest
{
	const AllowUrl *url;
	char		method[METHOD_MAX + 1]; /* upper case; "" = not a method */
	bool		place;			/* a host without a URL: any scheme, port and path */
	bool		any_method;
	AllowIp		addresses[REQUEST_ADDRESSES];	/* the host's own first; of a name that place is empty */
	int			naddresses;
	const UrlRule *wildcard;	/* the service that makes addresses of such names, or NULL */
	TimestampTz now;			/* 0 = the clock was not read yet */
} UrlRequest;

extern void allow_request_init(UrlRequest *request, const AllowUrl *url, const char *method);

/* the address itself, and the IPv4 addresses that are embedded in it */
extern void allow_request_addresses(UrlRequest *request, const AllowIp *ip);

/* The name belongs to a wildcard DNS service: the addresses that it spells are judged too. */
extern void allow_request_embed(UrlRequest *request, const UrlRule *wildcard);

/* the same, where the service still has to be looked for among the rules */
extern void allow_request_find_embedded(UrlRequest *request, const Policy *policy);

/* whether from <= now < until; *now is read when it is 0 and needed */
extern bool allow_valid_now(TimestampTz from, TimestampTz until, TimestampTz *now);

/* everything but the host */
extern RuleMiss allow_rule_test(const UrlRule *rule, UrlRequest *request);

/* The rule against an address of which at most the port is known (0 = unknown). */
extern RuleMiss allow_rule_test_address(const UrlRule *rule, int port, TimestampTz *now);

/*
 * The index of the first address from "from" on that the rule covers (0 for a
 * name), or -1.
 */
extern int	allow_rule_covers(const UrlRule *rule, const UrlRequest *request, int from);

/* whether an allow rule lies inside the special entry */
extern bool allow_rule_lifts(const UrlRule *rule, const UrlRule *special);

#endif							/* AGENTCORE_ALLOW_MATCH_H */
