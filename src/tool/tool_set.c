/*
 * tool_set.c
 *	  tool_set() and tool_drop(): writing agentcore.tool.
 *
 * Every member is judged before anything is written, and the schemas are
 * compiled as the gate will compile them.
 *
 * Memory: CurrentMemoryContext.  Locks: the tool's row, FOR NO KEY UPDATE, to the
 * end of the transaction.  On ERROR: nothing was changed.
 */
#include "retry/retry.h"
#include "tool/tool.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "tool/provider.h"
#include "tool/tool_schema.h"
#include "tool/tool_words.h"
#include "utils/builtins.h"

/* the arguments of tool_set(), in SQL's order */
enum
{
	A_SCHEMA = 1, A_DESCRIPTION, A_DIALECT, A_MODE, A_COERCE, A_ADDITIONAL, A_URL_ARGS, A_CACHE_TTL, A_CACHE_SCOPE,
	A_TAGS, A_LEASE, A_IDEMPOTENT, A_EST_TOKENS, A_EST_USD, A_RETRY_POLICY, A_TARGET, A_NEEDS_APPROVAL, A_ENABLED,
	A_CACHE_SOFT_TTL, A_CACHE_NEGATIVE_TTL, A_CACHE_MAX_SIZE, A_DROP_UNKNOWN, A_URL_SKIP, A_ERROR_POINTER, A_OPEN_WORLD,
	A_HTTP_METHOD, A_META, A_ORIGIN, A_TRAITS, A_TAINTS, A_ONCE, A_ONCE_BY, A_ONCE_SCOPE, A_LOG_ARGS,
	A_RECORD, A_REDACT, A_OUTPUT_SCHEMA, N_TOOL_ARGS
};

static const char *const once_scopes[] = {"task", "subject", "agent", "tenant"};
static const char *const cache_scopes[] = {"subject", "agent", "tenant", "shared", "shared_open"};

/* "url_args" and "url_skip" of tool_set */
static void
check_pointers(Datum array, const char *what)
{
	int			n;
	char	  **pointers = tool_texts(array, &n, what);

	for (int i = 0; i < n; i++)
	{
		const char *wrong = pointer_problem(pointers[i]);

		if (wrong != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s element %d is not a JSON Pointer", what, i + 1),
					 errdetail("\"%s\": %s.", pointers[i], wrong),
					 errhint("For example /url, /request/callback or /links/* for every element of an array.")));
	}
}

/* NULL: none was given */
static void
check_error_pointer(const char *pointer)
{
	const char *wrong = pointer == NULL ? NULL : pointer_problem(pointer);

	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("error_pointer is not a JSON Pointer"),
				 errdetail("\"%s\": %s.", pointer, wrong),
				 errhint("For example /error, /response/failure or /results/*/error for every element of an array.")));
}

/* A pointer in both lists is a contradiction. */
static void
check_url_skip(Datum skip, Datum args)
{
	int			nskip;
	int			nargs;
	char	  **skipped = tool_texts(skip, &nskip, "url_skip");
	char	  **judged = tool_texts(args, &nargs, "url_args");

	for (int i = 0; i < nskip; i++)
		for (int j = 0; j < nargs; j++)
			if (strcmp(skipped[i], judged[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("url_skip element %d is in url_args too", i + 1),
						 errdetail("\"%s\" is either a URL to be judged or only data.", skipped[i])));
}

static void
check_tags(Datum array)
{
	int			n;
	char	  **tags = tool_texts(array, &n, "tags");

	if (n > AGC_MAX_TAGS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many tags"),
				 errdetail("Got %d; a tool has at most %d.", n, AGC_MAX_TAGS)));
	for (int i = 0; i < n; i++)
		if (tags[i][0] == '\0' || strlen(tags[i]) > AGC_MAX_NAME)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("tags element %d must have 1 to %d bytes", i + 1, AGC_MAX_NAME)));
}

/* "meta" of tool_set: what an import keeps of a definition, and nothing else */
static void
check_meta(FunctionCallInfo fcinfo)
{
	Jsonb	   *meta = agc_opt_jsonb(fcinfo, A_META, "meta");
	const char *wrong = meta == NULL ? NULL : tool_meta_problem(meta);

	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("meta is not what a definition brings"),
				 errdetail("%s", wrong),
				 errhint("It is an object of title (text), annotations, outputSchema and _meta (objects).")));
}

