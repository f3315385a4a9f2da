/*
 * relaxed_json.c
 *	  JSON as language models write it, made strict.
 *
 * What is read beyond JSON is a closed list, and each item has a name, so that the
 * caller can report it (RelaxedRule).  Only marks are repaired, never content: no
 * bracket or quote that is missing is added, so a text that was cut off stays
 * unreadable; and of two objects that differ none is chosen.  Text after the object is
 * passed over only where no part of an object can stand in it: a bracket too many in the
 * middle of an object would otherwise drop the members behind it.
 *
 * One pass without recursion: the open containers are a string of brackets, as long as
 * the depth that the caller allows.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: raises none but for want of
 * memory.  Needs no server.
 */
#include "text/relaxed_json.h"

#include "core/json_escape.h"
#include "text/relaxed_fault.h"

/* bytes of a model's special token, such as <|tool_call_end|> */
#define MARK_MAX 64

typedef struct Reader
{
	const char *text;
	const char *at;
	const char *end;
	StringInfo	out;
	StringInfoData open;		/* brackets that are not closed yet */
	bool		fresh;			/* the innermost container has no member yet */
	bool		whole;
	int			max_depth;
	int			rules;
	const char *kept_at;		/* a backslash of this string that was taken for itself */
	const char *control_at;		/* one that makes a control character of a letter: \n, \t */
	RelaxedFault fault;
	const char *fault_at;
	RelaxedPlace place;			/* what was to be read there */
} Reader;

typedef enum Step
{
	STEP_VALUE,					/* a value is next */
	STEP_CLOSED,
	STEP_FAULT
} Step;

static const struct
{
	const char *name;
	const char *wrong;
}			rules[RELAXED_NRULES] = {
	{"fence", "a Markdown fence stands around it"},
	{"text_before", "text stands before it"},
	{"text_after", "text stands after it"},
	{"empty_object", "an empty object stands before it"},
	{"same_object", "it is there more than once"},
	{"trailing_comma", "a comma stands before a closing bracket"},
	{"single_quotes", "strings stand in single quotes, not in double ones"},
	{"bare_key", "a key stands without double quotes"},
	{"python_constant", "None, True or False is written, not null, true or false"},
	{"raw_character", "a string has a raw line break, tab or other control character, which is written \\n, \\t, \\u0001"},
	{"bad_escape", "a string has a backslash that begins no escape; a backslash is written \\\\"}
};

const char *
relaxed_rule_name(int i)
{
	return rules[i].name;
}

const char *
relaxed_rule_wrong(int i)
{
	return rules[i].wrong;
}

static bool
fail(Reader *r, RelaxedFault fault, const char *at)
{
	if (r->fault == RELAXED_FINE)
	{
		r->fault = fault;
		r->fault_at = at;
	}
	return false;
}

/* What is not as it should be here: the end, or something else. */
static bool
fail_here(Reader *r, RelaxedPlace place)
{
	r->place = place;
	return fail(r, r->at == r->end ? RELAXED_TRUNCATED : RELAXED_SYNTAX, r->at);
}

static bool
is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

static bool
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' || ch == '$';
}

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static void
skip_blanks(Reader *r)
{
	while (r->at < r->end && is_blank(*r->at))
		r->at++;
}

static bool
is_next(const Reader *r, char ch)
{
	return r->at < r->end && *r->at == ch;
}

/* The length of a word of letters and digits; hyphens too, as in names of headers. */
static int
word_len(const Reader *r)
{
	const char *p = r->at;

	if (p == r->end || !is_letter(*p))
		return 0;
	while (p < r->end && (is_letter(*p) || is_digit(*p) || *p == '-'))
		p++;
	return p - r->at;
}

/* ----- strings -------------------------------------------------------------------- */

