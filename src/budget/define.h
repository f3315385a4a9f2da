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

/* min_hold_tokens (at n) and min_hold_usd */
extern void define_put_min_hold(AgcRow *row, FunctionCallInfo fcinfo, int n);

/* Other arguments of budget_set(), judged, as they are stored; 22023 for what cannot be. */
extern char *define_word(FunctionCallInfo fcinfo, int n, const char *what, const char *one, const char *other);
extern void define_put_full(AgcRow *row, FunctionCallInfo fcinfo, int n);	/* on_full (at n) and overflow */
extern void define_check_overflow(const char *tenant, const char *overflow);
extern int	define_count(FunctionCallInfo fcinfo, int n, const char *what, int missing);
extern ArrayType *define_thresholds(FunctionCallInfo fcinfo, int arg);
extern ArrayType *define_spenders(FunctionCallInfo fcinfo, int arg, bool judge);	/* judge: 42704 for an unknown role */
extern ArrayType *define_only(FunctionCallInfo fcinfo, int arg);	/* not given: NULL */
extern Datum define_max_overrun(FunctionCallInfo fcinfo, int arg);

#endif							/* AGENTCORE_BUDGET_DEFINE_H */
