/*
 * members.h
 *	  What a budget is defined by, in one order: the arguments of budget_set() and
 *	  of budget_template_set(), and the columns of their tables.
 *
 * A new member has its place in each of the lists of this file, in
 * define_put_members(), in the table of budgets (the templates' has the same
 * columns), and in what SQL sees of both.
 */
#ifndef AGENTCORE_BUDGET_MEMBERS_H
#define AGENTCORE_BUDGET_MEMBERS_H

/* The arguments; what only one of the two functions has follows. */
enum
{
	A_NAME,						/* of a template its pattern */
	A_MAX_TOKENS, A_MAX_USD, A_MAX_CALLS, A_MAX_IN_FLIGHT, A_PERIOD, A_KIND, A_TZ, A_ANCHOR, A_PARENT,
	A_ON_EXPIRY, A_OVERRUN, A_ENABLED, A_THRESHOLDS, A_SPENDERS, A_MAX_OVERRUN, A_MIN_HOLD_TOKENS, A_MIN_HOLD_USD,
	A_ONLY, A_ON_FULL, A_OVERFLOW, A_FURTHER
};

/* AgcMembers; the parent's differs */
#define BUDGET_MEMBERS(...) \
	{"max_tokens"}, {"max_usd"}, {"max_calls"}, {"max_in_flight"}, {"period"}, {"kind"}, {"tz", "UTC"}, {"anchor"}, {__VA_ARGS__}, \
	{"on_expiry", "release"}, {"overrun", "charge"}, {"enabled", "true"}, {"thresholds", "{}"}, {"spenders"}, {"max_overrun"}, {"min_hold_tokens"}, {"min_hold_usd"}, \
	{"only"}, {"on_full", "deny"}, {"overflow"}

/* the columns; of: a table's name with its dot */
#define BUDGET_COLUMNS BUDGET_COLUMNS_OF("")
#define BUDGET_COLUMNS_OF(of) \
	of "max_tokens, " of "max_nanousd, " of "max_calls, " of "max_in_flight, " of "period, " of "kind, " of "tz, " of "anchor, " of "parent, " \
	of "on_expiry, " of "overrun, " of "enabled, " of "thresholds, " of "spenders, " of "max_overrun, " of "min_hold_tokens, " of "min_hold_nanousd, " \
	of "\"only\", " of "on_full, " of "overflow"

/* the same as the arguments have them */
#define BUDGET_ARGUMENTS \
	"max_tokens, max_nanousd * 0.000000001, max_calls, max_in_flight, period, kind, tz, anchor, parent," \
	" on_expiry, overrun, enabled, thresholds, spenders::name[], max_overrun, min_hold_tokens, min_hold_nanousd * 0.000000001," \
	" \"only\", on_full, overflow"

/* the parameters of a statement that has tenant and name before them */
#define BUDGET_TYPES \
	INT8OID, INT8OID, INT8OID, INT4OID, INTERVALOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, \
	TEXTOID, TEXTOID, BOOLOID, INT4ARRAYOID, TEXTARRAYOID, NUMERICOID, INT8OID, INT8OID, \
	TEXTARRAYOID, TEXTOID, TEXTOID
#define BUDGET_VALUES "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22"

/* Whether two rows say the same; equal intervals may be different periods. */
#define BUDGET_SAME_WINDOW(a, b) \
	"(" a "kind, " a "tz, " a "anchor, " a "period::text) IS NOT DISTINCT FROM (" b "kind, " b "tz, " b "anchor, " b "period::text)"
#define BUDGET_SAME_LIMITS(a, b) \
	"(" a "max_tokens, " a "max_nanousd, " a "max_calls, " a "max_in_flight) IS NOT DISTINCT FROM" \
	" (" b "max_tokens, " b "max_nanousd, " b "max_calls, " b "max_in_flight)"
#define BUDGET_SAME(a, b) \
	BUDGET_SAME_WINDOW(a, b) " AND ROW(" BUDGET_COLUMNS_OF(a) ") IS NOT DISTINCT FROM ROW(" BUDGET_COLUMNS_OF(b) ")"

#endif							/* AGENTCORE_BUDGET_MEMBERS_H */
