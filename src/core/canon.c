/*
 * canon.c
 *	  Canonical JSON: RFC 8785 (JCS), exact where a double is not.
 *
 * Object keys are sorted by UTF-16 code units, strings escaped as ECMAScript's
 * JSON.stringify does, numbers written as its Number::toString.  RFC 8785 sends
 * every number through a double; jsonb does not have to, and two arguments that
 * differ must not share a cache key.  So a number keeps its own digits when it
 * is an integer that a double would change, has more than 17 significant
 * digits, or lies outside a double's range; the same layout rule then applies
 * to those digits, so 1e130000 is nine bytes and never expanded.
 *
 * Memory: the output buffer, plus one sort array per object.  Locks: none.
 * Errors: 54001 on nesting deeper than the stack allows.  A cancel is heard
 * between any two members, elements, comparisons and escaped characters, for
 * one value can be as large as all of a document.
 */
#include "core/core.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "core/jsonb_walk.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* A decimal number: 0.d1d2d3... * 10^point, no leading or trailing zero digits */
typedef struct Decimal
{
	bool		negative;
	int			ndigits;
	int			point;
	char	   *digits;			/* ASCII, not terminated */
} Decimal;

/* Objects up to this many members are sorted on the stack, by insertion. */
#define FEW_MEMBERS 16

typedef struct Member
{
	const char *key;
	uint32		keylen;
	JbItem		value;
} Member;

static void write_item(StringInfo out, const JbItem *item);
static void write_object(StringInfo out, const JsonbContainer *c);
static void write_array(StringInfo out, const JsonbContainer *c);
static void write_string(StringInfo out, const char *s, uint32 len);
static void write_utf8_string(StringInfo out, const char *s, uint32 len);
static void write_number(StringInfo out, Numeric num);
static void order_members(const Member *members, uint32 n, uint8 *order);
static bool small_integer(Numeric num, int64 *value);
static Decimal numeric_decimal(Numeric num);
static bool double_keeps(const Decimal *exact, Decimal *shortest, char *buf);
static Decimal parse_decimal(char *buf);
static void write_decimal(StringInfo out, const Decimal *d);
static int	compare_members(const void *a, const void *b);
static int	compare_many(const void *a, const void *b);

void
agc_canonical_json(StringInfo out, Jsonb *value)
{
	JbItem		root = jb_root(value);

	write_item(out, &root);
}

static void
write_item(StringInfo out, const JbItem *item)
{
	if (JBE_ISSTRING(item->entry))
		write_string(out, item->data, item->len);
	else if (JBE_ISNUMERIC(item->entry))
		write_number(out, jb_numeric(item));
	else if (JBE_ISBOOL_TRUE(item->entry))
		appendBinaryStringInfo(out, "true", 4);
	else if (JBE_ISBOOL_FALSE(item->entry))
		appendBinaryStringInfo(out, "false", 5);
	else if (JBE_ISNULL(item->entry))
		appendBinaryStringInfo(out, "null", 4);
	else if (JsonContainerIsObject(jb_container(item)))
		write_object(out, jb_container(item));
	else
		write_array(out, jb_container(item));
}

static void
write_object(StringInfo out, const JsonbContainer *c)
{
	uint32		n = JsonContainerSize(c);
	Member		few[FEW_MEMBERS];
	uint8		order[FEW_MEMBERS] = {0};
	Member	   *members = n <= FEW_MEMBERS ? few : palloc(n * sizeof(Member));
	JbCursor	keys = jb_first(c);
	JbCursor	values = jb_first_value(c);

	check_stack_depth();
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		key = jb_next(&keys);

		members[i] = (Member)
		{
			key.data, key.len, jb_next(&values)
		};
	}
	if (members == few)
		order_members(members, n, order);
	else
		qsort(members, n, sizeof(Member), compare_many);

	appendStringInfoCharMacro(out, '{');
	for (uint32 i = 0; i < n; i++)
	{
		const Member *member = &members[members == few ? order[i] : i];

		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoCharMacro(out, ',');
		write_string(out, member->key, member->keylen);
		appendStringInfoCharMacro(out, ':');
		write_item(out, &member->value);
	}
	appendStringInfoCharMacro(out, '}');
	if (members != few)
		pfree(members);
}

