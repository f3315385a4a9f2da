/*
 * access.c
 *	  Who may do what for which tenant.
 *
 * EXECUTE on the functions is only the outer door.  The table agentcore.access
 * says which role holds which level (reader < agent < approver < admin) for which tenant
 * ('*' = every tenant), and agc_enter() asks it for the calling role, including
 * the roles it inherits from.  Superusers and members of the role that owns
 * the extension's tables hold admin everywhere.  Roles are stored by name: a
 * dropped role's row matches nobody, and a dump never carries a bare Oid.
 *
 * Memory: verdicts, and which tenants the role that asked last may read, are
 * remembered per backend, and thrown away when a registry table, a role or a
 * membership changed.  Locks: AccessShareLock on the table while reading.  On
 * ERROR: nothing to undo.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* verdicts remembered before the memory starts anew */
#define MEMO_MAX 4096

typedef struct MemoKey
{
	Oid			role;
	char		tenant[AGC_MAX_NAME + 1];
} MemoKey;

typedef struct MemoEntry
{
	MemoKey		key;
	AgcLevel	level;
	bool		enabled;		/* the tenant */
} MemoEntry;

static AgcTable access_table = AGC_TABLE("access", "access_pkey");

static HTAB *memo = NULL;
static uint64 memo_generation = 0;
static bool roles_changed = false;
static uint64 version = 0;

/* the verdict given last: most sessions ask for one role and tenant all along */
static const MemoEntry *last = NULL;

/* whose `tenants` are remembered; InvalidOid: nobody's */
static Oid	reach_role = InvalidOid;
static AgcReach reach;
static MemoryContext reach_cxt = NULL;

static const char *const level_names[] = {"nobody", "reader", "agent", "approver", "admin"};

typedef struct LevelScan
{
	Oid			role;
	AgcLevel	level;
} LevelScan;

typedef struct HeldScan
{
	const char *role;
	AgcLevel	level;
} HeldScan;

typedef struct ReachScan
{
	Oid			role;
	ArrayBuildState *read;
	ArrayBuildState *decide;
	ArrayBuildState *admin;
} ReachScan;

static void role_invalidated(Datum arg, int cacheid, uint32 hash);
static void forget_all(void);
static AgcLevel find_level(Oid role, const char *tenant);
static AgcLevel granted_level(HeapTuple tuple, TupleDesc desc, Oid role);
static void raise_level(HeapTuple tuple, TupleDesc desc, void *arg);
static void raise_held(HeapTuple tuple, TupleDesc desc, void *arg);
static void add_reach(HeapTuple tuple, TupleDesc desc, void *arg);

void
agc_access_init(void)
{
	CacheRegisterSyscacheCallback(AUTHOID, role_invalidated, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, role_invalidated, (Datum) 0);
}

static void
role_invalidated(Datum arg, int cacheid, uint32 hash)
{
	roles_changed = true;
}

/* What the role holds and whether the tenant is switched on, from memory where it can be. */
static MemoEntry
recall(Oid role, const char *tenant)
{
	MemoKey		key;
	MemoEntry  *entry;
	MemoEntry	found;

	if (memo == NULL || memo_generation != agc_generation() || roles_changed ||
		hash_get_num_entries(memo) >= MEMO_MAX)
		forget_all();
	if (last != NULL && last->key.role == role && strcmp(last->key.tenant, tenant) == 0)
		return *last;

	memset(&key, 0, sizeof(key));
	key.role = role;
	strlcpy(key.tenant, tenant, sizeof(key.tenant));
	entry = hash_search(memo, &key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		found.key = key;
		found.level = find_level(role, tenant);
		found.enabled = agc_tenant_enabled(tenant);
		/* reading the tables may have heard of a change: then it is not remembered */
		if (memo_generation != agc_generation() || roles_changed)
			return found;
		entry = hash_search(memo, &key, HASH_ENTER, NULL);
		*entry = found;
	}
	last = entry;
	return *entry;
}

AgcLevel
agc_level(Oid role, const char *tenant)
{
	return strlen(tenant) > AGC_MAX_NAME ? AGC_NOBODY : recall(role, tenant).level;
}

bool		agc_looks_only = false;

