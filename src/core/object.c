/*
 * object.c
 *	  Per-backend cache of compiled registry objects, and its invalidation.
 *
 * An ordinary UPDATE sends no invalidation, so the triggers on the registry
 * tables (registry_change_trigger) send a relcache invalidation for one
 * relation that nothing else uses, agentcore.registry_change.  It reaches
 * every backend when the writer commits, and the writer itself at its next
 * command and again when it rolls back.  The callback only counts; the next
 * agc_object_pin() compares the row's version (revision, xmin, ctid) and
 * recompiles that one object if it differs.  So one tenant's edit costs the
 * other objects one index lookup, not a compilation, and what was compiled
 * from rows that were rolled back is never used again.
 *
 * AcceptInvalidationMessages() must have run in this call (agc_enter() does):
 * a function that opens no relation otherwise hears of nothing inside a
 * transaction.
 *
 * Memory: one context an object under CacheMemoryContext, bounded together by
 * agentcore.compiled_cache_size, least recently used out first.  An object in
 * use is pinned and outlives its eviction; pins that an ERROR left behind go
 * with the subtransaction that made them.  Locks: none of its own.  On ERROR
 * while compiling: the half-built context is a child of the caller's and goes
 * with it.
 */
#include "core/core.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define NBUCKETS 1024

static AgcObject *buckets[NBUCKETS];
static dlist_head lru = DLIST_STATIC_INIT(lru);
static Size total_bytes = 0;

/* Who holds what: a loop that catches errors would otherwise pin all it looks at. */
typedef struct Pin
{
	AgcObject  *object;
	SubTransactionId subid;
} Pin;

static Pin *pins = NULL;
static int	npins = 0;
static int	maxpins = 0;

/* other rooms' caches that compiled_objects() shows too */
static AgcCompiledReport reporters[4];
static int	nreporters = 0;

static uint64 generation = 1;
static Oid	watched = InvalidOid;

static void registry_changed(Datum arg, Oid relid);
static void forget_pins(XactEvent event, void *arg);
static void forget_sub_pins(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg);
static void release_pins(SubTransactionId since);
static AgcObject **find_slot(const AgcObjectClass *class, const char *tenant, const char *name);
static AgcObject *compile_object(const AgcObjectClass *class, Relation rel, HeapTuple tuple,
								 const char *tenant, const char *name);
static bool same_version(AgcObject *object, HeapTuple tuple, TupleDesc desc);
static void unlink_object(AgcObject *object);
static void evict(void);

void
agc_object_init(void)
{
	CacheRegisterRelcacheCallback(registry_changed, (Datum) 0);
	RegisterXactCallback(forget_pins, NULL);
	RegisterSubXactCallback(forget_sub_pins, NULL);
}

uint64
agc_generation(void)
{
	return generation;
}

/* May run anywhere, so it does nothing but count. */
static void
registry_changed(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || !OidIsValid(watched) || relid == watched)
		generation++;
}

static void
forget_pins(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PARALLEL_COMMIT || event == XACT_EVENT_PARALLEL_ABORT ||
		event == XACT_EVENT_PREPARE)
		release_pins(InvalidSubTransactionId);
}

/* Subtransactions inside an aborting one have higher numbers than it has. */
static void
forget_sub_pins(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		release_pins(subid);
}

static void
release_pins(SubTransactionId since)
{
	while (npins > 0 && pins[npins - 1].subid >= since)
		agc_object_unpin(pins[npins - 1].object);
}

static void
note_pin(AgcObject *object)
{
	if (npins == maxpins)
	{
		int			more = maxpins == 0 ? 16 : maxpins * 2;

		pins = pins == NULL ? MemoryContextAlloc(TopMemoryContext, more * sizeof(Pin)) :
			repalloc(pins, more * sizeof(Pin));
		maxpins = more;
	}
	object->pins++;
	pins[npins++] = (Pin)
	{
		object, GetCurrentSubTransactionId()
	};
}

