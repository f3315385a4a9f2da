/*
 * once.c
 *	  Calls that do not run again for a time: tool_set(once).
 *
 * The first call writes a row under a digest of the tool, the scope and the
 * arguments that make it the same; what has become of it its permit says until it is
 * committed, which the row then says itself with the result, because permits go
 * with retention.
 *
 * Two that begin at once are told apart by a queue per digest, which the begin takes
 * before it looks for the last time and keeps to the end of its transaction.  So the row
 * is written by one at a time, and read as it is now in every level of isolation.
 *
 * Memory: CurrentMemoryContext.  Locks: the queue, where a permit or key comes in
 * the order of budgets (budget_queue); a settlement has its permit locked.  On ERROR: the
 * transaction takes the row back.
 */
#include "task/tasks.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "core/row_layout.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#define ALL_TENANTS "*"

/* Columns of agentcore.task_once, in the order of the table. */
enum
{
	O_TENANT, O_DIGEST, O_TOOL, O_SCOPE, O_SCOPE_VALUE, O_AGENT, O_SUBJECT, O_ARGS, O_CALL_ID, O_STATE, O_RESULT,
	O_LASTS, O_AT, O_UNTIL,
	NATTS_ONCE
};

static const RowColumn once_columns[] = {
	{"tenant", TEXTOID, true},
	{"digest", TEXTOID, true},
	{"tool", TEXTOID, true},
	{"scope", TEXTOID, true},
	{"scope_value", TEXTOID, false},
	{"agent", TEXTOID, true},
	{"subject", TEXTOID, false},
	{"args", JSONBOID, false},
	{"call_id", UUIDOID, true},
	{"state", TEXTOID, true},
	{"result", JSONBOID, false},
	{"lasts", INTERVALOID, true},
	{"at", TIMESTAMPTZOID, true},
	{"until", TIMESTAMPTZOID, true},
};
StaticAssertDecl(lengthof(once_columns) == NATTS_ONCE, "one entry per column");

static AgcTable once_table = AGC_TABLE("task_once", "task_once_pkey");
static AgcTable call_table = AGC_TABLE("task_once", "task_once_call");
static AgcTable scope_table = AGC_TABLE("task_once", "task_once_scope");

/* ----- which call is the same -------------------------------------------------------- */

static const char *
scope_value(const OnceCall *call)
{
	if (strcmp(call->tool->once_scope, "task") == 0)
		return call->root;
	if (strcmp(call->tool->once_scope, "subject") == 0)
		return call->subject;
	return strcmp(call->tool->once_scope, "agent") == 0 ? call->agent : "";
}

static void
add_field(StringInfo fields, const char *text)
{
	appendBinaryStringInfo(fields, text, strlen(text) + 1);
}

/* Numbers count by their value; a text, a list and an object are told apart. */
static void
add_value(StringInfo fields, Jsonb *value)
{
	char	   *text = task_value_text(value);

	if (text != NULL)
		appendStringInfoChar(fields, '=');
	else if (value != NULL)
	{
		appendStringInfoChar(fields, '{');
		agc_canonical_json(fields, value);
	}
	add_field(fields, text != NULL ? text : "");
}

static void
add_chosen(StringInfo fields, const OnceCall *call)
{
	ConditionPointers *pointers = condition_pointers_new();
	int		   *at = palloc(call->tool->nonce_by * sizeof(int));
	ConditionScope scope;
	char	   *problem;
	char	   *hint;

	for (int i = 0; i < call->tool->nonce_by; i++)
		at[i] = condition_pointer(pointers, psprintf("/args%s", call->tool->once_by[i]), CONDITION_ALLOW, &problem, &hint);
	condition_scope_init(&scope, call->context, "UTC", pointers);
	for (int i = 0; i < call->tool->nonce_by; i++)
	{
		add_field(fields, call->tool->once_by[i]);
		add_value(fields, at[i] < 0 ? NULL : condition_value(&scope, at[i]));
	}
}

