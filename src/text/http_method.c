/*
 * http_method.c
 *	  Which words are HTTP methods, and which names say that a value is one.
 *
 * Memory: CurrentMemoryContext, freed again.  Locks: none.  On ERROR: nothing to
 * undo.
 */
#include "text/text.h"

#include <ctype.h>

/*
 * IANA's registry of September 2025, and methods that servers know beside it:
 * those of UPnP, caches, Exchange, and the debuggers of IIS.  Sorted.
 */
static const char *const registered[] = {
	"ACL", "BAN", "BASELINE-CONTROL", "BCOPY", "BDELETE", "BIND", "BMOVE", "BPROPFIND", "BPROPPATCH", "CHECKIN", "CHECKOUT",
	"CONNECT", "COPY", "DEBUG", "DELETE", "GET", "HEAD", "LABEL", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY",
	"MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "NOTIFY", "OPTIONS", "ORDERPATCH", "PATCH", "POLL",
	"POST", "PRI", "PROPFIND", "PROPPATCH", "PURGE", "PUT", "QUERY", "REBIND", "REFRESH", "REPORT", "SEARCH", "SOURCE",
	"SUBSCRIBE", "TRACE", "TRACK", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UNSUBSCRIBE", "UPDATE",
	"UPDATEREDIRECTREF", "VERSION-CONTROL", "X-MS-ENUMATTS"
};

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

bool
http_method_canonical(const char *method, char *out)
{
	int			len = 0;

	out[0] = '\0';
	if (method == NULL)
		return false;
	for (; method[len]; len++)
	{
		unsigned char c = method[len];

		if (len == METHOD_MAX || c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
		{
			out[0] = '\0';
			return false;
		}
		out[len] = pg_ascii_toupper(c);
	}
	out[len] = '\0';
	return len > 0;
}

const char *
http_method_registered(const char *method)
{
	const char *const *found = bsearch(&method, registered, lengthof(registered), sizeof(char *), compare_words);

	return found == NULL ? NULL : *found;
}

/* ----- names ---------------------------------------------------------------------- */

/* by their letters alone, sorted */
static const struct
{
	const char *letters;
	MethodName	kind;
}			names[] = {
	{"httpmethod", METHOD_NAME_MEMBER}, {"httpmethodoverride", METHOD_NAME_HEADER}, {"httprequestmethod", METHOD_NAME_MEMBER}, {"httpverb", METHOD_NAME_MEMBER}, {"method", METHOD_NAME_MEMBER},
	{"methodname", METHOD_NAME_MEMBER}, {"methodoverride", METHOD_NAME_HEADER}, {"reqmethod", METHOD_NAME_MEMBER}, {"requestmethod", METHOD_NAME_MEMBER}, {"requesttype", METHOD_NAME_MEMBER},
	{"requestverb", METHOD_NAME_MEMBER}, {"verb", METHOD_NAME_MEMBER}, {"xhttpmethod", METHOD_NAME_HEADER}, {"xhttpmethodoverride", METHOD_NAME_HEADER}, {"xmethodoverride", METHOD_NAME_HEADER}
};

bool
http_method_letters(const char *text, uint32 len, char *letters)
{
	int			n = 0;

	for (uint32 i = 0; i < len; i++)
	{
		unsigned char c = text[i];

		if (!isalpha(c) && !IS_HIGHBIT_SET(c))
			continue;
		if (n == METHOD_NAME_LETTERS)
			return false;
		letters[n++] = pg_ascii_tolower(c);
	}
	letters[n] = '\0';
	return true;
}

static MethodName
name_of_letters(const char *letters)
{
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(letters, names[i].letters) == 0)
			return names[i].kind;
	return METHOD_NAME_NONE;
}

static bool
is_ascii(const char *text, uint32 len)
{
	for (uint32 i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

MethodName
http_method_name(const char *text, uint32 len)
{
	char		letters[METHOD_NAME_LETTERS + 1];
	MethodName	kind;
	char	   *folded;
	int			n;

	if (len > METHOD_NAME_BYTES)
		return METHOD_NAME_NONE;
	if (!is_ascii(text, len))
	{
		folded = agc_folded(text, len);
		text = folded;
		len = strlen(folded);
	}
	if (!http_method_letters(text, len, letters))
		return METHOD_NAME_NONE;
	kind = name_of_letters(letters);
	n = strlen(letters);
	if (kind != METHOD_NAME_NONE || n < 2 || letters[n - 1] != 's')
		return kind;
	letters[n - 1] = '\0';		/* a plural */
	return name_of_letters(letters);
}
