/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's clock as leases know it: jiffies64, read through a small program, and
 * beside it the time that goes on while the machine is suspended.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/dataplane.h"

struct clock;

struct clock_sample {
	uint64_t jiffies;
	uint64_t boot_ns; /* CLOCK_BOOTTIME at that moment */
	uint32_t hz;	  /* jiffies a second */
};

/* Takes samples 100 ms apart until they tell HZ: blocks for 100 ms, 2 s where time is lumpy. */
int clock_open(struct clock **out, char why[DATAPLANE_WHY_MAX]);
int clock_read(struct clock *c, struct clock_sample *s); /* 0 or -errno; 2 µs */
/*
 * True once after the machine was suspended: jiffies stood still meanwhile, so every lease must
 * lapse.  Compares the samples of clock_read(), so read first.
 */
bool clock_was_suspended(struct clock *c);
void clock_close(struct clock *c); /* takes NULL */

/* Pure: the HZ that two samples tell, one of the kernel's choices; 0 when none fits. */
uint32_t clock_hz_of(uint64_t jiffies, uint64_t ns);
/* Pure: did time go on between two readings that jiffies did not count? */
bool clock_stood_still(const struct clock_reading *a, const struct clock_reading *b, uint32_t hz);

#endif
