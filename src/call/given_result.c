/*
 * given_result.c
 *	  The result that a settlement brings.
 *
 * The work is done, so a settlement does not fail for its result: what is too large
 * is dropped, what jsonb cannot hold is repaired, and the permit says so.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "call/given_result.h"

#include "access/detoast.h"
#include "utils/builtins.h"

/* Looked at before it is read: what is dropped costs nothing. */
static bool
fits(Datum value, PermitAnswer *out)
{
	Size		size = toast_raw_datum_size(value);

	if (size <= (Size) agc_max_args_size * 1024)
		return true;
	out->note = psprintf("dropped: %zu bytes; agentcore.max_args_size is %d kB", size, agc_max_args_size);
	return false;
}

static void
read_text(Datum value, PermitAnswer *out)
{
	AgcJsonAny	how;
	char	   *note;

	out->result = agc_json_any(TextDatumGetCString(value), &how, &note);
	if (how == AGC_JSON_LOST)
		out->note = psprintf("dropped: %s", note);
	else if (how == AGC_JSON_REPAIRED)
		out->note = psprintf("repaired: %s", note);
	else
		out->note = note;
}

void
given_result(FunctionCallInfo fcinfo, int json, int text, PermitAnswer *out)
{
	memset(out, 0, sizeof(*out));
	out->given = !PG_ARGISNULL(json) || !PG_ARGISNULL(text);
	if (!PG_ARGISNULL(json))
	{
		if (fits(PG_GETARG_DATUM(json), out))
			out->result = PG_GETARG_JSONB_P(json);
		if (out->result != NULL && !PG_ARGISNULL(text))
			out->note = "result_text was left out: result was given too";
	}
	if (out->result == NULL && !PG_ARGISNULL(text) && fits(PG_GETARG_DATUM(text), out))
	{
		out->note = NULL;
		read_text(PG_GETARG_DATUM(text), out);
	}
}

void
given_result_tell(const PermitAnswer *answer)
{
	if (!answer->given || answer->note == NULL)
		return;
	if (answer->result == NULL)
		ereport(WARNING,
				(errmsg("the call's result was dropped"),
				 errdetail_internal("%s.", answer->note),
				 errhint("Store large content elsewhere and pass a reference to it.")));
	else if (strncmp(answer->note, "repaired: ", 10) == 0)
		ereport(WARNING,
				(errmsg("the call's result was repaired"),
				 errdetail_internal("%s.", answer->note)));
}
