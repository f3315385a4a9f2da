/*
 * lint_gate.c
 *	  The part of tool_lint() that is no provider's: what the gate does not judge of
 *	  a tool, and words of its schema that look misspelt.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: those of the policies' finder.
 */
#include "tool/lint_gate.h"

#include "core/row.h"
#include "miscadmin.h"
#include "tool/guess.h"
#include "tool/tool_schema.h"

void
lint_put(Lint *lint, const char *path, const char *keyword, Effect effect, const char *problem,
		 const ProviderRule *rule)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, provider_names[lint->provider]);
	agc_put_text(&row, path);
	agc_put_text(&row, keyword);
	agc_put_text(&row, effect_names[effect]);
	agc_put_text(&row, problem);
	if (rule != NULL)
	{
		agc_put_text(&row, rule->name);
		agc_put(&row, BoolGetDatum(rule->strict));
	}
	else
	{
		agc_put_datum(&row, (Datum) 0, true);
		agc_put_datum(&row, (Datum) 0, true);
	}
	agc_row_store(lint->result, &row);
	/* a schema may have a million of them */
	for (int i = 0; i < Min(row.n, 6); i++)
		if (!row.null[i])
			pfree(DatumGetPointer(row.value[i]));
}

/* What the gate does not judge; path_text is freed. */
static void
unjudged(Lint *lint, char *path_text, const char *keyword, const char *problem)
{
	lint_put(lint, path_text, keyword, UNJUDGED, problem, NULL);
	pfree(path_text);
}

static MethodPolicyFinder method_policies = NULL;

void
tool_set_method_policies(MethodPolicyFinder finder)
{
	method_policies = finder;
}

static MoneyBudgetFinder money_budgets = NULL;

void
tool_set_money_budgets(MoneyBudgetFinder finder)
{
	money_budgets = finder;
}

/* A call that nobody can price is admitted by every budget of money that has anything left. */
static void
lint_cost(Lint *lint, const ToolDef *tool)
{
	char	   *budgets = tool->est_nanousd >= 0 || money_budgets == NULL ? NULL : money_budgets(lint->tenant);

	if (budgets != NULL)
		unjudged(lint, pstrdup(""), "est_usd", psprintf("states no cost, so a call that states none holds no money in budgets that limit it and have no min_hold_usd: %s", budgets));
}

/* A pointer of url_args that ends where the guess does, or above it. */
static bool
is_judged(const ToolDef *tool, const char *pointer)
{
	for (int i = 0; i < tool->nurl_args; i++)
	{
		size_t		len = strlen(tool->url_args[i]);

		if (strncmp(pointer, tool->url_args[i], len) == 0 && (pointer[len] == '\0' || strcmp(pointer + len, "/*") == 0))
			return true;
	}
	return false;
}

/* What looks like a URL and is judged neither by its format nor by url_args. */
static void
lint_guesses(Lint *lint, const ToolDef *tool)
{
	const UrlGuesses *guesses = tool->guesses == NULL ? tool_guess_urls(tool->program) : tool->guesses;

	for (int i = 0; i < guesses->count && tool->guesses == NULL; i++)
		if (!is_judged(tool, guesses->pointer[i]) && !tool_pointer_among(guesses->pointer[i], tool->url_skip, tool->nurl_skip))
			unjudged(lint, pstrdup(guesses->pointer[i]), "url_args", "looks like a URL by its name or description, and url_args leave it out");
	for (int i = 0; i < guesses->nbare; i++)
		if (!is_judged(tool, guesses->bare[i]))
			unjudged(lint, pstrdup(guesses->bare[i]), "url_args", "is called a URL and holds an object of which the schema says nothing");
	if (!guesses->whole && tool->guesses != NULL)
		unjudged(lint, pstrdup(""), "url_args", "the schema contains itself or is very large: URLs deeper in it are not guessed");
}

/* Do the arguments have a place for a method? */
static bool
names_method(const SchemaProgram *program)
{
	for (const SchemaNode *node = program->nodes; node != NULL; node = node->next)
		for (uint32 i = 0; node->object != NULL && i < node->object->nproperties; i++)
			if (http_method_name(node->object->properties[i].key, node->object->properties[i].len) != METHOD_NAME_NONE)
				return true;
	return false;
}

/* URLs that are judged as GET, because nothing says how they are used. */
static void
lint_method(Lint *lint, const ToolDef *tool)
{
	bool		urls = tool->has_urls || tool->nurl_args > 0 || (tool->guesses != NULL && tool->guesses->count > 0);
	char	   *policies;

	if (!urls || tool->http_method != NULL || method_policies == NULL || names_method(tool->program))
		return;
	policies = method_policies(lint->tenant, tool->name);
	if (policies != NULL)
		unjudged(lint, pstrdup(""), "http_method", psprintf("states no method and its arguments name none, so its URLs are judged as GET by policies with methods: %s", policies));
}

/* Words that no dialect knows, and that look like one that a dialect does: they refuse nothing. */
static void
lint_spelling(Lint *lint, const SchemaProgram *program, const char *where)
{
	for (const SchemaNode *node = program->nodes; node != NULL; node = node->next)
	{
		JbCursor	keys;

		CHECK_FOR_INTERRUPTS();
		if (!item_is_object(&node->source))
			continue;
		keys = jb_first(jb_container(&node->source));
		for (uint32 i = 0; i < JsonContainerSize(jb_container(&node->source)); i++)
		{
			JbItem		key = jb_next(&keys);
			const char *keyword = schema_misspelt_keyword(key.data, key.len);
			char	   *name;

			if (keyword == NULL)
				continue;
			name = pnstrdup(key.data, key.len);
			unjudged(lint, schema_path_text(node->path, name), name,
					 psprintf("%sis no keyword, so it refuses nothing; the nearest is \"%s\"", where, keyword));
		}
	}
}

void
lint_gate(Lint *lint, const ToolDef *tool)
{
	for (int i = 0; i < tool->nurl_skip; i++)
		unjudged(lint, pstrdup(tool->url_skip[i]), "url_skip", "what a format or its name calls a URL here is not judged");
	lint_guesses(lint, tool);
	lint_method(lint, tool);
	lint_cost(lint, tool);
	lint_spelling(lint, tool->program, "");
	if (tool->output != NULL)
		lint_spelling(lint, tool->output, "in the output schema: ");
}
