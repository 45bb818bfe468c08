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
 */
#ifndef ENCAP_H
#define ENCAP_H

#include "parse.h"

enum {
	OUTER_TTL = 64,
	FLOW_LABEL_MASK = 0xfffff,
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

/* Ones' complement sum of 16-bit words, folded and complemented: RFC 1071. */
static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

struct outer4 {
	__be32 src;
	__be32 dst;
	__u16 length; /* of all */
	__u8 proto;
	__u8 tos;
};

/* Stores of whole words: ip is where an IPv4 header shall be. */
static __always_inline void ipv4_write(struct iphdr *ip, const struct outer4 *o)
{
	__u32 *w = (__u32 *)ip;
	__u64 sum;

	w[0] = bpf_htonl(0x45u << 24 | (__u32)o->tos << 16 | o->length);
	w[1] = bpf_htonl(0x4000); /* id 0, DF */
	w[2] = bpf_htonl((__u32)OUTER_TTL << 24 | (__u32)o->proto << 16);
	w[3] = o->src;
	w[4] = o->dst;
	sum = (__u64)w[0] + w[1] + w[2] + o->src + o->dst;
	ip->check = checksum_fold(sum);
}

struct outer6 {
	struct addr src;
	struct addr dst;
	__u32 label;
	__u16 payload;
	__u8 proto;
	__u8 tos;
};

static __always_inline void ipv6_write(struct ipv6hdr *ip, const struct outer6 *o)
{
	__u32 *w = (__u32 *)ip;

	w[0] = bpf_htonl(6u << 28 | (__u32)o->tos << 20 | (o->label & FLOW_LABEL_MASK));
	w[1] = bpf_htonl((__u32)o->payload << 16 | (__u32)o->proto << 8 | OUTER_TTL);
	for (int i = 0; i < 4; i++) {
		w[2 + i] = o->src.w[i];
		w[6 + i] = o->dst.w[i];
	}
}

/*
 * Puts a frame around the packet and what was prepended to it: the old one begins grow bytes
 * further in, its tags are kept.  It goes to the backend, or with NULL back to who sent it.
 * Answers where the new IP header shall be, of which it has not looked for room, or NULL.
 */
static __always_inline void *reframe(struct xdp_md *ctx, const struct packet *p, __u32 grow,
				     const struct backend *to, __be16 proto)
{
	void *new = (void *)(long)ctx->data, *old = new + grow;
	struct mac dst, src;

	if (old + L2_MAX > (void *)(long)ctx->data_end)
		return NULL;
	dst = mac_read(to ? to->mac : old + ETH_ALEN);
	src = mac_read(old);
	if (to && to->ifindex != ctx->ingress_ifindex && !mac_is_zero(mac_read(to->source_mac)))
		src = mac_read(to->source_mac);
	if (p->l3 > sizeof(struct ethhdr))
		*(__u32 *)(new + 12) = *(const __u32 *)(old + 12);
	if (p->l3 > sizeof(struct ethhdr) + sizeof(struct vlan_tag))
		*(__u32 *)(new + 16) = *(const __u32 *)(old + 16);
	mac_write(new, dst);
	mac_write(new + ETH_ALEN, src);
	new += 2 * ETH_ALEN + tag_bytes(p);
	*(__be16 *)new = proto;
	return new + sizeof(proto);
}

static __always_inline enum outcome encapsulate4(struct xdp_md *ctx, const struct packet *p,
						 const struct settings *set,
						 const struct backend *to)
{
	struct outer4 o = {
		.src = set->source4,
		.dst = to->addr.w[3],
		.length = p->length + sizeof(struct iphdr),
		.proto = p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP,
		.tos = p->tos,
	};
	struct iphdr *ip;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return OUT_NO_HEADROOM;
	ip = reframe(ctx, p, sizeof(*ip), to, bpf_htons(ETH_P_IP));
	if (!ip || (void *)(ip + 1) > (void *)(long)ctx->data_end)
		return OUT_INTERNAL;
	ipv4_write(ip, &o);
	return OUT_STEERED;
}

static __always_inline enum outcome encapsulate6(struct xdp_md *ctx, const struct packet *p,
						 const struct settings *set,
						 const struct backend *to, __u32 label)
{
	struct outer6 o = {
		.src = set->source6,
		.dst = to->addr,
		.label = label,
		.payload = p->length,
		.proto = p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP,
		.tos = p->tos,
	};
	struct ipv6hdr *ip;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return OUT_NO_HEADROOM;
	ip = reframe(ctx, p, sizeof(*ip), to, bpf_htons(ETH_P_IPV6));
	if (!ip || (void *)(ip + 1) > (void *)(long)ctx->data_end)
		return OUT_INTERNAL;
	ipv6_write(ip, &o);
	return OUT_STEERED;
}

#endif
