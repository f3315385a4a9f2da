/*
 * functions.c
 *	  The cache_* functions of the SQL interface.
 *
 * Each reads its arguments, checks the caller's access, then calls down.
 * These are the raw API: what the gate stores has another kind of key.
 *
 * Locking: none of its own.  Memory: results in the caller's context.  On
 * ERROR: nothing has been changed, or the transaction's callbacks undo it.
 */
#include "cache/ahead.h"
#include "cache/entry_insert.h"
#include "cache/fill.h"
#include "cache/lease.h"
#include "cache/lookup.h"
#include "cache/pending.h"
#include "cache/ready.h"
#include "cache/session_lease.h"
#include "cache/stat.h"
#include "core/row.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"

#define LEASE_LEN		16		/* a lease as text: the digits of its number */
#define HEX_DIGITS		"0123456789abcdef"
#define MAX_MGET		10000
#define MAX_MGET_BYTES	(512 * 1024 * 1024)
#define MGET_AHEAD		16		/* keys whose cache misses are waited for together */

/* tool, scope and tenant: what all the keys of one call have in common */
static char *
read_call(FunctionCallInfo fcinfo, int scope_arg, int tenant_arg, CacheTarget *target)
{
	char	   *scope = agc_opt_text(fcinfo, scope_arg);

	target->tool = agc_arg_name(fcinfo, 0, "tool");
	if (scope == NULL || scope[0] != '\0')
		scope = agc_arg_name(fcinfo, scope_arg, "scope");
	target->kind = CACHE_RAW;
	target->scope = scope[0] == '\0' ? CACHE_SCOPE_PRIVATE : CACHE_SCOPE_NAMED;
	target->tenant = agc_arg_tenant(fcinfo, tenant_arg);
	return scope;
}

static void
read_target(FunctionCallInfo fcinfo, const char *what, int scope_arg, int tenant_arg,
			AgcEnter enter, CacheTarget *target)
{
	char	   *scope = read_call(fcinfo, scope_arg, tenant_arg, target);
	Jsonb	   *args = agc_arg_jsonb(fcinfo, 1, "args");

	enter(target->tenant, AGC_AGENT);
	ready_require(what);
	cache_make_key(&target->key, CACHE_RAW, target->tenant, target->tool, 0, args, scope);
}

static char **read_tags(FunctionCallInfo fcinfo, int n, int *ntags);

static void
read_terms(FunctionCallInfo fcinfo, int ttl, int tags, int soft_ttl, CacheTerms *terms)
{
	int			missing;

	memset(terms, 0, sizeof(*terms));
	terms->negative = !PG_ARGISNULL(soft_ttl + 1) && PG_GETARG_BOOL(soft_ttl + 1);
	missing = terms->negative ? agc_cache_negative_ttl : agc_cache_default_ttl;
	terms->ttl = agc_opt_interval(fcinfo, ttl, "ttl", missing * USECS_PER_SEC);
	terms->soft_ttl = agc_opt_interval(fcinfo, soft_ttl, "soft_ttl", -1);
	if (terms->ttl <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl must be positive"),
				 errhint("Leave it out for agentcore.%s.",
						 terms->negative ? "cache_negative_ttl" : "cache_default_ttl")));
	if (terms->soft_ttl >= 0 && terms->negative)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a negative entry takes no soft_ttl")));
	if (terms->soft_ttl == 0 || terms->soft_ttl >= terms->ttl)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("soft_ttl must be positive and shorter than ttl"),
				 errhint("From soft_ttl to ttl a value is served as stale while one caller replaces it.")));
	terms->soft_ttl = Max(terms->soft_ttl, 0);
	terms->tags = read_tags(fcinfo, tags, &terms->ntags);
}

static char **
read_tags(FunctionCallInfo fcinfo, int n, int *ntags)
{
	Datum	   *elems;
	bool	   *nulls;
	char	  **tags;

	*ntags = 0;
	if (PG_ARGISNULL(n))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT,
					  &elems, &nulls, ntags);
	if (*ntags > AGC_MAX_TAGS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many tags"),
				 errdetail("Got %d; an entry has at most %d.", *ntags, AGC_MAX_TAGS)));
	tags = palloc(*ntags * sizeof(char *));
	for (int i = 0; i < *ntags; i++)
	{
		tags[i] = nulls[i] ? NULL : TextDatumGetCString(elems[i]);
		if (tags[i] == NULL || tags[i][0] == '\0' || strlen(tags[i]) > AGC_MAX_NAME)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("tag %d is null, empty or longer than %d bytes", i + 1, AGC_MAX_NAME)));
	}
	return tags;
}

