/*
 * whatif.c
 *	  The answers of a policy, and of a proposed change of it, to many URLs, or to many
 *	  calls by their contexts.
 *
 * policy_diff() compiles the policy a second time, with the proposed rules in
 * the form in which their setters would write them, and asks both.  It writes
 * nothing and takes no lock that a reader does not take, so it also runs in a
 * read-only transaction and on a standby.
 *
 * Memory: a tuplestore; the second policy lives as long as the call, the memory
 * for one answer as long as its row.  Locks: those of agc_object_pin().  On ERROR:
 * pins go at transaction end.
 */
#include "allow/check.h"
#include "allow/pin.h"
#include "allow/policy_compile.h"
#include "allow/policy_rows.h"
#include "allow/rules.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Proposed rules come after all existing ones, because an answer names the oldest rule. */
#define PROPOSED_ID(n)	(PG_INT64_MAX - PG_INT32_MAX + (n))

/* What is asked: URLs, or the contexts of calls. */
typedef struct Asked
{
	const char *tenant;
	bool		contexts;
	const char *method;			/* of the URLs */
	Datum	   *elems;
	bool	   *nulls;
	int			count;
} Asked;

static void
read_asked(FunctionCallInfo fcinfo, int urls, int contexts, Asked *asked)
{
	asked->contexts = !PG_ARGISNULL(contexts);
	if (asked->contexts && !PG_ARGISNULL(urls))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("urls and contexts exclude each other")));
	if (!asked->contexts && PG_ARGISNULL(urls))
		agc_refuse_null("urls");
	if (asked->contexts)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(contexts), JSONBOID, -1, false, TYPALIGN_INT,
						  &asked->elems, &asked->nulls, &asked->count);
	else
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(urls), TEXTOID, -1, false, TYPALIGN_INT,
						  &asked->elems, &asked->nulls, &asked->count);
}

static void
decide(const AgcObject *object, const Asked *asked, int i, AllowDecision *out)
{
	text	   *url = asked->contexts || asked->nulls[i] ? NULL : DatumGetTextPP(asked->elems[i]);

	memset(out, 0, sizeof(*out));
	if (asked->contexts)
		allow_check_context_pinned(asked->tenant, object, asked->nulls[i] ? NULL : DatumGetJsonbP(asked->elems[i]), out);
	else
		allow_check_pinned(object, ALLOW_URL, url == NULL ? NULL : VARDATA_ANY(url),
						   url == NULL ? 0 : VARSIZE_ANY_EXHDR(url), asked->method, out);
}

/* The place of what was asked, from 1, and the URL, or the tool of the context. */
static void
put_asked(AgcRow *row, const Asked *asked, int i)
{
	agc_put_int32(row, i + 1);
	if (asked->contexts)
		agc_put_text(row, asked->nulls[i] ? NULL : allow_context_tool(DatumGetJsonbP(asked->elems[i])));
	else
		agc_put_datum(row, asked->elems[i], asked->nulls[i]);
}

/* policy_simulate(policy, urls, method, contexts, tenant) -> setof agentcore.policy_simulation */
AGC_FUNCTION(policy_simulate)
{
	char	   *name = agc_arg_name(fcinfo, 0, "policy");
	Asked		asked = {.method = agc_opt_text(fcinfo, 2)};
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 4);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "agentcore what if",
													  ALLOCSET_DEFAULT_SIZES);
	AgcObject  *object;

	agc_enter(tenant, AGC_READER);
	read_asked(fcinfo, 1, 3, &asked);
	asked.tenant = tenant;
	object = allow_pin_policy(tenant, name);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < asked.count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);
		AllowDecision decision;
		AgcRow		row;

		CHECK_FOR_INTERRUPTS();
		decide(object, &asked, i, &decision);
		agc_row_init(&row);
		put_asked(&row, &asked, i);
		allow_put_decision(&row, &decision);
		agc_row_store(rsinfo, &row);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	agc_object_unpin(object);
	return (Datum) 0;
}

