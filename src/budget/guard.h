/*
 * guard.h
 *	  Transactions that keep others waiting: said, and waited for outside of one.
 */
#ifndef AGENTCORE_BUDGET_GUARD_H
#define AGENTCORE_BUDGET_GUARD_H

#include "budget/rows.h"

/* ----- mistakes (guard.c); warn or raise 25001 by agentcore.budget_guard ----- */

/* before an acquire: has the transaction block been open for too long? */
extern void guard_acquire(void);

/* after it: this transaction has made or reopened the permit */
extern void guard_begun(const pg_uuid_t *id);

/* before a charge: is it that transaction still? */
extern void guard_charge(const Permit *permit);
extern void guard_init(void);

/* ----- waiting for room (wait.c) ----- */

/*
 * Tries, commits and waits until the permit is there, can never be, or the
 * time (us; negative: none) is over.  Only where the procedure may commit;
 * strings of the decision live as long as the caller's memory context.
 */
extern void wait_acquire(const PermitRequest *request, int64 deadline, PermitDecision *out);

/* a budget below this root has room again, once this transaction commits */
extern void wait_wake(const char *tenant, const char *root);
extern void wait_init(void);

#endif							/* AGENTCORE_BUDGET_GUARD_H */
