/*
 * attribution.c
 *	  Whose change it is: what the triggers that write a history need to know.
 *
 * A history is written by triggers, so that every way to change a row is
 * recorded.  A setter writes as the owner of the tables, and the owner is the
 * current user that a trigger sees.  So a setter leaves the role that called it
 * here.
 *
 * Memory: one static variable.  Locks: none.  On ERROR: the role is forgotten
 * when the error passes through agc_attributed().
 */
#include "core/core.h"

#include "miscadmin.h"
#include "utils/builtins.h"

/* the caller of the setter that is writing now */
static Oid	writer = InvalidOid;

void
agc_attributed(void (*write) (void *arg), void *arg)
{
	Oid			outer = writer;

	writer = GetUserId();
	PG_TRY();
	{
		write(arg);
	}
	PG_FINALLY();
	{
		writer = outer;
	}
	PG_END_TRY();
}

char *
agc_history_writer(void)
{
	return GetUserNameFromId(OidIsValid(writer) ? writer : GetUserId(), false);
}

/* history_writer() -> text: the role that a change is attributed to */
AGC_FUNCTION(history_writer)
{
	PG_RETURN_TEXT_P(cstring_to_text(agc_history_writer()));
}
