/*
 * threshold.h
 *	  Soft thresholds: whom a budget tells before it refuses.
 */
#ifndef AGENTCORE_BUDGET_THRESHOLD_H
#define AGENTCORE_BUDGET_THRESHOLD_H

#include "budget/budget_path.h"

/*
 * After path_enter(): an event for every threshold that the charge reaches.  The
 * permit is NULL where none was charged.
 */
extern void threshold_tell(BudgetPath *path, const Permit *permit);

#endif							/* AGENTCORE_BUDGET_THRESHOLD_H */
