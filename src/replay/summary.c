/*
 * summary.c
 *	  What a replay comes to, per agent, tool and reason.
 *
 * Memory: an entry per group, in the replay's context.  Locks: none.  On ERROR: nothing to undo.
 */
#include "replay/summary.h"

#include "common/int.h"
#include "core/row.h"
#include "utils/hsearch.h"

struct SummaryGroup
{
	FoldTag		tag;
	const char *agent;
	const char *tool;
	const char *reason;			/* of what has changed: of the refusal; else NULL */
	int64		calls;
	int64		newly_denied;
	int64		newly_waiting;
	int64		newly_allowed;
	int64		unknown;
	int64		hits_before;
	int64		hits_after;
	int64		tokens_before;
	int64		tokens_after;
	int64		nanousd_before;
	int64		nanousd_after;
};

Summary *
summary_begin(const char *tenant)
{
	Summary    *summary = MemoryContextAlloc(fold_context(), sizeof(Summary));

	summary->tenant = MemoryContextStrdup(fold_context(), tenant);
	summary->groups = fold_table("agentcore replay summary", sizeof(SummaryGroup));
	return summary;
}

static const char *
kept(const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(fold_context(), text);
}

static SummaryGroup *
find(Summary *summary, const char *agent, const char *tool, const char *reason)
{
	const char *names[] = {agent, tool, reason};
	FoldTag		tag;
	bool		found;
	SummaryGroup *group;

	fold_tag(&tag, lengthof(names), names, NULL);
	group = hash_search(summary->groups, &tag, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) group + sizeof(FoldTag), 0, sizeof(SummaryGroup) - sizeof(FoldTag));
		group->agent = kept(agent);
		group->tool = kept(tool);
		group->reason = kept(reason);
	}
	return group;
}

static bool
is_allowed(const char *verdict)
{
	return strcmp(verdict, "run") == 0 || strcmp(verdict, "cached") == 0;
}

/* The refusal that came, or went. */
static const char *
reason_of(const FoldRecord *record, const Replayed *replayed)
{
	if (!replayed->is_known || !replayed->changed)
		return NULL;
	return replayed->reason != NULL ? replayed->reason : record->reason;
}

SummaryGroup *
summary_count(Summary *summary, const char *agent, const char *tool, const FoldRecord *record, const Replayed *replayed)
{
	const char *before = verdict_name(record->verdict);
	SummaryGroup *group = find(summary, agent, tool, reason_of(record, replayed));

	group->calls++;
	group->hits_before += record->verdict == VERDICT_CACHED;
	group->hits_after += strcmp(replayed->after, "cached") == 0;
	if (!replayed->is_known)
	{
		group->unknown++;
		group->hits_after += record->verdict == VERDICT_CACHED;
	}
	else if (strcmp(before, replayed->after) == 0)
		return group;
	else if (strcmp(replayed->after, "wait") == 0)
		group->newly_waiting++;
	else if (!is_allowed(replayed->after))
		group->newly_denied++;
	else if (!is_allowed(before))
		group->newly_allowed++;
	return group;
}

void
summary_names(const SummaryGroup *group, const char **agent, const char **tool)
{
	*agent = group->agent;
	*tool = group->tool;
}

/* As much as fits: a sum of estimates may be more. */
static void
add(int64 *sum, int64 amount)
{
	if (amount > 0 && pg_add_s64_overflow(*sum, amount, sum))
		*sum = PG_INT64_MAX;
}

void
summary_charge(SummaryGroup *group, bool before, bool after, int64 tokens, int64 nanousd)
{
	if (before)
	{
		add(&group->tokens_before, tokens);
		add(&group->nanousd_before, nanousd);
	}
	if (after)
	{
		add(&group->tokens_after, tokens);
		add(&group->nanousd_after, nanousd);
	}
}

static void
put_group(const SummaryGroup *group, ReturnSetInfo *rsinfo)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, group->agent);
	agc_put_text(&row, group->tool);
	agc_put_text(&row, group->reason);
	agc_put_int64(&row, group->calls);
	agc_put_int64(&row, group->newly_denied);
	agc_put_int64(&row, group->newly_waiting);
	agc_put_int64(&row, group->newly_allowed);
	agc_put_int64(&row, group->unknown);
	agc_put_int64(&row, group->hits_before);
	agc_put_int64(&row, group->hits_after);
	agc_put_int64(&row, group->tokens_before);
	agc_put_int64(&row, group->tokens_after);
	agc_put_usd(&row, group->nanousd_before);
	agc_put_usd(&row, group->nanousd_after);
	agc_row_store(rsinfo, &row);
}

static int
compare_texts(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int
compare_groups(const ListCell *a, const ListCell *b)
{
	const SummaryGroup *first = lfirst(a);
	const SummaryGroup *second = lfirst(b);
	int			order = compare_texts(first->agent, second->agent);

	if (order == 0)
		order = compare_texts(first->tool, second->tool);
	return order != 0 ? order : compare_texts(first->reason, second->reason);
}

void
summary_put(const Summary *summary, ReturnSetInfo *rsinfo)
{
	HASH_SEQ_STATUS scan;
	SummaryGroup *group;
	List	   *groups = NIL;
	ListCell   *cell;

	hash_seq_init(&scan, summary->groups);
	while ((group = hash_seq_search(&scan)) != NULL)
		groups = lappend(groups, group);
	list_sort(groups, compare_groups);
	foreach(cell, groups)
		put_group(lfirst(cell), rsinfo);
}
