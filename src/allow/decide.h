/*
 * decide.h
 *	  The decision over a compiled policy.
 */
#ifndef AGENTCORE_ALLOW_DECIDE_H
#define AGENTCORE_ALLOW_DECIDE_H

#include "allow/match.h"

typedef struct AllowVerdict
{
	const char *reason;			/* NULL = allowed */
	const char *sub;			/* sub-code, in front of detail */
	const UrlRule *rule;		/* the rule that decided, if any */
	const ToolRule *tool;
	bool		by_call;		/* of a tool: only a rule that looks at the call can allow it */
	int			address;		/* index of the address that a range matched */
} AllowVerdict;

extern void allow_decide_url(const Policy *policy, UrlRequest *request, AllowVerdict *out);
extern void allow_decide_tool(const Policy *policy, const char *tool, AllowVerdict *out);
extern void allow_decide_ip(const Policy *policy, const AllowIp *ip, int port, AllowVerdict *out);

/* facts in words, sub-code in front; palloc'd */
extern char *allow_url_detail(const AllowVerdict *verdict, const UrlRequest *request);

#endif							/* AGENTCORE_ALLOW_DECIDE_H */
