/*
 * common.h
 *	  The policies '*', which are judged beside each agent's own.
 *
 * Public: the room of tasks has limits of them.
 */
#ifndef AGENTCORE_ALLOW_COMMON_H
#define AGENTCORE_ALLOW_COMMON_H

#include "core/core.h"

#define COMMON_POLICY	"*"		/* of a tenant, or of tenant '*' */
#define EVERY_TENANT	"*"
#define COMMON_MAX		2

/* Pins the policies '*' that there are; how many.  agc_object_unpin() each. */
extern int	allow_pin_common(const char *tenant, AgcObject *common[COMMON_MAX]);

/* Raises 22023 for an allow in a policy '*', and for another policy of tenant '*'. */
extern void allow_check_common(const char *tenant, const char *policy, bool allows);

#endif							/* AGENTCORE_ALLOW_COMMON_H */
