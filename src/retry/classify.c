/*
 * classify.c
 *	  The class of a failure by rules: the policy's own, then the built-in ones
 *	  of service_rules.c, client_rules.c and transport_rules.c.  The first that matches decides.
 *
 * A wait hint makes a 429 a throttle whatever the words, because only who will
 * serve again says when; so does a limit by day or month, unless a code says
 * that the account is spent.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/classify.h"

#include "retry/failure.h"
#include "retry/failure_rules.h"

static const char *const class_names[] = {
	"unknown", "retry", "throttle", "fatal", "quota", "cancelled"
};

const FailureRule *
failure_rule(int n)
{
	if (n < service_nrules)
		return &service_rules[n];
	n -= service_nrules;
	if (n < client_nrules)
		return &client_rules[n];
	n -= client_nrules;
	return n < transport_nrules ? &transport_rules[n] : NULL;
}

static bool
matches(const FailureRule *rule, const Failure *failure)
{
	if (failure->status < rule->first || failure->status > rule->last)
		return false;
	switch (rule->match)
	{
		case FAILURE_BY_STATUS:
			return true;
		case FAILURE_BY_CODE:
			return failure_has_code(failure, rule->text);
		case FAILURE_BY_NAME:
			return failure_begins_with(failure, rule->text);
		case FAILURE_BY_PHRASE:
			return failure_find_alone(failure, rule->text) != NULL;
		case FAILURE_BY_TEXT:
			return failure->end - failure->text == (int) strlen(rule->text) &&
				word_starts(failure->text, failure->end, rule->text);
		case FAILURE_BY_HINT:
			return failure->hinted;
		case FAILURE_BY_SIZE:
			return failure_exceeds_limit(failure);
	}
	return false;
}

/* The first rule from the n-th on that matches; skip: rules of this class do not count. */
static const FailureRule *
first_match(const Failure *failure, int n, RetryClass skip, int *at)
{
	const FailureRule *rule;
	bool		mute = failure->text == failure->end;

	for (; (rule = failure_rule(n)) != NULL; n++)
	{
		if (rule->class == skip || (mute && rule->match != FAILURE_BY_STATUS && rule->match != FAILURE_BY_HINT))
			continue;
		if (matches(rule, failure))
			break;
	}
	*at = n;
	return rule;
}

static const FailureRule *
policy_match(const RetryRule *rules, int nrules, const Failure *failure, int status, FailureRule *rule)
{
	for (int i = 0; i < nrules; i++)
	{
		if (status < rules[i].first || status > rules[i].last)
			continue;
		if (rules[i].error != NULL &&
			(failure->text == failure->end || failure_find(failure, rules[i].error) == NULL))
			continue;
		*rule = (FailureRule)
		{
			.match = rules[i].error != NULL || status == 0 ? FAILURE_BY_PHRASE : FAILURE_BY_STATUS,
			.class = rules[i].class, .outcome = FAILURE_BY_CAUSE
		};
		return rule;
	}
	return NULL;
}

/*
 * Whether a rule for a retry, from the n-th on, says that nothing was sent.  What
 * stands beside a code in a body is told by a service, of what is behind it.
 */
static bool
cause_is_open(const Failure *failure, const FailureRule *rule, int n)
{
	if (rule->match == FAILURE_BY_CODE && failure->has_members)
		return true;
	for (; (rule = failure_rule(n)) != NULL; n++)
		if (failure->text != failure->end && rule->class == RETRY_CLASS_RETRY && rule->match != FAILURE_BY_STATUS &&
			rule->outcome != FAILURE_BY_CAUSE && matches(rule, failure))
			return rule->outcome == FAILURE_OPEN;
	return true;
}

/*
 * What the other side refused was not done, and neither was what ended before
 * it was sent.  A response of success with an error in it says neither.
 */
static bool
is_open(const FailureRule *rule, int at, const Failure *failure)
{
	int			status = failure->status;

	if (rule != NULL && rule->class == RETRY_CLASS_CANCELLED)
		return true;
	if (rule != NULL && (rule->class == RETRY_CLASS_THROTTLE || rule->class == RETRY_CLASS_QUOTA))
		return false;
	if ((status >= 300 && status < 500) || status == 501 || status == 503 || status == 505 ||
		status == 507 || status == 511 || status == 529)
		return false;
	if (rule == NULL || status >= 500 || rule->outcome == FAILURE_OPEN)
		return true;
	/* the words of a broken network inside of a response are those of a call behind it */
	if (failure->response && rule->class == RETRY_CLASS_RETRY)
		return true;
	return rule->outcome == FAILURE_BY_CAUSE && cause_is_open(failure, rule, at);
}

void
retry_classify(const RetryRule *rules, int nrules, int status, const char *error,
			   bool hinted, bool exhausted, RetryVerdict *verdict)
{
	Failure		failure;
	FailureRule of_policy;
	const FailureRule *rule;
	bool		daily;
	int			at = 0;

	failure_read(&failure, status, error, hinted || exhausted);
	daily = failure_is_daily(&failure);
	rule = policy_match(rules, nrules, &failure, status, &of_policy);
	if (rule == NULL)
		rule = first_match(&failure, 0, RETRY_CLASS_UNKNOWN, &at);
	if (rule != NULL && rule != &of_policy && rule->class == RETRY_CLASS_QUOTA &&
		(hinted || (daily && rule->match == FAILURE_BY_PHRASE)))
	{
		int			other_at;
		const FailureRule *other = first_match(&failure, 0, RETRY_CLASS_QUOTA, &other_at);

		if (other != NULL && other->class == RETRY_CLASS_THROTTLE)
		{
			rule = other;
			at = other_at;
		}
	}
	verdict->class = rule == NULL ? RETRY_CLASS_UNKNOWN : rule->class;
	verdict->by_error = rule != NULL && (rule->match != FAILURE_BY_STATUS || failure.status_in_text);
	verdict->open = is_open(rule, at, &failure);
	verdict->daily = daily && verdict->class == RETRY_CLASS_THROTTLE;
}

RetryClass
retry_class_parse(const char *word, int len)
{
	for (int i = RETRY_CLASS_RETRY; i < RETRY_CLASS_CANCELLED; i++)
		if ((int) strlen(class_names[i]) == len && memcmp(class_names[i], word, len) == 0)
			return i;
	return RETRY_CLASS_UNKNOWN;
}

const char *
retry_class_name(RetryClass class)
{
	return class_names[class];
}