/* true: at COMMIT; false: at once */
static bool
read_publish(FunctionCallInfo fcinfo, int n)
{
	char	   *publish = agc_opt_text(fcinfo, n);

	if (publish != NULL && strcmp(publish, "commit") == 0)
		return true;
	if (publish == NULL || strcmp(publish, "immediate") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("publish must be 'commit' or 'immediate'")));
	return false;
}

/* What cache_get and cache_mget return: an answer, fresh or stale. */
static Jsonb *
get_answer(const CacheTarget *target)
{
	CacheResult result = {.status = CACHE_MISS};
	CacheSeen	seen;

	if (lookup_read(target, &seen))
	{
		result.status = seen.negative ? CACHE_NEGATIVE : seen.stale ? CACHE_STALE : CACHE_HIT;
		result.value = seen.value;
		result.name = seen.name;
		result.cost_ms = seen.cost_ms;
		result.cost_nanousd = seen.cost_nanousd;
	}
	lookup_count(target, &result);
	return result.status == CACHE_HIT || result.status == CACHE_STALE ? result.value : NULL;
}

/* cache_get(tool, args, scope, tenant) -> jsonb, NULL = miss */
AGC_FUNCTION(cache_get)
{
	CacheTarget target;
	Jsonb	   *value;

	read_target(fcinfo, "cache_get", 2, 3, agc_enter, &target);
	value = get_answer(&target);
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(value);
}

/* Makes the keys of the non-null elements first .. last - 1, and takes each step of ahead.c for all of them. */
static void
mget_keys(const CacheTarget *target, const char *scope, Datum *elems, bool *nulls,
		  int first, int last, CacheKey *keys)
{
	for (int i = first; i < last; i++)
		if (!nulls[i])
		{
			cache_make_key(&keys[i - first], CACHE_RAW, target->tenant, target->tool, 0,
						   DatumGetJsonbP(elems[i]), scope);
			ahead_index(&keys[i - first]);
		}
	for (int i = first; i < last; i++)
		if (!nulls[i])
			ahead_entry(&keys[i - first]);
	for (int i = first; i < last; i++)
		if (!nulls[i])
			(void) ahead_value(&keys[i - first]);
}

/*
 * cache_mget(tool, args[], scope, tenant) -> jsonb[], as long as args; NULL =
 * miss, or a null element.  One access check; the digest of what the keys have
 * in common is made once (key.c).
 */
AGC_FUNCTION(cache_mget)
{
	ArrayType  *array;
	Datum	   *elems;
	bool	   *nulls;
	int			n;
	int			lower = 1;
	Size		total = 0;
	CacheTarget target;
	CacheKey	keys[MGET_AHEAD];
	char	   *scope = read_call(fcinfo, 2, 3, &target);

	if (PG_ARGISNULL(1))
		agc_refuse_null("args");
	array = PG_GETARG_ARRAYTYPE_P(1);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("args must have one dimension")));
	deconstruct_array(array, JSONBOID, -1, false, TYPALIGN_INT, &elems, &nulls, &n);
	if (n > MAX_MGET)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many args"),
				 errdetail("Got %d; one call takes at most %d.", n, MAX_MGET)));
	agc_enter(target.tenant, AGC_AGENT);
	ready_require("cache_mget");

	for (int i = 0; i < n; i++)
	{
		Jsonb	   *value;

		if (i % MGET_AHEAD == 0)
			mget_keys(&target, scope, elems, nulls, i, Min(i + MGET_AHEAD, n), keys);
		if (nulls[i])
			continue;
		target.key = keys[i % MGET_AHEAD];
		value = get_answer(&target);
		nulls[i] = value == NULL;
		if (value == NULL)
			continue;
		elems[i] = JsonbPGetDatum(value);
		total += INTALIGN(VARSIZE(value));
		if (total > MAX_MGET_BYTES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the values are too large to return at once"),
					 errdetail("One call returns at most %d bytes.", MAX_MGET_BYTES),
					 errhint("Ask for fewer.")));
	}
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(JSONBOID));
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elems, nulls, 1, &n, &lower, JSONBOID, -1, false, TYPALIGN_INT));
}

