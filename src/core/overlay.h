/*
 * overlay.h
 *	  Other rows in place of the registry tables', for this session
 *
 * A session that asks "what would the gate say under another configuration" judges
 * by rows that stand in no table.  While an overlay is on, agc_table_row(), _get(),
 * _scan(), _scan_at() and _ordered() find its rows in place of the tables', and so
 * does all that is compiled of them.  Nobody else sees anything of it.
 *
 * The rows come as a document, which config_resolve() and config_rows_at() make:
 *
 *	{"format": 1, "tenant": "acme",
 *	 "relations": {"agent": [{column: value, ...}, ...], "budget": [], ...},
 *	 "shared": {"special_range": [...]}}
 *
 * "relations" holds the tenant's rows, "shared" those of tenant '*'.  A table that is
 * not named there is read as it is; one that is named holds what is listed and nothing
 * else.  agentcore.access is never read from an overlay: who may do what is no part
 * of a configuration.
 */
#ifndef AGENTCORE_CORE_OVERLAY_H
#define AGENTCORE_CORE_OVERLAY_H

#include "core/index_key.h"

#include "access/htup.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"

#define AGC_OVERLAY_FORMAT	1

/*
 * Puts an overlay on, until agc_overlay_end() or the end, by an ERROR too, of the
 * (sub)transaction.  Not inside another one: 55000.  What is no such document, or
 * holds a row that the table would refuse: 22023.  Runs on a standby; takes no lock but
 * AccessShareLock, and keeps none.  The caller has judged who asks (agc_enter()).
 */
extern void agc_overlay_begin(const char *tenant, Jsonb *rows);
extern void agc_overlay_end(void);

/* ----- for table.c ---------------------------------------------------------- */

/* which overlay of this session is on, 0: none */
extern uint32 agc_overlaid;

/* The rows that these keys are equal to, in the order of that index; NULL where the table is read as it is. */
extern HeapTuple *agc_overlay_rows(Relation rel, Oid indexid, int nkeys, const AgcKey *keys, int *n);
extern void agc_overlay_init(void);

#endif							/* AGENTCORE_CORE_OVERLAY_H */
