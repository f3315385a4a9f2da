/*
 * guess.c
 *	  Which arguments of a tool are URLs although its schema does not say so.
 *
 * Most tools declare a URL as a string, and call it url.  The guess reads names
 * ("page_url", "hrefs", "webAddress"), what a description begins with ("The URL
 * of ..."), a pattern, a default and examples, wherever a string can stand that
 * has neither a format of its own nor fixed values.  Each guess is a JSON Pointer
 * as in url_args.
 *
 * Where a description names something else that may stand there ("URL or ID"),
 * the guess is loose: only what is a URL by its value is judged.
 *
 * A schema that contains itself is followed once around; what lies deeper is not
 * guessed, and the guess says that it is not whole.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "tool/guess.h"

#include "miscadmin.h"
#include "schema/schema.h"

#define GUESSES_MAX 200
#define STEPS_MAX 20000
#define DEPTH_MAX 24			/* of arguments */
#define SAME_MAX 16				/* schemas of one value inside of each other */
#define WORD_MAX 24
#define WORDS_MAX 24			/* of a name, or of a description's beginning */
#define HEAD_WORDS 4			/* where a description says what it describes */

typedef struct Guesser
{
	UrlGuesses *out;
	StringInfoData path;
	int			steps;
	int			depth;
	const SchemaNode *open[DEPTH_MAX];	/* on the way here */
} Guesser;

/* What the name or the description of a value says of it. */
typedef enum Saying
{
	SAYS_NOTHING,
	SAYS_LOOSELY,				/* a URL or something else */
	SAYS_URL
} Saying;

/* ----- words ---------------------------------------------------------------------- */

typedef struct Words
{
	char		word[WORDS_MAX][WORD_MAX + 1];	/* lower case */
	char		before[WORDS_MAX];	/* the sign in front that ends a phrase, or 0 */
	int			count;
} Words;

static bool
is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Does a word of a name begin here?  pageUrl, siteURL, URLList. */
static bool
begins_word(const char *text, uint32 len, uint32 at)
{
	return at > 0 && is_upper(text[at]) &&
		(is_lower(text[at - 1]) || (is_upper(text[at - 1]) && at + 1 < len && is_lower(text[at + 1]) && text[at + 1] != 's'));
}

/* Splits into words of letters; camel: a capital letter begins one too. */
static void
split(const char *text, uint32 len, bool camel, Words *words)
{
	char		before = 0;
	int			n = 0;

	words->count = 0;
	for (uint32 i = 0; i <= len && words->count < WORDS_MAX; i++)
	{
		bool		letter = i < len && (is_upper(text[i]) || is_lower(text[i]));

		if (n > 0 && (!letter || (camel && begins_word(text, len, i))))
		{
			words->word[words->count][n] = '\0';
			words->before[words->count++] = before;
			n = 0;
			before = 0;
			if (words->count == WORDS_MAX)
				break;
		}
		if (letter && n < WORD_MAX)
			words->word[words->count][n++] = pg_ascii_tolower(text[i]);
		else if (!letter && i < len && strchr(".;:!?\n(,/", text[i]) != NULL && before != '.')
			before = strchr(";:!?\n", text[i]) != NULL ? '.' : text[i];
	}
}

static bool
ends_with(const char *word, const char *end)
{
	size_t len = strlen(word);
	size_t n = strlen(end);

	return len > n && strcmp(word + len - n, end) == 0;
}

/* A word for a URL, or one that ends so: baseurl, redirecturi. */
static bool
means_url(const char *word)
{
	static const char *const words[] = {
		"url", "urls", "uri", "uris", "iri", "href", "hrefs", "hyperlink", "hyperlinks", "permalink", "weblink", "weblinks", "deeplink", NULL
	};
	static const char *const others[] = {"curl", "hurl", "furl", "burl", "purl", "unfurl", "missouri", NULL};

	return is_one_of(word, words) ||
		(!is_one_of(word, others) &&
		 (ends_with(word, "url") || ends_with(word, "urls") || ends_with(word, "uri") || ends_with(word, "uris")));
}

/* ----- names ----------------------------------------------------------------------- */

