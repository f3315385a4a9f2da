/*
 * rules.c
 *	  Writing policies, rules and special entries.
 *
 * A rule is stored in its one canonical form, and refused with 22023 if it
 * could never match: a rule without effect is worse than none, for its author
 * believes in it.  A rule for everything below a public suffix is refused
 * unless forced.  The policy's row is locked while a rule is added, so the
 * same rule written by two sessions becomes one.
 *
 * Memory: CurrentMemoryContext.  Locks: row lock on the policy, to transaction
 * end.  On ERROR: the transaction takes everything back.
 */
#include "allow/rules.h"

#include "allow/allow.h"
#include "allow/history.h"
#include "allow/host_pattern.h"
#include "allow/methods.h"
#include "allow/pin.h"
#include "allow/policy_rows.h"
#include "allow/suffix.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/rangetypes.h"

#define MAX_LIST		64		/* methods or ports of one rule */
#define MAX_PATH_PREFIX 1024

static void add_rule(void *arg);
static void require_common_method(const RuleRow *row, Datum policy_methods, bool isnull);

static void
bad_rule(const char *what, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what),
			 detail != NULL ? errdetail("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* What differs from what was written is said, for it is what will be found. */
static void
show_canonical(const char *what, const char *given, const char *stored)
{
	if (strcmp(given, stored) != 0)
		ereport(NOTICE,
				(errmsg("%s \"%s\" is stored as \"%s\"", what, given, stored)));
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The elements of a one-dimensional array without NULLs, 1 to MAX_LIST of them. */
static Datum *
list_argument(FunctionCallInfo fcinfo, int n, const char *what, Oid type, int *count)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(n);
	Datum	   *elems;

	if (array_contains_nulls(array))
		bad_rule(psprintf("%s must not contain null", what), NULL, NULL);
	if (type == TEXTOID)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elems, NULL, count);
	else
		deconstruct_array(array, INT4OID, 4, true, TYPALIGN_INT, &elems, NULL, count);
	if (*count == 0)
		bad_rule(psprintf("%s must not be empty", what), "With no entry nothing could ever match.",
				 "For no restriction leave the argument out of a rule, or reset the policy's own.");
	if (*count > MAX_LIST)
		bad_rule(psprintf("%s has too many entries", what),
				 psprintf("It has %d; at most %d are allowed.", *count, MAX_LIST), NULL);
	return elems;
}

