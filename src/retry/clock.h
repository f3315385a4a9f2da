/*
 * clock.h
 *	  The clock of what this room keeps in shared memory.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_CLOCK_H
#define AGENTCORE_RETRY_CLOCK_H

#include "postgres.h"

/* a clock that only runs forwards, the same in every backend; us, and never 0 */
extern int64 slot_clock(void);

#endif							/* AGENTCORE_RETRY_CLOCK_H */
