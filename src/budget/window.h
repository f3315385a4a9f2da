/*
 * window.h
 *	  Windows and counters as plain arithmetic: no table, no clock, no lock.
 *
 * A budget limits dimensions (tokens, money, calls) per window and the calls
 * in flight; a counter holds what is used in each window and what open permits
 * hold.  Everything here is a function of its arguments, so that a test can
 * drive it with any clock.
 */
#ifndef AGENTCORE_BUDGET_WINDOW_H
#define AGENTCORE_BUDGET_WINDOW_H

#include "budget/budget.h"

#include "pgtime.h"
#include "storage/itemptr.h"

/* Dimensions.  The first NUSED are used up; calls in flight are only held. */
#define DIM_TOKENS		0
#define DIM_NANOUSD		1
#define DIM_CALLS		2
#define DIM_IN_FLIGHT	3
#define BUDGET_NUSED	3
#define BUDGET_NDIMS	4

#define BUDGET_MAX_WINDOWS	8
#define BUDGET_MAX_THRESHOLDS	8

/*
 * A sliding window is 24 sub-buckets and the current one.  The oldest counts in
 * full, so no span of the window's length ever passes the limit.  The price: the
 * window is up to 1/24 of the span too strict.
 */
#define SLIDING_PARTS	24
#define SLIDING_BUCKETS	(SLIDING_PARTS + 1)
#define SLIDING_NUMBERS	(SLIDING_BUCKETS * BUDGET_NUSED)

/* Counter rows of one budget; they fit into the bits of a mask. */
#define BUDGET_MAX_ROWS		64

/* A row of a counter keeps within this, so that no sum of two leaves bigint. */
#define COUNTER_BOUND		(INT64CONST(1) << 61)

/*
 * No number.  As a limit: none.  Of what is asked: unknown, so there must be room,
 * and nothing is held.  0 asks for nothing, which always fits.
 */
#define NO_AMOUNT		(-1)

typedef enum WindowKind
{
	WINDOW_LIFETIME,
	WINDOW_FIXED,				/* equal spans from the anchor */
	WINDOW_CALENDAR,			/* days or months of a time zone */
	WINDOW_SLIDING				/* the span that ends now, in sub-buckets */
} WindowKind;

typedef struct Window
{
	WindowKind	kind;
	int64		span;			/* fixed, sliding: us */
	int			months;			/* calendar: either months ... */
	int			days;			/* ... or days */
	pg_tz	   *tz;				/* calendar */
	bool		has_anchor;
	TimestampTz anchor;
} Window;

typedef struct BudgetLimit
{
	char	   *name;			/* NULL: the main window */
	Window		window;
	int64		max[BUDGET_NUSED];
} BudgetLimit;

typedef struct BudgetDef
{
	char	   *parent;			/* NULL: a root */
	bool		enabled;
	bool		made;			/* of a template, by its first use */
	bool		charge_on_expiry;
	bool		cap_overrun;	/* charge no more than was held */
	int64		min_hold[2];	/* tokens, nano-USD: what an unknown amount holds; 0: nothing */
	double		max_overrun;	/* times the hold; 0: agentcore.max_overrun */
	int			nthresholds;
	int			threshold[BUDGET_MAX_THRESHOLDS];	/* percent, ascending */
	int			nonly;			/* names of the tools and models whose calls count; 0: all */
	char	  **only;
	OnFull		on_full;
	char	   *overflow;		/* who pays when it is full; NULL: nobody */
	int64		max_in_flight;
	int64		window_revision;	/* changes when a window is defined anew */
	int			nlimits;
	BudgetLimit limit[BUDGET_MAX_WINDOWS];
} BudgetDef;

/* Where a row stands, in which file of its table; file 0: not known. */
typedef struct RowPlace
{
	Oid			file;
	ItemPointerData tid;
} RowPlace;

/*
 * A row of a budget's counter, or the sum of all its rows.  The rows divide the
 * writing and not the limit: their numbers are signed parts of a sum.
 */
typedef struct Counter
{
	int			slot;			/* which row */
	RowPlace	place;			/* where it was read or written */
	TimestampTz since;			/* the ledger counts from here on */
	TimestampTz seen;			/* latest time used in it */
	int64		window_revision;	/* of the definition that `start` follows */
	int			nwindows;
	TimestampTz start[BUDGET_MAX_WINDOWS];	/* sliding: of the current bucket */
	int64		used[BUDGET_MAX_WINDOWS][BUDGET_NUSED];
	int64		held[BUDGET_NDIMS];
	int			warned[BUDGET_MAX_WINDOWS]; /* highest threshold told of, 0: none */
	int64	   *bucket[BUDGET_MAX_WINDOWS]; /* SLIDING_NUMBERS, the current bucket first; NULL: not sliding */
	TimestampTz bucket_since[BUDGET_MAX_WINDOWS];	/* nothing before counts, whatever a bucket covers */
} Counter;

