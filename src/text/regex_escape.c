/*
 * regex_escape.c
 *	  Translating what stands behind a backslash: sets, boundaries, characters,
 *	  references, Unicode properties.
 *
 * Memory: the caller's buffer.  Locks: none.  Errors: returned.
 */
#include "text/regex_translator.h"

#include <stdint.h>
#include <string.h>

static const char space_ranges[] =
	"\\t\\n\\x0b\\x0c\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
static const char not_space_ranges[] =
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"
	"\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}";
static const char not_digit_ranges[] = "\\x{0}-\\x{2f}\\x{3a}-\\x{10ffff}";
static const char not_word_ranges[] =
	"\\x{0}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{10ffff}";

bool
regex_fail(RegexTranslator *t, const char *message)
{
	if (t->info->message == NULL)
	{
		t->info->message = message;
		t->info->offset = t->pos;
	}
	return false;
}

void
regex_emit_bytes(RegexTranslator *t, const char *bytes, size_t n)
{
	if (t->outlen + n <= t->cap)
		memcpy(t->out + t->outlen, bytes, n);
	t->outlen += n;
}

void
regex_emit(RegexTranslator *t, const char *text)
{
	regex_emit_bytes(t, text, strlen(text));
}

static void
emit_code_point(RegexTranslator *t, uint32_t code)
{
	static const char hex[] = "0123456789abcdef";
	char		buf[16];
	int			n = 0;
	int			shift = 28;

	while (shift > 0 && (code >> shift) == 0)
		shift -= 4;
	buf[n++] = '\\';
	buf[n++] = 'x';
	buf[n++] = '{';
	for (; shift >= 0; shift -= 4)
		buf[n++] = hex[(code >> shift) & 15];
	buf[n++] = '}';
	regex_emit_bytes(t, buf, n);
}

static bool
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static int
hex_value(char ch)
{
	if (regex_is_digit(ch))
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* exactly n hex digits at "ahead" */
static bool
read_hex(const RegexTranslator *t, size_t ahead, int n, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < n; i++)
	{
		int			digit = hex_value(regex_peek(t, ahead + i));

		if (digit < 0)
			return false;
		*code = *code << 4 | (uint32_t) digit;
	}
	return true;
}

