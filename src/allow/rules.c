/*
 * rules.c
 *	  Writing policies and their rules.
 *
 * The policy's row is locked while a rule is added, so that the same rule
 * written by two sessions becomes one.
 *
 * Memory: CurrentMemoryContext.  Locks: row lock on the policy, to the end of
 * the transaction.  On ERROR: the transaction takes everything back.
 */
#include "allow/rules.h"

#include "access/htup_details.h"
#include "allow/allow.h"
#include "allow/common.h"
#include "allow/history.h"
#include "allow/pin.h"
#include "allow/suffix.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

static void require_common_method(const RuleRow *row, Datum policy_methods, bool isnull);

static Datum
url_rule(FunctionCallInfo fcinfo, const char *effect)
{
	RuleRow		row = {.kind = "url", .effect = effect};
	char	   *pattern;

	row.policy = agc_arg_name(fcinfo, 0, "policy");
	pattern = agc_arg_name(fcinfo, 1, "pattern");
	row.tenant = agc_arg_tenant_or_every(fcinfo, 7);
	agc_enter(row.tenant, AGC_ADMIN);
	allow_check_common(row.tenant, row.policy, strcmp(effect, "allow") == 0);
	allow_url_rule_args(fcinfo, pattern, &row);
	allow_write(allow_add_rule, &row);
	allow_show_canonical("pattern", pattern, row.pattern);
	PG_RETURN_INT64(row.id);
}

/* policy_allow(policy, pattern, methods, ports, path_prefix, valid, force, tenant) -> rule id */
AGC_FUNCTION(policy_allow)
{
	return url_rule(fcinfo, "allow");
}

AGC_FUNCTION(policy_deny)
{
	return url_rule(fcinfo, "deny");
}

/* policy_suffix_list() -> text; pure but for the list on disk */
AGC_FUNCTION(policy_suffix_list)
{
	PG_RETURN_TEXT_P(cstring_to_text(allow_public_suffix_source()));
}

/* Refuses a rule for methods that the policy blocks, because it would never match. */
static void
require_common_method(const RuleRow *row, Datum policy_methods, bool isnull)
{
	static const Oid types[] = {TEXTARRAYOID, TEXTARRAYOID};
	static AgcPlan common = {"SELECT 1 WHERE $1 && $2", 2, types};
	AgcRow		lists;

	if (isnull || row->methods == (Datum) 0)
		return;
	agc_row_init(&lists);
	agc_put(&lists, policy_methods);
	agc_put(&lists, row->methods);
	agc_spi_row(&common, &lists);
	if (SPI_processed == 0)
		allow_bad_rule("methods has no method of the policy's own list", "The rule could never match.",
					   "Extend the list with policy_set() first.");
}

void
allow_lock_policy(const RuleRow *row)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan lock = {
		"SELECT methods FROM agentcore.policy WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", 2, types
	};
	AgcRow		key;
	Datum		methods;
	bool		isnull;

	agc_row_init(&key);
	agc_put_text(&key, row->tenant);
	agc_put_text(&key, row->policy);
	agc_spi_row(&lock, &key);
	if (SPI_processed == 0)
		allow_unknown_policy(row->tenant, row->policy);
	methods = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	require_common_method(row, methods, isnull);
}

/* an array or a range, where 0 stands for none */
static void
put_nonzero(AgcRow *row, Datum value)
{
	agc_put_datum(row, value, value == (Datum) 0);
}

