/*
 * embedded.h
 *	  Addresses that a host name spells out, as wildcard DNS services read them.
 *	  Pure C on c.h.
 */
#ifndef AGENTCORE_ALLOW_EMBEDDED_H
#define AGENTCORE_ALLOW_EMBEDDED_H

#include "allow/ip.h"

/*
 * The addresses in a canonical host name, at most max of them.  0: it spells
 * none; -1: more than fit.
 */
extern int	allow_host_addresses(const char *host, int len, AllowIp *out, int max);

#endif							/* AGENTCORE_ALLOW_EMBEDDED_H */
