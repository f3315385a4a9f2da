/*
 * compiled_policy.h
 *	  A compiled policy: what a decision reads.  Private to src/allow.
 */
#ifndef AGENTCORE_ALLOW_COMPILED_POLICY_H
#define AGENTCORE_ALLOW_COMPILED_POLICY_H

#include "allow/host_pattern.h"
#include "core/core.h"

typedef enum PolicyMode
{
	POLICY_ENFORCE,
	POLICY_AUDIT,
	POLICY_OFF
} PolicyMode;

typedef enum RuleEffect
{
	RULE_ALLOW,
	RULE_DENY,
	RULE_SPECIAL				/* built-in range or name: a deny that a rule may lift */
} RuleEffect;

/* What narrows a rule down; most have none of it. */
typedef struct RuleTerms
{
	char	  **methods;		/* upper case; NULL = any */
	int			nmethods;
	int		   *ports;			/* NULL = any */
	int			nports;
	char	   *path;			/* canonical prefix; NULL = any */
	int			path_len;
	TimestampTz valid_from;
	TimestampTz valid_until;	/* exclusive */
} RuleTerms;

/*
 * 80 bytes: a policy holds a hundred thousand of them.  What a lookup reads
 * comes first, with the beginning of the pattern, so that most often it is one
 * cache line.
 */
typedef struct UrlRule
{
	int64		id;				/* 0: special */
	union
	{
		const RuleTerms *terms; /* of a rule; NULL = any request, at any time */
		const char *name;		/* what a special entry is for */
	} u;
	uint64		hash;
	RuleEffect	effect;
	int			next;			/* in its bucket; -1 = last */
	AllowPattern pattern;
} UrlRule;

typedef struct ToolRule
{
	int64		id;
	RuleEffect	effect;
	char	   *pattern;		/* canonical text */
	int			len;			/* without the star */
	bool		prefix;
	TimestampTz valid_from;
	TimestampTz valid_until;
	uint64		hash;
	int			next;
} ToolRule;

/* A policy whose rules stay in the table: which patterns are worth looking for. */
typedef struct LargePolicy
{
	char	   *tenant;
	char	   *name;
	int64		revision;		/* of the policy's row */
	bool		any;			/* there is a rule for '*' */
	uint32		bits4[2];		/* as those of a policy */
	uint32		bits6[5];
	uint32		tool_prefixes[AGC_MAX_NAME / 32 + 1];	/* lengths in use */
} LargePolicy;

typedef struct Policy
{
	PolicyMode	mode;
	int			schemes;		/* AllowScheme bits */
	char	  **methods;		/* upper case; NULL = any */
	int			nmethods;
	List	   *custom;			/* methods of any of its lists that no registry names */
	bool		every_method;	/* there are too many of them */
	bool		broken;			/* a row could not be read: everything is denied */
	uint64		specials;		/* which versions of special entries are in it */
	LargePolicy *large;			/* not NULL: what follows holds special entries only */

	/* Names and networks by hash; '*' and single labels are looked at always. */
	UrlRule    *rules;
	int			nrules;
	int		   *buckets;
	uint32		bucket_mask;
	int		   *always;
	int			nalways;
	uint32		bits4[2];		/* prefix lengths in use, IPv4 (0..32) */
	uint32		bits6[5];		/* IPv6 (0..128) */

	/* Exact tool names by hash, prefixes one after the other. */
	ToolRule   *tools;
	int			ntools;
	int		   *tool_buckets;
	uint32		tool_mask;
	int		   *prefixes;
	int			nprefixes;
} Policy;

static inline bool
bit_is_set(const uint32 *bits, int n)
{
	return (bits[n / 32] & (1U << (n % 32))) != 0;
}

static inline void
set_bit(uint32 *bits, int n)
{
	bits[n / 32] |= 1U << (n % 32);
}

#endif							/* AGENTCORE_ALLOW_COMPILED_POLICY_H */
