/*
 * request.h
 *	  Reads what is asked of the gate: names and arguments, before a stage looks.
 */
#ifndef AGENTCORE_CALL_REQUEST_H
#define AGENTCORE_CALL_REQUEST_H

#include "call/gate.h"

/* an empty question */
extern void request_init(Gate *gate);

/* "what" the name stands for; one that nothing can have is refused later */
extern void request_put_name(Gate *gate, Datum given, const char *what);

/* as jsonb, as text, or none; null and blanks are none, as many clients send for a tool that takes none */
extern void request_put_args(Gate *gate, Datum args);
extern void request_put_args_text(Gate *gate, Datum args);
extern void request_put_no_args(Gate *gate);

#endif							/* AGENTCORE_CALL_REQUEST_H */
