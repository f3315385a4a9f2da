/*
 * util.c
 *	  Identity, time and small helpers.
 *
 * Memory: the installation's row is kept in a static variable while no registry
 * change was heard.  Locks: AccessShareLock on agentcore.installation.  On
 * ERROR: nothing to undo.
 */
#include "core/core.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/varlena.h"

static AgcTable installation_table = AGC_TABLE("installation", "installation_pkey");

typedef struct Installation
{
	pg_uuid_t	id;
	pg_uuid_t	secret;
} Installation;

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

/*
 * The stored id is copied with a database that serves as a TEMPLATE, so the
 * database's own number is worked in: shared memory keeps the two apart.
 */
static void
mix_database(pg_uuid_t *id)
{
	uint32		database = pg_hton32(MyDatabaseId);

	for (int i = 0; i < sizeof(database); i++)
		id->data[i] ^= ((uint8 *) &database)[i];
}

/* What agentcore.installation holds; read again after a registry change. */
static const Installation *
installation(void)
{
	static Installation this;
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
		this.id = *DatumGetUUIDP(agc_col(tuple, RelationGetDescr(rel), "id", &isnull));
		mix_database(&this.id);
		this.secret = *DatumGetUUIDP(agc_col(tuple, RelationGetDescr(rel), "secret", &isnull));
		agc_table_close(rel, AccessShareLock);
		known = agc_generation();
	}
	return &this;
}

const pg_uuid_t *
agc_installation_id(void)
{
	return &installation()->id;
}

const pg_uuid_t *
agc_installation_secret(void)
{
	return &installation()->secret;
}

/*
 * How many bytes two names begin with alike, or end with where step is -1: they
 * cost no edit.  ASCII only, which no encoding of a server has within a
 * character.
 */
static int
same_bytes(const char *a, const char *b, int most, int step)
{
	int			n = 0;

	while (n < most && a[n * step] == b[n * step] && !IS_HIGHBIT_SET(a[n * step]))
		n++;
	return n;
}

/*
 * Whether more bytes would have to change than "most" edits can.  Says no to
 * most names in one pass over them, where their distance takes a pass for each
 * edit; a character has up to four bytes.
 */
static bool
bytes_too_far(const char *a, int a_len, const char *b, int b_len, int most)
{
	int			count[256] = {0};
	int			more = 0;
	int			less = 0;
	unsigned char high = 0;

	for (int i = 0; i < a_len; i++)
	{
		count[(unsigned char) a[i]]++;
		high |= a[i];
	}
	for (int i = 0; i < b_len; i++)
	{
		count[(unsigned char) b[i]]--;
		high |= b[i];
	}
	for (int i = 0; i < lengthof(count); i++)
	{
		more += Max(count[i], 0);
		less += Max(-count[i], 0);
	}
	return Max(more, less) > (IS_HIGHBIT_SET(high) ? most * MAX_MULTIBYTE_CHAR_LEN : most);
}

/* The furthest that a candidate may be: no use beyond the worst that is kept. */
static int
nearest_reach(const AgcNearest *nearest, int wanted_len)
{
	int			reach = wanted_len < 4 ? 1 : Min(Max(wanted_len / 3, 2), AGC_NEAREST_EDITS);

	return nearest->count < nearest->limit ? reach : Min(reach, nearest->distance[nearest->limit - 1] - 1);
}

/* Costs are the edit distances of PostgreSQL's own hints. */
void
agc_nearest_add(AgcNearest *nearest, const char *candidate)
{
	const char *wanted = nearest->wanted;
	const char *name = candidate;
	int			wanted_len = strlen(wanted);
	int			len = strlen(name);
	int			reach = nearest_reach(nearest, wanted_len);
	int			same;
	int			distance;
	int			at;

	if (wanted_len > AGC_MAX_NAME || len > AGC_MAX_NAME || reach < 0 ||
		bytes_too_far(wanted, wanted_len, name, len, reach))
		return;
	same = same_bytes(wanted, name, Min(wanted_len, len), 1);
	wanted += same;
	name += same;
	wanted_len -= same;
	len -= same;
	same = same_bytes(wanted + wanted_len - 1, name + len - 1, Min(wanted_len, len), -1);
	distance = varstr_levenshtein_less_equal(wanted, wanted_len - same, name, len - same,
											 1, 1, 1, reach, true);
	if (distance > reach)
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
