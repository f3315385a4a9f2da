/*
 * util.c
 *	  Identity, time and small helpers.
 *
 * Memory: the installation's row is kept in a static variable while no registry
 * change was heard.  Locks: AccessShareLock on agentcore.installation.  On
 * ERROR: nothing to undo.
 */
#include "core/core.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/rel.h"

TimestampTz agc_recorded_time = 0;

static AgcTable installation_table = AGC_TABLE("installation", "installation_pkey");

typedef struct Installation
{
	pg_uuid_t	id;
	pg_uuid_t	secret;
} Installation;

/*
 * Bytes from pg_strong_random(), which takes as long for 16 as for all of these: 8,500
 * instructions, a tenth of a permit's acquire.  No byte is given twice, nor to a
 * process that was forked since.
 */
static const uint8 *
random_bytes(int n)
{
	static uint8 bytes[320];
	static int	given = sizeof(bytes);
	static int	pid = 0;

	if (pid != MyProcPid || given + n > sizeof(bytes))
	{
		given = sizeof(bytes);
		if (!pg_strong_random(bytes, sizeof(bytes)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		pid = MyProcPid;
		given = 0;
	}
	given += n;
	return &bytes[given - n];
}

/* Six bytes of time, the rest random. */
void
agc_uuid_v7(pg_uuid_t *out)
{
	uint64		ms = (uint64) (agc_now() / 1000) +
		(uint64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;

	for (int i = 0; i < 6; i++)
		out->data[i] = (uint8) (ms >> (40 - 8 * i));
	memcpy(&out->data[6], random_bytes(UUID_LEN - 6), UUID_LEN - 6);
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
 * database's own number is worked in: shared memory keeps the two apart.  A number
 * that is given again is database.c's.
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

TimestampTz
agc_xact_start(void)
{
	return GetCurrentTransactionStartTimestamp() + agc_clock_offset();
}

int64
agc_until_us(TimestampTz now, TimestampTz t)
{
	return t > now ? t - now : 0;
}
