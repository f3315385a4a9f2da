/*
 * large.c
 *	  Rules of a policy that is too large to be held in memory, read for one
 *	  decision.
 *
 * A decision needs the few rules whose pattern can cover the request: the host
 * and its parent domains, the networks around an address by the prefix lengths
 * in use, and '*'.  In canonical form each is one key of the index
 * policy_rule_pattern.
 *
 * All keys are looked up under one snapshot.  Otherwise a rule that is replaced
 * by another meanwhile could be seen in neither form.  The policy's row is read
 * under that snapshot too.  If its revision is not the one that was compiled,
 * the policy is compiled for this one decision as of the same snapshot.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the tables, while
 * reading.  On ERROR: the resource owner ends scans, relations and snapshot.
 */
#include "allow/large.h"

#include "allow/call_rule.h"
#include "allow/policy_compile.h"
#include "allow/policy_rows.h"

#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

typedef struct LargeRead
{
	const Policy *policy;
	Relation	rel;
	Snapshot	snapshot;
	bool		tools;
	bool		broken;
	UrlRule    *urls;
	ToolRule   *found_tools;
	int			count;
	int			size;
} LargeRead;

typedef struct LargeWalk
{
	AllowRuleCallback callback;
	void	   *arg;
	MemoryContext row_cxt;
} LargeWalk;

static AgcTable rule_pattern_table = AGC_TABLE("policy_rule", "policy_rule_pattern");

static void
read_revision(HeapTuple tuple, TupleDesc desc, void *arg)
{
	*(int64 *) arg = agc_col_int64(tuple, desc, "revision", -1);
}

/* false if the policy is not large any more: then read->policy holds all its rules */
static bool
begin_read(LargeRead *read, const Policy *policy, bool tools)
{
	const LargePolicy *large = policy->large;
	const char *keys[2] = {large->tenant, large->name};
	Relation	header = agc_table_open(&allow_policy_table, AccessShareLock);
	int64		revision = -1;

	memset(read, 0, sizeof(*read));
	read->tools = tools;
	read->snapshot = agc_table_snapshot(header);
	agc_table_scan_at(&allow_policy_table, header, read->snapshot, 2, keys, read_revision, &revision);
	agc_table_close(header, AccessShareLock);
	read->policy = revision == large->revision ? policy :
		allow_compile_at(large->tenant, large->name, read->snapshot);
	if (read->policy->large != NULL && !read->policy->broken)
	{
		read->rel = agc_table_open(&rule_pattern_table, AccessShareLock);
		return true;
	}
	UnregisterSnapshot(read->snapshot);
	return false;
}

/* A row that is not canonical makes the policy deny, also if the last compilation did not see it. */
static void
end_read(LargeRead *read)
{
	agc_table_close(read->rel, AccessShareLock);
	UnregisterSnapshot(read->snapshot);
	if (read->broken)
	{
		Policy	   *broken = memcpy(palloc(sizeof(Policy)), read->policy, sizeof(Policy));

		broken->broken = true;
		read->policy = broken;
	}
}

static void
take_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LargeRead  *read = arg;

	if (allow_row_is_tool(tuple, desc) != read->tools || call_rule_row_is(tuple, desc))
		return;
	if (read->count == read->size)
	{
		Size		width = read->tools ? sizeof(ToolRule) : sizeof(UrlRule);
		void	   *old = read->tools ? (void *) read->found_tools : (void *) read->urls;
		void	   *more;

		read->size = Max(8, 2 * read->size);
		more = old == NULL ? palloc(read->size * width) : repalloc_huge(old, read->size * width);
		if (read->tools)
			read->found_tools = more;
		else
			read->urls = more;
	}
	if (read->tools ? !allow_read_tool_rule(tuple, desc, &read->found_tools[read->count]) :
		!allow_read_url_rule(tuple, desc, &read->urls[read->count], palloc(ALLOW_PATTERN_TEXT)))
		read->broken = true;
	read->count++;
}

