/*
 * price_nearest.c
 *	  Models with a price whose names are near one that has none.
 *
 * Gateways put the provider before a name, and providers a date behind it: names
 * that differ in these only, or in case, come first.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on agentcore.model_price,
 * released at once.  On ERROR: nothing to undo.
 */
#include "price/prices.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#define NEAREST_SHOWN	3

static AgcTable price_table = AGC_TABLE("model_price", "model_price_pkey");

typedef struct NearestScan
{
	AgcNearest	names;			/* by the letters of the whole name */
	char	   *base;			/* of the wanted one */
	int			nkin;
	char	   *kin[AGC_NEAREST_MAX];	/* the same but for provider, date or case */
	char	   *last;			/* the rows of one model follow each other */
	TimestampTz now;
} NearestScan;

/* A name without what stands before its last slash, in lower case. */
static char *
base_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash == NULL ? name : slash + 1;

	return asc_tolower(base, strlen(base));
}

/* One begins with the other, which ends where a word does. */
static bool
is_kin(const char *a, const char *b)
{
	int			a_len = strlen(a);
	int			b_len = strlen(b);
	const char *longer = a_len > b_len ? a : b;
	int			len = Min(a_len, b_len);

	return len > 2 && strncmp(a, b, len) == 0 && (longer[len] == '\0' || strchr("-@:_.", longer[len]) != NULL);
}

static bool
holds(HeapTuple tuple, TupleDesc desc, TimestampTz now)
{
	bool		isnull;
	bool		endless;
	TimestampTz from = DatumGetTimestampTz(agc_col(tuple, desc, "valid_from", &isnull));
	TimestampTz to = DatumGetTimestampTz(agc_col(tuple, desc, "valid_to", &endless));

	return from <= now && (endless || to > now);
}

static void
look_at_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	NearestScan *scan = arg;
	char	   *name = agc_col_text(tuple, desc, "name");

	CHECK_FOR_INTERRUPTS();
	if (!holds(tuple, desc, scan->now))
		return;
	if (scan->last != NULL && strcmp(scan->last, name) == 0)
		return;
	scan->last = name;
	if (!is_kin(scan->base, base_of(name)))
		agc_nearest_add(&scan->names, name);
	else if (scan->nkin < AGC_NEAREST_MAX)
		scan->kin[scan->nkin++] = name;
}

static void
show(StringInfo list, int *shown, char **names, int n, PriceNameFilter told, void *arg)
{
	for (int i = 0; i < n && *shown < NEAREST_SHOWN; i++)
		if (told == NULL || told(names[i], arg))
			appendStringInfo(list, "%s%s", (*shown)++ > 0 ? ", " : "", agc_quoted_name(names[i]));
}

char *
price_nearest(const char *tenant, const char *model, PriceNameFilter told, void *arg)
{
	NearestScan scan = {.names = {.wanted = model, .limit = AGC_NEAREST_MAX}, .base = base_of(model), .now = agc_now()};
	Relation	rel = agc_table_open(&price_table, AccessShareLock);
	int			shown = 0;
	StringInfoData list;

	agc_table_scan(&price_table, rel, 1, &tenant, look_at_name, &scan);
	agc_table_close(rel, AccessShareLock);
	initStringInfo(&list);
	show(&list, &shown, scan.kin, scan.nkin, told, arg);
	show(&list, &shown, scan.names.name, scan.names.count, told, arg);
	return shown > 0 ? list.data : NULL;
}
