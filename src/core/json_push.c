/*
 * json_push.c
 *	  Building jsonb of texts and of documents.
 *
 * Memory: CurrentMemoryContext; the state keeps the pointers until it is read.
 * Locks: none.  On ERROR: nothing to undo.
 */
#include "core/core.h"

JsonbValue *
agc_push_bytes(JsonbParseState **state, JsonbIteratorToken as, const char *bytes, int len)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, bytes);
	value.val.string.len = len;
	return pushJsonbValue(state, as, &value);
}

JsonbValue *
agc_push_text(JsonbParseState **state, JsonbIteratorToken as, const char *text)
{
	return agc_push_bytes(state, as, text, strlen(text));
}

JsonbValue *
agc_push_jsonb(JsonbParseState **state, JsonbIteratorToken as, const Jsonb *document)
{
	JsonbContainer *root = unconstify(JsonbContainer *, &document->root);
	JsonbValue	value = {.type = jbvBinary, .val.binary = {VARSIZE_ANY_EXHDR(document), root}};

	if (JB_ROOT_IS_SCALAR(document))
		(void) JsonbExtractScalar(root, &value);
	return pushJsonbValue(state, as, &value);
}
