/*
 * regex.c
 *	  Fuzzes the translation of ECMA-262's regular expressions: what comes out
 *	  fits where callers put it, says no more than PCRE2 may be told, and PCRE2
 *	  compiles and runs it, or refuses.
 *
 * LINK: -lpcre2-8
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

#include "text/regex.c"
#include "text/regex_escape.c"

#define SOURCE_MAX 512

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compile_and_run(const char *regex, size_t len)
{
	static const char subject[] = "aAb0_ -\xc3\xa9\xf0\x9f\x98\x80\n";
	static pcre2_match_context *context;
	static pcre2_match_data *match;
	int			code;
	PCRE2_SIZE	offset;
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR) regex, len,
										 PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |
											 PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES,
										 &code, &offset, NULL);

	if (context == NULL)
	{
		context = pcre2_match_context_create(NULL);
		match = pcre2_match_data_create(1, NULL);
		pcre2_set_match_limit(context, 1000);
		pcre2_set_heap_limit(context, 1024);
	}
	if (compiled == NULL)
		return;
	(void) pcre2_match(compiled, (PCRE2_SPTR) subject, sizeof(subject) - 1, 0, 0, match, context);
	pcre2_code_free(compiled);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char out[REGEX_GROWTH * (SOURCE_MAX + 1)];
	RegexInfo	info;
	RegexInfo	strict_info;
	size_t		len;
	size_t		strict_len;
	bool		strict;

	if (size > SOURCE_MAX)
		return 0;
	strict = regex_translate((const char *) data, size, 0, out, sizeof(out), &strict_len, &strict_info);
	if (strict != (strict_info.message == NULL) || strict_info.offset > size)
		abort();
	if (strict)
	{
		/* neither verbs, comments, atomic groups, recursion nor conditions */
		for (size_t i = 0; i + 2 < strict_len; i++)
			if (out[i] == '\\')
				i++;
			else if (out[i] == '(' && (out[i + 1] == '*' || (out[i + 1] == '?' && strchr("#>|R&P0123456789+C(", out[i + 2]) != NULL)) &&
					 memchr(out, '[', i) == NULL)
				abort();
		compile_and_run(out, strict_len);
	}
	/* what is good strictly means the same leniently */
	if (strict && (!regex_translate((const char *) data, size, REGEX_LENIENT, out, sizeof(out), &len, &info) ||
				   len != strict_len || info.lookaround != strict_info.lookaround))
		abort();
	/* what is only read may also ask for more repeats than PCRE2 counts */
	if (regex_translate((const char *) data, size, REGEX_SYNTAX_ONLY, out, sizeof(out), &len, &info))
	{
		if (!strict && strcmp(strict_info.message, regex_uncountable) != 0)
			abort();
		compile_and_run(out, len);
	}
	else if (strict)
		abort();
	return 0;
}