static Datum
sorted_text_array(char **values, int count)
{
	Datum	   *elems = palloc(count * sizeof(Datum));
	int			n = 0;

	qsort(values, count, sizeof(char *), compare_text);
	for (int i = 0; i < count; i++)
		if (i == 0 || strcmp(values[i], values[i - 1]) != 0)
			elems[n++] = CStringGetTextDatum(values[i]);
	return PointerGetDatum(construct_array(elems, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* upper case, sorted, without duplicates; 0 for NULL */
static Datum
methods_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *methods[MAX_LIST] = {0};
	Datum	   *elems;
	int			count;

	if (PG_ARGISNULL(n))
		return (Datum) 0;
	elems = list_argument(fcinfo, n, "methods", TEXTOID, &count);
	for (int i = 0; i < count; i++)
	{
		methods[i] = palloc(METHOD_MAX + 1);
		if (!allow_method_canonical(TextDatumGetCString(elems[i]), methods[i]))
			bad_rule(psprintf("entry %d of methods is not an HTTP method", i + 1), NULL,
					 "Write names such as GET or POST.");
	}
	return sorted_text_array(methods, count);
}

static Datum
schemes_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *schemes[MAX_LIST] = {0};
	Datum	   *elems;
	int			count;

	if (PG_ARGISNULL(n))
		bad_rule("schemes must not be null", NULL, "Name schemes, for example {https}.");
	elems = list_argument(fcinfo, n, "schemes", TEXTOID, &count);
	for (int i = 0; i < count; i++)
	{
		schemes[i] = TextDatumGetCString(elems[i]);
		for (char *c = schemes[i]; *c; c++)
			*c = pg_ascii_tolower(*c);
		if (allow_scheme_parse(schemes[i]) == 0)
			bad_rule(psprintf("entry %d of schemes is unknown", i + 1), NULL,
					 "The schemes are http, https, ws and wss.");
	}
	return sorted_text_array(schemes, count);
}

static int
compare_port(const void *a, const void *b)
{
	return DatumGetInt32(*(const Datum *) a) - DatumGetInt32(*(const Datum *) b);
}

static Datum
ports_argument(FunctionCallInfo fcinfo, int n)
{
	Datum	   *elems;
	int			count;
	int			kept = 0;

	if (PG_ARGISNULL(n))
		return (Datum) 0;
	elems = list_argument(fcinfo, n, "ports", INT4OID, &count);
	qsort(elems, count, sizeof(Datum), compare_port);
	if (DatumGetInt32(elems[0]) < 1 || DatumGetInt32(elems[count - 1]) > 65535)
		bad_rule("ports must lie between 1 and 65535", NULL, NULL);
	for (int i = 0; i < count; i++)
		if (i == 0 || elems[i] != elems[kept - 1])
			elems[kept++] = elems[i];
	return PointerGetDatum(construct_array(elems, kept, INT4OID, 4, true, TYPALIGN_INT));
}

/* canonical, or NULL for none and for "/" */
static char *
path_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *path = agc_opt_text(fcinfo, n);
	char	   *text;
	char	   *buffer;
	AllowUrl	parsed;
	AllowUrlError error;

	if (path == NULL)
		return NULL;
	if (path[0] != '/' || strlen(path) > MAX_PATH_PREFIX)
		bad_rule(path[0] != '/' ? "path_prefix must begin with a slash" : "path_prefix is too long", NULL, NULL);
	text = psprintf("http://x%s", path);
	buffer = palloc(ALLOW_URL_BUFFER(strlen(text)));
	error = allow_url_parse(text, strlen(text), buffer, &parsed);
	if (error != URL_OK)
		bad_rule("path_prefix is not a path", allow_url_error_name(error), NULL);
	if (parsed.query != NULL || strchr(path, '#') != NULL)
		bad_rule("path_prefix must not have a query or a fragment",
				 "Paths are compared without them: the rule could never match.", NULL);
	if (parsed.ambiguous_path)
		bad_rule("path_prefix is ambiguous",
				 "Servers disagree on empty segments, segments of dots, spaces or parameters alone, and encoded slashes; such paths are refused, so the rule could never match.", NULL);
	show_canonical("path_prefix", path, parsed.path);
	return strcmp(parsed.path, "/") == 0 ? NULL : pstrdup(parsed.path);
}

static Datum
valid_argument(FunctionCallInfo fcinfo, int n)
{
	TimestampTz from;
	TimestampTz until;

	if (PG_ARGISNULL(n))
		return (Datum) 0;
	allow_valid_bounds(PG_GETARG_DATUM(n), &from, &until);
	if (from >= until || until <= agc_now())
		bad_rule("valid lies in the past or is empty", "The rule could never match.", NULL);
	return PointerGetDatum(PG_GETARG_RANGE_P(n));
}

/* A whole URL pasted as a pattern may carry a password or a query: not shown. */
static char *
pattern_fault(const char *text, const char *wrong)
{
	if (strpbrk(text, "@?#") != NULL)
		return psprintf("Pattern: %s.", wrong);
	return psprintf("Pattern \"%s\": %s.", text, wrong);
}

static void
url_pattern(RuleRow *row, const char *text, bool force)
{
	AllowPattern pattern;
	char	   *canonical = palloc(ALLOW_PATTERN_TEXT);
	const char *hint;
	const char *wrong = allow_pattern_parse(text, canonical, &pattern, &hint);

	if (wrong != NULL)
		bad_rule("invalid pattern", pattern_fault(text, wrong),
				 hint == NULL && canonical[0] != '\0' ?
				 psprintf("Perhaps \"%s\" is meant.", canonical) : hint);
	row->pattern = canonical;
	row->forced = pattern.kind == ALLOW_PATTERN_TREE && allow_public_suffix(pattern.host);
	if (row->forced && !force)
		bad_rule("pattern covers a public suffix",
				 psprintf("Pattern \"%s\" covers names that anybody may register.", canonical),
				 "Name a domain below it, use '*' if you mean every host, or say force => true.");
}

/* The canonical form of what policy_allow() and policy_deny() are called with. */
static void
read_url_rule(FunctionCallInfo fcinfo, const char *pattern, RuleRow *row)
{
	url_pattern(row, pattern, agc_arg_bool(fcinfo, 6, "force"));
	row->methods = methods_argument(fcinfo, 2);
	row->ports = ports_argument(fcinfo, 3);
	row->path = path_argument(fcinfo, 4);
	row->valid = valid_argument(fcinfo, 5);
}

