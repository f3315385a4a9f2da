/*
 * policy_compile.c
 *	  Compiling a policy: its row, its rules, and the special ranges and names.
 *
 * A compiled policy belongs to one version of the policy's row.  Triggers give
 * that row a new revision whenever a rule or a special entry changes.  The
 * writer of a special entry does not see the policies that others create
 * meanwhile, so the versions of these entries are compared too.
 *
 * Row, rules and special entries are read under one snapshot, the latest: what
 * is compiled is always a policy that somebody committed.  A change since the
 * caller read the row is already in it, and leads to one more compilation.
 *
 * A policy is large when it has more than agentcore.policy_cache_max_rules
 * rules, or when it would push everything else out of
 * agentcore.compiled_cache_size.  Of a large policy only the special entries
 * are kept, and which kinds of patterns occur; large.c reads the rules when a
 * decision needs them.  All rules are read here nevertheless, to find one that
 * is not canonical.
 *
 * Memory: the object's context.  Locks: AccessShareLock on the five tables,
 * while they are read.  On ERROR: object.c frees the half-built context.  A
 * rule that is not in canonical form (somebody wrote to the table) raises
 * nothing: the policy is marked broken and denies.
 */
#include "allow/policy_compile.h"

#include "allow/allow.h"
#include "allow/call_rule.h"
#include "allow/methods.h"
#include "allow/policy_index.h"
#include "allow/policy_rows.h"
#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define TEXT_BLOCK_MIN 256
#define TEXT_BLOCK_MAX 4096

/* a policy that names more unregistered methods than this takes every word for one */
#define CUSTOM_METHODS_MAX 256

typedef struct Compilation
{
	Policy	   *policy;
	const char *tenant;
	const char *name;
	int64		revision;
	MemoryContext rules_cxt;	/* what the rules point to */
	int			nspecials;		/* they come first in policy->rules */
	int			rules_size;
	int			tools_size;
	const PolicyChange *change; /* NULL: the policy as it is */
	bool		whole;			/* a policy that is only tried is never large */
	char	   *texts;			/* patterns, one behind the other */
	int			texts_left;
	int			texts_block;
	MemoryContext calls_cxt;	/* of policy->calls: kept by a large policy too */
} Compilation;

static uint64 row_version(HeapTuple tuple);
static void add_version(HeapTuple tuple, TupleDesc desc, void *arg);
static bool policy_fresh(const void *data, const char *tenant);
static void *compile_policy(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);
static Policy *compile_at(const char *tenant, const char *name, Snapshot snapshot,
						  const PolicyChange *change);
static void read_header(HeapTuple tuple, TupleDesc desc, void *arg);
static void add_rule(HeapTuple tuple, TupleDesc desc, void *arg);
static void add_range(HeapTuple tuple, TupleDesc desc, void *arg);
static void add_name(HeapTuple tuple, TupleDesc desc, void *arg);
static void note_check(HeapTuple tuple, TupleDesc desc, void *arg);

const AgcObjectClass allow_policy_class = {"policy", &allow_policy_table, compile_policy, policy_fresh};

static void
scan(AgcTable *table, Snapshot snapshot, int nkeys, const char **keys, AgcRowCallback callback, void *arg)
{
	Relation	rel = agc_table_open(table, AccessShareLock);

	agc_table_scan_at(table, rel, snapshot, nkeys, keys, callback, arg);
	agc_table_close(rel, AccessShareLock);
}

static void
scan_specials(const char *tenant, Snapshot snapshot, AgcRowCallback range, AgcRowCallback name, void *arg)
{
	const char *every = "*";

	scan(&allow_range_table, snapshot, 1, &every, range, arg);
	scan(&allow_range_table, snapshot, 1, &tenant, range, arg);
	scan(&allow_name_table, snapshot, 1, &every, name, arg);
	scan(&allow_name_table, snapshot, 1, &tenant, name, arg);
}

/* Never 0, so that the sum over one row differs from the sum over none. */
static uint64
row_version(HeapTuple tuple)
{
	uint64		version = hash_bytes_uint32_extended(tuple->t_tableOid, HeapTupleHeaderGetRawXmin(tuple->t_data));

	version = hash_bytes_uint32_extended(ItemPointerGetBlockNumber(&tuple->t_self), version);
	return hash_bytes_uint32_extended(ItemPointerGetOffsetNumber(&tuple->t_self), version) | 1;
}

static void
add_version(HeapTuple tuple, TupleDesc desc, void *arg)
{
	*(uint64 *) arg += row_version(tuple);
}

