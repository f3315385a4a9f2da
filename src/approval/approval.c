/*
 * approval.c
 *	  Requests for approval: found for a question, made, used up by a call.
 *
 * A request is for one question, which the gate digests, and for an estimate that
 * is not higher.  Which asks it has to satisfy is what the rules say when a call
 * begins: votes that were given for fewer asks stay, and the others are asked for.
 *
 * Memory: CurrentMemoryContext.  Locks: row lock of a request and of grants that a
 * call uses, which are never waited for.  On ERROR: the transaction takes everything
 * back.
 */
#include "approval/approval.h"

#include "approval/asks.h"
#include "approval/grants.h"
#include "approval/notice.h"
#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* requests that may speak for one question: more than these, the oldest are not looked at */
#define CANDIDATES_MAX	16

int			agc_approval_decide_within = 86400;
bool		agc_approval_notify = false;
int			agc_max_open_approvals = 100;

static AgcTable approval_table = AGC_TABLE("approval", NULL);

typedef struct Candidate
{
	ApprovalFound found;
	int			round;
	char	   *requested_by;
	char	   *requested_login;
	Jsonb	   *stored_asks;
	int			nvotes;
	Vote	   *votes;
} Candidate;

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

static Jsonb *
jsonb_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, desc, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

static void
read_candidate(Candidate *candidate, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;

	memset(candidate, 0, sizeof(*candidate));
	candidate->found.has_id = true;
	candidate->found.id = *DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull));
	candidate->found.state = state_of(SPI_getvalue(tuple, desc, 2));
	candidate->found.excused = agc_texts_of(SPI_getbinval(tuple, desc, 3, &isnull), &candidate->found.nexcused);
	candidate->found.version = DatumGetInt32(SPI_getbinval(tuple, desc, 4, &isnull));
	candidate->round = DatumGetInt32(SPI_getbinval(tuple, desc, 5, &isnull));
	candidate->found.corrected = jsonb_column(tuple, desc, 6);
	candidate->stored_asks = jsonb_column(tuple, desc, 7);
	candidate->requested_by = SPI_getvalue(tuple, desc, 8);
	candidate->requested_login = SPI_getvalue(tuple, desc, 9);
}

static void
put_question(AgcRow *row, const ApprovalQuestion *question)
{
	agc_row_init(row);
	agc_put_text(row, question->tenant);
	agc_put_text(row, question->agent);
	put_hash(row, question->hash);
	put_estimate(row, question->est_tokens);
	put_estimate(row, question->est_nanousd);
	agc_put_time(row, agc_now());
	agc_put_uuid(row, question->continued);
	agc_put(row, agc_texts_datum(question->excused, question->nexcused));
	agc_put_uuid(row, question->corrected_by);
}

/*
 * The requests that speak for this very call: of a call that goes on the one that it
 * used, then those decided last.  A refusal holds for what is as dear or dearer, or may
 * be; an approval for what is surely not dearer, which of an unknown estimate is another
 * unknown one, or nothing.  So it is with the budgets whose limits the call is to pass:
 * a refusal holds for these and more, an approval for these and less.
 */