/* Finds the rule or writes it. */
void
allow_add_rule(void *arg)
{
	RuleRow    *rule = arg;
	static const Oid types[] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT4ARRAYOID, TEXTOID, TSTZRANGEOID, BOOLOID
	};
	static AgcPlan find = {
		"SELECT id FROM agentcore.policy_rule"
		" WHERE tenant = $1 AND policy = $2 AND kind = $3 AND effect = $4 AND pattern = $5"
		" AND methods IS NOT DISTINCT FROM $6 AND ports IS NOT DISTINCT FROM $7"
		" AND path_prefix IS NOT DISTINCT FROM $8 AND valid IS NOT DISTINCT FROM $9 AND name IS NULL", 9, types
	};
	static AgcPlan insert = {
		"INSERT INTO agentcore.policy_rule"
		" (tenant, policy, kind, effect, pattern, methods, ports, path_prefix, valid, forced, created_by)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, agentcore.history_writer()) RETURNING id", 10, types
	};
	AgcRow		row;
	bool		isnull;

	agc_row_init(&row);
	agc_put_text(&row, rule->tenant);
	agc_put_text(&row, rule->policy);
	agc_put_text(&row, rule->kind);
	agc_put_text(&row, rule->effect);
	agc_put_text(&row, rule->pattern);
	put_nonzero(&row, rule->methods);
	put_nonzero(&row, rule->ports);
	agc_put_text(&row, rule->path);
	put_nonzero(&row, rule->valid);

	allow_lock_policy(rule);
	agc_spi_row(&find, &row);
	if (SPI_processed == 0)
	{
		agc_put_bool(&row, rule->forced);
		agc_spi_row(&insert, &row);
	}
	rule->id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* A NOTICE about rules that a shorter list of methods leaves without effect; no error, they may be about to be dropped. */
static void
show_dead_rules(Datum tenant, Datum policy, Datum methods)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTARRAYOID};
	static AgcPlan plan = {
		"SELECT count(*) FROM agentcore.policy_rule WHERE tenant = $1 AND policy = $2 AND NOT methods && $3", 3, types
	};
	AgcOwner	owner;
	AgcRow		row;
	bool		isnull;
	int64		count;

	agc_row_init(&row);
	agc_put(&row, tenant);
	agc_put(&row, policy);
	agc_put(&row, methods);
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	agc_owner_end(&owner);
	if (count > 0)
		ereport(NOTICE,
				(errmsg("policy \"%s\" has " INT64_FORMAT " rules that can no longer match",
						TextDatumGetCString(policy), count),
				 errdetail("None of their methods is in the policy's list.")));
}

static bool
write_policy(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.policy AS p (tenant, name, mode, schemes, methods, strict_urls, tz) VALUES ($1, $2, $3, $4, $5, $6, $7)"
		" ON CONFLICT (tenant, name) DO UPDATE"
		" SET mode = EXCLUDED.mode, schemes = EXCLUDED.schemes, methods = EXCLUDED.methods, strict_urls = EXCLUDED.strict_urls, tz = EXCLUDED.tz"
		" WHERE $8 AND (p.mode, p.schemes, p.methods, p.strict_urls, p.tz) IS DISTINCT FROM"
		" (EXCLUDED.mode, EXCLUDED.schemes, EXCLUDED.methods, EXCLUDED.strict_urls, EXCLUDED.tz)",
		lengthof(types), types
	};
	char	   *mode = allow_mode_arg(fcinfo, 1);
	Datum		schemes = allow_schemes_arg(fcinfo, 2);
	Datum		methods = allow_methods_arg(fcinfo, 3);
	AgcRow		row;
	uint64		rows;

	allow_check_common(set->tenant, TextDatumGetCString(set->keys[1]), false);
	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put(&row, set->keys[1]);
	agc_put_text(&row, mode);
	agc_put(&row, schemes);
	put_nonzero(&row, methods);
	agc_put_arg(&row, fcinfo, 4);
	agc_put_text(&row, allow_tz_arg(fcinfo, 5));
	agc_put_bool(&row, set->exists);
	rows = allow_write_statement(&plan, &row);
	set->lost = rows == 0 && !set->exists;
	if (rows > 0 && methods != (Datum) 0)
		show_dead_rules(set->keys[0], set->keys[1], methods);
	return rows > 0;
}

/* policy_set(name, mode, schemes, methods, strict_urls, tz, reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(policy_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT mode, schemes, methods, strict_urls, tz FROM agentcore.policy WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"mode", "enforce"}, {"schemes", "{https}"}, {"methods"}, {"strict_urls", "false"}, {"tz", "UTC"}};
	static const AgcSetter setter = {"policy", 1, lengthof(members), members, &row, .or_every = true, .write = write_policy};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, 0, "name"))};

	return agc_set(fcinfo, &setter, keys);
}

/* policy_drop(name, tenant) -> boolean: whether there was one */
AGC_FUNCTION(policy_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.policy WHERE tenant = $1 AND name = $2", 2, types
	};
	char	   *name = agc_arg_name(fcinfo, 0, "name");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 1);
	AgcRow		key;

	agc_enter(tenant, AGC_ADMIN);
	agc_row_init(&key);
	agc_put_text(&key, tenant);
	agc_put_text(&key, name);
	PG_RETURN_BOOL(allow_write_statement(&plan, &key) > 0);
}

