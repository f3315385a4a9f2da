/*
 * schema.h
 *	  Public face of src/schema: compiling schemas, and judging, repairing and
 *	  describing documents by them.
 *
 * A program is compiled once and read many times.  It belongs to the memory
 * context that it was compiled in.  json.h has the values of documents, program.h
 * the compiled form, which tool_lint() reads too.
 */
#ifndef AGENTCORE_SCHEMA_H
#define AGENTCORE_SCHEMA_H

#include "core/core.h"

#include "schema/facts.h"
#include "schema/json.h"
#include "schema/program.h"

/* ----- settings (schema.c): agc_x is agentcore.x ----- */
extern int	agc_inline_schema_cache_size;	/* kB */
extern int	agc_max_errors;
extern int	agc_max_node_visits;

/* ----- compiling (compile.c, dialect.c) ------------------------------------ */

/* Why a schema is refused: the first problem found. */
typedef struct SchemaProblem
{
	const char *message;		/* NULL: none */
	const char *keyword;
	const char *path;			/* JSON Pointer */
	const char *hint;			/* NULL: none */
} SchemaProblem;

typedef struct SchemaOptions
{
	SchemaDialect dialect;		/* DIALECT_AUTO: what the schema says or looks like */
	bool		for_tool;		/* it describes a tool's arguments: agentvet's dialect may be detected */
	bool		additional;		/* agentvet's dialect: unknown keys are allowed */
	bool		assert_format;	/* `format` is judged, not only annotated */
	const char *tenant;			/* whose registered documents references reach; NULL: published metaschemas only */

	/*
	 * A reference to an unknown document is accepted.  Only for looking at a
	 * schema that is to be registered, never for judging with it.
	 */
	bool		open;
} SchemaOptions;

/*
 * Compile in CurrentMemoryContext, which the program then lives and dies with.
 * NULL and *problem when the schema is not usable; exceeding a limit raises.
 */
extern SchemaProgram *schema_compile(const Jsonb *schema, const SchemaOptions *options, SchemaProblem *problem);
pg_noreturn extern void schema_problem_raise(const SchemaProblem *problem, const char *what);

extern bool dialect_parse(const char *name, SchemaDialect *dialect);
extern SchemaDialect dialect_or_raise(const char *name);
extern const char *dialect_name(SchemaDialect dialect);
extern bool dialect_detect(const Jsonb *schema, bool for_tool, SchemaDialect *dialect, SchemaProblem *problem);

/*
 * The keyword of any dialect that a word of a schema is near to; NULL: it is one,
 * or a word of its own (vocabulary.c).
 */
extern const char *schema_misspelt_keyword(const char *word, uint32 len);

/* Whether a schema satisfies its metaschema; false and *problem (metaschema.c). */
extern bool metaschema_check(const SchemaProgram *program, const char *tenant, SchemaProblem *problem);

/* Whether the same documents would be found now (registry.c). */
extern bool registry_fresh(const char *tenant, const RegistryUse *uses);

/*
 * For rooms above that need documents.  json_schema_drop() asks each finder for
 * the name of something that needs this version of a document; NULL: nothing
 * does.  `kind` is what it finds ("tool"), for the message.
 */
typedef char *(*DocumentUserFinder) (const char *tenant, int64 revision);
extern void registry_add_user_finder(const char *kind, DocumentUserFinder finder);

/* ----- judging (eval.c) ----------------------------------------------------- */

/* one problem of an instance */
typedef struct EvalError
{
	char	   *path;
	char	   *keyword_location;	/* these two only where schema_output() asks */
	char	   *absolute_location;
	const char *keyword;
	char	   *schema_path;
	char	   *message;
	Jsonb	   *params;			/* NULL: none */
	int			depth;
	uint8		expected;		/* `type`: the mask that was asked for */
	bool		value_list;		/* `enum` or `const` */
	bool		one_value;		/* `const`, or `enum` of one */
	const SchemaNode *node;		/* whose keyword it is */
	struct EvalErrors *branch;	/* anyOf, oneOf: errors of the best branch */
	bool		branch_chosen;	/* type or constants rule out every other branch */
	struct EvalErrors **branches;	/* of every branch, where schema_output() asks */
	uint32		nbranches;
	const Property *missing;	/* `required` */
	const char *name;			/* propertyNames: the name that is wrong; NULL: the value is */
	bool		optional;		/* it holds nothing, and may be left out */
} EvalError;

typedef struct EvalErrors
{
	int			count;
	int			limit;
	int			size;
	int64		visits;			/* what finding them took */
	int64		omitted;		/* how many more there are */
	EvalError  *items;
} EvalErrors;

extern bool schema_valid(const SchemaProgram *program, const Jsonb *instance);
extern EvalErrors *schema_errors(const SchemaProgram *program, const Jsonb *instance, int limit);
extern EvalErrors *schema_explained_errors(const SchemaProgram *program, const Jsonb *instance, int limit);
extern EvalErrors *errors_new(int limit);

/* as args_validate() returns them */
extern Jsonb *errors_to_jsonb(const EvalErrors *errors);

/* ----- telling (feedback.c, excerpt.c) --------------------------------------- */

/*
 * What to show the model that called `subject`: errors in words, as
 * errors_to_jsonb() writes those of schema_explained_errors().
 */
extern char *schema_feedback(const char *subject, Jsonb *args, Jsonb *errors);

/* errors of a document that the reader did not write, one line each; `whole` is what it is called */
extern char *schema_told(const char *whole, Jsonb *document, Jsonb *errors);

/* text that others wrote, fit to be shown */
extern char *json_excerpt(const JbItem *item, int limit);
extern char *path_excerpt(const char *path);

/* ----- arguments (coerce.c, url_strings.c) ------------------------------------------ */

/*
 * args with safe repairs; "rules" are those that their text was read with, reported
 * too (text/written_json.h).  drop_unknown: also without properties that are not
 * allowed.  *changes is a jsonb array; NULL: nothing was changed.
 */
extern Jsonb *schema_coerce(const SchemaProgram *program, Jsonb *args, int rules, bool drop_unknown, Jsonb **changes);

typedef enum SchemaUrlKind
{
	SCHEMA_URL,
	SCHEMA_URL_TEMPLATE,		/* RFC 6570 */
	SCHEMA_URL_HOST,			/* a host name or an address */
	SCHEMA_URL_CONTENT			/* JSON with URLs in it */
} SchemaUrlKind;

typedef struct SchemaUrl
{
	SchemaUrlKind kind;
	const char *data;			/* in the document; NULL: no string stands where a URL should */
	uint32		len;
	const SchemaNode *content;	/* schema of the JSON; NULL: it is encoded and cannot be read here */
} SchemaUrl;

/*
 * Calls back for every string of the value that the schema at the node calls a
 * URL, perhaps more than once.  54001 beyond agentcore.max_node_visits.
 */
typedef void (*SchemaUrlCallback) (const SchemaUrl *url, void *arg);
extern void schema_urls(const SchemaNode *node, Jsonb *value, SchemaUrlCallback callback, void *arg);

/* Whether a reader would take the text for a URL with a scheme or a host, whatever the schema says. */
extern bool schema_url_absolute(const char *text, uint32 len);

/*
 * Where the last limit (54001) was reached: a JSON Pointer fit to be shown, ""
 * for the document as a whole.  A second call returns "".
 */
extern const char *schema_limit_path(void);

extern void schema_init(void);

#endif							/* AGENTCORE_SCHEMA_H */
