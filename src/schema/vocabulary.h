/*
 * vocabulary.h
 *	  Keywords as words: which dialect and vocabulary has them, where they hold
 *	  schemas.
 */
#ifndef AGENTCORE_SCHEMA_VOCABULARY_H
#define AGENTCORE_SCHEMA_VOCABULARY_H

#include "schema/program.h"

/* Vocabularies.  Two of them define `format`, with different meanings. */
#define VOCABULARY_CORE			0x01
#define VOCABULARY_APPLICATOR	0x02
#define VOCABULARY_UNEVALUATED	0x04
#define VOCABULARY_VALIDATION	0x08
#define VOCABULARY_METADATA		0x10
#define VOCABULARY_FORMAT		0x20
#define VOCABULARY_CONTENT		0x40
#define VOCABULARY_ALL			0x7f

typedef enum KeywordShape
{
	SHAPE_VALUE,				/* no subschema in it */
	SHAPE_SCHEMA,
	SHAPE_SCHEMA_ARRAY,
	SHAPE_SCHEMA_MAP,
	SHAPE_SCHEMA_OR_ARRAY,		/* items before 2020-12 */
	SHAPE_DEPENDENCIES			/* map of schemas and arrays of names */
} KeywordShape;

typedef struct Keyword
{
	const char *name;
	uint8		dialects;		/* bit (1 << SchemaDialect) */
	uint8		vocabulary;		/* one bit: where 2019-09 and 2020-12 define it */
	KeywordShape shape;
} Keyword;

/* in the order of keyword_list.h */
extern const Keyword keyword_table[];

extern const Keyword *keyword_find(const char *name, uint32 len, SchemaDialect dialect);
extern const Keyword *keyword_of(const SchemaResource *resource, const char *name, uint32 len);

#endif							/* AGENTCORE_SCHEMA_VOCABULARY_H */
