/*
 * path_union.h
 *	  The budgets of one request as one path: the chains of all that it names.
 */
#ifndef AGENTCORE_BUDGET_PATH_UNION_H
#define AGENTCORE_BUDGET_PATH_UNION_H

#include "budget/budget_path.h"

/*
 * All that the request names and what is above each, without those that leave such
 * calls out.  The request has to live as long as the path.  Raises 42704 for a budget
 * that does not exist, 54001 for too many.
 */
extern void path_of_request(BudgetPath *path, const PermitRequest *request);

/*
 * The overflow of the budget that refuses, with all above it, takes the place of that
 * budget, whose parents stay; false: it has none for this request.  What an overflow
 * has brought has none.  No lock of the path may be held.
 */
extern bool path_overflow(BudgetPath *path, const PermitDecision *refusal);

/* whether a resolved path would be the same by the definitions of now */
extern bool path_is_as_asked(const BudgetPath *path);

/*
 * Whose on_expiry and overrun count: the budget's, or those of its overflow, or of the
 * next above it that is in the path.  NULL: there is none any more.
 */
extern const BudgetDef *path_payer(const BudgetPath *path, const char *budget);

/* who waits below a root of the permit's budgets looks again, once this transaction commits */
extern void path_wake(BudgetPath *path, const Permit *permit);

/* the root above a budget; itself, if there is no such budget */
extern const char *path_root(const char *tenant, const char *budget);

#endif							/* AGENTCORE_BUDGET_PATH_UNION_H */
