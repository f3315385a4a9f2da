/*
 * refuse.c
 *	  The words of every refusal: detail for those who run the agent, feedback
 *	  for its model.
 *
 * A model reads the feedback and acts on it, so each says what is wrong and
 * what to do instead, and names nothing that the policy keeps from the agent.
 * What others wrote (names, errors, a model's own arguments) is shown quoted
 * and cut short.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: raises none but for
 * want of memory.
 */
#include "call/refuse.h"

#include "call/call.h"
#include "common/pg_prng.h"
#include "utils/builtins.h"

/* bytes of another call's error that a model is shown */
#define ERROR_SHOWN 200

/* how long a worker is told to stay away while a person decides */
#define APPROVAL_POLL_US (5 * USECS_PER_SEC)

/* how much later than others a worker is told to come back to a paused target, at most, in us */
#define PAUSE_SPREAD_US (60 * USECS_PER_SEC)

/* what a budget or counter that is locked costs at least, in us */
#define CONTENTION_POLL_US 10000

static char *
quoted_tool(const Gate *gate)
{
	return agc_quoted_name(gate->tool_name);
}

/* ----- tenant, agent, tool ---------------------------------------------------- */

void
refuse_tenant(Gate *gate)
{
	gate_refuse(gate, REASON_TENANT_DISABLED, psprintf("tenant %s is switched off", agc_quoted_name(gate->tenant)),
				pstrdup("All tool use is switched off for now. Stop and tell the user."));
}

void
refuse_stopped_task(Gate *gate, const char *stopped)
{
	gate_refuse(gate, REASON_TASK_STOPPED, psprintf("task %s was stopped", agc_quoted_name(stopped)),
				pstrdup("This task was stopped. Make no more calls, and tell the user."));
}

void
refuse_agent(Gate *gate)
{
	gate_refuse(gate, REASON_AGENT_DISABLED, psprintf("agent %s is switched off", agc_quoted_name(gate->agent_name)),
				pstrdup("This agent is switched off. Stop and tell the user."));
}

void
refuse_impossible_name(Gate *gate, const char *nearest)
{
	const char *kind = gate->is_llm ? "model" : "tool";
	char	   *name = agc_quoted_name(gate->given_name);

	if (nearest != NULL)
		gate_refuse(gate, REASON_UNKNOWN_TOOL, psprintf("%s; nearest: %s", gate->impossible, nearest),
					psprintf("There is no %s %s. Did you mean %s? Use only the tools you were given.", kind, name, nearest));
	else
		gate_refuse(gate, REASON_UNKNOWN_TOOL, gate->impossible,
					psprintf("There is no %s %s. Use only what you were given.", kind, name));
}

void
refuse_unknown_tool(Gate *gate, const char *nearest)
{
	char	   *tool = quoted_tool(gate);

	if (nearest != NULL)
		gate_deny(gate, REASON_UNKNOWN_TOOL, psprintf("no tool %s; nearest: %s", tool, nearest),
				  psprintf("There is no tool %s. Did you mean %s? Use only the tools you were given.", tool, nearest));
	else
		gate_deny(gate, REASON_UNKNOWN_TOOL, psprintf("no tool %s", tool),
				  psprintf("There is no tool %s. Use only the tools you were given.", tool));
}

void
refuse_disabled_tool(Gate *gate)
{
	char	   *tool = quoted_tool(gate);

	gate_refuse(gate, REASON_TOOL_DISABLED, psprintf("tool %s is switched off", tool),
				psprintf("The tool %s is switched off. Continue without it.", tool));
}

void
refuse_changed_tool(Gate *gate)
{
	char	   *tool = quoted_tool(gate);

	gate_deny(gate, REASON_TOOL_CHANGED, psprintf("the definition of tool %s has changed, and nobody has accepted it", tool),
			  psprintf("The tool %s is held until a person has looked at a change of it. Continue without it.", tool));
}

void
refuse_unknown_model(Gate *gate, const char *alias_of, const char *nearest)
{
	char	   *model = quoted_tool(gate);
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail, "model %s has no price", model);
	if (alias_of != NULL)
		appendStringInfo(&detail, ", nor has %s, which an alias names", agc_quoted_name(alias_of));
	if (nearest != NULL)
		appendStringInfo(&detail, "; nearest: %s", nearest);
	gate_deny(gate, REASON_UNKNOWN_TOOL, detail.data,
			  nearest == NULL ? psprintf("The model %s is not available.", model) :
			  psprintf("The model %s is not available. Did you mean %s?", model, nearest));
}

