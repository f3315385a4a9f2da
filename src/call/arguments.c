/*
 * arguments.c
 *	  The stages that judge what the model sent: the arguments, and the URLs in
 *	  them.
 *
 * What is judged is what runs: URLs are replaced by their canonical form, and
 * where that changed anything the schema is asked again, because a pattern, a
 * uniqueItems or a propertyNames that fitted before may not fit any more.
 *
 * A model must not be able to raise an ERROR, so a limit that judging runs into
 * is a refusal.  That part is pure: it takes no lock, pin or file, and nothing
 * but memory is left behind when its ERROR is caught here.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading the policy.  On ERROR:
 * nothing to undo.
 */
#include "call/gate.h"

#include "utils/builtins.h"

/* ----- limits ------------------------------------------------------------------ */

static Jsonb *
limit_error(const char *path, const char *message)
{
	JsonbParseState *state = NULL;
	const char *members[] = {"path", path, "keyword", "limit", "message", message};
	JsonbValue *array;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < lengthof(members); i++)
	{
		JsonbValue	value = {.type = jbvString};

		value.val.string.val = (char *) members[i];
		value.val.string.len = strlen(members[i]);
		pushJsonbValue(&state, i % 2 == 0 ? WJB_KEY : WJB_VALUE, &value);
	}
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	array = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(array);
}

/* Unjudged arguments cannot run: audit mode does not look away here. */
static void
refuse_limit(Gate *gate, const char *path, char *message)
{
	char	   *tool = agc_quoted_name(gate->tool_name);
	char	   *where = path[0] == '\0' ? "The arguments" : psprintf("The argument \"%s\"", path);

	gate->errors = limit_error(path, message);
	gate_refuse(gate, REASON_INVALID_ARGS, psprintf("limit: at \"%s\": %s", path, message),
				psprintf("%s of %s cannot be checked within the limits: %s. Call %s again with something shorter or simpler there.",
						 where, tool, message, tool));
}

