/*
 * flush_delay.c
 *	  A disk whose flush takes a known time, for LD_PRELOAD under a server.
 *
 * fdatasync(), with which the server flushes WAL, sleeps instead of flushing;
 * fsync() returns at once.  How long, in microseconds, is an int64 at the
 * start of the file that FLUSH_DELAY_FILE names: it is mapped, so a benchmark
 * changes it while the server runs.  Without the file, no delay.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *delay = NULL;

__attribute__((constructor))
static void
map_delay(void)
{
	const char *path = getenv("FLUSH_DELAY_FILE");
	int			file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void	   *map;

	if (file < 0)
		return;
	map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
	close(file);
	if (map != MAP_FAILED)
		delay = map;
	/* else the kernel adds 50 us to every sleep; children inherit it */
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

int
fdatasync(int file)
{
	int64_t		us = delay == NULL ? 0 : *delay;
	struct timespec left = {us / 1000000, us % 1000000 * 1000};

	(void) file;
	while (us > 0 && nanosleep(&left, &left) != 0)
		;
	return 0;
}

int
fsync(int file)
{
	(void) file;
	return 0;
}
