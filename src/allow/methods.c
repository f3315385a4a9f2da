/*
 * methods.c
 *	  Which words are HTTP methods.
 *
 * The gate asks, because an argument that is called "method" may mean anything:
 * only a word that some server would take for one is judged.
 *
 * Memory: CurrentMemoryContext.  Locks: those of agc_object_pin().  On ERROR:
 * pins go at transaction end.
 */
#include "allow/policy.h"

/*
 * IANA's registry of September 2025, and what servers know beside it: UPnP,
 * caches, Exchange, and the debuggers of IIS.  Sorted.
 */
static const char *const registered[] = {
	"ACL", "BAN", "BASELINE-CONTROL", "BCOPY", "BDELETE", "BIND", "BMOVE", "BPROPFIND", "BPROPPATCH", "CHECKIN", "CHECKOUT",
	"CONNECT", "COPY", "DEBUG", "DELETE", "GET", "HEAD", "LABEL", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY",
	"MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "NOTIFY", "OPTIONS", "ORDERPATCH", "PATCH", "POLL",
	"POST", "PRI", "PROPFIND", "PROPPATCH", "PURGE", "PUT", "QUERY", "REBIND", "REFRESH", "REPORT", "SEARCH", "SOURCE",
	"SUBSCRIBE", "TRACE", "TRACK", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UNSUBSCRIBE", "UPDATE",
	"UPDATEREDIRECTREF", "VERSION-CONTROL", "X-MS-ENUMATTS"
};

/* more words than that are no list any more: then every word is one */
#define CUSTOM_MAX 256

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Few policies name a method that no registry does; the list is of those alone. */
void
allow_note_methods(Policy *policy, char **methods, int nmethods)
{
	for (int i = 0; i < nmethods && !policy->every_method; i++)
	{
		bool		known = bsearch(&methods[i], registered, lengthof(registered), sizeof(char *), compare_words) != NULL;
		ListCell   *cell;

		foreach(cell, policy->custom)
			known |= strcmp(lfirst(cell), methods[i]) == 0;
		if (!known)
			policy->custom = lappend(policy->custom, pstrdup(methods[i]));
		policy->every_method = list_length(policy->custom) > CUSTOM_MAX;
	}
}

void
allow_methods(const char *tenant, const char *policy, AllowMethods *out)
{
	AgcObject  *object = policy == NULL ? NULL : agc_object_pin(&allow_policy_class, tenant, policy);
	const List *custom = object == NULL ? NIL : ((const Policy *) object->data)->custom;
	ListCell   *cell;

	memset(out, 0, sizeof(*out));
	out->every = object != NULL && ((const Policy *) object->data)->every_method;
	if (custom != NIL)
	{
		out->custom = palloc(list_length(custom) * sizeof(char *));
		foreach(cell, custom)
			out->custom[out->ncustom++] = pstrdup(lfirst(cell));
		qsort(out->custom, out->ncustom, sizeof(char *), compare_words);
	}
	if (object != NULL)
		agc_object_unpin(object);
}

const char *
allow_method_named(const AllowMethods *methods, const char *text, Size len)
{
	char		word[METHOD_MAX + 1];
	char		method[METHOD_MAX + 1];
	const char *key = method;
	const char *const *found;

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
	found = bsearch(&key, registered, lengthof(registered), sizeof(char *), compare_words);
	if (found == NULL && methods->ncustom > 0)
		found = bsearch(&key, methods->custom, methods->ncustom, sizeof(char *), compare_words);
	if (found == NULL && methods->every)
		return pstrdup(method);
	return found == NULL ? NULL : *found;
}
