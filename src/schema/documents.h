/*
 * documents.h
 *	  Documents that schemas refer to: the published metaschemas and the
 *	  registry.
 */
#ifndef AGENTCORE_SCHEMA_DOCUMENTS_H
#define AGENTCORE_SCHEMA_DOCUMENTS_H

#include "schema/schema.h"

/* by URI without fragment (published.c); palloc'd; NULL: none of these */
extern Jsonb *published_find(const char *uri, SchemaDialect *dialect);
extern Jsonb *published_metaschema(SchemaDialect dialect);

/* a compiled metaschema of this session (metaschema.c); 0: not compiled yet */
extern Size metaschema_bytes(SchemaDialect dialect, int64 *hits);

/* by URI, else by its own $id (registry.c); noted in *uses.  *name: the URI it is registered by. */
extern Jsonb *registry_find(const char *tenant, const char *uri, char **name, SchemaDialect *dialect,
							RegistryUse **uses);

#endif							/* AGENTCORE_SCHEMA_DOCUMENTS_H */
