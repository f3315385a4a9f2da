/*
 * access.c
 *	  Who may do what for which tenant.
 *
 * EXECUTE on the functions is only the outer door.  The table agentcore.access
 * says which role holds which level (reader < agent < admin) for which tenant
 * ('*' = every tenant), and agc_enter() asks it for the calling role, including
 * the roles it inherits from.  Superusers and members of the role that owns
 * the extension's tables hold admin everywhere.  Roles are stored by name: a
 * dropped role's row matches nobody, and a dump never carries a bare Oid.
 *
 * Memory: verdicts are remembered per backend in one context, thrown away when
 * a registry table, a role or a membership changed.  Locks: AccessShareLock on
 * the table while reading.  On ERROR: nothing to undo.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
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
} MemoEntry;

static AgcTable access_table = AGC_TABLE("access", "access_pkey");

static HTAB *memo = NULL;
static uint64 memo_generation = 0;
static bool roles_changed = false;
static uint64 version = 0;

/* the verdict given last: most sessions ask for one role and tenant all along */
static const MemoEntry *last = NULL;

static const char *const level_names[] = {"nobody", "reader", "agent", "admin"};

typedef struct LevelScan
{
	Oid			role;
	AgcLevel	level;
} LevelScan;

static void role_invalidated(Datum arg, int cacheid, uint32 hash);
static void forget_all(void);
static AgcLevel find_level(Oid role, const char *tenant);
static void raise_level(HeapTuple tuple, TupleDesc desc, void *arg);
static AgcLevel parse_level(const char *name);

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

void
agc_enter(const char *tenant, AgcLevel need)
{
	AgcLevel	held;

	AcceptInvalidationMessages();
	agc_watch_registry();

	held = agc_level(GetUserId(), tenant);
	if (held < need)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for tenant \"%s\"", tenant),
				 errdetail("Role \"%s\" holds level %s there; %s is needed.",
						   GetUserNameFromId(GetUserId(), false),
						   level_names[held], level_names[need]),
				 errhint("An administrator grants it with SELECT agentcore.access_grant(role, '%s', tenants).",
						 level_names[need])));
}

AgcLevel
agc_level(Oid role, const char *tenant)
{
	MemoKey		key;
	MemoEntry  *entry;
	AgcLevel	level;

	if (strlen(tenant) > AGC_MAX_NAME)
		return AGC_NOBODY;
	if (memo == NULL || memo_generation != agc_generation() || roles_changed ||
		hash_get_num_entries(memo) >= MEMO_MAX)
		forget_all();
	if (last != NULL && last->key.role == role && strcmp(last->key.tenant, tenant) == 0)
		return last->level;

	memset(&key, 0, sizeof(key));
	key.role = role;
	strlcpy(key.tenant, tenant, sizeof(key.tenant));
	entry = hash_search(memo, &key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		level = find_level(role, tenant);
		/* reading the table may have heard of a change: then it is not remembered */
		if (memo_generation != agc_generation() || roles_changed)
			return level;
		entry = hash_search(memo, &key, HASH_ENTER, NULL);
		entry->level = level;
	}
	last = entry;
	return entry->level;
}

static void
forget_all(void)
{
	HASHCTL		ctl = {.keysize = sizeof(MemoKey), .entrysize = sizeof(MemoEntry), .hcxt = CacheMemoryContext};
	HTAB	   *old = memo;

	last = NULL;
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

static void
raise_level(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LevelScan  *scan = arg;
	char	   *name = agc_col_text(tuple, desc, "role");
	Oid			granted = name == NULL ? InvalidOid : get_role_oid(name, true);
	AgcLevel	level;

	if (!OidIsValid(granted) || !has_privs_of_role(scan->role, granted))
		return;
	level = parse_level(agc_col_text(tuple, desc, "level"));
	if (level > scan->level)
		scan->level = level;
}

/* An unknown word grants nothing. */
static AgcLevel
parse_level(const char *name)
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

/* access_visible(tenant) -> boolean: what the views filter by; never an error */
AGC_FUNCTION(access_visible)
{
	PG_RETURN_BOOL(callers_level(fcinfo) >= AGC_READER);
}

/* access_level(tenant) -> text */
AGC_FUNCTION(access_level)
{
	PG_RETURN_TEXT_P(cstring_to_text(level_names[callers_level(fcinfo)]));
}

/*
 * Tenants of access_grant(): each a name, '' or '*', and the caller holds
 * admin on every one.
 */
static ArrayType *
check_grantable(FunctionCallInfo fcinfo, int n)
{
	Datum	   *elems;
	bool	   *nulls;
	int			nelems;
	ArrayType  *tenants;

	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tenants must not be null")));
	tenants = PG_GETARG_ARRAYTYPE_P(n);
	deconstruct_array(tenants, TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, &nelems);
	if (nelems == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tenants must not be empty"),
				 errhint("Use '{\"\"}' where there is one tenant, '{*}' for every tenant.")));
	for (int i = 0; i < nelems; i++)
	{
		char	   *tenant = nulls[i] ? NULL : TextDatumGetCString(elems[i]);

		if (tenant == NULL || strlen(tenant) > AGC_MAX_NAME)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("tenant %d is null or too long", i + 1)));
		agc_enter(tenant, AGC_ADMIN);
	}
	return tenants;
}