/* What an operation does to a counter. */
typedef struct CounterChange
{
	int64		held[BUDGET_NDIMS];
	int64		used[BUDGET_NUSED];
	int			warned[BUDGET_MAX_WINDOWS]; /* highest threshold that it tells of, 0: none */
} CounterChange;

/* Why a counter refuses: facts of the first dimension that does not fit. */
typedef struct Refusal
{
	int			window;			/* which limit; -1: of calls in flight */
	int			dim;
	int64		used;
	int64		held;
	int64		max;
	int64		asked;
	int64		retry_after;	/* us, -1 = not known; over all that refuse */
	bool		can_ever_fit;
} Refusal;

/* 22023 unless the parts make a window; the kind is derived when NULL */
extern void window_define(Window *window, const char *kind, const Interval *period,
						  const char *tz, bool has_anchor, TimestampTz anchor);
extern const char *window_kind_name(WindowKind kind);

/* The window, or the bucket of a sliding one, that "at" falls into: start <= at < end. */
extern void window_bounds(const Window *window, TimestampTz at,
						  TimestampTz *start, TimestampTz *end);

/* how long a bucket of a sliding window is, us */
extern int64 window_sliding_step(const Window *window);

extern void counter_init(Counter *counter, const BudgetDef *def, TimestampTz at);

/* A struct copy shares the rings of sliding windows; this one does not. */
extern void counter_copy(Counter *copy, const Counter *counter);

/* When each window, or current bucket, began; may raise an error for a calendar window. */
extern void counter_starts(const BudgetDef *def, TimestampTz at, TimestampTz start[BUDGET_MAX_WINDOWS]);

/* Rolls a counter, or one row of several, to these starts; or a counter to those of a time. */
extern void counter_roll_row(Counter *row, const BudgetDef *def, const TimestampTz start[BUDGET_MAX_WINDOWS]);
extern void counter_roll_to(Counter *counter, const BudgetDef *def, const TimestampTz start[BUDGET_MAX_WINDOWS]);
extern void counter_roll(Counter *counter, const BudgetDef *def, TimestampTz at);

/*
 * All rows of a counter together, at the latest starts of any.  A row that has not
 * come to a window has used nothing of it.  A sliding window of several rows is
 * added up only where they follow the definition.
 */
extern void counter_sum(Counter *rows, int n, const BudgetDef *def, Counter *sum);

/* whether a number is so large that the next writer has to add up the rows */
extern bool counter_is_large(const Counter *counter);
extern bool counter_change_is_large(const CounterChange *change);

/* whether anything is used: only that reaches thresholds */
extern bool counter_change_charges(const CounterChange *change);

/* whether the request fits, with so much more held by others; raises nothing */
extern bool counter_fits(const Counter *counter, const BudgetDef *def, const int64 asked[BUDGET_NDIMS],
						 const int64 others[BUDGET_NDIMS]);

/* whether the request could be counted, whatever the limits are; raises nothing */
extern bool counter_can_hold(const Counter *counter, const int64 asked[BUDGET_NDIMS]);

/* the change into a counter; what leaves bigint fills it up */
extern void counter_change(Counter *counter, const CounterChange *change);

/* the highest threshold of the window that is reached with so much more used; 0: none */
extern int	counter_threshold(const Counter *counter, const BudgetDef *def, int w, const int64 more[BUDGET_NUSED]);
extern bool counter_admits(const Counter *counter, const BudgetDef *def,
						   const int64 asked[BUDGET_NDIMS], TimestampTz at, Refusal *refusal);

/* The time from which charges in the ledger count in a window. */
extern TimestampTz counter_counts_from(const Counter *counter, const BudgetDef *def, int w);

/* Whether a charge of that time is counted in all windows. */
extern bool counter_covers(const Counter *counter, TimestampTz charged_at);

/* Lowers left[] to what may still be asked for in each dimension; NO_AMOUNT: no limit. */
extern void counter_left(const Counter *counter, const BudgetDef *def, int64 left[BUDGET_NDIMS]);


/* The window begins anew, empty. */
extern void counter_restart(Counter *counter, const BudgetDef *def, int w, TimestampTz at);

extern bool window_same(const Window *a, const Window *b);

/* a + b, as near as bigint comes */
extern int64 counter_add(int64 a, int64 b);

#endif							/* AGENTCORE_BUDGET_WINDOW_H */
