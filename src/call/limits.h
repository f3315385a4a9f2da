/*
 * limits.h
 *	  Work on what a model sent, whose limits are the model's trouble.
 */
#ifndef AGENTCORE_CALL_LIMITS_H
#define AGENTCORE_CALL_LIMITS_H

#include "call/gate.h"

/*
 * Does pure work; false where it ran into a limit, which is then refused.  The
 * work takes no lock, pin or file, so that nothing but memory is left behind
 * when its ERROR is caught here.
 */
extern bool within_limits(Gate *gate, void (*work) (Gate *gate, void *arg), void *arg);

/* the same without a refusal: the limit that was met, or NULL */
extern ErrorData *limit_met(Gate *gate, void (*work) (Gate *gate, void *arg), void *arg);

#endif							/* AGENTCORE_CALL_LIMITS_H */
