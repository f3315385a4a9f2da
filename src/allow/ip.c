/*
 * ip.c
 *	  Reading, writing and unwrapping IP addresses.
 *
 * PostgreSQL's inet input is not used for host text: it reads 0177.0.0.1 as
 * 177.0.0.1, where the C library and browsers reach 127.0.0.1.
 *
 * Memory: the caller's.  Locks: none.  Errors: return values only.
 */
#include "allow/ip.h"

#include "allow/url_bytes.h"

static bool ipv4_part(const char *text, int len, uint64 *value, bool *plain);
static void set_ipv4(AllowIp *out, uint8 a, uint8 b, uint8 c, uint8 d);

/*
 * One part between dots: decimal, 0octal or 0xhex.  A value above 32 bits is
 * clamped to 2^32, not wrapped.  *plain: decimal without a leading 0.
 */
static bool
ipv4_part(const char *text, int len, uint64 *value, bool *plain)
{
	int			base = 10;
	int			i = 0;

	*value = 0;
	*plain = true;
	if (len == 0)
		return false;
	if (len >= 2 && text[0] == '0')
	{
		*plain = false;
		base = (text[1] == 'x' || text[1] == 'X') ? 16 : 8;
		i = base == 16 ? 2 : 1;
	}
	for (; i < len; i++)
	{
		int			digit = hex_digit(text[i]);

		if (digit < 0 || digit >= base)
			return false;
		*value = *value * base + digit;
		if (*value > PG_UINT32_MAX)
			*value = (uint64) PG_UINT32_MAX + 1;
	}
	return true;
}

