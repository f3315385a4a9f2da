/*
 * host_idn.h
 *	  Internationalised host names.  A build without ICU refuses every name that
 *	  needs it.
 */
#ifndef AGENTCORE_ALLOW_HOST_IDN_H
#define AGENTCORE_ALLOW_HOST_IDN_H

#include "c.h"

/*
 * The ASCII form of a host by UTS-46, non-transitional; false if there is none
 * or it does not fit.  The caller still checks the result like any other host.
 */
extern bool allow_idn_to_ascii(const char *host, int len, char *out, int size, int *outlen);

/* whether an ASCII host with an xn-- label comes out again when it is decoded and encoded */
extern bool allow_idn_valid(const char *host, int len);

#endif							/* AGENTCORE_ALLOW_HOST_IDN_H */
