/*
 * keyword.h
 *	  Compilers of single keywords, for the table in keyword.c.
 */
#ifndef AGENTCORE_SCHEMA_KEYWORD_H
#define AGENTCORE_SCHEMA_KEYWORD_H

#include "schema/compiler.h"

typedef void KeywordCompiler(SchemaCompiler *c, SchemaNode *node, const JbItem *value);

/* keyword_types.c: keywords of one type of instance */
extern KeywordCompiler kw_dependencies;
extern KeywordCompiler kw_dependent_required;
extern KeywordCompiler kw_dependent_schemas;
extern KeywordCompiler kw_exclusive_maximum;
extern KeywordCompiler kw_exclusive_minimum;
extern KeywordCompiler kw_format;
extern KeywordCompiler kw_max_contains;
extern KeywordCompiler kw_max_items;
extern KeywordCompiler kw_max_length;
extern KeywordCompiler kw_max_properties;
extern KeywordCompiler kw_maximum;
extern KeywordCompiler kw_min_contains;
extern KeywordCompiler kw_min_items;
extern KeywordCompiler kw_min_length;
extern KeywordCompiler kw_min_properties;
extern KeywordCompiler kw_minimum;
extern KeywordCompiler kw_multiple_of;
extern KeywordCompiler kw_pattern;
extern KeywordCompiler kw_pattern_properties;
extern KeywordCompiler kw_properties;
extern KeywordCompiler kw_unique_items;

extern SchemaNode **keyword_schemas(SchemaCompiler *c, SchemaNode *node, const char *keyword,
									const JbItem *value, bool may_be_empty, uint32 *count);

#endif							/* AGENTCORE_SCHEMA_KEYWORD_H */
