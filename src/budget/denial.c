/*
 * denial.c
 *	  The numbers of a budget's refusal, for programs: as columns, and as text.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "budget/denial.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

/* NULL where a number is none, or not known */
static bool
number_of(const BudgetFacts *facts, int64 number, Datum *out)
{
	if (facts->dimension == NULL || number < 0)
		return false;
	*out = facts->is_usd ? DirectFunctionCall1(numeric_trim_scale, agc_nanousd_numeric(number)) :
		NumericGetDatum(int64_to_numeric(number));
	return true;
}

static void
put_number(AgcRow *row, const BudgetFacts *facts, int64 number)
{
	Datum		value = (Datum) 0;
	bool		known = number_of(facts, number, &value);

	agc_put_datum(row, value, !known);
}

void
budget_put_facts(AgcRow *row, const BudgetFacts *facts)
{
	agc_put_text(row, facts->dimension);
	put_number(row, facts, facts->used);
	put_number(row, facts, facts->held);
	put_number(row, facts, facts->max);
	put_number(row, facts, facts->asked);
}

static void
append_text(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, "%s%s=", out->len > 0 ? " " : "", name);
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, value);
}

static void
append_number(StringInfo out, const char *name, const BudgetFacts *facts, int64 number)
{
	Datum		value;

	appendStringInfo(out, " %s=%s", name, number_of(facts, number, &value) ?
					 DatumGetCString(DirectFunctionCall1(numeric_out, value)) : "null");
}

const char *
denial_on_full(const PermitDecision *decision)
{
	static const char *const words[] = {"deny", "wait", "ask"};

	return words[decision->on_full];
}

void
budget_put_paid_by(AgcRow *row, char *const *paid_by, int n)
{
	if (n == 0)
		agc_put_null(row);
	else
		agc_put(row, agc_texts_datum(paid_by, n));
}

char *
denial_text(const PermitDecision *decision)
{
	const BudgetFacts *facts = &decision->denied;
	StringInfoData out;

	initStringInfo(&out);
	append_text(&out, "denied_by", decision->denied_by);
	append_text(&out, "denied_limit", decision->denied_limit);
	append_text(&out, "denied_dimension", facts->dimension);
	append_number(&out, "used", facts, facts->used);
	append_number(&out, "held", facts, facts->held);
	append_number(&out, "max", facts, facts->max);
	append_number(&out, "asked", facts, facts->asked);
	append_text(&out, "on_full", denial_on_full(decision));
	return out.data;
}

static void
append_member(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, ", \"%s\": ", name);
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, value);
}

static void
append_amount(StringInfo out, const char *name, const BudgetFacts *facts, int64 number)
{
	Datum		value;

	appendStringInfo(out, ", \"%s\": %s", name, number_of(facts, number, &value) ?
					 DatumGetCString(DirectFunctionCall1(numeric_out, value)) : "null");
}

Jsonb *
budget_full_list(const List *full)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, full)
	{
		const BudgetFull *one = lfirst(cell);

		appendStringInfoString(&out, out.len == 0 ? "[{\"budget\": " : "}, {\"budget\": ");
		escape_json(&out, one->budget);
		append_member(&out, "limit", one->limit);
		append_member(&out, "dimension", one->facts.dimension);
		append_amount(&out, "used", &one->facts, one->facts.used);
		append_amount(&out, "held", &one->facts, one->facts.held);
		append_amount(&out, "max", &one->facts, one->facts.max);
		append_amount(&out, "asked", &one->facts, one->facts.asked);
	}
	appendStringInfoString(&out, out.len == 0 ? "[]" : "}]");
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data)));
}
