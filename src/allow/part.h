/*
 * part.h
 *	  Readers for what is less than a URL.  Pure C on c.h: no memory of their
 *	  own, no errors raised.  Buffers as for allow_url_parse().
 */
#ifndef AGENTCORE_ALLOW_PART_H
#define AGENTCORE_ALLOW_PART_H

#include "allow/url.h"

/*
 * A URI template (RFC 6570) is read by the text before its first expression;
 * the url in *out ends with the rest of the template, as it was written.  The
 * path is ambiguous if an expression is part of it.
 */
extern AllowUrlError allow_template_parse(const char *text, Size len, char *buffer, AllowUrl *out);

/*
 * A host name or an address (IPv6 with or without brackets) as a URL that has
 * nothing else: port 0, path "/".
 */
extern AllowUrlError allow_place_parse(const char *text, Size len, char *buffer, AllowUrl *out);

#endif							/* AGENTCORE_ALLOW_PART_H */
