/*
 * check.h
 *	  Decisions in the form in which SQL and the gate see them.
 */
#ifndef AGENTCORE_ALLOW_CHECK_H
#define AGENTCORE_ALLOW_CHECK_H

#include "allow/allow.h"
#include "allow/url.h"

/* the decision of a pinned policy with all its facts; url and method may be NULL */
extern void allow_check_pinned(const AgcObject *object, AllowForm form, const char *url, Size len,
							   const char *method, AllowDecision *out);

/* reads a text of that form; buffer: ALLOW_URL_BUFFER(len) bytes, which *out points into */
extern AllowUrlError allow_form_parse(AllowForm form, const char *text, Size len, char *buffer, AllowUrl *out);

/* the columns of agentcore.url_decision */
extern void allow_put_decision(AgcRow *row, const AllowDecision *decision);

/*
 * What the policy, beside the policies '*' of the tenant, says of a call by its
 * context, a document; without its checks, and nothing of the tool itself.  An ask that
 * applies is approval_required.  22023 for a document that is no context.
 */
extern void allow_check_context_pinned(const char *tenant, const AgcObject *object, Jsonb *document, AllowDecision *out);

/* the tool that a context names; NULL: none */
extern char *allow_context_tool(Jsonb *document);

/* a tool against a pinned policy; *out is zeroed */
extern void allow_check_tool_pinned(const AgcObject *object, const char *tool, AllowDecision *out);

#endif							/* AGENTCORE_ALLOW_CHECK_H */
