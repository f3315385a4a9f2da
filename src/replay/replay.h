/*
 * replay.h
 *	  Public face of src/replay: recorded calls, judged again.
 */
#ifndef AGENTCORE_REPLAY_H
#define AGENTCORE_REPLAY_H

#include "core/core.h"

#endif							/* AGENTCORE_REPLAY_H */
