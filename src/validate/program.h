/*
 * program.h
 *	  The compiled form of a schema, and what the files of src/validate share.
 *
 * A schema becomes a graph of nodes in one memory context.  A node groups its
 * keywords by the type of instance they speak about, so that evaluating a
 * string never looks at the keywords of objects; a $ref is a pointer to a
 * node.  Keys, constants and patterns point into a copy of the schema that the
 * program owns.
 */
#ifndef AGENTCORE_VALIDATE_PROGRAM_H
#define AGENTCORE_VALIDATE_PROGRAM_H

#include "core/core.h"

#include "core/jsonb_walk.h"
#include "validate/pointer.h"

typedef enum SchemaDialect
{
	DIALECT_DRAFT4,
	DIALECT_DRAFT6,
	DIALECT_DRAFT7,
	DIALECT_2019_09,
	DIALECT_2020_12,
	DIALECT_AGENTVET,
	DIALECT_AUTO
} SchemaDialect;

/* ----- types --------------------------------------------------------------
 * TYPE_NUMBER stands for every number, TYPE_INTEGER for whole ones only.
 */
#define TYPE_NULL		0x01
#define TYPE_BOOLEAN	0x02
#define TYPE_STRING		0x04
#define TYPE_NUMBER		0x08
#define TYPE_INTEGER	0x10
#define TYPE_ARRAY		0x20
#define TYPE_OBJECT		0x40
#define TYPE_ANY		0x7f
#define NTYPES			7

extern const char *const type_names[NTYPES];

/* ----- numbers (number.c) ------------------------------------------------- */
typedef struct Number
{
	Numeric		num;
	int64		value;			/* meaningful when small */
	bool		small;			/* a whole number below 10^16 */
	bool		integer;
	bool		huge;			/* not of the short stored form: arithmetic takes long */
	bool		whole_scale;	/* written without a fraction: draft 4's integer */
} Number;

extern void number_read(Number *out, Numeric num);
extern int	number_cmp(const Number *a, const Number *b);
extern bool number_multiple_of(const Number *value, const Number *divisor);
extern char *number_text(const Number *n);

/* a whole number >= 0, clamped to uint32; false when the item is none */
extern bool number_count(const JbItem *item, uint32 *out);

/* ----- comparing (compare.c) ----------------------------------------------
 * A total order over JSON values in which 1, 1.0 and 1e0 are the same.
 */
extern int	item_compare(const JbItem *a, const JbItem *b);
extern bool items_unique(const JsonbContainer *array, uint32 *first, uint32 *second);

/* jsonb's own order of keys: length first, then bytes */
static inline int
key_compare(const char *a, uint32 alen, const char *b, uint32 blen)
{
	if (alen != blen)
		return alen < blen ? -1 : 1;
	return memcmp(a, b, alen);
}

extern bool object_find(const JsonbContainer *object, const char *key, uint32 len, JbItem *value);
extern bool object_find_cstring(const JsonbContainer *object, const char *key, JbItem *value);
extern bool array_get(const JsonbContainer *array, uint32 index, JbItem *value);
extern int	item_type(const JbItem *item);
extern Jsonb *item_to_jsonb(const JbItem *item);
extern void item_to_value(const JbItem *item, JsonbValue *value);

static inline bool
item_is_object(const JbItem *item)
{
	return JBE_ISCONTAINER(item->entry) && JsonContainerIsObject(jb_container(item));
}

static inline bool
item_is_array(const JbItem *item)
{
	return JBE_ISCONTAINER(item->entry) && JsonContainerIsArray(jb_container(item));
}

/* ----- patterns (pattern.c) ----------------------------------------------- */
typedef struct Pattern Pattern;

typedef enum PatternResult
{
	PATTERN_MATCH,
	PATTERN_NO_MATCH,
	PATTERN_LIMIT
} PatternResult;

/* in CurrentMemoryContext; NULL and *problem (palloc'd) when it is not usable */
extern Pattern *pattern_compile(const char *source, uint32 len, char **problem);
/* *visits grows by what it cost, in visits of nodes */
extern PatternResult pattern_match(Pattern *pattern, const char *subject, uint32 len, int64 *visits);
extern const char *pattern_source(const Pattern *pattern);
extern Size pattern_size(const Pattern *pattern);	/* bytes, the JIT's included */
extern bool pattern_is_valid(const char *source, uint32 len);

/* a string of the database in UTF-8; palloc'd where that is another encoding */
extern const char *string_utf8(const char *s, uint32 *len);

/* ----- nodes --------------------------------------------------------------- */
typedef struct SchemaNode SchemaNode;

