/*
 * place.h
 *	  Which schemas speak about one place of an instance.
 */
#ifndef AGENTCORE_SCHEMA_PLACE_H
#define AGENTCORE_SCHEMA_PLACE_H

#include "schema/eval_context.h"

#define PLACE_NODES_MAX 100
#define PLACE_OTHERS_MAX 40

/* A schema that does not apply, but would to another instance. */
typedef enum PlaceReason
{
	PLACE_NO_ALTERNATIVE,		/* of a choice of which none fits */
	PLACE_OTHER_ALTERNATIVE,	/* of a choice of which another one fits */
	PLACE_CONDITION,			/* the other side of `if` */
	PLACE_DEPENDENCY			/* a key is not given */
} PlaceReason;

typedef struct PlaceOther
{
	const SchemaNode *node;
	PlaceReason reason;
	const Dependency *dependency;
} PlaceOther;

typedef struct Place
{
	bool		complete;		/* false: more schemas may speak about it */
	int			nnodes;
	int			nothers;
	const SchemaNode *nodes[PLACE_NODES_MAX];
	PlaceOther	others[PLACE_OTHERS_MAX];
} Place;

/* The schemas that the program applies to the place. */
extern Place *place_find(EvalContext *ctx, const EvalFrame *at);

/* A schema, and those that it applies to the same place. */
extern Place *place_of(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern Place *place_alone(const SchemaNode *node);

/* The first description of a key; NULL: none. */
extern const Property *place_property(const Place *place, const char *key, uint32 len);
extern bool place_requires(const Place *place, const JbItem *object, const char *key, uint32 len);

/* Whether no schema of the place forbids the key.  "but" was asked already. */
extern bool place_allows(EvalContext *ctx, const Place *place, const SchemaNode *but, const EvalFrame *object,
						 const char *key, uint32 len);

/* Where the key would be known if the instance were another; NULL: nowhere. */
extern const PlaceOther *place_elsewhere(const Place *place, const char *key, uint32 len);

/* What stands at a place of the instance. */
extern bool place_item(const EvalContext *ctx, const EvalFrame *at, JbItem *item);

#endif							/* AGENTCORE_SCHEMA_PLACE_H */