static void
require_one_of(const char *value, const char *what, const char *const *words, int nwords, const char *hint)
{
	for (int i = 0; value != NULL && i < nwords; i++)
		if (strcmp(value, words[i]) == 0)
			return;
	agc_refuse_word(what, value, hint);
}

/* "http_method" of tool_set, in upper case; 0: none */
static Datum
method_argument(FunctionCallInfo fcinfo)
{
	char	   *given = agc_opt_text(fcinfo, A_HTTP_METHOD);
	char		method[METHOD_MAX + 1];

	if (given == NULL)
		return (Datum) 0;
	if (!http_method_canonical(given, method))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("http_method is not an HTTP method"),
				 errdetail("A method is one word of at most %d bytes, such as POST.", METHOD_MAX)));
	return CStringGetTextDatum(method);
}

static void
check_schemas(FunctionCallInfo fcinfo, AgcSetting *set)
{
	Jsonb	   *input = agc_arg_jsonb(fcinfo, A_SCHEMA, "input_schema");
	ToolSchemas schemas = {
		input, NULL, dialect_or_raise(agc_opt_text(fcinfo, A_DIALECT)), PG_GETARG_BOOL(A_ADDITIONAL), set->tenant
	};
	SchemaProblem problem;

	if (!tool_schemas_usable(&schemas, &problem))
		schema_problem_raise(&problem, "schema");
	schemas.output = agc_opt_jsonb(fcinfo, A_OUTPUT_SCHEMA, "output_schema");
	if (schemas.output != NULL && !tool_schemas_usable(&schemas, &problem))
		schema_problem_raise(&problem, "output schema");
}

/* -1: not given.  A setting that could never take effect is a mistake. */
static void
check_cache_terms(int64 ttl, int64 soft_ttl, int64 negative_ttl, int64 max_size)
{
	if (soft_ttl >= 0 && (soft_ttl == 0 || soft_ttl >= ttl))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cache_soft_ttl must be longer than nothing and shorter than cache_ttl"),
				 errhint("From cache_soft_ttl to cache_ttl an answer is served as stale while one caller replaces it.")));
	if (negative_ttl == 0 || max_size == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be more than nothing", negative_ttl == 0 ? "cache_negative_ttl" : "cache_max_size"),
				 errhint("NULL means %s.", negative_ttl == 0 ? "that failures are not kept" : "that every size that fits is cached")));
	if (ttl < 0 && (negative_ttl >= 0 || max_size >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs cache_ttl", negative_ttl >= 0 ? "cache_negative_ttl" : "cache_max_size"),
				 errdetail("Without it the tool's results are not cached.")));
}

static void
check_scope(const char *scope)
{
	require_one_of(scope, "cache_scope", cache_scopes, lengthof(cache_scopes),
				   "The scopes are subject, agent, tenant, shared and shared_open.");
	if (tool_scope_shared(scope) && agc_level(GetUserId(), "*") < AGC_ADMIN)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to share answers between tenants"),
				 errdetail("cache_scope \"%s\" needs level admin on every tenant.", scope),
				 errhint("Use cache_scope => 'tenant'.")));
}

static void
check_cache(FunctionCallInfo fcinfo)
{
	int64		ttl = agc_opt_interval(fcinfo, A_CACHE_TTL, "cache_ttl", -1);

	if (ttl == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cache_ttl must be longer than nothing"),
				 errhint("reset => '{cache_ttl}' ends the caching of results.")));
	check_cache_terms(ttl, agc_opt_interval(fcinfo, A_CACHE_SOFT_TTL, "cache_soft_ttl", -1),
					  agc_opt_interval(fcinfo, A_CACHE_NEGATIVE_TTL, "cache_negative_ttl", -1),
					  agc_opt_amount(fcinfo, A_CACHE_MAX_SIZE, "cache_max_size", -1));
}

/*
 * Settings that must fit together are always checked.  A setting that names
 * another object, or needs a privilege of its own, is checked only if it changes.
 */
