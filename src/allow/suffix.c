/*
 * suffix.c
 *	  Public suffixes, by the list that the distribution keeps up to date.
 *
 * A rule for '*.co.uk' is a rule for everybody in the United Kingdom.  At the
 * first question of a session libpsl reads the newer of the list that it was
 * built with and the one that the package publicsuffix installs.  Only the
 * writing of a rule asks, never a decision, so a new list changes no existing
 * rule.  Both parts of the list count, because strangers register names below
 * github.io as they do below com.  A build without libpsl knows top-level
 * domains only.
 *
 * Memory: libpsl's list, by malloc, kept for the session.  Locks: none.
 * Errors: none.
 */
#include "allow/suffix.h"

#define NO_LIST "top-level domains only"

/* Names that no registry hands out, of special use or kept back, so that a star over one covers the reader's own network. */
static bool
is_reserved(const char *name)
{
	static const char *const names[] = {
		"corp", "home", "home.arpa", "internal", "intranet", "lan", "local", "localdomain", "localhost", "private", "svc"
	};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

#ifdef AGENTCORE_PSL
#include <libpsl.h>

static psl_ctx_t *
suffix_list(void)
{
	static psl_ctx_t *list = NULL;

	if (list == NULL)
		list = psl_latest(NULL);
	return list;
}

bool
allow_public_suffix(const char *name)
{
	return !is_reserved(name) &&
		(strchr(name, '.') == NULL || (suffix_list() != NULL && psl_is_public_suffix(suffix_list(), name)));
}

const char *
allow_public_suffix_source(void)
{
	return suffix_list() != NULL ? "libpsl " PSL_VERSION : NO_LIST;
}

#else

bool
allow_public_suffix(const char *name)
{
	return !is_reserved(name) && strchr(name, '.') == NULL;
}

const char *
allow_public_suffix_source(void)
{
	return NO_LIST;
}

#endif
