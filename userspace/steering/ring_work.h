/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory that ring.c and ring_update.c work in; nobody else includes this. */
#ifndef RING_WORK_H
#define RING_WORK_H

#include "steering/ring.h"

/* A member on its walk over the slots, in a heap by its next turn. */
struct walker {
	uint64_t turn; /* when it takes its next slot */
	uint64_t key;  /* breaks ties, the same way in whatever order members are listed */
	uint32_t at, stride;
	uint64_t step;
	uint16_t id;
};

struct ring_work {
	size_t members_max;
	uint32_t slots_max;
	struct walker *walkers;
	uint64_t *taken;	  /* a bit a slot: 8 KiB for 65537, stays in L1 */
	struct ring_slot *wanted; /* what ring_update() goes towards */
	uint16_t *needy;	  /* ids that have less than their share */

	/* By id. */
	uint32_t weight[RING_MEMBERS_MAX + 1]; /* 0: no member */
	uint32_t have[RING_MEMBERS_MAX + 1];
	uint32_t want[RING_MEMBERS_MAX + 1];
	bool joins[RING_MEMBERS_MAX + 1];
};

#endif
