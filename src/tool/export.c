/*
 * export.c
 *	  tool_export(): a registered tool as a provider's API wants it defined.
 *
 * The inverse of import.c, which reads the result back to the same name,
 * description and schema.  What the provider would refuse is not handed out: it
 * is written in another form of the same meaning (rewrite.c), which is compiled
 * and looked at again, or it is an error that names the rule.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on agentcore.tool when
 * it has to be read.  On ERROR: pins go at transaction end.
 */
#include "tool/tool.h"

#include "tool/provider_rules.h"
#include "utils/builtins.h"
#include "utils/rel.h"

static void
put_schema(JsonbParseState **state, const char *key, const Jsonb *schema)
{
	JbItem		root = jb_root(schema);

	put_key(state, key);
	put_item(state, WJB_VALUE, &root);
}

/*
 * What MCP says beside name, description and schema.  No call needs meta, so the
 * compiled tool does not hold it.  Of two members of one name the last counts.
 */
static void
put_meta(JsonbParseState **state, const AgcObject *object)
{
	static AgcTable table = AGC_TABLE("tool", "tool_pkey");
	const char *keys[] = {object->tenant, object->name};
	Relation	rel = agc_table_open(&table, AccessShareLock);
	HeapTuple	tuple = agc_table_get(&table, rel, lengthof(keys), keys);
	Jsonb	   *output = tool_portable_output(object->data);
	bool		isnull = true;
	Datum		meta = tuple == NULL ? (Datum) 0 : agc_col(tuple, RelationGetDescr(rel), "meta", &isnull);

	if (!isnull)
		put_members(state, DatumGetJsonbPCopy(meta));
	agc_table_close(rel, AccessShareLock);
	if (output != NULL)
		put_schema(state, "outputSchema", output);
}

/*
 * "parameters" where its subset says exactly the same and the API takes it, or
 * nothing for a tool that has no parameters; else JSON Schema.
 */
static void
put_gemini(JsonbParseState **state, const Jsonb *schema)
{
	Jsonb	   *parameters;

	if (gemini_has_no_parameters(schema))
		return;
	parameters = gemini_from_schema(schema);
	put_schema(state, parameters != NULL ? "parameters" : "parametersJsonSchema",
			   parameters != NULL ? parameters : schema);
}

static Jsonb *
write_definition(const AgcObject *object, const Jsonb *schema, ToolFormat format, bool strict)
{
	const ToolDef *tool = object->data;
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (format == TOOL_FORMAT_OPENAI_CHAT || format == TOOL_FORMAT_OPENAI_RESPONSES)
		put_string(&state, "type", "function");
	if (format == TOOL_FORMAT_OPENAI_CHAT)
	{
		put_key(&state, "function");
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	}
	if (format == TOOL_FORMAT_BEDROCK)
	{
		put_key(&state, "toolSpec");
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	}
	put_string(&state, "name", tool->name);
	if (tool->description != NULL)
		put_string(&state, "description", tool->description);
	switch (format)
	{
		case TOOL_FORMAT_ANTHROPIC:
			put_schema(&state, "input_schema", schema);
			break;
		case TOOL_FORMAT_MCP:
			put_schema(&state, "inputSchema", schema);
			put_meta(&state, object);
			break;
		case TOOL_FORMAT_BEDROCK:
			put_key(&state, "inputSchema");
			pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
			put_schema(&state, "json", schema);
			pushJsonbValue(&state, WJB_END_OBJECT, NULL);
			break;
		case TOOL_FORMAT_GEMINI:
			put_gemini(&state, schema);
			break;
		default:
			put_schema(&state, "parameters", schema);
	}
	/* without "strict" the Responses API assumes true, and then rewrites the schema */
	if (strict || format == TOOL_FORMAT_OPENAI_RESPONSES)
		put_bool(&state, "strict", strict);
	if (format == TOOL_FORMAT_OPENAI_CHAT || format == TOOL_FORMAT_BEDROCK)
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

ToolFormat
export_format(const char *name, bool strict)
{
	ToolFormat	format = tool_format_or_raise(name, false);

	if (strict && (format == TOOL_FORMAT_MCP || format == TOOL_FORMAT_GEMINI || format == TOOL_FORMAT_BEDROCK))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("format \"%s\" has no strict mode", name)));
	return format;
}

