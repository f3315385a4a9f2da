/*
 * budget_template.c
 *	  Budgets that are made by their first use, of a template.
 *
 * A name without a row that a template covers has the template's definition:
 * whoever only looks sees a budget in which nothing is used.  The first request
 * that seems to fit makes it: definition and counter are inserted, and nobody
 * hears of it (core/invalidation.c), because a missing budget is looked for each
 * time.  So a request that is refused writes nothing.
 *
 * Locks: the budget's own, alone, in the order of all counters (lock_order.c), and then
 * it is looked for again; the template's, shared, so that definition and limit of
 * their number are those that are written; one place of the template's
 * (template_place.c).  Only the first is waited for.  All are kept to the end of the
 * transaction, but for the first where nothing was written.
 *
 * Memory: the caller's context.  On ERROR: the transaction takes the rows back, and
 * what was compiled of them is looked at again.
 */
#include "budget/budget_template.h"

#include "budget/define_counters.h"
#include "budget/lock_order.h"
#include "budget/path_admit.h"
#include "budget/path_peek.h"
#include "budget/permit.h"
#include "budget/template_place.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static AgcTable definition_table = AGC_TABLE("budget", NULL);

/* ----- making it --------------------------------------------------------------- */

/*
 * The lock of a name, alone.  Where others make the budget at the same time, it is
 * waited for once.
 */
static bool
lock_name(const BudgetPath *path, PathLink *name)
{
	LockPlace	place = {.depth = name->depth, .tenant = path->tenant, .budget = name->name};

	row_counter_require_write();
	path_key(path, name);
	if (!lock_take_mode(&name->lock, ExclusiveLock, false) &&
		(!lock_order_may_wait(&place) || escrow_record_any(name->key.tag) ||
		 !lock_take_mode(&name->lock, ExclusiveLock, true)))
		return false;
	AcceptInvalidationMessages();
	return true;
}

/*
 * What an earlier budget of this name was charged does not count.  Unlike
 * row_ledger_last() this reads only what the ledger has of the future.
 */
static TimestampTz
count_from(const char *tenant, const char *name)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT max(l.at) FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND l.at >= $3 AND $2 = ANY (l.budgets)", lengthof(types), types
	};
	TimestampTz now = agc_now();
	Datum		last;
	bool		isnull;
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_time(&row, now);
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	agc_owner_end(&owner);
	return isnull ? now : DatumGetTimestampTz(last) + 1;
}

/*
 * The counter of a new budget, whose lock the caller has.  Rows that somebody has left
 * without their definition are made to follow it.
 */
static void
make_counter(BudgetPath *path, PathLink *name)
{
	AgcOwner	owner;

	if (!path_take_alone(path, name, NULL, false) || !name->defined)
		elog(ERROR, "budget \"%s\" vanished while it was made", name->name);
	if (!name->found)
	{
		counter_init(&name->sum, &name->def, count_from(path->tenant, name->name));
		path_write_alone(path, name);
		return;
	}
	agc_owner_begin_bounded(&owner);
	define_counters_sync(path->tenant, name->name, NULL);
	agc_owner_end(&owner);
}

static Datum
next_revision(void)
{
	Oid			sequence = get_relname_relid("revision_seq", get_namespace_oid(AGC_SCHEMA, false));

	return Int64GetDatum(nextval_internal(sequence, false));
}

/* What the template does not say of a new budget; false: it says it. */
static bool
own_value(const char *column, const char *tenant, const char *name, const char *pattern, int place, Datum *value)
{
	if (strcmp(column, "name") == 0)
		*value = CStringGetTextDatum(name);
	else if (strcmp(column, "template") == 0)
		*value = CStringGetTextDatum(pattern);
	else if (strcmp(column, "place") == 0)
		*value = Int32GetDatum(place);
	else if (strcmp(column, "limited_at") == 0)
		*value = TimestampTzGetDatum(agc_now());
	else if (strcmp(column, "window_revision") == 0 || strcmp(column, "revision") == 0)
		*value = next_revision();
	else
		return false;
	return true;
}

static void
insert_quietly(Relation rel, Datum *values, bool *nulls)
{
	agc_registry_quiet(RelationGetRelid(rel));
	PG_TRY();
	{
		(void) agc_heap_insert(rel, values, nulls);
	}
	PG_FINALLY();
	{
		agc_registry_quiet(InvalidOid);
	}
	PG_END_TRY();
}

/* The columns that both tables have are copied, whichever they are. */
static void
write_definition(const char *tenant, const char *name, const BudgetTemplate *template, int place,
				 HeapTuple row, TupleDesc from)
{
	Relation	rel = agc_table_open(&definition_table, RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc0(desc->natts * sizeof(bool));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			nulls[i] = true;
		else if (!own_value(NameStr(att->attname), tenant, name, template->pattern, place, &values[i]))
			values[i] = agc_col(row, from, NameStr(att->attname), &nulls[i]);
	}
	insert_quietly(rel, values, nulls);
	agc_table_close(rel, NoLock);
}

