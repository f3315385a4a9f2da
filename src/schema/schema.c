/*
 * schema.c
 *	  What this room does when the library is loaded: its settings, and the
 *	  reporter of inline schemas.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "schema/schema.h"

#include <limits.h>

#include "schema/inline.h"

#include "utils/guc.h"

int			agc_inline_schema_cache_size = 8192;
int			agc_max_errors = 20;
int			agc_max_node_visits = 10000000;

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.inline_schema_cache_size",
							"Backend memory for compiled schemas that were given as an argument.",
							"The least recently used go first, but never the one in use; agentcore.stat_compiled shows them.",
							&agc_inline_schema_cache_size, 8192, 64, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_errors",
							"Largest number of errors that args_validate reports for one document.",
							"Validation stops collecting there; the document stays invalid.",
							&agc_max_errors, 20, 1, 10000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_node_visits",
							"Number of steps that validating one document may take.",
							"One step applies one subschema to one value; nested anyOf and oneOf multiply. "
							"Long strings, wide objects and huge numbers count as several, by their size. More steps raise 54001.",
							&agc_max_node_visits, 10000000, 1024, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
}

void
schema_init(void)
{
	define_settings();
	inline_init();
}
