/* SPDX-License-Identifier: BSD-2-Clause */
/* What tables*.c, counters.c and flows.c share; nobody else includes it but their tests. */
#ifndef TABLES_INTERNAL_H
#define TABLES_INTERNAL_H

#include "steering/names.h"
#include "steering/regions.h"
#include "steering/tables.h"

struct tables {
	const struct dataplane *d; /* NULL in tests: then there are no counters to clear */
	struct settings *settings;
	struct service_bucket *services; /* both halves */
	struct ring_slot *rings;
	struct backend *backends;
	struct flow_set *flows;
	struct name
		*names; /* of backends, then of services; NULL in a view without a daemon's map */

	uint32_t buckets; /* of a half */
	uint32_t services_max, backends_max, ring_slots, flow_sets;

	struct regions regions;
	struct service **slot; /* by service id: its slot in the live half, or NULL */
	bool idle_seen;	 /* the idle half was live a moment ago: not to be written before a grace */
	bool names_made; /* nobody wrote names yet, so whatever is live has no owner */
	uint32_t flows_next; /* while flows grow: the set to go on with */
	bool reseed;	 /* nothing is live yet: other keys would move no flow */
	bool view;
	void (*grace)(void); /* grace_wait(), or what a test wants to see at that moment */
};

static inline struct service_bucket *tables_half(const struct tables *t, uint32_t half)
{
	return t->services + (size_t)half * t->buckets;
}

static inline struct name *tables_service_slot_name(const struct tables *t, uint32_t id)
{
	return &t->names[t->backends_max + id];
}

/* Zeroes the counters of an id that gets a new owner. */
void tables_clear_traffic(const struct tables *t, enum dataplane_map map, uint32_t id);
/* Finds the services of the live half: slot[]; with claim also their rings' regions. */
void tables_find_slots(struct tables *t, bool claim);
/* Nobody may serve it from the next packet on. */
void tables_drop_ring(struct tables *t, struct service *s);

#endif
