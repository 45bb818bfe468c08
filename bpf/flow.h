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
 * other before any established one does: a flood of single packets cannot push
 * established flows out.  In a set full of established
 * flows seen lately a newcomer is not remembered; its ring slot serves it as well
 * until the ring changes.
 */
#ifndef FLOW_H
#define FLOW_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "hash.h"

_Static_assert(FLOW_WAYS == 8, "masks of ways are bytes, and their bits' numbers have three bits");

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

/*
 * Where the longest unseen of a set's flows is, all of them established; FLOW_WAYS if even that was
 * seen lately.
 */
__noinline __u32 flow_oldest(const struct flow_set *set, __u8 age)
{
	__u32 most = FLOW_IDLE_AGES, at = FLOW_WAYS;

	if (!set)
		return at;
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		__u32 idle = (__u8)(age - (__u8)entry_read(set, way)) >> 1;

		if (idle < most)
			continue;
		most = idle;
		at = way;
	}
	return at;
}

/*
 * The number of the only bit in one of FLOW_WAYS.  Each product has another three bits at 5..7 (a
 * de Bruijn sequence), and they choose the digit.
 */
static __always_inline __u32 bit_number(__u32 bit)
{
	__u32 digit = bit * 0x17 >> 5 & 7;

	return 0x56374210u >> 4 * digit & 7;
}

/*
 * One of the ways in the mask, which are some.  Which one is up to the hash, or newcomers would
 * all replace each other.
 */
static __always_inline __u32 any_way(__u32 ways, __u64 hash)
{
	__u32 from = hash >> 29 & (FLOW_WAYS - 1), turned = (ways << FLOW_WAYS | ways) >> from;

	return (from + bit_number(turned & -turned)) & (FLOW_WAYS - 1);
}

/*
 * Remembers a flow in a free way, else in place of one on probation, else of one long unseen.
 * False when the set is full of better ones.  As in the search, nothing here is for a branch
 * predictor to guess but whether there are free ways at all.
 */
static __always_inline bool flow_remember(struct flow_set *set, __u64 hash, __u64 what)
{
	__u32 free = 0, probation = 0, way;

#pragma unroll
	for (__u32 i = 0; i < FLOW_WAYS; i++) {
		const volatile __u32 *entry = (const volatile __u32 *)&set->entry[i];

		probation |= (entry[0] & FLOW_PROBATION) << i;
		free |= (__u32)(((__u64)entry[1] - 1) >> 63) << i;
	}
	if (free)
		way = any_way(free, hash);
	else if (likely(probation))
		way = any_way(probation, hash);
	else
		way = flow_oldest(set, what & ~FLOW_PROBATION);
	if (way == FLOW_WAYS)
		return false;
	entry_write(set, way, what);
	return true;
}

#endif