/*
 * cache_set(tool, args, value, ttl, scope, tags, publish, soft_ttl, negative,
 *			 tenant) -> boolean
 *
 * An "immediate" set of a key that this transaction has already set or
 * invalidated waits for COMMIT: it must not overtake the transaction's own work.
 */
AGC_FUNCTION(cache_set)
{
	Jsonb	   *value = agc_arg_jsonb(fcinfo, 2, "value");
	bool		at_commit = read_publish(fcinfo, 6);
	CacheItem	item = {.kind = CACHE_RAW};
	CacheItem  *own;
	CacheTarget target;
	CacheTerms	terms;

	read_terms(fcinfo, 3, 5, 7, &terms);
	read_target(fcinfo, "cache_set", 4, 9, agc_enter, &target);
	refs_make(&item.refs, target.tenant, target.tool, terms.ntags, terms.tags);
	item.key = target.key;
	item.scope = target.scope;
	fill_make_item(&item, target.tenant, value, &terms);
	if (item.len > area_max_value())
	{
		stat_refused(CC_REFUSED_SIZE, item.refs.tool);
		PG_RETURN_BOOL(false);
	}
	item.born = item.key_born = pending_begin_stamp();

	if (at_commit || pending_own(&item.key, &item.refs, &own) != CACHE_OWN_NONE ||
		pending_hides_tags(&item.refs))
		PG_RETURN_BOOL(pending_add_set(&item));
	PG_RETURN_BOOL(fill_store(&item, item.stored_at));
}

/* As text: many clients read a 64-bit number as a double, which is another number. */
static char *
lease_text(int64 token)
{
	return psprintf("%0*llx", LEASE_LEN, (unsigned long long) token);
}

/* 0: no text of lease_text(), and so nobody's lease */
static int64
lease_of_text(Datum given)
{
	uint64		token = 0;
	const char *digit;

	if (toast_raw_datum_size(given) != VARHDRSZ + LEASE_LEN)
		return 0;
	digit = VARDATA_ANY(DatumGetTextPP(given));
	for (int i = 0; i < LEASE_LEN; i++)
	{
		const char *found = digit[i] != '\0' ? strchr(HEX_DIGITS, digit[i]) : NULL;

		if (found == NULL)
			return 0;
		token = token << 4 | (found - HEX_DIGITS);
	}
	return (int64) token;
}

/* cache_fetch(tool, args, scope, wait, lease, tenant) -> agentcore.cache_fetched */
AGC_FUNCTION(cache_fetch)
{
	static const char *const names[] = {"hit", "stale", "lead", "busy", "negative"};
	int64		wait = agc_opt_interval(fcinfo, 3, "wait", 0);
	int64		lease = agc_opt_lease(fcinfo, 4);
	CacheResult result;
	CacheTarget target;
	AgcRow		row;

	if (lease == 0)
		lease = agc_lease_or_default(agc_cache_lease * USECS_PER_SEC);
	read_target(fcinfo, "cache_fetch", 2, 5, agc_enter, &target);
	lookup_wait(&target, lease, wait, &result);
	if (result.lease != 0)
		session_lease_note(&target.key, result.lease);

	agc_row_init(&row);
	agc_put_text(&row, names[result.status]);
	agc_put_jsonb(&row, result.value);
	agc_put_text(&row, result.lease != 0 ? lease_text(result.lease) : NULL);
	if (result.value != NULL)
		agc_put_interval(&row, result.age);
	else
		agc_put_null(&row);
	if (result.status == CACHE_BUSY || result.status == CACHE_NEGATIVE)
		agc_put_interval(&row, result.retry_after);
	else
		agc_put_null(&row);
	return agc_row_return(fcinfo, &row);
}

/*
 * The lease of argument 0, if it is a raw one of this tenant taken by this
 * role.  Another role or tenant that names the token learns no more than that
 * it is lost.
 */
