/*
 * llm.h
 *	  A model call's request as the arguments of a call.
 */
#ifndef AGENTCORE_CALL_LLM_H
#define AGENTCORE_CALL_LLM_H

#include "core/core.h"

/* What makes one request under a key another one; service_tier and fees may be NULL. */
extern Jsonb *llm_request_args(int64 input_tokens, int64 max_output_tokens, const char *service_tier, Jsonb *fees);
extern void llm_request_tokens(Jsonb *args, int64 *input_tokens, int64 *max_output_tokens);

#endif							/* AGENTCORE_CALL_LLM_H */
