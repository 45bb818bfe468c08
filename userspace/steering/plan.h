/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which backends a service's ring shall hold, with which weights, and whether it has to
 * be rebuilt now, may be, or not.  Pure: it reads peers and costs, and decides.
 *
 * Who is a member is decided by peer_may_serve() alone; costs order and weigh the
 * members.  An empty ring is never asked for: see PLAN_KEEP and PLAN_WITHDRAW.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "steering/cost.h"
#include "steering/peer.h"
#include "steering/ring.h"

struct plan_backend {
	uint16_t id;  /* in the maps */
	uint64_t key; /* ring_key(name) */
	const struct peer *peer;
	const struct cost *cost;
};

struct plan_service {
	enum class class;
	bool cheapest;			     /* select: cheapest */
	const struct plan_backend *backends; /* all that are configured for it */
	size_t backends_count;
};

/* What the ring in the maps was built from; the caller keeps one per service. */
struct plan_ring {
	struct ring_member *members; /* room for capacity of them */
	size_t count, capacity;
	bool published;	  /* false: the service has no ring */
	uint32_t waiting; /* ring_moves.waiting of the last rebuild */
	uint64_t built_ms;
};

enum plan_verdict {
	PLAN_KEEP,    /* nothing to do; also when nobody is eligible: the kernel refuses by lease */
	PLAN_LATER,   /* costs have moved, but rebuild_ms since the last rebuild is not over */
	PLAN_COSTS,   /* rebuild: same members, other weights or moves still waiting */
	PLAN_MEMBERS, /* rebuild now: somebody came or went */
	PLAN_WITHDRAW, /* nobody is eligible, and the ring names one that is not the service's any
			* more: take the ring away, or it would steer to the id's next owner */
};

/*
 * Fills members[] (room for service->backends_count) and *count, for ring_update(): in the order of
 * service->backends, but if cheapest with the cheapest first and the next one second.  Decides by
 * comparing them with what was built.
 */
enum plan_verdict plan_service(const struct plan_service *service, const struct plan_ring *built,
			       uint64_t now_ms, uint64_t rebuild_ms, struct ring_member members[],
			       size_t *count);

/*
 * What a former daemon left: the ring's own ids stand for its members, so that the first plan
 * rebuilds only if they are others.  Then, after each publication, plan_published().  0, or -ENOSPC
 * when there are more than r->capacity.
 */
int plan_adopt(struct plan_ring *r, const struct ring_slot *ring, uint32_t slots, uint64_t now_ms);
int plan_published(struct plan_ring *r, const struct ring_member members[], size_t count,
		   uint32_t waiting, uint64_t now_ms);
void plan_withdrawn(struct plan_ring *r);

/* When PLAN_LATER turns into PLAN_COSTS. */
uint64_t plan_due_ms(const struct plan_ring *r, uint64_t rebuild_ms);

#endif
