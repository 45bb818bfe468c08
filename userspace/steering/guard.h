/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard of a guest: the program that takes a router's wrapping off, and whom
 * it believes.  Adopted and loaded as the router is (dataplane.h), under PINS/guard.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>

#include "steering/dataplane.h"

struct guard {
	char pins[256];
	int program;
	uint32_t program_id;
	bool adopted;
	int peers, vips, outcomes; /* map fds */
};

/* An address that this guest serves, and what is refused past the router. */
struct guard_vip {
	struct addr addr;
};

int guard_open(struct guard *g, const char *pins, char why[DATAPLANE_WHY_MAX]);
int guard_view(struct guard *g, const char *pins, char why[DATAPLANE_WHY_MAX]);
void guard_close(struct guard *g);

/*
 * Makes peers and vips exactly these.  Newcomers are added before the others go, so a router that
 * stays listed is believed throughout.  0 or -errno with why; then the old ones may still be there.
 */
int guard_set(struct guard *g, const struct addr *peers, size_t peers_count,
	      const struct guard_vip *vips, size_t vips_count, char why[DATAPLANE_WHY_MAX]);

#endif