/*
 * jsonb has them by length, so a few are nearly in order.  Their numbers are
 * moved, not they: reading back as a whole what was just written in parts stalls
 * the processor, which was half of the time an object took.
 */
static void
order_members(const Member *members, uint32 n, uint8 *order)
{
	for (uint32 i = 0; i < n; i++)
	{
		uint32		at = i;

		for (; at > 0 && compare_members(&members[order[at - 1]], &members[i]) > 0; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static void
write_array(StringInfo out, const JsonbContainer *c)
{
	uint32		n = JsonContainerSize(c);
	JbCursor	cursor = jb_first(c);

	check_stack_depth();
	appendStringInfoChar(out, '[');
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		item = jb_next(&cursor);

		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoChar(out, ',');
		write_item(out, &item);
	}
	appendStringInfoChar(out, ']');
}

/*
 * UTF-16 order differs from UTF-8's byte order in one place: characters beyond
 * U+FFFF (first byte F0..F4) are surrogates D800..DFFF, below U+E000..U+FFFF
 * (first byte EE, EF).
 */
static int
compare_members(const void *a, const void *b)
{
	const Member *l = a;
	const Member *r = b;
	uint32		n = Min(l->keylen, r->keylen);

	for (uint32 i = 0; i < n; i++)
	{
		unsigned char x = l->key[i];
		unsigned char y = r->key[i];

		if (x == y)
			continue;
		if (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0))
			return x >= 0xF0 ? -1 : 1;
		return x < y ? -1 : 1;
	}
	return l->keylen < r->keylen ? -1 : l->keylen > r->keylen;
}

static int
compare_many(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return compare_members(a, b);
}

/* The canonical form is UTF-8 whatever the database encoding is. */
static void
write_string(StringInfo out, const char *s, uint32 len)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		write_utf8_string(out, s, len);
	else
	{
		char	   *utf8 = pg_server_to_any(pnstrdup(s, len), len, PG_UTF8);

		write_utf8_string(out, utf8, strlen(utf8));
	}
}

/*
 * How many bytes at the start certainly need no escape, eight at a time: a URL
 * is copied in 5 ns where looking at each of its bytes takes 40.
 */
