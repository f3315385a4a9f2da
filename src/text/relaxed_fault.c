/*
 * relaxed_fault.c
 *	  What is wrong where a model's JSON cannot be read, in words.
 *
 * The reader knows what it was about to read and where it stopped; what stands there
 * tells which of the usual mistakes it is.  The words are fixed and quote nothing, so
 * they may stand in a log.
 *
 * Memory: none.  Locks: none.  On ERROR: raises none.  Needs no server.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "text/relaxed_fault.h"

static const char no_comment[] = "a comment stands here, and JSON has none";
static const char no_number[] = "a number is written like 5, -0.5 or 1e3: without +, leading zeros, a bare point, separators or units";

static bool
begins(const RelaxedSpot *spot, const char *word)
{
	size_t		len = strlen(word);

	return (size_t) (spot->end - spot->at) >= len && pg_strncasecmp(spot->at, word, len) == 0;
}

static bool
begins_comment(const RelaxedSpot *spot)
{
	return begins(spot, "//") || begins(spot, "/*") || begins(spot, "#") || begins(spot, "<!--");
}

/* Typographic quotes: “ ” „ ‘ ’ « */
static bool
begins_typographic_quote(const RelaxedSpot *spot)
{
	return begins(spot, "\xE2\x80\x9C") || begins(spot, "\xE2\x80\x9D") || begins(spot, "\xE2\x80\x9E") ||
		begins(spot, "\xE2\x80\x98") || begins(spot, "\xE2\x80\x99") || begins(spot, "\xC2\xAB");
}

static bool
is_decimal(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* The last character before the spot that is no blank; NUL: there is none. */
static char
before(const RelaxedSpot *spot)
{
	const char *p = spot->at;

	while (p > spot->text && strchr(" \t\r\n", p[-1]) != NULL && p[-1] != '\0')
		p--;
	return p > spot->text ? p[-1] : '\0';
}

/* Whether a string stands here that a colon follows. */
static bool
begins_key(const RelaxedSpot *spot)
{
	const char *p = spot->at;

	if (*p != '"' && *p != '\'')
		return false;
	for (p++; p < spot->end && *p != *spot->at && *p != '\\'; p++)
		;
	if (p < spot->end)
		p++;
	while (p < spot->end && strchr(" \t\r\n", *p) != NULL && *p != '\0')
		p++;
	return p < spot->end && *p == ':';
}

static const char *
cut_off(const RelaxedSpot *spot)
{
	switch (spot->place)
	{
		case RELAXED_AT_START:
		case RELAXED_AT_END:
			return NULL;
		case RELAXED_AT_STRING:
			return "a string is not closed";
		case RELAXED_AT_COLON:
			return "a name has no value";
		case RELAXED_AT_VALUE:
		case RELAXED_AT_NUMBER:
			return "a value is missing or not whole";
		case RELAXED_AT_KEY:
		case RELAXED_AT_NEXT:
			break;
	}
	return spot->object ? "the closing } is missing" : "the closing ] is missing";
}

static const char *
wrong_key(const RelaxedSpot *spot)
{
	if (begins_comment(spot))
		return no_comment;
	if (begins_typographic_quote(spot))
		return "a name stands in typographic quotes, not in plain double quotes";
	switch (*spot->at)
	{
		case ',':
			return "there is a comma too many";
		case ':':
			return "a name is missing before the colon";
		case ']':
			return "an object ends with }, not with ]";
	}
	if (is_decimal(*spot->at))
		return "a name in double quotes is missing; a name that is a number has quotes too, and a number has no commas";
	return "a name in double quotes is missing: the members of an object are written \"name\": value";
}

static const char *
wrong_colon(const RelaxedSpot *spot)
{
	if (begins_comment(spot))
		return no_comment;
	if (*spot->at == ',' || *spot->at == '}')
		return "a name has no value: a colon and a value are missing";
	if (*spot->at == '=')
		return "a colon stands between name and value, not =";
	return "a colon is missing between name and value";
}

static const char *
wrong_value(const RelaxedSpot *spot)
{
	if (begins_comment(spot))
		return no_comment;
	if (begins(spot, "nan") || begins(spot, "inf"))
		return "JSON has no NaN and no Infinity: send a number";
	if (begins(spot, "undefined"))
		return "JSON has no undefined: leave the member out";
	if (begins(spot, "null") || begins(spot, "true") || begins(spot, "false"))
		return "null, true and false are written in lower case, and alone";
	if (begins_typographic_quote(spot))
		return "a text stands in typographic quotes, not in plain double quotes";
	switch (*spot->at)
	{
		case ',':
		case '}':
		case ']':
			return "a value is missing";
		case ':':
			return "there is a colon too many";
		case '+':
		case '.':
			return no_number;
		case '(':
			return "a list is written in [ and ]";
		case '`':
			return "a text stands in double quotes, not in backticks";
	}
	return "a text must stand in double quotes";
}

static const char *
wrong_number(const RelaxedSpot *spot)
{
	return begins(spot, "inf") || begins(spot, "nan") ? "JSON has no NaN and no Infinity: send a number" : no_number;
}

static const char *
wrong_next(const RelaxedSpot *spot)
{
	char last = before(spot);
	bool adjacent = spot->at > spot->text && spot->at[-1] == last;

	if (begins_comment(spot))
		return no_comment;
	if (*spot->at == ']' || *spot->at == '}')
		return spot->object ? "an object ends with }, not with ]" : "a list ends with ], not with }";
	if (*spot->at == ';')
		return "a comma stands between members, not a semicolon";
	if (*spot->at == '=' || *spot->at == ':')
		return spot->object ? "there is a colon too many, or the next name lacks its quotes" : "a list has no names; \"name\": value stands in { and }";
	if (adjacent && (is_decimal(last) || last == '.') && *spot->at != '"' && *spot->at != '\'' && strchr("{[", *spot->at) == NULL)
		return no_number;
	if (begins_key(spot))
		return "a comma is missing here";
	if (last != '"' && last != '\'')
		return strchr("\"'{[", *spot->at) != NULL ? "a comma is missing here" :
			"a comma is missing here, or what stands before is a text without double quotes";
	if (last == '\'')
		return "a single quote ends the string too early: strings stand in double quotes";
	return "a comma is missing here, or a double quote inside a string is not written \\\"";
}

static const char *
wrong_end(const RelaxedSpot *spot)
{
	return strchr(",:\"'", *spot->at) != NULL || *spot->at == '}' ? "the object ended before it: a } is too many" :
		"text stands after the value";
}

const char *
relaxed_fault_words(const RelaxedSpot *spot)
{
	if (spot->at == spot->end)
		return cut_off(spot);
	switch (spot->place)
	{
		case RELAXED_AT_START:
			return "no object begins here: the arguments are one JSON object, { to }, without other text";
		case RELAXED_AT_KEY:
			return wrong_key(spot);
		case RELAXED_AT_COLON:
			return wrong_colon(spot);
		case RELAXED_AT_VALUE:
			return wrong_value(spot);
		case RELAXED_AT_NUMBER:
			return wrong_number(spot);
		case RELAXED_AT_STRING:
			return "a string has a backslash that begins no escape; every backslash is written \\\\";
		case RELAXED_AT_NEXT:
			return wrong_next(spot);
		case RELAXED_AT_END:
			return wrong_end(spot);
	}
	return NULL;
}