/* Whether the words from..to-1 of a name end in one for a URL. */
static bool
names_url(const Words *words, int to)
{
	static const char *const last[] = {
		"link", "links", "endpoint", "endpoints", "website", "websites", "webpage", "webpages", "homepage", "webhook", "webhooks",
		"callback", "callbacks", NULL
	};
	static const char *const places[] = {"page", "pages", "site", "sites", "address", "addresses", NULL};
	static const char *const webs[] = {"web", "http", "https", "internet", NULL};
	static const char *const pages[] = {"page", "site", "website", "webpage", "url", NULL};
	static const char *const idle[] = {"list", "array", "string", "str", "param", "arg", "value", "input", "s", NULL};
	const char *word;
	const char *before;

	while (to > 1 && is_one_of(words->word[to - 1], idle))
		to--;
	if (to < 1)
		return false;
	word = words->word[to - 1];
	before = to > 1 ? words->word[to - 2] : "";
	return means_url(word) || is_one_of(word, last) ||
		(is_one_of(word, places) && is_one_of(before, webs)) ||
		((strcmp(word, "address") == 0 || strcmp(word, "addresses") == 0) && is_one_of(before, pages)) ||
		(strcmp(word, "page") == 0 && strcmp(before, "home") == 0);
}

/* "web address", "address of the page" */
static bool
is_page_address(const Words *words, int at)
{
	static const char *const between[] = {"of", "a", "an", "the", "this", "that", "each", "web", NULL};
	static const char *const pages[] = {"page", "pages", "webpage", "webpages", "site", "sites", "website", "websites", NULL};

	if (strcmp(words->word[at], "address") != 0 && strcmp(words->word[at], "addresses") != 0)
		return false;
	if (words->before[at] == 0 && at > 0 && strcmp(words->word[at - 1], "web") == 0)
		return true;
	for (int next = at + 1; next < words->count && words->before[next] == 0; next++)
		if (!is_one_of(words->word[next], between))
			return next > at + 1 && is_one_of(words->word[next], pages);
	return false;
}

static bool
name_says_url(const char *name, uint32 len)
{
	static const char *const heads[] = {"to", "of", "for", "from", "in", NULL};
	Words words;

	split(name, len, true, &words);
	for (int i = 1; i < words.count; i++)
		if (is_one_of(words.word[i], heads))
			return names_url(&words, i) || is_page_address(&words, i - 1) || (strcmp(words.word[i], "to") == 0 && names_url(&words, words.count));
	return names_url(&words, words.count);
}

/* ----- descriptions ----------------------------------------------------------------- */

/* "URL slug", "URL-encoded": the word only tells what kind of text it is. */
static bool
qualifies(const Words *words, int at)
{
	static const char *const nouns[] = {
		"encoded", "encode", "encoding", "slug", "slugs", "path", "paths", "parameter", "parameters", "param", "params", "fragment", "query",
		"name", "names", "type", "scheme", "prefix", "suffix", "id", "ids", "key", "keys", "safe", "friendly", "component", "components",
		"segment", "segments", "title", "text", "count", "length", "shortener", "pattern", "patterns", "filter", "filters", NULL
	};

	return at + 1 < words->count && words->before[at + 1] == 0 && is_one_of(words->word[at + 1], nouns);
}

/* "URL or ID", "path or a URL", "a URL, ..." */
static bool
is_alternative(const Words *words, int at)
{
	static const char *const articles[] = {"a", "an", "the", "full", "http", "https", NULL};
	int before = at - 1;

	while (before > 0 && words->before[before + 1] == 0 && is_one_of(words->word[before], articles))
		before--;
	if (before >= 0 && strcmp(words->word[before], "or") == 0)
		return true;
	if (words->before[at] == ',' || words->before[at] == '(' || words->before[at] == '/')
		return true;
	return at + 1 < words->count &&
		(strcmp(words->word[at + 1], "or") == 0 || words->before[at + 1] == ',' || words->before[at + 1] == '/');
}

/* What a description begins with: its first sentence, behind a word such as "Optional". */
static Saying
description_says(const char *text, uint32 len)
{
	static const char *const skipped[] = {"optional", "required", "deprecated", NULL};
	static const char *const closing[] = {
		"in", "from", "within", "of", "for", "to", "with", "by", "at", "on", "into", "via", "that", "which", "whose", "not", "no", "if",
		"whether", "without", "using", "when", "where", "contain", "contains", "containing", "extract", "remove", "than", NULL
	};
	static const char *const pages[] = {"link", "links", "website", "websites", "webpage", "webpages", "webhook", "webhooks", NULL};
	static const char *const several[] = {"list", "lists", "array", "set", "collection", "comma", "separated", NULL};
	Words words;
	bool closed = false;

	split(text, len, false, &words);
	for (int i = 0; i < words.count; i++)
	{
		const char *word = words.word[i];

		if (words.before[i] == '.' && !(i == 1 && is_one_of(words.word[0], skipped)))
			return SAYS_NOTHING;
		if (words.before[i] != 0 || strcmp(word, "or") == 0)
			closed = false;
		if (!closed && (means_url(word) || is_page_address(&words, i)) && !qualifies(&words, i))
			return is_alternative(&words, i) ? SAYS_LOOSELY : SAYS_URL;
		if (!closed && i < HEAD_WORDS && is_one_of(word, pages) && !qualifies(&words, i))
			return SAYS_LOOSELY;
		if (is_one_of(word, closing) && !(strcmp(word, "of") == 0 && i > 0 && is_one_of(words.word[i - 1], several)))
			closed = true;
	}
	return SAYS_NOTHING;
}