static bool
read_lease(FunctionCallInfo fcinfo, const char *what, int tenant_arg, AgcEnter enter, int64 *token, CacheLease *lease)
{
	char	   *tenant = agc_arg_tenant(fcinfo, tenant_arg);

	if (PG_ARGISNULL(0))
		agc_refuse_null("lease");
	*token = lease_of_text(PG_GETARG_DATUM(0));
	enter(tenant, AGC_AGENT);
	ready_require(what);
	return lease_lookup(*token, lease) && lease->kind == CACHE_RAW &&
		lease->tenant == name_of_tenant(tenant) && lease->role == GetUserId();
}

/* cache_fill(lease, value, ttl, tags, soft_ttl, negative, tenant) -> boolean, false = lease lost */
AGC_FUNCTION(cache_fill)
{
	Jsonb	   *value = agc_arg_jsonb(fcinfo, 1, "value");
	int64		token;
	CacheTerms	terms;
	CacheLease	lease;
	CacheRefs	refs = {0};
	char	   *tenant;

	read_terms(fcinfo, 2, 3, 4, &terms);
	if (!read_lease(fcinfo, "cache_fill", 6, agc_enter, &token, &lease))
	{
		stat_count(CC_REFUSED_LEASE);
		PG_RETURN_BOOL(false);
	}
	tenant = agc_arg_tenant(fcinfo, 6);
	refs.tool = lease.tool;
	refs.tenant = lease.tenant;
	refs.ntags = terms.ntags;
	for (int i = 0; i < terms.ntags; i++)
		refs.tag[i] = tag_number(tenant, terms.tags[i]);
	PG_RETURN_BOOL(fill_add(&lease.key, CACHE_RAW, &refs, tenant, token, value, &terms));
}

/* cache_abandon(lease, tenant) -> boolean: whether it was still held; at once */
AGC_FUNCTION(cache_abandon)
{
	int64		token;
	CacheLease	lease;

	if (!read_lease(fcinfo, "cache_abandon", 1, agc_enter_disabled, &token, &lease))
		PG_RETURN_BOOL(false);
	lease_release(&lease.key, token);
	PG_RETURN_BOOL(true);
}

/* One call's entry; whether there was one to see. */
static bool
invalidate_call(const CacheTarget *target, bool counts)
{
	CacheRefs	refs;
	CacheSeen	seen;
	bool		present = lookup_read(target, &seen);

	refs_make(&refs, target->tenant, target->tool, 0, NULL);
	pending_invalidate_key(&target->key, &refs, counts);
	return present;
}

/*
 * What the gate keeps of the same call.  Whether an agent or a subject had an
 * answer of its own is not told: not all in the tenant may know it.
 */
static bool
invalidate_gate_call(const char *tenant, const char *tool_name, Jsonb *args,
					 const char *agent, const char *subject)
{
	AgcObject  *object = tool_pin(tenant, tool_name);
	bool		present = false;
	CacheTarget target;
	const ToolDef *tool;
	Jsonb	   *changes;

	if (object == NULL)
		return false;
	tool = object->data;
	if (tool->coerce)
		args = tool_args_coerce(tool, args, 0, tool->drop_unknown, &changes);
	if (tool->cache_ttl >= 0 &&
		cache_gate_target(&target, tenant, tool_name, tool, object->revision, args, agent, subject))
		present = invalidate_call(&target, false) &&
			(target.scope == CACHE_SCOPE_TENANT || target.scope == CACHE_SCOPE_SHARED);
	agc_object_unpin(object);
	return present;
}

/*
 * cache_invalidate(tool, args, scope, agent, subject, tenant) -> boolean:
 * whether there was a value to see
 */
AGC_FUNCTION(cache_invalidate)
{
	char	   *agent = agc_opt_name(fcinfo, 3, "agent");
	char	   *subject = agc_opt_name(fcinfo, 4, "subject");
	CacheTarget target;
	bool		present;

	read_target(fcinfo, "cache_invalidate", 2, 5, agc_enter_disabled, &target);
	present = invalidate_call(&target, true);
	present |= invalidate_gate_call(target.tenant, target.tool, PG_GETARG_JSONB_P(1), agent, subject);
	PG_RETURN_BOOL(present);
}

