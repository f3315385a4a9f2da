/*
 * names.c
 *	  The budgets that a request names.
 *
 * They are a set: the order in which they are named makes no other request, and the
 * first counts only where there is no agent with a budget of its own.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "budget/budget.h"

bool
budget_names_has(const BudgetNames *names, const char *own)
{
	for (int i = 0; own != NULL && i < names->n; i++)
		if (strcmp(names->name[i], own) == 0)
			return true;
	return false;
}

static void
add(BudgetNames *names, char *name)
{
	if (budget_names_has(names, name))
		return;
	if (names->n == BUDGET_MAX_NAMES)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("a request names more than %d budgets", BUDGET_MAX_NAMES)));
	names->name[names->n++] = name;
}

void
budget_names_read(FunctionCallInfo fcinfo, int one, int many, const char *what, BudgetNames *out)
{
	char	   *first = agc_opt_name(fcinfo, one, "budget");
	int			n;
	char	  **others = agc_opt_names(fcinfo, many, what, &n);

	out->n = 0;
	if (first != NULL)
		add(out, first);
	for (int i = 0; i < n; i++)
		add(out, others[i]);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* In order; "without" may be NULL. */
static int
sorted(const BudgetNames *names, const char *without, char *out[BUDGET_MAX_NAMES])
{
	int			n = 0;

	for (int i = 0; i < names->n; i++)
		if (without == NULL || strcmp(names->name[i], without) != 0)
			out[n++] = names->name[i];
	if (n > 1)
		qsort(out, n, sizeof(char *), compare_names);
	return n;
}

void
budget_names_ask(const BudgetNames *names, char *own, PermitRequest *request)
{
	request->budget = own != NULL || names->n == 0 ? own : names->name[0];
	request->nalso = sorted(names, request->budget, request->also);
}

void
budget_names_digest(const BudgetNames *names, const char *own, AgcDigest *digest)
{
	char	   *name[BUDGET_MAX_NAMES];
	int			n = sorted(names, own, name);

	for (int i = 0; i < n; i++)
		agc_digest_field(digest, name[i], strlen(name[i]));
}
