/*
 * fact.c
 *	  Facts of tasks: what a begin and an end of a call leave behind.
 *
 * A fact is written when its call begins, as open, because the arguments are
 * known then and nowhere kept; it is held when the call is committed and its
 * condition on the result is true.  A call that takes a fact away does so at its
 * begin and again at its end, so nothing that was shown meanwhile stays.
 *
 * Memory: CurrentMemoryContext.  Locks: row locks of DELETE and UPDATE, waited
 * for no longer than agentcore.budget_lock_wait.  On ERROR: the transaction takes
 * everything back.
 */
#include "task/fact_rules.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "core/row.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

static AgcTable fact_table = AGC_TABLE("task_fact", "task_fact_root");
static AgcTable call_table = AGC_TABLE("task_fact", "task_fact_call");

/* ----- reading -------------------------------------------------------------------- */

typedef struct Fact
{
	const char *name;
	Jsonb	   *value;
} Fact;

typedef struct FactScan
{
	bool		with_open;
	TimestampTz now;
	int64		open_until;		/* the latest of the open ones; 0: none */
	List	   *facts;			/* of Fact */
} FactScan;

static void
look_at_fact(HeapTuple tuple, TupleDesc desc, void *arg)
{
	FactScan   *scan = arg;
	char	   *state = agc_col_text(tuple, desc, "state");
	Jsonb	   *value = agc_col_jsonb(tuple, desc, "value");
	Fact	   *fact;

	if (strcmp(state, "clears") == 0 || value == NULL ||
		agc_col_time(tuple, desc, "expires_at", DT_NOEND) <= scan->now)
		return;
	if (strcmp(state, "open") == 0)
	{
		TimestampTz until = agc_col_time(tuple, desc, "open_until", 0);

		if (until <= scan->now)
			return;
		scan->open_until = Max(scan->open_until, until);
		if (!scan->with_open)
			return;
	}
	fact = palloc(sizeof(Fact));
	fact->name = agc_col_text(tuple, desc, "fact");
	fact->value = value;
	scan->facts = lappend(scan->facts, fact);
}

static int
compare_facts(const ListCell *a, const ListCell *b)
{
	return strcmp(((const Fact *) lfirst(a))->name, ((const Fact *) lfirst(b))->name);
}

/* fact -> array of its values */
static Jsonb *
facts_object(List *facts)
{
	JsonbParseState *state = NULL;
	const char *last = NULL;
	ListCell   *cell;

	list_sort(facts, compare_facts);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, facts)
	{
		const Fact *fact = lfirst(cell);

		if (last == NULL || strcmp(last, fact->name) != 0)
		{
			if (last != NULL)
				pushJsonbValue(&state, WJB_END_ARRAY, NULL);
			agc_push_text(&state, WJB_KEY, fact->name);
			pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
			last = fact->name;
		}
		agc_push_jsonb(&state, WJB_ELEM, fact->value);
	}
	if (last != NULL)
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Jsonb *
task_facts(const char *tenant, const char *root, bool with_open, int64 *open_until)
{
	FactScan	scan = {.with_open = with_open, .now = agc_now()};
	const char *keys[2] = {tenant, root};

	if (root == NULL)
		return NULL;
	if (task_is_remembered(tenant))
	{
		Relation	rel = agc_table_open(&fact_table, AccessShareLock);

		agc_table_scan(&fact_table, rel, 2, keys, look_at_fact, &scan);
		agc_table_close(rel, AccessShareLock);
	}
	if (open_until != NULL)
		*open_until = scan.open_until;
	return facts_object(scan.facts);
}

static void
see_fact(HeapTuple tuple, TupleDesc desc, void *arg)
{
	*(bool *) arg = true;
}

bool
task_has_facts(const char *tenant, const char *root)
{
	const char *keys[2] = {tenant, root};
	Relation	rel = agc_table_open(&fact_table, AccessShareLock);
	bool		found = false;

	agc_table_scan(&fact_table, rel, 2, keys, see_fact, &found);
	agc_table_close(rel, AccessShareLock);
	return found;
}

bool
task_has_fact_rules(const char *tenant, const char *policy, const char *tool)
{
	AgcObject  *object;
	const PolicyPart *part = fact_rules_pin(tenant, policy, &object);
	bool		found = false;
	ListCell   *cell;

	if (part == NULL)
		return false;
	foreach(cell, part->rules)
		found |= agc_patterns_cover(&((const FactRule *) lfirst(cell))->pattern, 1, tool);
	agc_object_unpin(object);
	return found;
}

bool
task_clears_facts(const char *tenant, const char *policy)
{
	AgcObject  *object;
	const PolicyPart *part = fact_rules_pin(tenant, policy, &object);
	bool		found = false;
	ListCell   *cell;

	if (part == NULL)
		return false;
	foreach(cell, part->rules)
		found |= ((const FactRule *) lfirst(cell))->clears;
	agc_object_unpin(object);
	return found;
}

