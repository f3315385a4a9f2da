/*
 * cached_answer.h
 *	  What the cache knows of the answer, and the lease to compute it.
 */
#ifndef AGENTCORE_CALL_CACHED_ANSWER_H
#define AGENTCORE_CALL_CACHED_ANSWER_H

#include "call/gate.h"

/* the stage */
extern void judge_cache(Gate *gate);

/* false: an answer came in between, or somebody computes it */
extern bool answer_take_lease(Gate *gate);

/* for the counters, once the call runs */
extern void answer_count_replaced(const Gate *gate);

/* a refused call gets an answer past its soft deadline, if there is one */
extern void answer_serve_stale(Gate *gate);

#endif							/* AGENTCORE_CALL_CACHED_ANSWER_H */
