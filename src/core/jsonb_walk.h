/*
 * jsonb_walk.h
 *	  Walking a jsonb container in place, without copying or allocating.
 *
 * JsonbIterator copies every scalar into a JsonbValue and keeps a palloc'd
 * stack; the hot readers of this extension (canonical JSON, validation) need
 * neither.  The layout is PostgreSQL's on-disk format (utils/jsonb.h), stable
 * since 9.4: n entries of an array, or n keys followed by n values of an
 * object, whose keys are sorted by (length, bytes).
 */
#ifndef AGENTCORE_JSONB_WALK_H
#define AGENTCORE_JSONB_WALK_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

/* One child, or a root scalar: its type bits and where its bytes are. */
typedef struct JbItem
{
	JEntry		entry;
	const char *data;			/* numeric and container: already aligned */
	uint32		len;			/* string: bytes */
} JbItem;

/* A position among the children of one container. */
typedef struct JbCursor
{
	const JEntry *entries;
	const char *base;			/* start of the children's data */
	uint32		index;
	uint32		offset;
} JbCursor;

static inline const char *
jb_data_base(const JsonbContainer *c)
{
	uint32		n = JsonContainerSize(c);

	return (const char *) &c->children[JsonContainerIsObject(c) ? n * 2 : n];
}

/* Cursor over array elements or object keys. */
static inline JbCursor
jb_first(const JsonbContainer *c)
{
	return (JbCursor)
	{
		c->children, jb_data_base(c), 0, 0
	};
}

/* Cursor over the values of an object. */
static inline JbCursor
jb_first_value(const JsonbContainer *c)
{
	uint32		n = JsonContainerSize(c);

	return (JbCursor)
	{
		c->children, jb_data_base(c), n, getJsonbOffset(c, n)
	};
}

static inline JbItem
jb_next(JbCursor *cursor)
{
	JEntry		entry = cursor->entries[cursor->index++];
	uint32		start = cursor->offset;
	uint32		end;
	JbItem		item;

	end = start;
	JBE_ADVANCE_OFFSET(end, entry);
	cursor->offset = end;

	item.entry = entry;
	if (JBE_ISNUMERIC(entry) || JBE_ISCONTAINER(entry))
	{
		item.data = cursor->base + INTALIGN(start);
		item.len = end - INTALIGN(start);
	}
	else
	{
		item.data = cursor->base + start;
		item.len = end - start;
	}
	return item;
}

/* The document itself: a root scalar is stored as a one-element array. */
static inline JbItem
jb_root(const Jsonb *jb)
{
	const JsonbContainer *c = &jb->root;

	if (JsonContainerIsScalar(c))
	{
		JbCursor	cursor = jb_first(c);

		return jb_next(&cursor);
	}
	return (JbItem)
	{
		JENTRY_ISCONTAINER, (const char *) c, (uint32) VARSIZE_ANY_EXHDR(jb)
	};
}

static inline const JsonbContainer *
jb_container(const JbItem *item)
{
	return (const JsonbContainer *) item->data;
}

static inline Numeric
jb_numeric(const JbItem *item)
{
	return (Numeric) item->data;
}

#endif							/* AGENTCORE_JSONB_WALK_H */
