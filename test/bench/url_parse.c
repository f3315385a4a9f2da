/*
 * url_parse.c
 *	  How long reading one URL takes, without PostgreSQL: the URLs of standard
 *	  input, a line each, for about half a second; prints nanoseconds a URL.
 */
#include "allow/url.c"
#include "allow/path.c"
#include "allow/ip.c"
#include "allow/host_idn.c"

#include <time.h>

/* the C library's: nothing of PostgreSQL is linked */
#undef printf

#define MAX_URLS 10000

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int
main(void)
{
	static char lines[MAX_URLS][1024];
	static Size lengths[MAX_URLS];
	static char buffer[ALLOW_URL_BUFFER(1024)];
	int			count = 0;
	long		parsed = 0;
	long		good = 0;
	double		start;

	while (count < MAX_URLS && fgets(lines[count], sizeof(lines[0]), stdin) != NULL)
	{
		lengths[count] = strcspn(lines[count], "\n");
		count++;
	}
	if (count == 0)
		return 1;
	start = seconds();
	do
	{
		for (int i = 0; i < count; i++)
		{
			AllowUrl	url;

			good += allow_url_parse(lines[i], lengths[i], buffer, &url) == URL_OK;
		}
		parsed += count;
	} while (seconds() - start < 0.5);
	printf("%.1f %.3f\n", (seconds() - start) * 1e9 / parsed, (double) good / parsed);
	return 0;
}
