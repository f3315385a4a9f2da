/*
 * folds.c
 *	  The folds in order, and what all of them use.
 *
 * Memory: the replay's context.  Locks: none.  On ERROR: the context goes with the
 * query.
 */
#include "replay/folds.h"

const Fold *const replay_folds[] = {
	&fold_of_breakers,
	&fold_of_rates,
	&fold_of_limits,
	&fold_of_budgets,
};
const int	replay_nfolds = lengthof(replay_folds);

static MemoryContext context = NULL;

void
folds_begin(MemoryContext kept)
{
	context = kept;
}

MemoryContext
fold_context(void)
{
	return context;
}

void
fold_unknown(FoldCall *call, const char *what)
{
	if (call->unknown == NULL)
		call->unknown = what;
}
