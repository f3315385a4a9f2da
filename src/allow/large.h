/*
 * large.h
 *	  Rules of a policy that stay in their table.
 */
#ifndef AGENTCORE_ALLOW_LARGE_H
#define AGENTCORE_ALLOW_LARGE_H

#include "allow/match.h"

/*
 * The rules of a large policy that may cover the request, or the tool: an array
 * in CurrentMemoryContext.  If the policy has changed since it was compiled,
 * *policy is replaced by the current one, which need not be large.
 */
extern UrlRule *allow_large_url(const Policy **policy, UrlRequest *request, int *count);
extern ToolRule *allow_large_tool(const Policy **policy, const char *tool, int *count);

/* every URL rule, in the order of the ids; the rule lives as long as the call */
typedef void (*AllowRuleCallback) (const UrlRule *rule, void *arg);
extern void allow_large_each(const Policy *policy, AllowRuleCallback callback, void *arg);

#endif							/* AGENTCORE_ALLOW_LARGE_H */
