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
 * the versions of these entries are compared too.  The row is read before the
 * rules, each under the latest snapshot: a change in between
 * is compiled in early and leads to one more compilation, never to a stale
 * rule.
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
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/typcache.h"

typedef struct Compilation
{
	Policy	   *policy;
	int			rules_size;
	int			tools_size;
	const PolicyChange *change; /* NULL: the policy as it is */
} Compilation;

AgcTable	allow_policy_table = AGC_TABLE("policy", "policy_pkey");
AgcTable	allow_rule_table = AGC_TABLE("policy_rule", "policy_rule_pkey");
AgcTable	allow_range_table = AGC_TABLE("special_range", "special_range_pkey");
AgcTable	allow_name_table = AGC_TABLE("special_name", "special_name_pkey");

static uint64 row_version(HeapTuple tuple);
static void add_version(HeapTuple tuple, TupleDesc desc, void *arg);
static void scan_specials(const char *tenant, AgcRowCallback range, AgcRowCallback name, void *arg);
static bool policy_fresh(const void *data, const char *tenant);
static void *compile_policy(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);
static Policy *compile_changed(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name,
							   const PolicyChange *change);
static void add_rule(HeapTuple tuple, TupleDesc desc, void *arg);
static void add_range(HeapTuple tuple, TupleDesc desc, void *arg);
static void add_name(HeapTuple tuple, TupleDesc desc, void *arg);
static void build_url_index(Policy *policy);
static void build_tool_index(Policy *policy);

const AgcObjectClass allow_policy_class = {"policy", &allow_policy_table, compile_policy, policy_fresh};

void
allow_init(void)
{
}

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

static void
read_pattern(HeapTuple tuple, TupleDesc desc, Policy *policy, UrlRule *rule)
{
	char	   *stored = agc_col_text(tuple, desc, "pattern");
	char		canonical[PATTERN_TEXT];
	const char *hint;

	if (allow_pattern_parse(stored, canonical, &rule->pattern, &hint) != NULL)
		policy->broken = true;
	pfree(stored);
	allow_pattern_move(&rule->pattern, pstrdup(canonical));
}

static void
scan_specials(const char *tenant, AgcRowCallback range, AgcRowCallback name, void *arg)
{
	const char *every = "*";
	Relation	rel = agc_table_open(&allow_range_table, AccessShareLock);

	agc_table_scan(&allow_range_table, rel, 1, &every, range, arg);
	agc_table_scan(&allow_range_table, rel, 1, &tenant, range, arg);
	agc_table_close(rel, AccessShareLock);
	rel = agc_table_open(&allow_name_table, AccessShareLock);
	agc_table_scan(&allow_name_table, rel, 1, &every, name, arg);
	agc_table_scan(&allow_name_table, rel, 1, &tenant, name, arg);
	agc_table_close(rel, AccessShareLock);
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

/* Some 60 short rows, once a policy after a change of any registry table. */
static bool
policy_fresh(const void *data, const char *tenant)
{
	uint64		specials = 0;

	scan_specials(tenant, add_version, add_version, &specials);
	return specials == ((const Policy *) data)->specials;
}

static void *
compile_policy(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	return compile_changed(tuple, desc, tenant, name, NULL);
}

Policy *
allow_policy_changed(const char *tenant, const char *name, const PolicyChange *change)
{
	Relation	rel = agc_table_open(&allow_policy_table, AccessShareLock);
	Policy	   *policy = compile_changed(change->policy, RelationGetDescr(rel), tenant, name, change);

	agc_table_close(rel, AccessShareLock);
	return policy;
}

static Policy *
compile_changed(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name,
				const PolicyChange *change)
{
	Policy	   *policy = palloc0(sizeof(Policy));
	Compilation compilation = {.policy = policy, .change = change};
	char	   *mode = agc_col_text(tuple, desc, "mode");
	const char *keys[2] = {tenant, name};
	int			nschemes;
	char	  **schemes = text_array(tuple, desc, "schemes", &nschemes);
	Relation	rel;

	if (strcmp(mode, "audit") == 0)
		policy->mode = POLICY_AUDIT;
	else if (strcmp(mode, "off") == 0)
		policy->mode = POLICY_OFF;
	else
		policy->mode = POLICY_ENFORCE;
	for (int i = 0; i < nschemes; i++)
		policy->schemes |= allow_scheme_parse(schemes[i]);
	policy->methods = text_array(tuple, desc, "methods", &policy->nmethods);

	scan_specials(tenant, add_range, add_name, &compilation);
	rel = agc_table_open(&allow_rule_table, AccessShareLock);
	agc_table_scan(&allow_rule_table, rel, 2, keys, add_rule, &compilation);
	compilation.change = NULL;
	for (int i = 0; change != NULL && i < change->nrules; i++)
		add_rule(change->rules[i], RelationGetDescr(rel), &compilation);
	agc_table_close(rel, AccessShareLock);

	build_url_index(policy);
	build_tool_index(policy);
	return policy;
}

/* Zeroed, and valid for all time; good until the next one is asked for. */
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
	rule->valid_from = DT_NOBEGIN;
	rule->valid_until = DT_NOEND;
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
	rule->name = agc_col_text(tuple, desc, "name");
	rule->pattern.kind = PATTERN_NETWORK;
	rule->pattern.network.family = ip_family(network) == PGSQL_AF_INET ? 4 : 6;
	memcpy(rule->pattern.network.addr, ip_addr(network), ip_addrsize(network));
	rule->pattern.bits = ip_bits(network);
	rule->pattern.text = DatumGetCString(DirectFunctionCall1(cidr_out, InetPGetDatum(network)));
}

