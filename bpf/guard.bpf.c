// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backend's side: what a known router encapsulated for a VIP is taken out of its
 * wrapping and handed to the host; what anybody else wrapped, and what comes for a
 * VIP without a wrapping, is dropped.  All that has nothing to do with a VIP passes
 * untouched, and so does what a VIP needs from its neighbours: ARP, neighbour
 * discovery, and ICMP errors about our own replies.
 *
 * Forms accepted: IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, 2473, 4213), or the same with
 * GUE in between (draft-ietf-intarea-gue-09; variant 1, or variant 0 without optional
 * fields); no options, no fragments.  A UDP checksum is not looked at: what it covers has
 * its own.
 */
#include "count.h"
#include "dispatch.h"
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PEERS_MAX);
	__type(key, struct addr);
	__type(value, __u64); /* until when it is believed: boot time in ns, or 1 */
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_VIPS_MAX);
	__type(key, struct addr);
	__type(value, __u64);
} vips SEC(".maps");

/* Read by whoever finds this program pinned. */
const volatile __u32 abi_version = ABI_VERSION;

enum {
	ECN_MASK = 3,
	ECN_CE = 3, /* congestion experienced: RFC 3168 */
};

/* The header of GUE's variant 0; variant 1 has none, the version of an inner IP header is there. */
struct gue {
	__u8 variant_length; /* variant in 2 bits, C, words of optional fields in 5 */
	__u8 proto;
	__be16 flags;
};

/* What the outer header says; proto is what follows it. */
struct outer {
	struct packet p; /* no ports */
	__u8 proto;
	__u8 header;
};

static __always_inline enum outcome outer_ipv4(struct cursor *c, struct outer *o)
{
	const struct iphdr *ip = take(c, sizeof(*ip));

	if (!ip)
		return OUT_NOT_OURS;
	o->p.src = ip_from_ipv4(ip->saddr);
	o->p.dst = ip_from_ipv4(ip->daddr);
	o->p.tos = ip->tos;
	o->p.length = bpf_ntohs(ip->tot_len);
	o->proto = ip->protocol;
	o->header = sizeof(*ip);
	if (ip->version != 4 || ip->ihl < 5 || o->p.length < ip->ihl * 4u)
		return OUT_MALFORMED;
	if (ip->ihl > 5)
		return OUT_IP_OPTIONS;
	return ip->frag_off & bpf_htons(IP_MORE_OR_OFFSET) ? OUT_FRAGMENT : OUT_STEERED;
}

static __always_inline enum outcome outer_ipv6(struct cursor *c, struct outer *o)
{
	const struct ipv6hdr *ip = take(c, sizeof(*ip));
	__u32 first;

	if (!ip)
		return OUT_NOT_OURS;
	first = bpf_ntohl(*(const __be32 *)ip);
	o->p.ipv6 = true;
	o->p.src = ip_from_ipv6(&ip->saddr);
	o->p.dst = ip_from_ipv6(&ip->daddr);
	o->p.tos = first >> 20;
	o->p.length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	o->proto = ip->nexthdr;
	o->header = sizeof(*ip);
	return first >> 28 == 6 ? OUT_STEERED : OUT_MALFORMED;
}

static __always_inline bool is_vip(const union ip *a)
{
	return bpf_map_lookup_elem(&vips, a);
}

/* A mapped address on the wire is a forgery: it would pass for the IPv4 router's. */
static __always_inline bool is_peer(const struct outer *o)
{
	const __u64 *until;

	if (o->p.ipv6 && ip_is_ipv4(&o->p.src))
		return false;
	until = bpf_map_lookup_elem(&peers, &o->p.src);
	/* 1 is no end: of all, where routers are not attested.  A daemon that is gone extends none. */
	return until && (*until == 1 || bpf_ktime_get_boot_ns() < *until);
}

