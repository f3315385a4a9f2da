/*
 * inline.c
 *	  Schemas given as an argument: compiled once per call site, and kept for the
 *	  session while there is room.
 *
 * There are two levels.  A call site (fn_extra) points at the compiled schema
 * that it used last.  It uses that again without a check if its arguments are
 * constants, as in a CHECK constraint, and after comparing bytes otherwise.
 * Behind that, all compiled schemas of the session are found by their bytes,
 * dialect and treatment of formats, so that the next statement's call site does
 * not compile again.  A schema that may refer to a tenant's documents is checked
 * whenever a registry has changed, and compiled anew if one of its documents did.
 * All others depend on nothing but their own text.
 *
 * The view shows the compiled metaschemas too, which are not bounded.
 *
 * Memory: one context per schema under CacheMemoryContext, together bounded by
 * agentcore.inline_schema_cache_size; the least recently used goes first, and the
 * one in use stays, whatever its size.  Eviction clears the pointers of the call
 * sites, whose list a schema keeps; a call site leaves that list when its own
 * context (fn_mcxt) goes.  Evaluating calls nothing that could compile, so a
 * program cannot go while it is in use.  Locks: none.  On ERROR while
 * compiling: the half-built context is a child of the caller's and goes with
 * it.
 */
#include "schema/documents.h"
#include "schema/inline.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "core/row.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#define NBUCKETS 256

/* bytes of a schema's text that name it in agentcore.stat_compiled */
#define NAME_SHOWN 60

/* How formats are treated. */
typedef enum FormatRule
{
	FORMATS_ANNOTATE,
	FORMATS_ASSERT,
	FORMATS_BY_DRAFT			/* asserted up to draft 7 */
} FormatRule;

typedef struct InlineSchema
{
	MemoryContext cxt;
	const SchemaProgram *program;
	const struct varlena *source;	/* as it was given: a jsonb or a text */
	bool		is_text;
	const char *dialect;
	const char *tenant;			/* whose documents it may refer to; NULL: none */
	uint64		checked;		/* generation at which those were last compared */
	FormatRule	formats;
	uint32		hash;
	Oid			role;			/* the role that gave it first; who may see it in the view */
	Size		bytes;
	int64		hits;
	dlist_node	lru;
	dlist_head	sites;
	struct InlineSchema *next;	/* hash chain */
} InlineSchema;

/* What fn_extra points at. */
typedef struct CallSite
{
	InlineSchema *schema;		/* NULL: evicted, or none yet */
	bool		constant;		/* schema, dialect and formats are constant, for every call */
	dlist_node	node;			/* in schema->sites */
	MemoryContextCallback leave;
} CallSite;

/* The arguments that decide what is compiled. */
typedef struct Wanted
{
	struct varlena *source;
	bool		is_text;
	const char *dialect;
	const char *tenant;
	FormatRule	formats;
	uint32		hash;
} Wanted;

static InlineSchema *buckets[NBUCKETS];
static dlist_head lru = DLIST_STATIC_INIT(lru);
static Size total_bytes = 0;

/* ----- compiling ---------------------------------------------------------------- */

static Jsonb *
source_document(const struct varlena *source, bool is_text)
{
	if (!is_text)
		return (Jsonb *) unconstify(struct varlena *, source);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text_to_cstring((const text *) source))));
}

/*
 * pg_jsonschema knows only the dialects of JSON Schema.  A schema that would be
 * read as agentvet's meant something else there, so it is refused.
 */
bool
inline_json_schema(const Jsonb *schema, SchemaDialect *dialect, SchemaProblem *problem)
{
	memset(problem, 0, sizeof(*problem));
	if (!dialect_detect(schema, false, dialect, problem))
		return false;
	if (*dialect == DIALECT_AGENTVET)
		problem->message = "it has no keyword of JSON Schema; it reads as agentvet's dialect, which jsonschema_validate() knows";
	return problem->message == NULL;
}

