/*
 * rule_args.c
 *	  The arguments of the functions that write policies and rules.
 *
 * Each argument is read into its one canonical form.  It is refused with 22023
 * if a rule with it could never match: the author of a rule without effect
 * believes in it.  A rule for everything below a public suffix is refused
 * unless forced.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "allow/rule_args.h"

#include "allow/host_pattern.h"
#include "allow/methods.h"
#include "allow/policy_rows.h"
#include "allow/suffix.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"

#define MAX_LIST		64		/* methods or ports of one rule */
#define MAX_PATH_PREFIX 1024

void
allow_bad_rule(const char *what, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what),
			 detail != NULL ? errdetail("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* Says the stored form if it differs, because that form is what the views show. */
void
allow_show_canonical(const char *what, const char *given, const char *stored)
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
		allow_bad_rule(psprintf("%s must not contain null", what), NULL, NULL);
	if (type == TEXTOID)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elems, NULL, count);
	else
		deconstruct_array(array, INT4OID, 4, true, TYPALIGN_INT, &elems, NULL, count);
	if (*count == 0)
		allow_bad_rule(psprintf("%s must not be empty", what), "With no entry nothing could ever match.",
					   "For no restriction leave the argument out of a rule, or reset the policy's own.");
	if (*count > MAX_LIST)
		allow_bad_rule(psprintf("%s has too many entries", what),
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
Datum
allow_methods_arg(FunctionCallInfo fcinfo, int n)
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
		if (!http_method_canonical(TextDatumGetCString(elems[i]), methods[i]))
			allow_bad_rule(psprintf("entry %d of methods is not an HTTP method", i + 1), NULL,
						   "Write names such as GET or POST.");
	}
	return sorted_text_array(methods, count);
}

char *
allow_tz_arg(FunctionCallInfo fcinfo, int n)
{
	char	   *name = agc_arg_name(fcinfo, n, "tz");
	pg_tz	   *tz = pg_tzset(name);

	if (tz == NULL || !pg_tz_acceptable(tz))
		allow_bad_rule("unknown time zone", psprintf("Got %s.", agc_quoted_name(name)), "pg_timezone_names lists them.");
	return name;
}

Datum
allow_schemes_arg(FunctionCallInfo fcinfo, int n)
{
	char	   *schemes[MAX_LIST] = {0};
	Datum	   *elems;
	int			count;

	if (PG_ARGISNULL(n))
		allow_bad_rule("schemes must not be null", NULL, "Name schemes, for example {https}.");
	elems = list_argument(fcinfo, n, "schemes", TEXTOID, &count);
	for (int i = 0; i < count; i++)
	{
		schemes[i] = TextDatumGetCString(elems[i]);
		for (char *c = schemes[i]; *c; c++)
			*c = pg_ascii_tolower(*c);
		if (allow_scheme_parse(schemes[i]) == 0)
			allow_bad_rule(psprintf("entry %d of schemes is unknown", i + 1), NULL,
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
		allow_bad_rule("ports must lie between 1 and 65535", NULL, NULL);
	for (int i = 0; i < count; i++)
		if (i == 0 || elems[i] != elems[kept - 1])
			elems[kept++] = elems[i];
	return PointerGetDatum(construct_array(elems, kept, INT4OID, 4, true, TYPALIGN_INT));
}

/* canonical; NULL for NULL and for "/" */
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
		allow_bad_rule(path[0] != '/' ? "path_prefix must begin with a slash" : "path_prefix is too long", NULL, NULL);
	text = psprintf("http://x%s", path);
	buffer = palloc(ALLOW_URL_BUFFER(strlen(text)));
	error = allow_url_parse(text, strlen(text), buffer, &parsed);
	if (error != URL_OK)
		allow_bad_rule("path_prefix is not a path", allow_url_error_name(error), NULL);
	if (parsed.query != NULL || strchr(path, '#') != NULL)
		allow_bad_rule("path_prefix must not have a query or a fragment",
					   "Paths are compared without them: the rule could never match.", NULL);
	if (parsed.ambiguous_path)
		allow_bad_rule("path_prefix is ambiguous",
					   "Servers disagree on empty segments, segments of dots, spaces or parameters alone, and encoded slashes; such paths are refused, so the rule could never match.", NULL);
	allow_show_canonical("path_prefix", path, parsed.path);
	return strcmp(parsed.path, "/") == 0 ? NULL : pstrdup(parsed.path);
}

Datum
allow_valid_arg(FunctionCallInfo fcinfo, int n)
{
	TimestampTz from;
	TimestampTz until;

	if (PG_ARGISNULL(n))
		return (Datum) 0;
	allow_valid_bounds(PG_GETARG_DATUM(n), &from, &until);
	if (from >= until || until <= agc_now())
		allow_bad_rule("valid lies in the past or is empty", "The rule could never match.", NULL);
	return PointerGetDatum(PG_GETARG_RANGE_P(n));
}

char *
allow_mode_arg(FunctionCallInfo fcinfo, int n)
{
	char	   *mode = agc_arg_name(fcinfo, n, "mode");

	if (strcmp(mode, "enforce") != 0 && strcmp(mode, "audit") != 0 && strcmp(mode, "off") != 0)
		agc_refuse_word("mode", mode, "The modes are enforce, audit and off.");
	return mode;
}

/* Somebody may paste a whole URL with a password or a query, so such a pattern is not shown. */
char *
allow_pattern_fault(const char *text, const char *wrong)
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
		allow_bad_rule("invalid pattern", allow_pattern_fault(text, wrong),
				 hint == NULL && canonical[0] != '\0' ?
				 psprintf("Perhaps \"%s\" is meant.", canonical) : hint);
	row->pattern = canonical;
	row->forced = pattern.kind == ALLOW_PATTERN_TREE && allow_public_suffix(pattern.host);
	if (row->forced && !force)
		allow_bad_rule("pattern covers a public suffix",
					   psprintf("Pattern \"%s\" covers names that anybody may register.", canonical),
					   "Name a domain below it, use '*' if you mean every host, or say force => true.");
}

void
allow_url_rule_args(FunctionCallInfo fcinfo, const char *pattern, RuleRow *row)
{
	url_pattern(row, pattern, agc_arg_bool(fcinfo, 6, "force"));
	row->methods = allow_methods_arg(fcinfo, 2);
	row->ports = ports_argument(fcinfo, 3);
	row->path = path_argument(fcinfo, 4);
	row->valid = allow_valid_arg(fcinfo, 5);
}
