/*
 * begin.h
 *	  One question through the gate, for the functions that ask.
 */
#ifndef AGENTCORE_CALL_BEGIN_H
#define AGENTCORE_CALL_BEGIN_H

#include "call/gate.h"
#include "core/row.h"

/* every stage, then what the call needs; the answer is in the Gate */
extern void begin_call(Gate *gate);

/* raises for an unknown agent or budget, and for one that is not the caller's */
extern void begin_require_agent(Gate *gate);

/* the columns of call_verdict */
extern void begin_put_answer(AgcRow *row, const Gate *gate);

#endif							/* AGENTCORE_CALL_BEGIN_H */
