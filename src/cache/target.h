/*
 * target.h
 *	  Which entry: the store's key, and the names that the entry belongs to.
 *
 * cache.h includes this for the rooms above.
 */
#ifndef AGENTCORE_CACHE_TARGET_H
#define AGENTCORE_CACHE_TARGET_H

#include "core/core.h"
#include "tool/tool.h"

/* The raw API can neither read nor plant what the gate stores, nor the reverse. */
typedef enum CacheKind
{
	CACHE_RAW = 'r',
	CACHE_GATE = 'g'
} CacheKind;

/*
 * The tenant of entries whose scope is shared: no tenant has this name.  What
 * a tenant invalidates of its own it invalidates there too.
 */
#define CACHE_SHARED "*"

/* Who shares an entry, for cache_entries(); the key is what keeps them apart. */
typedef enum CacheScope
{
	CACHE_SCOPE_PRIVATE,		/* raw: the calling role's own */
	CACHE_SCOPE_NAMED,			/* raw: of all who give its name */
	CACHE_SCOPE_SUBJECT,		/* this and those below: the gate's */
	CACHE_SCOPE_AGENT,
	CACHE_SCOPE_TENANT,
	CACHE_SCOPE_SHARED
} CacheScope;

typedef struct CacheKey
{
	uint8		hash[AGC_HASH_LEN];
} CacheKey;

typedef struct CacheTarget
{
	CacheKey	key;
	CacheKind	kind;
	CacheScope	scope;
	const char *tenant;
	const char *tool;
} CacheTarget;

/*
 * The store's own key: installation, database, kind, tenant, tool revision and
 * the fields of cache_key(); a raw scope '' is private to the calling role.
 */
extern void cache_make_key(CacheKey *out, CacheKind kind, const char *tenant, const char *tool,
						   int64 tool_revision, Jsonb *args, const char *scope);

/*
 * Where the gate keeps the answer of a call, by its tool's cache_scope.  args
 * are as the gate runs them: coerced, URLs canonical.  agent and subject are
 * NULL where the call names none.  false: the answer is kept nowhere, because
 * the tool is not cached or because its scope needs a name that is NULL.
 */
extern bool cache_gate_target(CacheTarget *target, const char *tenant, const char *tool_name,
							  const ToolDef *tool, int64 revision, Jsonb *args,
							  const char *agent, const char *subject);

#endif							/* AGENTCORE_CACHE_TARGET_H */
