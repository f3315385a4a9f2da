/*
 * fold_targets.c
 *	  What a replay keeps of each target: a bounded table by name.
 *
 * Memory: the context in which it was made.  Locks: none.  On ERROR: the replay ends.
 */
#include "postgres.h"

#include "replay/fold_targets.h"

/* some 1.3 kB each */
#define TARGETS_MAX	20000

void
fold_targets_init(FoldTargets *targets)
{
	HASHCTL		ctl = {.keysize = AGC_MAX_NAME + 1, .entrysize = sizeof(FoldTarget), .hcxt = CurrentMemoryContext};

	targets->table = hash_create("replayed targets", 64, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

FoldTarget *
fold_target_find(const FoldTargets *targets, const char *name)
{
	return hash_search(targets->table, name, HASH_FIND, NULL);
}

bool
fold_targets_full(const FoldTargets *targets)
{
	return hash_get_num_entries(targets->table) >= TARGETS_MAX;
}

FoldTarget *
fold_target_make(FoldTargets *targets, const char *name)
{
	FoldTarget *target = fold_target_find(targets, name);
	bool		found;

	if (target != NULL || fold_targets_full(targets))
		return target;
	target = hash_search(targets->table, name, HASH_ENTER, &found);
	if (!found)
		memset((char *) target + offsetof(FoldTarget, meter), 0, sizeof(FoldTarget) - offsetof(FoldTarget, meter));
	return target;
}
