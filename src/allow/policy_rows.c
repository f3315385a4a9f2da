/*
 * policy_rows.c
 *	  Rows of the policy tables, read into rules.
 *
 * A row that is not in canonical form was not written by a setter.  It raises
 * nothing: the reader says so, and its policy denies.
 *
 * Memory: CurrentMemoryContext.  Locks: none; the caller holds the table open.
 * On ERROR: nothing to undo.
 */
#include "allow/policy_rows.h"

#include <sys/socket.h>

#include "allow/methods.h"
#include "allow/url.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

AgcTable	allow_policy_table = AGC_TABLE("policy", "policy_pkey");
AgcTable	allow_rule_table = AGC_TABLE("policy_rule", "policy_rule_pkey");
AgcTable	allow_range_table = AGC_TABLE("special_range", "special_range_pkey");
AgcTable	allow_name_table = AGC_TABLE("special_name", "special_name_pkey");
AgcTable	allow_check_table = AGC_TABLE("policy_check", "policy_check_pkey");

/* text[] as C strings; NULL for SQL NULL.  A null among them becomes "", which is no method, scheme or word. */
char **
allow_col_texts(HeapTuple tuple, TupleDesc desc, const char *column, int *count)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);
	Datum	   *elems;
	bool	   *nulls;
	char	  **result;

	*count = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, count);
	result = palloc((*count + 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
		result[i] = nulls[i] ? "" : TextDatumGetCString(elems[i]);
	return result;
}

/* NULL for SQL NULL.  A null among them becomes 0, which is no port. */
static int *
int_array(HeapTuple tuple, TupleDesc desc, const char *column, int *count)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);
	Datum	   *elems;
	bool	   *nulls;
	int		   *result;

	*count = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), INT4OID, 4, true, TYPALIGN_INT, &elems, &nulls, count);
	result = palloc((*count + 1) * sizeof(int));
	for (int i = 0; i < *count; i++)
		result[i] = nulls[i] ? 0 : DatumGetInt32(elems[i]);
	return result;
}

void
allow_valid_bounds(Datum range, TimestampTz *from, TimestampTz *until)
{
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	*from = DT_NOBEGIN;
	*until = DT_NOEND;
	range_deserialize(lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO),
					  DatumGetRangeTypeP(range), &lower, &upper, &empty);
	if (empty)
	{
		*until = DT_NOBEGIN;
		return;
	}
	if (!lower.infinite)
		*from = DatumGetTimestampTz(lower.val);
	if (!upper.infinite)
		*until = DatumGetTimestampTz(upper.val);
	if (!lower.inclusive && !TIMESTAMP_NOT_FINITE(*from))
		(*from)++;
	if (!upper.infinite && upper.inclusive && !TIMESTAMP_NOT_FINITE(*until))
		(*until)++;
}

static void
read_valid(HeapTuple tuple, TupleDesc desc, TimestampTz *from, TimestampTz *until)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, "valid", &isnull);

	*from = DT_NOBEGIN;
	*until = DT_NOEND;
	if (!isnull)
		allow_valid_bounds(value, from, until);
}

/* Compares in place: a copy would stay as long as the policy. */
static bool
col_equals(HeapTuple tuple, TupleDesc desc, const char *column, const char *wanted)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);
	text	   *packed = isnull ? NULL : DatumGetTextPP(value);

	return packed != NULL && VARSIZE_ANY_EXHDR(packed) == strlen(wanted) &&
		memcmp(VARDATA_ANY(packed), wanted, strlen(wanted)) == 0;
}

/* Into text, of ALLOW_PATTERN_TEXT bytes; false when it was not canonical. */
static bool
read_pattern(HeapTuple tuple, TupleDesc desc, AllowPattern *pattern, char *text)
{
	char	   *stored = agc_col_text(tuple, desc, "pattern");
	const char *hint;
	bool		good = allow_pattern_parse(stored, text, pattern, &hint) == NULL &&
		strcmp(stored, text) == 0;

	if (!good)
	{
		/* covers nothing, and is shown as it is stored */
		memset(pattern, 0, sizeof(*pattern));
		pattern->kind = ALLOW_PATTERN_HOST;
		strlcpy(text, stored, ALLOW_PATTERN_TEXT);
		allow_pattern_move(pattern, text);
	}
	pfree(stored);
	return good;
}

void
allow_read_range(HeapTuple tuple, TupleDesc desc, UrlRule *rule)
{
	bool		isnull;
	inet	   *network = DatumGetInetPP(agc_col(tuple, desc, "network", &isnull));

	memset(rule, 0, sizeof(UrlRule));
	rule->effect = RULE_SPECIAL;
	rule->u.name = agc_col_text(tuple, desc, "name");
	rule->pattern.kind = ALLOW_PATTERN_NETWORK;
	rule->pattern.network.family = ip_family(network) == PGSQL_AF_INET ? 4 : 6;
	memcpy(rule->pattern.network.addr, ip_addr(network), ip_addrsize(network));
	rule->pattern.bits = ip_bits(network);
	rule->pattern.text = DatumGetCString(DirectFunctionCall1(cidr_out, InetPGetDatum(network)));
}

