/*
 * target.c
 *	  The store's own key.
 *
 * cache_key() is for clients.  The store's own key holds more, so that no caller
 * can name an entry of another installation, database, tenant, kind or tool
 * revision, and an empty scope is private to the calling role.
 *
 * Most sessions ask for the same tool again and again, so the digest of everything
 * in front of the arguments is kept from one key to the next, and goes into the
 * key in the place of these fields.
 *
 * Memory: static.  Locks: none.  On ERROR: the next digest starts anew.
 */
#include "cache/target.h"

#include "miscadmin.h"
#include "port/pg_bswap.h"

#define STORE_KEY_FORMAT	"agentcore-store/2"

/* The latest key's fields in front of its arguments, and their digest. */
typedef struct KeyHead
{
	uint64		access_version;
	uint64		generation;
	Oid			role;
	CacheKind	kind;
	int64		revision;
	char		tenant[AGC_MAX_NAME + 1];
	char		tool[AGC_MAX_NAME + 1];
	char		scope[AGC_MAX_NAME + 1];
	uint8		digest[AGC_HASH_LEN];
} KeyHead;

static KeyHead head;
static bool head_known = false;

static void make_head(CacheKind kind, const char *tenant, const char *tool,
					  int64 tool_revision, const char *scope);

void
cache_make_key(CacheKey *out, CacheKind kind, const char *tenant, const char *tool,
			   int64 tool_revision, Jsonb *args, const char *scope)
{
	if (!head_known || head.kind != kind || head.revision != tool_revision ||
		head.role != GetUserId() || head.access_version != agc_access_version() ||
		head.generation != agc_generation() || strcmp(head.tool, tool) != 0 ||
		strcmp(head.scope, scope) != 0 || strcmp(head.tenant, tenant) != 0)
		make_head(kind, tenant, tool, tool_revision, scope);
	agc_digest_after(head.digest, args, out->hash);
}

static void
make_head(CacheKind kind, const char *tenant, const char *tool, int64 tool_revision, const char *scope)
{
	const pg_uuid_t *installation = agc_installation_id();
	const char *role = kind == CACHE_RAW && scope[0] == '\0' ?
		psprintf("%u", GetUserId()) : "";	/* its name may be another's tomorrow */
	uint32		database = pg_hton32(MyDatabaseId);
	uint64		revision = pg_hton64((uint64) tool_revision);
	char		kind_byte = (char) kind;
	AgcDigest  *digest = agc_digest_begin();

	agc_digest_field(digest, STORE_KEY_FORMAT, strlen(STORE_KEY_FORMAT));
	agc_digest_field(digest, installation, sizeof(pg_uuid_t));
	agc_digest_field(digest, &database, sizeof(database));
	agc_digest_field(digest, &kind_byte, 1);
	agc_digest_field(digest, tenant, strlen(tenant));
	agc_digest_field(digest, &revision, sizeof(revision));
	agc_digest_field(digest, role, strlen(role));
	agc_digest_call_head(digest, tool, scope);

	head_known = false;
	agc_digest_end(digest, head.digest);
	head.access_version = agc_access_version();
	head.generation = agc_generation();
	head.role = GetUserId();
	head.kind = kind;
	head.revision = tool_revision;
	/* a text that does not fit must not be taken for its beginning */
	head_known = strlcpy(head.tenant, tenant, sizeof(head.tenant)) < sizeof(head.tenant) &&
		strlcpy(head.tool, tool, sizeof(head.tool)) < sizeof(head.tool) &&
		strlcpy(head.scope, scope, sizeof(head.scope)) < sizeof(head.scope);
}

/*
 * The scope says who shares an answer.  'shared' and 'shared_open' leave the tenant
 * out of the key and put the tool's definition in, so that tenants share what is the
 * same tool; tool_set() lets only administrators of every tenant say it.  The two are
 * different scopes in the key too: answers that any tenant may plant never serve
 * a tool that trusts some roles only.
 */
bool
cache_gate_target(CacheTarget *target, const char *tenant, const char *tool_name,
				  const ToolDef *tool, int64 revision, Jsonb *args,
				  const char *agent, const char *subject)
{
	const char *kind = tool->cache_scope;
	bool		shared = strcmp(tool_cache_tenant(tool, tenant), CACHE_SHARED) == 0;
	char	   *scope;

	target->kind = CACHE_GATE;
	target->tool = tool_name;
	target->tenant = tool_cache_tenant(tool, tenant);
	if (strcmp(kind, "subject") == 0 && subject != NULL)
	{
		scope = psprintf("subject\n%s", subject);
		target->scope = CACHE_SCOPE_SUBJECT;
	}
	else if (strcmp(kind, "agent") == 0 && agent != NULL)
	{
		scope = psprintf("agent\n%s\n%s", agent, subject ? subject : "");
		target->scope = CACHE_SCOPE_AGENT;
	}
	else if (strcmp(kind, "tenant") == 0 || shared)
	{
		scope = pstrdup(kind);
		target->scope = shared ? CACHE_SCOPE_SHARED : CACHE_SCOPE_TENANT;
	}
	else
		return false;
	cache_make_key(&target->key, CACHE_GATE, target->tenant, tool_name,
				   shared ? tool->fingerprint : revision, args, scope);
	return true;
}
