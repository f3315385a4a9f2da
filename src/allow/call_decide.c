/*
 * call_decide.c
 *	  The decision over the rules that look at a call.
 *
 * Deny beats ask beats allow, and no allow is a denial; the order of rules never
 * matters, and an answer names the oldest of those that say the same.  The
 * agent's policy is judged, and beside it the policies '*' of the tenant and of
 * tenant '*', which can allow nothing.
 *
 * Memory: CurrentMemoryContext.  Locks: those of agc_object_pin().  On ERROR:
 * pins go at transaction end; nothing is raised for what the context holds.
 */
#include "allow/call_rule.h"

#include "allow/common.h"
#include "allow/condition_feedback.h"
#include "allow/decide.h"
#include "allow/match.h"
#include "allow/pin.h"
#include "allow/policy_compile.h"

typedef struct Finding
{
	const CallRule *rule;
	const Policy *policy;
	Truth		truth;
	const char *pointer;
} Finding;

typedef struct Decision
{
	RuleContext *context;
	TimestampTz now;
	Finding		deny;
	Finding		allow;
	Finding		missed;			/* the oldest allow that did not hold */
	Finding		observed;		/* the oldest rule with audit that would have refused */
	List	   *asks;			/* of Finding; what applies */
	bool		asked_by_own;	/* one of them is the agent's policy's, or would be but for its mode */
	bool		denied_by_own;	/* the agent's policy is in audit mode, and would deny */
	bool		looked;			/* a rule looks at calls of the tool, or a policy has checks */
	bool		has_checks;
	AgcObject  *pinned[1 + COMMON_MAX]; /* policies '*' first */
	int			ncommon;
	int			npinned;
} Decision;

/* the oldest, unless one was found in an earlier policy */
static void
keep(Finding *best, const Finding *found)
{
	if (best->rule == NULL || (best->policy == found->policy && found->rule->id < best->rule->id))
		*best = *found;
}

static void
weigh(Decision *decision, const Finding *found, bool own)
{
	bool		holds = found->truth == TRUTH_TRUE;
	bool		applies = found->rule->effect == CALL_ALLOW ? holds : found->truth != TRUTH_FALSE;

	if (!applies)
	{
		if (found->rule->effect == CALL_ALLOW)
			keep(&decision->missed, found);
	}
	else if (found->rule->audit)
		keep(&decision->observed, found);
	else if (found->rule->effect == CALL_DENY)
		keep(&decision->deny, found);
	else if (found->rule->effect == CALL_ALLOW)
	{
		if (own)
			keep(&decision->allow, found);
	}
	else
	{
		decision->asks = lappend(decision->asks, memcpy(palloc(sizeof(Finding)), found, sizeof(Finding)));
		decision->asked_by_own |= own;
	}
}

typedef void (*RuleVisitor) (const Policy *policy, const CallRule *rule, Truth truth, const char *pointer, void *arg);

/* Each rule of one policy for the tool that is valid now, with its truth.  Returns whether any rule names the tool. */
static bool
each_rule(const Policy *policy, const char *tool, RuleContext *context, TimestampTz *now, RuleVisitor visit, void *arg)
{
	ConditionScope scope = {0};
	const CallRule *rule;
	int			at = 0;

	if (policy->calls == NULL)
		return false;
	while ((rule = call_rules_next(policy->calls, tool, &at)) != NULL)
	{
		const char *pointer = NULL;
		Truth		truth = TRUTH_TRUE;

		if (!allow_valid_now(rule->valid_from, rule->valid_until, now))
			continue;
		if (rule->when != NULL)
		{
			if (scope.values == NULL)
				condition_scope_init(&scope, context, policy->tz, policy->calls->pointers);
			truth = condition_judge(rule->when, &scope, &pointer);
		}
		visit(policy, rule, truth, pointer, arg);
	}
	return at > 0;
}

typedef struct Visit
{
	Decision   *decision;
	bool		own;
} Visit;

static void
visit_weigh(const Policy *policy, const CallRule *rule, Truth truth, const char *pointer, void *arg)
{
	Visit	   *visit = arg;
	Finding		found = {rule, policy, truth, pointer};

	weigh(visit->decision, &found, visit->own);
}

static const Policy *
pin(Decision *decision, const char *tenant, const char *name)
{
	AgcObject  *object = agc_object_pin(&allow_policy_class, tenant, name);

	if (object == NULL)
		return NULL;
	decision->pinned[decision->npinned++] = object;
	return object->data;
}

static void
pin_common(Decision *decision, const char *tenant)
{
	decision->ncommon = decision->npinned = allow_pin_common(tenant, decision->pinned);
}

static const Policy *
common(const Decision *decision, int i)
{
	return decision->pinned[i]->data;
}

static void
unpin_all(Decision *decision)
{
	while (decision->npinned > 0)
		agc_object_unpin(decision->pinned[--decision->npinned]);
}

