/*
 * agentcore.c
 *	  Where the library starts: the one place that knows every room.
 *
 * Memory: nothing but what the rooms register.  Locks: none.  On ERROR in
 * _PG_init the library is not loaded.
 */
#include "core/core.h"

#include "allow/allow.h"
#include "approval/approval.h"
#include "budget/budget.h"
#include "cache/cache.h"
#include "call/call.h"
#include "profile/profile.h"
#include "record/record.h"
#include "retry/retry.h"
#include "task/task.h"
#include "tool/tool.h"

#include "miscadmin.h"
#include "utils/guc.h"

AGC_EXPORT_BEGIN
AGC_MODULE_MAGIC("agentcore", AGENTCORE_VERSION);

extern void _PG_init(void);
AGC_EXPORT_END

void
_PG_init(void)
{
	/* pg_upgrade restores catalogs only: no settings, no shared memory */
	if (IsBinaryUpgrade)
		return;

	agc_core_init();
	text_init();
	schema_init();
	retry_init();
	tool_init();
	cache_init();
	budget_init();
	allow_init();
	task_init();
	approval_init();
	record_init();
	profile_init();
	call_init();
	MarkGUCPrefixReserved("agentcore");
	agc_shmem_install_hooks();
}