/* Reads some 60 short rows in 7 us, once per policy after a change of any registry table. */
static bool
policy_fresh(const void *data, const char *tenant)
{
	Relation	rel = agc_table_open(&allow_policy_table, AccessShareLock);
	Snapshot	snapshot = agc_table_snapshot(rel);
	uint64		specials = 0;

	scan_specials(tenant, snapshot, add_version, add_version, &specials);
	UnregisterSnapshot(snapshot);
	agc_table_close(rel, AccessShareLock);
	return specials == ((const Policy *) data)->specials;
}

/* Strings share blocks: one allocation per string would double their memory. */
static const char *
keep_text(Compilation *compilation, const char *text)
{
	int			len = strlen(text) + 1;

	if (compilation->texts_left < len)
	{
		compilation->texts_block = Min(TEXT_BLOCK_MAX, Max(TEXT_BLOCK_MIN, 2 * compilation->texts_block));
		compilation->texts = MemoryContextAlloc(compilation->rules_cxt, compilation->texts_block);
		compilation->texts_left = compilation->texts_block;
	}
	memcpy(compilation->texts, text, len);
	compilation->texts += len;
	compilation->texts_left -= len;
	return compilation->texts - len;
}

static Policy *
compile_latest(const char *tenant, const char *name, const PolicyChange *change)
{
	Relation	rel = agc_table_open(&allow_policy_table, AccessShareLock);
	Snapshot	snapshot = agc_table_snapshot(rel);
	Policy	   *policy = compile_at(tenant, name, snapshot, change);

	UnregisterSnapshot(snapshot);
	agc_table_close(rel, AccessShareLock);
	return policy;
}

/* Takes its own snapshot, which may show a later version of the row than the tuple. */
static void *
compile_policy(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	return compile_latest(tenant, name, NULL);
}

Policy *
allow_policy_changed(const char *tenant, const char *name, const PolicyChange *change)
{
	return compile_latest(tenant, name, change);
}

Policy *
allow_compile_at(const char *tenant, const char *name, Snapshot snapshot)
{
	return compile_at(tenant, name, snapshot, NULL);
}

/* Adds the rules that a change proposes, behind those that it leaves. */
static void
add_change(Compilation *compilation, const PolicyChange *change)
{
	Relation	rel = agc_table_open(&allow_rule_table, AccessShareLock);

	compilation->change = NULL;
	for (int i = 0; i < change->nrules; i++)
		add_rule(change->rules[i], RelationGetDescr(rel), compilation);
	agc_table_close(rel, AccessShareLock);
}

static void
read_changed_header(Compilation *compilation, const PolicyChange *change)
{
	Relation	rel = agc_table_open(&allow_policy_table, AccessShareLock);

	read_header(change->policy, RelationGetDescr(rel), compilation);
	agc_table_close(rel, AccessShareLock);
}

static Policy *
compile_at(const char *tenant, const char *name, Snapshot snapshot, const PolicyChange *change)
{
	Policy	   *policy = palloc0(sizeof(Policy));
	Compilation compilation = {
		.policy = policy, .tenant = tenant, .name = name, .change = change, .whole = change != NULL
	};
	const char *keys[2] = {tenant, name};

	compilation.rules_cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore policy rules",
												  ALLOCSET_SMALL_SIZES);
	compilation.calls_cxt = CurrentMemoryContext;
	policy->broken = true;		/* until its row is read */
	if (change != NULL)
		read_changed_header(&compilation, change);
	else
		scan(&allow_policy_table, snapshot, 2, keys, read_header, &compilation);
	scan_specials(tenant, snapshot, add_range, add_name, &compilation);
	compilation.nspecials = policy->nrules;
	scan(&allow_rule_table, snapshot, 2, keys, add_rule, &compilation);
	scan(&allow_check_table, snapshot, 2, keys, note_check, &compilation);
	if (change != NULL)
		add_change(&compilation, change);
	if (policy->calls != NULL)
		call_rules_index(policy->calls);
	allow_index_policy(policy);
	return policy;
}

/* Notes the methods that are not registered; few policies name any. */
static void
note_methods(Policy *policy, char **methods, int nmethods)
{
	policy->by_method |= methods != NULL;
	for (int i = 0; i < nmethods && !policy->every_method; i++)
	{
		bool		known = http_method_registered(methods[i]) != NULL;
		ListCell   *cell;

		foreach(cell, policy->custom)
			known |= strcmp(lfirst(cell), methods[i]) == 0;
		if (!known)
			policy->custom = lappend(policy->custom, pstrdup(methods[i]));
		policy->every_method = list_length(policy->custom) > CUSTOM_METHODS_MAX;
	}
}

