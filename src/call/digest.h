/*
 * digest.h
 *	  Digests of one call, each made once and only when it is asked for.
 */
#ifndef AGENTCORE_CALL_DIGEST_H
#define AGENTCORE_CALL_DIGEST_H

#include "call/gate.h"

/* the call as it runs, by which a key knows it, and as it was asked where that differs */
extern void digest_request(Gate *gate);

/* the call as it runs, for the loop guard; and as it was sent, for calls that are refused before it is known */
extern const uint8 *digest_final(Gate *gate);
extern const uint8 *digest_sent(const Gate *gate);

/* the call as it runs, with what a person must know to allow it */
extern const uint8 *digest_question(Gate *gate);

#endif							/* AGENTCORE_CALL_DIGEST_H */
