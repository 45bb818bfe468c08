/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet parsing: a cursor walks the frame, take() is the only bounds check.
 *
 * Parsers answer OUT_STEERED when they know the whole flow, OUT_NOT_OURS when this
 * can be none of ours whatever its address, and any other outcome when only p->dst
 * is known: the caller must then ask whether that is a VIP.  IPv4 is kept as mapped
 * IPv6, so nothing after here is written twice.  short.h is the way of the packets
 * that have nothing to be said about.  RFC 791, 8200, 9293, 768; IEEE 802.1Q.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "hook_xdp.h"

enum {
	VLAN_TAGS_MAX = 2,	    /* 802.1Q, and 802.1ad around it */
	IP_MORE_OR_OFFSET = 0x3fff, /* MF flag and the 13 offset bits: a fragment */
	IP_VERSION_IHL = 0x45,	    /* IPv4 without options */
	TCP_DOFF_MIN = 5,
	GUE_PORT = 6080, /* draft-ietf-intarea-gue-09 */
	/* IPv6 extension headers that linux/in.h has no name for: RFC 7401, RFC 5533. */
	NEXT_HIP = 139,
	NEXT_SHIM6 = 140,
};

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "halves of addresses are little-endian");

/* An address, also as the two words that are quicker to compare. */
union ip {
	struct addr addr;
	__u64 half[2];
};

/* Is it the first packet of its flow? */
enum opens {
	OPENS_NOT,
	OPENS,	  /* TCP: a SYN without ACK */
	MAY_OPEN, /* UDP: nobody can tell */
};

/* What of a flow the packet is. */
enum part {
	PART_WHOLE,
	PART_FIRST,  /* a fragment, with the ports */
	PART_LATER,  /* one without: they are remembered, and so is the backend */
	PART_QUOTES, /* an ICMP error: src and ports are those of the flow in it */
};

struct cursor {
	void *pos;
	void *end;
};

struct vlan_tag {
	__be16 tci;
	__be16 proto;
};

struct packet {
	union ip src;
	union ip dst;
	__be16 sport;
	__be16 dport;
	__u8 proto; /* 0 if there is no IP */
	__u8 tos;   /* DSCP and ECN, of either family */
	bool ipv6;
	__u8 opens;    /* enum opens */
	bool for_many; /* the frame went to a group: RFC 1122, 3.3.6 */
	__u8 part;     /* enum part */
	__u16 backend; /* of a PART_LATER */
	__u32 l3;      /* where the IP header begins: 14, 18 or 22 */
	__u32 length;  /* of the IP packet, as it says; at most what the frame holds */
	__u32 frame;   /* bytes of the frame */
};

/* The next len bytes, or NULL if the frame ends before them. */
static __always_inline void *take(struct cursor *c, __u32 len)
{
	void *p = c->pos;

	if (p + len > c->end)
		return NULL;
	c->pos = p + len;
	return p;
}

#define IPV4_MAPPED 0xffff0000ull /* the low word of half 1; half 0 is 0 */

static __always_inline union ip ip_from_ipv4(__be32 ip)
{
	return (union ip){ .half = { 0, (__u64)ip << 32 | IPV4_MAPPED } };
}

static __always_inline union ip ip_from_ipv6(const struct in6_addr *ip)
{
	const __u64 *half = (const void *)ip;

	return (union ip){ .half = { half[0], half[1] } };
}

static __always_inline bool ip_is_ipv4(const union ip *ip)
{
	return !ip->half[0] && (__u32)ip->half[1] == IPV4_MAPPED;
}

/* Bytes of VLAN tags, in a way that any verifier believes to be few, wherever l3 was kept. */
static __always_inline __u32 tag_bytes(const struct packet *p)
{
	__u64 bytes = p->l3 - sizeof(struct ethhdr);

	asm volatile("%0 &= 15" : "+r"(bytes));
	return bytes;
}

/* p->l3 again, believable likewise. */
static __always_inline __u32 l3_offset(const struct packet *p)
{
	return sizeof(struct ethhdr) + tag_bytes(p);
}

