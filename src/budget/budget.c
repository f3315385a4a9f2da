/*
 * budget.c
 *	  What this room does when the library is loaded.
 *
 * Memory, locks: those of the parts.  On ERROR: the library is not loaded.
 */
#include "budget/budget.h"

#include "budget/guard.h"
#include "budget/lock_order.h"
#include "budget/wake.h"

void
budget_init(void)
{
	lock_order_init();
	guard_init();
	wake_init();
}