const char *
task_once_name(OnceCall *call)
{
	StringInfoData fields;
	AgcDigest  *digest;
	char	   *hex;

	call->scope_value = scope_value(call);
	if (call->scope_value == NULL)
		return strcmp(call->tool->once_scope, "task") == 0 ? REASON_TASK_REQUIRED : REASON_SUBJECT_REQUIRED;
	initStringInfo(&fields);
	add_field(&fields, "once");
	add_field(&fields, call->tenant);
	add_field(&fields, call->tool_name);
	add_field(&fields, call->tool->once_scope);
	add_field(&fields, call->scope_value);
	if (call->tool->nonce_by > 0)
		add_chosen(&fields, call);
	else
		add_value(&fields, call->args);
	digest = agc_digest_begin();
	agc_digest_field(digest, fields.data, fields.len);
	agc_digest_end(digest, call->digest);
	hex = palloc(2 * AGC_HASH_LEN + 1);
	hex[hex_encode((const char *) call->digest, AGC_HASH_LEN, hex)] = '\0';
	call->name = hex;
	return NULL;
}

/* ----- what became of the first ---------------------------------------------------------- */

static Relation
open_once(AgcTable *table, LOCKMODE lockmode)
{
	return row_open(table, lockmode, once_columns, NATTS_ONCE);
}

static void
compare_members(Jsonb *a, Jsonb *b, List **names, bool both)
{
	JsonbIterator *it = JsonbIteratorInit(&a->root);
	JsonbIteratorToken token;
	JsonbValue	key;

	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		JsonbValue	found;
		JsonbValue	value;
		bool		there;

		if (token != WJB_KEY)
			continue;
		there = getKeyJsonValueFromContainer(&b->root, key.val.string.val, key.val.string.len, &found) != NULL;
		if (!there || (both && getKeyJsonValueFromContainer(&a->root, key.val.string.val, key.val.string.len, &value) != NULL &&
					   compareJsonbContainers(&JsonbValueToJsonb(&value)->root, &JsonbValueToJsonb(&found)->root) != 0))
			*names = lappend(*names, pnstrdup(key.val.string.val, key.val.string.len));
	}
}

/* Names of the members in which two calls differ; NIL: none. */
static List *
differing(const OnceCall *call, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		args = agc_col(row, desc, "args", &isnull);
	char	   *subject = agc_col_text(row, desc, "subject");
	List	   *names = NIL;

	if (!isnull && call->args != NULL && JB_ROOT_IS_OBJECT(call->args))
	{
		Jsonb	   *first = DatumGetJsonbP(args);

		compare_members(call->args, first, &names, true);
		compare_members(first, call->args, &names, false);
	}
	else if (isnull != (call->args == NULL))
		names = lappend(names, "arguments");
	if (strcmp(agc_col_text(row, desc, "agent"), call->agent) != 0)
		names = lappend(names, "agent");
	if ((subject == NULL) != (call->subject == NULL) || (subject != NULL && strcmp(subject, call->subject) != 0))
		names = lappend(names, "subject");
	return names;
}

static void
look_done(const OnceCall *call, HeapTuple row, TupleDesc desc, Jsonb *result, OnceFound *out)
{
	bool		isnull;
	Datum		kept = agc_col(row, desc, "result", &isnull);

	out->differs = differing(call, row, desc);
	out->word = out->differs == NIL ? ONCE_DONE : ONCE_OTHER;
	out->result = isnull ? result : DatumGetJsonbPCopy(kept);
}

/* Nobody has said yet what became of it, or retention has taken what was said. */
static void
look_open(const OnceCall *call, HeapTuple row, TupleDesc desc, TimestampTz now, OnceFound *out)
{
	TimestampTz until = agc_col_time(row, desc, "until", 0);
	PermitRow	permit;

	if (!permit_look(call->tenant, &out->call_id, &permit))
	{
		out->word = until > now ? ONCE_UNKNOWN : ONCE_FREE;
		return;
	}
	until = Max(until, permit.lease_until + call->tool->once);
	switch (permit.state)
	{
		case PERMIT_RELEASED:
		case PERMIT_FAILED:
		case PERMIT_DEFERRED:
			break;
		case PERMIT_COMMITTED:
		case PERMIT_LATE:
			if (until > now)
				look_done(call, row, desc, permit.result, out);
			break;
		case PERMIT_OPEN:
		case PERMIT_RETRY:
			out->word = permit.lease_until > now ? ONCE_OPEN : until > now ? ONCE_UNKNOWN : ONCE_FREE;
			out->open_for = agc_until_us(now, permit.lease_until);
			break;
		case PERMIT_EXPIRED:
		case PERMIT_UNKNOWN:
			out->word = until > now ? ONCE_UNKNOWN : ONCE_FREE;
			break;
	}
}

