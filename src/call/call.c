/*
 * call.c
 *	  What this room does when the library is loaded: its settings, and its
 *	  parts that hear of the end of a transaction.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "call/call.h"

#include "allow/allow.h"
#include "budget/budget.h"
#include "call/counted.h"
#include "call/loop.h"
#include "call/takes.h"
#include "tool/tool.h"
#include "utils/guc.h"

int			agc_loop_limit = 0;
int			agc_missing_shmem = AGC_MISSING_SHMEM_MISS;

static const struct config_enum_entry missing_shmem_options[] = {
	{"miss", AGC_MISSING_SHMEM_MISS, false},
	{"error", AGC_MISSING_SHMEM_ERROR, false},
	{NULL, 0, false}
};

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.loop_limit",
							"Number of identical calls of one task after which the gate says loop_detected.",
							"Counts calls with the same agent, task, tool and final arguments within ten minutes, and those refused for their name or arguments by what was sent; 0 turns the guard off.",
							&agc_loop_limit, 0, 0, 10000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.missing_shmem",
							 "What the gate does where the library was not preloaded.",
							 "miss: every cache lookup is a miss, with one WARNING per session; error: 55000.",
							 &agc_missing_shmem, AGC_MISSING_SHMEM_MISS, missing_shmem_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

void
call_init(void)
{
	define_settings();
	counted_init();
	loop_init();
	takes_init();
	tool_set_method_policies(allow_method_policies);
	tool_set_money_budgets(budget_names_without_min_hold);
}
