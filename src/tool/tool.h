/*
 * tool.h
 *	  Public face of src/tool: the registry of tools, and arguments judged by the
 *	  name of a tool.
 */
#ifndef AGENTCORE_TOOL_H
#define AGENTCORE_TOOL_H

#include "schema/schema.h"

/* Arguments that are URLs although no format says so (guess.c). */
typedef struct UrlGuesses
{
	int			count;
	char	  **pointer;		/* as in url_args */
	bool	   *loose;			/* something else may stand there: only what is a URL by its value is judged */
	bool		whole;			/* false: a schema that contains itself, or is very large, may have more */
	int			nbare;
	char	  **bare;			/* objects that are called URLs, of which the schema says nothing */
} UrlGuesses;

/* What the log keeps of a call, each more than the one before. */
typedef enum ToolRecord
{
	TOOL_RECORD_UNSET,			/* as agentcore.record says */
	TOOL_RECORD_NONE,
	TOOL_RECORD_DIGEST,
	TOOL_RECORD_ARGS,
	TOOL_RECORD_ALL
} ToolRecord;

/* A compiled row of agentcore.tool: AgcObject.data of tool_pin() */
typedef struct ToolDef
{
	const char *name;
	const char *description;	/* may be NULL */
	bool		enabled;
	bool		held;			/* its definition has changed, and nobody has accepted it */
	bool		audit;			/* mode 'audit': what its schema refuses is reported, and let through */
	bool		coerce;
	bool		drop_unknown;	/* with coerce: properties that are not allowed are removed */
	bool		idempotent;
	bool		needs_approval;
	int			nurl_args;
	bool		has_urls;		/* the schema has a format that stands for URLs */
	char	  **url_args;		/* JSON Pointers; a token "*" is every array element */
	const UrlGuesses *guesses;	/* NULL: url_args say it all */
	int			nurl_skip;
	char	  **url_skip;		/* the same, for strings that a format calls URLs but that are only data */
	const char *error_pointer;	/* where its results bring an error; NULL: the known shapes */
	bool		closed_world;	/* open_world false: strict_urls of a policy looks at no argument */
	const char *http_method;	/* that its URLs are used with, upper case; may be NULL: as the arguments say */
	int64		cache_ttl;		/* us; -1 = results are not cached */
	int64		cache_soft_ttl; /* us; -1 = never stale before it expires */
	int64		cache_negative_ttl; /* us; -1 = failures are not kept */
	int64		cache_max_size; /* bytes; -1 = what fits */
	const char *cache_scope;	/* subject | agent | tenant | shared | shared_open */
	int			ntags;
	char	  **tags;
	int64		lease;			/* us; -1 = agentcore.lease_default */
	int64		est_tokens;		/* -1: unknown */
	int64		est_nanousd;	/* the same */
	const char *retry_policy;	/* may be NULL: 'default' */
	const char *target;			/* breaker and rate key; may be NULL: none */
	int			ntraits;
	char	  **traits;			/* the administrator's words for it, for rules */
	int			ntaints;
	char	  **taints;			/* labels that it leaves on its task */
	int64		once;			/* us in which the same call does not run again; -1: it may */
	int			nonce_by;
	char	  **once_by;		/* JSON Pointers to the arguments that make it the same; none: all */
	const char *once_scope;		/* task | subject | agent | tenant */
	int			nlog_args;
	char	  **log_args;		/* JSON Pointers to arguments that call_log.context keeps */
	ToolRecord	record;			/* what of its calls the log keeps */
	int			nredact;
	char	  **redact;			/* JSON Pointers to what the log never keeps, whatever else is said */
	uint8		definition[AGC_HASH_LEN];	/* digest of the schemas and the documents they refer to */
	int64		fingerprint;	/* the same, shorter: equal for the same tool elsewhere */
	SchemaProgram *program;
	SchemaProgram *output;		/* that results are judged by; NULL: they are not */
} ToolDef;

/* NULL: no such tool.  agc_object_unpin() when done. */
extern AgcObject *tool_pin(const char *tenant, const char *name);