static HeapTuple
once_row(Relation rel, const OnceCall *call)
{
	AgcKey		keys[2] = {agc_key_text(call->tenant), agc_key_text(call->name)};

	return agc_table_row(&once_table, rel, lengthof(keys), keys);
}

void
task_once_look(const OnceCall *call, OnceFound *out)
{
	TimestampTz now = agc_now();
	Relation	rel;
	HeapTuple	row;

	memset(out, 0, sizeof(*out));
	if (!task_is_remembered(call->tenant))
		return;
	rel = open_once(&once_table, AccessShareLock);
	row = once_row(rel, call);
	if (row != NULL)
	{
		TupleDesc	desc = RelationGetDescr(rel);
		bool		isnull;

		out->call_id = *DatumGetUUIDP(agc_col(row, desc, "call_id", &isnull));
		if (strcmp(agc_col_text(row, desc, "state"), "open") == 0)
			look_open(call, row, desc, now, out);
		else if (agc_col_time(row, desc, "until", 0) > now)
			look_done(call, row, desc, NULL, out);
	}
	agc_table_close(rel, AccessShareLock);
}

/* ----- beginning --------------------------------------------------------------------------- */

/* Whether the task has not been placed below another since the call was named. */
static bool
is_still_in_scope(const OnceCall *call)
{
	if (strcmp(call->tool->once_scope, "task") != 0)
		return true;
	task_hold_place(call->tenant, call->root);
	return strcmp(task_root(call->tenant, call->root), call->root) == 0;
}

bool
task_once_lock(const OnceCall *call)
{
	Relation	rel = open_once(&once_table, RowExclusiveLock);
	Oid			relid = RelationGetRelid(rel);

	agc_table_close(rel, NoLock);
	if (!budget_queue(relid, call->digest))
		return false;
	AGC_TEST_POINT("once_locked");
	task_remember(call->tenant);
	return is_still_in_scope(call);
}

static Datum
jsonb_or_null(Jsonb *value, bool *isnull)
{
	*isnull = value == NULL;
	return value == NULL ? (Datum) 0 : JsonbPGetDatum(value);
}

void
task_once_begin(const OnceCall *call, const pg_uuid_t *call_id, TimestampTz lease_until)
{
	Relation	rel = open_once(&once_table, RowExclusiveLock);
	HeapTuple	row = once_row(rel, call);
	Datum		values[NATTS_ONCE];
	bool		nulls[NATTS_ONCE] = {false};

	values[O_TENANT] = CStringGetTextDatum(call->tenant);
	values[O_DIGEST] = CStringGetTextDatum(call->name);
	values[O_TOOL] = CStringGetTextDatum(call->tool_name);
	values[O_SCOPE] = CStringGetTextDatum(call->tool->once_scope);
	values[O_SCOPE_VALUE] = CStringGetTextDatum(call->scope_value);
	values[O_AGENT] = CStringGetTextDatum(call->agent);
	values[O_SUBJECT] = row_text(call->subject, &nulls[O_SUBJECT]);
	values[O_ARGS] = jsonb_or_null(call->args, &nulls[O_ARGS]);
	values[O_CALL_ID] = UUIDPGetDatum(call_id);
	values[O_STATE] = CStringGetTextDatum("open");
	values[O_RESULT] = jsonb_or_null(NULL, &nulls[O_RESULT]);
	values[O_LASTS] = IntervalPGetDatum(agc_us_interval(call->tool->once));
	values[O_AT] = TimestampTzGetDatum(agc_now());
	values[O_UNTIL] = TimestampTzGetDatum(lease_until + call->tool->once);
	if (row == NULL)
		(void) agc_heap_insert(rel, values, nulls);
	else
		agc_heap_update(rel, &row->t_self, values, nulls);
	agc_table_close(rel, NoLock);
}