static Datum
url_rule(FunctionCallInfo fcinfo, const char *effect)
{
	RuleRow		row = {.kind = "url", .effect = effect};
	char	   *pattern;

	row.policy = agc_arg_name(fcinfo, 0, "policy");
	pattern = agc_arg_name(fcinfo, 1, "pattern");
	row.tenant = agc_arg_tenant(fcinfo, 7);
	agc_enter(row.tenant, AGC_ADMIN);
	read_url_rule(fcinfo, pattern, &row);
	allow_write(add_rule, &row);
	show_canonical("pattern", pattern, row.pattern);
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

static Datum
tool_rule(FunctionCallInfo fcinfo, const char *effect)
{
	RuleRow		row = {.kind = "tool", .effect = effect};
	const char *star;

	row.policy = agc_arg_name(fcinfo, 0, "policy");
	row.pattern = agc_arg_name(fcinfo, 1, "tool");
	row.tenant = agc_arg_tenant(fcinfo, 3);
	agc_enter(row.tenant, AGC_ADMIN);
	star = strchr(row.pattern, '*');
	if (star != NULL && star[1] != '\0')
		bad_rule("invalid tool pattern", psprintf("Pattern \"%s\" has a star that is not at its end.", row.pattern),
				 "Write an exact name, 'prefix*' or '*'.");
	row.valid = valid_argument(fcinfo, 2);
	allow_write(add_rule, &row);
	PG_RETURN_INT64(row.id);
}

/* policy_allow_tool(policy, tool, valid, tenant) -> rule id */
AGC_FUNCTION(policy_allow_tool)
{
	return tool_rule(fcinfo, "allow");
}

AGC_FUNCTION(policy_deny_tool)
{
	return tool_rule(fcinfo, "deny");
}

/* An allow rule for methods that the policy blocks would never match. */
static void
require_common_method(const RuleRow *row, Datum policy_methods, bool isnull)
{
	static const Oid types[] = {TEXTARRAYOID, TEXTARRAYOID};
	static AgcPlan common = {"SELECT 1 WHERE $1 && $2", 2, types};
	Datum		values[2] = {policy_methods, row->methods};

	if (isnull || row->methods == (Datum) 0)
		return;
	agc_spi(&common, values, NULL);
	if (SPI_processed == 0)
		bad_rule("methods has no method of the policy's own list", "The rule could never match.",
				 "Extend the list with policy_set() first.");
}

static void
lock_policy(const RuleRow *row)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan lock = {
		"SELECT methods FROM agentcore.policy WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(row->tenant), CStringGetTextDatum(row->policy)};
	Datum		methods;
	bool		isnull;

	agc_spi(&lock, values, NULL);
	if (SPI_processed == 0)
		allow_unknown_policy(row->tenant, row->policy);
	methods = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	require_common_method(row, methods, isnull);
}

/* Finds the rule or writes it. */
static void
add_rule(void *arg)
{
	RuleRow    *row = arg;
	static const Oid types[] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT4ARRAYOID, TEXTOID, TSTZRANGEOID
	};
	static const Oid insert_types[] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT4ARRAYOID, TEXTOID, TSTZRANGEOID, BOOLOID
	};
	static AgcPlan find = {
		"SELECT id FROM agentcore.policy_rule"
		" WHERE tenant = $1 AND policy = $2 AND kind = $3 AND effect = $4 AND pattern = $5"
		" AND methods IS NOT DISTINCT FROM $6 AND ports IS NOT DISTINCT FROM $7"
		" AND path_prefix IS NOT DISTINCT FROM $8 AND valid IS NOT DISTINCT FROM $9", 9, types
	};
	static AgcPlan insert = {
		"INSERT INTO agentcore.policy_rule"
		" (tenant, policy, kind, effect, pattern, methods, ports, path_prefix, valid, forced, created_by)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, agentcore.policy_writer()) RETURNING id", 10, insert_types
	};
	Datum		values[10] = {
		CStringGetTextDatum(row->tenant), CStringGetTextDatum(row->policy),
		CStringGetTextDatum(row->kind), CStringGetTextDatum(row->effect),
		CStringGetTextDatum(row->pattern), row->methods, row->ports,
		row->path == NULL ? (Datum) 0 : CStringGetTextDatum(row->path), row->valid,
		BoolGetDatum(row->forced)
	};
	char		nulls[11] = "          ";
	bool		isnull;

	for (int i = 5; i < 9; i++)
		if (values[i] == (Datum) 0)
			nulls[i] = 'n';

	lock_policy(row);
	agc_spi(&find, values, nulls);
	if (SPI_processed == 0)
		agc_spi(&insert, values, nulls);
	row->id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Rules that a shorter list of methods has put out of reach: said, not refused, for they may be about to go. */