static bool
is_limit(int sqlstate)
{
	return sqlstate == ERRCODE_STATEMENT_TOO_COMPLEX || sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/*
 * Does pure work; false where it ran into a limit, which is then refused.
 * Without a subtransaction, which every call would pay for.
 */
static bool
within_limits(Gate *gate, void (*work) (Gate *gate, void *arg), void *arg)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool done = false;

	(void) schema_limit_path(); /* one that somebody else caught */
	PG_TRY();
	{
		work(gate, arg);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!is_limit(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		refuse_limit(gate, schema_limit_path(), error->message);
	}
	PG_END_TRY();
	return done;
}

/* ----- arguments --------------------------------------------------------------- */

static void
digest_request(Gate *gate, void *arg)
{
	AgcDigest  *digest = agc_digest_begin();

	agc_digest_field(digest, gate->agent_name, strlen(gate->agent_name));
	agc_digest_field(digest, gate->task ? gate->task : "", gate->task ? strlen(gate->task) : 0);
	agc_digest_field(digest, gate->subject ? gate->subject : "", gate->subject ? strlen(gate->subject) : 0);
	agc_digest_field(digest, gate->tenant, strlen(gate->tenant));
	agc_digest_call(digest, gate->tool_name, gate->args, gate->is_llm ? "model" : "tool");
	agc_digest_end(digest, gate->request_hash);
}

/* The model's text, read; false where it is none. */
static bool
read_text(Gate *gate)
{
	char	   *problem;

	gate->args = agc_json_text(gate->args_text, &problem);
	if (gate->args != NULL)
		return true;
	gate_deny(gate, REASON_INVALID_ARGS, problem,
			  psprintf("The arguments are %s. Call %s again with one JSON object.",
					   problem, agc_quoted_name(gate->tool_name)));
	gate->args = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	return false;
}

static void
judge_schema(Gate *gate, void *arg)
{
	if (gate->tool->coerce)
	{
		Jsonb	   *changes;

		gate->args = tool_args_coerce(gate->tool, gate->args, gate->tool->drop_unknown, &changes);
	}
	gate->errors = tool_args_errors(gate->tool, gate->args);
}

/*
 * A URL that is none fails "format": "uri" before the policy sees it; the
 * policy's word on it (invalid_url, and why) is the better one.
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

static void
deny_errors(Gate *gate, const char *when)
{
	gate_deny(gate, REASON_INVALID_ARGS,
			  psprintf("%d error(s) against the input schema%s", (int) JB_ROOT_COUNT(gate->errors), when),
			  tool_args_feedback(gate->tool, gate->args, gate->errors));
}

static void
refuse_oversized(Gate *gate)
{
	gate_refuse(gate, REASON_INVALID_ARGS, psprintf("the arguments have %s", gate->oversized),
				psprintf("The arguments are too large: at most %d kB are allowed. Call %s again with less, or pass a reference to it.",
						 agc_max_args_size, agc_quoted_name(gate->tool_name)));
	digest_request(gate, NULL);
}

void
gate_judge_args(Gate *gate)
{
	bool		readable;

	if (gate->oversized != NULL)
	{
		refuse_oversized(gate);
		return;
	}
	readable = gate->args != NULL || read_text(gate);
	if (!within_limits(gate, digest_request, NULL) || !readable || gate->tool == NULL ||
		!within_limits(gate, judge_schema, NULL))
		return;
	if (gate->errors != NULL && only_formats_fail(gate->errors))
		gate_judge_urls(gate);
	if (gate->errors != NULL && gate->verdict == VERDICT_NONE)
		deny_errors(gate, "");
}

/* ----- URLs -------------------------------------------------------------------- */

static char *
policy_feedback(const char *what, const AllowDecision *decision)
{
	if (strcmp(decision->reason, REASON_INVALID_URL) == 0)
		return psprintf("%s is not a URL that can be used (%s). Send a plain, absolute URL.",
						what, decision->detail ? decision->detail : "refused");
	if (strcmp(decision->reason, REASON_METHOD_BLOCKED) == 0)
		return psprintf("%s must not be used with this method. Do not try again; use another source.", what);
	return psprintf("%s is not allowed here. Do not try again; use another source or go on without it.", what);
}

/* A policy in audit mode allows, and still says what it would have refused. */
void
gate_apply_decision(Gate *gate, const AllowDecision *decision, const char *what)
{
	if (decision->reason == NULL)
		return;
	if (decision->allowed)
		gate_observe(gate, decision->reason, decision->detail, policy_feedback(what, decision));
	else
		gate_deny(gate, decision->reason, decision->detail, policy_feedback(what, decision));
}

/* One method after the other: every one must pass. */
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
		gate_apply_decision(gate, &decision,
							decision.host ? psprintf("The address %s", agc_shown(decision.host, AGC_MAX_NAME)) : "An address in the arguments");
		url->canonical = decision.url;
		member = member < 0 ? member : bms_next_member(url->methods, member);
	} while (member >= 0 && gate->verdict == VERDICT_NONE);
}

static void
judge_map(Gate *gate, UrlMap *map)
{
	if (map->misplaced)
		gate_deny(gate, REASON_INVALID_URL, pstrdup("not a string"),
				  pstrdup("An address in the arguments must be a string."));
	for (int i = 0; i < map->nfound && gate->verdict == VERDICT_NONE; i++)
	{
		FoundUrl   *url = &map->found[i];

		if (url->kind != SCHEMA_URL_CONTENT)
			judge_url(gate, url, map->methods);
		else if (url->content != NULL)
			judge_map(gate, url->content);
		else
			gate_deny(gate, REASON_INVALID_URL, pstrdup("content: it cannot be read"),
					  pstrdup("A text in the arguments that holds addresses must be plain JSON."));
	}
}

typedef struct UrlWork
{
	AllowMethods known;
	UrlMap	   *map;
} UrlWork;

static void
find_urls(Gate *gate, void *arg)
{
	UrlWork    *work = arg;

	work->map = urls_find(gate->tool, gate->args, &work->known);
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
	deny_errors(gate, " with its URLs in canonical form");
}

void
gate_judge_urls(Gate *gate)
{
	UrlWork		work = {{0}};

	if (gate->tool == NULL || (gate->tool->nurl_args == 0 && !gate->tool->has_urls))
		return;
	allow_methods(gate->tenant, gate->agent->policy, &work.known);
	if (!within_limits(gate, find_urls, &work))
		return;
	judge_map(gate, work.map);
	if (gate->verdict == VERDICT_NONE)
		(void) within_limits(gate, put_back, &work);
}
