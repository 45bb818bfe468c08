// SPDX-License-Identifier: BSD-2-Clause
#include "base/wall.h"

#include <time.h>

#include "base/log.h"

enum {
	SLACK_S = 60, /* what a clock that is kept right may be put back by */
};

uint64_t wall_s(uint64_t *high_s)
{
	uint64_t now = time(NULL);

	if (now + SLACK_S < *high_s)
		log_warnx(
			"the wall clock went back by %llu s; certificates are judged by the later time",
			(unsigned long long)(*high_s - now));
	if (now > *high_s)
		*high_s = now;
	return *high_s;
}