static InlineSchema *
compile_inline(const Wanted *wanted)
{
	/* under the caller's context until it is complete */
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore inline schema", ALLOCSET_SMALL_SIZES);
	MemoryContext old = CurrentMemoryContext;
	SchemaDialect dialect = dialect_or_raise(wanted->dialect);
	Jsonb	   *document = source_document(wanted->source, wanted->is_text);
	bool		assert_format = wanted->formats == FORMATS_ASSERT;
	struct varlena *source;
	InlineSchema *schema;
	SchemaOptions options = {.tenant = wanted->tenant};
	SchemaProblem problem;

	if (wanted->formats == FORMATS_BY_DRAFT)
	{
		if (!inline_json_schema(document, &dialect, &problem))
			schema_problem_raise(&problem, "schema");
		/* up to draft 7, formats were meant to be asserted */
		assert_format = dialect <= DIALECT_DRAFT7;
	}
	MemoryContextSwitchTo(cxt);
	schema = palloc0(sizeof(InlineSchema));
	schema->cxt = cxt;
	schema->checked = agc_generation(); /* changes from here on are noticed later */
	options.dialect = dialect;
	options.assert_format = assert_format;
	schema->program = schema_compile(document, &options, &problem);
	if (schema->program == NULL)
		schema_problem_raise(&problem, "schema");
	source = palloc(VARSIZE(wanted->source));
	memcpy(source, wanted->source, VARSIZE(wanted->source));
	schema->source = source;
	schema->is_text = wanted->is_text;
	schema->dialect = pstrdup(wanted->dialect);
	schema->tenant = wanted->tenant == NULL ? NULL : pstrdup(wanted->tenant);
	schema->formats = wanted->formats;
	schema->hash = wanted->hash;
	schema->role = GetUserId();
	dlist_init(&schema->sites);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(cxt, CacheMemoryContext);
	schema->bytes = MemoryContextMemAllocated(cxt, true);
	return schema;
}

/* ----- the session's schemas ------------------------------------------------------ */

static bool
same_schema(const InlineSchema *schema, const Wanted *wanted)
{
	return schema->is_text == wanted->is_text && schema->formats == wanted->formats &&
		VARSIZE(schema->source) == VARSIZE(wanted->source) &&
		memcmp(schema->source, wanted->source, VARSIZE(wanted->source)) == 0 &&
		strcmp(schema->dialect, wanted->dialect) == 0 &&
		(schema->tenant == NULL ? wanted->tenant == NULL :
		 wanted->tenant != NULL && strcmp(schema->tenant, wanted->tenant) == 0);
}

/* Whether the documents that it refers to are still those that it was compiled from. */
static bool
is_fresh(InlineSchema *schema)
{
	uint64		now = agc_generation();

	if (schema->tenant == NULL || schema->checked == now)
		return true;
	if (!registry_fresh(schema->tenant, schema->program->uses))
		return false;
	schema->checked = now;
	return true;
}

static void
evict(InlineSchema *schema)
{
	InlineSchema **slot = &buckets[schema->hash % NBUCKETS];
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &schema->sites)
	{
		dlist_container(CallSite, node, iter.cur)->schema = NULL;
		dlist_delete(iter.cur);
	}
	while (*slot != schema)
		slot = &(*slot)->next;
	*slot = schema->next;
	dlist_delete(&schema->lru);
	total_bytes -= schema->bytes;
	MemoryContextDelete(schema->cxt);
}

static InlineSchema *
find_or_compile(Wanted *wanted)
{
	InlineSchema *schema;

	wanted->hash = hash_bytes((const unsigned char *) VARDATA(wanted->source), VARSIZE(wanted->source) - VARHDRSZ);
	for (schema = buckets[wanted->hash % NBUCKETS]; schema != NULL; schema = schema->next)
		if (schema->hash == wanted->hash && same_schema(schema, wanted))
			break;
	if (schema != NULL && is_fresh(schema))
		return schema;
	if (schema != NULL)
		evict(schema);

	schema = compile_inline(wanted);
	schema->next = buckets[schema->hash % NBUCKETS];
	buckets[schema->hash % NBUCKETS] = schema;
	dlist_push_head(&lru, &schema->lru);
	total_bytes += schema->bytes;
	while (total_bytes > (Size) agc_inline_schema_cache_size * 1024 && dlist_has_next(&lru, dlist_head_node(&lru)))
		evict(dlist_tail_element(InlineSchema, lru, &lru));
	return schema;
}

/* ----- call sites ----------------------------------------------------------------- */

/*
 * get_fn_expr_arg_stable() is not enough.  It counts a parameter as stable, but
 * PL/pgSQL keeps the call site of an expression while its variables change.
 */
static bool
argument_is_constant(FunctionCallInfo fcinfo, int n)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	return n < 0 ||
		(call != NULL && IsA(call, FuncExpr) && n < list_length(((FuncExpr *) call)->args) &&
		 IsA(list_nth(((FuncExpr *) call)->args, n), Const));
}

static void
leave_schema(void *arg)
{
	CallSite   *site = arg;

	if (site->schema != NULL)
		dlist_delete(&site->node);
}

