/*
 * idna.h
 *	  Internationalised host names as IDNA 2008 has them (RFC 5890 to 5893).
 *
 * Plain C without PostgreSQL, so that it can be fuzzed by itself.
 */
#ifndef AGENTCORE_TEXT_IDNA_H
#define AGENTCORE_TEXT_IDNA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the labels of a host name, in UTF-8 or encoded ("xn--"), may be
 * registered.  composed: the name must already be in normal form C, as for a
 * lookup; otherwise it is normalised first.  Without ICU at build time every
 * name is valid.
 */
extern bool idna_valid(const char *host, size_t len, bool composed);

#endif							/* AGENTCORE_TEXT_IDNA_H */
