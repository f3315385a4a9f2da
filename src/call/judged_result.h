/*
 * judged_result.h
 *	  The result of a settlement, judged by the output schema of its tool.
 */
#ifndef AGENTCORE_CALL_JUDGED_RESULT_H
#define AGENTCORE_CALL_JUDGED_RESULT_H

#include "call/gate.h"

typedef struct JudgedResult
{
	const char *wrong;			/* in a few words; NULL: nothing, or it was not judged */
	bool		enforced;		/* false: a tool in audit mode only reports */
} JudgedResult;

/* Judges, notes what is wrong in the answer, and tells the caller.  tool NULL: nothing is wrong. */
extern JudgedResult judge_result(const ToolDef *tool, PermitAnswer *answer);

#endif							/* AGENTCORE_CALL_JUDGED_RESULT_H */
