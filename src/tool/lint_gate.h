/*
 * lint_gate.h
 *	  The state of one lint, its rows, and the part that is the gate's.
 */
#ifndef AGENTCORE_TOOL_LINT_GATE_H
#define AGENTCORE_TOOL_LINT_GATE_H

#include "tool/provider_rules.h"

#include "nodes/execnodes.h"

typedef struct Lint
{
	const SchemaProgram *program;
	Provider	provider;
	const char *tenant;			/* GATE: of the tool */
	ReturnSetInfo *result;		/* NULL: only the first refusal is wanted */
	bool		strict;			/* refusals of the strict mode count */
	Refusal		refusal;		/* the first one */
	int64		properties;
	int64		optional;
	int64		unions;
	int64		enum_values;
	int64		text;			/* characters of names and enum values */
} Lint;

/* A row; rule NULL: none of a provider. */
extern void lint_put(Lint *lint, const char *path, const char *keyword, Effect effect, const char *problem,
					 const ProviderRule *rule);

/* provider "agentcore" */
extern void lint_gate(Lint *lint, const ToolDef *tool);

#endif							/* AGENTCORE_TOOL_LINT_GATE_H */
