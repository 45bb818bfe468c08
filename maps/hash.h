/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hashes and packed words that both sides must compute alike: which bucket
 * holds a service, which slot of a ring and which set of the flow cache a flow
 * belongs to, what a flow entry says.  Pure; no map, no packet.
 */
#ifndef FAIRLEAD_HASH_H
#define FAIRLEAD_HASH_H

#include "abi.h"

/* Odd constants with no structure: fractional parts of the golden ratio and of sqrt(3). */
#define HASH_K0 0x9e3779b97f4a7c15ull
#define HASH_K1 0xbb67ae8584caa73bull

/* Both products of the halves matter, so no input bit is lost before it is spread. */
static inline __attribute__((always_inline)) __u64 hash_mix(__u64 a, __u64 b)
{
	a *= HASH_K0;
	a ^= a >> 32;
	a += b;
	a *= HASH_K1;
	return a ^ a >> 29;
}

static inline __attribute__((always_inline)) __u64 hash_half(const struct addr *a, int half)
{
	return (__u64)a->w[2 * half] << 32 | a->w[2 * half + 1];
}

/* The bucket, without the half's offset, where a service's search begins. */
static inline __attribute__((always_inline)) __u32
service_hash(const struct settings *s, const struct addr *vip, __be16 port, __u8 proto)
{
	__u64 h = s->hash_key[0] ^ ((__u64)port << 8 | proto);

	h = hash_mix(h ^ hash_half(vip, 0), hash_half(vip, 1));
	return h >> 32;
}

/* 64 keyed bits of a flow: the high half picks the ring slot, the low one the set and tag. */
static inline __attribute__((always_inline)) __u64
flow_hash(const struct settings *s, const struct addr *src, const struct addr *dst,
	  __be16 sport, __be16 dport, __u8 proto)
{
	__u64 ports = (__u64)sport << 32 | (__u64)dport << 8 | proto;
	__u64 h;

	h = hash_mix(s->hash_key[0] ^ hash_half(src, 1), s->hash_key[1] ^ ports);
	h = hash_mix(h ^ hash_half(dst, 1), hash_half(src, 0));
	return hash_mix(h ^ hash_half(dst, 0), s->hash_key[1]);
}

/* A slot below slots, evenly: a multiplication where a remainder would cost 20 cycles. */
static inline __attribute__((always_inline)) __u32 ring_slot_of(__u64 hash, __u32 slots)
{
	return (hash >> 32) * slots >> 32;
}

/*
 * A flow entry: tag in bits 63..32, backend id in 31..16, the backend's generation
 * in 15..8, an age in 7..1 that the packet path is free to use, and the probation
 * bit 0.  An entry whose backend is 0 is free.
 */
#define FLOW_PROBATION 1ull

static inline __attribute__((always_inline)) __u64 flow_entry(__u32 tag, __u16 backend,
							      __u8 generation, __u8 low)
{
	return (__u64)tag << 32 | (__u64)backend << 16 | (__u64)generation << 8 | low;
}

static inline __attribute__((always_inline)) __u32 flow_tag(__u64 entry)
{
	return entry >> 32;
}

static inline __attribute__((always_inline)) __u16 flow_backend(__u64 entry)
{
	return entry >> 16;
}

static inline __attribute__((always_inline)) __u8 flow_generation(__u64 entry)
{
	return entry >> 8;
}

#endif