static bool
enter(const char *tenant, AgcLevel need)
{
	MemoEntry	found = {.level = AGC_NOBODY};

	if (unlikely(agc_looks_only) && need >= AGC_AGENT)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a check function may only look"),
				 errhint("It reads tables and views; functions of agentcore that need more than level reader are closed to it.")));
	AcceptInvalidationMessages();
	agc_watch_registry();
	if (strlen(tenant) <= AGC_MAX_NAME)
		found = recall(GetUserId(), tenant);
	if (found.level < need)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for tenant \"%s\"", tenant),
				 errdetail("Role \"%s\" holds level %s there; %s is needed.",
						   GetUserNameFromId(GetUserId(), false),
						   level_names[found.level], level_names[need]),
				 errhint("An administrator grants it with SELECT agentcore.access_grant(role, '%s', tenants).",
						 level_names[need])));
	return found.enabled;
}

void
agc_enter(const char *tenant, AgcLevel need)
{
	if (!enter(tenant, need) && need == AGC_AGENT)
		ereport(ERROR,
				(errcode(ERRCODE_AGC_NOT_ALLOWED),
				 errmsg("tenant \"%s\" is disabled", tenant),
				 errdetail("While it is, only calls made before can be settled, cached answers be invalidated, and administrators change its settings."),
				 errhint("An administrator of the tenant switches it on with SELECT agentcore.tenant_set(true, tenant => name).")));
}

void
agc_enter_disabled(const char *tenant, AgcLevel need)
{
	(void) enter(tenant, need);
}

