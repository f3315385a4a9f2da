/*
 * retry_rules.c
 *	  The built-in rules of what a failure means, for a person to read.
 *
 * Memory: a tuplestore of the query.  Locks: none.  On ERROR: nothing to undo.
 */
#include "core/row.h"

#include "retry/failure_rules.h"

#include "funcapi.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"

/* in the order of FailureMatch */
static const char *const match_names[] = {"status", "code", "name", "phrase", "text", "hint", "size"};

/*
 * retry_rules() -> setof (n, first_status, last_status, match, text, class, open, source, as_of)
 */
AGC_FUNCTION(retry_rules)
{
	const FailureRule *rule;
	const char *as_of;

	InitMaterializedSRF(fcinfo, 0);
	for (int n = 0; (rule = failure_rule(n)) != NULL; n++)
	{
		AgcRow		row;

		agc_row_init(&row);
		agc_put_int32(&row, n + 1);
		agc_put_datum(&row, Int32GetDatum(rule->first), rule->first == 0);
		agc_put_int32(&row, rule->last);
		agc_put_text(&row, match_names[rule->match]);
		agc_put_text(&row, rule->text);
		agc_put_text(&row, retry_class_name(rule->class));
		agc_put_bool(&row, rule->outcome != FAILURE_SHUT);
		agc_put_text(&row, rule->source->name);
		as_of = rule->source->as_of;
		agc_put_datum(&row, as_of == NULL ? 0 : DirectFunctionCall1(date_in, CStringGetDatum(as_of)), as_of == NULL);
		agc_row_store((ReturnSetInfo *) fcinfo->resultinfo, &row);
	}
	return (Datum) 0;
}
