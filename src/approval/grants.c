/*
 * grants.c
 *	  Votes given beforehand: for calls of a tool by an agent, under a condition, so
 *	  many times and for so long.
 *
 * A grant is its giver's vote and no more: where an ask needs two, somebody else
 * has to give the other; the giver is judged as any voter when a call uses it; and
 * it lets no call pass a full budget, of which the giver knew nothing.
 *
 * Memory: CurrentMemoryContext.  Locks: row locks of the grants that a call uses,
 * which are never waited for.  On ERROR: the transaction takes everything back.
 */
#include "approval/grants.h"

#include "approval/notice.h"
#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* grants that are looked at for one call: beyond these nobody knows what he granted */
#define GRANTS_MAX	200
#define USES_MAX	1000000

/* the zone of a condition's clock */
#define GRANT_ZONE	"UTC"

typedef struct GrantRow
{
	ApprovalGrant *grant;
	Jsonb	   *when;			/* NULL: always */
} GrantRow;

static void
read_row(GrantRow *row, HeapTuple tuple, TupleDesc desc)
{
	ApprovalGrant *grant = palloc0(sizeof(ApprovalGrant));
	bool		isnull;
	Datum		value;

	grant->id = *DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull));
	grant->vote.role = SPI_getvalue(tuple, desc, 2);
	grant->vote.login = SPI_getvalue(tuple, desc, 3);
	grant->vote.voter = SPI_getvalue(tuple, desc, 4);
	value = SPI_getbinval(tuple, desc, 5, &isnull);
	row->when = isnull ? NULL : DatumGetJsonbPCopy(value);
	grant->counted = DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull));
	grant->vote.until = grant->valid_until = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 7, &isnull));
	grant->vote.grant = grant;
	grant->vote.by_grant = &grant->id;
	row->grant = grant;
}

static GrantRow *
read_rows(const ApprovalQuestion *question, TimestampTz now, int *n)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT id, role, login, voter, \"when\", uses IS NOT NULL, coalesce(valid_until, 'infinity')"
		" FROM agentcore.approval_granted WHERE tenant = $1 AND agent = $2"
		" AND CASE WHEN right(tool, 1) = '*' THEN starts_with($3, left(tool, -1)) ELSE tool = $3 END"
		" AND dropped_at IS NULL AND coalesce(valid_until > $4, true) AND coalesce(used < uses, true)"
		" ORDER BY given_at, id LIMIT " CppAsString2(GRANTS_MAX), lengthof(types), types
	};
	GrantRow   *rows;
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, question->tenant);
	agc_put_text(&row, question->agent);
	agc_put_text(&row, question->tool);
	agc_put_time(&row, now);
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	*n = (int) SPI_processed;
	rows = palloc(Max(*n, 1) * sizeof(GrantRow));
	for (int i = 0; i < *n; i++)
		read_row(&rows[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	agc_owner_end(&owner);
	return rows;
}

/* Only what is true: unknown is no vote. */
static bool
holds(Jsonb *when, RuleContext *context)
{
	ConditionPointers *pointers = condition_pointers_new();
	ConditionScope scope;
	const char *pointer;
	char	   *problem;
	char	   *hint;
	Condition  *condition;

	if (when == NULL)
		return true;
	condition = condition_compile_stored(pointers, when, CONDITION_ALLOW, &problem, &hint);
	if (condition == NULL || context == NULL)
		return false;
	condition_scope_init(&scope, context, GRANT_ZONE, pointers);
	return condition_judge(condition, &scope, &pointer) == TRUTH_TRUE;
}

Vote *
grants_append(const ApprovalQuestion *question, TimestampTz now, Vote *votes, int *n)
{
	int			ngrants;
	GrantRow   *grants;
	Vote	   *all;

	if (question->is_model)
		return votes;
	grants = read_rows(question, now, &ngrants);
	all = palloc((*n + ngrants + 1) * sizeof(Vote));
	if (*n > 0)
		memcpy(all, votes, *n * sizeof(Vote));
	for (int i = 0; i < ngrants; i++)
		if (holds(grants[i].when, question->context))
			all[(*n)++] = grants[i].grant->vote;
	return all;
}

static bool
lock(const char *tenant, const ApprovalGrant *grant)
{
	static const Oid types[] = {TEXTOID, UUIDOID, TIMESTAMPTZOID};
	/* one without an end of its uses is shared: nothing is counted but for those who look */
	static AgcPlan shared = {
		"SELECT FROM agentcore.approval_granted WHERE tenant = $1 AND id = $2 AND dropped_at IS NULL"
		" AND coalesce(valid_until > $3, true) FOR KEY SHARE SKIP LOCKED", lengthof(types), types
	};
	static AgcPlan counted = {
		"SELECT FROM agentcore.approval_granted WHERE tenant = $1 AND id = $2 AND dropped_at IS NULL"
		" AND coalesce(valid_until > $3, true) AND used < uses FOR UPDATE SKIP LOCKED", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, &grant->id);
	agc_put_time(&row, agc_now());
	return agc_owner_spi_row(grant->counted ? &counted : &shared, &row) == 1;
}

bool
grants_lock(const char *tenant, const List *grants)
{
	ListCell   *cell;

	foreach(cell, grants)
		if (!lock(tenant, lfirst(cell)))
			return false;
	return true;
}

static void
count_use(const char *tenant, const ApprovalGrant *grant)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval_granted SET used = used + 1 WHERE tenant = $1 AND id = $2", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, &grant->id);
	(void) agc_owner_spi_row(&plan, &row);
}

