/*
 * check_function.c
 *	  Runs a function of the business for the gate, so that it can look and do
 *	  nothing else.
 *
 * It runs in a subtransaction that is read only and is always rolled back, under
 * the newest snapshot, and for a bounded time.  A handler inside of it can
 * swallow the cancel, so the cancel comes again and again, and its time is
 * measured again when it returns; one that swallows a hundred ends the session,
 * because nothing else could end it.  Inside of it no function of this extension
 * that needs level agent works: what such a function changes in shared memory no
 * rollback takes back.
 *
 * Memory: results in CurrentMemoryContext, everything else in the
 * subtransaction's.  Locks: none of its own; those of the function go with the
 * subtransaction, and the advisory ones of the session are as they were
 * (session_locks.c).  On ERROR inside: caught; a cancel that is not ours is raised
 * again once the subtransaction is rolled back.
 */
#include "allow/check_function.h"

#include "allow/session_locks.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

int			agc_check_timeout = 20;

#define SWALLOWED_MAX	100		/* cancels */

static volatile sig_atomic_t timed_out = false;
static volatile sig_atomic_t swallowed = 0;
static TimeoutId timer = MAX_TIMEOUTS;

/* ----- running it ----------------------------------------------------------------------- */

/* Comes every check_timeout.  A cancel that is pending before ours is somebody else's. */
static void
on_timeout(void)
{
	if (!QueryCancelPending)
	{
		if (timed_out && ++swallowed >= SWALLOWED_MAX)
			ProcDiePending = true;
		timed_out = true;
		QueryCancelPending = true;
	}
	InterruptPending = true;
	SetLatch(MyLatch);
}

typedef struct Run
{
	const char *name;
	CheckKind	kind;
	const char *tenant;
	Jsonb	   *document;
	CheckFunction *function;
	MemoryContext into;			/* where its value is copied to */
	bool		isnull;
	Datum		value;
	char	   *problem;
} Run;

static void
invoke(Run *run)
{
	const char *problem;
	MemoryContext old;

	LOCAL_FCINFO(call, 1);

	run->function = check_lookup_borrow(run->name, run->kind, run->tenant, &problem);
	if (problem != NULL)
	{
		run->problem = MemoryContextStrdup(run->into, problem);
		return;
	}
	InitFunctionCallInfoData(*call, check_lookup_call(run->function), 1, InvalidOid, NULL, NULL);
	call->args[0].value = JsonbPGetDatum(run->document);
	call->args[0].isnull = false;
	run->value = FunctionCallInvoke(call);
	run->isnull = call->isnull;
	old = MemoryContextSwitchTo(run->into);
	if (!run->isnull)
		run->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(run->value));
	MemoryContextSwitchTo(old);
}

static void
give_back(Run *run, bool broken)
{
	if (run->function != NULL)
		check_lookup_return(run->function, broken);
}

static void
start_timer(void)
{
	timed_out = false;
	swallowed = 0;
	/* the timer goes by the server's clock, whatever ours is set to */
	enable_timeout_every(timer, agc_now() - agc_clock_offset() + agc_check_timeout * (int64) 1000, agc_check_timeout);
}

/* A cancel of ours that nobody has acted on is taken back; one of somebody else's stays. */
static void
stop_timer(void)
{
	disable_timeout(timer, false);
	if (timed_out)
		QueryCancelPending = false;
}

/* Whether the statement's own time was up meanwhile; a handler in the function, or our cancel, may have hidden it. */
static bool
statement_ended(bool was_timed)
{
	if (!was_timed || get_timeout_active(STATEMENT_TIMEOUT))
		return false;
	(void) get_timeout_indicator(STATEMENT_TIMEOUT, true);
	QueryCancelPending = false;
	return true;
}

/* What went wrong inside, without its message, which may hold values of rows. */
static char *
error_problem(ErrorData *error, MemoryContext into)
{
	ereport(LOG,
			(errmsg("a check function failed: %s", error->message)));
	MemoryContextSwitchTo(into);
	return psprintf("error %s", unpack_sql_state(error->sqlerrcode));
}

static void
run_read_only(Run *run)
{
	/* what SET LOCAL would do, and the end of the subtransaction undoes; a setting costs a walk over all of them */
	XactReadOnly = true;
	PushActiveSnapshot(GetLatestSnapshot());
	start_timer();
	invoke(run);
	stop_timer();
	give_back(run, false);
	PopActiveSnapshot();
}

/* The error of the function; what is not its own is raised after the rollback. */
static ErrorData *
catch_error(Run *run)
{
	ErrorData  *error;
	int			code = geterrcode();

	MemoryContextSwitchTo(run->into);
	error = CopyErrorData();
	FlushErrorState();
	if (code == ERRCODE_QUERY_CANCELED && !timed_out)
		return error;
	run->problem = timed_out ? pstrdup("too much time") : error_problem(error, run->into);
	FreeErrorData(error);
	return NULL;
}

/* Runs the function in a subtransaction that is rolled back whatever becomes of it. */
static void
run_apart(Run *run)
{
	ResourceOwner owner = CurrentResourceOwner;
	bool		outer = agc_looks_only;
	bool		was_timed = get_timeout_active(STATEMENT_TIMEOUT);
	ErrorData  *cancel = NULL;
	SessionLocks locks;

	if (timer == MAX_TIMEOUTS)
		timer = RegisterTimeout(USER_TIMEOUT, on_timeout);
	run->into = CurrentMemoryContext;
	session_locks_note(&locks);
	BeginInternalSubTransaction(NULL);
	agc_looks_only = true;
	PG_TRY();
	{
		run_read_only(run);
	}
	PG_CATCH();
	{
		stop_timer();
		give_back(run, true);
		cancel = catch_error(run);
	}
	PG_END_TRY();
	agc_looks_only = outer;
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(run->into);
	CurrentResourceOwner = owner;
	session_locks_restore(&locks);
	if (cancel != NULL)
		ReThrowError(cancel);
	if (statement_ended(was_timed))
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling statement due to statement timeout")));
	if (run->problem == NULL && timed_out)
		run->problem = pstrdup("too much time");
}

CheckOutcome
check_function_run(const char *name, CheckKind kind, const char *tenant, RuleContext *context, const char *zone,
				   Datum *value, char **problem)
{
	/* what the context reads may take locks and pins, which are the call's and not the function's */
	Run			run = {.name = name, .kind = kind, .tenant = tenant, .document = context_document(context, zone)};
	instr_time	started;
	instr_time	taken;

	INSTR_TIME_SET_CURRENT(started);
	run_apart(&run);
	INSTR_TIME_SET_CURRENT(taken);
	INSTR_TIME_SUBTRACT(taken, started);
	if (run.problem == NULL && INSTR_TIME_GET_MILLISEC(taken) > agc_check_timeout)
		run.problem = pstrdup("too much time");
	*problem = run.problem;
	*value = run.value;
	if (run.problem != NULL)
		return CHECK_FAILED;
	return run.isnull ? CHECK_NULL : CHECK_VALUE;
}