AgcObject *
agc_object_pin(const AgcObjectClass *class, const char *tenant, const char *name)
{
	AgcObject **slot = find_slot(class, tenant, name);
	AgcObject  *object = *slot;
	const char *keys[2] = {tenant, name};
	Relation	rel;
	HeapTuple	tuple;
	uint64		now;
	int64		compiles = 0;

	if (object != NULL && object->checked == generation)
	{
		object->hits++;
		note_pin(object);
		dlist_move_head(&lru, &object->lru);
		return object;
	}

	rel = agc_table_open(class->table, AccessShareLock);
	now = generation;			/* what comes in from here on is checked later */
	tuple = agc_table_get(class->table, rel, 2, keys);

	if (object != NULL &&
		(tuple == NULL || !same_version(object, tuple, RelationGetDescr(rel)) ||
		 (class->fresh != NULL && !class->fresh(object->data, tenant))))
	{
		compiles = object->compiles;
		unlink_object(object);
		object = NULL;
	}
	if (tuple == NULL)
	{
		agc_table_close(rel, AccessShareLock);
		return NULL;
	}
	if (object == NULL)
	{
		object = compile_object(class, rel, tuple, tenant, name);
		object->compiles = compiles + 1;
		/* compiling may have looked up other objects: find the slot anew */
		slot = find_slot(class, tenant, name);
		object->next = *slot;
		*slot = object;
		dlist_push_head(&lru, &object->lru);
		total_bytes += object->bytes;
	}
	else
	{
		object->hits++;
		dlist_move_head(&lru, &object->lru);
	}
	object->checked = now;
	note_pin(object);
	heap_freetuple(tuple);
	agc_table_close(rel, AccessShareLock);
	evict();
	return object;
}

void
agc_object_unpin(AgcObject *object)
{
	int			at = npins - 1;

	while (at >= 0 && pins[at].object != object)
		at--;
	if (at < 0)
		elog(ERROR, "compiled object is not pinned");
	memmove(&pins[at], &pins[at + 1], sizeof(Pin) * (npins - at - 1));
	npins--;
	object->pins--;
	if (object->dead && object->pins == 0)
	{
		dlist_delete(&object->lru);
		MemoryContextDelete(object->cxt);
	}
}

static AgcObject **
find_slot(const AgcObjectClass *class, const char *tenant, const char *name)
{
	static uint64 seed = 0;
	uint64		hash;
	AgcObject **slot;

	/* names chosen to meet in one bucket must not slow down other tenants of the session */
	if (seed == 0 && !pg_strong_random(&seed, sizeof(seed)))
		seed = 1;
	hash = hash_bytes_extended((const unsigned char *) name, strlen(name), seed);
	hash = hash_bytes_extended((const unsigned char *) tenant, strlen(tenant), hash);
	slot = &buckets[hash % NBUCKETS];
	while (*slot != NULL &&
		   ((*slot)->class != class || strcmp((*slot)->name, name) != 0 ||
			strcmp((*slot)->tenant, tenant) != 0))
		slot = &(*slot)->next;
	return slot;
}

/*
 * The context hangs under the caller's until it is whole, so an ERROR in
 * compile() frees it.
 */
static AgcObject *
compile_object(const AgcObjectClass *class, Relation rel, HeapTuple tuple,
			   const char *tenant, const char *name)
{
	TupleDesc	desc = RelationGetDescr(rel);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore object",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	AgcObject  *object = palloc0(sizeof(AgcObject));

	object->class = class;
	object->tenant = pstrdup(tenant);
	object->name = pstrdup(name);
	object->cxt = cxt;
	object->revision = agc_col_int64(tuple, desc, "revision", 0);
	object->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	object->tid = tuple->t_self;
	object->data = class->compile(tuple, desc, object->tenant, object->name);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(cxt, CacheMemoryContext);
	MemoryContextSetIdentifier(cxt, object->name);
	object->bytes = MemoryContextMemAllocated(cxt, true);
	return object;
}

static bool
same_version(AgcObject *object, HeapTuple tuple, TupleDesc desc)
{
	return object->revision == agc_col_int64(tuple, desc, "revision", 0) &&
		object->xmin == HeapTupleHeaderGetRawXmin(tuple->t_data) &&
		ItemPointerEquals(&object->tid, &tuple->t_self);
}

/* A pinned object stays on the list, dead, until its last pin goes. */
static void
unlink_object(AgcObject *object)
{
	AgcObject **slot = find_slot(object->class, object->tenant, object->name);

	if (!object->dead)
	{
		*slot = object->next;
		total_bytes -= object->bytes;
		object->dead = true;
	}
	if (object->pins == 0)
	{
		dlist_delete(&object->lru);
		MemoryContextDelete(object->cxt);
	}
}

