/*
 * hint.c
 *	  How long the other side asks to be left alone.
 *
 * The header argument is one value, or headers as a client prints them: lines,
 * a JSON object, a Python dictionary, a list of pairs.  Of several hints the longest counts, so
 * that nobody comes back before any of them.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/hint.h"

#include "retry/retry_after.h"
#include "retry/words.h"

#define SECONDS			INT64CONST(1000000)
#define MILLISECONDS	INT64CONST(1000)

/* headers are judged by their beginning; no value is longer */
#define MAX_HEADERS		16384
#define MAX_VALUE		128

static const struct
{
	const char *name;
	int64		unit;
}			firm_headers[] = {
	{"retry-after-ms", MILLISECONDS},	/* OpenAI, Anthropic */
	{"x-ms-retry-after-ms", MILLISECONDS},	/* Azure */
	{"x-amz-retry-after", MILLISECONDS},	/* AWS */
	{"grpc-retry-pushback-ms", MILLISECONDS},
	{"retry-after", SECONDS},
};

/* when a limit is whole again, and how much of it is left */
static const struct
{
	const char *reset;
	const char *remaining;
}			reset_headers[] = {
	{"x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"},
	{"x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"},
	{"x-ratelimit-reset-requests-day", "x-ratelimit-remaining-requests-day"},
	{"x-ratelimit-reset-tokens-minute", "x-ratelimit-remaining-tokens-minute"},
	{"x-ratelimit-reset-after", "x-ratelimit-remaining"},
	{"x-ratelimit-reset", "x-ratelimit-remaining"},
	{"x-rate-limit-reset", "x-rate-limit-remaining"},
	{"ratelimit-reset", "ratelimit-remaining"},
	{"anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining"},
	{"anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"},
	{"anthropic-ratelimit-input-tokens-reset", "anthropic-ratelimit-input-tokens-remaining"},
	{"anthropic-ratelimit-output-tokens-reset", "anthropic-ratelimit-output-tokens-remaining"},
};

/* words of an error before a wait */
static const char *const wait_phrases[] = {
	"try again in", "try again after", "retry in", "retry after", "retry again in", "retry again after", "retry your request after",
	"please wait", "wait for", "reset after", "resets after", "reset in", "resets in", "available again in", "retrying in",
};

/* words before the time at which a wait ends */
static const char *const time_phrases[] = {
	"try again at", "try again after", "retry at", "retry after", "reset at", "resets at", "reset on", "resets on", "reset after", "resets after",
	"available at", "available again at", "reset_at", "resets_at", "resetAt", "resetsAt",
};

/* words between them */
static const char *const fillers[] = {"about ", "approximately ", "at least ", "another ", "for "};

/* members of a body that hold a wait */
static const struct
{
	const char *name;
	int64		unit;
}			wait_members[] = {
	{"retryDelay", SECONDS},	/* google.rpc.RetryInfo */
	{"retry_delay", SECONDS},
	{"retry_after", SECONDS},
	{"retryAfter", SECONDS},
	{"retry-after", SECONDS},
	{"estimated_time", SECONDS},	/* Hugging Face: until the model is loaded */
	{"retry_after_seconds", SECONDS},
	{"retryAfterSeconds", SECONDS},
	{"retry_after_ms", MILLISECONDS},
	{"retryAfterMs", MILLISECONDS},
	{"retry-after-ms", MILLISECONDS},
};

static bool
is_quote(char c)
{
	return c == '"' || c == '\'' || c == '\\';
}

/* The bytes from p on, to a zero byte or so many; readers of values stop there. */
static void
copy_value(char *value, const char *p, const char *end)
{
	int			len = Min(end - p, MAX_VALUE - 1);

	memcpy(value, p, len);
	value[len] = '\0';
}

/* ----- headers ----------------------------------------------------------------- */

/* Takes "name:" at *p, or a name in quotes and the comma of a pair; false: it is no name of a header. */
static bool
take_name(const char *text, const char *end, const char *name, const char **p)
{
	bool		part = *p > text && (*p)[-1] == '-';
	bool		quoted = false;

	*p += strlen(name);
	for (; *p < end && is_quote(**p); (*p)++)
		quoted = true;
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	if (part || *p >= end || !(**p == ':' || (quoted && **p == ',')))
		return false;
	(*p)++;
	/* bytes of Python */
	while (quoted && *p < end && **p == ' ')
		(*p)++;
	if (end - *p > 1 && **p == 'b' && is_quote((*p)[1]))
		(*p)++;
	return true;
}

