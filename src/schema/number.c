/*
 * number.c
 *	  Exact numbers: whole ones in an int64, the rest as numeric; no double.
 *
 * Most bounds and most values of tool arguments are small whole numbers.  Their
 * digits are read directly from the stored numeric.  Its format does not change,
 * because pg_upgrade relies on it; even so, a few values are compared with
 * PostgreSQL's own functions at first use.  If they ever differ, every number
 * takes the slower, public way.
 *
 * Memory: what numeric functions allocate in CurrentMemoryContext.  Locks:
 * none.  On ERROR: nothing to undo.
 */
#include "schema/json.h"

#include "miscadmin.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* The short form of a stored numeric: one header word, then base-10000 digits */
#define SHORT_FLAGS			0xC000
#define SHORT_FORM			0x8000
#define SHORT_NEGATIVE		0x2000
#define SHORT_SCALE			0x1F80
#define SHORT_WEIGHT_NEG	0x0040
#define SHORT_WEIGHT		0x003F

/* four base-10000 digits always fit an int64 */
#define SMALL_WEIGHT		3

typedef enum DirectReading
{
	READING_UNKNOWN,
	READING_GOOD,
	READING_BAD
} DirectReading;

static DirectReading reading = READING_UNKNOWN;

static bool read_short(Number *out);
static void read_slowly(Number *out);
static bool try_reading(void);

void
number_read(Number *out, Numeric num)
{
	out->num = num;
	if (unlikely(reading == READING_UNKNOWN))
		reading = try_reading() ? READING_GOOD : READING_BAD;
	if (unlikely(reading == READING_BAD) || !read_short(out))
		read_slowly(out);
}

/* false: not the short form, or too large for the fast way */
static bool
read_short(Number *out)
{
	const uint16 *words = (const uint16 *) VARDATA(out->num);
	uint16		header = words[0];
	int			ndigits = ((int) VARSIZE(out->num) - VARHDRSZ - (int) sizeof(uint16)) / (int) sizeof(uint16);
	int			weight = header & SHORT_WEIGHT;
	int64		value = 0;

	if ((header & SHORT_FLAGS) != SHORT_FORM)
		return false;
	out->huge = false;
	if (header & SHORT_WEIGHT_NEG)
		weight |= ~SHORT_WEIGHT;
	out->whole_scale = (header & SHORT_SCALE) == 0;
	out->value = 0;

	/* trailing zero digits are never stored: a digit beyond the point counts */
	out->integer = ndigits <= weight + 1 || ndigits == 0;
	out->small = out->integer && weight <= SMALL_WEIGHT;
	if (!out->small)
		return true;
	for (int i = 0; i <= weight && ndigits > 0; i++)
		value = value * 10000 + (i < ndigits ? words[1 + i] : 0);
	out->value = (header & SHORT_NEGATIVE) ? -value : value;
	return true;
}

static void
read_slowly(Number *out)
{
	Datum		num = NumericGetDatum(out->num);
	Datum		whole = DirectFunctionCall2(numeric_trunc, num, Int32GetDatum(0));

	out->small = false;
	out->value = 0;
	out->huge = true;
	out->integer = !numeric_is_nan(out->num) && !numeric_is_inf(out->num) &&
		DatumGetBool(DirectFunctionCall2(numeric_eq, num, whole));
	pfree(DatumGetPointer(whole));
	out->whole_scale = DatumGetInt32(DirectFunctionCall1(numeric_scale, num)) == 0;
}

/* Whether direct reading gives what PostgreSQL gives, for a few values. */
static bool
try_reading(void)
{
	static const int64 whole[] = {0, 1, -1, 9999, 10000, -10000, 123456789, INT64CONST(9999999999999999)};
	Number		n;

	for (int i = 0; i < lengthof(whole); i++)
	{
		n.num = int64_to_numeric(whole[i]);
		if (!read_short(&n) || !n.integer || !n.whole_scale || !n.small || n.value != whole[i])
			return false;

		/* the same value over 1000: a fraction, but for zero and 10000 */
		n.num = int64_div_fast_to_numeric(whole[i], 3);
		if (!read_short(&n) || n.whole_scale || n.integer != (whole[i] % 1000 == 0))
			return false;
		if (n.integer && n.value != whole[i] / 1000)
			return false;
	}
	return true;
}

int
number_cmp(const Number *a, const Number *b)
{
	if (a->small && b->small)
		return a->value < b->value ? -1 : a->value > b->value;
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a->num),
											 NumericGetDatum(b->num)));
}

bool
number_multiple_of(const Number *value, const Number *divisor)
{
	Numeric		rest;
	Number		remainder;
	Number		zero;
	bool		multiple;

	if (value->small && divisor->small)
		return value->value % divisor->value == 0;
	/* dividing numbers with many thousands of digits takes long */
	CHECK_FOR_INTERRUPTS();
	rest = DatumGetNumeric(DirectFunctionCall2(numeric_mod, NumericGetDatum(value->num),
											   NumericGetDatum(divisor->num)));
	number_read(&remainder, rest);
	number_read(&zero, int64_to_numeric(0));
	multiple = number_cmp(&remainder, &zero) == 0;
	pfree(zero.num);
	pfree(rest);
	return multiple;
}

char *
number_text(const Number *n)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(n->num)));
}

bool
number_count(const JbItem *item, uint32 *out)
{
	Number		n;

	if (!JBE_ISNUMERIC(item->entry))
		return false;
	number_read(&n, jb_numeric(item));
	if (!n.integer)
		return false;
	if (!n.small)
	{
		Number		zero;

		number_read(&zero, int64_to_numeric(0));
		*out = PG_UINT32_MAX;
		return number_cmp(&n, &zero) > 0;
	}
	if (n.value < 0)
		return false;
	*out = n.value > PG_UINT32_MAX ? PG_UINT32_MAX : (uint32) n.value;
	return true;
}
