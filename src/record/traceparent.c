/*
 * traceparent.c
 *	  Reading a W3C traceparent (Trace Context, level 2).
 *
 * A trace is told beside the call, so one that is wrong loses no call: it is left
 * out.  Of a version that is not known yet what the first version has is kept, as
 * the recommendation wants it.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "record/traceparent.h"

#include "utils/builtins.h"

/* "00-" trace id "-" parent id "-" flags */
#define TRACE_ID_AT		3
#define TRACE_ID_LEN	32
#define PARENT_ID_AT	36
#define PARENT_ID_LEN	16
#define FLAGS_AT		53
#define TRACEPARENT_LEN 55

/* lower case only */
static bool
is_hex(const char *text, int len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

static bool
is_id(const char *text, int len)
{
	return is_hex(text, len) && strspn(text, "0") < len;
}

static bool
is_version(const char *text, int len)
{
	if (!is_hex(text, 2) || text[2] != '-' || strncmp(text, "ff", 2) == 0)
		return false;
	return len == TRACEPARENT_LEN || (strncmp(text, "00", 2) != 0 && text[TRACEPARENT_LEN] == '-');
}

/* of a text of so many bytes that ends in NUL */
static bool
is_traceparent(const char *text, int len)
{
	return len >= TRACEPARENT_LEN && is_version(text, len) &&
		is_id(text + TRACE_ID_AT, TRACE_ID_LEN) && text[PARENT_ID_AT - 1] == '-' &&
		is_id(text + PARENT_ID_AT, PARENT_ID_LEN) && text[FLAGS_AT - 1] == '-' && is_hex(text + FLAGS_AT, 2);
}

static void
warn(void)
{
	static bool warned = false;

	if (warned)
		return;
	warned = true;
	ereport(WARNING,
			(errmsg("trace is no W3C traceparent, and is left out"),
			 errdetail("This session is not told again."),
			 errhint("Pass the header as it is, such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.")));
}

char *
record_opt_trace(FunctionCallInfo fcinfo, int n)
{
	text	   *given;
	char	   *trace;

	if (PG_ARGISNULL(n))
		return NULL;
	given = PG_GETARG_TEXT_P_SLICE(n, 0, TRACEPARENT_LEN + 1);
	trace = text_to_cstring(given);
	if (!is_traceparent(trace, VARSIZE_ANY_EXHDR(given)))
	{
		warn();
		return NULL;
	}
	trace[TRACEPARENT_LEN] = '\0';
	return trace;
}
