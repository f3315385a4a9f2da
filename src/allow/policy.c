/*
 * policy.c
 *	  Compiling a policy: its row, its rules, and the special ranges and names.
 *
 * One hash table holds names and networks.  A host name is looked up by all of
 * its suffixes in one pass from the right, an address by its leading bits for
 * each prefix length in use, so a decision costs the same for ten rules and
 * for a hundred thousand.
 *
 * The object is tied to the version of the policy's row; triggers give that
 * row a new revision whenever a rule or a special entry changes.  Who changes
 * a special entry does not see the policies that others make meanwhile, so
 * the versions of these entries are compared too.  Row, rules
 * and special entries are read under one snapshot, the latest: a policy is
 * always one that somebody committed.  A change since the caller read the row
 * is compiled in early and leads to one more compilation.
 *
 * Of a policy with more than agentcore.policy_cache_max_rules rules, or one
 * that would crowd everything else out of agentcore.compiled_cache_size, only
 * the special entries and what its rules look like are kept; large.c reads the
 * rules when they are asked for.  All are read here too, so that one that is
 * not canonical is found.
 *
 * Memory: the object's context.  Locks: AccessShareLock on the four tables, to
 * transaction end.  On ERROR: object.c frees the half-built context.  A rule
 * that is not in canonical form (somebody wrote to the table) raises nothing:
 * the policy is marked broken and denies.
 */
#include "allow/policy.h"

#include <sys/socket.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#define TEXT_BLOCK_MIN 256
#define TEXT_BLOCK_MAX 4096

typedef struct Compilation
{
	Policy	   *policy;
	const char *tenant;
	const char *name;
	int64		revision;
	MemoryContext rules_cxt;	/* what the rules point to */
	int			nspecials;		/* the first of policy->rules */
	int			rules_size;
	int			tools_size;
	const PolicyChange *change; /* NULL: the policy as it is */
	bool		whole;			/* a policy that is only tried is never large */
	char	   *texts;			/* patterns, one behind the other */
	int			texts_left;
	int			texts_block;
} Compilation;

AgcTable	allow_policy_table = AGC_TABLE("policy", "policy_pkey");
AgcTable	allow_rule_table = AGC_TABLE("policy_rule", "policy_rule_pkey");
AgcTable	allow_range_table = AGC_TABLE("special_range", "special_range_pkey");
AgcTable	allow_name_table = AGC_TABLE("special_name", "special_name_pkey");

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
static void build_url_index(Policy *policy);
static void build_tool_index(Policy *policy);

const AgcObjectClass allow_policy_class = {"policy", &allow_policy_table, compile_policy, policy_fresh};

/* text[] as C strings; NULL for SQL NULL */
static char **
text_array(HeapTuple tuple, TupleDesc desc, const char *column, int *count)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);
	Datum	   *elems;
	char	  **result;

	*count = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elems, NULL, count);
	result = palloc((*count + 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
		result[i] = TextDatumGetCString(elems[i]);
	return result;
}

static int *
int_array(HeapTuple tuple, TupleDesc desc, const char *column, int *count)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);
	Datum	   *elems;
	int		   *result;

	*count = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), INT4OID, 4, true, TYPALIGN_INT, &elems, NULL, count);
	result = palloc((*count + 1) * sizeof(int));
	for (int i = 0; i < *count; i++)
		result[i] = DatumGetInt32(elems[i]);
	return result;
}

void
allow_valid_bounds(Datum range, TimestampTz *from, TimestampTz *until)
{
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	*from = DT_NOBEGIN;
	*until = DT_NOEND;
	range_deserialize(lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO),
					  DatumGetRangeTypeP(range), &lower, &upper, &empty);
	if (empty)
	{
		*until = DT_NOBEGIN;
		return;
	}
	if (!lower.infinite)
		*from = DatumGetTimestampTz(lower.val);
	if (!upper.infinite)
		*until = DatumGetTimestampTz(upper.val);
	if (!lower.inclusive && !TIMESTAMP_NOT_FINITE(*from))
		(*from)++;
	if (!upper.infinite && upper.inclusive && !TIMESTAMP_NOT_FINITE(*until))
		(*until)++;
}

static void
read_valid(HeapTuple tuple, TupleDesc desc, TimestampTz *from, TimestampTz *until)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, "valid", &isnull);

	*from = DT_NOBEGIN;
	*until = DT_NOEND;
	if (!isnull)
		allow_valid_bounds(value, from, until);
}

/* Compares in place: what is copied here would stay as long as the policy. */
static bool
col_equals(HeapTuple tuple, TupleDesc desc, const char *column, const char *wanted)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);
	text	   *packed = isnull ? NULL : DatumGetTextPP(value);

	return packed != NULL && VARSIZE_ANY_EXHDR(packed) == strlen(wanted) &&
		memcmp(VARDATA_ANY(packed), wanted, strlen(wanted)) == 0;
}

