/*
 * index_key.h
 *	  What rows are looked up by, in a table (table.h) or in an overlay (overlay.h)
 */
#ifndef AGENTCORE_CORE_INDEX_KEY_H
#define AGENTCORE_CORE_INDEX_KEY_H

#include "core/compat.h"

#include "access/stratnum.h"

/* one column of an index and what it is compared to */
typedef struct AgcKey
{
	Datum		value;
	RegProcedure compare;		/* of pg_proc, F_TEXTEQ and the like */
	StrategyNumber strategy;	/* of btrees */
} AgcKey;

#endif							/* AGENTCORE_CORE_INDEX_KEY_H */