/* The policy's row, with mode, schemes, methods and zone of the proposal if it has them. */
static HeapTuple
proposed_policy(HeapTuple row, TupleDesc desc, Datum document)
{
	static const Oid types[] = {JSONBOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT CASE WHEN $1 ? 'mode' THEN coalesce($1 ->> 'mode', 'enforce') ELSE $2 END,"
		" CASE WHEN $1 -> 'schemes' = 'null' THEN '{https}'"
		" WHEN $1 ? 'schemes' THEN ARRAY(SELECT jsonb_array_elements_text($1 -> 'schemes')) ELSE $3 END,"
		" CASE WHEN jsonb_typeof($1 -> 'methods') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text($1 -> 'methods'))"
		" WHEN NOT $1 ? 'methods' THEN $4 END,"
		" CASE WHEN $1 ? 'tz' THEN coalesce($1 ->> 'tz', 'UTC') ELSE $5 END", lengthof(types), types
	};
	static const char *const columns[] = {"mode", "schemes", "methods", "tz"};
	AgcRow		given;

	LOCAL_FCINFO(settings, 5);

	agc_row_init(&given);
	agc_put(&given, document);
	for (int i = 0; i < lengthof(columns); i++)
	{
		bool		isnull;
		Datum		value = agc_col(row, desc, columns[i], &isnull);

		agc_put_datum(&given, value, isnull);
	}
	agc_spi_row(&plan, &given);
	InitFunctionCallInfoData(*settings, NULL, 5, InvalidOid, NULL, NULL);
	for (int i = 0; i < lengthof(columns); i++)
		settings->args[i + 1].value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1,
													&settings->args[i + 1].isnull);
	return allow_policy_row(row, desc, settings);
}

/* The rows that the setters would write. */
static void
proposed_rules(RuleRow *key, Datum document, Datum methods, PolicyChange *change)
{
	static const Oid types[] = {JSONBOID};
	static AgcPlan plan = {
		"SELECT effect, pattern, methods, ports, path_prefix, valid, force FROM agentcore.policy_proposal($1)", 1, types
	};
	Relation	rel = agc_table_open(&allow_rule_table, AccessShareLock);
	SPITupleTable *rows;

	agc_spi(&plan, &document, NULL);
	rows = SPI_tuptable;
	change->nrules = SPI_processed;
	change->rules = palloc((change->nrules + 1) * sizeof(HeapTuple));
	for (int i = 0; i < change->nrules; i++)
	{
		LOCAL_FCINFO(rule, 7);

		CHECK_FOR_INTERRUPTS();
		InitFunctionCallInfoData(*rule, NULL, 7, InvalidOid, NULL, NULL);
		for (int n = 1; n < 7; n++)
			rule->args[n].value = SPI_getbinval(rows->vals[i], rows->tupdesc, n + 1, &rule->args[n].isnull);
		key->effect = SPI_getvalue(rows->vals[i], rows->tupdesc, 1);
		change->rules[i] = allow_rule_row(RelationGetDescr(rel), key, PROPOSED_ID(i + 1), rule, methods);
	}
	agc_table_close(rel, AccessShareLock);
}

/* The same of rules for tools; they stand behind those for URLs. */
static void
proposed_tool_rules(RuleRow *key, Datum document, PolicyChange *change)
{
	static const Oid types[] = {JSONBOID};
	static AgcPlan plan = {
		"SELECT effect, tool, valid, \"when\", name, feedback, audit, approvers, votes, self, decide_within, bind"
		" FROM agentcore.policy_tool_proposal($1)", 1, types
	};
	Relation	rel = agc_table_open(&allow_rule_table, AccessShareLock);
	SPITupleTable *rows;
	int			nrows;

	agc_spi(&plan, &document, NULL);
	rows = SPI_tuptable;
	nrows = SPI_processed;
	change->rules = repalloc(change->rules, (change->nrules + nrows + 1) * sizeof(HeapTuple));
	change->named = palloc((nrows + 1) * sizeof(char *));
	for (int i = 0; i < nrows; i++)
	{
		char	   *name;

		LOCAL_FCINFO(rule, 12);

		CHECK_FOR_INTERRUPTS();
		InitFunctionCallInfoData(*rule, NULL, 12, InvalidOid, NULL, NULL);
		rule->args[0].value = CStringGetTextDatum(key->policy);
		rule->args[0].isnull = false;
		for (int n = 1; n < 12; n++)
			rule->args[n].value = SPI_getbinval(rows->vals[i], rows->tupdesc, n + 1, &rule->args[n].isnull);
		key->effect = SPI_getvalue(rows->vals[i], rows->tupdesc, 1);
		change->rules[change->nrules] = allow_tool_rule_row(RelationGetDescr(rel), key, PROPOSED_ID(change->nrules + 1), rule, &name);
		change->nrules++;
		if (name != NULL)
			change->named[change->nnamed++] = name;
	}
	agc_table_close(rel, AccessShareLock);
}

