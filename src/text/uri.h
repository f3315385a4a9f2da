/*
 * uri.h
 *	  Resolving the references of a schema (RFC 3986 section 5).
 */
#ifndef AGENTCORE_TEXT_URI_H
#define AGENTCORE_TEXT_URI_H

/* absolute form of a reference, palloc'd */
extern char *uri_resolve(const char *base, const char *ref);

/* %XX to bytes, in place */
extern void uri_percent_decode(char *s);

#endif							/* AGENTCORE_TEXT_URI_H */
