/*
 * reasons.c
 *	  The gate's reasons as numbers: every REASON_ of core/errors.h, which lint
 *	  compares.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "core/core.h"
#include "profile/reasons.h"

static const char *const names[] = {
	REASON_UNKNOWN_TOOL,
	REASON_INVALID_ARGS,
	REASON_NOT_IN_ALLOWLIST,
	REASON_DENYLIST_MATCH,
	REASON_METHOD_BLOCKED,
	REASON_INVALID_URL,
	REASON_BUDGET_EXCEEDED,
	REASON_RATE_LIMITED,
	REASON_CIRCUIT_OPEN,
	REASON_IN_PROGRESS,
	REASON_KEY_CONFLICT,
	REASON_CONTENTION,
	REASON_OUTCOME_UNKNOWN,
	REASON_APPROVAL_REQUIRED,
	REASON_APPROVAL_EXPIRED,
	REASON_LOOP_DETECTED,
	REASON_FAILED_BEFORE,
	REASON_AGENT_DISABLED,
	REASON_TOOL_DISABLED,
	REASON_TOOL_CHANGED,
	REASON_TENANT_DISABLED,
	REASON_TASK_STOPPED,
	REASON_CHECK_FAILED,
	REASON_LIMIT_EXCEEDED,
	REASON_ALREADY_DONE,
	REASON_TASK_REQUIRED,
	REASON_SUBJECT_REQUIRED,
	"other"
};
const int	reasons_count = lengthof(names);

StaticAssertDecl(lengthof(names) <= REASONS_MAX, "each reason has a counter");

int
reason_number(const char *reason)
{
	int			last = reasons_count - 1;

	for (int i = 0; i < last; i++)
		if (strcmp(names[i], reason) == 0)
			return i;
	return last;
}

const char *
reason_name(int number)
{
	return names[number];
}