static void
proposed_drops(Datum document, PolicyChange *change)
{
	static const Oid types[] = {JSONBOID};
	static AgcPlan plan = {
		"SELECT value::text::bigint FROM jsonb_array_elements($1 -> 'drop')", 1, types
	};

	agc_spi(&plan, &document, NULL);
	change->ndrop = SPI_processed;
	change->drop = palloc((change->ndrop + 1) * sizeof(int64));
	change->dropped = palloc0((change->ndrop + 1) * sizeof(bool));
	for (int i = 0; i < change->ndrop; i++)
	{
		bool		isnull;

		change->drop[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
}

/* The policy as the proposal would leave it, in CurrentMemoryContext. */
static Policy *
compile_proposal(char *tenant, char *name, Jsonb *proposal, bool replace)
{
	static const Oid types[] = {JSONBOID};
	static AgcPlan added = {"SELECT agentcore.policy_document($1)", 1, types};
	static AgcPlan laid_over = {
		"SELECT d, d ? 'allow', d ? 'deny', d ? 'allow_tools', d ? 'deny_tools', d ? 'ask_tools'"
		" FROM agentcore.policy_named($1) d", 1, types
	};
	const char *keys[2] = {tenant, name};
	RuleRow		key = {.tenant = tenant, .policy = name};
	PolicyChange change = {0};
	Relation	rel = agc_table_open(&allow_policy_table, AccessShareLock);
	HeapTuple	row = agc_table_get(&allow_policy_table, rel, 2, keys);
	Datum		document = JsonbPGetDatum(proposal);
	Datum		methods;
	bool		isnull;
	AgcOwner	owner;
	Policy	   *policy;

	if (row == NULL)
		allow_unknown_policy(tenant, name);
	agc_owner_begin(&owner);
	agc_spi(replace ? &laid_over : &added, &document, NULL);
	document = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	for (int i = 0; replace && i < RULE_LISTS; i++)
		change.replace[i] = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 2, &isnull));
	change.policy = proposed_policy(row, RelationGetDescr(rel), document);
	methods = agc_col(change.policy, RelationGetDescr(rel), "methods", &isnull);
	proposed_rules(&key, document, isnull ? (Datum) 0 : methods, &change);
	proposed_tool_rules(&key, document, &change);
	proposed_drops(document, &change);
	agc_owner_end(&owner);
	policy = allow_policy_changed(tenant, name, &change);
	agc_table_close(rel, AccessShareLock);
	for (int i = 0; i < change.ndrop; i++)
		if (!change.dropped[i])
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("policy \"%s\" has no rule " INT64_FORMAT, name, change.drop[i])));
	return policy;
}

static bool
same_reason(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *
change_word(const AllowDecision *before, const AllowDecision *after)
{
	if (before->allowed == after->allowed)
		return "reason";
	if (after->allowed)
		return "newly_allowed";
	return same_reason(after->reason, REASON_APPROVAL_REQUIRED) ? "newly_asked" : "newly_denied";
}

/* A decision in four columns; a proposed rule has no id yet. */
static void
put_outcome(AgcRow *row, const AllowDecision *decision)
{
	agc_put_bool(row, decision->allowed);
	agc_put_text(row, decision->reason);
	agc_put_text(row, decision->detail);
	agc_put_datum(row, Int64GetDatum(decision->rule), decision->rule == 0 || decision->rule >= PROPOSED_ID(0));
}

/* policy_diff(policy, urls, rules, method, replace, contexts, tenant) -> setof agentcore.policy_change */
AGC_FUNCTION(policy_diff)
{
	char	   *name = agc_arg_name(fcinfo, 0, "policy");
	Jsonb	   *rules;
	Asked		asked = {.method = agc_opt_text(fcinfo, 3)};
	bool		replace = agc_arg_bool(fcinfo, 4, "replace");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 6);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "agentcore what if",
													  ALLOCSET_DEFAULT_SIZES);
	AgcObject	changed = {.tenant = tenant, .name = name};
	AgcObject  *object;

	agc_enter(tenant, AGC_READER);
	read_asked(fcinfo, 1, 5, &asked);
	asked.tenant = tenant;
	rules = agc_arg_jsonb(fcinfo, 2, "rules");
	object = allow_pin_policy(tenant, name);
	changed.data = compile_proposal(tenant, name, rules, replace);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < asked.count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);
		AllowDecision before;
		AllowDecision after;
		AgcRow		row;

		CHECK_FOR_INTERRUPTS();
		decide(object, &asked, i, &before);
		decide(&changed, &asked, i, &after);
		if (before.allowed != after.allowed || !same_reason(before.reason, after.reason))
		{
			agc_row_init(&row);
			put_asked(&row, &asked, i);
			agc_put_text(&row, change_word(&before, &after));
			put_outcome(&row, &before);
			put_outcome(&row, &after);
			agc_put_datum(&row, Int32GetDatum((int32) (after.rule - PROPOSED_ID(0))), after.rule < PROPOSED_ID(0));
			agc_row_store(rsinfo, &row);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	agc_object_unpin(object);
	return (Datum) 0;
}
