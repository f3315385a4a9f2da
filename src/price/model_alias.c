/*
 * model_alias.c
 *	  Names of models without a price of their own, and the model whose price
 *	  counts for each.
 *
 * A pattern is a name or 'prefix*'.  Of those that match, the one that says most of the
 * name counts.  One step: what an alias names must have a price itself, so
 * there are no chains and no circles.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the table while it is
 * read; those of a setter.  On ERROR: the transaction takes back what was written.
 */
#include "price/prices.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

enum
{
	A_PATTERN, A_MODEL
};

static AgcTable alias_table = AGC_TABLE("model_alias", "model_alias_pkey");

typedef struct AliasScan
{
	const char *name;
	int			length;			/* twice what the best pattern says of it, and 1 for a whole name */
	char	   *model;
} AliasScan;

/* 0: it does not match */
static int
match_length(const char *pattern, const char *name)
{
	int			len = strlen(pattern);
	bool		prefix = pattern[len - 1] == '*';

	if (!prefix)
		return strcmp(pattern, name) == 0 ? 2 * len + 1 : 0;
	return strncmp(pattern, name, len - 1) == 0 ? 2 * (len - 1) : 0;
}

static void
look_at_alias(HeapTuple tuple, TupleDesc desc, void *arg)
{
	AliasScan  *scan = arg;
	int			length = match_length(agc_col_text(tuple, desc, "name"), scan->name);

	if (length <= scan->length)
		return;
	scan->length = length;
	scan->model = agc_col_text(tuple, desc, "model");
}

char *
model_alias_of(const char *tenant, const char *name)
{
	AliasScan	scan = {name, 0, NULL};
	Relation	rel = agc_table_open(&alias_table, AccessShareLock);

	agc_table_scan(&alias_table, rel, 1, &tenant, look_at_alias, &scan);
	agc_table_close(rel, AccessShareLock);
	return scan.model;
}

/* ----- setter ----------------------------------------------------------------- */

static void
refuse_pattern(char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid pattern of a model's names"),
			 errdetail("%s", detail),
			 errhint("Write an exact name or 'prefix*'.")));
}

/* A star alone would give a price to every name that anybody can think of. */
static char *
arg_pattern(FunctionCallInfo fcinfo)
{
	char	   *pattern = agc_arg_name(fcinfo, A_PATTERN, "pattern");
	char	   *star = strchr(pattern, '*');

	if (star == pattern)
		refuse_pattern(psprintf("Pattern \"%s\" has nothing before its star.", pattern));
	if (star != NULL && star[1] != '\0')
		refuse_pattern(psprintf("Pattern \"%s\" has a star that is not at its end.", pattern));
	return pattern;
}

static bool
has_any_price(const char *tenant, const char *model)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.model_price WHERE tenant = $1 AND name = $2 LIMIT 1", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, model);
	return agc_owner_spi_row(&plan, &row) > 0;
}

static bool
write_alias(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.model_alias AS a (tenant, name, model) VALUES ($1, $2, $3)"
		" ON CONFLICT (tenant, name) DO UPDATE SET model = EXCLUDED.model"
		" WHERE $4 AND a.model <> EXCLUDED.model", lengthof(types), types
	};
	char	   *model = agc_arg_name(fcinfo, A_MODEL, "model");
	AgcRow		row;

	if (!has_any_price(set->tenant, model))
		agc_refuse_unknown_near("price of model", model, price_nearest(set->tenant, model, NULL, NULL),
								"Set one with agentcore.model_price_set(); an alias of an alias is none.");
	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put(&row, set->keys[1]);
	agc_put_text(&row, model);
	agc_put_bool(&row, set->exists);
	return agc_set_write_row(set, &plan, &row);
}

/* model_alias_set(pattern, model, reset, tenant) -> boolean */
AGC_FUNCTION(model_alias_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT model FROM agentcore.model_alias WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {{"model", .required = true}};
	static const AgcSetter setter = {
		"alias", A_MODEL, lengthof(members), members, &row, .write = write_alias
	};
	Datum		keys[] = {0, CStringGetTextDatum(arg_pattern(fcinfo))};

	return agc_set(fcinfo, &setter, keys);
}

/* model_alias_drop(pattern, tenant) -> boolean */
AGC_FUNCTION(model_alias_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.model_alias WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "pattern", &plan);
}
