/*
 * stages.c
 *	  What the gate looks at, cheapest and safest first.
 *
 * A stage reads; it takes nothing that a ROLLBACK does not return (take.c
 * does).  Where an earlier stage found nothing to look at (an unknown tool in
 * audit mode), a later one lets pass.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading tables.  On ERROR:
 * nothing to undo.
 */
#include "call/gate.h"

#include "access/xlog.h"
#include "utils/builtins.h"

/* how long a waiting worker is told to stay away from a call in progress */
#define POLL_US (1 * USECS_PER_SEC)

/* bytes of another call's error that a model is shown */
#define ERROR_SHOWN 200

static void judge_tenant(Gate *gate);
static void judge_agent(Gate *gate);
static void judge_tool(Gate *gate);
static void judge_model(Gate *gate);
static void judge_policy(Gate *gate);
static void judge_key(Gate *gate);
static void judge_loop(Gate *gate);
static void judge_cache(Gate *gate);
static void judge_breaker(Gate *gate);
static void judge_rate(Gate *gate);
static void judge_budget(Gate *gate);

const Stage gate_stages[] = {
	{"tenant", judge_tenant},
	{"agent", judge_agent},
	{"tool", judge_tool},
	{"policy", judge_policy},
	{"arguments", gate_judge_args},
	{"urls", gate_judge_urls},
	{"key", judge_key},
	{"loop", judge_loop},
	{"cache", judge_cache},
	{"breaker", judge_breaker},
	{"rate", judge_rate},
	{"approval", judge_approval},
	{"budget", judge_budget},
};
const int	gate_nstages = lengthof(gate_stages);

static void
judge_tenant(Gate *gate)
{
	if (!agc_tenant_enabled(gate->tenant))
		gate_deny(gate, REASON_TENANT_DISABLED, psprintf("tenant %s is switched off", agc_quoted_name(gate->tenant)),
				  pstrdup("All tool use is switched off for now. Stop and tell the user."));
}

static void
judge_agent(Gate *gate)
{
	if (!gate->agent->enabled)
		gate_deny(gate, REASON_AGENT_DISABLED, psprintf("agent %s is switched off", agc_quoted_name(gate->agent_name)),
				  pstrdup("This agent is switched off. Stop and tell the user."));
}

static char *
quoted_tool(const Gate *gate)
{
	return agc_quoted_name(gate->tool_name);
}

/* What the policy keeps from the agent is not named to its model either. */
static bool
may_be_told(const char *name, void *arg)
{
	Gate	   *gate = arg;
	AllowDecision decision;

	allow_check_tool(gate->tenant, gate->agent->policy, name, &decision);
	return decision.reason == NULL && decision.allowed;
}

static void
judge_tool(Gate *gate)
{
	if (gate->impossible != NULL)
	{
		gate_refuse(gate, REASON_UNKNOWN_TOOL, gate->impossible,
					psprintf("There is no %s %s. Use only what you were given.",
							 gate->is_llm ? "model" : "tool", quoted_tool(gate)));
		return;
	}
	if (gate->is_llm)
	{
		judge_model(gate);
		return;
	}
	gate->tool_object = tool_pin(gate->tenant, gate->tool_name);
	if (gate->tool_object == NULL)
	{
		char	   *nearest = tool_nearest(gate->tenant, gate->tool_name, may_be_told, gate);

		gate_deny(gate, REASON_UNKNOWN_TOOL,
				  nearest ? psprintf("no tool %s; nearest: %s", quoted_tool(gate), nearest) :
				  psprintf("no tool %s", quoted_tool(gate)),
				  nearest ? psprintf("There is no tool %s. Did you mean %s? Use only the tools you were given.",
									 quoted_tool(gate), nearest) :
				  psprintf("There is no tool %s. Use only the tools you were given.", quoted_tool(gate)));
		return;
	}
	gate->tool = gate->tool_object->data;
	gate->audit |= gate->tool->audit && !gate->explaining;
	if (!gate->tool->enabled)
		gate_deny(gate, REASON_TOOL_DISABLED, psprintf("tool %s is switched off", quoted_tool(gate)),
				  psprintf("The tool %s is switched off. Continue without it.", quoted_tool(gate)));
	if (gate->est_tokens < 0)
		gate->est_tokens = gate->tool->est_tokens;
	if (gate->est_nanousd < 0)
		gate->est_nanousd = gate->tool->est_nanousd;
}

/* A model without a price cannot be charged for, so it does not exist here. */
static void
judge_model(Gate *gate)
{
	int64		input;
	int64		output;
	CallCost	most;

	llm_request_tokens(gate->args, &input, &output);
	if (price_bound(gate->tenant, gate->tool_name, input, output, &most))
	{
		gate->est_tokens = most.tokens;
		gate->est_nanousd = most.nanousd;
	}
	else
	{
		gate->est_nanousd = 0;
		gate_deny(gate, REASON_UNKNOWN_TOOL, psprintf("model %s has no price", quoted_tool(gate)),
				  psprintf("The model %s is not available.", quoted_tool(gate)));
	}
}