/*
 * The answers that tenants share under the tool's name, if this tenant shares
 * the tool or another one does.  Any other tool must not take a name of those
 * that belong to all tenants.
 */
static void
invalidate_shared_tool(const char *tenant, const char *tool)
{
	AgcObject  *object = tool_pin(tenant, tool);
	bool		shared = object != NULL &&
		strcmp(tool_cache_tenant(object->data, tenant), CACHE_SHARED) == 0;

	if (object != NULL)
		agc_object_unpin(object);
	if (shared || name_is_taken(CACHE_SHARED, tool))
		pending_invalidate_name(name_of_tool(CACHE_SHARED, tool), false);
}

/* cache_invalidate_tool(tool, tenant) -> void */
AGC_FUNCTION(cache_invalidate_tool)
{
	char	   *tool = agc_arg_name(fcinfo, 0, "tool");
	char	   *tenant = agc_arg_tenant(fcinfo, 1);

	agc_enter_disabled(tenant, AGC_AGENT);
	ready_require("cache_invalidate_tool");
	pending_invalidate_name(name_of_tool(tenant, tool), true);
	invalidate_shared_tool(tenant, tool);
	PG_RETURN_VOID();
}

/* One invalidation, though the tag is counted apart for what all tenants share. */
static void
invalidate_tag(const char *tenant, const char *tag)
{
	pending_invalidate_tag(name_of_tenant(tenant), tag_number(tenant, tag), true);
	pending_invalidate_tag(name_of_tenant(CACHE_SHARED), tag_number(CACHE_SHARED, tag), false);
}

/* cache_invalidate_tag(tag, tenant) -> void */
AGC_FUNCTION(cache_invalidate_tag)
{
	char	   *tag = agc_arg_name(fcinfo, 0, "tag");
	char	   *tenant = agc_arg_tenant(fcinfo, 1);

	agc_enter_disabled(tenant, AGC_AGENT);
	ready_require("cache_invalidate_tag");
	invalidate_tag(tenant, tag);
	PG_RETURN_VOID();
}

/* cache_clear(tenant) -> void */
AGC_FUNCTION(cache_clear)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 0);

	agc_enter(tenant, AGC_ADMIN);
	ready_require("cache_clear");
	pending_invalidate_name(name_of_tenant(tenant), true);
	pending_invalidate_name(name_of_tenant(CACHE_SHARED), false);
	PG_RETURN_VOID();
}

/*
 * cache_clear_all() -> void: every tenant of this database, one invalidation
 * each.  A name whose texts were not kept may be any tenant's, so it goes too.
 */
AGC_FUNCTION(cache_clear_all)
{
	bool		counts = true;

	agc_enter("*", AGC_ADMIN);
	ready_require("cache_clear_all");
	for (uint32 name = 0; name < name_count(); name++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!name_may_be_tenant(name))
			continue;
		pending_invalidate_name(name, counts);
		counts = false;
	}
	PG_RETURN_VOID();
}

/*
 * cache_invalidate_on_change(tag [, tenant]): trigger for users' tables.
 *
 * The role that changes the table needs no access to the cache; the table's
 * owner does.  Without a cache there is nothing to invalidate, and the change
 * goes on.
 */
AGC_FUNCTION(cache_invalidate_on_change)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Trigger    *trigger;
	const char *tenant;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("cache_invalidate_on_change() must be called as an AFTER trigger")));
	trigger = data->tg_trigger;
	if (trigger->tgnargs < 1 || trigger->tgnargs > 2 || trigger->tgargs[0][0] == '\0' ||
		strlen(trigger->tgargs[0]) > AGC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cache_invalidate_on_change() takes a tag and perhaps a tenant")));
	tenant = trigger->tgnargs == 2 ? trigger->tgargs[1] : "";
	if (cache_shmem == NULL)
		return PointerGetDatum(NULL);

	AcceptInvalidationMessages();
	agc_watch_registry();
	if (agc_level(data->tg_relation->rd_rel->relowner, tenant) < AGC_AGENT)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for tenant \"%s\"", tenant),
				 errdetail("The owner of table \"%s\" may not invalidate there.",
						   RelationGetRelationName(data->tg_relation))));
	invalidate_tag(tenant, trigger->tgargs[0]);
	return PointerGetDatum(NULL);
}
