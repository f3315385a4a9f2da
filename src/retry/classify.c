/*
 * classify.c
 *	  The class of a failure by rules: the policy's own, then the built-in ones.
 *
 * The first rule that matches decides.  Built in, in this order: spent quota
 * is fatal under any status (waiting does not refill an account); overload is
 * worth a retry under any status (streams report it inside a 200); then the
 * status; the words of a broken network count only where there was no status,
 * because a server that answered 400 "timeout must be positive" was reached.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/classify.h"

/* an error text is judged by its beginning */
#define MAX_ERROR_SCAN	16384

#define ANY_STATUS		0, RETRY_STATUS_MAX
#define NO_STATUS		0, 0

static const RetryRule builtin_rules[] = {
	{ANY_STATUS, "insufficient_quota", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "quota_exceeded", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "exceeded your current quota", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "billing", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "billing_error", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "billing_hard_limit_reached", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "billing_not_active", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "credit balance is too low", RETRY_CLASS_QUOTA},
	{ANY_STATUS, "insufficient credits", RETRY_CLASS_QUOTA},

	{ANY_STATUS, "overloaded_error", RETRY_CLASS_THROTTLE},
	{ANY_STATUS, "overloaded", RETRY_CLASS_THROTTLE},
	{ANY_STATUS, "rate_limit_error", RETRY_CLASS_THROTTLE},
	{ANY_STATUS, "rate_limit_exceeded", RETRY_CLASS_THROTTLE},
	{ANY_STATUS, "ThrottlingException", RETRY_CLASS_THROTTLE},

	{402, 402, NULL, RETRY_CLASS_QUOTA},
	{408, 408, NULL, RETRY_CLASS_RETRY},
	{425, 425, NULL, RETRY_CLASS_RETRY},
	{429, 429, NULL, RETRY_CLASS_THROTTLE},
	{500, 500, NULL, RETRY_CLASS_RETRY},
	{502, 504, NULL, RETRY_CLASS_RETRY},
	{529, 529, NULL, RETRY_CLASS_THROTTLE},
	{400, RETRY_STATUS_MAX, NULL, RETRY_CLASS_FATAL},

	{NO_STATUS, "timeout", RETRY_CLASS_RETRY},
	{NO_STATUS, "timed out", RETRY_CLASS_RETRY},
	{NO_STATUS, "connection reset", RETRY_CLASS_RETRY},
	{NO_STATUS, "connection refused", RETRY_CLASS_RETRY},
	{NO_STATUS, "connection aborted", RETRY_CLASS_RETRY},
	{NO_STATUS, "connection closed", RETRY_CLASS_RETRY},
	{NO_STATUS, "connection error", RETRY_CLASS_RETRY},
	{NO_STATUS, "broken pipe", RETRY_CLASS_RETRY},
	{NO_STATUS, "socket hang up", RETRY_CLASS_RETRY},
	{NO_STATUS, "network is unreachable", RETRY_CLASS_RETRY},
	{NO_STATUS, "no route to host", RETRY_CLASS_RETRY},
	{NO_STATUS, "temporary failure in name resolution", RETRY_CLASS_RETRY},
	{NO_STATUS, "temporarily unavailable", RETRY_CLASS_RETRY},
	{NO_STATUS, "ECONNRESET", RETRY_CLASS_RETRY},
	{NO_STATUS, "ECONNREFUSED", RETRY_CLASS_RETRY},
	{NO_STATUS, "ECONNABORTED", RETRY_CLASS_RETRY},
	{NO_STATUS, "ETIMEDOUT", RETRY_CLASS_RETRY},
	{NO_STATUS, "EPIPE", RETRY_CLASS_RETRY},
	{NO_STATUS, "ENETUNREACH", RETRY_CLASS_RETRY},
	{NO_STATUS, "EHOSTUNREACH", RETRY_CLASS_RETRY},
	{NO_STATUS, "EAI_AGAIN", RETRY_CLASS_RETRY},
	{NO_STATUS, "TimeoutError", RETRY_CLASS_RETRY},
	{NO_STATUS, "ReadTimeout", RETRY_CLASS_RETRY},
	{NO_STATUS, "ConnectTimeout", RETRY_CLASS_RETRY},
	{NO_STATUS, "APITimeoutError", RETRY_CLASS_RETRY},
	{NO_STATUS, "ConnectionError", RETRY_CLASS_RETRY},
	{NO_STATUS, "ConnectionResetError", RETRY_CLASS_RETRY},
	{NO_STATUS, "APIConnectionError", RETRY_CLASS_RETRY},
	{NO_STATUS, "RemoteDisconnected", RETRY_CLASS_RETRY},
};

