/*
 * retry_after.c
 *	  Fuzzes the reading of Retry-After headers: whatever the bytes, a wait is
 *	  between nothing and the longest one, and a reading does not depend on
 *	  anything but the header.
 */
#include "retry/retry_after.c"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char		header[1024];
	int64		wait = -1;
	int64		again = -1;
	bool		ok;

	if (size >= sizeof(header))
		return 0;
	memcpy(header, data, size);
	header[size] = '\0';
	ok = retry_after_parse(header, INT64CONST(1793200000), &wait);
	if (ok && (wait < 0 || wait > MAX_WAIT + USEC))
		abort();
	if (retry_after_parse(header, INT64CONST(1793200000), &again) != ok || again != wait)
		abort();
	return 0;
}
