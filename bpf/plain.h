/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way through a packet that nothing is wrong with: the questions of parse.h, asked so
 * that there is one answer, yes or no.  A reason for each no would cost the packets that are
 * steered more than all the questions do; who wants it asks parse.h, which must say OUT_STEERED
 * to exactly what is plain here.
 */
#ifndef PLAIN_H
#define PLAIN_H

#include "parse.h"

/* left: bytes of the IP packet from here on. */
static __always_inline bool plain_l4(const void *l4, const void *end, __u32 left, struct packet *p)
{
	const struct tcphdr *tcp = l4;
	const struct udphdr *udp = l4;
	__u32 length;

	if (likely(p->proto == IPPROTO_TCP)) {
		if ((const void *)(tcp + 1) > end)
			return false;
		length = ((const __u8 *)l4)[12] >> 2 & 0x3c; /* the data offset, in bytes */
		if (length < sizeof(*tcp))
			return false;
	} else {
		if (p->proto != IPPROTO_UDP || (const void *)(udp + 1) > end)
			return false;
		length = bpf_ntohs(udp->len);
		if (length < sizeof(*udp))
			return false;
	}
	p->sport = udp->source;
	p->dport = udp->dest;
	return length <= left && p->l3 + p->length <= p->frame;
}

static __always_inline bool plain_ipv4(struct cursor *c, struct packet *p)
{
	const struct iphdr *ip = c->pos;

	if ((const void *)(ip + 1) > c->end)
		return false;
	p->src = ip_from_ipv4(ip->saddr);
	p->dst = ip_from_ipv4(ip->daddr);
	p->tos = ip->tos;
	p->length = bpf_ntohs(ip->tot_len);
	p->proto = ip->protocol;
	p->ipv6 = false;
	if (p->for_many || *(const __u8 *)ip != IP_VERSION_IHL ||
	    ip->frag_off & bpf_htons(IP_MORE_OR_OFFSET) || p->length < sizeof(*ip))
		return false;
	return plain_l4(ip + 1, c->end, p->length - sizeof(*ip), p);
}

static __always_inline bool plain_ipv6(struct cursor *c, struct packet *p)
{
	const struct ipv6hdr *ip = c->pos;
	__u32 first, payload;

	if ((const void *)(ip + 1) > c->end)
		return false;
	p->src = ip_from_ipv6(&ip->saddr);
	p->dst = ip_from_ipv6(&ip->daddr);
	first = bpf_ntohl(*(const __be32 *)ip);
	payload = bpf_ntohs(ip->payload_len);
	p->tos = first >> 20;
	p->length = sizeof(*ip) + payload;
	p->proto = ip->nexthdr;
	p->ipv6 = true;
	if (p->for_many || first >> 28 != 6 || ip_is_ipv4(&p->dst))
		return false;
	return plain_l4(ip + 1, c->end, payload, p);
}

#endif
