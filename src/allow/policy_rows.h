/*
 * policy_rows.h
 *	  The policy tables, and what their rows say.  Results are in
 *	  CurrentMemoryContext.
 */
#ifndef AGENTCORE_ALLOW_POLICY_ROWS_H
#define AGENTCORE_ALLOW_POLICY_ROWS_H

#include "allow/compiled_policy.h"

extern AgcTable allow_policy_table;
extern AgcTable allow_rule_table;
extern AgcTable allow_range_table;
extern AgcTable allow_name_table;
extern AgcTable allow_check_table;

/* a column of type text[] as C strings; NULL for SQL NULL */
extern char **allow_col_texts(HeapTuple tuple, TupleDesc desc, const char *column, int *count);

/*
 * The half-open range of microseconds for which a rule holds.  Of an empty
 * range the end is not after the beginning.
 */
extern void allow_valid_bounds(Datum range, TimestampTz *from, TimestampTz *until);

/* A row of policy_rule; the readers return false when it is not canonical. */
extern bool allow_row_is_tool(HeapTuple tuple, TupleDesc desc);
extern bool allow_read_tool_rule(HeapTuple tuple, TupleDesc desc, ToolRule *rule);

/* text: ALLOW_PATTERN_TEXT bytes, which the rule's pattern points into */
extern bool allow_read_url_rule(HeapTuple tuple, TupleDesc desc, UrlRule *rule, char *text);

/* a row of special_range, and one of special_name (false when not canonical) */
extern void allow_read_range(HeapTuple tuple, TupleDesc desc, UrlRule *rule);
extern bool allow_read_name(HeapTuple tuple, TupleDesc desc, UrlRule *rule);

#endif							/* AGENTCORE_ALLOW_POLICY_ROWS_H */