/* ----- one schema --------------------------------------------------------------------- */

static bool
find_member(const SchemaNode *node, const char *key, JbItem *value)
{
	return item_is_object(&node->source) && object_find_cstring(jb_container(&node->source), key, value);
}

/* A default, an example, or the beginning of a pattern that only URLs have. */
static bool
shows_url(const SchemaNode *node)
{
	static const char *const starts[] = {"^http", "^(http", "^(?:http", "^[Hh][Tt][Tt][Pp]", NULL};
	static const char *const keys[] = {"default", "example", NULL};
	JbItem value;

	if (find_member(node, "pattern", &value) && JBE_ISSTRING(value.entry))
		for (int i = 0; starts[i] != NULL; i++)
			if (value.len >= strlen(starts[i]) && memcmp(value.data, starts[i], strlen(starts[i])) == 0)
				return true;
	for (int i = 0; keys[i] != NULL; i++)
		if (find_member(node, keys[i], &value) && JBE_ISSTRING(value.entry) && schema_url_absolute(value.data, value.len))
			return true;
	if (!find_member(node, "examples", &value) || !item_is_array(&value) || JsonContainerSize(jb_container(&value)) == 0)
		return false;
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&value)); i++)
	{
		JbItem example;

		array_get(jb_container(&value), i, &example);
		if (!JBE_ISSTRING(example.entry) || !schema_url_absolute(example.data, example.len))
			return false;
	}
	return true;
}

/* What a schema says of its value beside the name that it has. */
static Saying
node_says(const SchemaNode *node)
{
	static const char *const keys[] = {"description", "title"};
	Saying		saying = shows_url(node) ? SAYS_URL : SAYS_NOTHING;
	JbItem		value;

	for (int i = 0; i < lengthof(keys); i++)
		if (saying == SAYS_NOTHING && find_member(node, keys[i], &value) && JBE_ISSTRING(value.entry))
			saying = description_says(value.data, value.len);
	return saying;
}

static bool holds_text(const SchemaNode *node, int same);

static bool
any_holds_text(SchemaNode **nodes, uint32 n, int same)
{
	for (uint32 i = 0; i < n; i++)
		if (holds_text(nodes[i], same))
			return true;
	return n == 0;
}

/* Can a string stand here that no format and no list of values speaks of? */
static bool
holds_text(const SchemaNode *node, int same)
{
	const AnyRules *any = node->any;

	if (node->never || !(node->types & TYPE_STRING) || node->url != NULL || node->content != NULL || same > SAME_MAX ||
		(node->string != NULL && node->string->format != NULL))
		return false;
	if (any == NULL)
		return true;
	for (uint32 i = 0; i < any->nall; i++)
		if (!holds_text(any->all[i], same + 1))
			return false;
	return !any->has_const && !any->has_enum && (any->ref == NULL || holds_text(any->ref, same + 1)) &&
		(any->dynamic == NULL || holds_text(any->dynamic, same + 1)) &&
		any_holds_text(any->any, any->nany, same + 1) && any_holds_text(any->one, any->none, same + 1);
}

/* An array whose elements no schema describes. */
static bool
holds_any_elements(const SchemaNode *node)
{
	return (node->types & TYPE_ARRAY) && !(node->types & TYPE_OBJECT) && node->any == NULL &&
		(node->array == NULL || (node->array->rest == NULL && node->array->nprefix == 0));
}

/* ----- the walk ------------------------------------------------------------------------ */

static void guess_node(Guesser *g, const SchemaNode *node, Saying saying, int same);

/* A pointer to an array covers its strings already. */
static bool
is_known(const UrlGuesses *out, const char *path, int len)
{
	for (int i = 0; i < out->count; i++)
	{
		int n = strlen(out->pointer[i]);

		if (strncmp(out->pointer[i], path, n) == 0 && (n == len || (n + 2 == len && strcmp(path + n, "/*") == 0)))
			return true;
	}
	return false;
}

static void
add_guess(Guesser *g, Saying saying)
{
	UrlGuesses *out = g->out;

	if (is_known(out, g->path.data, g->path.len))
		return;
	if (out->count == GUESSES_MAX)
	{
		out->whole = false;
		return;
	}
	if (out->pointer == NULL)
	{
		out->pointer = palloc(GUESSES_MAX * sizeof(char *));
		out->loose = palloc(GUESSES_MAX * sizeof(bool));
	}
	out->pointer[out->count] = pstrdup(g->path.data);
	out->loose[out->count++] = saying == SAYS_LOOSELY;
}

