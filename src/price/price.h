/*
 * price.h
 *	  Public face of src/price: what a model call costs, and what usage objects say.
 */
#ifndef AGENTCORE_PRICE_H
#define AGENTCORE_PRICE_H

#include "core/core.h"

/*
 * Tokens of a model call by what they cost.  The counts do not overlap: what
 * was read from a cache is not input, reasoning is not output.
 */
typedef enum TokenKind
{
	TOKEN_INPUT,
	TOKEN_CACHED,
	TOKEN_CACHE_WRITE,
	TOKEN_LONG_CACHE_WRITE,		/* kept for an hour */
	TOKEN_AUDIO_INPUT,
	TOKEN_IMAGE_INPUT,
	TOKEN_OUTPUT,				/* those before it are input */
	TOKEN_REASONING,
	TOKEN_AUDIO_OUTPUT,
	TOKEN_KINDS
} TokenKind;

typedef struct TokenUsage
{
	int64		count[TOKEN_KINDS];
} TokenUsage;

/* What a usage object says by one of its shapes, and by which fields. */
typedef struct UsageReading
{
	TokenUsage	usage;
	const char *field[TOKEN_KINDS];
	int64		rest;			/* of the output, what only the total counts */
	const char *total_field;
} UsageReading;

#define USAGE_MAX_READINGS	16

/* of a stream, given as an array */
#define USAGE_MOST_EVENTS	4096

/* the name of a fee, and where it is counted */
typedef struct UsageUse
{
	const char *name;
	const char *field;
} UsageUse;

#define USAGE_MAX_USES	16

typedef struct UsageReadings
{
	int			n;
	TokenUsage	reading[USAGE_MAX_READINGS];
	UsageReading detail[USAGE_MAX_READINGS];	/* the same, with its fields */
	const char *service_tier;	/* that the response was served by; NULL: it does not say; "auto": it names several */
	int64		reported_nanousd;	/* what it says that it cost; -1: nothing */
	int			nuses;
	UsageUse	use[USAGE_MAX_USES];	/* what was used by the piece, and may cost a fee */
	int64		lone_total;		/* of an object that has no parts of it */
	const char *lone_total_field;
	Jsonb	   *document;		/* what was read: fees are counted in it by their names */
	const char *problem_field;	/* the first that is not wholly understood */
	const char *problem;		/* NULL: all is understood */
	bool		bad;			/* it is wrong, and not only unknown */
} UsageReadings;

/* What a budget is charged: tokens by weight and money, both rounded up. */
typedef struct CallCost
{
	int64		tokens;
	int64		nanousd;
	const char *bad_fee;		/* a fee of the price whose count in the usage object is none; or NULL */
	const char *unpriced_use;	/* what is counted by the piece, and has no fee in the price; or NULL */
} CallCost;

/* Which price: the one in force at a time, of the tier that the call began with. */
typedef struct PriceOf
{
	const char *tenant;
	const char *model;
	TimestampTz at;
	const char *service_tier;	/* NULL: standard; auto: whichever the provider took */
} PriceOf;

/*
 * Of the reading that costs most, tokens and money each; false: the model had no
 * price.  A tier that the response names counts before the one of the call; one
 * without a price costs as the dearest.  dearest: the reading that costs
 * most money; may be NULL.
 */
extern bool price_call(const PriceOf *of, const UsageReadings *usage, CallCost *cost, const TokenUsage **dearest);

/* the same, but money that is out of range is the most that fits, and not 22023 */
extern bool price_settlement(const PriceOf *of, const UsageReadings *usage, CallCost *cost);

/* What a call may use at most. */
typedef struct PriceAsk
{
	int64		input_tokens;
	int64		output_tokens;
	Jsonb	   *fees;			/* how many of each, as price_check_counts() takes it; NULL: none */
} PriceAsk;

typedef struct PriceBound
{
	CallCost	cost;
	const char *priced_as;		/* the model that an alias names; NULL: the call's own */
	const char *unpriced_fee;	/* one that no price counts; NULL: none */
	int64		revision;		/* the latest of the rows that it may be priced by */
} PriceBound;

/*
 * The most that a call can cost, whatever kinds its tokens turn out to be and by
 * whichever row of its tier; of tokens and money each, -1 (unknown) where that is 0
 * although the rate is not.  false: no price; priced_as then says what an alias names.
 */
extern bool price_bound(const PriceOf *of, const PriceAsk *ask, PriceBound *out);

/* whether the model itself has a price */
extern bool price_exists(const char *tenant, const char *model, TimestampTz at);

/* 22023 unless it is an object of names and whole numbers */
extern void price_check_counts(Jsonb *fees);

/* a tier in the words of prices, whatever a provider calls it */
extern const char *price_tier_name(const char *name);

/* the tier of a call that names none, and the word for "whichever the provider takes" */
#define TIER_STANDARD	"standard"
#define TIER_ANY		"auto"

/*
 * Names of models with a price that are near, quoted and divided by commas; NULL: none.
 * "told" filters them.
 */
typedef bool (*PriceNameFilter) (const char *name, void *arg);
extern char *price_nearest(const char *tenant, const char *model, PriceNameFilter told, void *arg);

/*
 * Tokens out of a provider's usage object, of a response that has one, or of the
 * events of a stream (usage_shapes.c).  false: nothing of it is known.  What is not
 * wholly understood is out->problem, and the readings are what is certain.
 */
extern bool usage_read(Jsonb *usage, UsageReadings *out);

/*
 * usage_facts.c: the service tier that a response names, in the words of prices;
 * NULL: none, "auto": several.
 */
extern const char *usage_named_tier(Jsonb *usage);

/* usage_facts.c: how often a fee is counted, by its name; false: its count is no count */
extern bool usage_fee_count(Jsonb *usage, const char *fee, int fee_len, int64 *count);

/* of all kinds together, by the reading that has most */
extern int64 usage_most_tokens(const UsageReadings *usage);

/* of all kinds of input, by the reading that has most */
extern int64 usage_most_input(const UsageReadings *usage);

#endif							/* AGENTCORE_PRICE_H */
