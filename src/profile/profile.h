/*
 * profile.h
 *	  Public face of src/profile: what calls cost.
 */
#ifndef AGENTCORE_PROFILE_H
#define AGENTCORE_PROFILE_H

#include "core/core.h"
#include "profile/count.h"
#include "profile/event.h"
#include "profile/timing.h"

/* ----- settings (profile.c): agc_x is agentcore.x ----- */
extern int	agc_stat_call_slots;

extern void profile_init(void);

#endif							/* AGENTCORE_PROFILE_H */