/* after "\u": HHHH, a surrogate pair of two of them, or {H...} */
static bool
read_unicode(RegexTranslator *t, uint32_t *code)
{
	uint32_t	low;

	if (regex_peek(t, 0) == '{')
	{
		*code = 0;
		t->pos++;
		if (regex_peek(t, 0) == '}')
			return regex_fail(t, "empty code point");
		for (; regex_peek(t, 0) != '}'; t->pos++)
		{
			int			digit = hex_value(regex_peek(t, 0));

			if (digit < 0)
				return regex_fail(t, "malformed \\u{}");
			*code = *code << 4 | (uint32_t) digit;
			if (*code > 0x10ffff)
				return regex_fail(t, "code point above 10FFFF");
		}
		t->pos++;
	}
	else
	{
		if (!read_hex(t, 0, 4, code))
			return regex_fail(t, "malformed \\u escape");
		t->pos += 4;
		if (*code >= 0xd800 && *code <= 0xdbff && regex_peek(t, 0) == '\\' && regex_peek(t, 1) == 'u' &&
			read_hex(t, 2, 4, &low) && low >= 0xdc00 && low <= 0xdfff)
		{
			t->pos += 6;
			*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	return true;
}

/* ECMA-262 table of general categories: long name, PCRE2's short one */
static const char *const categories[][2] = {
	{"Cased_Letter", "L&"}, {"LC", "L&"}, {"Close_Punctuation", "Pe"}, {"Connector_Punctuation", "Pc"},
	{"Control", "Cc"}, {"cntrl", "Cc"}, {"Currency_Symbol", "Sc"}, {"Dash_Punctuation", "Pd"},
	{"Decimal_Number", "Nd"}, {"digit", "Nd"}, {"Enclosing_Mark", "Me"}, {"Final_Punctuation", "Pf"},
	{"Format", "Cf"}, {"Initial_Punctuation", "Pi"}, {"Letter", "L"}, {"Letter_Number", "Nl"},
	{"Line_Separator", "Zl"}, {"Lowercase_Letter", "Ll"}, {"Mark", "M"}, {"Combining_Mark", "M"},
	{"Math_Symbol", "Sm"}, {"Modifier_Letter", "Lm"}, {"Modifier_Symbol", "Sk"}, {"Nonspacing_Mark", "Mn"},
	{"Number", "N"}, {"Open_Punctuation", "Ps"}, {"Other", "C"}, {"Other_Letter", "Lo"},
	{"Other_Number", "No"}, {"Other_Punctuation", "Po"}, {"Other_Symbol", "So"},
	{"Paragraph_Separator", "Zp"}, {"Private_Use", "Co"}, {"Punctuation", "P"}, {"punct", "P"},
	{"Separator", "Z"}, {"Space_Separator", "Zs"}, {"Spacing_Mark", "Mc"}, {"Surrogate", "Cs"},
	{"Symbol", "S"}, {"Titlecase_Letter", "Lt"}, {"Unassigned", "Cn"}, {"Uppercase_Letter", "Lu"},
};

/* the short ones; PCRE2 would take any case */
static const char short_categories[] =
	" C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";

static const char *
find_category(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
		if (strlen(categories[i][0]) == len && memcmp(categories[i][0], name, len) == 0)
			return categories[i][1];
	return NULL;
}

static bool
short_category(const char *name, size_t len)
{
	for (const char *p = short_categories; *p; p += strcspn(p + 1, " ") + 1)
		if (strcspn(p + 1, " ") == len && memcmp(p + 1, name, len) == 0)
			return true;
	return false;
}

static bool
starts_with(const char *s, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

/* after "\p" or "\P" */
static bool
translate_property(RegexTranslator *t, bool negated)
{
	size_t		end = t->pos + 1;
	const char *name;
	size_t		len;
	const char *prefix = "";
	const char *category;

	if (regex_peek(t, 0) != '{')
		return regex_fail(t, "\\p must be followed by {name}");
	while (end < t->len && t->s[end] != '}')
	{
		if (!is_letter(t->s[end]) && !regex_is_digit(t->s[end]) && t->s[end] != '_' && t->s[end] != '=')
			return regex_fail(t, "malformed property name");
		end++;
	}
	if (end >= t->len || end == t->pos + 1)
		return regex_fail(t, "malformed property name");
	name = t->s + t->pos + 1;
	len = end - t->pos - 1;
	if (len == 8 && memcmp(name, "Assigned", 8) == 0)
	{
		regex_emit(t, negated ? "\\p{Cn}" : "\\P{Cn}");
		t->pos = end + 1;
		return true;
	}
	for (const char *const *p = (const char *const[]){"gc=", "General_Category=", NULL}; *p; p++)
		if (starts_with(name, len, *p))
		{
			name += strlen(*p);
			len -= strlen(*p);
			break;
		}
	for (const char *const *p = (const char *const[]){"Script_Extensions=", "scx:", "scx=", "scx:",
													   "Script=", "sc:", "sc=", "sc:", NULL};
		 *p; p += 2)
		if (starts_with(name, len, *p))
		{
			name += strlen(*p);
			len -= strlen(*p);
			prefix = p[1];
			break;
		}
	category = prefix[0] ? NULL : find_category(name, len);
	if (prefix[0] == '\0' && category == NULL && len <= 2 && !short_category(name, len))
		return regex_fail(t, "unknown property");
	regex_emit(t, negated ? "\\P{" : "\\p{");
	regex_emit(t, prefix);
	if (category != NULL)
		regex_emit(t, category);
	else
		regex_emit_bytes(t, name, len);
	regex_emit(t, "}");
	t->pos = end + 1;
	return true;
}

/* <name> of a group or a reference; "$" is no word character to PCRE2 */
bool
regex_name(RegexTranslator *t)
{
	size_t		start;

	if (regex_peek(t, 0) != '<')
		return regex_fail(t, "group name expected");
	t->pos++;
	start = t->pos;
	regex_emit(t, "<");
	while (t->pos < t->len && t->s[t->pos] != '>')
	{
		char		ch = t->s[t->pos];

		if (ch == '$')
			regex_emit(t, "_S_");
		else if (is_letter(ch) || ch == '_' || (unsigned char) ch >= 0x80 || (regex_is_digit(ch) && t->pos > start))
			regex_emit_bytes(t, &ch, 1);
		else
			return regex_fail(t, "malformed group name");
		t->pos++;
	}
	if (t->pos >= t->len || t->pos == start)
		return regex_fail(t, "malformed group name");
	t->pos++;
	regex_emit(t, ">");
	return true;
}

/* \d, \w, \s, \p and their opposites */
static bool
escape_set(RegexTranslator *t, char ch, bool in_class)
{
	switch (ch)
	{
		case 'p':
		case 'P':
			return translate_property(t, ch == 'P');
		case 's':
		case 'S':
			if (in_class)
				regex_emit(t, ch == 's' ? space_ranges : not_space_ranges);
			else
			{
				regex_emit(t, ch == 's' ? "[" : "[^");
				regex_emit(t, space_ranges);
				regex_emit(t, "]");
			}
			return true;
		default:
			/* PCRE2 loses \D and \W where \p stands beside them in a class */
			if (in_class && (ch == 'D' || ch == 'W'))
				regex_emit(t, ch == 'D' ? not_digit_ranges : not_word_ranges);
			else
				regex_emit_bytes(t, (char[]){'\\', ch}, 2);
			return true;
	}
}

/* \b and \B: the boundary of a word; \b in a class is a backspace */
static bool
escape_boundary(RegexTranslator *t, char ch, bool in_class)
{
	if (in_class && ch == 'B')
		return regex_fail(t, "\\B in a class");
	if (in_class)
	{
		regex_emit(t, "\\x08");
		return true;
	}
	regex_emit_bytes(t, (char[]){'\\', ch}, 2);
	t->last = LAST_ASSERTION;
	return true;
}

static bool
escape_unicode(RegexTranslator *t, bool in_class)
{
	uint32_t	code;

	if (!read_unicode(t, &code))
		return false;
	if (code < 0xd800 || code > 0xdfff)
		emit_code_point(t, code);
	else if (in_class)
		return regex_fail(t, "lone surrogate in a class");
	else
		regex_emit(t, REGEX_NO_CHARACTER);
	return true;
}

/* The escapes of one character: \t \n \r \f \v \0 \cX \xHH \uHHHH */
static bool
escape_character(RegexTranslator *t, char ch, bool in_class)
{
	uint32_t	code;

	switch (ch)
	{
		case 'v':
			regex_emit(t, "\\x0b");
			return true;
		case '0':
			if (regex_is_digit(regex_peek(t, 0)))
				return regex_fail(t, "octal escape");
			regex_emit(t, "\\x{0}");
			return true;
		case 'c':
			if (!is_letter(regex_peek(t, 0)))
				return regex_fail(t, "malformed \\c escape");
			emit_code_point(t, (uint32_t) (regex_peek(t, 0) & 31));
			t->pos++;
			return true;
		case 'x':
			if (!read_hex(t, 0, 2, &code))
				return regex_fail(t, "malformed \\x escape");
			t->pos += 2;
			emit_code_point(t, code);
			return true;
		case 'u':
			return escape_unicode(t, in_class);
		default:
			regex_emit_bytes(t, (char[]){'\\', ch}, 2);
			return true;
	}
}

/*
 * \k<name> and \1: what a group has matched.  Written in a group of its own,
 * because PCRE2 repeats a reference to an unset group as if it had failed.
 */
static bool
escape_reference(RegexTranslator *t, char ch, bool in_class)
{
	if (in_class)
		return regex_fail(t, ch == 'k' ? "\\k in a class" : "reference in a class");
	if (ch == 'k')
	{
		regex_emit(t, "(?:\\k");
		if (!regex_name(t))
			return false;
		regex_emit(t, ")");
		return true;
	}
	regex_emit(t, "(?:\\g{");
	regex_emit_bytes(t, &ch, 1);
	for (int i = 0; i < 4 && regex_is_digit(regex_peek(t, 0)); i++)
		regex_emit_bytes(t, &t->s[t->pos++], 1);
	if (regex_is_digit(regex_peek(t, 0)))
		return regex_fail(t, "reference to a group that does not exist");
	regex_emit(t, "})");
	return true;
}

/* A backslash before punctuation or a blank: the character itself. */
static bool
escape_punctuation(RegexTranslator *t, char ch, bool in_class)
{
	bool		known = (ch != '\0' && strchr("^$\\.*+?()[]{}|/", ch) != NULL) || (in_class && ch == '-');
	bool		printable = (unsigned char) ch >= 0x20 && (unsigned char) ch < 0x7f;

	if (known || ((t->flags & REGEX_LENIENT) && printable && !is_letter(ch)))
	{
		regex_emit_bytes(t, (char[]){'\\', ch}, 2);
		return true;
	}
	t->pos--;
	return regex_fail(t, "unknown escape");
}

bool
regex_escape(RegexTranslator *t, bool in_class, bool *is_set)
{
	char		ch = regex_peek(t, 0);

	*is_set = false;
	if (t->pos >= t->len)
		return regex_fail(t, "\\ at end of pattern");
	t->pos++;
	if (ch == '\0')
		return escape_punctuation(t, ch, in_class);
	if (strchr("dDwWsSpP", ch) != NULL)
	{
		*is_set = true;
		return escape_set(t, ch, in_class);
	}
	if (ch == 'b' || ch == 'B')
		return escape_boundary(t, ch, in_class);
	if (strchr("tnrfv0cxu", ch) != NULL)
		return escape_character(t, ch, in_class);
	if (ch == 'k' || regex_is_digit(ch))
		return escape_reference(t, ch, in_class);
	return escape_punctuation(t, ch, in_class);
}
