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
 * The function is looked up by name at each use, because an OID in a table does
 * not survive a dump; what it must be is asked each time too, because anybody who
 * owns it can replace it.
 *
 * Memory: results in CurrentMemoryContext, everything else in the
 * subtransaction's.  Locks: none of its own; those of the function go with the
 * subtransaction.  On ERROR inside: caught; a cancel that is not ours is raised
 * again once the subtransaction is rolled back.
 */
#include "allow/check_function.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/regproc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/varlena.h"

int			agc_check_timeout = 20;

#define SWALLOWED_MAX	100		/* cancels */

static volatile sig_atomic_t timed_out = false;
static volatile sig_atomic_t swallowed = 0;
static TimeoutId timer = MAX_TIMEOUTS;

/* ----- which function ---------------------------------------------------------------- */

static bool
has_search_path(HeapTuple proc)
{
	bool		isnull;
	Datum		config = SysCacheGetAttr(PROCOID, proc, Anum_pg_proc_proconfig, &isnull);
	Datum	   *settings;
	int			n;

	if (isnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT, &settings, NULL, &n);
	for (int i = 0; i < n; i++)
		if (pg_strncasecmp(TextDatumGetCString(settings[i]), "search_path=", 12) == 0)
			return true;
	return false;
}

/* Why it may not be run; NULL: it may.  *code is the SQLSTATE of a refusal. */
static const char *
function_problem(HeapTuple tuple, CheckKind kind, const char *tenant, int *code)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);

	*code = ERRCODE_INVALID_PARAMETER_VALUE;
	if (proc->prokind != PROKIND_FUNCTION || proc->proretset)
		return "it must be a function that returns one value";
	if (proc->prorettype != (kind == CHECK_TEXT ? TEXTOID : NUMERICOID))
		return kind == CHECK_TEXT ? "it must return text" : "it must return numeric";
	if (proc->provolatile == PROVOLATILE_VOLATILE)
		return "it must be STABLE or IMMUTABLE";
	if (!proc->prosecdef)
		return "it must be SECURITY DEFINER";
	if (!has_search_path(tuple))
		return "it must SET search_path";
	*code = ERRCODE_INSUFFICIENT_PRIVILEGE;
	if (agc_level(proc->proowner, tenant) < AGC_ADMIN)
		return "its owner must be an administrator of the tenant";
	return NULL;
}

/* InvalidOid: there is none with an argument of type jsonb, or the name is none */
static Oid
find_function(const char *name)
{
	Oid			types[] = {JSONBOID};
	List	   *parts;

	if (!SplitIdentifierString(pstrdup(name), '.', &parts) || list_length(parts) != 2)
		return InvalidOid;
	return LookupFuncName(list_make2(makeString(linitial(parts)), makeString(lsecond(parts))), 1, types, true);
}

static bool
is_public(Oid function)
{
	return agc_function_aclcheck(function, ACL_ID_PUBLIC, ACL_EXECUTE) == ACLCHECK_OK;
}

void
check_function_require(const char *name, CheckKind kind, const char *tenant)
{
	Oid			function = find_function(name);
	HeapTuple	tuple;
	const char *problem;
	int			code;

	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s(jsonb) does not exist", name),
				 errhint("Write its name with its schema, for example shop.refundable.")));
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	problem = function_problem(tuple, kind, tenant, &code);
	ReleaseSysCache(tuple);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(code),
				 errmsg("function %s(jsonb) cannot judge calls", name),
				 errdetail("For that %s.", problem)));
	if (agc_function_aclcheck(function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s(jsonb)", name),
				 errdetail("The gate runs it with its owner's rights and tells what it says, so the role that writes the rule must be allowed to execute it.")));
	if (is_public(function))
		ereport(WARNING,
				(errmsg("PUBLIC may execute function %s(jsonb)", name),
				 errdetail("Every role can ask it about rows that it cannot see."),
				 errhint("REVOKE EXECUTE ON FUNCTION %s(jsonb) FROM PUBLIC; the gate needs no privilege.", name)));
}

static const char *
problem_of(Oid function, CheckKind kind, const char *tenant)
{
	HeapTuple	tuple = OidIsValid(function) ? SearchSysCache1(PROCOID, ObjectIdGetDatum(function)) : NULL;
	const char *problem = "it does not exist";
	int			code;

	if (tuple != NULL)
	{
		problem = function_problem(tuple, kind, tenant, &code);
		ReleaseSysCache(tuple);
	}
	return problem;
}

const char *
check_function_problem(const char *name, CheckKind kind, const char *tenant)
{
	return problem_of(find_function(name), kind, tenant);
}

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
	RuleContext *context;
	const char *zone;
	MemoryContext into;			/* where its value is copied to */
	bool		isnull;
	Datum		value;
	char	   *problem;
} Run;

static void
invoke(Run *run)
{
	Oid			function = find_function(run->name);
	const char *problem = problem_of(function, run->kind, run->tenant);
	FmgrInfo	info;
	MemoryContext old;

	LOCAL_FCINFO(call, 1);

	if (problem != NULL)
	{
		run->problem = MemoryContextStrdup(run->into, problem);
		return;
	}
	fmgr_info(function, &info);
	InitFunctionCallInfoData(*call, &info, 1, InvalidOid, NULL, NULL);
	call->args[0].value = JsonbPGetDatum(context_document(run->context, run->zone));
	call->args[0].isnull = false;
	run->value = FunctionCallInvoke(call);
	run->isnull = call->isnull;
	old = MemoryContextSwitchTo(run->into);
	if (!run->isnull)
		run->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(run->value));
	MemoryContextSwitchTo(old);
}

static void
start_timer(void)
{
	if (timer == MAX_TIMEOUTS)
		timer = RegisterTimeout(USER_TIMEOUT, on_timeout);
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
	(void) set_config_option("transaction_read_only", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	PushActiveSnapshot(GetLatestSnapshot());
	start_timer();
	invoke(run);
	stop_timer();
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

	run->into = CurrentMemoryContext;
	BeginInternalSubTransaction(NULL);
	agc_looks_only = true;
	PG_TRY();
	{
		run_read_only(run);
	}
	PG_CATCH();
	{
		stop_timer();
		cancel = catch_error(run);
	}
	PG_END_TRY();
	agc_looks_only = outer;
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(run->into);
	CurrentResourceOwner = owner;
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
	Run			run = {.name = name, .kind = kind, .tenant = tenant, .context = context, .zone = zone};
	instr_time	started;
	instr_time	taken;

	/* what the context reads may take locks and pins, which are the call's and not the function's */
	(void) context_document(context, zone);
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
