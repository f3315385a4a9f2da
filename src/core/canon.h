/*
 * canon.h
 *	  JSON: its canonical form, digests of it, and reading what somebody else wrote
 */
#ifndef AGENTCORE_CORE_CANON_H
#define AGENTCORE_CORE_CANON_H

#include "core/compat.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* ----- canonical JSON and keys (canon.c, key.c) ---------------------------
 *
 * RFC 8785, exact outside what a double carries; see doc/reference.md.
 */
extern void agc_canonical_json(StringInfo out, Jsonb *value);

typedef enum AgcJsonWrong
{
	AGC_JSON_SYNTAX,
	AGC_JSON_ENDS,				/* inside of a value */
	AGC_JSON_DEEP,
	AGC_JSON_NUMBER,			/* jsonb holds none of that size */
	AGC_JSON_NUL,				/* JSON that jsonb cannot hold: \u0000 */
	AGC_JSON_HALF,				/* the same: half of a surrogate pair */
	AGC_JSON_CHARACTER,			/* the same: one that the database's encoding has not */
	AGC_JSON_TWICE,				/* a key */
	AGC_JSON_SEVERAL			/* two objects, for readers who would take one (text/written_json.h) */
} AgcJsonWrong;

typedef struct AgcJsonFault
{
	AgcJsonWrong wrong;
	Size		offset;			/* in bytes */
	const char *what;			/* is wrong there, in fixed words; NULL: not known */
} AgcJsonFault;

/*
 * JSON text that somebody else wrote (json_text.c): NULL and *fault where it is no
 * JSON or more than jsonb holds.  unique: also where an object has a key twice,
 * since readers take the first, or the last.  Raises nothing.
 */
extern Jsonb *agc_json_read(const char *text, bool unique, AgcJsonFault *fault);

/* the fault in words, which name the character and never quote the text; and which character, counted from 1 */
extern char *agc_json_problem(const char *text, const AgcJsonFault *fault);
extern int	agc_json_character(const char *text, Size offset);

/* the same as agc_json_read(), with the fault in words */
extern Jsonb *agc_json_text(const char *text, char **problem);

extern Jsonb *agc_json_text_unique(const char *text, char **problem);

typedef enum AgcJsonAny
{
	AGC_JSON_AS_IS,
	AGC_JSON_REPAIRED,			/* without the escapes that jsonb cannot hold */
	AGC_JSON_STRING,			/* the text was no JSON, so it is a string */
	AGC_JSON_LOST				/* more than jsonb can hold: NULL */
} AgcJsonAny;

/*
 * Text of any kind (json_any.c).  *note says in what way the value is not the
 * text; NULL where it is.  Raises nothing.
 */
extern Jsonb *agc_json_any(const char *text, AgcJsonAny *how, char **note);

/* a key, a value or an element of what is built (json_push.c); nothing is copied */
extern JsonbValue *agc_push_bytes(JsonbParseState **state, JsonbIteratorToken as, const char *bytes, int len);
extern JsonbValue *agc_push_text(JsonbParseState **state, JsonbIteratorToken as, const char *text);
extern JsonbValue *agc_push_jsonb(JsonbParseState **state, JsonbIteratorToken as, const Jsonb *document);

typedef struct AgcDigest AgcDigest;

/* One digest at a time: begin, add any number of fields, end. */
extern AgcDigest *agc_digest_begin(void);
extern void agc_digest_field(AgcDigest *digest, const void *data, Size len);
extern void agc_digest_end(AgcDigest *digest, uint8 out[AGC_HASH_LEN]);

/*
 * A digest of its own, of a head's digest and the canonical arguments as a field
 * after it: what calls have in common is hashed once.
 */
extern void agc_digest_after(const uint8 head[AGC_HASH_LEN], Jsonb *args, uint8 out[AGC_HASH_LEN]);

/*
 * A document as it is: numbers that are equal are equal here, and those that
 * only a double cannot tell apart are not.
 */
extern void agc_digest_exact(AgcDigest *digest, Jsonb *value);

/* cache_key() of the SQL interface: format, tool, scope (the head), canonical args */
extern void agc_digest_call_head(AgcDigest *digest, const char *tool, const char *scope);
extern void agc_digest_args(AgcDigest *digest, Jsonb *args);
extern void agc_digest_call(AgcDigest *digest, const char *tool, Jsonb *args, const char *scope);

#endif							/* AGENTCORE_CORE_CANON_H */
