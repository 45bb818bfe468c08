// SPDX-License-Identifier: BSD-2-Clause
#include "steering/flows.h"

#include <string.h>

#include "base/log.h"
#include "hash.h"
#include "steering/tables_internal.h"

enum { SAMPLED_SETS = 1024 };

static uint64_t load(const struct flow_set *set, int way)
{
	return __atomic_load_n(&set->entry[way], __ATOMIC_RELAXED);
}

/* Compare and swap: the packet path may put another flow there meanwhile. */
static bool swap(struct flow_set *set, int way, uint64_t was, uint64_t is)
{
	__u64 from = was;

	return __atomic_compare_exchange_n(&set->entry[way], &from, is, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static uint32_t sets_in_use(const struct tables *t)
{
	uint32_t mask = t->settings->flows_mask;

	return mask < t->flow_sets ? mask + 1 : t->flow_sets;
}

static void count_entry(const struct tables *t, uint64_t entry, struct flow_counts *total,
			uint64_t *by_backend, size_t count)
{
	uint16_t id = flow_backend(entry);

	if (!id)
		return;
	total->used++;
	total->probation += entry & FLOW_PROBATION;
	if (id >= t->backends_max || t->backends[id].generation != flow_generation(entry))
		total->stale++;
	else if (by_backend && id < count)
		by_backend[id]++;
}

void flows_count(const struct tables *t, struct flow_counts *total, uint64_t *by_backend,
		 size_t count)
{
	uint32_t sets = sets_in_use(t);

	*total = (struct flow_counts){ .entries = (uint64_t)t->flow_sets * FLOW_WAYS,
				       .active = (uint64_t)sets * FLOW_WAYS };
	if (by_backend)
		memset(by_backend, 0, count * sizeof(*by_backend));
	for (uint32_t s = 0; s < sets; s++)
		for (int i = 0; i < FLOW_WAYS; i++)
			count_entry(t, load(&t->flows[s], i), total, by_backend, count);
}

/* All of the table: the part not in use may be a copy of some, on the way to being used. */
uint64_t flows_purge(struct tables *t, uint16_t id)
{
	uint64_t purged = 0;

	for (uint32_t s = 0; s < t->flow_sets; s++) {
		for (int i = 0; i < FLOW_WAYS; i++) {
			uint64_t now = load(&t->flows[s], i);

			if (flow_backend(now) && (!id || flow_backend(now) == id))
				purged += swap(&t->flows[s], i, now, 0);
		}
	}
	return purged;
}

/* --- growing */

static bool is_established(uint64_t entry, uint8_t age)
{
	return flow_backend(entry) && !(entry & FLOW_PROBATION) &&
	       (uint8_t)(age - (uint8_t)entry) >> 1 < FLOW_IDLE_AGES;
}

uint64_t flows_established(const struct tables *t, uint64_t jiffies)
{
	uint32_t sets = sets_in_use(t), step = sets > SAMPLED_SETS ? sets / SAMPLED_SETS : 1;
	uint8_t age = flow_age_of(jiffies);
	uint64_t n = 0;

	for (uint32_t s = 0; s < sets; s += step)
		for (int i = 0; i < FLOW_WAYS; i++)
			n += is_established(load(&t->flows[s], i), age);
	return n * step;
}

/* What of a set will belong to the same place of the other half, there as long as nobody looks. */
static void copy_set(struct tables *t, uint32_t at, uint32_t half)
{
	for (int i = 0; i < FLOW_WAYS; i++) {
		uint64_t entry = load(&t->flows[at], i);
		bool goes = flow_backend(entry) && flow_set_again(entry, at, 2 * half - 1) != at;

		__atomic_store_n(&t->flows[at + half].entry[i], goes ? entry : 0, __ATOMIC_RELAXED);
	}
}

static bool holds(const struct flow_set *set, uint32_t tag)
{
	for (int i = 0; i < FLOW_WAYS; i++)
		if (flow_tag(load(set, i)) == tag && flow_backend(load(set, i)))
			return true;
	return false;
}

/* Has no room: then it is forgotten, as it would be in any full set. */
static void move_entry(struct flow_set *to, uint64_t entry)
{
	for (int i = 0; i < FLOW_WAYS && !holds(to, flow_tag(entry)); i++)
		if (!load(to, i))
			swap(to, i, 0, entry);
}

/* What belongs to the other half by now, and what came after the copy was made. */
static void move_set(struct tables *t, uint32_t at, uint32_t half)
{
	for (int i = 0; i < FLOW_WAYS; i++) {
		uint64_t entry = load(&t->flows[at], i);

		if (!flow_backend(entry) || flow_set_again(entry, at, 2 * half - 1) == at)
			continue;
		move_entry(&t->flows[at + half], entry);
		if (!swap(&t->flows[at], i, entry, 0))
			i--; /* it has just been written: once more */
	}
}

/* A slice of each set of the half that was in use; true when that was the last. */
static bool each_set(struct tables *t, uint32_t half,
		     void (*what)(struct tables *t, uint32_t at, uint32_t half))
{
	uint32_t end = half - t->flows_next > FLOWS_SLICE ? t->flows_next + FLOWS_SLICE : half;

	while (t->flows_next < end)
		what(t, t->flows_next++, half);
	if (end < half)
		return false;
	t->flows_next = 0;
	return true;
}

/*
 * Before the first packet looks at the other half, it has all that belongs there; what the packet
 * path puts into this half until then it finds by flows_before.
 */
static void use_more(struct tables *t)
{
	struct settings *s = t->settings;
	uint32_t mask = s->flows_mask;

	__atomic_store_n(&s->flows_before, mask, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->flows_mask, 2 * mask + 1, __ATOMIC_SEQ_CST);
	t->grace(); /* nobody writes by the old mask any more */
	log_info("flows: room for %u", (2 * mask + 2) * FLOW_WAYS);
}

bool flows_grow(struct tables *t, uint64_t jiffies)
{
	struct settings *s = t->settings;
	uint32_t sets = sets_in_use(t);

	if (s->flows_before) { /* of this daemon or of one that died */
		if (each_set(t, s->flows_before + 1, move_set))
			__atomic_store_n(&s->flows_before, 0, __ATOMIC_SEQ_CST);
		return s->flows_before;
	}
	if (!t->flows_next && (sets >= t->flow_sets ||
			       flow_sets_for(flows_established(t, jiffies), t->flow_sets) <= sets))
		return false;
	if (each_set(t, sets, copy_set))
		use_more(t);
	return true;
}
