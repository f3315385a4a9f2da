/*
 * loop.h
 *	  The loop guard's memory: how often was this call made lately?
 */
#ifndef AGENTCORE_CALL_LOOP_H
#define AGENTCORE_CALL_LOOP_H

#include "core/core.h"

extern int	loop_count(const uint8 *hash);
extern void loop_note(const uint8 *hash);
extern void loop_init(void);

#endif							/* AGENTCORE_CALL_LOOP_H */
