/*
 * key.c
 *	  The store's own key.
 *
 * cache_key() is for clients; what the store compares holds more, so that no
 * caller can name an entry of another installation, database, tenant, kind or
 * tool revision, and a scope left empty is private to the calling role.
 *
 * Memory: transient.  Locks: none.  On ERROR: the next digest starts anew.
 */
#include "cache/cache.h"

#include "miscadmin.h"
#include "port/pg_bswap.h"

#define STORE_KEY_FORMAT	"agentcore-store/1"

void
cache_make_key(CacheKey *out, CacheKind kind, const char *tenant, const char *tool,
			   int64 tool_revision, Jsonb *args, const char *scope)
{
	const pg_uuid_t *installation = agc_installation_id();
	const char *role = kind == CACHE_RAW && scope[0] == '\0' ?
		GetUserNameFromId(GetUserId(), false) : "";
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
	agc_digest_call(digest, tool, args, scope);
	agc_digest_end(digest, out->hash);
}
