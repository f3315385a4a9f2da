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

/* those of RFC 9110 and 5789 */
static const char *const core[] = {
	"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"
};

/* what no method can hold ends a word, and so does what separates alternatives */
#define METHOD_DELIMITERS " (),/:;<=>?@[\\]{}|"

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
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
find_core(const char *method)
{
	for (int i = 0; i < lengthof(core); i++)
		if (strcmp(core[i], method) == 0)
			return core[i];
	return NULL;
}

/* A word that stands alone. */
static const char *
find_lone(const AllowMethods *methods, const char *word)
{
	char		canonical[METHOD_MAX + 1];
	const char *method = canonical;
	const char *known;
	char	  **own;

	if (!http_method_canonical(word, canonical))
		return NULL;
	known = http_method_registered(method);
	if (known != NULL)
		return known;
	own = methods->ncustom == 0 ? NULL :
		bsearch(&method, methods->custom, methods->ncustom, sizeof(char *), compare_words);
	if (own != NULL)
		return *own;
	return methods->every ? pstrdup(method) : NULL;
}

/* "DELETE /x HTTP/1.1": a method, blanks, and a path or a URL */
static bool
is_request_line(const char *text)
{
	const char *target = text + strcspn(text, " ");

	target += strspn(target, " ");
	return (target[0] == '/' && (target[1] != ' ' || pg_strncasecmp(target, "/ http/", strlen("/ http/")) == 0)) ||
		pg_strncasecmp(target, "http://", strlen("http://")) == 0 || pg_strncasecmp(target, "https://", strlen("https://")) == 0;
}

/* One word, or several of which each is a method, or a request line; what else is said is no method. */
List *
allow_methods_named(const AllowMethods *methods, const char *text, Size len)
{
	char	   *folded = agc_folded(text, len);
	char	   *rest = folded + strspn(folded, METHOD_DELIMITERS);
	bool		request = is_request_line(rest);
	char	   *word;
	char	   *last = NULL;
	List	   *named = NIL;
	int			nwords = 0;
	bool		others = false;

	while ((word = strsep(&rest, METHOD_DELIMITERS)) != NULL && !(request && nwords > 0))
	{
		char		method[METHOD_MAX + 1];
		const char *known;

		if (*word == '\0')
			continue;
		nwords++;
		last = word;
		known = http_method_canonical(word, method) ? find_core(method) : NULL;
		others |= known == NULL;
		if (known != NULL)
			named = list_append_unique_ptr(named, (char *) known);
	}
	if (nwords == 1 && others)
	{
		const char *known = find_lone(methods, last);

		named = known == NULL ? NIL : list_make1((char *) known);
	}
	else if (others)
	{
		list_free(named);
		named = NIL;
	}
	pfree(folded);
	return named;
}
