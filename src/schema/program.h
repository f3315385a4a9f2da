/*
 * program.h
 *	  The compiled form of a schema.
 *
 * A schema becomes a graph of nodes in one memory context.  A node groups its
 * keywords by the type of instance they speak about, so that evaluating a
 * string never looks at the keywords of objects; a $ref is a pointer to a
 * node.  Keys, constants and patterns point into a copy of the schema that the
 * program owns.
 */
#ifndef AGENTCORE_SCHEMA_PROGRAM_H
#define AGENTCORE_SCHEMA_PROGRAM_H

#include "schema/json.h"
#include "text/text.h"

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

/* A schema resource: what one $id opens.  At run time only $dynamicRef needs it. */
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
	const char *dynamic_name;	/* NULL: the static target is used */
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

/* A format that makes a string a URL, or a part of one (url_strings.c). */
typedef struct UrlFormat UrlFormat;

/* in any case of letters; NULL: the format says nothing of URLs */
extern const UrlFormat *url_format(const JbItem *format);

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
	const UrlFormat *url;		/* what the policy takes a string here for; NULL: no URL */
	SchemaNode *content;		/* contentSchema: of the JSON in a string */
	bool		content_encoded;	/* in an encoding such as base64, so it cannot be read here */
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
	const char *metaschema;		/* URI of a registered metaschema that $schema names; NULL: the dialect's */
	uint32		nnodes;
	struct RegistryUse *uses;	/* the rows of agentcore.json_schema that went into it */
} SchemaProgram;

/*
 * A row of agentcore.json_schema that a program was compiled from, or that was
 * looked up and not found (registry.c).
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

/* Paths are built as steps and rendered only when asked for (schema_path.c). */
extern const SchemaPath *schema_path_key(const SchemaPath *parent, const char *token, uint32 len);
extern const SchemaPath *schema_path_index(const SchemaPath *parent, uint32 index);

/* "" for the root; with a keyword, the path of that keyword */
extern char *schema_path_text(const SchemaPath *path, const char *keyword);

#endif							/* AGENTCORE_SCHEMA_PROGRAM_H */
