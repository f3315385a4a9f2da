/*
 * tool_nearest.c
 *	  The names of tools that are near to one that no tool has.
 *
 * Models put the name of a server or of a namespace before a tool, leave one out, and
 * write words in another way: functions.read_file, mcp__fs__read_file, READ_FILE,
 * readFile, read_file:0.  So names are compared by their words first, then by
 * PostgreSQL's distance of texts.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on agentcore.tool, released
 * at once.  On ERROR: nothing to undo.
 */
#include "tool/tool.h"

#include <ctype.h>

#include "miscadmin.h"

#define NEAREST_SHOWN 3

/* how many words of a name are looked at, from its end */
#define WORDS_MAX 16

/* A name without separators, in lower case, and where its words begin in that. */
typedef struct Words
{
	char		text[AGC_MAX_NAME + 1];
	int			len;
	int			n;
	int			start[WORDS_MAX];	/* the last word first */
	bool		outer[WORDS_MAX];	/* what stands before it is another name: a server's, or nothing */
} Words;

typedef struct Match
{
	char	   *name;
	int			rank;			/* less is nearer */
} Match;

typedef struct NearestScan
{
	Words		wanted;
	int			nfound;
	Match		found[AGC_NEAREST_MAX]; /* by their words */
	AgcNearest	whole;			/* by the whole name */
	AgcNearest	last;			/* by what stands behind the last prefix */
} NearestScan;

static bool
is_letter(char ch)
{
	return isalnum((unsigned char) ch) || IS_HIGHBIT_SET(ch);
}

/* A number of the call behind the name, such as ":0", and brackets. */
static int
len_of_name(const char *name)
{
	int			len = strlen(name);
	int			digits = len;

	while (digits > 0 && isdigit((unsigned char) name[digits - 1]))
		digits--;
	if (digits > 1 && digits < len && name[digits - 1] == ':')
		len = digits - 1;
	while (len > 0 && !is_letter(name[len - 1]))
		len--;
	return len;
}

static bool
divides_names(const char *from, const char *to)
{
	for (; from < to; from++)
		if (strchr("./:", *from) != NULL || (*from == '_' && from + 1 < to && from[1] == '_'))
			return true;
	return false;
}

static void
begin_word(Words *words, bool outer)
{
	int			kept = Min(words->n, WORDS_MAX - 1);

	memmove(&words->start[1], &words->start[0], kept * sizeof(int));
	memmove(&words->outer[1], &words->outer[0], kept * sizeof(bool));
	words->start[0] = words->len;
	words->outer[0] = outer;
	words->n = kept + 1;
}

static void
read_words(Words *words, const char *name)
{
	const char *end = name + Min(len_of_name(name), AGC_MAX_NAME);
	const char *gap = name;		/* where the separators before the letter began */
	bool		first = true;

	words->len = words->n = 0;
	for (const char *at = name; at < end; at++)
	{
		if (!is_letter(*at))
			continue;
		if (first || at > gap || (isupper((unsigned char) *at) && islower((unsigned char) at[-1])))
			begin_word(words, first || divides_names(gap, at));
		words->text[words->len++] = pg_ascii_tolower((unsigned char) *at);
		first = false;
		gap = at + 1;
	}
	words->text[words->len] = '\0';
}

/*
 * How far two names are by their words: 0 where they are the same in another spelling.
 * Then behind prefixes of either, the more words the nearer.  Last where all words of one
 * stand at the end of the other, two at least: a prefix may be written with one underscore.
 * -1: neither.
 */
static int
rank_words(const Words *a, const Words *b)
{
	int			rank = -1;

	if (a->len == 0 || b->len == 0)
		return -1;
	for (int i = 0; i < a->n; i++)
		for (int j = 0; j < b->n; j++)
		{
			int			len = a->len - a->start[i];
			bool		whole = i == a->n - 1 || j == b->n - 1;

			if (len != b->len - b->start[j] || memcmp(a->text + a->start[i], b->text + b->start[j], len) != 0)
				continue;
			if (a->start[i] == 0 && b->start[j] == 0)
				return 0;
			if (a->outer[i] && b->outer[j])
				rank = 1 + AGC_MAX_NAME - len;
			else if (rank < 0 && whole && (i > 0 || j > 0))
				rank = 2 + 2 * AGC_MAX_NAME - len;
		}
	return rank;
}

