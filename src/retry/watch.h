/*
 * watch.h
 *	  What is watched of a target in shared memory: its circuit breaker, and the
 *	  pause that it asked for, in one slot per installation, tenant, kind and target.
 */
#ifndef AGENTCORE_RETRY_WATCH_H
#define AGENTCORE_RETRY_WATCH_H

#include "retry/circuit.h"
#include "retry/slots.h"

/* what the gate saw, and what a role says */
#define WATCH_GATE	'b'
#define WATCH_RAW	'r'

/* All zeroes is a target of which nothing is known. */
typedef struct Watch
{
	Circuit		circuit;
	int64		paused_until;	/* us of slot_clock(); kind WATCH_GATE only */
} Watch;

extern SlotTable watch_slots;

extern void watch_init(void);

/* until when the slot must not be given to another target */
extern int64 watch_busy_until(const Watch *watch);

#endif							/* AGENTCORE_RETRY_WATCH_H */
