/*
 * url.c
 *	  Fuzzes the reading of URLs: what is accepted has a canonical form that is
 *	  its own canonical form, with the same host, and holds nothing on which
 *	  other parsers would disagree.
 *
 * LINK: -licuuc -licudata
 */
#if __has_include(<unicode/uidna.h>)
#define AGENTCORE_ICU
#endif

#include "allow/url.c"
#include "allow/path.c"
#include "allow/ip.c"
#include "allow/host_idn.c"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	static char first[ALLOW_URL_BUFFER(4096)];
	static char second[ALLOW_URL_BUFFER(sizeof(first))];
	AllowUrl	url;
	AllowUrl	again;

	if (size > 4096 || allow_url_parse((const char *) data, size, first, &url) != URL_OK)
		return 0;
	for (const char *c = url.url; c < url.url + url.len; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '\\' || (*c == '@' && c < url.path))
			abort();
	if (allow_url_parse(url.url, url.len, second, &again) != URL_OK ||
		again.len != url.len || memcmp(again.url, url.url, url.len) != 0 ||
		again.host_len != url.host_len || again.port != url.port)
		abort();
	return 0;
}
