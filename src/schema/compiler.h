/*
 * compiler.h
 *	  How a document becomes a program: what compile.c, frame.c, document.c,
 *	  dialect.c, metaschema.c, registry.c and the keywords share.
 */
#ifndef AGENTCORE_SCHEMA_COMPILER_H
#define AGENTCORE_SCHEMA_COMPILER_H

#include "schema/schema.h"

/* ----- dialects and documents ------------------------------------------------ */

extern bool dialect_of_uri(const char *uri, uint32 len, SchemaDialect *dialect);
extern Jsonb *dialect_translate_agentvet(const Jsonb *schema, bool additional, SchemaProblem *problem);

/* the published metaschemas (metaschema.c) */
extern Jsonb *metaschema_find(const char *uri, SchemaDialect *dialect);
extern Size metaschema_bytes(SchemaDialect dialect, int64 *hits);	/* 0: not compiled in this session */

/* by URI, else by its own $id; noted in *uses.  *name: the URI it is registered by. */
extern Jsonb *registry_find(const char *tenant, const char *uri, char **name, SchemaDialect *dialect,
							RegistryUse **uses);

/* what a format says of a URL, in any case; NULL: nothing (url_strings.c) */
extern const UrlFormat *url_format(const JbItem *format);

/* ----- keywords (keyword.c, keyword_types.c) ---------------------------------- */

typedef enum KeywordShape
{
	SHAPE_VALUE,				/* no subschema in it */
	SHAPE_SCHEMA,
	SHAPE_SCHEMA_ARRAY,
	SHAPE_SCHEMA_MAP,
	SHAPE_SCHEMA_OR_ARRAY,		/* items before 2020-12 */
	SHAPE_DEPENDENCIES			/* map of schemas and arrays of names */
} KeywordShape;

typedef struct SchemaCompiler SchemaCompiler;

typedef struct Keyword
{
	const char *name;
	uint8		dialects;		/* bit (1 << SchemaDialect) */
	uint8		vocabulary;		/* one bit: where 2019-09 and 2020-12 define it */
	KeywordShape shape;
	void		(*compile) (SchemaCompiler *c, SchemaNode *node, const JbItem *value);
} Keyword;

extern StringRules *string_rules(SchemaNode *node);
extern NumberRules *number_rules(SchemaNode *node);
extern ArrayRules *array_rules(SchemaNode *node);
extern ObjectRules *object_rules(SchemaNode *node);
extern AnyRules *any_rules(SchemaNode *node);
extern const Keyword *keyword_find(const char *name, uint32 len, SchemaDialect dialect);
extern const Keyword *keyword_of(const SchemaResource *resource, const char *name, uint32 len);

/* Vocabularies; `format` is one keyword of two that differ in what it means. */
#define VOCABULARY_CORE			0x01
#define VOCABULARY_APPLICATOR	0x02
#define VOCABULARY_UNEVALUATED	0x04
#define VOCABULARY_VALIDATION	0x08
#define VOCABULARY_METADATA		0x10
#define VOCABULARY_FORMAT		0x20
#define VOCABULARY_CONTENT		0x40
#define VOCABULARY_ALL			0x7f

/* frames: every schema position of the document (frame.c) */
typedef struct SchemaFrame
{
	const char *data;			/* hash key: the container in the document */
	const SchemaPath *path;
	SchemaResource *resource;
	SchemaNode *node;
	uint32		depth;
} SchemaFrame;

typedef struct SchemaAnchor
{
	const char *uri;			/* absolute, with "#name" for an anchor */
	JbItem		item;
	SchemaResource *resource;
	const char *dynamic;		/* $dynamicAnchor: its name */
	bool		linked;			/* compile.c has looked at it */
} SchemaAnchor;

struct SchemaCompiler
{
	SchemaProgram *program;
	MemoryContext scratch;
	SchemaProblem *problem;
	const char *tenant;			/* whose registry; NULL: bundled documents only */
	bool		open;			/* unknown documents are let pass */
	const char *missing;		/* the document that the last reference did not find */
	int			ndocuments;		/* read beside the schema itself */
	List	   *languages;		/* registered metaschemas that $schema has named */
	bool		assert_format;
	Size		pattern_bytes;	/* of all patterns so far */
	struct HTAB *frames;
	List	   *resources;
	List	   *pending;		/* nodes still to be filled */
	SchemaNode *last;
	SchemaAnchor *anchors;		/* sorted by uri once framed */
	int			nanchors;
	int			maxanchors;
};

extern void frame_document(SchemaCompiler *c, const JbItem *root, SchemaDialect dialect);

/* documents other than the one being compiled (document.c) */
extern bool document_load(SchemaCompiler *c, const char *uri, SchemaDialect dialect);
extern bool document_language(SchemaCompiler *c, const char *uri, SchemaResource *resource);
extern void frame_root(SchemaCompiler *c, SchemaResource *resource, const SchemaPath *path);
extern SchemaFrame *frame_at(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
							 SchemaResource *resource, uint32 depth);
extern bool frame_resolve(SchemaCompiler *c, const SchemaNode *from, const char *ref, uint32 len,
						  JbItem *item, SchemaFrame **frame, const SchemaAnchor **anchor);
extern void schema_problem(SchemaCompiler *c, const SchemaPath *path, const char *keyword,
						   const char *fmt,...) pg_attribute_printf(4, 5);
extern SchemaNode *schema_reference(SchemaCompiler *c, SchemaNode *from, const char *keyword, const JbItem *value,
									const SchemaAnchor **anchor);
extern SchemaNode *schema_child(SchemaCompiler *c, const SchemaNode *parent, const JbItem *item,
								const SchemaPath *path);
extern void check_schema_depth(uint32 depth);

#endif							/* AGENTCORE_SCHEMA_COMPILER_H */
