/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which interface and which MAC lead to a backend, kept true while routes, neighbours
 * and links change.
 *
 * The kernel is asked for the route and its neighbour, then listened to: a change is
 * passed on within a second.  A neighbour that is not known is asked for, at a pace,
 * without end; one that we use is kept from growing stale.  When the kernel
 * says that we missed something, everything is asked anew.
 */
#ifndef NEXTHOP_H
#define NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/dataplane.h"

enum nexthop_state {
	NEXTHOP_ASKING, /* route known, neighbour asked for; mac zero, or the last one known */
	NEXTHOP_RESOLVED,
	NEXTHOP_FAILED, /* the neighbour does not answer; asked again from time to time */
	NEXTHOP_NO_ROUTE,
	NEXTHOP_LOCAL, /* an address of this host: it cannot be steered to */
	NEXTHOP_LINK_DOWN,
	NEXTHOP_NO_ETHERNET, /* the way out has no MAC addresses */
	NEXTHOP_STATES
};

struct nexthop {
	enum nexthop_state state;
	uint32_t ifindex;
	uint8_t mac[6];
	uint8_t source_mac[6]; /* of the interface */
	struct addr source; /* what the kernel would put as source; outer source if none is set */
	struct addr via;    /* the neighbour: gateway, or the destination itself */
	uint32_t mtu;	    /* of the route, or of the interface */
	char interface[16];
};

/*
 * Called when something of a destination has changed.  Not while a neighbour that was never known
 * is asked for: then a new daemon leaves in place what its forerunner knew.
 */
typedef void nexthop_changed(void *arg, uint32_t id, const struct nexthop *n);

struct nexthops;

int nexthops_open(struct nexthops **out, nexthop_changed *changed, void *arg,
		  char why[DATAPLANE_WHY_MAX]);
void nexthops_close(struct nexthops *n); /* takes NULL */

int nexthops_fd(const struct nexthops *n); /* readable: call nexthops_read() */
int nexthops_read(struct nexthops *n, uint64_t now_ms);
/* Retries and resyncs what is due; the milliseconds until it wants to be called again. */
uint64_t nexthops_tick(struct nexthops *n, uint64_t now_ms);

/* Follows a destination under an id of the caller's; an id that is there gets the new address. */
int nexthops_add(struct nexthops *n, uint32_t id, const struct addr *dst, uint64_t now_ms);
void nexthops_remove(struct nexthops *n, uint32_t id);
const struct nexthop *nexthops_get(const struct nexthops *n, uint32_t id); /* NULL: not followed */

/* Resolved, or asked for again while the last MAC is still good. */
bool nexthop_is_usable(const struct nexthop *n);
/* "no route", …; whole sentences are the caller's. */
const char *nexthop_state_str(enum nexthop_state s);

#endif
