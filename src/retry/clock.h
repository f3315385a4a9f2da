/*
 * clock.h
 *	  When something was taken of what this room keeps in shared memory, and whose
 *	  it is.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_CLOCK_H
#define AGENTCORE_RETRY_CLOCK_H

#include "postgres.h"

/* a clock that only runs forwards, the same in every backend; us, and never 0 */
extern int64 slot_clock(void);

/* before a transaction ends that will give something back: then no table can be read */
extern void slot_note_installation(void);

#endif							/* AGENTCORE_RETRY_CLOCK_H */
