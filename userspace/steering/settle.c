// SPDX-License-Identifier: BSD-2-Clause
#include "steering/settle.h"

#include <string.h>

static uint16_t id_of(uint16_t word)
{
	return word & BACKEND_ID_MASK;
}

bool settle_same(const struct ring_slot *a, const struct ring_slot *b, uint32_t slots)
{
	for (uint32_t i = 0; i < slots; i++) {
		if (id_of(a[i].primary) != id_of(b[i].primary))
			return false;
		/* Where a slot has moved, its fallback is whose it was. */
		if (!((a[i].primary | b[i].primary) & SLOT_MOVED) &&
		    id_of(a[i].fallback) != id_of(b[i].fallback))
			return false;
	}
	return true;
}

/* A slot's flows before it was remembered whose they are: 0 if all of them are remembered. */
static uint16_t owner_of(const struct ring_slot *s)
{
	if (s->primary & SLOT_MOVED)
		return id_of(s->fallback);
	return s->primary & SLOT_SETTLED ? id_of(s->primary) : 0;
}

static void carry(const struct ring_slot *old, struct ring_slot *new)
{
	uint16_t owner = owner_of(old);

	if (owner && owner == new->primary && old->primary &SLOT_SETTLED) {
		new->primary |= SLOT_SETTLED;
		return;
	}
	if (owner && owner != new->primary) {
		new->primary |= SLOT_MOVED;
		new->fallback = owner;
	}
	/* One that stays where it was is as young as it was. */
	if (id_of(old->primary) != id_of(new->primary) || old->fallback & SLOT_YOUNG)
		new->fallback |= SLOT_YOUNG;
}

void settle_carry(const struct ring_slot *old, uint32_t old_slots, struct ring_slot *ring,
		  uint32_t slots)
{
	for (uint32_t i = 0; i < slots; i++) {
		uint64_t middle = 2ull * i + 1; /* of the hashes that fall on it */

		if (old_slots)
			carry(&old[middle * old_slots / (2ull * slots)], &ring[i]);
		else
			ring[i].fallback |= SLOT_YOUNG;
	}
}

static bool may_settle(const struct ring_slot *s, const struct backend *backends, uint32_t max,
		       enum class class, uint64_t now)
{
	uint16_t id = id_of(s->primary);

	return id && id < max && !(backends[id].flags & ~BACKEND_ROUTED) &&
	       backends[id].until[class] > now;
}

/* The packet path writes flags, too: one that it has just set must not be lost. */
static bool replace(struct ring_slot *s, struct ring_slot was, struct ring_slot is)
{
	uint32_t from, to;

	memcpy(&from, &was, sizeof(from));
	memcpy(&to, &is, sizeof(to));
	return __atomic_compare_exchange_n((uint32_t *)s, &from, to, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

struct settle_count settle_sweep(struct ring_slot *ring, uint32_t slots,
				 const struct backend *backends, uint32_t backends_max,
				 enum class class, uint64_t now)
{
	struct settle_count n = { 0, 0 };

	for (uint32_t i = 0; i < slots; i++) {
		struct ring_slot was, is;
		bool settles = false;

		__atomic_load(&ring[i], &was, __ATOMIC_RELAXED);
		is = was;
		if (!(was.primary & SLOT_SETTLED)) {
			settles = !(was.fallback & SLOT_YOUNG) &&
				  may_settle(&was, backends, backends_max, class, now);
			is.fallback &= (uint16_t)~SLOT_YOUNG;
			if (settles)
				is.primary = (uint16_t)(id_of(is.primary) | SLOT_SETTLED);
			settles = replace(&ring[i], was, is) && settles;
		}
		n.settled += settles || was.primary & SLOT_SETTLED ? 1 : 0;
	}
	n.young = slots - n.settled;
	return n;
}
