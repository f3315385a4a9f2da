/*
 * allow.c
 *	  What this room does when the library is loaded: its settings.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "allow/allow.h"

#include <limits.h>

#include "utils/guc.h"

int			agc_policy_cache_max_rules = 100000;

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.check_timeout",
							"Longest time that a check function of a policy may run; a call that it judges is then denied.",
							NULL,
							&agc_check_timeout, 20, 1, 60000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.policy_cache_max_rules",
							"Largest number of rules of a policy that a session keeps compiled.",
							"The rules of a larger policy stay in their table, and each decision looks them up by index; "
							"so do those of a policy that would fill three quarters of agentcore.compiled_cache_size. A change applies when the policy is next compiled.",
							&agc_policy_cache_max_rules, 100000, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
}

void
allow_init(void)
{
	define_settings();
	check_lookup_init();
}