static void
keep_match(NearestScan *scan, const char *name, int rank)
{
	int			at = scan->nfound;

	for (; at > 0 && scan->found[at - 1].rank > rank; at--)
		if (at < AGC_NEAREST_MAX)
			scan->found[at] = scan->found[at - 1];
	if (at == AGC_NEAREST_MAX)
		return;
	scan->found[at] = (Match){pstrdup(name), rank};
	scan->nfound = Min(scan->nfound + 1, AGC_NEAREST_MAX);
}

/* What stands behind the last prefix. */
static const char *
last_name(const Words *words)
{
	for (int i = 0; i < words->n; i++)
		if (words->outer[i])
			return words->text + words->start[i];
	return words->text;
}

static void
look_at_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	NearestScan *scan = arg;
	char	   *name = agc_col_text(tuple, desc, "name");
	Words		words;
	int			rank;

	CHECK_FOR_INTERRUPTS();
	read_words(&words, name);
	rank = rank_words(&scan->wanted, &words);
	if (rank >= 0)
		keep_match(scan, name, rank);
	else
	{
		agc_nearest_add(&scan->whole, name);
		agc_nearest_add_as(&scan->last, last_name(&words), name);
	}
}

typedef struct Shown
{
	ToolNameFilter told;
	void	   *arg;
	int			n;
	const char *names[NEAREST_SHOWN];
	StringInfoData out;
} Shown;

/* Each name once, as long as there is room. */
static void
show(Shown *shown, const char *name)
{
	for (int i = 0; i < shown->n; i++)
		if (strcmp(shown->names[i], name) == 0)
			return;
	if (shown->n == NEAREST_SHOWN || (shown->told != NULL && !shown->told(name, shown->arg)))
		return;
	appendStringInfo(&shown->out, "%s%s", shown->n > 0 ? ", " : "", agc_quoted_name(name));
	shown->names[shown->n++] = name;
}

/* words: only names that are the same by their words. */
static char *
nearest_to(const char *tenant, const char *name, bool words, ToolNameFilter told, void *arg)
{
	int			limit = told == NULL ? NEAREST_SHOWN : AGC_NEAREST_MAX;
	NearestScan scan = {.whole = {.wanted = name, .limit = limit}};
	Shown		shown = {.told = told, .arg = arg};

	read_words(&scan.wanted, name);
	scan.last = (AgcNearest){.wanted = last_name(&scan.wanted), .limit = limit};
	tool_each_name(tenant, look_at_name, &scan);
	initStringInfo(&shown.out);
	for (int i = 0; i < scan.nfound; i++)
		show(&shown, scan.found[i].name);
	for (int i = 0; i < scan.whole.count && !words; i++)
		show(&shown, scan.whole.name[i]);
	for (int i = 0; i < scan.last.count && !words; i++)
		show(&shown, scan.last.name[i]);
	return shown.out.len > 0 ? shown.out.data : NULL;
}

static char *
without_controls(const char *name)
{
	char	   *out = palloc(strlen(name) + 1);
	int			len = 0;

	for (; *name != '\0'; name++)
		if ((unsigned char) *name >= ' ' && *name != '\x7f')
			out[len++] = *name;
	out[len] = '\0';
	return out;
}

/* Behind the special tokens that a name begins with. */
static const char *
skip_tokens(const char *name)
{
	const char *end;

	while (*name == '<' && (end = strchr(name, '>')) != NULL)
		name = end + 1;
	return name;
}

/* The names near what stands before the first of these characters; NULL: none. */
static char *
nearest_to_first(const char *tenant, const char *name, const char *stops, bool words, ToolNameFilter told, void *arg)
{
	size_t		len;

	name = skip_tokens(name);
	len = strcspn(name, stops);
	return len == 0 || name[len] == '\0' ? NULL : nearest_to(tenant, pnstrdup(name, len), words, told, arg);
}

/* Behind a name may stand its arguments, a special token or any text. */
char *
tool_nearest(const char *tenant, const char *name, ToolNameFilter told, void *arg)
{
	char	   *nearest = nearest_to_first(tenant, name, "<{([", false, told, arg);

	if (nearest == NULL && name[0] != '\0')
		nearest = nearest_to(tenant, without_controls(name), false, told, arg);
	return nearest != NULL ? nearest : nearest_to_first(tenant, name, " \t\r\n", true, told, arg);
}
