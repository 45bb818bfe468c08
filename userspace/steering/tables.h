/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps of the packet path as memory: plain stores that the next packet sees.
 *
 * Everything can be done while packets flow.  A service moves to another ring by one
 * store, all services change by one store (the live half), a lease is one store.
 * What may not be seen half written is written where nobody looks, and what may still
 * be looked at is not written again before a grace has passed (every program that
 * runs now has ended).
 *
 * Names keep their ids for as long as the maps live: `names`, pinned beside the others,
 * says which id is whose, so the next daemon finds its backends and their running
 * leases again.  Single writer: one daemon.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/messages.h"
#include "steering/dataplane.h"
#include "steering/marks.h"
#include "steering/nexthop.h"
#include "steering/quic.h"
#include "steering/settle.h"

struct tables;

struct backend_want {
	char name[NAME_MAX_BYTES];
	struct addr addr;
};

/* What became of a wanted backend. */
struct backend_held {
	uint16_t id;
	uint8_t generation;
	bool kept; /* same name, same address as before: its leases run on, see tables_lease_of() */
};

struct service_want {
	char name[NAME_MAX_BYTES];
	struct addr vip;
	uint16_t port; /* host order */
	uint8_t proto;
	enum class class;
	enum refusal refusal;
	enum on_lapse on_lapse;
	enum forward forward;
	uint16_t mss;		      /* the largest of a SYN; 0: any */
	uint32_t new_rate, new_burst; /* new flows per second and at once, of each CPU; 0: any */
	uint8_t quic_offset, quic_length; /* length 0: by addresses alone */
	struct service_marks marks; /* sources is the caller's */
	bool settles; /* its slots may settle: for TCP, which says when a flow begins */
};

/* Maps the maps.  Changes nothing yet, except that `names` is made where it lacks. */
int tables_open(struct tables **out, struct dataplane *d, char why[DATAPLANE_WHY_MAX]);
/* The same for reading; the one thing that can be written is flows, see flows_purge(). */
int tables_view(struct tables **out, struct dataplane *d, char why[DATAPLANE_WHY_MAX]);
void tables_close(struct tables *t); /* takes NULL; the maps stay as they are */

/*
 * Makes the tables ours.  Live ones keep their keys, leases, flows and rings; fresh ones are
 * cleared and given keys (random bytes from the caller).  *live says which it was.
 */
int tables_take_over(struct tables *t, const uint64_t keys[2], bool *live,
		     char why[DATAPLANE_WHY_MAX]);
/* Outer source addresses; one that is all zero stays as it is. */
void tables_set_source(struct tables *t, const struct addr *source4, const struct addr *source6);

/*
 * Makes the backends exactly these: the others lose their leases, at once and first; a changed
 * address loses its leases before it is written.  held[i] answers want[i].  Fails before any
 * change: -ENOSPC, -EEXIST for a name said twice.
 */
int tables_set_backends(struct tables *t, const struct backend_want *want, size_t count,
			struct backend_held *held, char why[DATAPLANE_WHY_MAX]);
/*
 * Makes the services exactly these; ids[i] answers want[i].  A service that keeps its name keeps
 * its id, its ring and its counters; an unchanged set stores nothing.  Fails before any change.
 */
int tables_set_services(struct tables *t, const struct service_want *want, size_t count,
			uint16_t *ids, char why[DATAPLANE_WHY_MAX]);
/* The server ids of all services that route QUIC; see quic.h. */
int tables_set_quic(struct tables *t, struct quic_server *servers, size_t count,
		    char why[DATAPLANE_WHY_MAX]);
/* Copies ring to a free region and moves the service there by one store; 0 slots takes it away. */
int tables_set_ring(struct tables *t, uint16_t service, const struct ring_slot *ring,
		    uint32_t slots, char why[DATAPLANE_WHY_MAX]);
/* The ring that a service has now, with its flags; NULL and 0 slots if none; valid until its next
 * tables_set_ring(). */
const struct ring_slot *tables_ring(const struct tables *t, uint16_t service, uint32_t *slots);

/* Once a period: lets slots settle; see settle_sweep(). */
struct settle_count tables_settle(struct tables *t, uint16_t service, uint64_t now);

/* One 8-byte store each.  until is in jiffies64, already clamped by the caller. */
void tables_lease(struct tables *t, uint16_t id, enum class c, uint64_t until);
uint64_t tables_lease_of(const struct tables *t, uint16_t id, enum class c); /* 0: none */
void tables_revoke(struct tables *t, uint16_t id);			     /* every class */
void tables_revoke_all(struct tables *t);

/* What was done by hand (enum backend_flags), for the kernel and for the next daemon. */
void tables_set_hand(struct tables *t, uint16_t id, uint8_t flags);
/*
 * The way to a backend; one that is not usable (nexthop_is_usable()) is written as none, and its
 * packets are refused.  The MACs are two words each: a packet at that very instant may be lost.
 */
void tables_set_nexthop(struct tables *t, uint16_t id, const struct nexthop *n);

/* By id, for showing: NULL when nobody has it. */
const struct backend *tables_backend(const struct tables *t, uint16_t id);
const char *tables_backend_name(const struct tables *t, uint16_t id);
const char *tables_service_name(const struct tables *t, uint16_t id);
/* Its address, of either family. */
struct addr tables_backend_addr(const struct backend *b);
uint16_t tables_backend_find(const struct tables *t, const char *name); /* 0: nobody */
uint32_t tables_backends_max(const struct tables *t);
uint32_t tables_services_max(const struct tables *t);
uint32_t tables_ring_slots(const struct tables *t); /* of all rings together */
uint32_t tables_ring_slots_free(const struct tables *t);
bool tables_are_live(const struct tables *t); /* a daemon has filled them */

#endif
