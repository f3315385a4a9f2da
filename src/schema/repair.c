/*
 * repair.c
 *	  What a value could have meant.
 *
 * Each way is a step, or several: a text that holds the JSON of an element, where an
 * array is wanted, is read and then wrapped.  Here nothing is judged; coerce.c
 * keeps a value only if the schema accepts it.
 *
 * Text is an element of its own only where it looks like nothing else.  What is empty,
 * stands for null or begins like JSON, Python or a fence was meant as something that
 * could not be read, and an array around it would be valid and wrong.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: those of written_json_read().
 */
#include "schema/repair.h"

#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"

/* the longest number that is read from a string or written as one */
#define NUMBER_MAX_LEN 400

/* how deep choices are followed in search of the values that they allow */
#define CHOICE_DEPTH 8

typedef Jsonb *(*StepFunction) (const JbItem *item, Repair *repair);

static Jsonb *step_json(const JbItem *item, Repair *repair);
static Jsonb *step_number(const JbItem *item, Repair *repair);
static Jsonb *step_boolean(const JbItem *item, Repair *repair);
static Jsonb *step_text(const JbItem *item, Repair *repair);
static Jsonb *step_whole(const JbItem *item, Repair *repair);
static Jsonb *step_wrap(const JbItem *item, Repair *repair);
static Jsonb *step_unwrap(const JbItem *item, Repair *repair);

/* in the order of trying; "after" is a place above */
static const struct
{
	const char *rule;
	StepFunction step;
	int			after;
}			steps[NREPAIRS] = {
	{"json", step_json, -1},
	{"json", step_json, 0},
	{"number", step_number, -1},
	{"boolean", step_boolean, -1},
	{"integer", step_whole, -1},
	{"wrap", step_wrap, -1},
	{"unwrap", step_unwrap, -1},
	{"string", step_text, -1},
	{"wrap", step_wrap, 0},
	{"wrap", step_wrap, 1},
	{"unwrap", step_unwrap, 0},
	{"number", step_number, 0},
	{"boolean", step_boolean, 0},
	{"wrap", step_wrap, 2},
	{"wrap", step_wrap, 3},
	{"wrap", step_wrap, 7},
	{"json", step_json, 6},
	{"number", step_number, 6},
	{"boolean", step_boolean, 6},
	{"string", step_text, 6}
};

const Repair *
repair_try(Repairs *repairs, int i)
{
	Repair	   *repair = &repairs->tried[i];
	int			after = steps[i].after;
	JbItem		item = repairs->item;

	*repair = (Repair){.rule = steps[i].rule, .after = after};
	if (after >= 0 && repairs->tried[after].value == NULL)
		return repair;
	if (after >= 0)
	{
		item = jb_root(repairs->tried[after].value);
		repair->container = repairs->tried[after].container;
	}
	if (JBE_ISSTRING(item.entry))
		*repairs->effort -= item.len;
	if (*repairs->effort >= 0)
		repair->value = steps[i].step(&item, repair);
	return repair;
}

bool
repair_fits(const Repair *repair, uint8 expected, bool value_list)
{
	JbItem		item = jb_root(repair->value);
	bool		numeric = JBE_ISNUMERIC(item.entry);
	bool		takes_numbers = (expected & (TYPE_NUMBER | TYPE_INTEGER)) != 0;

	/* a number that does not fit where numbers do is no text */
	if (takes_numbers && strcmp(repair->rule, "string") == 0 && repair->after < 0)
		return false;
	if ((item_type(&item) & expected) != 0 || (numeric && takes_numbers))
		return true;
	return value_list && repair->after < 0 && !JBE_ISCONTAINER(item.entry) && strcmp(repair->rule, "json") != 0;
}

/* ----- the steps -------------------------------------------------------------- */

static void
trim(const char **s, uint32 *len)
{
	while (*len > 0 && strchr(" \t\r\n", **s) != NULL && **s != '\0')
	{
		(*s)++;
		(*len)--;
	}
	while (*len > 0 && (*s)[*len - 1] != '\0' && strchr(" \t\r\n", (*s)[*len - 1]) != NULL)
		(*len)--;
}

/* Trimmed; false: the item is no string. */
static bool
trimmed(const JbItem *item, const char **s, uint32 *len)
{
	*s = item->data;
	*len = item->len;
	if (!JBE_ISSTRING(item->entry))
		return false;
	trim(s, len);
	return true;
}

