/*
 * approval.h
 *	  Public face of src/approval: requests that people decide, their votes, and
 *	  what they granted beforehand.
 *
 * A request is for one question.  The gate says which question, and which asks
 * apply to it now; this room says whether the votes satisfy them.
 */
#ifndef AGENTCORE_APPROVAL_H
#define AGENTCORE_APPROVAL_H

#include "allow/call_rules.h"

/* ----- settings (approval.c): agc_x is agentcore.x ----- */
extern int	agc_approval_decide_within; /* seconds */
extern bool agc_approval_notify;
extern int	agc_max_open_approvals; /* of an agent; 0: no limit */

/* names of the asks that no rule makes: CallAsk.policy is NULL */
#define ASK_OF_TOOL		"needs_approval"
#define ASK_OF_BUDGET	"on_full"

typedef enum ApprovalState
{
	APPROVAL_NONE,
	APPROVAL_USED,				/* by the attempt before this one */
	APPROVAL_PENDING,
	APPROVAL_APPROVED,
	APPROVAL_REFUSED,
	APPROVAL_EXPIRED,			/* nobody decided in time */
	APPROVAL_CORRECTED			/* other arguments are to be judged in the place of these */
} ApprovalState;

/* What is asked, by whom it may be answered. */
typedef struct ApprovalQuestion
{
	const char *tenant;
	const char *agent;
	const char *tool;			/* or the model */
	bool		is_model;
	const uint8 *hash;
	const Jsonb *args;
	const char *task;
	const char *subject;
	const char *budget;
	int			nalso;
	char *const *also;
	int64		est_tokens;		/* -1: unknown */
	int64		est_nanousd;	/* the same */
	const pg_uuid_t *continued; /* the call whose next attempt it is; NULL: none */
	const pg_uuid_t *corrected_by;	/* the request whose corrected arguments these are; NULL: none */
	int			nexcused;		/* budgets whose limits the call is to pass */
	char	  **excused;
	Jsonb	   *full;			/* what they said; NULL: nothing */
	int			nasks;
	const CallAsk *asks;		/* that apply now */
	RuleContext *context;		/* for the conditions of grants */
} ApprovalQuestion;

/* The request that speaks for it, if there is one. */
typedef struct ApprovalFound
{
	ApprovalState state;
	bool		has_id;
	pg_uuid_t	id;
	int32		version;		/* of the votes that were counted */
	int			nexcused;		/* that the request names */
	char	  **excused;
	Jsonb	   *corrected;		/* of APPROVAL_CORRECTED: the arguments that a person put in their place */
	Jsonb	   *asks;			/* as they apply now, with the votes that count for each */
	bool		outdated;		/* the request shows others */
	const CallAsk *missing;		/* the first that is not satisfied */
	int			given;			/* of its votes */
	List	   *grants;			/* ApprovalGrant that are used up with it */
} ApprovalFound;

extern void approval_find(const ApprovalQuestion *question, ApprovalFound *found);

/*
 * The request is written, or shows the asks that apply now.  One question at one
 * price is asked once, however many ask it: false, another transaction did.
 */
extern bool approval_request(const ApprovalQuestion *question, const ApprovalFound *found);

/* whether the agent may ask for one more; counted, not locked: workers at the same moment may go beyond by one each */
extern bool approval_has_room(const char *tenant, const char *agent);

/*
 * Locks what was found, and the grants, to the end of the transaction; false where
 * another has them, or the votes are not those that were counted.
 */
extern bool approval_lock_found(const char *tenant, const ApprovalFound *found);

/* what was locked is used up by the call; *id: the request, which is made where grants did without one */
extern void approval_use_found(const ApprovalQuestion *question, const ApprovalFound *found, const pg_uuid_t *call_id,
							   pg_uuid_t *id);

/* a call that was given up before it ran has used up nothing */
extern void approval_give_back(const char *tenant, const pg_uuid_t *call_id);

/* the estimate that a person approved for a call; false: nobody was asked */
extern bool approval_of_call(const char *tenant, const pg_uuid_t *call_id, int64 *est_tokens, int64 *est_nanousd);

/* the table, for the queue in which a question is asked */
extern Oid	approval_relation(void);

extern void approval_init(void);

#endif							/* AGENTCORE_APPROVAL_H */