static void
show_dead_rules(const char *policy, Datum *values)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTARRAYOID};
	static AgcPlan plan = {
		"SELECT count(*) FROM agentcore.policy_rule WHERE tenant = $1 AND policy = $2 AND NOT methods && $3", 3, types
	};
	AgcOwner	owner;
	bool		isnull;
	int64		count;

	agc_owner_begin(&owner);
	agc_spi(&plan, values, NULL);
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	agc_owner_end(&owner);
	if (count > 0)
		ereport(NOTICE,
				(errmsg("policy \"%s\" has " INT64_FORMAT " rules that can no longer match", policy, count),
				 errdetail("None of their methods is in the policy's list.")));
}

static void
require_mode(const char *mode)
{
	if (strcmp(mode, "enforce") != 0 && strcmp(mode, "audit") != 0 && strcmp(mode, "off") != 0)
		bad_rule(psprintf("unknown mode \"%s\"", mode), NULL, "The modes are enforce, audit and off.");
}

static bool
write_policy(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.policy AS p (tenant, name, mode, schemes, methods) VALUES ($1, $2, $3, $4, $5)"
		" ON CONFLICT (tenant, name) DO UPDATE"
		" SET mode = EXCLUDED.mode, schemes = EXCLUDED.schemes, methods = EXCLUDED.methods"
		" WHERE $6 AND (p.mode, p.schemes, p.methods) IS DISTINCT FROM (EXCLUDED.mode, EXCLUDED.schemes, EXCLUDED.methods)",
		lengthof(types), types
	};
	char	   *mode = agc_arg_name(fcinfo, 1, "mode");
	Datum		values[] = {
		set->keys[0], set->keys[1], CStringGetTextDatum(mode), schemes_argument(fcinfo, 2),
		methods_argument(fcinfo, 3), BoolGetDatum(set->exists)
	};
	bool		any_method = values[4] == (Datum) 0;
	uint64		rows;

	require_mode(mode);
	rows = allow_write_statement(&plan, values, any_method ? "    n " : NULL);
	set->lost = rows == 0 && !set->exists;
	if (rows > 0 && !any_method)
		show_dead_rules(TextDatumGetCString(values[1]), (Datum[]){values[0], values[1], values[4]});
	return rows > 0;
}

/* policy_set(name, mode, schemes, methods, reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(policy_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT mode, schemes, methods FROM agentcore.policy WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"mode", "enforce"}, {"schemes", "{https}"}, {"methods"}};
	static const AgcSetter setter = {"policy", 1, lengthof(members), members, &row, .write = write_policy};
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
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	Datum		values[2] = {CStringGetTextDatum(tenant), CStringGetTextDatum(name)};

	agc_enter(tenant, AGC_ADMIN);
	PG_RETURN_BOOL(allow_write_statement(&plan, values, NULL) > 0);
}

/* policy_rule_drop(policy, rule, tenant) -> boolean: whether there was one */
AGC_FUNCTION(policy_rule_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT8OID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.policy_rule WHERE tenant = $1 AND policy = $2 AND id = $3", 3, types
	};
	char	   *policy = agc_arg_name(fcinfo, 0, "policy");
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	Datum		values[3] = {CStringGetTextDatum(tenant), CStringGetTextDatum(policy), PG_GETARG_DATUM(1)};

	if (PG_ARGISNULL(1))
		bad_rule("rule must not be null", NULL, NULL);
	agc_enter(tenant, AGC_ADMIN);
	if (!allow_policy_exists(tenant, policy))
		allow_unknown_policy(tenant, policy);
	PG_RETURN_BOOL(allow_write_statement(&plan, values, NULL) > 0);
}

