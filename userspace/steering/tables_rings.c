// SPDX-License-Identifier: BSD-2-Clause
/* A service's ring: copied to a free region, then shown by one store. */
#include <errno.h>
#include <string.h>

#include "steering/settle.h"
#include "steering/tables_internal.h"
#include "steering/why.h"

const struct ring_slot *tables_ring(const struct tables *t, uint16_t service, uint32_t *slots)
{
	const struct service *s = service < t->services_max ? t->slot[service] : NULL;

	*slots = s ? s->ring_slots : 0;
	return *slots ? &t->rings[s->ring] : NULL;
}

static int check(const struct tables *t, uint16_t service, const struct ring_slot *ring,
		 uint32_t slots, char why[DATAPLANE_WHY_MAX])
{
	for (uint32_t i = 0; i < slots; i++)
		if (ring[i].primary >= t->backends_max || ring[i].fallback >= t->backends_max)
			return because(why, -EINVAL,
				       "service %u: slot %u of its ring names "
				       "backends %u and %u, want ids below %u",
				       service, i, ring[i].primary, ring[i].fallback,
				       t->backends_max);
	return 0;
}

/* Regions that were given up are free after a grace; it is waited for only when space runs out. */
static int take(struct tables *t, uint32_t slots, uint32_t *first)
{
	int err = regions_take(&t->regions, slots, first);

	if (err != -ENOSPC || !regions_reap(&t->regions))
		return err;
	t->grace();
	return regions_take(&t->regions, slots, first);
}

static void show(struct tables *t, struct service *s, uint32_t first, uint32_t slots)
{
	struct service next = { .ring = first, .ring_slots = slots };
	struct service old = { .ring_ref = s->ring_ref };

	__atomic_store_n(&s->ring_ref, next.ring_ref, __ATOMIC_RELEASE);
	if (old.ring_slots)
		regions_retire(&t->regions, old.ring);
}

void tables_drop_ring(struct tables *t, struct service *s)
{
	show(t, s, 0, 0);
}

int tables_set_ring(struct tables *t, uint16_t service, const struct ring_slot *ring,
		    uint32_t slots, char why[DATAPLANE_WHY_MAX])
{
	struct service *s = service < t->services_max ? t->slot[service] : NULL;
	uint32_t first = 0;
	int err;

	if (!s)
		return because(why, -ENOENT, "service %u: no such id", service);
	err = check(t, service, ring, slots, why);
	if (err)
		return err;
	if (slots == s->ring_slots && settle_same(ring, &t->rings[s->ring], slots))
		return 0;
	if (slots) {
		err = take(t, slots, &first);
		if (err)
			return because(why, err,
				       "service %u: no room for a ring of %u slots: %u "
				       "of %u are free; smaller rings, or larger maps, are needed",
				       service, slots, regions_free_slots(&t->regions),
				       t->ring_slots);
		memcpy(&t->rings[first], ring, slots * sizeof(*ring));
		/* Of any service: one that is told to settle later must not take its slots for old. */
		settle_carry(&t->rings[s->ring], s->ring_slots, &t->rings[first], slots);
	}
	show(t, s, first, slots);
	return 0;
}

struct settle_count tables_settle(struct tables *t, uint16_t service, uint64_t now)
{
	struct service *s = service < t->services_max ? t->slot[service] : NULL;

	if (!s || !(s->flags & SERVICE_SETTLES))
		return (struct settle_count){ 0, s ? s->ring_slots : 0 };
	return settle_sweep(&t->rings[s->ring], s->ring_slots, t->backends, t->backends_max,
			    s->class, now);
}
