/*
 * log.c
 *	  What is written down of a call: the audit table and the server log.
 *
 * The table belongs to the calling transaction and goes with its ROLLBACK; the
 * server log does not, which is why agentcore.log_denials exists.  Neither ever
 * holds a result; the table holds those arguments that the tool's log_args names.
 *
 * Memory: SPI's.  Locks: none beyond the INSERT's.  On ERROR: the caller's
 * transaction aborts, the verdict with it.
 */
#include "call/log.h"

#include "call/call.h"
#include "call/log_context.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static void insert_entry(const char **texts, const pg_uuid_t *call_id, bool enforced, const Jsonb *context);

/* text columns of call_log_entry in the order of the INSERT */
enum
{
	ENTRY_TENANT, ENTRY_EVENT, ENTRY_AGENT, ENTRY_TOOL, ENTRY_VERDICT, ENTRY_REASON,
	ENTRY_DETAIL, ENTRY_KEY, ENTRY_TASK, ENTRY_SUBJECT, ENTRY_ROLE, ENTRY_NTEXTS
};

void
log_verdict(Gate *gate)
{
	const char *texts[ENTRY_NTEXTS] = {
		gate->tenant, "begin", gate->agent_name, gate->tool_name, verdict_name(gate->verdict),
		gate->reason, gate->detail, gate->key, gate->task, gate->subject,
		GetUserNameFromId(GetUserId(), false)
	};
	bool		refused = gate->reason != NULL;

	if (refused && agc_log_denials)
		ereport(LOG,
				(errmsg("agentcore: agent %s calling %s: %s, %s",
						agc_quoted_name(gate->agent_name), agc_quoted_name(gate->tool_name),
						verdict_name(gate->verdict), gate->reason),
				 errdetail_log("Tenant %s, role %s, task %s, key %s; %s.",
							   agc_quoted_name(gate->tenant), agc_quoted_name(texts[ENTRY_ROLE]),
							   agc_quoted_name(gate->task ? gate->task : ""),
							   agc_quoted_name(gate->key ? gate->key : ""), gate->detail ? gate->detail : "no detail"),
				 errhidestmt(true), errhidecontext(true)));
	if (agc_audit == AGC_AUDIT_ALL || (agc_audit == AGC_AUDIT_DENIED && refused))
		insert_entry(texts, gate->has_call_id ? &gate->call_id : NULL, gate_enforced(gate), log_context(gate));
}

/* commit and fail are audited with agentcore.audit = all only */
void
log_settlement(const char *tenant, const PermitRow *permit, const char *event,
			   const char *outcome, const char *reason)
{
	const char *texts[ENTRY_NTEXTS] = {
		tenant, event, permit->agent, permit->tool, outcome, reason, NULL,
		permit->key, permit->task, permit->subject, GetUserNameFromId(GetUserId(), false)
	};

	if (agc_audit == AGC_AUDIT_ALL)
		insert_entry(texts, &permit->id, true, NULL);
}

static void
insert_entry(const char **texts, const pg_uuid_t *call_id, bool enforced, const Jsonb *context)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
								 TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, BOOLOID, JSONBOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.call_log_entry (tenant, event, agent, tool, verdict, reason, detail,"
		" key, task, subject, role, call_id, enforced, context)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", 14, types
	};
	Datum		values[ENTRY_NTEXTS + 3];
	char		nulls[ENTRY_NTEXTS + 4];
	AgcOwner	owner;

	memset(nulls, ' ', sizeof(nulls));
	for (int i = 0; i < ENTRY_NTEXTS; i++)
	{
		values[i] = texts[i] ? CStringGetTextDatum(texts[i]) : (Datum) 0;
		nulls[i] = texts[i] ? ' ' : 'n';
	}
	values[ENTRY_NTEXTS] = call_id ? UUIDPGetDatum(call_id) : (Datum) 0;
	nulls[ENTRY_NTEXTS] = call_id ? ' ' : 'n';
	values[ENTRY_NTEXTS + 1] = BoolGetDatum(enforced);
	values[ENTRY_NTEXTS + 2] = JsonbPGetDatum(context);
	nulls[ENTRY_NTEXTS + 2] = context ? ' ' : 'n';
	nulls[ENTRY_NTEXTS + 3] = '\0';

	agc_owner_begin(&owner);
	agc_spi(&plan, values, nulls);
	agc_owner_end(&owner);
}