/* Of Python and JavaScript, in their quotes only: \xhh, \Uhhhhhhhh.  0: it is neither. */
static int
foreign_escape(Reader *r, int64 *code)
{
	int			digits = r->end - r->at < 2 ? 0 : r->at[1] == 'x' ? 2 : r->at[1] == 'U' ? 8 : 0;

	*code = digits == 0 ? -1 : json_hex(r->at + 2, r->end, digits);
	return *code < 0 || *code > 0x10FFFF || json_is_half(*code, 0xd800) || json_is_half(*code, 0xdc00) ? 0 : digits + 2;
}

static void
append_code(StringInfo out, int64 code)
{
	if (code < 0x10000)
		appendStringInfo(out, "\\u%04x", (int) code);
	else
		appendStringInfo(out, "\\u%04x\\u%04x", (int) (0xD800 + ((code - 0x10000) >> 10)), (int) (0xDC00 + (code & 0x3FF)));
}

/*
 * A backslash that begins no escape of JSON; what it most likely means is itself.
 * Not so where the string also holds escapes for control characters: of
 * "C:\Users\name" the second would come out as a line break.
 */
static bool
read_bad_escape(Reader *r, char quote)
{
	int64		code = -1;
	int			len = quote == '\'' ? foreign_escape(r, &code) : 0;

	if (r->at + 1 == r->end)
		return fail(r, RELAXED_TRUNCATED, r->end);
	if (len > 0 && code == 0)
		return fail(r, RELAXED_NUL, r->at);
	if (r->at[1] == '\'' && quote == '\'')
	{
		appendStringInfoChar(r->out, '\'');
		r->at += 2;
		return true;
	}
	r->rules |= RELAXED_BAD_ESCAPE;
	if (len > 0)
		append_code(r->out, code);
	else if (r->at[1] == '\'')
		appendStringInfoChar(r->out, '\'');
	else
	{
		r->kept_at = r->at;
		appendStringInfoString(r->out, "\\\\");
	}
	r->at += len > 0 ? len : r->at[1] == '\'' ? 2 : 1;
	return true;
}

static bool
read_escape(Reader *r, char quote)
{
	int			len;

	switch (json_escape_at(r->at, r->end, &len))
	{
		case JSON_ESCAPE_NUL:
			return fail(r, RELAXED_NUL, r->at);
		case JSON_ESCAPE_HALF:
			return fail(r, RELAXED_HALF, r->at);
		case JSON_ESCAPE_BAD:
			return read_bad_escape(r, quote);
		case JSON_ESCAPE_GOOD:
			if (strchr("bfnrt", r->at[1]) != NULL)
				r->control_at = r->at;
			break;
	}
	appendBinaryStringInfo(r->out, r->at, len);
	r->at += len;
	return true;
}

static void
append_control(StringInfo out, char ch)
{
	switch (ch)
	{
		case '\n':
			appendStringInfoString(out, "\\n");
			break;
		case '\r':
			appendStringInfoString(out, "\\r");
			break;
		case '\t':
			appendStringInfoString(out, "\\t");
			break;
		default:
			appendStringInfo(out, "\\u%04x", (unsigned char) ch);
	}
}

/* What needs no change in a string goes over in one piece. */
static void
copy_plain(Reader *r, char quote)
{
	const char *from = r->at;

	while (r->at < r->end && *r->at != quote && *r->at != '"' && *r->at != '\\' && (unsigned char) *r->at >= ' ')
		r->at++;
	appendBinaryStringInfo(r->out, from, r->at - from);
}

