/*
 * votes.c
 *	  Who may vote, whose votes are one person's, and how many an ask has.
 *
 * Votes are rows that are only ever added.  They are judged when they are given
 * and again when a call uses them: a voter who has left the role, or has lost
 * level approver, does not count any more.
 *
 * Two votes are one voter's where the role or the login is the same: neither SET
 * ROLE nor a function that runs as its owner makes a second person.  An application
 * that vouches names persons; then these differ.  A role that the requester's role
 * or login can act as is the requester.  Membership is what counts: a superuser is
 * not taken for a member of every role.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: the transaction takes
 * everything back.
 */
#include "approval/votes.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* ----- who speaks ----------------------------------------------------------------------- */

/* Only an application that vouches for persons names one, and it always does. */
static void
check_voter(const char *tenant, const char *voter)
{
	bool		vouches = agc_vouches(GetUserId(), tenant);

	if (voter != NULL && !vouches)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" does not vouch for persons", GetUserNameFromId(GetUserId(), false)),
				 errhint("An administrator grants it with agentcore.access_grant(role, 'approver', tenants, vouches => true).")));
	if (voter == NULL && vouches)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("voter must not be null"),
				 errdetail("Role \"%s\" vouches for the persons that it speaks for.", GetUserNameFromId(GetUserId(), false)),
				 errhint("Name the person who decides.")));
}

void
voter_read(Vote *vote, const char *tenant, char *voter)
{
	check_voter(tenant, voter);
	memset(vote, 0, sizeof(*vote));
	vote->role = GetUserNameFromId(GetUserId(), false);
	vote->login = GetUserNameFromId(GetSessionUserId(), false);
	vote->voter = voter;
	vote->until = DT_NOEND;
}

/* ----- what counts ---------------------------------------------------------------------- */

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool
can_act_as(const char *role, Oid other)
{
	Oid			oid = get_role_oid(role, true);

	return OidIsValid(oid) && is_member_of_role_nosuper(oid, other);
}

static bool
is_requester(const Requester *requester, const Vote *vote, Oid role)
{
	return same(requester->role, vote->role) || same(requester->login, vote->login) ||
		same(requester->role, vote->voter) || same(requester->login, vote->voter) ||
		same(requester->role, vote->login) || same(requester->login, vote->role) ||
		can_act_as(requester->role, role) || can_act_as(requester->login, role);
}

static bool
is_by_requester(const VoteCount *count, const Vote *vote, Oid role)
{
	for (int i = 0; i < count->nrequesters; i++)
		if (is_requester(&count->requester[i], vote, role))
			return true;
	return false;
}

/* An administrator could take away what no rule asks for, so it may allow its own calls there. */
static bool
may_be_own(const CallAsk *ask, AgcLevel level)
{
	return ask->self || (ask->policy == NULL && level >= AGC_ADMIN);
}

const char *
vote_problem(const VoteCount *count, const Vote *vote, const CallAsk *ask)
{
	Oid			role = get_role_oid(vote->role, true);
	AgcLevel	level;

	if (!OidIsValid(role))
		return "the role does not exist any more";
	level = agc_level(role, count->tenant);
	if (level < AGC_APPROVER)
		return "the role does not hold level approver any more";
	if (ask->approvers != NULL)
	{
		Oid			approvers = get_role_oid(ask->approvers, true);

		if (!OidIsValid(approvers) || !is_member_of_role_nosuper(role, approvers))
			return psprintf("the role is no member of %s", agc_quoted_name(ask->approvers));
	}
	if (!may_be_own(ask, level) && is_by_requester(count, vote, role))
		return "the role, or the login, is the requester's, or one that the requester can act as";
	if (vote->grant != NULL && ask->policy == NULL && strcmp(ask->name, ASK_OF_BUDGET) == 0)
		return "a grant lets no call pass a full budget";
	return NULL;
}

