/*
 * special.c
 *	  Writing special entries: networks and names that every policy denies
 *	  unless one of its rules lifts them.
 *
 * Memory: CurrentMemoryContext.  Locks: row lock on the entry, to the end of
 * the transaction.  On ERROR: the transaction takes everything back.
 */
#include "allow/history.h"
#include "allow/host_pattern.h"
#include "allow/rule_args.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/*
 * Puts the canonical pattern into *value.  True if it is a network, and belongs
 * to special_range; false for special_name.  A star over a top-level name is
 * allowed here.
 */
static bool
special_pattern(const char *text, Datum *value)
{
	AllowPattern pattern;
	char		canonical[ALLOW_PATTERN_TEXT];
	const char *hint;
	const char *wrong = allow_pattern_parse(text, canonical, &pattern, &hint);

	if (wrong == NULL && pattern.kind == ALLOW_PATTERN_ANY)
		wrong = "it covers everything";
	if (wrong != NULL)
		allow_bad_rule("invalid pattern", allow_pattern_fault(text, wrong), hint);
	if (pattern.kind == ALLOW_PATTERN_NETWORK)
	{
		char	   *to = canonical;

		/* PostgreSQL writes networks without brackets */
		for (const char *at = canonical; *at; at++)
			if (*at != '[' && *at != ']')
				*to++ = *at;
		*to = '\0';
	}
	*value = CStringGetTextDatum(canonical);
	return pattern.kind == ALLOW_PATTERN_NETWORK;
}

static bool
write_special(AgcSetting *set, AgcPlan *plan, const char *name, bool embeds)
{
	AgcRow		row;
	uint64		rows;

	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put(&row, set->keys[1]);
	agc_put_text(&row, name);
	agc_put_bool(&row, embeds);
	agc_put_bool(&row, set->exists);
	rows = allow_write_statement(plan, &row);
	set->lost = rows == 0 && !set->exists;
	return rows > 0;
}

static bool
write_special_range(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.special_range AS s (tenant, network, name) VALUES ($1, $2::cidr, $3)"
		" ON CONFLICT (tenant, network) DO UPDATE SET name = EXCLUDED.name WHERE $5 AND s.name <> EXCLUDED.name",
		lengthof(types), types
	};

	if (PG_GETARG_BOOL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("embeds is for host names only"),
				 errdetail("Only a name can spell the address that it resolves to.")));
	return write_special(set, &plan, agc_arg_name(fcinfo, 1, "name"), false);
}

static bool
write_special_name(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.special_name AS s (tenant, pattern, name, embeds) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (tenant, pattern) DO UPDATE SET name = EXCLUDED.name, embeds = EXCLUDED.embeds"
		" WHERE $5 AND (s.name, s.embeds) <> (EXCLUDED.name, EXCLUDED.embeds)",
		lengthof(types), types
	};

	return write_special(set, &plan, agc_arg_name(fcinfo, 1, "name"), PG_GETARG_BOOL(2));
}

/* special_set(pattern, name, embeds, reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(special_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan range_row = {
		"SELECT name, false FROM agentcore.special_range WHERE tenant = $1 AND network = $2::cidr FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static AgcPlan name_row = {
		"SELECT name, embeds FROM agentcore.special_name WHERE tenant = $1 AND pattern = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"name", .required = true}, {"embeds", "false"}};
	static const AgcSetter range = {
		"special range", 1, lengthof(members), members, &range_row, .write = write_special_range
	};
	static const AgcSetter name = {
		"special name", 1, lengthof(members), members, &name_row, .write = write_special_name
	};
	char	   *pattern = agc_arg_name(fcinfo, 0, "pattern");
	Datum		keys[2];
	bool		is_range = special_pattern(pattern, &keys[1]);

	return agc_set(fcinfo, is_range ? &range : &name, keys);
}

/* special_drop(pattern, tenant) -> boolean: whether the tenant had one */
AGC_FUNCTION(special_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan range = {
		"DELETE FROM agentcore.special_range WHERE tenant = $1 AND network = $2::cidr", 2, types
	};
	static AgcPlan name_plan = {
		"DELETE FROM agentcore.special_name WHERE tenant = $1 AND pattern = $2", 2, types
	};
	char	   *pattern = agc_arg_name(fcinfo, 0, "pattern");
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	Datum		canonical;
	bool		is_range;
	AgcRow		key;

	agc_enter(tenant, AGC_ADMIN);
	is_range = special_pattern(pattern, &canonical);
	agc_row_init(&key);
	agc_put_text(&key, tenant);
	agc_put(&key, canonical);
	PG_RETURN_BOOL(allow_write_statement(is_range ? &range : &name_plan, &key) > 0);
}
