/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The headers we put before a packet, and the frame it leaves in.  Every byte of
 * what is prepended is written here; the inner packet is not touched.
 *
 * Outer header: DSCP and ECN are the inner one's (RFC 2983, uniform; RFC 6040,
 * normal mode), TTL is 64.  IPv4 always has DF (RFC 2003, 3.1 permits it): a
 * guard could not decapsulate fragments, and an atomic datagram needs no id (RFC
 * 6864).  IPv6 has a flow label of the flow's hash, so that routers in between can
 * spread what one pair of addresses carries (RFC 6438).
 *
 * GUE (draft-ietf-intarea-gue-09) is variant 1: the inner IP header follows UDP at once,
 * as in what Katran sends and what Linux' `ip fou add ... gue` takes beside variant 0.
 * The source port is the flow's hash, so that paths and queues that know of 5-tuples
 * spread flows.  The UDP checksum is zero: always permitted over IPv4, over IPv6 for
 * tunnels whose ends know each other and whose payload has checksums of its own (RFC
 * 6935, 6936), and where a guard only lets known routers in.
 */
#ifndef ENCAP_H
#define ENCAP_H

#include "parse.h"

enum {
	OUTER_TTL = 64,
	FLOW_LABEL_MASK = 0xfffff,
	GUE_SOURCE = 0xc000, /* 49152 to 65535: RFC 6335, dynamic ports */
	L2_MAX = sizeof(struct ethhdr) + VLAN_TAGS_MAX * sizeof(struct vlan_tag),
};

/* In two stores. */
struct mac {
	__u32 first;
	__u16 rest;
};

static __always_inline struct mac mac_read(const void *p)
{
	return (struct mac){ *(const __u32 *)p, *(const __u16 *)(p + 4) };
}

static __always_inline void mac_write(void *p, struct mac m)
{
	*(__u32 *)p = m.first;
	*(__u16 *)(p + 4) = m.rest;
}

static __always_inline bool mac_is_zero(struct mac m)
{
	return !(m.first | m.rest);
}

/*
 * From a sum of 32-bit words as they lie to the checksum of their 16-bit halves: RFC 1071.  A word
 * added to itself turned around has its end-around carry in its high half.
 */
static __always_inline __u16 checksum_fold(__u64 sum)
{
	__u32 half;

	sum += sum << 32 | sum >> 32;
	half = sum >> 32;
	half += half << 16 | half >> 16;
	return ~(half >> 16);
}

struct outer4 {
	__be32 src;
	__be32 dst;
	__u32 length; /* of all; below 2^16 */
	__u32 proto;
	__u32 tos;
};

/* ip is where an IPv4 header shall be.  The checksum is the high half of its third word. */
static __always_inline void ipv4_write(struct iphdr *ip, const struct outer4 *o)
{
	__u32 first = bpf_htonl(0x45u << 24 | o->tos << 16 | o->length);
	__u32 second = bpf_htonl(0x4000); /* id 0, DF */
	__u32 third = bpf_htonl((__u32)OUTER_TTL << 24 | o->proto << 16);
	__u64 sum = (__u64)first + second + third + o->src + o->dst;
	__u32 *w = (__u32 *)ip;

	w[0] = first;
	w[1] = second;
	w[2] = third | (__u32)checksum_fold(sum) << 16;
	w[3] = o->src;
	w[4] = o->dst;
}

struct outer6 {
	union ip src;
	union ip dst;
	__u32 label;   /* 20 bits */
	__u32 payload; /* below 2^16 */
	__u32 proto;
	__u32 tos;
};

static __always_inline void ipv6_write(struct ipv6hdr *ip, const struct outer6 *o)
{
	__u32 *w = (__u32 *)ip;
	__u64 *half = (__u64 *)(w + 2);

	w[0] = bpf_htonl(6u << 28 | o->tos << 20 | o->label);
	w[1] = bpf_htonl(o->payload << 16 | o->proto << 8 | OUTER_TTL);
	half[0] = o->src.half[0];
	half[1] = o->src.half[1];
	half[2] = o->dst.half[0];
	half[3] = o->dst.half[1];
}

/* Where a frame goes, and as whose. */
struct hop {
	struct mac dst;
	struct mac src;
	__be16 proto;
};

static __always_inline struct hop hop_to(const struct backend *to)
{
	return (struct hop){ mac_read(to->mac), mac_read(to->source_mac), to->ethertype };
}

/*
 * Puts a frame around the packet and what was prepended to it: the old one began grow bytes
 * further in, its tags are kept.  Answers where the new IP header shall be, with room for grow
 * bytes, or NULL.
 */
