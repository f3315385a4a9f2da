/*
 * lint_room.h
 *	  What is likely wrong with a policy: what rooms above have in one, beside its
 *	  rules and checks.
 *
 * Part of the room's public face: allow.h includes it.
 */
#ifndef AGENTCORE_ALLOW_LINT_ROOM_H
#define AGENTCORE_ALLOW_LINT_ROOM_H

#include "allow/check_function.h"
#include "allow/condition.h"

typedef enum LintValues
{
	LINT_ANY,
	LINT_SCALAR,				/* no list or object */
	LINT_NUMBER
} LintValues;

/* What reads the calls of a tool. */
typedef struct LintRule
{
	const char *name;			/* as it is shown */
	const char *pattern;
	const char *effect;			/* as in policy_rule; or fact, or limit */
	const Condition *when;		/* NULL: always */
	int			npointers;
	char	  **pointers;		/* that it reads beside its condition */
	LintValues	values;			/* that it can read there */
} LintRule;

/* An allow without condition or end. */
typedef struct LintAllow
{
	const char *name;			/* as it is shown */
	const char *pattern;
} LintAllow;

/* What a rule is compared with. */
typedef struct LintHouse
{
	const char *tenant;
	int			ntools;
	char	  **tools;
	int			nallows;
	LintAllow  *allows;
	List	   *sums;			/* patterns of tools of which an argument is added up, up to a maximum */
	List	   *facts;			/* that something gives */
} LintHouse;

typedef struct LintReport
{
	/* tool NULL: whichever; hint may be NULL */
	void		(*tell) (const char *rule, const char *tool, const char *problem, const char *hint, void *arg);
	void	   *arg;
	bool		at_writing;		/* only what a NOTICE says */
} LintReport;

/* A room above that has something in policies. */
typedef struct LintRoom
{
	/* adds what its part of the policy means for rules to the house */
	void		(*furnish) (LintHouse *house, const char *policy);

	/* reports what is wrong with its part of the policy */
	void		(*lint) (const LintHouse *house, const char *policy, const LintReport *report);
} LintRoom;

/* while the library is loaded; the room is not copied */
extern void lint_register(const LintRoom *room);

/*
 * Of a rule that is being written: raises 22023 for a pointer at what no tool of
 * the rule can have; and a few NOTICEs, not as the owner.
 */
extern void lint_refuse(const char *tenant, const LintRule *rule);
extern void lint_notice(const char *tenant, const char *policy, const LintRule *rule);

/* reports what is wrong with a rule, by the tools that there are */
extern void lint_rule(const LintHouse *house, const LintRule *rule, const LintReport *report);

/* reports a pattern that no tool has */
extern void lint_pattern(const LintHouse *house, const char *rule, const char *pattern, const LintReport *report);

/* reports a function of the business that may not be run */
extern void lint_function(const LintHouse *house, const char *rule, const char *function, CheckKind kind,
						  const LintReport *report);

#endif							/* AGENTCORE_ALLOW_LINT_ROOM_H */
