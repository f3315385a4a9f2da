/*
 * traceparent.h
 *	  The trace that a call is a part of.  Public, by record.h.
 */
#ifndef AGENTCORE_RECORD_TRACEPARENT_H
#define AGENTCORE_RECORD_TRACEPARENT_H

#include "core/core.h"

/*
 * An argument: version, trace id, parent id and flags of a W3C traceparent.  NULL:
 * none, or it was no traceparent, of which one WARNING per session tells.
 */
extern char *record_opt_trace(FunctionCallInfo fcinfo, int n);

#endif							/* AGENTCORE_RECORD_TRACEPARENT_H */
