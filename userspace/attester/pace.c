// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <time.h>

#include "attester/source.h"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

const struct source_clock source_clock_real = { now_ms, sleep_ms };

void pace_wait(const struct pace *p, const struct source_clock *clock)
{
	int64_t wait;

	if (!p->called)
		return;
	wait = p->last_ms + CALLS_APART_MS - clock->now_ms();
	if (wait > 0)
		clock->sleep_ms(wait);
}

void pace_called(struct pace *p, const struct source_clock *clock)
{
	p->called = true;
	p->last_ms = clock->now_ms();
}
