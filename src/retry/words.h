/*
 * words.h
 *	  Words in a text that others wrote: an error, a header.  Pure.
 *
 * Letters are ASCII and their case never matters.  No text needs to end in a
 * zero byte: all take a length.
 */
#ifndef AGENTCORE_RETRY_WORDS_H
#define AGENTCORE_RETRY_WORDS_H

#include "postgres.h"

static inline char
word_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static inline bool
word_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* a character of an identifier */
static inline bool
word_char(char c)
{
	c = word_lower(c);
	return (c >= 'a' && c <= 'z') || word_digit(c) || c == '_';
}

static inline bool
word_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Which three letters stand in a text one after the other: most phrases are found
 * missing without reading it.
 */
typedef struct WordIndex
{
	uint64		bits[1024];
} WordIndex;

extern void word_index(WordIndex *index, const char *text, const char *end);

/* false: the phrase is not there */
extern bool word_maybe(const WordIndex *index, const char *phrase);

/* whether the text goes on with this phrase at p */
extern bool word_starts(const char *p, const char *end, const char *phrase);

/*
 * Where the phrase stands at or after p as whole words ("timeout" is neither in
 * "notimeout" nor in "timeout_ms"); NULL where it does not.
 */
extern const char *word_find(const char *p, const char *end, const char *phrase);

/* The same, but parts of a host name, a path or a hyphenated word do not count. */
extern const char *word_find_alone(const char *p, const char *end, const char *phrase);

/* where the letters stand, whatever is around them and in this case only */
extern const char *word_find_letters(const char *p, const char *end, const char *letters);

/* equal but for case, '_' and '-' */
extern bool word_same_code(const char *p, int len, const char *code);

#endif							/* AGENTCORE_RETRY_WORDS_H */