/* Under the locks of name and template. */
static PathAnswer
make_rows(BudgetPath *path, PathLink *link, PathLink *name, HeapTuple row, TupleDesc desc)
{
	LockPlace	locked = {.depth = link->depth, .tenant = path->tenant, .budget = link->name};
	int			place;

	switch (template_place(path->tenant, link->unmade, true, &place))
	{
		case PLACE_FULL:
			return PATH_REFUSED;
		case PLACE_BUSY:
			return PATH_BUSY;
		case PLACE_FREE:
			break;
	}
	write_definition(path->tenant, link->name, link->unmade, place, row, desc);
	make_counter(path, name);
	lock_order_note_counter(&locked);
	link->def = name->def;
	link->unmade = NULL;
	return PATH_ENTERED;
}

/* Whether the template is still the one that the path was resolved with. */
static bool
same_template(const PathLink *link, const BudgetTemplate *now, const BudgetDef *def)
{
	return strcmp(now->pattern, link->unmade->pattern) == 0 && strcmp(def->parent, link->def.parent) == 0;
}

static PathAnswer
make_of_template(BudgetPath *path, PathLink *link, PathLink *name)
{
	BudgetTemplate *now = palloc(sizeof(BudgetTemplate));
	PathAnswer	answer = PATH_BUSY;
	BudgetDef	def;
	Relation	rel;
	HeapTuple	row;

	if (!template_hold(path->tenant, link->unmade->pattern))
		return PATH_BUSY;
	rel = template_open();
	row = template_row(rel, path->tenant, link->name, now);
	if (row != NULL)
	{
		definition_of_row(row, RelationGetDescr(rel), &def);
		if (same_template(link, now, &def))
		{
			link->unmade = now;
			answer = make_rows(path, link, name, row, RelationGetDescr(rel));
		}
	}
	agc_table_close(rel, AccessShareLock);
	return answer;
}

/* Made while it was waited for, perhaps of another template. */
static PathAnswer
use_made(PathLink *link, const BudgetDef *def)
{
	if (def->parent == NULL || strcmp(def->parent, link->def.parent) != 0)
		return PATH_BUSY;
	link->def = *def;
	link->unmade = NULL;
	return PATH_ENTERED;
}

/* The lock stays only where something was written under it. */
static PathAnswer
make_budget(BudgetPath *path, PathLink *link)
{
	PathLink	name = {.name = link->name, .depth = link->depth};
	PathAnswer	answer;
	BudgetDef	def;

	if (!lock_name(path, &name))
		return PATH_BUSY;
	answer = definition_read(path->tenant, link->name, &def) ? use_made(link, &def) : make_of_template(path, link, &name);
	lock_drop_mode(&name.lock, ExclusiveLock);
	return answer;
}

static void
refuse(const BudgetPath *path, const PathLink *link, PermitDecision *out, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);

	out->granted = false;
	out->reason = REASON_BUDGET_EXCEEDED;
	out->denied_by = pstrdup(link->name);
	out->denied_limit = NULL;
	memset(&out->denied, 0, sizeof(out->denied));
	out->on_full = ON_FULL_DENY;
	out->detail = template_too_many(link);
	out->retry_after = -1;
	out->can_ever_fit = false;
	MemoryContextSwitchTo(old);
	path_remaining(path, out);
}

bool
template_is_needed(const BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		if (path->link[i].unmade != NULL)
			return true;
	return false;
}

PathAnswer
template_make(BudgetPath *path, PermitDecision *out, MemoryContext cxt)
{
	PathAnswer	answer = PATH_ENTERED;

	for (int i = 0; i < path->n && answer == PATH_ENTERED; i++)
	{
		PathLink   *link = &path->link[i];

		if (link->unmade == NULL)
			continue;
		answer = make_budget(path, link);
		if (answer == PATH_REFUSED)
			refuse(path, link, out, cxt);
		else if (answer == PATH_BUSY)
			permit_report_contention(out);
	}
	return answer;
}

void
template_make_or_raise(BudgetPath *path)
{
	PermitDecision out = {0};
	PathAnswer	answer;

	if (!template_is_needed(path))
		return;
	for (int i = 0; i < path->n && out.detail == NULL; i++)
		(void) template_admits(path, &path->link[i], &out.detail);
	path_peek(path);
	answer = out.detail == NULL ? template_make(path, &out, CurrentMemoryContext) : PATH_REFUSED;
	if (answer == PATH_BUSY)
		permit_raise_contention();
	if (answer == PATH_REFUSED)
		ereport(ERROR,
				(errcode(ERRCODE_AGC_BUDGET_EXCEEDED),
				 errmsg("budget \"%s\" cannot be made", path->link[0].name),
				 errdetail("%s", out.detail)));
}
