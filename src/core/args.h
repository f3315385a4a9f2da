/*
 * args.h
 *	  Reading SQL arguments, lists of names among them, and refusing them in one voice
 */
#ifndef AGENTCORE_CORE_ARGS_H
#define AGENTCORE_CORE_ARGS_H

#include "core/compat.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* ----- arguments (args.c) -------------------------------------------------
 *
 * agc_arg_* raise 22023 naming the argument when it is NULL, empty, too long
 * or otherwise unusable; agc_opt_* take NULL as "not given" and return NULL or
 * the default.  Strings are palloc'd copies, NUL-terminated.
 */
extern char *agc_arg_name(FunctionCallInfo fcinfo, int n, const char *what);
extern char *agc_opt_name(FunctionCallInfo fcinfo, int n, const char *what);
extern char *agc_name_problem(const text *value, const char *what); /* what that would raise, in words; or NULL */
extern char *agc_opt_text(FunctionCallInfo fcinfo, int n);
/* NULL is the default tenant, as '' is; the second takes "*" too */
extern char *agc_arg_tenant(FunctionCallInfo fcinfo, int n);
extern char *agc_arg_tenant_or_every(FunctionCallInfo fcinfo, int n);
extern Jsonb *agc_arg_jsonb(FunctionCallInfo fcinfo, int n, const char *what);
extern Jsonb *agc_opt_jsonb(FunctionCallInfo fcinfo, int n, const char *what);
extern char *agc_opt_document(FunctionCallInfo fcinfo, int n, const char *what);	/* the same of JSON as text */
extern int64 agc_arg_amount(FunctionCallInfo fcinfo, int n, const char *what);
extern int64 agc_opt_amount(FunctionCallInfo fcinfo, int n, const char *what, int64 missing);
extern int64 agc_opt_usd(FunctionCallInfo fcinfo, int n, const char *what, int64 missing);
extern int64 agc_opt_interval(FunctionCallInfo fcinfo, int n, const char *what, int64 missing);
/* a lease in us, at most agentcore.max_lease; agc_opt_lease: 0 when not given */
extern int64 agc_arg_lease(FunctionCallInfo fcinfo, int n);
extern int64 agc_opt_lease(FunctionCallInfo fcinfo, int n);

/* 0 and less: agentcore.lease_default; a lease that was stored when max_lease was longer is cut too */
extern int64 agc_lease_or_default(int64 lease);
extern bool agc_arg_bool(FunctionCallInfo fcinfo, int n, const char *what);

/* ----- lists of names (name_list.c) -------------------------------------------- */

/* text[] of names, as agc_arg_name() takes them, in the order given; NULL when not given */
extern char **agc_opt_names(FunctionCallInfo fcinfo, int arg, const char *what, int *n);

/* text[] of names and 'prefix*', each once, as it is to be stored; NULL when not given */
extern ArrayType *agc_opt_patterns(FunctionCallInfo fcinfo, int arg, const char *what);

/* a tool's exact name, 'prefix*' or '*' */
extern char *agc_arg_tool_pattern(FunctionCallInfo fcinfo, int n);

/* whether a stored pattern is one of these */
extern bool agc_is_tool_pattern(const char *pattern);

/* a text[] of them */
extern Datum agc_texts_datum(char *const *texts, int n);

/* the elements of a stored text[] */
extern char **agc_texts_of(Datum array, int *n);

/* the same; NULL: one of them is null */
extern char **agc_try_texts_of(Datum array, int *n);

/* whether a name is one of the list, or begins as one that ends in a star says */
extern bool agc_patterns_cover(char *const *patterns, int n, const char *name);

/* microseconds of a non-negative, finite interval (months count 30 days) */
extern int64 agc_interval_us(const Interval *span, const char *what);

/* false: it is out of range, or negative */
extern bool agc_try_interval_us(const Interval *span, int64 *us);
extern Interval *agc_us_interval(int64 us);

/* nano-USD <-> numeric; 22023 when negative, NaN, infinite or above 9.2e9 USD */
extern int64 agc_numeric_nanousd(Datum numeric, const char *what);
extern Datum agc_nanousd_numeric(int64 nanousd);

/* a span to keep rows for, in us: between a day and 36500 days */
extern int64 agc_arg_keep(FunctionCallInfo fcinfo, int n);

/* Raises 22023: "what" must not be null. */
pg_noreturn extern void agc_refuse_null(const char *what);

/* Raises 22023 for a word that is none of the known ones, or NULL; the hint names those. */
pg_noreturn extern void agc_refuse_word(const char *what, const char *word, const char *hint);

#endif							/* AGENTCORE_CORE_ARGS_H */
