/*
 * kept_answer.c
 *	  What the cache keeps of a call that has ended.
 *
 * Locking: the cache's own, none held between.  Memory: CurrentMemoryContext.  On
 * ERROR: what was to be stored is not; a lease that was given back stays given
 * back, and somebody else computes the answer.
 */
#include "call/kept_answer.h"

#include "call/takes.h"

#include "utils/fmgrprotos.h"
#include "utils/json.h"

/* bytes of a failed call's error that the cache keeps */
#define MAX_KEPT_ERROR	500

static bool
has_lease(const PermitRow *permit, CacheKey *key)
{
	if (!permit->has_cache_key || permit->cache_lease == 0 || !cache_ready())
		return false;
	memcpy(key->hash, permit->cache_key, AGC_HASH_LEN);
	return true;
}

/* Only an answer is stored; everything else lets the next caller compute. */
bool
kept_result(const char *tenant, const PermitRow *permit, const ToolDef *tool, Jsonb *result, int64 nanousd)
{
	CacheKey	key;

	if (!has_lease(permit, &key))
		return true;
	if (result != NULL && tool != NULL && tool->cache_ttl > 0 && tool_may_fill(tool) &&
		!tool_result_is_error(tool, result))
	{
		CacheTerms	terms = {
			.ttl = tool->cache_ttl,
			.soft_ttl = Max(tool->cache_soft_ttl, 0),
			.max_size = Max(tool->cache_max_size, 0),
			.nanousd = nanousd < 0 ? permit->held_nanousd : nanousd,
			.ntags = tool->ntags,
			.tags = tool->tags
		};

		return cache_store_lease(&key, tool_cache_tenant(tool, tenant), permit->tool, permit->cache_lease, result,
								 &terms);
	}
	cache_abandon_lease(&key, permit->cache_lease);
	return true;
}

/* What is kept of a failure: {"status": 404, "reason": "not_found", "error": "..."} */
static Jsonb *
failure_document(int status, const char *reason, const char *error)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "{\"reason\": ");
	escape_json(&text, reason);
	if (status != 0)
		appendStringInfo(&text, ", \"status\": %d", status);
	if (error != NULL)
	{
		appendStringInfoString(&text, ", \"error\": ");
		/* others are shown it: as what can be seen, on one line */
		escape_json(&text, agc_shown(error, MAX_KEPT_ERROR));
	}
	appendStringInfoChar(&text, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

/*
 * A final failure is remembered if the tool asks, but never in the place of an
 * answer that can still be served.
 */
void
kept_failure(const char *tenant, const PermitRow *permit, const ToolDef *tool,
			 int status, const char *reason, const char *error)
{
	const char *whose = tool ? tool_cache_tenant(tool, tenant) : tenant;
	CacheKey	key;
	CacheTerms	terms = {.negative = true};

	if (!has_lease(permit, &key))
		return;
	if (tool == NULL || tool->cache_negative_ttl <= 0 || !tool_may_fill(tool) || cache_has_answer(&key))
	{
		cache_abandon_lease(&key, permit->cache_lease);
		return;
	}
	terms.ttl = tool->cache_negative_ttl;
	terms.ntags = tool->ntags;
	terms.tags = tool->tags;

	/* one tenant's error text is not for the others */
	(void) cache_store_lease(&key, whose, permit->tool, permit->cache_lease,
							 failure_document(status, reason, whose == tenant ? error : NULL), &terms);
}

void
kept_nothing_at_commit(const PermitRow *permit)
{
	CacheKey	key;

	if (has_lease(permit, &key))
		takes_return_lease(&key, permit->cache_lease);
}

void
kept_nothing(const PermitRow *permit)
{
	CacheKey	key;

	if (has_lease(permit, &key))
		cache_abandon_lease(&key, permit->cache_lease);
}
