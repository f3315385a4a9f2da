/*
 * permit.h
 *	  What the files on the life of a permit (permit*.c) share.
 */
#ifndef AGENTCORE_BUDGET_PERMIT_H
#define AGENTCORE_BUDGET_PERMIT_H

#include "budget/budget_path.h"

/* "agent:..." or "role:...": whose keys are told apart from those of others */
extern char *permit_holder(const char *agent, const char *role);

/* The permit, locked, for a caller that may speak for its agent. */
extern PermitTry permit_try(const char *tenant, const pg_uuid_t *id, MemoryContext cxt, Permit *out);

/* the request's digests into the row, whose id is known */
extern void permit_claim(PermitRow *row, const PermitRequest *request);

extern bool permit_is_open(const Permit *permit);

/* ended without an answer: one may still be given */
extern bool permit_is_unanswered(const Permit *permit);

/* 22003 when the sum is out of range */
extern int64 permit_add_amounts(int64 a, int64 b);

/* so that with what was spent before they are in range: a settlement does not fail for being large */
extern void permit_bound_amounts(const Permit *permit, int64 amount[BUDGET_NUSED]);

/* when a lease (us; 0: the default) that begins then ends */
extern TimestampTz permit_lease_end(TimestampTz at, int64 lease);

/* contention, as a decision or as an error (55P03) */
extern void permit_report_contention(PermitDecision *out);
extern void permit_raise_contention(void);

#endif							/* AGENTCORE_BUDGET_PERMIT_H */
