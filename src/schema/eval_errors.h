/*
 * eval_errors.h
 *	  One function per kind of error.
 */
#ifndef AGENTCORE_SCHEMA_EVAL_ERRORS_H
#define AGENTCORE_SCHEMA_EVAL_ERRORS_H

#include "schema/eval_context.h"

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

#endif							/* AGENTCORE_SCHEMA_EVAL_ERRORS_H */
