/*
 * compat.h
 *	  The only file that knows PostgreSQL's version: every difference between
 *	  the supported majors (15 to 18) is hidden behind a name in here.
 *
 * Each guard says which major changed what: the header, macro or function, and
 * PostgreSQL's commit where it is known.
 */
#ifndef AGENTCORE_COMPAT_H
#define AGENTCORE_COMPAT_H

#include "postgres.h"

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "agentcore requires PostgreSQL 15 or later"
#endif

/* For files that only the major version that wrote them may read. */
static inline uint32
agc_pg_major(void)
{
	return PG_VERSION_NUM / 10000;
}

/* 16: varatt.h was split off from postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * PostgreSQL loads libraries with global symbols, so two extensions that both
 * have, say, policy_find() would call each other's.  The library is compiled
 * with hidden visibility and exports only what PostgreSQL looks up.  16:
 * PG_MODULE_MAGIC and PG_FUNCTION_INFO_V1 export by themselves (PGDLLEXPORT).
 */
#define AGC_EXPORT_BEGIN _Pragma("GCC visibility push(default)")
#define AGC_EXPORT_END	 _Pragma("GCC visibility pop")

/* 18: PG_MODULE_MAGIC_EXT states a module's name and version (commit 9324c8c580). */
#if PG_VERSION_NUM >= 180000
#define AGC_MODULE_MAGIC(name_, version_) \
	PG_MODULE_MAGIC_EXT(.name = (name_), .version = (version_))
#else
#define AGC_MODULE_MAGIC(name_, version_) PG_MODULE_MAGIC
#endif

/* 18: pg_noreturn, before the declaration, replaces pg_attribute_noreturn() behind it. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* 16: the actions of JsonSemAction return a JsonParseErrorType instead of void. */
#if PG_VERSION_NUM >= 160000
#define AGC_JSON_ACTIONS_RETURN 1
#endif

/* 17: makeJsonLexContextCstringLen() takes the lexer to fill, or NULL (commit 1c99cde2f3). */
#if PG_VERSION_NUM >= 170000
#define agc_make_json_lex(text, len) \
	makeJsonLexContextCstringLen(NULL, (text), (len), GetDatabaseEncoding(), true)
#else
#define agc_make_json_lex(text, len) \
	makeJsonLexContextCstringLen((char *) (text), (len), GetDatabaseEncoding(), true)
#endif

/* 16: object_aclcheck() replaces pg_proc_aclcheck() and its siblings (commit c727f511bd). */
#if PG_VERSION_NUM >= 160000
#define agc_function_aclcheck(function, role, mode) object_aclcheck(ProcedureRelationId, (function), (role), (mode))
#else
#define agc_function_aclcheck(function, role, mode) pg_proc_aclcheck((function), (role), (mode))
#endif

/* 17: WaitEventExtensionNew() gives an extension's waits names of their own. */
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
#define agc_wait_event(name) WaitEventExtensionNew(name)
#else
#define agc_wait_event(name) PG_WAIT_EXTENSION
#endif

/*
 * 16: table_tuple_update() says by TU_UpdateIndexes whether only summarizing
 * indexes (BRIN) need a new entry (commit 19d8e2308b).
 */
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

/* 18: TupleConstr.has_generated_virtual, for generated columns that are not stored. */
#if PG_VERSION_NUM >= 180000
#define agc_has_generated(constr) ((constr)->has_generated_stored || (constr)->has_generated_virtual)
#else
#define agc_has_generated(constr) ((constr)->has_generated_stored)
#endif

/* A small number that no other process has at the same time.  17: MyProcNumber replaces PGPROC.pgprocno. */
#include "storage/proc.h"
#if PG_VERSION_NUM >= 170000
#define agc_proc_number() MyProcNumber
#else
#define agc_proc_number() (MyProc->pgprocno)
#endif

/* 16: the locks of a process hang in lists of lib/ilist.h instead of shared memory queues.  Next of NULL is the first. */
#include "storage/lock.h"
#if PG_VERSION_NUM >= 160000
#define AgcProcLocks dlist_head
#define agc_proc_locks_empty(list) dlist_is_empty(list)
#define agc_proc_locks_next(list, lock) \
	((lock) == NULL ? dlist_head_element(PROCLOCK, procLink, (list)) : \
	 dlist_has_next((list), &(lock)->procLink) ? \
	 dlist_container(PROCLOCK, procLink, dlist_next_node((list), &(lock)->procLink)) : NULL)
#else
#define AgcProcLocks SHM_QUEUE
#define agc_proc_locks_empty(list) ((list)->next == (list))
#define agc_proc_locks_next(list, lock) \
	((PROCLOCK *) SHMQueueNext((list), (lock) == NULL ? (list) : &(lock)->procLink, offsetof(PROCLOCK, procLink)))
#endif

/* 18: LockAcquireExtended() may log a failure. */
#if PG_VERSION_NUM >= 180000
#define agc_lock_acquire(tag, mode, session, dont_wait, local) \
	LockAcquireExtended((tag), (mode), (session), (dont_wait), true, (local), false)
#else
#define agc_lock_acquire(tag, mode, session, dont_wait, local) \
	LockAcquireExtended((tag), (mode), (session), (dont_wait), true, (local))
#endif

/* 16: instr_time counts nanoseconds, and a macro reads them. */
#include "portability/instr_time.h"
#ifndef INSTR_TIME_GET_NANOSEC
#define INSTR_TIME_GET_NANOSEC(t) ((int64) (t).tv_sec * INT64CONST(1000000000) + (int64) (t).tv_nsec)
#endif

/* 17: index_insert_cleanup(), since an index may keep things open between inserts. */
#if PG_VERSION_NUM >= 170000
#define agc_index_insert_cleanup(index, info) index_insert_cleanup((index), (info))
#else
#define agc_index_insert_cleanup(index, info) ((void) 0)
#endif

#endif							/* AGENTCORE_COMPAT_H */
