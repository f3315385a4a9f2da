/*
 * json_escape.h
 *	  One escape in a string of JSON text: how long it is, and whether jsonb can
 *	  hold what it stands for.
 *
 * Two escapes are JSON that jsonb cannot hold: \u0000, and half of a surrogate
 * pair.  Needs no server.
 */
#ifndef AGENTCORE_CORE_JSON_ESCAPE_H
#define AGENTCORE_CORE_JSON_ESCAPE_H

typedef enum JsonEscape
{
	JSON_ESCAPE_GOOD,
	JSON_ESCAPE_NUL,
	JSON_ESCAPE_HALF,
	JSON_ESCAPE_BAD				/* a backslash that begins no escape */
} JsonEscape;

/* The value of n hexadecimal digits; -1: there are others, or fewer. */
static inline int64
json_hex(const char *digits, const char *end, int n)
{
	int64		code = 0;

	if (end - digits < n)
		return -1;
	for (int i = 0; i < n; i++)
	{
		char		ch = digits[i];
		int			digit = ch >= '0' && ch <= '9' ? ch - '0' :
			ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 :
			ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;

		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

static inline bool
json_is_half(int64 code, int first)
{
	return code >= first && code < first + 0x400;
}

/* The escape at a backslash; *len: its bytes, of a pair those of both, of a bad one the backslash's. */
static inline JsonEscape
json_escape_at(const char *at, const char *end, int *len)
{
	int64		code;

	*len = 1;
	if (end - at < 2 || at[1] == '\0' || strchr("\"\\/bfnrtu", at[1]) == NULL)
		return JSON_ESCAPE_BAD;
	*len = 2;
	if (at[1] != 'u')
		return JSON_ESCAPE_GOOD;
	code = json_hex(at + 2, end, 4);
	*len = code < 0 ? 1 : 6;
	if (code < 0)
		return JSON_ESCAPE_BAD;
	if (json_is_half(code, 0xd800) && end - at >= 8 && at[6] == '\\' && at[7] == 'u' &&
		json_is_half(json_hex(at + 8, end, 4), 0xdc00))
	{
		*len = 12;
		return JSON_ESCAPE_GOOD;
	}
	if (json_is_half(code, 0xd800) || json_is_half(code, 0xdc00))
		return JSON_ESCAPE_HALF;
	return code == 0 ? JSON_ESCAPE_NUL : JSON_ESCAPE_GOOD;
}

#endif							/* AGENTCORE_CORE_JSON_ESCAPE_H */
