/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard of a guest: the program that takes a router's wrapping off, and whom
 * it believes.  Adopted and loaded as the router is (dataplane.h), under PINS/guard.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>

#include "steering/dataplane.h"

enum guard_map {
	GUARD_PEERS,
	GUARD_VIPS,
	GUARD_OUTCOMES, /* of struct counter: counters_map() */
	GUARD_MAPS
};

struct guard {
	char pins[256]; /* PINS/guard */
	int lock;
	int program;
	uint32_t program_id;
	bool adopted;
	struct pinned_map map[GUARD_MAPS];
};

/* Whose wrapped packets are let in. */
struct guard_peer {
	struct addr addr;
	uint64_t until_ms; /* of CLOCK_BOOTTIME; UINT64_MAX: without end */
};

/* An address that this guest serves, and what is refused past the router. */
struct guard_vip {
	struct addr addr;
};

/* As dataplane_open(), dataplane_view() and their like; pins is the router's directory. */
int guard_open(struct guard *g, const char *pins, char why[DATAPLANE_WHY_MAX]);
int guard_view(struct guard *g, const char *pins, char why[DATAPLANE_WHY_MAX]);
void guard_close(struct guard *g);
int guard_unpin(const char *pins, char why[DATAPLANE_WHY_MAX]);

/*
 * Makes peers and vips exactly these.  One that stays listed is never taken out, so its packets
 * pass throughout; those that go, go before others come.  0, or -errno with why: -ENOSPC before
 * any change.
 */
int guard_set(struct guard *g, const struct guard_peer *peers, size_t peers_count,
	      const struct guard_vip *vips, size_t vips_count, char why[DATAPLANE_WHY_MAX]);
/* Those that are let in now into peers[], with room for all of the map's; how many. */
size_t guard_peers(const struct guard *g, struct guard_peer *peers);

#endif