static __always_inline void *reframe(struct hook_context *ctx, const struct packet *p, __u32 grow,
				     const struct hop *hop)
{
	void *new = (void *)(long)ctx->data, *old = new + grow;
	void *end = (void *)(long)ctx->data_end;

	if (old + L2_MAX > end)
		return NULL;
	mac_write(new, hop->dst);
	mac_write(new + ETH_ALEN, hop->src);
	if (likely(p->l3 == sizeof(struct ethhdr))) {
		new += 2 * ETH_ALEN;
	} else {
		*(__u32 *)(new + 12) = *(const __u32 *)(old + 12);
		if (p->l3 > sizeof(struct ethhdr) + sizeof(struct vlan_tag))
			*(__u32 *)(new + 16) = *(const __u32 *)(old + 16);
		new += 2 * ETH_ALEN + tag_bytes(p);
		if (new + sizeof(hop->proto) + grow > end)
			return NULL;
	}
	*(__be16 *)new = hop->proto;
	return new + sizeof(hop->proto);
}

/*
 * Makes room for grow bytes.  Tags are of the network that the packet came from, and say nothing
 * in another one: they go when it leaves by another interface.
 */
static __always_inline bool make_room(struct hook_context *ctx, struct packet *p,
				      const struct backend *to, __u32 grow)
{
	__u32 tags = to->ifindex == frame_ifindex(ctx) ? 0 : tag_bytes(p);

	if (grow != tags && !frame_wrap(ctx, grow, tags, p->l3))
		return false;
	p->l3 -= tags;
	return true;
}

/* What a steered packet needs beside a lease, for an outer packet of so many bytes. */
static __always_inline enum outcome check_way(const struct backend *to, __u32 length)
{
	if (likely(length <= to->mtu))
		return OUT_STEERED;
	return to->mtu ? OUT_TOO_BIG : OUT_NO_NEXT_HOP;
}

/* length: of UDP with all that it carries. */
static __always_inline void gue_write(__u32 *udp, __u32 length, __u64 hash)
{
	udp[0] = bpf_htonl((GUE_SOURCE | (hash & ~GUE_SOURCE & 0xffff)) << 16 | GUE_PORT);
	udp[1] = bpf_htonl(length << 16);
}

/* The inner packet's protocol number, or that of what stands between. */
static __always_inline __u32 outer_proto(const struct packet *p, bool gue)
{
	if (gue)
		return IPPROTO_UDP;
	return p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

/* gue is a constant: with a UDP header inside the outer one. */
static __always_inline enum outcome encapsulate4(struct hook_context *ctx, struct packet *p,
						 const struct backend *to, __u64 hash, bool gue)
{
	const __u32 udp = gue ? sizeof(struct udphdr) : 0, grow = sizeof(struct iphdr) + udp;
	struct outer4 o = {
		.src = to->source4,
		.dst = to->addr4,
		.length = length_said(p->length + grow),
		.proto = outer_proto(p, gue),
		.tos = p->tos,
	};
	struct hop hop = hop_to(to);
	struct iphdr *ip;

	if (!make_room(ctx, p, to, grow))
		return OUT_NO_HEADROOM;
	ip = reframe(ctx, p, grow, &hop);
	if (!ip)
		return OUT_INTERNAL;
	ipv4_write(ip, &o);
	if (gue)
		gue_write((__u32 *)(ip + 1), length_said(p->length + udp), hash);
	frame_wrapped(ctx, grow, p->l3);
	return OUT_STEERED;
}

static __always_inline enum outcome encapsulate6(struct hook_context *ctx, struct packet *p,
						 const struct settings *set,
						 const struct backend *to, __u64 hash, bool gue)
{
	const __u32 udp = gue ? sizeof(struct udphdr) : 0, grow = sizeof(struct ipv6hdr) + udp;
	struct outer6 o = {
		.src.addr = set->source6,
		.dst.addr = to->addr,
		.label = hash & FLOW_LABEL_MASK,
		.payload = length_said(p->length + udp),
		.proto = outer_proto(p, gue),
		.tos = p->tos,
	};
	struct hop hop = hop_to(to);
	struct ipv6hdr *ip;

	if (!make_room(ctx, p, to, grow))
		return OUT_NO_HEADROOM;
	ip = reframe(ctx, p, grow, &hop);
	if (!ip)
		return OUT_INTERNAL;
	ipv6_write(ip, &o);
	if (gue)
		gue_write((__u32 *)(ip + 1), o.payload, hash);
	frame_wrapped(ctx, grow, p->l3);
	return OUT_STEERED;
}

#endif
