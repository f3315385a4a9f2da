/*
 * usage_shapes.h
 *	  The usage objects of providers and of the libraries in front of them, as data.
 */
#ifndef AGENTCORE_PRICE_USAGE_SHAPES_H
#define AGENTCORE_PRICE_USAGE_SHAPES_H

#include "price/price.h"

/* What a count has to do with the others of its side (input, output). */
typedef enum UsageRelation
{
	USAGE_WHOLE,				/* all of its side that is not apart; several add up */
	USAGE_APART,				/* beside the whole */
	USAGE_WITHIN,				/* part of the whole; of several names of one kind the largest */
	USAGE_WITHIN_TOO,			/* part of the whole, beside the others of its kind */
	USAGE_EITHER,				/* within or apart, as libraries differ: the total tells */
	USAGE_SHORT_WRITE,			/* part of what was written to a cache */
	USAGE_LONG_WRITE,			/* the same, kept for an hour */
	USAGE_OF_CACHED,			/* part of its kind that was read from a cache: it costs as that */
	USAGE_TOTAL,
	USAGE_KNOWN					/* part of what the others say: of its side, and no more than that */
} UsageRelation;

/*
 * Where a count stands.  outer: members to go through, divided by '/'; NULL: the
 * object itself.  In an array name is the modality or the time to live of the
 * element that has the count.
 */
typedef struct UsageField
{
	const char *outer;
	const char *name;
	TokenKind	kind;
	UsageRelation relation;
} UsageField;

/* The wholes come first: a shape is there where one of them is. */
typedef struct UsageShape
{
	bool		either_apart;	/* USAGE_EITHER, where neither the total nor another name tells */
	int			nfields;
	const UsageField *field;
} UsageShape;

#define USAGE_MAX_FIELDS	120
#define USAGE_MAX_SHAPES	12

extern const UsageShape usage_shapes[];
extern const int usage_nshapes;

/* Where a response, or an event of a stream, keeps its usage object: members divided by '/'. */
typedef struct UsagePlace
{
	const char *path;
	bool		otherwise;		/* only if the place before it is not there */
} UsagePlace;

extern const UsagePlace usage_places[];
extern const int usage_nplaces;

#endif							/* AGENTCORE_PRICE_USAGE_SHAPES_H */