/* what ended before a request was sent */
static const char *const before_sending[] = {
	"connection refused", "network is unreachable", "no route to host",
	"temporary failure in name resolution", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH",
	"EAI_AGAIN", "ConnectTimeout",
};

/* our own side gave up */
static const char *const cancels[] = {
	"CancelledError", "AbortError", "context canceled", "KeyboardInterrupt",
};

static const struct
{
	const char *word;
	RetryClass	class;
}			class_words[] = {
	{"retry", RETRY_CLASS_RETRY},
	{"throttle", RETRY_CLASS_THROTTLE},
	{"fatal", RETRY_CLASS_FATAL},
	{"quota", RETRY_CLASS_QUOTA},
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool
is_word_char(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* A phrase as whole words: "timeout" is neither in "notimeout" nor in "timeout_ms". */
static bool
has_phrase(const char *text, int len, const char *phrase)
{
	int			plen = strlen(phrase);
	char		first = lower(phrase[0]);

	for (int at = 0; at + plen <= len; at++)
	{
		int			i;

		if (lower(text[at]) != first)
			continue;
		for (i = 1; i < plen && lower(text[at + i]) == lower(phrase[i]); i++)
			;
		if (i < plen)
			continue;
		if (is_word_char(first) && at > 0 && is_word_char(text[at - 1]))
			continue;
		if (is_word_char(phrase[plen - 1]) && at + plen < len && is_word_char(text[at + plen]))
			continue;
		return true;
	}
	return false;
}

static RetryClass
first_match(const RetryRule *rules, int nrules, int status, const char *error, int len,
			bool *by_error)
{
	for (int i = 0; i < nrules; i++)
	{
		const RetryRule *rule = &rules[i];

		if (status < rule->first || status > rule->last)
			continue;
		if (rule->error != NULL && !has_phrase(error, len, rule->error))
			continue;
		*by_error = rule->error != NULL || status == 0;
		return rule->class;
	}
	return RETRY_CLASS_UNKNOWN;
}

static bool
has_any(const char *const *phrases, int n, const char *error)
{
	int			len = error == NULL ? 0 : (int) strnlen(error, MAX_ERROR_SCAN);

	for (int i = 0; i < n; i++)
		if (has_phrase(error, len, phrases[i]))
			return true;
	return false;
}

RetryClass
retry_classify(const RetryRule *rules, int nrules, int status, const char *error, bool *by_error)
{
	int			len = error == NULL ? 0 : (int) strnlen(error, MAX_ERROR_SCAN);
	RetryClass	class;

	*by_error = false;
	class = first_match(rules, nrules, status, error, len, by_error);
	if (class == RETRY_CLASS_UNKNOWN && (status == 499 || (status == 0 && has_any(cancels, lengthof(cancels), error))))
		class = RETRY_CLASS_CANCELLED;
	if (class == RETRY_CLASS_UNKNOWN)
		class = first_match(builtin_rules, lengthof(builtin_rules), status, error, len, by_error);
	return class;
}

bool
retry_is_open(RetryClass class, int status, const char *error)
{
	if (class == RETRY_CLASS_CANCELLED)
		return true;
	if (class == RETRY_CLASS_THROTTLE || class == RETRY_CLASS_QUOTA)
		return false;
	if ((status >= 300 && status < 500) || status == 503 || status == 529)
		return false;
	if (status >= 500)
		return class != RETRY_CLASS_FATAL;
	return !has_any(before_sending, lengthof(before_sending), error);
}

RetryClass
retry_class_parse(const char *word, int len)
{
	for (int i = 0; i < lengthof(class_words); i++)
		if ((int) strlen(class_words[i].word) == len && memcmp(class_words[i].word, word, len) == 0)
			return class_words[i].class;
	return RETRY_CLASS_UNKNOWN;
}
