/*
 * kept_answer.h
 *	  What the cache keeps of a call that has ended.
 */
#ifndef AGENTCORE_CALL_KEPT_ANSWER_H
#define AGENTCORE_CALL_KEPT_ANSWER_H

#include "call/gate.h"

/*
 * Each of these ends the call's lease on its answer, if it has one.  The tool may be
 * NULL.  A result is stored at COMMIT; where nothing is stored the next caller
 * computes it anew.  false: a result should have been stored, and the cache did not
 * take it.
 */
extern bool kept_result(const char *tenant, const PermitRow *permit, const ToolDef *tool,
						Jsonb *result, int64 nanousd);
extern void kept_failure(const char *tenant, const PermitRow *permit, const ToolDef *tool,
						 int status, const char *reason, const char *error);
extern void kept_nothing(const PermitRow *permit);

/* the same, unless the transaction is rolled back */
extern void kept_nothing_at_commit(const PermitRow *permit);

#endif							/* AGENTCORE_CALL_KEPT_ANSWER_H */
