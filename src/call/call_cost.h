/*
 * call_cost.h
 *	  What a settlement says that the call has used.
 */
#ifndef AGENTCORE_CALL_CALL_COST_H
#define AGENTCORE_CALL_CALL_COST_H

#include "call/gate.h"

/*
 * Fills in what is not told yet (-1) by the usage object that is argument n, at the
 * model's price.  What it does not say stays -1, with a WARNING where it is not
 * understood.  false: there is no usage object.
 */
extern bool call_cost_of_usage(FunctionCallInfo fcinfo, int n, const char *tenant, const PermitRow *permit,
							   CallCost *cost);

#endif							/* AGENTCORE_CALL_CALL_COST_H */
