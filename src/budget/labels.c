/*
 * labels.c
 *	  Labels of a call: what the business knows it by.
 *
 * A worker gives them when the call begins.  They are kept with the permit and with
 * every row of the ledger that it writes, and judge nothing.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 22023, before anything is
 * taken.
 */
#include "budget/budget.h"

#include "access/detoast.h"
#include "core/jsonb_walk.h"

#define MAX_LABELS		8
#define MAX_LABEL_BYTES 1024	/* names and values together */

#define LABELS_HINT "Labels are an object of at most 8 strings, such as {\"customer\": \"c-17\", \"feature\": \"search\"}."

pg_noreturn static void
refuse(char *fact)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("labels must be at most %d strings of at most %d bytes", MAX_LABELS, MAX_LABEL_BYTES),
			 errdetail_internal("%s", fact),
			 errhint(LABELS_HINT)));
}

static void
check_name(const JbItem *name)
{
	if (name->len == 0)
		refuse("A name is empty.");
	for (uint32 i = 0; i < name->len; i++)
		if ((unsigned char) name->data[i] < 0x20 || name->data[i] == 0x7f)
			refuse(psprintf("A name contains a control character: byte 0x%02x at offset %u.", (unsigned char) name->data[i], i));
}

static void
check_members(const JsonbContainer *object)
{
	uint32		n = JsonContainerSize(object);
	JbCursor	names = jb_first(object);
	JbCursor	values = jb_first_value(object);
	Size		bytes = 0;

	if (n > MAX_LABELS)
		refuse(psprintf("There are %u.", n));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		name = jb_next(&names);
		JbItem		value = jb_next(&values);

		check_name(&name);
		if (!JBE_ISSTRING(value.entry))
			refuse(psprintf("The value of %s is no string.", agc_quoted_name(pnstrdup(name.data, name.len))));
		bytes += name.len + value.len;
	}
	if (bytes > MAX_LABEL_BYTES)
		refuse(psprintf("They have %zu bytes.", bytes));
}

/* Before it is detoasted: a document that is far too large costs nothing; the rest is counted exactly. */
static void
check_size(Datum given)
{
	Size		size = toast_raw_datum_size(given);

	if (size > 8 * MAX_LABEL_BYTES)
		refuse(psprintf("They have %zu bytes.", size));
}

Jsonb *
budget_arg_labels(FunctionCallInfo fcinfo, int n)
{
	Jsonb	   *labels;

	if (PG_ARGISNULL(n))
		return NULL;
	check_size(PG_GETARG_DATUM(n));
	labels = PG_GETARG_JSONB_P(n);
	if (JB_ROOT_IS_SCALAR(labels))
	{
		JbItem		root = jb_root(labels);

		/* as drivers write what their caller left out */
		if (JBE_ISNULL(root.entry))
			return NULL;
		refuse("They are no object.");
	}
	if (!JB_ROOT_IS_OBJECT(labels))
		refuse("They are no object.");
	check_members(&labels->root);
	return JB_ROOT_COUNT(labels) == 0 ? NULL : labels;
}
