// SPDX-License-Identifier: BSD-2-Clause
/* Lease arithmetic.  In each function the last line grants; all others shorten or refuse. */
#include "steering/clock.h"
#include "steering/lease.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/* No default: the compiler asks for a newcomer's limit.  What is no class has none to have. */
uint64_t lease_limit_ms(enum class c)
{
	switch (c) {
	case CLASS_CONFIDENTIAL:
		return LEASE_CONFIDENTIAL_MAX_MS;
	case CLASS_CLASSIFIED:
		return LEASE_CLASSIFIED_MAX_MS;
	case CLASS_PUBLIC:
	case CLASS_COUNT:
		break;
	}
	return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t lease_until(enum class c, const struct lease_grant *g, uint64_t configured_ms,
		     uint64_t now_ms)
{
	uint64_t limit = least(lease_limit_ms(c), configured_ms);
	uint64_t until;

	if (!limit || !(g->class_mask >> c & 1))
		return 0;
	if (g->evidence_at_ms > now_ms)
		return 0;
	if (__builtin_add_overflow(g->evidence_at_ms, limit, &until))
		return 0;
	until = least(until, g->not_after_ms);
	if (until <= now_ms)
		return 0;
	return until;
}

uint64_t lease_not_after_ms(uint64_t not_after_s, uint64_t wall_now_s, uint64_t boot_now_ms)
{
	uint64_t left_ms;

	if (!not_after_s)
		return LEASE_ENDLESS;
	if (not_after_s <= wall_now_s)
		return 0;
	if (__builtin_mul_overflow(not_after_s - wall_now_s, 1000, &left_ms) ||
	    left_ms > LEASE_CONFIDENTIAL_MAX_MS)
		return LEASE_ENDLESS; /* beyond any lease: no bound */
	return boot_now_ms + left_ms;
}

/*
 * Jiffies go up in steps.  The sample's value may be up to one step old, so counting whole steps
 * from it ends early by less than a step, never late.
 */
uint64_t lease_jiffies(uint64_t until_ms, const struct clock_sample *clock)
{
	uint64_t until_ns, steps;

	if (until_ms == LEASE_ENDLESS)
		return LEASE_ENDLESS;
	if (!clock->hz || clock->hz > NS_PER_S)
		return 0;
	if (__builtin_mul_overflow(until_ms, NS_PER_MS, &until_ns) || until_ns <= clock->boot_ns)
		return 0;
	steps = (unsigned __int128)(until_ns - clock->boot_ns) * clock->hz / NS_PER_S;
	if (!steps || steps >= LEASE_ENDLESS - clock->jiffies)
		return 0;
	return clock->jiffies + steps;
}

uint64_t lease_boot_ms(uint64_t until_jiffies, const struct clock_sample *clock)
{
	unsigned __int128 ns;

	if (until_jiffies == LEASE_ENDLESS)
		return LEASE_ENDLESS;
	if (!clock->hz || until_jiffies <= clock->jiffies)
		return 0;
	ns = (unsigned __int128)(until_jiffies - clock->jiffies) * NS_PER_S / clock->hz;
	ns += clock->boot_ns;
	if (ns / NS_PER_MS >= LEASE_ENDLESS)
		return 0;
	return ns / NS_PER_MS;
}

uint64_t lease_clamp(enum class c, uint64_t until_ms, const struct clock_sample *clock)
{
	if (c == CLASS_PUBLIC)
		return until_ms == LEASE_ENDLESS ? LEASE_ENDLESS : 0;
	if (!lease_limit_ms(c))
		return 0;
	return lease_jiffies(least(until_ms, clock->boot_ns / NS_PER_MS + lease_limit_ms(c)),
			     clock);
}
