/*
 * pointers.h
 *	  JSON Pointers on their way through a document, all at once.  Private to
 *	  src/record.
 */
#ifndef AGENTCORE_RECORD_POINTERS_H
#define AGENTCORE_RECORD_POINTERS_H

#include "core/core.h"

/* What is left of each pointer that leads to or through one value. */
typedef struct PointerSet
{
	int			n;
	const char **rest;			/* palloc'd */
} PointerSet;

/*
 * Of a list, each as it is and, where it begins with the name of a part ("/args"), as
 * it is behind that: pointers may be written from the part on, or from what holds it.
 * Without those that begin with the name of another part; NULL: there is none.
 */
extern PointerSet pointers_of(char *const *list, int n, const char *part, const char *other);

/* one of them ends here: the value is what it points at */
extern bool pointers_end(const PointerSet *set);

/* What leads on below a member of that key; any: "*" stands for it too.  Free below->rest. */
extern void pointers_step(const PointerSet *set, const char *key, int len, bool any, PointerSet *below);

/* the same below the element of that index */
extern void pointers_step_element(const PointerSet *set, int index, PointerSet *below);

/* one of them goes on with what is no element of an array */
extern bool pointers_want_member(const PointerSet *set);

#endif							/* AGENTCORE_RECORD_POINTERS_H */
