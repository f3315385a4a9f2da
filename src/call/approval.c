/*
 * approval.c
 *	  Calls that a person must allow first.
 *
 * A tool with needs_approval makes the gate say wait / approval_required and
 * leave a request; an administrator of the tenant decides it with
 * call_approve() (approval_decide.c); the call then passes once.  What was
 * approved is what runs: a request is for one question, which is the agent, task,
 * subject and budget, the tool as it is defined (name, description, schema) and
 * the arguments that will run, and for an estimate that is not higher.  Another
 * question, or the same at a higher price or at one that is not known, is asked
 * anew.  A request that nobody decides in time counts as refused.
 *
 * A budget with on_full "ask" has the same asked of a call that it has no room for.
 * Such a request names the budgets, and lets the call pass their limits and no others.
 * One request may be for both.
 *
 * The request belongs to the caller's transaction: a worker that rolls back has
 * asked nobody.
 *
 * Memory: SPI's.  Locks: a queue per question while it is asked for, so that the
 * INSERT never waits for another worker's; row lock of the request that a call
 * uses, which is never waited for.  On ERROR: the transaction takes everything
 * back.
 */
#include "call/approval.h"

#include "call/approval_notice.h"
#include "call/call.h"
#include "call/digest.h"
#include "call/refuse.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static AgcTable approval_table = AGC_TABLE("approval", NULL);

typedef enum ApprovalState
{
	APPROVAL_NONE,
	APPROVAL_USED,				/* by the attempt before this one */
	APPROVAL_PENDING,
	APPROVAL_APPROVED,
	APPROVAL_REFUSED,
	APPROVAL_EXPIRED			/* nobody decided in time */
} ApprovalState;

static void
put_hash(AgcRow *row, const uint8 *hash)
{
	bytea	   *value = palloc(VARHDRSZ + AGC_HASH_LEN);

	SET_VARSIZE(value, VARHDRSZ + AGC_HASH_LEN);
	memcpy(VARDATA(value), hash, AGC_HASH_LEN);
	agc_put_pointer(row, value);
}

/* null: unknown */
static void
put_estimate(AgcRow *row, int64 estimate)
{
	agc_put_datum(row, Int64GetDatum(estimate), estimate < 0);
}

static ApprovalState
state_of(const char *word)
{
	static const char *const words[] = {
		[APPROVAL_USED] = "used", [APPROVAL_PENDING] = "pending", [APPROVAL_APPROVED] = "approved",
		[APPROVAL_REFUSED] = "refused", [APPROVAL_EXPIRED] = "expired"
	};

	for (int i = APPROVAL_USED; i < lengthof(words); i++)
		if (strcmp(words[i], word) == 0)
			return (ApprovalState) i;
	return APPROVAL_NONE;
}

/* The budgets whose limits the call is to pass, in the order of their path. */
static char **
full_names(const Gate *gate, int *n)
{
	List	   *full = gate->full == NULL ? NIL : gate->full->full;
	char	  **names = palloc((list_length(full) + 1) * sizeof(char *));
	ListCell   *cell;

	*n = 0;
	foreach(cell, full)
		names[(*n)++] = ((BudgetFull *) lfirst(cell))->budget;
	return names;
}

static void
put_excuses(AgcRow *row, const Gate *gate)
{
	int			n;
	char	  **names = full_names(gate, &n);

	agc_put(row, agc_texts_datum(names, n));
}

/* Which budgets the approval is about, for those who read the answer. */
static void
say_excuses(Gate *gate, Datum excuses, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	int			n;
	char	  **names = agc_texts_of(excuses, &n);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < n; i++)
		appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", agc_quoted_name(names[i]));
	gate->exceeds = n > 0 ? out.data : NULL;
	MemoryContextSwitchTo(old);
}

/* The call that this one goes on with: its own approval is the word of a person. */
static const pg_uuid_t *
call_continued(const Gate *gate)
{
	return gate->earlier == EARLIER_RETRY || gate->earlier == EARLIER_YOURS ? &gate->earlier_id : NULL;
}