/* An object that is called a URL, of which no schema says what it holds. */
static void
note_bare(Guesser *g, const SchemaNode *node)
{
	UrlGuesses *out = g->out;

	if (!(node->types & TYPE_OBJECT) || node->never || node->any != NULL || out->nbare == GUESSES_MAX ||
		(node->object != NULL && (node->object->nproperties > 0 || node->object->npatterns > 0 || node->object->additional != NULL)))
		return;
	if (out->bare == NULL)
		out->bare = palloc(GUESSES_MAX * sizeof(char *));
	out->bare[out->nbare++] = pstrdup(g->path.data);
}

/* A value inside of the one here; key NULL: any element, or any member. */
static void
guess_inside(Guesser *g, const SchemaNode *node, const char *key, uint32 len, Saying saying)
{
	int before = g->path.len;

	if (node == NULL)
		return;
	if (key == NULL)
		appendStringInfoString(&g->path, "/*");
	else
		pointer_append_key(&g->path, key, len);
	guess_node(g, node, saying, 0);
	g->path.data[g->path.len = before] = '\0';
}

static void
guess_object(Guesser *g, const ObjectRules *rules, Saying saying)
{
	for (uint32 i = 0; i < rules->nproperties; i++)
	{
		const Property *property = &rules->properties[i];

		guess_inside(g, property->node, property->key, property->len,
					 name_says_url(property->key, property->len) ? SAYS_URL : SAYS_NOTHING);
	}
	for (uint32 i = 0; i < rules->npatterns; i++)
		guess_inside(g, rules->patterns[i].node, NULL, 0, saying);
	guess_inside(g, rules->additional, NULL, 0, saying);
	guess_inside(g, rules->unevaluated, NULL, 0, saying);
}

static void
guess_array(Guesser *g, const ArrayRules *rules, Saying saying)
{
	for (uint32 i = 0; i < rules->nprefix; i++)
		guess_inside(g, rules->prefix[i], NULL, 0, saying);
	guess_inside(g, rules->rest, NULL, 0, saying);
	guess_inside(g, rules->contains, NULL, 0, saying);
	guess_inside(g, rules->unevaluated, NULL, 0, saying);
}

/* Other schemas of the same value. */
static void
guess_same(Guesser *g, const SchemaNode *node, Saying saying, int same)
{
	const AnyRules *any = node->any;
	const SchemaNode *lone[] = {any->ref, any->dynamic, any->if_, any->then, any->else_};

	for (int i = 0; i < lengthof(lone); i++)
		if (lone[i] != NULL)
			guess_node(g, lone[i], saying, same);
	for (uint32 i = 0; i < any->nall; i++)
		guess_node(g, any->all[i], saying, same);
	for (uint32 i = 0; i < any->nany; i++)
		guess_node(g, any->any[i], saying, same);
	for (uint32 i = 0; i < any->none; i++)
		guess_node(g, any->one[i], saying, same);
}

static void
guess_value(Guesser *g, const SchemaNode *node, Saying saying, int same)
{
	Saying own = node_says(node);

	/* a name alone is meant as it says; a description may take some of it back */
	if (saying == SAYS_NOTHING || own == SAYS_LOOSELY)
		saying = own;
	if (saying != SAYS_NOTHING && g->path.len > 0 && (holds_text(node, 0) || holds_any_elements(node)))
		add_guess(g, saying);
	else if (saying != SAYS_NOTHING && g->path.len > 0)
		note_bare(g, node);
	if (node->object != NULL)
	{
		guess_object(g, node->object, saying);
		for (uint32 i = 0; i < node->object->ndependencies; i++)
			if (node->object->dependencies[i].schema != NULL)
				guess_node(g, node->object->dependencies[i].schema, saying, same + 1);
	}
	if (node->array != NULL)
		guess_array(g, node->array, saying);
	if (node->any != NULL)
		guess_same(g, node, saying, same + 1);
}

static void
guess_node(Guesser *g, const SchemaNode *node, Saying saying, int same)
{
	int times = 0;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < g->depth; i++)
		times += g->open[i] == node;
	if (times > 1 || same > SAME_MAX || g->depth == DEPTH_MAX || g->steps++ > STEPS_MAX)
	{
		g->out->whole = false;
		return;
	}
	g->open[g->depth++] = node;
	guess_value(g, node, saying, same);
	g->depth--;
}

UrlGuesses *
tool_guess_urls(const SchemaProgram *program)
{
	UrlGuesses *out = palloc0(sizeof(UrlGuesses));
	Guesser g = {.out = out};

	out->whole = true;
	initStringInfo(&g.path);
	guess_node(&g, program->root, SAYS_NOTHING, 0);
	return out;
}
