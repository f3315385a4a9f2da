/*
 * compat.h
 *	  The only file that knows PostgreSQL's version: every difference between
 *	  the supported majors (15 to 18) is hidden behind a name in here.
 */
#ifndef AGENTCORE_COMPAT_H
#define AGENTCORE_COMPAT_H

#include "postgres.h"

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "agentcore requires PostgreSQL 15 or later"
#endif

/* What was written by another major version is not read. */
static inline uint32
agc_pg_major(void)
{
	return PG_VERSION_NUM / 10000;
}

/* 16 moved the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * PostgreSQL loads libraries with global symbols, so two extensions that both
 * have, say, policy_find() would call each other's.  The library is compiled
 * with hidden visibility and exports only what PostgreSQL looks up; 16 marks
 * that by itself, 15 does not.
 */
#define AGC_EXPORT_BEGIN _Pragma("GCC visibility push(default)")
#define AGC_EXPORT_END	 _Pragma("GCC visibility pop")

/* 18 lets a module state its name and version (pg_get_loaded_modules()). */
#if PG_VERSION_NUM >= 180000
#define AGC_MODULE_MAGIC(name_, version_) \
	PG_MODULE_MAGIC_EXT(.name = (name_), .version = (version_))
#else
#define AGC_MODULE_MAGIC(name_, version_) PG_MODULE_MAGIC
#endif

/* 18 has it before the declaration, under this name. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* 16 lets the actions of the JSON parser report an error; 17 makes lexers otherwise. */
#if PG_VERSION_NUM >= 160000
#define AGC_JSON_ACTIONS_RETURN 1
#endif

#if PG_VERSION_NUM >= 170000
#define agc_make_json_lex(text, len) \
	makeJsonLexContextCstringLen(NULL, (text), (len), GetDatabaseEncoding(), true)
#else
#define agc_make_json_lex(text, len) \
	makeJsonLexContextCstringLen((char *) (text), (len), GetDatabaseEncoding(), true)
#endif

/* 17 gives an extension's waits names of their own. */
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
#define agc_wait_event(name) WaitEventExtensionNew(name)
#else
#define agc_wait_event(name) PG_WAIT_EXTENSION
#endif

/* 16 tells an update that only summarizing indexes (BRIN) need to hear of. */
#if PG_VERSION_NUM >= 160000
#define AgcUpdateIndexes			TU_UpdateIndexes
#define AGC_UPDATE_NO_INDEX			TU_None
#define AGC_UPDATE_ALL_INDEXES		TU_All
#define agc_index_changes(info, which) ((which) == TU_All || (info)->ii_Summarizing)
#else
#define AgcUpdateIndexes			bool
#define AGC_UPDATE_NO_INDEX			false
#define AGC_UPDATE_ALL_INDEXES		true
#define agc_index_changes(info, which) ((which) == AGC_UPDATE_ALL_INDEXES)
#endif

/* 18 has generated columns that are not stored. */
#if PG_VERSION_NUM >= 180000
#define agc_has_generated(constr) ((constr)->has_generated_stored || (constr)->has_generated_virtual)
#else
#define agc_has_generated(constr) ((constr)->has_generated_stored)
#endif

/* A small number of this process, of no other at the same time; 17 has it at hand. */
#include "storage/proc.h"
#if PG_VERSION_NUM >= 170000
#define agc_proc_number() MyProcNumber
#else
#define agc_proc_number() (MyProc->pgprocno)
#endif

/* 17 lets an index keep things open between inserts. */
#if PG_VERSION_NUM >= 170000
#define agc_index_insert_cleanup(index, info) index_insert_cleanup((index), (info))
#else
#define agc_index_insert_cleanup(index, info) ((void) 0)
#endif

#endif							/* AGENTCORE_COMPAT_H */
