/*
 * reach.h
 *	  What can stand at a JSON Pointer in a document that a schema takes.
 *
 * Never too little: where a schema is too intricate to tell, anything can.
 */
#ifndef AGENTCORE_ALLOW_REACH_H
#define AGENTCORE_ALLOW_REACH_H

#include "schema/schema.h"

/* beside the TYPE_ bits: a text that no const or enum fixes */
#define REACH_TEXT	0x80
#define REACH_ANY	(TYPE_ANY | REACH_TEXT)

/* "" or NULL: the document itself; a token `*` is every element.  0: nothing can stand there. */
extern uint8 reach_types(const SchemaNode *root, const char *pointer);

/* whether the schema lets members through that it does not name */
extern bool reach_is_open(const SchemaNode *root);

/* Adds the pointers that the schema has in place of this one, each with the prefix. */
extern void reach_nearest(const SchemaNode *root, const char *pointer, const char *prefix, AgcNearest *nearest);

#endif							/* AGENTCORE_ALLOW_REACH_H */
