/*
 * check_lookup.c
 *	  Which function of the business a name means, and whether it may judge calls.
 *
 * A table holds names, because an OID does not survive a dump.  A session keeps
 * what it found under a name, with what the function's language keeps for it, as
 * a query does between two rows; a change of any function, schema or language
 * ends that, because anybody who owns a function can replace it.  Who owns it,
 * and what that role may do for the tenant, is asked each time.
 *
 * Memory: one context per name, until something changes; a function that runs a
 * second time inside of itself has one in CurrentMemoryContext.  Locks: none.
 * On ERROR: what was half found is found anew.
 */
#include "allow/check_lookup.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#define KEPT_MAX	256			/* names */
#define NO_FUNCTION	"it does not exist"

struct CheckFunction
{
	char		name[AGC_MAX_NAME + 1]; /* the key */
	MemoryContext cxt;			/* the call's; NULL: to be looked up */
	uint64		seen;			/* the changes that were known then; 0: not to be used again */
	bool		lent;
	Oid			owner;
	const char *problem[CHECK_KINDS];	/* what it is; its owner's rights are another question */
	FmgrInfo	call;
};

static HTAB *kept = NULL;
static CheckFunction *latest = NULL;	/* the one that was asked for last */
static uint64 changes = 1;

/* ----- what it must be ------------------------------------------------------------------- */

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

static const char *
shape_problem(HeapTuple tuple, CheckKind kind)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);

	if (proc->prokind != PROKIND_FUNCTION || proc->proretset)
		return "it must be a function that returns one value";
	if (proc->prorettype != (kind == CHECK_TEXT ? TEXTOID : NUMERICOID))
		return kind == CHECK_TEXT ? "it must return text" : "it must return numeric";
	if (proc->provolatile == PROVOLATILE_VOLATILE)
		return "it must be STABLE or IMMUTABLE";
	if (!proc->prosecdef)
		return "it must be SECURITY DEFINER";
	return has_search_path(tuple) ? NULL : "it must SET search_path";
}

static const char *
owner_problem(Oid owner, const char *tenant)
{
	return agc_level(owner, tenant) < AGC_ADMIN ? "its owner must be an administrator of the tenant" : NULL;
}

/* Whether it is a name with its schema; nothing that stands in a table raises. */
static bool
split_name(const char *name, char **schema, char **function)
{
	List	   *parts;

	if (!SplitIdentifierString(pstrdup(name), '.', &parts) || list_length(parts) != 2)
		return false;
	*schema = linitial(parts);
	*function = lsecond(parts);
	return true;
}

/* Asks no privilege of the caller: who may begin a call need not be able to call the function. */
static HeapTuple
find_function(const char *name)
{
	Oid			types[] = {JSONBOID};
	char	   *schema;
	char	   *function;
	Oid			namespace = split_name(name, &schema, &function) ? get_namespace_oid(schema, true) : InvalidOid;

	return !OidIsValid(namespace) ? NULL :
									SearchSysCache3(PROCNAMEARGSNSP, PointerGetDatum(function), PointerGetDatum(buildoidvector(types, 1)),
													ObjectIdGetDatum(namespace));
}

/* ----- what a session keeps -------------------------------------------------------------- */

static void
forget(CheckFunction *function)
{
	if (function->cxt != NULL)
		MemoryContextDelete(function->cxt);
	function->cxt = NULL;
}

static void
forget_all(void)
{
	HASH_SEQ_STATUS scan;
	CheckFunction *function;

	latest = NULL;
	hash_seq_init(&scan, kept);
	while ((function = hash_seq_search(&scan)) != NULL)
		if (!function->lent)
		{
			forget(function);
			hash_search(kept, function->name, HASH_REMOVE, NULL);
		}
}

static CheckFunction *
find_kept(const char *name)
{
	HASHCTL		control = {.keysize = AGC_MAX_NAME + 1, .entrysize = sizeof(CheckFunction)};
	CheckFunction *function;

	if (kept == NULL)
		kept = hash_create("agentcore check functions", 16, &control, HASH_ELEM | HASH_STRINGS);
	if (latest != NULL && strcmp(latest->name, name) == 0)
		return latest;
	latest = hash_search(kept, name, HASH_FIND, NULL);
	if (latest != NULL)
		return latest;
	if (hash_get_num_entries(kept) >= KEPT_MAX)
		forget_all();
	function = hash_search(kept, name, HASH_ENTER, NULL);
	function->cxt = NULL;
	function->lent = false;
	return function;
}