static void
check_tool(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const char *const modes[] = {"enforce", "audit"};

	require_one_of(agc_opt_text(fcinfo, A_MODE), "mode", modes, lengthof(modes), "The modes are enforce and audit.");
	if (AGC_TOUCHED(set, A_CACHE_SCOPE))
		check_scope(agc_opt_text(fcinfo, A_CACHE_SCOPE));
	if (AGC_NAMES_ANEW(fcinfo, set, A_RETRY_POLICY))
		retry_policy_check(set->tenant, agc_arg_name(fcinfo, A_RETRY_POLICY, "retry_policy"));
	(void) agc_opt_name(fcinfo, A_TARGET, "target");
	if (AGC_GIVEN(set, A_LEASE))
		(void) agc_arg_lease(fcinfo, A_LEASE);
	check_cache(fcinfo);
	if (PG_GETARG_BOOL(A_DROP_UNKNOWN) && !PG_GETARG_BOOL(A_COERCE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("drop_unknown needs coerce"),
				 errdetail("Without it the gate changes no arguments.")));
	if (!PG_ARGISNULL(A_URL_ARGS))
		check_pointers(PG_GETARG_DATUM(A_URL_ARGS), "url_args");
	if (!PG_ARGISNULL(A_URL_SKIP))
		check_pointers(PG_GETARG_DATUM(A_URL_SKIP), "url_skip");
	if (!PG_ARGISNULL(A_URL_ARGS) && !PG_ARGISNULL(A_URL_SKIP))
		check_url_skip(PG_GETARG_DATUM(A_URL_SKIP), PG_GETARG_DATUM(A_URL_ARGS));
	check_error_pointer(agc_opt_name(fcinfo, A_ERROR_POINTER, "error_pointer"));
	if (!PG_ARGISNULL(A_TAGS))
		check_tags(PG_GETARG_DATUM(A_TAGS));
	check_meta(fcinfo);
	(void) tool_origin_argument(fcinfo, A_ORIGIN);
	tool_check_words(fcinfo, A_TRAITS, "traits");
	tool_check_words(fcinfo, A_TAINTS, "taints");
	require_one_of(agc_opt_text(fcinfo, A_ONCE_SCOPE), "once_scope", once_scopes, lengthof(once_scopes),
				   "The scopes are task, subject, agent and tenant.");
	if (!PG_ARGISNULL(A_LOG_ARGS))
		check_pointers(PG_GETARG_DATUM(A_LOG_ARGS), "log_args");
	tool_check_record(agc_opt_text(fcinfo, A_RECORD));
	if (!PG_ARGISNULL(A_REDACT))
		check_pointers(PG_GETARG_DATUM(A_REDACT), "redact");
	if (AGC_TOUCHED(set, A_SCHEMA) || AGC_TOUCHED(set, A_DIALECT) || AGC_TOUCHED(set, A_ADDITIONAL) || AGC_TOUCHED(set, A_OUTPUT_SCHEMA))
		check_schemas(fcinfo, set);
}

/* "once" and "once_by" of tool_set, of a schema that was found usable */
static void
check_once(FunctionCallInfo fcinfo, AgcSetting *set)
{
	SchemaProblem problem;
	SchemaProgram *program;

	if (!PG_ARGISNULL(A_ONCE) && agc_opt_interval(fcinfo, A_ONCE, "once", 0) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("once must be longer than nothing"),
				 errhint("reset => '{once}' lets the same call run again.")));
	if (AGC_GIVEN(set, A_ONCE) && PG_ARGISNULL(A_ONCE_BY))
		ereport(NOTICE,
				(errmsg("every argument counts for once, so one letter in another wording evades it"),
				 errhint("Name the arguments that make it the same call in once_by.")));
	if (PG_ARGISNULL(A_ONCE_BY) || !(AGC_TOUCHED(set, A_ONCE_BY) || AGC_TOUCHED(set, A_SCHEMA)))
		return;
	check_pointers(PG_GETARG_DATUM(A_ONCE_BY), "once_by");
	program = tool_compile_schema(agc_arg_jsonb(fcinfo, A_SCHEMA, "input_schema"),
								  dialect_or_raise(agc_opt_text(fcinfo, A_DIALECT)),
								  PG_GETARG_BOOL(A_ADDITIONAL), set->tenant, &problem);
	if (program != NULL)
	{
		int			n;
		char	  **pointers = tool_texts(PG_GETARG_DATUM(A_ONCE_BY), &n, "once_by");

		tool_require_pointers(program, pointers, n, "once_by");
	}
}