static Candidate *
read_candidates(const ApprovalQuestion *question, int *n)
{
	static const Oid types[] = {TEXTOID, TEXTOID, BYTEAOID, INT8OID, INT8OID, TIMESTAMPTZOID, UUIDOID, TEXTARRAYOID, UUIDOID};
	static AgcPlan plan = {
		"SELECT id, state, excuses, version, round, corrected, asks, requested_by, requested_login"
		" FROM (SELECT id, call_id, est_tokens, est_nanousd, expires_at, decided_at, requested_at, version, round, corrected,"
		"   asks, requested_by, requested_login, coalesce(excuses, '{}') AS excuses,"
		"   CASE WHEN state = 'pending' AND decide_by <= $6 THEN 'expired' ELSE state END AS state"
		"   FROM agentcore.approval WHERE tenant = $1 AND agent = $2"
		"    AND CASE WHEN $9::uuid IS NULL THEN request_hash = $3 ELSE id = $9 END) a"
		" WHERE CASE WHEN state = 'used' THEN call_id = $7"
		" WHEN state IN ('refused', 'expired') THEN coalesce(est_tokens <= $4, true) AND coalesce(est_nanousd <= $5, true)"
		"  AND excuses <@ $8"
		" WHEN state IN ('pending', 'approved') THEN (expires_at IS NULL OR expires_at > $6)"
		"  AND coalesce(est_tokens >= $4, est_tokens IS NULL AND coalesce($4, 0) = 0)"
		"  AND coalesce(est_nanousd >= $5, est_nanousd IS NULL AND coalesce($5, 0) = 0)"
		"  AND excuses @> $8"
		" ELSE false END"
		" ORDER BY state = 'used' DESC, decided_at DESC NULLS LAST, requested_at DESC"
		" LIMIT " CppAsString2(CANDIDATES_MAX), lengthof(types), types
	};
	TimestampTz now = agc_now();
	Candidate  *candidates;
	AgcOwner	owner;
	AgcRow		row;

	put_question(&row, question);
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	*n = (int) SPI_processed;
	candidates = palloc(Max(*n, 1) * sizeof(Candidate));
	for (int i = 0; i < *n; i++)
		read_candidate(&candidates[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	for (int i = 0; i < *n; i++)
		candidates[i].votes = votes_read(question->tenant, &candidates[i].found.id, candidates[i].round, now,
										 &candidates[i].nvotes);
	agc_owner_end(&owner);
	return candidates;
}

/* Fills in what the votes come to for the asks that apply; whether each is satisfied. */
static bool
judge_votes(const ApprovalQuestion *question, VoteCount *count, ApprovalFound *found)
{
	int		   *given = palloc(Max(question->nasks, 1) * sizeof(int));

	found->missing = NULL;
	found->grants = NIL;
	for (int i = 0; i < question->nasks; i++)
	{
		given[i] = votes_given(count, &question->asks[i], &found->grants);
		if (given[i] >= question->asks[i].votes || found->missing != NULL)
			continue;
		found->missing = &question->asks[i];
		found->given = given[i];
	}
	found->asks = asks_document(question->asks, given, question->nasks);
	return found->missing == NULL;
}

/* Votes first: a grant is for what they do not reach. */
static bool
is_satisfied(const ApprovalQuestion *question, VoteCount *count, ApprovalFound *found)
{
	int			nvotes = count->nvotes;

	if (judge_votes(question, count, found))
		return true;
	count->votes = grants_append(question, agc_now(), count->votes, &count->nvotes);
	count->with_grants = true;
	return count->nvotes > nvotes && judge_votes(question, count, found);
}

static void
init_count(VoteCount *count, const ApprovalQuestion *question)
{
	memset(count, 0, sizeof(*count));
	count->tenant = question->tenant;
	count->until = DT_NOEND;
	count->nrequesters = 1;
	count->requester[0].role = GetUserNameFromId(GetUserId(), false);
	count->requester[0].login = GetUserNameFromId(GetSessionUserId(), false);
}

/* A request that a call used is that call's for good: its votes cannot expire under it. */
static bool
satisfies(const ApprovalQuestion *question, Candidate *candidate)
{
	VoteCount	count;
	bool		satisfied;

	init_count(&count, question);
	count.requester[count.nrequesters].role = candidate->requested_by;
	count.requester[count.nrequesters++].login = candidate->requested_login;
	count.nvotes = candidate->nvotes;
	count.votes = candidate->votes;
	count.ever = candidate->found.state == APPROVAL_USED;
	satisfied = is_satisfied(question, &count, &candidate->found);
	candidate->found.outdated = candidate->stored_asks == NULL ||
		compareJsonbContainers(&candidate->stored_asks->root, &candidate->found.asks->root) != 0;
	return satisfied;
}

static bool
is_corrected(const ApprovalQuestion *question, const Candidate *candidate)
{
	return candidate->found.corrected != NULL && question->corrected_by == NULL;
}

/* true: it decides, and no other is looked at */
static bool
decides(const ApprovalQuestion *question, Candidate *candidate)
{
	ApprovalState state = candidate->found.state;

	if (state == APPROVAL_REFUSED || state == APPROVAL_EXPIRED)
		return true;
	if (is_corrected(question, candidate))
	{
		candidate->found.state = APPROVAL_CORRECTED;
		return true;
	}
	if (!satisfies(question, candidate))
		return false;
	if (state == APPROVAL_PENDING)
		candidate->found.state = APPROVAL_APPROVED;
	return true;
}

/* No request: what was granted may do without one. */
static void
find_grants(const ApprovalQuestion *question, ApprovalFound *found)
{
	VoteCount	count;

	memset(found, 0, sizeof(*found));
	init_count(&count, question);
	if (is_satisfied(question, &count, found) && question->nasks > 0)
		found->state = APPROVAL_APPROVED;
}

void
approval_find(const ApprovalQuestion *question, ApprovalFound *found)
{
	int			n;
	Candidate  *candidates = read_candidates(question, &n);
	Candidate  *open = NULL;

	for (int i = 0; i < n; i++)
	{
		if (decides(question, &candidates[i]))
		{
			*found = candidates[i].found;
			return;
		}
		/* a request that is open comes before one that has to be opened again */
		if (candidates[i].found.state != APPROVAL_USED &&
			(open == NULL || candidates[i].found.state == APPROVAL_PENDING))
			open = &candidates[i];
	}
	if (open == NULL)
	{
		find_grants(question, found);
		return;
	}
	*found = open->found;
	found->outdated |= found->state == APPROVAL_APPROVED;
	found->state = APPROVAL_PENDING;
}

bool
approval_has_room(const char *tenant, const char *agent)
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
	agc_put_text(&row, tenant);
	agc_put_text(&row, agent);
	agc_put_int32(&row, agc_max_open_approvals);
	agc_put_time(&row, agc_now());
	return agc_owner_spi_row(&plan, &row) < (uint64) agc_max_open_approvals;
}

static void
put_row(AgcRow *row, const ApprovalQuestion *question, const ApprovalFound *found, const pg_uuid_t *id)
{
	TimestampTz now = agc_now();

	agc_row_init(row);
	agc_put_text(row, question->tenant);
	agc_put_uuid(row, id);
	agc_put_text(row, question->agent);
	agc_put_text(row, question->tool);
	put_hash(row, question->hash);
	agc_put_jsonb(row, question->args);
	agc_put_text(row, question->task);
	agc_put_text(row, question->subject);
	agc_put_text(row, GetUserNameFromId(GetUserId(), false));
	agc_put_text(row, question->budget);
	put_estimate(row, question->est_tokens);
	put_estimate(row, question->est_nanousd);
	agc_put_time(row, now);
	agc_put_time(row, now + asks_decide_within(question->asks, question->nasks));
	agc_put_datum(row, agc_texts_datum(question->also, question->nalso), question->nalso == 0);
	agc_put(row, agc_texts_datum(question->excused, question->nexcused));
	agc_put_jsonb(row, question->full);
	agc_put_text(row, GetUserNameFromId(GetSessionUserId(), false));
	agc_put_jsonb(row, found->asks);
	agc_put_bool(row, question->is_model);
}

static uint64
insert(const ApprovalQuestion *question, const ApprovalFound *found, const pg_uuid_t *id, const char *state,
	   const pg_uuid_t *call_id)
{
	static const Oid types[] = {
		TEXTOID, UUIDOID, TEXTOID, TEXTOID, BYTEAOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID, TEXTARRAYOID, JSONBOID, TEXTOID, JSONBOID, BOOLOID, TEXTOID, UUIDOID
	};
	static AgcPlan plan = {
		"INSERT INTO agentcore.approval (tenant, id, agent, tool, request_hash, args, task, subject, requested_by,"
		" budget, est_tokens, est_nanousd, requested_at, decide_by, also, excuses, full_budgets, requested_login, asks, is_model,"
		" state, call_id)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, nullif($16, '{}'), $17, $18, $19, $20, $21, $22)"
		" ON CONFLICT (tenant, agent, request_hash, est_tokens, est_nanousd, hash_array_extended(excuses, 0)) WHERE state = 'pending' DO NOTHING",
		lengthof(types), types
	};
	AgcRow		row;

	put_row(&row, question, found, id);
	agc_put_text(&row, state);
	agc_put_uuid(&row, call_id);
	return agc_owner_spi_row(&plan, &row);
}

/* Others have to vote now: the time to decide begins anew where it was decided. */
static bool
update_asks(const ApprovalQuestion *question, const ApprovalFound *found)
{
	static const Oid types[] = {TEXTOID, UUIDOID, JSONBOID, TIMESTAMPTZOID, INT4OID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval a SET asks = $3, state = 'pending', version = version + 1, expires_at = NULL,"
		" decide_by = CASE WHEN state = 'approved' THEN $4 ELSE least(decide_by, $4) END"
		" FROM (SELECT id FROM agentcore.approval WHERE tenant = $1 AND id = $2 AND state IN ('pending', 'approved')"
		"  AND version = $5 FOR UPDATE SKIP LOCKED) l WHERE a.tenant = $1 AND a.id = l.id", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, question->tenant);
	agc_put_uuid(&row, &found->id);
	agc_put_jsonb(&row, found->asks);
	agc_put_time(&row, agc_now() + asks_decide_within(question->asks, question->nasks));
	agc_put_int32(&row, found->version);
	return agc_owner_spi_row(&plan, &row) > 0;
}

bool
approval_request(const ApprovalQuestion *question, const ApprovalFound *found)
{
	pg_uuid_t	id = found->id;

	if (found->has_id)
	{
		if (!update_asks(question, found))
			return false;
	}
	else
	{
		agc_uuid_v7(&id);
		if (insert(question, found, &id, "pending", NULL) == 0)
			return false;
	}
	approval_tell(question->tenant, &id, "pending");
	return true;
}

Oid
approval_relation(void)
{
	Relation	rel = agc_table_open(&approval_table, RowExclusiveLock);
	Oid			relid = RelationGetRelid(rel);

	agc_table_close(rel, NoLock);
	return relid;
}

bool
approval_lock_found(const char *tenant, const ApprovalFound *found)
{
	static const Oid types[] = {TEXTOID, UUIDOID, INT4OID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.approval WHERE tenant = $1 AND id = $2 AND state IN ('pending', 'approved')"
		" AND version = $3 FOR UPDATE SKIP LOCKED", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, &found->id);
	agc_put_int32(&row, found->version);
	return (!found->has_id || agc_owner_spi_row(&plan, &row) == 1) && grants_lock(tenant, found->grants);
}

/* returns the round of the request's votes */
static int
mark_used(const char *tenant, const pg_uuid_t *id, const pg_uuid_t *call_id)
{
	static const Oid types[] = {TEXTOID, UUIDOID, UUIDOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = 'used', call_id = $3 WHERE tenant = $1 AND id = $2 RETURNING round",
		lengthof(types), types
	};
	AgcOwner	owner;
	AgcRow		row;
	bool		isnull;
	int			round;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, id);
	agc_put_uuid(&row, call_id);
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	round = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	agc_owner_end(&owner);
	return round;
}

