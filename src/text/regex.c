/*
 * regex.c
 *	  From ECMA-262 regular expressions (unicode mode) to PCRE2's syntax.
 *
 * The two differ in what an escape means, in a few characters and in what is
 * an error.  Everything is written out so that no option of PCRE2 has to
 * guess: code points as \x{..}, classes for \s and ".", numbered references
 * as \g{n}.  What ECMA-262 does not know (atomic groups, possessive
 * quantifiers, verbs, recursion, POSIX classes) is refused here, because PCRE2
 * would accept it.
 *
 * Memory: the caller's buffer.  Locks: none.  Errors: returned.
 */
#include "text/regex.h"

#include <stdint.h>
#include <string.h>

#define MAX_GROUPS 240

typedef enum Last
{
	LAST_NOTHING,				/* start of an alternative */
	LAST_ATOM,
	LAST_ASSERTION,
	LAST_QUANTIFIER
} Last;

typedef struct Group
{
	bool		assertion;		/* lookaround */
	int			lookaround;		/* how deep, itself included */
	bool		dotall;			/* of what surrounds it */
} Group;

typedef struct Translator
{
	const char *s;
	size_t		len;
	size_t		pos;
	char	   *out;
	size_t		cap;
	size_t		outlen;
	int			flags;
	bool		dotall;
	Last		last;
	int			depth;
	Group		groups[MAX_GROUPS];
	RegexInfo  *info;
} Translator;

static const char space_ranges[] =
	"\\t\\n\\x0b\\x0c\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
static const char not_space_ranges[] =
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"
	"\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}";


static const char not_digit_ranges[] = "\\x{0}-\\x{2f}\\x{3a}-\\x{10ffff}";
static const char not_word_ranges[] =
	"\\x{0}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{10ffff}";

/* what no text has; PCRE2's own empty class cannot be repeated */
static const char no_character[] = "[^\\x{0}-\\x{10ffff}]";
static const char any_character[] = "[\\x{0}-\\x{10ffff}]";

static bool
fail(Translator *t, const char *message)
{
	if (t->info->message == NULL)
	{
		t->info->message = message;
		t->info->offset = t->pos;
	}
	return false;
}

static void
emit_bytes(Translator *t, const char *bytes, size_t n)
{
	if (t->outlen + n <= t->cap)
		memcpy(t->out + t->outlen, bytes, n);
	t->outlen += n;
}

static void
emit(Translator *t, const char *text)
{
	emit_bytes(t, text, strlen(text));
}

static void
emit_code_point(Translator *t, uint32_t code)
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
	emit_bytes(t, buf, n);
}

/* 0 beyond the end: no source holds a NUL that means anything else */
static char
peek(const Translator *t, size_t ahead)
{
	return t->pos + ahead < t->len ? t->s[t->pos + ahead] : '\0';
}

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static int
hex_value(char ch)
{
	if (is_digit(ch))
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* exactly n hex digits at "ahead" */
static bool
read_hex(const Translator *t, size_t ahead, int n, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < n; i++)
	{
		int			digit = hex_value(peek(t, ahead + i));

		if (digit < 0)
			return false;
		*code = *code << 4 | (uint32_t) digit;
	}
	return true;
}

