/*
 * judged_result.c
 *	  The result of a settlement, judged by the output schema of its tool.
 *
 * The work is done, so the call is settled and charged whatever is wrong with its
 * result.  It is told in three places: to the caller, who has the result in its hand,
 * in the permit, where a repeated key finds it, and in the log.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "call/judged_result.h"

JudgedResult
judge_result(const ToolDef *tool, PermitAnswer *answer)
{
	JudgedResult judged = {NULL, true};
	Jsonb	   *errors = tool_result_errors(tool, answer->result);

	if (errors == NULL)
		return judged;
	judged.wrong = tool_result_summary(errors);
	judged.enforced = !tool->audit;
	answer->note = psprintf("%s%s" SETTLED_INVALID_RESULT ": %s", answer->note != NULL ? answer->note : "",
							answer->note != NULL ? "; " : "", judged.wrong);
	ereport(NOTICE,
			(errmsg("the result of tool %s does not match its output schema", agc_quoted_name(tool->name)),
			 errdetail_internal("%s.", judged.wrong),
			 errhint("agentcore.result_feedback() says it all in words for a model.")));
	return judged;
}
