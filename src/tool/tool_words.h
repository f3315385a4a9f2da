/*
 * tool_words.h
 *	  The members of a tool that policies, tasks and the log go by.
 */
#ifndef AGENTCORE_TOOL_TOOL_WORDS_H
#define AGENTCORE_TOOL_TOOL_WORDS_H

#include "tool/tool.h"

#define TOOL_MAX_WORDS	16		/* traits of one tool, and taints */

/* text[] of names, each once; 22023 */
extern void tool_check_words(FunctionCallInfo fcinfo, int arg, const char *what);
/* the elements of a text[]; 22023 where one is null */
extern char **tool_texts(Datum array, int *n, const char *what);

/* NULL, or a word of tool_set's "record"; 22023 */
extern void tool_check_record(const char *word);

extern void tool_read_words(ToolDef *tool, HeapTuple tuple, TupleDesc desc);

#endif							/* AGENTCORE_TOOL_TOOL_WORDS_H */
