/*
 * urls.c
 *	  Finding the URL arguments of a call and putting canonical ones back.
 *
 * They are what the tool's schema calls URLs, or what its url_args point at.  A
 * pointer names a string, or an array whose strings are all URLs; the token
 * "*" goes through every element of an array.  What the judge returns replaces
 * the string, because the executor must fetch exactly what was judged; so it
 * does with names that the schema calls URLs (propertyNames).  Where
 * something else stands (null counts as absent), the judge is told by a NULL.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 for nesting
 * deeper than the stack allows.
 */
#include "call/gate.h"

#include "core/jsonb_walk.h"
#include "miscadmin.h"

/* The tokens of one pointer that are still to be matched; more == NULL: here. */
typedef struct Trail
{
	const char *more;
} Trail;

typedef struct Mapper
{
	JsonbParseState *state;
	const char **found;			/* strings in args that the schema calls URLs, sorted */
	int			nfound;
	int			maxfound;
	UrlJudge	judge;
	void	   *arg;
} Mapper;

static JsonbValue *map_container(Mapper *m, const JsonbContainer *c, Trail *trails, int ntrails);
static void map_child(Mapper *m, JsonbIteratorToken where, JbItem *item,
					  Trail *trails, int ntrails);
static void judge_string(Mapper *m, const JbItem *item, JsonbValue *value);
static JsonbValue item_value(const JbItem *item);
static int	step(Trail *from, int n, const char *key, uint32 keylen, int index, Trail *to);

static void
note_url(const char *url, Size len, void *arg)
{
	Mapper	   *m = arg;

	/* an empty string has no place of its own that it could be known by */
	if (len == 0)
		(void) m->judge(url, 0, m->arg);
	else
	{
		if (m->nfound == m->maxfound)
		{
			m->maxfound = Max(m->maxfound * 2, 8);
			m->found = m->found == NULL ? palloc(m->maxfound * sizeof(char *)) :
				repalloc(m->found, m->maxfound * sizeof(char *));
		}
		m->found[m->nfound++] = url;
	}
}

static int
compare_addresses(const void *a, const void *b)
{
	const char *l = *(const char *const *) a;
	const char *r = *(const char *const *) b;

	return l < r ? -1 : l > r;
}

static bool
is_found(const Mapper *m, const JbItem *item)
{
	return m->nfound > 0 && item->len > 0 &&
		bsearch(&item->data, m->found, m->nfound, sizeof(char *), compare_addresses) != NULL;
}

Jsonb *
urls_map(Jsonb *args, const ToolDef *tool, UrlJudge judge, void *arg)
{
	Mapper		m = {.judge = judge, .arg = arg};
	Trail	   *trails = palloc((tool->nurl_args + 1) * sizeof(Trail));

	tool_urls(tool, args, note_url, &m);
	if (m.nfound > 0)
		qsort(m.found, m.nfound, sizeof(char *), compare_addresses);
	if (m.nfound == 0 && tool->nurl_args == 0)
		return args;
	if (JsonContainerIsScalar(&args->root))
	{
		(void) judge(NULL, 0, arg);
		return args;
	}
	for (int i = 0; i < tool->nurl_args; i++)
		trails[i].more = tool->url_args[i][0] == '\0' ? NULL : tool->url_args[i];
	return JsonbValueToJsonb(map_container(&m, &args->root, trails, tool->nurl_args));
}

