// SPDX-License-Identifier: BSD-2-Clause
/*
 * For LD_PRELOAD: the wall clock of one program, off by as many seconds as the eight bytes of
 * the file CLOCK_OFFSET say at that moment.  The machine's clock is nobody's to set, and a time
 * namespace has none of its own.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*kernel_clock)(clockid_t, struct timespec *);
static const volatile int64_t *offset;

/* Before main(): a sandbox may forbid files later. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CLOCK_OFFSET");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;

	kernel_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	if (fd >= 0) {
		p = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (!kernel_clock || p == MAP_FAILED)
		abort();
	offset = p;
}

int clock_gettime(clockid_t which, struct timespec *out)
{
	int err = kernel_clock(which, out);

	if (!err && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		out->tv_sec += *offset;
	return err;
}

time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	*out = (struct timeval){ .tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000 };
	return 0;
}
