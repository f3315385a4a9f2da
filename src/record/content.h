/*
 * content.h
 *	  How much of arguments and results a row may hold.  Public, by record.h.
 */
#ifndef AGENTCORE_RECORD_CONTENT_H
#define AGENTCORE_RECORD_CONTENT_H

#include "core/core.h"
#include "tool/tool.h"

/* what stands in the place of a value that redact names */
#define RECORD_REDACTED "[redacted]"

/* ----- settings (record.c): agc_x is agentcore.x ----- */
extern int	agc_record;			/* a ToolRecord */

/*
 * What the log keeps of calls of a tool, or of a model (tool NULL): its own word, else
 * agentcore.record; never TOOL_RECORD_UNSET.
 */
extern ToolRecord record_level(const ToolDef *tool);

/*
 * Arguments and a result without what the tool's redact points at; tool NULL: as they
 * are.  54001 for what is nested deeper than the stack allows.
 */
extern Jsonb *record_redact_args(const ToolDef *tool, Jsonb *args);
extern Jsonb *record_redact_result(const ToolDef *tool, Jsonb *result);

/* of an object what the tool's log_args points at, and nothing else; NULL for what is no object */
extern Jsonb *record_kept_args(const ToolDef *tool, Jsonb *args);

/* equal for equal arguments of one tenant in one database, and for nobody to guess; 54001 as above */
extern void record_digest_args(const char *tenant, Jsonb *args, uint8 out[AGC_HASH_LEN]);

#endif							/* AGENTCORE_RECORD_CONTENT_H */
