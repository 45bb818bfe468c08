/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gets the packet: the backend that a flow is remembered with, else the one
 * that its ring slot names, and in either case only while its lease for the
 * service's class is alive.  Nothing here changes the packet.
 *
 * A slot that is settled needs no memory of flows: all of them are its primary's.  As
 * long as nothing happens to that backend, a packet costs the slot and the backend.
 * The first packet that must go elsewhere unsettles the slot.
 */
#ifndef STEER_H
#define STEER_H

#include "lease.h"
#include "limit.h"
#include "memory.h"
#include "parse.h"

enum {
	/* Slots looked at after a flow's own: with two ids each, 18 candidates. */
	RING_WALK = 8,
	/* Beside an id: its flow begins with this packet, as far as anybody can tell. */
	ASSIGNED_NEW = 1 << 16,
};

/* A service's ring, read as the daemon writes it: at once. */
union ring_ref {
	struct {
		__u32 first;
		__u32 slots;
	};
	__u64 both;
};

/* What assign() must know of a packet and its service; one word, to fit a register. */
union asking {
	struct {
		__u8 class;
		__u8 on_lapse;
		__u8 opens; /* enum opens */
		__u8 pad[5];
	};
	__u64 word;
};

/* The slot of a flow, or NULL when the ring is none (no slots) or reaches beyond the table. */
static __always_inline struct ring_slot *slot_of(__u64 ref, __u32 add, __u64 hash)
{
	union ring_ref ring = { .both = ref };
	__u32 slot = ring_slot_of(hash, ring.slots) + add, at, block;
	struct ring_block *b;

	if (slot >= ring.slots)
		slot -= ring.slots;
	at = ring.first + slot;
	block = at / RING_BLOCK;
	b = bpf_map_lookup_elem(&rings, &block);
	if (!b || !ring.slots)
		return NULL;
	asm volatile("" : "+r"(b)); /* or compilers add to it before it is known to be one */
	return &b->slot[at % RING_BLOCK];
}

/* May the backend have flows, be they new (then not if drained)?  *lapsed if just for its lease. */
static __always_inline bool takes(__u32 id, const union asking *a, bool anew, __u64 now,
				  bool *lapsed)
{
	const struct backend *b;

	if (!id)
		return false;
	b = bpf_map_lookup_elem(&backends, &id);
	if (!b || (anew && b->flags & BACKEND_DRAINED))
		return false;
	if (lease_is_alive(b, a->class, now))
		return true;
	*lapsed = true;
	return false;
}

/* Not all of its flows are the primary's: the daemon shall not settle it for a while. */
static __always_inline void keep_young(struct ring_slot *slot)
{
	volatile __u16 *primary = &slot->primary, *fallback = &slot->fallback;

	if (!(*fallback & SLOT_YOUNG))
		*fallback |= SLOT_YOUNG;
	if (*primary & SLOT_SETTLED)
		*primary &= ~SLOT_SETTLED;
}

/*
 * The ring's answer for a flow that is not remembered: the id of a backend, or minus an outcome.
 * Not static, like all that is called here, so that the verifier looks at it once.
 */
__noinline int pick(__u64 ref, __u64 hash, __u64 asked)
{
	union asking a = { .word = asked };
	struct ring_slot *slot = slot_of(ref, 0, hash);
	__u64 now = bpf_jiffies64();
	__u32 primary, fallback;
	bool lapsed = false;

	if (!slot)
		return ref >> 32 ? -OUT_INTERNAL : -OUT_NO_BACKEND;
	primary = slot->primary;
	fallback = slot->fallback & BACKEND_ID_MASK;
	if (primary & SLOT_MOVED && !a.opens) {
		if (takes(fallback, &a, false, now, &lapsed)) {
			keep_young(slot);
			return fallback;
		}
		if (lapsed && a.on_lapse != LAPSE_RESTEER)
			return -OUT_LEASE_LAPSED;
	}
	if (takes(primary & BACKEND_ID_MASK, &a, true, now, &lapsed))
		return primary & BACKEND_ID_MASK;
	/*
	 * A flow that this packet does not open is as good as known to be the primary's, settled
	 * or not: whoever opens one elsewhere unsettles the slot for all.
	 */
	if (lapsed && !a.opens && a.on_lapse != LAPSE_RESTEER)
		return -OUT_LEASE_LAPSED;
	keep_young(slot);
	for (int i = 0; i <= RING_WALK; i++) {
		primary = slot->primary & BACKEND_ID_MASK;
		fallback = slot->fallback & BACKEND_ID_MASK;
		if (i && takes(primary, &a, true, now, &lapsed))
			return primary;
		if (takes(fallback, &a, true, now, &lapsed))
			return fallback;
		slot = slot_of(ref, i + 1, hash);
		if (!slot)
			return -OUT_INTERNAL;
	}
	return lapsed ? -OUT_LEASE_LAPSED : -OUT_NO_BACKEND;
}

/*
 * For a packet that cannot go on without more thought: its flow is not remembered, or not by
 * today's date, or its backend has no lease.  was: what is remembered, 0 for nothing.  Answers an
 * id, perhaps with ASSIGNED_NEW, or minus an outcome.
 */
