/*
 * call_target.h
 *	  The target of a call: what is judged and taken of it, and what the end of a
 *	  call says of it.
 */
#ifndef AGENTCORE_CALL_CALL_TARGET_H
#define AGENTCORE_CALL_CALL_TARGET_H

#include "call/gate.h"
#include "retry/retry.h"

/* the stages "breaker" and "rate" */
extern void judge_breaker(Gate *gate);
extern void judge_rate(Gate *gate);

/* the rate token and the half-open probe; false: refused, and the caller gives back what was taken */
extern bool take_target(Gate *gate);

/*
 * How the call ended, for its target.  The tool is the permit's, NULL for a model
 * call and for a tool that is gone.  tokens: what the call used, -1: not known.
 * None of it is transactional, and each does nothing where there is no target.
 */
extern void target_succeeded(const char *tenant, const PermitRow *permit, const ToolDef *tool, int64 tokens);
extern void target_failed(const char *tenant, const PermitRow *permit, const ToolDef *tool,
						  const RetryAdvice *advice, int64 tokens);

/* how many tokens a call takes of a rate */
extern int64 target_tokens(const Gate *gate);

typedef enum TargetOutcome
{
	TARGET_ANSWERED,			/* the target works, whatever it answered */
	TARGET_TROUBLE,
	TARGET_SILENT				/* says nothing of the target */
} TargetOutcome;

/* what a failure with this reason (of call_fail(); or NULL) says of the target */
extern TargetOutcome target_outcome(const char *reason);

/* The call holds so many tokens more than it began with. */
extern void target_extended(const char *tenant, const PermitRow *permit, int64 tokens);

/* The call never ran, or its end says nothing: nothing is counted, and what it took goes back at COMMIT. */
extern void target_given_up(const char *tenant, const PermitRow *permit, const ToolDef *tool);

#endif							/* AGENTCORE_CALL_CALL_TARGET_H */
