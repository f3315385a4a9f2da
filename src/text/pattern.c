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
 * Matching is bounded by steps, by time and by interrupts.  PCRE2 counts steps,
 * but one step may read the whole subject, and PCRE2 cannot be interrupted.  So
 * the first try gets only as many steps as take half a millisecond at worst.  A
 * match that needs more starts again with code that calls back at every item of
 * the pattern, where interrupts and agentcore.pattern_timeout are checked.  The
 * answer is the same either way.
 *
 * JIT code needs a stack of its own.  If that overflows, or if the platform
 * forbids executable memory, the interpreter does the same work.
 *
 * Memory: the code in the caller's context; one match context, match data and
 * JIT stack per backend in TopMemoryContext.  Locks: none.  Errors: returned,
 * but for out of memory and cancellation.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "text/text.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "text/regex.h"
#include "utils/memutils.h"

#define JIT_STACK_START (32 * 1024)
#define JIT_STACK_MAX (1024 * 1024)

/*
 * The first try.  The JIT counts a step only when it backtracks.  Before each
 * one it may have walked over the whole subject; with lookaround, once per
 * character of that walk; and all that for every offset where a match may begin.
 * Below SHORT_MIN steps the first try is left out.
 */
#define SHORT_WORK (1024 * 1024)
#define SHORT_MIN 16

/* bytes that may be read between two looks at the clock: takes less than 1 ms */
#define WATCH_BYTES (256 * 1024)

/* time spent on patterns is counted in visits of nodes: so long takes one */
#define VISIT_NS 100

#define COMPILE_OPTIONS \
	(PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS | \
	 PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES)

struct Pattern
{
	pcre2_code *code;
	pcre2_code *watched;		/* with callouts; NULL until it is needed */
	bool		jit;			/* of code */
	char	   *source;			/* as the schema has it */
	bool		anchored;		/* tried at offset 0 only */
	int			lookaround;		/* how deep it is nested */
};

static pcre2_match_context *match_context = NULL;
static pcre2_match_data *match_data = NULL;

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
	pcre2_code_free(((Pattern *) arg)->watched);
}

static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("While preparing a regular expression.")));
}

/* Strings of the database as UTF-8, which patterns and formats are defined for. */
const char *
string_utf8(const char *s, uint32 *len)
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
		if (stack != NULL)
			pcre2_jit_stack_assign(match_context, NULL, stack);
	}
	pcre2_set_heap_limit(match_context, agc_pattern_heap_limit);
	pcre2_set_depth_limit(match_context, agc_pattern_depth_limit);
}

/* *why: what is wrong with the source, palloc'd */
static pcre2_code *
compile_code(const char *source, uint32 len, int flags, uint32_t options, pcre2_compile_context *cc,
			 int *lookaround, char **why)
{
	size_t		cap = (size_t) REGEX_GROWTH * (len + 1);
	char	   *translated;
	size_t		translated_len;
	RegexInfo	info;
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
	if (!regex_translate(source, len, flags, translated, cap, &translated_len, &info))
	{
		*why = psprintf("%s at offset %zu", info.message, info.offset);
		pfree(translated);
		return NULL;
	}
	*lookaround = info.lookaround;
	compiled = pcre2_compile((PCRE2_SPTR) translated, translated_len, COMPILE_OPTIONS | options, &code, &offset, cc);
	if (compiled == NULL)
	{
		pcre2_get_error_message(code, message, sizeof(message));
		*why = psprintf("%s at offset %zu", (char *) message, (size_t) Min(offset, len));
	}
	pfree(translated);
	return compiled;
}

/*
 * Strictly first; then with what many patterns hold although ECMA-262 refuses
 * it.  If the JIT cannot compile the code, the interpreter runs it.
 */
static pcre2_code *
compile_usable(const char *source, uint32 len, uint32_t options, MemoryContext context,
			   int *lookaround, char **problem)
{
	pcre2_general_context *general = pcre2_general_context_create(allocate, release, context);
	pcre2_compile_context *cc = general == NULL ? NULL : pcre2_compile_context_create(general);
	pcre2_code *code;
	char	   *second_try;

	if (cc == NULL)
		out_of_memory();
	code = compile_code(source, len, 0, options, cc, lookaround, problem);
	if (code == NULL)
		code = compile_code(source, len, REGEX_LENIENT, options, cc, lookaround, &second_try);
	pcre2_compile_context_free(cc);
	pcre2_general_context_free(general);
	if (code != NULL && agc_pattern_jit)
		(void) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	return code;
}