/* What a policy in audit mode would have refused or asked is only reported; what it allows, it allows. */
static void
judge_observed(Decision *decision, const Policy *policy, const char *tool, bool own)
{
	Decision	apart = *decision;
	Visit		visit = {&apart, own};
	bool		denies;

	apart.asks = NIL;
	decision->looked |= each_rule(policy, tool, decision->context, &apart.now, visit_weigh, &visit);
	decision->now = apart.now;
	decision->allow = apart.allow;
	decision->missed = apart.missed;
	denies = apart.deny.rule != NULL && apart.deny.policy == policy;
	decision->denied_by_own |= own && denies;
	decision->asked_by_own |= apart.asked_by_own;
	if (denies)
		keep(&decision->observed, &apart.deny);
	else if (apart.asks != NIL)
		keep(&decision->observed, linitial(apart.asks));
	else if (apart.observed.rule != NULL)
		keep(&decision->observed, &apart.observed);
}

/* A policy that is off judges nothing. */
static void
judge_policy(Decision *decision, const Policy *policy, const char *tool, bool own)
{
	Visit		visit = {decision, own};

	if (policy->mode == POLICY_OFF)
		return;
	decision->has_checks |= policy->has_checks;
	if (policy->mode == POLICY_AUDIT)
		judge_observed(decision, policy, tool, own);
	else
		decision->looked |= each_rule(policy, tool, decision->context, &decision->now, visit_weigh, &visit);
}

static const char *
shown_name(const CallRule *rule)
{
	return rule->ask.name != NULL ? agc_shown(rule->ask.name, AGC_MAX_NAME) : psprintf("%lld", (long long) rule->id);
}

static char *
detail_of(const Finding *found)
{
	if (found->pointer == NULL)
		return psprintf("rule: %s", shown_name(found->rule));
	return psprintf("rule: %s (%s: %s)", shown_name(found->rule),
					found->truth == TRUTH_UNKNOWN ? "unknown" : "false", agc_shown(found->pointer, AGC_MAX_NAME));
}

/* The rule's own words; else which member was wrong, never its value, and what would be right. */
static char *
feedback_of(const Finding *found)
{
	if (found->rule->ask.feedback != NULL)
		return pstrdup(found->rule->ask.feedback);
	if (found->pointer == NULL)
		return psprintf("This call is not allowed here.%s", condition_allowed(found->rule->when, NULL));
	return psprintf("This call is not allowed with what it has at %s.%s", agc_shown(found->pointer, AGC_MAX_NAME),
					condition_allowed(found->rule->when, found->pointer));
}

static void
refuse(CallJudgement *out, const char *reason, const Finding *found)
{
	out->reason = reason;
	out->detail = detail_of(found);
	out->feedback = feedback_of(found);
	out->pointer = found->pointer == NULL ? NULL : pstrdup(found->pointer);
	out->rule = found->rule->id;
}

static void
put_ask(CallAsk *ask, const CallAsk *rule)
{
	*ask = *rule;
	ask->policy = pstrdup(rule->policy);
	ask->name = rule->name == NULL ? NULL : pstrdup(rule->name);
	ask->approvers = rule->approvers == NULL ? NULL : pstrdup(rule->approvers);
	ask->feedback = rule->feedback == NULL ? NULL : pstrdup(rule->feedback);
	ask->bind = palloc(Max(rule->nbind, 1) * sizeof(char *));
	for (int i = 0; i < rule->nbind; i++)
		ask->bind[i] = pstrdup(rule->bind[i]);
}

static void
put_asks(CallJudgement *out, const List *asks)
{
	ListCell   *cell;

	if (asks == NIL)
		return;
	out->asks = palloc(list_length(asks) * sizeof(CallAsk));
	foreach(cell, asks)
		put_ask(&out->asks[out->nasks++], &((const Finding *) lfirst(cell))->rule->ask);
}

/* What the policy says of the tool by its name only: NULL: it allows it. */
static const char *
name_reason(const Policy *policy, const char *tool)
{
	AllowVerdict verdict;

	allow_decide_tool(policy, tool, &verdict);
	return verdict.by_call ? REASON_NOT_IN_ALLOWLIST : verdict.reason;
}

static void
put_observed(CallJudgement *out, const Finding *found)
{
	if (found->rule == NULL)
		return;
	out->observed_reason = found->rule->effect == CALL_ASK ? REASON_APPROVAL_REQUIRED : REASON_DENYLIST_MATCH;
	out->observed_detail = detail_of(found);
	out->observed_rule = found->rule->id;
}

/* No rule allows the call: which one was nearest? */
static void
refuse_missed(CallJudgement *out, const Decision *decision, const char *tool)
{
	if (decision->missed.rule != NULL)
	{
		refuse(out, REASON_NOT_IN_ALLOWLIST, &decision->missed);
		return;
	}
	out->reason = REASON_NOT_IN_ALLOWLIST;
	out->detail = psprintf("tool: %s", agc_shown(tool, AGC_MAX_NAME));
	out->feedback = pstrdup("This tool is not allowed here.");
}

