/*
 * log.c
 *	  What the gate has to tell of a call: to the log of calls (src/record) and to
 *	  the server log.
 *
 * The row belongs to the calling transaction and goes with its ROLLBACK; the server
 * log does not, which is why agentcore.log_denials exists.  It never holds an
 * argument or a result.
 *
 * Arguments are what a model sent, so what is too much to be read loses no call: it
 * is not kept.
 *
 * Memory: CurrentMemoryContext.  Locks: those of writing the row.  On ERROR: the
 * caller's transaction aborts, the verdict with it.
 */
#include "call/log.h"

#include "call/limits.h"
#include "call/counted.h"
#include "call/log_context.h"
#include "call/open_call.h"
#include "call/stages.h"
#include "miscadmin.h"
#include "record/record.h"

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* Where a stage may quote arguments, and the tool has some that nobody is to read. */
static const char *
logged_detail(const Gate *gate)
{
	static const char *const quoting[] = {"arguments", "urls", "limits"};

	if (gate->detail == NULL || gate->tool == NULL || gate->tool->nredact == 0)
		return gate->detail;
	if (gate->corrected)
		return RECORD_REDACTED;
	for (int i = 0; i < lengthof(quoting); i++)
		if (gate->said_in != NULL && strcmp(gate->said_in, quoting[i]) == 0)
			return RECORD_REDACTED;
	return gate->detail;
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
						   gate->detail ? logged_detail(gate) : "no detail"),
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
	entry->detail = logged_detail(gate);
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

/* What a row says of arguments; each is NULL where nothing is kept. */
typedef struct KeptArgs
{
	Jsonb	   *args;			/* redacted */
	Jsonb	   *named;			/* those of log_args, redacted */
	bool		has_digest;
	uint8		digest[AGC_HASH_LEN];
} KeptArgs;

/* As they run; of a call that was refused before they were judged, as they were sent. */
static Jsonb *
known_args(const Gate *gate)
{
	WrittenJson how;

	if (gate->oversized != NULL || gate->unreadable)
		return NULL;
	if (gate->args != NULL || gate->args_text == NULL)
		return gate->args;
	return gate->tool != NULL && gate->tool->coerce ? written_json_read(gate->args_text, false, &how) :
		written_json_strict(gate->args_text, &how);
}

/* Pure work.  Of a tool that was not found nobody knows what is to be redacted. */
static void
keep_args(Gate *gate, void *arg)
{
	KeptArgs   *kept = arg;
	ToolRecord	level = record_level(gate->tool);
	Jsonb	   *args = known_args(gate);
	Jsonb	   *shown;

	if (args == NULL)
		return;
	record_digest_args(gate->tenant, args, kept->digest);
	kept->has_digest = true;
	if (gate->tool == NULL && !gate->is_llm)
		return;
	shown = record_redact_args(gate->tool, args);
	if (level >= TOOL_RECORD_ARGS)
		kept->args = shown;
	if (gate->tool != NULL && gate->tool->nlog_args > 0)
		kept->named = record_kept_args(gate->tool, shown);
}

static void
put_args(LogEntry *entry, Gate *gate, KeptArgs *kept)
{
	memset(kept, 0, sizeof(*kept));
	if (record_level(gate->tool) == TOOL_RECORD_NONE)
		return;
	/* of the key of a digest; no table may be read while a limit is caught */
	(void) agc_installation_secret();
	if (limit_met(gate, keep_args, kept) != NULL)
		memset(kept, 0, sizeof(*kept));
	entry->args = kept->args;
	entry->args_digest = kept->has_digest ? kept->digest : NULL;
	if (gate->tool != NULL && gate->tool->nlog_args > 0)
		entry->context = log_context(gate, kept->named);
}

void
log_verdict(Gate *gate)
{
	bool		refused = gate->reason != NULL;
	LogEntry	entry;
	KeptArgs	kept;

	if (refused && agc_log_denials)
		tell_server_log(gate);
	if (!record_writes(refused))
		return;
	record_init_entry(&entry, gate->tenant, "begin");
	put_names(&entry, gate);
	put_decision(&entry, gate);
	put_args(&entry, gate, &kept);
	entry.stage_ns = profile_clock_array(gate->clock, GATE_CLOCK_STAGES);
	entry.policy_ns = profile_clock_elapsed(gate->clock);
	record_write(&entry);
}

/*
 * Of a tool that is gone nobody knows what is to be redacted; what is wrong with a
 * result may quote it.
 */
static void
put_result(LogEntry *entry, const char *tenant, const PermitRow *permit, Jsonb *result)
{
	AgcObject  *object;
	const ToolDef *tool;

	if (result == NULL && entry->detail == NULL)
		return;
	tool = call_tool(tenant, permit, &object);
	if (result != NULL && record_level(tool) == TOOL_RECORD_ALL && (tool != NULL || permit->is_llm))
		entry->result = record_redact_result(tool, result);
	if (entry->detail != NULL && (tool == NULL || tool->nredact > 0))
		entry->detail = RECORD_REDACTED;
	if (object != NULL)
		agc_object_unpin(object);
}

/* One that came again, or too late, charged nothing. */
static void
put_charge(LogEntry *entry, const PermitRow *permit)
{
	bool		charged = strcmp(entry->verdict, permit_settle_names[SETTLE_REPLAYED]) != 0 &&
		strcmp(entry->verdict, permit_settle_names[SETTLE_CONFLICT]) != 0 &&
		(entry->reason == NULL || strcmp(entry->reason, ADVICE_ALREADY_SETTLED) != 0);

	if (charged)
		permit_charged(permit, &entry->tokens, &entry->nanousd);
}

/* Of what a person resolves, or its worker gives up, nobody knows how long it ran. */
static void
put_settlement_times(LogEntry *entry, const PermitRow *permit, const LogSettlement *settlement)
{
	bool		ran = strcmp(settlement->event, "commit") == 0 || strcmp(settlement->event, "fail") == 0;

	if (agc_track_timing == PROFILE_TIMING_OFF)
		return;
	entry->policy_ns = profile_clock_elapsed(settlement->clock);
	if (ran)
		entry->tool_us = counted_tool_us(permit);
}

/* commit and fail are audited with agentcore.audit = all only */
void
log_settlement(const char *tenant, const PermitRow *permit, const LogSettlement *settlement)
{
	const JudgedResult *judged = settlement->judged;
	bool		wrong = judged != NULL && judged->wrong != NULL;
	LogEntry	entry;

	if (agc_audit != AGC_AUDIT_ALL)
		return;
	record_init_entry(&entry, tenant, settlement->event);
	entry.agent = permit->agent;
	entry.tool = permit->tool;
	entry.is_llm = permit->is_llm;
	entry.verdict = settlement->outcome;
	entry.reason = wrong ? SETTLED_INVALID_RESULT : settlement->reason;
	entry.detail = wrong ? judged->wrong : NULL;
	entry.enforced = !wrong || judged->enforced;
	entry.call_id = &permit->id;
	entry.attempt = permit->attempt;
	entry.key = permit->key;
	entry.task = permit->task;
	entry.subject = permit->subject;
	put_charge(&entry, permit);
	put_budgets(&entry, permit->budget, permit->nalso, permit->also);
	put_result(&entry, tenant, permit, settlement->result);
	put_settlement_times(&entry, permit, settlement);
	record_write(&entry);
}