/* Where a (sub)schema stands in its document; rendered only when asked for. */
typedef struct SchemaPath
{
	const struct SchemaPath *parent;
	const char *token;			/* NULL: index */
	uint32		len;
	uint32		index;
	bool		document;		/* token is the URI of another document: a path's first step */
} SchemaPath;

/* A schema resource: what one $id opens.  Only $dynamicRef asks at run time. */
typedef struct DynamicAnchor
{
	const char *name;			/* "" stands for $recursiveAnchor */
	SchemaNode *node;
} DynamicAnchor;

typedef struct SchemaResource
{
	const char *base;			/* absolute or empty; no fragment */
	const SchemaPath *path;		/* of its root in the document */
	JbItem		root;
	SchemaDialect dialect;
	uint16		vocabularies;	/* whose keywords count, by `$vocabulary` */
	bool		assert_format;	/* a vocabulary says so */
	int			nanchors;
	DynamicAnchor *anchors;
} SchemaResource;

typedef struct StringRules
{
	uint32		min;
	uint32		max;
	Pattern    *pattern;
	const char *format;			/* NULL: none, or one that is only an annotation */
	int			format_id;
} StringRules;

typedef struct NumberRules
{
	Number	   *minimum;
	Number	   *maximum;
	Number	   *exclusive_minimum;
	Number	   *exclusive_maximum;
	Number	   *multiple_of;
} NumberRules;

typedef struct ArrayRules
{
	uint32		min;
	uint32		max;
	bool		unique;
	uint32		nprefix;
	SchemaNode **prefix;
	SchemaNode *rest;			/* for the elements after the prefix */
	SchemaNode *contains;
	bool		contains_marks; /* 2020-12: what matched counts as evaluated */
	uint32		min_contains;
	uint32		max_contains;
	SchemaNode *unevaluated;
} ArrayRules;

typedef struct Property
{
	const char *key;
	uint32		len;
	bool		required;
	SchemaNode *node;			/* NULL: only required */
} Property;

typedef struct PatternProperty
{
	Pattern    *pattern;
	SchemaNode *node;
} PatternProperty;

typedef struct Dependency
{
	const char *keyword;
	const char *key;
	uint32		len;
	uint32		nrequired;
	JbItem	   *required;
	SchemaNode *schema;
} Dependency;

typedef struct ObjectRules
{
	uint32		min;
	uint32		max;
	uint32		nproperties;	/* sorted as jsonb sorts keys */
	Property   *properties;
	uint32		npatterns;
	PatternProperty *patterns;
	SchemaNode *additional;
	SchemaNode *names;
	uint32		ndependencies;
	Dependency *dependencies;
	SchemaNode *unevaluated;
	bool		every_key;		/* keys outside properties matter too */
} ObjectRules;

typedef struct AnyRules
{
	bool		has_const;
	JbItem		constant;
	bool		has_enum;
	uint32		nstrings;		/* enum's strings, sorted, for a binary search */
	JbItem	   *strings;
	uint32		nothers;		/* the other values, sorted too */
	JbItem	   *others;
	JbItem		enumeration;	/* as written, for messages */
	SchemaNode *ref;
	SchemaNode *dynamic;		/* static target of $dynamicRef, $recursiveRef */
	const char *dynamic_name;	/* NULL: the static target it is */
	uint32		nall;
	SchemaNode **all;
	uint32		nany;
	SchemaNode **any;
	uint32		none;
	SchemaNode **one;
	SchemaNode * not ;
	SchemaNode *if_;
	SchemaNode *then;
	SchemaNode *else_;
} AnyRules;

/* A format that makes a string a URL, or a part of one (urls.c). */
typedef struct UrlFormat UrlFormat;

struct SchemaNode
{
	bool		never;			/* the schema false */
	uint8		types;
	bool		draft4_integer; /* 1.0 is no integer */
	StringRules *string;
	NumberRules *number;
	ArrayRules *array;
	ObjectRules *object;
	AnyRules   *any;
	const SchemaResource *resource;

	/* cold: compilation, messages, coercion */
	const SchemaPath *path;
	JbItem		source;
	const UrlFormat *url;		/* what a string here is to the policy, NULL: nothing */
	SchemaNode *content;		/* contentSchema: of the JSON in a string */
	bool		content_encoded;	/* that is not to be read as it stands */
	bool		has_default;
	JbItem		default_value;
	uint32		depth;
	uint8		color;
	SchemaNode *next;			/* every node, in order of creation */
};

