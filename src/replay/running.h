/*
 * running.h
 *	  The calls that are open in a replay: who hears of their end.
 */
#ifndef AGENTCORE_REPLAY_RUNNING_H
#define AGENTCORE_REPLAY_RUNNING_H

#include "replay/log_reader.h"
#include "replay/summary.h"

typedef struct Running Running;

extern Running *running_begin(void **states, Summary *summary);

/* the call that was judged: it runs in the replay, or did then, or both */
extern void running_add(Running *running, const LogRow *row, FoldCall *call, SummaryGroup *group);

/* a row that is no begin */
extern void running_settle(Running *running, const LogRow *row);

/* the leases that are over by this time end */
extern void running_expire(Running *running, TimestampTz now);

#endif							/* AGENTCORE_REPLAY_RUNNING_H */
