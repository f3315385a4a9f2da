/*
 * language.c
 *	  What a $schema means: a dialect, and the vocabularies whose keywords count.
 *
 * A $schema that names no published metaschema names one in the registry.  The
 * $schema of that metaschema says the dialect, its $vocabulary which keywords
 * count.
 *
 * Published metaschemas are looked up first, so that no row of the registry can
 * take the place of one; then the tenant's rows of agentcore.json_schema, where
 * the caller may read them.
 *
 * Memory: the program's context.  Locks: AccessShareLock on the registry while
 * reading.  Errors: 54000 for too many documents; the rest goes to the
 * compiler's problem.
 */
#include "schema/compiler.h"
#include "schema/documents.h"

#include "miscadmin.h"

/* more than any published family of schemas has */
#define MAX_DOCUMENTS 256

/* longest chain of metaschemas, each the $schema of the one before */
#define MAX_LANGUAGES 8

/* what a $schema that is not published was found to mean */
typedef struct Language
{
	char	   *uri;
	SchemaResource meaning;
} Language;

static const struct
{
	const char *name;
	uint8		bit;
}			vocabularies[] = {
	{"core", VOCABULARY_CORE}, {"applicator", VOCABULARY_APPLICATOR}, {"unevaluated", VOCABULARY_UNEVALUATED},
	{"validation", VOCABULARY_VALIDATION}, {"meta-data", VOCABULARY_METADATA}, {"format", VOCABULARY_FORMAT},
	{"format-annotation", VOCABULARY_FORMAT}, {"format-assertion", VOCABULARY_FORMAT}, {"content", VOCABULARY_CONTENT}
};

Jsonb *
document_find(SchemaCompiler *c, const char *uri, char **name, SchemaDialect *dialect)
{
	Jsonb	   *document = published_find(uri, dialect);
	RegistryUse *nobody = NULL;

	*name = pstrdup(uri);
	if (document == NULL && c->tenant != NULL)
		document = registry_find(c->tenant, uri, name, dialect, c->open ? &nobody : &c->program->uses);
	if (document != NULL && ++c->ndocuments > MAX_DOCUMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("schema refers to too many documents"),
				 errdetail("At most %d.", MAX_DOCUMENTS)));
	CHECK_FOR_INTERRUPTS();
	return document;
}

char *
document_declared(const Jsonb *document)
{
	JbItem		root = jb_root(document);
	JbItem		value;

	if (!item_is_object(&root) || !object_find_cstring(jb_container(&root), "$schema", &value) ||
		!JBE_ISSTRING(value.entry))
		return NULL;
	return pnstrdup(value.data, value.len);
}

/* "https://json-schema.org/draft/2020-12/vocab/core" of that dialect: its bit */
static uint8
vocabulary_bit(SchemaDialect dialect, const JbItem *uri, bool *asserts)
{
	const char *prefix = dialect == DIALECT_2019_09 ? "https://json-schema.org/draft/2019-09/vocab/" :
		"https://json-schema.org/draft/2020-12/vocab/";
	uint32		skip = strlen(prefix);

	if (dialect < DIALECT_2019_09 || uri->len <= skip || memcmp(uri->data, prefix, skip) != 0)
		return 0;
	for (int i = 0; i < lengthof(vocabularies); i++)
	{
		const char *name = vocabularies[i].name;
		bool		formats = vocabularies[i].bit == VOCABULARY_FORMAT;

		if (key_compare(uri->data + skip, uri->len - skip, name, strlen(name)) != 0)
			continue;
		/* 2019-09 has one vocabulary of formats, 2020-12 two, and splits unevaluated* off */
		if (formats && (strcmp(name, "format") == 0) != (dialect == DIALECT_2019_09))
			return 0;
		*asserts = strcmp(name, "format-assertion") == 0;
		if (dialect == DIALECT_2019_09 && vocabularies[i].bit == VOCABULARY_APPLICATOR)
			return VOCABULARY_APPLICATOR | VOCABULARY_UNEVALUATED;
		return vocabularies[i].bit;
	}
	return 0;
}

