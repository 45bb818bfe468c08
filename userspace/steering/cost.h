/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What it costs to use a backend: latency_ms + load * 100, in integers.  The figures
 * come from the backends themselves and are not trusted: they are clamped, smoothed,
 * and give a weight within 1:COST_RANGE.  They order backends; nothing here can add
 * one, since eligibility (peer.h) never sees a figure.
 */
#ifndef COST_H
#define COST_H

#include <stdbool.h>
#include <stdint.h>

enum {
	COST_LATENCY_MAX_US = 60000000, /* a minute; more is no better news */
	COST_LOAD_MAX = 1000,		/* permille */
	COST_LEAST_US = 1000, /* below one unit all are alike: microseconds are noise, zeros are lies */
	COST_RANGE = 20,		/* the dearest still gets a 20th of the cheapest's weight */
	COST_WEIGHT_MAX = 20000,	/* weight of the cheapest */
	COST_SMOOTHING = 8,		/* a sample counts an 8th, as in TCP's srtt (RFC 6298) */
};

/* All zero: nothing known yet. */
struct cost {
	bool known;
	uint64_t latency_x8; /* smoothed, in eighths of a microsecond */
	uint64_t load_x8;    /* in eighths of a permille */
	uint64_t cost_us;    /* as last applied: see cost_sample() */
};

/* 1000 times the cost in ms: {45 ms, 620} -> 107000. */
uint64_t cost_of(uint64_t latency_us, uint64_t load_permille);

/*
 * Takes a measurement in.  c->cost_us follows only when the smoothed cost is off by more than
 * hysteresis_permille of it; true when it did.
 */
bool cost_sample(struct cost *c, uint64_t latency_us, uint64_t load_permille,
		 uint64_t hysteresis_permille);

/* The costs among which weights are shared out. */
struct cost_range {
	uint64_t cheapest_us, dearest_us; /* both 0: no figure yet */
};

void cost_range_add(struct cost_range *r, const struct cost *c);
/*
 * In inverse proportion to cost: COST_WEIGHT_MAX for the cheapest of the range, at least a
 * COST_RANGEth of it for any.  One without a figure counts as dear as the dearest that has one.
 */
uint32_t cost_weight(const struct cost_range *r, const struct cost *c);

/* < 0 when a is cheaper; one without a figure is dearer than any. */
int cost_compare(const struct cost *a, const struct cost *b);

#endif
