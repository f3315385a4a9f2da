/*
 * given_result.h
 *	  The result that a settlement brings.
 */
#ifndef AGENTCORE_CALL_GIVEN_RESULT_H
#define AGENTCORE_CALL_GIVEN_RESULT_H

#include "call/gate.h"

/* Reads arguments "json" (result) and "text" (result_text).  Raises nothing. */
extern void given_result(FunctionCallInfo fcinfo, int json, int text, PermitAnswer *out);

/* A WARNING where something was dropped or repaired. */
extern void given_result_tell(const PermitAnswer *answer);

#endif							/* AGENTCORE_CALL_GIVEN_RESULT_H */
