/*
 * tool_definition.h
 *	  One definition of a tool, as a provider or an MCP server writes it, taken
 *	  apart.
 */
#ifndef AGENTCORE_TOOL_TOOL_DEFINITION_H
#define AGENTCORE_TOOL_TOOL_DEFINITION_H

#include "tool/forgive.h"

/* Where the definition stands in a document, and what is known of it so far. */
typedef struct Definition
{
	const char *at;				/* JSON Pointer */
	ToolFormat	format;
	JbItem		body;			/* the object with name and description */
	const char *schema_key;		/* where in the body the schema is, as a pointer without its first slash */
	bool		gemini_schema;	/* in OpenAPI's subset */
	JbItem		schema;
	bool		has_schema;

	char	   *name;			/* as it is written; NULL: none */
	char	   *description;	/* NULL: none */
	Jsonb	   *input_schema;	/* JSON Schema, forgiven */
	bool		has_meta;		/* the format has a place for it */
	Jsonb	   *meta;			/* NULL: it says nothing */
	Jsonb	   *output_schema;	/* of a format with meta; NULL: it has none */
	Datum		ignored;		/* text[] */
	Forgiven	forgiven;
} Definition;

/*
 * Reads one.  declaration: it stands among Gemini's functionDeclarations.  What
 * cannot be a definition raises 22023.
 */
extern void tool_definition_read(Definition *definition, const char *at, const JbItem *item, ToolFormat format, bool declaration);

/* An output schema that cannot be used is kept in meta; what says why. */
extern void tool_definition_keep_output(Definition *definition, const char *what);

/* Raises 22023 for this definition; the detail is a sentence. */
pg_noreturn extern void tool_definition_refuse(const Definition *definition, const char *detail);

/*
 * A tool that the provider runs itself, and that nobody can register: its name
 * in words, else NULL.
 */
extern char *tool_definition_hosted(const JbItem *item, ToolFormat format);

/* What a model is told of a tool beside its name: SHA-256, as hex. */
extern char *tool_definition_digest(const char *description, const Jsonb *input_schema, const Jsonb *meta, const Jsonb *output_schema);

#endif							/* AGENTCORE_TOOL_TOOL_DEFINITION_H */
