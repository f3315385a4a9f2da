/*
 * errors.h
 *	  SQLSTATE class TC, the extension's own, and every reason code.
 *
 * Both are data that clients match on: a value once released never changes
 * its meaning.  doc/reference.md holds the same tables for readers.
 */
#ifndef AGENTCORE_ERRORS_H
#define AGENTCORE_ERRORS_H

#include "utils/elog.h"

#define ERRCODE_AGC_INVALID_ARGS		MAKE_SQLSTATE('T', 'C', '0', '0', '1')
#define ERRCODE_AGC_BUDGET_EXCEEDED		MAKE_SQLSTATE('T', 'C', '0', '0', '2')
#define ERRCODE_AGC_NOT_ALLOWED			MAKE_SQLSTATE('T', 'C', '0', '0', '3')
#define ERRCODE_AGC_LOST_LEASE			MAKE_SQLSTATE('T', 'C', '0', '0', '7')

#define REASON_UNKNOWN_TOOL			"unknown_tool"
#define REASON_INVALID_ARGS			"invalid_args"
#define REASON_NOT_IN_ALLOWLIST		"not_in_allowlist"
#define REASON_DENYLIST_MATCH		"denylist_match"
#define REASON_METHOD_BLOCKED		"method_blocked"
#define REASON_INVALID_URL			"invalid_url"
#define REASON_BUDGET_EXCEEDED		"budget_exceeded"
#define REASON_RATE_LIMITED			"rate_limited"
#define REASON_CIRCUIT_OPEN			"circuit_open"
#define REASON_IN_PROGRESS			"in_progress"
#define REASON_KEY_CONFLICT			"key_conflict"
#define REASON_CONTENTION			"contention"
#define REASON_OUTCOME_UNKNOWN		"outcome_unknown"
#define REASON_APPROVAL_REQUIRED	"approval_required"
#define REASON_APPROVAL_EXPIRED		"approval_expired"
#define REASON_LOOP_DETECTED		"loop_detected"
#define REASON_FAILED_BEFORE		"failed_before"
#define REASON_AGENT_DISABLED		"agent_disabled"
#define REASON_TOOL_DISABLED		"tool_disabled"
#define REASON_TOOL_CHANGED			"tool_changed"
#define REASON_TENANT_DISABLED		"tenant_disabled"
#define REASON_TASK_STOPPED			"task_stopped"
#define REASON_CHECK_FAILED			"check_failed"
#define REASON_LIMIT_EXCEEDED		"limit_exceeded"
#define REASON_ALREADY_DONE			"already_done"
#define REASON_TASK_REQUIRED		"task_required"
#define REASON_SUBJECT_REQUIRED		"subject_required"

/* of a settlement: the call ran, and its result does not match the output schema */
#define SETTLED_INVALID_RESULT	"invalid_result"

/* why retry_next() and call_fail() advise what they do */
#define ADVICE_RETRYABLE_STATUS			"retryable_status"
#define ADVICE_RETRYABLE_ERROR			"retryable_error"
#define ADVICE_RETRY_AFTER				"retry_after"
#define ADVICE_RETRY_AFTER_TOO_LONG		"retry_after_too_long"
#define ADVICE_FATAL_STATUS				"fatal_status"
#define ADVICE_FATAL_ERROR				"fatal_error"
#define ADVICE_QUOTA					"quota"
#define ADVICE_CANCELLED				"cancelled"
#define ADVICE_UNKNOWN_ERROR			"unknown_error"
#define ADVICE_ATTEMPTS_EXHAUSTED		"attempts_exhausted"
#define ADVICE_DEADLINE					"deadline"
#define ADVICE_POSSIBLY_EXECUTED		"possibly_executed"
#define ADVICE_ALREADY_SETTLED			"already_settled"

#endif							/* AGENTCORE_ERRORS_H */