/* The vote is written where others stand: a retry of the call finds it, and so does who looks. */
void
grants_use(const char *tenant, const pg_uuid_t *approval, int round, const List *grants)
{
	ListCell   *cell;

	foreach(cell, grants)
	{
		const ApprovalGrant *grant = lfirst(cell);
		AgcOwner	owner;

		if (grant->counted)
			count_use(tenant, grant);
		agc_owner_begin(&owner);
		vote_write(tenant, approval, round, &grant->vote, true, TimestampTzGetDatum(grant->valid_until),
				   TIMESTAMP_IS_NOEND(grant->valid_until), NULL);
		agc_owner_end(&owner);
	}
}

/* ----- giving and taking ------------------------------------------------------------- */

static void
check_when(Jsonb *when)
{
	char	   *problem = NULL;
	char	   *hint = NULL;

	if (when != NULL && condition_compile(condition_pointers_new(), when, CONDITION_ALLOW, &problem, &hint) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid condition"),
				 errdetail("%s.", problem),
				 hint == NULL ? 0 : errhint("%s", hint)));
}

static void
check_uses(FunctionCallInfo fcinfo, int n)
{
	if (!PG_ARGISNULL(n) && (PG_GETARG_INT32(n) < 1 || PG_GETARG_INT32(n) > USES_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("uses is out of range"),
				 errdetail("Got %d; there may be 1 to %d.", PG_GETARG_INT32(n), USES_MAX)));
}

/* approval_grant(agent, tool, when, uses, valid_for, note, voter, tenant) -> uuid */
AGC_FUNCTION(approval_grant)
{
	static const Oid types[] = {
		TEXTOID, UUIDOID, TEXTOID, TEXTOID, JSONBOID, INT4OID, TIMESTAMPTZOID, INTERVALOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID
	};
	static AgcPlan plan = {
		"INSERT INTO agentcore.approval_granted (tenant, id, agent, tool, \"when\", uses, given_at, valid_until, note, role, login, voter)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $7 + $8, $9, $10, $11, $12)", lengthof(types), types
	};
	char	   *agent = agc_arg_name(fcinfo, 0, "agent");
	char	   *tool = agc_arg_tool_pattern(fcinfo, 1);
	Jsonb	   *when = agc_opt_jsonb(fcinfo, 2, "when");
	char	   *tenant = agc_arg_tenant(fcinfo, 7);
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Vote		vote;
	AgcRow		row;

	check_uses(fcinfo, 3);
	(void) agc_opt_interval(fcinfo, 4, "valid_for", 0);
	agc_enter(tenant, AGC_APPROVER);
	check_when(when);
	voter_read(&vote, tenant, agc_opt_name(fcinfo, 6, "voter"));
	agc_uuid_v7(id);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, id);
	agc_put_text(&row, agent);
	agc_put_text(&row, tool);
	agc_put_jsonb(&row, when);
	agc_put_arg(&row, fcinfo, 3);
	agc_put_time(&row, agc_now());
	agc_put_arg(&row, fcinfo, 4);
	agc_put_text(&row, agc_opt_text(fcinfo, 5));
	agc_put_text(&row, vote.role);
	agc_put_text(&row, vote.login);
	agc_put_text(&row, vote.voter);
	(void) agc_owner_spi_row(&plan, &row);
	PG_RETURN_UUID_P(id);
}

/* approval_grant_drop(id, tenant) -> boolean: whether it was in force */
AGC_FUNCTION(approval_grant_drop)
{
	static const Oid types[] = {TEXTOID, UUIDOID, TIMESTAMPTZOID, TEXTOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval_granted SET dropped_at = $3, dropped_by = $4"
		" WHERE tenant = $1 AND id = $2 AND dropped_at IS NULL", lengthof(types), types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	AgcRow		row;

	if (PG_ARGISNULL(0))
		agc_refuse_null("grant");
	agc_enter(tenant, AGC_APPROVER);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, PG_GETARG_UUID_P(0));
	agc_put_time(&row, agc_now());
	agc_put_text(&row, GetUserNameFromId(GetUserId(), false));
	PG_RETURN_BOOL(agc_owner_spi_row_bounded(&plan, &row) > 0);
}
