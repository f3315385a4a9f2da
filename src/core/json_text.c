/*
 * json_text.c
 *	  A model's JSON text to jsonb, without an ERROR for bad JSON.
 *
 * jsonb_in() would raise one and take the caller's transaction with it; a
 * model that writes broken JSON is an everyday refusal.  So the text goes
 * through PostgreSQL's own parser first, with actions that look out for what
 * jsonb cannot hold, and only text that jsonb_in() accepts reaches it.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: none.
 */
#include "core/core.h"

#include <ctype.h>
#include <errno.h>

#include "catalog/namespace.h"
#include "common/jsonapi.h"
#include "core/json_escape.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* What numeric can hold: digits before and after the decimal point */
#define NUMERIC_MAX_BEFORE 131072
#define NUMERIC_MAX_AFTER 16383

static bool depth_fits(const char *text, Size len, Size *offset);
static bool number_fits(const char *token);

typedef struct ParseState
{
	JsonLexContext *lex;
	const char *too_large;		/* the first number beyond numeric; NULL: none */
	int64		keys;
} ParseState;

#if defined(AGC_JSON_ACTIONS_RETURN)
#define ACTION_RESULT JsonParseErrorType
#define ACTION_RETURN return JSON_SUCCESS
#else
#define ACTION_RESULT void
#define ACTION_RETURN return
#endif

static ACTION_RESULT
check_scalar(void *arg, char *token, JsonTokenType type)
{
	ParseState *state = arg;

	/* the lexer is one token ahead */
	if (type == JSON_TOKEN_NUMBER && state->too_large == NULL && !number_fits(token))
		state->too_large = state->lex->prev_token_terminator - strlen(token);
	ACTION_RETURN;
}

static ACTION_RESULT
count_key(void *arg, char *name, bool isnull)
{
	((ParseState *) arg)->keys++;
	ACTION_RETURN;
}

static int64
count_keys(Jsonb *value)
{
	JsonbIterator *it = JsonbIteratorInit(&value->root);
	JsonbValue	at;
	JsonbIteratorToken token;
	int64		keys = 0;

	while ((token = JsonbIteratorNext(&it, &at, false)) != WJB_DONE)
		keys += token == WJB_KEY;
	return keys;
}

/* Where a string goes wrong: the parser knows only where it begins. */
static const char *
wrong_in_string(const char *start, const char *end, JsonEscape *what)
{
	const char *at = start + 1;

	*what = JSON_ESCAPE_GOOD;
	while (at < end && *at != '"' && (unsigned char) *at >= ' ')
	{
		int			len = 1;

		if (*at == '\\')
			*what = json_escape_at(at, end, &len);
		if (*what != JSON_ESCAPE_GOOD)
			break;
		at += len;
	}
	if (memchr(at, '"', end - at) != NULL)
		return at;
	/* an escape that was cut off is not wrong */
	*what = JSON_ESCAPE_GOOD;
	return end;
}

static void
find_fault(const char *text, Size len, const JsonLexContext *lex, AgcJsonFault *fault)
{
	const char *at = lex->token_start ? lex->token_start : text + len;
	JsonEscape	escape = JSON_ESCAPE_GOOD;

	if (at < text + len && *at == '"')
	{
		const char *wrong = wrong_in_string(at, text + len, &escape);

		/* a string without a fault is one that stands where it should not */
		if (wrong == text + len || *wrong != '"')
			at = wrong;
	}
	fault->offset = Min((Size) (at - text), len);
	fault->wrong = escape == JSON_ESCAPE_NUL ? AGC_JSON_NUL : escape == JSON_ESCAPE_HALF ? AGC_JSON_HALF :
		fault->offset >= len ? AGC_JSON_ENDS : AGC_JSON_SYNTAX;
}

/* Whether the database's encoding has the character of an escape; the parser raises where it has not. */
static bool
is_translatable(const char *escape, int len, const char *end)
{
	Oid			conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	pg_wchar	c = (pg_wchar) json_hex(escape + 2, end, 4);
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};
	unsigned char out[MAX_CONVERSION_GROWTH * MAX_MULTIBYTE_CHAR_LEN + 1];
	int			n;

	if (len == 12)
		c = surrogate_pair_to_codepoint(c, (pg_wchar) json_hex(escape + 8, end, 4));
	if (c < 0x80)
		return true;
	(void) unicode_to_utf8(c, utf8);
	n = pg_utf_mblen(utf8);
	return OidIsValid(conversion) &&
		pg_do_encoding_conversion_buf(conversion, PG_UTF8, GetDatabaseEncoding(), utf8, n, out, sizeof(out), true) == n;
}

static bool
characters_fit(const char *text, Size len, Size *offset)
{
	const char *end = text + len;
	int			step;

	if (GetDatabaseEncoding() == PG_UTF8)
		return true;
	for (const char *at = strchr(text, '\\'); at != NULL; at = strchr(at + step, '\\'))
	{
		JsonEscape	what = json_escape_at(at, end, &step);

		*offset = at - text;
		if (what == JSON_ESCAPE_GOOD && at[1] == 'u' && !is_translatable(at, step, end))
			return false;
		if (what == JSON_ESCAPE_BAD && at + 1 < end)
			step = 2;
	}
	return true;
}

