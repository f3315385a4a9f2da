/*
 * jsonschema.c
 *	  The SQL functions that judge by a schema given as an argument: ours, and
 *	  those of pg_jsonschema under its names.
 *
 * All but jsonschema_validate_registered() are immutable, so they are fit for
 * CHECK constraints: a schema that refers to a document other than itself and the
 * published metaschemas is refused.
 *
 * Memory: CurrentMemoryContext, which in a CHECK constraint is reset with each
 * row; programs belong to inline.c.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/inline.h"
#include "schema/output.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* arguments of ours: (schema, instance, dialect, assert_format) */
#define DIALECT_ARG 2
#define FORMAT_ARG 3

/* ----- ours --------------------------------------------------------------------- */

static void
require_schema(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		agc_refuse_null("schema");
}

/* jsonschema_validate(schema, instance, dialect, assert_format) -> boolean */
AGC_FUNCTION(jsonschema_validate)
{
	const SchemaProgram *program;

	require_schema(fcinfo);
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	program = inline_schema(fcinfo, false, DIALECT_ARG, FORMAT_ARG);
	PG_RETURN_BOOL(schema_valid(program, PG_GETARG_JSONB_P(1)));
}

/* jsonschema_validate_registered(schema, instance, dialect, assert_format, tenant) -> boolean */
AGC_FUNCTION(jsonschema_validate_registered)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	const SchemaProgram *program;

	agc_enter(tenant, AGC_AGENT);
	require_schema(fcinfo);
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	program = inline_schema_registered(fcinfo, DIALECT_ARG, FORMAT_ARG, tenant);
	PG_RETURN_BOOL(schema_valid(program, PG_GETARG_JSONB_P(1)));
}

/* jsonschema_output(schema, instance, output, dialect, assert_format) -> jsonb */
AGC_FUNCTION(jsonschema_output)
{
	char	   *output = agc_opt_text(fcinfo, 2);
	const SchemaProgram *program;
	bool		basic;

	require_schema(fcinfo);
	if (output == NULL || (strcmp(output, "flag") != 0 && strcmp(output, "basic") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("output must be flag or basic")));
	basic = strcmp(output, "basic") == 0;
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	program = inline_schema(fcinfo, false, DIALECT_ARG + 1, FORMAT_ARG + 1);
	PG_RETURN_JSONB_P(schema_output(program, PG_GETARG_JSONB_P(1), basic));
}

/* Whether the schema compiles and satisfies its metaschema. */
static bool
schema_usable(const Jsonb *schema, SchemaDialect dialect)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore schema check", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SchemaProblem problem;
	SchemaProgram *program = schema_compile(schema, &(SchemaOptions){.dialect = dialect}, &problem);
	bool		usable = program != NULL && metaschema_check(program, NULL, &problem);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return usable;
}

/* jsonschema_is_valid(schema, dialect) -> boolean: whether it compiles and satisfies its metaschema */
AGC_FUNCTION(jsonschema_is_valid)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	if (PG_ARGISNULL(1))
		agc_refuse_null("dialect");
	PG_RETURN_BOOL(schema_usable(PG_GETARG_JSONB_P(0), dialect_or_raise(text_to_cstring(PG_GETARG_TEXT_PP(1)))));
}

/* ----- pg_jsonschema's ------------------------------------------------------------ */

/* a json or text value as jsonb; malformed: 22P02 */
static Jsonb *
parse_json(FunctionCallInfo fcinfo, int n)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(n)))));
}

/* The messages, each with its place, as text[]. */
static Datum
error_messages(const SchemaProgram *program, const Jsonb *instance)
{
	EvalErrors *errors = schema_valid(program, instance) ? errors_new(1) :
		schema_errors(program, instance, agc_max_errors);
	Datum	   *texts = palloc(sizeof(Datum) * (errors->count + 1));

	for (int i = 0; i < errors->count; i++)
		texts[i] = CStringGetTextDatum(errors->items[i].path[0] == '\0' ? errors->items[i].message :
									   psprintf("%s: %s", path_excerpt(errors->items[i].path), errors->items[i].message));
	return PointerGetDatum(construct_array(texts, errors->count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* jsonschema_is_valid(text) -> boolean: ours, for a literal without a type */
AGC_FUNCTION(jsonschema_is_valid_text)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(schema_usable(parse_json(fcinfo, 0), DIALECT_AUTO));
}

/* jsonschema_is_valid(json) -> boolean; strict */
AGC_FUNCTION(jsonschema_is_valid_json)
{
	Jsonb	   *schema = parse_json(fcinfo, 0);
	SchemaDialect dialect;
	SchemaProblem problem;

	PG_RETURN_BOOL(inline_json_schema(schema, &dialect, &problem) && schema_usable(schema, dialect));
}

/* json_matches_schema(schema json, instance json) -> boolean; strict */
AGC_FUNCTION(json_matches_schema)
{
	const SchemaProgram *program = inline_schema(fcinfo, true, -1, -1);

	PG_RETURN_BOOL(schema_valid(program, parse_json(fcinfo, 1)));
}

/* jsonb_matches_schema(schema json, instance jsonb) -> boolean; strict */
AGC_FUNCTION(jsonb_matches_schema)
{
	const SchemaProgram *program = inline_schema(fcinfo, true, -1, -1);

	PG_RETURN_BOOL(schema_valid(program, PG_GETARG_JSONB_P(1)));
}

/* jsonschema_validation_errors(schema json, instance json) -> text[]; strict */
AGC_FUNCTION(jsonschema_validation_errors)
{
	const SchemaProgram *program = inline_schema(fcinfo, true, -1, -1);

	PG_RETURN_DATUM(error_messages(program, parse_json(fcinfo, 1)));
}

/* json_matches_compiled_schema(schema jsonschema, instance json) -> boolean; strict */
AGC_FUNCTION(json_matches_compiled_schema)
{
	const SchemaProgram *program = inline_schema(fcinfo, false, -1, -1);

	PG_RETURN_BOOL(schema_valid(program, parse_json(fcinfo, 1)));
}

/* jsonb_matches_compiled_schema(schema jsonschema, instance jsonb) -> boolean; strict */
AGC_FUNCTION(jsonb_matches_compiled_schema)
{
	const SchemaProgram *program = inline_schema(fcinfo, false, -1, -1);

	PG_RETURN_BOOL(schema_valid(program, PG_GETARG_JSONB_P(1)));
}

/* json_validation_errors_compiled(schema jsonschema, instance json) -> text[]; strict */
AGC_FUNCTION(json_validation_errors_compiled)
{
	const SchemaProgram *program = inline_schema(fcinfo, false, -1, -1);

	PG_RETURN_DATUM(error_messages(program, parse_json(fcinfo, 1)));
}

/* jsonb_validation_errors_compiled(schema jsonschema, instance jsonb) -> text[]; strict */
AGC_FUNCTION(jsonb_validation_errors_compiled)
{
	const SchemaProgram *program = inline_schema(fcinfo, false, -1, -1);

	PG_RETURN_DATUM(error_messages(program, PG_GETARG_JSONB_P(1)));
}
