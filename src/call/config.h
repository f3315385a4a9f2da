/*
 * config.h
 *	  The rows that a tenant's calls are judged by, as a document
 */
#ifndef AGENTCORE_CALL_CONFIG_H
#define AGENTCORE_CALL_CONFIG_H

#include "core/core.h"

/*
 * As they are (at NULL) or were, in the form of core/overlay.h; every: with the policies of
 * tenant '*', which are shown to few.  22023 for a time in the future, 55000 for one that
 * the histories do not reach.  agc_enter() was called.
 */
extern Jsonb *config_rows(const char *tenant, const TimestampTz *at, bool every);

#endif							/* AGENTCORE_CALL_CONFIG_H */
