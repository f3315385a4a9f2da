/*
 * history.h
 *	  Writing to the policy tables, so that the history names the right role.
 */
#ifndef AGENTCORE_ALLOW_HISTORY_H
#define AGENTCORE_ALLOW_HISTORY_H

#include "core/core.h"

/* runs write(arg) as the owner; the history names the role that is current now */
extern void allow_write(void (*write) (void *arg), void *arg);

/* runs one statement in this way; returns how many rows it touched */
extern uint64 allow_write_statement(AgcPlan *plan, AgcRow *row);

#endif							/* AGENTCORE_ALLOW_HISTORY_H */
