/*
 * tag.h
 *	  When tags were last invalidated.
 */
#ifndef AGENTCORE_CACHE_TAG_H
#define AGENTCORE_CACHE_TAG_H

#include "cache/name.h"

extern void tag_init(void);
extern uint16 tag_number(const char *tenant, const char *tag);
extern bool tag_open(uint32 tenant, uint32 tag, uint64 born);
extern uint8 tag_fence(uint32 tenant, uint32 tag);
extern void tag_unfence(uint32 tag, uint8 way);
extern uint64 tag_settle(uint32 tag, uint8 way, uint64 stamp);
extern bool tag_is_sound(uint32 tag);

#endif							/* AGENTCORE_CACHE_TAG_H */