static bool
write_tool(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {
		TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID, TEXTARRAYOID, INTERVALOID,
		TEXTOID, TEXTARRAYOID, INTERVALOID, BOOLOID, INT8OID, INT8OID, TEXTOID, TEXTOID, BOOLOID, BOOLOID,
		INTERVALOID, INTERVALOID, INT8OID, BOOLOID, TEXTARRAYOID, TEXTOID, BOOLOID, TEXTOID, JSONBOID, TEXTOID,
		TEXTARRAYOID, TEXTARRAYOID, INTERVALOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID, JSONBOID,
		TEXTARRAYOID, BOOLOID, BOOLOID
	};
	static AgcPlan plan = {
		"INSERT INTO agentcore.tool AS t (tenant, name, input_schema, description, dialect, mode, coerce, additional,"
		" url_args, cache_ttl, cache_scope, tags, lease, idempotent, est_tokens, est_nanousd, retry_policy, target,"
		" needs_approval, enabled, cache_soft_ttl, cache_negative_ttl, cache_max_size, drop_unknown, url_skip, error_pointer, open_world,"
		" http_method, meta, origin, traits, taints, once, once_by, once_scope, log_args, record, redact, output_schema, guessed)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40)"
		" ON CONFLICT (tenant, name) DO UPDATE SET input_schema = EXCLUDED.input_schema,"
		" description = EXCLUDED.description, dialect = EXCLUDED.dialect, mode = EXCLUDED.mode,"
		" coerce = EXCLUDED.coerce, additional = EXCLUDED.additional, url_args = EXCLUDED.url_args,"
		" cache_ttl = EXCLUDED.cache_ttl, cache_scope = EXCLUDED.cache_scope, tags = EXCLUDED.tags,"
		" lease = EXCLUDED.lease, idempotent = EXCLUDED.idempotent, est_tokens = EXCLUDED.est_tokens,"
		" est_nanousd = EXCLUDED.est_nanousd, retry_policy = EXCLUDED.retry_policy, target = EXCLUDED.target,"
		" needs_approval = EXCLUDED.needs_approval, enabled = EXCLUDED.enabled,"
		" cache_soft_ttl = EXCLUDED.cache_soft_ttl, cache_negative_ttl = EXCLUDED.cache_negative_ttl,"
		" cache_max_size = EXCLUDED.cache_max_size, drop_unknown = EXCLUDED.drop_unknown, url_skip = EXCLUDED.url_skip,"
		" error_pointer = EXCLUDED.error_pointer,"
		" open_world = EXCLUDED.open_world, http_method = EXCLUDED.http_method,"
		" meta = EXCLUDED.meta, origin = EXCLUDED.origin, traits = EXCLUDED.traits, taints = EXCLUDED.taints, once = EXCLUDED.once,"
		" once_by = EXCLUDED.once_by, once_scope = EXCLUDED.once_scope, log_args = EXCLUDED.log_args,"
		" record = EXCLUDED.record, redact = EXCLUDED.redact, output_schema = EXCLUDED.output_schema,"
		" guessed = CASE WHEN $41 THEN EXCLUDED.guessed ELSE t.guessed END"
		" WHERE $42 AND"
		" (t.input_schema::text, t.description, t.dialect, t.mode, t.coerce, t.additional, t.url_args, t.cache_ttl,"
		" t.cache_scope, t.tags, t.lease, t.idempotent, t.est_tokens, t.est_nanousd, t.retry_policy, t.target,"
		" t.needs_approval, t.enabled, t.cache_soft_ttl, t.cache_negative_ttl, t.cache_max_size, t.drop_unknown, t.url_skip,"
		" t.error_pointer, t.open_world, t.http_method, t.meta::text, t.origin,"
		" t.traits, t.taints, t.once, t.once_by, t.once_scope, t.log_args, t.record, t.redact, t.output_schema::text, t.guessed) IS DISTINCT FROM"
		" (EXCLUDED.input_schema::text, EXCLUDED.description, EXCLUDED.dialect, EXCLUDED.mode, EXCLUDED.coerce,"
		" EXCLUDED.additional, EXCLUDED.url_args, EXCLUDED.cache_ttl, EXCLUDED.cache_scope, EXCLUDED.tags,"
		" EXCLUDED.lease, EXCLUDED.idempotent, EXCLUDED.est_tokens, EXCLUDED.est_nanousd, EXCLUDED.retry_policy,"
		" EXCLUDED.target, EXCLUDED.needs_approval, EXCLUDED.enabled, EXCLUDED.cache_soft_ttl,"
		" EXCLUDED.cache_negative_ttl, EXCLUDED.cache_max_size, EXCLUDED.drop_unknown, EXCLUDED.url_skip,"
		" EXCLUDED.error_pointer, EXCLUDED.open_world, EXCLUDED.http_method, EXCLUDED.meta::text, EXCLUDED.origin,"
		" EXCLUDED.traits, EXCLUDED.taints, EXCLUDED.once, EXCLUDED.once_by, EXCLUDED.once_scope, EXCLUDED.log_args,"
		" EXCLUDED.record, EXCLUDED.redact, EXCLUDED.output_schema::text,"
		" CASE WHEN $41 THEN EXCLUDED.guessed ELSE t.guessed END)", lengthof(types), types
	};
	bool		anew = AGC_TOUCHED(set, A_SCHEMA) || AGC_TOUCHED(set, A_DIALECT) || AGC_TOUCHED(set, A_ADDITIONAL) ||
		AGC_TOUCHED(set, A_URL_ARGS) || AGC_TOUCHED(set, A_URL_SKIP);
	Datum		guessed = (Datum) 0;
	AgcRow		row;

	check_tool(fcinfo, set);
	check_once(fcinfo, set);
	if (anew && PG_ARGISNULL(A_URL_ARGS))
		guessed = tool_guessed_column(agc_arg_jsonb(fcinfo, A_SCHEMA, "input_schema"), dialect_or_raise(agc_opt_text(fcinfo, A_DIALECT)),
								 PG_GETARG_BOOL(A_ADDITIONAL), PG_ARGISNULL(A_URL_SKIP) ? (Datum) 0 : PG_GETARG_DATUM(A_URL_SKIP),
								 set->tenant);
	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put(&row, set->keys[1]);
	for (int n = A_SCHEMA; n < N_TOOL_ARGS; n++)	/* arguments and columns have one order */
	{
		if (n == A_EST_TOKENS)
			agc_put_datum(&row, Int64GetDatum(agc_opt_amount(fcinfo, n, "est_tokens", 0)), PG_ARGISNULL(n));
		else if (n == A_EST_USD)
			agc_put_datum(&row, Int64GetDatum(agc_opt_usd(fcinfo, n, "est_usd", 0)), PG_ARGISNULL(n));
		else if (n == A_HTTP_METHOD)
		{
			Datum		method = method_argument(fcinfo);

			agc_put_datum(&row, method, method == (Datum) 0);
		}
		else
			agc_put_arg(&row, fcinfo, n);
	}
	agc_put_datum(&row, guessed, guessed == (Datum) 0);
	agc_put_bool(&row, anew);
	agc_put_bool(&row, set->exists);
	return agc_set_write_row(set, &plan, &row);
}

