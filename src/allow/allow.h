/*
 * allow.h
 *	  Public face of src/allow: decisions on URLs and tools.
 */
#ifndef AGENTCORE_ALLOW_H
#define AGENTCORE_ALLOW_H

#include "allow/call_rules.h"
#include "allow/check_function.h"
#include "allow/common.h"
#include "allow/lint_room.h"
#include "core/core.h"

/* ----- settings (allow.c): agc_x is agentcore.x ----- */
extern int	agc_policy_cache_max_rules;

/*
 * A decision.  In a policy of mode audit, allowed is true and reason says what
 * enforcement would have said; in mode off, allowed is true without a reason.
 */
typedef struct AllowDecision
{
	bool		allowed;
	const char *reason;			/* one of errors.h; NULL if there is no objection */
	char	   *detail;			/* facts, without query string and userinfo; may be NULL */
	char	   *url;			/* canonical: what the caller must fetch; NULL unless parsed */
	char	   *host;
	int			port;
	int64		rule;			/* id of the deciding rule, 0 = none */
	int64		revision;		/* of the policy, 0 = no such policy */
	bool		audited;		/* the policy is in mode audit, and can be read */
	bool		strict_urls;	/* the policy has URLs judged that nobody declared */
	bool		by_call;		/* of a tool: allowed so far, because a rule that looks at the call may allow it */
	bool		judges_calls;	/* the policy has rules that look at calls, or checks */
	const char *feedback;		/* the deciding rule's own words; may be NULL */
} AllowDecision;

/* The kinds of text that name a place to connect to. */
typedef enum AllowForm
{
	ALLOW_URL,
	ALLOW_TEMPLATE,				/* decided by the text before its first expression */
	ALLOW_PLACE					/* a host name or an address: scheme, port and path of rules are ignored */
} AllowForm;

/*
 * Neither function raises an error for anything in url, method or tool.  An
 * unknown policy denies (not_in_allowlist).  A NULL url is denied in every mode,
 * and so is a NULL method, except for a place, where NULL is any method.  A
 * policy with a rule that cannot be read denies everything, except in mode off.
 * agc_enter() must have run.
 */
extern void allow_check_url(const char *tenant, const char *policy, AllowForm form,
							const char *url, Size urllen, const char *method,
							AllowDecision *out);
extern void allow_check_tool(const char *tenant, const char *policy, const char *tool,
							 AllowDecision *out);

/*
 * What the policy would allow instead of a URL that was refused, as sentences for a
 * model, each with a space before it; "": nothing can be told.  *is_near: the same
 * host otherwise.
 */
extern char *allow_url_instead(const char *tenant, const char *policy, AllowForm form, const char *url, Size len,
							   const char *method, bool *is_near);

/*
 * Whether a rule of the policies '*' denies it, whatever the agent's own policy
 * says; *out is set then.  A policy '*' with a rule that cannot be read denies.
 */
extern bool allow_common_denies_tool(const char *tenant, const char *tool, AllowDecision *out);
extern bool allow_common_denies_url(const char *tenant, AllowForm form, const char *url, Size len,
									const char *method, AllowDecision *out);

/* The methods of a policy that are not registered: upper case, sorted, in CurrentMemoryContext. */
typedef struct AllowMethods
{
	char	  **custom;
	int			ncustom;
	bool		every;			/* too many to list: any word may be a method */
} AllowMethods;

extern void allow_methods(const char *tenant, const char *policy, AllowMethods *out);

/*
 * The HTTP methods that a text names, each once and in upper case: a word that is
 * registered (text/http_method.c) or one of the policy's own, if it stands alone;
 * several words, if each is one of RFC 9110 and 5789; the method of a request
 * line.  The text is read as agc_folded() has it.
 */
extern List *allow_methods_named(const AllowMethods *methods, const char *text, Size len);

/*
 * The tenant's policies with methods, of their own or in a rule, that let a tool
 * be called: quoted names, at most a few; NULL: there is none.
 */
extern char *allow_method_policies(const char *tenant, const char *tool);

extern bool allow_policy_exists(const char *tenant, const char *policy);

/* raises 42704, with the nearest names, if there is no such policy */
extern void allow_require_policy(const char *tenant, const char *policy);

extern void allow_init(void);

#endif							/* AGENTCORE_ALLOW_H */
