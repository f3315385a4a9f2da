/*
 * usage_parts.c
 *	  model_usage(): how a usage object is read.
 *
 * Memory: the caller's context.  Locks: none.  On ERROR: nothing to undo.
 */
#include "price/price.h"

#include "core/row.h"
#include "funcapi.h"

static const char *const kind_names[TOKEN_KINDS] = {
	[TOKEN_INPUT] = "input",
	[TOKEN_CACHED] = "cached",
	[TOKEN_CACHE_WRITE] = "cache_write",
	[TOKEN_LONG_CACHE_WRITE] = "long_cache_write",
	[TOKEN_AUDIO_INPUT] = "audio_input",
	[TOKEN_IMAGE_INPUT] = "image_input",
	[TOKEN_OUTPUT] = "output",
	[TOKEN_REASONING] = "reasoning",
	[TOKEN_AUDIO_OUTPUT] = "audio_output"
};

static void
put_part(ReturnSetInfo *set, int reading, const char *part, int64 tokens, const char *field, const char *problem)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_datum(&row, Int32GetDatum(reading), reading == 0);
	agc_put_text(&row, part);
	agc_put_datum(&row, Int64GetDatum(tokens), tokens < 0);
	agc_put_text(&row, field);
	agc_put_text(&row, problem);
	agc_row_store(set, &row);
}

/* What only the total counts is a row of its own. */
static void
put_reading(ReturnSetInfo *set, int n, const UsageReading *reading)
{
	int64		rest = Min(reading->rest, reading->usage.count[TOKEN_OUTPUT]);

	for (int kind = 0; kind < TOKEN_KINDS; kind++)
	{
		int64		tokens = reading->usage.count[kind] - (kind == TOKEN_OUTPUT ? rest : 0);

		if (tokens > 0 || ((kind == TOKEN_INPUT || kind == TOKEN_OUTPUT) && reading->field[kind] != NULL))
			put_part(set, n, kind_names[kind], tokens, reading->field[kind], NULL);
	}
	if (rest > 0)
		put_part(set, n, kind_names[TOKEN_OUTPUT], rest, reading->total_field, NULL);
}

/* model_usage(usage) -> setof (reading, part, tokens, field, problem) */
AGC_FUNCTION(model_usage)
{
	UsageReadings usage;
	ReturnSetInfo *set;

	InitMaterializedSRF(fcinfo, 0);
	set = (ReturnSetInfo *) fcinfo->resultinfo;
	(void) usage_read(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), &usage);
	for (int i = 0; i < usage.n; i++)
		put_reading(set, i + 1, &usage.detail[i]);
	if (usage.problem != NULL)
		put_part(set, 0, NULL, -1, usage.problem_field, usage.problem);
	return (Datum) 0;
}