static void
forget_all(void)
{
	HASHCTL		ctl = {.keysize = sizeof(MemoKey), .entrysize = sizeof(MemoEntry), .hcxt = CacheMemoryContext};
	HTAB	   *old = memo;

	last = NULL;
	reach_role = InvalidOid;
	memo = NULL;
	if (old != NULL)
		hash_destroy(old);
	memo = hash_create("agentcore access", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	memo_generation = agc_generation();
	roles_changed = false;
	version++;
}

uint64
agc_access_version(void)
{
	return version;
}

static AgcLevel
find_level(Oid role, const char *tenant)
{
	LevelScan	scan = {.role = role, .level = AGC_NOBODY};
	const char *every = "*";
	Relation	rel;

	if (superuser_arg(role) || has_privs_of_role(role, agc_owner_oid()))
		return AGC_ADMIN;

	rel = agc_table_open(&access_table, AccessShareLock);
	agc_table_scan(&access_table, rel, 1, &tenant, raise_level, &scan);
	agc_table_scan(&access_table, rel, 1, &every, raise_level, &scan);
	agc_table_close(rel, AccessShareLock);
	return scan.level;
}

/* What one row of agentcore.access gives to a role. */
static AgcLevel
granted_level(HeapTuple tuple, TupleDesc desc, Oid role)
{
	char	   *name = agc_col_text(tuple, desc, "role");
	Oid			granted = name == NULL ? InvalidOid : get_role_oid(name, true);

	if (!OidIsValid(granted) || !has_privs_of_role(role, granted))
		return AGC_NOBODY;
	return agc_level_parse(agc_col_text(tuple, desc, "level"));
}

static void
raise_level(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LevelScan  *scan = arg;
	AgcLevel	level = granted_level(tuple, desc, scan->role);

	scan->level = Max(scan->level, level);
}

static void
raise_held(HeapTuple tuple, TupleDesc desc, void *arg)
{
	HeldScan   *scan = arg;

	if (strcmp(agc_col_text(tuple, desc, "role"), scan->role) == 0)
		scan->level = Max(scan->level, agc_level_parse(agc_col_text(tuple, desc, "level")));
}

AgcLevel
agc_level_of_role(const char *role)
{
	HeldScan	scan = {.role = role, .level = AGC_NOBODY};
	Relation	rel = agc_table_open(&access_table, AccessShareLock);

	agc_table_scan(&access_table, rel, 0, NULL, raise_held, &scan);
	agc_table_close(rel, AccessShareLock);
	return scan.level;
}

typedef struct VouchScan
{
	const char *role;
	bool		vouches;
} VouchScan;

static void
look_for_voucher(HeapTuple tuple, TupleDesc desc, void *arg)
{
	VouchScan  *scan = arg;

	scan->vouches |= strcmp(agc_col_text(tuple, desc, "role"), scan->role) == 0 && agc_col_bool(tuple, desc, "vouches");
}

/* Of this very role: nobody inherits what was said of an application. */
bool
agc_vouches(Oid role, const char *tenant)
{
	const char *every = "*";
	VouchScan	scan = {.role = GetUserNameFromId(role, false)};
	Relation	rel = agc_table_open(&access_table, AccessShareLock);

	agc_table_scan(&access_table, rel, 1, &tenant, look_for_voucher, &scan);
	agc_table_scan(&access_table, rel, 1, &every, look_for_voucher, &scan);
	agc_table_close(rel, AccessShareLock);
	return scan.vouches;
}

static void
add_reach(HeapTuple tuple, TupleDesc desc, void *arg)
{
	ReachScan  *scan = arg;
	AgcLevel	level = granted_level(tuple, desc, scan->role);
	bool		isnull;
	Datum		tenant = agc_col(tuple, desc, "tenant", &isnull);

	if (level >= AGC_READER)
		scan->read = accumArrayResult(scan->read, tenant, isnull, TEXTOID, CurrentMemoryContext);
	if (level >= AGC_APPROVER)
		scan->decide = accumArrayResult(scan->decide, tenant, isnull, TEXTOID, CurrentMemoryContext);
	if (level >= AGC_ADMIN)
		scan->admin = accumArrayResult(scan->admin, tenant, isnull, TEXTOID, CurrentMemoryContext);
}

static ArrayType *
reach_array(ArrayBuildState *tenants)
{
	return tenants == NULL ? construct_empty_array(TEXTOID) :
		DatumGetArrayTypeP(makeArrayResult(tenants, CurrentMemoryContext));
}

const AgcReach *
agc_reach(Oid role)
{
	ReachScan	scan = {.role = role};
	Relation	rel;
	MemoryContext old;

	AcceptInvalidationMessages();
	agc_watch_registry();
	if (memo == NULL || memo_generation != agc_generation() || roles_changed)
		forget_all();
	if (reach_role == role)
		return &reach;

	reach_role = InvalidOid;
	if (reach_cxt == NULL)
		reach_cxt = AllocSetContextCreate(CacheMemoryContext, "agentcore reach", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(reach_cxt);
	old = MemoryContextSwitchTo(reach_cxt);
	reach.read_all = agc_level(role, "*") >= AGC_READER;
	reach.decide_all = agc_level(role, "*") >= AGC_APPROVER;
	reach.admin_all = agc_level(role, "*") >= AGC_ADMIN;
	rel = agc_table_open(&access_table, AccessShareLock);
	if (!reach.admin_all)
		agc_table_scan(&access_table, rel, 0, NULL, add_reach, &scan);
	agc_table_close(rel, AccessShareLock);
	reach.read = reach_array(scan.read);
	reach.decide = reach_array(scan.decide);
	reach.admin = reach_array(scan.admin);
	MemoryContextSwitchTo(old);
	if (memo_generation == agc_generation() && !roles_changed)
		reach_role = role;
	return &reach;
}

/* An unknown word grants nothing. */
AgcLevel
agc_level_parse(const char *name)
{
	for (int i = AGC_READER; name != NULL && i <= AGC_ADMIN; i++)
		if (strcmp(name, level_names[i]) == 0)
			return (AgcLevel) i;
	return AGC_NOBODY;
}

static AgcLevel
callers_level(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		return AGC_NOBODY;
	AcceptInvalidationMessages();
	agc_watch_registry();
	return agc_level(GetUserId(), text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

/* access_visible(tenant) -> boolean; never an error */
AGC_FUNCTION(access_visible)
{
	PG_RETURN_BOOL(callers_level(fcinfo) >= AGC_READER);
}

/* access_level(tenant) -> text */
AGC_FUNCTION(access_level)
{
	PG_RETURN_TEXT_P(cstring_to_text(level_names[callers_level(fcinfo)]));
}

/* access_held(role) -> text: the highest level in its rows, as committed last */
AGC_FUNCTION(access_held)
{
	PG_RETURN_TEXT_P(cstring_to_text(level_names[agc_level_of_role(agc_arg_name(fcinfo, 0, "role"))]));
}
