/*
 * host_pattern.h
 *	  The pattern of a rule: host, domain tree, network, any.  Pure C on c.h.
 */
#ifndef AGENTCORE_ALLOW_HOST_PATTERN_H
#define AGENTCORE_ALLOW_HOST_PATTERN_H

#include "allow/url.h"

typedef enum AllowPatternKind
{
	ALLOW_PATTERN_ANY,			/* '*' */
	ALLOW_PATTERN_HOST,			/* this name */
	ALLOW_PATTERN_TREE,			/* '*.name': this name and everything under it */
	ALLOW_PATTERN_NETWORK,		/* CIDR or a single address */
	ALLOW_PATTERN_SINGLE_LABEL	/* built in: any name without a dot */
} AllowPatternKind;

/* longest canonical pattern: "*." and a host, or "[v6]/128", with NUL */
#define ALLOW_PATTERN_TEXT	(ALLOW_HOST_MAX + 3)

typedef struct AllowPattern
{
	AllowPatternKind kind;
	int			host_len;
	const char *host;			/* HOST and TREE: within text, without "*." */
	const char *text;			/* canonical form, in the caller's buffer */
	AllowIp		network;		/* NETWORK, masked */
	int			bits;
} AllowPattern;

/*
 * NULL if the pattern could be read.  Else the result says what is wrong, *hint
 * (which may stay NULL) how to write it, and text, if it is not empty, is the
 * form that was probably meant.
 */
extern const char *allow_pattern_parse(const char *pattern, char text[ALLOW_PATTERN_TEXT],
									   AllowPattern *out, const char **hint);

/* the canonical pattern of a network without bits beyond its prefix length */
extern void allow_network_format(const AllowIp *network, int bits, char *text);

/* Points text and host into another copy of the canonical text. */
extern void allow_pattern_move(AllowPattern *pattern, const char *text);

/* whether everything that "inner" covers is covered by "outer" */
extern bool allow_pattern_within(const AllowPattern *inner, const AllowPattern *outer);

/* whether host (canonical, no address) is covered by a HOST or TREE pattern */
extern bool allow_pattern_covers_host(const AllowPattern *pattern, const char *host, int len);

#endif							/* AGENTCORE_ALLOW_HOST_PATTERN_H */
