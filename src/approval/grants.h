/*
 * grants.h
 *	  Votes given beforehand.  Private to src/approval.
 */
#ifndef AGENTCORE_APPROVAL_GRANTS_H
#define AGENTCORE_APPROVAL_GRANTS_H

#include "approval/votes.h"

typedef struct ApprovalGrant
{
	pg_uuid_t	id;
	Vote		vote;			/* its giver's; its grant points back here */
	bool		counted;		/* it may be used so many times only */
	TimestampTz valid_until;	/* DT_NOEND: for ever */
} ApprovalGrant;

/* the grants for the call whose conditions are true, oldest first, as votes behind those given */
extern Vote *grants_append(const ApprovalQuestion *question, TimestampTz now, Vote *votes, int *n);

/* false: another transaction has one of them, or it is used up */
extern bool grants_lock(const char *tenant, const List *grants);
extern void grants_use(const char *tenant, const pg_uuid_t *approval, int round, const List *grants);

#endif							/* AGENTCORE_APPROVAL_GRANTS_H */
