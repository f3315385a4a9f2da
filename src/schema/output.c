/*
 * output.c
 *	  The output formats of the JSON Schema specification: flag and basic.
 *
 * A unit of "basic" says which keyword spoke about which place of the
 * instance.  keywordLocation is the way that was taken through the schema,
 * with the references followed on it; absoluteKeywordLocation is where the
 * keyword stands.  For an invalid instance the units are its errors, those of
 * every alternative of anyOf and oneOf included.  For a valid one they are the
 * keywords that were applied, with an annotation where the keyword is one.
 *
 * Memory: everything in CurrentMemoryContext.  Locks: none.  On ERROR: nothing
 * to undo.
 */
#include "schema/output.h"

#include "miscadmin.h"
#include "schema/annotate.h"
#include "schema/eval.h"

static void
append_errors(OutputUnits *units, const EvalErrors *errors)
{
	check_stack_depth();
	for (int i = 0; i < errors->count; i++)
	{
		const EvalError *error = &errors->items[i];

		output_begin_unit(units, false, error->keyword_location, error->absolute_location, error->path);
		output_push_member(&units->state, "error", error->message);
		pushJsonbValue(&units->state, WJB_END_OBJECT, NULL);
		for (uint32 j = 0; j < error->nbranches; j++)
			append_errors(units, error->branches[j]);
	}
}

Jsonb *
schema_output(const SchemaProgram *program, const Jsonb *instance, bool basic)
{
	OutputUnits units = {0};
	JsonbParseState **state = &units.state;
	bool		valid = schema_valid(program, instance);

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	output_push_valid(state, valid);
	if (basic)
	{
		output_push_member(state, "keywordLocation", "");
		output_push_member(state, "instanceLocation", "");
		output_push_text(state, WJB_KEY, valid ? "annotations" : "errors");
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		if (valid)
			schema_annotate(program, instance, &units);
		else
			append_errors(&units, schema_located_errors(program, instance, agc_max_errors));
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));
}