/* policy_rule_drop(policy, rule, tenant) -> boolean: whether there was one */
AGC_FUNCTION(policy_rule_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT8OID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.policy_rule WHERE tenant = $1 AND policy = $2 AND id = $3", 3, types
	};
	char	   *policy = agc_arg_name(fcinfo, 0, "policy");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 2);
	AgcRow		key;

	if (PG_ARGISNULL(1))
		agc_refuse_null("rule");
	agc_enter(tenant, AGC_ADMIN);
	if (!allow_policy_exists(tenant, policy))
		allow_unknown_policy(tenant, policy);
	agc_row_init(&key);
	agc_put_text(&key, tenant);
	agc_put_text(&key, policy);
	agc_put_arg(&key, fcinfo, 1);
	PG_RETURN_BOOL(allow_write_statement(&plan, &key) > 0);
}

/* ----- rows of a policy that is only tried; nothing is written --------------- */

static int
place_of(TupleDesc desc, const char *column)
{
	int			number = SPI_fnumber(desc, column);

	if (number <= 0)
		elog(ERROR, "column \"%s\" not found", column);
	return number - 1;
}

void
allow_set_column(TupleDesc desc, Datum *values, bool *nulls, const char *column, Datum value)
{
	int			at = place_of(desc, column);

	values[at] = value;
	nulls[at] = value == (Datum) 0;
}

void
allow_set_flag(TupleDesc desc, Datum *values, bool *nulls, const char *column, bool value)
{
	values[place_of(desc, column)] = BoolGetDatum(value);
	nulls[place_of(desc, column)] = false;
}

HeapTuple
allow_policy_row(HeapTuple row, TupleDesc desc, FunctionCallInfo fcinfo)
{
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	char	   *mode = allow_mode_arg(fcinfo, 1);

	heap_deform_tuple(row, desc, values, nulls);
	allow_set_column(desc, values, nulls, "mode", CStringGetTextDatum(mode));
	allow_set_column(desc, values, nulls, "schemes", allow_schemes_arg(fcinfo, 2));
	allow_set_column(desc, values, nulls, "methods", allow_methods_arg(fcinfo, 3));
	allow_set_column(desc, values, nulls, "tz", CStringGetTextDatum(allow_tz_arg(fcinfo, 4)));
	return heap_form_tuple(desc, values, nulls);
}

HeapTuple
allow_rule_row(TupleDesc desc, RuleRow *row, int64 id, FunctionCallInfo fcinfo, Datum policy_methods)
{
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));

	memset(nulls, true, desc->natts * sizeof(bool));
	allow_url_rule_args(fcinfo, agc_arg_name(fcinfo, 1, "pattern"), row);
	require_common_method(row, policy_methods, policy_methods == (Datum) 0);
	allow_set_column(desc, values, nulls, "tenant", CStringGetTextDatum(row->tenant));
	allow_set_column(desc, values, nulls, "policy", CStringGetTextDatum(row->policy));
	allow_set_column(desc, values, nulls, "id", Int64GetDatum(id));
	allow_set_column(desc, values, nulls, "kind", CStringGetTextDatum("url"));
	allow_set_column(desc, values, nulls, "effect", CStringGetTextDatum(row->effect));
	allow_set_column(desc, values, nulls, "pattern", CStringGetTextDatum(row->pattern));
	allow_set_column(desc, values, nulls, "methods", row->methods);
	allow_set_column(desc, values, nulls, "ports", row->ports);
	allow_set_column(desc, values, nulls, "path_prefix",
			   row->path == NULL ? (Datum) 0 : CStringGetTextDatum(row->path));
	allow_set_column(desc, values, nulls, "valid", row->valid);
	allow_set_flag(desc, values, nulls, "forced", row->forced);
	return heap_form_tuple(desc, values, nulls);
}
