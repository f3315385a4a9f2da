/*
 * wait.h
 *	  Waiting for room in a budget, with no transaction open around the wait.
 */
#ifndef AGENTCORE_BUDGET_WAIT_H
#define AGENTCORE_BUDGET_WAIT_H

#include "budget/budget.h"

/*
 * Tries, commits and sleeps until the permit is granted, can never be granted, or
 * the time (us; negative: no limit) is over.  Only where a procedure may commit.
 * Strings of the decision live as long as the caller's memory context.
 */
extern void wait_acquire(const PermitRequest *request, int64 deadline, PermitDecision *out);

#endif							/* AGENTCORE_BUDGET_WAIT_H */
