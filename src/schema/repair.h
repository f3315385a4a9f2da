/*
 * repair.h
 *	  What a value could have meant.
 */
#ifndef AGENTCORE_SCHEMA_REPAIR_H
#define AGENTCORE_SCHEMA_REPAIR_H

#include "schema/schema.h"

/* One way to read a value, made of another one or of the value itself. */
typedef struct Repair
{
	const char *rule;
	int			after;			/* which repair it is made of; -1: of the value itself */
	Jsonb	   *value;			/* NULL: there is none of this kind */
	int			written;		/* rules that the JSON in a string was read with */
	bool		container;		/* it may have errors inside, which are repaired next */
} Repair;

#define NREPAIRS 20

typedef struct Repairs
{
	JbItem		item;
	int64	   *effort;			/* bytes that may still be read */
	Repair		tried[NREPAIRS];
} Repairs;

/* The i-th way, the most faithful first; those before it have been asked for. */
extern const Repair *repair_try(Repairs *repairs, int i);

/* whether it may stand where these types are expected (0: none is said), or else one of a list of values */
extern bool repair_fits(const Repair *repair, uint8 expected, bool value_list);

/* The only string that the node allows which differs in case and blanks around it; NULL: none, or several. */
extern Jsonb *repair_spelling(const SchemaNode *node, const JbItem *item, int64 *effort);

/* Whether a string may fit, as far as types and fixed values tell; true where that takes too much effort. */
extern bool repair_takes_text(const SchemaNode *node, int64 *effort);

/* whether it is a string of blanks, or of nothing */
extern bool repair_is_blank(const JbItem *item);

#endif							/* AGENTCORE_SCHEMA_REPAIR_H */