static CallSite *
new_call_site(FunctionCallInfo fcinfo, int dialect_arg, int format_arg)
{
	CallSite   *site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));

	site->constant = argument_is_constant(fcinfo, 0) && argument_is_constant(fcinfo, dialect_arg) &&
		argument_is_constant(fcinfo, format_arg);
	site->leave.func = leave_schema;
	site->leave.arg = site;
	MemoryContextRegisterResetCallback(fcinfo->flinfo->fn_mcxt, &site->leave);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static void
require_argument(FunctionCallInfo fcinfo, int n, const char *what)
{
	if (n >= 0 && PG_ARGISNULL(n))
		agc_refuse_null(what);
}

static void
read_wanted(FunctionCallInfo fcinfo, bool is_text, int dialect_arg, int format_arg, const char *tenant,
			Wanted *wanted)
{
	require_argument(fcinfo, 0, "schema");
	require_argument(fcinfo, dialect_arg, "dialect");
	require_argument(fcinfo, format_arg, "assert_format");
	wanted->source = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	wanted->is_text = is_text;
	wanted->dialect = dialect_arg < 0 ? "auto" : text_to_cstring(PG_GETARG_TEXT_PP(dialect_arg));
	wanted->tenant = tenant;
	wanted->formats = format_arg < 0 ? FORMATS_BY_DRAFT :
		PG_GETARG_BOOL(format_arg) ? FORMATS_ASSERT : FORMATS_ANNOTATE;
}

static const SchemaProgram *
use(InlineSchema *schema)
{
	schema->hits++;
	dlist_move_head(&lru, &schema->lru);
	return schema->program;
}

/* The schema of a call whose arguments may differ from the last one's. */
static const SchemaProgram *
look_up(FunctionCallInfo fcinfo, bool is_text, int dialect_arg, int format_arg, const char *tenant)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	InlineSchema *schema;
	Wanted		wanted;

	read_wanted(fcinfo, is_text, dialect_arg, format_arg, tenant, &wanted);
	if (site == NULL)
		site = new_call_site(fcinfo, dialect_arg, format_arg);
	if (site->schema == NULL || !same_schema(site->schema, &wanted) || !is_fresh(site->schema))
	{
		schema = find_or_compile(&wanted);
		if (site->schema != NULL)
			dlist_delete(&site->node);
		site->schema = schema;
		dlist_push_head(&schema->sites, &site->node);
	}
	return use(site->schema);
}

const SchemaProgram *
inline_schema(FunctionCallInfo fcinfo, bool is_text, int dialect_arg, int format_arg)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	if (likely(site != NULL && site->constant && site->schema != NULL))
		return use(site->schema);
	return look_up(fcinfo, is_text, dialect_arg, format_arg, NULL);
}

const SchemaProgram *
inline_schema_registered(FunctionCallInfo fcinfo, int dialect_arg, int format_arg, const char *tenant)
{
	return look_up(fcinfo, false, dialect_arg, format_arg, tenant);
}

/* ----- the view --------------------------------------------------------------------- */

/* The schema's identifier, else the beginning of its text. */
static char *
shown_name(const InlineSchema *schema)
{
	JbItem		root = jb_root(schema->program->schema);
	JbItem		id;

	if (item_is_object(&root) &&
		(object_find_cstring(jb_container(&root), "$id", &id) || object_find_cstring(jb_container(&root), "id", &id)) &&
		JBE_ISSTRING(id.entry))
		return pnstrdup(id.data, id.len);
	return json_excerpt(&root, NAME_SHOWN);
}

static void
report_one(ReturnSetInfo *rsinfo, const char *class, const char *tenant, const char *name, Size bytes, int64 hits)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, class);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_null(&row);			/* revision */
	agc_put_int64(&row, (int64) bytes);
	agc_put_int64(&row, 1);		/* compilations */
	agc_put_int64(&row, hits);
	agc_row_store(rsinfo, &row);
}

/* For compiled_objects(): schemas first given by this role or by one it is a member of; and the metaschemas. */
static void
report_inline(ReturnSetInfo *rsinfo)
{
	dlist_iter	iter;

	dlist_foreach(iter, &lru)
	{
		InlineSchema *schema = dlist_container(InlineSchema, lru, iter.cur);

		if (!has_privs_of_role(GetUserId(), schema->role))
			continue;
		report_one(rsinfo, "inline schema", schema->tenant, shown_name(schema), schema->bytes, schema->hits - 1);
	}
	for (SchemaDialect dialect = DIALECT_DRAFT4; dialect <= DIALECT_2020_12; dialect++)
	{
		int64		hits;
		Size		bytes = metaschema_bytes(dialect, &hits);

		if (bytes > 0)
			report_one(rsinfo, "metaschema", NULL, dialect_name(dialect), bytes, hits);
	}
}

void
inline_init(void)
{
	agc_compiled_reporter(report_inline);
}
