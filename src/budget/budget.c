/*
 * budget.c
 *	  What this room does when the library is loaded: its settings, and its
 *	  parts that hear of the end of a transaction.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "budget/budget.h"

#include <limits.h>

#include "budget/escrow.h"
#include "budget/guard.h"
#include "budget/by_hand.h"
#include "budget/escrow.h"
#include "budget/lock_order.h"
#include "budget/wake.h"

#include "utils/guc.h"

int			agc_budget_guard = AGC_GUARD_WARNING;
int			agc_budget_max_xact_age = 5000;
int			agc_budget_wait_max = 60 * 1000;
int			agc_budget_entries = 256;
bool		agc_debug_budget_entries = false;
double		agc_max_overrun = 10;

static const struct config_enum_entry guard_options[] = {
	{"off", AGC_GUARD_OFF, false},
	{"warning", AGC_GUARD_WARNING, false},
	{"error", AGC_GUARD_ERROR, false},
	{NULL, 0, false}
};

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.budget_entries",
							"Budgets that many sessions may use at once without waiting for each other.",
							"A budget that somebody had to wait for gets one of these entries of shared memory (6 kB each); the longest unused gives way. "
							"A budget without one is used by one transaction at a time. Fixed at server start.",
							&agc_budget_entries, 256, 1, 65536,
							agc_at_start(), 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.budget_guard",
							 "What happens to transactions that lock budgets for too long.",
							 "Applies to transactions that both acquire and charge a permit, and to those older than agentcore.budget_max_xact_age when they acquire. "
							 "warning: one WARNING of each kind per transaction; error: 25001, and call_begin, call_begin_many, llm_begin, budget_acquire and budget_try_acquire "
							 "are refused in every transaction block and block with EXCEPTION, before anything is taken.",
							 &agc_budget_guard, AGC_GUARD_WARNING, guard_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.budget_max_xact_age",
							"Largest age of a transaction block that acquires from a budget.",
							"A block that has been open for long will probably stay open, and it keeps the budget locked. "
							"agentcore.budget_guard decides what happens to it. 0 allows any age.",
							&agc_budget_max_xact_age, 5000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.budget_wait_max",
							"How long a call is made to wait for full budgets to reset.",
							"Counts for budgets with on_full wait; where a reset is further away the call is denied. "
							"The default lets windows of a minute be waited for, and leaves no worker idle for longer.",
							&agc_budget_wait_max, 60 * 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.debug_budget_entries",
							 "Gives every budget an entry at once, and not when somebody has waited for it; for tests.",
							 NULL, &agc_debug_budget_entries, false,
							 PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomRealVariable("agentcore.max_overrun",
							 "How many times its hold a permit may be charged by a role of level agent.",
							 "A permit that counts as a call can always be charged 100,000 tokens and 1 USD. The ledger records the rest as unbilled, with a WARNING. "
							 "An administrator charges everything; budget_set(max_overrun) overrides the limit for one budget.",
							 &agc_max_overrun, 10, 1, 1e9,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

void
budget_init(void)
{
	define_settings();
	lock_order_init();
	guard_init();
	wake_init();
	/* callbacks run in the reverse order: who is woken has to find the room */
	escrow_init();
	escrow_record_init();
	by_hand_init();
}
