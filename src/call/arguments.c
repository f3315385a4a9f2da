/*
 * arguments.c
 *	  The stages that judge what the model sent: the arguments, and the URLs in
 *	  them.
 *
 * What is judged is what runs: URLs are replaced by their canonical form, and
 * where that changed anything the schema is asked again, because a pattern, a
 * uniqueItems or a propertyNames that fitted before may not fit any more.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading the policy.  On ERROR:
 * nothing to undo.
 */
#include "call/arguments.h"

#include "call/limits.h"
#include "call/refuse.h"
#include "call/url_arguments.h"
#include "utils/builtins.h"

/* ----- arguments --------------------------------------------------------------- */

/* Repairs come before every judgement: what is judged, and answered, is what was read. */
static void
read_text(Gate *gate, void *arg)
{
	WrittenJson how;

	if (gate->tool != NULL && gate->tool->coerce)
		gate->args = written_json_read(gate->args_text, false, &how);
	else
		gate->args = written_json_strict(gate->args_text, &how);
	if (gate->args == NULL)
		refuse_unreadable(gate, &how);
	else if (how.rules != 0 && gate->reason == NULL)
		gate->detail = psprintf("arguments read with repairs: %s", written_json_rules(how.rules));
}

/* False where the text is no JSON. */
static bool
read_args(Gate *gate)
{
	if (gate->args != NULL || (within_limits(gate, read_text, NULL) && gate->args != NULL))
		return true;
	gate->args = written_json_nothing();
	gate->unreadable = true;
	return false;
}

static void
judge_schema(Gate *gate, void *arg)
{
	if (gate->tool->coerce)
	{
		Jsonb	   *changes;

		gate->args = tool_args_coerce(gate->tool, gate->args, 0, gate->tool->drop_unknown, &changes);
	}
	gate->errors = tool_args_errors(gate->tool, gate->args);
}

/*
 * Text that is not a URL fails "format": "uri" before the policy sees it; the
 * policy's answer (invalid_url, and why) says more.
 */
static bool
only_formats_fail(Jsonb *errors)
{
	JsonbIterator *it = JsonbIteratorInit(&errors->root);
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		JsonbValue	keyword;

		if (token == WJB_ELEM &&
			(getKeyJsonValueFromContainer(value.val.binary.data, "keyword", 7, &keyword) == NULL ||
			 keyword.val.string.len != 6 || memcmp(keyword.val.string.val, "format", 6) != 0))
			return false;
	}
	return true;
}

void
judge_args(Gate *gate)
{
	bool		readable;

	if (gate->oversized != NULL)
	{
		gate->asked = gate->args;
		refuse_oversized(gate);
		return;
	}
	readable = read_args(gate);
	/* under its key the call is the one that was asked for */
	if (!gate->corrected)
		gate->asked = gate->args;
	if (!readable || gate->tool == NULL || !within_limits(gate, judge_schema, NULL))
		return;
	if (gate->errors != NULL && only_formats_fail(gate->errors))
		judge_urls(gate);
	if (gate->errors != NULL && gate->verdict == VERDICT_NONE)
		refuse_errors(gate, "");
}

/* ----- URLs -------------------------------------------------------------------- */

static void
refuse_url(Gate *gate, const FoundUrl *url, AllowForm form, const char *method, const AllowDecision *decision)
{
	bool		is_near;
	char	   *instead;

	if (decision->reason == NULL)
		return;
	instead = allow_url_instead(gate->tenant, gate->agent->policy, form, url->at, url->len, method, &is_near);
	refuse_url_by_policy(gate, decision, instead, is_near);
}

/* Judges one method after the other; all must pass. */
static void
judge_url(Gate *gate, FoundUrl *url, const List *methods)
{
	static const AllowForm forms[] = {ALLOW_URL, ALLOW_TEMPLATE, ALLOW_PLACE};
	AllowForm	form = forms[url->kind];
	int			member = bms_next_member(url->methods, -1);

	do
	{
		const char *method = member >= 0 ? list_nth(methods, member) : form == ALLOW_PLACE ? NULL : "GET";
		AllowDecision decision;

		allow_check_url(gate->tenant, gate->agent->policy, form, url->at, url->len, method, &decision);
		refuse_url(gate, url, form, method, &decision);
		url->canonical = decision.url;
		if (allow_common_denies_url(gate->tenant, form, url->at, url->len, method, &decision))
			refuse_url(gate, url, form, method, &decision);
		member = member < 0 ? member : bms_next_member(url->methods, member);
	} while (member >= 0 && gate->verdict == VERDICT_NONE);
}

static void
judge_map(Gate *gate, UrlMap *map, const List *methods)
{
	if (map->misplaced)
		refuse_misplaced_url(gate);
	if (map->uncontained && gate->verdict == VERDICT_NONE)
		refuse_uncontained_urls(gate);
	for (int i = 0; i < map->nfound && gate->verdict == VERDICT_NONE; i++)
	{
		FoundUrl   *url = &map->found[i];

		if (url->kind != SCHEMA_URL_CONTENT)
			judge_url(gate, url, methods);
		else if (url->content != NULL)
			judge_map(gate, url->content, methods);
		else
			refuse_unreadable_content(gate);
	}
}

typedef struct UrlWork
{
	AllowMethods known;
	UrlMap	   *map;
} UrlWork;

/* Whether arguments that are URLs by their value count. */
static bool
judges_values(const Gate *gate)
{
	return gate->strict_urls && !gate->tool->closed_world;
}

static void
find_urls(Gate *gate, void *arg)
{
	UrlWork    *work = arg;

	work->map = urls_find(gate->tool, gate->args, &work->known, judges_values(gate));
}

static void
put_back(Gate *gate, void *arg)
{
	UrlWork    *work = arg;
	Jsonb	   *args = urls_put_back(work->map);
	Jsonb	   *errors;

	if (args == gate->args)
		return;
	gate->args = args;
	errors = tool_args_errors(gate->tool, args);
	if (errors == NULL)
		return;
	gate->errors = errors;
	refuse_errors(gate, " with its URLs in canonical form");
}

bool
urls_are_judged(const Gate *gate)
{
	const ToolDef *tool = gate->tool;

	return tool != NULL && (tool->nurl_args > 0 || tool->has_urls || judges_values(gate) ||
							(tool->guesses != NULL && tool->guesses->count > 0));
}

void
judge_urls(Gate *gate)
{
	UrlWork		work = {{0}};

	if (!urls_are_judged(gate))
		return;
	allow_methods(gate->tenant, gate->agent->policy, &work.known);
	if (!within_limits(gate, find_urls, &work))
		return;
	judge_map(gate, work.map, work.map->methods);
	if (gate->verdict == VERDICT_NONE)
		(void) within_limits(gate, put_back, &work);
}