/* Bytes of an IP header without options. */
static __always_inline __u32 ip_header(const struct packet *p)
{
	return p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

/* Of byte 13 of a TCP header, which holds the flags: enum opens. */
static __always_inline __u32 tcp_opens(__u32 flags)
{
	return flags >> 1 & ~(flags >> 4) & 1;
}

/* left: bytes of the IP packet from the TCP header on, as the IP header has it. */
static __always_inline enum outcome parse_tcp(struct cursor *c, struct packet *p, __u32 left)
{
	const struct tcphdr *tcp = take(c, sizeof(*tcp));

	if (!tcp || left < sizeof(*tcp))
		return OUT_TRUNCATED;
	if (tcp->doff < TCP_DOFF_MIN || tcp->doff * 4u > left)
		return OUT_MALFORMED;
	p->sport = tcp->source;
	p->dport = tcp->dest;
	p->opens = tcp_opens(((const __u8 *)tcp)[13]);
	return OUT_STEERED;
}

static __always_inline enum outcome parse_udp(struct cursor *c, struct packet *p, __u32 left)
{
	const struct udphdr *udp = take(c, sizeof(*udp));
	__u32 len;

	if (!udp || left < sizeof(*udp))
		return OUT_TRUNCATED;
	len = bpf_ntohs(udp->len);
	if (len < sizeof(*udp) || len > left)
		return OUT_MALFORMED;
	p->sport = udp->source;
	p->dport = udp->dest;
	p->opens = MAY_OPEN;
	return OUT_STEERED;
}

/* Also holds the IP packet against what the frame has room for. */
static __always_inline enum outcome parse_l4(struct cursor *c, struct packet *p, __u8 proto,
					     __u32 header)
{
	enum outcome o;

	if (proto == IPPROTO_TCP)
		o = parse_tcp(c, p, p->length - header);
	else if (proto == IPPROTO_UDP)
		o = parse_udp(c, p, p->length - header);
	else
		return OUT_NOT_OURS;
	if (o != OUT_STEERED)
		return o;
	if (p->l3 + p->length > p->frame)
		return OUT_MALFORMED;
	return OUT_STEERED;
}

static __always_inline enum outcome parse_ipv4(struct cursor *c, struct packet *p)
{
	const struct iphdr *ip = take(c, sizeof(*ip));

	if (!ip)
		return OUT_NOT_OURS; /* to whom, nobody can say */
	p->src = ip_from_ipv4(ip->saddr);
	p->dst = ip_from_ipv4(ip->daddr);
	p->tos = ip->tos;
	p->length = bpf_ntohs(ip->tot_len);
	p->proto = ip->protocol;
	p->ipv6 = false;
	if (*(const __u8 *)ip != IP_VERSION_IHL) {
		if (ip->version != 4 || ip->ihl < 5 || p->length < ip->ihl * 4u)
			return OUT_MALFORMED;
		return OUT_IP_OPTIONS;
	}
	if (p->length < sizeof(*ip))
		return OUT_MALFORMED;
	if (ip->frag_off & bpf_htons(IP_MORE_OR_OFFSET))
		return OUT_FRAGMENT;
	return parse_l4(c, p, ip->protocol, sizeof(*ip));
}

/* What stands where TCP or UDP was expected: a header of IPv6 itself, or another protocol. */
static __always_inline enum outcome parse_next_header(__u8 next)
{
	switch (next) {
	case IPPROTO_FRAGMENT:
		return OUT_FRAGMENT;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
	case IPPROTO_MH:
	case NEXT_HIP:
	case NEXT_SHIM6:
		return OUT_IP_OPTIONS;
	default:
		return OUT_NOT_OURS;
	}
}

static __always_inline enum outcome parse_ipv6(struct cursor *c, struct packet *p)
{
	const struct ipv6hdr *ip = take(c, sizeof(*ip));
	__be32 first;

	if (!ip)
		return OUT_NOT_OURS;
	p->src = ip_from_ipv6(&ip->saddr);
	p->dst = ip_from_ipv6(&ip->daddr);
	if (ip_is_ipv4(&p->dst))
		return OUT_NOT_OURS; /* no such address on a wire, and not our IPv4 VIP */
	first = *(const __be32 *)ip;
	p->ipv6 = true;
	p->proto = ip->nexthdr;
	p->tos = bpf_ntohl(first) >> 20;
	p->length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if ((first & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
		return OUT_MALFORMED;
	if (ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_UDP)
		return parse_next_header(ip->nexthdr);
	return parse_l4(c, p, ip->nexthdr, sizeof(*ip));
}

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* The type of what follows the Ethernet header and its tags; 0 if the frame ends in them. */
static __always_inline __be16 parse_ethernet(struct cursor *c, struct packet *p)
{
	const __be16 *eth = take(c, sizeof(struct ethhdr));
	__be16 proto;

	p->l3 = sizeof(struct ethhdr);
	p->for_many = eth && *(const __u8 *)eth & 1;
	if (!eth)
		return 0;
	proto = eth[ETH_ALEN]; /* struct ethhdr is packed, and would be read by bytes */
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(proto); i++) {
		const struct vlan_tag *tag = take(c, sizeof(*tag));

		if (!tag)
			return 0;
		proto = tag->proto;
		p->l3 += sizeof(*tag);
	}
	return proto;
}

/* All of the above. */
static __always_inline enum outcome parse(struct hook_context *ctx, struct packet *p)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	__be16 proto;

	p->frame = frame_bytes(ctx);
	proto = parse_ethernet(&c, p);
	if (p->for_many)
		return OUT_NOT_OURS; /* for one host, in a frame for many: nobody's to forward */
	switch (proto) {
	case bpf_htons(ETH_P_IP):
		return parse_ipv4(&c, p);
	case bpf_htons(ETH_P_IPV6):
		return parse_ipv6(&c, p);
	default:
		return OUT_NOT_OURS;
	}
}

#endif
