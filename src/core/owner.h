/*
 * owner.h
 *	  Running SPI as the owner of the extension's tables, and whose change it is then
 */
#ifndef AGENTCORE_CORE_OWNER_H
#define AGENTCORE_CORE_OWNER_H

#include "core/compat.h"

#include "executor/spi.h"
#include "utils/elog.h"

/* ----- running as the owner (owner.c) -------------------------------------
 *
 * SPI as the owner of the extension's tables with search_path pinned to
 * pg_catalog, pg_temp.  On ERROR, (sub)transaction abort restores all of it.
 * CurrentMemoryContext stays the caller's throughout.  What SPI_tuptable and
 * SPI_getbinval() point to lives until agc_owner_end(): copy it before.
 */
typedef struct AgcOwner
{
	Oid			saved_user;
	int			saved_sec;
	int			guc_level;
	bool		bounded;
	ErrorContextCallback hint;	/* while bounded */
} AgcOwner;

typedef struct AgcPlan
{
	const char *sql;
	int			nargs;
	const Oid  *argtypes;
	SPIPlanPtr	plan;			/* NULL until first use; kept for the session */
} AgcPlan;

extern void agc_owner_begin(AgcOwner *owner);

/*
 * The same for statements that wait for an administrator's open transaction:
 * no longer than agentcore.budget_lock_wait, then 55P03.
 */
extern void agc_owner_begin_bounded(AgcOwner *owner);
extern void agc_owner_end(AgcOwner *owner);
extern int	agc_spi(AgcPlan *plan, Datum *values, const char *nulls);
extern int	agc_spi_read(AgcPlan *plan, Datum *values, const char *nulls);
extern Oid	agc_owner_oid(void);

/* begin, agc_spi, end: how many rows the statement touched */
extern uint64 agc_owner_spi_bounded(AgcPlan *plan, Datum *values, const char *nulls);
extern uint64 agc_owner_spi(AgcPlan *plan, Datum *values, const char *nulls);

/*
 * Runs write(arg), whose changes a history names the current role for, although
 * it writes as the owner (attribution.c).
 */
extern void agc_attributed(void (*write) (void *arg), void *arg);

/* the name of that role: the caller of the setter that is writing, else the current user */
extern char *agc_history_writer(void);

#endif							/* AGENTCORE_CORE_OWNER_H */
