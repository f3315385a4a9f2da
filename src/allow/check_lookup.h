/*
 * check_lookup.h
 *	  Functions of the business by their names, ready to be called.
 *
 * Part of the room's public face: check_function.h includes it.
 */
#ifndef AGENTCORE_ALLOW_CHECK_LOOKUP_H
#define AGENTCORE_ALLOW_CHECK_LOOKUP_H

#include "core/core.h"

typedef enum CheckKind
{
	CHECK_TEXT,					/* returns text */
	CHECK_NUMERIC				/* returns numeric */
} CheckKind;

#define CHECK_KINDS	2

typedef struct CheckFunction CheckFunction;

/* The function as it is now; NULL: *problem says why it may not be run for the tenant. */
extern CheckFunction *check_lookup_borrow(const char *name, CheckKind kind, const char *tenant, const char **problem);

/* what it is called through */
extern FmgrInfo *check_lookup_call(CheckFunction *function);

/* broken: what its language keeps for it is not used again */
extern void check_lookup_return(CheckFunction *function, bool broken);

extern void check_lookup_init(void);

/*
 * The function by its name, raised about if it may not be run for the tenant:
 * 42883, 22023, 42501; a WARNING where PUBLIC may execute it.
 */
extern void check_function_require(const char *name, CheckKind kind, const char *tenant);

/* why it may not be run now; NULL: it may */
extern const char *check_function_problem(const char *name, CheckKind kind, const char *tenant);

#endif							/* AGENTCORE_ALLOW_CHECK_LOOKUP_H */
