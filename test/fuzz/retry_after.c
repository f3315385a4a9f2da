/*
 * retry_after.c
 *	  Fuzzes the reading of waits: whatever the bytes of a header's value, of
 *	  headers or of an error, a wait is between nothing and the longest one, and
 *	  a reading does not depend on anything but the text.
 *
 * LINK: src/retry/words.c src/retry/hint.c
 */
#include "retry/retry_after.c"

#include "retry/hint.h"

#define NOW (INT64CONST(1793200000) * USEC)

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static void
check(bool ok, int64 wait)
{
	if (ok && (wait < 0 || wait > RETRY_MAX_WAIT))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char		text[1024];
	int64		wait = -1;
	int64		again = -1;
	bool		ok;
	RetryHint	hint;
	RetryHint	same;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	ok = retry_after_parse(text, USEC, NOW, &wait);
	check(ok, wait);
	if (retry_after_parse(text, USEC, NOW, &again) != ok || again != wait)
		abort();
	check(retry_after_parse(text, 1000, NOW, &wait), wait);

	retry_hint_read(text, text, NOW, &hint);
	check(hint.header != -1, hint.header);
	check(hint.body != -1, hint.body);
	check(hint.reset != -1, hint.reset);
	retry_hint_read(text, text, NOW, &same);
	if (memcmp(&hint, &same, offsetof(RetryHint, exhausted)) != 0 || hint.exhausted != same.exhausted)
		abort();
	return 0;
}