void
refuse_unpriced_fee(Gate *gate, const char *fee)
{
	char	   *model = quoted_tool(gate);

	gate_deny(gate, REASON_UNKNOWN_TOOL,
			  psprintf("model %s has no price for %s", model, agc_quoted_name(fee)),
			  psprintf("The model %s must not use %s. Call it without.", model, agc_quoted_name(fee)));
}

/* ----- policy ------------------------------------------------------------------ */

static char *
url_feedback(const char *what, const AllowDecision *decision, const char *instead, bool is_near)
{
	if (strcmp(decision->reason, REASON_INVALID_URL) == 0)
		return psprintf("%s is not a URL that can be used (%s). Send a plain, absolute URL.%s",
						what, decision->detail ? decision->detail : "refused", instead);
	if (strcmp(decision->reason, REASON_METHOD_BLOCKED) == 0)
		return psprintf("%s must not be used with this method.%s%s", what,
						is_near ? "" : " Do not try again; use another source.", instead);
	if (is_near)
		return psprintf("%s is not allowed like this.%s", what, instead);
	return psprintf("%s is not allowed here. Do not try again; use another source or go on without it.%s", what, instead);
}

/* A policy in audit mode allows, and still says what it would have refused. */
static void
refuse_by_policy(Gate *gate, const AllowDecision *decision, char *feedback)
{
	gate->rule = decision->rule;
	if (decision->allowed)
		gate_observe(gate, decision->reason, decision->detail, feedback);
	else
		gate_deny(gate, decision->reason, decision->detail, feedback);
}

void
refuse_tool_by_policy(Gate *gate, const AllowDecision *decision)
{
	if (decision->reason != NULL)
		refuse_by_policy(gate, decision, decision->feedback != NULL ? pstrdup(decision->feedback) :
						 psprintf("The tool %s is not allowed here. Do not try again; use another of the tools you were given, or go on without it.",
								  quoted_tool(gate)));
}

/* Another call of the task may still show what a rule wants to know. */
void
refuse_early(Gate *gate, char *detail, int64 left)
{
	if (gate->reason == NULL)
		gate->feedback = psprintf("Another call of this task, which is still running, may show what %s needs. Try the same call again when it has ended.",
								  quoted_tool(gate));
	gate_wait(gate, REASON_IN_PROGRESS, detail, Min(Max(left, 0), GATE_POLL_US));
}

void
refuse_url_by_policy(Gate *gate, const AllowDecision *decision, const char *instead, bool is_near)
{
	const char *what = decision->host == NULL ? "An address in the arguments" :
		psprintf("The address %s", agc_shown(decision->host, AGC_MAX_NAME));

	refuse_by_policy(gate, decision, url_feedback(what, decision, instead, is_near));
}

/* ----- calls of a turn ---------------------------------------------------------- */

/* Something of a turn that a model or its provider wrote, and that is not judged. */
void
refuse_no_call(Gate *gate, char *problem)
{
	gate->stage = "arguments";
	gate_refuse(gate, REASON_INVALID_ARGS, problem,
				psprintf("This could not be run: it is %s. Make the call again, by itself, with the name of a tool and one JSON object.", problem));
}

/* ----- arguments --------------------------------------------------------------- */

/* [{"path": ..., "keyword": "limit", "message": ...}], as validation tells its errors */
static Jsonb *
limit_error(const char *path, const char *message)
{
	JsonbParseState *state = NULL;
	const char *members[] = {"path", path, "keyword", "limit", "message", message};
	JsonbValue *array;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < lengthof(members); i++)
		agc_push_text(&state, i % 2 == 0 ? WJB_KEY : WJB_VALUE, members[i]);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	array = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(array);
}

void
refuse_oversized(Gate *gate)
{
	char	   *problem = psprintf("the arguments have %s", gate->oversized);

	gate->errors = limit_error("", problem);
	gate_refuse(gate, REASON_INVALID_ARGS, problem,
				psprintf("The arguments are too large: at most %d kB are allowed. Call %s again with less, or pass a reference to it.",
						 agc_max_args_size, quoted_tool(gate)));
}