bool
repair_is_blank(const JbItem *item)
{
	const char *s;
	uint32		len;

	return trimmed(item, &s, &len) && len == 0;
}

/* JSON's grammar of numbers, short and with an exponent of at most three digits */
static bool
is_number(const char *s, uint32 len)
{
	const char *p = s;
	const char *end = s + len;
	const char *start;

	if (len == 0 || len > NUMBER_MAX_LEN)
		return false;
	if (*p == '-')
		p++;
	if (p == end || *p < '0' || *p > '9')
		return false;
	if (*p++ == '0' && p < end && *p >= '0' && *p <= '9')
		return false;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p < end && *p == '.')
	{
		start = ++p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == start)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		start = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == start || p - start > 3)
			return false;
	}
	return p == end;
}

/* The object, array or, where the text was encoded twice, the string in a string. */
static Jsonb *
step_json(const JbItem *item, Repair *repair)
{
	WrittenJson how;
	const char *s;
	uint32		len;
	Jsonb	   *value;
	JbItem		root;

	if (!trimmed(item, &s, &len) || len == 0 || strchr("{[\"'`", *s) == NULL)
		return NULL;
	value = written_json_read(pnstrdup(s, len), true, &how);
	if (value == NULL)
		return NULL;
	root = jb_root(value);
	repair->container |= JBE_ISCONTAINER(root.entry);
	repair->written = how.rules;
	return value;
}

static Jsonb *
number_jsonb(Datum number)
{
	JsonbValue	value = {.type = jbvNumeric};

	value.val.numeric = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, number));
	return JsonbValueToJsonb(&value);
}

static Jsonb *
step_number(const JbItem *item, Repair *repair)
{
	const char *s;
	uint32		len;

	if (!trimmed(item, &s, &len) || !is_number(s, len))
		return NULL;
	return number_jsonb(DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(s, len)),
											ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static Jsonb *
step_boolean(const JbItem *item, Repair *repair)
{
	JsonbValue	value = {.type = jbvBool};
	const char *s;
	uint32		len;

	if (!trimmed(item, &s, &len))
		return NULL;
	value.val.boolean = len == 4 && pg_strncasecmp(s, "true", 4) == 0;
	if (!value.val.boolean && !(len == 5 && pg_strncasecmp(s, "false", 5) == 0))
		return NULL;
	return JsonbValueToJsonb(&value);
}

/* A number as the text that it was written as. */
static Jsonb *
step_text(const JbItem *item, Repair *repair)
{
	JsonbValue	value = {.type = jbvString};

	if (!JBE_ISNUMERIC(item->entry))
		return NULL;
	value.val.string.val = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(jb_numeric(item))));
	value.val.string.len = strlen(value.val.string.val);
	return value.val.string.len > NUMBER_MAX_LEN ? NULL : JsonbValueToJsonb(&value);
}

/* A whole number written with a fraction: draft 4 takes it for no integer. */
static Jsonb *
step_whole(const JbItem *item, Repair *repair)
{
	Number		number;

	if (!JBE_ISNUMERIC(item->entry))
		return NULL;
	number_read(&number, jb_numeric(item));
	return number.integer && !number.whole_scale ? number_jsonb(NumericGetDatum(number.num)) : NULL;
}

static bool
is_any_word(const char *s, uint32 len, const char *const *words, int nwords)
{
	for (int i = 0; i < nwords; i++)
		if (len == strlen(words[i]) && pg_strncasecmp(s, words[i], len) == 0)
			return true;
	return false;
}

static bool
begins_with(const char *s, uint32 len, const char *start)
{
	return len >= strlen(start) && memcmp(s, start, strlen(start)) == 0;
}

/* Text that was meant as something else than itself. */
static bool
is_no_element(const JbItem *item)
{
	static const char *const nulls[] = {"null", "none", "nil", "undefined", "n/a", "nan", "~", "<null>", "<none>", "<nil>"};
	static const char *const starts[] = {"{", "[", "(", "\"", "'", "`", "~~~", "set(", "list(", "dict(", "tuple(", "frozenset("};
	const char *s;
	uint32 len;

	if (!trimmed(item, &s, &len))
		return JBE_ISNULL(item->entry);
	for (int i = 0; i < lengthof(starts); i++)
		if (begins_with(s, len, starts[i]))
			return true;
	return len == 0 || is_any_word(s, len, nulls, lengthof(nulls));
}

