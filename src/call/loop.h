/*
 * loop.h
 *	  The loop guard's memory: how often was this call made lately?
 */
#ifndef AGENTCORE_CALL_LOOP_H
#define AGENTCORE_CALL_LOOP_H

#include "core/core.h"

/* a count starts anew after this long */
#define LOOP_WINDOW_US (10 * USECS_PER_MINUTE)

/* what the table knows a call by, given its digest */
extern uint64 loop_tag(const uint8 *hash);

extern int	loop_count(uint64 tag);
extern void loop_note(uint64 tag);

/* one time less; reads no table, allocates nothing and raises nothing */
extern void loop_forget(uint64 tag);
extern void loop_init(void);

#endif							/* AGENTCORE_CALL_LOOP_H */
