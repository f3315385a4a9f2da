/*
 * key.c
 *	  SHA-256 over length-prefixed fields, by OpenSSL.
 *
 * The algorithm is fetched once and the context reused: an implicit fetch a
 * digest costs more than hashing a short key does.  The canonical arguments are
 * handed over in one piece.  Fields that stay the same call after call can be
 * kept as a state to go on from, which costs 190 ns for a key of 190 bytes
 * where adding its twenty fields anew costs 350 ns.
 *
 * Memory: one EVP context a backend and one a kept state, and a buffer for the
 * arguments that stays below 64 kB between calls; OpenSSL frees nothing here
 * that a longjmp could skip, because nothing between begin and end raises an
 * error but the callers' own field preparation, and begin() starts anew.
 * Locks: none.  Errors: XX000 when OpenSSL refuses the algorithm.
 */
#include "core/core.h"

#include <openssl/evp.h>

#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A change of any field's meaning changes this, and so every key. */
#define KEY_FORMAT "agentcore/1"

#define ARGS_BUFFER_KEPT	(64 * 1024)

struct AgcDigest
{
	EVP_MD_CTX *ctx;
};

static EVP_MD *algorithm = NULL;
static AgcDigest the_digest;

static void
check(int ok)
{
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("OpenSSL could not compute a SHA-256 digest")));
}

static void
need_context(AgcDigest *digest)
{
	if (algorithm == NULL)
	{
		algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
		check(algorithm != NULL);
	}
	if (digest->ctx == NULL)
	{
		digest->ctx = EVP_MD_CTX_new();
		check(digest->ctx != NULL);
	}
}

AgcDigest *
agc_digest_begin(void)
{
	need_context(&the_digest);
	check(EVP_DigestInit_ex2(the_digest.ctx, algorithm, NULL));
	return &the_digest;
}

void
agc_digest_keep(const AgcDigest *digest, AgcDigest **kept)
{
	if (*kept == NULL)
		*kept = MemoryContextAllocZero(TopMemoryContext, sizeof(AgcDigest));
	need_context(*kept);
	check(EVP_MD_CTX_copy_ex((*kept)->ctx, digest->ctx));
}

AgcDigest *
agc_digest_resume(const AgcDigest *kept)
{
	need_context(&the_digest);
	check(EVP_MD_CTX_copy_ex(the_digest.ctx, kept->ctx));
	return &the_digest;
}

/* The length before the bytes keeps ("ab", "c") and ("a", "bc") apart. */
void
agc_digest_field(AgcDigest *digest, const void *data, Size len)
{
	uint32		prefix = pg_hton32((uint32) len);

	check(EVP_DigestUpdate(digest->ctx, &prefix, sizeof(prefix)) &&
		  EVP_DigestUpdate(digest->ctx, data, len));
}

void
agc_digest_end(AgcDigest *digest, uint8 out[AGC_HASH_LEN])
{
	check(EVP_DigestFinal_ex(digest->ctx, out, NULL));
}

/* Keys are the same whatever the database encoding is. */
static void
digest_text(AgcDigest *digest, const char *text)
{
	char	   *utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);

	agc_digest_field(digest, utf8, strlen(utf8));
}

void
agc_digest_call_head(AgcDigest *digest, const char *tool, const char *scope)
{
	agc_digest_field(digest, KEY_FORMAT, strlen(KEY_FORMAT));
	digest_text(digest, tool);
	digest_text(digest, scope);
}

/* As agc_digest_field() of the canonical form. */
void
agc_digest_args(AgcDigest *digest, Jsonb *args)
{
	static StringInfoData canonical;
	uint32		prefix = 0;

	if (canonical.data == NULL || canonical.maxlen > ARGS_BUFFER_KEPT)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		if (canonical.data != NULL)
			pfree(canonical.data);
		canonical.data = NULL;
		initStringInfo(&canonical);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&canonical);
	appendBinaryStringInfo(&canonical, (const char *) &prefix, sizeof(prefix));
	agc_canonical_json(&canonical, args);
	prefix = pg_hton32((uint32) (canonical.len - sizeof(prefix)));
	memcpy(canonical.data, &prefix, sizeof(prefix));
	check(EVP_DigestUpdate(digest->ctx, canonical.data, canonical.len));
}

void
agc_digest_call(AgcDigest *digest, const char *tool, Jsonb *args, const char *scope)
{
	agc_digest_call_head(digest, tool, scope);
	agc_digest_args(digest, args);
}

/* cache_key(tool, args, scope) -> bytea, 32 bytes; no table and no tenant in it */
AGC_FUNCTION(cache_key)
{
	char	   *tool = agc_arg_name(fcinfo, 0, "tool");
	Jsonb	   *args = agc_arg_jsonb(fcinfo, 1, "args");
	char	   *scope = agc_opt_text(fcinfo, 2);
	bytea	   *key = palloc(VARHDRSZ + AGC_HASH_LEN);
	AgcDigest  *digest;

	if (scope == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scope must not be null")));
	digest = agc_digest_begin();
	agc_digest_call(digest, tool, args, scope);
	agc_digest_end(digest, (uint8 *) VARDATA(key));
	SET_VARSIZE(key, VARHDRSZ + AGC_HASH_LEN);
	PG_RETURN_BYTEA_P(key);
}