static void
add_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	UrlRule    *rule = next_rule(arg);

	((Compilation *) arg)->policy->specials += row_version(tuple);
	rule->effect = RULE_SPECIAL;
	rule->name = agc_col_text(tuple, desc, "name");
	if (col_equals(tuple, desc, "pattern", "<single label>"))
	{
		rule->pattern.kind = PATTERN_SINGLE_LABEL;
		rule->pattern.text = "<single label>";
	}
	else
		read_pattern(tuple, desc, ((Compilation *) arg)->policy, rule);
}

static void
add_tool_rule(HeapTuple tuple, TupleDesc desc, Compilation *compilation)
{
	Policy	   *policy = compilation->policy;
	ToolRule   *rule;

	if (policy->ntools == compilation->tools_size)
	{
		Size		size = Max(16, 2 * compilation->tools_size);

		policy->tools = policy->tools == NULL ?
			palloc(size * sizeof(ToolRule)) : repalloc_huge(policy->tools, size * sizeof(ToolRule));
		compilation->tools_size = size;
	}
	rule = &policy->tools[policy->ntools++];
	memset(rule, 0, sizeof(ToolRule));
	rule->id = agc_col_int64(tuple, desc, "id", 0);
	rule->effect = col_equals(tuple, desc, "effect", "allow") ? RULE_ALLOW : RULE_DENY;
	rule->pattern = agc_col_text(tuple, desc, "pattern");
	rule->len = strlen(rule->pattern);
	rule->prefix = rule->len > 0 && rule->pattern[rule->len - 1] == '*';
	rule->len -= rule->prefix;
	if (memchr(rule->pattern, '*', rule->len) != NULL)
		policy->broken = true;
	read_valid(tuple, desc, &rule->valid_from, &rule->valid_until);
}

/* A deny rule that silently matches nothing would be a hole. */
static bool
is_canonical(const UrlRule *rule)
{
	char		method[METHOD_MAX + 1];

	for (int i = 0; i < rule->nmethods; i++)
		if (!allow_method_canonical(rule->methods[i], method) || strcmp(method, rule->methods[i]) != 0)
			return false;
	if (rule->path != NULL)
	{
		char	   *path = palloc(ALLOW_URL_BUFFER(rule->path_len));
		int			len;
		bool		ambiguous;
		bool		same;

		same = rule->path[0] == '/' &&
			allow_path_parse(rule->path, rule->path_len, path, &len, &ambiguous) == URL_OK &&
			!ambiguous && len == rule->path_len && memcmp(path, rule->path, len) == 0;
		pfree(path);
		return same;
	}
	return true;
}

/* whether a change takes this stored rule away */
static bool
is_dropped(const PolicyChange *change, HeapTuple tuple, TupleDesc desc)
{
	int64		id = agc_col_int64(tuple, desc, "id", 0);
	bool		dropped = change->replace;

	for (int i = 0; i < change->ndrop; i++)
		if (change->drop[i] == id)
			dropped = change->dropped[i] = true;
	return dropped;
}

static void
add_rule(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Compilation *compilation = arg;
	UrlRule    *rule;

	if (compilation->change != NULL && is_dropped(compilation->change, tuple, desc))
		return;
	if (col_equals(tuple, desc, "kind", "tool"))
	{
		add_tool_rule(tuple, desc, compilation);
		return;
	}
	rule = next_rule(compilation);
	rule->id = agc_col_int64(tuple, desc, "id", 0);
	rule->effect = col_equals(tuple, desc, "effect", "allow") ? RULE_ALLOW : RULE_DENY;
	read_pattern(tuple, desc, compilation->policy, rule);
	rule->methods = text_array(tuple, desc, "methods", &rule->nmethods);
	rule->ports = int_array(tuple, desc, "ports", &rule->nports);
	rule->path = agc_col_text(tuple, desc, "path_prefix");
	rule->path_len = rule->path == NULL ? 0 : strlen(rule->path);
	if (!is_canonical(rule))
		compilation->policy->broken = true;
	read_valid(tuple, desc, &rule->valid_from, &rule->valid_until);
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
	policy->always = palloc((policy->nrules + 1) * sizeof(int));
	for (int i = 0; i < policy->nrules; i++)
	{
		UrlRule    *rule = &policy->rules[i];
		AllowPattern *pattern = &rule->pattern;
		int		   *bucket;

		if (pattern->kind == PATTERN_ANY || pattern->kind == PATTERN_SINGLE_LABEL)
		{
			policy->always[policy->nalways++] = i;
			continue;
		}
		if (pattern->kind == PATTERN_NETWORK)
		{
			uint32	   *used = pattern->network.family == 4 ? policy->bits4 : policy->bits6;

			used[pattern->bits / 32] |= 1U << (pattern->bits % 32);
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
}

static void
build_tool_index(Policy *policy)
{
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
