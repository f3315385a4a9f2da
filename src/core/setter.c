/*
 * setter.c
 *	  What every X_set() has in common: a member that is not given stays as it
 *	  is, a new object gets the default, "reset" names members to set back.
 *	  Also the body of every X_drop().
 *
 * agc_set() locks the object's row, reads it, and hands the setter a copy of
 * its arguments in which nothing is left out.  So a setter judges and writes
 * the whole object, however few members were given, and two sessions that
 * change different members of one object do not undo each other.
 *
 * Memory: copies in CurrentMemoryContext.  The caller's own arguments are never
 * written to: the executor stores constants in them once.  Locks: FOR NO KEY
 * UPDATE on the object's row, to the end of the transaction; it is waited for no
 * longer than agentcore.budget_lock_wait says (55P03).  Nobody can lock
 * a row that is not there yet: a setter that finds the object made meanwhile
 * reads it and begins anew.  On ERROR: the transaction takes everything back.
 * Changes are attributed to the caller (attribution.c).
 */
#include "core/core.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* before the tenant, which comes last */
#define RESET_ARG(fcinfo)	((fcinfo)->nargs - 2)
#define TENANT_ARG(fcinfo)	((fcinfo)->nargs - 1)
#define BIT(n)				(UINT64CONST(1) << (n))

pg_noreturn static void
refuse_reset(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message),
			 errhint("%s", hint)));
}

static char *
member_names(const AgcSetter *setter)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < setter->nmembers; i++)
		if (!setter->members[i].required)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", setter->members[i].name);
	return names.len > 0 ? psprintf("Members that can be reset: %s.", names.data) :
		"It has no member that can be reset.";
}

/* The argument that "name" stands for. */
static int
member_to_reset(FunctionCallInfo fcinfo, const AgcSetter *setter, const char *name)
{
	for (int i = 0; i < setter->nmembers; i++)
	{
		const AgcMember *member = &setter->members[i];
		int			n = setter->first + i;

		if (strcmp(member->name, name) != 0)
			continue;
		if (member->required)
			refuse_reset(psprintf("%s cannot be reset", name), "It has no default: give it another value.");
		if (!PG_ARGISNULL(n))
			refuse_reset(psprintf("%s is both given and reset", name), "Give it a value, or name it in reset.");
		return n;
	}
	refuse_reset(psprintf("unknown member \"%s\" in reset", name), member_names(setter));
}

/* The members that "reset" names, a bit for each argument. */
static uint64
arg_reset(FunctionCallInfo fcinfo, const AgcSetter *setter)
{
	uint64		reset = 0;
	Datum	   *elems;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(RESET_ARG(fcinfo)))
		return 0;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(RESET_ARG(fcinfo)), TEXTOID, -1, false, TYPALIGN_INT,
					  &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			refuse_reset("reset must not contain null", member_names(setter));
		reset |= BIT(member_to_reset(fcinfo, setter, TextDatumGetCString(elems[i])));
	}
	return reset;
}

/* ----- the object as it is ---------------------------------------------------- */

/* *stored: the members of the row, which is locked, or the defaults of a new one. */
static bool
read_object(const AgcSetter *setter, AgcSetting *set, NullableDatum *stored)
{
	TupleDesc	desc;
	AgcOwner	owner;

	agc_owner_begin_bounded(&owner);
	if (setter->before != NULL)
		setter->before(set);
	agc_spi(setter->row, set->keys, NULL);
	set->exists = SPI_processed > 0;
	desc = SPI_tuptable->tupdesc;
	for (int i = 0; i < setter->nmembers; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		stored[i].value = (Datum) 0;
		stored[i].isnull = true;
		if (set->exists)
			stored[i].value = SPI_getbinval(SPI_tuptable->vals[0], desc, i + 1, &stored[i].isnull);
		if (!stored[i].isnull)
			stored[i].value = datumCopy(stored[i].value, att->attbyval, att->attlen);
		set->type[i] = att->atttypid;
	}
	agc_owner_end(&owner);
	return set->exists;
}

static NullableDatum
member_default(const AgcMember *member, Oid type)
{
	NullableDatum result = {(Datum) 0, true};
	Oid			input;
	Oid			param;

	if (member->preset == NULL)
		return result;
	getTypeInputInfo(type, &input, &param);
	result.value = OidInputFunctionCall(input, pstrdup(member->preset), param, -1);
	result.isnull = false;
	return result;
}

pg_noreturn static void
missing_member(const AgcSetter *setter, const AgcMember *member)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must not be null", member->name),
			 errdetail("A new %s needs it.", setter->what)));
}

static bool
is_as_it_was(Oid type, const NullableDatum *value, const NullableDatum *stored)
{
	int16		len;
	bool		byval;

	if (value->isnull || stored->isnull)
		return value->isnull && stored->isnull;
	get_typlenbyval(type, &len, &byval);
	return datum_image_eq(value->value, stored->value, byval, len);
}