/*
 * The request that speaks for this very call, if there is one: of a call that
 * goes on the one that it used, else the one decided last.  A refusal holds for
 * what is as dear or dearer, or may be; an approval for what is surely not
 * dearer, which of an unknown estimate is another unknown one, or nothing.  So it is
 * with the budgets whose limits the call is to pass: a refusal holds for these and
 * more, an approval for these and less.
 */
static ApprovalState
find(Gate *gate, pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, TEXTOID, BYTEAOID, INT8OID, INT8OID, TIMESTAMPTZOID, UUIDOID, TEXTARRAYOID};
	static AgcPlan plan = {
		"SELECT id, state, excuses FROM (SELECT id, call_id, est_tokens, est_nanousd, expires_at, decided_at, requested_at,"
		"   coalesce(excuses, '{}') AS excuses,"
		"   CASE WHEN state = 'pending' AND decide_by <= $6 THEN 'expired' ELSE state END AS state"
		"   FROM agentcore.approval WHERE tenant = $1 AND agent = $2 AND request_hash = $3) a"
		" WHERE CASE WHEN state = 'used' THEN call_id = $7"
		" WHEN state IN ('refused', 'expired') THEN coalesce(est_tokens <= $4, true) AND coalesce(est_nanousd <= $5, true)"
		"  AND excuses <@ $8"
		" WHEN state IN ('pending', 'approved') THEN (expires_at IS NULL OR expires_at > $6)"
		"  AND coalesce(est_tokens >= $4, est_tokens IS NULL AND coalesce($4, 0) = 0)"
		"  AND coalesce(est_nanousd >= $5, est_nanousd IS NULL AND coalesce($5, 0) = 0)"
		"  AND excuses @> $8"
		" ELSE false END"
		" ORDER BY state = 'used' DESC, decided_at DESC NULLS LAST, requested_at DESC LIMIT 1", lengthof(types), types
	};
	MemoryContext caller_cxt = CurrentMemoryContext;
	ApprovalState state = APPROVAL_NONE;
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, gate->tenant);
	agc_put_text(&row, gate->agent_name);
	put_hash(&row, digest_question(gate));
	put_estimate(&row, gate->est_tokens);
	put_estimate(&row, gate->est_nanousd);
	agc_put_time(&row, agc_now());
	agc_put_uuid(&row, call_continued(gate));
	put_excuses(&row, gate);
	say_excuses(gate, row.value[row.n - 1], caller_cxt);

	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	if (SPI_processed > 0)
	{
		HeapTuple	found = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		*id = *DatumGetUUIDP(SPI_getbinval(found, desc, 1, &isnull));
		state = state_of(SPI_getvalue(found, desc, 2));
		say_excuses(gate, SPI_getbinval(found, desc, 3, &isnull), caller_cxt);
	}
	agc_owner_end(&owner);
	return state;
}

/* Counted, not locked: workers that ask at the same moment may go beyond by one each. */
static bool
has_room(Gate *gate)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.approval WHERE tenant = $1 AND agent = $2 AND state = 'pending'"
		" AND decide_by > $4 LIMIT $3", 4, types
	};
	AgcRow		row;

	if (agc_max_open_approvals == 0)
		return true;
	agc_row_init(&row);
	agc_put_text(&row, gate->tenant);
	agc_put_text(&row, gate->agent_name);
	agc_put_int32(&row, agc_max_open_approvals);
	agc_put_time(&row, agc_now());
	return agc_owner_spi_row(&plan, &row) < (uint64) agc_max_open_approvals;
}

