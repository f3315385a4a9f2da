/*
 * watch.c
 *	  The slots that breaker and pause of a target share, so that one look finds both.
 *
 * Kinds keep apart what the gate has seen of a target and what a role says of
 * it in breaker_report(): a role could otherwise shut the target for every
 * agent of the tenant.
 *
 * Locking: the LWLock of the slot's partition, which the callers take.  Memory:
 * shared slots.  On ERROR: the states are not transactional.
 */
#include "retry/watch.h"

SlotTable	watch_slots = {"agentcore_breaker", "breaker", sizeof(Watch), NULL, NULL};

void
watch_init(void)
{
	slot_table_register(&watch_slots);
}

int64
watch_busy_until(const Watch *watch)
{
	return Max(circuit_busy_until(&watch->circuit), watch->paused_until);
}
