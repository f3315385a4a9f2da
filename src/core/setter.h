/*
 * setter.h
 *	  What every X_set() and X_drop() has in common
 */
#ifndef AGENTCORE_CORE_SETTER_H
#define AGENTCORE_CORE_SETTER_H

#include "core/owner.h"

#include "fmgr.h"

/* ----- setters (setter.c) --------------------------------------------------
 *
 * X_set(key, ..., member, ..., reset, tenant) -> boolean: whether anything
 * changed.  A member that is not given (NULL) stays as it is in an object that
 * exists and is "preset" in a new one; the names in reset are set back.  22023
 * for an unknown name, a required member, and one that is given as well.
 */
typedef struct AgcMember
{
	const char *name;
	const char *preset;			/* of a new object, as text; NULL: NULL */
	bool		required;		/* a new object must be given it; no default */
} AgcMember;

/* One call of a setter, as write() sees it. */
typedef struct AgcSetting
{
	Datum	   *keys;			/* the tenant, then what agc_set() was given */
	char	   *tenant;
	bool		exists;			/* its row is locked */
	uint64		given;			/* a bit for each argument: not NULL */
	uint64		touched;		/* given, reset, or of a new object: to be judged */
	uint64		changed;		/* of these, what is not as it was */
	bool		lost;			/* another session made the object first: once more */
	Oid			type[FUNC_MAX_ARGS];	/* of the members */
} AgcSetting;

#define AGC_GIVEN(set, n)	(((set)->given & (UINT64CONST(1) << (n))) != 0)
#define AGC_TOUCHED(set, n) (((set)->touched & (UINT64CONST(1) << (n))) != 0)
#define AGC_CHANGED(set, n) (((set)->changed & (UINT64CONST(1) << (n))) != 0)

/* Names something else than before: whether that is there and suits is judged then only, or a document
 * could not be applied to the database that it came from. */
#define AGC_NAMES_ANEW(fcinfo, set, n) (AGC_CHANGED(set, n) && !(fcinfo)->args[n].isnull)

typedef struct AgcSetter
{
	const char *what;			/* "tool": for messages */
	int			first;			/* argument of the first member; then all in order */
	int			nmembers;
	const AgcMember *members;

	/* selects the members, in order and of the arguments' types, of the row of these keys, and locks it */
	AgcPlan    *row;
	bool		everywhere;		/* the caller needs admin on every tenant */
	bool		or_every;		/* the tenant may be "*" */
	void		(*before) (AgcSetting *set);	/* NULL, or locks to take before the row's, by SPI */

	/*
	 * Judges and writes the object, which fcinfo holds whole; whether anything
	 * changed.  What is not touched was judged when it was written: a switch
	 * must work although what the object names is gone.
	 */
	bool		(*write) (FunctionCallInfo fcinfo, AgcSetting *set);
} AgcSetter;

/* The body of a setter; keys[0] is left for the tenant. */
extern Datum agc_set(FunctionCallInfo fcinfo, const AgcSetter *setter, Datum *keys);

/*
 * For write(): a statement that inserts the object where set->exists is false
 * (and then leaves a row alone that it finds), else changes it.  agc_set_spi()
 * between agc_owner_begin() and agc_owner_end().
 */
extern bool agc_set_write(AgcSetting *set, AgcPlan *plan, Datum *values, const char *nulls);
extern bool agc_set_spi(AgcSetting *set, AgcPlan *plan, Datum *values, const char *nulls);

/* X_drop(name, tenant) -> boolean; plan deletes by tenant ($1) and name ($2) */
extern Datum agc_drop(FunctionCallInfo fcinfo, const char *what, AgcPlan *plan);

#endif							/* AGENTCORE_CORE_SETTER_H */