static uint32
plain_words(const char *s, uint32 len)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);
	const uint64 tops = ones << 7;
	uint32		i = 0;

	for (; i + sizeof(uint64) <= len; i += sizeof(uint64))
	{
		uint64		word;
		uint64		quote;
		uint64		backslash;

		memcpy(&word, s + i, sizeof(word));
		quote = word ^ (ones * '"');
		backslash = word ^ (ones * '\\');
		/* a byte below 0x20, equal to either, or falsely suspected beside such a one */
		if ((((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & tops)
			break;
	}
	return i;
}

static void
write_utf8_string(StringInfo out, const char *s, uint32 len)
{
	static const char short_escape[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};
	uint32		done = 0;

	enlargeStringInfo(out, len + 2);
	appendStringInfoCharMacro(out, '"');
	for (uint32 i = plain_words(s, len); i < len; i++)
	{
		unsigned char ch = s[i];

		if (ch >= 0x20 && ch != '"' && ch != '\\')
			continue;
		CHECK_FOR_INTERRUPTS();
		appendBinaryStringInfo(out, s + done, i - done);
		done = i + 1;
		appendStringInfoCharMacro(out, '\\');
		if (ch >= 0x20)
			appendStringInfoCharMacro(out, ch);
		else if (short_escape[ch])
			appendStringInfoCharMacro(out, short_escape[ch]);
		else
			appendStringInfo(out, "u%04x", ch);
	}
	appendBinaryStringInfo(out, s + done, len - done);
	appendStringInfoCharMacro(out, '"');
}

static void
write_number(StringInfo out, Numeric num)
{
	Decimal		exact;
	Decimal		shortest;
	char		buf[DOUBLE_SHORTEST_DECIMAL_LEN + 1];
	int64		small;

	if (small_integer(num, &small))
	{
		enlargeStringInfo(out, MAXINT8LEN + 1);
		out->len += pg_lltoa(small, out->data + out->len);
		return;
	}
	exact = numeric_decimal(num);
	if (exact.ndigits == 0)
		appendStringInfoChar(out, '0');
	else if (double_keeps(&exact, &shortest, buf))
		write_decimal(out, &shortest);
	else
		write_decimal(out, &exact);
	pfree(exact.digits);
}

/*
 * An integer below 10^12, read from the numeric where it lies: numeric_send(),
 * strtod() and the way back cost 0.3 us a number, this a few nanoseconds.
 *
 * The layout read here is that of the short form on disk (header 10sddddddwwwwwww,
 * then digits in base 10000), unchanged since PostgreSQL 9.1, because tables
 * hold it.  It is no public interface all the same: should a server lay numerics
 * out otherwise, the first call finds that known numbers read wrongly, and every
 * number goes the long way.
 */
static bool
read_small_integer(Numeric num, int64 *value)
{
	const uint16 *word = (const uint16 *) ((const char *) num + VARHDRSZ);
	uint16		header;
	int			ndigits;
	int			weight;
	int64		sum = 0;

	if (!VARATT_IS_4B_U(num) || VARSIZE(num) < VARHDRSZ + sizeof(uint16))
		return false;
	header = word[0];
	ndigits = (VARSIZE(num) - VARHDRSZ) / sizeof(uint16) - 1;
	weight = header & 0x3f;
	if ((header & 0xc000) != 0x8000 || (header & 0x40) != 0 || weight > 2 || ndigits > weight + 1)
		return false;
	for (int i = 0; i <= weight; i++)
		sum = sum * 10000 + (i < ndigits ? word[1 + i] : 0);
	*value = (header & 0x2000) != 0 ? -sum : sum;
	return true;
}

static bool
small_integers_readable(void)
{
	static const int64 known[] = {0, 1, -1, 9999, 10000, -10001, 100000000, INT64CONST(999999999999), INT64CONST(-120000000000)};
	static const char *const others[] = {"0.5", "-12345.678", "1e12", "NaN", "Infinity"};
	int64		value;

	for (int i = 0; i < lengthof(known); i++)
		if (!read_small_integer(int64_to_numeric(known[i]), &value) || value != known[i])
			return false;
	for (int i = 0; i < lengthof(others); i++)
		if (read_small_integer(DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(others[i]),
																   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))), &value))
			return false;
	return true;
}

static bool
small_integer(Numeric num, int64 *value)
{
	static enum {
		UNTRIED,
		YES,
		NO
	} readable = UNTRIED;

	if (unlikely(readable == UNTRIED))
		readable = small_integers_readable() ? YES : NO;
	return readable == YES && read_small_integer(num, value);
}

/*
 * numeric_send()'s wire format is the public way to a numeric's digits: count,
 * weight, sign and display scale as int16, then the digits in base 10000.
 */
static Decimal
numeric_decimal(Numeric num)
{
	bytea	   *wire = DatumGetByteaPP(DirectFunctionCall1(numeric_send, NumericGetDatum(num)));
	const unsigned char *p = (const unsigned char *) VARDATA_ANY(wire);
	int			n = (p[0] << 8) | p[1];
	int			weight = (int16) ((p[2] << 8) | p[3]);
	Decimal		d = {.negative = (((p[4] << 8) | p[5]) == 0x4000)};
	char	   *digits = palloc(n * 4 + 1);
	int			len = 0;
	int			lead = 0;

	p += 8;
	for (int i = 0; i < n; i++, p += 2)
	{
		int			digit = (p[0] << 8) | p[1];

		digits[len++] = '0' + digit / 1000;
		digits[len++] = '0' + digit / 100 % 10;
		digits[len++] = '0' + digit / 10 % 10;
		digits[len++] = '0' + digit % 10;
	}
	while (lead < len && digits[lead] == '0')
		lead++;
	while (len > lead && digits[len - 1] == '0')
		len--;
	d.ndigits = len - lead;
	d.point = (weight + 1) * 4 - lead;
	d.digits = digits;
	memmove(digits, digits + lead, d.ndigits);
	digits[d.ndigits] = '\0';
	pfree(wire);
	return d;
}

