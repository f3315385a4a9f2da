/*
 * definition.h
 *	  What a budget is defined as, compiled from its rows.
 */
#ifndef AGENTCORE_BUDGET_DEFINITION_H
#define AGENTCORE_BUDGET_DEFINITION_H

#include "budget/window.h"

/* the name of the window that budget_set() defines */
#define MAIN_LIMIT	"main"

/* a copy; false when there is no such budget */
extern bool definition_read(const char *tenant, const char *budget, BudgetDef *out);

/* the same; 42704 when there is no such budget */
extern void definition_require(const char *tenant, const char *budget, BudgetDef *out);

/* what the row of a budget and that of a template have in common */
extern void definition_of_row(HeapTuple tuple, TupleDesc desc, BudgetDef *def);

/* the limit's name, MAIN_LIMIT for the main window */
extern const char *definition_limit_name(const BudgetLimit *limit);

#endif							/* AGENTCORE_BUDGET_DEFINITION_H */
