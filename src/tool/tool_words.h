/*
 * tool_words.h
 *	  The members of a tool that policies and tasks go by.
 */
#ifndef AGENTCORE_TOOL_TOOL_WORDS_H
#define AGENTCORE_TOOL_TOOL_WORDS_H

#include "tool/tool.h"

#define TOOL_MAX_WORDS	16		/* traits of one tool, and taints */

/* text[] of names, each once; 22023 */
extern void tool_check_words(FunctionCallInfo fcinfo, int arg, const char *what);
extern void tool_read_words(ToolDef *tool, HeapTuple tuple, TupleDesc desc);

#endif							/* AGENTCORE_TOOL_TOOL_WORDS_H */
