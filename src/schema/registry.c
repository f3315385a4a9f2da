/*
 * registry.c
 *	  Looking up the documents that a tenant's schemas may refer to: the rows of
 *	  agentcore.json_schema.
 *
 * A row is found by the URI it was registered under, else by its own $id.  What
 * was compiled from a row remembers the row's version (revision, xmin, ctid) and
 * is compiled anew when the same lookup finds another: the triggers of
 * registry_attach() announce every change, as for tools.
 *
 * Memory: documents in CurrentMemoryContext.  Locks: AccessShareLock while
 * reading.  On ERROR: nothing was changed.
 */
#include "schema/documents.h"

#include "access/htup_details.h"
#include "utils/rel.h"

static AgcTable by_name = AGC_TABLE("json_schema", "json_schema_pkey");
static AgcTable by_id = AGC_TABLE("json_schema", "json_schema_tenant_id_key");

/* The row registered by the URI, else the row whose $id it is; NULL: neither. */
static HeapTuple
find_row(Relation rel, const char *tenant, const char *uri)
{
	const char *keys[2] = {tenant, uri};
	HeapTuple	tuple = agc_table_get(&by_name, rel, 2, keys);

	if (tuple == NULL)
	{
		Relation	again = agc_table_open(&by_id, AccessShareLock);

		tuple = agc_table_get(&by_id, again, 2, keys);
		agc_table_close(again, AccessShareLock);
	}
	return tuple;
}

static RegistryUse
describe(const char *uri, HeapTuple tuple, TupleDesc desc)
{
	RegistryUse use = {.uri = uri, .found = tuple != NULL};

	if (tuple != NULL)
	{
		use.revision = agc_col_int64(tuple, desc, "revision", 0);
		use.xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
		use.tid = tuple->t_self;
	}
	return use;
}

static void
note_use(RegistryUse **uses, const RegistryUse *use, Jsonb *schema)
{
	RegistryUse *copy;

	for (const RegistryUse *known = *uses; known != NULL; known = known->next)
		if (strcmp(known->uri, use->uri) == 0)
			return;
	copy = palloc(sizeof(RegistryUse));
	*copy = *use;
	copy->uri = pstrdup(use->uri);
	if (schema != NULL)
	{
		AgcDigest  *digest = agc_digest_begin();

		agc_digest_exact(digest, schema);
		agc_digest_end(digest, copy->hash);
	}
	copy->next = *uses;
	*uses = copy;
}

Jsonb *
registry_find(const char *tenant, const char *uri, char **name, SchemaDialect *dialect, RegistryUse **uses)
{
	Relation	rel = agc_table_open(&by_name, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	tuple = find_row(rel, tenant, uri);
	RegistryUse use = describe(uri, tuple, desc);
	Jsonb	   *schema = NULL;
	bool		isnull;

	if (tuple != NULL)
	{
		*name = agc_col_text(tuple, desc, "name");
		if (!dialect_parse(agc_col_text(tuple, desc, "dialect"), dialect))
			elog(ERROR, "unknown dialect of document \"%s\"", *name);
		schema = DatumGetJsonbP(agc_col(tuple, desc, "schema", &isnull));
	}
	note_use(uses, &use, schema);
	agc_table_close(rel, AccessShareLock);
	return schema;
}

bool
registry_fresh(const char *tenant, const RegistryUse *uses)
{
	Relation	rel;
	bool		fresh = true;

	if (uses == NULL)
		return true;
	rel = agc_table_open(&by_name, AccessShareLock);
	for (; uses != NULL && fresh; uses = uses->next)
	{
		HeapTuple	tuple = find_row(rel, tenant, uses->uri);
		RegistryUse now = describe(uses->uri, tuple, RelationGetDescr(rel));
		ItemPointerData then = uses->tid;

		fresh = now.found == uses->found &&
			(!now.found || (now.revision == uses->revision && now.xmin == uses->xmin &&
							ItemPointerEquals(&now.tid, &then)));
		if (tuple != NULL)
			heap_freetuple(tuple);
	}
	agc_table_close(rel, AccessShareLock);
	return fresh;
}
