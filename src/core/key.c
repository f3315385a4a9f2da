/*
 * key.c
 *	  SHA-256 over length-prefixed fields, by OpenSSL.
 *
 * The algorithm is fetched once and the context reused: an implicit fetch a
 * digest costs more than hashing a short key does.  The canonical arguments are
 * handed over in one piece.  Fields that stay the same call after call are hashed
 * once, and their digest stands for them: that makes 75 ns of a short key, where
 * going on from a copy of the context costs 110 ns, and adding twenty fields anew
 * 350 ns.
 *
 * Memory: one EVP context a backend, and a buffer for the arguments that stays
 * below 64 kB between calls; OpenSSL frees nothing here that a longjmp could
 * skip, because nothing between begin and end raises an error but the callers'
 * own field preparation, and begin() starts anew.
 * Locks: none.  Errors: XX000 when OpenSSL refuses the algorithm.
 */
#include "core/core.h"

#include <openssl/evp.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

/* A change of any field's meaning changes this, and so every key. */
#define KEY_FORMAT "agentcore/1"

#define ARGS_BUFFER_KEPT	(64 * 1024)

struct AgcDigest
{
	EVP_MD_CTX *ctx;
	bool		open;			/* begun and not ended: OpenSSL 3.0 goes on from an ended one */
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

AgcDigest *
agc_digest_begin(void)
{
	if (algorithm == NULL)
	{
		algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
		check(algorithm != NULL);
	}
	if (the_digest.ctx == NULL)
	{
		the_digest.ctx = EVP_MD_CTX_new();
		check(the_digest.ctx != NULL);
	}
	check(EVP_DigestInit_ex2(the_digest.ctx, algorithm, NULL));
	the_digest.open = true;
	return &the_digest;
}

/* There is one digest at a time: one that is begun within another leaves the other without a beginning. */
static void
update(AgcDigest *digest, const void *data, Size len)
{
	check(digest->open && EVP_DigestUpdate(digest->ctx, data, len));
}

/* The length before the bytes keeps ("ab", "c") and ("a", "bc") apart. */
void
agc_digest_field(AgcDigest *digest, const void *data, Size len)
{
	uint32		prefix = pg_hton32((uint32) len);

	update(digest, &prefix, sizeof(prefix));
	update(digest, data, len);
}

void
agc_digest_end(AgcDigest *digest, uint8 out[AGC_HASH_LEN])
{
	check(digest->open && EVP_DigestFinal_ex(digest->ctx, out, NULL));
	digest->open = false;
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

/* "front", then as agc_digest_field() of the canonical form, in one piece. */
static void
digest_args(AgcDigest *digest, const uint8 *front, Size front_len, Jsonb *args)
{
	static StringInfoData piece;
	uint32		prefix = 0;

	if (piece.data == NULL || piece.maxlen > ARGS_BUFFER_KEPT)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		if (piece.data != NULL)
			pfree(piece.data);
		piece.data = NULL;
		initStringInfo(&piece);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&piece);
	appendBinaryStringInfo(&piece, (const char *) front, front_len);
	appendBinaryStringInfo(&piece, (const char *) &prefix, sizeof(prefix));
	agc_canonical_json(&piece, args);
	prefix = pg_hton32((uint32) (piece.len - front_len - sizeof(prefix)));
	memcpy(piece.data + front_len, &prefix, sizeof(prefix));
	update(digest, piece.data, piece.len);
}

void
agc_digest_args(AgcDigest *digest, Jsonb *args)
{
	digest_args(digest, (const uint8 *) "", 0, args);
}

void
agc_digest_after(const uint8 head[AGC_HASH_LEN], Jsonb *args, uint8 out[AGC_HASH_LEN])
{
	AgcDigest  *digest = agc_digest_begin();

	digest_args(digest, head, AGC_HASH_LEN, args);
	agc_digest_end(digest, out);
}

void
agc_digest_call(AgcDigest *digest, const char *tool, Jsonb *args, const char *scope)
{
	agc_digest_call_head(digest, tool, scope);
	agc_digest_args(digest, args);
}

/* Without trailing zeros a number has one form only. */
static void
digest_number(AgcDigest *digest, Numeric number)
{
	Datum		trimmed = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(number));
	Pointer		bytes = DatumGetPointer(trimmed);

	agc_digest_field(digest, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	pfree(bytes);
}

static void
digest_scalar(AgcDigest *digest, const JsonbValue *value)
{
	char		type = (char) value->type;

	agc_digest_field(digest, &type, 1);
	if (value->type == jbvString)
		agc_digest_field(digest, value->val.string.val, value->val.string.len);
	else if (value->type == jbvNumeric)
		digest_number(digest, value->val.numeric);
	else if (value->type == jbvBool)
		agc_digest_field(digest, &value->val.boolean, 1);
}

/* jsonb has sorted an object's keys; a lone scalar stands in an array that is none. */
void
agc_digest_exact(AgcDigest *digest, Jsonb *value)
{
	JsonbIterator *it = JsonbIteratorInit(&value->root);
	JsonbValue	item;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&it, &item, false)) != WJB_DONE)
	{
		char		mark[2] = {(char) token, token == WJB_BEGIN_ARRAY && item.val.array.rawScalar};

		CHECK_FOR_INTERRUPTS();
		agc_digest_field(digest, mark, sizeof(mark));
		if (token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM)
			digest_scalar(digest, &item);
	}
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
		agc_refuse_null("scope");
	digest = agc_digest_begin();
	agc_digest_call(digest, tool, args, scope);
	agc_digest_end(digest, (uint8 *) VARDATA(key));
	SET_VARSIZE(key, VARHDRSZ + AGC_HASH_LEN);
	PG_RETURN_BYTEA_P(key);
}