/* What a model can do about a fault of its text, beside writing JSON. */
static const char *
way_out(AgcJsonWrong wrong)
{
	switch (wrong)
	{
		case AGC_JSON_ENDS:
			return " It was cut off: send it whole, and shorter if need be.";
		case AGC_JSON_NUL:
		case AGC_JSON_CHARACTER:
			return " Leave it out.";
		case AGC_JSON_HALF:
			return " Write the whole character, or leave it out.";
		case AGC_JSON_SEVERAL:
			return " Make one call for each of them.";
		default:
			return "";
	}
}

/* Only the model is shown its text. */
void
refuse_unreadable(Gate *gate, const WrittenJson *how)
{
	char	   *problem = agc_json_problem(gate->args_text, &how->fault);
	char	   *near = written_json_near(gate->args_text, &how->fault);

	gate->errors = written_json_errors(gate->args_text, how);
	gate_deny(gate, REASON_INVALID_ARGS, problem,
				psprintf("The arguments are %s%s%s%s.%s Call %s again with one JSON object.", problem,
						 near != NULL ? ", near " : "", near != NULL ? near : "", written_json_wrong(how),
						 way_out(how->fault.wrong), quoted_tool(gate)));
}

/* Arguments that were not judged cannot run: audit mode does not look away here. */
void
refuse_limit(Gate *gate, const char *path, const char *message)
{
	char	   *tool = quoted_tool(gate);
	char	   *where = path[0] == '\0' ? "The arguments" : psprintf("The argument \"%s\"", path);

	gate->errors = limit_error(path, message);
	gate_refuse(gate, REASON_INVALID_ARGS, psprintf("limit: at \"%s\": %s", path, message),
				psprintf("%s of %s cannot be checked within the limits: %s. Call %s again with something shorter or simpler there.",
						 where, tool, message, tool));
}

/* A tool in audit mode has its schema tried out, and nothing else. */
void
refuse_errors(Gate *gate, const char *when)
{
	char	   *detail = psprintf("%d error(s) against the input schema%s", (int) JB_ROOT_COUNT(gate->errors), when);
	char	   *feedback = tool_args_feedback(gate->tool, gate->args, gate->errors);

	if (gate->tool->audit && !gate->explaining)
		gate_observe(gate, REASON_INVALID_ARGS, detail, feedback);
	else
		gate_deny(gate, REASON_INVALID_ARGS, detail, feedback);
}

void
refuse_misplaced_url(Gate *gate)
{
	gate_deny(gate, REASON_INVALID_URL, pstrdup("not a string"),
			  pstrdup("An address in the arguments must be a string."));
}

void
refuse_uncontained_urls(Gate *gate)
{
	gate_deny(gate, REASON_INVALID_URL, pstrdup("not the container that url_args lead through"),
			  pstrdup("An argument that holds addresses must be an object or a list, as the tool describes it, not a text."));
}

void
refuse_unreadable_content(Gate *gate)
{
	gate_deny(gate, REASON_INVALID_URL, pstrdup("content: it cannot be read"),
			  pstrdup("A text in the arguments that holds addresses must be plain JSON, without a key twice."));
}

/* ----- earlier calls ------------------------------------------------------------ */

/* Idempotency is no policy, so audit mode does not look away here. */
void
refuse_key_in_use(Gate *gate, int64 retry_after)
{
	gate_hold(gate, REASON_IN_PROGRESS, psprintf("call %s holds this key", hex_uuid(&gate->call_id)), retry_after);
}

void
refuse_deferred(Gate *gate, int64 retry_after)
{
	gate->feedback = psprintf("%s was refused for now, and asks not to be called again for about %d seconds. Do something else first, then try again.",
							  quoted_tool(gate), (int) Min(retry_after / USECS_PER_SEC + 1, PG_INT32_MAX));
	gate_hold(gate, REASON_RATE_LIMITED, pstrdup("the call was deferred until then"), retry_after);
}

/* A worker's own key is a mistake of the worker; what a model or its provider made is a row. */
void
refuse_key_conflict(Gate *gate)
{
	char	   *detail = psprintf("Agent %s used it with %s, another task, another subject or other budgets.",
								  agc_quoted_name(gate->agent_name),
								  gate->is_llm ? "another model, another list of fallbacks, other amounts" : "another tool, other arguments");

	if (!gate->rows_only)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" was used for another call", gate->key),
				 errdetail_internal("%s", detail),
				 errhint("Use a new key for a new call.")));
	gate_refuse(gate, REASON_KEY_CONFLICT, detail,
				pstrdup("This call has the id of another one that was made before. Make it again, with an id of its own."));
}