/* tool_set(name, input_schema, ..., reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(tool_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT input_schema, description, dialect, mode, coerce, additional, url_args, cache_ttl, cache_scope, tags,"
		" lease, idempotent, est_tokens, est_nanousd * 0.000000001, retry_policy, target, needs_approval, enabled,"
		" cache_soft_ttl, cache_negative_ttl, cache_max_size, drop_unknown, url_skip, error_pointer, open_world, http_method,"
		" meta, origin, traits, taints, once, once_by, once_scope, log_args, record, redact, output_schema FROM agentcore.tool WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {
		{"input_schema", .required = true}, {"description"}, {"dialect", "auto"}, {"mode", "enforce"},
		{"coerce", "false"}, {"additional", "false"}, {"url_args"}, {"cache_ttl"}, {"cache_scope", "agent"},
		{"tags"}, {"lease"}, {"idempotent", "false"}, {"est_tokens"}, {"est_usd"}, {"retry_policy"},
		{"target"}, {"needs_approval", "false"}, {"enabled", "true"}, {"cache_soft_ttl"}, {"cache_negative_ttl"},
		{"cache_max_size"}, {"drop_unknown", "false"}, {"url_skip"}, {"error_pointer"}, {"open_world"}, {"http_method"},
		{"meta"}, {"origin"}, {"traits"}, {"taints"}, {"once"}, {"once_by"}, {"once_scope", "task"}, {"log_args"},
		{"record"}, {"redact"}, {"output_schema"}
	};
	static const AgcSetter setter = {"tool", A_SCHEMA, lengthof(members), members, &row, .write = write_tool};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, 0, "tool name"))};

	return agc_set(fcinfo, &setter, keys);
}

/* tool_drop(name, tenant) -> boolean: whether there was one */
AGC_FUNCTION(tool_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.tool WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "tool name", &plan);
}
