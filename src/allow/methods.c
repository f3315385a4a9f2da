/*
 * methods.c
 *	  Which words are HTTP methods.
 *
 * The gate asks, because an argument named "method" may mean anything.  Only a
 * word that some server would take for an HTTP method is checked.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "allow/methods.h"

#include "allow/allow.h"

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
allow_method_canonical(const char *method, char *out)
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

bool
allow_method_listed(char **methods, int count, const char *method)
{
	if (methods == NULL)
		return true;
	for (int i = 0; i < count; i++)
		if (strcmp(methods[i], method) == 0)
			return true;
	return false;
}

static const char *
find_registered(const char *method)
{
	const char *const *found = bsearch(&method, registered, lengthof(registered), sizeof(char *), compare_words);

	return found == NULL ? NULL : *found;
}

bool
allow_method_registered(const char *method)
{
	return find_registered(method) != NULL;
}

const char *
allow_method_named(const AllowMethods *methods, const char *text, Size len)
{
	char		word[METHOD_MAX + 1];
	char		method[METHOD_MAX + 1];
	const char *key = method;
	const char *known;
	char	  **found;

	while (len > 0 && (unsigned char) *text <= ' ')
		text++, len--;
	while (len > 0 && (unsigned char) text[len - 1] <= ' ')
		len--;
	if (len > METHOD_MAX)
		return NULL;
	memcpy(word, text, len);
	word[len] = '\0';
	if (!allow_method_canonical(word, method))
		return NULL;
	known = find_registered(method);
	if (known != NULL)
		return known;
	found = methods->ncustom == 0 ? NULL :
		bsearch(&key, methods->custom, methods->ncustom, sizeof(char *), compare_words);
	if (found != NULL)
		return *found;
	return methods->every ? pstrdup(method) : NULL;
}