static void
ask(Gate *gate)
{
	static const Oid types[] = {TEXTOID, UUIDOID, TEXTOID, TEXTOID, BYTEAOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID,
								 TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID,
								 TEXTARRAYOID, JSONBOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.approval (tenant, id, agent, tool, request_hash, args, task, subject, requested_by,"
		" budget, est_tokens, est_nanousd, requested_at, decide_by, also, excuses, full_budgets)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, nullif($16, '{}'), $17)"
		" ON CONFLICT (tenant, agent, request_hash, est_tokens, est_nanousd, hash_array_extended(excuses, 0)) WHERE state = 'pending' DO NOTHING",
		lengthof(types), types
	};
	TimestampTz now = agc_now();
	pg_uuid_t	id;
	AgcRow		row;

	agc_uuid_v7(&id);
	agc_row_init(&row);
	agc_put_text(&row, gate->tenant);
	agc_put_uuid(&row, &id);
	agc_put_text(&row, gate->agent_name);
	agc_put_text(&row, gate->tool_name);
	put_hash(&row, digest_question(gate));
	agc_put_jsonb(&row, gate->args);
	agc_put_text(&row, gate->task);
	agc_put_text(&row, gate->subject);
	agc_put_text(&row, GetUserNameFromId(GetUserId(), false));
	agc_put_text(&row, gate->budget);
	put_estimate(&row, gate->est_tokens);
	put_estimate(&row, gate->est_nanousd);
	agc_put_time(&row, now);
	agc_put_time(&row, now + agc_approval_decide_within * USECS_PER_SEC);
	agc_put_datum(&row, agc_texts_datum(gate->also, gate->nalso), gate->nalso == 0);
	put_excuses(&row, gate);
	agc_put_jsonb(&row, gate->full != NULL ? budget_full_list(gate->full->full) : NULL);
	if (agc_owner_spi_row(&plan, &row) > 0)
		approval_tell(gate->tenant, &id, "pending");
}

/* The INSERT of two at once would wait for each other's end without a limit. */
static bool
queue_to_ask(Gate *gate)
{
	Relation	rel = agc_table_open(&approval_table, RowExclusiveLock);
	Oid			relid = RelationGetRelid(rel);

	agc_table_close(rel, NoLock);
	return budget_queue(relid, digest_question(gate));
}

/*
 * Audit mode asks nobody: the call runs all the same.  Nor is anybody asked where an
 * answer past its soft deadline is given instead, or another model is yet to be tried.
 */
static void
judge_unasked(Gate *gate)
{
	if (gate->explaining || gate->audit || gate->stale.value != NULL || gate->asks_nobody)
		refuse_unasked(gate);
	else if (!has_room(gate))
		refuse_too_many_asked(gate);
	else
		gate->unasked = true;
}

/* The request that the answer is about.  In audit mode the call may run all the same, and shows the one that it uses. */
static void
show(Gate *gate, const pg_uuid_t *id)
{
	if (gate->has_approval && gate->audit)
		return;
	gate->approval_id = *id;
	gate->shows_approval = true;
}

/* true: it may run */
static bool
judge_state(Gate *gate, ApprovalState state, const pg_uuid_t *id)
{
	if (state != APPROVAL_NONE && state != APPROVAL_APPROVED)
		show(gate, id);
	switch (state)
	{
		case APPROVAL_APPROVED:
		case APPROVAL_USED:
			return true;
		case APPROVAL_REFUSED:
			refuse_disapproved(gate, id);
			break;
		case APPROVAL_EXPIRED:
			refuse_undecided(gate, id);
			break;
		case APPROVAL_PENDING:
			refuse_pending(gate, id);
			break;
		case APPROVAL_NONE:
			judge_unasked(gate);
			break;
	}
	return false;
}

static void
note_full(Gate *gate, const PermitDecision *decision, List *before)
{
	PermitDecision *full = palloc(sizeof(PermitDecision));

	*full = *decision;
	full->full = list_concat_copy(before, decision->full);
	gate->full = full;
	if (gate->reason == NULL)
	{
		gate->denied_by = full->denied_by;
		gate->denied = full->denied;
	}
}

/* Who is asked about the tool is asked at once about the budgets that have to be asked for. */
static bool
finds_full(Gate *gate)
{
	PermitRequest request;
	PermitDecision decision;

	if (gate->budget == NULL || call_continued(gate) != NULL || !budget_exists(gate->tenant, gate->budget))
		return false;
	gate_fill_request(gate, &request);
	if (budget_peek(&request, true, &decision) || !decision.asks)
		return false;
	note_full(gate, &decision, NIL);
	return true;
}

void
judge_approval(Gate *gate)
{
	ApprovalState state;
	pg_uuid_t	id;

	if (gate->nasks > 0)
		refuse_ask_of_rule(gate);
	if (gate->tool == NULL || !gate->tool->needs_approval)
		return;
	state = find(gate, &id);
	if (state == APPROVAL_NONE && finds_full(gate))
		state = find(gate, &id);
	if (state == APPROVAL_APPROVED)
	{
		show(gate, &id);
		gate->has_approval = true;
	}
	(void) judge_state(gate, state, &id);
}

bool
judge_full(Gate *gate, const PermitDecision *decision)
{
	pg_uuid_t	id;

	note_full(gate, decision, NIL);
	return judge_state(gate, find(gate, &id), &id);
}

void
approval_ask(Gate *gate)
{
	pg_uuid_t	id;

	if (!gate->unasked)
		return;
	gate->unasked = false;
	if (!queue_to_ask(gate))
	{
		refuse_contended_approval(gate);
		return;
	}
	ask(gate);
	/* the request may be another worker's, which came in between */
	if (find(gate, &id) == APPROVAL_NONE)
	{
		refuse_contended_approval(gate);
		return;
	}
	show(gate, &id);
	refuse_pending(gate, &id);
}

void
approval_spare(Gate *gate)
{
	if (gate->tool == NULL || !gate->tool->needs_approval)
		gate->has_approval = gate->shows_approval = false;
}

/*
 * Called again where others have become full as well: what lets the call pass has to
 * name them all.
 */
bool
approval_excuse(Gate *gate, const PermitDecision *decision, PermitRequest *request)
{
	List	   *before = request->nexcused > 0 ? gate->full->full : NIL;
	pg_uuid_t	id;

	note_full(gate, decision, before);
	if (request->nexcused > 0)
		approval_spare(gate);
	if (!judge_state(gate, find(gate, &id), &id))
	{
		/* in a subtransaction that the refusal ends: take.c asks after it */
		if (gate->earlier != EARLIER_OTHER)
			approval_ask(gate);
		return false;
	}
	AGC_TEST_POINT("approval_found");
	if (!approval_lock(gate, &id))
	{
		refuse_contended_approval(gate);
		return false;
	}
	gate->has_approval = gate->shows_approval = true;
	gate->approval_id = id;
	request->excused = full_names(gate, &request->nexcused);
	return true;
}

bool
approval_lock(Gate *gate, const pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.approval"
		" WHERE tenant = $1 AND id = $2 AND state = 'approved' FOR UPDATE SKIP LOCKED", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(gate->tenant), UUIDPGetDatum(id)};

	return agc_owner_spi(&plan, values, NULL) == 1;
}