/* Into text, of ALLOW_PATTERN_TEXT bytes; false when it was not canonical. */
static bool
read_pattern(HeapTuple tuple, TupleDesc desc, AllowPattern *pattern, char *text)
{
	char	   *stored = agc_col_text(tuple, desc, "pattern");
	const char *hint;
	bool		good = allow_pattern_parse(stored, text, pattern, &hint) == NULL &&
		strcmp(stored, text) == 0;

	if (!good)
	{
		/* covers nothing, and shows itself as it is stored */
		memset(pattern, 0, sizeof(*pattern));
		pattern->kind = ALLOW_PATTERN_HOST;
		strlcpy(text, stored, ALLOW_PATTERN_TEXT);
		allow_pattern_move(pattern, text);
	}
	pfree(stored);
	return good;
}

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

/* Not 0, so that the sum over the rows tells one row from none. */
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

/* Some 60 short rows, 7 us, once a policy after a change of any registry table. */
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

/* A hundred thousand short strings: an allocation each would double them. */
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

/* Under a snapshot of its own: it may show a later version of the row than the tuple. */
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

/* What a change proposes is compiled behind the rules that it leaves. */
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
	policy->broken = true;		/* until its row is read */
	if (change != NULL)
		read_changed_header(&compilation, change);
	else
		scan(&allow_policy_table, snapshot, 2, keys, read_header, &compilation);
	scan_specials(tenant, snapshot, add_range, add_name, &compilation);
	compilation.nspecials = policy->nrules;
	scan(&allow_rule_table, snapshot, 2, keys, add_rule, &compilation);
	if (change != NULL)
		add_change(&compilation, change);
	build_url_index(policy);
	build_tool_index(policy);
	return policy;
}

static void
read_header(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;
	Policy	   *policy = compilation->policy;
	char	   *mode = agc_col_text(tuple, desc, "mode");
	int			nschemes;
	char	  **schemes = text_array(tuple, desc, "schemes", &nschemes);

	if (strcmp(mode, "audit") == 0)
		policy->mode = POLICY_AUDIT;
	else if (strcmp(mode, "off") == 0)
		policy->mode = POLICY_OFF;
	else
		policy->mode = POLICY_ENFORCE;
	for (int i = 0; i < nschemes; i++)
		policy->schemes |= allow_scheme_parse(schemes[i]);
	policy->methods = text_array(tuple, desc, "methods", &policy->nmethods);
	allow_note_methods(policy, policy->methods, policy->nmethods);
	policy->broken = false;
	compilation->revision = agc_col_int64(tuple, desc, "revision", 0);
}

/* Zeroed; good until the next one is asked for. */
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

static void
add_range(HeapTuple tuple, TupleDesc desc, void *arg)
{
	UrlRule    *rule = next_rule(arg);
	bool		isnull;
	inet	   *network = DatumGetInetPP(agc_col(tuple, desc, "network", &isnull));

	((Compilation *) arg)->policy->specials += row_version(tuple);
	rule->effect = RULE_SPECIAL;
	rule->u.name = agc_col_text(tuple, desc, "name");
	rule->pattern.kind = ALLOW_PATTERN_NETWORK;
	rule->pattern.network.family = ip_family(network) == PGSQL_AF_INET ? 4 : 6;
	memcpy(rule->pattern.network.addr, ip_addr(network), ip_addrsize(network));
	rule->pattern.bits = ip_bits(network);
	rule->pattern.text = DatumGetCString(DirectFunctionCall1(cidr_out, InetPGetDatum(network)));
}

static void
add_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;
	UrlRule    *rule = next_rule(compilation);
	char		text[ALLOW_PATTERN_TEXT];

	((Compilation *) arg)->policy->specials += row_version(tuple);
	rule->effect = RULE_SPECIAL;
	rule->u.name = agc_col_text(tuple, desc, "name");
	if (col_equals(tuple, desc, "pattern", "<single label>"))
	{
		rule->pattern.kind = ALLOW_PATTERN_SINGLE_LABEL;
		rule->pattern.text = "<single label>";
		return;
	}
	if (!read_pattern(tuple, desc, &rule->pattern, text))
		compilation->policy->broken = true;
	allow_pattern_move(&rule->pattern, pstrdup(text));
}

bool
allow_row_is_tool(HeapTuple tuple, TupleDesc desc)
{
	return col_equals(tuple, desc, "kind", "tool");
}

