/*
 * policy_index.h
 *	  Hashes by which the rules of a compiled policy are found.
 */
#ifndef AGENTCORE_ALLOW_POLICY_INDEX_H
#define AGENTCORE_ALLOW_POLICY_INDEX_H

#include "allow/compiled_policy.h"

/* Hash of a host name from right to left, so that one pass yields the hash of each suffix. */
#define HOST_HASH_SEED UINT64CONST(0xcbf29ce484222325)

static inline uint64
host_hash_step(uint64 hash, unsigned char c)
{
	return (hash ^ c) * UINT64CONST(0x100000001b3);
}

static inline uint32
hash_bucket(uint64 hash)
{
	return (uint32) (hash ^ (hash >> 32));
}

extern uint64 allow_network_hash(const AllowIp *network, int bits);
extern uint64 allow_tool_hash(const char *tool);

/* builds the index over policy->rules and policy->tools; once per policy */
extern void allow_index_policy(Policy *policy);

#endif							/* AGENTCORE_ALLOW_POLICY_INDEX_H */
