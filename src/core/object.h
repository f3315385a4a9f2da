/*
 * object.h
 *	  Compiled registry objects, and how every session hears of a change
 */
#ifndef AGENTCORE_CORE_OBJECT_H
#define AGENTCORE_CORE_OBJECT_H

#include "core/table.h"

#include "lib/ilist.h"
#include "nodes/execnodes.h"

/* ----- compiled objects (object.c) ----------------------------------------
 *
 * Per-backend cache of what is compiled from one registry row, found by
 * (class, tenant, name) and revalidated when a registry table changed: if the
 * row is still the same version the compiled form is kept.  A registry table
 * has the columns tenant, name and revision, a primary key (tenant, name), and
 * the triggers of agentcore.registry_attach().
 */
typedef struct AgcObjectClass
{
	const char *name;
	AgcTable   *table;

	/*
	 * Build the compiled form in CurrentMemoryContext, which becomes the
	 * object's own.  May raise an error.  What lives outside memory contexts
	 * is freed by a MemoryContextRegisterResetCallback on it.
	 */
	void	   *(*compile) (HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

	/*
	 * NULL, or whether what compile() read beside its own row is still so.
	 * Asked when a registry table has changed and the row itself has not.
	 */
	bool		(*fresh) (const void *data, const char *tenant);

	/* that a name has no row is not kept: rows come quietly (agc_registry_quiet()) */
	bool		always_looks;
} AgcObjectClass;

typedef struct AgcObject
{
	const AgcObjectClass *class;
	char	   *tenant;
	char	   *name;
	int64		revision;
	void	   *data;			/* what compile() returned */
	MemoryContext cxt;

	/* the rest is object.c's */
	uint32		overlay;		/* in which it was compiled, 0: none */
	TransactionId xmin;
	ItemPointerData tid;
	uint64		checked;		/* generation at which the row was last compared */
	int			pins;
	bool		dead;			/* unlinked; freed with the last pin */
	Size		bytes;
	int64		compiles;
	int64		hits;
	dlist_node	lru;
	struct AgcObject *next;		/* hash chain */
} AgcObject;

/* NULL when there is no such row.  Pins left by an ERROR go at transaction end. */
extern AgcObject *agc_object_pin(const AgcObjectClass *class, const char *tenant, const char *name);

/* also NULL, with a WARNING, when the row cannot be compiled */
extern AgcObject *agc_object_try_pin(const AgcObjectClass *class, const char *tenant, const char *name);
extern void agc_object_unpin(AgcObject *object);

/* whether there is such a row, whether or not it can be compiled */
extern bool agc_object_exists(const AgcObjectClass *class, const char *tenant, const char *name);

/*
 * What else a room keeps compiled: called by compiled_objects(), it adds rows
 * (class, tenant, name, revision, bytes, compiles, hits).
 */
typedef void (*AgcCompiledReport) (ReturnSetInfo *rsinfo);
extern void agc_compiled_reporter(AgcCompiledReport report);

/* ----- invalidation (invalidation.c) --------------------------------------- */

/* counts every registry change this backend has heard of, also its own */
extern uint64 agc_generation(void);

/* what this session has derived from registry tables is looked at again */
extern void agc_generation_next(void);

/* finds the relation whose invalidations are counted; agc_enter() calls it */
extern void agc_watch_registry(void);

/*
 * Until this is called with InvalidOid, also on ERROR, nobody hears of rows that are
 * inserted into this table.  Right only where nothing can be derived from a row's
 * absence (AgcObjectClass.always_looks).
 */
extern void agc_registry_quiet(Oid relid);

#endif							/* AGENTCORE_CORE_OBJECT_H */
