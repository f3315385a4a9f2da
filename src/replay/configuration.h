/*
 * configuration.h
 *	  Under which configuration calls are judged again.
 */
#ifndef AGENTCORE_REPLAY_CONFIGURATION_H
#define AGENTCORE_REPLAY_CONFIGURATION_H

#include "call/call.h"

/* Objects of which nobody knows what they were at the time. */
typedef struct LeftOut
{
	int			n;
	struct LeftOutObject *object;
} LeftOut;

/*
 * Arguments n (a document, or what config_resolve() and config_rows_at() return) and n + 1 (a time) of the
 * function; true: rows stand in place of the registry's until agc_overlay_end().
 */
extern bool configuration_begin(FunctionCallInfo fcinfo, int n, const char *tenant, LeftOut *out);

/* what the call needs of them, in words; NULL: nothing */
extern const char *configuration_lacks(const LeftOut *left_out, const Gate *gate);

#endif							/* AGENTCORE_REPLAY_CONFIGURATION_H */
