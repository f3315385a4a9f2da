/*
 * prices.h
 *	  The prices of a model as they are read: what the files on prices share.
 */
#ifndef AGENTCORE_PRICE_PRICES_H
#define AGENTCORE_PRICE_PRICES_H

#include "price/price.h"

/* One row of agentcore.model_price. */
typedef struct PriceRow
{
	const char *service_tier;
	int64		above_tokens;
	TimestampTz valid_from;
	Datum		usd[TOKEN_KINDS];	/* numeric */
	Datum		weight[TOKEN_KINDS];
	Jsonb	   *fees;			/* NULL: those of the row (standard, 0) */
	bool		use_reported_cost;
	int64		revision;
	bool		reachable;		/* a call that begins may turn out to be priced by it */
	bool		has_fee_sum;	/* price.c: counted already, for all readings */
	Datum		fee_sum;
	const char *bad_fee;		/* whose count is none */
} PriceRow;

/* Of each (tier, above_tokens) of a model the row that began last of those that hold. */
typedef struct PriceList
{
	TimestampTz at;
	int			n;
	int			room;
	PriceRow   *row;
} PriceList;

/* price_rows.c: false where none holds */
extern bool price_rows(const char *tenant, const char *model, TimestampTz at, PriceList *list);

/* price_rows.c: the fees of a row; NULL: none */
extern Jsonb *price_row_fees(const PriceList *list, const PriceRow *row);

/* price_fees.c: what the usage object counts of each fee, at its price, added to sum (numeric) */
extern Datum price_add_fees(Datum sum, Jsonb *fees, const UsageReadings *usage, const char **bad_fee);

/* price_fees.c: the same of what a call may use at most */
extern Datum price_add_asked(Datum sum, Jsonb *fees, Jsonb *asked);

/* price_fees.c: where the usage object counts what no fee of these is for; NULL: nowhere */
extern const char *price_unpriced_use(Jsonb *fees, const UsageReadings *usage);

/* price_fees.c: one that is asked for, and counted by no reachable row; NULL: none */
extern char *price_unpriced(const PriceList *list, Jsonb *asked);

/* model_alias.c: the model whose price counts for a name without one; NULL: no pattern matches */
extern char *model_alias_of(const char *tenant, const char *name);

/* price_fees.c: 22023 unless it is an object of names and prices */
extern void price_check_fees(Jsonb *fees);

#endif							/* AGENTCORE_PRICE_PRICES_H */
