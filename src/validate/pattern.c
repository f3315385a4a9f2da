/*
 * pattern.c
 *	  Compiling and matching patterns with PCRE2.
 *
 * Compiled code lives in the memory context of the object it belongs to; its
 * JIT code lives outside of any context and is freed by a reset callback.
 * PCRE2 calls the allocator below, which must not raise an error through it.
 * Patterns are compiled lazily in the backend, never in the postmaster:
 * executable memory is not to be shared by a fork.
 *
 * Matching is bounded by agentcore.pattern_match_limit.  JIT code needs a
 * stack of its own; where it does not suffice, or where the platform forbids
 * executable memory, the interpreter does the same work.
 *
 * Memory: the code in the caller's context; one match context, match data and
 * JIT stack a backend in TopMemoryContext.  Locks: none.  Errors: returned,
 * but for out of memory.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "validate/program.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "validate/regex.h"

#define JIT_STACK_START (32 * 1024)
#define JIT_STACK_MAX (1024 * 1024)
#define HEAP_LIMIT_KB 8192

/* characters times start offsets between two looks at interrupts: a few ms */
#define MATCH_STEPS (4 * 1024 * 1024)

#define COMPILE_OPTIONS \
	(PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS | \
	 PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES | PCRE2_USE_OFFSET_LIMIT)

struct Pattern
{
	pcre2_code *code;
	bool		jit;
	char	   *source;			/* as the schema has it */
	bool		anchored;		/* tried at offset 0 only */
};

static pcre2_match_context *match_context = NULL;
static pcre2_match_data *match_data = NULL;
static int	match_limit_set = 0;

static void *
allocate(PCRE2_SIZE size, void *context)
{
	return MemoryContextAllocExtended(context, size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

static void
release(void *pointer, void *context)
{
	if (pointer != NULL)
		pfree(pointer);
}

static void
free_code(void *arg)
{
	pcre2_code_free(((Pattern *) arg)->code);
}

static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("While preparing a regular expression.")));
}

/* Strings of the database as UTF-8, which is what patterns are about. */
static const char *
to_utf8(const char *s, uint32 *len)
{
	char	   *copy;

	if (GetDatabaseEncoding() == PG_UTF8)
		return s;
	copy = pg_server_to_any(pnstrdup(s, *len), *len, PG_UTF8);
	*len = strlen(copy);
	return copy;
}

static void
prepare_matching(void)
{
	if (match_data == NULL)
	{
		pcre2_general_context *general = pcre2_general_context_create(allocate, release, TopMemoryContext);
		pcre2_jit_stack *stack;

		if (general == NULL)
			out_of_memory();
		match_context = pcre2_match_context_create(general);
		stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, general);
		match_data = pcre2_match_data_create(1, general);
		if (match_context == NULL || match_data == NULL)
			out_of_memory();
		pcre2_set_heap_limit(match_context, HEAP_LIMIT_KB);
		if (stack != NULL)
			pcre2_jit_stack_assign(match_context, NULL, stack);
	}
	if (match_limit_set != agc_pattern_match_limit)
	{
		pcre2_set_match_limit(match_context, agc_pattern_match_limit);
		pcre2_set_depth_limit(match_context, agc_pattern_match_limit);
		match_limit_set = agc_pattern_match_limit;
	}
}

/* "why" is where the message goes; NULL: nobody asks */
static pcre2_code *
compile_code(const char *source, uint32 len, bool lenient, pcre2_compile_context *cc, char **why)
{
	size_t		cap = (size_t) REGEX_GROWTH * (len + 1);
	char	   *translated;
	size_t		translated_len;
	RegexError	problem;
	PCRE2_UCHAR message[160];
	int			code;
	PCRE2_SIZE	offset;
	pcre2_code *compiled;

	if (len > REGEX_MAX_SOURCE)
	{
		*why = psprintf("it has %u bytes, more than %d", len, REGEX_MAX_SOURCE);
		return NULL;
	}
	translated = palloc(cap);
	if (!regex_translate(source, len, lenient, translated, cap, &translated_len, &problem))
	{
		*why = psprintf("%s at offset %zu", problem.message, problem.offset);
		pfree(translated);
		return NULL;
	}
	compiled = pcre2_compile((PCRE2_SPTR) translated, translated_len, COMPILE_OPTIONS, &code, &offset, cc);
	if (compiled == NULL)
	{
		pcre2_get_error_message(code, message, sizeof(message));
		*why = psprintf("%s at offset %zu", (char *) message, (size_t) Min(offset, len));
	}
	pfree(translated);
	return compiled;
}

