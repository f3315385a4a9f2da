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

/* reports a pattern that no tool has */
extern void lint_pattern(const LintHouse *house, const char *rule, const char *pattern, const LintReport *report);

/* reports a function of the business that may not be run */
extern void lint_function(const LintHouse *house, const char *rule, const char *function, CheckKind kind,
						  const LintReport *report);

#endif							/* AGENTCORE_ALLOW_LINT_ROOM_H */
