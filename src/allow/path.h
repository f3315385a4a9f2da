/*
 * path.h
 *	  What a path may mean to a server.  Pure C on c.h: no memory of its own, no
 *	  errors raised.
 */
#ifndef AGENTCORE_ALLOW_PATH_H
#define AGENTCORE_ALLOW_PATH_H

#include "c.h"

/* whether servers disagree on which resource a canonical path names */
extern bool allow_path_ambiguous(const char *path, int len);

/* "prefix" on a segment boundary of "path", both canonical, compared decoded */
extern bool allow_path_covers(const char *prefix, int prefix_len, const char *path, int path_len);

/*
 * The same as the most lenient server would have it: without parameters,
 * trailing dots and spaces, in any case.
 */
extern bool allow_path_may_cover(const char *prefix, int prefix_len, const char *path, int path_len);

#endif							/* AGENTCORE_ALLOW_PATH_H */
