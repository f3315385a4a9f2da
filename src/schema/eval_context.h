/*
 * eval_context.h
 *	  The state of one walk through a schema and an instance: what the walk
 *	  (eval.c, eval_walk.h), its errors and its output share.
 */
#ifndef AGENTCORE_SCHEMA_EVAL_CONTEXT_H
#define AGENTCORE_SCHEMA_EVAL_CONTEXT_H

#include "schema/schema.h"

/* One step of the way from the instance's root, on the C stack. */
typedef struct EvalFrame
{
	const struct EvalFrame *parent;
	const char *key;			/* NULL: index */
	uint32		len;
	uint32		index;
	int			depth;
} EvalFrame;

typedef struct EvalScope
{
	const struct EvalScope *outer;
	const SchemaResource *resource;
} EvalScope;

/* A reference on the way through the schema, on the C stack; collecting only. */
typedef struct EvalHop
{
	const struct EvalHop *outer;
	const SchemaNode *from;
	const char *keyword;
	const SchemaNode *target;
} EvalHop;

typedef struct EvalContext
{
	const SchemaProgram *program;
	const EvalScope *scope;
	int64		fuel;			/* node visits until the next look at the limits */
	int64		visits;
	struct EvalPlaces *places;	/* numbers to be noted; NULL: nobody asks */
	struct OutputUnits *units;	/* of a valid instance: what its keywords say */
	const EvalHop *hop;			/* the last reference followed */

	/* collecting only: testing does not even set what follows, and must not read it (eval.c) */
	const Jsonb *instance;
	EvalErrors *errors;
	int			errors_left;	/* of all branches together */
	int64		error_bytes;	/* what they say so far */
	int			branch_depth;	/* choices inside choices */
	const EvalFrame *naming;	/* a key that propertyNames judges; NULL: it does not */
	bool		locate;			/* errors carry their locations */
	bool		explain;		/* messages describe what is wanted, for a model */

	int64		looked;			/* what looking around took so far, in visits (place.c) */
	struct KnownNames *known;	/* of the object whose unknown names are told (object_errors.c) */

	/* of the walk, for what looks around when there is an error (place.c) */
	bool		(*holds) (struct EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at);
	void		(*refuel) (struct EvalContext *ctx, const EvalFrame *at);
} EvalContext;

/* deeper choices are reported without the errors of their branches */
#define BRANCH_DEPTH_MAX 4

/* ----- places (location.c) ---------------------------------------------------- */

/* JSON Pointer into the instance */
extern char *eval_path_text(const EvalFrame *at);

/* of a keyword; NULL: of the schema itself */
extern void eval_locate(const EvalContext *ctx, const SchemaNode *node, const char *keyword,
						char **keyword_location, char **absolute_location);

#endif							/* AGENTCORE_SCHEMA_EVAL_CONTEXT_H */
