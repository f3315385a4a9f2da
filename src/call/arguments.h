/*
 * arguments.h
 *	  The stages that judge what the model sent.
 */
#ifndef AGENTCORE_CALL_ARGUMENTS_H
#define AGENTCORE_CALL_ARGUMENTS_H

#include "call/gate.h"

extern void judge_args(Gate *gate);
extern void judge_urls(Gate *gate);

/* whether it looks at the arguments: of a tool that takes no URL, and of no tool, it does not */
extern bool urls_are_judged(const Gate *gate);

#endif							/* AGENTCORE_CALL_ARGUMENTS_H */
