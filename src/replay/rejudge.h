/*
 * rejudge.h
 *	  One recorded call, asked of every stage again.
 */
#ifndef AGENTCORE_REPLAY_REJUDGE_H
#define AGENTCORE_REPLAY_REJUDGE_H

#include "replay/configuration.h"
#include "replay/log_reader.h"
#include "replay/summary.h"

/*
 * The gate is as after its judgement, and agent and tool are pinned until rejudge_end().  Where the
 * outcome is not known the gate has the recorded one, because the calls after it go on from there.
 */
extern void rejudge(const LogRow *row, const char *tenant, void **states, const LeftOut *left_out, Gate *gate, FoldCall *call,
					Replayed *out);
extern void rejudge_end(Gate *gate);

#endif							/* AGENTCORE_REPLAY_REJUDGE_H */
