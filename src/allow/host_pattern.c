/*
 * host_pattern.c
 *	  Reading rule patterns into their one canonical form.
 *
 * A rule that silently matches nothing, or more than its author meant, is the
 * commonest defect of allowlists.  So a pattern has one spelling.  A form that
 * has another meaning elsewhere (a star inside a label, an address in octal,
 * host bits in a network) is refused with the form that was probably meant.
 *
 * Memory: the caller's.  Locks: none.  Errors: return values only.
 */
#include "allow/host_pattern.h"

static const char *parse_network(const char *address, int len, const char *bits,
								 char *text, AllowPattern *out, const char **hint);
static const char *parse_name(const char *name, int len,
							  char *text, AllowPattern *out, const char **hint);

static bool
looks_like_ipv6(const char *text)
{
	const char *colon = strchr(text, ':');

	return text[0] == '[' || (colon != NULL && strchr(colon + 1, ':') != NULL);
}

const char *
allow_pattern_parse(const char *pattern, char text[ALLOW_PATTERN_TEXT], AllowPattern *out, const char **hint)
{
	const char *slash = strchr(pattern, '/');
	int			len = slash != NULL ? (int) (slash - pattern) : (int) strlen(pattern);

	memset(out, 0, sizeof(*out));
	out->text = text;
	text[0] = '\0';
	*hint = NULL;
	if (strcmp(pattern, "*") == 0)
	{
		out->kind = ALLOW_PATTERN_ANY;
		strcpy(text, "*");
		return NULL;
	}
	if (len == 0 || len > ALLOW_HOST_MAX + 3)
		return "its host is empty or too long";
	if (strstr(pattern, "://") != NULL)
	{
		*hint = "A pattern is a host or a network; schemes are set with policy_set(), paths with path_prefix.";
		return "it is a URL";
	}
	if (looks_like_ipv6(pattern))
		return parse_network(pattern, len, slash, text, out, hint);
	if (strncmp(pattern, "*.", 2) == 0)
	{
		out->kind = ALLOW_PATTERN_TREE;
		if (slash == NULL)
			return parse_name(pattern + 2, len - 2, text, out, hint);
	}
	else if (slash == NULL)
		return parse_name(pattern, len, text, out, hint);
	else if (pattern[len - 1] >= '0' && pattern[len - 1] <= '9')
		return parse_network(pattern, len, slash, text, out, hint);
	*hint = "Give the path in path_prefix.";
	return "it has a path";
}

void
allow_network_format(const AllowIp *network, int bits, char *text)
{
	char	   *at = text;

	if (network->family == 6)
		*at++ = '[';
	at += allow_ip_format(network, at);
	if (network->family == 6)
		*at++ = ']';
	if (bits < allow_ip_bits(network))
	{
		*at++ = '/';
		if (bits >= 100)
			*at++ = '0' + bits / 100;
		if (bits >= 10)
			*at++ = '0' + bits / 10 % 10;
		*at++ = '0' + bits % 10;
	}
	*at = '\0';
}

/* "bits" points at the slash of the prefix length, or is NULL for one address */
static const char *
parse_network(const char *address, int len, const char *bits,
			  char *text, AllowPattern *out, const char **hint)
{
	AllowIp		masked;

	if (address[0] == '[')
	{
		if (address[len - 1] != ']')
			return "its address is not closed by \"]\"";
		address++;
		len -= 2;
	}
	if (allow_ipv4_parse(address, len, &out->network) != ALLOW_IP_CANONICAL &&
		!allow_ipv6_parse(address, len, &out->network))
	{
		*hint = "Write IPv4 as four decimal numbers, IPv6 as in RFC 5952 without a zone.";
		return "its address is not canonical";
	}
	out->kind = ALLOW_PATTERN_NETWORK;
	out->bits = allow_ip_bits(&out->network);
	if (bits != NULL)
	{
		int			value = 0;
		const char *digit = bits + 1;

		for (; *digit >= '0' && *digit <= '9' && value <= 128; digit++)
			value = value * 10 + *digit - '0';
		if (*digit != '\0' || digit == bits + 1 || value > out->bits || (bits[1] == '0' && bits[2] != '\0'))
			return "its prefix length is out of range";
		out->bits = value;
	}

	masked = out->network;
	allow_ip_mask(&masked, out->bits);
	allow_network_format(&masked, out->bits, text);
	if (!allow_ip_equal(&masked, &out->network))
		return "it has bits beyond its prefix length";

	allow_ip_unmap(&masked);
	if (masked.family != out->network.family && out->bits >= 96)
	{
		*hint = "Addresses of ::ffff:0:0/96 are judged as the IPv4 addresses that they are: write those.";
		return "it can never match";
	}
	return NULL;
}

