/*
 * turn.h
 *	  The tool calls of one turn of a model, as its provider writes them.
 */
#ifndef AGENTCORE_CALL_TURN_H
#define AGENTCORE_CALL_TURN_H

#include "core/core.h"

/* One call.  What points into the document lives as long as that. */
typedef struct TurnCall
{
	const char *problem;		/* why it is no call; or NULL, and the rest is set */
	JsonbValue	name;			/* a string */
	JsonbValue	args;			/* jbvNull: none; jbvString: JSON as text */
	bool		has_id;
	bool		id_is_unique;	/* the provider makes no other call with it */
	JsonbValue	id;				/* a string or a number */
} TurnCall;

/* Calls each() for every call of the turn, in order.  Raises nothing of its own. */
extern void turn_each(Jsonb *turn, void (*each) (const TurnCall *call, void *arg), void *arg);

#endif							/* AGENTCORE_CALL_TURN_H */
