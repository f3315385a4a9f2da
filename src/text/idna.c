/*
 * idna.c
 *	  Internationalised host names as IDNA 2008 has them (RFC 5890 to 5893).
 *
 * ICU's UTS-46 knows the encoding (Punycode and back), lengths, hyphens, the
 * rules of context and of writing direction.  Unlike IDNA 2008 it also maps
 * characters and accepts symbols.  So the code points that a name may hold are
 * derived here from their properties, as RFC 5892 says.  They follow the Unicode
 * version of the installed ICU.
 *
 * Memory: two ICU objects per process, kept.  Locks: none.  Errors: return values
 * only.
 */
#include "text/idna.h"

#ifdef AGENTCORE_ICU

#include <string.h>

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>
#include <unicode/utf16.h>

/* UTF-16 units: more than a name of 253 bytes needs */
#define UNITS_MAX 1024
#define HOST_MAX 253

#define OPTIONS (UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_CHECK_CONTEXTO | \
				 UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE)

/* RFC 5892 section 2.6: 0 is what the properties say */
typedef enum Exception
{
	NO_EXCEPTION,
	EXCEPTION_VALID,			/* in some context only, too: ICU looks at it */
	EXCEPTION_DISALLOWED
} Exception;

static Exception
exception_of(UChar32 code)
{
	switch (code)
	{
		case 0x00DF:
		case 0x03C2:
		case 0x06FD:
		case 0x06FE:
		case 0x0F0B:
		case 0x3007:
		case 0x00B7:
		case 0x0375:
		case 0x05F3:
		case 0x05F4:
		case 0x30FB:
			return EXCEPTION_VALID;
		case 0x0640:
		case 0x07FA:
		case 0x302E:
		case 0x302F:
		case 0x3031:
		case 0x3032:
		case 0x3033:
		case 0x3034:
		case 0x3035:
		case 0x303B:
			return EXCEPTION_DISALLOWED;
		default:
			return NO_EXCEPTION;
	}
}

/* RFC 5892 section 2.2: changed by folding case and compatibility forms */
static bool
unstable(UChar32 code)
{
	UErrorCode	status = U_ZERO_ERROR;
	const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&status);
	UChar		one[2];
	int32_t		len = 0;

	U16_APPEND_UNSAFE(one, len, code);
	return !unorm2_isNormalized(fold, one, len, &status) || U_FAILURE(status);
}

/* RFC 5892 section 2.8 */
static bool
ignorable_block(UChar32 code)
{
	UBlockCode	block = ublock_getCode(code);

	return block == UBLOCK_COMBINING_MARKS_FOR_SYMBOLS || block == UBLOCK_MUSICAL_SYMBOLS ||
		block == UBLOCK_ANCIENT_GREEK_MUSICAL_NOTATION;
}

/* RFC 5892 section 3, in its order */
static bool
code_point_valid(UChar32 code)
{
	Exception	exception = exception_of(code);
	uint32_t	hangul = u_getIntPropertyValue(code, UCHAR_HANGUL_SYLLABLE_TYPE);

	if (exception != NO_EXCEPTION)
		return exception == EXCEPTION_VALID;
	if (code < 0x80)
		return u_isalnum(code) || code == '-';
	if (u_hasBinaryProperty(code, UCHAR_JOIN_CONTROL))
		return true;
	if (unstable(code) || u_hasBinaryProperty(code, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) ||
		u_hasBinaryProperty(code, UCHAR_WHITE_SPACE) || u_hasBinaryProperty(code, UCHAR_NONCHARACTER_CODE_POINT) ||
		ignorable_block(code) ||
		hangul == U_HST_LEADING_JAMO || hangul == U_HST_VOWEL_JAMO || hangul == U_HST_TRAILING_JAMO)
		return false;
	return (U_GET_GC_MASK(code) & (U_GC_LL_MASK | U_GC_LU_MASK | U_GC_LO_MASK | U_GC_ND_MASK |
								   U_GC_LM_MASK | U_GC_MN_MASK | U_GC_MC_MASK)) != 0;
}

static bool
is_dot(UChar32 code)
{
	return code == '.' || code == 0x3002 || code == 0xFF0E || code == 0xFF61;
}

/* A label outside ASCII has lower case only; no label is empty. */
static bool
labels_valid(const UChar *name, int32_t len)
{
	bool		ascii = true;
	bool		upper = false;
	int32_t		label = 0;

	for (int32_t i = 0; i <= len;)
	{
		UChar32		code = '.';
		int32_t		start = i;

		if (i < len)
			U16_NEXT(name, i, len, code);
		else
			i++;
		if (is_dot(code))
		{
			if (start == label || (upper && !ascii))
				return false;
			label = i;
			ascii = true;
			upper = false;
			continue;
		}
		if (!code_point_valid(code))
			return false;
		ascii = ascii && code < 0x80;
		upper = upper || (code >= 'A' && code <= 'Z');
	}
	return true;
}

static const UIDNA *
open_idna(void)
{
	static UIDNA *idna = NULL;
	UErrorCode	status = U_ZERO_ERROR;

	if (idna == NULL)
		idna = uidna_openUTS46(OPTIONS, &status);
	if (U_FAILURE(status))
		idna = NULL;
	return idna;
}

/* The name must be valid as given, and again with its labels decoded. */
bool
idna_valid(const char *host, size_t len, bool composed)
{
	const UIDNA *idna = open_idna();
	UErrorCode	status = U_ZERO_ERROR;
	const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
	UIDNAInfo	info = UIDNA_INFO_INITIALIZER;
	UChar		given[UNITS_MAX];
	UChar		normal[UNITS_MAX];
	UChar		other[UNITS_MAX];
	int32_t		n;

	if (idna == NULL || len >= UNITS_MAX)
		return false;
	u_strFromUTF8(given, UNITS_MAX, &n, host, (int32_t) len, &status);
	if (U_FAILURE(status) || (composed && !unorm2_isNormalized(nfc, given, n, &status)))
		return false;
	n = unorm2_normalize(nfc, given, n, normal, UNITS_MAX, &status);
	if (U_FAILURE(status) || !labels_valid(normal, n))
		return false;
	if (uidna_nameToASCII(idna, normal, n, other, UNITS_MAX, &info, &status) > HOST_MAX ||
		U_FAILURE(status) || info.errors != 0)
		return false;
	n = uidna_nameToUnicode(idna, normal, n, other, UNITS_MAX, &info, &status);
	return U_SUCCESS(status) && info.errors == 0 && labels_valid(other, n);
}

#else

bool
idna_valid(const char *host, size_t len, bool composed)
{
	return true;
}

#endif
