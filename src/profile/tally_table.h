/*
 * tally_table.h
 *	  The tallies in shared memory, and how one is found.
 */
#ifndef AGENTCORE_PROFILE_TALLY_TABLE_H
#define AGENTCORE_PROFILE_TALLY_TABLE_H

#include "profile/tally.h"

/* How a tally is found; pointers are the caller's. */
typedef struct TallyKey
{
	ProfileKey	of;
	pg_uuid_t	installation;
	uint64		owner;			/* hash of installation and tenant */
	uint64		hash;
} TallyKey;

/* A slot: whose tally it is, and the tally. */
typedef struct TallySlot
{
	pg_uuid_t	installation;
	Oid			database;
	uint64		hash;			/* of the key */
	bool		is_llm;
	bool		is_named;
	char		tenant[AGC_MAX_NAME + 1];
	char		name[AGC_MAX_NAME + 1];
	Tally		tally;
} TallySlot;

/* of the whole server */
typedef struct TallyRoom
{
	int			slots;
	int			used;
	int			tenant_most;	/* slots that one tenant may have */
} TallyRoom;

extern void tally_table_init(void);
extern bool tally_table_ready(void);

/* asks for the installation, so it may raise an ERROR */
extern void tally_key(TallyKey *key, const ProfileKey *of);

/* Slots of databases that were dropped are free again.  In a transaction. */
extern void tally_free_dropped(void);

/* The tally of a key, made if need be, or the one for what has no room; locked until tally_unlock(). */
extern Tally *tally_lock(const TallyKey *key);
extern void tally_unlock(void);

/* the same, but where no call of the key was counted yet, that of names which nobody has registered */
extern Tally *tally_lock_known(const TallyKey *key);

/* whether calls of the owner may have been counted where there was room for them only */
extern bool tally_is_incomplete(uint64 owner);

/* Slots are numbered from 0; the last is the one for what had no room.  Copies one; false: nobody's. */
extern int	tally_nslots(void);
extern bool tally_copy(int slot, TallySlot *copy);
extern bool tally_is_other(int slot);

/* this database's */
extern bool tally_is_ours(const TallySlot *slot);
extern uint64 tally_owner(const char *tenant);

/* Forgets what an installation counted: of a tenant, or of all and what had no room (NULL); of a name, or of all (NULL). */
extern int	tally_forget(const char *tenant, const char *name);
extern void tally_room(TallyRoom *room);

#endif							/* AGENTCORE_PROFILE_TALLY_TABLE_H */