Jsonb *
agc_json_read(const char *text, bool unique, AgcJsonFault *fault)
{
	Size		len = strlen(text);
	JsonLexContext *lex = agc_make_json_lex(text, len);
	ParseState	state = {.lex = lex};
	JsonSemAction actions = {.semstate = &state, .scalar = check_scalar, .object_field_start = count_key};
	Jsonb	   *value;

	*fault = (AgcJsonFault){AGC_JSON_DEEP, 0};
	if (!depth_fits(text, len, &fault->offset))
		return NULL;
	fault->wrong = AGC_JSON_CHARACTER;
	if (!characters_fit(text, len, &fault->offset))
		return NULL;
	if (pg_parse_json(lex, &actions) != JSON_SUCCESS)
	{
		find_fault(text, len, lex, fault);
		return NULL;
	}
	if (state.too_large != NULL)
	{
		*fault = (AgcJsonFault){AGC_JSON_NUMBER, state.too_large - text};
		return NULL;
	}
	value = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	/* jsonb keeps one of each key */
	if (!unique || count_keys(value) == state.keys)
		return value;
	*fault = (AgcJsonFault){AGC_JSON_TWICE, 0};
	return NULL;
}

int
agc_json_character(const char *text, Size offset)
{
	return pg_mbstrlen_with_len(text, (int) offset) + 1;
}

static char *
name_problem(const char *text, const AgcJsonFault *fault)
{
	int			character = agc_json_character(text, fault->offset);

	switch (fault->wrong)
	{
		case AGC_JSON_ENDS:
			return psprintf("not valid JSON: the text ends too early, after %d characters", character - 1);
		case AGC_JSON_DEEP:
			return psprintf("nested deeper than %d levels, at character %d", agc_max_depth, character);
		case AGC_JSON_NUMBER:
			return psprintf("not usable: a number is too large or has too many decimals, at character %d", character);
		case AGC_JSON_TWICE:
			return pstrdup("not usable: an object has a key twice");
		case AGC_JSON_SEVERAL:
			return psprintf("not usable: two objects that differ, the second at character %d", character);
		case AGC_JSON_NUL:
			return psprintf("valid JSON that cannot be stored here: \\u0000, the character NUL, at character %d", character);
		case AGC_JSON_HALF:
			return psprintf("valid JSON that cannot be stored here: half of a surrogate pair at character %d", character);
		case AGC_JSON_CHARACTER:
			return psprintf("valid JSON that cannot be stored here: the encoding of this database, %s, has no such character, at character %d",
							GetDatabaseEncodingName(), character);
		case AGC_JSON_SYNTAX:
			break;
	}
	/* the parser's own words quote the text, which may hold anything */
	return psprintf("not valid JSON at character %d", character);
}

char *
agc_json_problem(const char *text, const AgcJsonFault *fault)
{
	char	   *problem = name_problem(text, fault);

	return fault->what == NULL ? problem : psprintf("%s: %s", problem, fault->what);
}

static Jsonb *
read_json(const char *text, bool unique, char **problem)
{
	AgcJsonFault fault;
	Jsonb	   *value = agc_json_read(text, unique, &fault);

	*problem = value == NULL ? agc_json_problem(text, &fault) : NULL;
	return value;
}

Jsonb *
agc_json_text(const char *text, char **problem)
{
	return read_json(text, false, problem);
}

Jsonb *
agc_json_text_unique(const char *text, char **problem)
{
	return read_json(text, true, problem);
}

/* The parser recurses, and runs out of stack with an ERROR. */
static bool
depth_fits(const char *text, Size len, Size *offset)
{
	int			depth = 0;
	bool		in_string = false;

	for (Size i = 0; i < len; i++)
	{
		char		ch = text[i];

		if (in_string && ch == '\\')
			i++;
		else if (ch == '"')
			in_string = !in_string;
		else if (!in_string && (ch == '{' || ch == '['))
			depth++;
		else if (!in_string && (ch == '}' || ch == ']'))
			depth--;
		if (depth > agc_max_depth)
		{
			*offset = i;
			return false;
		}
	}
	return true;
}

/* The token is a number by JSON's grammar. */
static bool
number_fits(const char *token)
{
	int64		before = 0;
	int64		after = 0;
	int64		exponent = 0;
	const char *p = token;

	if (*p == '-')
		p++;
	for (; isdigit((unsigned char) *p); p++)
		before++;
	if (*p == '.')
		for (p++; isdigit((unsigned char) *p); p++)
			after++;
	if (*p == 'e' || *p == 'E')
	{
		errno = 0;
		exponent = strtol(p + 1, NULL, 10);
		if (errno != 0 || exponent > NUMERIC_MAX_BEFORE || exponent < -NUMERIC_MAX_AFTER)
			return false;
	}
	return before + exponent <= NUMERIC_MAX_BEFORE && after - exponent <= NUMERIC_MAX_AFTER;
}