static void
read_header(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;
	Policy	   *policy = compilation->policy;
	char	   *mode = agc_col_text(tuple, desc, "mode");
	int			nschemes;
	char	  **schemes = allow_col_texts(tuple, desc, "schemes", &nschemes);

	if (strcmp(mode, "audit") == 0)
		policy->mode = POLICY_AUDIT;
	else if (strcmp(mode, "off") == 0)
		policy->mode = POLICY_OFF;
	else
		policy->mode = POLICY_ENFORCE;
	for (int i = 0; i < nschemes; i++)
		policy->schemes |= allow_scheme_parse(schemes[i]);
	policy->strict_urls = agc_col_bool(tuple, desc, "strict_urls");
	policy->tz = agc_col_text(tuple, desc, "tz");
	policy->methods = allow_col_texts(tuple, desc, "methods", &policy->nmethods);
	note_methods(policy, policy->methods, policy->nmethods);
	policy->broken = false;
	compilation->revision = agc_col_int64(tuple, desc, "revision", 0);
}

/* Zeroed; valid until the next call, which may move the array. */
static UrlRule *
next_rule(Compilation *compilation)
{
	Policy	   *policy = compilation->policy;
	UrlRule    *rule;

	if (policy->nrules == compilation->rules_size)
	{
		Size		size = Max(64, 2 * compilation->rules_size);

		policy->rules = policy->rules == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, size * sizeof(UrlRule)) :
			repalloc_huge(policy->rules, size * sizeof(UrlRule));
		compilation->rules_size = size;
	}
	rule = &policy->rules[policy->nrules++];
	memset(rule, 0, sizeof(UrlRule));
	return rule;
}

static ToolRule *
next_tool(Compilation *compilation)
{
	Policy	   *policy = compilation->policy;

	if (policy->ntools == compilation->tools_size)
	{
		Size		size = Max(16, 2 * compilation->tools_size);

		policy->tools = policy->tools == NULL ?
			palloc(size * sizeof(ToolRule)) : repalloc_huge(policy->tools, size * sizeof(ToolRule));
		compilation->tools_size = size;
	}
	return &policy->tools[policy->ntools++];
}

static void
add_range(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;

	compilation->policy->specials += row_version(tuple);
	allow_read_range(tuple, desc, next_rule(compilation));
}

static void
add_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;

	compilation->policy->specials += row_version(tuple);
	if (!allow_read_name(tuple, desc, next_rule(compilation)))
		compilation->policy->broken = true;
}

/* Which ones there are is compiled apart (checks.c), by those who need it. */
static void
note_check(HeapTuple tuple, TupleDesc desc, void *arg)
{
	((Compilation *) arg)->policy->has_checks = true;
}

static void
note_pattern(LargePolicy *large, const AllowPattern *pattern)
{
	if (pattern->kind == ALLOW_PATTERN_ANY)
		large->any = true;
	else if (pattern->kind == ALLOW_PATTERN_NETWORK)
		set_bit(pattern->network.family == 4 ? large->bits4 : large->bits6, pattern->bits);
}

/* A rule that is not canonical may have any length; it is not noted, because the policy denies anyway. */
static void
note_tool(LargePolicy *large, const ToolRule *rule)
{
	if (rule->prefix && rule->len <= AGC_MAX_NAME)
		set_bit(large->tool_prefixes, rule->len);
}

static void
forget_rules(Compilation *compilation)
{
	compilation->policy->nrules = compilation->nspecials;
	compilation->policy->ntools = 0;
	compilation->texts_left = 0;
	compilation->texts_block = 0;
	MemoryContextReset(compilation->rules_cxt);
}

/* From here on no rule is kept. */
static void
make_large(Compilation *compilation)
{
	Policy	   *policy = compilation->policy;
	LargePolicy *large = palloc0(sizeof(LargePolicy));

	large->tenant = pstrdup(compilation->tenant);
	large->name = pstrdup(compilation->name);
	large->revision = compilation->revision;
	for (int i = compilation->nspecials; i < policy->nrules; i++)
		note_pattern(large, &policy->rules[i].pattern);
	for (int i = 0; i < policy->ntools; i++)
		note_tool(large, &policy->tools[i]);
	policy->large = large;
	forget_rules(compilation);
}

static bool
is_large(const Compilation *compilation)
{
	const Policy *policy = compilation->policy;
	Size		bytes = MemoryContextMemAllocated(compilation->rules_cxt, false) +
		(Size) policy->nrules * (sizeof(UrlRule) + 4 * sizeof(int)) +
		(Size) policy->ntools * (sizeof(ToolRule) + 4 * sizeof(int));

	return policy->nrules - compilation->nspecials + policy->ntools >= agc_policy_cache_max_rules ||
		bytes > (Size) agc_compiled_cache_size * 1024 / 4 * 3;
}

