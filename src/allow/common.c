/*
 * common.c
 *	  The policies '*' of a tenant and of tenant '*'.
 *
 * They are judged beside each agent's policy.  What they deny is denied, and
 * they can hold no allow, so a freeze over two hundred agents is one rule that no
 * team can undo.
 *
 * Most installations have none.  That is kept per session until a registry table
 * changes: the gate asks several times per call.
 *
 * Memory: static.  Locks: those of agc_object_pin().  On ERROR: pins go at
 * transaction end.
 */
#include "allow/common.h"

#include "allow/check.h"
#include "allow/policy_compile.h"
#include "allow/rule_args.h"

int
allow_pin_common(const char *tenant, AgcObject *common[COMMON_MAX])
{
	static AgcLack none;
	uint64		now = agc_generation();
	int			n = 0;

	if (agc_tenant_lacks(&none, tenant))
		return 0;
	common[n] = agc_object_pin(&allow_policy_class, tenant, COMMON_POLICY);
	n += common[n] != NULL;
	if (strcmp(tenant, EVERY_TENANT) != 0)
	{
		common[n] = agc_object_pin(&allow_policy_class, EVERY_TENANT, COMMON_POLICY);
		n += common[n] != NULL;
	}
	if (n == 0)
		agc_note_lack(&none, tenant, now);
	return n;
}

/* Only a rule of theirs refuses: what no rule allows is the own policy's to say. */
static bool
is_rule_denial(const AllowDecision *decision)
{
	return decision->reason != NULL && decision->rule != 0 &&
		(strcmp(decision->reason, REASON_DENYLIST_MATCH) == 0 || strcmp(decision->reason, REASON_INVALID_URL) == 0);
}

static bool
is_broken(const AgcObject *object)
{
	const Policy *policy = object->data;

	return policy->broken && policy->mode != POLICY_OFF;
}

bool
allow_common_denies_tool(const char *tenant, const char *tool, AllowDecision *out)
{
	AgcObject  *common[COMMON_MAX];
	int			n = allow_pin_common(tenant, common);
	bool		denied = false;

	for (int i = 0; i < n && !denied; i++)
	{
		memset(out, 0, sizeof(*out));
		allow_check_tool_pinned(common[i], tool, out);
		denied = is_broken(common[i]) || is_rule_denial(out);
	}
	while (n > 0)
		agc_object_unpin(common[--n]);
	return denied;
}

bool
allow_common_denies_url(const char *tenant, AllowForm form, const char *url, Size len, const char *method,
						AllowDecision *out)
{
	AgcObject  *common[COMMON_MAX];
	int			n = allow_pin_common(tenant, common);
	bool		denied = false;

	for (int i = 0; i < n && !denied; i++)
	{
		memset(out, 0, sizeof(*out));
		allow_check_pinned(common[i], form, url, len, method, out);
		denied = is_broken(common[i]) || is_rule_denial(out);
	}
	while (n > 0)
		agc_object_unpin(common[--n]);
	return denied;
}

void
allow_check_common(const char *tenant, const char *policy, bool allows)
{
	if (strcmp(tenant, EVERY_TENANT) == 0 && strcmp(policy, COMMON_POLICY) != 0)
		allow_bad_rule("tenant \"*\" has one policy, \"*\"", "It is judged beside the policy of every agent of every tenant.", NULL);
	if (allows && strcmp(policy, COMMON_POLICY) == 0)
		allow_bad_rule("policy \"*\" can hold no allow", "It is judged beside each agent's own policy, which says what is allowed.",
					   "Allow it in the agents' policies.");
}
