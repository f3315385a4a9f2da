/*
 * fold.c
 *	  What a text comes to for a reader that forgives the most.
 *
 * A model may hide a word from a check and still send it to a tool that finds
 * it: in full-width letters, with characters that show as nothing, in quotes.
 * Each character is brought to its compatibility form (NFKC) by itself, because
 * no composition yields ASCII; so the memory does not grow with a text's length
 * beyond its copy.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "core/core.h"

#include "common/unicode_norm.h"
#include "miscadmin.h"

/* stands for every character that has no ASCII form */
#define OTHER '\x80'

static bool
is_blank(pg_wchar c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0x1680 || c == 0x2028 || c == 0x2029;
}

static bool
is_quote(pg_wchar c)
{
	return c == '"' || c == '\'' || c == '`' || c == 0xAB || c == 0xB4 || c == 0xBB || (c >= 0x2018 && c <= 0x201F) ||
		(c >= 0x2032 && c <= 0x2037) || c == 0x2039 || c == 0x203A || (c >= 0x300C && c <= 0x300F);
}

static void
append_folded(StringInfo out, pg_wchar c)
{
	if (is_blank(c))
		appendStringInfoChar(out, ' ');
	else if (c == 0x131)		/* upper case makes an I of it */
		appendStringInfoChar(out, 'i');
	else if (!is_quote(c) && !agc_is_unseen(c))
		appendStringInfoChar(out, c < 0x80 ? (char) c : OTHER);
}

static void
append_wide(StringInfo out, pg_wchar c)
{
	pg_wchar	one[] = {c, 0};
	pg_wchar   *folded;

	if (is_blank(c) || is_quote(c) || agc_is_unseen(c))
	{
		append_folded(out, c);
		return;
	}
	folded = unicode_normalize(UNICODE_NFKC, one);
	for (const pg_wchar *f = folded; *f != 0; f++)
		append_folded(out, *f);
	pfree(folded);
}

char *
agc_folded(const char *data, Size len)
{
	char	   *text = pnstrdup(data, len);
	StringInfoData out;

	initStringInfo(&out);
	for (const char *at = text; *at != '\0';)
	{
		int			n = 1;

		if (IS_HIGHBIT_SET(*at))
			append_wide(&out, agc_character(at, &n));
		else
			append_folded(&out, (unsigned char) *at);
		at += n;
		if ((out.len & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(text);
	return out.data;
}
