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
 * Are the labels of a host name, in UTF-8 or encoded ("xn--"), what may be
 * registered?  composed: they must be in normal form C already, as a name that
 * is looked up; otherwise what normalises to such a name will do, too.
 * Without ICU at build time everything is: nobody can tell.
 */
extern bool idna_valid(const char *host, size_t len, bool composed);

#endif							/* AGENTCORE_TEXT_IDNA_H */
