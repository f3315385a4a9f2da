/*
 * context_write.c
 *	  Writes jsonb as it is stored, without a parse state in between.
 *
 * A check function is given the whole context of every call, so making it is a
 * part of what a check costs; a JsonbValue of each member, and a walk over the
 * arguments, would cost ten times as much.  The form is that of jsonb.h: a
 * header, the entries of the keys, those of the values, then their bytes, with
 * numbers and containers at multiples of four.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "allow/context_write.h"

typedef struct Writer
{
	Jsonb	   *made;
	int			nentries;
	char	   *bytes;			/* behind the entries */
	uint32		len;			/* of what stands there */
} Writer;

static Writer
begin(uint32 header, int nentries, Size bytes)
{
	Size		room = offsetof(Jsonb, root.children) + nentries * sizeof(JEntry) + bytes;
	Writer		to = {0};

	if (room > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the context of a call is too large")));
	to.made = palloc(room);
	to.made->root.header = header;
	to.bytes = (char *) &to.made->root.children[nentries];
	return to;
}

static void
put(Writer *to, JEntry type, const void *bytes, uint32 len)
{
	uint32		start = to->len;

	if (type == JENTRY_ISCONTAINER || type == JENTRY_ISNUMERIC)
		while (to->len != INTALIGN(to->len))
			to->bytes[to->len++] = 0;
	memcpy(to->bytes + to->len, bytes, len);
	to->len += len;
	to->made->root.children[to->nentries] = to->nentries % JB_OFFSET_STRIDE == 0 ?
		(type | JENTRY_HAS_OFF | to->len) : (type | (to->len - start));
	to->nentries++;
}

static void
put_text(Writer *to, const char *text)
{
	put(to, JENTRY_ISSTRING, text, strlen(text));
}

static void
put_value(Writer *to, const Jsonb *value)
{
	const JsonbContainer *root = &value->root;

	if (JB_ROOT_IS_SCALAR(value))
		put(to, root->children[0] & JENTRY_TYPEMASK, &root->children[1], JBE_OFFLENFLD(root->children[0]));
	else
		put(to, JENTRY_ISCONTAINER, root, VARSIZE(value) - VARHDRSZ);
}

static Jsonb *
finish(Writer *to)
{
	SET_VARSIZE(to->made, to->bytes + to->len - (char *) to->made);
	return to->made;
}

Jsonb *
context_text(const char *text)
{
	Writer		to;

	if (text == NULL)
		return NULL;
	to = begin(1 | JB_FARRAY | JB_FSCALAR, 1, strlen(text));
	put_text(&to, text);
	return finish(&to);
}

Jsonb *
context_words(char *const *words, int n)
{
	Size		bytes = 0;
	Writer		to;

	for (int i = 0; i < n; i++)
		bytes += strlen(words[i]);
	to = begin(n | JB_FARRAY, n, bytes);
	for (int i = 0; i < n; i++)
		put_text(&to, words[i]);
	return finish(&to);
}

Jsonb *
context_object(const char *const *keys, Jsonb *const *values, int n)
{
	Size		bytes = 0;
	Writer		to;

	for (int i = 0; i < n; i++)
		bytes += strlen(keys[i]) + sizeof(int32) + VARSIZE(values[i]);
	to = begin(n | JB_FOBJECT, 2 * n, bytes);
	for (int i = 0; i < n; i++)
		put_text(&to, keys[i]);
	for (int i = 0; i < n; i++)
		put_value(&to, values[i]);
	return finish(&to);
}
