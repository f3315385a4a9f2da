/*
 * record.c
 *	  What this room does when the library is loaded: its settings.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "record/record.h"

#include "utils/guc.h"

int			agc_audit = AGC_AUDIT_NONE;
bool		agc_log_denials = false;
int			agc_record = TOOL_RECORD_DIGEST;

static const struct config_enum_entry audit_options[] = {
	{"none", AGC_AUDIT_NONE, false},
	{"denied", AGC_AUDIT_DENIED, false},
	{"all", AGC_AUDIT_ALL, false},
	{NULL, 0, false}
};

static const struct config_enum_entry record_options[] = {
	{"none", TOOL_RECORD_NONE, false},
	{"digest", TOOL_RECORD_DIGEST, false},
	{"args", TOOL_RECORD_ARGS, false},
	{"all", TOOL_RECORD_ALL, false},
	{NULL, 0, false}
};

ToolRecord
record_level(const ToolDef *tool)
{
	return tool == NULL || tool->record == TOOL_RECORD_UNSET ? (ToolRecord) agc_record : tool->record;
}

void
record_init(void)
{
	DefineCustomEnumVariable("agentcore.audit",
							 "Which calls the gate writes to agentcore.call_log.",
							 "none: no call; denied: refusals; all: every verdict. "
							 "The row is part of the calling transaction: ROLLBACK removes it.",
							 &agc_audit, AGC_AUDIT_NONE, audit_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.log_denials",
							 "Write every refusal of the gate to the server log.",
							 "ROLLBACK does not remove the line. Argument values are never logged.",
							 &agc_log_denials, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.record",
							 "What agentcore.call_log keeps of arguments and results of tools that do not say so themselves.",
							 "none: nothing; digest: a keyed digest of the arguments; args: the arguments too; all: results too. "
							 "What a tool's redact names is never kept.",
							 &agc_record, TOOL_RECORD_DIGEST, record_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}
