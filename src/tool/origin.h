/*
 * origin.h
 *	  Whose a tool is, and what an import may do to it.
 */
#ifndef AGENTCORE_TOOL_ORIGIN_H
#define AGENTCORE_TOOL_ORIGIN_H

#include "tool/tool_definition.h"

/* What an import does where the definition of a tool has changed. */
typedef enum OnChange
{
	ON_CHANGE_REPLACE,
	ON_CHANGE_HOLD,
	ON_CHANGE_REFUSE
} OnChange;

typedef struct ImportRules
{
	const char *tenant;
	const char *origin;
	bool		adopt;			/* tools without an origin too */
	OnChange	on_change;
	bool		strict;			/* a refusal raises */
} ImportRules;

typedef enum ToolAction
{
	TOOL_CREATED,
	TOOL_CHANGED,
	TOOL_UNCHANGED,
	TOOL_HELD,
	TOOL_REFUSED
} ToolAction;

typedef struct ImportResult
{
	ToolAction	action;
	char	   *problem;		/* of what was held or refused */
	Datum		guessed;		/* what the column then says; 0: NULL */
} ImportResult;

/*
 * Writes a usable definition under a name, or does not.  strict: 23505 for a
 * tool of another origin, 55000 for a changed one under ON_CHANGE_REFUSE.
 */
extern ImportResult origin_import(const ImportRules *rules, const char *name, const Definition *definition);

#endif							/* AGENTCORE_TOOL_ORIGIN_H */
