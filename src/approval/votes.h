/*
 * votes.h
 *	  Votes, and what they come to.  Private to src/approval.
 */
#ifndef AGENTCORE_APPROVAL_VOTES_H
#define AGENTCORE_APPROVAL_VOTES_H

#include "approval/approval.h"

/* Somebody's word: a row of approval_vote, or a grant. */
typedef struct Vote
{
	char	   *role;			/* the current user */
	char	   *login;			/* the session user */
	char	   *voter;			/* the person that an application named; NULL: none */
	TimestampTz until;			/* DT_NOEND: for ever */
	bool		expired;
	struct ApprovalGrant *grant;	/* NULL: a vote */
	const pg_uuid_t *by_grant;	/* its id */
} Vote;

/* Who asked, and who would use the answer: no vote of theirs counts. */
typedef struct Requester
{
	const char *role;
	const char *login;
} Requester;

typedef struct VoteCount
{
	const char *tenant;
	int			nrequesters;
	Requester	requester[2];
	int			nvotes;
	Vote	   *votes;			/* newest first */
	bool		ever;			/* of a call that has begun: an expired vote counts */
	bool		with_grants;
	TimestampTz until;			/* when the first of those that were counted ends */
} VoteCount;

/* the caller's own; 42501 and 22023 for a voter who is named, or is not, against what the role may */
extern void voter_read(Vote *vote, const char *tenant, char *voter);

/* why the vote does not count for the ask; NULL: it does */
extern const char *vote_problem(const VoteCount *count, const Vote *vote, const CallAsk *ask);

/* how many votes of different voters count for it, up to what it needs; *used: those grants that were needed are appended */
extern int	votes_given(VoteCount *count, const CallAsk *ask, List **used);

/* the votes of a request's round, newest first, in CurrentMemoryContext; between agc_owner_begin() and agc_owner_end() */
extern Vote *votes_read(const char *tenant, const pg_uuid_t *id, int round, TimestampTz now, int *n);

/* one more row; by the owner */
extern void vote_write(const char *tenant, const pg_uuid_t *id, int round, const Vote *vote, bool approve,
					   Datum valid_until, bool for_ever, const char *note);

#endif							/* AGENTCORE_APPROVAL_VOTES_H */