/* The value of name: as a line, or as a member; false where it is not there. */
static bool
find_header(const char *text, const char *end, const char *name, char *value)
{
	const char *p = text;

	while ((p = word_find(p, end, name)) != NULL)
	{
		const char *close;

		if (!take_name(text, end, name, &p))
			continue;
		while (p < end && (*p == ' ' || *p == '\t' || is_quote(*p)))
			p++;
		for (close = p; close < end && !is_quote(*close) && strchr("\n\r})]", *close) == NULL; close++)
			;
		copy_value(value, p, close);
		return true;
	}
	return false;
}

/* the limits of one header, or of all of them */
typedef struct Resets
{
	int64		spent;			/* of those that have nothing left; -1: there is none */
	RetryHint  *hint;
} Resets;

/* wait: until the limit is whole again; -1: nobody says */
static void
add_reset(Resets *resets, bool is_spent, int64 wait)
{
	resets->hint->exhausted = resets->hint->exhausted || is_spent;
	if (is_spent)
		resets->spent = Max(resets->spent, wait);
	resets->hint->reset = Max(resets->hint->reset, wait);
}

static bool
is_none(const char *remaining)
{
	return strcmp(remaining, "0") == 0 || remaining[0] == '-';
}

/*
 * One header for all limits (draft-ietf-httpapi-ratelimit-headers): "limit=10,
 * remaining=0, reset=17", and since its 8th version ""default";r=0;t=17, ...".
 */
static void
read_ratelimit(const char *text, const char *end, int64 now_unix, Resets *resets)
{
	const char *p = text;
	bool		is_spent = false;

	while (p < end && (p = word_find(p, end, "ratelimit")) != NULL && !take_name(text, end, "ratelimit", &p))
		;
	for (; p != NULL && p < end && strchr("\n\r})]:", *p) == NULL; p++)
	{
		const char *digits = p;
		char		value[MAX_VALUE];
		int64		wait;

		if (p > text && word_char(p[-1]))
			continue;
		while (digits < end && word_char(*digits))
			digits++;
		if (digits == p || digits >= end || *digits != '=')
			continue;
		copy_value(value, digits + 1, end);
		value[strspn(value, "-0123456789")] = '\0';
		if (word_starts(p, digits, "remaining") || (digits - p == 1 && *p == 'r'))
			is_spent = is_none(value);
		else if ((word_starts(p, digits, "reset") || (digits - p == 1 && *p == 't')) &&
				 retry_after_parse(value, SECONDS, now_unix, &wait))
		{
			add_reset(resets, is_spent, wait);
			is_spent = false;
		}
	}
}

static void
read_resets(const char *text, const char *end, int64 now_unix, RetryHint *hint)
{
	char		value[MAX_VALUE];
	Resets		resets = {-1, hint};

	for (int i = 0; i < lengthof(reset_headers); i++)
	{
		bool		is_spent = find_header(text, end, reset_headers[i].remaining, value) && is_none(value);
		int64		wait = -1;

		if (find_header(text, end, reset_headers[i].reset, value) && !retry_after_parse(value, SECONDS, now_unix, &wait))
			wait = -1;
		add_reset(&resets, is_spent, wait);
	}
	read_ratelimit(text, end, now_unix, &resets);

	/* the other limits have something left: they are not what refused */
	if (resets.spent >= 0)
		hint->reset = resets.spent;
}

static void
read_header(const char *header, int64 now_unix, RetryHint *hint)
{
	const char *end = header + strnlen(header, MAX_HEADERS);
	bool		named = false;
	char		value[MAX_VALUE];
	int64		wait;

	for (int i = 0; i < lengthof(firm_headers); i++)
	{
		if (!find_header(header, end, firm_headers[i].name, value))
			continue;
		named = true;
		if (retry_after_parse(value, firm_headers[i].unit, now_unix, &wait))
			hint->header = Max(hint->header, wait);
	}
	read_resets(header, end, now_unix, hint);
	if (named || hint->reset >= 0 || hint->exhausted)
		return;
	while (header < end && word_blank(*header))
		header++;
	while (end > header && word_blank(end[-1]))
		end--;
	if (end - header > 1 && *header == '"' && end[-1] == '"')
	{
		header++;
		end--;
	}
	copy_value(value, header, end);
	if (retry_after_parse(value, SECONDS, now_unix, &wait))
		hint->header = wait;
}

