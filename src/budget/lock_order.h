/*
 * lock_order.h
 *	  What this transaction has locked of budgets, and what it may wait for.
 */
#ifndef AGENTCORE_BUDGET_LOCK_ORDER_H
#define AGENTCORE_BUDGET_LOCK_ORDER_H

#include "core/core.h"

/*
 * A budget's place in the order: the deepest first, those of one depth by tenant
 * and name.
 */
typedef struct LockPlace
{
	int			depth;			/* 0: a root */
	const char *tenant;
	const char *budget;
} LockPlace;

/* whether this transaction holds a permit, key or counter that others may wait for */
extern bool lock_order_held(void);

/* this transaction has locked a permit or a key */
extern void lock_order_note(void);

/* whether this transaction may wait for the counter: it has locked none that comes after it */
extern bool lock_order_may_wait(const LockPlace *place);

/* this transaction has locked the counter */
extern void lock_order_note_counter(const LockPlace *place);

extern void lock_order_init(void);

#endif							/* AGENTCORE_BUDGET_LOCK_ORDER_H */