/*
 * Models are not listed tool by tool: which ones exist is what the price list
 * says.  A rule that denies one by name still counts.
 */
static void
judge_policy(Gate *gate)
{
	AllowDecision decision;

	allow_check_tool(gate->tenant, gate->agent->policy, gate->tool_name, &decision);
	if (gate->is_llm && (decision.reason == NULL ||
						 strcmp(decision.reason, REASON_DENYLIST_MATCH) != 0))
		return;
	gate_apply_decision(gate, &decision, psprintf("The tool %s", quoted_tool(gate)));
}

/* The holder is gone: its lease ended, or somebody has expired it already. */
static bool
is_abandoned(const PermitRow *permit, TimestampTz now)
{
	return permit->state == PERMIT_EXPIRED ||
		(permit->state == PERMIT_OPEN && permit->lease_until <= now);
}

/*
 * The estimate of an abandoned call is charged.  It may have taken effect, so
 * its key stays closed until somebody says, unless the tool can be run twice.
 */
static void
judge_abandoned(Gate *gate, const PermitRow *permit)
{
	if (permit->idempotent && (gate->explaining || permit_resolve(gate->tenant, &permit->id)))
	{
		gate->has_call_id = false;
		gate->attempt = 0;
		return;
	}
	gate->reason = REASON_OUTCOME_UNKNOWN;
	gate->detail = psprintf("call %s ended without an answer and the tool is not idempotent", hex_uuid(&permit->id));
	gate->feedback = pstrdup("This call was started before and nobody knows whether it took effect. Do not repeat it; check its effect first or ask the user.");
	gate->verdict = VERDICT_DENY;
}

/*
 * The same key is the same call: its first answer stands.  Idempotency is no
 * policy, so audit mode does not look away here.
 */
static void
judge_key(Gate *gate)
{
	PermitRow	permit;
	TimestampTz now = agc_now();

	if (gate->key == NULL ||
		!permit_read(gate->tenant, NULL, gate->agent_name, gate->key, false, &permit))
		return;
	if (memcmp(permit.request_hash, gate->request_hash, AGC_HASH_LEN) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" was used for another call", gate->key),
				 errdetail("Agent \"%s\" used it with another tool, other arguments, another task or another subject.",
						   gate->agent_name),
				 errhint("Use a new key for a new call.")));
	gate->call_id = permit.id;
	gate->has_call_id = true;
	gate->attempt = permit.attempt;

	if (permit.state == PERMIT_OPEN && is_abandoned(&permit, now) && !gate->explaining)
	{
		if (permit_expire(gate->tenant, &permit.id) == PERMIT_TRY_BUSY)
		{
			gate_in_progress(gate, POLL_US);
			return;
		}
		/* its holder may have settled or extended it while we waited for the row */
		if (!permit_read(gate->tenant, NULL, gate->agent_name, gate->key, false, &permit))
			return;
	}
	if (is_abandoned(&permit, now))
		judge_abandoned(gate, &permit);
	else if (permit.state == PERMIT_OPEN)
		gate_in_progress(gate, Min(agc_until_us(now, permit.lease_until), POLL_US));
	else if (permit.state == PERMIT_RETRY && permit.retry_at > now)
		gate_in_progress(gate, agc_until_us(now, permit.retry_at));
	else if (permit.state == PERMIT_RETRY)
	{
		gate->reopen = true;
		gate->reopen_id = permit.id;
	}
	else
	{
		gate->verdict = VERDICT_CACHED;
		gate->replayed = true;
		gate->result = permit.result;
		if (permit.result == NULL)
			gate->detail = pstrdup("committed before, without a result");
	}
}

static void
judge_loop(Gate *gate)
{
	int			count;

	if (gate->task == NULL || agc_loop_limit == 0 || gate->reopen)
		return;
	gate_final_digest(gate, gate->final_hash);
	gate->has_final_hash = true;
	count = loop_count(gate->final_hash);
	if (count >= agc_loop_limit)
		gate_deny(gate, REASON_LOOP_DETECTED,
				  psprintf("made %d times within ten minutes; agentcore.loop_limit is %d", count, agc_loop_limit),
				  psprintf("You have made this very call %d times and its answer will not change. Use what you have, or do something else.", count));
}

static void
warn_missing_cache(void)
{
	static bool warned = false;

	if (agc_missing_shmem == AGC_MISSING_SHMEM_ERROR)
		agc_require_shmem("the gate's cache");
	if (!warned)
		ereport(WARNING,
				(errmsg("the gate runs without its cache"),
				 errdetail("agentcore was not loaded at server start, or agentcore.cache_memory is 0."),
				 errhint("Add agentcore to shared_preload_libraries, or set agentcore.missing_shmem.")));
	warned = true;
}

/*
 * A final failure of this very call that its tool wants remembered: final for
 * these arguments as long as it is.
 */
