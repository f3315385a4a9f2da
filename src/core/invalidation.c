/*
 * invalidation.c
 *	  How every session hears that a registry table was changed.
 *
 * An ordinary UPDATE sends no invalidation, so the triggers on the registry
 * tables (registry_change_trigger) send a relcache invalidation for one
 * relation that nothing else uses, agentcore.registry_change.  It reaches every
 * backend when the writer commits, and the writer itself at its next command
 * and again when it rolls back.  The callback only counts: what was derived
 * from a registry table is looked at again when agc_generation() has changed.
 *
 * A row that comes while it is used (a budget that a template makes) is inserted
 * without an invalidation, because it changes nothing that anybody has derived:
 * sessions keep no absence of such names.  Only the session that wrote it may have
 * derived something from it, and looks again if the row is taken back.
 *
 * Memory: static variables.  Locks: none.  On ERROR: nothing to undo; a
 * transaction that fails also sends its invalidations.
 */
#include "core/core.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static uint64 generation = 1;
static Oid	watched = InvalidOid;

/* the table of agc_registry_quiet() */
static Oid	quiet = InvalidOid;

/* this transaction has written a row in that way */
static bool quiet_written = false;

static void registry_changed(Datum arg, Oid relid);
static void end_quiet(XactEvent event, void *arg);
static void end_quiet_sub(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg);

void
agc_invalidation_init(void)
{
	CacheRegisterRelcacheCallback(registry_changed, (Datum) 0);
	RegisterXactCallback(end_quiet, NULL);
	RegisterSubXactCallback(end_quiet_sub, NULL);
}

uint64
agc_generation(void)
{
	return generation;
}

void
agc_generation_next(void)
{
	generation++;
}

/* May run anywhere, so it does nothing but count. */
static void
registry_changed(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || !OidIsValid(watched) || relid == watched)
		generation++;
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

/* ----- rows that nobody has to hear of ------------------------------------ */

void
agc_registry_quiet(Oid relid)
{
	quiet = relid;
	quiet_written |= OidIsValid(relid);
}

/* What was derived from a row that is taken back, or that only COMMIT PREPARED brings, is looked at again. */
static void
end_quiet(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (quiet_written && event != XACT_EVENT_COMMIT)
		generation++;
	quiet_written = false;
}

static void
end_quiet_sub(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (quiet_written && event == SUBXACT_EVENT_ABORT_SUB)
		generation++;
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

	if (!TRIGGER_FIRED_BY_INSERT(data->tg_event) || RelationGetRelid(data->tg_relation) != quiet)
		CacheInvalidateRelcacheByRelid(get_relname_relid("registry_change",
														 get_namespace_oid(AGC_SCHEMA, false)));
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		PG_RETURN_POINTER(data->tg_newtuple);
	PG_RETURN_POINTER(data->tg_trigtuple);
}