/*
 * Does RFC 8785's way through a double apply?  Then *shortest is the shortest
 * decimal that reads back as that double.
 */
static bool
double_keeps(const Decimal *exact, Decimal *shortest, char *buf)
{
	char		text[64];
	double		value;
	bool		is_integer = exact->point >= exact->ndigits;

	if (exact->ndigits > 17 || exact->point > 309 || exact->point < -330)
		return false;
	snprintf(text, sizeof(text), "%s0.%.*se%d", exact->negative ? "-" : "",
			 exact->ndigits, exact->digits, exact->point);
	value = strtod(text, NULL);
	if (isinf(value) || value == 0)
		return false;
	double_to_shortest_decimal_buf(value, buf);
	*shortest = parse_decimal(buf);
	if (!is_integer)
		return true;
	return shortest->point == exact->point && shortest->ndigits == exact->ndigits &&
		memcmp(shortest->digits, exact->digits, exact->ndigits) == 0;
}

/* Takes "-12.5e+20" apart in place; "buf" holds a finite, non-zero number. */
static Decimal
parse_decimal(char *buf)
{
	Decimal		d = {.negative = (buf[0] == '-')};
	char	   *p = buf + (d.negative ? 1 : 0);
	char	   *w = buf;
	bool		fraction = false;
	int			lead = 0;

	for (; *p && *p != 'e'; p++)
	{
		if (*p == '.')
			fraction = true;
		else
		{
			*w++ = *p;
			if (!fraction)
				d.point++;
		}
	}
	if (*p == 'e')
		d.point += atoi(p + 1);
	d.ndigits = w - buf;
	while (buf[lead] == '0')
		lead++;
	d.point -= lead;
	d.ndigits -= lead;
	memmove(buf, buf + lead, d.ndigits);
	while (d.ndigits > 0 && buf[d.ndigits - 1] == '0')
		d.ndigits--;
	d.digits = buf;
	return d;
}

/* ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20), for any digit count */
static void
write_decimal(StringInfo out, const Decimal *d)
{
	int			n = d->point;
	int			k = d->ndigits;

	if (d->negative)
		appendStringInfoChar(out, '-');
	if (k <= n && n <= 21)
	{
		appendBinaryStringInfo(out, d->digits, k);
		for (int i = k; i < n; i++)
			appendStringInfoChar(out, '0');
	}
	else if (0 < n && n <= 21)
	{
		appendBinaryStringInfo(out, d->digits, n);
		appendStringInfoChar(out, '.');
		appendBinaryStringInfo(out, d->digits + n, k - n);
	}
	else if (-6 < n && n <= 0)
	{
		appendBinaryStringInfo(out, "0.", 2);
		for (int i = n; i < 0; i++)
			appendStringInfoChar(out, '0');
		appendBinaryStringInfo(out, d->digits, k);
	}
	else
	{
		appendStringInfoChar(out, d->digits[0]);
		if (k > 1)
		{
			appendStringInfoChar(out, '.');
			appendBinaryStringInfo(out, d->digits + 1, k - 1);
		}
		appendStringInfo(out, "e%c%d", n > 0 ? '+' : '-', abs(n - 1));
	}
}

/* canonical_json(jsonb) -> text: NULL for NULL, 54000 beyond agentcore.max_args_size */
AGC_FUNCTION(canonical_json)
{
	Jsonb	   *value = agc_opt_jsonb(fcinfo, 0, "value");
	StringInfoData out;
	char	   *text;

	if (value == NULL)
		PG_RETURN_NULL();
	initStringInfo(&out);
	agc_canonical_json(&out, value);
	text = pg_any_to_server(out.data, out.len, PG_UTF8);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
