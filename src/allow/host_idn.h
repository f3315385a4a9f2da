/*
 * host_idn.h
 *	  Internationalised host names.  Without ICU at build time every name that
 *	  needs it is refused.
 */
#ifndef AGENTCORE_ALLOW_HOST_IDN_H
#define AGENTCORE_ALLOW_HOST_IDN_H

#include "c.h"

/*
 * The ASCII form of a host by UTS-46, non-transitional; false if it has none
 * or it does not fit.  What comes out is still to be checked as any other host.
 */
extern bool allow_idn_to_ascii(const char *host, int len, char *out, int size, int *outlen);

/* whether an ASCII host with an xn-- label is what its own decoding encodes to */
extern bool allow_idn_valid(const char *host, int len);

#endif							/* AGENTCORE_ALLOW_HOST_IDN_H */
