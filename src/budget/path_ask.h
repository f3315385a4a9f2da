/*
 * path_ask.h
 *	  What a request asks of its path, and how it goes on where that refuses.
 */
#ifndef AGENTCORE_BUDGET_PATH_ASK_H
#define AGENTCORE_BUDGET_PATH_ASK_H

#include "budget/budget_path.h"

/* its amounts; 22023 where one is negative */
extern void path_ask(const PermitRequest *request, int64 asked[BUDGET_NDIMS]);

/*
 * Whether another union may pay, which path and asked are then of; "soonest" knows when
 * any of those that refused may fit.
 */
extern bool path_goes_on(BudgetPath *path, int64 asked[BUDGET_NDIMS], const PermitDecision *refusal, PermitDecision *soonest);

/* None does: when it may be asked again. */
extern void path_refused(PermitDecision *out, const PermitDecision *soonest);

#endif							/* AGENTCORE_BUDGET_PATH_ASK_H */
