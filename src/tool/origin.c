/*
 * origin.c
 *	  Whose a tool is: an import never overwrites a tool of another origin, and
 *	  a changed definition can wait until somebody has looked at it.
 *
 * What waits stands beside the definition in force (column "pending"), so the
 * gate needs no other table to refuse the tool's calls.  A tool that is held
 * stays held, whatever is imported: neither another on_change nor a server that
 * goes back to its old definition lets it run again, only tool_accept().  A
 * configuration document carries the hold (tool_hold()), so a restore keeps it.
 *
 * Memory: CurrentMemoryContext.  Locks: the tool's row, FOR NO KEY UPDATE, to the
 * end of the transaction.  On ERROR: the transaction takes everything back.
 */
#include "tool/origin.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "tool/tool_schema.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* The row of a tool, locked. */
typedef struct Registered
{
	char	   *origin;			/* NULL: none */
	char	   *description;
	Jsonb	   *meta;
	Jsonb	   *output_schema;
	Jsonb	   *pending;		/* NULL: nothing waits */
	Datum		guessed;		/* 0: NULL */
	bool		same;			/* its definition is the one that was asked about */
} Registered;

typedef struct Work
{
	const ImportRules *rules;
	const char *name;
	const Definition *definition;
	ImportResult result;
} Work;

/* ----- statements --------------------------------------------------------------- */

static Datum
column(int n, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, n, isnull);
}