void
gate_failed_before(Gate *gate, const CacheResult *found)
{
	JsonbValue	member;
	char	   *reason = "failed";
	char	   *error = "";

	if (JB_ROOT_IS_OBJECT(found->value))
	{
		if (getKeyJsonValueFromContainer(&found->value->root, "reason", 6, &member) && member.type == jbvString)
			reason = agc_shown(pnstrdup(member.val.string.val, member.val.string.len), AGC_NAME_SHOWN);
		if (getKeyJsonValueFromContainer(&found->value->root, "error", 5, &member) && member.type == jbvString)
			error = psprintf(" The error read %s.",
							 agc_quoted_bytes(member.val.string.val, member.val.string.len, ERROR_SHOWN));
	}
	if (gate->reason == NULL)
	{
		gate->retry_after = found->retry_after;
		gate->result = gate->audit ? NULL : found->value;
	}
	gate_deny(gate, REASON_FAILED_BEFORE,
			  psprintf("a failure of this call is kept: %s", reason),
			  psprintf("This very call failed a moment ago and would fail again.%s Do not repeat it; change the arguments or do something else.", error));
}

/*
 * An answer past its soft deadline is better than none; but a key that is in
 * use has an answer of its own.
 */
bool
gate_serve_stale(Gate *gate)
{
	if (gate->stale.value == NULL || gate->audit || gate->explaining || gate->has_call_id)
		return false;
	cache_count(&gate->cache, &gate->stale);
	gate->verdict = VERDICT_CACHED;
	gate->result = gate->stale.value;
	gate->detail = gate->reason ? psprintf("stale: %s", gate->reason) : pstrdup("stale");
	gate->reason = NULL;
	gate->feedback = NULL;
	gate->retry_after = -1;
	return true;
}

/* On a standby no invalidation is heard of. */
static bool
cache_is_trusted(void)
{
	return agc_cache_on_standby || !RecoveryInProgress();
}

/* Counts what decides here; of what goes on, take.c does. */
static void
judge_cache(Gate *gate)
{
	CacheResult found;
	bool		count = !gate->explaining;

	if (gate->tool == NULL || gate->tool->cache_ttl < 0 || !cache_is_trusted())
		return;
	if (!cache_ready())
	{
		warn_missing_cache();
		return;
	}
	gate->cacheable = cache_gate_target(&gate->cache, gate->tenant, gate->tool_name, gate->tool,
										gate->tool_object->revision, gate->args,
										gate->agent_name, gate->subject);
	if (!gate->cacheable)
		return;
	cache_lookup(&gate->cache, false, 0, &found);
	switch (found.status)
	{
		case CACHE_STALE:
			gate->stale = found;
			if (!found.computing)
			{
				count = false;
				if (gate->explaining)
					gate->detail = pstrdup("stale: this call computes it anew");
				break;
			}
			/* FALLTHROUGH */
		case CACHE_HIT:
			if (gate->audit)
				gate->detail = gate->detail ? gate->detail : pstrdup("cache: hit");
			else
			{
				gate->verdict = VERDICT_CACHED;
				gate->result = found.value;
				gate->detail = found.status == CACHE_STALE ? pstrdup("stale: another worker computes it anew") : gate->detail;
			}
			break;
		case CACHE_NEGATIVE:
			if (!gate->reopen)
				gate_failed_before(gate, &found);
			break;
		case CACHE_BUSY:
			if (!gate->reopen)
				gate_wait(gate, REASON_IN_PROGRESS, pstrdup("another worker computes this answer"),
						  Min(found.retry_after, POLL_US));
			break;
		case CACHE_LEAD:
		case CACHE_MISS:
			break;
	}
	if (count)
		cache_count(&gate->cache, &found);
}

static void
judge_breaker(Gate *gate)
{
	BreakerDecision decision;

	if (gate->tool == NULL || gate->tool->target == NULL)
		return;
	breaker_peek(gate->tenant, gate->tool->target, &decision);
	if (!decision.allowed)
		gate_breaker_open(gate, &decision);
}

static void
judge_rate(Gate *gate)
{
	int64		retry_after;

	if (gate->tool == NULL || gate->tool->target == NULL)
		return;
	if (!rate_target_peek(gate->tenant, gate->tool->target, &retry_after))
		gate_rate_limited(gate, retry_after);
}

static void
judge_budget(Gate *gate)
{
	PermitRequest request;
	PermitDecision decision;

	if (gate->budget == NULL || gate->reopen)
		return;
	if (!budget_exists(gate->tenant, gate->budget))
	{
		gate_deny(gate, REASON_BUDGET_EXCEEDED, psprintf("budget %s does not exist", agc_quoted_name(gate->budget)),
				  pstrdup("No budget pays for this call. Stop and tell the user."));
		gate->budget = NULL;
		return;
	}
	gate_fill_request(gate, &request);
	if (!budget_peek(&request, &decision))
		gate_budget_denied(gate, &decision);
}
