/*
 * pointers.c
 *	  JSON Pointers (RFC 6901) on their way through a document, all at once; the
 *	  token "*" stands for every element of an array.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "record/pointers.h"

static bool
ends_token(char c)
{
	return c == '/' || c == '\0';
}

static bool
begins_with(const char *pointer, const char *part)
{
	int			len = part == NULL ? 0 : strlen(part);

	return len > 0 && strncmp(pointer, part, len) == 0 && ends_token(pointer[len]);
}

PointerSet
pointers_of(char *const *list, int n, const char *part, const char *other)
{
	PointerSet	set = {0, palloc(2 * Max(n, 1) * sizeof(char *))};

	for (int i = 0; i < n; i++)
	{
		if (begins_with(list[i], other))
			continue;
		set.rest[set.n++] = list[i];
		if (begins_with(list[i], part))
			set.rest[set.n++] = list[i] + strlen(part);
	}
	return set;
}

bool
pointers_end(const PointerSet *set)
{
	for (int i = 0; i < set->n; i++)
		if (set->rest[i][0] == '\0')
			return true;
	return false;
}

/* The rest of a pointer behind its next token, if that is this key; else NULL. */
static const char *
behind(const char *pointer, const char *key, int len, bool any)
{
	const char *at = pointer + 1;

	if (any && at[0] == '*' && ends_token(at[1]))
		return at + 1;
	for (int i = 0; i < len; i++)
	{
		if (at[0] == '~' && at[1] == (key[i] == '~' ? '0' : '1') && (key[i] == '~' || key[i] == '/'))
			at += 2;
		else if (*at == key[i] && *at != '/' && *at != '~')
			at++;
		else
			return NULL;
	}
	return ends_token(*at) ? at : NULL;
}

void
pointers_step(const PointerSet *set, const char *key, int len, bool any, PointerSet *below)
{
	below->n = 0;
	below->rest = palloc(Max(set->n, 1) * sizeof(char *));
	for (int i = 0; i < set->n; i++)
	{
		const char *rest = set->rest[i][0] == '/' ? behind(set->rest[i], key, len, any) : NULL;

		if (rest != NULL)
			below->rest[below->n++] = rest;
	}
}

void
pointers_step_element(const PointerSet *set, int index, PointerSet *below)
{
	char		key[12];

	pointers_step(set, key, snprintf(key, sizeof(key), "%d", index), true, below);
}

/* As RFC 6901 writes them; "-" is the one behind the last, which is never there. */
static bool
is_element(const char *token)
{
	size_t		digits = strspn(token, "0123456789");

	if ((token[0] == '*' || token[0] == '-') && ends_token(token[1]))
		return true;
	return digits > 0 && ends_token(token[digits]) && (token[0] != '0' || digits == 1);
}

bool
pointers_want_member(const PointerSet *set)
{
	for (int i = 0; i < set->n; i++)
		if (set->rest[i][0] == '/' && !is_element(set->rest[i] + 1))
			return true;
	return false;
}
