/*
 * pause.h
 *	  How long a target asked to be left alone.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_PAUSE_H
#define AGENTCORE_RETRY_PAUSE_H

#include "postgres.h"

/* ----- settings (retry.c): agc_x is agentcore.x ----- */
extern int	agc_max_target_pause;	/* seconds */

/*
 * No begin on the target passes for `asked` us from now on, but for no longer
 * than agentcore.max_target_pause.  A pause never becomes shorter.  Without
 * shared memory, and where no slot is left: nothing.
 */
extern void pause_begin(const char *tenant, const char *target, int64 asked);

/* The pause of a target ends; false: it had none. */
extern bool pause_end(const char *tenant, const char *target);

/* The same at COMMIT: for what is undone by a ROLLBACK. */
extern void pause_end_at_commit(const char *tenant, const char *target);

extern void pause_init(void);

#endif							/* AGENTCORE_RETRY_PAUSE_H */