bool
allow_read_name(HeapTuple tuple, TupleDesc desc, UrlRule *rule)
{
	char		text[ALLOW_PATTERN_TEXT];
	bool		good;

	memset(rule, 0, sizeof(UrlRule));
	rule->effect = RULE_SPECIAL;
	rule->u.name = agc_col_text(tuple, desc, "name");
	if (col_equals(tuple, desc, "pattern", "<single label>"))
	{
		rule->pattern.kind = ALLOW_PATTERN_SINGLE_LABEL;
		rule->pattern.text = "<single label>";
		return true;
	}
	if (agc_col_bool(tuple, desc, "embeds"))
		rule->effect = RULE_WILDCARD;
	good = read_pattern(tuple, desc, &rule->pattern, text);
	allow_pattern_move(&rule->pattern, pstrdup(text));
	return good;
}

bool
allow_row_is_tool(HeapTuple tuple, TupleDesc desc)
{
	return col_equals(tuple, desc, "kind", "tool");
}

bool
allow_read_tool_rule(HeapTuple tuple, TupleDesc desc, ToolRule *rule)
{
	memset(rule, 0, sizeof(ToolRule));
	rule->id = agc_col_int64(tuple, desc, "id", 0);
	rule->effect = col_equals(tuple, desc, "effect", "allow") ? RULE_ALLOW : RULE_DENY;
	rule->pattern = agc_col_text(tuple, desc, "pattern");
	rule->len = strlen(rule->pattern);
	rule->prefix = rule->len > 0 && rule->pattern[rule->len - 1] == '*';
	rule->len -= rule->prefix;
	rule->name = agc_col_text(tuple, desc, "name");
	rule->feedback = agc_col_text(tuple, desc, "feedback");
	read_valid(tuple, desc, &rule->valid_from, &rule->valid_until);
	return agc_is_tool_pattern(rule->pattern);
}

/* Checked because a deny rule that silently matches nothing would be a hole. */
static bool
is_canonical(const RuleTerms *terms)
{
	char		method[METHOD_MAX + 1];

	for (int i = 0; i < terms->nmethods; i++)
		if (!http_method_canonical(terms->methods[i], method) || strcmp(method, terms->methods[i]) != 0)
			return false;
	for (int i = 0; i < terms->nports; i++)
		if (terms->ports[i] < 1 || terms->ports[i] > 65535)
			return false;
	if ((terms->methods != NULL && terms->nmethods == 0) || (terms->ports != NULL && terms->nports == 0))
		return false;
	if (terms->path != NULL)
	{
		char	   *path = palloc(ALLOW_URL_BUFFER(terms->path_len));
		int			len;
		bool		ambiguous;
		bool		same;

		same = terms->path[0] == '/' &&
			allow_path_parse(terms->path, terms->path_len, path, &len, &ambiguous) == URL_OK &&
			!ambiguous && len == terms->path_len && memcmp(path, terms->path, len) == 0;
		pfree(path);
		return same;
	}
	return true;
}

/* Everything of a rule except its pattern; false if it is not canonical. */
static bool
read_terms(HeapTuple tuple, TupleDesc desc, UrlRule *rule)
{
	RuleTerms	terms = {0};

	rule->id = agc_col_int64(tuple, desc, "id", 0);
	rule->effect = col_equals(tuple, desc, "effect", "allow") ? RULE_ALLOW : RULE_DENY;
	terms.methods = allow_col_texts(tuple, desc, "methods", &terms.nmethods);
	terms.ports = int_array(tuple, desc, "ports", &terms.nports);
	terms.path = agc_col_text(tuple, desc, "path_prefix");
	terms.path_len = terms.path == NULL ? 0 : strlen(terms.path);
	read_valid(tuple, desc, &terms.valid_from, &terms.valid_until);
	if (terms.methods == NULL && terms.ports == NULL && terms.path == NULL &&
		terms.valid_from == DT_NOBEGIN && terms.valid_until == DT_NOEND)
		return true;
	rule->u.terms = memcpy(palloc(sizeof(RuleTerms)), &terms, sizeof(RuleTerms));
	return is_canonical(&terms);
}

/* A condition that nobody judges, and a rule that is only watched, would be more than was meant. */
static bool
is_unconditional(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;

	(void) agc_col(tuple, desc, "when", &isnull);
	return isnull && !agc_col_bool(tuple, desc, "audit");
}

bool
allow_read_url_rule(HeapTuple tuple, TupleDesc desc, UrlRule *rule, char *text)
{
	bool		good;

	memset(rule, 0, sizeof(UrlRule));
	good = col_equals(tuple, desc, "kind", "url");
	good &= read_pattern(tuple, desc, &rule->pattern, text);
	return read_terms(tuple, desc, rule) && good && is_unconditional(tuple, desc);
}
