/*
 * failure.c
 *	  Fuzzes the class of a failure: whatever the bytes of an error, it is one of
 *	  the classes, what the other side refused is not open, and a cancel is.
 *
 * LINK: src/retry/words.c src/retry/failure.c src/retry/failure_sources.c src/retry/service_rules.c src/retry/client_rules.c src/retry/transport_rules.c
 */
#include "retry/classify.c"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	static const int statuses[] = {0, 200, 302, 400, 403, 429, 499, 500, 503};
	char		text[1024];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (int i = 0; i < lengthof(statuses); i++)
		for (int hinted = 0; hinted < 2; hinted++)
		{
			RetryVerdict verdict;

			retry_classify(NULL, 0, statuses[i], text, hinted, false, &verdict);
			if (verdict.class < RETRY_CLASS_UNKNOWN || verdict.class > RETRY_CLASS_CANCELLED)
				abort();
			if (verdict.open && (verdict.class == RETRY_CLASS_THROTTLE || verdict.class == RETRY_CLASS_QUOTA))
				abort();
			if (verdict.class == RETRY_CLASS_CANCELLED ? !verdict.open : verdict.open && statuses[i] > 299 && statuses[i] < 499)
				abort();
			if (verdict.daily && verdict.class != RETRY_CLASS_THROTTLE)
				abort();
		}
	return 0;
}
