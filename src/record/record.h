/*
 * record.h
 *	  Public face of src/record: the log of calls.
 *
 * The gate says what a row holds; this room writes it.
 */
#ifndef AGENTCORE_RECORD_H
#define AGENTCORE_RECORD_H

#include "core/core.h"
#include "record/content.h"
#include "record/traceparent.h"

/* ----- settings (record.c): agc_x is agentcore.x ----- */
typedef enum AgcAudit
{
	AGC_AUDIT_NONE,
	AGC_AUDIT_DENIED,
	AGC_AUDIT_ALL
} AgcAudit;

extern int	agc_audit;
extern bool agc_log_denials;

/* One row of the log.  Texts may be NULL where the column may be; the time and the role are put by record_write(). */
typedef struct LogEntry
{
	const char *tenant;
	const char *event;			/* begin, commit, fail, release, resolve */
	const char *agent;
	const char *tool;			/* or the model */
	bool		is_llm;
	const char *verdict;		/* of a settlement: what came of it */
	const char *reason;
	const char *detail;
	bool		enforced;
	const pg_uuid_t *call_id;	/* or NULL */
	int			attempt;		/* 0: none */
	const char *key;
	const char *task;
	const char *subject;
	const char *trace;
	const char *policy;
	int64		policy_revision;	/* 0: unknown; so are those below */
	int64		tool_revision;
	int64		price_revision;
	int64		rule;
	const char *stage;
	int64		tokens;			/* -1: unknown */
	int64		nanousd;		/* the same */
	int			nbudgets;
	char	  **budgets;
	const Jsonb *context;		/* or NULL; so are those below */
	const Jsonb *args;
	const uint8 *args_digest;
	const Jsonb *result;
	const pg_uuid_t *approval;
	int64		retry_after_ms; /* -1: none */
	ArrayType  *stage_ns;		/* integer[]; NULL: not measured */
	int64		policy_ns;		/* -1: not measured */
	int64		tool_us;		/* the same */
} LogEntry;

/* an entry of which nothing is known but these */
extern void record_init_entry(LogEntry *entry, const char *tenant, const char *event);

/* whether a row is written: of what was refused, and of the rest */
extern bool record_writes(bool refused);

/* a row of the caller's transaction */
extern void record_write(const LogEntry *entry);

extern void record_init(void);

#endif							/* AGENTCORE_RECORD_H */
