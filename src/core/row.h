/*
 * row.h
 *	  One builder for rows: what a function returns, what it puts into a
 *	  tuplestore, and the parameters of a statement.
 *
 * Values are put in order, so nobody counts columns.  Columns that are not put
 * are null: an older library serves a newer, wider row type.
 *
 *		AgcRow		row;
 *
 *		agc_row_init(&row);
 *		agc_put_text(&row, name);
 *		agc_put_int64(&row, hits);
 *		return agc_row_return(fcinfo, &row);
 *
 * Nothing is zeroed: an AgcRow on the stack costs what is put into it.
 */
#ifndef AGENTCORE_CORE_ROW_H
#define AGENTCORE_CORE_ROW_H

#include "core/core.h"

#include "nodes/execnodes.h"

#define AGC_ROW_MAX		64		/* columns or parameters */

typedef struct AgcRow
{
	int			n;
	Datum		value[AGC_ROW_MAX];
	bool		null[AGC_ROW_MAX];
} AgcRow;

pg_noreturn extern void agc_row_overflow(void);

static inline void
agc_row_init(AgcRow *row)
{
	row->n = 0;
}

/* ----- one value ------------------------------------------------------------ */

/* a value that may be null */
static inline void
agc_put_datum(AgcRow *row, Datum value, bool isnull)
{
	if (unlikely(row->n >= AGC_ROW_MAX))
		agc_row_overflow();
	row->value[row->n] = value;
	row->null[row->n] = isnull;
	row->n++;
}

static inline void
agc_put(AgcRow *row, Datum value)
{
	agc_put_datum(row, value, false);
}

static inline void
agc_put_null(AgcRow *row)
{
	agc_put_datum(row, (Datum) 0, true);
}

/* argument n as it was given, null too */
static inline void
agc_put_arg(AgcRow *row, FunctionCallInfo fcinfo, int n)
{
	agc_put_datum(row, fcinfo->args[n].value, fcinfo->args[n].isnull);
}

static inline void
agc_put_bool(AgcRow *row, bool value)
{
	agc_put(row, BoolGetDatum(value));
}

static inline void
agc_put_int32(AgcRow *row, int32 value)
{
	agc_put(row, Int32GetDatum(value));
}

static inline void
agc_put_int64(AgcRow *row, int64 value)
{
	agc_put(row, Int64GetDatum(value));
}

static inline void
agc_put_time(AgcRow *row, TimestampTz value)
{
	agc_put(row, TimestampTzGetDatum(value));
}

static inline void
agc_put_interval(AgcRow *row, int64 us)
{
	agc_put(row, IntervalPGetDatum(agc_us_interval(us)));
}

static inline void
agc_put_usd(AgcRow *row, int64 nanousd)
{
	agc_put(row, agc_nanousd_numeric(nanousd));
}

/* ----- values whose NULL pointer is null ------------------------------------- */

/* anything that is passed by reference: an array, a bytea; not copied */
static inline void
agc_put_pointer(AgcRow *row, const void *value)
{
	agc_put_datum(row, PointerGetDatum(value), value == NULL);
}

extern void agc_put_text(AgcRow *row, const char *value);

static inline void
agc_put_jsonb(AgcRow *row, const Jsonb *value)
{
	agc_put_pointer(row, value);
}

static inline void
agc_put_uuid(AgcRow *row, const pg_uuid_t *value)
{
	agc_put_pointer(row, value);
}

/* ----- the row --------------------------------------------------------------- */

/*
 * The result of a function that returns a composite type, or a set of one of
 * which there is one row.  The descriptor is kept in fn_extra.
 */
extern Datum agc_row_return(FunctionCallInfo fcinfo, AgcRow *row);

/* one row of a set, after InitMaterializedSRF() */
extern void agc_row_store(ReturnSetInfo *rsinfo, AgcRow *row);

/* SPI's way to say which parameters are null */
typedef struct AgcRowNulls
{
	char		of[AGC_ROW_MAX];
} AgcRowNulls;

extern const char *agc_row_nulls(const AgcPlan *plan, const AgcRow *row, AgcRowNulls *nulls);

/* the statements of owner.c and setter.c, with the row as parameters */
extern int	agc_spi_row(AgcPlan *plan, AgcRow *row);
extern int	agc_spi_read_row(AgcPlan *plan, AgcRow *row);
extern uint64 agc_owner_spi_row(AgcPlan *plan, AgcRow *row);
extern uint64 agc_owner_spi_row_bounded(AgcPlan *plan, AgcRow *row);
extern bool agc_set_spi_row(AgcSetting *set, AgcPlan *plan, AgcRow *row);
extern bool agc_set_write_row(AgcSetting *set, AgcPlan *plan, AgcRow *row);

#endif							/* AGENTCORE_CORE_ROW_H */
