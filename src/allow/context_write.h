/*
 * context_write.h
 *	  Jsonb made of what is there already.
 *
 * Part of the room's public face: context.h includes it.
 */
#ifndef AGENTCORE_ALLOW_CONTEXT_WRITE_H
#define AGENTCORE_ALLOW_CONTEXT_WRITE_H

#include "core/core.h"

/* NULL of NULL */
extern Jsonb *context_text(const char *text);
extern Jsonb *context_words(char *const *words, int n);

/* keys in the order in which jsonb stores them: by length, then by bytes; none twice */
extern Jsonb *context_object(const char *const *keys, Jsonb *const *values, int n);

#endif							/* AGENTCORE_ALLOW_CONTEXT_WRITE_H */