/* The arguments with nothing left out, in "all". */
static void
merge(FunctionCallInfo fcinfo, const AgcSetter *setter, AgcSetting *set, uint64 reset,
	  const NullableDatum *stored, FunctionCallInfo all)
{
	memcpy(all, fcinfo, SizeForFunctionCallInfo(fcinfo->nargs));
	set->given = set->touched = set->changed = 0;
	for (int i = 0; i < setter->nmembers; i++)
	{
		const AgcMember *member = &setter->members[i];
		int			n = setter->first + i;

		if (!PG_ARGISNULL(n))
			set->given |= BIT(n);
		else if (set->exists && (reset & BIT(n)) == 0)
		{
			all->args[n] = stored[i];
			continue;
		}
		else if (member->required)
			missing_member(setter, member);
		else
			all->args[n] = member_default(member, set->type[i]);
		set->touched |= BIT(n);
		if (!set->exists || !is_as_it_was(set->type[i], &all->args[n], &stored[i]))
			set->changed |= BIT(n);
	}
}

/* ----- writing as the caller's ------------------------------------------------- */

typedef struct SetterWrite
{
	const AgcSetter *setter;
	FunctionCallInfo all;
	AgcSetting *set;
	bool		changed;
} SetterWrite;

static void
run_write(void *arg)
{
	SetterWrite *write = arg;

	write->changed = write->setter->write(write->all, write->set);
}

typedef struct DropWrite
{
	AgcPlan    *plan;
	AgcRow	   *row;
	uint64		rows;
} DropWrite;

static void
run_drop(void *arg)
{
	DropWrite  *drop = arg;

	drop->rows = agc_owner_spi_row_bounded(drop->plan, drop->row);
}

/* ----- entry points ------------------------------------------------------------ */

Datum
agc_set(FunctionCallInfo fcinfo, const AgcSetter *setter, Datum *keys)
{
	FunctionCallInfo all = palloc(SizeForFunctionCallInfo(fcinfo->nargs));
	AgcSetting	set = {.keys = keys};
	SetterWrite write = {setter, all, &set};
	NullableDatum stored[FUNC_MAX_ARGS];
	uint64		reset;

	Assert(setter->first + setter->nmembers == RESET_ARG(fcinfo) && fcinfo->nargs <= 64);
	set.tenant = setter->or_every ? agc_arg_tenant_or_every(fcinfo, TENANT_ARG(fcinfo)) : agc_arg_tenant(fcinfo, TENANT_ARG(fcinfo));
	keys[0] = CStringGetTextDatum(set.tenant);
	reset = arg_reset(fcinfo, setter);
	agc_enter(setter->everywhere ? "*" : set.tenant, AGC_ADMIN);
	do
	{
		CHECK_FOR_INTERRUPTS();
		set.lost = false;
		(void) read_object(setter, &set, stored);
		merge(fcinfo, setter, &set, reset, stored, all);
		agc_attributed(run_write, &write);
	} while (!write.changed && set.lost);
	return BoolGetDatum(write.changed);
}

bool
agc_set_spi(AgcSetting *set, AgcPlan *plan, Datum *values, const char *nulls)
{
	agc_spi(plan, values, nulls);
	set->lost = SPI_processed == 0 && !set->exists;
	return SPI_processed > 0;
}

bool
agc_set_write(AgcSetting *set, AgcPlan *plan, Datum *values, const char *nulls)
{
	AgcOwner	owner;
	bool		changed;

	agc_owner_begin_bounded(&owner);
	changed = agc_set_spi(set, plan, values, nulls);
	agc_owner_end(&owner);
	return changed;
}

bool
agc_set_spi_row(AgcSetting *set, AgcPlan *plan, AgcRow *row)
{
	AgcRowNulls nulls;

	return agc_set_spi(set, plan, row->value, agc_row_nulls(plan, row, &nulls));
}

bool
agc_set_write_row(AgcSetting *set, AgcPlan *plan, AgcRow *row)
{
	AgcRowNulls nulls;

	return agc_set_write(set, plan, row->value, agc_row_nulls(plan, row, &nulls));
}

/* The body of every X_drop(name, tenant): "plan" deletes by tenant ($1) and name ($2). */
Datum
agc_drop(FunctionCallInfo fcinfo, const char *what, AgcPlan *plan)
{
	char	   *name = agc_arg_name(fcinfo, 0, what);
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	AgcRow		row;
	DropWrite	drop = {plan, &row};

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_enter(tenant, AGC_ADMIN);
	agc_attributed(run_drop, &drop);
	PG_RETURN_BOOL(drop.rows > 0);
}
