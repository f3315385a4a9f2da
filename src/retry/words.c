/*
 * words.c
 *	  Words in a text that others wrote.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/words.h"

/* of 16 bits */
static inline unsigned
gram(const char *p)
{
	return ((unsigned char) word_lower(p[0]) * 961u + (unsigned char) word_lower(p[1]) * 31u * 7u + (unsigned char) word_lower(p[2])) & 0xFFFF;
}

void
word_index(WordIndex *index, const char *text, const char *end)
{
	memset(index, 0, sizeof(*index));
	for (; end - text >= 3; text++)
	{
		unsigned	bit = gram(text);

		index->bits[bit / 64] |= UINT64CONST(1) << (bit % 64);
	}
}

bool
word_maybe(const WordIndex *index, const char *phrase)
{
	for (; phrase[0] != '\0' && phrase[1] != '\0' && phrase[2] != '\0'; phrase++)
	{
		unsigned	bit = gram(phrase);

		if ((index->bits[bit / 64] & (UINT64CONST(1) << (bit % 64))) == 0)
			return false;
	}
	return true;
}

bool
word_starts(const char *p, const char *end, const char *phrase)
{
	for (; *phrase != '\0'; p++, phrase++)
		if (p >= end || word_lower(*p) != word_lower(*phrase))
			return false;
	return true;
}

/* a host name, a path or a hyphenated word goes on before or after the phrase */
static bool
is_part(const char *text, const char *at, const char *after, const char *end)
{
	if (at > text && (at[-1] == '-' || at[-1] == '/' || at[-1] == '@'))
		return true;
	if (after >= end)
		return false;
	return *after == '-' || *after == '/' || (*after == '.' && after + 1 < end && word_char(after[1]));
}

static const char *
find(const char *p, const char *end, const char *phrase, bool alone)
{
	const char *text = p;
	int			len = strlen(phrase);
	char		first = word_lower(phrase[0]);
	char		capital = first >= 'a' && first <= 'z' ? first - ('a' - 'A') : first;
	bool		word_first = word_char(first);
	bool		word_last = word_char(phrase[len - 1]);

	for (; end - p >= len; p++)
	{
		if ((*p != first && *p != capital) || !word_starts(p, end, phrase))
			continue;
		if (word_first && p > text && word_char(p[-1]))
			continue;
		if (word_last && p + len < end && word_char(p[len]))
			continue;
		if (alone && word_first && word_last && is_part(text, p, p + len, end))
			continue;
		return p;
	}
	return NULL;
}

const char *
word_find(const char *p, const char *end, const char *phrase)
{
	return find(p, end, phrase, false);
}

const char *
word_find_alone(const char *p, const char *end, const char *phrase)
{
	return find(p, end, phrase, true);
}

const char *
word_find_letters(const char *p, const char *end, const char *letters)
{
	int			len = strlen(letters);

	for (; end - p >= len; p++)
		if (memcmp(p, letters, len) == 0)
			return p;
	return NULL;
}

bool
word_same_code(const char *p, int len, const char *code)
{
	const char *end = p + len;

	for (;;)
	{
		while (p < end && (*p == '_' || *p == '-'))
			p++;
		while (*code == '_' || *code == '-')
			code++;
		if (p >= end || *code == '\0')
			return p >= end && *code == '\0';
		if (word_lower(*p++) != word_lower(*code++))
			return false;
	}
}
