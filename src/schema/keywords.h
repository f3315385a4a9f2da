/*
 * keywords.h
 *	  Compilers of single keywords; keyword_list.h has them all.
 */
#ifndef AGENTCORE_SCHEMA_KEYWORDS_H
#define AGENTCORE_SCHEMA_KEYWORDS_H

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

/* rules of a node, made when its first keyword needs them */
extern StringRules *string_rules(SchemaNode *node);
extern NumberRules *number_rules(SchemaNode *node);
extern ArrayRules *array_rules(SchemaNode *node);
extern ObjectRules *object_rules(SchemaNode *node);
extern AnyRules *any_rules(SchemaNode *node);

/* keyword.c */
extern void keyword_compile(SchemaCompiler *c, SchemaNode *node, const Keyword *keyword, const JbItem *value);

#endif							/* AGENTCORE_SCHEMA_KEYWORDS_H */
