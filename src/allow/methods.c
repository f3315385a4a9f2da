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

/* those of RFC 9110 and 5789 */
static const char *const core[] = {
	"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"
};

static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* what no method can hold ends a word, and so does what separates alternatives */
#define METHOD_DELIMITERS " (),/:;<=>?@[\\]{}|"

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

static const char *
find_core(const char *method)
{
	for (int i = 0; i < lengthof(core); i++)
		if (strcmp(core[i], method) == 0)
			return core[i];
	return NULL;
}

/* A word that stands alone. */
static const char *
find_lone(const AllowMethods *methods, const char *word, bool exact)
{
	char		canonical[METHOD_MAX + 1];
	const char *method = canonical;
	const char *known;
	char	  **own;

	if (allow_method_canonical(word, canonical))
	{
		known = find_registered(method);
		if (known != NULL)
			return known;
		own = methods->ncustom == 0 ? NULL :
			bsearch(&method, methods->custom, methods->ncustom, sizeof(char *), compare_words);
		if (own != NULL)
			return *own;
		if (methods->every)
			return pstrdup(method);
	}
	/* written as methods are; what is too long for one is in no list */
	if (exact && methods->listed && strspn(word, capitals) == strlen(word))
		return pnstrdup(word, METHOD_MAX);
	return NULL;
}

List *
allow_methods_named(const AllowMethods *methods, const char *text, Size len, bool exact)
{
	char	   *folded = agc_folded(text, len);
	char	   *rest = folded;
	char	   *word;
	char	   *last = NULL;
	char		method[METHOD_MAX + 1];
	const char *known;
	List	   *named = NIL;
	int			nwords = 0;

	while ((word = strsep(&rest, METHOD_DELIMITERS)) != NULL)
	{
		if (*word == '\0')
			continue;
		nwords++;
		last = word;
		if (allow_method_canonical(word, method) && (known = find_core(method)) != NULL)
			named = list_append_unique_ptr(named, (char *) known);
	}
	if (nwords == 1 && named == NIL)
	{
		known = find_lone(methods, last, exact);
		named = known == NULL ? NIL : list_make1((char *) known);
	}
	pfree(folded);
	return named;
}