/* ----- the error ---------------------------------------------------------------- */

/* A time that has passed, or a number beside it, says nothing. */
static void
read_times(const WordIndex *index, const char *text, const char *end, int64 now_unix, RetryHint *hint)
{
	for (int i = 0; i < lengthof(time_phrases); i++)
	{
		const char *p = word_maybe(index, time_phrases[i]) ? text : end;

		while ((p = word_find(p, end, time_phrases[i])) != NULL)
		{
			char		value[MAX_VALUE];
			const char *at = value;
			int64		time;

			p += strlen(time_phrases[i]);
			while (p < end && (word_blank(*p) || is_quote(*p) || *p == ':'))
				p++;
			copy_value(value, p, end);
			if (retry_after_take_time(&at, &time) && time > now_unix)
				hint->body = Max(hint->body, Min(time - now_unix, RETRY_MAX_WAIT));
		}
	}
}

/* "a minute" is one */
static bool
take_wait(const char *p, const char *end, int64 unit, int64 now_unix, int64 *wait)
{
	char		value[MAX_VALUE];
	const char *at = value;

	if (word_starts(p, end, "a ") || word_starts(p, end, "an "))
	{
		p = strchr(p, ' ');
		copy_value(value, p, end);
		value[0] = '1';
	}
	else
		copy_value(value, p, end);
	/* a date is no number of seconds */
	if (word_digit(value[0]) && value[strspn(value, "0123456789")] == '-')
		return false;
	return retry_after_take(&at, unit, now_unix, wait);
}

static void
read_phrases(const WordIndex *index, const char *text, const char *end, int64 now_unix, RetryHint *hint)
{
	for (int i = 0; i < lengthof(wait_phrases); i++)
	{
		const char *p = word_maybe(index, wait_phrases[i]) ? text : end;

		while ((p = word_find(p, end, wait_phrases[i])) != NULL)
		{
			int64		wait;

			p += strlen(wait_phrases[i]);
			while (p < end && (word_blank(*p) || *p == ':'))
				p++;
			for (int f = 0; f < lengthof(fillers); f++)
				if (word_starts(p, end, fillers[f]))
					p += strlen(fillers[f]);
			if (take_wait(p, end, SECONDS, now_unix, &wait))
				hint->body = Max(hint->body, wait);
		}
	}
}

/* name: 38, "name": "38s", \"name\": \"38s\", name { seconds: 38 } */
static void
read_wait_members(const WordIndex *index, const char *text, const char *end, int64 now_unix, RetryHint *hint)
{
	for (int i = 0; i < lengthof(wait_members); i++)
	{
		const char *p = word_maybe(index, wait_members[i].name) ? text : end;

		while ((p = word_find(p, end, wait_members[i].name)) != NULL)
		{
			int64		wait;
			bool		named = false;

			p += strlen(wait_members[i].name);
			for (; p < end && (word_blank(*p) || is_quote(*p) || strchr(":={", *p) != NULL); p++)
				named = named || strchr(":={", *p) != NULL;
			if (named && word_starts(p, end, "seconds"))
				for (p += 7; p < end && (word_blank(*p) || is_quote(*p) || *p == ':'); p++)
					;
			if (named && take_wait(p, end, wait_members[i].unit, now_unix, &wait))
				hint->body = Max(hint->body, wait);
		}
	}
}

void
retry_hint_read(const char *header, const char *error, int64 now_unix, RetryHint *hint)
{
	*hint = (RetryHint)
	{
		.header = -1, .body = -1, .reset = -1
	};
	if (header != NULL)
		read_header(header, now_unix, hint);
	if (error != NULL)
	{
		const char *end = error + strlen(error);
		WordIndex	index;

		word_index(&index, error, end);
		read_phrases(&index, error, end, now_unix, hint);
		read_times(&index, error, end, now_unix, hint);
		read_wait_members(&index, error, end, now_unix, hint);
	}
}
