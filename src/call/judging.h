/*
 * judging.h
 *	  What a room above the gate may use of it: to judge a call without making it.
 */
#ifndef AGENTCORE_CALL_JUDGING_H
#define AGENTCORE_CALL_JUDGING_H

#include "call/arguments.h"
#include "call/call_context.h"
#include "call/call_target.h"
#include "call/config.h"
#include "call/gate.h"
#include "call/loop.h"
#include "call/refuse.h"
#include "call/request.h"
#include "call/stages.h"

#endif							/* AGENTCORE_CALL_JUDGING_H */
