/*
 * counted.c
 *	  Tells the profile (src/profile) what became of calls.
 *
 * A name that nobody has registered counts with all other such names of its tenant:
 * models invent names without end.
 *
 * Memory: CurrentMemoryContext.  Locks: those of src/profile, held for a few
 * additions.  On ERROR: nothing to undo.
 */
#include "call/counted.h"

#include "call/stages.h"

/* behind the stages and the taking, which the log shows too */
#define CLOCK_LOG GATE_CLOCK_STAGES

static const ProfileStage profiled[] = {
	{"tenant", PROFILE_ADMISSION},
	{"task", PROFILE_ADMISSION},
	{"agent", PROFILE_ADMISSION},
	{"tool", PROFILE_ADMISSION},
	{"policy", PROFILE_ADMISSION},
	{"arguments", PROFILE_ARGUMENTS},
	{"urls", PROFILE_ARGUMENTS},
	{"rules", PROFILE_ARGUMENTS},
	{"key", PROFILE_REPEATS},
	{"once", PROFILE_REPEATS},
	{"loop", PROFILE_REPEATS},
	{"cache", PROFILE_REPEATS},
	{"breaker", PROFILE_LIMITS},
	{"rate", PROFILE_LIMITS},
	{"limits", PROFILE_LIMITS},
	{"approval", PROFILE_LIMITS},
	{"budget", PROFILE_LIMITS},
	{"take", PROFILE_TAKE},
	{"log", PROFILE_LOG},
};

void
counted_init(void)
{
	if (lengthof(profiled) != CLOCK_LOG + 1)
		elog(ERROR, "the profile names %d stages, and the gate has %d", (int) lengthof(profiled), CLOCK_LOG + 1);
	for (int i = 0; i < gate_nstages; i++)
		if (strcmp(profiled[i].name, gate_stages[i].name) != 0)
			elog(ERROR, "the profile calls the stage %s %s", gate_stages[i].name, profiled[i].name);
	profile_set_stages(profiled, lengthof(profiled));
}

/* Found before the call was refused, and not made up. */
static bool
is_registered(const Gate *gate)
{
	return gate->is_llm ? gate->is_priced : gate->tool != NULL;
}

void
counted_begin(const Gate *gate)
{
	ProfileBegin begin = {
		.key = {gate->tenant, gate->is_llm, is_registered(gate) ? gate->tool_name : NULL},
		.verdict = gate->verdict - VERDICT_RUN + PROFILE_RUN,
		.reason = gate->reason,
		.enforced = gate_enforced(gate),
		.retry_after = gate->retry_after,
		.clock = gate->clock
	};

	if (!profile_counts())
		return;
	profile_clock_stage(gate->clock, CLOCK_LOG);
	begin.policy_ns = profile_clock_elapsed(gate->clock);
	profile_count_begin(&begin);
}

int64
counted_tool_us(const PermitRow *permit)
{
	bool		ran = permit->attempt == 1 && (permit->state == PERMIT_OPEN || permit->state == PERMIT_EXPIRED);

	return ran ? profile_us_since(permit->created_at) : PROFILE_UNKNOWN;
}

/* a tool that is still there; which models exist is not asked for this */
static bool
is_tool(const char *tenant, const PermitRow *permit)
{
	return !permit->is_llm && permit->tool != NULL && tool_exists(tenant, permit->tool);
}

/* Its worker has ended it before, and that counted. */
static bool
was_reported(const PermitRow *permit)
{
	return permit->state == PERMIT_UNKNOWN || permit->state == PERMIT_DEFERRED;
}

static int64
charged(int64 named, int64 held, const CallEnd *call)
{
	return named < 0 && call->held ? held : Max(named, 0);
}

void
counted_end(const char *tenant, const PermitRow *permit, const CallEnd *call)
{
	ProfileEnd	end = {
		.key = {tenant, permit->is_llm, permit->tool},
		.ended = call->ended,
		.tokens = charged(call->cost->tokens, permit->held_tokens, call),
		.nanousd = charged(call->cost->nanousd, permit->held_nanousd, call),
		.tool_us = call->tool_us,
		.policy_ns = profile_clock_elapsed(call->clock)
	};

	if (!profile_counts() || was_reported(permit))
		return;
	end.is_registered = is_tool(tenant, permit);
	profile_count_end(&end);
}
