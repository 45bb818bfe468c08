// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maglev (Eisenbud et al., NSDI 2016, section 3.4) with weights: every member has its own
 * walk over all slots, and takes the next free one each time it is its turn.  Turns come at
 * the times (k + phase) / weight.  Those do not depend on who else is there, so that a change
 * of members leaves the order of all other turns alone.  The phase, below 1, is hashed from
 * the key: were it the same for all, members of one weight would round up or down together,
 * and the slots that this leaves over would all go to the others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "steering/ring_work.h"

enum {
	TURN_SHIFT = 40,     /* a turn's length is 2^40 / weight: 2^23 of them fit 64 bits */
	FALLBACK_TRIES = 64, /* misses all of them in a ring with one member of 90 %: 1 in 850 */
	SHARE_SLACK = 2,     /* slots: the member's own rounding, and the share's */
};

struct ring_work *ring_work_new(size_t members_max, uint32_t slots_max)
{
	struct ring_work *w;

	if (!members_max || members_max > RING_MEMBERS_MAX || slots_max > RING_SLOTS_MOST)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->members_max = members_max;
	w->slots_max = slots_max;
	w->walkers = calloc(members_max, sizeof(*w->walkers));
	w->taken = calloc(slots_max / 64 + 1, sizeof(*w->taken));
	w->wanted = calloc((size_t)slots_max + 1, sizeof(*w->wanted));
	w->needy = calloc(members_max, sizeof(*w->needy));
	if (w->walkers && w->taken && w->wanted && w->needy)
		return w;
	ring_work_free(w);
	return NULL;
}

void ring_work_free(struct ring_work *w)
{
	if (!w)
		return;
	free(w->walkers);
	free(w->taken);
	free(w->wanted);
	free(w->needy);
	free(w);
}

uint64_t ring_key(const char *name)
{
	uint64_t h = HASH_K1;
	uint64_t length = 0;

	for (; name[length]; length++)
		h = hash_mix(h, (unsigned char)name[length]);
	return hash_mix(h, length);
}

bool ring_is_prime(uint32_t n)
{
	if (n < 4)
		return n >= 2;
	if (n % 2 == 0)
		return false;
	for (uint32_t d = 3; (uint64_t)d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return true;
}

uint32_t ring_next_prime(uint32_t n)
{
	for (; n <= RING_SLOTS_MOST; n++)
		if (ring_is_prime(n))
			return n;
	return 0;
}

/* Evenly below n, from the high bits of a hash. */
static uint32_t below(uint64_t hash, uint32_t n)
{
	return (hash >> 32) * n >> 32;
}

static uint32_t weight_of(const struct ring_member *m)
{
	return m->weight > RING_WEIGHT_MAX ? RING_WEIGHT_MAX : m->weight;
}

/* Notes the members' weights by id.  How many have one, or -EINVAL for an id of 0 or said twice. */
static ssize_t note_members(struct ring_work *w, const struct ring_member *m, size_t n)
{
	ssize_t weighted = 0;

	memset(w->weight, 0, sizeof(w->weight));
	memset(w->have, 0, sizeof(w->have));
	for (size_t i = 0; i < n; i++) {
		if (!m[i].id || w->have[m[i].id])
			return -EINVAL;
		w->have[m[i].id] = 1;
		w->weight[m[i].id] = weight_of(&m[i]);
		weighted += m[i].weight != 0;
	}
	return weighted;
}

static bool before(const struct walker *a, const struct walker *b)
{
	if (a->turn != b->turn)
		return a->turn < b->turn;
	if (a->key != b->key)
		return a->key < b->key;
	return a->id < b->id;
}

/* Puts the walker at i where it belongs below; the heap's first is whose turn it is. */
static void sift_down(struct walker *heap, size_t n, size_t i)
{
	struct walker moving = heap[i];

	for (size_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
		if (child + 1 < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &moving))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moving;
}

static size_t line_up(struct ring_work *w, const struct ring_member *m, size_t n, uint32_t slots)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = hash_mix(m[i].key, 1);
		uint64_t length;

		if (!m[i].weight)
			continue;
		length = (1ull << TURN_SHIFT) / weight_of(&m[i]);
		w->walkers[count++] = (struct walker){
			.turn = (unsigned __int128)length * hash_mix(at, 1) >> 64,
			.step = length,
			.key = m[i].key,
			.id = m[i].id,
			.at = below(at, slots),
			.stride = 1 + below(hash_mix(at, 2), slots - 1),
		};
	}
	for (size_t i = count / 2; i-- > 0;)
		sift_down(w->walkers, count, i);
	return count;
}

/* The next free slot on the walk; slots is prime, so it comes by all of them. */
static uint32_t take_slot(struct walker *who, uint64_t *taken, uint32_t slots)
{
	uint32_t at = who->at;

	while (taken[at / 64] >> at % 64 & 1) {
		at += who->stride;
		if (at >= slots)
			at -= slots;
	}
	taken[at / 64] |= 1ull << at % 64;
	who->at = at;
	return at;
}

