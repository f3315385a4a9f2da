/*
 * host_idn.c
 *	  UTS-46 by ICU, which PostgreSQL itself is linked with.
 *
 * Options and ignored errors are those of the URL standard's "domain to
 * ASCII"; the URL parser checks lengths.  U+1E9E is refused, because its mapping
 * changed between versions of Unicode: the program that fetches might see
 * another host.
 *
 * Memory: one ICU object per process, kept.  Locks: none.  Errors: return values
 * only.
 */
#include "allow/host_idn.h"

#ifdef AGENTCORE_ICU

#include <unicode/uidna.h>

#define IGNORED_ERRORS (UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG | \
						UIDNA_ERROR_DOMAIN_NAME_TOO_LONG | UIDNA_ERROR_LEADING_HYPHEN | \
						UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4)

bool
allow_idn_to_ascii(const char *host, int len, char *out, int size, int *outlen)
{
	static UIDNA *idna = NULL;
	UIDNAInfo	info = UIDNA_INFO_INITIALIZER;
	UErrorCode	status = U_ZERO_ERROR;

	for (int i = 0; i + 2 < len; i++)
		if (memcmp(host + i, "\xe1\xba\x9e", 3) == 0)
			return false;
	if (idna == NULL)
		idna = uidna_openUTS46(UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
								   UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
							   &status);
	if (U_FAILURE(status))
	{
		idna = NULL;
		return false;
	}
	*outlen = uidna_nameToASCII_UTF8(idna, host, len, out, size, &info, &status);
	return U_SUCCESS(status) && *outlen <= size && (info.errors & ~IGNORED_ERRORS) == 0;
}

bool
allow_idn_valid(const char *host, int len)
{
	char		again[256];
	int			again_len;

	return allow_idn_to_ascii(host, len, again, sizeof(again), &again_len) &&
		again_len == len && memcmp(again, host, len) == 0;
}

#else

bool
allow_idn_to_ascii(const char *host, int len, char *out, int size, int *outlen)
{
	return false;
}

bool
allow_idn_valid(const char *host, int len)
{
	return true;
}

#endif
