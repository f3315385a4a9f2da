/*
 * call_key.h
 *	  Idempotency: the call that was made before under the same key.
 */
#ifndef AGENTCORE_CALL_CALL_KEY_H
#define AGENTCORE_CALL_CALL_KEY_H

#include "call/gate.h"

/* the stage: looks at the earlier call, and ends it where its lease is over */
extern void judge_key(Gate *gate);
extern void key_settle_earlier(Gate *gate);

#endif							/* AGENTCORE_CALL_CALL_KEY_H */
