/*
 * args_digest.c
 *	  A digest of arguments that tells which calls had the same ones, and nothing else.
 *
 * It is keyed with the installation's secret: whoever reads it cannot compute that of a
 * guess, however few arguments there can be.  The tenant is a part of it, so that
 * nobody compares those of others with his own.
 *
 * Memory: static for the head.  Locks: none.  On ERROR: nothing to undo.
 */
#include "record/content.h"

/* What the digests of one tenant have in common is hashed once per session. */
static const uint8 *
head_of(const char *tenant)
{
	static char known[AGC_MAX_NAME + 1];
	static uint8 head[AGC_HASH_LEN];
	static pg_uuid_t secret;
	static bool has_head = false;
	const pg_uuid_t *now = agc_installation_secret();
	AgcDigest  *digest;

	if (has_head && strcmp(known, tenant) == 0 && memcmp(&secret, now, sizeof(secret)) == 0)
		return head;
	digest = agc_digest_begin();
	agc_digest_field(digest, "call_log", strlen("call_log"));
	agc_digest_field(digest, now, sizeof(*now));
	agc_digest_field(digest, tenant, strlen(tenant));
	agc_digest_end(digest, head);
	secret = *now;
	strlcpy(known, tenant, sizeof(known));
	has_head = true;
	return head;
}

void
record_digest_args(const char *tenant, Jsonb *args, uint8 out[AGC_HASH_LEN])
{
	agc_digest_after(head_of(tenant), args, out);
}
