/*
 * pin.h
 *	  A compiled policy by its name.
 */
#ifndef AGENTCORE_ALLOW_PIN_H
#define AGENTCORE_ALLOW_PIN_H

#include "core/core.h"

/* the policy pinned, its data a Policy; 42704 with the nearest names if there is none */
extern AgcObject *allow_pin_policy(const char *tenant, const char *name);

/* raises that 42704 */
pg_noreturn extern void allow_unknown_policy(const char *tenant, const char *name);

#endif							/* AGENTCORE_ALLOW_PIN_H */
