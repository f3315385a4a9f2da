/*
 * price_rows.c
 *	  Rows of agentcore.model_price: those that hold for a model at a time.
 *
 * A price holds from valid_from until valid_to.  Of those of one tier and one
 * length of input that hold, the one that began last counts, so that a temporary
 * price takes the place of the lasting one.
 *
 * Memory: what is read is copied to CurrentMemoryContext.  Locks: AccessShareLock
 * on agentcore.model_price, released at once.  On ERROR: nothing to undo.
 */
#include "price/prices.h"

#include "access/htup_details.h"
#include "core/row_layout.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"

/* Columns of agentcore.model_price, in the order of the table. */
enum
{
	M_TENANT, M_NAME, M_TIER, M_ABOVE, M_VALID_FROM, M_VALID_TO,
	M_INPUT, M_OUTPUT, M_CACHED, M_CACHE_WRITE, M_LONG_CACHE_WRITE, M_REASONING,
	M_AUDIO_INPUT, M_AUDIO_OUTPUT, M_IMAGE_INPUT,
	M_INPUT_WEIGHT, M_OUTPUT_WEIGHT, M_CACHED_WEIGHT,
	M_FEES, M_USE_REPORTED_COST, M_REVISION,
	NATTS_PRICE
};

static const RowColumn price_columns[] = {
	{"tenant", TEXTOID, true},
	{"name", TEXTOID, true},
	{"service_tier", TEXTOID, true},
	{"above_tokens", INT8OID, true},
	{"valid_from", TIMESTAMPTZOID, true},
	{"valid_to", TIMESTAMPTZOID, false},
	{"usd_per_input_token", NUMERICOID, true},
	{"usd_per_output_token", NUMERICOID, true},
	{"usd_per_cached_token", NUMERICOID, false},
	{"usd_per_cache_write_token", NUMERICOID, false},
	{"usd_per_long_cache_write_token", NUMERICOID, false},
	{"usd_per_reasoning_token", NUMERICOID, false},
	{"usd_per_audio_input_token", NUMERICOID, false},
	{"usd_per_audio_output_token", NUMERICOID, false},
	{"usd_per_image_input_token", NUMERICOID, false},
	{"input_weight", NUMERICOID, true},
	{"output_weight", NUMERICOID, true},
	{"cached_weight", NUMERICOID, false},
	{"fees", JSONBOID, false},
	{"use_reported_cost", BOOLOID, true},
	{"revision", INT8OID, true},
};
StaticAssertDecl(lengthof(price_columns) == NATTS_PRICE, "one entry per column");

static AgcTable price_table = AGC_TABLE("model_price", "model_price_pkey");

/* The columns of the price and weight of each kind; where one is null, another kind's counts. */
static const struct
{
	int			usd;
	int			weight;			/* 0: that of "otherwise" */
	TokenKind	otherwise;		/* comes before it in this table */
}			kind_columns[TOKEN_KINDS] = {
	[TOKEN_INPUT] = {M_INPUT, M_INPUT_WEIGHT, TOKEN_INPUT},
	[TOKEN_CACHED] = {M_CACHED, M_CACHED_WEIGHT, TOKEN_INPUT},
	[TOKEN_CACHE_WRITE] = {M_CACHE_WRITE, 0, TOKEN_INPUT},
	[TOKEN_LONG_CACHE_WRITE] = {M_LONG_CACHE_WRITE, 0, TOKEN_CACHE_WRITE},
	[TOKEN_AUDIO_INPUT] = {M_AUDIO_INPUT, 0, TOKEN_INPUT},
	[TOKEN_IMAGE_INPUT] = {M_IMAGE_INPUT, 0, TOKEN_INPUT},
	[TOKEN_OUTPUT] = {M_OUTPUT, M_OUTPUT_WEIGHT, TOKEN_OUTPUT},
	[TOKEN_REASONING] = {M_REASONING, 0, TOKEN_OUTPUT},
	[TOKEN_AUDIO_OUTPUT] = {M_AUDIO_OUTPUT, 0, TOKEN_OUTPUT}
};

/* The place for a row of this tier and length: its older one, or a new one. */
static PriceRow *
place_for(PriceList *list, const char *tier, int64 above, TimestampTz valid_from)
{
	for (int i = 0; i < list->n; i++)
	{
		PriceRow   *row = &list->row[i];

		if (row->above_tokens == above && strcmp(row->service_tier, tier) == 0)
			return valid_from < row->valid_from ? NULL : row;
	}
	if (list->n == list->room)
	{
		list->room = Max(2 * list->room, 4);
		list->row = list->row == NULL ? palloc(list->room * sizeof(PriceRow)) :
			repalloc(list->row, list->room * sizeof(PriceRow));
	}
	return &list->row[list->n++];
}

static void
read_rates(PriceRow *row, const Datum *values, const bool *nulls)
{
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
	{
		TokenKind	otherwise = kind_columns[kind].otherwise;
		int			usd = kind_columns[kind].usd;
		int			weight = kind_columns[kind].weight;

		row->usd[kind] = nulls[usd] ? row->usd[otherwise] : datumCopy(values[usd], false, -1);
		row->weight[kind] = weight == 0 || nulls[weight] ? row->weight[otherwise] : datumCopy(values[weight], false, -1);
	}
}

static void
look_at_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	PriceList  *list = arg;
	Datum		values[NATTS_PRICE];
	bool		nulls[NATTS_PRICE];
	TimestampTz valid_from;
	char	   *tier;
	PriceRow   *row;

	heap_deform_tuple(tuple, desc, values, nulls);
	valid_from = DatumGetTimestampTz(values[M_VALID_FROM]);
	if (valid_from > list->at || (!nulls[M_VALID_TO] && DatumGetTimestampTz(values[M_VALID_TO]) <= list->at))
		return;
	tier = TextDatumGetCString(values[M_TIER]);
	row = place_for(list, tier, DatumGetInt64(values[M_ABOVE]), valid_from);
	if (row == NULL)
		return;
	memset(row, 0, sizeof(*row));
	row->service_tier = tier;
	row->above_tokens = DatumGetInt64(values[M_ABOVE]);
	row->valid_from = valid_from;
	row->fees = nulls[M_FEES] ? NULL : DatumGetJsonbPCopy(values[M_FEES]);
	row->use_reported_cost = DatumGetBool(values[M_USE_REPORTED_COST]);
	row->revision = DatumGetInt64(values[M_REVISION]);
	read_rates(row, values, nulls);
}

bool
price_rows(const char *tenant, const char *model, TimestampTz at, PriceList *list)
{
	const char *keys[2] = {tenant, model};
	Relation	rel = row_open(&price_table, AccessShareLock, price_columns, NATTS_PRICE);

	memset(list, 0, sizeof(*list));
	list->at = at;
	agc_table_scan(&price_table, rel, 2, keys, look_at_row, list);
	agc_table_close(rel, AccessShareLock);
	return list->n > 0;
}

Jsonb *
price_row_fees(const PriceList *list, const PriceRow *row)
{
	if (row->fees != NULL)
		return row->fees;
	for (int i = 0; i < list->n; i++)
		if (list->row[i].above_tokens == 0 && strcmp(list->row[i].service_tier, TIER_STANDARD) == 0)
			return list->row[i].fees;
	return NULL;
}
