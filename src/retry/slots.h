/*
 * slots.h
 *	  A bounded table in shared memory of small states by (installation,
 *	  tenant, name): what breaker and rate limiter have in common.
 */
#ifndef AGENTCORE_RETRY_SLOTS_H
#define AGENTCORE_RETRY_SLOTS_H

#include "core/core.h"
#include "retry/clock.h"
#include "storage/lwlock.h"

#define SLOTS_PER_PARTITION 128

typedef struct SlotPartition
{
	uint64		hash[SLOTS_PER_PARTITION];	/* 0 = free */
	uint64		owner[SLOTS_PER_PARTITION]; /* hash of (installation, tenant) */
	int64		used[SLOTS_PER_PARTITION];	/* us, when last claimed */
	int64		busy_until[SLOTS_PER_PARTITION];	/* us, not recycled before */
	int64		recycled;
	int64		refused;
} SlotPartition;

typedef struct SlotHeader
{
	uint32		magic;
	uint32		version;
	uint64		seed;
	int32		npartitions;
} SlotHeader;

/* One per kind of state, in backend memory. */
typedef struct SlotTable
{
	const char *name;			/* of the shared memory part and the lock tranche */
	const char *kind;			/* in agentcore.stat_target_slots */
	Size		state_size;
	SlotHeader *shared;			/* NULL without shared memory */
	LWLockPadded *locks;
} SlotTable;

/* What a slot is found by. */
typedef struct SlotKey
{
	char		kind;
	const pg_uuid_t *installation;
	const char *tenant;
	const char *name;
	uint64		hash;
	uint64		owner;
	int			partition;
} SlotKey;

/* A slot's own copy of its key; the state follows, maximally aligned. */
typedef struct SlotName
{
	pg_uuid_t	installation;
	Oid			database;
	char		kind;
	char		tenant[AGC_MAX_NAME + 1];
	char		name[AGC_MAX_NAME + 1];
} SlotName;

/* at server start: asks for the table's shared memory, and has it counted in target_slots() */
extern void slot_table_register(SlotTable *table);
extern bool slot_table_ready(SlotTable *table);

/* asks for the installation, so it may raise an ERROR */
extern void slot_key(const SlotTable *table, SlotKey *key, char kind, const char *tenant, const char *name);

/* of the installation that was asked for last: raises nothing, so that it may be called while a transaction ends */
extern void slot_known_key(const SlotTable *table, SlotKey *key, char kind, const char *tenant, const char *name);
extern SlotPartition *slot_lock(SlotTable *table, const SlotKey *key, LWLockMode mode);
extern void slot_unlock(SlotTable *table, const SlotKey *key);

/* under the partition's lock: index of the slot, -1 when there is none */
extern int	slot_find(SlotTable *table, SlotPartition *part, const SlotKey *key);

/*
 * Under the exclusive lock: the slot, made if need be (zeroed state).  -1 when
 * every slot that could be recycled still matters; *free_at says until when.
 */
extern int	slot_claim(SlotTable *table, SlotPartition *part, const SlotKey *key, int64 now, int64 *free_at);

/* under any lock: would slot_claim() succeed? */
extern bool slot_claimable(SlotTable *table, SlotPartition *part, const SlotKey *key, int64 now, int64 *free_at);

extern void *slot_state(SlotTable *table, SlotPartition *part, int slot);
extern const SlotName *slot_name(SlotTable *table, SlotPartition *part, int slot);

/* a consistent copy of a whole partition */
extern Size slot_partition_size(SlotTable *table);
extern void slot_partition_copy(SlotTable *table, int n, SlotPartition *copy);

#endif							/* AGENTCORE_RETRY_SLOTS_H */
