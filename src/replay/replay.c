/*
 * replay.c
 *	  call_replay and call_replay_summary: what would another configuration have said of the calls that
 *	  the log holds?
 *
 * Nothing is written: the log is read by a cursor, stages look, folds keep their state here.  Runs in a
 * READ ONLY transaction and on a standby.
 *
 * Memory: what the folds keep, in a context below the query's, which goes with the function; one context
 * for each row of the log.  The rows of the answer are in a tuplestore.  Locks: those of reading.  On
 * ERROR: the clock is set back; the rest goes with the transaction.
 */
#include "replay/replay.h"

#include "call/call.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "replay/configuration.h"
#include "replay/folds.h"
#include "replay/rejudge.h"
#include "replay/running.h"
#include "utils/memutils.h"

typedef struct Replay
{
	FoldStart	start;
	LogReader  *log;
	void	  **states;
	Summary    *summary;
	Running    *running;
	MemoryContext row;			/* of the log */
	bool		other;			/* an overlay is on: the configuration is not that of now */
	LeftOut		left_out;		/* what nobody knows of it */
	ReturnSetInfo *rows;		/* of the answer; NULL: only the summary is asked for */
} Replay;

static void
put_row(Replay *replay, const LogRow *log, const FoldCall *call, const Replayed *replayed)
{
	const FoldRecord *record = &log->record;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_int64(&row, record->id);
	agc_put_uuid(&row, record->has_call_id ? &record->call_id : NULL);
	agc_put_time(&row, record->at);
	agc_put_text(&row, log->agent);
	agc_put_text(&row, log->tool);
	agc_put_text(&row, verdict_name(record->verdict));
	agc_put_text(&row, record->reason);
	agc_put_datum(&row, Int64GetDatum(record->rule), record->rule == 0);
	agc_put_text(&row, replayed->after);
	agc_put_text(&row, replayed->reason);
	agc_put_datum(&row, Int64GetDatum(replayed->rule), replayed->rule == 0);
	agc_put_datum(&row, BoolGetDatum(replayed->changed), !replayed->is_known);
	agc_put_text(&row, call->unknown);
	agc_row_store(replay->rows, &row);
}

static void
replay_begin(Replay *replay, const LogRow *row)
{
	Gate		gate;
	FoldCall	call;
	Replayed	replayed;
	SummaryGroup *group;

	rejudge(row, replay->start.tenant, replay->states, &replay->left_out, &gate, &call, &replayed);
	group = summary_count(replay->summary, row->agent, row->tool, &row->record, &replayed);
	running_add(replay->running, row, &call, group);
	if (replay->rows != NULL)
		put_row(replay, row, &call, &replayed);
	rejudge_end(&gate);
}

static void
replay_row(Replay *replay, const LogRow *row)
{
	running_expire(replay->running, row->record.at);
	agc_recorded_time = row->record.at;
	if (strcmp(row->event, "begin") == 0)
		replay_begin(replay, row);
	else
		running_settle(replay->running, row);
}

static void
replay_all(Replay *replay)
{
	MemoryContext caller = MemoryContextSwitchTo(replay->row);
	LogRow		row;

	while (log_next(replay->log, &row))
	{
		CHECK_FOR_INTERRUPTS();
		replay_row(replay, &row);
		MemoryContextReset(replay->row);
	}
	MemoryContextSwitchTo(caller);
}

static void
replay_init(Replay *replay)
{
	MemoryContext kept = AllocSetContextCreate(CurrentMemoryContext, "agentcore replay", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(kept);

	folds_begin(kept);
	replay->row = AllocSetContextCreate(kept, "agentcore replayed call", ALLOCSET_DEFAULT_SIZES);
	replay->states = palloc(replay_nfolds * sizeof(void *));
	for (int i = 0; i < replay_nfolds; i++)
		replay->states[i] = replay_folds[i]->init(&replay->start);
	replay->summary = summary_begin(replay->start.tenant);
	replay->running = running_begin(replay->states, replay->summary);
	MemoryContextSwitchTo(caller);
}

static void
read_span(FunctionCallInfo fcinfo, Replay *replay)
{
	replay->start.since = PG_ARGISNULL(0) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(0);
	replay->start.until = PG_ARGISNULL(1) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(1);
	if (replay->start.since > replay->start.until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must not be later than until")));
}

/* What was recorded of arguments can be asked for by a configuration of one's own: that is for those who may see them. */
static void
run(FunctionCallInfo fcinfo, Replay *replay)
{
	TimestampTz since;

	replay->start.tenant = agc_arg_tenant(fcinfo, 4);
	read_span(fcinfo, replay);
	agc_enter(replay->start.tenant, AGC_APPROVER);
	since = replay->start.since;
	replay->start.since = log_begins(replay->start.tenant, since);
	InitMaterializedSRF(fcinfo, 0);
	replay->other = configuration_begin(fcinfo, 2, replay->start.tenant, &replay->left_out);
	replay_init(replay);
	replay->log = log_open(replay->start.tenant, since, replay->start.until);
	PG_TRY();
	{
		replay_all(replay);
	}
	PG_FINALLY();
	{
		agc_recorded_time = 0;
	}
	PG_END_TRY();
	log_close(replay->log);
	if (replay->other)
		agc_overlay_end();
}

/* call_replay(since, until, config, at, tenant) -> setof rows: one per begin */
AGC_FUNCTION(call_replay)
{
	Replay		replay = {.rows = (ReturnSetInfo *) fcinfo->resultinfo};

	run(fcinfo, &replay);
	return (Datum) 0;
}

/* call_replay_summary(since, until, config, at, tenant) -> setof rows: one per agent, tool and reason */
AGC_FUNCTION(call_replay_summary)
{
	Replay		replay = {0};

	run(fcinfo, &replay);
	summary_put(replay.summary, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
