/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way, of the packets that there are most of: untagged, nothing wrong with
 * them, to a service that wants them encapsulated, be it in UDP, to a backend of their family.
 * Whatever is not like that, or cannot be forwarded, is left as it came to general.h,
 * which must say the same of a packet that could go either way.
 *
 * Every load here is paid by every packet.  So a refusal has no reason yet, headers are
 * read again where keeping them would cost more, and the two families share no code
 * that would have to ask which it is.
 */
#ifndef SHORT_H
#define SHORT_H

#include "general.h"

/* What is kept of a packet. */
struct brief {
	__u64 src[2]; /* as halves of an address */
	__u64 dst[2];
	__u32 rest;   /* see service_rest() */
	__u32 length; /* of the IP packet */
	__be16 sport;
	__u8 opens;
};

/* left: bytes of the IP packet from here on. */
static __always_inline bool brief_l4(const void *l4, const void *end, __u32 left, __u8 proto,
				     struct brief *b)
{
	const struct tcphdr *tcp = l4;
	const struct udphdr *udp = l4;
	__u32 length;

	if (likely(proto == IPPROTO_TCP)) {
		if ((const void *)(tcp + 1) > end)
			return false;
		length = ((const __u8 *)l4)[12] >> 2 & 0x3c; /* the data offset, in bytes */
		if (length < sizeof(*tcp))
			return false;
		b->opens = tcp_opens(((const __u8 *)l4)[13]);
	} else {
		if (proto != IPPROTO_UDP || (const void *)(udp + 1) > end)
			return false;
		length = bpf_ntohs(udp->len);
		if (length < sizeof(*udp))
			return false;
		b->opens = MAY_OPEN;
	}
	b->sport = udp->source;
	b->rest = service_rest(udp->dest, proto, SERVICE_PORT);
	return length <= left;
}

static __always_inline bool brief_ipv4(const void *l3, const void *end, struct brief *b)
{
	const struct iphdr *ip = l3;

	if ((const void *)(ip + 1) > end)
		return false;
	b->src[0] = b->dst[0] = 0;
	b->src[1] = (__u64)ip->saddr << 32 | IPV4_MAPPED;
	b->dst[1] = (__u64)ip->daddr << 32 | IPV4_MAPPED;
	b->length = bpf_ntohs(ip->tot_len);
	if (*(const __u8 *)ip != IP_VERSION_IHL || ip->frag_off & bpf_htons(IP_MORE_OR_OFFSET) ||
	    b->length < sizeof(*ip))
		return false;
	return l3 + b->length <= end &&
	       brief_l4(ip + 1, end, b->length - sizeof(*ip), ip->protocol, b);
}

static __always_inline bool brief_ipv6(const void *l3, const void *end, struct brief *b)
{
	const struct ipv6hdr *ip = l3;
	const __u64 *half = l3 + 8;

	if ((const void *)(ip + 1) > end)
		return false;
	b->src[0] = half[0];
	b->src[1] = half[1];
	b->dst[0] = half[2];
	b->dst[1] = half[3];
	b->length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (*(const __u8 *)ip >> 4 != 6 || (!b->dst[0] && (__u32)b->dst[1] == IPV4_MAPPED))
		return false;
	return l3 + b->length <= end &&
	       brief_l4(ip + 1, end, b->length - sizeof(*ip), ip->nexthdr, b);
}

/* The one service in the first bucket that it could be in, or NULL.  *none: and in no other. */
static __always_inline const struct service *
brief_service(const struct settings *set, const struct brief *b, __u64 to, bool *none)
{
	__u32 at = services_base(set) + (service_bucket_of(to) & set->services_mask);
	const struct service_bucket *bucket = bpf_map_lookup_elem(&services, &at);
	struct service_key key = { .vip.half = { b->dst[0], b->dst[1] }, .rest = b->rest };

	*none = false;
	return bucket ? bucket_search(bucket, &key, none) : NULL;
}

/* The frame around a packet that has just had room for an outer header made before it. */
static __always_inline void brief_frame(void *d, const struct backend *to)
{
	*(__u64 *)d = *(const __u64 *)to->mac;
	*(__u32 *)(d + 8) = *(const __u32 *)&to->source_mac[2];
	*(__u16 *)(d + 12) = to->ethertype;
}

