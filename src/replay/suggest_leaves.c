/*
 * suggest_leaves.c
 *	  suggest_leaves(): the values among the arguments of a call, each with a pointer as rules
 *	  write it.
 *
 * Memory: CurrentMemoryContext; rows go to a tuplestore.  Locks: none.  On ERROR: nothing to
 * undo; 54001 for nesting deeper than the stack allows.
 */
#include "replay/replay.h"

#include "core/jsonb_walk.h"
#include "core/row.h"
#include "funcapi.h"
#include "miscadmin.h"

static void
append_key(StringInfo pointer, const JbItem *key)
{
	appendStringInfoChar(pointer, '/');
	for (uint32 i = 0; i < key->len; i++)
	{
		if (key->data[i] == '~' || key->data[i] == '/')
			appendStringInfoString(pointer, key->data[i] == '~' ? "~0" : "~1");
		else
			appendStringInfoChar(pointer, key->data[i]);
	}
}

/* "*" is every element to a rule, and "?" at the end of a pointer absence: no pointer names such a key. */
static bool
can_be_named(const JbItem *key)
{
	return !(key->len == 1 && key->data[0] == '*') && !(key->len > 0 && key->data[key->len - 1] == '?');
}

static void
put_leaf(ReturnSetInfo *rsinfo, const char *pointer, JsonbValue *value)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, pointer);
	agc_put_jsonb(&row, JsonbValueToJsonb(value));
	agc_row_store(rsinfo, &row);
}

static void
put_container(ReturnSetInfo *rsinfo, StringInfo pointer, JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	int			here = pointer->len;
	bool		named = true;
	JsonbValue	value;
	JsonbIteratorToken token;

	check_stack_depth();
	(void) JsonbIteratorNext(&it, &value, true);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			JbItem		key = {.data = value.val.string.val, .len = value.val.string.len};

			pointer->len = here;
			named = can_be_named(&key);
			append_key(pointer, &key);
		}
		else if (token == WJB_ELEM)
		{
			pointer->len = here;
			appendStringInfoString(pointer, "/*");
		}
		if ((token != WJB_VALUE && token != WJB_ELEM) || !named)
			continue;
		if (value.type == jbvBinary)
			put_container(rsinfo, pointer, value.val.binary.data);
		else
			put_leaf(rsinfo, pointer->data, &value);
	}
	pointer->len = here;
	pointer->data[here] = '\0';
}

/* suggest_leaves(args) -> setof (pointer, value) */
AGC_FUNCTION(suggest_leaves)
{
	Jsonb	   *args = agc_opt_jsonb(fcinfo, 0, "args");
	StringInfoData pointer;

	InitMaterializedSRF(fcinfo, 0);
	if (args == NULL || JB_ROOT_IS_SCALAR(args))
		return (Datum) 0;
	initStringInfo(&pointer);
	appendStringInfoString(&pointer, "/args");
	put_container((ReturnSetInfo *) fcinfo->resultinfo, &pointer, &args->root);
	return (Datum) 0;
}
