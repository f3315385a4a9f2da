/*
 * regex.c
 *	  From ECMA-262 regular expressions (unicode mode) to PCRE2's syntax.
 *
 * The two differ in what an escape means, in a few characters and in what is
 * an error.  Everything is written out, so that nothing depends on an option of
 * PCRE2: code points as \x{..}, classes for \s and ".", numbered references
 * as \g{n}.  What ECMA-262 does not know (atomic groups, possessive
 * quantifiers, verbs, recursion, POSIX classes) is refused here, because PCRE2
 * would accept it.  This file has groups, classes and quantifiers;
 * regex_escape.c has the escapes.
 *
 * Memory: the caller's buffer.  Locks: none.  Errors: returned.
 */
#include "text/regex_translator.h"

#include <string.h>

static const char any_character[] = "[\\x{0}-\\x{10ffff}]";
static const char regex_uncountable[] = "a count above 65535 cannot be matched";

/* One UTF-8 character as it stands. */
static void
copy_character(RegexTranslator *t)
{
	size_t		start = t->pos++;

	while (t->pos < t->len && ((unsigned char) t->s[t->pos] & 0xc0) == 0x80)
		t->pos++;
	regex_emit_bytes(t, t->s + start, t->pos - start);
}

/* t->pos stands behind the "[" */
static bool
translate_class(RegexTranslator *t)
{
	bool		range = false;	/* a "-" just joined two ends */
	bool		set = false;	/* the previous member was a set */
	bool		have = false;	/* there is a previous member */

	if (regex_peek(t, 0) == ']' || (regex_peek(t, 0) == '^' && regex_peek(t, 1) == ']'))
	{
		regex_emit(t, regex_peek(t, 0) == ']' ? REGEX_NO_CHARACTER : any_character);
		t->pos += regex_peek(t, 0) == ']' ? 1 : 2;
		return true;
	}
	regex_emit(t, "[");
	if (regex_peek(t, 0) == '^')
	{
		regex_emit(t, "^");
		t->pos++;
	}
	for (;;)
	{
		bool		is_set = false;

		if (t->pos >= t->len)
			return regex_fail(t, "class is not closed");
		if (t->s[t->pos] == ']')
			break;
		if (t->s[t->pos] == '-' && have && !range && regex_peek(t, 1) != ']')
		{
			if (set)
				return regex_fail(t, "a set cannot begin a range");
			regex_emit(t, "-");
			t->pos++;
			range = true;
			continue;
		}
		if (t->s[t->pos] == '\\')
		{
			t->pos++;
			if (!regex_escape(t, true, &is_set))
				return false;
		}
		else if (strchr("[-.:=", t->s[t->pos]) != NULL && t->s[t->pos] != '\0')
		{
			regex_emit_bytes(t, (char[]){'\\', t->s[t->pos]}, 2);
			t->pos++;
		}
		else
			copy_character(t);
		if (range && is_set)
			return regex_fail(t, "a set cannot end a range");
		set = is_set;
		have = !range;
		range = false;
	}
	t->pos++;
	regex_emit(t, "]");
	return true;
}

/* t->pos stands behind "(" */
static bool
translate_group(RegexTranslator *t)
{
	RegexGroup	group = {.dotall = t->dotall};
	bool		dotall = t->dotall;

	if (t->depth == REGEX_MAX_GROUPS)
		return regex_fail(t, "groups are nested too deeply");
	regex_emit(t, "(");
	if (regex_peek(t, 0) == '?')
	{
		char ch = regex_peek(t, 1);
		char next = regex_peek(t, 2);

		regex_emit(t, "?");
		t->pos++;
		if (ch == '<' && next != '=' && next != '!')
		{
			if (!regex_name(t))
				return false;
		}
		else if (ch == '<')
		{
			regex_emit_bytes(t, t->s + t->pos + ((t->flags & REGEX_SYNTAX_ONLY) ? 1 : 0), (t->flags & REGEX_SYNTAX_ONLY) ? 1 : 2);
			t->pos += 2;
			group.assertion = true;
		}
		else if (ch == ':' || ch == '=' || ch == '!')
		{
			regex_emit_bytes(t, &ch, 1);
			t->pos++;
			group.assertion = ch != ':';
		}
		else
		{
			bool off = false;
			size_t start = t->pos;

			while (t->pos < t->len && t->s[t->pos] != ':')
			{
				ch = t->s[t->pos++];
				if (ch == 's')
					dotall = !off;
				if (ch == '-' && !off)
					off = true;
				else if (ch != 'i' && ch != 'm' && ch != 's')
					return regex_fail(t, "unknown group");
			}
			if (t->pos >= t->len || t->pos == start)
				return regex_fail(t, "unknown group");
			t->pos++;
			regex_emit_bytes(t, t->s + start, t->pos - start);
		}
	}
	else if (regex_peek(t, 0) == '*')
		return regex_fail(t, "nothing to repeat");
	group.lookaround = group.assertion + (t->depth > 0 ? t->groups[t->depth - 1].lookaround : 0);
	if (group.lookaround > t->info->lookaround)
		t->info->lookaround = group.lookaround;
	t->groups[t->depth++] = group;
	t->dotall = dotall;
	t->last = LAST_NOTHING;
	return true;
}

