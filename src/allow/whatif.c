/*
 * whatif.c
 *	  The answers of a policy, and of a proposed change of it, to many URLs.
 *
 * policy_diff() compiles the policy a second time, with the proposed rules in
 * the form in which their setters would write them, and asks both.  It writes
 * nothing and takes no lock that a reader does not take, so it also runs in a
 * read-only transaction and on a standby.
 *
 * Memory: a tuplestore; the second policy lives as long as the call, the memory
 * for one URL as long as its row.  Locks: those of agc_object_pin().  On ERROR:
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

typedef struct Urls
{
	Datum	   *elems;
	bool	   *nulls;
	int			count;
} Urls;

static Urls
urls_argument(FunctionCallInfo fcinfo, int n)
{
	Urls		urls;

	if (PG_ARGISNULL(n))
		agc_refuse_null("urls");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT,
					  &urls.elems, &urls.nulls, &urls.count);
	return urls;
}

static void
decide(const AgcObject *object, const Urls *urls, int i, const char *method, AllowDecision *out)
{
	text	   *url = urls->nulls[i] ? NULL : DatumGetTextPP(urls->elems[i]);

	memset(out, 0, sizeof(*out));
	allow_check_pinned(object, ALLOW_URL, url == NULL ? NULL : VARDATA_ANY(url),
					   url == NULL ? 0 : VARSIZE_ANY_EXHDR(url), method, out);
}

/* The place of the URL, from 1, and the URL. */
static void
put_url(AgcRow *row, const Urls *urls, int i)
{
	agc_put_int32(row, i + 1);
	agc_put_datum(row, urls->elems[i], urls->nulls[i]);
}

/* policy_simulate(policy, urls, method, tenant) -> setof agentcore.policy_simulation */
AGC_FUNCTION(policy_simulate)
{
	char	   *name = agc_arg_name(fcinfo, 0, "policy");
	Urls		urls = urls_argument(fcinfo, 1);
	char	   *method = agc_opt_text(fcinfo, 2);
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 3);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "agentcore url",
													  ALLOCSET_DEFAULT_SIZES);
	AgcObject  *object;

	agc_enter(tenant, AGC_READER);
	object = allow_pin_policy(tenant, name);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < urls.count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);
		AllowDecision decision;
		AgcRow		row;

		CHECK_FOR_INTERRUPTS();
		decide(object, &urls, i, method, &decision);
		agc_row_init(&row);
		put_url(&row, &urls, i);
		allow_put_decision(&row, &decision);
		agc_row_store(rsinfo, &row);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	agc_object_unpin(object);
	return (Datum) 0;
}

/* The policy's row, with mode, schemes and methods of the proposal if it has them. */
static HeapTuple
proposed_policy(HeapTuple row, TupleDesc desc, Datum document)
{
	static const Oid types[] = {JSONBOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID};
	static AgcPlan plan = {
		"SELECT CASE WHEN $1 ? 'mode' THEN coalesce($1 ->> 'mode', 'enforce') ELSE $2 END,"
		" CASE WHEN $1 -> 'schemes' = 'null' THEN '{https}'"
		" WHEN $1 ? 'schemes' THEN ARRAY(SELECT jsonb_array_elements_text($1 -> 'schemes')) ELSE $3 END,"
		" CASE WHEN jsonb_typeof($1 -> 'methods') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text($1 -> 'methods'))"
		" WHEN NOT $1 ? 'methods' THEN $4 END", 4, types
	};
	static const char *const columns[] = {"mode", "schemes", "methods"};
	AgcRow		given;

	LOCAL_FCINFO(settings, 4);

	agc_row_init(&given);
	agc_put(&given, document);
	for (int i = 0; i < lengthof(columns); i++)
	{
		bool		isnull;
		Datum		value = agc_col(row, desc, columns[i], &isnull);

		agc_put_datum(&given, value, isnull);
	}
	agc_spi_row(&plan, &given);
	InitFunctionCallInfoData(*settings, NULL, 4, InvalidOid, NULL, NULL);
	for (int i = 0; i < 3; i++)
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
	static AgcPlan laid_over = {"SELECT d, d ? 'allow', d ? 'deny' FROM agentcore.policy_named($1) d", 1, types};
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
	if (replace)
	{
		change.replace_allow = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
		change.replace_deny = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	}
	change.policy = proposed_policy(row, RelationGetDescr(rel), document);
	methods = agc_col(change.policy, RelationGetDescr(rel), "methods", &isnull);
	proposed_rules(&key, document, isnull ? (Datum) 0 : methods, &change);
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

/* A decision in four columns; a proposed rule has no id yet. */
static void
put_outcome(AgcRow *row, const AllowDecision *decision)
{
	agc_put_bool(row, decision->allowed);
	agc_put_text(row, decision->reason);
	agc_put_text(row, decision->detail);
	agc_put_datum(row, Int64GetDatum(decision->rule), decision->rule == 0 || decision->rule >= PROPOSED_ID(0));
}

/* policy_diff(policy, urls, rules, method, replace, tenant) -> setof agentcore.policy_change */
AGC_FUNCTION(policy_diff)
{
	char	   *name = agc_arg_name(fcinfo, 0, "policy");
	Urls		urls = urls_argument(fcinfo, 1);
	Jsonb	   *rules = agc_arg_jsonb(fcinfo, 2, "rules");
	char	   *method = agc_opt_text(fcinfo, 3);
	bool		replace = agc_arg_bool(fcinfo, 4, "replace");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 5);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "agentcore url",
													  ALLOCSET_DEFAULT_SIZES);
	AgcObject	changed = {0};
	AgcObject  *object;

	agc_enter(tenant, AGC_READER);
	object = allow_pin_policy(tenant, name);
	changed.data = compile_proposal(tenant, name, rules, replace);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < urls.count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);
		AllowDecision before;
		AllowDecision after;
		AgcRow		row;

		CHECK_FOR_INTERRUPTS();
		decide(object, &urls, i, method, &before);
		decide(&changed, &urls, i, method, &after);
		if (before.allowed != after.allowed || !same_reason(before.reason, after.reason))
		{
			agc_row_init(&row);
			put_url(&row, &urls, i);
			agc_put_text(&row, before.allowed == after.allowed ? "reason" :
						 after.allowed ? "newly_allowed" : "newly_denied");
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