void
approval_use(Gate *gate)
{
	static const Oid types[] = {TEXTOID, UUIDOID, UUIDOID};
	/* what a person allowed an earlier attempt of the call has been said anew */
	static AgcPlan earlier = {
		"UPDATE agentcore.approval SET call_id = NULL WHERE tenant = $1 AND call_id = $3 AND id <> $2", 3, types
	};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = 'used', call_id = $3 WHERE tenant = $1 AND id = $2", 3, types
	};
	Datum		values[3] = {
		CStringGetTextDatum(gate->tenant), UUIDPGetDatum(&gate->approval_id), UUIDPGetDatum(&gate->call_id)
	};

	if (call_continued(gate) != NULL)
		(void) agc_owner_spi(&earlier, values, NULL);
	(void) agc_owner_spi(&plan, values, NULL);
}

void
approval_give_back(const char *tenant, const pg_uuid_t *call_id)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = 'approved', call_id = NULL"
		" WHERE tenant = $1 AND call_id = $2 AND state = 'used'", 2, types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, call_id);
	(void) agc_owner_spi_row_bounded(&plan, &row);
}

bool
approval_of_call(const char *tenant, const pg_uuid_t *call_id, int64 *est_tokens, int64 *est_nanousd)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"SELECT coalesce(est_tokens, 0), coalesce(est_nanousd, 0) FROM agentcore.approval WHERE tenant = $1 AND call_id = $2", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(tenant), UUIDPGetDatum(call_id)};
	bool		found;
	bool		isnull;
	AgcOwner	owner;

	agc_owner_begin(&owner);
	agc_spi(&plan, values, NULL);
	found = SPI_processed > 0;
	if (found)
	{
		*est_tokens = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		*est_nanousd = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	agc_owner_end(&owner);
	return found;
}