typedef struct SchemaProgram
{
	SchemaNode *root;
	SchemaNode *nodes;
	SchemaDialect dialect;
	Jsonb	   *schema;
	bool		dynamic;		/* has $dynamicRef or $recursiveRef */
	bool		mixed;			/* a part of the document is in another dialect */
	const char *metaschema;		/* URI of a registered one that $schema names; NULL: the dialect's */
	uint32		nnodes;
	struct RegistryUse *uses;	/* the rows of agentcore.json_schema that went into it */
} SchemaProgram;

/* ----- compiling (compile.c, frame.c, dialect.c) -------------------------- */

/* Why a schema is refused: the first problem found. */
typedef struct SchemaProblem
{
	const char *message;		/* NULL: none */
	const char *keyword;
	const char *path;			/* JSON Pointer */
	const char *hint;			/* NULL: none */
} SchemaProblem;

/*
 * Compile in CurrentMemoryContext, which the program then lives and dies with.
 * NULL and *problem when the schema is not usable; exceeding a limit raises.
 */
extern SchemaProgram *schema_compile(const Jsonb *schema, SchemaDialect dialect, bool for_tool,
									 bool additional, bool assert_format, SchemaProblem *problem);

/*
 * The same, resolving references in the tenant's registry too.  With "open",
 * a reference that leads to no document known yet is let pass: only for
 * looking at a schema that is to be registered, never for judging with it.
 */
extern SchemaProgram *schema_compile_registered(const Jsonb *schema, SchemaDialect dialect, bool for_tool,
												bool additional, bool assert_format, const char *tenant,
												bool open, SchemaProblem *problem);
pg_noreturn extern void schema_problem_raise(const SchemaProblem *problem, const char *what);

extern bool dialect_parse(const char *name, SchemaDialect *dialect);
extern SchemaDialect dialect_or_raise(const char *name);
extern const char *dialect_name(SchemaDialect dialect);
extern bool dialect_of_uri(const char *uri, uint32 len, SchemaDialect *dialect);
extern bool dialect_detect(const Jsonb *schema, bool for_tool, SchemaDialect *dialect, SchemaProblem *problem);
extern Jsonb *dialect_translate_agentvet(const Jsonb *schema, bool additional, SchemaProblem *problem);
/* metaschema.c: the published ones, and judging a schema by its own */
extern Jsonb *metaschema_find(const char *uri, SchemaDialect *dialect);
extern Size metaschema_bytes(SchemaDialect dialect, int64 *hits);	/* 0: not compiled in this session */
extern bool metaschema_check(const SchemaProgram *program, const char *tenant, SchemaProblem *problem);

/* ----- registry.c ----------------------------------------------------------
 * A row of agentcore.json_schema that a program was compiled from, or looked
 * for in vain.
 */
typedef struct RegistryUse
{
	const char *uri;			/* as it was looked for */
	bool		found;
	int64		revision;
	TransactionId xmin;
	ItemPointerData tid;
	uint8		hash[AGC_HASH_LEN]; /* of the document */
	struct RegistryUse *next;
} RegistryUse;

/* by URI, else by its own $id; noted in *uses.  *name: the URI it is registered by. */
extern Jsonb *registry_find(const char *tenant, const char *uri, char **name, SchemaDialect *dialect,
							RegistryUse **uses);

/* tool.c: a tool whose schema needs that version of a document, or NULL */
extern char *tool_using_document(const char *tenant, int64 revision);

/* would the same rows be found now? */
extern bool registry_fresh(const char *tenant, const RegistryUse *uses);

/* urls.c: what a format says of a URL, in any case; NULL: nothing */
extern const UrlFormat *url_format(const JbItem *format);

extern char *schema_path_text(const SchemaPath *path, const char *keyword);

/* keywords (keyword.c, keyword_types.c) */
typedef enum KeywordShape
{
	SHAPE_VALUE,				/* no subschema in it */
	SHAPE_SCHEMA,
	SHAPE_SCHEMA_ARRAY,
	SHAPE_SCHEMA_MAP,
	SHAPE_SCHEMA_OR_ARRAY,		/* items before 2020-12 */
	SHAPE_DEPENDENCIES			/* map of schemas and arrays of names */
} KeywordShape;

typedef struct SchemaCompiler SchemaCompiler;

typedef struct Keyword
{
	const char *name;
	uint8		dialects;		/* bit (1 << SchemaDialect) */
	uint8		vocabulary;		/* one bit: where 2019-09 and 2020-12 define it */
	KeywordShape shape;
	void		(*compile) (SchemaCompiler *c, SchemaNode *node, const JbItem *value);
} Keyword;

