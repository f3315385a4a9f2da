/*
 * error_params.c
 *	  The facts of an error as jsonb, and the small words of messages.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/error_params.h"

#include "utils/builtins.h"

JbItem
string_item(const char *text, uint32 len)
{
	return (JbItem)
	{
		JENTRY_ISSTRING, text, len
	};
}

Params
params_begin(void)
{
	Params		params = {NULL};

	pushJsonbValue(&params.state, WJB_BEGIN_OBJECT, NULL);
	return params;
}

void
params_key(Params *params, const char *key)
{
	agc_push_text(&params->state, WJB_KEY, key);
}

void
params_string(Params *params, const char *key, const char *text, uint32 len)
{
	params_key(params, key);
	agc_push_bytes(&params->state, WJB_VALUE, text, len);
}

void
params_numeric(Params *params, const char *key, Numeric num)
{
	JsonbValue	value = {.type = jbvNumeric};

	params_key(params, key);
	value.val.numeric = num;
	pushJsonbValue(&params->state, WJB_VALUE, &value);
}

void
params_int(Params *params, const char *key, int64 n)
{
	params_numeric(params, key, int64_to_numeric(n));
}

void
params_item(Params *params, const char *key, const JbItem *item)
{
	JsonbValue	value;

	params_key(params, key);
	item_to_value(item, &value);
	pushJsonbValue(&params->state, WJB_VALUE, &value);
}

void
params_true(Params *params, const char *key)
{
	JsonbValue	value = {.type = jbvBool, .val.boolean = true};

	params_key(params, key);
	pushJsonbValue(&params->state, WJB_VALUE, &value);
}

void
params_copy(Params *params, const Jsonb *object)
{
	JbCursor	keys = jb_first(&object->root);
	JbCursor	values = jb_first_value(&object->root);

	for (uint32 i = 0; i < JsonContainerSize(&object->root); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		params_item(params, pnstrdup(key.data, key.len), &value);
	}
}

Jsonb *
params_end(Params *params)
{
	return JsonbValueToJsonb(pushJsonbValue(&params->state, WJB_END_OBJECT, NULL));
}

void
params_begin_list(Params *params, const char *key)
{
	params_key(params, key);
	pushJsonbValue(&params->state, WJB_BEGIN_ARRAY, NULL);
}

void
params_element(Params *params, const JbItem *item)
{
	JsonbValue	value;

	item_to_value(item, &value);
	pushJsonbValue(&params->state, WJB_ELEM, &value);
}

void
params_end_list(Params *params)
{
	pushJsonbValue(&params->state, WJB_END_ARRAY, NULL);
}

/* the names of a type mask as an array */
void
params_types(Params *params, const char *key, uint8 types)
{
	params_begin_list(params, key);
	for (int i = 0; i < NTYPES; i++)
		if (types & (1 << i))
		{
			JbItem		name = string_item(type_names[i], strlen(type_names[i]));

			params_element(params, &name);
		}
	params_end_list(params);
}

/* "integer or null" */
char *
type_list(uint8 types)
{
	StringInfoData out;
	int			left = 0;

	initStringInfo(&out);
	for (int i = 0; i < NTYPES; i++)
		left += (types >> i) & 1;
	for (int i = 0; i < NTYPES; i++)
		if (types & (1 << i))
		{
			if (out.len > 0)
				appendStringInfoString(&out, left == 1 ? " or " : ", ");
			appendStringInfoString(&out, type_names[i]);
			left--;
		}
	return out.data;
}

/* A key as a message shows it: escaped and cut. */
char *
key_shown(const char *key, uint32 len)
{
	return agc_quoted_bytes(key, len, KEY_SHOWN);
}