static Jsonb *
step_wrap(const JbItem *item, Repair *repair)
{
	JsonbParseState *state = NULL;
	JsonbValue value;

	if (item_is_array(item) || is_no_element(item))
		return NULL;
	repair->container |= JBE_ISCONTAINER(item->entry);
	item_to_value(item, &value);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_ELEM, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

static Jsonb *
step_unwrap(const JbItem *item, Repair *repair)
{
	JbItem only;

	if (!item_is_array(item) || JsonContainerSize(jb_container(item)) != 1 || !array_get(jb_container(item), 0, &only))
		return NULL;
	repair->container |= JBE_ISCONTAINER(only.entry);
	return item_to_jsonb(&only);
}

/* ----- fixed values -------------------------------------------------------------- */

typedef struct Spelling
{
	const char *s;				/* what was given, without blanks around it */
	uint32 len;
	const JbItem *found;		/* NULL: none yet */
	bool several;
	int64 *effort;
} Spelling;

static bool
is_ascii(const char *s, uint32 len)
{
	for (uint32 i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(s[i]))
			return false;
	return true;
}

/* Letters beyond ASCII have the cases that the database's locale gives them. */
static bool
same_but_case(const char *a, uint32 alen, const char *b, uint32 blen)
{
	if (alen == blen && is_ascii(a, alen) && is_ascii(b, blen))
		return pg_strncasecmp(a, b, alen) == 0;
	if (is_ascii(a, alen) || is_ascii(b, blen))
		return false;
	return strcmp(str_tolower(a, alen, DEFAULT_COLLATION_OID), str_tolower(b, blen, DEFAULT_COLLATION_OID)) == 0;
}

static void
look_at_value(Spelling *spelling, const JbItem *value)
{
	*spelling->effort -= 16;
	if (!JBE_ISSTRING(value->entry) || *spelling->effort < 0 ||
		!same_but_case(spelling->s, spelling->len, value->data, value->len))
		return;
	if (spelling->found != NULL &&
		key_compare(spelling->found->data, spelling->found->len, value->data, value->len) != 0)
		spelling->several = true;
	spelling->found = value;
}

/* The strings that a node, or one of its alternatives, fixes. */
static void
look_at_values(Spelling *spelling, const SchemaNode *node, int depth)
{
	const AnyRules *any = node->any;

	if (any == NULL || depth > CHOICE_DEPTH || *spelling->effort < 0)
		return;
	if (any->has_const)
		look_at_value(spelling, &any->constant);
	for (uint32 i = 0; i < any->nstrings; i++)
		look_at_value(spelling, &any->strings[i]);
	if (any->ref != NULL)
		look_at_values(spelling, any->ref, depth + 1);
	for (uint32 i = 0; i < any->nany; i++)
		look_at_values(spelling, any->any[i], depth + 1);
	for (uint32 i = 0; i < any->none; i++)
		look_at_values(spelling, any->one[i], depth + 1);
}

Jsonb *
repair_spelling(const SchemaNode *node, const JbItem *item, int64 *effort)
{
	Spelling spelling = {.effort = effort};

	if (!trimmed(item, &spelling.s, &spelling.len) || spelling.len == 0)
		return NULL;
	look_at_values(&spelling, node, 0);
	return spelling.found == NULL || spelling.several || *effort < 0 ? NULL : item_to_jsonb(spelling.found);
}

static bool takes_text(const SchemaNode *node, int depth, int64 *effort);

static bool
some_takes_text(SchemaNode **nodes, uint32 n, int depth, int64 *effort)
{
	for (uint32 i = 0; i < n; i++)
		if (takes_text(nodes[i], depth, effort))
			return true;
	return n == 0;
}

static bool
takes_text(const SchemaNode *node, int depth, int64 *effort)
{
	const AnyRules *any = node->any;

	*effort -= 16;
	if (node->never || !(node->types & TYPE_STRING))
		return false;
	if (any == NULL || depth > CHOICE_DEPTH || *effort < 0)
		return true;
	if ((any->has_const && !JBE_ISSTRING(any->constant.entry)) || (any->has_enum && any->nstrings == 0))
		return false;
	for (uint32 i = 0; i < any->nall; i++)
		if (!takes_text(any->all[i], depth + 1, effort))
			return false;
	return (any->ref == NULL || takes_text(any->ref, depth + 1, effort)) &&
		some_takes_text(any->any, any->nany, depth + 1, effort) &&
		some_takes_text(any->one, any->none, depth + 1, effort);
}

bool
repair_takes_text(const SchemaNode *node, int64 *effort)
{
	return takes_text(node, 0, effort);
}