static char *
text_column(int n)
{
	bool		isnull;
	Datum		value = column(n, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static Jsonb *
jsonb_column(int n)
{
	bool		isnull;
	Datum		value = column(n, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

static Datum
array_column(int n)
{
	bool		isnull;
	Datum		value = column(n, &isnull);

	return isnull ? (Datum) 0 : PointerGetDatum(DatumGetArrayTypePCopy(value));
}

/* Locks and reads; false: there is no such tool.  d NULL: nothing is compared. */
static bool
look_up(const char *tenant, const char *name, const Definition *d, Registered *found)
{
	static const Oid types[] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, JSONBOID, BOOLOID, JSONBOID};
	static AgcPlan plan = {
		"SELECT t.origin, t.description, t.meta, t.pending, t.guessed, (t.input_schema::text, t.description, t.dialect, t.additional, t.meta::text, t.output_schema::text)"
		" IS NOT DISTINCT FROM ($3::text, coalesce($4, t.description), 'auto', false, CASE WHEN $6 THEN $5 ELSE t.meta END::text,"
		" CASE WHEN $6 THEN $7 ELSE t.output_schema END::text), t.output_schema"
		" FROM agentcore.tool t WHERE t.tenant = $1 AND t.name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	AgcRow		row;
	bool		isnull;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_jsonb(&row, d == NULL ? NULL : d->input_schema);
	agc_put_text(&row, d == NULL ? NULL : d->description);
	agc_put_jsonb(&row, d == NULL ? NULL : d->meta);
	agc_put_bool(&row, d != NULL && d->has_meta);
	agc_put_jsonb(&row, d == NULL ? NULL : d->output_schema);
	agc_spi_row(&plan, &row);
	if (SPI_processed == 0)
		return false;
	memset(found, 0, sizeof(*found));
	found->origin = text_column(1);
	found->description = text_column(2);
	found->meta = jsonb_column(3);
	found->pending = jsonb_column(4);
	found->guessed = array_column(5);
	found->same = DatumGetBool(column(6, &isnull));
	found->output_schema = jsonb_column(7);
	return true;
}

static Datum
guess(const Definition *d, const char *tenant)
{
	return tool_guessed_column(d->input_schema, DIALECT_AUTO, false, (Datum) 0, tenant);
}

/* False where another session was first. */
static bool
insert(Work *work)
{
	static const Oid types[] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, JSONBOID, TEXTOID, JSONBOID, TEXTARRAYOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.tool (tenant, name, input_schema, description, meta, origin, output_schema, guessed)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, name) DO NOTHING RETURNING guessed", lengthof(types), types
	};
	const Definition *d = work->definition;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, work->rules->tenant);
	agc_put_text(&row, work->name);
	agc_put_jsonb(&row, d->input_schema);
	agc_put_text(&row, d->description);
	agc_put_jsonb(&row, d->meta);
	agc_put_text(&row, work->rules->origin);
	agc_put_jsonb(&row, d->output_schema);
	agc_put(&row, guess(d, work->rules->tenant));
	agc_spi_row(&plan, &row);
	if (SPI_processed == 0)
		return false;
	work->result.action = TOOL_CREATED;
	work->result.guessed = array_column(1);
	return true;
}

/* Puts a definition in force; what it does not say stays.  Returns the column "guessed". */
static Datum
replace(const char *tenant, const char *name, const char *origin, const Definition *d)
{
	static const Oid types[] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, JSONBOID, BOOLOID, TEXTOID, JSONBOID, TEXTARRAYOID};
	static AgcPlan plan = {
		"UPDATE agentcore.tool t SET input_schema = $3, description = coalesce($4, t.description), dialect = 'auto', additional = false,"
		" meta = CASE WHEN $6 THEN $5 ELSE t.meta END, output_schema = CASE WHEN $6 THEN $8 ELSE t.output_schema END, origin = $7, pending = NULL, guessed = CASE WHEN t.url_args IS NULL THEN"
		" ARRAY(SELECT g FROM unnest($9) WITH ORDINALITY u (g, n) WHERE g <> ALL (coalesce(t.url_skip, '{}')) ORDER BY n) END"
		" WHERE t.tenant = $1 AND t.name = $2 RETURNING guessed", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_jsonb(&row, d->input_schema);
	agc_put_text(&row, d->description);
	agc_put_jsonb(&row, d->meta);
	agc_put_bool(&row, d->has_meta);
	agc_put_text(&row, origin);
	agc_put_jsonb(&row, d->output_schema);
	agc_put(&row, guess(d, tenant));
	agc_spi_row(&plan, &row);
	return array_column(1);
}

/* pending NULL: nothing waits any more */
static void
set_pending(const char *tenant, const char *name, const char *origin, const Jsonb *pending)
{
	static const Oid types[] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID};
	static AgcPlan plan = {
		"UPDATE agentcore.tool SET pending = $3, origin = $4 WHERE tenant = $1 AND name = $2", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_jsonb(&row, pending);
	agc_put_text(&row, origin);
	agc_spi_row(&plan, &row);
}

/* ----- what waits ------------------------------------------------------------------ */

static void
put_document(JsonbParseState **state, const char *key, const Jsonb *document)
{
	JbItem		root;

	if (document == NULL)
		return;
	root = jb_root(document);
	put_key(state, key);
	put_item(state, WJB_VALUE, &root);
}

/* The definition as the column "pending" holds it; what it does not say is the tool's own. */
static Jsonb *
pending_document(const Definition *d, const Registered *found)
{
	const char *description = d->description != NULL ? d->description : found->description;
	const Jsonb *meta = d->has_meta ? d->meta : found->meta;
	const Jsonb *output_schema = d->has_meta ? d->output_schema : found->output_schema;
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_string(&state, "digest", tool_definition_digest(description, d->input_schema, meta, output_schema));
	if (description != NULL)
		put_string(&state, "description", description);
	put_document(&state, "input_schema", d->input_schema);
	put_document(&state, "output_schema", output_schema);
	put_document(&state, "meta", meta);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static char *
pending_text(const Jsonb *pending, const char *key)
{
	JbItem		root = jb_root(pending);
	JbItem		value;

	if (!item_is_object(&root) || !object_find_cstring(jb_container(&root), key, &value) || !JBE_ISSTRING(value.entry))
		return NULL;
	return pnstrdup(value.data, value.len);
}

static Jsonb *
pending_part(const Jsonb *pending, const char *key)
{
	JbItem		root = jb_root(pending);
	JbItem		value;

	if (!item_is_object(&root) || !object_find_cstring(jb_container(&root), key, &value))
		return NULL;
	return item_to_jsonb(&value);
}

static bool
same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* ----- import ------------------------------------------------------------------------ */

static void
refuse(Work *work, int sqlstate, char *problem, const char *hint)
{
	if (work->rules->strict)
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg("cannot import tool %s at \"%s\" of tools", agc_quoted_name(work->name), work->definition->at),
				 errdetail("%s", problem),
				 errhint("%s", hint)));
	work->result.action = TOOL_REFUSED;
	work->result.problem = psprintf("cannot import tool %s at \"%s\" of tools: %s",
									agc_quoted_name(work->name), work->definition->at, problem);
}