static JsonbValue *
map_container(Mapper *m, const JsonbContainer *c, Trail *trails, int ntrails)
{
	uint32		n = JsonContainerSize(c);
	bool		is_object = JsonContainerIsObject(c);
	JbCursor	keys = jb_first(c);
	JbCursor	values = is_object ? jb_first_value(c) : keys;
	Trail	   *inner = palloc((ntrails + 1) * sizeof(Trail));

	check_stack_depth();
	pushJsonbValue(&m->state, is_object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		key = {0};
		JbItem		value;
		int			ninner;

		if (is_object)
		{
			JsonbValue	name;

			key = jb_next(&keys);
			name = item_value(&key);
			if (is_found(m, &key))
				judge_string(m, &key, &name);
			pushJsonbValue(&m->state, WJB_KEY, &name);
		}
		value = jb_next(&values);
		ninner = step(trails, ntrails, key.data, key.len, is_object ? -1 : (int) i, inner);
		map_child(m, is_object ? WJB_VALUE : WJB_ELEM, &value, inner, ninner);
	}
	pfree(inner);
	return pushJsonbValue(&m->state, is_object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

static void
map_child(Mapper *m, JsonbIteratorToken where, JbItem *item, Trail *trails, int ntrails)
{
	JsonbValue	value;
	bool		here = JBE_ISSTRING(item->entry) && is_found(m, item);

	for (int i = 0; i < ntrails; i++)
		here |= trails[i].more == NULL;

	if ((ntrails > 0 || m->nfound > 0) && JBE_ISCONTAINER(item->entry))
	{
		if (here && JsonContainerIsObject(jb_container(item)))
			(void) m->judge(NULL, 0, m->arg);
		map_container(m, jb_container(item), trails, ntrails);
		return;
	}
	value = item_value(item);
	if (here && !JBE_ISSTRING(item->entry) && !JBE_ISNULL(item->entry))
		(void) m->judge(NULL, 0, m->arg);
	if (here && JBE_ISSTRING(item->entry))
		judge_string(m, item, &value);
	pushJsonbValue(&m->state, where, &value);
}

/* The canonical URL in the place of the string, where there is one. */
static void
judge_string(Mapper *m, const JbItem *item, JsonbValue *value)
{
	const char *url = m->judge(item->data, item->len, m->arg);

	if (url != NULL)
	{
		value->val.string.val = (char *) url;
		value->val.string.len = strlen(url);
	}
}

static JsonbValue
item_value(const JbItem *item)
{
	JsonbValue	value = {.type = jbvNull};

	if (JBE_ISSTRING(item->entry))
	{
		value.type = jbvString;
		value.val.string.val = (char *) item->data;
		value.val.string.len = item->len;
	}
	else if (JBE_ISNUMERIC(item->entry))
	{
		value.type = jbvNumeric;
		value.val.numeric = jb_numeric(item);
	}
	else if (JBE_ISBOOL(item->entry))
	{
		value.type = jbvBool;
		value.val.boolean = JBE_ISBOOL_TRUE(item->entry);
	}
	else if (JBE_ISCONTAINER(item->entry))
	{
		value.type = jbvBinary;
		value.val.binary.data = (JsonbContainer *) item->data;
		value.val.binary.len = item->len;
	}
	return value;
}

/* Does the pointer's next token name this key?  ~1 is a slash, ~0 a tilde. */
static bool
token_is(const char *token, Size len, const char *key, uint32 keylen)
{
	uint32		k = 0;

	for (Size i = 0; i < len; i++, k++)
	{
		char		ch = token[i];

		if (ch == '~' && i + 1 < len)
			ch = token[++i] == '1' ? '/' : '~';
		if (k >= keylen || key[k] != ch)
			return false;
	}
	return k == keylen;
}

/* index >= 0: an array element; "here" at an array means its elements. */
static int
step(Trail *from, int n, const char *key, uint32 keylen, int index, Trail *to)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		const char *token = from[i].more;
		Size		len;
		bool		match;
		char		number[16];

		if (token == NULL)
		{
			if (index >= 0)
				to[kept++].more = NULL;
			continue;
		}
		token++;				/* the slash */
		len = strcspn(token, "/");
		if (index < 0)
			match = token_is(token, len, key, keylen);
		else
		{
			snprintf(number, sizeof(number), "%d", index);
			match = (len == 1 && *token == '*') ||
				(strlen(number) == len && strncmp(number, token, len) == 0);
		}
		if (match)
			to[kept++].more = token[len] == '\0' ? NULL : token + len;
	}
	return kept;
}