/* what a person allowed an earlier attempt of the call has been said anew */
static void
forget_earlier(const ApprovalQuestion *question, const ApprovalFound *found, const pg_uuid_t *call_id)
{
	static const Oid types[] = {TEXTOID, UUIDOID, UUIDOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET call_id = NULL WHERE tenant = $1 AND call_id = $3 AND id IS DISTINCT FROM $2",
		lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, question->tenant);
	agc_put_uuid(&row, found->has_id ? &found->id : NULL);
	agc_put_uuid(&row, call_id);
	(void) agc_owner_spi_row(&plan, &row);
}

void
approval_use_found(const ApprovalQuestion *question, const ApprovalFound *found, const pg_uuid_t *call_id, pg_uuid_t *id)
{
	int			round = 1;

	if (question->continued != NULL)
		forget_earlier(question, found, call_id);
	*id = found->id;
	if (found->has_id)
		round = mark_used(question->tenant, id, call_id);
	else
	{
		agc_uuid_v7(id);
		(void) insert(question, found, id, "used", call_id);
	}
	grants_use(question->tenant, id, round, found->grants);
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

void
approval_init(void)
{
	DefineCustomIntVariable("agentcore.approval_decide_within",
							"How long a request for approval waits for a decision.",
							"Afterwards its call is denied (approval_expired). It is set when the request is made; a decision that comes later still counts. "
							"An ask of a policy has a time of its own; of several the shortest counts.",
							&agc_approval_decide_within, 86400, 1, 366 * 86400,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.approval_notify",
							 "Notify the channel agentcore_approval of requests for approval and of decisions.",
							 "At COMMIT, with a JSON payload of tenant, approval and state; never arguments. "
							 "PREPARE TRANSACTION is refused after it.",
							 &agc_approval_notify, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_open_approvals",
							"Number of open approval requests that one agent may have.",
							"Beyond it the agent's calls wait without a new request until some are decided or purged; 0 sets no limit.",
							&agc_max_open_approvals, 100, 0, 1000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
}