/* access_grant(role, level, tenants) -> void */
AGC_FUNCTION(access_grant)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTARRAYOID};
	static AgcPlan grant = {
		"INSERT INTO agentcore.access (tenant, role, level)"
		" SELECT DISTINCT t, $1, $2 FROM unnest($3) AS t"
		" ON CONFLICT (tenant, role) DO UPDATE SET level = EXCLUDED.level"
		" WHERE agentcore.access.level <> EXCLUDED.level", 3, types
	};
	static AgcPlan execute = {
		"SELECT agentcore.access_sync_privileges($1)", 1, types
	};
	char	   *role = agc_arg_name(fcinfo, 0, "role");
	char	   *level = agc_arg_name(fcinfo, 1, "level");
	ArrayType  *tenants = check_grantable(fcinfo, 2);
	Datum		values[3] = {CStringGetTextDatum(role), CStringGetTextDatum(level), PointerGetDatum(tenants)};
	AgcOwner	owner;

	if (parse_level(level) == AGC_NOBODY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown access level \"%s\"", level),
				 errhint("The levels are reader, agent and admin.")));
	(void) get_role_oid(role, false);	/* 42704 for an unknown role */

	agc_owner_begin(&owner);
	agc_spi(&grant, values, NULL);
	agc_spi(&execute, values, NULL);
	agc_owner_end(&owner);
	PG_RETURN_VOID();
}

/*
 * access_revoke(role) -> void: from every tenant on which the caller holds
 * admin.  The role need not exist any more.
 */
AGC_FUNCTION(access_revoke)
{
	static const Oid types[] = {TEXTOID, TEXTARRAYOID};
	static AgcPlan list = {
		"SELECT tenant FROM agentcore.access WHERE role = $1", 1, types
	};
	static AgcPlan revoke = {
		"DELETE FROM agentcore.access WHERE role = $1 AND tenant = ANY ($2)", 2, types
	};
	static AgcPlan execute = {
		"SELECT agentcore.access_sync_privileges($1)", 1, types
	};
	char	   *role = agc_arg_name(fcinfo, 0, "role");
	Oid			caller = GetUserId();
	Datum		values[2] = {CStringGetTextDatum(role)};
	Datum	   *mine;
	int			nmine = 0;
	uint64		nrows;
	AgcOwner	owner;

	AcceptInvalidationMessages();
	agc_watch_registry();
	agc_owner_begin(&owner);
	agc_spi(&list, values, NULL);
	nrows = SPI_processed;
	mine = palloc((nrows + 1) * sizeof(Datum));
	for (uint64 i = 0; i < nrows; i++)
	{
		char	   *tenant = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		if (agc_level(caller, tenant) >= AGC_ADMIN)
			mine[nmine++] = CStringGetTextDatum(tenant);
	}
	if (nrows > 0 && nmine == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to revoke access of role \"%s\"", role),
				 errdetail("You hold level admin on none of its tenants.")));
	values[1] = PointerGetDatum(construct_array(mine, nmine, TEXTOID, -1, false, TYPALIGN_INT));
	agc_spi(&revoke, values, NULL);
	agc_spi(&execute, values, NULL);
	agc_owner_end(&owner);
	PG_RETURN_VOID();
}