static bool
read_string(Reader *r)
{
	char		quote = *r->at++;

	r->kept_at = r->control_at = NULL;
	r->place = RELAXED_AT_STRING;
	if (quote == '\'')
		r->rules |= RELAXED_SINGLE_QUOTES;
	appendStringInfoChar(r->out, '"');
	for (;;)
	{
		copy_plain(r, quote);
		if (r->at == r->end)
			return fail(r, RELAXED_TRUNCATED, r->end);
		if (*r->at == quote)
			break;
		if (*r->at == '\\')
		{
			if (!read_escape(r, quote))
				return false;
		}
		else if (*r->at == '"')
		{
			appendStringInfoString(r->out, "\\\"");
			r->at++;
		}
		else
		{
			r->rules |= RELAXED_RAW_CHARACTER;
			append_control(r->out, *r->at++);
		}
	}
	if (r->kept_at != NULL && r->control_at != NULL)
	{
		r->rules &= ~RELAXED_BAD_ESCAPE;
		return fail(r, RELAXED_SYNTAX, r->kept_at);
	}
	r->at++;
	appendStringInfoChar(r->out, '"');
	return true;
}

/* ----- other values ----------------------------------------------------------------- */

static bool
skip_digits(Reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && is_digit(*r->at))
		r->at++;
	return r->at > start;
}

/* JSON's own grammar of numbers */
static bool
read_number(Reader *r)
{
	const char *start = r->at;

	if (*r->at == '-')
		r->at++;
	if (is_next(r, '0'))
		r->at++;
	else if (!skip_digits(r))
		return fail_here(r, RELAXED_AT_NUMBER);
	if (is_next(r, '.'))
	{
		r->at++;
		if (!skip_digits(r))
			return fail_here(r, RELAXED_AT_NUMBER);
	}
	if (is_next(r, 'e') || is_next(r, 'E'))
	{
		r->at++;
		if (is_next(r, '+') || is_next(r, '-'))
			r->at++;
		if (!skip_digits(r))
			return fail_here(r, RELAXED_AT_NUMBER);
	}
	appendBinaryStringInfo(r->out, start, r->at - start);
	return true;
}

static bool
read_constant(Reader *r)
{
	static const struct
	{
		const char *word;
		const char *json;
	}			constants[] = {
		{"null", "null"}, {"true", "true"}, {"false", "false"}, {"None", "null"}, {"True", "true"}, {"False", "false"}
	};
	size_t		len = word_len(r);

	for (int i = 0; i < (int) lengthof(constants); i++)
		if (len == strlen(constants[i].word) && memcmp(r->at, constants[i].word, len) == 0)
		{
			if (strcmp(constants[i].word, constants[i].json) != 0)
				r->rules |= RELAXED_PYTHON_CONSTANT;
			appendStringInfoString(r->out, constants[i].json);
			r->at += len;
			return true;
		}
	r->place = RELAXED_AT_VALUE;
	/* a word that the text's end may have cut */
	return fail(r, r->at + len == r->end ? RELAXED_TRUNCATED : RELAXED_SYNTAX, r->at);
}

/* A scalar as a whole, or the beginning of a container. */
static bool
begin_value(Reader *r)
{
	skip_blanks(r);
	if (r->at == r->end)
		return fail_here(r, RELAXED_AT_VALUE);
	switch (*r->at)
	{
		case '{':
		case '[':
			if (r->open.len >= r->max_depth)
				return fail(r, RELAXED_DEEP, r->at);
			appendStringInfoChar(&r->open, *r->at);
			appendStringInfoChar(r->out, *r->at++);
			r->fresh = true;
			return true;
		case '"':
		case '\'':
			return read_string(r);
		default:
			return *r->at == '-' || is_digit(*r->at) ? read_number(r) : read_constant(r);
	}
}

static Step
read_key(Reader *r)
{
	int			len = word_len(r);

	if (is_next(r, '"') || is_next(r, '\''))
	{
		if (!read_string(r))
			return STEP_FAULT;
	}
	else if (len > 0)
	{
		r->rules |= RELAXED_BARE_KEY;
		appendStringInfoChar(r->out, '"');
		appendBinaryStringInfo(r->out, r->at, len);
		appendStringInfoChar(r->out, '"');
		r->at += len;
	}
	else
	{
		fail_here(r, RELAXED_AT_KEY);
		return STEP_FAULT;
	}
	skip_blanks(r);
	if (!is_next(r, ':'))
	{
		fail_here(r, RELAXED_AT_COLON);
		return STEP_FAULT;
	}
	r->at++;
	appendStringInfoChar(r->out, ':');
	return STEP_VALUE;
}

