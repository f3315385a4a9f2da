/*
 * json_any.c
 *	  Text of any kind to jsonb: JSON as JSON, all else as a JSON string.
 *
 * For what has happened already and must be written down, such as a tool's answer.
 * Two escapes are JSON that jsonb cannot hold: \u0000, and half of a surrogate
 * pair.  Each is replaced by U+FFFD, as decoders do.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: none but a cancelled
 * statement; what is too much even for a string is no value.
 */
#include "core/core.h"

#include "core/json_escape.h"
#include "mb/pg_wchar.h"

typedef struct AnyText
{
	const char *text;
	char	   *repaired;		/* a copy without the escapes that jsonb cannot hold */
	char	   *problem;		/* why it is no JSON; NULL: it is */
	Jsonb	   *value;
} AnyText;

/* In place; how many were replaced.  Outside of strings JSON has no backslash. */
static int
repair_escapes(char *text)
{
	/* what every encoding has; U+FFFD needs UTF-8 */
	const char *instead = GetDatabaseEncoding() == PG_UTF8 ? "fffd" : "003f";
	const char *end = text + strlen(text);
	int			replaced = 0;
	int			len;

	for (char *at = strchr(text, '\\'); at != NULL; at = strchr(at + len, '\\'))
	{
		JsonEscape	what = json_escape_at(at, end, &len);

		if (what == JSON_ESCAPE_NUL || what == JSON_ESCAPE_HALF)
		{
			memcpy(at + 2, instead, 4);
			replaced++;
		}
		else if (what == JSON_ESCAPE_BAD && at + 1 < end)
			len = 2;
	}
	return replaced;
}

static Jsonb *
json_string(const char *text)
{
	JsonbValue	string = {.type = jbvString};

	string.val.string.val = (char *) text;
	string.val.string.len = strlen(text);
	return JsonbValueToJsonb(&string);
}

static void
read_any(AnyText *any)
{
	any->value = agc_json_text(any->repaired, &any->problem);
	if (any->value == NULL)
		any->value = json_string(any->text);
}

/*
 * jsonb has limits of its own, which it raises.  Nothing is locked or written by
 * then, so there is no subtransaction.
 */
static void
try_any(AnyText *any)
{
	MemoryContext cxt = CurrentMemoryContext;

	PG_TRY();
	{
		read_any(any);
	}
	PG_CATCH();
	{
		if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
		any->value = NULL;
	}
	PG_END_TRY();
}

Jsonb *
agc_json_any(const char *text, AgcJsonAny *how, char **note)
{
	AnyText		any = {.text = text, .repaired = pstrdup(text)};
	int			replaced = repair_escapes(any.repaired);

	*note = NULL;
	try_any(&any);
	if (any.value == NULL)
	{
		*how = AGC_JSON_LOST;
		*note = psprintf("%zu bytes of text are more than jsonb can hold", strlen(text));
	}
	else if (any.problem != NULL)
	{
		*how = AGC_JSON_STRING;
		*note = psprintf("kept as a string: %s", any.problem);
	}
	else if (replaced > 0)
	{
		*how = AGC_JSON_REPAIRED;
		*note = psprintf("escapes that jsonb cannot hold were replaced by U+FFFD: %d", replaced);
	}
	else
		*how = AGC_JSON_AS_IS;
	pfree(any.repaired);
	return any.value;
}
