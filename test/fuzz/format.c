/*
 * format.c
 *	  Fuzzes the formats: a text of a narrow format is one of each wider format,
 *	  and no judgement depends on what lies behind the text.
 *
 * LINK: -licuuc -licudata
 */
#if __has_include(<unicode/uidna.h>)
#define AGENTCORE_ICU
#endif

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/idna.c"
#include "text/format.c"

#define TEXT_MAX 1200

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is(const char *format, const char *text, size_t len)
{
	return format_check(format_find(format), text, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const wider[][2] = {
		{"uri", "uri-reference"}, {"uri", "iri"}, {"uri-reference", "iri-reference"}, {"iri", "iri-reference"},
		{"email", "idn-email"}, {"hostname", "idn-hostname"}, {"ipv4", "hostname"},
	};
	char		padded[TEXT_MAX + 2];

	if (size > TEXT_MAX)
		return 0;
	memcpy(padded, data, size);
	for (int id = FORMAT_REGEX + 1; id < (int) (sizeof(formats) / sizeof(formats[0])); id++)
	{
		bool		good = format_check(id, (const char *) data, size);

		for (const char *behind = "a0."; *behind; behind++)
		{
			padded[size] = padded[size + 1] = *behind;
			if (format_check(id, padded, size) != good)
				abort();
		}
	}
	for (size_t i = 0; i < sizeof(wider) / sizeof(wider[0]); i++)
		if (is(wider[i][0], (const char *) data, size) && !is(wider[i][1], (const char *) data, size))
			abort();
	return 0;
}
