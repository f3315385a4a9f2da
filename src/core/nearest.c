/*
 * nearest.c
 *	  A name that nobody has: the names that look like it, and the one voice in
 *	  which it is refused.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the table that the
 * names are read from, released at once.  On ERROR: nothing to undo.
 */
#include "core/core.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/varlena.h"

/*
 * How many bytes two names begin with alike, or end with where step is -1: they
 * cost no edit.  ASCII only, which no encoding of a server has within a
 * character.
 */
static int
same_bytes(const char *a, const char *b, int most, int step)
{
	int			n = 0;

	while (n < most && a[n * step] == b[n * step] && !IS_HIGHBIT_SET(a[n * step]))
		n++;
	return n;
}

/*
 * Whether more bytes would have to change than "most" edits can.  Says no to
 * most names in one pass over them, where their distance takes a pass for each
 * edit; a character has up to four bytes.
 */
static bool
bytes_too_far(const char *a, int a_len, const char *b, int b_len, int most)
{
	int			count[256] = {0};
	int			more = 0;
	int			less = 0;
	unsigned char high = 0;

	for (int i = 0; i < a_len; i++)
	{
		count[(unsigned char) a[i]]++;
		high |= a[i];
	}
	for (int i = 0; i < b_len; i++)
	{
		count[(unsigned char) b[i]]--;
		high |= b[i];
	}
	for (int i = 0; i < lengthof(count); i++)
	{
		more += Max(count[i], 0);
		less += Max(-count[i], 0);
	}
	return Max(more, less) > (IS_HIGHBIT_SET(high) ? most * MAX_MULTIBYTE_CHAR_LEN : most);
}

/* The furthest that a candidate may be: no use beyond the worst that is kept. */
static int
nearest_reach(const AgcNearest *nearest, int wanted_len)
{
	int			reach = wanted_len < 4 ? 1 : Min(Max(wanted_len / 3, 2), AGC_NEAREST_EDITS);

	return nearest->count < nearest->limit ? reach : Min(reach, nearest->distance[nearest->limit - 1] - 1);
}

void
agc_nearest_add(AgcNearest *nearest, const char *candidate)
{
	agc_nearest_add_as(nearest, candidate, candidate);
}

/*
 * The edit distance of PostgreSQL's own hints; -1: it is out of reach.  Names that
 * differ in case only are as near as can be.
 */
static int
distance_to(const AgcNearest *nearest, const char *name)
{
	const char *wanted = nearest->wanted;
	int			wanted_len = strlen(wanted);
	int			len = strlen(name);
	int			reach = nearest_reach(nearest, pg_mbstrlen(wanted));
	int			same;
	int			distance;

	if (wanted_len > AGC_MAX_NAME || len > AGC_MAX_NAME || reach < 0)
		return -1;
	if (len == wanted_len && pg_strcasecmp(wanted, name) == 0)
		return 0;
	if (bytes_too_far(wanted, wanted_len, name, len, reach))
		return -1;
	same = same_bytes(wanted, name, Min(wanted_len, len), 1);
	wanted += same;
	name += same;
	wanted_len -= same;
	len -= same;
	same = same_bytes(wanted + wanted_len - 1, name + len - 1, Min(wanted_len, len), -1);
	distance = varstr_levenshtein_less_equal(wanted, wanted_len - same, name, len - same,
											 1, 1, 1, reach, true);
	return distance <= reach ? distance : -1;
}

void
agc_nearest_add_as(AgcNearest *nearest, const char *form, const char *candidate)
{
	int			distance = distance_to(nearest, form);
	int			at;

	if (distance < 0)
		return;
	for (at = nearest->count; at > 0 && nearest->distance[at - 1] > distance; at--)
		if (at < nearest->limit)
		{
			nearest->name[at] = nearest->name[at - 1];
			nearest->distance[at] = nearest->distance[at - 1];
		}
	if (at >= nearest->limit)
		return;
	nearest->name[at] = pstrdup(candidate);
	nearest->distance[at] = distance;
	if (nearest->count < nearest->limit)
		nearest->count++;
}

static void
add_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	agc_nearest_add(arg, agc_col_text(tuple, desc, "name"));
}

void
agc_nearest_in(AgcNearest *nearest, AgcTable *table, const char *tenant)
{
	Relation	rel = agc_table_open(table, AccessShareLock);

	agc_table_scan(table, rel, 1, &tenant, add_name, nearest);
	agc_table_close(rel, AccessShareLock);
}

char *
agc_nearest_list(const AgcNearest *nearest)
{
	StringInfoData list;

	if (nearest->count == 0)
		return NULL;
	initStringInfo(&list);
	for (int i = 0; i < nearest->count; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", agc_quoted_name(nearest->name[i]));
	return list.data;
}

void
agc_refuse_unknown(const char *kind, const char *name, const AgcNearest *nearest, const char *hint)
{
	agc_refuse_unknown_near(kind, name, nearest != NULL ? agc_nearest_list(nearest) : NULL, hint);
}

void
agc_refuse_unknown_near(const char *kind, const char *name, const char *near, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s \"%s\" does not exist", kind, name),
			 near != NULL ? errhint("Nearest names: %s.", near) : errhint("%s", hint)));
}
