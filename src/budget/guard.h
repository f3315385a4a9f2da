/*
 * guard.h
 *	  Mistakes with transactions, told as they are made.
 */
#ifndef AGENTCORE_BUDGET_GUARD_H
#define AGENTCORE_BUDGET_GUARD_H

#include "budget/rows.h"

/* These warn or raise 25001, as agentcore.budget_guard says. */

/* before an acquire: whether the transaction block has been open for too long */
extern void guard_acquire(void);

/* after it: this transaction has made or reopened the permit */
extern void guard_begun(const pg_uuid_t *id);

/* it is charged at once, with nothing between: no mistake */
extern void guard_forget(const pg_uuid_t *id);

/* before a charge: whether this transaction has made the permit */
extern void guard_charge(const Permit *permit);
extern void guard_init(void);

#endif							/* AGENTCORE_BUDGET_GUARD_H */
