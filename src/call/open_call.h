/*
 * open_call.h
 *	  The call that a settlement is about.
 */
#ifndef AGENTCORE_CALL_OPEN_CALL_H
#define AGENTCORE_CALL_OPEN_CALL_H

#include "call/gate.h"

/*
 * The call with the id that is argument n; 42704 where there is none that the caller
 * may end.  lock: its row stays locked to the end of the transaction.
 */
extern void call_find(FunctionCallInfo fcinfo, int n, const char *tenant, bool lock, PermitRow *permit);

/* the same to say what became of it: one that must not run twice every approver may find; locked */
extern void call_find_to_resolve(FunctionCallInfo fcinfo, int n, const char *tenant, PermitRow *permit);

/* pinned as *object; both NULL for a model call and for a tool that is gone or cannot be compiled any more */
extern const ToolDef *call_tool(const char *tenant, const PermitRow *permit, AgcObject **object);

#endif							/* AGENTCORE_CALL_OPEN_CALL_H */
