/*
 * denial.h
 *	  The numbers of a budget's refusal, for programs: as columns, and as text.
 */
#ifndef AGENTCORE_BUDGET_DENIAL_H
#define AGENTCORE_BUDGET_DENIAL_H

#include "budget/budget.h"

/* name=value, divided by blanks; texts are JSON strings, and null is what there is not */
extern char *denial_text(const PermitDecision *decision);

/* deny, wait or ask */
extern const char *denial_on_full(const PermitDecision *decision);

#endif							/* AGENTCORE_BUDGET_DENIAL_H */
