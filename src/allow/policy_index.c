/*
 * policy_index.c
 *	  The index of a compiled policy, by hash.
 *
 * One table holds names and networks.  A host name is looked up by all of its
 * suffixes in one pass from the right, an address by its leading bits for each
 * prefix length in use.  So a decision costs the same for ten rules and for a
 * hundred thousand.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR (out of memory only):
 * nothing to undo.
 */
#include "allow/policy_index.h"

#include "utils/memutils.h"

uint64
allow_network_hash(const AllowIp *network, int bits)
{
	uint64		hash = host_hash_step(HOST_HASH_SEED, bits);

	hash = host_hash_step(hash, network->family);
	for (int i = 0; i < (bits + 7) / 8; i++)
		hash = host_hash_step(hash, network->addr[i]);
	return hash;
}

uint64
allow_tool_hash(const char *tool)
{
	uint64		hash = HOST_HASH_SEED;

	for (; *tool; tool++)
		hash = host_hash_step(hash, *tool);
	return hash;
}

static int *
make_buckets(int count, uint32 *mask)
{
	uint32		size = 16;
	int		   *buckets;

	while (size < (uint32) count * 2)
		size *= 2;
	buckets = MemoryContextAllocHuge(CurrentMemoryContext, size * sizeof(int));
	memset(buckets, 0xff, size * sizeof(int));
	*mask = size - 1;
	return buckets;
}

static void
index_rules(Policy *policy)
{
	if (policy->nrules > 0)
		policy->rules = repalloc_huge(policy->rules, policy->nrules * sizeof(UrlRule));
	policy->buckets = make_buckets(policy->nrules, &policy->bucket_mask);
	policy->always = MemoryContextAllocHuge(CurrentMemoryContext, (policy->nrules + 1) * sizeof(int));
	for (int i = 0; i < policy->nrules; i++)
	{
		UrlRule    *rule = &policy->rules[i];
		AllowPattern *pattern = &rule->pattern;
		int		   *bucket;

		if (pattern->kind == ALLOW_PATTERN_ANY || pattern->kind == ALLOW_PATTERN_SINGLE_LABEL)
		{
			policy->always[policy->nalways++] = i;
			continue;
		}
		if (pattern->kind == ALLOW_PATTERN_NETWORK)
		{
			set_bit(pattern->network.family == 4 ? policy->bits4 : policy->bits6, pattern->bits);
			rule->hash = allow_network_hash(&pattern->network, pattern->bits);
		}
		else
		{
			rule->hash = HOST_HASH_SEED;
			for (int at = pattern->host_len - 1; at >= 0; at--)
				rule->hash = host_hash_step(rule->hash, pattern->host[at]);
		}
		bucket = &policy->buckets[hash_bucket(rule->hash) & policy->bucket_mask];
		rule->next = *bucket;
		*bucket = i;
	}
	policy->always = repalloc_huge(policy->always, (policy->nalways + 1) * sizeof(int));
}

static void
index_tools(Policy *policy)
{
	if (policy->ntools == 0 && policy->tools != NULL)
	{
		pfree(policy->tools);
		policy->tools = NULL;
	}
	policy->tool_buckets = make_buckets(policy->ntools, &policy->tool_mask);
	policy->prefixes = palloc((policy->ntools + 1) * sizeof(int));
	for (int i = 0; i < policy->ntools; i++)
	{
		ToolRule   *rule = &policy->tools[i];
		int		   *bucket;

		if (rule->prefix)
		{
			policy->prefixes[policy->nprefixes++] = i;
			continue;
		}
		rule->hash = allow_tool_hash(rule->pattern);
		bucket = &policy->tool_buckets[hash_bucket(rule->hash) & policy->tool_mask];
		rule->next = *bucket;
		*bucket = i;
	}
}

void
allow_index_policy(Policy *policy)
{
	index_rules(policy);
	index_tools(policy);
}
