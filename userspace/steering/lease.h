/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a backend may receive flows of a class.  Pure arithmetic on two clocks:
 * boot time (CLOCK_BOOTTIME, ms), in which evidence ages, and jiffies64, with which
 * the kernel compares.  Every rounding and every overflow makes a lease shorter.
 */
#ifndef LEASE_H
#define LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

enum {
	LEASE_CONFIDENTIAL_MAX_MS = 86400000, /* after the evidence was asked for */
	LEASE_CLASSIFIED_MAX_MS = 3600000,
};

/* The public lease of a healthy backend. */
#define LEASE_ENDLESS UINT64_MAX

/* The class's own limit; 0 for public, which is no matter of time, and for unknown ones. */
uint64_t lease_limit_ms(enum class c);

/* What a complete and accepted appraisal says.  Times in ms of boot time. */
struct lease_grant {
	uint64_t evidence_at_ms; /* when the evidence was asked for, by our clock */
	uint64_t not_after_ms;	 /* the first certificate expires; LEASE_ENDLESS: no bound */
	uint32_t class_mask;	 /* bit of enum class: what the evidence is good for */
};

/*
 * Until when class c is granted; 0 is not at all: class not in the mask, public or unknown,
 * evidence from the future, lease over.  configured_ms shortens the class's limit, never extends.
 */
uint64_t lease_until(enum class c, const struct lease_grant *g, uint64_t configured_ms,
		     uint64_t now_ms);

/*
 * A certificate's end in ms of boot time, given the wall clock now.  0 when it is over;
 * LEASE_ENDLESS when not_after_s is 0, unknown: then the class's limit alone rules.
 */
uint64_t lease_not_after_ms(uint64_t not_after_s, uint64_t wall_now_s, uint64_t boot_now_ms);

/*
 * The kernel's clocks at one moment: steering/clock.h.  Jiffies must have been read before boot
 * time, or leases end late by what lay between.
 */
struct clock_sample;

/*
 * until_ms as the kernel compares it: never later than that instant.  0 for a lease that is over
 * or a clock that cannot be (no hz); LEASE_ENDLESS stays.
 */
uint64_t lease_jiffies(uint64_t until_ms, const struct clock_sample *clock);
/* The way back, for leases found in the maps: never later either.  0 for one that is over. */
uint64_t lease_boot_ms(uint64_t until_jiffies, const struct clock_sample *clock);

/*
 * The last check before an entry is written: the jiffies of until_ms with the class's limit applied
 * again, counted from the clock's now.  Public is 0 or endless; an unknown class is 0.
 */
uint64_t lease_clamp(enum class c, uint64_t until_ms, const struct clock_sample *clock);

#endif
