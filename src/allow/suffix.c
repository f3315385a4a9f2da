/*
 * suffix.c
 *	  Public suffixes, by the list that the distribution keeps up to date.
 *
 * A rule for '*.co.uk' is a rule for everybody in the United Kingdom.  libpsl
 * reads the newer of the list it was built with and the one that the package
 * publicsuffix installs, at the first question of a session: only the writing
 * of a rule asks, decisions never do, so that a new list changes no rule that
 * stands.  Both parts of the list count: below github.io strangers are as near
 * as below com.  A build without libpsl knows top-level domains only.
 *
 * Memory: libpsl's list, by malloc, kept for the session.  Locks: none.
 * Errors: none.
 */
#include "allow/suffix.h"

#ifdef AGENTCORE_PSL
#include <libpsl.h>
#endif

bool
allow_public_suffix(const char *name)
{
#ifdef AGENTCORE_PSL
	static psl_ctx_t *list = NULL;

	if (list == NULL)
		list = psl_latest(NULL);
	if (list != NULL && psl_is_public_suffix(list, name))
		return true;
#endif
	return strchr(name, '.') == NULL;
}
