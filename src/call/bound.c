/*
 * bound.c
 *	  The arguments that make a call that is asked for the same call: those that
 *	  the asks bind.
 *
 * Every ask has to bind some: one that binds none is about all of them.  A pointer that
 * the tool's schema does not require could be left out, or lead through an array, so
 * where there is such a one all arguments count.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "call/bound.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* binds are pointers into the context of a call */
#define ARGS_PREFIX	"/args"

static int
compare_pointers(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static List *
add_pointer(List *pointers, char *pointer)
{
	ListCell   *cell;

	foreach(cell, pointers)
		if (strcmp(lfirst(cell), pointer) == 0)
			return pointers;
	return lappend(pointers, pointer);
}

bool
bound_arguments(const Gate *gate, List **pointers)
{
	*pointers = NIL;
	if (gate->tool->needs_approval || gate->nasks == 0)
		return false;
	for (int i = 0; i < gate->nasks; i++)
	{
		const CallAsk *ask = &gate->asks[i];

		if (ask->nbind == 0)
			return false;
		for (int j = 0; j < ask->nbind; j++)
		{
			char	   *pointer = ask->bind[j] + strlen(ARGS_PREFIX);

			if (!tool_requires(gate->tool->program, pointer))
				return false;
			*pointers = add_pointer(*pointers, pointer);
		}
	}
	list_sort(*pointers, compare_pointers);
	return true;
}

/* The next token of a pointer, unescaped. */
static Datum
next_token(const char **rest)
{
	StringInfoData token;

	initStringInfo(&token);
	for ((*rest)++; **rest != '\0' && **rest != '/'; (*rest)++)
	{
		if ((*rest)[0] == '~' && ((*rest)[1] == '0' || (*rest)[1] == '1'))
			appendStringInfoChar(&token, *++(*rest) == '0' ? '~' : '/');
		else
			appendStringInfoChar(&token, **rest);
	}
	return CStringGetTextDatum(token.data);
}

Jsonb *
bound_value(Jsonb *args, const char *pointer)
{
	Datum		tokens[AGC_MAX_NAME];
	int			n = 0;
	bool		isnull;
	Datum		value;

	while (*pointer == '/' && n < lengthof(tokens))
		tokens[n++] = next_token(&pointer);
	value = jsonb_get_element(args, tokens, n, &isnull, false);
	/* a schema that requires it was passed; in audit mode it need not have been */
	return isnull ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"absent\": true}"))) : DatumGetJsonbP(value);
}
