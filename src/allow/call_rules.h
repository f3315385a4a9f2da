/*
 * call_rules.h
 *	  The rules of a policy that look at the call itself: conditional ones, and
 *	  those that ask a person.
 *
 * Part of the room's public face: allow.h includes it.
 */
#ifndef AGENTCORE_ALLOW_CALL_RULES_H
#define AGENTCORE_ALLOW_CALL_RULES_H

#include "allow/condition.h"

/* An ask that applies: what its approvals must satisfy. */
typedef struct CallAsk
{
	const char *policy;			/* NULL: the tool's needs_approval */
	const char *name;			/* of the rule */
	int64		rule;			/* its id */
	const char *approvers;		/* a role; NULL: any approver or administrator */
	int			votes;
	bool		self;			/* a role that the requester can act as may vote */
	int64		decide_within;	/* us */
	int			nbind;
	char	  **bind;			/* JSON Pointers into the arguments; none: all of them count */
	const char *feedback;		/* may be NULL */
} CallAsk;

/* One rule's word, as call_explain() shows it. */
typedef struct RuleWord
{
	const char *policy;
	int64		id;
	const char *name;			/* may be NULL */
	const char *effect;			/* allow, deny, ask, check */
	const char *pattern;
	Truth		truth;
	const char *pointer;		/* that decided; may be NULL */
	bool		audit;
} RuleWord;

typedef struct CallJudgement
{
	const char *reason;			/* of errors.h; NULL: allowed, once every ask is satisfied */
	char	   *detail;			/* names the rule */
	char	   *feedback;		/* the rule's own, else which member was wrong; never a value */
	const char *pointer;		/* that was wrong; may be NULL */
	int64		rule;			/* that refused; 0: none in particular */
	int64		allowed_by;		/* the rule that allows it; 0: the tool's name does */
	bool		looked;			/* a rule looks at calls of this tool; if not, its name decides alone */
	bool		has_checks;		/* of some tool */
	int			nasks;
	CallAsk    *asks;			/* that apply; none in a refusal */

	/* what a rule with audit would have refused; NULL: nothing */
	const char *observed_reason;
	char	   *observed_detail;
	int64		observed_rule;
} CallJudgement;

/*
 * Judges the call by the agent's policy, and by the policies '*' of the tenant
 * and of tenant '*'.  Deny beats ask beats allow, and no allow is a denial.
 * Results are in CurrentMemoryContext.  Nothing is raised for what stands in the
 * context.
 */
extern void allow_judge_call(const char *tenant, const char *policy, const char *tool, RuleContext *context,
							 CallJudgement *out);

/* whether a check of the policy looks at calls of the tool */
extern bool allow_has_checks(const char *tenant, const char *policy, const char *tool);

/* the same of the policies '*' beside it, too */
extern bool allow_checks_look(const char *tenant, const char *policy, const char *tool);

/* the checks for the tool, once the rules let the call pass; what they refuse is put into *out */
extern void allow_run_checks(const char *tenant, const char *policy, const char *tool, RuleContext *context,
							 CallJudgement *out);

/* the same for one who wants to see every rule that names the tool: a list of RuleWord */
extern List *allow_explain_call(const char *tenant, const char *policy, const char *tool, RuleContext *context);

/* every check that looks at the tool, run: true is a refusal, unknown one that failed */
extern List *allow_explain_checks(const char *tenant, const char *policy, const char *tool, RuleContext *context);

/* an ask by its name, whether it applies or not; false: there is none */
extern bool allow_find_ask(const char *tenant, const char *policy, const char *name, CallAsk *out);

/* whether the policies '*' beside the agent's have rules that look at calls, or checks */
extern bool allow_common_judges_calls(const char *tenant);

#endif							/* AGENTCORE_ALLOW_CALL_RULES_H */