/* ----- at begin --------------------------------------------------------------------- */

static void
require_taken(HeapTuple tuple, TupleDesc desc, void *arg)
{
	const char *fact = arg;

	if (strcmp(agc_col_text(tuple, desc, "fact"), fact) == 0 &&
		strcmp(agc_col_text(tuple, desc, "state"), "clears") != 0)
		agc_heap_check_snapshot(tuple);
}

/* A fact that the transaction's snapshot is too old to see would stay: 40001. */
static void
require_all_taken(const char *tenant, const char *root, const char *fact)
{
	const char *keys[2] = {tenant, root};
	Relation	rel = agc_table_open(&fact_table, AccessShareLock);

	agc_table_scan(&fact_table, rel, 2, keys, require_taken, unconstify(char *, fact));
	agc_table_close(rel, AccessShareLock);
}

static void
take_away(const char *tenant, const char *root, const char *fact)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.task_fact WHERE tenant = $1 AND root = $2 AND fact = $3 AND state <> 'clears'", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, root);
	agc_put_text(&row, fact);
	(void) agc_owner_spi_row_bounded(&plan, &row);
	if (IsolationUsesXactSnapshot())
		require_all_taken(tenant, root, fact);
}

typedef struct Begun
{
	const char *tenant;
	const char *policy;
	const char *root;
	const char *tool;
	const pg_uuid_t *call_id;
	TimestampTz open_until;
} Begun;

static void
write_fact(const Begun *begun, const FactRule *rule, Jsonb *value, Jsonb *context)
{
	static const Oid types[] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID
	};
	static AgcPlan plan = {
		"INSERT INTO agentcore.task_fact (tenant, root, fact, state, value, call_id, policy, tool, pattern, context, at, open_until)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", lengthof(types), types
	};
	AgcRow		row;

	task_remember(begun->tenant);
	agc_row_init(&row);
	agc_put_text(&row, begun->tenant);
	agc_put_text(&row, begun->root);
	agc_put_text(&row, rule->fact);
	agc_put_text(&row, rule->clears ? "clears" : "open");
	agc_put_jsonb(&row, value);
	agc_put_uuid(&row, begun->call_id);
	agc_put_text(&row, begun->policy);
	agc_put_text(&row, begun->tool);
	agc_put_text(&row, rule->pattern);
	agc_put_jsonb(&row, context);
	agc_put_time(&row, agc_now());
	agc_put_time(&row, begun->open_until);
	(void) agc_owner_spi_row(&plan, &row);
}

static Jsonb *
json_true(void)
{
	JsonbValue	value = {.type = jbvBool, .val.boolean = true};

	return JsonbValueToJsonb(&value);
}

/* What can be said before the call has run; its condition on the result is left for its end. */
static void
open_fact(const Begun *begun, const PolicyPart *part, const FactRule *rule, RuleContext *context)
{
	ConditionScope scope;
	Jsonb	   *value = NULL;

	condition_scope_init(&scope, context, part->tz, part->pointers);
	if (rule->when != NULL && condition_judge_part(rule->when, &scope, false) != TRUTH_TRUE)
		return;
	if (rule->value < 0)
		value = json_true();
	else if (!condition_pointer_is_result(part->pointers, rule->value))
	{
		value = condition_value(&scope, rule->value);
		if (value == NULL)
			return;
	}
	write_fact(begun, rule, value, rule->when == NULL ? NULL : context_document(context, part->tz));
}

void
task_facts_begin(const char *tenant, const char *policy, const char *task, const char *tool, RuleContext *context,
				 const pg_uuid_t *call_id, TimestampTz lease_until)
{
	AgcObject  *object;
	const PolicyPart *part = task == NULL ? NULL : fact_rules_pin(tenant, policy, &object);
	Begun		begun = {tenant, policy, NULL, tool, call_id, lease_until};
	ListCell   *cell;

	if (part == NULL)
		return;
	foreach(cell, part->rules)
	{
		const FactRule *rule = lfirst(cell);

		if (!agc_patterns_cover(&rule->pattern, 1, tool))
			continue;
		if (begun.root == NULL)
		{
			task_hold_place(tenant, task);
			begun.root = task_root(tenant, task);
		}
		if (!rule->clears)
			open_fact(&begun, part, rule, context);
		else
		{
			if (task_is_remembered(tenant))
				take_away(tenant, begun.root, rule->fact);
			write_fact(&begun, rule, NULL, NULL);
		}
	}
	agc_object_unpin(object);
}

/* ----- at its end -------------------------------------------------------------------- */

typedef struct Ended
{
	const char *tenant;
	const pg_uuid_t *call_id;
	List	   *rows;			/* of EndedFact */
} Ended;

typedef struct EndedFact
{
	pg_uuid_t	id;
	bool		clears;
	char	   *root;
	char	   *fact;
	char	   *policy;
	char	   *pattern;
	Jsonb	   *value;
	Jsonb	   *context;
} EndedFact;

