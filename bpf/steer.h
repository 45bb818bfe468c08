/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gets the packet: the backend that a flow is remembered with, else the one
 * that its ring slot names, and in either case only while its lease for the
 * service's class is alive.  Nothing here changes the packet.
 */
#ifndef STEER_H
#define STEER_H

#include "encap.h"
#include "flow.h"
#include "lease.h"
#include "service.h"

enum {
	/* Slots looked at after a flow's own: with two ids each, 18 candidates. */
	RING_WALK = 8,
};

/* A service's ring, read as the daemon writes it: at once. */
union ring_ref {
	struct {
		__u32 first;
		__u32 slots;
	};
	__u64 both;
};

/* May the backend be given new flows?  If not for its lease alone, *lapsed says so. */
static __always_inline bool takes_new(__u32 id, __u32 class, __u64 now, bool *lapsed)
{
	const struct backend *b;

	if (!id)
		return false;
	b = bpf_map_lookup_elem(&backends, &id);
	if (!b || b->flags & BACKEND_DRAINED)
		return false;
	if (lease_is_alive(b, class, now))
		return true;
	*lapsed = true;
	return false;
}

/*
 * The ring's answer for a flow, from its own slot or those that follow: the id of a backend, or
 * minus an outcome.  Not static, so that the verifier looks at it once.
 */
__noinline int pick(__u64 ref, __u64 hash, __u32 class)
{
	union ring_ref ring = { .both = ref };
	__u32 slot = ring_slot_of(hash, ring.slots);
	__u64 now = bpf_jiffies64();
	bool lapsed = false;

	if (!ring.slots)
		return -OUT_NO_BACKEND;
	if (class >= CLASS_COUNT)
		return -OUT_CLASS_UNKNOWN;
	for (int i = 0; i <= RING_WALK; i++) {
		__u32 at = ring.first + slot, block = at / RING_BLOCK;
		const struct ring_block *b = bpf_map_lookup_elem(&rings, &block);
		const struct ring_slot *r;

		if (!b)
			return -OUT_INTERNAL;
		r = &b->slot[at % RING_BLOCK];
		if (takes_new(r->primary, class, now, &lapsed))
			return r->primary;
		if (takes_new(r->fallback, class, now, &lapsed))
			return r->fallback;
		slot = slot + 1 < ring.slots ? slot + 1 : 0;
	}
	return lapsed ? -OUT_LEASE_LAPSED : -OUT_NO_BACKEND;
}

/* pick(), without the call when a flow's own slot has its primary alive, as almost always. */
static __always_inline int pick_here(__u64 ref, __u64 hash, __u32 class, __u64 now)
{
	union ring_ref ring = { .both = ref };
	__u32 at = ring.first + ring_slot_of(hash, ring.slots), block = at / RING_BLOCK, id;
	const struct ring_block *b = bpf_map_lookup_elem(&rings, &block);
	bool lapsed;

	if (likely(b && ring.slots)) {
		id = b->slot[at % RING_BLOCK].primary;
		if (likely(takes_new(id, class, now, &lapsed)))
			return id;
	}
	return pick(ref, hash, class);
}

/* A backend from the ring for a flow that has none, or none any more (was), and remembers it. */
static __always_inline const struct backend *assign(struct flow_set *set, __u64 was, __u64 now,
						    struct choice *c)
{
	__u64 ref = *(const volatile __u64 *)&c->service->ring_ref, is;
	int id = pick_here(ref, c->hash, c->class, now);
	const struct backend *to;
	__u32 key = id;

	c->id = id;
	c->why = id < 0 ? -id : OUT_INTERNAL;
	if (id <= 0)
		return NULL;
	to = bpf_map_lookup_elem(&backends, &key);
	if (!to)
		return NULL;
	is = flow_entry(flow_tag_of(c->hash), id, to->generation, flow_age_of(now));
	if (was)
		flow_replace(set, was, is | (was & FLOW_PROBATION));
	else
		c->new_flow = flow_remember(set, c->hash, is | FLOW_PROBATION);
	return to;
}

/* The backend that entry names, if it is still the same one; else NULL. */
static __always_inline const struct backend *known(__u64 entry)
{
	__u32 id = flow_backend(entry);
	const struct backend *b = bpf_map_lookup_elem(&backends, &id);

	return b && b->generation == flow_generation(entry) ? b : NULL;
}

/*
 * A backend for the flow, by memory or by ring, or NULL and why.  In steady state the cache line
 * is only read; a second packet, or the first in a while, renews the entry.  The lease is asked
 * about last, here or in pick().
 */
static __always_inline const struct backend *choose(struct flow_set *set, struct choice *c)
{
	__u64 was = flow_recall(set, flow_tag_of(c->hash)), now = bpf_jiffies64();
	__u8 age = flow_age_of(now);
	const struct backend *to = known(was);

	c->new_flow = false;
	if (!likely(was && to && lease_is_alive(to, c->class, now)))
		return assign(set, was, now, c);
	c->id = flow_backend(was);
	if (!likely((__u8)was == age))
		flow_replace(set, was, (was & ~0xffull) | age);
	return to;
}

static __always_inline enum outcome route(const struct settings *set, const struct packet *p,
					  struct choice *c)
{
	__u64 to = destination_hash(set, p->dst.half[0], p->dst.half[1], p->dport, p->proto);
	struct service_key key = { p->dst, service_rest(p->dport, p->proto, SERVICE_PORT) };
	struct flow_set *memory;
	enum outcome o;
	__u32 at;

	o = service_find(set, service_bucket_of(to), &key, &c->service);
	if (o != OUT_STEERED)
		return o;
	c->class = *(const volatile __u8 *)&c->service->class;
	if (c->class >= CLASS_COUNT)
		return OUT_CLASS_UNKNOWN;
	c->hash = flow_hash_to(set, to, p->src.half[0], p->src.half[1], p->sport);
	at = flow_set_of(c->hash, set->flows_mask);
	memory = bpf_map_lookup_elem(&flows, &at);
	if (!memory)
		return OUT_INTERNAL;
	c->to = choose(memory, c);
	return c->to ? OUT_STEERED : c->why;
}

#endif
