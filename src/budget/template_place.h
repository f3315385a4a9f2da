/*
 * template_place.h
 *	  Whether a template may make a budget, and how many.
 */
#ifndef AGENTCORE_BUDGET_TEMPLATE_PLACE_H
#define AGENTCORE_BUDGET_TEMPLATE_PLACE_H

#include "budget/budget_path.h"
#include "budget/template_find.h"

/* Whether the link has a row, or may get one; detail: why not. */
extern bool template_admits(const BudgetPath *path, const PathLink *link, char **detail);
extern char *template_too_many(const PathLink *link);

/* whether one of the budgets from this one upwards has a limit of tokens, money or calls */
extern bool template_is_limited(const BudgetPath *path, const char *budget);

/* 22023 when the first budget of the path is one that a template makes */
extern void template_check_parent(const BudgetPath *path);

typedef enum TemplatePlace
{
	PLACE_FREE,
	PLACE_FULL,					/* max_budgets have been made */
	PLACE_BUSY					/* ... if those that are being made are committed */
} TemplatePlace;

/*
 * A place for one more budget.  With "take" it is the caller's to the end of the
 * transaction; otherwise PLACE_FREE says only that there was one.
 */
extern TemplatePlace template_place(const char *tenant, const BudgetTemplate *template, bool take, int *place);

/* The template stays as it is to the end of the transaction; false: it is being changed. */
extern bool template_hold(const char *tenant, const char *pattern);

/* Nobody makes a budget of it to the end of the transaction; 55P03. */
extern void template_lock(const char *tenant, const char *pattern);

#endif							/* AGENTCORE_BUDGET_TEMPLATE_PLACE_H */
