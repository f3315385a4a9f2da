/*
 * define.h
 *	  What the changes of budgets and of their limits have in common.
 */
#ifndef AGENTCORE_BUDGET_DEFINE_H
#define AGENTCORE_BUDGET_DEFINE_H

#include "budget/definition.h"

#include "utils/array.h"

/* Call these between agc_owner_begin() and agc_owner_end(), define_window_of_args() anywhere. */

/* Until COMMIT nobody else changes a budget of the tenant. */
extern void define_lock(const char *tenant);

/* AgcSetter.before: define_lock() */
extern void define_before(AgcSetting *set);

/*
 * The window that a setter's arguments say: period (argument n), then kind, tz and
 * anchor.  If only the period was changed, the kind stays as long as it suits the
 * new period.
 */
extern void define_window_of_args(FunctionCallInfo fcinfo, AgcSetting *set, int n, Window *window);

/* a setter's arguments max_tokens (at n), max_usd and max_calls, as they are stored */
extern void define_put_maxima(AgcRow *row, FunctionCallInfo fcinfo, int n);

/* all members of members.h, judged, as they are stored; 22023 for what cannot be, 42704 for an unknown role */
extern void define_put_members(AgcRow *row, FunctionCallInfo fcinfo, AgcSetting *set, const Window *window);

extern void define_check_overflow(const char *tenant, const char *overflow);
extern int	define_count(FunctionCallInfo fcinfo, int n, const char *what, int missing);
extern ArrayType *define_only(FunctionCallInfo fcinfo, int arg);	/* not given: NULL */

#endif							/* AGENTCORE_BUDGET_DEFINE_H */
