/*
 * circuit.c
 *	  closed -> open -> half_open -> closed | open.
 *
 * Closed: outcomes are counted in ten buckets of six seconds; five failures in
 * a row, or the failure ratio over enough calls, open it.  Open: nothing
 * passes until open_for has gone by; reports of calls that began earlier are
 * ignored, so that stragglers do not keep it open.  Half-open (entered by the
 * first call after that, not by a timer): a few calls pass as probes, each
 * under a lease, because the worker that holds it may die; enough successes
 * close it and forget the past, one failure opens it anew.
 *
 * Pure: called inside a locked section, raises nothing, allocates nothing.
 */
#include "retry/circuit.h"

/* an open breaker that nobody asked about for this long is forgotten */
#define OPEN_KEPT_US	(INT64CONST(3600) * 1000000)

static CircuitState
state_at(const Circuit *c, const CircuitSettings *set, int64 now)
{
	if (set->forced)
		return set->forced_state;
	if (c->state == CIRCUIT_OPEN && now >= c->open_until)
		return CIRCUIT_HALF_OPEN;
	return c->state;
}

static int
max_probes(const CircuitSettings *set)
{
	return Min(Max(set->probes, 1), CIRCUIT_MAX_PROBES);
}

int
circuit_probes(const Circuit *c, int64 now)
{
	int			n = 0;

	for (int i = 0; i < CIRCUIT_MAX_PROBES; i++)
		n += c->probe_until[i] > now;
	return n;
}

static int64
first_lease_end(const Circuit *c, int64 now)
{
	int64		end = PG_INT64_MAX;

	for (int i = 0; i < CIRCUIT_MAX_PROBES; i++)
		if (c->probe_until[i] > now)
			end = Min(end, c->probe_until[i]);
	return end == PG_INT64_MAX ? now + 1 : end;
}

void
circuit_peek(const Circuit *c, const CircuitSettings *set, int64 now, CircuitAnswer *out)
{
	memset(out, 0, sizeof(*out));
	out->state = state_at(c, set, now);
	switch (out->state)
	{
		case CIRCUIT_CLOSED:
			out->allowed = true;
			break;
		case CIRCUIT_OPEN:
			out->retry_after = set->forced ? 0 : Max(c->open_until - now, 1);
			break;
		case CIRCUIT_HALF_OPEN:
			out->allowed = out->probe =
				circuit_probes(c, now) < Max(max_probes(set) - c->successes, 1);
			if (!out->allowed)
				out->retry_after = first_lease_end(c, now) - now;
			break;
	}
}

void
circuit_take(Circuit *c, const CircuitSettings *set, int64 now, CircuitAnswer *out)
{
	circuit_peek(c, set, now, out);
	if (!out->probe)
		return;
	c->state = CIRCUIT_HALF_OPEN;
	for (int i = 0; i < CIRCUIT_MAX_PROBES; i++)
		if (c->probe_until[i] <= now)
		{
			c->probe_until[i] = now + set->open_for;
			break;
		}
}

/* Which lease is freed matters little: the one that would end last. */
static void
end_probe(Circuit *c)
{
	int			last = 0;

	for (int i = 1; i < CIRCUIT_MAX_PROBES; i++)
		if (c->probe_until[i] > c->probe_until[last])
			last = i;
	c->probe_until[last] = 0;
}

/* A probe whose lease has ended is another call's by now. */
void
circuit_give_back(Circuit *c, int64 now, int64 taken_at)
{
	int64		lease = c->open_until - c->opened_at;

	if (c->state == CIRCUIT_HALF_OPEN && taken_at >= c->open_until && now - taken_at < lease)
		end_probe(c);
}

static void
open_circuit(Circuit *c, const CircuitSettings *set, int64 now)
{
	c->state = CIRCUIT_OPEN;
	c->opened_at = now;
	c->open_until = now + set->open_for;
	c->successes = 0;
	memset(c->probe_until, 0, sizeof(c->probe_until));
}

static void
count_call(Circuit *c, int64 now, bool ok)
{
	int64		number = now / CIRCUIT_BUCKET_US;
	CircuitBucket *bucket = &c->bucket[number % CIRCUIT_BUCKETS];

	if (bucket->number != number)
	{
		bucket->number = number;
		bucket->calls = bucket->failures = 0;
	}
	if (bucket->calls < PG_INT32_MAX)
	{
		bucket->calls++;
		bucket->failures += !ok;
	}
	c->in_a_row = ok ? 0 : Min(c->in_a_row, PG_INT32_MAX - 1) + 1;
}

void
circuit_window(const Circuit *c, int64 now, int64 *calls, int64 *failures)
{
	int64		oldest = now / CIRCUIT_BUCKET_US - CIRCUIT_BUCKETS;

	*calls = *failures = 0;
	for (int i = 0; i < CIRCUIT_BUCKETS; i++)
		if (c->bucket[i].number > oldest)
		{
			*calls += c->bucket[i].calls;
			*failures += c->bucket[i].failures;
		}
}

static bool
too_many_failures(const Circuit *c, const CircuitSettings *set, int64 now)
{
	int64		calls;
	int64		failures;

	if (c->in_a_row >= set->consecutive)
		return true;
	circuit_window(c, now, &calls, &failures);
	return calls >= set->min_calls && failures > 0 && failures >= set->failure_ratio * calls;
}

CircuitState
circuit_record(Circuit *c, const CircuitSettings *set, int64 now, bool ok)
{
	if (c->state != CIRCUIT_OPEN || set->forced)
		count_call(c, now, ok);
	if (set->forced)
		return set->forced_state;

	if (c->state == CIRCUIT_CLOSED && !ok && too_many_failures(c, set, now))
		open_circuit(c, set, now);
	else if (c->state == CIRCUIT_HALF_OPEN && !ok)
		open_circuit(c, set, now);
	else if (c->state == CIRCUIT_HALF_OPEN)
	{
		end_probe(c);
		if (++c->successes >= max_probes(set))
			memset(c, 0, sizeof(*c));
	}
	return state_at(c, set, now);
}

int64
circuit_busy_until(const Circuit *c)
{
	return c->state == CIRCUIT_CLOSED ? 0 : c->open_until + OPEN_KEPT_US;
}
