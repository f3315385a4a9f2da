/*
 * call.h
 *	  Public face of src/call: the gate.
 */
#ifndef AGENTCORE_CALL_H
#define AGENTCORE_CALL_H

#include "call/config.h"
#include "call/judging.h"
#include "core/core.h"

/* ----- settings (call.c): agc_x is agentcore.x ----- */
typedef enum AgcMissingShmem
{
	AGC_MISSING_SHMEM_MISS,
	AGC_MISSING_SHMEM_ERROR
} AgcMissingShmem;

extern int	agc_loop_limit;
extern int	agc_missing_shmem;

extern void call_init(void);

#endif							/* AGENTCORE_CALL_H */
