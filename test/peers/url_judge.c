/*
 * url_judge.c
 *	  How libcurl reads URLs: a URL a line in, a line out:
 *	  scheme, host, port, path and query behind tabs, or "-" where it refuses.
 *
 * Schemes that the library was built without are read all the same.  Port 0:
 * none is written and the library knows no standard one.
 */
#include <stdio.h>
#include <string.h>
#include <curl/curl.h>

static const char *
part(CURLU *handle, CURLUPart what, unsigned int flags, const char *otherwise)
{
	static char text[5][65536];
	static int	next = 0;
	char	   *found = NULL;
	char	   *out = text[next++ % 5];

	if (curl_url_get(handle, what, &found, flags) != CURLUE_OK || found == NULL)
		return otherwise;
	snprintf(out, sizeof(text[0]), "%s", found);
	curl_free(found);
	return out;
}

int
main(void)
{
	static char line[65536];

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		CURLU	   *handle = curl_url();

		line[strcspn(line, "\n")] = '\0';
		if (curl_url_set(handle, CURLUPART_URL, line, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
			puts("-");
		else
		{
			const char *scheme = part(handle, CURLUPART_SCHEME, 0, "");
			const char *host = part(handle, CURLUPART_HOST, 0, "");
			const char *port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, "0");
			const char *path = part(handle, CURLUPART_PATH, 0, "");

			printf("%s\t%s\t%s\t%s\t%s\n", scheme, host, port, path, part(handle, CURLUPART_QUERY, 0, ""));
		}
		curl_url_cleanup(handle);
	}
	return 0;
}
