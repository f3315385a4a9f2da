/*
 * written_json.c
 *	  What a model wrote as JSON: read strictly, else with repairs that are named.
 *
 * Repairs make other JSON text (relaxed_json.c), which PostgreSQL's parser then
 * judges like any other: what it says is what counts.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo; limits of
 * jsonb raise.
 */
#include "text/written_json.h"

#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "text/relaxed_json.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* bytes of the text that are shown of either side of a fault */
#define NEAR_BYTES 24

static AgcJsonWrong
wrong_of(RelaxedFault fault)
{
	static const AgcJsonWrong wrong[] = {
		[RELAXED_SYNTAX] = AGC_JSON_SYNTAX, [RELAXED_TRUNCATED] = AGC_JSON_ENDS, [RELAXED_SEVERAL] = AGC_JSON_SEVERAL,
		[RELAXED_DEEP] = AGC_JSON_DEEP, [RELAXED_NUL] = AGC_JSON_NUL, [RELAXED_HALF] = AGC_JSON_HALF
	};

	return wrong[fault];
}

/* NULL, and the fault; what the repaired text has is found where it began. */
static Jsonb *
read_relaxed(const char *text, bool whole, WrittenJson *how)
{
	StringInfoData strict;
	RelaxedJson relaxed;
	RelaxedFault fault;
	Jsonb	   *value = NULL;

	initStringInfo(&strict);
	fault = relaxed_json_read(text, strlen(text), agc_max_depth, whole, &strict, &relaxed);
	if (fault != RELAXED_FINE)
	{
		how->fault = (AgcJsonFault){wrong_of(fault), relaxed.offset, relaxed.what};
		how->rules = relaxed.rules;
	}
	else
	{
		value = agc_json_read(strict.data, true, &how->fault);
		how->fault.offset = 0;
		how->rules = relaxed.rules;
	}
	pfree(strict.data);
	return value;
}

bool
written_json_is_nothing(const char *text)
{
	static const char blanks[] = " \t\n\r";

	text += strspn(text, blanks);
	if (strncmp(text, "null", 4) == 0)
		text += 4;
	return text[strspn(text, blanks)] == '\0';
}

Jsonb *
written_json_nothing(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

Jsonb *
written_json_read(const char *text, bool whole, WrittenJson *how)
{
	Jsonb	   *value;

	how->rules = 0;
	value = agc_json_read(text, false, &how->fault);
	if (value != NULL || how->fault.wrong > AGC_JSON_ENDS)
		return value;
	value = read_relaxed(text, whole, how);
	if (value == NULL)
		how->rules = 0;
	return value;
}

Jsonb *
written_json_strict(const char *text, WrittenJson *how)
{
	WrittenJson relaxed = {0};
	Jsonb	   *value;

	how->rules = 0;
	value = agc_json_read(text, false, &how->fault);
	if (value != NULL || how->fault.wrong > AGC_JSON_ENDS)
		return value;
	if (read_relaxed(text, false, &relaxed) == NULL &&
		(relaxed.fault.wrong <= AGC_JSON_ENDS || relaxed.fault.wrong == AGC_JSON_SEVERAL))
		how->fault = relaxed.fault;
	how->rules = relaxed.rules;
	return NULL;
}

const char *
written_json_first_rule(int rules)
{
	return relaxed_rule_name(pg_rightmost_one_pos32((uint32) rules));
}

/* What the function says of each rule. */
static char *
list_rules(int rules, const char *(*say) (int i), const char *between)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < RELAXED_NRULES; i++)
		if (rules & (1 << i))
			appendStringInfo(&out, "%s%s", out.len > 0 ? between : "", say(i));
	return out.data;
}

char *
written_json_rules(int rules)
{
	return list_rules(rules, relaxed_rule_name, ", ");
}

char *
written_json_wrong(const WrittenJson *how)
{
	if (how->rules == 0)
		return pstrdup("");
	return psprintf("%s%s", how->fault.what != NULL ? "; also, " : ": ", list_rules(how->rules, relaxed_rule_wrong, "; "));
}

/* The text around a fault, at whole characters; false: it has no place. */
static bool
find_near(const char *text, const AgcJsonFault *fault, const char **from, int *len)
{
	int			all = (int) strlen(text);
	int			at = (int) fault->offset;
	int			before = at - pg_mbcliplen(text, all, Max(at - NEAR_BYTES, 0));

	*from = text + at - before;
	*len = pg_mbcliplen(*from, all - at + before, before + NEAR_BYTES);
	return fault->wrong != AGC_JSON_TWICE && *len > 0;
}

char *
written_json_near(const char *text, const AgcJsonFault *fault)
{
	const char *from;
	int			len;

	return find_near(text, fault, &from, &len) ? agc_quoted_bytes(from, len, len) : NULL;
}

static void
push_member(JsonbParseState **state, const char *key, const char *text)
{
	agc_push_text(state, WJB_KEY, key);
	agc_push_text(state, WJB_VALUE, text);
}

/* {"character": 9, "near": "..."}; empty where the fault has no place */
static void
push_place(JsonbParseState **state, const char *text, const AgcJsonFault *fault)
{
	JsonbValue	character = {.type = jbvNumeric};
	const char *from;
	int			len;

	agc_push_text(state, WJB_KEY, "params");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (find_near(text, fault, &from, &len))
	{
		agc_push_text(state, WJB_KEY, "character");
		character.val.numeric = int64_to_numeric(agc_json_character(text, fault->offset));
		pushJsonbValue(state, WJB_VALUE, &character);
		agc_push_text(state, WJB_KEY, "near");
		agc_push_bytes(state, WJB_VALUE, from, len);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
written_json_errors(const char *text, const WrittenJson *how)
{
	JsonbParseState *state = NULL;
	char	   *problem = agc_json_problem(text, &how->fault);

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_member(&state, "path", "");
	push_member(&state, "keyword", "json");
	push_member(&state, "schema_path", "");
	push_member(&state, "message", psprintf("%s%s", problem, written_json_wrong(how)));
	push_place(&state, text, &how->fault);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}
