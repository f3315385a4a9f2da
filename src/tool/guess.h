/*
 * guess.h
 *	  Which arguments of a tool are URLs although its schema does not say so.
 */
#ifndef AGENTCORE_TOOL_GUESS_H
#define AGENTCORE_TOOL_GUESS_H

#include "tool/tool.h"

/* pure; for the tool's whole schema, whatever its url_args and url_skip */
extern UrlGuesses *tool_guess_urls(const SchemaProgram *program);

#endif							/* AGENTCORE_TOOL_GUESS_H */
