/*
 * json_schema.c
 *	  Registering documents: json_schema_set() and json_schema_drop().
 *
 * Documents may refer to each other, so a document is taken although what it
 * refers to is not there yet; a tool is not.  A row that a tool needs cannot be
 * dropped.  A tool that cannot be compiled with a document's new version refuses
 * every call with the compiler's error; so does one whose document was lost in
 * another way.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock while reading, row locks
 * of the statements.  On ERROR: nothing was changed.
 */
#include "schema/documents.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#define MAX_URI 2048			/* as the table's CHECK says */

/* the rooms above that use documents */
static struct
{
	const char *kind;
	DocumentUserFinder finder;
} finders[2];
static int	nfinders = 0;

static AgcTable by_name = AGC_TABLE("json_schema", "json_schema_pkey");
static AgcTable by_id = AGC_TABLE("json_schema", "json_schema_tenant_id_key");

static char *
arg_uri(FunctionCallInfo fcinfo, int n)
{
	char	   *uri = agc_opt_text(fcinfo, n);
	SchemaDialect dialect;

	if (uri == NULL)
		agc_refuse_null("uri");
	if (uri[0] == '\0' || strlen(uri) > MAX_URI)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("uri must have 1 to %d bytes", MAX_URI)));
	if (strchr(uri, '#') != NULL || !format_check(format_find("uri"), uri, strlen(uri)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("uri must be an absolute URI without a fragment"),
				 errhint("For example https://example.com/schemas/address; it is a name, nothing is fetched.")));
	if (published_find(uri, &dialect) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is a published metaschema", uri),
				 errdetail("It is bundled, and a registered document could not take its place.")));
	return uri;
}

/*
 * The document in the dialect that is given, else in the one that its `$schema`
 * names.  A document without `$schema` is read in the dialect of the schema that
 * refers to it, so any dialect in which it compiles will do.
 */
static SchemaProgram *
compile_document(const Jsonb *schema, SchemaDialect dialect, const char *tenant, SchemaProblem *problem)
{
	JbItem		root = jb_root(schema);
	JbItem		declared;
	SchemaOptions options = {.dialect = dialect, .tenant = tenant, .open = true};
	SchemaProblem other;

	if (dialect != DIALECT_AUTO ||
		(item_is_object(&root) && object_find_cstring(jb_container(&root), "$schema", &declared)))
		return schema_compile(schema, &options, problem);
	for (int i = DIALECT_2020_12; i >= DIALECT_DRAFT4; i--)
	{
		SchemaProgram *program;

		options.dialect = (SchemaDialect) i;
		program = schema_compile(schema, &options, i == DIALECT_2020_12 ? problem : &other);
		if (program != NULL && metaschema_check(program, tenant, i == DIALECT_2020_12 ? problem : &other))
			return program;
	}
	return NULL;
}

/* The absolute $id where it is another name than "uri"; NULL: none. */
static char *
own_id(const Jsonb *schema, SchemaDialect dialect, const char *uri)
{
	JbItem		root = jb_root(schema);
	JbItem		value;
	char	   *id;
	char	   *fragment;

	if (!item_is_object(&root) ||
		!object_find_cstring(jb_container(&root), dialect == DIALECT_DRAFT4 ? "id" : "$id", &value) ||
		!JBE_ISSTRING(value.entry))
		return NULL;
	id = uri_resolve(uri, pnstrdup(value.data, value.len));
	fragment = strchr(id, '#');
	if (fragment != NULL && fragment[1] != '\0')
		return NULL;			/* an anchor, up to draft 7 */
	if (fragment != NULL)
		*fragment = '\0';
	if (strlen(id) > MAX_URI)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("$id must have at most %d bytes", MAX_URI)));
	return strcmp(id, uri) == 0 ? NULL : id;
}

static void
check_id_is_free(const char *tenant, const char *uri, const char *id)
{
	const char *keys[2] = {tenant, id};
	Relation	rel = agc_table_open(&by_id, AccessShareLock);
	HeapTuple	tuple = agc_table_get(&by_id, rel, 2, keys);
	char	   *holder = tuple == NULL ? NULL : agc_col_text(tuple, RelationGetDescr(rel), "name");

	agc_table_close(rel, AccessShareLock);
	if (holder != NULL && strcmp(holder, uri) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("another document has the $id \"%s\"", id),
				 errdetail("It is registered as \"%s\".", holder)));
}

