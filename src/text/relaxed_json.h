/*
 * relaxed_json.h
 *	  JSON as language models write it, made strict.
 *
 * Needs no server.
 */
#ifndef AGENTCORE_TEXT_RELAXED_JSON_H
#define AGENTCORE_TEXT_RELAXED_JSON_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

/* What was repaired: a set of bits. */
typedef enum RelaxedRule
{
	RELAXED_FENCE = 0x001,
	RELAXED_TEXT_BEFORE = 0x002,
	RELAXED_TEXT_AFTER = 0x004,
	RELAXED_EMPTY_OBJECT = 0x008,
	RELAXED_SAME_OBJECT = 0x010,
	RELAXED_TRAILING_COMMA = 0x020,
	RELAXED_SINGLE_QUOTES = 0x040,
	RELAXED_BARE_KEY = 0x080,
	RELAXED_PYTHON_CONSTANT = 0x100,
	RELAXED_RAW_CHARACTER = 0x200,
	RELAXED_BAD_ESCAPE = 0x400
} RelaxedRule;

#define RELAXED_NRULES 11

/* name as it is reported, and what is wrong in words; "i" counts the rules in order of their bits */
extern const char *relaxed_rule_name(int i);
extern const char *relaxed_rule_wrong(int i);

typedef enum RelaxedFault
{
	RELAXED_FINE,
	RELAXED_SYNTAX,				/* no JSON, and nothing that can be repaired */
	RELAXED_TRUNCATED,			/* the text ends inside of a value */
	RELAXED_SEVERAL,			/* two objects that differ: which one was meant is not to be guessed */
	RELAXED_DEEP,
	RELAXED_NUL,				/* what jsonb cannot hold */
	RELAXED_HALF
} RelaxedFault;

typedef struct RelaxedJson
{
	int			rules;
	size_t		offset;			/* of the fault, in bytes */
	const char *what;			/* is wrong there, in fixed words; NULL: nothing, or the fault says it */
} RelaxedJson;

/*
 * Appends the text as strict JSON to "out".  whole: the text is one value, at most
 * in a fence, without other text around it.  In time linear in the text.
 */
extern RelaxedFault relaxed_json_read(const char *data, size_t len, int max_depth, bool whole, StringInfo out,
									  RelaxedJson *how);

#endif							/* AGENTCORE_TEXT_RELAXED_JSON_H */
