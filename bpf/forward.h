/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a packet travels to its backend, as its service says: in an outer IP header
 * (encap.h), in an outer IP and UDP header, or in its own frame, readdressed.
 *
 * GUE (draft-ietf-intarea-gue-09) is variant 1: the inner IP header follows UDP at once,
 * as in what Katran sends and what Linux' `ip fou add ... gue` takes beside variant 0.
 * The source port is the flow's hash, so that paths and queues that know of 5-tuples
 * spread flows.  The UDP checksum is zero: always permitted over IPv4, over IPv6 for
 * tunnels whose ends know each other and whose payload has checksums of its own (RFC
 * 6935, 6936), and where a guard only lets known routers in.
 *
 * L2 changes the two MAC addresses and nothing else, TTL included: the backend must be a
 * neighbour, and have the VIP.
 */
#ifndef FORWARD_H
#define FORWARD_H

#include "encap.h"

enum {
	GUE_PORT = 6080,
	GUE_SOURCE = 0xc000, /* 49152 to 65535: RFC 6335, dynamic ports */
};

/* What is put before a packet of this service on its way to this backend. */
static __always_inline __u32 overhead(const struct service *s, const struct backend *to)
{
	__u32 outer = to->ethertype == bpf_htons(ETH_P_IP) ? sizeof(struct iphdr)
							   : sizeof(struct ipv6hdr);

	if (s->forward == FORWARD_L2)
		return 0;
	return s->forward == FORWARD_GUE ? outer + sizeof(struct udphdr) : outer;
}

/* length: of UDP with all that it carries. */
static __always_inline void gue_write(__u32 *udp, __u32 length, __u64 hash)
{
	udp[0] = bpf_htonl((GUE_SOURCE | (hash & ~GUE_SOURCE & 0xffff)) << 16 | GUE_PORT);
	udp[1] = bpf_htonl(length << 16);
}

static __always_inline enum outcome gue4(struct xdp_md *ctx, struct packet *p,
					 const struct backend *to, __u64 hash)
{
	const __u32 grow = sizeof(struct iphdr) + sizeof(struct udphdr);
	struct outer4 o = {
		.src = to->source4,
		.dst = to->addr4,
		.length = p->length + grow,
		.proto = IPPROTO_UDP,
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
	gue_write((__u32 *)(ip + 1), p->length + sizeof(struct udphdr), hash);
	return OUT_STEERED;
}

static __always_inline enum outcome gue6(struct xdp_md *ctx, struct packet *p,
					 const struct settings *set, const struct backend *to,
					 __u64 hash)
{
	const __u32 grow = sizeof(struct ipv6hdr) + sizeof(struct udphdr);
	struct outer6 o = {
		.src.addr = set->source6,
		.dst.addr = to->addr,
		.label = hash & FLOW_LABEL_MASK,
		.payload = p->length + sizeof(struct udphdr),
		.proto = IPPROTO_UDP,
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
	gue_write((__u32 *)(ip + 1), o.payload, hash);
	return OUT_STEERED;
}

static __always_inline enum outcome readdress(struct xdp_md *ctx, struct packet *p,
					      const struct backend *to)
{
	struct hop hop = hop_to(to);

	if (to->flags & BACKEND_ROUTED)
		return OUT_NO_NEXT_HOP;
	hop.proto = bpf_htons(p->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	if (!make_room(ctx, p, to, 0) || !reframe(ctx, p, 0, &hop))
		return OUT_INTERNAL;
	return OUT_STEERED;
}

/* The packet, made ready to leave for its backend. */
static __always_inline enum outcome dress(struct xdp_md *ctx, const struct settings *set,
					  const struct service *s, struct packet *p,
					  const struct backend *to, __u64 hash)
{
	bool ipv4 = to->ethertype == bpf_htons(ETH_P_IP);
	enum outcome out = check_way(to, p->length + overhead(s, to));

	if (out != OUT_STEERED)
		return out;
	switch (s->forward) {
	case FORWARD_ENCAP:
		return ipv4 ? encapsulate4(ctx, p, to) : encapsulate6(ctx, p, set, to, hash);
	case FORWARD_GUE:
		return ipv4 ? gue4(ctx, p, to, hash) : gue6(ctx, p, set, to, hash);
	case FORWARD_L2:
		return readdress(ctx, p, to);
	}
	return OUT_INTERNAL;
}

#endif
