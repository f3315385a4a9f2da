/*
 * refuse.h
 *	  Every refusal of the gate, in its words.
 */
#ifndef AGENTCORE_CALL_REFUSE_H
#define AGENTCORE_CALL_REFUSE_H

#include "allow/allow.h"
#include "call/gate.h"
#include "retry/retry.h"

/* tenant, agent, tool, model; nearest: a name that the model may be told, or NULL */
extern void refuse_tenant(Gate *gate);
extern void refuse_agent(Gate *gate);
extern void refuse_early(Gate *gate, char *detail, int64 left);
extern void refuse_stopped_task(Gate *gate, const char *stopped);
extern void refuse_impossible_name(Gate *gate, const char *nearest);
extern void refuse_unknown_tool(Gate *gate, const char *nearest);
extern void refuse_disabled_tool(Gate *gate);
extern void refuse_changed_tool(Gate *gate);
/* alias_of: a model that an alias names, and that has no price either; or NULL */
extern void refuse_unknown_model(Gate *gate, const char *alias_of, const char *nearest);
extern void refuse_unpriced_fee(Gate *gate, const char *fee);

/*
 * What the policy says of the tool, or of an address among the arguments: a
 * refusal, or in the policy's audit mode what it would have refused, or nothing.
 * instead: what would be allowed, in sentences; is_near: of the same host.
 */
extern void refuse_tool_by_policy(Gate *gate, const AllowDecision *decision);
extern void refuse_url_by_policy(Gate *gate, const AllowDecision *decision, const char *instead, bool is_near);

/* arguments; path: where in them, as a JSON Pointer */
extern void refuse_no_call(Gate *gate, char *problem);
extern void refuse_oversized(Gate *gate);
extern void refuse_unreadable(Gate *gate, const WrittenJson *how);
extern void refuse_limit(Gate *gate, const char *path, const char *message);
extern void refuse_errors(Gate *gate, const char *when);
extern void refuse_misplaced_url(Gate *gate);
extern void refuse_uncontained_urls(Gate *gate);
extern void refuse_unreadable_content(Gate *gate);

/* the call that has the key; the gate's call_id is its */
extern void refuse_key_in_use(Gate *gate, int64 retry_after);
extern void refuse_key_conflict(Gate *gate);
extern void refuse_outcome_unknown(Gate *gate);
extern void refuse_deferred(Gate *gate, int64 retry_after);

/* a call that does not run again: without what it counts in, done otherwise, under way, unknown, and another at it */
extern void refuse_without_scope(Gate *gate, const char *reason);
extern void refuse_done_before(Gate *gate, const OnceCall *call, List *differs);
extern void refuse_runs_already(Gate *gate, const pg_uuid_t *id, int64 open_for);
extern void refuse_once_unknown(Gate *gate, const pg_uuid_t *id);
extern void refuse_contended_once(Gate *gate);

extern void refuse_loop(Gate *gate, int count);
extern void refuse_loop_of_refusals(Gate *gate, int count);

/* the cache's word */
extern void refuse_computing(Gate *gate, const CacheResult *found);
extern void refuse_failed_before(Gate *gate, const CacheResult *found);

extern void refuse_breaker(Gate *gate, const BreakerDecision *decision);
extern void refuse_rate(Gate *gate, const RateDecision *decision);

/* a limit of a policy, which said why; retry_after: us, or -1 */
extern void refuse_by_limit(Gate *gate, const CallLimit *limit, int64 retry_after);

/* approvals: not asked for, too many asked for, what a request can say, and another at it */
extern void refuse_unasked(Gate *gate);
extern void refuse_too_many_asked(Gate *gate);
extern void refuse_pending(Gate *gate, const pg_uuid_t *id);
extern void refuse_disapproved(Gate *gate, const pg_uuid_t *id);
extern void refuse_undecided(Gate *gate, const pg_uuid_t *id);
extern void refuse_contended_approval(Gate *gate);

extern void refuse_unknown_budget(Gate *gate);
extern void refuse_budget(Gate *gate, const PermitDecision *decision);

/* the feedback of a verdict wait, where the refusal gave none */
extern void refuse_say_wait(Gate *gate);

/*
 * Of a call that may run with several models: which n were refused before the verdict,
 * and all of them, of which the gate has the one that the row is about.
 */
extern void refuse_tell_passed_over(Gate *gate, const Gate *refused, int n);
extern void refuse_all_models(Gate *gate, const Gate *refused, int n);

#endif							/* AGENTCORE_CALL_REFUSE_H */
