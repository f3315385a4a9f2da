/*
 * template_find.h
 *	  The template that covers the name of a budget.
 */
#ifndef AGENTCORE_BUDGET_TEMPLATE_FIND_H
#define AGENTCORE_BUDGET_TEMPLATE_FIND_H

#include "budget/definition.h"

/* What is needed of a template beside the definition of its budgets. */
typedef struct BudgetTemplate
{
	char	   *pattern;		/* prefix* */
	int			max_budgets;
} BudgetTemplate;

/* The template that covers the name, and what a first use would make; NULL: none does. */
extern BudgetTemplate *template_find(const char *tenant, const char *name, BudgetDef *def);

/* its row; agc_table_close() the table after use */
extern Relation template_open(void);
extern HeapTuple template_row(Relation rel, const char *tenant, const char *name, BudgetTemplate *out);

#endif							/* AGENTCORE_BUDGET_TEMPLATE_FIND_H */
