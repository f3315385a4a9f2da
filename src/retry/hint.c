/*
 * hint.c
 *	  How long the other side asks to be left alone.
 *
 * The header argument is one value, or headers as a client prints them: lines,
 * a JSON object, a Python dictionary.  Of several hints the longest counts, so
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

/* The value of name: as a line, or as a member; false where it is not there. */
static bool
find_header(const char *text, const char *end, const char *name, char *value)
{
	const char *p = text;

	while ((p = word_find(p, end, name)) != NULL)
	{
		const char *before = p;
		const char *close;

		p += strlen(name);
		if (before > text && before[-1] == '-')
			continue;
		while (p < end && is_quote(*p))
			p++;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p >= end || *p != ':')
			continue;
		for (p++; p < end && (*p == ' ' || *p == '\t' || is_quote(*p)); p++)
			;
		for (close = p; close < end && *close != '\n' && *close != '\r' && !is_quote(*close) && *close != '}'; close++)
			;
		copy_value(value, p, close);
		return true;
	}
	return false;
}

static void
read_resets(const char *text, const char *end, int64 now_unix, RetryHint *hint)
{
	char		value[MAX_VALUE];
	int64		spent = -1;
	int64		wait;

	for (int i = 0; i < lengthof(reset_headers); i++)
	{
		bool		is_spent = find_header(text, end, reset_headers[i].remaining, value) &&
			(strcmp(value, "0") == 0 || value[0] == '-');

		hint->exhausted = hint->exhausted || is_spent;
		if (!find_header(text, end, reset_headers[i].reset, value) ||
			!retry_after_parse(value, SECONDS, now_unix, &wait))
			continue;
		if (is_spent)
			spent = Max(spent, wait);
		hint->reset = Max(hint->reset, wait);
	}

	/* the other limits have something left: they are not what refused */
	if (spent >= 0)
		hint->reset = spent;
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
		read_wait_members(&index, error, end, now_unix, hint);
	}
}
