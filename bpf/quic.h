/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets of QUIC connections by connection id, so that a client that changes its address
 * stays with its backend: the server put its id into the connection id, in the clear
 * (draft-ietf-quic-load-balancers-20, 5.2), and every packet the client sends since
 * begins with it.
 *
 * Initial and 0-RTT packets have an id that the client drew, and go by addresses and ports;
 * so does what names no server of ours, and versions other than 1 and 2 (RFC 9000, 17.2;
 * RFC 9369, 3.2).  A name is not proof: it only chooses, the lease decides.
 */
#ifndef QUIC_H
#define QUIC_H

#include "hash.h"
#include "lease.h"
#include "parse.h"
#include "steer.h"

enum {
	QUIC_LONG = 0x80,
	QUIC_FIXED = 0x40, /* 0 in nothing that a client of version 1 or 2 sends */
	QUIC_ID_MAX = 20,
	/* Bits of a long packet's type, RFC 9000; version 2 counts from another one. */
	QUIC_INITIAL = 0,
	QUIC_ZERO_RTT = 1,
	QUIC_LB_UNROUTABLE = 7, /* configuration id of draft-ietf-quic-load-balancers, 3.1 */
};

#define QUIC_VERSION_1 1u
#define QUIC_VERSION_2 0x6b3343cfu

/* No hash map: its look-up costs as much as all the rest of the packet. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, QUIC_BUCKETS);
	__type(key, __u32);
	__type(value, struct quic_bucket);
} quic_servers SEC(".maps");

/* What quic_named() must know of a service; one word, to fit a register. */
union quic_asking {
	struct {
		__u16 service;
		__u8 offset;
		__u8 length;
		__u8 pad[4];
	};
	__u64 word;
};

static __always_inline union quic_asking quic_asking(const struct service *s)
{
	return (union quic_asking){ .service = s->id,
				    .offset = s->quic_offset,
				    .length = s->quic_length };
}

/* Does a long packet of that version carry an id that the client drew? */
static __always_inline bool is_clients(__u32 version, __u8 first)
{
	__u32 type = first >> 4 & 3;

	if (version == QUIC_VERSION_2)
		type = (type - 1) & 3;
	else if (version != QUIC_VERSION_1)
		return true;
	return type == QUIC_INITIAL || type == QUIC_ZERO_RTT;
}

/* Moves to the connection id; how long it is if that is said, 0 for none that counts. */
static __always_inline __u32 find_id(struct cursor *c)
{
	const __u8 *first = take(c, 1), *rest;
	__u32 version;

	if (!first || !(*first & QUIC_FIXED))
		return 0;
	if (!(*first & QUIC_LONG))
		return QUIC_ID_MAX;
	rest = take(c, 5);
	if (!rest)
		return 0;
	version = (__u32)rest[0] << 24 | rest[1] << 16 | rest[2] << 8 | rest[3];
	return is_clients(version, *first) ? 0 : rest[4];
}

/* The backend of a server id, with its generation above it; 0 for nobody's. */
static __always_inline __u64 quic_find(__u32 server, __u16 service)
{
	__u64 key = quic_key_of(server, service);

	for (__u32 probe = 0; probe < QUIC_PROBES; probe++) {
		__u32 at = (quic_bucket_of(key) + probe) & (QUIC_BUCKETS - 1);
		const struct quic_bucket *b = bpf_map_lookup_elem(&quic_servers, &at);

		if (!b)
			return 0;
#pragma unroll
		for (int i = 0; i < QUIC_SLOTS; i++)
			if (*(const volatile __u64 *)&b->slot[i].key == key)
				return *(const volatile __u64 *)&b->slot[i].backend;
	}
	return 0;
}

/*
 * The id of the backend whose server id the packet has, whatever its lease; 0 if it names none.
 * udp: where its header is.
 */
static __always_inline __u32 quic_named(struct hook_context *ctx, __u32 udp, union quic_asking a)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	__u32 length, at, server;
	const struct backend *to;
	const __u8 *id;
	__u64 found;

	if (!take(&c, (udp & 127) + sizeof(struct udphdr)))
		return 0;
	length = find_id(&c);
	if (length > QUIC_ID_MAX || (__u32)a.offset + a.length > length || a.length > 4)
		return 0;
	id = c.pos;
	if ((void *)(id + 1) > c.end)
		return 0;
	if (a.offset == 1 && *id >> 5 == QUIC_LB_UNROUTABLE)
		return 0;
	/* Read as four bytes at once: behind the id, a packet has at least its tag of 16. */
	if (!take(&c, a.offset & 31))
		return 0;
	id = take(&c, 4);
	if (!id || !a.length)
		return 0;
	server = bpf_ntohl(*(const __be32 *)id) >> (32 - 8 * a.length & 31);
	found = quic_find(server, a.service);
	at = (__u16)found;
	to = bpf_map_lookup_elem(&backends, &at);
	return at && to && to->generation == (__u8)(found >> 16) ? at : 0;
}

/* The same by a call, for the general way.  Not static, so that the verifier looks at it once. */
__noinline int quic_backend(struct hook_context *ctx, __u32 udp, __u64 asked)
{
	union quic_asking a = { .word = asked };

	return quic_named(ctx, udp, a);
}

/*
 * Whether the server that the packet names, an id or 0 for none, settles who gets it: *c, which is
 * nobody where it has no lease.  Otherwise addresses and ports are to.
 */
static __always_inline bool quic_chooses(__u32 named, const struct service *s, __u32 class,
					 struct choice *c)
{
	if (!named)
		return false;
	*c = choice_of(named, class, bpf_jiffies64());
	return c->to || s->on_lapse != LAPSE_RESTEER;
}

#endif
