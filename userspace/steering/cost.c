// SPDX-License-Identifier: BSD-2-Clause
/* Costs: clamp, smooth, compare, weigh.  Integers only: nothing here can be NaN. */
#include "steering/cost.h"

uint64_t cost_of(uint64_t latency_us, uint64_t load_permille)
{
	if (latency_us > COST_LATENCY_MAX_US)
		latency_us = COST_LATENCY_MAX_US;
	if (load_permille > COST_LOAD_MAX)
		load_permille = COST_LOAD_MAX;
	/* latency_ms + load * 100, all times 1000: load * 100 ms is load_permille * 100 us. */
	return latency_us + load_permille * 100;
}

/* x8 is eight times the mean; a sample moves the mean by an eighth of the difference. */
static void smooth(uint64_t *x8, uint64_t sample)
{
	*x8 = *x8 - *x8 / COST_SMOOTHING + sample;
}

static bool is_off(uint64_t applied, uint64_t now, uint64_t permille)
{
	uint64_t off = now > applied ? now - applied : applied - now;

	if (permille > 1000)
		permille = 1000;
	return off * 1000 > applied * permille;
}

bool cost_sample(struct cost *c, uint64_t latency_us, uint64_t load_permille,
		 uint64_t hysteresis_permille)
{
	uint64_t now;

	if (latency_us > COST_LATENCY_MAX_US)
		latency_us = COST_LATENCY_MAX_US;
	if (load_permille > COST_LOAD_MAX)
		load_permille = COST_LOAD_MAX;
	if (!c->known) {
		c->latency_x8 = latency_us * COST_SMOOTHING;
		c->load_x8 = load_permille * COST_SMOOTHING;
	} else {
		smooth(&c->latency_x8, latency_us);
		smooth(&c->load_x8, load_permille);
	}
	now = cost_of(c->latency_x8 / COST_SMOOTHING, c->load_x8 / COST_SMOOTHING);
	if (c->known && !is_off(c->cost_us, now, hysteresis_permille))
		return false;
	c->known = true;
	c->cost_us = now;
	return true;
}

static uint64_t at_least(uint64_t cost_us)
{
	return cost_us < COST_LEAST_US ? COST_LEAST_US : cost_us;
}

void cost_range_add(struct cost_range *r, const struct cost *c)
{
	uint64_t cost = at_least(c->cost_us);

	if (!c->known)
		return;
	if (!r->cheapest_us || cost < r->cheapest_us)
		r->cheapest_us = cost;
	if (cost > r->dearest_us)
		r->dearest_us = cost;
}

uint32_t cost_weight(const struct cost_range *r, const struct cost *c)
{
	uint64_t cost = c->known ? at_least(c->cost_us) : r->dearest_us;
	uint64_t weight = cost ? COST_WEIGHT_MAX * r->cheapest_us / cost : COST_WEIGHT_MAX;

	if (weight > COST_WEIGHT_MAX)
		return COST_WEIGHT_MAX;
	if (weight < COST_WEIGHT_MAX / COST_RANGE)
		return COST_WEIGHT_MAX / COST_RANGE;
	return weight;
}

int cost_compare(const struct cost *a, const struct cost *b)
{
	if (a->known != b->known)
		return a->known ? -1 : 1;
	if (!a->known || a->cost_us == b->cost_us)
		return 0;
	return a->cost_us < b->cost_us ? -1 : 1;
}
