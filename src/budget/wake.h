/*
 * wake.h
 *	  Where callers sleep until a budget has room, and who wakes them.
 */
#ifndef AGENTCORE_BUDGET_WAKE_H
#define AGENTCORE_BUDGET_WAKE_H

#include "core/core.h"

#include "storage/condition_variable.h"

/* a budget below this root has room again, once this transaction commits */
extern void wake_note(const char *tenant, const char *root);

/* what callers below this root sleep on; NULL where the library was not preloaded */
extern ConditionVariable *wake_bell(const char *tenant, const char *root);

extern void wake_init(void);

#endif							/* AGENTCORE_BUDGET_WAKE_H */
