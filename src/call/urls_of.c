/*
 * urls_of.c
 *	  call_urls(): the URLs among the arguments of a call that was made, and the methods
 *	  that they were used with, as the gate finds them.
 *
 * Memory: CurrentMemoryContext; rows go to a tuplestore.  Locks: those of reading.  On ERROR:
 * nothing to undo.
 */
#include "call/url_arguments.h"

#include "core/row.h"
#include "funcapi.h"

static void
put_url(ReturnSetInfo *rsinfo, const FoundUrl *url, const char *method)
{
	static const char *const forms[] = {"url", "template", "place"};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, pnstrdup(url->at, url->len));
	agc_put_text(&row, forms[url->kind]);
	agc_put_text(&row, method);
	agc_row_store(rsinfo, &row);
}

static void
put_map(ReturnSetInfo *rsinfo, const UrlMap *map, const List *methods)
{
	for (int i = 0; i < map->nfound; i++)
	{
		const FoundUrl *url = &map->found[i];
		int			member = -1;

		if (url->kind == SCHEMA_URL_CONTENT)
		{
			if (url->content != NULL)
				put_map(rsinfo, url->content, methods);
			continue;
		}
		if (url->methods == NULL)
			put_url(rsinfo, url, url->kind == SCHEMA_URL ? "GET" : url->kind == SCHEMA_URL_TEMPLATE ? "GET" : NULL);
		while ((member = bms_next_member(url->methods, member)) >= 0)
			put_url(rsinfo, url, list_nth(methods, member));
	}
}

/* call_urls(tool, args, policy, strict, tenant) -> setof (url, form, method); no row for a tool that is not there */
AGC_FUNCTION(call_urls)
{
	char	   *name = agc_arg_name(fcinfo, 0, "tool");
	Jsonb	   *args = agc_arg_jsonb(fcinfo, 1, "args");
	char	   *policy = agc_arg_name(fcinfo, 2, "policy");
	bool		strict = agc_arg_bool(fcinfo, 3, "strict");
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	AllowMethods known;
	AgcObject  *object;
	UrlMap	   *map;

	agc_enter(tenant, AGC_READER);
	InitMaterializedSRF(fcinfo, 0);
	object = tool_pin(tenant, name);
	if (object == NULL)
		return (Datum) 0;
	allow_methods(tenant, policy, &known);
	map = urls_find(object->data, args, &known, strict && !((ToolDef *) object->data)->closed_world);
	put_map((ReturnSetInfo *) fcinfo->resultinfo, map, map->methods);
	agc_object_unpin(object);
	return (Datum) 0;
}
