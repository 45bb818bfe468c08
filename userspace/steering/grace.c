// SPDX-License-Identifier: BSD-2-Clause
/* A grace period of the kernel's own (RCU), asked for from user space. */
#include "steering/grace.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	FALLBACK_MS =
		100, /* a program runs for a microsecond; a guest's CPU may stand still meanwhile */
};

/*
 * MEMBARRIER_CMD_GLOBAL is synchronize_rcu(), and programs run inside RCU's read side.  With one
 * CPU it returns at once, rightly: we run, so no program does.  Kernels with nohz_full CPUs
 * refuse it, and then only time can be waited for.
 */
void grace_wait(void)
{
	struct timespec left = { .tv_nsec = FALLBACK_MS * 1000000L };

	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return;
	while (nanosleep(&left, &left) && errno == EINTR)
		;
}
