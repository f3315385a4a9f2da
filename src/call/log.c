/*
 * log.c
 *	  What the gate has to tell of a call: to the log of calls (src/record) and to
 *	  the server log.
 *
 * The row belongs to the calling transaction and goes with its ROLLBACK; the server
 * log does not, which is why agentcore.log_denials exists.  It never holds an
 * argument or a result.
 *
 * Memory: CurrentMemoryContext.  Locks: those of writing the row.  On ERROR: the
 * caller's transaction aborts, the verdict with it.
 */
#include "call/log.h"

#include "call/log_context.h"
#include "call/stages.h"
#include "miscadmin.h"
#include "record/record.h"

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void
tell_server_log(const Gate *gate)
{
	ereport(LOG,
			(errmsg("agentcore: agent %s calling %s: %s, %s",
					agc_quoted_name(gate->agent_name), agc_quoted_name(gate->tool_name),
					verdict_name(gate->verdict), gate->reason),
			 errdetail_log("Tenant %s, role %s, task %s, key %s; %s.",
						   agc_quoted_name(gate->tenant), agc_quoted_name(GetUserNameFromId(GetUserId(), false)),
						   agc_quoted_name(or_empty(gate->task)), agc_quoted_name(or_empty(gate->key)),
						   gate->detail ? gate->detail : "no detail"),
			 errhidestmt(true), errhidecontext(true)));
}

/* The stage that gave the reason, or the answer. */
static const char *
deciding_stage(const Gate *gate)
{
	if (gate->reason != NULL)
		return gate->said_in;
	return gate->verdict == VERDICT_CACHED ? gate->stage : NULL;
}

static void
put_budgets(LogEntry *entry, const char *own, int nalso, char *const *also)
{
	entry->budgets = palloc((nalso + 1) * sizeof(char *));
	if (own != NULL)
		entry->budgets[entry->nbudgets++] = (char *) own;
	for (int i = 0; i < nalso; i++)
		entry->budgets[entry->nbudgets++] = also[i];
}

static void
put_names(LogEntry *entry, const Gate *gate)
{
	entry->agent = gate->agent_name;
	entry->tool = gate->tool_name;
	entry->is_llm = gate->is_llm;
	entry->key = gate->key;
	entry->task = gate->task;
	entry->subject = gate->subject;
	entry->trace = gate->trace;
}

static void
put_decision(LogEntry *entry, const Gate *gate)
{
	entry->verdict = verdict_name(gate->verdict);
	entry->reason = gate->reason;
	entry->detail = gate->detail;
	entry->enforced = gate_enforced(gate);
	entry->call_id = gate->has_call_id ? &gate->call_id : NULL;
	entry->attempt = gate->attempt;
	entry->policy = gate->agent != NULL ? gate->agent->policy : NULL;
	entry->policy_revision = gate->policy_revision;
	if (gate->tool != NULL)
		entry->tool_revision = gate->tool_object->revision;
	entry->price_revision = gate->price_revision;
	entry->rule = gate->reason != NULL ? gate->said_by : gate->allowed_by;
	entry->stage = deciding_stage(gate);
	entry->tokens = gate->est_tokens;
	entry->nanousd = gate->est_nanousd;
	put_budgets(entry, gate->budget, gate->nalso, gate->also);
	entry->approval = gate->shows_approval ? &gate->approval_id : NULL;
	entry->retry_after_ms = gate->retry_after < 0 ? -1 : gate_in_ms(gate->retry_after);
}

void
log_verdict(Gate *gate)
{
	bool		refused = gate->reason != NULL;
	LogEntry	entry;

	if (refused && agc_log_denials)
		tell_server_log(gate);
	if (!record_writes(refused))
		return;
	record_init_entry(&entry, gate->tenant, "begin");
	put_names(&entry, gate);
	put_decision(&entry, gate);
	entry.context = log_context(gate);
	entry.stage_ns = profile_clock_array(gate->clock, GATE_CLOCK_STAGES);
	entry.policy_ns = profile_clock_elapsed(gate->clock);
	record_write(&entry);
}

/* commit and fail are audited with agentcore.audit = all only */
void
log_settlement(const char *tenant, const PermitRow *permit, const char *event,
			   const char *outcome, const char *reason, const JudgedResult *judged)
{
	bool		wrong = judged != NULL && judged->wrong != NULL;
	LogEntry	entry;

	if (agc_audit != AGC_AUDIT_ALL)
		return;
	record_init_entry(&entry, tenant, event);
	entry.agent = permit->agent;
	entry.tool = permit->tool;
	entry.is_llm = permit->is_llm;
	entry.verdict = outcome;
	entry.reason = wrong ? SETTLED_INVALID_RESULT : reason;
	entry.detail = wrong ? judged->wrong : NULL;
	entry.enforced = !wrong || judged->enforced;
	entry.call_id = &permit->id;
	entry.attempt = permit->attempt;
	entry.key = permit->key;
	entry.task = permit->task;
	entry.subject = permit->subject;
	put_budgets(&entry, permit->budget, permit->nalso, permit->also);
	record_write(&entry);
}