/* Into its context, which is its own or the caller's; it stays unknown if this is not finished. */
static bool
look_up(CheckFunction *function, const char *name, MemoryContext cxt)
{
	HeapTuple	tuple;

	function->seen = changes;
	tuple = find_function(name);
	if (tuple == NULL)
		return false;
	for (int kind = 0; kind < CHECK_KINDS; kind++)
		function->problem[kind] = shape_problem(tuple, kind);
	function->owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	fmgr_info_cxt(((Form_pg_proc) GETSTRUCT(tuple))->oid, &function->call, cxt);
	ReleaseSysCache(tuple);
	return true;
}

static bool
keep(CheckFunction *function)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore check function", ALLOCSET_SMALL_SIZES);

	if (!look_up(function, function->name, cxt))
		return false;
	MemoryContextSetParent(cxt, TopMemoryContext);
	function->cxt = cxt;
	return true;
}

/* NULL: there is none with an argument of type jsonb */
static CheckFunction *
find(const char *name)
{
	CheckFunction *function;

	if (strlen(name) > AGC_MAX_NAME)
		return NULL;
	function = find_kept(name);
	if (function->lent)
	{
		function = palloc0(sizeof(CheckFunction));
		return look_up(function, name, CurrentMemoryContext) ? function : NULL;
	}
	if (function->cxt != NULL && function->seen != changes)
		forget(function);
	return function->cxt != NULL || keep(function) ? function : NULL;
}

CheckFunction *
check_lookup_borrow(const char *name, CheckKind kind, const char *tenant, const char **problem)
{
	CheckFunction *function = find(name);

	*problem = function == NULL ? NO_FUNCTION : function->problem[kind];
	if (*problem == NULL)
		*problem = owner_problem(function->owner, tenant);
	if (*problem != NULL)
		return NULL;
	function->lent = true;
	return function;
}

FmgrInfo *
check_lookup_call(CheckFunction *function)
{
	return &function->call;
}

void
check_lookup_return(CheckFunction *function, bool broken)
{
	function->lent = false;
	/* its memory goes when it is next asked for: until the rollback, what it had open may point into it */
	if (broken)
		function->seen = 0;
}

static void
something_changed(Datum arg, int cacheid, uint32 hash)
{
	changes++;
}

void
check_lookup_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, something_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, something_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(LANGOID, something_changed, (Datum) 0);
}

/* ----- when a rule names it ---------------------------------------------------------------- */

static const char *
tuple_problem(HeapTuple tuple, CheckKind kind, const char *tenant, bool *by_shape)
{
	const char *problem = shape_problem(tuple, kind);

	*by_shape = problem != NULL;
	return problem != NULL ? problem : owner_problem(((Form_pg_proc) GETSTRUCT(tuple))->proowner, tenant);
}

const char *
check_function_problem(const char *name, CheckKind kind, const char *tenant)
{
	HeapTuple	tuple = find_function(name);
	const char *problem;
	bool		by_shape;

	if (tuple == NULL)
		return NO_FUNCTION;
	problem = tuple_problem(tuple, kind, tenant, &by_shape);
	ReleaseSysCache(tuple);
	return problem;
}

static bool
is_public(Oid function)
{
	return agc_function_aclcheck(function, ACL_ID_PUBLIC, ACL_EXECUTE) == ACLCHECK_OK;
}

void
check_function_require(const char *name, CheckKind kind, const char *tenant)
{
	Oid			types[] = {JSONBOID};
	char	   *schema;
	char	   *plain;
	Oid			function = !split_name(name, &schema, &plain) ? InvalidOid :
		LookupFuncName(list_make2(makeString(schema), makeString(plain)), 1, types, true);
	HeapTuple	tuple;
	const char *problem;
	bool		by_shape;

	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s(jsonb) does not exist", name),
				 errhint("Write its name with its schema, for example shop.refundable.")));
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	problem = tuple_problem(tuple, kind, tenant, &by_shape);
	ReleaseSysCache(tuple);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(by_shape ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_INSUFFICIENT_PRIVILEGE),
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
