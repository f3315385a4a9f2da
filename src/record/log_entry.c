/*
 * log_entry.c
 *	  Writes one row of agentcore.call_log_entry.
 *
 * The row belongs to the calling transaction and goes with its ROLLBACK.  It goes
 * directly into the partition that takes it (core/heap_part.c).
 *
 * Locks: RowExclusiveLock on the table and the partition, to the end of the
 * transaction.  Memory: CurrentMemoryContext.  On ERROR: the caller's transaction
 * aborts, the verdict with it.
 */
#include "record/record.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "core/heap_part.h"
#include "core/row_layout.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Columns of agentcore.call_log_entry, in the order of the table. */
enum
{
	E_TENANT, E_AT, E_EVENT, E_AGENT, E_TOOL, E_VERDICT, E_REASON, E_DETAIL, E_ENFORCED, E_CALL_ID,
	E_KEY, E_TASK, E_SUBJECT, E_ROLE, E_CONTEXT, E_ID, E_IS_LLM, E_ATTEMPT, E_TRACE, E_POLICY,
	E_POLICY_REVISION, E_TOOL_REVISION, E_PRICE_REVISION, E_RULE, E_STAGE, E_TOKENS, E_NANOUSD, E_BUDGETS,
	E_ARGS, E_ARGS_DIGEST, E_RESULT, E_APPROVAL, E_RETRY_AFTER_MS, E_STAGE_NS, E_POLICY_NS, E_TOOL_US,
	NATTS_ENTRY
};

static const RowColumn entry_columns[] = {
	{"tenant", TEXTOID, true},
	{"at", TIMESTAMPTZOID, true},
	{"event", TEXTOID, true},
	{"agent", TEXTOID, false},
	{"tool", TEXTOID, false},
	{"verdict", TEXTOID, true},
	{"reason", TEXTOID, false},
	{"detail", TEXTOID, false},
	{"enforced", BOOLOID, true},
	{"call_id", UUIDOID, false},
	{"key", TEXTOID, false},
	{"task", TEXTOID, false},
	{"subject", TEXTOID, false},
	{"role", TEXTOID, true},
	{"context", JSONBOID, false},
	{"id", INT8OID, true},
	{"is_llm", BOOLOID, true},
	{"attempt", INT4OID, false},
	{"trace", TEXTOID, false},
	{"policy", TEXTOID, false},
	{"policy_revision", INT8OID, false},
	{"tool_revision", INT8OID, false},
	{"price_revision", INT8OID, false},
	{"rule", INT8OID, false},
	{"stage", TEXTOID, false},
	{"tokens", INT8OID, false},
	{"nanousd", INT8OID, false},
	{"budgets", TEXTARRAYOID, false},
	{"args", JSONBOID, false},
	{"args_digest", BYTEAOID, false},
	{"result", JSONBOID, false},
	{"approval", UUIDOID, false},
	{"retry_after_ms", INT8OID, false},
	{"stage_ns", INT4ARRAYOID, false},
	{"policy_ns", INT8OID, false},
	{"tool_us", INT8OID, false},
};
StaticAssertDecl(lengthof(entry_columns) == NATTS_ENTRY, "one entry per column");

static AgcTable entry_table = AGC_TABLE("call_log_entry", NULL);

/* A row in the making. */
typedef struct EntryRow
{
	Datum		values[NATTS_ENTRY];
	bool		nulls[NATTS_ENTRY];
} EntryRow;

bool
record_writes(bool refused)
{
	return agc_audit == AGC_AUDIT_ALL || (agc_audit == AGC_AUDIT_DENIED && refused);
}

void
record_init_entry(LogEntry *entry, const char *tenant, const char *event)
{
	memset(entry, 0, sizeof(*entry));
	entry->tenant = tenant;
	entry->event = event;
	entry->enforced = true;
	entry->tokens = entry->nanousd = entry->retry_after_ms = entry->policy_ns = entry->tool_us = -1;
}

static void
put(EntryRow *row, int column, Datum value, bool null)
{
	row->values[column] = value;
	row->nulls[column] = null;
}

static void
put_text(EntryRow *row, int column, const char *text)
{
	put(row, column, text == NULL ? (Datum) 0 : CStringGetTextDatum(text), text == NULL);
}

static void
put_jsonb(EntryRow *row, int column, const Jsonb *document)
{
	put(row, column, PointerGetDatum(document), document == NULL);
}