/* for what must not fail: also NULL, with a WARNING, where the row is broken */
extern AgcObject *tool_try_pin(const char *tenant, const char *name);

/* whether it has a row, whether or not that can be compiled */
extern bool tool_exists(const char *tenant, const char *name);

/* the tenant that owns a tool's cache entries; "*" for the scopes shared and shared_open */
extern const char *tool_cache_tenant(const ToolDef *tool, const char *tenant);

/*
 * Whether the caller's answers may be kept.  All tenants read shared answers, so
 * the caller needs level agent on every tenant, unless the scope is shared_open.
 */
extern bool tool_may_fill(const ToolDef *tool);

/*
 * Whether a result says that the call failed: at the tool's error_pointer, else by
 * the shapes that are known.  tool NULL: by the shapes; result NULL: no.
 */
extern bool tool_result_is_error(const ToolDef *tool, Jsonb *result);

/*
 * What is wrong with a result, as result_validate() says it; NULL: nothing, or it is
 * not judged: the tool has no output schema, or the result is an error.  A limit
 * that judging runs into is an error of the list, and raises nothing.
 */
extern Jsonb *tool_result_errors(const ToolDef *tool, Jsonb *result);

/* the errors in a few words for an administrator, without values of the result */
extern char *tool_result_summary(const Jsonb *errors);

/* the array of errors that args_validate() returns, or NULL when valid */
extern Jsonb *tool_args_errors(const ToolDef *tool, Jsonb *args);

/*
 * args with safe repairs; "rules" are those that their text was read with, reported
 * too (text/written_json.h).  drop_unknown: also without properties that are not
 * allowed.  *changes is a jsonb array; NULL: nothing was changed.
 */
extern Jsonb *tool_args_coerce(const ToolDef *tool, Jsonb *args, int rules, bool drop_unknown, Jsonb **changes);

/* what to show the model: errors of tool_args_errors() in words */
extern char *tool_args_feedback(const ToolDef *tool, Jsonb *args, Jsonb *errors);

/* Calls back for every string of args that the tool's schema calls a URL, perhaps more than once. */
extern void tool_urls(const ToolDef *tool, Jsonb *args, SchemaUrlCallback callback, void *arg);

/* whether its schema refuses nothing (tool_words.c) */
extern bool tool_takes_anything(const ToolDef *tool);

/* Whether every document that the schema takes has something at the pointer (tool_words.c). */
extern bool tool_requires(const SchemaProgram *program, const char *pointer);

/* raises 22023 for the first of them that it does not require */
extern void tool_require_pointers(const SchemaProgram *program, char **pointers, int n, const char *what);

/* every row of the tenant's tools, as it is stored */
extern void tool_each_name(const char *tenant, void (*each) (HeapTuple tuple, TupleDesc desc, void *arg), void *arg);

/*
 * The tenant's nearest tool names, quoted and divided by commas; NULL: none is
 * near.  "told" filters them; NULL: all may be told.
 */
typedef bool (*ToolNameFilter) (const char *name, void *arg);
extern char *tool_nearest(const char *tenant, const char *name, ToolNameFilter told, void *arg);

/*
 * Tools that are switched on and not held, in the order of their names and as a
 * provider's request wants them (export's formats): those that the caller
 * offers; NULL: none.
 */
typedef bool (*ToolOffer) (const char *name, void *arg);
extern Jsonb *tool_definitions(const char *tenant, const char *format, bool strict, ToolOffer offer, void *arg);

/*
 * For rooms above: which policies with methods let the tool be called?  Their
 * quoted names; NULL: none does.
 */
typedef char *(*MethodPolicyFinder) (const char *tenant, const char *tool);
extern void tool_set_method_policies(MethodPolicyFinder finder);

/* For rooms above: which budgets of money let an unknown cost hold nothing?  Quoted names; NULL: none does. */
typedef char *(*MoneyBudgetFinder) (const char *tenant);
extern void tool_set_money_budgets(MoneyBudgetFinder finder);

extern void tool_init(void);

#endif							/* AGENTCORE_TOOL_H */
