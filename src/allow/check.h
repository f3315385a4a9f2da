/*
 * check.h
 *	  Decisions in the form in which SQL and the gate see them.
 */
#ifndef AGENTCORE_ALLOW_CHECK_H
#define AGENTCORE_ALLOW_CHECK_H

#include "allow/allow.h"

/* the decision of a pinned policy with all its facts; url and method may be NULL */
extern void allow_check_pinned(const AgcObject *object, AllowForm form, const char *url, Size len,
							   const char *method, AllowDecision *out);

/* the columns of agentcore.url_decision */
extern void allow_put_decision(AgcRow *row, const AllowDecision *decision);

/* a tool against a pinned policy; *out is zeroed */
extern void allow_check_tool_pinned(const AgcObject *object, const char *tool, AllowDecision *out);

#endif							/* AGENTCORE_ALLOW_CHECK_H */
