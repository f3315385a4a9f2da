/*
 * eval_errors.h
 *	  One function per kind of error.
 */
#ifndef AGENTCORE_SCHEMA_EVAL_ERRORS_H
#define AGENTCORE_SCHEMA_EVAL_ERRORS_H

#include "schema/choice.h"
#include "schema/error_params.h"
#include "schema/eval_context.h"

/* ----- making one (eval_errors.c) ----- */
extern bool error_full(EvalContext *ctx);
extern EvalError *error_add(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
							char *message);
extern void error_set_params(EvalContext *ctx, EvalError *error, Params *params);
extern const char *item_type_name(const JbItem *item);

/* ----- values (eval_errors.c) ----- */

extern void error_false(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_type(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item);
extern void error_count(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						const char *keyword, uint32 limit, uint32 got);
extern void error_number(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						 const char *keyword, const Number *limit);
extern void error_pattern(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_format(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item);
extern void error_extra_item(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
							 uint32 most);
extern void error_unique(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second);
extern void error_value(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
						const JbItem *item);
/* ----- members (object_errors.c) ----- */
extern void error_required(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						   const Property *missing);
extern void error_dependency(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
							 const Dependency *dependency, const JbItem *missing);
extern void error_unknown_key(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
							  const char *keyword);
extern void error_end_name(EvalContext *ctx, int first);
extern void error_optional(EvalContext *ctx, int first, const EvalFrame *at);

/* ----- choices (choice_errors.c) ----- */
extern void error_branches(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const Choice *choice,
						   EvalErrors **branches, const JbItem *item);
extern void error_many(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const Choice *choice,
					   uint32 first, uint32 second);
extern void error_not(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item);

#endif							/* AGENTCORE_SCHEMA_EVAL_ERRORS_H */