void
refuse_outcome_unknown(Gate *gate)
{
	gate_refuse(gate, REASON_OUTCOME_UNKNOWN,
				psprintf("call %s ended without an answer and the tool is not idempotent", hex_uuid(&gate->call_id)),
				pstrdup("This call was started before and nobody knows whether it took effect. Do not repeat it; check its effect first or ask the user."));
}

void
refuse_loop(Gate *gate, int count)
{
	gate_deny(gate, REASON_LOOP_DETECTED,
			  psprintf("made %d times within ten minutes; agentcore.loop_limit is %d", count, agc_loop_limit),
			  psprintf("You have made this very call %d times and its answer will not change. Use what you have, or do something else.", count));
}

/* What was wrong stays said: it is what the model has to change. */
void
refuse_loop_of_refusals(Gate *gate, int count)
{
	gate_refuse(gate, REASON_LOOP_DETECTED,
				psprintf("refused %d times within ten minutes (%s); agentcore.loop_limit is %d", count, gate->reason, agc_loop_limit),
				psprintf("You have made this very call %d times and it was refused each time. Change what is wrong, or do something else. %s",
						 count, gate->feedback));
}

void
refuse_computing(Gate *gate, const CacheResult *found)
{
	gate_wait(gate, REASON_IN_PROGRESS, pstrdup("another worker computes this answer"),
			  Min(found->retry_after, GATE_POLL_US));
}

/* A member of a kept failure that is a string. */
static bool
read_member(const Jsonb *failure, const char *name, JsonbValue *member)
{
	return JB_ROOT_IS_OBJECT(failure) &&
		getKeyJsonValueFromContainer((JsonbContainer *) &failure->root, name, strlen(name), member) != NULL &&
		member->type == jbvString;
}

/* This very call failed, its tool wants that remembered, and nothing has changed since. */
void
refuse_failed_before(Gate *gate, const CacheResult *found)
{
	JsonbValue	member;
	char	   *reason = "failed";
	char	   *error = "";

	if (read_member(found->value, "reason", &member))
		reason = agc_shown(pnstrdup(member.val.string.val, member.val.string.len), AGC_NAME_SHOWN);
	if (read_member(found->value, "error", &member))
		error = psprintf(" The error read %s.",
						 agc_quoted_bytes(member.val.string.val, member.val.string.len, ERROR_SHOWN));
	if (gate->reason == NULL)
	{
		gate->retry_after = found->retry_after;
		gate->result = gate->audit ? NULL : found->value;
	}
	gate_deny(gate, REASON_FAILED_BEFORE,
			  psprintf("a failure of this call is kept: %s", reason),
			  psprintf("This very call failed a moment ago and would fail again.%s Do not repeat it; change the arguments or do something else.", error));
}

/* ----- target -------------------------------------------------------------------- */

/* The tool has what the server cannot keep: nothing that time would cure. */
static void
refuse_without_shmem(Gate *gate, const char *reason, const char *what)
{
	const char *kind = gate->is_llm ? "model" : "tool";

	gate_deny(gate, reason, psprintf("the %s has a %s, which needs agentcore in shared_preload_libraries", kind, what),
			  psprintf("The %s %s is not available. Continue without it.", kind, quoted_tool(gate)));
}

/* never less than what is left, and not the same for all: they would come back together */
static int64
spread(int64 wait)
{
	return wait + (int64) pg_prng_uint64_range(&pg_global_prng_state, 0, Min(wait / 10, PAUSE_SPREAD_US));
}

static void
refuse_paused(Gate *gate, const BreakerDecision *decision)
{
	if (gate->reason == NULL)
		gate->feedback = psprintf("%s is overloaded or limits its calls, and asks to be left alone for about %d seconds. Do something else first, then try again.",
								  quoted_tool(gate), (int) Min(decision->paused / USECS_PER_SEC + 1, PG_INT32_MAX));
	gate_wait(gate, REASON_RATE_LIMITED,
			  psprintf("target %s asked to be left alone", agc_quoted_name(gate_target(gate))),
			  spread(decision->retry_after));
}