Pattern *
pattern_compile(const char *source, uint32 len, char **problem)
{
	Pattern    *pattern = palloc0(sizeof(Pattern));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	const char *utf8;
	uint32_t	options;
	size_t		jit_size;

	pattern->source = pnstrdup(source, len);
	utf8 = string_utf8(pattern->source, &len);
	pattern->code = compile_usable(utf8, len, 0, CurrentMemoryContext, &pattern->lookaround, problem);
	if (pattern->code == NULL)
		return NULL;
	callback->func = free_code;
	callback->arg = pattern;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &options);
	pattern->anchored = (options & PCRE2_ANCHORED) != 0;
	pcre2_pattern_info(pattern->code, PCRE2_INFO_JITSIZE, &jit_size);
	pattern->jit = jit_size > 0;
	return pattern;
}

const char *
pattern_source(const Pattern *pattern)
{
	return pattern->source;
}

/* pcre2_match() would run the JIT's code too, but takes a tenth longer for a short match. */
static int
match_code(const pcre2_code *code, bool jit, const char *subject, uint32 len, uint32 limit)
{
	int			result;

	pcre2_set_match_limit(match_context, limit);
	if (jit)
		result = pcre2_jit_match(code, (PCRE2_SPTR) subject, len, 0, PCRE2_NO_UTF_CHECK, match_data, match_context);
	else
		result = pcre2_match(code, (PCRE2_SPTR) subject, len, 0, PCRE2_NO_UTF_CHECK, match_data, match_context);
	if (result == PCRE2_ERROR_JIT_STACKLIMIT)
		result = pcre2_match(code, (PCRE2_SPTR) subject, len, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
							 match_data, match_context);
	return result;
}

/* How many steps the first try may take; 0: no first try. */
static uint32
short_limit(const Pattern *pattern, uint32 len)
{
	uint64		limit = SHORT_WORK / (len + UINT64CONST(1));

	for (int i = pattern->anchored ? 1 : 0; i <= pattern->lookaround && limit > 0; i++)
		limit /= len + UINT64CONST(1);
	return limit < SHORT_MIN ? 0 : Min(limit, agc_pattern_match_limit);
}

typedef struct Watch
{
	instr_time	start;
	uint32		len;
	uint64		read;			/* bytes since the last look at the clock */
} Watch;

static double
watch_ms(const Watch *watch)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, watch->start);
	return INSTR_TIME_GET_MILLISEC(now);
}

/* Called before every item of a watched pattern; a result other than 0 ends the match. */
static int
watch_match(pcre2_callout_block *block, void *arg)
{
	Watch	   *watch = arg;

	watch->read += watch->len + 1;
	if (watch->read < WATCH_BYTES)
		return 0;
	watch->read = 0;
	if (InterruptPending || watch_ms(watch) > agc_pattern_timeout)
		return PCRE2_ERROR_CALLOUT;
	return 0;
}

/* The second try: unbounded in steps by SHORT_WORK, but it can be interrupted. */
static int
match_watched(Pattern *pattern, const char *subject, uint32 len, int64 *visits)
{
	Watch		watch = {.len = len};
	int			result;

	INSTR_TIME_SET_CURRENT(watch.start);
	if (pattern->watched == NULL)
	{
		uint32		source_len = strlen(pattern->source);
		const char *source = string_utf8(pattern->source, &source_len);
		char	   *problem;
		int			lookaround;

		pattern->watched = compile_usable(source, source_len, PCRE2_AUTO_CALLOUT,
										  GetMemoryChunkContext(pattern), &lookaround, &problem);
		if (pattern->watched == NULL)
			return PCRE2_ERROR_MATCHLIMIT;
	}
	pcre2_set_callout(match_context, watch_match, &watch);
	result = match_code(pattern->watched, false, subject, len, agc_pattern_match_limit);
	pcre2_set_callout(match_context, NULL, NULL);
	CHECK_FOR_INTERRUPTS();
	*visits += (int64) (watch_ms(&watch) * 1000000 / VISIT_NS);
	return result;
}

/* *visits grows by what a second try cost; a first try is too short to count. */
PatternResult
pattern_match(Pattern *pattern, const char *subject, uint32 len, int64 *visits)
{
	uint32		limit;
	int			result = PCRE2_ERROR_MATCHLIMIT;

	CHECK_FOR_INTERRUPTS();
	prepare_matching();
	subject = string_utf8(subject, &len);
	limit = short_limit(pattern, len);
	if (limit > 0)
		result = match_code(pattern->code, pattern->jit, subject, len, limit);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		result = match_watched(pattern, subject, len, visits);
	if (result >= 0)
		return PATTERN_MATCH;
	return result == PCRE2_ERROR_NOMATCH ? PATTERN_NO_MATCH : PATTERN_LIMIT;
}

/*
 * Format "regex": whether it is a regular expression of ECMA-262.  PCRE2 lacks
 * only lookbehind of variable width; it is translated as lookahead here, since
 * nothing is matched.
 */
bool
pattern_is_valid(const char *source, uint32 len)
{
	char	   *why;
	int			lookaround;
	const char *utf8 = string_utf8(source, &len);
	pcre2_code *code = compile_code(utf8, len, REGEX_SYNTAX_ONLY, 0, NULL, &lookaround, &why);

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