static const char *
parse_name(const char *name, int len, char *text, AllowPattern *out, const char **hint)
{
	int			prefix = out->kind == ALLOW_PATTERN_TREE ? 2 : 0;
	bool		is_ip;
	AllowUrlError error;

	if (memchr(name, '*', len) != NULL)
	{
		*hint = "A star stands alone or as the whole first label: '*', '*.example.com'.";
		return "it has a star inside";
	}
	if (len > 0 && name[0] == '.')
	{
		*hint = "Write '*.example.com' for a domain with everything under it.";
		return "it begins with a dot";
	}
	if (memchr(name, ':', len) != NULL)
	{
		*hint = "Give the port in ports.";
		return "it has a port";
	}
	error = allow_host_parse(name, len, text + prefix, &out->host_len, &is_ip, &out->network);
	if (error != URL_OK)
	{
		text[0] = '\0';
		if (error == URL_NONCANONICAL_IPV4)
			allow_ip_format(&out->network, text);
		if (error == URL_IDN)
			*hint = "It has no valid ASCII form; try to write that form (xn--...) yourself.";
		return allow_url_error_name(error);
	}
	if (is_ip && prefix > 0)
		return "a star before an address";
	memcpy(text, "*.", prefix);
	text[prefix + out->host_len] = '\0';
	if (is_ip)
	{
		out->kind = ALLOW_PATTERN_NETWORK;
		out->bits = 32;
		return NULL;
	}
	if (prefix == 0)
		out->kind = ALLOW_PATTERN_HOST;
	allow_pattern_move(out, text);
	return NULL;
}

void
allow_pattern_move(AllowPattern *pattern, const char *text)
{
	pattern->text = text;
	if (pattern->kind == ALLOW_PATTERN_HOST || pattern->kind == ALLOW_PATTERN_TREE)
		pattern->host = text + (pattern->kind == ALLOW_PATTERN_TREE ? 2 : 0);
}

bool
allow_pattern_covers_host(const AllowPattern *pattern, const char *host, int len)
{
	int			before = len - pattern->host_len;

	if (pattern->kind == ALLOW_PATTERN_SINGLE_LABEL)
		return memchr(host, '.', len) == NULL;
	if (before < 0 || memcmp(host + before, pattern->host, pattern->host_len) != 0)
		return false;
	return before == 0 || (pattern->kind == ALLOW_PATTERN_TREE && host[before - 1] == '.');
}

bool
allow_pattern_within(const AllowPattern *inner, const AllowPattern *outer)
{
	if (inner->kind == ALLOW_PATTERN_NETWORK)
		return outer->kind == ALLOW_PATTERN_NETWORK && inner->bits >= outer->bits &&
			allow_ip_in(&inner->network, &outer->network, outer->bits);
	if (inner->kind == ALLOW_PATTERN_ANY || outer->kind == ALLOW_PATTERN_ANY || outer->kind == ALLOW_PATTERN_NETWORK)
		return false;
	/* a tree counts as within a single host of its own name: the author of the rule has named that host */
	return allow_pattern_covers_host(outer, inner->host, inner->host_len);
}
