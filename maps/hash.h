/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hashes and packed words that both sides must compute alike: which bucket
 * holds a service, which slot of a ring and which set of the flow cache a flow
 * belongs to, what a flow entry says.  Pure; no map, no packet.
 */
#ifndef FAIRLEAD_HASH_H
#define FAIRLEAD_HASH_H

#include "abi.h"

#define HASH_INLINE static inline __attribute__((always_inline))

/* Odd constants with no structure: fractional parts of the golden ratio and of sqrt(3). */
#define HASH_K0 0x9e3779b97f4a7c15ull
#define HASH_K1 0xbb67ae8584caa73bull

/* Both products of the halves matter, so no input bit is lost before it is spread. */
HASH_INLINE __u64 hash_mix(__u64 a, __u64 b)
{
	a *= HASH_K0;
	a ^= a >> 32;
	a += b;
	a *= HASH_K1;
	return a ^ a >> 29;
}

/*
 * 64 bits of input times 64 of key, as NH does it (RFC 4418, 5.2): the product of the two keyed
 * halves.  Sums of these collide with a chance of 2^-32 over the key, whatever the inputs: no
 * pair of inputs collides under many keys, as it would when the key were only added.
 */
HASH_INLINE __u64 hash_fold(__u64 x, __u64 key)
{
	x += key;
	return (x >> 32) * (__u32)x;
}

/* Half 0 of an IPv4 address is 0; half 1 is 0xffff0000 and the address above it. */
HASH_INLINE __u64 hash_half(const struct addr *a, int half)
{
	return a->w[2 * half] | (__u64)a->w[2 * half + 1] << 32;
}

/* Port, protocol and kind of a service as they lie in a slot: one word. */
HASH_INLINE __u32 service_rest(__be16 port, __u8 proto, __u8 kind)
{
	return port | (__u32)proto << 16 | (__u32)kind << 24;
}

/*
 * 64 bits of where a packet goes; those of a flow are built upon them.  Without a key, for nobody
 * but the daemon chooses VIPs.  No two IPv4 services have the same.
 */
HASH_INLINE __u64 destination_hash(__u64 half0, __u64 half1, __u32 rest)
{
	__u64 address =
		half1 >> 32 | half1 << 32; /* what differs most goes where a product sees it */

	return ((address ^ (__u64)rest << 32) + half0 * HASH_K0) * HASH_K1;
}

/* The bucket, without the half's offset, where a service's search begins. */
HASH_INLINE __u32 service_bucket_of(__u64 destination)
{
	return destination >> 48;
}

HASH_INLINE __u32 service_hash(const struct addr *vip, __be16 port, __u8 proto, __u8 kind)
{
	__u32 rest = service_rest(port, proto, kind);

	return service_bucket_of(destination_hash(hash_half(vip, 0), hash_half(vip, 1), rest));
}

/*
 * 64 keyed bits of a flow to it.  Sources are for anybody to choose, so each half is folded.  Of
 * an IPv4 source the low word of half 1 says nothing, so the port has room there; of an IPv6
 * source it does, so the port counts once more, or some sources with it would all look alike.
 */
HASH_INLINE __u64 flow_hash_to(const struct settings *s, __u64 destination, __u64 half0,
			       __u64 half1, __be16 sport)
{
	__u64 h = hash_fold(half1 ^ sport, s->hash_key[1]) + destination;

	if (half0)
		h += hash_fold(half0, s->hash_key[0]) + sport * HASH_K0;
	h ^= h >> 32;
	h *= HASH_K0;
	return h ^ h >> 29;
}

HASH_INLINE __u64 flow_hash(const struct settings *s, const struct addr *src,
			    const struct addr *dst, __be16 sport, __be16 dport, __u8 proto)
{
	__u32 rest = service_rest(dport, proto, SERVICE_PORT);
	__u64 to = destination_hash(hash_half(dst, 0), hash_half(dst, 1), rest);

	return flow_hash_to(s, to, hash_half(src, 0), hash_half(src, 1), sport);
}