/* after "\u": HHHH, a surrogate pair of two of them, or {H...} */
static bool
read_unicode(Translator *t, uint32_t *code)
{
	uint32_t	low;

	if (peek(t, 0) == '{')
	{
		*code = 0;
		t->pos++;
		if (peek(t, 0) == '}')
			return fail(t, "empty code point");
		for (; peek(t, 0) != '}'; t->pos++)
		{
			int			digit = hex_value(peek(t, 0));

			if (digit < 0)
				return fail(t, "malformed \\u{}");
			*code = *code << 4 | (uint32_t) digit;
			if (*code > 0x10ffff)
				return fail(t, "code point above 10FFFF");
		}
		t->pos++;
	}
	else
	{
		if (!read_hex(t, 0, 4, code))
			return fail(t, "malformed \\u escape");
		t->pos += 4;
		if (*code >= 0xd800 && *code <= 0xdbff && peek(t, 0) == '\\' && peek(t, 1) == 'u' &&
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
translate_property(Translator *t, bool negated)
{
	size_t		end = t->pos + 1;
	const char *name;
	size_t		len;
	const char *prefix = "";
	const char *category;

	if (peek(t, 0) != '{')
		return fail(t, "\\p must be followed by {name}");
	while (end < t->len && t->s[end] != '}')
	{
		if (!is_letter(t->s[end]) && !is_digit(t->s[end]) && t->s[end] != '_' && t->s[end] != '=')
			return fail(t, "malformed property name");
		end++;
	}
	if (end >= t->len || end == t->pos + 1)
		return fail(t, "malformed property name");
	name = t->s + t->pos + 1;
	len = end - t->pos - 1;
	if (len == 8 && memcmp(name, "Assigned", 8) == 0)
	{
		emit(t, negated ? "\\p{Cn}" : "\\P{Cn}");
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
		return fail(t, "unknown property");
	emit(t, negated ? "\\P{" : "\\p{");
	emit(t, prefix);
	if (category != NULL)
		emit(t, category);
	else
		emit_bytes(t, name, len);
	emit(t, "}");
	t->pos = end + 1;
	return true;
}

/* <name> of a group or a reference; "$" is no word character to PCRE2 */
static bool
translate_name(Translator *t)
{
	size_t		start;

	if (peek(t, 0) != '<')
		return fail(t, "group name expected");
	t->pos++;
	start = t->pos;
	emit(t, "<");
	while (t->pos < t->len && t->s[t->pos] != '>')
	{
		char		ch = t->s[t->pos];

		if (ch == '$')
			emit(t, "_S_");
		else if (is_letter(ch) || ch == '_' || (unsigned char) ch >= 0x80 || (is_digit(ch) && t->pos > start))
			emit_bytes(t, &ch, 1);
		else
			return fail(t, "malformed group name");
		t->pos++;
	}
	if (t->pos >= t->len || t->pos == start)
		return fail(t, "malformed group name");
	t->pos++;
	emit(t, ">");
	return true;
}

/*
 * An escape; t->pos stands behind the backslash.  *is_set: it stands for more
 * than one character, so that it cannot bound a range.
 */
static bool
translate_escape(Translator *t, bool in_class, bool *is_set)
{
	char		ch = peek(t, 0);
	uint32_t	code;

	*is_set = false;
	if (t->pos >= t->len)
		return fail(t, "\\ at end of pattern");
	t->pos++;
	switch (ch)
	{
		case 'd':
		case 'D':
		case 'w':
		case 'W':
			*is_set = true;
			/* PCRE2 loses \D and \W where \p stands beside them in a class */
			if (in_class && (ch == 'D' || ch == 'W'))
				emit(t, ch == 'D' ? not_digit_ranges : not_word_ranges);
			else
				emit_bytes(t, (char[]){'\\', ch}, 2);
			return true;
		case 's':
		case 'S':
			*is_set = true;
			if (in_class)
				emit(t, ch == 's' ? space_ranges : not_space_ranges);
			else
			{
				emit(t, ch == 's' ? "[" : "[^");
				emit(t, space_ranges);
				emit(t, "]");
			}
			return true;
		case 'p':
		case 'P':
			*is_set = true;
			return translate_property(t, ch == 'P');
		case 'b':
			if (in_class)
				emit(t, "\\x08");
			else
			{
				emit(t, "\\b");
				t->last = LAST_ASSERTION;
			}
			return true;
		case 'B':
			if (in_class)
				return fail(t, "\\B in a class");
			emit(t, "\\B");
			t->last = LAST_ASSERTION;
			return true;
		case 't':
		case 'n':
		case 'r':
		case 'f':
			emit_bytes(t, (char[]) {'\\', ch}, 2);
			return true;
		case 'v':
			emit(t, "\\x0b");
			return true;
		case '0':
			if (is_digit(peek(t, 0)))
				return fail(t, "octal escape");
			emit(t, "\\x{0}");
			return true;
		case 'c':
			if (!is_letter(peek(t, 0)))
				return fail(t, "malformed \\c escape");
			emit_code_point(t, (uint32_t) (peek(t, 0) & 31));
			t->pos++;
			return true;
		case 'x':
			if (!read_hex(t, 0, 2, &code))
				return fail(t, "malformed \\x escape");
			t->pos += 2;
			emit_code_point(t, code);
			return true;
		case 'u':
			if (!read_unicode(t, &code))
				return false;
			if (code < 0xd800 || code > 0xdfff)
				emit_code_point(t, code);
			else if (in_class)
				return fail(t, "lone surrogate in a class");
			else
				emit(t, no_character);
			return true;
		case 'k':
			if (in_class)
				return fail(t, "\\k in a class");
			emit(t, "(?:\\k");
			if (!translate_name(t))
				return false;
			emit(t, ")");
			return true;
		default:
			break;
	}
	if (is_digit(ch))
	{
		if (in_class)
			return fail(t, "reference in a class");
		/* in a group of its own: PCRE2 repeats an unset one as if it had failed */
		emit(t, "(?:\\g{");
		emit_bytes(t, &ch, 1);
		for (int i = 0; i < 4 && is_digit(peek(t, 0)); i++)
			emit_bytes(t, &t->s[t->pos++], 1);
		if (is_digit(peek(t, 0)))
			return fail(t, "reference to a group that does not exist");
		emit(t, "})");
		return true;
	}
	if ((ch != '\0' && strchr("^$\\.*+?()[]{}|/", ch) != NULL) || (in_class && ch == '-') ||
		((t->flags & REGEX_LENIENT) && (unsigned char) ch > 0x20 && (unsigned char) ch < 0x7f && !is_letter(ch) && ch != '_'))
	{
		emit_bytes(t, (char[]){'\\', ch}, 2);
		return true;
	}
	t->pos--;
	return fail(t, "unknown escape");
}

/* One UTF-8 character as it stands. */
static void
copy_character(Translator *t)
{
	size_t		start = t->pos++;

	while (t->pos < t->len && ((unsigned char) t->s[t->pos] & 0xc0) == 0x80)
		t->pos++;
	emit_bytes(t, t->s + start, t->pos - start);
}

/* t->pos stands behind the "[" */
static bool
translate_class(Translator *t)
{
	bool		range = false;	/* a "-" just joined two ends */
	bool		set = false;	/* the previous member was a set */
	bool		have = false;	/* there is a previous member */

	if (peek(t, 0) == ']' || (peek(t, 0) == '^' && peek(t, 1) == ']'))
	{
		emit(t, peek(t, 0) == ']' ? no_character : any_character);
		t->pos += peek(t, 0) == ']' ? 1 : 2;
		return true;
	}
	emit(t, "[");
	if (peek(t, 0) == '^')
	{
		emit(t, "^");
		t->pos++;
	}
	for (;;)
	{
		bool		is_set = false;

		if (t->pos >= t->len)
			return fail(t, "class is not closed");
		if (t->s[t->pos] == ']')
			break;
		if (t->s[t->pos] == '-' && have && !range && peek(t, 1) != ']')
		{
			if (set)
				return fail(t, "a set cannot begin a range");
			emit(t, "-");
			t->pos++;
			range = true;
			continue;
		}
		if (t->s[t->pos] == '\\')
		{
			t->pos++;
			if (!translate_escape(t, true, &is_set))
				return false;
		}
		else if (strchr("[-.:=", t->s[t->pos]) != NULL && t->s[t->pos] != '\0')
		{
			emit_bytes(t, (char[]){'\\', t->s[t->pos]}, 2);
			t->pos++;
		}
		else
			copy_character(t);
		if (range && is_set)
			return fail(t, "a set cannot end a range");
		set = is_set;
		have = !range;
		range = false;
	}
	t->pos++;
	emit(t, "]");
	return true;
}

/* t->pos stands behind "(" */
static bool
translate_group(Translator *t)
{
	Group		group = {.dotall = t->dotall};
	bool		dotall = t->dotall;

	if (t->depth == MAX_GROUPS)
		return fail(t, "groups are nested too deeply");
	emit(t, "(");
	if (peek(t, 0) == '?')
	{
		char ch = peek(t, 1);
		char next = peek(t, 2);

		emit(t, "?");
		t->pos++;
		if (ch == '<' && next != '=' && next != '!')
		{
			if (!translate_name(t))
				return false;
		}
		else if (ch == '<')
		{
			emit_bytes(t, t->s + t->pos + ((t->flags & REGEX_SYNTAX_ONLY) ? 1 : 0), (t->flags & REGEX_SYNTAX_ONLY) ? 1 : 2);
			t->pos += 2;
			group.assertion = true;
		}
		else if (ch == ':' || ch == '=' || ch == '!')
		{
			emit_bytes(t, &ch, 1);
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
					return fail(t, "unknown group");
			}
			if (t->pos >= t->len || t->pos == start)
				return fail(t, "unknown group");
			t->pos++;
			emit_bytes(t, t->s + start, t->pos - start);
		}
	}
	else if (peek(t, 0) == '*')
		return fail(t, "nothing to repeat");
	group.lookaround = group.assertion + (t->depth > 0 ? t->groups[t->depth - 1].lookaround : 0);
	if (group.lookaround > t->info->lookaround)
		t->info->lookaround = group.lookaround;
	t->groups[t->depth++] = group;
	t->dotall = dotall;
	t->last = LAST_NOTHING;
	return true;
}

/* {n}, {n,} or {n,m}: how long it is; 0 when it is none */
static size_t
braces_length(const Translator *t)
{
	size_t i = 1;

	if (!is_digit(peek(t, i)))
		return 0;
	while (is_digit(peek(t, i)))
		i++;
	if (peek(t, i) == ',')
		for (i++; is_digit(peek(t, i)); i++)
			;
	return peek(t, i) == '}' ? i + 1 : 0;
}

static bool
translate_quantifier(Translator *t)
{
	size_t		len = t->s[t->pos] == '{' ? braces_length(t) : 1;

	if (len == 0)
		return fail(t, "lone quantifier bracket");
	if (t->last != LAST_ATOM)
		return fail(t, "nothing to repeat");
	emit_bytes(t, t->s + t->pos, len);
	t->pos += len;
	if (peek(t, 0) == '?')
	{
		emit(t, "?");
		t->pos++;
	}
	t->last = LAST_QUANTIFIER;
	return true;
}

static bool
translate_one(Translator *t)
{
	char ch = t->s[t->pos];
	bool is_set;

	switch (ch)
	{
		case '\\':
			t->pos++;
			t->last = LAST_ATOM;
			return translate_escape(t, false, &is_set);
		case '[':
			t->pos++;
			t->last = LAST_ATOM;
			return translate_class(t);
		case '(':
			t->pos++;
			return translate_group(t);
		case ')':
			if (t->depth == 0)
				return fail(t, "unmatched )");
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
			return fail(t, "lone closing bracket");
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
			emit(t, t->dotall ? "." : "[^\\n\\r\\x{2028}\\x{2029}]");
			return true;
		default:
			t->last = LAST_ATOM;
			copy_character(t);
			return true;
	}
	emit_bytes(t, &ch, 1);
	t->pos++;
	return true;
}

bool
regex_translate(const char *source, size_t len, int flags,
				char *out, size_t cap, size_t *outlen, RegexInfo *info)
{
	Translator	t = {.s = source, .len = len, .out = out, .cap = cap, .flags = flags, .info = info};

	*info = (RegexInfo){0};
	if (len > REGEX_MAX_SOURCE)
		return fail(&t, "pattern is too long");
	while (t.pos < t.len)
		if (!translate_one(&t))
			return false;
	if (t.depth > 0)
		return fail(&t, "group is not closed");
	if (t.outlen > cap)
		return fail(&t, "pattern is too long");
	*outlen = t.outlen;
	return true;
}
