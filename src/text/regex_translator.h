/*
 * regex_translator.h
 *	  The state of one translation, and what both halves of the translator use.
 *
 * Plain C without PostgreSQL, so that it can be fuzzed by itself.
 */
#ifndef AGENTCORE_TEXT_REGEX_TRANSLATOR_H
#define AGENTCORE_TEXT_REGEX_TRANSLATOR_H

#include "text/regex.h"

#define REGEX_MAX_GROUPS 240
#define REGEX_MAX_REPEAT 65535	/* PCRE2's */

/* what a quantifier would stand behind */
typedef enum RegexLast
{
	LAST_NOTHING,				/* start of an alternative */
	LAST_ATOM,
	LAST_ASSERTION,
	LAST_QUANTIFIER
} RegexLast;

typedef struct RegexGroup
{
	bool		assertion;		/* lookaround */
	int			lookaround;		/* how deep, itself included */
	bool		dotall;			/* of what surrounds it */
} RegexGroup;

typedef struct RegexTranslator
{
	const char *s;
	size_t		len;
	size_t		pos;
	char	   *out;
	size_t		cap;
	size_t		outlen;			/* beyond cap where it did not fit */
	int			flags;
	bool		dotall;
	RegexLast	last;
	int			depth;
	RegexGroup	groups[REGEX_MAX_GROUPS];
	RegexInfo  *info;
} RegexTranslator;

/* a class that matches nothing: PCRE2's own empty class cannot be repeated */
#define REGEX_NO_CHARACTER	"[^\\x{0}-\\x{10ffff}]"

/* notes the first problem and its offset; false */
extern bool regex_fail(RegexTranslator *t, const char *message);

extern void regex_emit_bytes(RegexTranslator *t, const char *bytes, size_t n);
extern void regex_emit(RegexTranslator *t, const char *text);

/*
 * An escape; t->pos stands behind the backslash.  *is_set: it stands for more
 * than one character, so that it cannot bound a range.
 */
extern bool regex_escape(RegexTranslator *t, bool in_class, bool *is_set);

/* <name> of a group or a reference */
extern bool regex_name(RegexTranslator *t);

/* NUL beyond the end: no source holds a NUL that means anything else */
static inline char
regex_peek(const RegexTranslator *t, size_t ahead)
{
	return t->pos + ahead < t->len ? t->s[t->pos + ahead] : '\0';
}

static inline bool
regex_is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

#endif							/* AGENTCORE_TEXT_REGEX_TRANSLATOR_H */
