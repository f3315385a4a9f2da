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
#include "cache/store.h"

#include "miscadmin.h"
#include "port/pg_bswap.h"

#define STORE_KEY_FORMAT	"agentcore-store/1"

static void
append_field(StringInfo out, const void *data, Size len)
{
	uint32		length = pg_hton32((uint32) len);

	appendBinaryStringInfo(out, (const char *) &length, sizeof(length));
	appendBinaryStringInfo(out, data, len);
}

void
cache_key_prefix(CacheKeyPrefix *prefix, CacheKind kind, const char *tenant,
				 const char *tool, int64 tool_revision, const char *scope)
{
	const pg_uuid_t *installation = agc_installation_id();
	const char *role = kind == CACHE_RAW && scope[0] == '\0' ?
		GetUserNameFromId(GetUserId(), false) : "";
	uint32		database = pg_hton32(MyDatabaseId);
	uint64		revision = pg_hton64((uint64) tool_revision);
	char		kind_byte = (char) kind;

	initStringInfo(&prefix->bytes);
	initStringInfo(&prefix->canonical);
	append_field(&prefix->bytes, STORE_KEY_FORMAT, strlen(STORE_KEY_FORMAT));
	append_field(&prefix->bytes, installation, sizeof(pg_uuid_t));
	append_field(&prefix->bytes, &database, sizeof(database));
	append_field(&prefix->bytes, &kind_byte, 1);
	append_field(&prefix->bytes, tenant, strlen(tenant));
	append_field(&prefix->bytes, &revision, sizeof(revision));
	append_field(&prefix->bytes, role, strlen(role));
	agc_call_prefix(&prefix->bytes, tool, scope);
}

void
cache_key_with(CacheKeyPrefix *prefix, Jsonb *args, CacheKey *out)
{
	AgcDigest  *digest;

	resetStringInfo(&prefix->canonical);
	agc_canonical_json(&prefix->canonical, args);
	digest = agc_digest_begin();
	agc_digest_bytes(digest, prefix->bytes.data, prefix->bytes.len);
	agc_digest_field(digest, prefix->canonical.data, prefix->canonical.len);
	agc_digest_end(digest, out->hash);
}

void
cache_make_key(CacheKey *out, CacheKind kind, const char *tenant, const char *tool,
			   int64 tool_revision, Jsonb *args, const char *scope)
{
	CacheKeyPrefix prefix;

	cache_key_prefix(&prefix, kind, tenant, tool, tool_revision, scope);
	cache_key_with(&prefix, args, out);
	pfree(prefix.bytes.data);
	pfree(prefix.canonical.data);
}
