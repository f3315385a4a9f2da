/*
 * rules.h
 *	  Rows of policies and rules as their setters would write them.
 */
#ifndef AGENTCORE_ALLOW_RULES_H
#define AGENTCORE_ALLOW_RULES_H

#include "allow/rule_args.h"

/* locks the policy's row to the end of the transaction; 42704; as the owner, with SPI connected */
extern void allow_lock_policy(const RuleRow *row);

/* arguments 0 and 1, policy and tool: an exact name, 'prefix*' or '*'; 22023 */
extern void allow_read_tool_pattern(FunctionCallInfo fcinfo, RuleRow *row);

/* finds the rule without a name, a RuleRow, or writes it; sets its id */
extern void allow_add_rule(void *arg);

/* the policy's row as policy_set() would leave it; called with its arguments */
extern HeapTuple allow_policy_row(HeapTuple row, TupleDesc desc, FunctionCallInfo fcinfo);

/*
 * The row that policy_allow() or policy_deny() would write, called with their
 * arguments; row has tenant, policy and effect.  Raises what they raise, with
 * SPI connected.
 */
extern HeapTuple allow_rule_row(TupleDesc desc, RuleRow *row, int64 id,
								FunctionCallInfo fcinfo, Datum policy_methods);

/*
 * The same of policy_allow_tool(), policy_deny_tool() and policy_ask_tool(), by the
 * effect in row; called with the arguments of the last.  *name: the rule's, NULL: none.
 */
extern HeapTuple allow_tool_rule_row(TupleDesc desc, const RuleRow *row, int64 id, FunctionCallInfo fcinfo, char **name);

/* one column of a row that is built; 0 stands for NULL */
extern void allow_set_column(TupleDesc desc, Datum *values, bool *nulls, const char *column, Datum value);
extern void allow_set_flag(TupleDesc desc, Datum *values, bool *nulls, const char *column, bool value);

#endif							/* AGENTCORE_ALLOW_RULES_H */
