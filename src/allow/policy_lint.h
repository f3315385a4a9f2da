/*
 * policy_lint.h
 *	  What is likely wrong with a rule for tools, told while it is written.
 */
#ifndef AGENTCORE_ALLOW_POLICY_LINT_H
#define AGENTCORE_ALLOW_POLICY_LINT_H

#include "allow/rule_lint.h"

/* raises 22023 for a condition on a member that no tool of the rule can have */
extern void lint_refuse(const char *tenant, const LintRule *rule);

/* a few NOTICEs; the rule is written.  Not as the owner. */
extern void lint_notice(const char *tenant, const char *policy, const LintRule *rule);

#endif							/* AGENTCORE_ALLOW_POLICY_LINT_H */