extern StringRules *string_rules(SchemaNode *node);
extern NumberRules *number_rules(SchemaNode *node);
extern ArrayRules *array_rules(SchemaNode *node);
extern ObjectRules *object_rules(SchemaNode *node);
extern AnyRules *any_rules(SchemaNode *node);
extern const Keyword *keyword_find(const char *name, uint32 len, SchemaDialect dialect);
extern const Keyword *keyword_of(const SchemaResource *resource, const char *name, uint32 len);

/* Vocabularies; `format` is one keyword of two that differ in what it means. */
#define VOCABULARY_CORE			0x01
#define VOCABULARY_APPLICATOR	0x02
#define VOCABULARY_UNEVALUATED	0x04
#define VOCABULARY_VALIDATION	0x08
#define VOCABULARY_METADATA		0x10
#define VOCABULARY_FORMAT		0x20
#define VOCABULARY_CONTENT		0x40
#define VOCABULARY_ALL			0x7f

/* frames: every schema position of the document (frame.c) */
typedef struct SchemaFrame
{
	const char *data;			/* hash key: the container in the document */
	const SchemaPath *path;
	SchemaResource *resource;
	SchemaNode *node;
	uint32		depth;
} SchemaFrame;

typedef struct SchemaAnchor
{
	const char *uri;			/* absolute, with "#name" for an anchor */
	JbItem		item;
	SchemaResource *resource;
	const char *dynamic;		/* $dynamicAnchor: its name */
	bool		linked;			/* compile.c has looked at it */
} SchemaAnchor;

struct SchemaCompiler
{
	SchemaProgram *program;
	MemoryContext scratch;
	SchemaProblem *problem;
	const char *tenant;			/* whose registry; NULL: bundled documents only */
	bool		open;			/* unknown documents are let pass */
	const char *missing;		/* the document that the last reference did not find */
	int			ndocuments;		/* read beside the schema itself */
	List	   *languages;		/* registered metaschemas that $schema has named */
	bool		assert_format;
	Size		pattern_bytes;	/* of all patterns so far */
	struct HTAB *frames;
	List	   *resources;
	List	   *pending;		/* nodes still to be filled */
	SchemaNode *last;
	SchemaAnchor *anchors;		/* sorted by uri once framed */
	int			nanchors;
	int			maxanchors;
};

extern void frame_document(SchemaCompiler *c, const JbItem *root, SchemaDialect dialect);

/* documents other than the one being compiled (document.c) */
extern bool document_load(SchemaCompiler *c, const char *uri, SchemaDialect dialect);
extern bool document_language(SchemaCompiler *c, const char *uri, SchemaResource *resource);
extern void frame_root(SchemaCompiler *c, SchemaResource *resource, const SchemaPath *path);
extern SchemaFrame *frame_at(SchemaCompiler *c, const JbItem *item, const SchemaPath *path,
							 SchemaResource *resource, uint32 depth);
extern bool frame_resolve(SchemaCompiler *c, const SchemaNode *from, const char *ref, uint32 len,
						  JbItem *item, SchemaFrame **frame, const SchemaAnchor **anchor);
extern const SchemaPath *schema_path_key(const SchemaPath *parent, const char *token, uint32 len);
extern const SchemaPath *schema_path_index(const SchemaPath *parent, uint32 index);
extern void schema_problem(SchemaCompiler *c, const SchemaPath *path, const char *keyword,
						   const char *fmt,...) pg_attribute_printf(4, 5);
extern SchemaNode *schema_reference(SchemaCompiler *c, SchemaNode *from, const char *keyword, const JbItem *value,
									const SchemaAnchor **anchor);
extern SchemaNode *schema_child(SchemaCompiler *c, const SchemaNode *parent, const JbItem *item,
								const SchemaPath *path);
extern void check_schema_depth(uint32 depth);

/* ----- evaluating (eval.c) ------------------------------------------------- */

/* One step of the way from the instance's root, on the C stack. */
typedef struct EvalFrame
{
	const struct EvalFrame *parent;
	const char *key;			/* NULL: index */
	uint32		len;
	uint32		index;
	int			depth;
} EvalFrame;

typedef struct EvalScope
{
	const struct EvalScope *outer;
	const SchemaResource *resource;
} EvalScope;

/* A reference on the way through the schema, on the C stack; collecting only. */
typedef struct EvalHop
{
	const struct EvalHop *outer;
	const SchemaNode *from;
	const char *keyword;
	const SchemaNode *target;
} EvalHop;

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
	struct EvalErrors *branch;	/* anyOf, oneOf: errors of the best branch */
	bool		branch_chosen;	/* type or constants rule out every other branch */
	struct EvalErrors **branches;	/* of every branch, where schema_output() asks */
	uint32		nbranches;
} EvalError;