/* udp: bytes of a header between the two, a constant. */
static __always_inline void brief_outer4(__u32 *w, const struct backend *to, __u32 udp)
{
	const __u8 *inner = (const void *)(w + 5) + udp;
	__u32 grow = sizeof(struct iphdr) + udp;
	__u32 length = bpf_ntohs(*(const __be16 *)(inner + 2)) + grow;
	__u32 first = bpf_htonl(0x45u << 24 | (__u32)inner[1] << 16 | length);
	__u32 second = bpf_htonl(0x4000); /* id 0, DF */
	__u32 third = bpf_htonl((__u32)OUTER_TTL << 24 | (udp ? IPPROTO_UDP : IPPROTO_IPIP) << 16);
	__u64 sum = (__u64)first + second + third + to->source4 + to->addr4;

	w[0] = first;
	w[1] = second;
	w[2] = third | (__u32)checksum_fold(sum) << 16;
	*(__u64 *)(w + 3) = *(const __u64 *)&to->source4;
}

static __always_inline void brief_outer6(__u32 *w, const struct settings *set,
					 const struct backend *to, __u64 hash, __u32 udp)
{
	const __u64 *src = (const void *)&set->source6, *dst = (const void *)&to->addr;
	const __be32 *inner = w + 10 + udp / 4;
	__u32 length = bpf_ntohs(*(const __be16 *)(inner + 1)) + sizeof(struct ipv6hdr) + udp;
	__u64 *half = (void *)(w + 2);

	w[0] = (inner[0] & bpf_htonl(0xfff00000)) | bpf_htonl(hash & FLOW_LABEL_MASK);
	w[1] = bpf_htonl(length << 16 | (udp ? IPPROTO_UDP : IPPROTO_IPV6) << 8 | OUTER_TTL);
	half[0] = src[0];
	half[1] = src[1];
	half[2] = dst[0];
	half[3] = dst[1];
}

/* Who gets the packet, and as what. */
struct parcel {
	const struct settings *set;
	const struct service *service;
	struct choice choice;
	__u64 hash;
};

/* family and udp are constants: of the packet, so of the outer header too, and as above. */
static __always_inline int send(struct xdp_md *ctx, const struct brief *b, const struct parcel *p,
				__be16 family, __u32 udp)
{
	bool ipv4 = family == bpf_htons(ETH_P_IP);
	__u32 header = ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr), outer = header + udp;
	const struct backend *to = p->choice.to;
	__u32 *at;
	void *d;

	if (!to || to->ethertype != family || b->length + outer > to->mtu ||
	    bpf_xdp_adjust_head(ctx, -(int)outer))
		return general(ctx, decision_of(&p->choice));
	d = (void *)(long)ctx->data;
	if (d + sizeof(struct ethhdr) + outer + header > (void *)(long)ctx->data_end)
		return XDP_ABORTED; /* never: the inner header was there */
	brief_frame(d, to);
	at = d + sizeof(struct ethhdr);
	if (ipv4)
		brief_outer4(at, to, udp);
	else
		brief_outer6(at, p->set, to, p->hash, udp);
	if (udp)
		gue_write(at + header / 4, b->length + udp, p->hash);
	count_forwarded(p->service->id, to->id, ctx->data_end - ctx->data - outer, p->choice.anew);
	return likely(to->ifindex == ctx->ingress_ifindex) ? XDP_TX : bpf_redirect(to->ifindex, 0);
}

/* The id of the backend that a QUIC packet names, 0 for none or where nobody asks. */
static __always_inline __u32 brief_named(struct xdp_md *ctx, const struct service *s, __be16 family)
{
	__u32 ip = family == bpf_htons(ETH_P_IP) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	if (likely(!(s->flags & SERVICE_QUIC)))
		return 0;
	return quic_named(ctx, sizeof(struct ethhdr) + ip, quic_asking(s));
}

/* family is a constant. */
static __always_inline int forward(struct xdp_md *ctx, const struct brief *b, __be16 family)
{
	__u64 to = destination_hash(b->dst[0], b->dst[1], b->rest);
	struct parcel p = {};
	__u32 key = 0, class;
	bool none;

	p.set = bpf_map_lookup_elem(&settings, &key);
	if (!p.set)
		return XDP_ABORTED; /* never */
	p.service = brief_service(p.set, b, to, &none);
	if (!p.service && none) {
		count(OUT_NOT_OURS, ctx->data_end - ctx->data);
		return XDP_PASS;
	}
	if (!p.service || p.service->flags & SERVICE_SPECIAL)
		return general(ctx, 0);
	p.hash = flow_hash_to(p.set, to, b->src[0], b->src[1], b->sport);
	class = *(const volatile __u8 *)&p.service->class;
	if (!quic_chooses(brief_named(ctx, p.service, family), p.service, class, &p.choice))
		p.choice = choose(p.set, p.service, class, p.hash, b->opens);
	return likely(!(p.service->flags & SERVICE_GUE))
		       ? send(ctx, b, &p, family, 0)
		       : send(ctx, b, &p, family, sizeof(struct udphdr));
}

#endif