static void
evict(void)
{
	dlist_node *node = dlist_is_empty(&lru) ? NULL : dlist_tail_node(&lru);

	while (node != NULL && total_bytes > (Size) agc_compiled_cache_size * 1024)
	{
		AgcObject  *object = dlist_container(AgcObject, lru, node);

		node = dlist_has_prev(&lru, node) ? dlist_prev_node(&lru, node) : NULL;
		if (object->pins == 0)
			unlink_object(object);
	}
}

/*
 * registry_change_trigger: on every registry table, row level for INSERT,
 * UPDATE and DELETE, statement level for TRUNCATE, ENABLE ALWAYS, so that
 * COPY, restores and logical apply are heard too.
 */
AGC_FUNCTION(registry_change_trigger)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("registry_change_trigger() must be called as a trigger")));

	CacheInvalidateRelcacheByRelid(get_relname_relid("registry_change",
													 get_namespace_oid(AGC_SCHEMA, false)));
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		PG_RETURN_POINTER(data->tg_newtuple);
	PG_RETURN_POINTER(data->tg_trigtuple);
}

/*
 * registry_attach(registry, versioned): puts the triggers on a registry table.
 * Not in plpgsql, which keeps what it compiled of a function for the session,
 * also when the function went with its extension.
 */
AGC_FUNCTION(registry_attach)
{
	static const struct
	{
		const char *before;
		const char *after;
	}			statements[] = {
		{"CREATE TRIGGER registry_change_row AFTER INSERT OR UPDATE OR DELETE ON ", " FOR EACH ROW EXECUTE FUNCTION agentcore.registry_change_trigger()"},
		{"CREATE TRIGGER registry_change_truncate AFTER TRUNCATE ON ", " FOR EACH STATEMENT EXECUTE FUNCTION agentcore.registry_change_trigger()"},
		{"ALTER TABLE ", " ENABLE ALWAYS TRIGGER registry_change_row"},
		{"ALTER TABLE ", " ENABLE ALWAYS TRIGGER registry_change_truncate"},
		{"CREATE TRIGGER registry_revision BEFORE UPDATE ON ", " FOR EACH ROW EXECUTE FUNCTION agentcore.registry_revision_trigger()"},
		{"ALTER TABLE ", " ENABLE ALWAYS TRIGGER registry_revision"},
	};
	char	   *table = PG_ARGISNULL(0) ? NULL : get_rel_name(PG_GETARG_OID(0));
	int			n = agc_arg_bool(fcinfo, 1, "versioned") ? lengthof(statements) : lengthof(statements) - 2;

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("registry must be a table")));
	table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(PG_GETARG_OID(0))), table);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (int i = 0; i < n; i++)
	{
		int			result = SPI_execute(psprintf("%s%s%s", statements[i].before, table, statements[i].after), false, 0);

		if (result != SPI_OK_UTILITY)
			elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* From now on only changes of the relation that we watch are counted. */
void
agc_watch_registry(void)
{
	static uint64 resolved = 0;

	if (resolved == generation && OidIsValid(watched))
		return;
	watched = get_relname_relid("registry_change", get_namespace_oid(AGC_SCHEMA, false));
	resolved = generation;
}

void
agc_compiled_reporter(AgcCompiledReport report)
{
	Assert(nreporters < lengthof(reporters));
	reporters[nreporters++] = report;
}

/* compiled_objects() -> setof (class, tenant, name, revision, bytes, compiles, hits) */
AGC_FUNCTION(compiled_objects)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	dlist_iter	iter;

	InitMaterializedSRF(fcinfo, 0);
	dlist_foreach(iter, &lru)
	{
		AgcObject  *object = dlist_container(AgcObject, lru, iter.cur);
		Datum		values[7];
		bool		nulls[7] = {false};

		if (object->dead || agc_level(GetUserId(), object->tenant) < AGC_READER)
			continue;
		values[0] = CStringGetTextDatum(object->class->name);
		values[1] = CStringGetTextDatum(object->tenant);
		values[2] = CStringGetTextDatum(object->name);
		values[3] = Int64GetDatum(object->revision);
		values[4] = Int64GetDatum((int64) object->bytes);
		values[5] = Int64GetDatum(object->compiles);
		values[6] = Int64GetDatum(object->hits);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	for (int i = 0; i < nreporters; i++)
		reporters[i](rsinfo);
	return (Datum) 0;
}