static Step
close_container(Reader *r)
{
	appendStringInfoChar(r->out, *r->at++);
	r->open.data[--r->open.len] = '\0';
	r->fresh = false;
	return STEP_CLOSED;
}

/* What follows in the innermost container. */
static Step
next_member(Reader *r)
{
	bool		object = r->open.data[r->open.len - 1] == '{';
	char		end = object ? '}' : ']';

	skip_blanks(r);
	if (is_next(r, end))
		return close_container(r);
	if (!r->fresh)
	{
		if (!is_next(r, ','))
		{
			fail_here(r, RELAXED_AT_NEXT);
			return STEP_FAULT;
		}
		r->at++;
		skip_blanks(r);
		if (is_next(r, end))
		{
			r->rules |= RELAXED_TRAILING_COMMA;
			return close_container(r);
		}
		appendStringInfoChar(r->out, ',');
	}
	r->fresh = false;
	return object ? read_key(r) : STEP_VALUE;
}

static bool
read_value(Reader *r)
{
	Step		step;

	do
	{
		if (!begin_value(r))
			return false;
		do
		{
			if (r->open.len == 0)
				return true;
			step = next_member(r);
		} while (step == STEP_CLOSED);
	} while (step == STEP_VALUE);
	return false;
}

/* ----- what stands around it --------------------------------------------------------- */

static bool
skip_text(Reader *r, const char *mark)
{
	size_t		len = strlen(mark);

	if ((size_t) (r->end - r->at) < len || memcmp(r->at, mark, len) != 0)
		return false;
	r->at += len;
	return true;
}

/* A special token: <|...|>, <tool_call>, [TOOL_CALLS], or the word json; at most MARK_MAX bytes. */
static bool
skip_mark(Reader *r)
{
	const char *p = r->at;

	if (skip_text(r, "[TOOL_CALLS]") || skip_text(r, "\xEF\xBB\xBF"))
		return true;
	if (word_len(r) == 4 && (skip_text(r, "json") || skip_text(r, "JSON")))
		return true;
	if (!is_next(r, '<'))
		return false;
	while (p < r->end && p - r->at < MARK_MAX && *p != '>' && !is_blank(*p) && strchr("{}[]\"'`", *p) == NULL)
		p++;
	if (p == r->end || *p != '>')
		return false;
	r->at = p + 1;
	return true;
}

/* What stands behind the backticks up to the end of the line, or only a word where the value begins in the same line. */
static void
skip_info(Reader *r)
{
	const char *p = r->at;

	while (p < r->end && strchr("\n{}[]`", *p) == NULL)
		p++;
	if (p < r->end && *p == '\n')
		r->at = p;
	while (is_next(r, ' ') || is_next(r, '\t'))
		r->at++;
	while (r->at < r->end && (is_letter(*r->at) || is_digit(*r->at)))
		r->at++;
}

/* Backticks, and what they say of what follows, such as the name of a language. */
static bool
skip_fence(Reader *r)
{
	if (!is_next(r, '`') && !skip_text(r, "~~~"))
		return false;
	while (is_next(r, '`'))
		r->at++;
	skip_info(r);
	r->rules |= RELAXED_FENCE;
	return true;
}

/* Text before a fence, in which nothing can be taken for JSON. */
static bool
skip_to_fence(Reader *r)
{
	const char *start = r->at;
	const char *p = start;

	r->place = RELAXED_AT_START;
	while (p < r->end && *p != '`' && strchr("{}[]", *p) == NULL)
		p++;
	if (r->end - p < 3 || memcmp(p, "```", 3) != 0)
		return fail(r, RELAXED_SYNTAX, start);
	r->at = p;
	r->rules |= RELAXED_TEXT_BEFORE;
	return skip_fence(r);
}

