/*
 * context.h
 *	  What a rule may know of a call: the members of its context.
 *
 * A context is read, never built whole: a member is asked for when a rule names
 * it, once, and kept.  An absent member and a null one are the same.
 */
#ifndef AGENTCORE_ALLOW_CONTEXT_H
#define AGENTCORE_ALLOW_CONTEXT_H

#include "allow/context_write.h"

typedef enum ContextMember
{
	CONTEXT_TOOL,				/* text */
	CONTEXT_TRAITS,				/* array of text: the administrator's words for the tool */
	CONTEXT_ARGS,				/* object: the arguments that will run */
	CONTEXT_AGENT,				/* text */
	CONTEXT_TASK,				/* text; absent without a task, as labels and facts are */
	CONTEXT_SUBJECT,			/* text */
	CONTEXT_LABELS,				/* array of text; [] in a task that has none */
	CONTEXT_FACTS,				/* object: fact -> array of values */
	CONTEXT_CLOCK,				/* object of hour, minute, weekday (ISO: 1 = Monday), in the policy's zone */
	CONTEXT_EST_USD,			/* number; absent: unknown */
	CONTEXT_EST_TOKENS,			/* number; absent: unknown */
	CONTEXT_RESULT,				/* of the conditions of facts only */
	CONTEXT_MEMBERS
} ContextMember;

typedef struct RuleContext
{
	/* the member's value, in CurrentMemoryContext; NULL: absent.  Not asked for CONTEXT_CLOCK, if "now" is set. */
	Jsonb	   *(*read) (struct RuleContext *context, ContextMember member);
	void	   *arg;			/* the reader's */
	TimestampTz now;			/* what the clock shows, read when first asked for; 0: the reader has a clock of its own */

	/* the rest is context.c's */
	uint32		known;			/* a bit per member: asked for */
	Jsonb	   *value[CONTEXT_MEMBERS];
	const char *clock_zone;		/* that the clock was read in */
	Jsonb	   *document;		/* all of it, with the clock of document_zone; NULL: not built */
	const char *document_zone;
} RuleContext;

#define CONTEXT_NOW_UNREAD DT_NOBEGIN

extern void context_init(RuleContext *context, Jsonb *(*read) (RuleContext *, ContextMember), void *arg);

/* of a clock in a document: the time, by which its hour is read in the zone of the policy that asks */
#define CONTEXT_CLOCK_AT "at"

/* a context that is a document: what policy_simulate() and call_log.context hold; 22023 for what is none */
extern void context_init_document(RuleContext *context, Jsonb *document);

/* NULL: absent, or null.  zone: of the policy that asks. */
extern Jsonb *context_member(RuleContext *context, ContextMember member, const char *zone);

/* every member that is there, as one object: what a check function is given */
extern Jsonb *context_document(RuleContext *context, const char *zone);

/* CONTEXT_MEMBERS: no such member */
extern ContextMember context_member_named(const char *name, uint32 len);
extern const char *context_member_name(ContextMember member);

#endif							/* AGENTCORE_ALLOW_CONTEXT_H */
