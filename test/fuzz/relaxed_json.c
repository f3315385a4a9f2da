/*
 * relaxed_json.c
 *	  Fuzzes the reader of relaxed JSON: what comes out is JSON by PostgreSQL's own
 *	  parser, JSON comes out as it is, and a text that is cut off is never read as if
 *	  it were whole.
 */
#include "text/relaxed_fault.c"
#include "text/relaxed_json.c"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

#define DEPTH_MAX 64

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static bool
is_json(char *text, size_t len)
{
	JsonSemAction actions = {0};
#if PG_VERSION_NUM >= 170000
	JsonLexContext *lex = makeJsonLexContextCstringLen(NULL, text, len, PG_UTF8, false);
#else
	JsonLexContext *lex = makeJsonLexContextCstringLen(text, len, PG_UTF8, false);
#endif
	bool		good = pg_parse_json(lex, &actions) == JSON_SUCCESS;

	pfree(lex);
	return good;
}

/* A whole object in one piece: what is left when its end is cut off must not be read. */
static void
cut(const char *text, size_t len)
{
	StringInfoData out;
	RelaxedJson how;

	initStringInfo(&out);
	for (size_t n = len > 32 ? len - 32 : 1; n < len; n++)
		if (relaxed_json_read(text, n, DEPTH_MAX, false, &out, &how) == RELAXED_FINE)
			abort();
	pfree(out.data);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text;
	StringInfoData out;
	StringInfoData again;
	RelaxedJson how;
	RelaxedJson how_again;
	bool		fine;

	/* no text of a server has it */
	if (memchr(data, '\0', size) != NULL)
		return 0;
	text = palloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	initStringInfo(&out);
	initStringInfo(&again);
	for (int whole = 0; whole < 2; whole++)
	{
		resetStringInfo(&out);
		resetStringInfo(&again);
		fine = relaxed_json_read(text, size, DEPTH_MAX, whole, &out, &how) == RELAXED_FINE;
		if (how.offset > size || how.rules >= 1 << RELAXED_NRULES || (whole && (how.rules & (RELAXED_TEXT_BEFORE | RELAXED_TEXT_AFTER | RELAXED_EMPTY_OBJECT | RELAXED_SAME_OBJECT))))
			abort();
		if (!fine)
			continue;
		/* bytes that are no text are none of its business */
		if (pg_encoding_verifymbstr(PG_UTF8, text, size) == (int) size && !is_json(out.data, out.len))
			abort();
		/* what is strict now stays as it is, and can be read without a repair */
		if (relaxed_json_read(out.data, out.len, DEPTH_MAX, true, &again, &how_again) != RELAXED_FINE ||
			how_again.rules != 0 || out.len != again.len || memcmp(out.data, again.data, out.len) != 0)
			abort();
		if (out.data[0] == '{' && out.len < 4096)
			cut(out.data, out.len);
	}
	pfree(out.data);
	pfree(again.data);
	pfree(text);
	return 0;
}
