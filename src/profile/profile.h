/*
 * profile.h
 *	  Public face of src/profile: what calls cost.
 */
#ifndef AGENTCORE_PROFILE_H
#define AGENTCORE_PROFILE_H

#include "core/core.h"
#include "profile/timing.h"

extern void profile_init(void);

#endif							/* AGENTCORE_PROFILE_H */
