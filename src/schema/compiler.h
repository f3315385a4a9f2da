/*
 * compiler.h
 *	  The state of one compilation: what compile.c, the keywords, node.c and the
 *	  framing of documents share.
 */
#ifndef AGENTCORE_SCHEMA_COMPILER_H
#define AGENTCORE_SCHEMA_COMPILER_H

#include "schema/schema.h"
#include "schema/vocabulary.h"

/* ----- dialects and documents ------------------------------------------------ */

extern bool dialect_of_uri(const char *uri, uint32 len, SchemaDialect *dialect);
extern Jsonb *dialect_translate_agentvet(const Jsonb *schema, bool additional, SchemaProblem *problem);

typedef struct SchemaCompiler SchemaCompiler;

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
	const char *tenant;			/* whose registry; NULL: published metaschemas only */
	bool		open;			/* references to unknown documents are accepted */
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

/* ----- framing a document (frame.c, resolve.c, document.c, language.c) --------- */

extern void frame_document(SchemaCompiler *c, const JbItem *root, SchemaDialect dialect);
extern void frame_root(SchemaCompiler *c, SchemaResource *resource, const SchemaPath *path);
extern SchemaFrame *frame_at(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
							 SchemaResource *resource, uint32 depth);
extern bool frame_resolve(SchemaCompiler *c, const SchemaNode *from, const char *ref, uint32 len,
						  JbItem *item, SchemaFrame **frame, const SchemaAnchor **anchor);

/* documents other than the one being compiled */
extern bool document_load(SchemaCompiler *c, const char *uri, SchemaDialect dialect);
extern Jsonb *document_find(SchemaCompiler *c, const char *uri, char **name, SchemaDialect *dialect);
extern char *document_declared(const Jsonb *document);
extern bool language_find(SchemaCompiler *c, const char *uri, SchemaResource *resource);

/* ----- making nodes (node.c) ---------------------------------------------------- */

extern SchemaNode *schema_reference(SchemaCompiler *c, SchemaNode *from, const char *keyword, const JbItem *value,
									const SchemaAnchor **anchor);
extern SchemaNode *schema_child(SchemaCompiler *c, const SchemaNode *parent, const JbItem *item,
								const SchemaPath *path);

/* ----- refusing (problem.c) ------------------------------------------------------ */

extern void schema_problem(SchemaCompiler *c, const SchemaPath *path, const char *keyword,
						   const char *fmt,...) pg_attribute_printf(4, 5);
extern void check_schema_depth(uint32 depth);

#endif							/* AGENTCORE_SCHEMA_COMPILER_H */