/* $vocabulary of a metaschema; one that is required and unknown is a problem */
static void
read_vocabularies(SchemaCompiler *c, const Jsonb *metaschema, SchemaResource *resource)
{
	JbItem		root = jb_root(metaschema);
	JbItem		declared;
	JbCursor	keys;
	JbCursor	values;

	if (!item_is_object(&root) || !object_find_cstring(jb_container(&root), "$vocabulary", &declared))
		return;
	if (!item_is_object(&declared))
	{
		schema_problem(c, NULL, "$schema", "names a metaschema whose $vocabulary is no object");
		return;
	}
	resource->vocabularies = VOCABULARY_CORE;	/* counts even if it is not named */
	resource->assert_format = false;
	keys = jb_first(jb_container(&declared));
	values = jb_first_value(jb_container(&declared));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&declared)); i++)
	{
		JbItem		uri = jb_next(&keys);
		JbItem		required = jb_next(&values);
		bool		asserts = false;
		uint8		bit = vocabulary_bit(resource->dialect, &uri, &asserts);

		/* 2019-09's vocabulary of formats asserts where it is required */
		if (bit == VOCABULARY_FORMAT && resource->dialect == DIALECT_2019_09)
			asserts = JBE_ISBOOL_TRUE(required.entry);
		if (bit == 0 && !JBE_ISBOOL_FALSE(required.entry))
			schema_problem(c, NULL, "$schema", "names a metaschema that requires the vocabulary \"%.*s\", which is not known",
						   (int) Min(uri.len, 200), uri.data);
		resource->vocabularies |= bit;
		resource->assert_format |= asserts;
	}
}

/* A $schema that only the registry can know; looked up once per compilation. */
static bool
registered_language(SchemaCompiler *c, const char *uri, SchemaResource *resource)
{
	Jsonb	   *metaschema = NULL;
	const char *at = uri;
	int			steps = 0;
	Language   *language;

	while (!dialect_of_uri(at, strlen(at), &resource->dialect))
	{
		char	   *copy = pstrdup(at);
		SchemaDialect own;
		char	   *name;
		Jsonb	   *next;

		if (copy[0] != '\0' && copy[strlen(copy) - 1] == '#')
			copy[strlen(copy) - 1] = '\0';
		next = document_find(c, copy, &name, &own);
		if (next == NULL || ++steps > MAX_LANGUAGES)
			return false;
		if (metaschema == NULL)
			metaschema = next;	/* the others describe only metaschemas */
		at = document_declared(next);
		if (at == NULL)
			return false;
	}
	read_vocabularies(c, metaschema, resource);
	if (c->problem->message != NULL)
		return false;
	language = palloc(sizeof(Language));
	language->uri = pstrdup(uri);
	language->meaning = *resource;
	c->languages = lappend(c->languages, language);
	return true;
}

/*
 * dialect, vocabularies and assert_format of a resource whose $schema is "uri".
 * False when it names nothing known.
 */
bool
language_find(SchemaCompiler *c, const char *uri, SchemaResource *resource)
{
	SchemaResource meaning = {.vocabularies = VOCABULARY_ALL};
	ListCell   *lc;
	bool		known = dialect_of_uri(uri, strlen(uri), &meaning.dialect);

	foreach(lc, c->languages)
		if (!known && strcmp(((Language *) lfirst(lc))->uri, uri) == 0)
		{
			meaning = ((Language *) lfirst(lc))->meaning;
			known = true;
		}
	if (!known && (c->problem->message != NULL || !registered_language(c, uri, &meaning)))
		return false;
	resource->dialect = meaning.dialect;
	resource->vocabularies = meaning.vocabularies;
	resource->assert_format = meaning.assert_format;
	return true;
}
