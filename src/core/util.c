/*
 * util.c
 *	  Identity, time and small helpers.
 *
 * Memory: the installation id is kept in a static variable while no registry
 * change was heard.  Locks: AccessShareLock on agentcore.installation.  On
 * ERROR: nothing to undo.
 */
#include "core/core.h"

#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/varlena.h"

static AgcTable installation_table = AGC_TABLE("installation", "installation_pkey");

void
agc_uuid_v7(pg_uuid_t *out)
{
	uint64		ms = (uint64) (agc_now() / 1000) +
		(uint64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;

	if (!pg_strong_random(out->data, UUID_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	for (int i = 0; i < 6; i++)
		out->data[i] = (uint8) (ms >> (40 - 8 * i));
	out->data[6] = (out->data[6] & 0x0f) | 0x70;
	out->data[8] = (out->data[8] & 0x3f) | 0x80;
}

/* clock_now() -> timestamptz */
AGC_FUNCTION(clock_now)
{
	PG_RETURN_TIMESTAMPTZ(agc_now());
}

const pg_uuid_t *
agc_installation_id(void)
{
	static pg_uuid_t id;
	static uint64 known = 0;

	if (known != agc_generation())
	{
		Relation	rel = agc_table_open(&installation_table, AccessShareLock);
		const char *key = "this";
		HeapTuple	tuple = agc_table_get(&installation_table, rel, 1, &key);
		bool		isnull;

		if (tuple == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("agentcore.installation has lost its row"),
					 errhint("DROP EXTENSION and CREATE EXTENSION make a new one.")));
		id = *DatumGetUUIDP(agc_col(tuple, RelationGetDescr(rel), "id", &isnull));
		agc_table_close(rel, AccessShareLock);
		known = agc_generation();
	}
	return &id;
}

/* Costs are the edit distances of PostgreSQL's own hints. */
void
agc_nearest_add(AgcNearest *nearest, const char *candidate)
{
	int			wanted_len = strlen(nearest->wanted);
	int			len = strlen(candidate);
	int			max_distance = wanted_len < 4 ? 1 : Max(wanted_len / 3, 2);
	int			distance;
	int			at;

	if (wanted_len > AGC_MAX_NAME || len > AGC_MAX_NAME)
		return;
	distance = varstr_levenshtein_less_equal(nearest->wanted, wanted_len, candidate, len,
											 1, 1, 1, max_distance, true);
	if (distance > max_distance)
		return;
	for (at = nearest->count; at > 0 && nearest->distance[at - 1] > distance; at--)
		if (at < nearest->limit)
		{
			nearest->name[at] = nearest->name[at - 1];
			nearest->distance[at] = nearest->distance[at - 1];
		}
	if (at >= nearest->limit)
		return;
	nearest->name[at] = pstrdup(candidate);
	nearest->distance[at] = distance;
	if (nearest->count < nearest->limit)
		nearest->count++;
}

int64
agc_until_us(TimestampTz now, TimestampTz t)
{
	return t > now ? t - now : 0;
}
