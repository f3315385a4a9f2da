/*
 * meter.c
 *	  Calls per period, with a burst or without, and tokens per period.
 *
 * Calls are counted both ways whatever the limit is, so that another limit of
 * the same meter forgets nothing.  With a burst at most burst + rate * t calls pass within any
 * span t; without one, and of tokens, at most the limit within any period.
 *
 * What is given back later than it was taken is worth less: meanwhile the meter
 * has run on, and more than burst + rate * t would pass if all of it came back.
 *
 * Pure: called inside a locked section, raises nothing, allocates nothing.
 */
#include "retry/meter.h"

/* how much earlier than it is said to have passed a call may have passed, at most, in us */
#define SLACK_US	INT64CONST(1000000)

static int64
ns_to_us(int64 ns)
{
	return ns / 1000 + (ns % 1000 != 0);
}

static void
answer(MeterAnswer *out, int64 wait, const char *what)
{
	if (wait > out->wait)
	{
		out->wait = wait;
		out->what = what;
	}
}

void
meter_ask(const Meter *meter, const MeterLimit *limit, int64 now, int64 tokens, MeterAnswer *out)
{
	memset(out, 0, sizeof(*out));
	if (limit->tokens > 0 && tokens > limit->tokens)
	{
		out->never = true;
		out->what = "tokens";
		return;
	}
	if (limit->calls > 0 && limit->bursts)
		answer(out, ns_to_us(gcra_wait(&limit->gcra, meter->tat, now * 1000)), "calls");
	else if (limit->calls > 0)
		answer(out, sliding_wait(&meter->calls, limit->calls, limit->period, now, 1), "calls");
	if (limit->tokens > 0 && tokens > 0)
		answer(out, sliding_wait(&meter->tokens, limit->tokens, limit->period, now, tokens), "tokens");
}

static void
use(Meter *meter, const MeterLimit *limit, int64 now)
{
	if (meter->born == 0)
		meter->born = now;
	meter->period = limit->period;
}

void
meter_pass(Meter *meter, const MeterLimit *limit, int64 now, int64 tokens)
{
	use(meter, limit, now);
	if (limit->calls > 0)
	{
		meter->interval = limit->gcra.interval;
		meter->tat = gcra_pass(&limit->gcra, meter->tat, now * 1000);
		sliding_add(&meter->calls, limit->period, now, 1);
	}
	if (limit->tokens > 0)
		sliding_add(&meter->tokens, limit->period, now, tokens);
}

void
meter_add_tokens(Meter *meter, const MeterLimit *limit, int64 now, int64 tokens)
{
	use(meter, limit, now);
	sliding_add(&meter->tokens, limit->period, now, tokens);
}

void
meter_take_off(Meter *meter, int64 now, int64 taken_at, int64 calls, int64 tokens)
{
	int64		age = now - taken_at;

	if (meter->period == 0 || taken_at < meter->born)
		return;
	if (age < meter->interval / 1000)
		meter->tat = Max(meter->tat - calls * (meter->interval - Max(age, 0) * 1000), 0);
	taken_at -= Min(SLACK_US, meter->period / 60);
	sliding_take_off(&meter->calls, meter->period, now, taken_at, calls);
	sliding_take_off(&meter->tokens, meter->period, now, taken_at, tokens);
}

int64
meter_end(const Meter *meter)
{
	int64		end = Max(sliding_end(&meter->calls, meter->period), sliding_end(&meter->tokens, meter->period));

	return Max(end, ns_to_us(meter->tat));
}
