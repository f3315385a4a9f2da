/*
 * call_once.h
 *	  Calls that do not run again for a time, whatever their key.
 */
#ifndef AGENTCORE_CALL_CALL_ONCE_H
#define AGENTCORE_CALL_CALL_ONCE_H

#include "call/gate.h"

/* the stage: what became of the same call before */
extern void judge_once(Gate *gate);

/* nobody else begins the same call to the end of the transaction; false: it was answered */
extern bool once_take(Gate *gate);

/* the call runs */
extern void once_begun(Gate *gate);

/* whether the caller may say what became of anybody's call, since it must not run twice */
extern bool once_is_witness(const char *tenant, const pg_uuid_t *call_id);

/* 42501 unless the caller may say what became of a call that must not run twice */
extern void once_check_resolver(const char *tenant, const PermitRow *permit);

#endif							/* AGENTCORE_CALL_CALL_ONCE_H */