__noinline int assign(__u64 ref, __u64 hash, __u64 asked, __u64 was)
{
	union asking a = { .word = asked };
	struct flow_set *memory = memory_of(hash);
	__u64 now = bpf_jiffies64(), is;
	__u32 key = flow_backend(was);
	const struct backend *to;
	int id;

	if (!memory || a.class >= CLASS_COUNT)
		return -OUT_INTERNAL;
	to = bpf_map_lookup_elem(&backends, &key);
	if (was && to && to->generation == flow_generation(was)) {
		if (lease_is_alive(to, a.class, now)) {
			flow_replace(memory, was, (was & ~0xffull) | flow_age_of(now));
			return key;
		}
		if (a.on_lapse != LAPSE_RESTEER)
			return -OUT_LEASE_LAPSED;
	}
	id = pick(ref, hash, asked);
	if (id <= 0)
		return id;
	key = id;
	to = bpf_map_lookup_elem(&backends, &key);
	if (!to)
		return -OUT_INTERNAL;
	is = flow_entry(flow_tag_of(hash), id, to->generation, flow_age_of(now));
	if (was) {
		flow_replace(memory, was, is | (was & FLOW_PROBATION));
		return id;
	}
	return flow_remember(memory, hash, is | FLOW_PROBATION) ? id | ASSIGNED_NEW : id;
}

/* A backend and how it was found. */
struct choice {
	const struct backend *to; /* its lease is alive; NULL: see why */
	enum outcome why;
	bool anew; /* as ASSIGNED_NEW */
};

/*
 * What was decided, be it just now or before: an id, perhaps with ASSIGNED_NEW, or minus an
 * outcome.  The lease is asked about last, whichever way the backend was found.
 */
static __always_inline struct choice choice_of(int decided, __u32 class, __u64 now)
{
	struct choice c = { NULL, OUT_LEASE_LAPSED, decided > ASSIGNED_NEW };
	__u32 key = decided & BACKEND_ID_MASK;

	if (decided <= 0 || class >= CLASS_COUNT) {
		c.why = decided <= 0 ? -decided : OUT_CLASS_UNKNOWN;
		return c;
	}
	c.to = bpf_map_lookup_elem(&backends, &key);
	if (c.to && !lease_is_alive(c.to, class, now))
		c.to = NULL;
	return c;
}

/* The other way around; never 0. */
static __always_inline int decision_of(const struct choice *c)
{
	if (!c->to)
		return -(int)c->why;
	return c->to->id | (c->anew ? ASSIGNED_NEW : 0);
}

/*
 * A flow that is not remembered, where that is simple, as nearly always: its own slot has its
 * primary, alive.  Here because assign() is a call, which costs as much as all of this.
 */
static __always_inline bool begin(struct flow_set *memory, const struct ring_slot *slot, __u64 hash,
				  const union asking *a, __u64 now, struct choice *c)
{
	__u32 primary = slot ? slot->primary : 0, key = primary & BACKEND_ID_MASK;
	const struct backend *to = bpf_map_lookup_elem(&backends, &key);
	__u64 is;

	if (!memory || !key || primary & SLOT_MOVED || !to || to->flags & BACKEND_DRAINED ||
	    !lease_is_alive(to, a->class, now))
		return false;
	is = flow_entry(flow_tag_of(hash), key, to->generation, flow_age_of(now));
	c->to = to;
	c->anew = flow_remember(memory, hash, is | FLOW_PROBATION);
	return true;
}

/*
 * A backend for the flow.  In steady state nothing is written; a second packet, or the first in a
 * while, renews what is remembered.
 */
static __always_inline struct choice choose(const struct settings *set, const struct service *s,
					    __u32 class, __u64 hash, __u32 opens)
{
	union asking a = { .class = class, .on_lapse = s->on_lapse, .opens = opens };
	__u64 ref = *(const volatile __u64 *)&s->ring_ref, now = bpf_jiffies64(), was = 0;
	struct choice c = { NULL, OUT_CLASS_UNKNOWN, false };
	struct ring_slot *slot = NULL;
	struct flow_set *memory = NULL;
	__u32 key = 0;

	if (a.class >= CLASS_COUNT)
		return c;
	if (s->flags & SERVICE_SETTLES)
		slot = slot_of(ref, 0, hash);
	if (slot && slot->primary & SLOT_SETTLED) {
		key = slot->primary & BACKEND_ID_MASK;
		c.to = bpf_map_lookup_elem(&backends, &key);
		c.anew = opens == OPENS;
		if (likely(c.to && lease_is_alive(c.to, a.class, now)))
			return c;
	} else {
		memory = memory_in(hash, set->flows_mask);
		if (memory)
			was = flow_recall(memory, flow_tag_of(hash));
		key = flow_backend(was);
		if (slot && was && (key ^ slot->primary) & BACKEND_ID_MASK)
			keep_young(slot);
		c.to = bpf_map_lookup_elem(&backends, &key);
		if (likely(c.to && (__u16)was == (c.to->generation << 8 | flow_age_of(now)) &&
			   lease_is_alive(c.to, a.class, now)))
			return c;
	}
	was = was ?: recall_before(set, hash);
	if (!was && s->new_rate && !flow_may_begin(s->id, s->new_rate, s->new_burst))
		return choice_of(-OUT_RATE_LIMITED, a.class, now);
	if (!was && begin(memory, slot ?: slot_of(ref, 0, hash), hash, &a, now, &c))
		return c;
	return choice_of(assign(ref, hash, a.word, was), a.class, now);
}

#endif