/* ----- its end ----------------------------------------------------------------------------- */

static bool
keep_first(HeapTuple tuple, TupleDesc desc, void *arg)
{
	*(HeapTuple *) arg = heap_copytuple(tuple);
	return false;
}

static HeapTuple
row_of_call(Relation rel, const char *tenant, const pg_uuid_t *call_id)
{
	AgcKey		keys[2] = {agc_key_text(tenant), agc_key_uuid(call_id)};
	HeapTuple	row = NULL;

	agc_table_ordered(&call_table, rel, lengthof(keys), keys, keep_first, &row);
	return row;
}

static void
write_done(Relation rel, HeapTuple row, Jsonb *result)
{
	Datum		values[NATTS_ONCE];
	bool		nulls[NATTS_ONCE];

	heap_deform_tuple(row, RelationGetDescr(rel), values, nulls);
	values[O_STATE] = CStringGetTextDatum("done");
	values[O_RESULT] = jsonb_or_null(result, &nulls[O_RESULT]);
	values[O_UNTIL] = TimestampTzGetDatum(agc_now() + agc_interval_us(DatumGetIntervalP(values[O_LASTS]), "lasts"));
	agc_heap_update(rel, &row->t_self, values, nulls);
}

void
task_once_end(const char *tenant, const pg_uuid_t *call_id, Jsonb *result)
{
	PermitRow	permit;
	Relation	rel;
	HeapTuple	row;

	if (!task_is_remembered(tenant))
		return;
	rel = open_once(&call_table, RowExclusiveLock);
	row = row_of_call(rel, tenant, call_id);
	if (row != NULL && permit_look(tenant, call_id, &permit))
		switch (permit.state)
		{
			case PERMIT_COMMITTED:
			case PERMIT_LATE:
				write_done(rel, row, result);
				break;
			case PERMIT_RELEASED:
			case PERMIT_FAILED:
			case PERMIT_DEFERRED:
				agc_heap_delete(rel, &row->t_self);
				break;
			default:
				break;
		}
	agc_table_close(rel, NoLock);
}

bool
task_runs_once(const char *tenant, const pg_uuid_t *call_id)
{
	Relation	rel;
	bool		found;

	if (!task_is_remembered(tenant))
		return false;
	rel = open_once(&call_table, AccessShareLock);
	found = row_of_call(rel, tenant, call_id) != NULL;
	agc_table_close(rel, AccessShareLock);
	return found;
}

static void
see_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	*(bool *) arg = true;
}

bool
task_ran_once(const char *tenant, const char *root)
{
	const char *keys[2] = {tenant, root};
	Relation	rel = agc_table_open(&scope_table, AccessShareLock);
	bool		found = false;

	agc_table_scan(&scope_table, rel, 2, keys, see_row, &found);
	agc_table_close(rel, AccessShareLock);
	return found;
}

/* ----- retention ----------------------------------------------------------------------------- */

/* task_retain(keep) -> bigint: how many rows were deleted */
AGC_FUNCTION(task_retain)
{
	static const Oid types[] = {TIMESTAMPTZOID};
	static AgcPlan once = {
		"DELETE FROM agentcore.task_once o WHERE o.until < $1 AND NOT EXISTS"
		" (SELECT FROM agentcore.permit p WHERE p.tenant = o.tenant AND p.id = o.call_id AND p.state IN ('o', 'r'))",
		lengthof(types), types
	};
	static AgcPlan counters = {
		"DELETE FROM agentcore.budget_counter c WHERE c.budget < ' ' AND c.seen < $1 AND NOT EXISTS"
		" (SELECT FROM agentcore.budget_counter n WHERE n.tenant = c.tenant AND n.budget = c.budget AND n.seen >= $1)",
		lengthof(types), types
	};
	int64		keep = agc_arg_keep(fcinfo, 0);
	uint64		rows;
	AgcRow		row;

	agc_enter(ALL_TENANTS, AGC_ADMIN);
	agc_row_init(&row);
	agc_put_time(&row, agc_now() - keep);
	rows = agc_owner_spi_row_bounded(&once, &row);
	rows += agc_owner_spi_row_bounded(&counters, &row);
	PG_RETURN_INT64(rows);
}
