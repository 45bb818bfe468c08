/* SPDX-License-Identifier: BSD-2-Clause */
/* So many in so much time: for log lines that strangers can cause.  Pure. */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdbool.h>
#include <stdint.h>

struct quota {
	unsigned int most, used, silenced;
	uint64_t window_us, begun_us;
};

static inline struct quota quota_of(unsigned int most, uint64_t window_us)
{
	return (struct quota){ .most = most, .window_us = window_us };
}

/* Whether there may be one more now; silenced: how many were not, since the last that was. */
static inline bool quota_take(struct quota *q, uint64_t now_us, unsigned int *silenced)
{
	if (now_us - q->begun_us >= q->window_us) {
		q->begun_us = now_us;
		q->used = 0;
	}
	if (q->used == q->most) {
		q->silenced++;
		return false;
	}
	q->used++;
	*silenced = q->silenced;
	q->silenced = 0;
	return true;
}

#endif
