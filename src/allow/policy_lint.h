/*
 * policy_lint.h
 *	  What is likely wrong with a rule for tools, told while it is written.
 */
#ifndef AGENTCORE_ALLOW_POLICY_LINT_H
#define AGENTCORE_ALLOW_POLICY_LINT_H

#include "allow/rule_lint.h"

/* Of an allow without condition or end that is written: NOTICEs about the rules that it makes idle.  Not as the owner. */
extern void lint_notice_idle(const char *tenant, const char *policy, const LintRule *rule);

#endif							/* AGENTCORE_ALLOW_POLICY_LINT_H */