/* Whether the import may touch the tool; else it is refused. */
static bool
may_touch(Work *work, const Registered *found)
{
	if (same_text(found->origin, work->rules->origin) || (found->origin == NULL && work->rules->adopt))
		return true;
	if (found->origin == NULL)
		refuse(work, ERRCODE_UNIQUE_VIOLATION,
			   psprintf("There is a tool of this name without an origin, and the origin of this import is %s.",
						agc_quoted_name(work->rules->origin)),
			   "adopt => true takes over tools that have no origin; a prefix keeps names apart.");
	else
		refuse(work, ERRCODE_UNIQUE_VIOLATION,
			   psprintf("There is a tool of this name with the origin %s, and the origin of this import is %s.",
						agc_quoted_name(found->origin), agc_quoted_name(work->rules->origin)),
			   "Use a prefix that keeps names apart; tool_set(name, reset => '{origin}') gives a tool up.");
	return false;
}

/* Leaves the definition beside the one in force. */
static void
hold(Work *work, const Registered *found)
{
	Jsonb	   *pending = pending_document(work->definition, found);
	bool		known = found->pending != NULL && same_text(pending_text(found->pending, "digest"), pending_text(pending, "digest"));

	if (!known && found->pending != NULL && work->rules->on_change == ON_CHANGE_REFUSE)
	{
		refuse(work, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, pstrdup("Its definition has changed again while another one waits."),
			   "agentcore.tool_history shows what was there.");
		return;
	}
	if (!known || found->origin == NULL)
		set_pending(work->rules->tenant, work->name, work->rules->origin, pending);
	work->result.action = TOOL_HELD;
	work->result.problem = psprintf("tool %s at \"%s\" of tools is held: its definition %s, and tool_accept() has not accepted it",
									agc_quoted_name(work->name), work->definition->at,
									found->same ? "is the one before a change" : "has changed");
}

/*
 * An import is read in the dialect auto.  The output schema that a tool has from
 * tool_set(), and that this format has no place for, stays, so it must be one there.
 */
static bool
keeps_output(Work *work, const Registered *found)
{
	const Definition *d = work->definition;
	ToolSchemas schemas = {d->input_schema, found->output_schema, DIALECT_AUTO, false, work->rules->tenant};
	SchemaProblem problem;

	if (d->has_meta || found->output_schema == NULL || tool_schemas_usable(&schemas, &problem))
		return true;
	refuse(work, ERRCODE_INVALID_PARAMETER_VALUE,
		   pstrdup("It has an output schema that cannot be used in the dialect auto, which an import gives it."),
		   "tool_set() gives it one that can, or resets output_schema.");
	return false;
}

static void
change(Work *work, const Registered *found)
{
	const ImportRules *rules = work->rules;

	if (found->pending != NULL)
		hold(work, found);
	else if (found->same && found->origin != NULL)
		work->result.action = TOOL_UNCHANGED;
	else if (found->same || rules->on_change == ON_CHANGE_REPLACE)
	{
		if (!keeps_output(work, found))
			return;
		work->result.action = TOOL_CHANGED;
		work->result.guessed = replace(rules->tenant, work->name, rules->origin, work->definition);
	}
	else if (rules->on_change == ON_CHANGE_HOLD)
		hold(work, found);
	else
		refuse(work, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, pstrdup("Its definition has changed."),
			   "on_change => 'hold' keeps the new definition for tool_accept().");
}

static void
write_import(void *arg)
{
	Work	   *work = arg;
	Registered	found;
	AgcOwner	owner;

	agc_owner_begin_bounded(&owner);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (look_up(work->rules->tenant, work->name, work->definition, &found))
		{
			work->result.guessed = found.guessed;
			if (may_touch(work, &found))
				change(work, &found);
			break;
		}
		if (insert(work))
			break;
	}
	agc_owner_end(&owner);
}

ImportResult
origin_import(const ImportRules *rules, const char *name, const Definition *definition)
{
	Work		work = {rules, name, definition};

	agc_attributed(write_import, &work);
	return work.result;
}

/* ----- tool_accept --------------------------------------------------------------------- */

typedef struct Acceptance
{
	const char *tenant;
	const char *name;
	const char *digest;			/* NULL: of what waits */
	bool		known;
	bool		waited;
} Acceptance;

/* The definition that waits, in force from now on. */
static void
put_in_force(const Acceptance *a, const Registered *found)
{
	ToolSchemas schemas = {.dialect = DIALECT_AUTO, .tenant = a->tenant};
	SchemaProblem problem;
	Definition	d = {0};

	d.description = pending_text(found->pending, "description");
	d.input_schema = pending_part(found->pending, "input_schema");
	d.meta = pending_part(found->pending, "meta");
	d.output_schema = pending_part(found->pending, "output_schema");
	d.has_meta = true;
	if (d.input_schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("what waits for tool \"%s\" is no definition", a->name),
				 errhint("Import the tool again.")));
	schemas.input = d.input_schema;
	schemas.output = d.output_schema;
	if (!tool_schemas_usable(&schemas, &problem))
		schema_problem_raise(&problem, "schema");
	(void) replace(a->tenant, a->name, found->origin, &d);
}