/* length of a quantifier {n}, {n,} or {n,m}; 0: it is no quantifier */
static size_t
braces_length(const RegexTranslator *t)
{
	size_t i = 1;

	if (!regex_is_digit(regex_peek(t, i)))
		return 0;
	while (regex_is_digit(regex_peek(t, i)))
		i++;
	if (regex_peek(t, i) == ',')
		for (i++; regex_is_digit(regex_peek(t, i)); i++)
			;
	return regex_peek(t, i) == '}' ? i + 1 : 0;
}

/* Whether PCRE2 can count as far as a quantifier asks; format "regex" only reads it. */
static bool
braces_countable(const RegexTranslator *t, size_t len)
{
	int count = 0;

	for (size_t i = 1; i < len; i++)
	{
		char ch = regex_peek(t, i);

		count = regex_is_digit(ch) ? count * 10 + (ch - '0') : 0;
		if (count > REGEX_MAX_REPEAT)
			return false;
	}
	return true;
}

static bool
translate_quantifier(RegexTranslator *t)
{
	size_t		len = t->s[t->pos] == '{' ? braces_length(t) : 1;

	if (len == 0)
		return regex_fail(t, "lone quantifier bracket");
	if (t->last != LAST_ATOM)
		return regex_fail(t, "nothing to repeat");
	if (t->s[t->pos] != '{' || braces_countable(t, len))
		regex_emit_bytes(t, t->s + t->pos, len);
	else if (t->flags & REGEX_SYNTAX_ONLY)
		regex_emit(t, "*");
	else
		return regex_fail(t, regex_uncountable);
	t->pos += len;
	if (regex_peek(t, 0) == '?')
	{
		regex_emit(t, "?");
		t->pos++;
	}
	t->last = LAST_QUANTIFIER;
	return true;
}

static bool
translate_one(RegexTranslator *t)
{
	char ch = t->s[t->pos];
	bool is_set;

	switch (ch)
	{
		case '\\':
			t->pos++;
			t->last = LAST_ATOM;
			return regex_escape(t, false, &is_set);
		case '[':
			t->pos++;
			t->last = LAST_ATOM;
			return translate_class(t);
		case '(':
			t->pos++;
			return translate_group(t);
		case ')':
			if (t->depth == 0)
				return regex_fail(t, "unmatched )");
			t->depth--;
			t->dotall = t->groups[t->depth].dotall;
			t->last = t->groups[t->depth].assertion ? LAST_ASSERTION : LAST_ATOM;
			break;
		case '*':
		case '+':
		case '?':
		case '{':
			return translate_quantifier(t);
		case '}':
		case ']':
			return regex_fail(t, "lone closing bracket");
		case '^':
		case '$':
			t->last = LAST_ASSERTION;
			break;
		case '|':
			t->last = LAST_NOTHING;
			break;
		case '.':
			t->last = LAST_ATOM;
			t->pos++;
			regex_emit(t, t->dotall ? "." : "[^\\n\\r\\x{2028}\\x{2029}]");
			return true;
		default:
			t->last = LAST_ATOM;
			copy_character(t);
			return true;
	}
	regex_emit_bytes(t, &ch, 1);
	t->pos++;
	return true;
}

bool
regex_translate(const char *source, size_t len, int flags,
				char *out, size_t cap, size_t *outlen, RegexInfo *info)
{
	RegexTranslator t = {.s = source, .len = len, .out = out, .cap = cap, .flags = flags, .info = info};

	*info = (RegexInfo){0};
	if (len > REGEX_MAX_SOURCE)
		return regex_fail(&t, "pattern is too long");
	while (t.pos < t.len)
		if (!translate_one(&t))
			return false;
	if (t.depth > 0)
		return regex_fail(&t, "group is not closed");
	if (t.outlen > cap)
		return regex_fail(&t, "pattern is too long");
	*outlen = t.outlen;
	return true;
}
