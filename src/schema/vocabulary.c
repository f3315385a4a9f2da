/*
 * vocabulary.c
 *	  What a keyword is: the dialects and the vocabulary that have it, and the
 *	  shape of its subschemas.  What it does is in keyword.c.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: none.
 */
#include "schema/schema.h"
#include "schema/vocabulary.h"

#define D4		(1 << DIALECT_DRAFT4)
#define D6		(1 << DIALECT_DRAFT6)
#define D7		(1 << DIALECT_DRAFT7)
#define D19		(1 << DIALECT_2019_09)
#define D20		(1 << DIALECT_2020_12)
#define ALL		(D4 | D6 | D7 | D19 | D20)
#define FROM6	(ALL & ~D4)
#define FROM7	(D7 | D19 | D20)
#define FROM19	(D19 | D20)

#define CORE		VOCABULARY_CORE
#define APPLICATOR	VOCABULARY_APPLICATOR
#define UNEVALUATED	VOCABULARY_UNEVALUATED
#define VALIDATION	VOCABULARY_VALIDATION
#define METADATA	VOCABULARY_METADATA
#define FORMAT		VOCABULARY_FORMAT
#define CONTENT		VOCABULARY_CONTENT

const Keyword keyword_table[] = {
#define KEYWORD(name, dialects, vocabulary, shape, compiler) {name, dialects, vocabulary, shape},
#include "schema/keyword_list.h"
#undef KEYWORD
};

const Keyword *
keyword_find(const char *name, uint32 len, SchemaDialect dialect)
{
	for (int i = 0; i < lengthof(keyword_table); i++)
		if (keyword_table[i].name[0] == name[0] && (keyword_table[i].dialects & (1 << dialect)) &&
			strlen(keyword_table[i].name) == len && memcmp(keyword_table[i].name, name, len) == 0)
			return &keyword_table[i];
	return NULL;
}

/* NULL also for a keyword of a vocabulary that the resource's metaschema leaves out */
const Keyword *
keyword_of(const SchemaResource *resource, const char *name, uint32 len)
{
	const Keyword *keyword = keyword_find(name, len, resource->dialect);

	return keyword != NULL && (keyword->vocabulary & resource->vocabularies) ? keyword : NULL;
}

/* The same letters, in any case and however they are separated: ANY_OF. */
static bool
same_letters(const char *keyword, const char *word, uint32 len)
{
	for (uint32 i = 0; i < len; i++)
	{
		if (word[i] == '_' || word[i] == '-' || word[i] == ' ')
			continue;
		if (pg_ascii_tolower((unsigned char) *keyword) != pg_ascii_tolower((unsigned char) word[i]))
			return false;
		keyword++;
	}
	return *keyword == '\0';
}

/*
 * Words that others put into schemas, near to keywords or not, are left alone:
 * OpenAPI's, Gemini's, and extensions, which begin with "x-" or "$".
 */
const char *
schema_misspelt_keyword(const char *word, uint32 len)
{
	static const char *const others[] = {
		"example", "nullable", "discriminator", "xml", "externalDocs", "propertyOrdering", "enumNames", "ref", "defs",
		"order", "group", "label", "name", "units", "option", "options", "formats", "style", "hidden"
	};
	AgcNearest	nearest = {.limit = 1};

	if (len < 3 || len > 40 || word[0] == '$' || (word[0] == 'x' && word[1] == '-'))
		return NULL;
	for (int dialect = DIALECT_DRAFT4; dialect <= DIALECT_2020_12; dialect++)
		if (keyword_find(word, len, (SchemaDialect) dialect) != NULL)
			return NULL;
	for (int i = 0; i < lengthof(others); i++)
		if (strlen(others[i]) == len && memcmp(others[i], word, len) == 0)
			return NULL;
	for (int i = 0; i < lengthof(keyword_table); i++)
		if (same_letters(keyword_table[i].name, word, len))
			return keyword_table[i].name;
	nearest.wanted = pnstrdup(word, len);
	for (int i = 0; i < lengthof(keyword_table); i++)
		agc_nearest_add(&nearest, keyword_table[i].name);
	return nearest.count > 0 ? nearest.name[0] : NULL;
}