Pattern *
pattern_compile(const char *source, uint32 len, char **problem)
{
	Pattern    *pattern = palloc0(sizeof(Pattern));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	pcre2_general_context *general = pcre2_general_context_create(allocate, release, CurrentMemoryContext);
	pcre2_compile_context *cc = general == NULL ? NULL : pcre2_compile_context_create(general);
	const char *utf8;
	char	   *second_try;
	uint32_t	options;

	if (cc == NULL)
		out_of_memory();
	pattern->source = pnstrdup(source, len);
	utf8 = to_utf8(pattern->source, &len);
	pattern->code = compile_code(utf8, len, false, cc, problem);
	if (pattern->code == NULL)
		pattern->code = compile_code(utf8, len, true, cc, &second_try);
	pcre2_compile_context_free(cc);
	pcre2_general_context_free(general);
	if (pattern->code == NULL)
		return NULL;
	callback->func = free_code;
	callback->arg = pattern;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	pattern->jit = pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE) == 0;
	pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &options);
	pattern->anchored = (options & PCRE2_ANCHORED) != 0;
	return pattern;
}

const char *
pattern_source(const Pattern *pattern)
{
	return pattern->source;
}

/* A match that starts at one of the offsets from "start" to "last" */
static int
match_from(const Pattern *pattern, const char *subject, uint32 len, uint32 start, uint32 last)
{
	int			result;

	pcre2_set_offset_limit(match_context, last);
	if (pattern->jit)
		result = pcre2_jit_match(pattern->code, (PCRE2_SPTR) subject, len, start, PCRE2_NO_UTF_CHECK,
								 match_data, match_context);
	else
		result = pcre2_match(pattern->code, (PCRE2_SPTR) subject, len, start, PCRE2_NO_UTF_CHECK,
							 match_data, match_context);
	if (result == PCRE2_ERROR_JIT_STACKLIMIT)
		result = pcre2_match(pattern->code, (PCRE2_SPTR) subject, len, start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
							 match_data, match_context);
	return result;
}

/*
 * PCRE2 can be neither interrupted nor, where a loop runs inside an assertion,
 * be made to count.  So a long subject is tried a few start offsets at a time,
 * at first as many as cost some milliseconds at worst, then twice as many while
 * they cost less than one, with a look at interrupts and at the clock in
 * between.
 */
PatternResult
pattern_match(const Pattern *pattern, const char *subject, uint32 len)
{
	TimestampTz began = 0;
	TimestampTz before = 0;
	uint64		window;
	uint32		start = 0;
	int			result;

	prepare_matching();
	subject = to_utf8(subject, &len);
	window = pattern->anchored ? len : MATCH_STEPS / (len + 1);
	for (;;)
	{
		uint32		last = Min(start + window, len);
		TimestampTz now;

		result = match_from(pattern, subject, len, start, last);
		if (result != PCRE2_ERROR_NOMATCH || last == len)
			break;
		for (start = last + 1; start < len && (subject[start] & 0xC0) == 0x80; start++)
			/* not inside a character */;
		CHECK_FOR_INTERRUPTS();
		now = GetCurrentTimestamp();
		if (began == 0)
			began = now;
		else if (now - began > agc_pattern_timeout * INT64CONST(1000))
			return PATTERN_LIMIT;
		if (now - before < 1000)
			window = window * 2 + 1;
		before = now;
	}
	if (result >= 0)
		return PATTERN_MATCH;
	return result == PCRE2_ERROR_NOMATCH ? PATTERN_NO_MATCH : PATTERN_LIMIT;
}

/* format "regex": would it do as a pattern, strictly? */
bool
pattern_is_valid(const char *source, uint32 len)
{
	char	   *why;
	const char *utf8 = to_utf8(source, &len);
	pcre2_code *code = compile_code(utf8, len, false, NULL, &why);

	pcre2_code_free(code);
	return code != NULL;
}

Size
pattern_size(const Pattern *pattern)
{
	size_t		code = 0;
	size_t		jit = 0;

	pcre2_pattern_info(pattern->code, PCRE2_INFO_SIZE, &code);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_JITSIZE, &jit);
	return code + jit;
}
