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
	RULE_SPECIAL,				/* built-in range or name: a deny that a rule may lift */
	RULE_WILDCARD				/* a special name below which names spell the address that they resolve to */
} RuleEffect;

/* The conditions of a rule beside its pattern; most rules have none. */
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
 * 80 bytes, because a policy holds a hundred thousand of them.  The members that
 * a lookup reads come first, with the beginning of the pattern, so that a lookup
 * mostly reads one cache line.
 */
typedef struct UrlRule
{
	int64		id;				/* 0: special */
	union
	{
		const RuleTerms *terms; /* of a rule; NULL = any request, at any time */
		const char *name;		/* of a special entry: what it is */
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
	const char *name;			/* NULL: none, as for feedback */
	const char *feedback;
	uint64		hash;
	int			next;
} ToolRule;

/* A policy whose rules stay in the table: which kinds of patterns to look for there. */
typedef struct LargePolicy
{
	char	   *tenant;
	char	   *name;
	int64		revision;		/* of the policy's row */
	bool		any;			/* there is a rule for '*' */
	uint32		bits4[2];		/* as in Policy */
	uint32		bits6[5];
	uint32		tool_prefixes[AGC_MAX_NAME / 32 + 1];	/* lengths in use */
} LargePolicy;

typedef struct Policy
{
	PolicyMode	mode;
	int			schemes;		/* AllowScheme bits */
	bool		strict_urls;	/* the gate judges URLs that no schema declares */
	char	  **methods;		/* upper case; NULL = any */
	int			nmethods;
	bool		by_method;		/* it or a rule of it has methods */
	List	   *custom;			/* unregistered methods of its own list and its rules' */
	bool		every_method;	/* there are too many: any word may be a method */
	bool		broken;			/* a row could not be read: everything is denied */
	uint64		specials;		/* sum of the versions of the special entries in it */
	LargePolicy *large;			/* not NULL: what follows holds special entries only */

	/* Names and networks are found by hash; '*' and single labels are always tried. */
	UrlRule    *rules;
	int			nrules;
	int		   *buckets;
	uint32		bucket_mask;
	int		   *always;
	int			nalways;
	uint32		bits4[2];		/* prefix lengths in use, IPv4 (0..32) */
	uint32		bits6[5];		/* IPv6 (0..128) */

	/* Exact tool names are found by hash; prefixes are tried one after the other. */
	ToolRule   *tools;
	int			ntools;
	int		   *tool_buckets;
	uint32		tool_mask;
	int		   *prefixes;
	int			nprefixes;

	/* Rules that look at the call; a large policy keeps them too.  NULL: none. */
	struct CallRules *calls;
	bool		has_checks;		/* functions that judge calls of some tool (checks.c) */
	const char *tz;				/* in which their clock is read */
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
