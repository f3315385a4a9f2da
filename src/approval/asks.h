/*
 * asks.h
 *	  Asks as they stand in a request.  Private to src/approval.
 */
#ifndef AGENTCORE_APPROVAL_ASKS_H
#define AGENTCORE_APPROVAL_ASKS_H

#include "approval/approval.h"

/* the asks with the votes that each was given */
extern Jsonb *asks_document(const CallAsk *asks, const int *given, int n);

/* what counting needs of them: policy, name, approvers, votes, self, bind, feedback */
extern CallAsk *asks_read(Jsonb *document, int *n);

/* us; the shortest of them */
extern int64 asks_decide_within(const CallAsk *asks, int n);

#endif							/* AGENTCORE_APPROVAL_ASKS_H */
