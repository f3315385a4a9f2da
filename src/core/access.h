/*
 * access.h
 *	  Who may do what for which tenant (access.c).  A part of core.h.
 */
#ifndef AGENTCORE_CORE_ACCESS_H
#define AGENTCORE_CORE_ACCESS_H

#include "postgres.h"

/*
 * Every entry point that touches a table, the cache or a tenant's object
 * begins with agc_enter(): it processes pending invalidations and raises
 * 42501 unless the calling role (GetUserId(), so SET ROLE and a user's own
 * SECURITY DEFINER wrappers count) holds `need` for `tenant`.
 */
typedef enum AgcLevel
{
	AGC_NOBODY,
	AGC_READER,
	AGC_AGENT,
	AGC_APPROVER,				/* decides what a person must allow, and sees its arguments */
	AGC_ADMIN
} AgcLevel;

/*
 * While the tenant is disabled, agc_enter() refuses what needs level agent
 * (TC003).  agc_enter_disabled() is for what must work then too: settling and
 * reporting what was begun before, forgetting, and the gate, whose answer is a row.
 */
extern void agc_enter(const char *tenant, AgcLevel need);
extern void agc_enter_disabled(const char *tenant, AgcLevel need);
typedef void (*AgcEnter) (const char *tenant, AgcLevel need);	/* either */

/* a user's function runs that may look only: what needs level agent is 55000; set back on ERROR too */
extern bool agc_looks_only;
extern AgcLevel agc_level(Oid role, const char *tenant);
extern AgcLevel agc_level_parse(const char *name);

/* the highest level that the rows of a role by this name give it, members' aside */
extern AgcLevel agc_level_of_role(const char *role);

/* whether a row of its own, for the tenant or for all, says that the role names the person it speaks for */
extern bool agc_vouches(Oid role, const char *tenant);

/*
 * The tenants that a role may read, for which it may decide, and those that it
 * administers (text[]); the flags say "every tenant", whatever the arrays hold.
 * Valid until the next call of anything in access.c.
 */
typedef struct AgcReach
{
	bool		read_all;
	bool		decide_all;
	bool		admin_all;
	struct ArrayType *read;
	struct ArrayType *decide;
	struct ArrayType *admin;
} AgcReach;

extern const AgcReach *agc_reach(Oid role);

/*
 * Changes whenever agc_level() has heard of a change of a role, a membership or
 * a registry table: what was derived from those holds as long as it is the same.
 */
extern uint64 agc_access_version(void);

#endif							/* AGENTCORE_CORE_ACCESS_H */
