/*
 * permit_expire.h
 *	  Permits whose lease has ended: released or charged.
 */
#ifndef AGENTCORE_BUDGET_PERMIT_EXPIRE_H
#define AGENTCORE_BUDGET_PERMIT_EXPIRE_H

#include "budget/budget.h"

/*
 * Expires up to "limit" permits whose lease has ended, those of one budget or of
 * all (NULL); how many.  must: contention raises 55P03; else nothing is done then.
 */
extern int	permit_expire_ended(const char *tenant, const char *budget, int limit, bool must);

#endif							/* AGENTCORE_BUDGET_PERMIT_EXPIRE_H */
