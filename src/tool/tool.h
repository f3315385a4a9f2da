/*
 * tool.h
 *	  Public face of src/tool: the registry of tools, and arguments judged by the
 *	  name of a tool.
 */
#ifndef AGENTCORE_TOOL_H
#define AGENTCORE_TOOL_H

#include "schema/schema.h"

/* A compiled row of agentcore.tool: AgcObject.data of tool_pin() */
typedef struct ToolDef
{
	const char *name;
	const char *description;	/* may be NULL */
	bool		enabled;
	bool		audit;			/* mode 'audit': judge, report, let through */
	bool		coerce;
	bool		drop_unknown;	/* with coerce: properties that are not allowed too */
	bool		idempotent;
	bool		needs_approval;
	int			nurl_args;
	bool		has_urls;		/* the schema has formats of URLs */
	char	  **url_args;		/* JSON Pointers; a token "*" is every array element */
	int			nurl_skip;
	char	  **url_skip;		/* the same, of strings that a format calls URLs and that are only data */
	int64		cache_ttl;		/* us; -1 = results are not cached */
	int64		cache_soft_ttl; /* us; -1 = never stale before it expires */
	int64		cache_negative_ttl; /* us; -1 = failures are not kept */
	int64		cache_max_size; /* bytes; -1 = what fits */
	const char *cache_scope;	/* subject | agent | tenant | shared | shared_open */
	int			ntags;
	char	  **tags;
	int64		lease;			/* us; -1 = agentcore.lease_default */
	int64		est_tokens;
	int64		est_nanousd;
	const char *retry_policy;	/* may be NULL: 'default' */
	const char *target;			/* breaker and rate key; may be NULL: none */
	uint8		definition[AGC_HASH_LEN];	/* digest of the input schema and what it refers to */
	int64		fingerprint;	/* the same, shorter: equal for the same tool elsewhere */
	SchemaProgram *program;
} ToolDef;

/* NULL: no such tool.  agc_object_unpin() when done. */
extern AgcObject *tool_pin(const char *tenant, const char *name);

/* whose cache entries a tool's answers are: the tenant's, or "*" for the scopes shared and shared_open */
extern const char *tool_cache_tenant(const ToolDef *tool, const char *tenant);

/*
 * Whether the caller's answers may be kept: all tenants read what is shared, so only a
 * role with level agent on every tenant writes it, unless the tool says shared_open.
 */
extern bool tool_may_fill(const ToolDef *tool);

/* the array of errors that args_validate() returns, or NULL when valid */
extern Jsonb *tool_args_errors(const ToolDef *tool, Jsonb *args);

/*
 * args with safe repairs, and without properties that are not allowed where
 * drop_unknown; *changes is a jsonb array, NULL when none
 */
extern Jsonb *tool_args_coerce(const ToolDef *tool, Jsonb *args, bool drop_unknown, Jsonb **changes);

/* what to show the model: errors of tool_args_errors() in words */
extern char *tool_args_feedback(const ToolDef *tool, Jsonb *args, Jsonb *errors);

/* Every string of args that the tool's schema calls a URL; one may be told more than once. */
extern void tool_urls(const ToolDef *tool, Jsonb *args, SchemaUrlCallback callback, void *arg);

/*
 * Nearest tool names of the tenant, "a", "b" or NULL when none is near; only
 * those that "told" takes, where it is not NULL.
 */
typedef bool (*ToolNameFilter) (const char *name, void *arg);
extern char *tool_nearest(const char *tenant, const char *name, ToolNameFilter told, void *arg);

extern void tool_init(void);

#endif							/* AGENTCORE_TOOL_H */
