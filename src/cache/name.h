/*
 * name.h
 *	  Interned names: a number for each tenant, and for each tool of a tenant.
 */
#ifndef AGENTCORE_CACHE_NAME_H
#define AGENTCORE_CACHE_NAME_H

#include "cache/epoch.h"

extern void name_init(void);
extern uint32 name_of_tool(const char *tenant, const char *tool);
extern uint32 name_of_tenant(const char *tenant);
extern void name_digest(uint8 *out, char what, const char *tenant, const char *tool);
extern bool name_texts(uint32 name, char **tenant, char **tool);
extern bool name_may_be_tenant(uint32 name);
extern bool name_is_taken(const char *tenant, const char *tool);
extern bool name_may_be_of(uint32 name, Oid database);
extern bool name_export(uint32 name, uint8 *id, Oid *database, const char **texts, uint16 *tenant_len, uint16 *tool_len);
extern uint32 name_adopt(const uint8 *id, Oid database, const char *tenant, const char *tool, uint32 owner);

static inline uint32
name_count(void)
{
	return cache_shmem->nnames + CACHE_SHARED_NAMES;
}

static inline CacheName *
name_at(uint32 name)
{
	return &((CacheName *) ((char *) cache_shmem + cache_shmem->names_off))[name];
}

static inline CacheEpoch *
name_epoch(uint32 name)
{
	return &name_at(name)->epoch;
}

#endif							/* AGENTCORE_CACHE_NAME_H */