bool
allow_read_tool_rule(HeapTuple tuple, TupleDesc desc, ToolRule *rule)
{
	memset(rule, 0, sizeof(ToolRule));
	rule->id = agc_col_int64(tuple, desc, "id", 0);
	rule->effect = col_equals(tuple, desc, "effect", "allow") ? RULE_ALLOW : RULE_DENY;
	rule->pattern = agc_col_text(tuple, desc, "pattern");
	rule->len = strlen(rule->pattern);
	rule->prefix = rule->len > 0 && rule->pattern[rule->len - 1] == '*';
	rule->len -= rule->prefix;
	read_valid(tuple, desc, &rule->valid_from, &rule->valid_until);
	return rule->len <= AGC_MAX_NAME && memchr(rule->pattern, '*', rule->len) == NULL;
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

/* A deny rule that silently matches nothing would be a hole. */
static bool
is_canonical(const RuleTerms *terms)
{
	char		method[METHOD_MAX + 1];

	for (int i = 0; i < terms->nmethods; i++)
		if (!allow_method_canonical(terms->methods[i], method) || strcmp(method, terms->methods[i]) != 0)
			return false;
	if (terms->path != NULL)
	{
		char	   *path = palloc(ALLOW_URL_BUFFER(terms->path_len));
		int			len;
		bool		ambiguous;
		bool		same;

		same = terms->path[0] == '/' &&
			allow_path_parse(terms->path, terms->path_len, path, &len, &ambiguous) == URL_OK &&
			!ambiguous && len == terms->path_len && memcmp(path, terms->path, len) == 0;
		pfree(path);
		return same;
	}
	return true;
}

/* All of a rule but its pattern; false when it is not canonical. */
static bool
read_terms(HeapTuple tuple, TupleDesc desc, UrlRule *rule)
{
	RuleTerms	terms = {0};

	rule->id = agc_col_int64(tuple, desc, "id", 0);
	rule->effect = col_equals(tuple, desc, "effect", "allow") ? RULE_ALLOW : RULE_DENY;
	terms.methods = text_array(tuple, desc, "methods", &terms.nmethods);
	terms.ports = int_array(tuple, desc, "ports", &terms.nports);
	terms.path = agc_col_text(tuple, desc, "path_prefix");
	terms.path_len = terms.path == NULL ? 0 : strlen(terms.path);
	read_valid(tuple, desc, &terms.valid_from, &terms.valid_until);
	if (terms.methods == NULL && terms.ports == NULL && terms.path == NULL &&
		terms.valid_from == DT_NOBEGIN && terms.valid_until == DT_NOEND)
		return true;
	rule->u.terms = memcpy(palloc(sizeof(RuleTerms)), &terms, sizeof(RuleTerms));
	return is_canonical(&terms);
}

bool
allow_read_url_rule(HeapTuple tuple, TupleDesc desc, UrlRule *rule)
{
	char	   *text = palloc(ALLOW_PATTERN_TEXT);
	bool		good;

	memset(rule, 0, sizeof(UrlRule));
	good = read_pattern(tuple, desc, &rule->pattern, text);
	return read_terms(tuple, desc, rule) && good;
}

static void
note_pattern(LargePolicy *large, const AllowPattern *pattern)
{
	if (pattern->kind == ALLOW_PATTERN_ANY)
		large->any = true;
	else if (pattern->kind == ALLOW_PATTERN_NETWORK)
		set_bit(pattern->network.family == 4 ? large->bits4 : large->bits6, pattern->bits);
}

/* The length of one that is not canonical may be any: it is not looked for, the policy denies. */
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

/* From here on nothing of a rule is kept. */
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

/* whether a change takes this stored rule away */
static bool
is_dropped(const PolicyChange *change, HeapTuple tuple, TupleDesc desc)
{
	int64		id = agc_col_int64(tuple, desc, "id", 0);
	bool		dropped = false;

	if (change->replace_allow || change->replace_deny)
		dropped = strcmp(agc_col_text(tuple, desc, "effect"), "allow") == 0 ?
			change->replace_allow : change->replace_deny;

	for (int i = 0; i < change->ndrop; i++)
		if (change->drop[i] == id)
			dropped = change->dropped[i] = true;
	return dropped;
}

static void
add_rule(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;
	Policy	   *policy = compilation->policy;
	MemoryContext old;

	if (compilation->change != NULL && is_dropped(compilation->change, tuple, desc))
		return;
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
		if (!read_pattern(tuple, desc, &rule->pattern, text))
			policy->broken = true;
		if (!read_terms(tuple, desc, rule))
			policy->broken = true;
		allow_pattern_move(&rule->pattern, keep_text(compilation, text));
		if (policy->large != NULL)
			note_pattern(policy->large, &rule->pattern);
		MemoryContextSwitchTo(old);
		if (rule->u.terms != NULL)
			allow_note_methods(policy, rule->u.terms->methods, rule->u.terms->nmethods);
	}
	MemoryContextSwitchTo(old);
	if (policy->large != NULL)
		forget_rules(compilation);
}

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
build_url_index(Policy *policy)
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
build_tool_index(Policy *policy)
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