static bool
same_voter(const Vote *a, const Vote *b)
{
	if (a->voter != NULL && b->voter != NULL)
		return strcmp(a->voter, b->voter) == 0;
	return same(a->role, b->role) || same(a->login, b->login) ||
		same(a->voter, b->role) || same(a->voter, b->login) || same(b->voter, a->role) || same(b->voter, a->login);
}

/* What somebody says again replaces what he has said before. */
static bool
is_replaced(const VoteCount *count, int n)
{
	const Vote *vote = &count->votes[n];

	for (int i = 0; i < n; i++)
	{
		const Vote *newer = &count->votes[i];

		if (newer->grant == NULL && vote->grant == NULL && same(newer->role, vote->role) && same(newer->login, vote->login) &&
			(newer->voter == NULL ? vote->voter == NULL : same(newer->voter, vote->voter)))
			return true;
	}
	return false;
}

static bool
is_counted(const List *counted, const Vote *vote)
{
	ListCell   *cell;

	foreach(cell, counted)
		if (same_voter(lfirst(cell), vote))
			return true;
	return false;
}

int
votes_given(VoteCount *count, const CallAsk *ask, List **used)
{
	List	   *counted = NIL;

	for (int i = 0; i < count->nvotes && list_length(counted) < ask->votes; i++)
	{
		Vote	   *vote = &count->votes[i];

		if ((vote->grant != NULL && !count->with_grants) || (vote->expired && !count->ever) || is_replaced(count, i) ||
			is_counted(counted, vote) || vote_problem(count, vote, ask) != NULL)
			continue;
		counted = lappend(counted, vote);
		count->until = Min(count->until, vote->until);
		if (vote->grant != NULL)
			*used = list_append_unique_ptr(*used, vote->grant);
	}
	return list_length(counted);
}

Vote *
votes_read(const char *tenant, const pg_uuid_t *id, int round, TimestampTz now, int *n)
{
	static const Oid types[] = {TEXTOID, UUIDOID, INT4OID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT role, login, voter, coalesce(valid_until, 'infinity'), coalesce(valid_until <= $4, false) FROM agentcore.approval_vote"
		" WHERE tenant = $1 AND approval = $2 AND round = $3 AND approve ORDER BY n DESC", lengthof(types), types
	};
	AgcRow		row;
	Vote	   *votes;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, id);
	agc_put_int32(&row, round);
	agc_put_time(&row, now);
	agc_spi_row(&plan, &row);
	*n = (int) SPI_processed;
	votes = palloc0(Max(*n, 1) * sizeof(Vote));
	for (int i = 0; i < *n; i++)
	{
		HeapTuple	found = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		votes[i].role = SPI_getvalue(found, desc, 1);
		votes[i].login = SPI_getvalue(found, desc, 2);
		votes[i].voter = SPI_getvalue(found, desc, 3);
		votes[i].until = DatumGetTimestampTz(SPI_getbinval(found, desc, 4, &isnull));
		votes[i].expired = DatumGetBool(SPI_getbinval(found, desc, 5, &isnull));
	}
	return votes;
}

void
vote_write(const char *tenant, const pg_uuid_t *id, int round, const Vote *vote, bool approve, Datum valid_until,
		   bool for_ever, const char *note)
{
	static const Oid types[] = {
		TEXTOID, UUIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TIMESTAMPTZOID, TEXTOID, UUIDOID, TIMESTAMPTZOID
	};
	static AgcPlan plan = {
		"INSERT INTO agentcore.approval_vote (tenant, approval, n, round, role, login, voter, approve, valid_until, note, by_grant, at)"
		" SELECT $1, $2, coalesce(max(n), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM agentcore.approval_vote"
		" WHERE tenant = $1 AND approval = $2", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, id);
	agc_put_int32(&row, round);
	agc_put_text(&row, vote->role);
	agc_put_text(&row, vote->login);
	agc_put_text(&row, vote->voter);
	agc_put_bool(&row, approve);
	agc_put_datum(&row, valid_until, for_ever);
	agc_put_text(&row, note);
	agc_put_uuid(&row, vote->by_grant);
	agc_put_time(&row, agc_now());
	agc_spi_row(&plan, &row);
}