static void
conclude(const Decision *decision, const Policy *own, const char *tool, CallJudgement *out)
{
	bool		decided = decision->allow.rule != NULL || decision->asked_by_own || decision->denied_by_own;

	put_observed(out, &decision->observed);
	out->allowed_by = decision->allow.rule != NULL ? decision->allow.rule->id : 0;
	if (decision->deny.rule != NULL)
		refuse(out, REASON_DENYLIST_MATCH, &decision->deny);
	else if (!decided && own->mode != POLICY_OFF && name_reason(own, tool) != NULL)
	{
		refuse_missed(out, decision, tool);
		if (own->mode == POLICY_AUDIT)
		{
			out->observed_reason = out->reason;
			out->observed_detail = out->detail;
			out->observed_rule = out->rule;
			out->reason = NULL;
		}
	}
	if (out->reason == NULL)
		put_asks(out, decision->asks);
}

static void
judge(Decision *decision, const Policy *own, const char *tool, CallJudgement *out)
{
	judge_policy(decision, own, tool, true);
	for (int i = 0; i < decision->ncommon; i++)
		judge_policy(decision, common(decision, i), tool, false);
	conclude(decision, own, tool, out);
	out->looked = decision->looked;
	out->has_checks = decision->has_checks;
}

void
allow_judge_call(const char *tenant, const char *policy, const char *tool, RuleContext *context, CallJudgement *out)
{
	Decision	decision = {.context = context};
	const Policy *own;

	pin_common(&decision, tenant);
	own = policy == NULL ? NULL : pin(&decision, tenant, policy);
	memset(out, 0, sizeof(*out));
	if (own != NULL)
		judge(&decision, own, tool, out);
	else
	{
		out->reason = REASON_NOT_IN_ALLOWLIST;
		out->detail = pstrdup("policy: null");
		out->feedback = pstrdup("This tool is not allowed here.");
		out->looked = true;
	}
	unpin_all(&decision);
}

void
call_judge(const char *tenant, const char *name, const Policy *policy, const char *tool, RuleContext *context, CallJudgement *out)
{
	Decision	decision = {.context = context};

	memset(out, 0, sizeof(*out));
	if (strcmp(name, COMMON_POLICY) == 0)
	{
		judge_policy(&decision, policy, tool, false);
		put_observed(out, &decision.observed);
		if (decision.deny.rule != NULL)
			refuse(out, REASON_DENYLIST_MATCH, &decision.deny);
		else
			put_asks(out, decision.asks);
		return;
	}
	pin_common(&decision, tenant);
	judge(&decision, policy, tool, out);
	unpin_all(&decision);
}

static bool
looks_at_calls(const Policy *policy)
{
	return policy->mode != POLICY_OFF && (policy->calls != NULL || policy->has_checks);
}

bool
allow_common_judges_calls(const char *tenant)
{
	AgcObject  *common[COMMON_MAX];
	int			n = allow_pin_common(tenant, common);
	bool		found = false;

	while (n > 0)
	{
		found |= looks_at_calls(common[--n]->data);
		agc_object_unpin(common[n]);
	}
	return found;
}

/* ----- every rule's word ------------------------------------------------------------ */

typedef struct Words
{
	const char *policy;
	List	   *all;			/* of RuleWord */
} Words;

static void
visit_word(const Policy *policy, const CallRule *rule, Truth truth, const char *pointer, void *arg)
{
	static const char *const effects[] = {"allow", "deny", "ask"};
	Words	   *words = arg;
	RuleWord   *word = palloc(sizeof(RuleWord));

	*word = (RuleWord)
	{
		.policy = words->policy, .id = rule->id, .name = rule->ask.name == NULL ? NULL : pstrdup(rule->ask.name),
			.effect = effects[rule->effect], .pattern = pstrdup(rule->pattern), .truth = truth,
			.pointer = pointer == NULL ? NULL : pstrdup(pointer), .audit = rule->audit || policy->mode == POLICY_AUDIT
	};
	words->all = lappend(words->all, word);
}

static void
add_words(Words *words, const Policy *policy, const char *name, const char *tool, RuleContext *context)
{
	TimestampTz now = 0;

	words->policy = name;
	if (policy != NULL && policy->mode != POLICY_OFF)
		(void) each_rule(policy, tool, context, &now, visit_word, words);
}

List *
allow_explain_call(const char *tenant, const char *policy, const char *tool, RuleContext *context)
{
	Decision	decision = {0};
	Words		words = {0};

	pin_common(&decision, tenant);
	if (policy != NULL && strcmp(policy, COMMON_POLICY) != 0)
		add_words(&words, pin(&decision, tenant, policy), policy, tool, context);
	for (int i = 0; i < decision.ncommon; i++)
		add_words(&words, common(&decision, i), COMMON_POLICY, tool, context);
	unpin_all(&decision);
	return words.all;
}

bool
allow_find_ask(const char *tenant, const char *policy, const char *name, CallAsk *out)
{
	Decision	decision = {0};
	const Policy *found = pin(&decision, tenant, policy);
	bool		is_there = false;

	for (int i = 0; found != NULL && found->calls != NULL && i < found->calls->count && !is_there; i++)
	{
		const CallRule *rule = &found->calls->items[i];

		is_there = rule->effect == CALL_ASK && rule->ask.name != NULL && strcmp(rule->ask.name, name) == 0;
		if (is_there)
			put_ask(out, &rule->ask);
	}
	unpin_all(&decision);
	return is_there;
}
