/*
 * eval.h
 *	  Judging a document by a program: what the walk (eval.c, eval_walk.h), its
 *	  errors (errors.c) and the specification's output (output.c) share.
 */
#ifndef AGENTCORE_SCHEMA_EVAL_H
#define AGENTCORE_SCHEMA_EVAL_H

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

	/* collecting only */
	EvalErrors *errors;
	int			errors_left;	/* of all branches together */
	int64		error_bytes;	/* what they say so far */
	int			branch_depth;	/* choices inside choices */
	const EvalHop *hop;			/* the last reference followed */
	bool		locate;			/* errors carry their locations */
	struct OutputUnits *units;	/* of a valid instance: what its keywords say */
} EvalContext;

/* deeper choices are reported without the errors of their branches */
#define BRANCH_DEPTH_MAX 4

/*
 * The first error of a schema that compiles, by a published metaschema, whose
 * work is linear: without agentcore.max_node_visits.  NULL: valid.
 */
extern EvalErrors *schema_errors_of_schema(const SchemaProgram *metaschema, const Jsonb *schema);

/* the same with locations; and what the keywords of a valid instance say (output.c) */
extern EvalErrors *schema_located_errors(const SchemaProgram *program, const Jsonb *instance, int limit);
extern void schema_annotate(const SchemaProgram *program, const Jsonb *instance, struct OutputUnits *units);

/* ----- errors (errors.c) ------------------------------------------------------ */

extern char *eval_path_text(const EvalFrame *at);
extern char *type_list(uint8 types);

extern void error_false(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_type(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item);
extern void error_count(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						const char *keyword, uint32 limit, uint32 got);
extern void error_number(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						 const char *keyword, const Number *limit);
extern void error_pattern(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_format(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_required(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						   const Property *missing);
extern void error_dependency(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
							 const Dependency *dependency, const JbItem *missing);
extern void error_unknown_key(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
							  const char *keyword);
extern void error_extra_item(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword);
extern void error_unique(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second);
extern void error_value(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
						const JbItem *item);
extern void error_branches(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
						   EvalErrors **branches, uint32 nbranches, const JbItem *item);
extern void error_many(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second);
extern void error_not(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);

/* ----- the specification's output (output.c) ---------------------------------- */

extern void output_locate(const EvalContext *ctx, const SchemaNode *node, const char *keyword,
						  char **keyword_location, char **absolute_location);
extern void output_annotate(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at);
extern Jsonb *schema_output(const SchemaProgram *program, const Jsonb *instance, bool basic);

#endif							/* AGENTCORE_SCHEMA_EVAL_H */
