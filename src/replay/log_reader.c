/*
 * log_reader.c
 *	  The log of calls, row by row, in the order in which the calls were made.
 *
 * A cursor of the owner's reads some rows at a time, so what is kept does not grow with the log; where
 * no index gives the order, the rows are sorted, on disk if they are many.
 *
 * Memory: the rows of one fetch, in a context of the reader's.  Locks: those of reading, to the end of
 * the transaction.  On ERROR: abort closes the cursor and restores the user.
 */
#include "replay/log_reader.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* rows of one fetch */
#define FETCHED	500

struct LogReader
{
	Portal		cursor;
	MemoryContext rows;			/* of the fetch */
	TupleDesc	desc;			/* of them */
	HeapTuple	fetched[FETCHED];
	int			n;
	int			next;
};

/* The columns of the query, in order. */
enum
{
	L_AT, L_EVENT, L_AGENT, L_TOOL, L_IS_LLM, L_VERDICT, L_REASON, L_DETAIL, L_ENFORCED, L_CALL_ID, L_ATTEMPT, L_KEY, L_TASK,
	L_SUBJECT, L_ID, L_POLICY_REVISION, L_TOOL_REVISION, L_PRICE_REVISION, L_RULE, L_STAGE, L_TOKENS, L_NANOUSD, L_BUDGETS,
	L_ARGS, L_ARGS_DIGEST, L_RESULT, L_APPROVAL, L_RETRY_AFTER_MS, L_COLUMNS
};

static const char query[] =
	"SELECT at, event, agent, tool, is_llm, verdict, reason, detail, enforced, call_id, attempt, key, task,"
	" subject, id, policy_revision, tool_revision, price_revision, rule, stage, tokens, nanousd, budgets,"
	" args, args_digest, result, approval, retry_after_ms"
	" FROM agentcore.call_log_entry WHERE tenant = $1 AND at >= $2 AND at < $3 ORDER BY at, id";

/* When the number of a call was made, which is version 7: six bytes of milliseconds. */
static TimestampTz
time_of(const pg_uuid_t *id)
{
	int64		ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->data[i];
	return ms * 1000 - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

/* The permit of a call is a little older than its row in the log, and belongs to the replay too. */
static TimestampTz
before_permit(TimestampTz since, const pg_uuid_t *id)
{
	TimestampTz at = time_of(id);

	return at < since && at >= since - USECS_PER_MINUTE ? at : since;
}

TimestampTz
log_begins(const char *tenant, TimestampTz since)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT at, CASE WHEN event = 'begin' AND verdict = 'run' AND attempt = 1 THEN call_id END"
		" FROM agentcore.call_log_entry WHERE tenant = $1 AND at >= $2 ORDER BY at, id LIMIT 1", lengthof(types), types
	};
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_time(&row, since);
	agc_owner_begin(&owner);
	agc_spi_read_row(&plan, &row);
	if (SPI_processed > 0)
	{
		HeapTuple	first = SPI_tuptable->vals[0];
		bool		isnull;
		Datum		at = SPI_getbinval(first, SPI_tuptable->tupdesc, 1, &isnull);
		Datum		id = SPI_getbinval(first, SPI_tuptable->tupdesc, 2, &isnull);

		if (since == DT_NOBEGIN)
			since = DatumGetTimestampTz(at);
		if (!isnull)
			since = before_permit(since, DatumGetUUIDP(id));
	}
	agc_owner_end(&owner);
	return since;
}

LogReader *
log_open(const char *tenant, TimestampTz since, TimestampTz until)
{
	Oid			types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[] = {CStringGetTextDatum(tenant), TimestampTzGetDatum(since), TimestampTzGetDatum(until)};
	LogReader  *reader = palloc0(sizeof(LogReader));
	MemoryContext caller = CurrentMemoryContext;
	AgcOwner	owner;

	reader->rows = AllocSetContextCreate(CurrentMemoryContext, "agentcore log", ALLOCSET_DEFAULT_SIZES);
	agc_owner_begin(&owner);
	reader->cursor = SPI_cursor_open_with_args(NULL, query, lengthof(types), types, values, NULL, true, CURSOR_OPT_NO_SCROLL);
	MemoryContextSwitchTo(caller);
	agc_owner_end(&owner);
	return reader;
}

/* Copied, because what SPI has read goes with it. */
static void
fetch(LogReader *reader)
{
	MemoryContext caller = CurrentMemoryContext;
	AgcOwner	owner;

	MemoryContextReset(reader->rows);
	reader->next = 0;
	agc_owner_begin(&owner);
	SPI_cursor_fetch(reader->cursor, true, FETCHED);
	reader->n = (int) SPI_processed;
	MemoryContextSwitchTo(reader->rows);
	reader->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
	for (int i = 0; i < reader->n; i++)
		reader->fetched[i] = heap_copytuple(SPI_tuptable->vals[i]);
	MemoryContextSwitchTo(caller);
	agc_owner_end(&owner);
}

