/*
 * name_list.c
 *	  Lists of names in which a star at the end stands for the rest: 'gpt-5',
 *	  'gpt-*', '*'.
 *
 * Memory: copies in CurrentMemoryContext.  Locks: none.  Errors: 22023 with the
 * argument's name; nothing has been changed by then.
 */
#include "core/core.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* entries of one list */
#define MAX_PATTERNS	1000

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
check_element(const text *value, bool isnull, const char *what)
{
	char	   *problem;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not contain null", what)));
	problem = agc_name_problem(value, psprintf("a name in %s", what));
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_internal("%s", problem)));
}

Datum
agc_texts_datum(char *const *texts, int n)
{
	Datum	   *elems = palloc((n + 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elems[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(construct_array(elems, n, TEXTOID, -1, false, TYPALIGN_INT));
}

char **
agc_texts_of(Datum array, int *n)
{
	Datum	   *elems;
	char	  **texts;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elems, NULL, n);
	texts = palloc((*n + 1) * sizeof(char *));
	for (int i = 0; i < *n; i++)
		texts[i] = TextDatumGetCString(elems[i]);
	return texts;
}

char **
agc_try_texts_of(Datum array, int *n)
{
	*n = 0;
	return array_contains_nulls(DatumGetArrayTypeP(array)) ? NULL : agc_texts_of(array, n);
}

char **
agc_opt_names(FunctionCallInfo fcinfo, int arg, const char *what, int *n)
{
	Datum	   *elems;
	bool	   *nulls;
	char	  **names;

	*n = 0;
	if (PG_ARGISNULL(arg))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, n);
	names = palloc((*n + 1) * sizeof(char *));
	for (int i = 0; i < *n; i++)
	{
		check_element(nulls[i] ? NULL : DatumGetTextPP(elems[i]), nulls[i], what);
		names[i] = TextDatumGetCString(elems[i]);
	}
	return names;
}

ArrayType *
agc_opt_patterns(FunctionCallInfo fcinfo, int arg, const char *what)
{
	int			n;
	char	  **patterns = agc_opt_names(fcinfo, arg, what, &n);
	Datum	   *elems = palloc((n + 1) * sizeof(Datum));
	int			kept = 0;

	if (patterns == NULL)
		return NULL;
	if (n > MAX_PATTERNS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not contain more than %d patterns", what, MAX_PATTERNS)));
	qsort(patterns, n, sizeof(char *), compare_texts);
	for (int i = 0; i < n; i++)
	{
		const char *star = strchr(patterns[i], '*');

		if (star != NULL && star[1] != '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid pattern in %s", what),
					 errdetail("Pattern \"%s\" has a star that is not at its end.", patterns[i]),
					 errhint("Write an exact name, 'prefix*' or '*'.")));
		if (i == 0 || strcmp(patterns[i], patterns[i - 1]) != 0)
			elems[kept++] = CStringGetTextDatum(patterns[i]);
	}
	return construct_array(elems, kept, TEXTOID, -1, false, TYPALIGN_INT);
}

char *
agc_arg_tool_pattern(FunctionCallInfo fcinfo, int n)
{
	char	   *pattern = agc_arg_name(fcinfo, n, "tool");
	const char *star = strchr(pattern, '*');

	if (star != NULL && star[1] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid tool pattern"),
				 errdetail("Pattern %s has a star that is not at its end.", agc_quoted_name(pattern)),
				 errhint("Write an exact name, 'prefix*' or '*'.")));
	return pattern;
}

bool
agc_is_tool_pattern(const char *pattern)
{
	size_t		len = strlen(pattern);
	const char *star = strchr(pattern, '*');

	return len > 0 && len <= AGC_MAX_NAME + (star != NULL) && (star == NULL || star[1] == '\0');
}

bool
agc_patterns_cover(char *const *patterns, int n, const char *name)
{
	for (int i = 0; i < n; i++)
	{
		int			len = strlen(patterns[i]);

		if (len > 0 && patterns[i][len - 1] == '*' ? strncmp(patterns[i], name, len - 1) == 0 :
			strcmp(patterns[i], name) == 0)
			return true;
	}
	return false;
}
