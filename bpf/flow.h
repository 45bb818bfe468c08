/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What we remember of flows: a set-associative cache, one cache line per lookup.
 *
 * An entry is one word, read and written whole, so CPUs need no lock; the worst a
 * race can do is to forget a flow or to remember it twice.  Nothing is believed
 * for being remembered: the caller holds generation and lease against it.
 * What writes is not static, so that the verifier looks at each once and not again
 * for every way that leads there.
 *
 * New flows are on probation until their second packet and give way to each
 * other before any established one does, the longest unseen first: a flood of
 * single packets cannot push established flows out.  In a set full of established
 * flows seen lately a newcomer is not remembered; its ring slot serves it as well
 * until the ring changes.
 */
#ifndef FLOW_H
#define FLOW_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "hash.h"

/* Ranks of what a newcomer may replace; below them all, established flows by their idleness. */
enum {
	RANK_PROBATION = 1 << 8,
	RANK_FREE = 1 << 9,
	RANK_WAY_BITS = 3, /* the way, in the low bits of a rank */
};

_Static_assert(FLOW_WAYS == 1 << RANK_WAY_BITS, "a way fits its bits");

static __always_inline __u64 entry_read(const struct flow_set *set, __u32 way)
{
	return *(const volatile __u64 *)&set->entry[way];
}

/* The mask is in asm, or the compiler knows it to be needless where old verifiers do not. */
static __always_inline void entry_write(struct flow_set *set, __u64 way, __u64 entry)
{
	asm("%0 &= 7" : "+r"(way));
	*(volatile __u64 *)&set->entry[way] = entry;
}

/*
 * 8 times the way if that way's tag is the one, else 0.  No branch: which way it is nobody can
 * predict, and a wrong guess would cost more than all eight comparisons.  The asm keeps the
 * compiler from making one.
 */
static __always_inline __u64 way_offset(const struct flow_set *set, __u32 way, __u32 tag)
{
	__u64 other = ((const volatile __u32 *)&set->entry[way])[1] ^ tag;

	other -= 1; /* the high half is all ones if there was no difference, else 0 */
	asm("" : "+r"(other));
	return other >> 58 & 8 * way;
}

/* Two CPUs remembered one flow at once: the first entry is kept. */
__noinline __u64 flow_settle(struct flow_set *set, __u32 tag)
{
	__u64 kept = 0;

	if (!set)
		return 0; /* the verifier does not see who calls */
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		__u64 entry = entry_read(set, way);

		if (flow_tag(entry) != tag || !flow_backend(entry))
			continue;
		if (kept)
			entry_write(set, way, 0);
		else
			kept = entry;
	}
	return kept;
}

/* The entry with that tag, 0 if none. */
static __always_inline __u64 flow_recall(struct flow_set *set, __u32 tag)
{
	__u64 at = 0, entry;

#pragma unroll
	for (__u32 way = 1; way < FLOW_WAYS; way++)
		at |= way_offset(set, way, tag);
	entry = *(const volatile __u64 *)((const void *)set + (at & 8 * (FLOW_WAYS - 1)));
	if (likely(flow_tag(entry) == tag))
		return entry;
	return at ? flow_settle(set, tag) : 0;
}

/* Puts what in the place of was; false if that is no longer there. */
__noinline bool flow_replace(struct flow_set *set, __u64 was, __u64 what)
{
	if (!set)
		return false;
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		if (entry_read(set, way) != was)
			continue;
		entry_write(set, way, what);
		return true;
	}
	return false;
}

/* Larger: rather replaced.  age has a 1 where the entry has its probation bit. */
static __always_inline __u32 entry_rank(__u64 entry, __u8 age)
{
	__u32 idle = (__u8)(age - (__u8)entry) >> 1;

	if (!flow_backend(entry))
		return RANK_FREE;
	return entry & FLOW_PROBATION ? RANK_PROBATION + idle : idle;
}

/* Equals are told apart by the hash, or newcomers would all replace each other. */
static __always_inline __u32 preferred_way(__u64 hash)
{
	return hash >> 29 & (FLOW_WAYS - 1);
}

/* False when the set is full of better flows. */
__noinline bool flow_find_room(struct flow_set *set, __u64 hash, __u64 what)
{
	__u32 twist = preferred_way(hash), best = 0;
	__u8 age = what | FLOW_PROBATION;

	if (!set)
		return false;
#pragma unroll
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		__u32 rank = entry_rank(entry_read(set, way), age) << RANK_WAY_BITS | (way ^ twist);

		best = rank > best ? rank : best;
	}
	if (best >> RANK_WAY_BITS < FLOW_IDLE_AGES)
		return false;
	entry_write(set, best ^ twist, what);
	return true;
}

/* Is one of the ways free?  Its tag is 0 then, and only then. */
static __always_inline bool set_has_room(const struct flow_set *set)
{
	__u64 any = 0;

#pragma unroll
	for (__u32 way = 0; way < FLOW_WAYS; way++)
		any |= (__u64)((const volatile __u32 *)&set->entry[way])[1] - 1;
	return any >> 63;
}

/*
 * Remembers a flow, or not: false when the set is full of better ones.  In a flood every set is
 * full and most entries are on probation, so that is asked first.
 */
static __always_inline bool flow_remember(struct flow_set *set, __u64 hash, __u64 what)
{
	__u32 way = preferred_way(hash);

	if (set_has_room(set) || !(entry_read(set, way) & FLOW_PROBATION))
		return flow_find_room(set, hash, what);
	entry_write(set, way, what);
	return true;
}

#endif