/*
 * Which table a special pattern belongs to; the canonical pattern in
 * *value.  Stars over a top-level name are what special names are made of.
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
		bad_rule("invalid pattern", pattern_fault(text, wrong), hint);
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
write_special(AgcSetting *set, AgcPlan *plan, Datum name)
{
	Datum		values[] = {set->keys[0], set->keys[1], name, BoolGetDatum(set->exists)};
	uint64		rows = allow_write_statement(plan, values, NULL);

	set->lost = rows == 0 && !set->exists;
	return rows > 0;
}

static bool
write_special_range(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.special_range AS s (tenant, network, name) VALUES ($1, $2::cidr, $3)"
		" ON CONFLICT (tenant, network) DO UPDATE SET name = EXCLUDED.name WHERE $4 AND s.name <> EXCLUDED.name",
		lengthof(types), types
	};

	return write_special(set, &plan, CStringGetTextDatum(agc_arg_name(fcinfo, 1, "name")));
}

static bool
write_special_name(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.special_name AS s (tenant, pattern, name) VALUES ($1, $2, $3)"
		" ON CONFLICT (tenant, pattern) DO UPDATE SET name = EXCLUDED.name WHERE $4 AND s.name <> EXCLUDED.name",
		lengthof(types), types
	};

	return write_special(set, &plan, CStringGetTextDatum(agc_arg_name(fcinfo, 1, "name")));
}

/* special_set(pattern, name, reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(special_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan range_row = {
		"SELECT name FROM agentcore.special_range WHERE tenant = $1 AND network = $2::cidr FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static AgcPlan name_row = {
		"SELECT name FROM agentcore.special_name WHERE tenant = $1 AND pattern = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"name", .required = true}};
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

/* special_drop(pattern, tenant) -> boolean: whether there was one of the tenant's own */
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
	Datum		values[2] = {CStringGetTextDatum(tenant)};
	bool		is_range;

	agc_enter(tenant, AGC_ADMIN);
	is_range = special_pattern(pattern, &values[1]);
	PG_RETURN_BOOL(allow_write_statement(is_range ? &range : &name_plan, values, NULL) > 0);
}

/* Nothing is written by the two that follow: rows for a policy that is only tried. */

static int
place_of(TupleDesc desc, const char *column)
{
	int			number = SPI_fnumber(desc, column);

	if (number <= 0)
		elog(ERROR, "column \"%s\" not found", column);
	return number - 1;
}

static void
set_column(TupleDesc desc, Datum *values, bool *nulls, const char *column, Datum value)
{
	int			at = place_of(desc, column);

	values[at] = value;
	nulls[at] = value == (Datum) 0;
}

HeapTuple
allow_policy_row(HeapTuple row, TupleDesc desc, FunctionCallInfo fcinfo)
{
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	char	   *mode = agc_arg_name(fcinfo, 1, "mode");

	require_mode(mode);
	heap_deform_tuple(row, desc, values, nulls);
	set_column(desc, values, nulls, "mode", CStringGetTextDatum(mode));
	set_column(desc, values, nulls, "schemes", schemes_argument(fcinfo, 2));
	set_column(desc, values, nulls, "methods", methods_argument(fcinfo, 3));
	return heap_form_tuple(desc, values, nulls);
}

HeapTuple
allow_rule_row(TupleDesc desc, RuleRow *row, int64 id, FunctionCallInfo fcinfo, Datum policy_methods)
{
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));

	memset(nulls, true, desc->natts * sizeof(bool));
	read_url_rule(fcinfo, agc_arg_name(fcinfo, 1, "pattern"), row);
	require_common_method(row, policy_methods, policy_methods == (Datum) 0);
	set_column(desc, values, nulls, "tenant", CStringGetTextDatum(row->tenant));
	set_column(desc, values, nulls, "policy", CStringGetTextDatum(row->policy));
	set_column(desc, values, nulls, "id", Int64GetDatum(id));
	set_column(desc, values, nulls, "kind", CStringGetTextDatum("url"));
	set_column(desc, values, nulls, "effect", CStringGetTextDatum(row->effect));
	set_column(desc, values, nulls, "pattern", CStringGetTextDatum(row->pattern));
	set_column(desc, values, nulls, "methods", row->methods);
	set_column(desc, values, nulls, "ports", row->ports);
	set_column(desc, values, nulls, "path_prefix",
			   row->path == NULL ? (Datum) 0 : CStringGetTextDatum(row->path));
	set_column(desc, values, nulls, "valid", row->valid);
	values[place_of(desc, "forced")] = BoolGetDatum(row->forced);
	nulls[place_of(desc, "forced")] = false;
	return heap_form_tuple(desc, values, nulls);
}
