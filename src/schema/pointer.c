/*
 * pointer.c
 *	  JSON Pointer (RFC 6901) as text: judging, writing, reading.
 *
 * Memory: results in CurrentMemoryContext.  Locks: none.  Errors: none but for
 * out of memory.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "schema/pointer.h"

/* What is wrong with a pointer, or NULL. */
const char *
pointer_problem(const char *pointer)
{
	if (pointer[0] != '\0' && pointer[0] != '/')
		return "a JSON Pointer is empty or begins with \"/\"";
	for (const char *p = pointer; *p; p++)
		if (*p == '~' && p[1] != '0' && p[1] != '1')
			return "\"~\" must be followed by 0 or 1";
	return NULL;
}

void
pointer_append_key(StringInfo out, const char *key, uint32 len)
{
	appendStringInfoChar(out, '/');
	for (uint32 i = 0; i < len; i++)
	{
		if (key[i] == '~')
			appendStringInfoString(out, "~0");
		else if (key[i] == '/')
			appendStringInfoString(out, "~1");
		else
			appendStringInfoChar(out, key[i]);
	}
}

/* *rest points at a "/"; moves to the next one, or becomes NULL at the end. */
char *
pointer_next(const char **rest)
{
	const char *p = *rest + 1;
	char	   *token = palloc(strlen(p) + 1);
	int			len = 0;

	while (*p && *p != '/')
	{
		if (*p == '~' && (p[1] == '0' || p[1] == '1'))
		{
			token[len++] = p[1] == '0' ? '~' : '/';
			p += 2;
		}
		else
			token[len++] = *p++;
	}
	token[len] = '\0';
	*rest = *p ? p : NULL;
	return token;
}

/* Digits without a leading zero, as RFC 6901 wants them. */
bool
pointer_index(const char *token, uint32 *index)
{
	uint64		n = 0;

	if (token[0] == '\0' || (token[0] == '0' && token[1] != '\0'))
		return false;
	for (const char *p = token; *p; p++)
	{
		if (*p < '0' || *p > '9' || n > PG_UINT32_MAX / 10)
			return false;
		n = n * 10 + (*p - '0');
	}
	*index = (uint32) n;
	return n <= PG_UINT32_MAX;
}