static RuleList
list_of(HeapTuple tuple, TupleDesc desc)
{
	const char *effect = agc_col_text(tuple, desc, "effect");

	if (!allow_row_is_tool(tuple, desc))
		return strcmp(effect, "allow") == 0 ? LIST_ALLOW : LIST_DENY;
	if (strncmp(effect, "allow", 5) == 0)
		return LIST_ALLOW_TOOLS;
	return strcmp(effect, "ask") == 0 ? LIST_ASK_TOOLS : LIST_DENY_TOOLS;
}

/* whether a change removes this stored rule */
static bool
is_dropped(const PolicyChange *change, HeapTuple tuple, TupleDesc desc)
{
	int64		id = agc_col_int64(tuple, desc, "id", 0);
	const char *name = agc_col_text(tuple, desc, "name");
	bool		dropped = change->replace[list_of(tuple, desc)];

	for (int i = 0; name != NULL && i < change->nnamed; i++)
		dropped |= strcmp(name, change->named[i]) == 0;
	for (int i = 0; i < change->ndrop; i++)
		if (change->drop[i] == id)
			dropped = change->dropped[i] = true;
	return dropped;
}

static void
add_call_rule(Compilation *compilation, HeapTuple tuple, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(compilation->calls_cxt);

	if (!call_rules_add(&compilation->policy->calls, compilation->name, tuple, desc))
		compilation->policy->broken = true;
	MemoryContextSwitchTo(old);
}

static void
add_rule(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;
	Policy	   *policy = compilation->policy;
	MemoryContext old;

	if (compilation->change != NULL && is_dropped(compilation->change, tuple, desc))
		return;
	if (call_rule_row_is(tuple, desc))
	{
		add_call_rule(compilation, tuple, desc);
		return;
	}
	if (policy->large == NULL && !compilation->whole && is_large(compilation))
		make_large(compilation);
	if (allow_row_is_tool(tuple, desc))
	{
		ToolRule   *rule = next_tool(compilation);

		old = MemoryContextSwitchTo(compilation->rules_cxt);
		if (!allow_read_tool_rule(tuple, desc, rule))
			policy->broken = true;
		if (policy->large != NULL)
			note_tool(policy->large, rule);
	}
	else
	{
		UrlRule    *rule = next_rule(compilation);
		char		text[ALLOW_PATTERN_TEXT];

		old = MemoryContextSwitchTo(compilation->rules_cxt);
		if (!allow_read_url_rule(tuple, desc, rule, text))
			policy->broken = true;
		allow_pattern_move(&rule->pattern, keep_text(compilation, text));
		if (policy->large != NULL)
			note_pattern(policy->large, &rule->pattern);
		MemoryContextSwitchTo(old);
		if (rule->u.terms != NULL)
			note_methods(policy, rule->u.terms->methods, rule->u.terms->nmethods);
	}
	MemoryContextSwitchTo(old);
	if (policy->large != NULL)
		forget_rules(compilation);
}

/* ----- which row it was -------------------------------------------------------- */

typedef struct Unreadable
{
	Compilation compilation;	/* of whatever can be read */
	List	   *rules;
} Unreadable;

static void
note_unreadable(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Unreadable *unreadable = arg;
	const char *name = agc_col_text(tuple, desc, "name");

	unreadable->compilation.policy->broken = false;
	add_rule(tuple, desc, &unreadable->compilation);
	if (unreadable->compilation.policy->broken)
		unreadable->rules = lappend(unreadable->rules, name != NULL ? agc_shown(name, AGC_MAX_NAME) :
									psprintf(INT64_FORMAT, agc_col_int64(tuple, desc, "id", 0)));
}

List *
allow_unreadable_rules(const char *tenant, const char *name)
{
	Unreadable	unreadable = {.compilation = {.tenant = tenant, .name = name, .whole = true}};
	const char *keys[2] = {tenant, name};
	Relation	rel = agc_table_open(&allow_rule_table, AccessShareLock);

	unreadable.compilation.policy = palloc0(sizeof(Policy));
	unreadable.compilation.rules_cxt = unreadable.compilation.calls_cxt = CurrentMemoryContext;
	agc_table_scan(&allow_rule_table, rel, 2, keys, note_unreadable, &unreadable);
	agc_table_close(rel, AccessShareLock);
	return unreadable.rules;
}
