/*
 * object.c
 *	  Per-backend cache of compiled registry objects.
 *
 * agc_object_pin() compares the version of an object's row (revision, xmin,
 * ctid) when a registry table has changed (invalidation.c), and recompiles the
 * object if it differs.  That a name has no row is kept in the same way, unless
 * rows of the class come quietly.  So one tenant's edit costs the other objects one index
 * lookup, not a compilation, and what was compiled from rows that were rolled
 * back is never used again.
 *
 * AcceptInvalidationMessages() must have run in this call (agc_enter() does):
 * a function that opens no relation otherwise hears of nothing inside a
 * transaction.
 *
 * Memory: one context per object under CacheMemoryContext, bounded together by
 * agentcore.compiled_cache_size, least recently used out first.  An object in
 * use is pinned and outlives its eviction; pins that an ERROR left behind go
 * with the subtransaction that made them.  Locks: none of its own.  On ERROR
 * while compiling: the half-built context is a child of the caller's and goes
 * with it.
 */
#include "core/core.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define NBUCKETS 1024

static AgcObject *buckets[NBUCKETS];

/*
 * What was found of a class last: most sessions ask for one agent and one policy.  Saves
 * the hash of both names, 190 of 270 instructions.
 */
#define NRECENT 32

static AgcObject *recent[NRECENT];
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

static void forget_pins(XactEvent event, void *arg);
static void forget_sub_pins(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg);
static void release_pins(SubTransactionId since);
static AgcObject **find_slot(const AgcObjectClass *class, const char *tenant, const char *name);
static AgcObject *find_object(const AgcObjectClass *class, const char *tenant, const char *name);
static AgcObject *compile_object(const AgcObjectClass *class, Relation rel, HeapTuple tuple,
								 const char *tenant, const char *name);
static bool same_version(AgcObject *object, HeapTuple tuple, TupleDesc desc);
/*
 * Names that have no row, as of a generation: most targets have no settings of
 * their own, and each call would look for them.
 */
typedef struct Absence
{
	const AgcObjectClass *class;
	uint64		checked;
	char		tenant[AGC_MAX_NAME + 1];
	char		name[AGC_MAX_NAME + 1];
} Absence;

#define NABSENCES 64

static Absence absences[NABSENCES];

static Absence *absence_slot(const AgcObjectClass *class, const char *tenant, const char *name);
static bool is_absent(const AgcObjectClass *class, const char *tenant, const char *name);
static void note_absence(const AgcObjectClass *class, const char *tenant, const char *name, uint64 checked);
static void unlink_object(AgcObject *object);
static void evict(void);

void
agc_object_init(void)
{
	RegisterXactCallback(forget_pins, NULL);
	RegisterSubXactCallback(forget_sub_pins, NULL);
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
	AgcObject  *object = find_object(class, tenant, name);
	const char *keys[2] = {tenant, name};
	AgcObject **slot;
	Relation	rel;
	HeapTuple	tuple;
	uint64		now;
	int64		compiles = 0;

	if (object != NULL && object->checked == agc_generation())
	{
		object->hits++;
		note_pin(object);
		dlist_move_head(&lru, &object->lru);
		return object;
	}

	if (object == NULL && is_absent(class, tenant, name))
		return NULL;

	rel = agc_table_open(class->table, AccessShareLock);
	now = agc_generation();		/* what comes in from here on is checked later */
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
		note_absence(class, tenant, name, now);
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

/* A row that came another way than by its setter may raise; what it raised is undone. */
static AgcObject *
pin_in_subtransaction(const AgcObjectClass *class, const char *tenant, const char *name)
{
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext cxt = CurrentMemoryContext;
	AgcObject  *volatile object = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		object = agc_object_pin(class, tenant, name);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("%s %s cannot be used: %s", class->name, agc_quoted_name(name), error->message)));
		object = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return object;
}

AgcObject *
agc_object_try_pin(const AgcObjectClass *class, const char *tenant, const char *name)
{
	AgcObject  *object = find_object(class, tenant, name);

	/* nothing is compiled: no subtransaction */
	if (object != NULL && object->checked == agc_generation())
		return agc_object_pin(class, tenant, name);
	return pin_in_subtransaction(class, tenant, name);
}