/* Whether the provider takes the schema; else *refusal, where it can be read at all. */
static bool
schema_taken(const ToolDef *tool, const Jsonb *schema, ToolFormat format, bool strict, Refusal *refusal)
{
	SchemaOptions options = {.dialect = DIALECT_AUTO, .assert_format = true, .open = true};
	SchemaProblem problem = {0};
	SchemaProgram *program = schema_compile(schema, &options, &problem);

	return program != NULL && !lint_refuses(tool, program, format, strict, refusal);
}

/* The same schema without what the provider refuses; NULL and *refusal where that does not do. */
static Jsonb *
rewritten_schema(const ToolDef *tool, const Jsonb *schema, ToolFormat format, bool strict, Refusal *refusal)
{
	Jsonb	   *written = schema_rewrite(schema);

	if (schema_taken(tool, written, format, strict, refusal))
		return written;
	written = schema_of_object(written);
	return schema_taken(tool, written, format, strict, refusal) ? written : NULL;
}

/* The schema in a form that the provider takes; NULL and *refusal where there is none. */
static Jsonb *
taken_schema(const ToolDef *tool, ToolFormat format, bool strict, Refusal *refusal)
{
	Jsonb	   *schema = tool_portable_schema(tool->program);
	Jsonb	   *taken;
	Refusal		later;

	if (!lint_refuses(tool, tool->program, format, strict, refusal))
		return schema;
	taken = rewritten_schema(tool, schema, format, strict, refusal);
	if (taken != NULL)
		return taken;
	schema = schema_redraft(schema, tool->program->dialect);
	return schema == NULL ? NULL : rewritten_schema(tool, schema, format, strict, &later);
}

Jsonb *
export_definition(const AgcObject *object, ToolFormat format, bool strict, Refusal *refusal)
{
	Jsonb	   *schema = taken_schema(object->data, format, strict, refusal);

	return schema == NULL ? NULL : write_definition(object, schema, format, strict);
}

char *
export_refusal_text(const Refusal *refusal)
{
	const ProviderRule *rule = refusal->rule;

	return psprintf("At \"%s\": %s. Rule %s of %s%s%s.", refusal->path, refusal->problem, rule->name, provider_names[rule->provider],
					rule->as_of == NULL ? "" : ", as of ", rule->as_of == NULL ? "" : rule->as_of);
}

pg_noreturn static void
refuse_export(const ToolDef *tool, const Refusal *refusal)
{
	const ProviderRule *rule = refusal->rule;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 rule->strict ? errmsg("strict mode would refuse tool \"%s\"", tool->name) :
			 errmsg("%s would refuse tool \"%s\"", provider_names[rule->provider], tool->name),
			 errdetail("%s", export_refusal_text(refusal)),
			 errhint("%s", EXPORT_HINT)));
}

/* tool_export(tool, format, strict, tenant) -> jsonb */
AGC_FUNCTION(tool_export)
{
	char	   *name = agc_arg_name(fcinfo, 0, "tool");
	char	   *format_name = agc_opt_text(fcinfo, 1);
	bool		strict = agc_arg_bool(fcinfo, 2, "strict");
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	ToolFormat	format;
	AgcObject  *tool;
	Jsonb	   *definition;
	Refusal		refusal;

	agc_enter(tenant, AGC_READER);
	format = export_format(format_name, strict);
	tool = tool_require(tenant, name);
	definition = export_definition(tool, format, strict, &refusal);
	if (definition == NULL)
		refuse_export(tool->data, &refusal);
	agc_object_unpin(tool);
	PG_RETURN_JSONB_P(definition);
}
