/*
 * attach.c
 *	  The triggers of a table: registry_attach(), history_attach().
 *
 * Not in plpgsql, which keeps what it compiled of a function for the session,
 * also when the function went with its extension.
 *
 * Memory: SPI's.  Locks: those of CREATE TRIGGER.  On ERROR: the transaction takes
 * everything back.
 */
#include "core/core.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* in a statement %1$s is the table, %2$s the name, %3$s the arguments of the trigger */
static void
attach(Oid relid, const char *name, const char *args, const char *const *statements, int n)
{
	char	   *table = get_rel_name(relid);

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("registry must be a table")));
	table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), table);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (int i = 0; i < n; i++)
	{
		int			result = SPI_execute(psprintf(statements[i], table, name, args), false, 0);

		if (result != SPI_OK_UTILITY)
			elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	}
	SPI_finish();
}

/* registry_attach(registry, versioned): what compiles rows of the table hears of its changes */
AGC_FUNCTION(registry_attach)
{
	static const char *const statements[] = {
		"CREATE TRIGGER registry_change_row AFTER INSERT OR UPDATE OR DELETE ON %1$s FOR EACH ROW EXECUTE FUNCTION agentcore.registry_change_trigger()",
		"CREATE TRIGGER registry_change_truncate AFTER TRUNCATE ON %1$s FOR EACH STATEMENT EXECUTE FUNCTION agentcore.registry_change_trigger()",
		"ALTER TABLE %1$s ENABLE ALWAYS TRIGGER registry_change_row, ENABLE ALWAYS TRIGGER registry_change_truncate",
		"CREATE TRIGGER registry_revision BEFORE UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION agentcore.registry_revision_trigger()",
		"ALTER TABLE %1$s ENABLE ALWAYS TRIGGER registry_revision"
	};
	bool		versioned = agc_arg_bool(fcinfo, 1, "versioned");

	attach(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0), NULL, NULL, statements, lengthof(statements) - (versioned ? 0 : 2));
	PG_RETURN_VOID();
}

/* The arguments of the trigger as string literals. */
static char *
literals(FunctionCallInfo fcinfo, int n)
{
	StringInfoData list;
	Datum	   *elems;
	int			count;

	initStringInfo(&list);
	if (PG_ARGISNULL(n))
		return list.data;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &elems, NULL, &count);
	for (int i = 0; i < count; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", quote_literal_cstr(TextDatumGetCString(elems[i])));
	return list.data;
}

/* history_attach(registry, name, arguments): NAME_trigger(arguments) records the changes of the table */
AGC_FUNCTION(history_attach)
{
	static const char *const statements[] = {
		"CREATE TRIGGER %2$s_row AFTER INSERT OR UPDATE OR DELETE ON %1$s FOR EACH ROW EXECUTE FUNCTION agentcore.%2$s_trigger(%3$s)",
		"CREATE TRIGGER %2$s_truncate BEFORE TRUNCATE ON %1$s FOR EACH STATEMENT EXECUTE FUNCTION agentcore.%2$s_trigger(%3$s)",
		"ALTER TABLE %1$s ENABLE ALWAYS TRIGGER %2$s_row, ENABLE ALWAYS TRIGGER %2$s_truncate"
	};

	attach(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0), agc_arg_name(fcinfo, 1, "name"), literals(fcinfo, 2), statements, lengthof(statements));
	PG_RETURN_VOID();
}
