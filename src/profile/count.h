/*
 * count.h
 *	  Counting calls by tool and model.  Public, by profile.h.
 */
#ifndef AGENTCORE_PROFILE_COUNT_H
#define AGENTCORE_PROFILE_COUNT_H

#include "profile/event.h"

/* at load: the stages that a clock measures, by their numbers */
extern void profile_set_stages(const ProfileStage *stages, int n);

/* whether calls are counted at all */
extern bool profile_counts(void);

/* A call was judged; it counts at once, because it was asked whatever becomes of the transaction.  After agc_enter(). */
extern void profile_count_begin(const ProfileBegin *begin);

/* A call has ended, if the transaction commits: then it counts.  After agc_enter(). */
extern void profile_count_end(const ProfileEnd *end);

extern void count_init(void);

#endif							/* AGENTCORE_PROFILE_COUNT_H */