/* Whether the last label is a number: then the host is an address or invalid, never a name. */
static bool
ends_in_number(const char *text, int len)
{
	int			start = len;
	bool		digits = true;
	uint64		value;
	bool		plain;

	while (start > 0 && text[start - 1] != '.')
		start--;
	for (int i = start; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			digits = false;
	return start < len && (digits || ipv4_part(text + start, len - start, &value, &plain));
}

AllowIpParse
allow_ipv4_parse(const char *text, int len, AllowIp *out)
{
	uint64		parts[4];
	int			nparts = 0;
	bool		canonical = true;
	uint64		address;
	int			at = 0;

	if (!ends_in_number(text, len))
		return ALLOW_IP_NONE;
	while (at <= len)
	{
		int			end = at;
		bool		plain;

		while (end < len && text[end] != '.')
			end++;
		if (nparts == 4 || !ipv4_part(text + at, end - at, &parts[nparts], &plain))
			return ALLOW_IP_INVALID;
		canonical = canonical && plain;
		nparts++;
		at = end + 1;
	}

	/* the last part fills the remaining bytes */
	address = parts[nparts - 1];
	if (address >= UINT64CONST(1) << (8 * (5 - nparts)))
		return ALLOW_IP_INVALID;
	for (int i = 0; i < nparts - 1; i++)
	{
		if (parts[i] > 255)
			return ALLOW_IP_INVALID;
		address |= parts[i] << (8 * (3 - i));
	}
	set_ipv4(out, address >> 24, address >> 16, address >> 8, address);
	return canonical && nparts == 4 ? ALLOW_IP_CANONICAL : ALLOW_IP_NONCANONICAL;
}

static void
set_ipv4(AllowIp *out, uint8 a, uint8 b, uint8 c, uint8 d)
{
	memset(out, 0, sizeof(*out));
	out->family = 4;
	out->addr[0] = a;
	out->addr[1] = b;
	out->addr[2] = c;
	out->addr[3] = d;
}

/* The dotted tail of an IPv6 address fills exactly four bytes. */
static bool
ipv6_dotted_tail(const char *text, int len, uint8 *out)
{
	AllowIp		v4;

	if (allow_ipv4_parse(text, len, &v4) != ALLOW_IP_CANONICAL)
		return false;
	memcpy(out, v4.addr, 4);
	return true;
}

bool
allow_ipv6_parse(const char *text, int len, AllowIp *out)
{
	uint8		bytes[16] = {0};
	int			filled = 0;		/* bytes written */
	int			gap = -1;		/* where :: stood */
	int			at = 0;

	if (len >= 2 && text[0] == ':' && text[1] == ':')
	{
		gap = 0;
		at = 2;
	}
	while (at < len)
	{
		int			start = at;
		unsigned int value = 0;

		while (at < len && at - start < 4 && hex_digit(text[at]) >= 0)
			value = value * 16 + hex_digit(text[at++]);
		if (at < len && text[at] == '.')
		{
			if (filled > 12 || !ipv6_dotted_tail(text + start, len - start, bytes + filled))
				return false;
			filled += 4;
			at = len;
			break;
		}
		if (at == start || filled > 14)
			return false;
		bytes[filled++] = value >> 8;
		bytes[filled++] = value & 0xff;
		if (at == len)
			break;
		if (text[at++] != ':' || at == len)
			return false;
		if (text[at] == ':')
		{
			if (gap >= 0)
				return false;
			gap = filled;
			at++;
		}
	}
	if (gap < 0 ? filled != 16 : filled > 14)
		return false;

	memset(out, 0, sizeof(*out));
	out->family = 6;
	if (gap < 0)
		gap = filled;
	memcpy(out->addr, bytes, gap);
	memcpy(out->addr + 16 - (filled - gap), bytes + gap, filled - gap);
	return true;
}

static char *
put_decimal(char *out, unsigned int value)
{
	if (value >= 100)
		*out++ = '0' + value / 100;
	if (value >= 10)
		*out++ = '0' + value / 10 % 10;
	*out++ = '0' + value % 10;
	return out;
}

static char *
put_hex(char *out, unsigned int value)
{
	bool		started = false;

	for (int shift = 12; shift >= 0; shift -= 4)
	{
		int			digit = (value >> shift) & 15;

		if (digit != 0 || started || shift == 0)
		{
			*out++ = "0123456789abcdef"[digit];
			started = true;
		}
	}
	return out;
}

int
allow_ip_format(const AllowIp *ip, char *out)
{
	char	   *at = out;
	int			best = -1;
	int			best_len = 1;	/* a single zero group is not shortened */

	if (ip->family == 4)
	{
		for (int i = 0; i < 4; i++)
		{
			if (i > 0)
				*at++ = '.';
			at = put_decimal(at, ip->addr[i]);
		}
		*at = '\0';
		return at - out;
	}
	for (int i = 0; i < 8; i++)
	{
		int			end = i;

		while (end < 8 && ip->addr[2 * end] == 0 && ip->addr[2 * end + 1] == 0)
			end++;
		if (end - i > best_len)
		{
			best = i;
			best_len = end - i;
		}
	}
	for (int i = 0; i < 8; i++)
	{
		if (i == best)
		{
			*at++ = ':';
			*at++ = ':';
			i += best_len - 1;
			continue;
		}
		if (i > 0 && at[-1] != ':')
			*at++ = ':';
		at = put_hex(at, ip->addr[2 * i] << 8 | ip->addr[2 * i + 1]);
	}
	*at = '\0';
	return at - out;
}

void
allow_ip_unmap(AllowIp *ip)
{
	static const uint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (ip->family == 6 && memcmp(ip->addr, mapped, 12) == 0)
	{
		const uint8 *a = ip->addr + 12;

		set_ipv4(ip, a[0], a[1], a[2], a[3]);
	}
}

/*
 * RFC 6052 places the address around byte 8; where exactly depends on the length
 * of the translator's prefix, which only its operator knows.  So under the
 * local-use prefix every layout is judged, except that the common /96 layout is
 * judged alone if the bytes before it are zero.
 */
static int
embedded_local_nat64(const uint8 *a, AllowIp *out)
{
	static const uint8 zero[6] = {0};

	set_ipv4(&out[0], a[12], a[13], a[14], a[15]);
	if (memcmp(a + 6, zero, 6) == 0)
		return 1;
	set_ipv4(&out[1], a[6], a[7], a[9], a[10]);
	set_ipv4(&out[2], a[7], a[9], a[10], a[11]);
	set_ipv4(&out[3], a[9], a[10], a[11], a[12]);
	return 4;
}

int
allow_ip_embedded(const AllowIp *ip, AllowIp out[ALLOW_IP_EMBEDDED])
{
	static const uint8 compatible[12] = {0};
	static const uint8 translated[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0};
	static const uint8 nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8 nat64_local[6] = {0, 0x64, 0xff, 0x9b, 0, 1};
	static const uint8 teredo[4] = {0x20, 0x01, 0, 0};
	const uint8 *a = ip->addr;

	if (ip->family != 6)
		return 0;
	if (memcmp(a, nat64_local, 6) == 0)
		return embedded_local_nat64(a, out);
	if (a[0] == 0x20 && a[1] == 0x02)	/* 6to4 */
	{
		set_ipv4(&out[0], a[2], a[3], a[4], a[5]);
		return 1;
	}
	if (memcmp(a, teredo, 4) == 0)
	{
		set_ipv4(&out[0], ~a[12], ~a[13], ~a[14], ~a[15]);	/* the client */
		set_ipv4(&out[1], a[4], a[5], a[6], a[7]);	/* its server */
		return 2;
	}
	if (memcmp(a, compatible, 12) == 0)
	{
		/* :: and ::1 are addresses of their own */
		if (a[12] == 0 && a[13] == 0 && a[14] == 0 && a[15] <= 1)
			return 0;
	}
	else if (memcmp(a, translated, 12) != 0 && memcmp(a, nat64, 12) != 0)
		return 0;
	set_ipv4(&out[0], a[12], a[13], a[14], a[15]);
	return 1;
}

int
allow_ip_bits(const AllowIp *ip)
{
	return ip->family == 4 ? 32 : 128;
}

void
allow_ip_mask(AllowIp *ip, int bits)
{
	if (bits % 8 != 0)
		ip->addr[bits / 8] &= 0xff << (8 - bits % 8);
	for (int i = (bits + 7) / 8; i < 16; i++)
		ip->addr[i] = 0;
}

bool
allow_ip_equal(const AllowIp *a, const AllowIp *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, 16) == 0;
}

bool
allow_ip_in(const AllowIp *ip, const AllowIp *network, int bits)
{
	AllowIp		masked = *ip;

	allow_ip_mask(&masked, bits);
	return allow_ip_equal(&masked, network);
}
