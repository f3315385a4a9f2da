/*
 * session_lease.h
 *	  Leases that end with the session that took them.
 */
#ifndef AGENTCORE_CACHE_SESSION_LEASE_H
#define AGENTCORE_CACHE_SESSION_LEASE_H

#include "cache/target.h"

/* from now on, where agentcore.release_on_disconnect is on */
extern void session_lease_note(const CacheKey *key, int64 token);

#endif							/* AGENTCORE_CACHE_SESSION_LEASE_H */