/* The digest of the definition in force. */
static char *
digest_in_force(const Acceptance *a)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT agentcore.tool_definition_digest(description, input_schema, meta, output_schema) FROM agentcore.tool"
		" WHERE tenant = $1 AND name = $2", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, a->tenant);
	agc_put_text(&row, a->name);
	agc_spi_row(&plan, &row);
	return text_column(1);
}

static void
write_acceptance(void *arg)
{
	Acceptance *a = arg;
	Registered	found;
	char	   *waiting;
	AgcOwner	owner;

	agc_owner_begin_bounded(&owner);
	a->known = look_up(a->tenant, a->name, NULL, &found);
	a->waited = a->known && found.pending != NULL;
	if (a->waited)
	{
		waiting = pending_text(found.pending, "digest");
		if (a->digest == NULL || same_text(a->digest, waiting))
			put_in_force(a, &found);
		else if (same_text(a->digest, digest_in_force(a)))
			set_pending(a->tenant, a->name, found.origin, NULL);
		else
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("another definition of tool \"%s\" waits", a->name),
					 errdetail("Its digest is %s.", waiting),
					 errhint("Look at agentcore.tools, column pending, again.")));
	}
	agc_owner_end(&owner);
}

/* tool_accept(name, digest, tenant) -> boolean: whether one waited */
AGC_FUNCTION(tool_accept)
{
	Acceptance	a = {
		.name = agc_arg_name(fcinfo, 0, "tool name"), .digest = agc_opt_text(fcinfo, 1), .tenant = agc_arg_tenant(fcinfo, 2)
	};

	agc_enter(a.tenant, AGC_ADMIN);
	agc_attributed(write_acceptance, &a);
	if (!a.known)
		agc_object_unpin(tool_require(a.tenant, a.name));
	PG_RETURN_BOOL(a.waited);
}

/* ----- tool_hold ----------------------------------------------------------------------- */

typedef struct Holding
{
	const char *tenant;
	const char *name;
	Definition	definition;
	bool		known;
} Holding;

static bool
may_be_schema(const Jsonb *value)
{
	JbItem		root;

	if (value == NULL)
		return false;
	root = jb_root(value);
	return item_is_object(&root) || JBE_ISBOOL(root.entry);
}

/* What waits, out of a document as the column "pending" has it; its digest is not believed. */
static void
read_pending(Holding *h, const Jsonb *pending)
{
	JbItem		root = jb_root(pending);
	Jsonb	   *schema = pending_part(pending, "input_schema");
	Jsonb	   *output = pending_part(pending, "output_schema");

	if (!item_is_object(&root) || !may_be_schema(schema) || (output != NULL && !may_be_schema(output)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pending of tool %s is no definition", agc_quoted_name(h->name)),
				 errhint("It is an object of description, input_schema, output_schema and meta, as in agentcore.tools.")));
	h->definition.description = pending_text(pending, "description");
	h->definition.input_schema = schema;
	h->definition.meta = pending_part(pending, "meta");
	h->definition.output_schema = output;
	h->definition.has_meta = true;
}

static void
write_hold(void *arg)
{
	Holding    *h = arg;
	Registered	found;
	AgcOwner	owner;

	agc_owner_begin_bounded(&owner);
	h->known = look_up(h->tenant, h->name, NULL, &found);
	if (h->known)
	{
		Jsonb	   *pending = pending_document(&h->definition, &found);

		if (found.pending == NULL || !same_text(pending_text(found.pending, "digest"), pending_text(pending, "digest")))
			set_pending(h->tenant, h->name, found.origin, pending);
	}
	agc_owner_end(&owner);
}

/* tool_hold(name, pending, tenant) -> void: what waits for a tool, from a configuration document */
AGC_FUNCTION(tool_hold)
{
	Holding		h = {.name = agc_arg_name(fcinfo, 0, "tool name"), .tenant = agc_arg_tenant(fcinfo, 2)};
	Jsonb	   *pending = agc_arg_jsonb(fcinfo, 1, "pending");

	agc_enter(h.tenant, AGC_ADMIN);
	read_pending(&h, pending);
	agc_attributed(write_hold, &h);
	if (!h.known)
		agc_object_unpin(tool_require(h.tenant, h.name));
	PG_RETURN_VOID();
}
