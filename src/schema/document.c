/*
 * document.c
 *	  Loading another document, which a reference names.
 *
 * A document without `$schema` is read in the dialect of the schema that refers
 * to it.
 *
 * Memory: the program's context.  Locks: AccessShareLock on the registry while
 * reading.  Errors: as language.c.
 */
#include "schema/compiler.h"

/* Load and frame the document of a URI without fragment; false: there is none. */
bool
document_load(SchemaCompiler *c, const char *uri, SchemaDialect dialect)
{
	SchemaResource *resource;
	SchemaPath *path;
	SchemaDialect own = DIALECT_AUTO;
	char	   *name;
	Jsonb	   *document = document_find(c, uri, &name, &own);
	char	   *declared;

	if (document == NULL || c->problem->message != NULL)
		return false;
	resource = palloc0(sizeof(SchemaResource));
	resource->base = name;
	resource->root = jb_root(document);
	resource->dialect = dialect;
	resource->vocabularies = VOCABULARY_ALL;
	declared = document_declared(document);
	if (declared != NULL && !language_find(c, declared, resource))
	{
		schema_problem(c, NULL, "$schema", "of the document \"%.200s\" names a dialect that is not supported", uri);
		return false;
	}
	if (own != DIALECT_AUTO)
		resource->dialect = own;
	path = palloc0(sizeof(SchemaPath));
	path->token = name;
	path->len = strlen(name);
	path->document = true;
	frame_root(c, resource, path);
	return true;
}