static void
put_uuid(EntryRow *row, int column, const pg_uuid_t *id)
{
	put(row, column, PointerGetDatum(id), id == NULL);
}

/* numbers that are not negative where they are known */
static void
put_known(EntryRow *row, int column, int64 number)
{
	put(row, column, Int64GetDatum(number), number < 0);
}

/* the same of numbers that begin at 1 */
static void
put_number(EntryRow *row, int column, int64 number)
{
	put(row, column, Int64GetDatum(number), number <= 0);
}

static int64
next_id(void)
{
	Oid			sequence = get_relname_relid("call_log_seq", get_namespace_oid(AGC_SCHEMA, false));

	return nextval_internal(sequence, false);
}

static void
put_call(EntryRow *row, const LogEntry *entry)
{
	put_text(row, E_TENANT, entry->tenant);
	put(row, E_AT, TimestampTzGetDatum(agc_now()), false);
	put_text(row, E_EVENT, entry->event);
	put_text(row, E_AGENT, entry->agent);
	put_text(row, E_TOOL, entry->tool);
	put_text(row, E_VERDICT, entry->verdict);
	put_text(row, E_REASON, entry->reason);
	put_text(row, E_DETAIL, entry->detail);
	put(row, E_ENFORCED, BoolGetDatum(entry->enforced), false);
	put_uuid(row, E_CALL_ID, entry->call_id);
	put_text(row, E_KEY, entry->key);
	put_text(row, E_TASK, entry->task);
	put_text(row, E_SUBJECT, entry->subject);
	put_text(row, E_ROLE, GetUserNameFromId(GetUserId(), false));
	put(row, E_ID, Int64GetDatum(next_id()), false);
	put(row, E_IS_LLM, BoolGetDatum(entry->is_llm), false);
	put(row, E_ATTEMPT, Int32GetDatum(entry->attempt), entry->attempt <= 0);
	put_text(row, E_TRACE, entry->trace);
}

static void
put_decision(EntryRow *row, const LogEntry *entry)
{
	put_text(row, E_POLICY, entry->policy);
	put_number(row, E_POLICY_REVISION, entry->policy_revision);
	put_number(row, E_TOOL_REVISION, entry->tool_revision);
	put_number(row, E_PRICE_REVISION, entry->price_revision);
	put_number(row, E_RULE, entry->rule);
	put_text(row, E_STAGE, entry->stage);
	put_known(row, E_TOKENS, entry->tokens);
	put_known(row, E_NANOUSD, entry->nanousd);
	put(row, E_BUDGETS, entry->nbudgets == 0 ? (Datum) 0 : agc_texts_datum(entry->budgets, entry->nbudgets), entry->nbudgets == 0);
	put_uuid(row, E_APPROVAL, entry->approval);
	put_known(row, E_RETRY_AFTER_MS, entry->retry_after_ms);
}

static void
put_content(EntryRow *row, const LogEntry *entry)
{
	bytea	   *digest = palloc(VARHDRSZ + AGC_HASH_LEN);

	SET_VARSIZE(digest, VARHDRSZ + AGC_HASH_LEN);
	if (entry->args_digest != NULL)
		memcpy(VARDATA(digest), entry->args_digest, AGC_HASH_LEN);
	put_jsonb(row, E_CONTEXT, entry->context);
	put_jsonb(row, E_ARGS, entry->args);
	put(row, E_ARGS_DIGEST, PointerGetDatum(digest), entry->args_digest == NULL);
	put_jsonb(row, E_RESULT, entry->result);
}

static void
put_times(EntryRow *row, const LogEntry *entry)
{
	put(row, E_STAGE_NS, PointerGetDatum(entry->stage_ns), entry->stage_ns == NULL);
	put_known(row, E_POLICY_NS, entry->policy_ns);
	put_known(row, E_TOOL_US, entry->tool_us);
}

void
record_write(const LogEntry *entry)
{
	Relation	log = row_open(&entry_table, RowExclusiveLock, entry_columns, NATTS_ENTRY);
	EntryRow	row;

	put_call(&row, entry);
	put_decision(&row, entry);
	put_content(&row, entry);
	put_times(&row, entry);
	agc_heap_insert_part(log, DatumGetTimestampTz(row.values[E_AT]), row.values, row.nulls);
	agc_table_close(log, NoLock);
}