static void fill_primaries(struct ring_work *w, size_t count, uint32_t slots, struct ring_slot *out)
{
	struct walker *heap = w->walkers;

	memset(w->taken, 0, (slots / 64 + 1) * sizeof(*w->taken));
	for (uint32_t n = 0; n < slots; n++) {
		out[take_slot(heap, w->taken, slots)].primary = heap->id;
		heap->turn += heap->step;
		sift_down(heap, count, 0);
	}
}

/* For a ring that one member nearly fills: of the others, the one that this slot hashes to. */
static uint16_t fallback_among(const struct walker *others, size_t n, uint16_t primary,
			       uint32_t slot)
{
	uint64_t best = 0;
	uint16_t id = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t h = hash_mix(hash_mix(others[i].key, slot), HASH_K0);

		if (others[i].id == primary || (id && h < best))
			continue;
		best = h;
		id = others[i].id;
	}
	return id;
}

/*
 * The fallback is the primary of another slot, picked by hash: so fallbacks have the weights
 * of primaries, and the slots of one backend fall back to all others.
 */
static void fill_fallbacks(const struct ring_work *w, size_t count, uint32_t slots,
			   struct ring_slot *out)
{
	for (uint32_t s = 0; s < slots; s++) {
		uint16_t primary = out[s].primary;
		uint16_t found = 0;
		uint64_t h = s;

		for (int i = 0; count > 1 && !found && i < FALLBACK_TRIES; i++) {
			h = hash_mix(h, HASH_K1);
			found = out[below(h, slots)].primary;
			if (found == primary)
				found = 0;
		}
		if (!found)
			found = fallback_among(w->walkers, count, primary, s);
		out[s].fallback = found;
	}
}

int ring_build(struct ring_work *w, const struct ring_member *m, size_t n, uint32_t slots,
	       struct ring_slot *out)
{
	ssize_t weighted;
	size_t count;

	if (n > w->members_max || slots > w->slots_max)
		return -ENOSPC;
	weighted = note_members(w, m, n);
	if (weighted < 0)
		return weighted;
	if (!weighted)
		return -ENODATA;
	if (!ring_is_prime(slots) || (size_t)weighted > slots)
		return -EINVAL;
	count = line_up(w, m, n, slots);
	fill_primaries(w, count, slots, out);
	fill_fallbacks(w, count, slots, out);
	return 0;
}

int ring_build_cheapest(const struct ring_member *m, size_t n, uint32_t slots,
			struct ring_slot *out)
{
	struct ring_slot all = { 0, 0 };

	for (size_t i = 0; i < n; i++) {
		if (!m[i].id)
			return -EINVAL;
		if (!m[i].weight || m[i].id == all.primary)
			continue;
		if (!all.primary)
			all.primary = m[i].id;
		else if (!all.fallback)
			all.fallback = m[i].id;
	}
	if (!all.primary)
		return -ENODATA;
	for (uint32_t s = 0; s < slots; s++)
		out[s] = all;
	return 0;
}

enum ring_fault ring_check(struct ring_work *w, const struct ring_member *m, size_t n,
			   const struct ring_slot *ring, uint32_t slots)
{
	ssize_t weighted = note_members(w, m, n);

	if (weighted < 0)
		return RING_STRANGER;
	if (!slots)
		return RING_EMPTY_SLOT;
	for (uint32_t s = 0; s < slots; s++) {
		if (!ring[s].primary)
			return RING_EMPTY_SLOT;
		if (!w->weight[ring[s].primary])
			return RING_STRANGER;
		if (ring[s].fallback == ring[s].primary || (!ring[s].fallback && weighted > 1))
			return RING_NO_FALLBACK;
		if (ring[s].fallback && !w->weight[ring[s].fallback])
			return RING_STRANGER;
	}
	return RING_OK;
}

/*
 * Each of n members is off by less than a slot, and those n roundings, shared out by weight, move
 * the share of any by at most share * n / slots.
 */
static bool is_fair(uint64_t have, uint64_t share, size_t n, uint32_t slots)
{
	uint64_t off = have > share ? have - share : share - have;

	return off <= SHARE_SLACK + share * n / slots;
}

enum ring_fault ring_balanced(struct ring_work *w, const struct ring_member *m, size_t n,
			      const struct ring_slot *ring, uint32_t slots)
{
	enum ring_fault fault = ring_check(w, m, n, ring, slots);
	uint64_t sum = 0;

	if (fault)
		return fault;
	memset(w->have, 0, sizeof(w->have));
	for (uint32_t s = 0; s < slots; s++)
		w->have[ring[s].primary]++;
	for (size_t i = 0; i < n; i++)
		sum += weight_of(&m[i]);
	for (size_t i = 0; i < n; i++)
		if (!is_fair(w->have[m[i].id], (uint64_t)slots * weight_of(&m[i]) / sum, n, slots))
			return RING_UNBALANCED;
	return RING_OK;
}

const char *ring_fault_str(enum ring_fault f)
{
	switch (f) {
	case RING_OK:		return "ok";
	case RING_EMPTY_SLOT:	return "a slot is empty";
	case RING_STRANGER:	return "a slot names a backend that is no member";
	case RING_NO_FALLBACK:	return "a slot has no fallback besides its primary";
	case RING_UNBALANCED:	return "a share is too far from its weight";
	}
	return "unknown";
}
