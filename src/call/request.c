/*
 * request.c
 *	  Reads what is asked of the gate: names and arguments, before a stage looks.
 *
 * Name and arguments are the model's: what is wrong with them is kept in the Gate
 * for the stage that refuses it.  What is wrong with the rest is a mistake of the
 * caller, and an ERROR.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "call/request.h"

#include "access/detoast.h"
#include "core/jsonb_walk.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

void
request_init(Gate *gate)
{
	memset(gate, 0, sizeof(Gate));
	gate->retry_after = -1;
	gate->est_tokens = gate->est_nanousd = -1;
}

void
request_put_name(Gate *gate, Datum given, const char *what)
{
	text	   *name = DatumGetTextPSlice(given, 0, AGC_MAX_NAME + 1);

	gate->impossible = agc_name_problem(name, what);
	gate->tool_name = text_to_cstring(name);
	if (gate->impossible == NULL)
		return;
	gate->given_name = pnstrdup(gate->tool_name, pg_mbcliplen(gate->tool_name, strlen(gate->tool_name), AGC_MAX_NAME));
	gate->tool_name = agc_shown(gate->given_name, AGC_NAME_SHOWN);
}

/* Looked at before it is read: what is refused costs nothing. */
static bool
is_oversized(Gate *gate, Datum value)
{
	Size		size = toast_raw_datum_size(value);

	if (size <= (Size) agc_max_args_size * 1024)
		return false;
	gate->oversized = psprintf("%zu bytes; agentcore.max_args_size is %d kB", size, agc_max_args_size);
	gate->args = written_json_nothing();
	return true;
}

static bool
is_null(const Jsonb *args)
{
	JbItem		root = jb_root(args);

	return JBE_ISNULL(root.entry);
}

void
request_put_args(Gate *gate, Datum args)
{
	if (is_oversized(gate, args))
		return;
	gate->args = DatumGetJsonbP(args);
	if (is_null(gate->args))
		gate->args = written_json_nothing();
}

void
request_put_args_text(Gate *gate, Datum args)
{
	char	   *given;

	if (is_oversized(gate, args))
		return;
	given = text_to_cstring(DatumGetTextPP(args));
	if (written_json_is_nothing(given))
		gate->args = written_json_nothing();
	else
		gate->args_text = given;
}

void
request_put_no_args(Gate *gate)
{
	gate->args = written_json_nothing();
}
