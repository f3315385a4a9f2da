/*
 * revision.h
 *	  Cutting the histories that triggers write
 */
#ifndef AGENTCORE_CORE_REVISION_H
#define AGENTCORE_CORE_REVISION_H

#include "core/owner.h"

/* A history, by the statements that cut it. */
typedef struct AgcHistory
{
	AgcPlan    *cut;			/* deletes what is older than $1, but an entry of each object that exists */
	AgcPlan    *record;			/* records in it that $2 rows before $1 were deleted */
} AgcHistory;

/* The body of X_history_retain(keep) -> bigint: how many rows were deleted; needs admin for every tenant. */
extern Datum agc_history_retain(FunctionCallInfo fcinfo, const AgcHistory *history);

#endif							/* AGENTCORE_CORE_REVISION_H */
