/*
 * budget_template.h
 *	  Budgets that are made by their first use, of a template.
 */
#ifndef AGENTCORE_BUDGET_BUDGET_TEMPLATE_H
#define AGENTCORE_BUDGET_BUDGET_TEMPLATE_H

#include "budget/path_lock.h"

/* whether a budget of the path has no row yet */
extern bool template_is_needed(const BudgetPath *path);

/*
 * Makes the budgets of the path that have no row yet, between path_peek() and
 * path_enter().  Unless PATH_ENTERED, *out says by whom it is refused, or contention.
 */
extern PathAnswer template_make(BudgetPath *path, PermitDecision *out, MemoryContext cxt);

/* the same for an administrator: 55P03, TC002 */
extern void template_make_or_raise(BudgetPath *path);

#endif							/* AGENTCORE_BUDGET_BUDGET_TEMPLATE_H */