static bool
write_document(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.json_schema AS s (tenant, name, id, dialect, schema) VALUES ($1, $2, $3, $4, $5)"
		" ON CONFLICT (tenant, name) DO UPDATE SET id = EXCLUDED.id, dialect = EXCLUDED.dialect, schema = EXCLUDED.schema"
		" WHERE $6 AND (s.id, s.dialect, s.schema::text) IS DISTINCT FROM (EXCLUDED.id, EXCLUDED.dialect, EXCLUDED.schema::text)",
		lengthof(types), types
	};
	char	   *uri = TextDatumGetCString(set->keys[1]);
	Jsonb	   *schema = agc_arg_jsonb(fcinfo, 1, "schema");
	char	   *dialect_text = agc_opt_text(fcinfo, 2);
	SchemaDialect dialect = dialect_or_raise(dialect_text);
	SchemaProblem problem;
	SchemaProgram *program;
	char	   *id;
	AgcRow		row;

	if (dialect == DIALECT_AGENTVET)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("agentvet's dialect has no references"),
				 errhint("Register documents in a dialect of JSON Schema.")));
	program = compile_document(schema, dialect, set->tenant, &problem);
	if (program == NULL || !metaschema_check(program, set->tenant, &problem))
		schema_problem_raise(&problem, "schema");
	id = own_id(schema, program->dialect, uri);
	if (id != NULL)
		check_id_is_free(set->tenant, uri, id);

	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put(&row, set->keys[1]);
	agc_put_text(&row, id);
	agc_put_text(&row, dialect_text);
	agc_put_jsonb(&row, schema);
	agc_put_bool(&row, set->exists);
	return agc_set_write_row(set, &plan, &row);
}

/* json_schema_set(uri, schema, dialect, reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(json_schema_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT schema, dialect FROM agentcore.json_schema WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"schema", .required = true}, {"dialect", "auto"}};
	static const AgcSetter setter = {"document", 1, lengthof(members), members, &row, .write = write_document};
	Datum		keys[] = {0, CStringGetTextDatum(arg_uri(fcinfo, 0))};

	return agc_set(fcinfo, &setter, keys);
}

void
registry_add_user_finder(const char *kind, DocumentUserFinder finder)
{
	Assert(nfinders < lengthof(finders));
	finders[nfinders].kind = kind;
	finders[nfinders++].finder = finder;
}

static void
check_unused(const char *tenant, const char *uri, int64 revision)
{
	for (int i = 0; i < nfinders; i++)
	{
		char	   *user = finders[i].finder(tenant, revision);

		if (user != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot drop document \"%s\" because %s \"%s\" needs it", uri, finders[i].kind, user),
					 errhint("Drop or change the %s first.", finders[i].kind)));
	}
}

/* json_schema_drop(uri, tenant) -> boolean: whether there was one */
AGC_FUNCTION(json_schema_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.json_schema WHERE tenant = $1 AND name = $2", 2, types
	};
	char	   *uri = agc_opt_text(fcinfo, 0);
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	const char *keys[2] = {tenant, uri};
	AgcRow		row;
	Relation	rel;
	HeapTuple	tuple;
	int64		revision;

	if (uri == NULL)
		agc_refuse_null("uri");
	agc_enter(tenant, AGC_ADMIN);
	rel = agc_table_open(&by_name, AccessShareLock);
	tuple = agc_table_get(&by_name, rel, 2, keys);
	revision = tuple == NULL ? 0 : agc_col_int64(tuple, RelationGetDescr(rel), "revision", 0);
	agc_table_close(rel, AccessShareLock);
	if (tuple == NULL)
		PG_RETURN_BOOL(false);
	check_unused(tenant, uri, revision);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, uri);
	PG_RETURN_BOOL(agc_owner_spi_row_bounded(&plan, &row) > 0);
}
