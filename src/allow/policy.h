/*
 * policy.h
 *	  The compiled policy and the decision over it; private to src/allow.
 */
#ifndef AGENTCORE_ALLOW_POLICY_H
#define AGENTCORE_ALLOW_POLICY_H

#include "allow/allow.h"
#include "allow/host_pattern.h"

#define METHOD_MAX 32			/* bytes of an HTTP method */

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

extern AgcTable allow_policy_table;
extern AgcTable allow_rule_table;
extern AgcTable allow_range_table;
extern AgcTable allow_name_table;
extern const AgcObjectClass allow_policy_class;

/* hash of a host name, right to left, so that every suffix's hash passes by */
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

extern uint64 allow_network_hash(const AllowIp *network, int bits);
extern uint64 allow_tool_hash(const char *tool);

/*
 * The half-open range of microseconds for which a rule holds; one that is empty
 * does not begin before it ends.
 */
extern void allow_valid_bounds(Datum range, TimestampTz *from, TimestampTz *until);

/* ----- history.c ----- */

/* runs write(arg) as the owner; the history names the role that holds now */
extern void allow_write(void (*write) (void *arg), void *arg);

/* one statement so; how many rows it touched */
extern uint64 allow_write_statement(AgcPlan *plan, Datum *values, const char *nulls);

/* One row of policy_rule, in CurrentMemoryContext; false when it is not canonical. */
extern bool allow_row_is_tool(HeapTuple tuple, TupleDesc desc);
extern bool allow_read_url_rule(HeapTuple tuple, TupleDesc desc, UrlRule *rule);
extern bool allow_read_tool_rule(HeapTuple tuple, TupleDesc desc, ToolRule *rule);

/* The policy as it is under a snapshot; one that denies when there is none. */
extern Policy *allow_compile_at(const char *tenant, const char *name, Snapshot snapshot);

/* ----- decide.c ----- */

/* How far a rule gets with a request; the order is that of "nearest miss". */
typedef enum RuleMiss
{
	MISS_HOST,
	MISS_PORT,
	MISS_TIME,
	MISS_PATH,
	MISS_AMBIGUOUS,
	MISS_METHOD,
	MISS_NONE
} RuleMiss;

typedef struct UrlRequest
{
	const AllowUrl *url;
	char		method[METHOD_MAX + 1]; /* upper case; "" = not a method */
	bool		place;			/* no URL but a host: any scheme, port and path */
	bool		any_method;
	AllowIp		addresses[1 + ALLOW_IP_EMBEDDED];	/* the host's own first */
	int			naddresses;
	TimestampTz now;			/* 0 = not read yet */
} UrlRequest;

typedef struct AllowVerdict
{
	const char *reason;			/* NULL = allowed */
	const char *sub;			/* sub-code, in front of detail */
	const UrlRule *rule;		/* the one that decided, if any */
	const ToolRule *tool;
	int			address;		/* index of the address that a range matched */
} AllowVerdict;

extern void allow_request_init(UrlRequest *request, const AllowUrl *url, const char *method);
extern RuleMiss allow_rule_test(const UrlRule *rule, UrlRequest *request);

/* index of the covered address (0 for a name), -1 when the pattern covers none */
extern int	allow_rule_covers(const UrlRule *rule, const UrlRequest *request, int from);
extern bool allow_rule_lifts(const UrlRule *rule, const UrlRule *special);
extern void allow_decide_url(const Policy *policy, UrlRequest *request, AllowVerdict *out);
extern void allow_decide_tool(const Policy *policy, const char *tool, AllowVerdict *out);
extern void allow_decide_ip(const Policy *policy, const AllowIp *ip, int port, AllowVerdict *out);

/* facts in words, sub-code in front; palloc'd */
extern char *allow_url_detail(const AllowVerdict *verdict, const UrlRequest *request);

/* false unless a token of RFC 9110 of at most METHOD_MAX bytes; upper-cased */
extern bool allow_method_canonical(const char *method, char *out);

/* ----- methods.c ----- */

/* notes those that no registry names, in CurrentMemoryContext */
extern void allow_note_methods(Policy *policy, char **methods, int nmethods);

/* ----- policy.c ----- */

/* A policy as it would be; nothing is written, and no other session sees it. */
typedef struct PolicyChange
{
	HeapTuple	policy;			/* instead of its row */
	HeapTuple  *rules;			/* further rows of policy_rule */
	int			nrules;
	int64	   *drop;			/* ids of the rules that are not read */
	int			ndrop;
	bool		replace_allow;	/* none of its rules that allow is */
	bool		replace_deny;	/* nor of those that deny */
	bool	   *dropped;		/* set where drop names a rule */
} PolicyChange;

/* compiled in CurrentMemoryContext; pins nothing */
extern Policy *allow_policy_changed(const char *tenant, const char *name, const PolicyChange *change);

/* ----- rules.c ----- */

typedef struct RuleRow
{
	char	   *tenant;
	char	   *policy;
	const char *kind;
	const char *effect;
	const char *pattern;
	Datum		methods;		/* 0 = any, as for all that follow */
	Datum		ports;
	char	   *path;
	Datum		valid;
	bool		forced;			/* covers a public suffix */
	int64		id;				/* what it was or is written as */
} RuleRow;

/* the policy's row as policy_set() would leave it; called with its arguments */
extern HeapTuple allow_policy_row(HeapTuple row, TupleDesc desc, FunctionCallInfo fcinfo);

/*
 * The row that policy_allow() or policy_deny() would write, called with their
 * arguments; row has tenant, policy and effect.  Raises what they raise, with
 * SPI connected.
 */
extern HeapTuple allow_rule_row(TupleDesc desc, RuleRow *row, int64 id,
								FunctionCallInfo fcinfo, Datum policy_methods);

/* ----- large.c ----- */

/*
 * The rules of a large policy that may cover the request, or the tool; an
 * array in CurrentMemoryContext.  *policy is replaced where it has changed
 * since it was compiled, also by one that is not large.
 */
extern UrlRule *allow_large_url(const Policy **policy, const UrlRequest *request, int *count);
extern ToolRule *allow_large_tool(const Policy **policy, const char *tool, int *count);

/* every URL rule, in the order of the ids; the rule lives as long as the call */
typedef void (*AllowRuleCallback) (const UrlRule *rule, void *arg);
extern void allow_large_each(const Policy *policy, AllowRuleCallback callback, void *arg);

/* ----- check.c ----- */

/* the decision of a pinned policy, with all its facts; NULL url and method included */
extern void allow_check_pinned(const AgcObject *object, AllowForm form, const char *url, Size len,
							   const char *method, AllowDecision *out);

/* the eight columns of agentcore.url_decision */
extern void allow_decision_columns(const AllowDecision *decision, Datum *values, bool *nulls);

/* the policy pinned, or 42704 with the nearest names */
extern AgcObject *allow_pin_policy(const char *tenant, const char *name);

/* raises that 42704 */
extern void allow_unknown_policy(const char *tenant, const char *name);

#endif							/* AGENTCORE_ALLOW_POLICY_H */