void
refuse_breaker(Gate *gate, const BreakerDecision *decision)
{
	if (decision->paused > 0)
		refuse_paused(gate, decision);
	else if (agc_shmem_ready())
		gate_wait(gate, REASON_CIRCUIT_OPEN,
				  psprintf("breaker of target %s is %s", agc_quoted_name(gate_target(gate)), decision->state),
				  decision->retry_after);
	else
		refuse_without_shmem(gate, REASON_CIRCUIT_OPEN, "breaker");
}

void
refuse_rate(Gate *gate, const RateDecision *decision)
{
	char	   *target = agc_quoted_name(gate_target(gate));

	if (!agc_shmem_ready())
		refuse_without_shmem(gate, REASON_RATE_LIMITED, "rate limit");
	else if (decision->never)
		gate_deny(gate, REASON_RATE_LIMITED,
				  psprintf("rate of target %s: %lld tokens are more than its whole limit", target, (long long) gate->est_tokens),
				  psprintf("This call of %s is too large: it asks for %lld tokens, which is never allowed at once. Make a smaller call.",
						   quoted_tool(gate), (long long) gate->est_tokens));
	else
		gate_wait(gate, REASON_RATE_LIMITED, psprintf("rate of target %s%s%s", target, decision->what ? ": " : "",
													  decision->what ? decision->what : ""), decision->retry_after);
}

/* ----- limits --------------------------------------------------------------------- */

void
refuse_by_limit(Gate *gate, const CallLimit *limit, int64 retry_after)
{
	if (limit->audit)
	{
		gate_observe(gate, limit->reason, limit->detail, limit->feedback);
		return;
	}
	if (gate->reason == NULL)
		gate->retry_after = retry_after;
	gate_deny(gate, limit->reason, limit->detail, limit->feedback);
}

/* ----- approvals ------------------------------------------------------------------ */

/* "approval", which one, and what for besides the call itself */
static char *
this_approval(const Gate *gate, const pg_uuid_t *id)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "approval");
	if (id != NULL)
		appendStringInfo(&out, " %s", hex_uuid(id));
	if (gate->exceeds != NULL)
		appendStringInfo(&out, " (to exceed budget %s)", gate->exceeds);
	return out.data;
}

void
refuse_unasked(Gate *gate)
{
	gate_wait(gate, REASON_APPROVAL_REQUIRED, psprintf("no %s was asked for yet", this_approval(gate, NULL)), APPROVAL_POLL_US);
}

void
refuse_too_many_asked(Gate *gate)
{
	gate_wait(gate, REASON_APPROVAL_REQUIRED,
			  psprintf("agent %s has %d open requests for approval, as many as agentcore.max_open_approvals allows",
					   agc_quoted_name(gate->agent_name), agc_max_open_approvals), APPROVAL_POLL_US);
}

void
refuse_pending(Gate *gate, const pg_uuid_t *id)
{
	const CallAsk *missing = gate->approval->missing;
	char	   *votes = missing == NULL || missing->votes == 1 ? "" :
		psprintf(" (%s has %d of %d votes)", agc_shown(missing->name, AGC_MAX_NAME), gate->approval->given, missing->votes);

	gate_wait(gate, REASON_APPROVAL_REQUIRED, psprintf("%s is pending%s", this_approval(gate, id), votes), APPROVAL_POLL_US);
}

void
refuse_disapproved(Gate *gate, const pg_uuid_t *id)
{
	gate_deny(gate, REASON_APPROVAL_REQUIRED, psprintf("%s was refused", this_approval(gate, id)),
			  pstrdup("A person refused this call. Do not try it again; ask the user how to go on."));
}

void
refuse_undecided(Gate *gate, const pg_uuid_t *id)
{
	gate_deny(gate, REASON_APPROVAL_EXPIRED,
			  psprintf("nobody decided %s in time", this_approval(gate, id)),
			  pstrdup("Nobody allowed this call in time. Do not try it again; ask the user how to go on."));
}

void
refuse_contended_approval(Gate *gate)
{
	gate_wait(gate, REASON_CONTENTION, pstrdup("another transaction is asking for, deciding or using this approval"),
			  CONTENTION_POLL_US);
}

/* ----- budget ---------------------------------------------------------------------- */