bool
agc_object_exists(const AgcObjectClass *class, const char *tenant, const char *name)
{
	AgcObject  *object = find_object(class, tenant, name);
	const char *keys[2] = {tenant, name};
	Relation	rel;
	HeapTuple	tuple;

	if (object != NULL && object->checked == agc_generation())
		return true;
	if (object == NULL && is_absent(class, tenant, name))
		return false;
	rel = agc_table_open(class->table, AccessShareLock);
	tuple = agc_table_get(class->table, rel, 2, keys);
	agc_table_close(rel, AccessShareLock);
	if (tuple == NULL)
		return false;
	heap_freetuple(tuple);
	return true;
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

/* Names chosen to meet in one bucket must not slow down other tenants of the session. */
static uint64
hash_names(const char *tenant, const char *name)
{
	static uint64 seed = 0;
	uint64		hash;

	if (seed == 0 && !pg_strong_random(&seed, sizeof(seed)))
		seed = 1;
	hash = hash_bytes_extended((const unsigned char *) name, strlen(name), seed);
	return hash_bytes_extended((const unsigned char *) tenant, strlen(tenant), hash);
}

static Absence *
absence_slot(const AgcObjectClass *class, const char *tenant, const char *name)
{
	return &absences[(hash_names(tenant, name) + (uintptr_t) class / sizeof(AgcObjectClass)) % NABSENCES];
}

static bool
is_absent(const AgcObjectClass *class, const char *tenant, const char *name)
{
	const Absence *absence = absence_slot(class, tenant, name);

	return absence->class == class && absence->checked == agc_generation() &&
		strcmp(absence->name, name) == 0 && strcmp(absence->tenant, tenant) == 0;
}

static void
note_absence(const AgcObjectClass *class, const char *tenant, const char *name, uint64 checked)
{
	Absence    *absence = absence_slot(class, tenant, name);

	if (class->always_looks || strlen(tenant) > AGC_MAX_NAME || strlen(name) > AGC_MAX_NAME)
		return;
	absence->class = class;
	absence->checked = checked;
	strlcpy(absence->tenant, tenant, sizeof(absence->tenant));
	strlcpy(absence->name, name, sizeof(absence->name));
}

static bool
is_object(const AgcObject *object, const AgcObjectClass *class, const char *tenant, const char *name)
{
	return object->class == class && strcmp(object->name, name) == 0 && strcmp(object->tenant, tenant) == 0;
}

static AgcObject **
find_slot(const AgcObjectClass *class, const char *tenant, const char *name)
{
	AgcObject **slot = &buckets[hash_names(tenant, name) % NBUCKETS];

	while (*slot != NULL && !is_object(*slot, class, tenant, name))
		slot = &(*slot)->next;
	return slot;
}

static AgcObject **
recent_slot(const AgcObjectClass *class)
{
	return &recent[(uintptr_t) class / sizeof(AgcObjectClass) % NRECENT];
}

static AgcObject *
find_object(const AgcObjectClass *class, const char *tenant, const char *name)
{
	AgcObject **last = recent_slot(class);
	AgcObject  *object = *last;

	if (object != NULL && is_object(object, class, tenant, name))
		return object;
	object = *find_slot(class, tenant, name);
	if (object != NULL)
		*last = object;
	return object;
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
	object->overlay = agc_overlaid;
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
	return object->overlay == agc_overlaid && object->revision == agc_col_int64(tuple, desc, "revision", 0) &&
		object->xmin == HeapTupleHeaderGetRawXmin(tuple->t_data) &&
		ItemPointerEquals(&object->tid, &tuple->t_self);
}

/* A pinned object stays on the list, dead, until its last pin goes. */
static void
unlink_object(AgcObject *object)
{
	AgcObject **slot = find_slot(object->class, object->tenant, object->name);
	AgcObject **last = recent_slot(object->class);

	if (*last == object)
		*last = NULL;
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
		AgcRow		row;

		if (object->dead || agc_level(GetUserId(), object->tenant) < AGC_READER)
			continue;
		agc_row_init(&row);
		agc_put_text(&row, object->class->name);
		agc_put_text(&row, object->tenant);
		agc_put_text(&row, object->name);
		agc_put_int64(&row, object->revision);
		agc_put_int64(&row, (int64) object->bytes);
		agc_put_int64(&row, object->compiles);
		agc_put_int64(&row, object->hits);
		agc_row_store(rsinfo, &row);
	}
	for (int i = 0; i < nreporters; i++)
		reporters[i](rsinfo);
	return (Datum) 0;
}
