/* SPDX-License-Identifier: BSD-2-Clause */
/* What the packet path remembers of flows, seen and tended from outside; see bpf/memory.h. */
#ifndef STEERING_FLOWS_H
#define STEERING_FLOWS_H

#include "steering/tables.h"

struct flow_counts {
	uint64_t entries; /* room */
	uint64_t active;  /* of entries: in the part of the table that is in use */
	uint64_t used;
	uint64_t probation; /* of used: seen once */
	uint64_t stale;	    /* of used: of a former user of the id, forgotten on sight */
};

/* by_backend (of count ids, may be NULL) gets the flows of each that are not stale. */
void flows_count(const struct tables *t, struct flow_counts *total, uint64_t *by_backend,
		 size_t count);
/* Forgets the flows of one backend, or all with id 0; how many. */
uint64_t flows_purge(struct tables *t, uint16_t id);

/* Established and seen lately (at jiffies64), by a sample of the sets: within a percent or two. */
uint64_t flows_established(const struct tables *t, uint64_t jiffies);

/*
 * Once a second: when those fill a quarter of the part in use, doubles that part, FLOWS_SLICE sets
 * at a time.  No flow is forgotten, and none waits.  True: call again soon, there is more to do.
 */
bool flows_grow(struct tables *t, uint64_t jiffies);

enum { FLOWS_SLICE = 16384 };

#endif