void
refuse_unknown_budget(Gate *gate)
{
	if (gate->reason == NULL)
		gate->denied_by = pstrdup(gate->budget);
	gate_deny(gate, REASON_BUDGET_EXCEEDED, psprintf("budget %s does not exist", agc_quoted_name(gate->budget)),
			  pstrdup("No budget pays for this call. Stop and tell the user."));
}

void
refuse_budget(Gate *gate, const PermitDecision *decision)
{
	if (strcmp(decision->reason, REASON_CONTENTION) == 0)
	{
		gate_wait(gate, REASON_CONTENTION, decision->detail, Max(decision->retry_after, CONTENTION_POLL_US));
		return;
	}
	if (gate->reason == NULL)
	{
		gate->denied_by = decision->denied_by;
		gate->denied = decision->denied;
	}
	if (decision->on_full == ON_FULL_WAIT)
	{
		if (gate->reason == NULL)
			gate->feedback = psprintf("The budget %s has nothing left for this call until it resets in about %d seconds. "
									  "Do something else first, then try again, or make a smaller call.",
									  agc_quoted_name(decision->denied_by),
									  (int) Min(decision->retry_after / USECS_PER_SEC + 1, PG_INT32_MAX));
		gate_wait(gate, decision->reason, decision->detail, decision->retry_after);
		return;
	}
	gate_deny(gate, decision->reason, decision->detail,
			  psprintf("The budget %s does not cover this call. %s", agc_quoted_name(decision->denied_by),
					   decision->can_ever_fit ?
						   "Finish with what you have, or make a smaller call." :
						   "It never will: make a smaller call, or finish with what you have."));
	if (gate->retry_after < 0)
		gate->retry_after = decision->retry_after;
}

/* ----- when patience ends ------------------------------------------------------------ */

/* What a worker shows its model when it does not wait any longer. */
void
refuse_say_wait(Gate *gate)
{
	char	   *what = psprintf("The %s %s", gate->is_llm ? "model" : "tool", quoted_tool(gate));

	if (gate->feedback != NULL)
		return;
	if (strcmp(gate->reason, REASON_APPROVAL_REQUIRED) == 0)
		gate->feedback = psprintf("A person must allow this call of %s first and has not decided yet. "
								  "Tell the user, and go on with something else; do not ask for the same in another way.",
								  quoted_tool(gate));
	else if (strcmp(gate->reason, REASON_IN_PROGRESS) == 0)
		gate->feedback = psprintf("%s is already running this very call. Ask again later; do not start it in another way.", what);
	else if (strcmp(gate->reason, REASON_CONTENTION) == 0)
		gate->feedback = psprintf("%s could not be started because others are using the same thing. Try the same call again.", what);
	else
		gate->feedback = psprintf("%s must be left alone for a while. Try the same call later, or go on without it.", what);
}

/* ----- several models ---------------------------------------------------------------- */

static char *
quoted_model(const Gate *gate)
{
	return agc_quoted_name(gate->given_name != NULL ? gate->given_name : gate->tool_name);
}

static char *
list_refused(const Gate *refused, int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		appendStringInfo(&list, "%s%s: %s", i > 0 ? "; " : "", quoted_model(&refused[i]), refused[i].reason);
		if (refused[i].detail != NULL)
			appendStringInfo(&list, " (%s)", refused[i].detail);
	}
	return list.data;
}

void
refuse_tell_passed_over(Gate *gate, const Gate *refused, int n)
{
	if (n == 0)
		return;
	gate->detail = gate->detail == NULL ? psprintf("instead of %s", list_refused(refused, n)) :
		psprintf("%s; instead of %s", gate->detail, list_refused(refused, n));
}

void
refuse_all_models(Gate *gate, const Gate *refused, int n)
{
	StringInfoData feedback;
	const char *separator = " Nor can other models be used: ";

	if (gate->verdict == VERDICT_WAIT)
		refuse_say_wait(gate);
	initStringInfo(&feedback);
	appendStringInfoString(&feedback, gate->feedback);
	for (int i = 0; i < n; i++)
		if (strcmp(refused[i].tool_name, gate->tool_name) != 0)
		{
			appendStringInfo(&feedback, "%s%s (%s)", separator, quoted_model(&refused[i]), refused[i].reason);
			separator = ", ";
		}
	appendStringInfoChar(&feedback, '.');
	gate->feedback = feedback.data;
	gate->detail = list_refused(refused, n);
}