typedef struct EvalErrors
{
	int			count;
	int			limit;
	int			size;
	int64		visits;			/* what finding them took */
	EvalError  *items;
} EvalErrors;

typedef struct EvalContext
{
	const SchemaProgram *program;
	const EvalScope *scope;
	int64		fuel;			/* node visits until the next look at the limits */
	int64		visits;

	/* collecting only */
	EvalErrors *errors;
	int			errors_left;	/* of all branches together */
	int64		error_bytes;	/* what they say so far */
	int			branch_depth;	/* choices inside choices */
	const EvalHop *hop;			/* the last reference followed */
	bool		locate;			/* errors carry their locations */
	struct OutputUnits *units;	/* of a valid instance: what its keywords say */
} EvalContext;

/* deeper choices are reported without the errors of their branches */
#define BRANCH_DEPTH_MAX 4

extern bool schema_valid(const SchemaProgram *program, const Jsonb *instance);

/*
 * The first error of a schema that compiles, by a published metaschema, whose
 * work is linear: without agentcore.max_node_visits.  NULL: valid.
 */
extern EvalErrors *schema_errors_of_schema(const SchemaProgram *metaschema, const Jsonb *schema);
extern EvalErrors *schema_errors(const SchemaProgram *program, const Jsonb *instance, int limit);

/* the same with locations; and what the keywords of a valid instance say (output.c) */
extern EvalErrors *schema_located_errors(const SchemaProgram *program, const Jsonb *instance, int limit);
extern void schema_annotate(const SchemaProgram *program, const Jsonb *instance, struct OutputUnits *units);

/* ----- errors (errors.c) --------------------------------------------------- */
extern char *eval_path_text(const EvalFrame *at);
extern Jsonb *errors_to_jsonb(const EvalErrors *errors);
extern char *type_list(uint8 types);

/* what others wrote, fit to be shown (excerpt.c) */
extern char *json_excerpt(const JbItem *item, int limit);
extern char *path_excerpt(const char *path);

extern void error_false(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_type(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item);
extern void error_count(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						const char *keyword, uint32 limit, uint32 got);
extern void error_number(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						 const char *keyword, const Number *limit);
extern void error_pattern(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_format(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern void error_required(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
						   const Property *missing);
extern void error_dependency(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
							 const Dependency *dependency, const JbItem *missing);
extern void error_unknown_key(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
							  const char *keyword);
extern void error_extra_item(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword);
extern void error_unique(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second);
extern void error_value(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
						const JbItem *item);
extern void error_branches(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
						   EvalErrors **branches, uint32 nbranches, const JbItem *item);
extern void error_many(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second);
extern void error_not(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at);
extern EvalErrors *errors_new(int limit);

/* ----- the specification's output (output.c) -------------------------------- */
extern void output_locate(const EvalContext *ctx, const SchemaNode *node, const char *keyword,
						  char **keyword_location, char **absolute_location);
extern void output_annotate(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at);
extern Jsonb *schema_output(const SchemaProgram *program, const Jsonb *instance, bool basic);

/* ----- schemas given inline (inline.c) -------------------------------------- */

/*
 * The program of the schema in argument 0, which is jsonb or json, compiled
 * once a call site and kept for the session while there is room.  dialect_arg
 * and format_arg are the arguments of that meaning; -1: as pg_jsonschema, JSON
 * Schema only, and formats asserted up to draft 7.  Valid until the next call.
 */
extern const SchemaProgram *inline_schema(FunctionCallInfo fcinfo, bool is_text, int dialect_arg, int format_arg);

/* the same of a jsonb that may refer to the tenant's documents; after agc_enter() */
extern const SchemaProgram *inline_schema_registered(FunctionCallInfo fcinfo, int dialect_arg, int format_arg,
													 const char *tenant);

/* the dialect of a schema that pg_jsonschema would take; false and *problem */
extern bool inline_json_schema(const Jsonb *schema, SchemaDialect *dialect, SchemaProblem *problem);
extern void inline_init(void);

/* ----- JSON Pointer (pointer.c) -------------------------------------------- */

extern bool pointer_find(const JbItem *root, const char *pointer, JbItem *item);

/* document with the value at the pointer replaced, or removed when NULL */
extern Jsonb *pointer_set(const Jsonb *document, const char *pointer, const Jsonb *value);

#endif							/* AGENTCORE_VALIDATE_PROGRAM_H */