/* A server id of QUIC, in network order at the low end, of one service; never 0. */
HASH_INLINE __u64 quic_key_of(__u32 server, __u16 service)
{
	return 1ull << 48 | (__u64)service << 32 | server;
}

/* Where its search begins.  Ids are the operator's, so there is no key, but they may be 1, 2, 3. */
HASH_INLINE __u32 quic_bucket_of(__u64 key)
{
	return hash_mix(key, key) >> 32 & (QUIC_BUCKETS - 1);
}

/* A slot below slots, evenly: a multiplication where a remainder would cost 20 cycles. */
HASH_INLINE __u32 ring_slot_of(__u64 hash, __u32 slots)
{
	return (hash >> 32) * slots >> 32;
}

#define FLOW_SET_LOW (FLOW_SETS_FIRST - 1u)

/*
 * The set of a flow: by the low bits of the hash, and in a table of more than FLOW_SETS_FIRST sets
 * by bits of the tag from its third on (below are those of marks.h), so that an entry says itself
 * where it belongs once the table has grown.
 */
HASH_INLINE __u32 flow_set_of(__u64 hash, __u32 flows_mask)
{
	return (((__u32)hash & FLOW_SET_LOW) | ((__u32)(hash >> 21) & ~FLOW_SET_LOW)) & flows_mask;
}

/* The same of an entry that lies in that set, perhaps of a smaller table. */
HASH_INLINE __u32 flow_set_again(__u64 entry, __u32 set, __u32 flows_mask)
{
	return ((set & FLOW_SET_LOW) | ((__u32)(entry >> 21) & ~FLOW_SET_LOW)) & flows_mask;
}

/*
 * The sets, of at most so many, in which so many flows fill a quarter of the entries: then one flow
 * in 7,000 finds its set full, and is not remembered.  Of half it would be one in 110.
 */
HASH_INLINE __u32 flow_sets_for(__u64 flows, __u32 most)
{
	__u32 sets = most < FLOW_SETS_FIRST ? most : FLOW_SETS_FIRST;

	while (sets < most && flows * 4 > (__u64)sets * FLOW_WAYS)
		sets *= 2;
	return sets;
}

/*
 * The bits that also pick the ring slot, on purpose: two flows that share set and tag, and so an
 * entry, share the slot too, and go where they would have gone anyway.  Never 0, the tag of free
 * entries.
 */
HASH_INLINE __u32 flow_tag_of(__u64 hash)
{
	return hash >> 32 | 1;
}

/*
 * A flow entry: tag in bits 63..32, backend id in 31..16, the backend's generation
 * in 15..8, in 7..1 when it was last seen (flow_age_of), and the probation bit 0.
 * An entry whose backend is 0 is free.
 */
#define FLOW_PROBATION 1ull

enum {
	/* An age is 2^13 jiffies: 8 s at HZ 1000, 82 s at HZ 100. */
	FLOW_AGE_SHIFT = 13,
	FLOW_AGE_MASK = 127,
	/* So long unseen, an established flow makes room in a full set: 1 to 11 minutes. */
	FLOW_IDLE_AGES = 8,
};

/* Bits 7..1 of an entry seen now. */
HASH_INLINE __u8 flow_age_of(__u64 jiffies)
{
	return (jiffies >> FLOW_AGE_SHIFT & FLOW_AGE_MASK) << 1;
}

HASH_INLINE __u64 flow_entry(__u32 tag, __u16 backend, __u8 generation, __u8 low)
{
	return (__u64)tag << 32 | (__u64)backend << 16 | (__u64)generation << 8 | low;
}

HASH_INLINE __u32 flow_tag(__u64 entry)
{
	return entry >> 32;
}

HASH_INLINE __u16 flow_backend(__u64 entry)
{
	return entry >> 16;
}

HASH_INLINE __u8 flow_generation(__u64 entry)
{
	return entry >> 8;
}

#endif
