/*
 * embedded.c
 *	  Fuzzes the addresses that a host name spells: no more are written than fit,
 *	  each is an address, and one that is written in the name is found.
 */
#include "allow/embedded.c"
#include "allow/ip.c"

#define ROOM 4

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static bool
found(const AllowIp *out, int count, const AllowIp *wanted)
{
	for (int i = 0; i < count; i++)
		if (allow_ip_equal(&out[i], wanted))
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	AllowIp		out[ROOM + 1];
	char		host[64];
	AllowIp		ip = {0};
	int			count;
	int			len;

	memset(out, 0x7f, sizeof(out));
	count = allow_host_addresses((const char *) data, size, out, ROOM);
	if (count < -1 || count > ROOM || out[ROOM].family != 0x7f)
		abort();
	for (int i = 0; i < count; i++)
		if (out[i].family != 4 && out[i].family != 6)
			abort();
	if (size < 5)
		return 0;
	ip.family = 4;
	memcpy(ip.addr, data, 4);
	if (data[4] & 1)
		len = snprintf(host, sizeof(host), "a%c%d%c%d-%d.%d.nip.io", data[4] & 2 ? '.' : '-', data[0], data[4] & 4 ? '.' : '-', data[1], data[2], data[3]);
	else
		len = snprintf(host, sizeof(host), "a%c%02x%02x%02x%02x.nip.io", data[4] & 2 ? '.' : '-', data[0], data[1], data[2], data[3]);
	count = allow_host_addresses(host, len, out, ROOM);
	if (count < 1 || !found(out, count, &ip))
		abort();
	return 0;
}