static Verdict
verdict_named(const char *word)
{
	for (Verdict verdict = VERDICT_RUN; verdict < VERDICT_DENY; verdict++)
		if (strcmp(verdict_name(verdict), word) == 0)
			return verdict;
	return VERDICT_DENY;
}

/*
 * An answer past its soft deadline is the cache's, whichever stage refused the call that was to compute a new
 * one.  With a reason the stage is that of an audit's refusal, and nobody knows whose the answer was.
 */
static const char *
stage_of(const char *stage, Verdict verdict, const char *reason)
{
	if (stage == NULL || verdict != VERDICT_CACHED || reason != NULL || strcmp(stage, "key") == 0 || strcmp(stage, "once") == 0)
		return stage;
	return "cache";
}

static char *
text_of(int column, const Datum *values, const bool *nulls)
{
	return nulls[column] ? NULL : TextDatumGetCString(values[column]);
}

static int64
number_of(int column, const Datum *values, const bool *nulls, int64 missing)
{
	return nulls[column] ? missing : DatumGetInt64(values[column]);
}

static bool
uuid_of(int column, const Datum *values, const bool *nulls, pg_uuid_t *out)
{
	if (!nulls[column])
		*out = *DatumGetUUIDP(values[column]);
	return !nulls[column];
}

static void
read_record(FoldRecord *record, const Datum *values, const bool *nulls)
{
	int64		wait = number_of(L_RETRY_AFTER_MS, values, nulls, -1);

	record->id = DatumGetInt64(values[L_ID]);
	record->at = DatumGetTimestampTz(values[L_AT]);
	record->verdict = verdict_named(text_of(L_VERDICT, values, nulls));
	record->reason = text_of(L_REASON, values, nulls);
	record->detail = text_of(L_DETAIL, values, nulls);
	record->stage = stage_of(text_of(L_STAGE, values, nulls), record->verdict, record->reason);
	record->rule = number_of(L_RULE, values, nulls, 0);
	record->enforced = DatumGetBool(values[L_ENFORCED]);
	record->has_call_id = uuid_of(L_CALL_ID, values, nulls, &record->call_id);
	record->attempt = nulls[L_ATTEMPT] ? 0 : DatumGetInt32(values[L_ATTEMPT]);
	record->tokens = number_of(L_TOKENS, values, nulls, -1);
	record->nanousd = number_of(L_NANOUSD, values, nulls, -1);
	record->has_approval = uuid_of(L_APPROVAL, values, nulls, &record->approval);
	record->retry_after = wait < 0 ? -1 : wait * 1000;
	record->policy_revision = number_of(L_POLICY_REVISION, values, nulls, 0);
	record->tool_revision = number_of(L_TOOL_REVISION, values, nulls, 0);
	record->price_revision = number_of(L_PRICE_REVISION, values, nulls, 0);
	if (!nulls[L_BUDGETS])
		record->budgets = agc_texts_of(values[L_BUDGETS], &record->nbudgets);
}

static void
read_row(LogRow *row, const Datum *values, const bool *nulls)
{
	memset(row, 0, sizeof(*row));
	row->event = text_of(L_EVENT, values, nulls);
	row->agent = text_of(L_AGENT, values, nulls);
	row->tool = text_of(L_TOOL, values, nulls);
	row->is_llm = DatumGetBool(values[L_IS_LLM]);
	row->key = text_of(L_KEY, values, nulls);
	row->task = text_of(L_TASK, values, nulls);
	row->subject = text_of(L_SUBJECT, values, nulls);
	row->word = text_of(L_VERDICT, values, nulls);
	read_record(&row->record, values, nulls);
	if (!nulls[L_ARGS])
		row->args = DatumGetJsonbP(values[L_ARGS]);
	if (!nulls[L_RESULT])
		row->result = DatumGetJsonbP(values[L_RESULT]);
	if (!nulls[L_ARGS_DIGEST])
	{
		bytea	   *digest = DatumGetByteaPP(values[L_ARGS_DIGEST]);

		row->has_digest = VARSIZE_ANY_EXHDR(digest) == AGC_HASH_LEN;
		if (row->has_digest)
			memcpy(row->digest, VARDATA_ANY(digest), AGC_HASH_LEN);
	}
}

bool
log_next(LogReader *reader, LogRow *row)
{
	Datum		values[L_COLUMNS];
	bool		nulls[L_COLUMNS];

	if (reader->next == reader->n)
		fetch(reader);
	if (reader->n == 0)
		return false;
	heap_deform_tuple(reader->fetched[reader->next++], reader->desc, values, nulls);
	read_row(row, values, nulls);
	return true;
}

void
log_close(LogReader *reader)
{
	SPI_cursor_close(reader->cursor);
	MemoryContextDelete(reader->rows);
	pfree(reader);
}