static bool
begins_value(const Reader *r)
{
	return r->at < r->end && *r->at != '\0' && strchr("{[\"'", *r->at) != NULL;
}

static bool
skip_before(Reader *r)
{
	skip_blanks(r);
	while (!r->whole && skip_mark(r))
	{
		r->rules |= RELAXED_TEXT_BEFORE;
		skip_blanks(r);
	}
	if (!skip_fence(r) && !begins_value(r) && !r->whole && r->at < r->end && !skip_to_fence(r))
		return false;
	skip_blanks(r);
	return begins_value(r) || fail_here(r, RELAXED_AT_START);
}

/* One more object: the first was empty, or it is the same, else it is not clear which was meant. */
static bool
read_again(Reader *r, int start)
{
	const char *begin = r->at;
	int			len = r->out->len - start;

	if (!read_value(r))
		return false;
	if (len == 2 && memcmp(r->out->data + start, "{}", 2) == 0)
	{
		r->rules |= RELAXED_EMPTY_OBJECT;
		r->out->len -= len;
		memmove(r->out->data + start, r->out->data + start + len, r->out->len - start + 1);
		return true;
	}
	if (r->out->len - start != 2 * len || memcmp(r->out->data + start, r->out->data + start + len, len) != 0)
		return fail(r, RELAXED_SEVERAL, begin);
	r->rules |= RELAXED_SAME_OBJECT;
	r->out->data[r->out->len = start + len] = '\0';
	return true;
}

/* Brackets too many at the end; what they may have cut off an object is not to be lost. */
static bool
skip_brackets(Reader *r)
{
	skip_blanks(r);
	while (is_next(r, '}') || is_next(r, ']'))
	{
		r->rules |= RELAXED_TEXT_AFTER;
		r->at++;
		skip_blanks(r);
	}
	return r->at == r->end || strchr(",:\"'", *r->at) == NULL || fail(r, RELAXED_SYNTAX, r->at);
}

static bool
skip_after(Reader *r, int start)
{
	bool		fenced = (r->rules & RELAXED_FENCE) != 0;

	r->place = RELAXED_AT_END;
	if (!r->whole && !skip_brackets(r))
		return false;
	while (r->at < r->end)
	{
		if (is_blank(*r->at) || (fenced && (*r->at == '`' || *r->at == '~')))
			r->at++;
		else if (r->whole || *r->at == '}')
			return fail(r, RELAXED_SYNTAX, r->at);
		else if (*r->at != '{')
		{
			r->rules |= RELAXED_TEXT_AFTER;
			r->at++;
		}
		else if (!read_again(r, start))
			return false;
		else
			r->place = RELAXED_AT_END;
	}
	return true;
}

static bool
read_document(Reader *r)
{
	int			start = r->out->len;

	if (!skip_before(r))
		return false;
	if (*r->at == '"' || *r->at == '\'')
		r->whole = true;
	return read_value(r) && skip_after(r, start);
}

static const char *
say_fault(Reader *r)
{
	RelaxedSpot spot = {r->text, r->end, r->fault == RELAXED_TRUNCATED ? r->end : r->fault_at, r->place, r->open.len > 0 && r->open.data[r->open.len - 1] == '{'};

	return r->fault == RELAXED_SYNTAX || r->fault == RELAXED_TRUNCATED ? relaxed_fault_words(&spot) : NULL;
}

RelaxedFault
relaxed_json_read(const char *data, size_t len, int max_depth, bool whole, StringInfo out, RelaxedJson *how)
{
	Reader		r = {.text = data, .at = data, .end = data + len, .out = out, .whole = whole, .max_depth = max_depth};

	initStringInfo(&r.open);
	how->what = read_document(&r) ? NULL : say_fault(&r);
	pfree(r.open.data);
	how->rules = r.rules;
	how->offset = r.fault == RELAXED_FINE ? 0 : (size_t) (r.fault_at - r.text);
	return r.fault;
}
