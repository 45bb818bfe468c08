/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP to a VIP.  An echo request is answered here: no backend would hear it, for it has
 * no port.  An error follows the flow that it quotes to the backend that has it: a
 * sender that never hears how big its packets may be hangs (RFC 1191, RFC 8201).  All
 * other types are the host's: neighbour discovery must work for an address of its own.
 * RFC 792, 4443, 1122 3.2.2.
 */
#ifndef ICMP_H
#define ICMP_H

#include "answer.h"
#include "steer.h"

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP6_PARAMETER = 4, /* the last of 1, 2, 3, 4 */
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	/* Of what it quotes beyond the IP header an error has at least so much: RFC 792. */
	QUOTED_MIN = 8,
	QUOTED_OFFSET = 0x1fff, /* of a fragment: what is not the first has no ports */
};

static __always_inline bool is_icmp(const struct packet *p)
{
	return p->proto == (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static __always_inline bool is_icmp_error(const struct packet *p, __u8 type)
{
	if (p->ipv6)
		return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER;
	return type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER;
}

/* What is quoted went from the VIP to a client; the flow came the other way. */
static __always_inline enum outcome quoted_ports(struct cursor *c, struct packet *p, __u8 proto)
{
	const __be16 *ports = take(c, QUOTED_MIN);

	if (!ports)
		return OUT_TRUNCATED;
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return OUT_ICMP_UNRELATED;
	p->proto = proto;
	p->dport = ports[0];
	p->sport = ports[1];
	p->opens = OPENS_NOT;
	p->part = PART_QUOTES;
	return OUT_STEERED;
}

/* left: bytes of the packet behind the ICMP header. */
static __always_inline enum outcome quoted_ipv4(struct cursor *c, struct packet *p, __u32 left)
{
	const struct iphdr *ip = take(c, sizeof(*ip));
	union ip vip;

	if (!ip || left < sizeof(*ip) + QUOTED_MIN)
		return OUT_TRUNCATED;
	if (ip->version != 4 || ip->ihl < 5)
		return OUT_MALFORMED;
	if (ip->ihl > 5)
		return OUT_IP_OPTIONS;
	vip = ip_from_ipv4(ip->saddr);
	if (vip.half[1] != p->dst.half[1] || ip->frag_off & bpf_htons(QUOTED_OFFSET))
		return OUT_ICMP_UNRELATED;
	p->src = ip_from_ipv4(ip->daddr);
	return quoted_ports(c, p, ip->protocol);
}

static __always_inline enum outcome quoted_ipv6(struct cursor *c, struct packet *p, __u32 left)
{
	const struct ipv6hdr *ip = take(c, sizeof(*ip));
	union ip vip;

	if (!ip || left < sizeof(*ip) + QUOTED_MIN)
		return OUT_TRUNCATED;
	if (*(const __u8 *)ip >> 4 != 6)
		return OUT_MALFORMED;
	vip = ip_from_ipv6(&ip->saddr);
	if (vip.half[0] != p->dst.half[0] || vip.half[1] != p->dst.half[1])
		return OUT_ICMP_UNRELATED;
	p->src = ip_from_ipv6(&ip->daddr);
	return quoted_ports(c, p, ip->nexthdr);
}

/*
 * What the ICMP packet is: OUT_ECHOED for a request, OUT_STEERED for an error, whose flow is then
 * p's, OUT_NOT_OURS for other types, else what is wrong.  p->dst may still be nobody of ours.
 */
__noinline int icmp_read(struct hook_context *ctx, struct packet *p)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	const struct icmp *icmp;
	__u32 header, left;

	if (!p)
		return OUT_INTERNAL; /* the verifier does not see who calls */
	header = p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	c.pos += l3_offset(p) + header;
	icmp = take(&c, sizeof(*icmp));
	left = p->length - header;
	if (!icmp || left < sizeof(*icmp))
		return OUT_TRUNCATED;
	if (p->l3 + p->length > p->frame)
		return OUT_MALFORMED;
	if (icmp->type == (p->ipv6 ? ICMP6_ECHO : ICMP4_ECHO))
		return OUT_ECHOED;
	if (!is_icmp_error(p, icmp->type))
		return OUT_NOT_OURS;
	left -= sizeof(*icmp);
	return p->ipv6 ? quoted_ipv6(&c, p, left) : quoted_ipv4(&c, p, left);
}

/* The IP header turned around.  Addresses change places, which no sum notices. */
static __always_inline struct icmp *echo_ip(void *l3, const void *end, const struct packet *p)
{
	struct outer4 o4 = { p->dst.addr.w[3], p->src.addr.w[3], p->length, IPPROTO_ICMP, p->tos };
	struct outer6 o6 = { p->dst,	     p->src, 0, p->length - sizeof(struct ipv6hdr),
			     IPPROTO_ICMPV6, p->tos };

	if (p->ipv6) {
		if (l3 + sizeof(struct ipv6hdr) + sizeof(struct icmp) > end)
			return NULL;
		ipv6_write(l3, &o6);
		return l3 + sizeof(struct ipv6hdr);
	}
	if (l3 + sizeof(struct iphdr) + sizeof(struct icmp) > end)
		return NULL;
	ipv4_write(l3, &o4);
	return l3 + sizeof(struct iphdr);
}

/*
 * Turns an echo request into its reply, if the budget has one left.  Only the type changes, so
 * the checksum is updated (RFC 1624): one that was wrong stays wrong, and the sender sees it.
 */
__noinline bool echo(struct hook_context *ctx, struct packet *p)
{
	void *l3 = (void *)(long)ctx->data;
	struct icmp *icmp;
	struct hop hop;
	__u32 sum;

	if (!p || !source_is_one_host(p) || !budget_allows(BUDGET_ECHO))
		return false;
	hop = hop_back(ctx, p);
	l3 = reframe(ctx, p, 0, &hop);
	icmp = l3 ? echo_ip(l3, (void *)(long)ctx->data_end, p) : NULL;
	if (!icmp)
		return false;
	sum = (__u16)~icmp->check + (__u16)~icmp->type;
	icmp->type = p->ipv6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY;
	sum += icmp->type;
	sum = (sum & 0xffff) + (sum >> 16);
	icmp->check = ~((sum & 0xffff) + (sum >> 16));
	return true;
}

/*
 * Who has the flow, for a packet that only tells about it: nothing is remembered or renewed.
 * An id, or minus an outcome.
 */
__noinline int whose(__u64 ref, __u64 hash, __u64 asked)
{
	union asking a = { .word = asked };
	const struct ring_slot *slot = slot_of(ref, 0, hash);
	const struct backend *to;
	struct flow_set *memory;
	__u64 was = 0;
	__u32 key;

	if (!slot)
		return ref >> 32 ? -OUT_INTERNAL : -OUT_NO_BACKEND;
	memory = memory_of(hash);
	if (a.class >= CLASS_COUNT)
		return -OUT_CLASS_UNKNOWN;
	if (!memory)
		return -OUT_INTERNAL;
	if (!(slot->primary & SLOT_SETTLED))
		was = flow_recall(memory, flow_tag_of(hash));
	key = flow_backend(was);
	to = bpf_map_lookup_elem(&backends, &key);
	if (was && to && to->generation == flow_generation(was)) {
		if (lease_is_alive(to, a.class, bpf_jiffies64()))
			return key;
		if (a.on_lapse != LAPSE_RESTEER)
			return -OUT_LEASE_LAPSED;
	}
	return pick(ref, hash, asked);
}

/* As choose(), for a packet that tells of a flow but does not make it one. */
static __always_inline struct choice choose_known(const struct service *s, const struct packet *p,
						  __u32 class, __u64 hash)
{
	union asking a = { .class = class, .on_lapse = s->on_lapse };
	int id = p->backend;

	if (p->part == PART_QUOTES)
		id = whose(*(const volatile __u64 *)&s->ring_ref, hash, a.word);
	return choice_of(id, a.class, bpf_jiffies64());
}

#endif