/* RFC 792: unreachable, time exceeded, parameter problem.  RFC 4443, RFC 4861. */
static __always_inline bool is_for_the_host(struct cursor *c, __u8 proto)
{
	const __u8 *type;

	if (proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6)
		return false;
	type = take(c, sizeof(*type));
	if (!type)
		return false;
	if (proto == IPPROTO_ICMP)
		return *type == 3 || *type == 11 || *type == 12;
	return (*type >= 1 && *type <= 4) || (*type >= 133 && *type <= 137);
}

static __always_inline enum outcome judge_bare(struct cursor *c, const struct outer *o,
					       enum outcome why)
{
	if (!is_vip(&o->p.dst))
		return OUT_NOT_OURS;
	if (why == OUT_STEERED && is_for_the_host(c, o->proto))
		return OUT_NOT_OURS;
	return OUT_NOT_ENCAPSULATED;
}

static __always_inline enum outcome judge_ipv4(struct cursor *c, __u32 room)
{
	const struct iphdr *ip = take(c, sizeof(*ip));
	union ip dst;
	__u32 length;

	if (!ip || room < sizeof(*ip))
		return OUT_TRUNCATED;
	length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || ip->ihl < 5 || length < ip->ihl * 4u || length > room)
		return OUT_MALFORMED;
	dst = ip_from_ipv4(ip->daddr);
	return is_vip(&dst) ? OUT_DECAPSULATED : OUT_NOT_A_VIP;
}

static __always_inline enum outcome judge_ipv6(struct cursor *c, __u32 room)
{
	const struct ipv6hdr *ip = take(c, sizeof(*ip));
	union ip dst;

	if (!ip || room < sizeof(*ip))
		return OUT_TRUNCATED;
	if (ip->version != 6 || sizeof(*ip) + bpf_ntohs(ip->payload_len) > room)
		return OUT_MALFORMED;
	dst = ip_from_ipv6(&ip->daddr);
	return !ip_is_ipv4(&dst) && is_vip(&dst) ? OUT_DECAPSULATED : OUT_NOT_A_VIP;
}

static __always_inline bool is_gue(const struct cursor *c, const struct outer *o)
{
	struct cursor ahead = *c;
	const struct udphdr *udp;

	if (o->proto != IPPROTO_UDP)
		return false;
	udp = take(&ahead, sizeof(*udp));
	return udp && udp->dest == bpf_htons(GUE_PORT);
}

/* Moves on to the inner header, as if the outer IP header were longer: proto is what is inside. */
static __always_inline enum outcome enter_gue(struct cursor *c, struct outer *o)
{
	const struct udphdr *udp = take(c, sizeof(*udp));
	struct cursor ahead = *c;
	const struct gue *gue;
	__u32 length;

	gue = take(&ahead, sizeof(*gue));
	if (!udp || !gue)
		return OUT_TRUNCATED;
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) + sizeof(*gue) || o->header + length != o->p.length)
		return OUT_MALFORMED;
	o->header += sizeof(*udp);
	if (gue->variant_length >> 6 == 1) {
		o->proto = gue->variant_length >> 4 == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
		return OUT_STEERED;
	}
	if (gue->variant_length || gue->flags ||
	    (gue->proto != IPPROTO_IPIP && gue->proto != IPPROTO_IPV6))
		return OUT_MALFORMED;
	o->header += sizeof(*gue);
	o->proto = gue->proto;
	*c = ahead;
	return OUT_STEERED;
}