static bool
note_ended(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Ended	   *ended = arg;
	EndedFact  *fact;
	char	   *state = agc_col_text(tuple, desc, "state");
	bool		isnull;

	if (strcmp(state, "held") == 0)
		return true;
	fact = palloc(sizeof(EndedFact));
	fact->id = *DatumGetUUIDP(agc_col(tuple, desc, "id", &isnull));
	fact->clears = strcmp(state, "clears") == 0;
	fact->root = agc_col_text(tuple, desc, "root");
	fact->fact = agc_col_text(tuple, desc, "fact");
	fact->policy = agc_col_text(tuple, desc, "policy");
	fact->pattern = agc_col_text(tuple, desc, "pattern");
	fact->value = agc_col_jsonb(tuple, desc, "value");
	fact->context = agc_col_jsonb(tuple, desc, "context");
	ended->rows = lappend(ended->rows, fact);
	return true;
}

/* The context of the begin with the result beside it. */
typedef struct EndContext
{
	Jsonb	   *begun;
	Jsonb	   *result;
} EndContext;

static Jsonb *
read_end(RuleContext *context, ContextMember member)
{
	EndContext *end = context->arg;
	JsonbValue	found;
	const char *name = context_member_name(member);

	if (member == CONTEXT_RESULT)
		return end->result;
	if (end->begun == NULL ||
		getKeyJsonValueFromContainer(&end->begun->root, name, strlen(name), &found) == NULL)
		return NULL;
	return JsonbValueToJsonb(&found);
}

/* The value that the call has shown; NULL: nothing. */
static Jsonb *
shown_value(const PolicyPart *part, const EndedFact *fact, Jsonb *result, int64 *valid_for)
{
	EndContext	end = {fact->context, result};
	RuleContext context;
	ConditionScope scope;
	ListCell   *cell;

	context_init(&context, read_end, &end);
	context.now = 0;
	foreach(cell, part->rules)
	{
		const FactRule *rule = lfirst(cell);

		if (rule->clears || strcmp(rule->fact, fact->fact) != 0 || strcmp(rule->pattern, fact->pattern) != 0)
			continue;
		condition_scope_init(&scope, &context, part->tz, part->pointers);
		if (rule->when != NULL && condition_judge_part(rule->when, &scope, true) != TRUTH_TRUE)
			return NULL;
		*valid_for = rule->valid_for;
		return fact->value != NULL || rule->value < 0 ? fact->value : condition_value(&scope, rule->value);
	}
	return NULL;				/* the rule was dropped meanwhile */
}

static void
hold_fact(const char *tenant, const EndedFact *fact, Jsonb *value, int64 valid_for)
{
	static const Oid types[] = {TEXTOID, UUIDOID, JSONBOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"UPDATE agentcore.task_fact SET state = 'held', value = $3, context = NULL, open_until = NULL, expires_at = $4"
		" WHERE tenant = $1 AND id = $2 AND state = 'open'", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, &fact->id);
	agc_put_jsonb(&row, value);
	if (valid_for < 0)
		agc_put_null(&row);
	else
		agc_put_time(&row, agc_now() + valid_for);
	(void) agc_owner_spi_row_bounded(&plan, &row);
}

static void
remove_fact(const char *tenant, const EndedFact *fact)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {"DELETE FROM agentcore.task_fact WHERE tenant = $1 AND id = $2", lengthof(types), types};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, &fact->id);
	(void) agc_owner_spi_row_bounded(&plan, &row);
}

static void
end_fact(const char *tenant, const EndedFact *fact, bool succeeded, Jsonb *result)
{
	AgcObject  *object;
	const PolicyPart *part;
	Jsonb	   *value = NULL;
	int64		valid_for = -1;

	if (fact->clears)
	{
		take_away(tenant, fact->root, fact->fact);
		remove_fact(tenant, fact);
		return;
	}
	part = !succeeded ? NULL : fact_rules_pin(tenant, fact->policy, &object);
	if (part != NULL)
	{
		value = shown_value(part, fact, result, &valid_for);
		agc_object_unpin(object);
	}
	if (value != NULL)
		hold_fact(tenant, fact, value, valid_for);
	else
		remove_fact(tenant, fact);
}

void
task_facts_end(const char *tenant, const pg_uuid_t *call_id, bool succeeded, Jsonb *result)
{
	Ended		ended = {tenant, call_id, NIL};
	AgcKey		keys[2] = {agc_key_text(tenant), agc_key_uuid(call_id)};
	Relation	rel;
	ListCell   *cell;

	if (!task_is_remembered(tenant))
		return;
	rel = agc_table_open(&call_table, AccessShareLock);
	agc_table_ordered(&call_table, rel, 2, keys, note_ended, &ended);
	agc_table_close(rel, AccessShareLock);
	foreach(cell, ended.rows)
		end_fact(tenant, lfirst(cell), succeeded, result);
}