static void
read_pattern(LargeRead *read, const char *pattern)
{
	const char *keys[3] = {read->policy->large->tenant, read->policy->large->name, pattern};

	agc_table_scan_at(&rule_pattern_table, read->rel, read->snapshot, 3, keys, take_row, read);
}

/* The name itself, its tree, and the tree of each parent domain. */
static void
read_host(LargeRead *read, const char *host, int len)
{
	char		text[ALLOW_PATTERN_TEXT] = "*.";

	memcpy(text + 2, host, len);
	text[2 + len] = '\0';
	read_pattern(read, text + 2);
	read_pattern(read, text);
	for (int at = 1; at < len; at++)
		if (host[at - 1] == '.')
		{
			memcpy(text + 2, host + at, len - at);
			text[2 + len - at] = '\0';
			read_pattern(read, text);
		}
}

static void
read_networks(LargeRead *read, const AllowIp *ip)
{
	const LargePolicy *large = read->policy->large;
	const uint32 *used = ip->family == 4 ? large->bits4 : large->bits6;
	AllowIp		masked = *ip;
	char		text[ALLOW_PATTERN_TEXT];

	for (int bits = allow_ip_bits(ip); bits >= 0; bits--)
	{
		if (!bit_is_set(used, bits))
			continue;
		allow_ip_mask(&masked, bits);
		allow_network_format(&masked, bits, text);
		read_pattern(read, text);
	}
}

UrlRule *
allow_large_url(const Policy **policy, UrlRequest *request, int *count)
{
	LargeRead	read;

	if (begin_read(&read, *policy, false))
	{
		bool		is_name = request->url != NULL && !request->url->is_ip;

		if (is_name)
		{
			allow_request_find_embedded(request, read.policy);
			read_host(&read, request->url->host, request->url->host_len);
		}
		for (int i = is_name ? 1 : 0; i < request->naddresses; i++)
			read_networks(&read, &request->addresses[i]);
		if (read.policy->large->any)
			read_pattern(&read, "*");
		end_read(&read);
	}
	*policy = read.policy;
	*count = read.count;
	return read.urls;
}

ToolRule *
allow_large_tool(const Policy **policy, const char *tool, int *count)
{
	LargeRead	read;
	int			len = strlen(tool);

	if (begin_read(&read, *policy, true))
	{
		char		text[AGC_MAX_NAME + 2];

		if (len <= AGC_MAX_NAME)
			read_pattern(&read, tool);
		for (int at = Min(len, AGC_MAX_NAME); at >= 0; at--)
		{
			if (!bit_is_set(read.policy->large->tool_prefixes, at))
				continue;
			memcpy(text, tool, at);
			strcpy(text + at, "*");
			read_pattern(&read, text);
		}
		end_read(&read);
	}
	*policy = read.policy;
	*count = read.count;
	return read.found_tools;
}

static void
walk_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LargeWalk  *walk = arg;
	MemoryContext old;
	char		text[ALLOW_PATTERN_TEXT];
	UrlRule		rule;

	if (allow_row_is_tool(tuple, desc))
		return;
	old = MemoryContextSwitchTo(walk->row_cxt);
	(void) allow_read_url_rule(tuple, desc, &rule, text);
	walk->callback(&rule, walk->arg);
	MemoryContextSwitchTo(old);
	MemoryContextReset(walk->row_cxt);
}

void
allow_large_each(const Policy *policy, AllowRuleCallback callback, void *arg)
{
	const char *keys[2] = {policy->large->tenant, policy->large->name};
	LargeWalk	walk = {callback, arg};
	Relation	rel = agc_table_open(&allow_rule_table, AccessShareLock);

	walk.row_cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore policy rule", ALLOCSET_SMALL_SIZES);
	agc_table_scan(&allow_rule_table, rel, 2, keys, walk_row, &walk);
	agc_table_close(rel, AccessShareLock);
	MemoryContextDelete(walk.row_cxt);
}