/* What to do with the packet; the last lines, after everything refused, hand it up. */
static __always_inline enum outcome judge(struct cursor *c, struct outer *o)
{
	enum outcome why;
	bool gue;

	o->p.frame = c->end - c->pos;
	switch (parse_ethernet(c, &o->p)) {
	case bpf_htons(ETH_P_IP):
		why = outer_ipv4(c, o);
		break;
	case bpf_htons(ETH_P_IPV6):
		why = outer_ipv6(c, o);
		break;
	default:
		return OUT_NOT_OURS;
	}
	if (why == OUT_NOT_OURS)
		return why;
	gue = why == OUT_STEERED && is_gue(c, o) && !is_vip(&o->p.dst);
	if (!gue && o->proto != IPPROTO_IPIP && o->proto != IPPROTO_IPV6)
		return judge_bare(c, o, why);
	if (!is_peer(o))
		return OUT_PEER_UNKNOWN;
	if (why != OUT_STEERED)
		return why;
	if (o->p.l3 + o->p.length > o->p.frame || o->p.length < o->header)
		return OUT_MALFORMED;
	if (gue)
		why = enter_gue(c, o);
	if (why != OUT_STEERED)
		return why;
	if (o->proto == IPPROTO_IPIP)
		return judge_ipv4(c, o->p.length - o->header);
	return judge_ipv6(c, o->p.length - o->header);
}

/*
 * What routers on the way said of congestion goes on to the inner header: RFC 6040, 4.2.
 * False if nobody would understand it there, and so the packet must be dropped.
 */
static __always_inline bool pass_on_congestion(struct xdp_md *ctx, const struct outer *o)
{
	void *ip = (void *)(long)ctx->data + l3_offset(&o->p);
	__be16 ecn = bpf_htons(o->proto == IPPROTO_IPV6 ? ECN_MASK << 4 : ECN_MASK);
	__be16 *first, old;
	__u16 *check;
	__u32 sum;

	if ((o->p.tos & ECN_MASK) != ECN_CE)
		return true;
	ip += o->header;
	first = ip;
	if (ip + sizeof(struct iphdr) > (void *)(long)ctx->data_end || !(*first & ecn))
		return false;
	old = *first;
	*first = old | ecn;
	if (o->proto == IPPROTO_IPV6)
		return true;
	/* RFC 1624, eqn. 3: HC' = ~(~HC + ~m + m') */
	check = &((struct iphdr *)ip)->check;
	sum = (__u16) ~*check + (__u16)~old + (__u16)(old | ecn);
	sum = (sum & 0xffff) + (sum >> 16);
	*check = ~((sum & 0xffff) + (sum >> 16));
	return true;
}

/* The frame's header with its tags, put before the inner packet. */
static __always_inline enum outcome decapsulate(struct xdp_md *ctx, const struct outer *o)
{
	__be16 proto = bpf_htons(o->proto == IPPROTO_IPV6 ? ETH_P_IPV6 : ETH_P_IP);
	void *data = (void *)(long)ctx->data;
	struct l2 {
		__u32 w[5];
	} l2;

	if (!pass_on_congestion(ctx, o))
		return OUT_MALFORMED;
	if (data + sizeof(l2) > (void *)(long)ctx->data_end)
		return OUT_INTERNAL;
	l2 = *(const struct l2 *)data;
	if (bpf_xdp_adjust_head(ctx, o->header))
		return OUT_INTERNAL;
	data = (void *)(long)ctx->data;
	if (data + sizeof(l2) + sizeof(proto) > (void *)(long)ctx->data_end)
		return OUT_INTERNAL;
	for (int i = 0; i < 3; i++)
		((__u32 *)data)[i] = l2.w[i];
	if (o->p.l3 > 14)
		((__u32 *)data)[3] = l2.w[3];
	if (o->p.l3 > 18)
		((__u32 *)data)[4] = l2.w[4];
	data += 2 * ETH_ALEN + tag_bytes(&o->p);
	if (data + sizeof(proto) > (void *)(long)ctx->data_end)
		return OUT_INTERNAL;
	*(__be16 *)data = proto;
	return OUT_DECAPSULATED;
}

SEC("xdp")
int guard(struct xdp_md *ctx)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	struct outer o = {};
	enum outcome out = judge(&c, &o);

	if (out == OUT_DECAPSULATED)
		out = decapsulate(ctx, &o);
	count(out, o.p.frame);
	return out == OUT_DECAPSULATED || out == OUT_NOT_OURS ? XDP_PASS : XDP_DROP;
}

RUN_CONFIG(guard, ORDER_GUARD);

char LICENSE[] SEC("license") = "GPL";
